//! What can go wrong.

use super::grammar::GrammarError;
use crate::library::{LibraryError, SearchError};
use glam::DVec3;
use kinest::events::CodeError;
use thiserror::Error;

/// Why no motion could be made.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// The text is empty and no group has a text.
    #[error("the text is empty: say what the body does, or what its groups do")]
    Empty,
    /// No word of a text is known.
    #[error("{text:?} says nothing that is known{}", hints(.nearest))]
    Unknown {
        /// The text.
        text: String,
        /// Known words that resemble its words, nearest first.
        nearest: Vec<String>,
    },
    /// The library has no motion for what is asked.
    #[error("the library shows nothing like {0:?}")]
    Nothing(String),
    /// The motion cannot be that long.
    #[error("{seconds} s is no length for a motion: {least} to {most} s")]
    Seconds {
        /// The wish.
        seconds: f64,
        /// Least seconds.
        least: f64,
        /// Most seconds.
        most: f64,
    },
    /// What is asked takes longer, or cannot be made to last as long.
    #[error("what is asked takes {least:.1} to {most:.1} s, not {seconds} s")]
    Length {
        /// The wish.
        seconds: f64,
        /// Least seconds.
        least: f64,
        /// Most seconds.
        most: f64,
    },
    /// A span of time is not within the motion.
    #[error("{from_s} to {to_s} s is no part of the motion, which has {duration_s:.2} s")]
    Span {
        /// Start, seconds.
        from_s: f64,
        /// End, seconds.
        to_s: f64,
        /// Seconds of the motion.
        duration_s: f64,
    },
    /// A joint cannot be sent there.
    #[error(
        "{joint} cannot be sent to {place}: only wrists, ankles and the pelvis, to places in metres"
    )]
    Place {
        /// The joint.
        joint: &'static str,
        /// The place.
        place: DVec3,
    },
    /// A text is about other groups than the one that it is given for.
    #[error("{text:?} is nothing that {group} alone can do")]
    Group {
        /// The text.
        text: String,
        /// The group.
        group: &'static str,
    },
    /// Cancelled by the caller.
    #[error("cancelled")]
    Cancelled,
    /// A clip of the library cannot be read.
    #[error("clip {clip} of the library: {problem}")]
    Clip {
        /// The clip.
        clip: String,
        /// What is wrong.
        problem: String,
    },
    /// The library cannot be used.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The text cannot be searched for.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The codes of a motion cannot be found.
    #[error(transparent)]
    Codes(#[from] CodeError),
    /// The table of verbs cannot be used.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
}

fn hints(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    format!("; the nearest known words are {}", nearest.join(", "))
}
