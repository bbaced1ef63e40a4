//! Forecasts without a network.

use super::PoseHistory;
use crate::rotation::{exp, log};
use crate::skeleton::{PerJoint, Pose};
use glam::{DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// Time over which velocities are measured, seconds.
pub(super) const MEASURED_OVER: f64 = 1.0 / 30.0;

/// Forecasts without a network: the baseline for networks.
///
/// Each joint keeps rotating at its velocity about an axis fixed in the joint; the root keeps its
/// linear velocity. Velocities are measured over the last 33 ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Extrapolation {
    /// The newest pose is held.
    Hold,
    /// At constant velocity.
    Velocity,
    /// At a velocity that decays with `e^(-t / time_constant)`.
    Damped {
        /// Time constant, seconds: also the time in which constant velocity covers the total
        /// displacement.
        time_constant: f64,
    },
}

impl Default for Extrapolation {
    fn default() -> Self {
        Self::Damped { time_constant: 0.2 }
    }
}

impl Extrapolation {
    /// The body `ahead` seconds after the newest pose of `history`; `None` if that is empty. A
    /// single pose has no velocity and is held.
    #[must_use]
    pub fn pose(&self, history: &PoseHistory, ahead: f64) -> Option<Pose> {
        let (_, newest) = history.newest()?;
        Some(match Velocity::of(history) {
            Some(velocity) => velocity.apply(newest, self.reach(ahead)),
            None => *newest,
        })
    }

    /// Time (s) in which the velocity of the newest pose covers the motion of the next `ahead`
    /// seconds; 0 for a time that is not ahead.
    #[must_use]
    pub fn reach(&self, ahead: f64) -> f64 {
        // A NaN becomes 0.
        let ahead = ahead.max(0.0);
        match *self {
            Self::Hold => 0.0,
            Self::Velocity => ahead,
            Self::Damped { time_constant } if time_constant > 0.0 => {
                time_constant * -(-ahead / time_constant).exp_m1()
            }
            Self::Damped { .. } => 0.0,
        }
    }
}

/// Velocities of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Velocity {
    /// Of the root, m/s.
    root: DVec3,
    /// Of each joint, in its own axes, rad/s.
    pub(super) joints: PerJoint<DVec3>,
}

impl Velocity {
    /// The mean over the last [`MEASURED_OVER`] seconds, or over a shorter history; `None` for
    /// fewer than two poses.
    pub(super) fn of(history: &PoseHistory) -> Option<Self> {
        let (_, newest) = history.newest()?;
        let time = history.length().min(MEASURED_OVER);
        let before = history.before(time).filter(|_| time > 0.0)?;
        let turned =
            |j: usize| log((before.rotations[j].conjugate() * newest.rotations[j]).normalize());
        Some(Self {
            root: (newest.translation - before.translation) / time,
            joints: std::array::from_fn(|j| turned(j) / time),
        })
    }

    /// `pose` moved on for `seconds`.
    fn apply(&self, pose: &Pose, seconds: f64) -> Pose {
        let turned = |j: usize| -> DQuat { pose.rotations[j] * exp(self.joints[j] * seconds) };
        Pose {
            translation: pose.translation + self.root * seconds,
            rotations: std::array::from_fn(turned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::SmplJoint;

    const KNEE: usize = SmplJoint::LeftKnee as usize;

    /// Walks along x at 2 m/s, bends the knee at 3 rad/s and turns at 1 rad/s.
    fn body(time: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.translation = DVec3::new(2.0 * time, 1.0, 0.9);
        pose.rotations[0] = DQuat::from_rotation_z(time) * pose.rotations[0];
        pose.rotations[KNEE] = DQuat::from_rotation_x(0.3 + 3.0 * time);
        pose
    }

    fn history(rate: f64) -> PoseHistory {
        let mut history = PoseHistory::new(30.0, 3);
        (0..20).for_each(|i| _ = history.push(f64::from(i) / rate, &body(f64::from(i) / rate)));
        history
    }

    #[test]
    fn a_steady_motion_is_continued_exactly_at_constant_velocity() {
        for rate in [15.0, 60.0, 90.0] {
            let (history, newest) = (history(rate), 19.0 / rate);
            let pose = Extrapolation::Velocity.pose(&history, 0.3).unwrap();
            let right = body(newest + 0.3);
            assert!(pose.translation.distance(right.translation) < 1e-9, "{rate} Hz");
            for j in 0..22 {
                assert!(geodesic_angle(pose.rotations[j], right.rotations[j]) < 1e-9, "{rate} Hz");
            }
        }
    }

    /// In 0.2 s a velocity with this time constant covers 63 % of 0.2 s, and never more than 0.2 s.
    #[test]
    fn a_damped_motion_comes_to_rest() {
        let (history, newest) = (history(60.0), 19.0 / 60.0);
        let damped = Extrapolation::default();
        let moved = |extrapolation: Extrapolation, ahead: f64| {
            let pose = extrapolation.pose(&history, ahead).unwrap();
            let turned = geodesic_angle(pose.rotations[KNEE], body(newest).rotations[KNEE]);
            (turned / 3.0, (pose.translation.x - body(newest).translation.x) / 2.0)
        };
        for (ahead, reach) in [(0.2, 0.2 * (1.0 - (-1.0_f64).exp())), (60.0, 0.2), (-1.0, 0.0)] {
            let (knee, root) = moved(damped, ahead);
            assert!((knee - reach).abs() < 1e-9 && (root - reach).abs() < 1e-9, "{ahead} s");
        }
        let still = [Extrapolation::Hold, Extrapolation::Damped { time_constant: 0.0 }];
        assert!(still.iter().all(|extrapolation| moved(*extrapolation, 0.4).0 < 1e-9));
        assert!(moved(damped, f64::NAN).0 < 1e-9);
    }

    #[test]
    fn without_a_second_pose_the_only_one_is_held() {
        let mut history = PoseHistory::new(30.0, 3);
        assert_eq!(Extrapolation::Velocity.pose(&history, 0.1), None);
        history.push(1.0, &body(0.5));
        assert_eq!(Extrapolation::Velocity.pose(&history, 0.1), Some(body(0.5)));
    }
}
