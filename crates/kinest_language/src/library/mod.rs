//! Clips that are found by words.

mod clip;
mod index;
mod search;
mod store;

pub use clip::{Clip, Moment};
pub use search::{Evidence, Hit, SearchError};
pub use store::{Library, LibraryError};
