//! Texts and motions as the numbers that a model of [alignment](crate::model::align) sees.

mod frames;
mod texts;
mod words;

pub use frames::FrameWriter;
pub use texts::{LevelTexts, TextBatch, Tokens};
pub use words::{PIECES, pieces, words};
