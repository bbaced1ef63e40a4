//! Clips that no body moved like.

use super::MotionClip;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::DVec3;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Limits of people's motion: of 1,519 recorded clips (CMU, ACCAD, Bandai Namco) five exceed one, and 64 of 100 do if
/// they are played at twice their speed. What is left is mostly calm.
mod limits {
    /// Accelerations of head, wrists and ankles against the pelvis that nine tenths and 99 of 100 frames stay
    /// below, m/s².
    pub const LIMBS: [(f64, f64); 2] = [(0.9, 90.0), (0.99, 165.0)];
    /// Acceleration of the pelvis that 95 of 100 frames stay below, m/s².
    pub const PELVIS_ACCELERATION: f64 = 33.0;
    /// Speeds that 95 of 100 frames stay below, m/s: pelvis, and head, wrists and ankles.
    pub const PELVIS_SPEED: f64 = 6.2;
    pub const LIMB_SPEED: f64 = 10.3;
    /// How soon people turn round: part of the frames that stay below, acceleration by speed, 1/s, and the least
    /// speed that counts, m/s. Of the pelvis over the floor, and of the ankles up and down: to and fro is as fast in
    /// a stroll as in a run, so these find a stroll at the wrong rate, whose speeds are those of a run.
    pub const PELVIS_TURN: [f64; 3] = [0.5, 3.4, 1.25];
    pub const ANKLE_TURN: [f64; 3] = [0.95, 25.5, 1.25];
    /// Second difference of a joint's positions in one frame, metres …
    pub const POP: f64 = 0.2;
    /// … at any rate; at low ones this acceleration, m/s².
    pub const POP_ACCELERATION: f64 = 300.0;
    /// Height of the lower foot, metres: 19 of 20 frames are above it, so what lies, rolls or jumps is near the
    /// floor, too. Feet that are 0.3 m off are found in nearly all clips, and the size of people makes 0.15 m.
    pub const OFF_FLOOR: f64 = 0.22;
    pub const LOWEST: f64 = 0.05;
    /// Angle between a stretched limb and its direction in a T-pose, radians.
    pub const STRETCHED: f64 = 0.26;
}

/// Clips shorter than this, seconds, say little about speed, and those shorter than that about turns: all of it may be
/// a landing.
const SHORT: f64 = 0.5;
const SHORT_FOR_TURNS: f64 = 1.0;
/// Rates at which speeds are measured, Hz, whatever the clip's: at higher ones, a millimetre of noise is a great
/// acceleration.
const FINE: f64 = 60.0;
const COARSE: f64 = 30.0;
/// Joints that move fastest.
const ENDS: [J; 5] = [J::Head, J::LeftWrist, J::RightWrist, J::LeftAnkle, J::RightAnkle];

/// A kind of [`Implausible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// The feet are always above the floor, z = 0, or go far below it.
    Floor {
        /// Height above which the lower foot nearly always is, metres.
        height: f64,
    },
    /// It starts in a T-pose.
    TPose {
        /// For how long, seconds.
        seconds: f64,
    },
}

impl Implausible {
    /// Another number whenever other clips are found, so that what was found earlier is not taken for it.
    pub const RULES: u32 = 2;

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
            Self::Floor { height } => {
                let side = if *height > 0.0 { "above" } else { "below" };
                write!(f, "feet are {:.2} m {side} the floor", height.abs())
            }
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

/// The joints of a clip, a few frames apart.
#[derive(Clone, Copy)]
struct Steps<'a> {
    joints: &'a [PerJoint<DVec3>],
    /// Frames of a step.
    frames: usize,
    seconds: f64,
}

impl<'a> Steps<'a> {
    /// Steps as long as frames at `hz`, or as near to that as the clip's rate allows.
    fn new(joints: &'a [PerJoint<DVec3>], rate_hz: f64, hz: f64) -> Self {
        let frames = (rate_hz / hz).round().max(1.0);
        Self { joints, frames: frames as usize, seconds: frames / rate_hz }
    }

    /// Speeds from each step to the next, m/s.
    fn speeds(self, joint: J) -> Vec<f64> {
        let at = |i: usize| self.joints[i][joint.index()];
        let speed = |i: usize| at(i - self.frames).distance(at(i)) / self.seconds;
        (self.frames..self.joints.len()).map(speed).collect()
    }

    /// Velocity, m/s, and acceleration, m/s², in the middle of every two steps.
    fn motions(self, joint: J) -> Vec<[DVec3; 2]> {
        let at = |i: usize| self.joints[i][joint.index()];
        let motion = |i: usize| {
            let [before, now, after] = [at(i - 2 * self.frames), at(i - self.frames), at(i)];
            let seconds = self.seconds;
            let acceleration = (before - 2.0 * now + after) / (seconds * seconds);
            [(after - before) / (2.0 * seconds), acceleration]
        };
        (2 * self.frames..self.joints.len()).map(motion).collect()
    }

    /// How many times faster these joints turn round than people's, along the axes that are 1.
    fn turns(self, joints: &[J], axes: DVec3, [part, most, least]: [f64; 3]) -> f64 {
        let motions: Vec<[DVec3; 2]> =
            joints.iter().flat_map(|joint| self.motions(*joint)).collect();
        let size =
            |k: usize| quantile(motions.iter().map(|motion| (motion[k] * axes).length()), part);
        let (speed, acceleration) = (size(0), size(1));
        // Twice as fast has twice the speed and four times the acceleration.
        (acceleration / (most * speed)).min((acceleration / (most * least)).sqrt())
    }
}

fn speed(joints: &[PerJoint<DVec3>], rate_hz: f64) -> Option<Implausible> {
    use limits::{ANKLE_TURN, LIMB_SPEED, LIMBS, PELVIS_ACCELERATION, PELVIS_SPEED, PELVIS_TURN};
    let seconds = joints.len() as f64 / rate_hz;
    if seconds < SHORT {
        return None;
    }
    let fine = Steps::new(joints, rate_hz, FINE);
    let pelvis = fine.motions(J::Pelvis);
    let against_pelvis: Vec<f64> = ENDS
        .into_iter()
        .flat_map(|end| fine.motions(end).into_iter().zip(&pelvis))
        .map(|([_, end], [_, pelvis])| (end - *pelvis).length())
        .collect();
    let against_pelvis = |part: f64| quantile(against_pelvis.iter().copied(), part);
    let of_pelvis = pelvis.iter().map(|[_, acceleration]| acceleration.length());
    let ends = ENDS.into_iter().flat_map(|end| fine.speeds(end));
    // Accelerations grow with the square of the speed.
    let root = |value: f64, limit: f64| (value / limit).sqrt();
    let mut times = vec![
        root(against_pelvis(LIMBS[0].0), LIMBS[0].1),
        root(against_pelvis(LIMBS[1].0), LIMBS[1].1),
        root(quantile(of_pelvis, 0.95), PELVIS_ACCELERATION),
        quantile(fine.speeds(J::Pelvis).into_iter(), 0.95) / PELVIS_SPEED,
        quantile(ends, 0.95) / LIMB_SPEED,
    ];
    if seconds >= SHORT_FOR_TURNS {
        let coarse = Steps::new(joints, rate_hz, COARSE);
        let ankles = [J::LeftAnkle, J::RightAnkle];
        times.push(coarse.turns(&[J::Pelvis], DVec3::new(1.0, 1.0, 0.0), PELVIS_TURN));
        times.push(coarse.turns(&ankles, DVec3::Z, ANKLE_TURN));
    }
    let times = times.into_iter().fold(0.0, f64::max);
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
    let lower = joints.iter().map(|at| at[J::LeftAnkle.index()].z.min(at[J::RightAnkle.index()].z));
    let height = quantile(lower, limits::LOWEST) - skeleton.ankle_height;
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
    use crate::motion::synthetic::{Kind, clip, walk_and_wave};

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
        for off in [0.5, 0.3, -0.3, -0.4] {
            let mut moved = walk.clone();
            moved.frames.iter_mut().for_each(|frame| frame.translation.z += off);
            match moved.implausible(&Skeleton::default())[..] {
                [Implausible::Floor { height }] => assert!((height - off).abs() < 0.1),
                ref other => panic!("{other:?}"),
            }
        }
        for rate in [60.0, 100.0, 120.0] {
            let mut popped = walk.resampled(rate);
            popped.frames[81].translation.x += 0.25;
            match popped.implausible(&Skeleton::default())[..] {
                [Implausible::Pop { frame: 81, metres, .. }] => {
                    assert!((metres - 0.25).abs() < 0.03);
                }
                ref other => panic!("{rate} Hz: {other:?}"),
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

    /// No joint is faster than people's, but bodies turn round too soon.
    #[test]
    fn twice_the_speed_is_found_in_calm_motion_too() {
        for (kind, seed) in [(Kind::Punch, 0), (Kind::Turn, 2), (Kind::Run, 0)] {
            let calm = clip(kind, seed, 8.0, 60.0, &Skeleton::default());
            let is_fast = |clip: &MotionClip| kinds(clip).contains(&ImplausibleKind::Speed);
            assert!(!is_fast(&calm) && !is_fast(&calm.resampled(100.0)), "{kind:?}");
            for rate in [60.0, 30.0] {
                let frames = calm.resampled(rate).frames;
                assert!(is_fast(&MotionClip { rate_hz: 2.0 * rate, frames }), "{kind:?} {rate}");
            }
        }
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
