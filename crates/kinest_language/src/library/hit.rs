//! What a search finds.

/// Why a clip was found: a word of the query, and a text that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The word.
    pub word: String,
    /// The moment's text, the title, or the clip's name.
    pub text: String,
    /// When, if it is a moment: start and end, seconds.
    pub span_s: Option<(f64, f64)>,
}

/// A clip that fits a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The clip's name in the library.
    pub clip: String,
    /// Start of what fits, seconds from the start of the clip.
    pub start_s: f64,
    /// End of what fits, seconds.
    pub end_s: f64,
    /// How well it fits, above 0, at most 1.
    pub score: f64,
    /// Why, by the words of the text.
    pub why: Vec<Evidence>,
}
