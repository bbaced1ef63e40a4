//! Cutting clips into training examples.

/// How a clip is cut into one training example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Frames in the window.
    pub window: usize,
    /// Consecutive frames with targets.
    pub output_frames: usize,
    /// Frames from the last of them to the newest (look-ahead).
    pub behind: usize,
}
