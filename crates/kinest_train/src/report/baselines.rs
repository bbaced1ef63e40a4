//! Baselines: estimates without a network, for comparison.

use glam::{DMat4, DQuat, DVec4};
use kinest::coordinates::heading;
use kinest::live::place_under_head;
use kinest::live::protocol::{ProtocolError, clip_trackers};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::refine::three_point_pose;
use kinest::rotation::exp;
use kinest::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use kinest::tracker::{TrackerPose, TrackerSet};
use rayon::prelude::*;

/// A way to estimate a body without a network. None uses the future, so both protocols give the
/// same scores. All place the head at the true head, like the estimates of networks.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// Constant local rotations under the **true** root rotation, which a game does not know; so
    /// its scores are too good. Identity rotations give the rest pose.
    Constant(Box<PerJoint<DQuat>>),
    /// The true pose before the first estimated frame, frozen, and turned with the heading of the
    /// head.
    Held,
    /// Inverse kinematics from head and hands, as in games without a network.
    ThreePoint,
}

impl Baseline {
    /// The mean pose of `clips`: the mean local rotation of each joint over all frames. `None`
    /// without frames.
    #[must_use]
    pub fn mean_pose<'a>(clips: impl Iterator<Item = &'a MotionClip>) -> Option<Self> {
        let mut sums = [DMat4::ZERO; SmplJoint::COUNT];
        let mut frames = clips.flat_map(|clip| &clip.frames).peekable();
        frames.peek()?;
        for frame in frames {
            for (sum, rotation) in sums.iter_mut().zip(frame.rotations) {
                *sum += outer(exp(rotation));
            }
        }
        Some(Self::Constant(Box::new(sums.map(mean_rotation))))
    }

    /// The rest pose: arms stretched out sideways.
    #[must_use]
    pub fn rest_pose() -> Self {
        Self::Constant(Box::new([DQuat::IDENTITY; SmplJoint::COUNT]))
    }

    /// Estimates all frames of `clip` except the first, like networks.
    ///
    /// # Errors
    /// If the clip has fewer than two frames.
    pub fn estimate(
        &self,
        clip: &MotionClip,
        skeleton: &Skeleton,
    ) -> Result<MotionClip, ProtocolError> {
        let [first, frames @ ..] = &*clip.frames else {
            return Err(ProtocolError::TooShort { frames: 0 });
        };
        if frames.is_empty() {
            return Err(ProtocolError::TooShort { frames: 1 });
        }
        let trackers = clip_trackers(clip, skeleton, TrackerSet::HeadAndHands);
        let heading_before = heading(trackers[0][0].rotation);
        let estimate = |(frame, trackers): (&ClipFrame, &Vec<TrackerPose>)| {
            let head = &trackers[0];
            let pose = match self {
                Self::Constant(rotations) => {
                    let mut rotations = **rotations;
                    rotations[0] = exp(frame.rotations[0]);
                    place_under_head(skeleton, &rotations, head.position)
                }
                Self::Held => {
                    let mut rotations = Pose::from(first).rotations;
                    let turn = heading(head.rotation) - heading_before;
                    rotations[0] = DQuat::from_rotation_z(turn) * rotations[0];
                    place_under_head(skeleton, &rotations, head.position)
                }
                Self::ThreePoint => three_point_pose(skeleton, trackers),
            };
            ClipFrame::from(&pose)
        };
        let frames = frames.par_iter().zip(&trackers[1..]).map(estimate).collect();
        Ok(MotionClip { rate_hz: clip.rate_hz, frames })
    }
}

/// `q qᵀ`, which does not depend on the sign of the quaternion.
fn outer(q: DQuat) -> DMat4 {
    let q = DVec4::from(q);
    DMat4::from_cols(q * q.x, q * q.y, q * q.z, q * q.w)
}

/// The mean of rotations whose [`outer`] products add up to `sum`: the eigenvector of the largest
/// eigenvalue (Markley et al. 2007, "Averaging Quaternions", eq. 13).
fn mean_rotation(sum: DMat4) -> DQuat {
    // Squaring keeps the eigenvectors and makes all eigenvalues but the largest negligible.
    let mut power = sum;
    for _ in 0..SQUARINGS {
        power = power * (1.0 / power.to_cols_array().iter().map(|v| v.abs()).fold(0.0, f64::max));
        power = power * power;
    }
    let columns = [power.x_axis, power.y_axis, power.z_axis, power.w_axis];
    let longest = columns.into_iter().max_by(|a, b| a.length().total_cmp(&b.length()));
    DQuat::from_vec4(longest.unwrap_or(DVec4::W)).normalize()
}

/// Enough for eigenvalues that differ by 1e-6.
const SQUARINGS: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::coordinates::UPRIGHT;
    use kinest::metrics::{BodyTrack, JointErrors, Metrics, Region};
    use kinest::rotation::geodesic_angle;

    /// A body with bent arms that turns on the spot and walks; `swing` bends the left knee more and
    /// more.
    fn walk(frames: usize, swing: f64) -> MotionClip {
        let frame = |i: usize| {
            let mut pose = Pose::rest();
            let turn = DQuat::from_rotation_z(0.1 * i as f64);
            pose.rotations[0] = turn * UPRIGHT;
            for joint in [SmplJoint::LeftShoulder, SmplJoint::RightShoulder] {
                pose.rotations[joint.index()] = DQuat::from_rotation_z(1.2);
            }
            pose.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(swing * i as f64);
            pose.translation = turn * DVec3::new(0.1 * i as f64, 0.0, 0.95);
            ClipFrame::from(&pose)
        };
        MotionClip { rate_hz: 60.0, frames: (0..frames).map(frame).collect() }
    }

    fn score(baseline: &Baseline, clip: &MotionClip) -> Metrics {
        let skeleton = Skeleton::default();
        let estimate = baseline.estimate(clip, &skeleton).unwrap();
        let track = |frames: &[ClipFrame]| BodyTrack::new(frames, &skeleton);
        Metrics::compare(&track(&estimate.frames), &track(&clip.frames[1..]), 60.0)
    }

    #[test]
    fn both_are_exact_if_only_the_whole_body_moves() {
        let clip = walk(30, 0.0);
        let mean = Baseline::mean_pose([&clip].into_iter()).unwrap();
        for baseline in [mean, Baseline::Held] {
            let score = score(&baseline, &clip);
            assert!(score.mpjpe < 1e-6 && score.mpjre_geodesic < 1e-6, "{baseline:?} {score:?}");
        }
        let rest = score(&Baseline::rest_pose(), &clip);
        assert!((rest.mpjre_geodesic - 2.0 * 1.2 / 21.0).abs() < 1e-6, "{rest:?}");
        assert!(Baseline::mean_pose(std::iter::empty()).is_none());
    }

    #[test]
    fn inverse_kinematics_has_exact_head_and_hands() {
        let clip = walk(30, 0.0);
        let skeleton = Skeleton::default();
        let estimate = Baseline::ThreePoint.estimate(&clip, &skeleton).unwrap();
        let track = |frames: &[ClipFrame]| BodyTrack::new(frames, &skeleton);
        let errors = JointErrors::compare(&track(&estimate.frames), &track(&clip.frames[1..]));
        for joint in [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist] {
            assert!(errors.positions[joint.index()] < 1e-3, "{joint:?} {errors:?}");
        }
        assert!(errors.region(Region::Lower).position < 0.2, "{errors:?}");
    }

    /// Knee angles 0, 0.1, … 0.4 rad: in the scored frames the mean pose is off by 0.1, 0, 0.1 and
    /// 0.2 rad, and the first pose by 0.1 to 0.4 rad.
    #[test]
    fn the_mean_pose_is_central_and_the_held_pose_falls_behind() {
        let clip = walk(5, 0.1);
        let mean = Baseline::mean_pose([&clip].into_iter()).unwrap();
        let angle = |baseline| score(baseline, &clip).mpjre_geodesic * 21.0;
        assert!((angle(&mean) - 0.4 / 4.0).abs() < 1e-6);
        assert!((angle(&Baseline::Held) - 1.0 / 4.0).abs() < 1e-6);
    }

    #[test]
    fn the_mean_rotation_does_not_depend_on_signs() {
        let middle = DQuat::from_euler(glam::EulerRot::XYZ, 2.5, -0.4, 1.9);
        let around = [DVec3::X, DVec3::Y, DVec3::Z, DVec3::NEG_X, DVec3::NEG_Y, DVec3::NEG_Z];
        let sum = around
            .into_iter()
            .zip([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
            .map(|(axis, sign)| outer(middle * exp(axis * 0.8) * sign))
            .fold(DMat4::ZERO, |sum, m| sum + m);
        assert!(geodesic_angle(mean_rotation(sum), middle) < 1e-9);
    }

    #[test]
    fn a_clip_without_a_second_frame_is_refused() {
        for frames in [0, 1] {
            let clip = walk(frames, 0.0);
            let error = Baseline::Held.estimate(&clip, &Skeleton::default()).unwrap_err();
            assert!(matches!(error, ProtocolError::TooShort { frames: f } if f == frames));
        }
    }
}
