//! The delay of one motion relative to another.

use super::BodyTrack;
use crate::skeleton::SmplJoint as J;

/// Delay of `joints` of `track` behind those of `reference`, seconds, in their motion relative to
/// the head; `None` if they do not move.
///
/// It is the delay `τ` for which `p(t) − τ v(t)` is nearest to `track` in the least-squares sense,
/// with positions `p` and velocities `v` of the reference. Accurate for delays of a few frames.
///
/// # Panics
/// If the tracks differ in length.
#[must_use]
pub fn lag(track: &BodyTrack, reference: &BodyTrack, joints: &[J], rate_hz: f64) -> Option<f64> {
    assert_eq!(track.positions.len(), reference.positions.len(), "a lag is of the same frames");
    let against_head = |track: &BodyTrack, frame: usize, joint: J| {
        let positions = &track.positions[frame];
        positions[joint.index()] - positions[J::Head.index()]
    };
    let (mut along, mut squares) = (0.0, 0.0);
    for frame in 1..reference.positions.len().saturating_sub(1) {
        for joint in joints {
            let at = |frame| against_head(reference, frame, *joint);
            let velocity = (at(frame + 1) - at(frame - 1)) * (rate_hz / 2.0);
            along += (at(frame) - against_head(track, frame, *joint)).dot(velocity);
            squares += velocity.length_squared();
        }
    }
    (squares > 0.0).then(|| along / squares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use std::f64::consts::TAU;

    /// The left wrist swings once per second while the whole body moves at 2 m/s.
    fn swing(late: f64, frames: usize) -> BodyTrack {
        let positions = (0..frames).map(|i| {
            let t = i as f64 / 60.0;
            let mut positions = [DVec3::X * 2.0 * t; J::COUNT];
            positions[J::LeftWrist.index()] += DVec3::Z * (TAU * (t - late)).sin();
            positions
        });
        BodyTrack {
            rotations: vec![[DVec3::ZERO; J::COUNT]; frames],
            positions: positions.collect(),
        }
    }

    #[test]
    fn a_delay_is_found_whatever_the_body_does() {
        for late in [-0.02, 0.0, 0.01, 0.03] {
            let found = lag(&swing(late, 302), &swing(0.0, 302), &[J::LeftWrist], 60.0).unwrap();
            assert!((found - late).abs() < 5e-4, "{found} for {late}");
        }
        let still = lag(&swing(0.0, 60), &swing(0.0, 60), &[J::RightKnee], 60.0);
        assert_eq!(still, None);
        assert_eq!(lag(&swing(0.0, 1), &swing(0.0, 1), &[J::LeftWrist], 60.0), None);
    }
}
