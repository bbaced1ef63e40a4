//! Gestures: combinations of codes, defined in files.

mod book;
mod condition;
mod watcher;

pub use book::{Gesture, GestureBook, Step};
pub use condition::Condition;
pub(super) use watcher::Watcher;
