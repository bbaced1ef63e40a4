//! Alignment of texts and motions: models that put both into one space, in which a text is near the
//! motions that it describes.
//!
//! Texts and motions have three [`Level`]s. [`AlignConfig`] is the network, [`AlignSpec`] its inputs,
//! and [`Alignment`] the kind of model under which it is stored.

mod config;
mod kind;
mod level;
mod spec;

pub use config::{AlignConfig, Structure};
pub use kind::Alignment;
pub use level::{FRAME, Level, PARTS, SEEN};
pub use spec::AlignSpec;
