//! Clips that no body moved like.

use super::MotionClip;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::DVec3;
use std::fmt;

/// Limits of people's motion: of 1,519 recorded clips (CMU, ACCAD, Bandai Namco) five exceed one, and 38 of 100 do if
/// they are played at twice their speed.
mod limits {
    /// Accelerations of head, wrists and ankles against the pelvis that nine tenths and 99 of 100 frames stay
    /// below, m/s².
    pub const LIMBS: [(f64, f64); 2] = [(0.9, 90.0), (0.99, 165.0)];
    /// Acceleration of the pelvis that 95 of 100 frames stay below, m/s².
    pub const PELVIS_ACCELERATION: f64 = 33.0;
    /// Speeds that 95 of 100 frames stay below, m/s: pelvis, and head, wrists and ankles.
    pub const PELVIS_SPEED: f64 = 6.2;
    pub const LIMB_SPEED: f64 = 10.3;
    /// Second difference of a joint's positions in one frame, metres …
    pub const POP: f64 = 0.2;
    /// … at any rate; at low ones this acceleration, m/s².
    pub const POP_ACCELERATION: f64 = 300.0;
    /// Height of the lower foot above or below the floor in nearly all of a clip, metres.
    pub const OFF_FLOOR: f64 = 0.3;
    /// Angle between a stretched limb and its direction in a T-pose, radians.
    pub const STRETCHED: f64 = 0.26;
}

/// Clips shorter than this, seconds, say little about speed.
const SHORT: f64 = 0.5;
/// Joints that move fastest.
const ENDS: [J; 5] = [J::Head, J::LeftWrist, J::RightWrist, J::LeftAnkle, J::RightAnkle];

/// A kind of [`Implausible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImplausibleKind {
    /// [`Implausible::Speed`].
    Speed,
    /// [`Implausible::Pop`].
    Pop,
    /// [`Implausible::Floor`].
    Floor,
    /// [`Implausible::TPose`].
    TPose,
}

/// Why a clip is not what a body did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Implausible {
    /// Faster than people: probably played at a wrong rate.
    Speed {
        /// How many times faster than the fastest people.
        times: f64,
    },
    /// A joint, or with the pelvis the whole body, is elsewhere for one frame.
    Pop {
        /// Index of the frame.
        frame: usize,
        /// The joint that jumps furthest.
        joint: J,
        /// How far, metres.
        metres: f64,
    },
    /// The feet are nearly always above or below the floor, z = 0.
    Floor {
        /// Height of the lower foot, metres.
        height: f64,
    },
    /// It starts in a T-pose.
    TPose {
        /// For how long, seconds.
        seconds: f64,
    },
}

impl Implausible {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ImplausibleKind {
        match self {
            Self::Speed { .. } => ImplausibleKind::Speed,
            Self::Pop { .. } => ImplausibleKind::Pop,
            Self::Floor { .. } => ImplausibleKind::Floor,
            Self::TPose { .. } => ImplausibleKind::TPose,
        }
    }
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Speed { times } => {
                write!(f, "{times:.1} times as fast as people: is its rate right?")
            }
            Self::Pop { frame, joint, metres } => {
                write!(f, "frame {frame}: {joint:?} is {metres:.2} m away for one frame")
            }
            Self::Floor { height } => write!(f, "feet are {height:.2} m above the floor"),
            Self::TPose { seconds } => write!(f, "starts with {seconds:.1} s of T-pose"),
        }
    }
}

impl MotionClip {
    /// What is implausible about the clip, played by `skeleton`: at most one of each kind.
    #[must_use]
    pub fn implausible(&self, skeleton: &Skeleton) -> Vec<Implausible> {
        let joints: Vec<PerJoint<DVec3>> = self
            .frames
            .iter()
            .map(|frame| skeleton.pose_joints(&Pose::from(frame)).positions)
            .collect();
        [
            speed(&joints, self.rate_hz),
            pop(&joints, self.rate_hz),
            floor(&joints, skeleton),
            t_pose(&joints, self.rate_hz),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The value that this part of all values stays below.
fn quantile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let at = (part * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

fn speed(joints: &[PerJoint<DVec3>], rate_hz: f64) -> Option<Implausible> {
    use limits::{LIMB_SPEED, LIMBS, PELVIS_ACCELERATION, PELVIS_SPEED};
    if (joints.len() as f64) < SHORT * rate_hz {
        return None;
    }
    let pelvis = J::Pelvis.index();
    let speeds = |joint: usize| {
        joints.windows(2).map(move |pair| pair[0][joint].distance(pair[1][joint]) * rate_hz)
    };
    let second = |triple: &[PerJoint<DVec3>], joint: usize| {
        triple[0][joint] - 2.0 * triple[1][joint] + triple[2][joint]
    };
    let squared = rate_hz * rate_hz;
    let against_pelvis = || {
        joints.windows(3).flat_map(move |triple| {
            ENDS.map(|end| {
                (second(triple, end.index()) - second(triple, pelvis)).length() * squared
            })
        })
    };
    let of_pelvis = joints.windows(3).map(|triple| second(triple, pelvis).length() * squared);
    // Accelerations grow with the square of the speed.
    let root = |value: f64, limit: f64| (value / limit).sqrt();
    let ends = ENDS.into_iter().flat_map(|end| speeds(end.index()));
    let times = [
        root(quantile(against_pelvis(), LIMBS[0].0), LIMBS[0].1),
        root(quantile(against_pelvis(), LIMBS[1].0), LIMBS[1].1),
        root(quantile(of_pelvis, 0.95), PELVIS_ACCELERATION),
        quantile(speeds(pelvis), 0.95) / PELVIS_SPEED,
        quantile(ends, 0.95) / LIMB_SPEED,
    ]
    .into_iter()
    .fold(0.0, f64::max);
    (times > 1.0).then_some(Implausible::Speed { times })
}

/// A joint that leaves its place and is back in the next frame.
fn pop(joints: &[PerJoint<DVec3>], rate_hz: f64) -> Option<Implausible> {
    let most = limits::POP.max(limits::POP_ACCELERATION / (rate_hz * rate_hz));
    let pops = joints.windows(3).enumerate().flat_map(|(i, triple)| {
        J::ALL.into_iter().map(move |joint| {
            let [before, now, after] = [0, 1, 2].map(|k| triple[k][joint.index()]);
            let away = now - before.midpoint(after);
            // Back where it came from, and not on to elsewhere.
            let is_back = before.distance(after) < away.length();
            (i + 1, joint, if is_back { away.length() } else { 0.0 })
        })
    });
    let (frame, joint, metres) = pops.fold((0, J::Pelvis, 0.0), |most, pop| {
        // The first joint of those that jump together is the one that moves the others.
        if pop.2 > 1.01 * most.2 { pop } else { most }
    });
    (2.0 * metres > most).then_some(Implausible::Pop { frame, joint, metres })
}

fn floor(joints: &[PerJoint<DVec3>], skeleton: &Skeleton) -> Option<Implausible> {
    let lower =
        || joints.iter().map(|at| at[J::LeftAnkle.index()].z.min(at[J::RightAnkle.index()].z));
    let above = quantile(lower(), 0.02) - skeleton.ankle_height;
    // Who lies or rolls has feet anywhere above the floor, but not below it.
    let below = quantile(lower(), 0.5) - skeleton.ankle_height;
    let height = if above > 0.0 { above } else { below.min(0.0) };
    (!joints.is_empty() && height.abs() > limits::OFF_FLOOR)
        .then_some(Implausible::Floor { height })
}

fn t_pose(joints: &[PerJoint<DVec3>], rate_hz: f64) -> Option<Implausible> {
    let is_one = |at: &PerJoint<DVec3>| {
        let [left, right] = [J::LeftShoulder, J::RightShoulder].map(|j| at[j.index()]);
        let Some(across) = (left - right).with_z(0.0).try_normalize() else { return false };
        let along = |from: J, to: J, wanted: DVec3| {
            (at[to.index()] - at[from.index()]).angle_between(wanted) < limits::STRETCHED
        };
        along(J::LeftShoulder, J::LeftElbow, across)
            && along(J::LeftElbow, J::LeftWrist, across)
            && along(J::RightShoulder, J::RightElbow, -across)
            && along(J::RightElbow, J::RightWrist, -across)
            && along(J::LeftHip, J::LeftAnkle, DVec3::NEG_Z)
            && along(J::RightHip, J::RightAnkle, DVec3::NEG_Z)
    };
    let frames = joints.iter().take_while(|at| is_one(at)).count();
    (frames > 0).then(|| Implausible::TPose { seconds: frames as f64 / rate_hz })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::ClipFrame;
    use crate::motion::synthetic::walk_and_wave;

    fn kinds(clip: &MotionClip) -> Vec<ImplausibleKind> {
        clip.implausible(&Skeleton::default()).iter().map(Implausible::kind).collect()
    }

    fn walk() -> MotionClip {
        let mut walk = walk_and_wave(&Skeleton::default()).resampled(60.0);
        // It starts in a T-pose.
        walk.frames.drain(..60);
        walk
    }

    #[test]
    fn a_walk_is_plausible_at_every_rate() {
        for rate in [24.0, 30.0, 60.0, 100.0, 120.0] {
            assert_eq!(kinds(&walk().resampled(rate)), [], "{rate}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let walk = walk();
        let fast = MotionClip { rate_hz: 360.0, ..walk.clone() };
        assert!(kinds(&fast).contains(&ImplausibleKind::Speed));
        let mut popped = walk.clone();
        popped.frames[80].translation.z += 0.4;
        popped.frames[120].rotations[J::LeftShoulder.index()] = DVec3::new(0.0, 1.5, 1.0);
        match popped.implausible(&Skeleton::default())[..] {
            [Implausible::Pop { frame: 80 | 120, metres, .. }] => assert!(metres > 0.3),
            ref other => panic!("{other:?}"),
        }
        for (height, expected) in [(0.5, 0.5), (-0.4, -0.4)] {
            let mut off = walk.clone();
            off.frames.iter_mut().for_each(|frame| frame.translation.z += height);
            match off.implausible(&Skeleton::default())[..] {
                [Implausible::Floor { height }] => assert!((height - expected).abs() < 0.1),
                ref other => panic!("{other:?}"),
            }
        }
        let mut rest = walk.clone();
        let t_pose = ClipFrame {
            translation: walk.frames[0].translation,
            rotations: Pose::rest().rotations.map(crate::rotation::log),
        };
        rest.frames.splice(..0, [t_pose; 12]);
        let found = rest.implausible(&Skeleton::default());
        let t_pose = found.iter().find(|it| it.kind() == ImplausibleKind::TPose).unwrap();
        assert_eq!(t_pose.to_string(), "starts with 0.2 s of T-pose");
    }

    #[test]
    fn short_clips_are_judged_without_a_panic() {
        let walk = walk();
        for frames in 0..5 {
            let short = MotionClip { frames: walk.frames[..frames].to_vec(), ..walk.clone() };
            assert_eq!(kinds(&short), []);
        }
    }
}
