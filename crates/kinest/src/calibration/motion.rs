//! A player measured by motion that nobody posed for.

use super::{Calibration, CalibrationError, HEAD_JOINT_PART, Sizes, check_frames};
use crate::coordinates::heading;
use crate::skeleton::Skeleton;
use crate::tracker::{DeviceFromJoint, TrackerFrame};
use glam::{DQuat, DVec3};

/// Motion is watched for at least this long, seconds.
const MOTION_SECONDS: f64 = 2.0;
/// People stand upright some of the time: this part of all head heights is below the standing height.
const STANDING_QUANTILE: f64 = 0.95;
/// Hands are as far apart as they get in this part of the time; the rest may be glitches.
const SPAN_QUANTILE: f64 = 0.99;
/// Arms are as long as hands get away from where shoulders should be in this part of the time, … Of 34 CMU
/// clips whose arms and grips are known this moves the grips of one in ten by 1.6 cm or more, and of most by
/// nothing; 0.98 would by 5.9 cm, for people who turn while they reach.
const REACH_QUANTILE: f64 = 0.95;
/// … but no longer than this many times what the height says: the trunk leans, and turns against the head.
const REACH_FACTOR: f64 = 1.1;
/// What is left of that is how devices are held, each this much further from the wrist at most, metres: a wand
/// may report a point at its far end.
const GRIP_SHIFT: f64 = 0.12;
/// That is found by steps, which would each be enough if hands never turned.
const GRIP_STEPS: usize = 4;

impl Calibration {
    /// Measures a player who moves about for a few seconds and stands upright some of the time.
    ///
    /// The height is that of somebody whose head is as high as this one's nearly ever gets. Arms are
    /// taken to have the proportions of `base` unless the hands get further apart than that, or up to a tenth
    /// further from the shoulders. What is left is how the controllers are held: their joints are moved from
    /// where `devices` says, by 12 cm at most.
    ///
    /// # Errors
    /// If `frames` last less than two seconds, or nobody has such a size.
    pub fn from_motion(
        base: &Skeleton,
        frames: &[TrackerFrame],
        devices: [DeviceFromJoint; 3],
    ) -> Result<Self, CalibrationError> {
        check_frames(frames, MOTION_SECONDS)?;
        let held = Self { devices, ..Self::of(base) };
        let mut joints: Vec<TrackerFrame> = frames.iter().map(|f| held.joints(f)).collect();
        let head = quantile(joints.iter().map(|f| f.poses[0].position.z), STANDING_QUANTILE);
        let standing = Self::from_height(base, head / HEAD_JOINT_PART)?;
        let (sizes, body) = (Sizes::of(base), standing.scales(base).body);
        let arms = REACH_FACTOR * body * sizes.arm;
        let shift = grip_shift(&joints, &sizes, body, arms);
        let mut player = Self { devices, ..standing };
        for (k, device) in player.devices.iter_mut().enumerate().skip(1) {
            let shift = of_hand(k, shift);
            device.position += device.rotation * shift;
            for frame in &mut joints {
                let hand = &mut frame.poses[k];
                hand.position += hand.rotation * shift;
            }
        }
        let apart = joints.iter().map(|f| f.poses[1].position.distance(f.poses[2].position));
        let reaches = joints.iter().flat_map(|f| to_shoulders(f, &sizes, body).map(DVec3::length));
        let arm = quantile(reaches, REACH_QUANTILE).min(arms);
        player.arm_span = standing
            .arm_span
            .max(quantile(apart, SPAN_QUANTILE))
            .max(2.0 * (body * sizes.girdle + arm));
        player.checked(base)
    }
}

/// From both wrists to where the shoulders of an upright body below the head are, facing as the head does.
fn to_shoulders(joints: &TrackerFrame, sizes: &Sizes, body: f64) -> [DVec3; 2] {
    let [head, left, right] = [0, 1, 2].map(|k| joints.poses[k].position);
    let chest = head - DVec3::Z * (body * (sizes.head - sizes.shoulders));
    let turn = DQuat::from_rotation_z(heading(joints.poses[0].rotation));
    let shoulder = turn * DVec3::X * (body * sizes.girdle);
    [chest + shoulder - left, chest - shoulder - right]
}

/// A direction in the left wrist's axes as one in the axes of this tracker, a hand.
fn of_hand(tracker: usize, direction: DVec3) -> DVec3 {
    if tracker == 1 { direction } else { direction * DVec3::new(-1.0, 1.0, 1.0) }
}

/// How far wrists are from where they are thought to be, in the left one's axes, if arms are no longer
/// than this: the least shift that brings nearly all reaches within it, towards the shoulders as the
/// hands see them when they reach far.
fn grip_shift(joints: &[TrackerFrame], sizes: &Sizes, body: f64, arms: f64) -> DVec3 {
    let mut shift = DVec3::ZERO;
    for _ in 0..GRIP_STEPS {
        let reaches: Vec<DVec3> = joints
            .iter()
            .flat_map(|frame| {
                let to = to_shoulders(frame, sizes, body);
                [1, 2].map(|k| of_hand(k, frame.poses[k].rotation.transpose() * to[k - 1]) - shift)
            })
            .collect();
        let far = quantile(reaches.iter().map(|to| to.length()), REACH_QUANTILE);
        if far <= arms {
            break;
        }
        let towards = reaches.iter().filter(|to| to.length() >= far).map(|to| to.normalize());
        let step = towards.sum::<DVec3>().normalize_or_zero() * (far - arms);
        shift = (shift + step).clamp_length_max(GRIP_SHIFT);
    }
    shift
}

/// The value below which this part of `values`, at least one, lies.
fn quantile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::tests::{devices, held, sized};
    use crate::coordinates::UPRIGHT;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::{Pose, SmplJoint as J};
    use crate::tracker::TrackerSet;

    #[test]
    fn a_walk_gives_the_height_within_three_per_cent() {
        let base = Skeleton::default();
        for height in [1.45, 1.75, 2.0] {
            let (skeleton, truth) = sized(height, 1.0);
            let frames: Vec<TrackerFrame> = walk_and_wave(&skeleton)
                .frames
                .iter()
                .enumerate()
                .map(|(i, frame)| devices(&skeleton, &Pose::from(frame), i as f64 / 60.0))
                .collect();
            let found = Calibration::from_motion(&base, &frames, held()).unwrap();
            assert!((found.height / height - 1.0).abs() < 0.03, "{height} {found:?}");
            assert!((found.arm_span / truth.arm_span - 1.0).abs() < 0.03, "{found:?}");
        }
    }

    /// Who never stretches both arms out still shows how long they are.
    #[test]
    fn hands_that_reach_far_have_long_arms() {
        let base = Skeleton::default();
        let (skeleton, truth) = sized(1.75, 1.08);
        let mut ahead = Pose::rest();
        ahead.rotations[0] = UPRIGHT;
        ahead.translation.z = skeleton.ankle_height - skeleton.pose_joints(&ahead).positions[7].z;
        for (shoulder, turn) in [(J::LeftShoulder, -1.5), (J::RightShoulder, 1.5)] {
            ahead.rotations[shoulder.index()] = DQuat::from_rotation_y(turn);
        }
        let frames: Vec<_> =
            (0..180).map(|i| devices(&skeleton, &ahead, f64::from(i) / 60.0)).collect();
        let found = Calibration::from_motion(&base, &frames, held()).unwrap();
        // Shoulders are a little behind the head, where nobody looks for them.
        let part = found.arm_span / truth.arm_span;
        assert!((0.95..1.02).contains(&part), "{found:?} {truth:?}");
    }

    /// Whose hands get further away than arms are long holds the devices further out than thought.
    #[test]
    fn hands_that_reach_too_far_hold_their_devices_further_out() {
        let base = Skeleton::default();
        let mut ahead = Pose::rest();
        ahead.rotations[0] = UPRIGHT;
        ahead.translation.z = base.ankle_height - base.pose_joints(&ahead).positions[7].z;
        for (shoulder, turn) in [(J::LeftShoulder, -1.5), (J::RightShoulder, 1.5)] {
            ahead.rotations[shoulder.index()] = DQuat::from_rotation_y(turn);
        }
        // The fingers point along x and −x of the wrists at rest.
        let further = |k: usize| of_hand(k, DVec3::X) * 0.15;
        let frames: Vec<_> = (0..180)
            .map(|i| {
                let joints = base.pose_joints(&ahead);
                let time = f64::from(i) / 60.0;
                let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
                for k in [1, 2] {
                    let hand = &mut frame.poses[k];
                    hand.position += hand.rotation * further(k);
                }
                frame
            })
            .collect();
        let found = Calibration::from_motion(&base, &frames, Default::default()).unwrap();
        let arms = found.arm_span / Calibration::of(&base).arm_span;
        assert!((1.0..1.1).contains(&arms), "{arms}");
        for k in [1, 2] {
            let off = found.devices[k].position + further(k);
            // Longer arms account for 5 cm of it, and shoulders are a little behind the head.
            assert!(off.length() < 0.1, "{k}: {off}");
            assert_eq!(found.devices[k].rotation, DQuat::IDENTITY);
        }
        assert_eq!(found.devices[0], DeviceFromJoint::default());
    }
}
