//! Motion from words, without a network: retrieval with limb splicing.
//!
//! A [`Reasoner`] reads what a sentence asks for: steps that follow each other, what each of the six
//! groups does in them, and words that it does not know. A [`Generator`] takes the clip of a
//! [`Repertoire`] that shows most of a step, gives it the arms and the head of clips that show the
//! rest, joins the steps, and looks with the rules of [`describe`](crate::describe) whether the result
//! does what was asked. [`Editor`] does the same to a part of a motion that there is already.
//!
//! ```
//! use kinest_language::generate::{Generator, Repertoire, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Synthetic motion, where no other is at hand.
//! let generator = Generator::new(Repertoire::synthetic(1)?);
//! let made = generator.generate(&Request::new("a person waves with the right hand"))?;
//! assert!(made.report.judged.asked.iter().all(|asked| asked.found));
//! println!("{}: {}", made.report.method, made.report.judged.told);
//! # Ok(())
//! # }
//! ```

mod edit;
mod error;
mod generator;
mod grammar;
mod motions;
mod part;
mod plan;
mod reason;
mod repertoire;
mod report;
mod request;
mod wish;

pub use edit::{Edited, Editor, send};
pub use error::GenerateError;
pub use generator::{Generated, Generator};
pub use grammar::{Grammar, GrammarError};
pub use motions::{MotionFolder, Motions, SyntheticMotions};
pub use plan::{Plan, Step, Unknown};
pub use reason::Reasoner;
pub use repertoire::Repertoire;
pub use report::{Asked, Judged, METHOD, Origin, Report, StepReport};
pub use request::{LONGEST, Request, SHORTEST};
pub use wish::Wish;
