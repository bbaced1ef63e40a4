//! A motion clip: many frames of one body at one rate.

use crate::rotation::{body_matrix_from_axis_angle, exp, log, matrix_from_axis_angle};
use crate::skeleton::{PerJoint, Pose};
use glam::{DMat3, DVec3};

/// One frame as stored in motion files: axis-angle, so that it can be written back unchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipFrame {
    /// SMPL's `trans`, metres, AMASS space.
    pub translation: DVec3,
    /// Axis-angle of each joint relative to its parent, radians.
    pub rotations: PerJoint<DVec3>,
}

impl ClipFrame {
    /// Local rotation matrices, computed as the reference does for features and targets.
    #[must_use]
    pub fn feature_matrices(&self) -> PerJoint<DMat3> {
        self.rotations.map(matrix_from_axis_angle)
    }

    /// Local rotation matrices, computed as the reference's body model does for joint positions.
    #[must_use]
    pub fn body_matrices(&self) -> PerJoint<DMat3> {
        self.rotations.map(body_matrix_from_axis_angle)
    }
}

impl From<&ClipFrame> for Pose {
    fn from(frame: &ClipFrame) -> Self {
        Self { translation: frame.translation, rotations: frame.rotations.map(exp) }
    }
}

impl From<&Pose> for ClipFrame {
    fn from(pose: &Pose) -> Self {
        Self { translation: pose.translation, rotations: pose.rotations.map(log) }
    }
}

/// Frames of one body at a constant rate. AMASS space, metres, radians.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionClip {
    /// Frames per second.
    pub rate_hz: f64,
    /// The frames, oldest first.
    pub frames: Vec<ClipFrame>,
}

/// Tolerance for a ratio of rates to count as a whole number: AMASS files say 120.00004577636719
/// and mean 120.
const STRIDE_TOLERANCE: f64 = 1e-3;

impl MotionClip {
    /// Seconds from the first frame to the last.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.frames.len().saturating_sub(1) as f64 / self.rate_hz
    }

    /// The pose at `seconds` from the start, interpolated; constant beyond both ends.
    ///
    /// # Panics
    /// If the clip has no frame.
    #[must_use]
    pub fn pose_at(&self, seconds: f64) -> Pose {
        let last = self.frames.len() - 1;
        let position = (seconds * self.rate_hz).clamp(0.0, last as f64);
        let before = (position.floor() as usize).min(last);
        let after = (before + 1).min(last);
        Pose::from(&self.frames[before])
            .interpolate(&Pose::from(&self.frames[after]), position - before as f64)
    }

    /// The clip resampled to `rate_hz`.
    ///
    /// If the clip's rate is a whole multiple (60 or 120 to 60 Hz), takes every n-th frame from the
    /// first, exactly as the reference does. Otherwise interpolates over the clip's duration:
    /// linearly for the root, by slerp for the joints.
    #[must_use]
    pub fn resampled(&self, rate_hz: f64) -> Self {
        let ratio = self.rate_hz / rate_hz;
        let stride = ratio.round();
        if stride >= 1.0 && (ratio - stride).abs() < STRIDE_TOLERANCE * stride {
            let frames = self.frames.iter().step_by(stride as usize).copied().collect();
            return Self { rate_hz, frames };
        }
        let count = if self.frames.is_empty() {
            0
        } else {
            // The tolerance keeps a last frame that is off the grid only by rounding.
            (self.duration() * rate_hz + 1e-6).floor() as usize + 1
        };
        let frames =
            (0..count).map(|i| ClipFrame::from(&self.pose_at(i as f64 / rate_hz))).collect();
        Self { rate_hz, frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::SmplJoint;

    fn ramp(rate_hz: f64, frames: usize) -> MotionClip {
        let frame = |i: usize| {
            let t = i as f64 / rate_hz;
            let mut rotations = [DVec3::ZERO; SmplJoint::COUNT];
            rotations[4] = DVec3::X * t;
            ClipFrame { translation: DVec3::Y * t, rotations }
        };
        MotionClip { rate_hz, frames: (0..frames).map(frame).collect() }
    }

    #[test]
    fn nearly_120_is_strided_not_interpolated() {
        let clip = ramp(120.000_045_776_367_19, 9).resampled(60.0);
        let expected: Vec<_> =
            ramp(120.000_045_776_367_19, 9).frames.into_iter().step_by(2).collect();
        assert_eq!(clip.frames, expected);
    }

    #[test]
    fn other_rates_keep_the_duration() {
        for rate in [24.0, 30.0, 59.94, 72.0, 100.0, 150.0, 250.0] {
            let clip = ramp(rate, (rate * 2.0) as usize + 1).resampled(60.0);
            assert!(
                (clip.duration() - ramp(rate, (rate * 2.0) as usize + 1).duration()).abs()
                    <= 1.0 / 60.0 + 1e-9
            );
            for (i, frame) in clip.frames.iter().enumerate() {
                let t = i as f64 / 60.0;
                assert!((frame.translation.y - t).abs() < 1e-9, "{rate} Hz frame {i}");
                assert!((frame.rotations[4].x - t).abs() < 1e-9, "{rate} Hz frame {i}");
            }
        }
    }
}
