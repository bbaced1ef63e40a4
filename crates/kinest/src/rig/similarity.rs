//! Maps between spaces of different scale.

use glam::{DQuat, DVec3};

/// A rotation, translation and uniform scale from one space to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Applied after the scale.
    pub rotation: DQuat,
    /// Applied last.
    pub translation: DVec3,
    /// Uniform scale, applied first.
    pub scale: f64,
}

impl Similarity {
    pub(super) fn point(&self, p: DVec3) -> DVec3 {
        self.rotation * (self.scale * p) + self.translation
    }
}
