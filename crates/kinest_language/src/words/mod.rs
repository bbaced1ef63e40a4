//! What words mean: splitting, stems, synonyms, and words that refine others.

mod lexicon;
mod split;
mod strange;
mod units;

pub use lexicon::{Lexicon, LexiconError};
pub(crate) use units::Unit;
