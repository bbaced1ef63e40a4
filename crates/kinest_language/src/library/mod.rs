//! Clips that are found by words.

mod clip;
mod index;
mod looks;
mod reasons;
mod search;
mod store;
mod texts;
mod wanted;

pub use clip::{Clip, Moment};
pub use search::{Evidence, Hit, SearchError};
pub use store::{Library, LibraryError};
