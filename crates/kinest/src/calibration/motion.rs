//! Measures a player from free motion, without a calibration pose.

use super::{
    Calibration, CalibrationError, HEAD_JOINT_PART, POSE_GAP, SEATED_SPAN, Sizes, check_frames,
};
use crate::coordinates::heading;
use crate::skeleton::Skeleton;
use crate::tracker::{DeviceFromJoint, TrackerFrame};
use glam::{DQuat, DVec3};

/// Minimum duration of the motion, seconds.
const MOTION_SECONDS: f64 = 2.0;
/// Quantile of the head heights taken as the standing height: people stand upright only part of the
/// time.
const STANDING_QUANTILE: f64 = 0.95;
/// Quantile of the distances between the hands taken as their maximum; the rest may be glitches.
const SPAN_QUANTILE: f64 = 0.99;
/// Quantile of the distances from wrist to assumed shoulder taken as the arm's length. On 34 CMU
/// clips with known arms and grips, 0.95 shifts the grips of one clip in ten by 1.6 cm or more and
/// of most clips by nothing; 0.98 would shift them by 5.9 cm, for people who turn while they reach.
const REACH_QUANTILE: f64 = 0.95;
/// Upper limit of the arm's length, relative to the length expected from the height: longer reaches
/// mean that the trunk leans, or rotates relative to the head.
const REACH_FACTOR: f64 = 1.1;
/// Maximum shift of the grip, metres, by which the device is further from the wrist than assumed:
/// reach beyond the limit is attributed to it. A wand may report a point at its far end.
const GRIP_SHIFT: f64 = 0.12;
/// Iterations that find the grip's shift; one would do if hands never turned.
const GRIP_STEPS: usize = 4;
/// Minimum reach of seated players, relative to the arm of a standing player with the same head
/// height. Of 896 clips of standing people, 99 of 100 stay below 1.26 and none is above 1.37; with
/// the head lowered to a chair's height, 9 of 10 exceed this. A wand's grip adds less than 0.3.
const SEATED_REACH: f64 = 1.35;
/// Maximum height of a seated player's head joint, metres; above it, such a reach is a wand's.
const SEATED_HEAD: f64 = 1.4;

impl Calibration {
    /// Measures a player who moves for a few seconds and stands upright part of the time.
    ///
    /// The height follows from the highest head positions. Arms get the proportions of `base`,
    /// unless the hands move further apart than that allows, or up to a tenth further from the
    /// shoulders. Any reach beyond that is attributed to the grip: the wrists are moved from where
    /// `devices` puts them, by at most 12 cm.
    ///
    /// Frames in which the head or a hand is lost are left out.
    ///
    /// # Errors
    /// If `frames`, or those in which head and both hands are tracked, last less than two seconds, a frame does
    /// not have three finite poses, the player sits, or the size is not a player's.
    pub fn from_motion(
        base: &Skeleton,
        frames: &[TrackerFrame],
        devices: [DeviceFromJoint; 3],
    ) -> Result<Self, CalibrationError> {
        check_frames(frames, MOTION_SECONDS)?;
        let held = Self { devices, ..Self::of(base) };
        let mut joints: Vec<TrackerFrame> =
            seen(frames)?.into_iter().map(|f| held.joints(f)).collect();
        let head = quantile(joints.iter().map(|f| f.poses[0].position.z), STANDING_QUANTILE);
        let standing = Self::from_height(base, head / HEAD_JOINT_PART)?;
        let (sizes, body) = (Sizes::of(base), standing.scales(base).body);
        refuse_seated(&joints, &sizes, &standing, body, head)?;
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
        let arm = reach(&joints, &sizes, body).min(arms);
        player.arm_span =
            standing.arm_span.max(apart(&joints)).max(2.0 * (body * sizes.girdle + arm));
        player.checked(base)
    }
}

/// The frames in which head and both hands are tracked; lost trackers stay at their last pose or at
/// the origin.
fn seen(frames: &[TrackerFrame]) -> Result<Vec<&TrackerFrame>, CalibrationError> {
    let is_seen = |frame: &&TrackerFrame| frame.poses.iter().all(|pose| pose.tracked);
    let seen: Vec<&TrackerFrame> = frames.iter().filter(is_seen).collect();
    let all = match seen[..] {
        [first, .., last] => last.time - first.time,
        _ => 0.0,
    };
    let unseen = seen.windows(2).map(|pair| (pair[1].time - pair[0].time - POSE_GAP).max(0.0));
    let seconds = all - unseen.sum::<f64>();
    if seconds < MOTION_SECONDS {
        let (lost, frames, needed) = (frames.len() - seen.len(), frames.len(), MOTION_SECONDS);
        return Err(CalibrationError::TooFewSeen { seconds, needed, lost, frames });
    }
    Ok(seen)
}

/// Refuses a player whose arms are too long for the height `head` of the head: a seated player's
/// head is as high as a shorter standing player's, but the arms are longer.
fn refuse_seated(
    joints: &[TrackerFrame],
    sizes: &Sizes,
    standing: &Calibration,
    body: f64,
    head: f64,
) -> Result<(), CalibrationError> {
    let (apart, reach) = (apart(joints), reach(joints, sizes, body));
    let is_apart = apart > SEATED_SPAN * standing.arm_span;
    if is_apart || head < SEATED_HEAD && reach > SEATED_REACH * body * sizes.arm {
        let arm_span = apart.max(2.0 * (body * sizes.girdle + reach));
        return Err(CalibrationError::Seated { head, arm_span });
    }
    Ok(())
}

/// Greatest distance between the wrists, apart from glitches.
fn apart(joints: &[TrackerFrame]) -> f64 {
    let apart = joints.iter().map(|f| f.poses[1].position.distance(f.poses[2].position));
    quantile(apart, SPAN_QUANTILE)
}

/// Distance from wrist to assumed shoulder at far reaches.
fn reach(joints: &[TrackerFrame], sizes: &Sizes, body: f64) -> f64 {
    let reaches = joints.iter().flat_map(|f| to_shoulders(f, sizes, body).map(DVec3::length));
    quantile(reaches, REACH_QUANTILE)
}

/// From both wrists to the shoulders of an upright body below the head, facing as the head does.
fn to_shoulders(joints: &TrackerFrame, sizes: &Sizes, body: f64) -> [DVec3; 2] {
    let [head, left, right] = [0, 1, 2].map(|k| joints.poses[k].position);
    let chest = head - DVec3::Z * (body * (sizes.head - sizes.shoulders));
    let turn = DQuat::from_rotation_z(heading(joints.poses[0].rotation));
    let shoulder = turn * DVec3::X * (body * sizes.girdle);
    [chest + shoulder - left, chest - shoulder - right]
}

/// Converts a direction from the left wrist's axes to those of hand `tracker`, by mirroring for the
/// right.
fn of_hand(tracker: usize, direction: DVec3) -> DVec3 {
    if tracker == 1 { direction } else { direction * DVec3::new(-1.0, 1.0, 1.0) }
}

/// Shift of the wrists from their assumed position, in the left wrist's axes, given arms of at most
/// `arms` metres: the smallest shift that brings nearly all reaches within that length, in the mean
/// direction to the shoulders at far reaches.
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

/// The value below which the fraction `part` of `values` (at least one) lies.
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
    use crate::motion::synthetic::{self, Kind, walk_and_wave};
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

    /// A walk, as 60 frames a second of a body with `skeleton`.
    fn walk(skeleton: &Skeleton) -> Vec<TrackerFrame> {
        let frames = walk_and_wave(skeleton).frames;
        let frames = frames.iter().enumerate();
        frames.map(|(i, f)| devices(skeleton, &Pose::from(f), i as f64 / 60.0)).collect()
    }

    /// Lost hands at the origin, or far away on a table, would give the longest arms.
    #[test]
    fn lost_hands_measure_nobody() {
        let base = Skeleton::default();
        let frames = walk(&base);
        let whole = Calibration::from_motion(&base, &frames, held()).unwrap();
        let mut lost = frames.clone();
        for (i, frame) in lost.iter_mut().enumerate() {
            let place = if i < 300 { DVec3::ZERO } else { DVec3::new(9.0, 2.0, 0.7) };
            if i < 300 || i % 5 == 0 {
                let hand = &mut frame.poses[1 + i % 2];
                hand.position = place;
                *hand = hand.lost();
            }
        }
        let found = Calibration::from_motion(&base, &lost, held()).unwrap();
        assert!((found.height - whole.height).abs() < 0.05, "{found:?} {whole:?}");
        assert!((found.arm_span - whole.arm_span).abs() < 0.1, "{found:?} {whole:?}");

        // A second and a half is left.
        for frame in &mut lost[90..] {
            frame.poses[2] = frame.poses[2].lost();
        }
        for (frame, whole) in lost[..90].iter_mut().zip(&frames) {
            frame.clone_from(whole);
        }
        let attempt = |frames: &[TrackerFrame]| {
            Calibration::from_motion(&base, frames, held()).unwrap_err().to_string()
        };
        let error = attempt(&lost);
        assert!(error.contains("for 1.5 s") && error.contains("631 of 721 frames"), "{error}");
        // With one frame per second, the motion between frames is not observed.
        let rare: Vec<TrackerFrame> = frames.iter().step_by(60).cloned().collect();
        assert!(attempt(&rare[..7]).contains("for 1.5 s"), "{}", attempt(&rare[..7]));
    }

    #[test]
    fn a_player_who_sits_is_refused() {
        let base = Skeleton::default();
        let sit = synthetic::clip(Kind::Sit, 0, 8.0, 60.0, &base);
        let frames: Vec<TrackerFrame> = sit
            .frames
            .iter()
            .enumerate()
            .map(|(i, frame)| devices(&base, &Pose::from(frame), i as f64 / 60.0))
            .collect();
        // The player sits after three seconds.
        let error = Calibration::from_motion(&base, &frames[180..], held()).unwrap_err();
        assert!(matches!(error, CalibrationError::Seated { head, .. } if head < 1.2), "{error}");
        assert!(error.to_string().contains("stand up"), "{error}");
        // A player who stood before, or a child, is measured.
        let child = walk(&sized(1.3, 1.0).0);
        for (frames, height) in [(&frames, 1.75), (&child, 1.3)] {
            let found = Calibration::from_motion(&base, frames, held()).unwrap();
            assert!((found.height / height - 1.0).abs() < 0.03, "{found:?}");
        }
    }

    /// The length of arms is found even if they are never both stretched out.
    #[test]
    fn far_reaches_imply_long_arms() {
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
        // True shoulders are slightly behind the head, while the estimate assumes them below it.
        let part = found.arm_span / truth.arm_span;
        assert!((0.95..1.02).contains(&part), "{found:?} {truth:?}");
    }

    /// Reaches beyond any plausible arm imply a device held further from the wrist.
    #[test]
    fn reaches_beyond_the_arm_shift_the_grip() {
        let base = Skeleton::default();
        let mut ahead = Pose::rest();
        ahead.rotations[0] = UPRIGHT;
        ahead.translation.z = base.ankle_height - base.pose_joints(&ahead).positions[7].z;
        for (shoulder, turn) in [(J::LeftShoulder, -1.5), (J::RightShoulder, 1.5)] {
            ahead.rotations[shoulder.index()] = DQuat::from_rotation_y(turn);
        }
        // In the rest pose the fingers point along x and −x of the wrists.
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
            // Longer arms explain 5 cm of it, and shoulders are slightly behind the head.
            assert!(off.length() < 0.1, "{k}: {off}");
            assert_eq!(found.devices[k].rotation, DQuat::IDENTITY);
        }
        assert_eq!(found.devices[0], DeviceFromJoint::default());
    }
}
