//! What of a motion one example of a training step is.

/// What a window is cut to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Frames in it.
    pub window: usize,
    /// Frames in a row that have targets.
    pub answers: usize,
    /// How many frames before the newest the last of them is.
    pub behind: usize,
}
