//! Motion tokens: models that encode a motion as integers and decode it, with the dimensions of
//! their networks.
//!
//! [`TokenConfig`] has the dimensions of the network, [`TokenSpec`] the format of its numbers, and
//! [`Tokenising`] the kind of model under which it is stored.

mod config;
mod kind;
mod parts;

pub use config::TokenConfig;
pub use kind::{TokenSpec, Tokenising};
pub use parts::{MOTION_NUMBERS, ROOT_NUMBERS, TokenParts};
