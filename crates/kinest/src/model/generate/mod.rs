//! Motion from texts: models that write the [tokens](super::tokens) of a motion that a text
//! describes.
//!
//! [`GenerateConfig`] is the network, [`GenerateSpec`] what its texts and motions are, and
//! [`Generating`] the kind of model under which it is stored.

mod config;
mod kind;
mod spec;

pub use config::GenerateConfig;
pub use kind::Generating;
pub use spec::GenerateSpec;
