//! Bends a motion so that joints pass given places at given times.

use super::feet::{self, Shift, shift_foot};
use super::take::Take;
use crate::refine::{Arm, LEGS, Place};
use crate::skeleton::{Skeleton, SmplJoint as J};
use crate::tracker::TrackerPose;
use glam::{DMat3, DVec2, DVec3};

/// Where a joint should be at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// A wrist, an ankle or the pelvis.
    pub joint: J,
    /// When, seconds from the start of the motion.
    pub time_s: f64,
    /// Where, AMASS space, metres.
    pub place: DVec3,
}

/// A mark, and how near the joint comes to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// The mark.
    pub mark: Mark,
    /// Distance before, metres.
    pub before: f64,
    /// Distance after, metres.
    pub after: f64,
}

/// The joints that marks can have.
pub const ABLE: [J; 5] = [J::Pelvis, J::LeftWrist, J::RightWrist, J::LeftAnkle, J::RightAnkle];

/// Bends a motion so that joints pass marks, given in any order, and returns how near they come. A
/// joint leaves its path `ramp` seconds before its first mark and returns to it `ramp` seconds
/// after the last one.
///
/// A wrist moves only the arm, an ankle only the leg; both keep their rotation. The pelvis moves
/// the body above it: planted feet stay, and step if it moves far. Limbs reach as far as they are
/// long. `None` if a mark is not within the motion, its place is not finite, or its joint is
/// another one.
#[must_use]
pub fn through(
    take: &mut Take,
    skeleton: &Skeleton,
    marks: &[Mark],
    ramp: f64,
) -> Option<Vec<Passed>> {
    let able = |mark: &Mark| {
        let within = (0.0..=take.duration()).contains(&mark.time_s);
        ABLE.contains(&mark.joint) && within && mark.place.is_finite()
    };
    if !(marks.iter().all(able) && ramp.is_finite() && ramp > 0.0) {
        return None;
    }
    let off = |take: &Take, mark: &Mark| place(take, skeleton, mark).distance(mark.place);
    let before: Vec<f64> = marks.iter().map(|mark| off(take, mark)).collect();
    // The pelvis first: it moves what hangs from it.
    for joint in ABLE {
        let mut own: Vec<&Mark> = marks.iter().filter(|mark| mark.joint == joint).collect();
        own.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        let keys: Vec<(f64, DVec3)> = own
            .iter()
            .map(|mark| (mark.time_s, mark.place - place(take, skeleton, mark)))
            .collect();
        if keys.is_empty() {
            continue;
        }
        let offsets: Vec<DVec3> =
            (0..take.len()).map(|i| offset(&keys, i as f64 / take.rate_hz, ramp)).collect();
        apply(take, skeleton, joint, &offsets);
    }
    let passed = marks.iter().zip(before);
    Some(
        passed
            .map(|(mark, before)| Passed { mark: *mark, before, after: off(take, mark) })
            .collect(),
    )
}

/// Where the joint of a mark is at its time.
fn place(take: &Take, skeleton: &Skeleton, mark: &Mark) -> DVec3 {
    let at = (mark.time_s * take.rate_hz).clamp(0.0, (take.len() - 1) as f64);
    let (before, after) = (at as usize, (at as usize + 1).min(take.len() - 1));
    let of = |frame: usize| Place::of(skeleton, &take.poses[frame], mark.joint).position;
    of(before).lerp(of(after), at - before as f64)
}

/// Offset at a time: monotone cubic interpolation of the keys, zero at both ends.
fn offset(keys: &[(f64, DVec3)], time: f64, ramp: f64) -> DVec3 {
    let (first, last) = (keys[0].0, keys[keys.len() - 1].0);
    let ends = [(first - ramp, DVec3::ZERO), (last + ramp, DVec3::ZERO)];
    let all: Vec<(f64, DVec3)> = ends[..1].iter().chain(keys).chain(&ends[1..]).copied().collect();
    if time <= all[0].0 || time >= all[all.len() - 1].0 {
        return DVec3::ZERO;
    }
    let i = all.iter().position(|(at, _)| *at >= time).unwrap_or(1).max(1);
    let slope = |i: usize| {
        if i == 0 || i + 1 == all.len() {
            return DVec3::ZERO;
        }
        let steep = |a: usize, b: usize| (all[b].1 - all[a].1) / (all[b].0 - all[a].0).max(1e-6);
        let (before, after) = (steep(i - 1, i), steep(i, i + 1));
        // Harmonic mean where both go one way, none at a turn (Fritsch and Carlson 1980): no overshoot.
        let one = |a: f64, b: f64| if a * b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 };
        DVec3::new(one(before.x, after.x), one(before.y, after.y), one(before.z, after.z))
    };
    let ((from, a), (to, b)) = (all[i - 1], all[i]);
    let width = (to - from).max(1e-6);
    let u = (time - from) / width;
    let (u2, u3) = (u * u, u * u * u);
    a * (2.0 * u3 - 3.0 * u2 + 1.0)
        + slope(i - 1) * width * (u3 - 2.0 * u2 + u)
        + b * (3.0 * u2 - 2.0 * u3)
        + slope(i) * width * (u3 - u2)
}

fn apply(take: &mut Take, skeleton: &Skeleton, joint: J, offsets: &[DVec3]) {
    let moved = |frame: usize| offsets[frame] != DVec3::ZERO;
    match joint {
        J::Pelvis => {
            let level: Vec<DVec2> = offsets.iter().map(|offset| offset.truncate()).collect();
            let feet = [0, 1].map(|side| feet::follow(take, side, &level));
            for frame in 0..take.len() {
                let steps = [0, 1].map(|side| feet[side][frame]);
                if !moved(frame) && steps == [DVec2::ZERO; 2] {
                    continue;
                }
                take.poses[frame].translation += offsets[frame];
                for (side, step) in steps.into_iter().enumerate() {
                    // The foot has moved with the pelvis.
                    let shift = step.extend(0.0) - offsets[frame];
                    let shift = Shift { offset: shift, turn: 0.0 };
                    shift_foot(skeleton, &mut take.poses[frame], side, shift, None);
                }
            }
        }
        J::LeftAnkle | J::RightAnkle => {
            let side = usize::from(joint == LEGS[1].joints[2]);
            for frame in (0..take.len()).filter(|frame| moved(*frame)) {
                let shift = Shift { offset: offsets[frame], turn: 0.0 };
                shift_foot(skeleton, &mut take.poses[frame], side, shift, Some(f64::NEG_INFINITY));
                take.stands[frame][side] = false;
            }
        }
        _ => {
            let arm = if joint == J::LeftWrist { Arm::LEFT } else { Arm::RIGHT };
            for frame in (0..take.len()).filter(|frame| moved(*frame)) {
                let pose = &mut take.poses[frame];
                let Place { position, rotation } = Place::of(skeleton, pose, joint);
                let there = TrackerPose::new(position + offsets[frame], DMat3::from_quat(rotation));
                arm.place_hand(skeleton, pose, &there);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FeetTrack;
    use crate::motion::synthetic::{self, Kind};

    fn take(kind: Kind) -> Take {
        let skeleton = Skeleton::default();
        Take::new(&synthetic::clip(kind, 1, 5.0, 60.0, &skeleton), &skeleton)
    }

    fn at(take: &Take, joint: J, time_s: f64) -> DVec3 {
        place(take, &Skeleton::default(), &Mark { joint, time_s, place: DVec3::ZERO })
    }

    #[test]
    fn wrists_feet_and_pelvis_pass_their_marks() {
        let skeleton = Skeleton::default();
        for (joint, by) in [
            (J::RightWrist, DVec3::new(0.05, -0.1, 0.15)),
            (J::LeftAnkle, DVec3::new(0.05, -0.1, 0.1)),
            (J::Pelvis, DVec3::new(0.1, 0.0, -0.08)),
        ] {
            let mut bent = take(Kind::Idle);
            let before = bent.clone();
            let mark = |time_s| Mark { joint, time_s, place: at(&before, joint, time_s) + by };
            let passed = through(&mut bent, &skeleton, &[mark(3.0), mark(2.0)], 0.5).unwrap();
            for passed in passed {
                assert!((passed.before - by.length()).abs() < 1e-9);
                assert!(passed.after < 0.005, "{joint:?}: {} m", passed.after);
            }
            // Untouched outside the ramps.
            assert_eq!(bent.poses[..89], before.poses[..89], "{joint:?}");
            assert_eq!(bent.poses[212..], before.poses[212..], "{joint:?}");
            if joint == J::Pelvis {
                let track = FeetTrack::new(&bent.clip().frames, &skeleton);
                assert!(track.slide(&bent.stands, 60.0).unwrap() < 0.02);
            }
        }
    }

    #[test]
    fn marks_elsewhere_and_of_other_joints_are_refused() {
        let skeleton = Skeleton::default();
        for (joint, time_s, place, ramp) in [
            (J::RightWrist, 6.0, DVec3::ZERO, 0.5),
            (J::LeftKnee, 1.0, DVec3::ZERO, 0.5),
            (J::Pelvis, 1.0, DVec3::NAN, 0.5),
            (J::Pelvis, 1.0, DVec3::ZERO, 0.0),
        ] {
            let mark = Mark { joint, time_s, place };
            assert!(through(&mut take(Kind::Idle), &skeleton, &[mark], ramp).is_none());
        }
    }

    /// Hand-worked: halfway up the ramp a smooth cubic is at half of the key.
    #[test]
    fn offsets_rise_and_fall_smoothly() {
        let keys = [(1.0, DVec3::X), (2.0, DVec3::X * 3.0)];
        assert_eq!(offset(&keys, 0.5, 0.5), DVec3::ZERO);
        assert!((offset(&[(1.0, DVec3::X)], 0.75, 0.5).x - 0.5).abs() < 1e-12);
        assert!((offset(&keys, 1.0, 0.5).x - 1.0).abs() < 1e-12);
        assert!((offset(&keys, 2.0, 0.5).x - 3.0).abs() < 1e-12);
        assert!((0..100).all(|i| offset(&keys, 0.03 * f64::from(i), 0.5).x < 3.0 + 1e-12));
    }
}
