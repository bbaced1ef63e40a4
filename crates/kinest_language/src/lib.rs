//! Motion in words, without a network: what a body does, which clip shows it, and motion from words.
//!
//! [`describe`] turns the codes of `kinest::events` into texts about the whole body, its six groups, and
//! pairs of groups. [`library`] keeps clips with such texts and what people call them, and finds those
//! that fit a text. [`generate`] makes motion from a text, with parts of such clips. [`words`] is what all
//! of them know about words.
//!
//! ```no_run
//! use kinest::events::{CodeTable, codes_of};
//! use kinest::motion::amass;
//! use kinest::skeleton::Skeleton;
//! use kinest_language::Describer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clip = amass::load("walk_poses.npz")?;
//! let codes = codes_of(&clip, &Skeleton::default(), CodeTable::default())?;
//! let description = Describer::default().describe(&codes.segments);
//! println!("{}", description.global[0]);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod describe;
pub mod generate;
pub mod library;
pub mod words;

pub use describe::{Describer, Description, Wording, WordingError};
pub use library::{Clip, Evidence, Hit, Library, LibraryError, Moment, SearchError};
pub use words::{Lexicon, LexiconError};
