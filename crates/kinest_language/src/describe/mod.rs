//! What a body does, in words.

mod act;
mod description;
mod find;
mod spans;
mod wording;

pub use act::{Act, ActKind, Direction, Pace, Side};
pub(crate) use description::implied;
pub use description::{Describer, Description, GroupTexts};
pub use wording::{Wording, WordingError};
