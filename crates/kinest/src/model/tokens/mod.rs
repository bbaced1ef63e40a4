//! Motion tokens: models that write a motion as a few whole numbers and read it back, with the
//! dimensions of their networks.
//!
//! [`TokenConfig`] is the network, [`TokenSpec`] what its numbers are, and [`Tokenising`] the kind
//! of model under which it is stored.

mod config;
mod kind;
mod parts;

pub use config::TokenConfig;
pub use kind::{TokenSpec, Tokenising};
pub use parts::{MOTION_NUMBERS, ROOT_NUMBERS, TokenParts};
