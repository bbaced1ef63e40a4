//! What a library knows about a clip.

use serde::{Deserialize, Serialize};

/// Something that a body does for a while, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// What it does: "waves with the right hand".
    pub text: String,
    /// Start, seconds from the start of the clip.
    pub start_s: f64,
    /// End, seconds from the start of the clip.
    pub end_s: f64,
    /// How much it counts, 0 to 1: less for what nearly every clip has.
    pub weight: f64,
}

/// A clip of a library.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// Path inside the folder of the library's motion, with `/` on every platform.
    pub clip: String,
    /// Its duration, seconds.
    pub duration_s: f64,
    /// What people call it.
    pub titles: Vec<String>,
    /// What the recording session that it belongs to was about; counts less than a title.
    pub context: Vec<String>,
    /// What the body does.
    pub moments: Vec<Moment>,
}
