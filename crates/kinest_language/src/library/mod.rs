//! Clips that are found by words.

mod clip;
mod hit;
mod index;
mod looks;
mod reasons;
mod search;
mod store;
mod texts;
mod wanted;

pub use clip::{Clip, Moment};
pub use hit::{Evidence, Hit};
pub use search::SearchError;
pub use store::{Library, LibraryError};
