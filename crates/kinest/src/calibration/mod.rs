//! Maps between the player's body and the body a model was trained on.
//!
//! A network is trained on one body size. A [`Calibration`] holds the player's height, arm span,
//! and the mounting of the devices. With it the network's input are the trackers of a body of its
//! own size ([`to_model`](Calibration::to_model)), and its rotations are applied to a body of the
//! player's size ([`skeleton`](Calibration::skeleton)).

mod body;
mod motion;

use crate::coordinates::UPRIGHT;
use crate::files::write_atomically;
use crate::rotation::quat_from_matrix;
use crate::skeleton::{Skeleton, SmplJoint};
use crate::tracker::{BodyDevices, DeviceFromJoint, TrackerFrame, TrackerRole, TrackerSet};
use glam::{DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use SmplJoint as J;

/// Height of the head joint above the soles divided by the player's height: 1.5986 m of 1.75 m in
/// the open skeleton.
pub const HEAD_JOINT_PART: f64 = 0.913_486;

/// Range of plausible player heights, metres.
const HEIGHTS: [f64; 2] = [0.5, 2.6];
/// Range of the arms' size relative to the body's size.
const ARM_FACTORS: [f64; 2] = [0.6, 1.6];

/// Minimum duration of the T-pose, seconds.
const POSE_SECONDS: f64 = 0.5;
/// Greatest distance of a tracker from its mean position during the T-pose, metres.
const POSE_STILLNESS: f64 = 0.05;
/// Maximum time between two frames of a T-pose, seconds; of a longer gap in a motion, only this
/// much counts as observed.
const POSE_GAP: f64 = 0.25;
/// Minimum arm span of a seated player, relative to that of a standing player with the same head
/// height: people differ by 8 %, and a chair lowers the head by a quarter.
const SEATED_SPAN: f64 = 1.18;
/// Greatest height difference between hand and shoulders, as a fraction of half the arm span.
const POSE_SLOPE: f64 = 0.35;

/// A player's size, and the mounting of the devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Standing height from the soles to the crown, metres.
    pub height: f64,
    /// Distance between the wrist joints with both arms stretched out to the sides, metres: about
    /// 0.84 times the height.
    pub arm_span: f64,
    /// Device-from-joint transforms: headset, left controller, right controller.
    #[serde(default)]
    pub devices: [DeviceFromJoint; 3],
    /// Device-from-joint transforms of the trackers on the body.
    #[serde(default, skip_serializing_if = "BodyDevices::is_empty")]
    pub body: BodyDevices,
}

/// Why a calibration could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The recording of the trackers is too short.
    #[error("{seconds:.1} s of trackers, at least {needed} s are needed")]
    TooShort {
        /// Duration of the recording, seconds.
        seconds: f64,
        /// Required duration, seconds.
        needed: f64,
    },
    /// There is a gap between two frames.
    #[error(
        "no trackers for {seconds:.2} s of the T-pose: hold it until it is measured, at {needed} s between frames at most"
    )]
    Gap {
        /// Time between two frames, seconds.
        seconds: f64,
        /// Longest time allowed, seconds.
        needed: f64,
    },
    /// A tracker was lost for too long.
    #[error(
        "the {role} is not tracked: hold it where the headset sees it, or measure by motion or by height instead"
    )]
    NotSeen {
        /// Role of the tracker that was lost longest.
        role: TrackerRole,
    },
    /// Head and both hands were tracked together for too short a part of the motion.
    #[error(
        "head and both hands are tracked for {seconds:.1} s of the motion, at least {needed} s are needed ({lost} of {frames} frames are left out): hold both hands where the headset sees them, or give the height instead"
    )]
    TooFewSeen {
        /// Duration of the usable frames, seconds.
        seconds: f64,
        /// Required duration, seconds.
        needed: f64,
        /// Number of frames that were left out.
        lost: usize,
        /// Number of all frames.
        frames: usize,
    },
    /// The head is too low for these arms.
    #[error(
        "the head is at {head:.2} m and the arms span {arm_span:.2} m, as of somebody who sits: stand up to be measured, or give the height instead"
    )]
    Seated {
        /// Height of the head joint, metres.
        head: f64,
        /// Distance of the wrists with both arms stretched out, metres.
        arm_span: f64,
    },
    /// A frame does not have one finite pose for each tracker.
    #[error("tracker frame {frame} does not have three finite poses")]
    Frame {
        /// Index of the frame.
        frame: usize,
    },
    /// A tracker moved while the pose should have been held.
    #[error("{role:?} moved {metres:.2} m: hold the T-pose still")]
    Moving {
        /// Role of the tracker.
        role: TrackerRole,
        /// Greatest distance from its mean position.
        metres: f64,
    },
    /// A hand is not stretched out to the side.
    #[error(
        "{role:?} is {metres:.2} m above the shoulders (below if negative): stretch both arms out to the sides"
    )]
    NotTPose {
        /// Role of the hand's tracker.
        role: TrackerRole,
        /// Height above the shoulders.
        metres: f64,
    },
    /// A size outside the plausible range.
    #[error("{field} of {metres:.2} m is not a player's")]
    Size {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        metres: f64,
    },
    /// A device-from-joint transform is not finite or its rotation is not normalised.
    #[error("the joint of {role:?} in its device's axes is not finite or not a rotation")]
    Device {
        /// Role of the tracker.
        role: TrackerRole,
    },
    /// The file could not be read or written.
    #[error("calibration {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a calibration.
    #[error("calibration {path} is not valid")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: Box<ron::error::SpannedError>,
    },
}

/// Sizes of a skeleton standing in its rest pose, metres.
struct Sizes {
    /// Height of the head joint and of the shoulders above the soles.
    head: f64,
    shoulders: f64,
    /// From the body's midline to a shoulder, and from there to the wrist.
    girdle: f64,
    arm: f64,
}

impl Sizes {
    fn of(skeleton: &Skeleton) -> Self {
        let sum = |joints: &[J]| joints.iter().map(|j| skeleton.offsets[j.index()]).sum::<DVec3>();
        let hips = skeleton.ankle_height - sum(&[J::LeftHip, J::LeftKnee, J::LeftAnkle]).y;
        let chest = hips + sum(&[J::Spine1, J::Spine2, J::Spine3]).y;
        let girdle = sum(&[J::LeftCollar, J::LeftShoulder]);
        Self {
            head: chest + sum(&[J::Neck, J::Head]).y,
            shoulders: chest + girdle.y,
            girdle: girdle.x,
            arm: sum(&[J::LeftElbow, J::LeftWrist]).x,
        }
    }
}

/// Sizes of the player's body and arms relative to the model's.
struct Scales {
    body: f64,
    arm: f64,
}

impl Calibration {
    /// A player of the size of `base`, whose devices report joints.
    #[must_use]
    pub fn of(base: &Skeleton) -> Self {
        let sizes = Sizes::of(base);
        Self {
            height: sizes.head / HEAD_JOINT_PART,
            arm_span: 2.0 * (sizes.girdle + sizes.arm),
            devices: Default::default(),
            body: BodyDevices::default(),
        }
    }

    /// A player of this height (metres) with the proportions of `base`, whose devices report
    /// joints.
    ///
    /// # Errors
    /// If the height is not a player's.
    pub fn from_height(base: &Skeleton, height: f64) -> Result<Self, CalibrationError> {
        let base_size = Self::of(base);
        let arm_span = base_size.arm_span * height / base_size.height;
        Self { height, arm_span, ..base_size }.checked(base)
    }

    /// Measures a player in a T-pose: upright, both arms stretched out to the sides, palms down,
    /// facing straight ahead.
    ///
    /// The height of the head joint gives the player's height, and the distance of the wrists the
    /// arm span. The rotation of the controllers in the hands is also measured, because the
    /// rotation of the wrists in a T-pose is known. Their position in the hands is taken from
    /// `devices`, like the headset's whole transform. The mounting of trackers on the body that
    /// were tracked all the time is measured, because the pose of every joint in a T-pose is known.
    ///
    /// # Errors
    /// If `frames` last less than half a second or have gaps, a frame does not have three finite poses, a
    /// tracker moves, the arms are not stretched out, the player sits, or the size is not a player's.
    pub fn from_t_pose(
        base: &Skeleton,
        frames: &[TrackerFrame],
        mut devices: [DeviceFromJoint; 3],
    ) -> Result<Self, CalibrationError> {
        check_frames(frames, POSE_SECONDS)?;
        let gaps = frames.windows(2).map(|pair| pair[1].time - pair[0].time);
        let seconds = gaps.fold(0.0, f64::max);
        if seconds > POSE_GAP {
            return Err(CalibrationError::Gap { seconds, needed: POSE_GAP });
        }
        let roles = TrackerSet::HeadAndHands.roles();
        let count = frames.len() as f64;
        // Rotations first: the wrist's position depends on the device's rotation, but not vice
        // versa. Hence the heading comes from the devices' positions.
        let place = |k: usize| frames.iter().map(|f| f.poses[k].position).sum::<DVec3>() / count;
        let left = place(1) - place(2);
        let stretched = DQuat::from_rotation_z(left.y.atan2(left.x)) * UPRIGHT;
        for (k, device) in devices.iter_mut().enumerate().skip(1) {
            let first = quat_from_matrix(frames[0].poses[k].rotation);
            // Mean of nearby quaternions, with the signs aligned to the first.
            let sum = frames.iter().fold(DQuat::from_xyzw(0.0, 0.0, 0.0, 0.0), |sum, frame| {
                let q = quat_from_matrix(frame.poses[k].rotation);
                sum + q * first.dot(q).signum()
            });
            device.rotation = sum.normalize().conjugate() * stretched;
        }
        let held = Self { devices, ..Self::of(base) };

        let joints: Vec<TrackerFrame> = frames.iter().map(|f| held.joints(f)).collect();
        let mut middles = [DVec3::ZERO; 3];
        for (k, middle) in middles.iter_mut().enumerate() {
            *middle = joints.iter().map(|f| f.poses[k].position).sum::<DVec3>() / count;
            let moved = joints.iter().map(|f| f.poses[k].position.distance(*middle));
            let metres = moved.fold(0.0, f64::max);
            if metres > POSE_STILLNESS {
                return Err(CalibrationError::Moving { role: roles[k], metres });
            }
        }
        let sizes = Sizes::of(base);
        let shoulders = middles[0].z * sizes.shoulders / sizes.head;
        let arm_span = middles[1].distance(middles[2]);
        for (role, hand) in roles.iter().zip(middles).skip(1) {
            let metres = hand.z - shoulders;
            if metres.abs() > POSE_SLOPE * arm_span / 2.0 {
                return Err(CalibrationError::NotTPose { role: *role, metres });
            }
        }
        let head = middles[0].z;
        let height = head / HEAD_JOINT_PART;
        if HEIGHTS[0] <= height
            && arm_span > SEATED_SPAN * Self::of(base).arm_span * head / sizes.head
        {
            return Err(CalibrationError::Seated { head, arm_span });
        }
        let player = Self { height, arm_span, devices, ..Self::of(base) }.checked(base)?;
        Ok(Self {
            body: body::worn(&player.skeleton(base), frames, middles[0], stretched)?,
            ..player
        })
    }

    /// Reads the RON file at `path`: a player's calibration for a model trained on `base`.
    ///
    /// # Errors
    /// If the file cannot be read or is not a calibration, or as [`checked`](Self::checked).
    pub fn load(base: &Skeleton, path: impl AsRef<Path>) -> Result<Self, CalibrationError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| CalibrationError::File { path: path.into(), source })?;
        let read: Self = ron::from_str(&text).map_err(|source| CalibrationError::Parse {
            path: path.into(),
            source: Box::new(source),
        })?;
        read.checked(base)
    }

    /// Writes the RON file at `path`, atomically.
    ///
    /// # Errors
    /// If the file cannot be written; an existing file is then unchanged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CalibrationError> {
        let path = path.as_ref();
        let text = ron::ser::to_string_pretty(self, ron::ser::PrettyConfig::default())
            .expect("numbers and structs can be written as RON");
        write_atomically(path, text.as_bytes())
            .map_err(|source| CalibrationError::File { path: path.into(), source })
    }

    /// Returns `self` if its values are plausible.
    ///
    /// # Errors
    /// If the height is not a player's, the arm span does not fit the height, or a
    /// device-from-joint transform is invalid.
    pub fn checked(self, base: &Skeleton) -> Result<Self, CalibrationError> {
        let within = |[low, high]: [f64; 2], value: f64| (low..=high).contains(&value);
        if !within(HEIGHTS, self.height) {
            return Err(CalibrationError::Size { field: "height", metres: self.height });
        }
        let scales = self.scales(base);
        if !within(ARM_FACTORS, scales.arm / scales.body) {
            return Err(CalibrationError::Size { field: "arm_span", metres: self.arm_span });
        }
        let sound = |d: &DeviceFromJoint| d.position.is_finite() && d.rotation.is_normalized();
        let devices = TrackerRole::HEAD_AND_HANDS.into_iter().zip(self.devices);
        if let Some((role, _)) = devices.chain(self.body.iter()).find(|(_, d)| !sound(d)) {
            return Err(CalibrationError::Device { role });
        }
        Ok(self)
    }

    fn scales(&self, base: &Skeleton) -> Scales {
        let sizes = Sizes::of(base);
        let body = self.height * HEAD_JOINT_PART / sizes.head;
        Scales { body, arm: (self.arm_span / 2.0 - body * sizes.girdle) / sizes.arm }
    }

    /// Converts the devices' poses to the poses of the player's joints, world space.
    ///
    /// # Panics
    /// If the frame does not have three poses.
    #[must_use]
    pub fn joints(&self, devices: &TrackerFrame) -> TrackerFrame {
        let mut frame = devices.clone();
        self.move_to_joints(&mut frame);
        frame
    }

    /// [`joints`](Self::joints) in place.
    ///
    /// # Panics
    /// If the frame does not have three poses.
    pub fn move_to_joints(&self, frame: &mut TrackerFrame) {
        assert_eq!(frame.poses.len(), self.devices.len(), "one pose for each device");
        for (pose, joint) in frame.poses.iter_mut().zip(&self.devices) {
            *pose = joint.joint(pose);
        }
        for (role, pose) in frame.body.iter_mut() {
            if let Some(joint) = self.body.get(role) {
                *pose = joint.joint(pose);
            }
        }
    }

    /// The tracker poses of a player the size of `base` with the devices at the joints: the input
    /// for a network trained on `base`.
    ///
    /// Everything is scaled about the origin of the floor by the body's scale; hands and elbows are scaled
    /// about the point between the shoulders, below the head, by the arms' scale.
    ///
    /// # Panics
    /// If the frame does not have three poses.
    #[must_use]
    pub fn to_model(&self, base: &Skeleton, devices: &TrackerFrame) -> TrackerFrame {
        let scales = self.scales(base);
        let sizes = Sizes::of(base);
        let mut frame = self.joints(devices);
        let below = DVec3::Z * (scales.body * (sizes.head - sizes.shoulders));
        let chest = frame.poses[0].position - below;
        frame.poses[0].position /= scales.body;
        let of_arm = |position| chest / scales.body + (position - chest) / scales.arm;
        for hand in &mut frame.poses[1..] {
            hand.position = of_arm(hand.position);
        }
        for (role, pose) in frame.body.iter_mut() {
            pose.position = match role {
                TrackerRole::LeftElbow | TrackerRole::RightElbow => of_arm(pose.position),
                _ => pose.position / scales.body,
            };
        }
        frame
    }

    /// The player's skeleton: `base` scaled to the player's height and arm span.
    #[must_use]
    pub fn skeleton(&self, base: &Skeleton) -> Skeleton {
        let scales = self.scales(base);
        let offsets = J::ALL.map(|joint| {
            let arm = matches!(joint, J::LeftElbow | J::RightElbow | J::LeftWrist | J::RightWrist);
            base.offsets[joint.index()] * if arm { scales.arm } else { scales.body }
        });
        Skeleton { offsets, ankle_height: base.ankle_height * scales.body }
    }
}

fn check_frames(frames: &[TrackerFrame], needed: f64) -> Result<(), CalibrationError> {
    let whole = |f: &TrackerFrame| f.poses.len() == 3 && f.is_finite();
    if let Some(frame) = frames.iter().position(|f| !whole(f)) {
        return Err(CalibrationError::Frame { frame });
    }
    let seconds = match frames {
        [first, .., last] => last.time - first.time,
        _ => 0.0,
    };
    if seconds < needed { Err(CalibrationError::TooShort { seconds, needed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::{PerJoint, Pose};
    use glam::DMat3;

    /// Devices with arbitrary offsets and rotations from the joints.
    pub(super) fn held() -> [DeviceFromJoint; 3] {
        [
            DeviceFromJoint {
                position: DVec3::new(0.0, -0.08, 0.1),
                rotation: DQuat::from_rotation_y(std::f64::consts::PI),
            },
            DeviceFromJoint {
                position: DVec3::new(0.02, 0.03, 0.09),
                rotation: DQuat::from_rotation_x(0.7) * DQuat::from_rotation_y(1.2),
            },
            DeviceFromJoint {
                position: DVec3::new(-0.02, 0.03, 0.09),
                rotation: DQuat::from_rotation_x(0.7) * DQuat::from_rotation_y(-1.2),
            },
        ]
    }

    /// Poses of those devices for a body in `pose`.
    pub(super) fn devices(skeleton: &Skeleton, pose: &Pose, time: f64) -> TrackerFrame {
        let joints = skeleton.pose_joints(pose);
        let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
        for (pose, held) in frame.poses.iter_mut().zip(held()) {
            pose.rotation *= DMat3::from_quat(held.rotation.conjugate());
            pose.position -= pose.rotation * held.position;
        }
        frame
    }

    fn t_pose(skeleton: &Skeleton) -> Vec<TrackerFrame> {
        let mut pose = Pose::rest();
        let ankle = skeleton.pose_joints(&pose).positions[J::LeftAnkle.index()].z;
        pose.rotations[0] = DQuat::from_rotation_z(2.0) * pose.rotations[0];
        let frame = |i: u32| {
            let tremble = DVec3::splat(0.002 * f64::from(i).sin());
            let mut pose = pose;
            pose.translation = DVec3::new(1.0, -3.0, skeleton.ankle_height - ankle) + tremble;
            devices(skeleton, &pose, f64::from(i) / 60.0)
        };
        (0..60).map(frame).collect()
    }

    pub(super) fn sized(height: f64, arms: f64) -> (Skeleton, Calibration) {
        let base = Skeleton::default();
        let mut calibration = Calibration::from_height(&base, height).unwrap();
        calibration.arm_span *= arms;
        (calibration.skeleton(&base), calibration)
    }

    /// Transforms that a T-pose cannot measure: the headset's, and the positions of the
    /// controllers.
    pub(super) fn known() -> [DeviceFromJoint; 3] {
        let [head, left, right] = held();
        let position =
            |d: DeviceFromJoint| DeviceFromJoint { position: d.position, ..Default::default() };
        [head, position(left), position(right)]
    }

    #[test]
    fn the_open_skeleton_is_one_metre_seventy_five() {
        let calibration = Calibration::of(&Skeleton::default());
        assert!((calibration.height - 1.75).abs() < 1e-4, "{}", calibration.height);
        assert!((calibration.arm_span - 1.477).abs() < 1e-9, "{}", calibration.arm_span);
        assert!((calibration.arm_span / calibration.height - 0.844).abs() < 1e-3);
        let same = calibration.skeleton(&Skeleton::default());
        for (a, b) in same.offsets.iter().zip(&Skeleton::default().offsets) {
            assert!(a.distance(*b) < 1e-12);
        }
    }

    #[test]
    fn a_t_pose_gives_height_span_and_rotation_of_the_controllers() {
        let base = Skeleton::default();
        for (height, arms) in [(1.45, 1.0), (1.75, 1.05), (2.0, 0.95)] {
            let (skeleton, truth) = sized(height, arms);
            let found = Calibration::from_t_pose(&base, &t_pose(&skeleton), known()).unwrap();
            assert!((found.height - height).abs() < 0.005, "{found:?}");
            assert!((found.arm_span - truth.arm_span).abs() < 0.02, "{found:?} {truth:?}");
            for (found, held) in found.devices.iter().zip(held()) {
                let off = crate::rotation::geodesic_angle(found.rotation, held.rotation);
                assert!(off < 0.1, "{off}");
            }
        }
    }

    #[test]
    fn errors_name_what_is_wrong_with_a_t_pose() {
        let base = Skeleton::default();
        let attempt = |frames: &[TrackerFrame]| {
            Calibration::from_t_pose(&base, frames, known()).unwrap_err().to_string()
        };
        let good = t_pose(&base);
        assert!(attempt(&good[..20]).contains("0.3 s"), "{}", attempt(&good[..20]));
        let mut moving = good.clone();
        moving[30].poses[2].position.x += 0.3;
        assert!(attempt(&moving).contains("RightHand moved"), "{}", attempt(&moving));
        let mut low = good.clone();
        low.iter_mut().for_each(|f| f.poses[1].position.z -= 0.6);
        assert!(attempt(&low).contains("LeftHand is -0.6"), "{}", attempt(&low));
        let mut broken = good.clone();
        broken[7].poses[0].position.z = f64::NAN;
        assert!(attempt(&broken).contains("frame 7"));
        // Two frames, a second apart.
        let rare = [good[0].clone(), TrackerFrame { time: 1.0, ..good[1].clone() }];
        assert!(attempt(&rare).contains("1.00 s"), "{}", attempt(&rare));
        let mut seated = good.clone();
        let lower = 1.12
            - Calibration { devices: known(), ..Calibration::of(&base) }.joints(&good[0]).poses[0]
                .position
                .z;
        seated.iter_mut().flat_map(|f| &mut f.poses).for_each(|pose| pose.position.z += lower);
        // A seated player's shoulders are as far below the head as when standing.
        assert!(attempt(&seated).contains("stand up"), "{}", attempt(&seated));
        let doll = Calibration { height: 0.4, arm_span: 0.34, ..Calibration::of(&base) };
        let doll = t_pose(&doll.skeleton(&base));
        assert!(attempt(&doll).contains("height of 0.40 m is not"), "{}", attempt(&doll));
    }

    /// The same motion by bodies of different sizes gives the network the same input.
    #[test]
    fn the_model_sees_its_own_size() {
        let base = Skeleton::default();
        for height in [1.45, 1.75, 2.0] {
            let (skeleton, mut calibration) = sized(height, 1.0);
            calibration.devices = held();
            let scale = height / Calibration::of(&base).height;
            for frame in walk_and_wave(&base).frames.iter().step_by(60) {
                let pose = Pose::from(frame);
                let grown = Pose { translation: pose.translation * scale, ..pose };
                let seen = calibration.to_model(&base, &devices(&skeleton, &grown, 0.0));
                let joints = base.pose_joints(&pose);
                let wanted = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints);
                for (seen, wanted) in seen.poses.iter().zip(&wanted.poses) {
                    assert!(seen.position.distance(wanted.position) < 1e-9);
                    assert!(
                        (seen.rotation - wanted.rotation)
                            .to_cols_array()
                            .iter()
                            .all(|v| v.abs() < 1e-9)
                    );
                }
            }
        }
    }

    #[test]
    fn longer_arms_stretch_to_the_models_hands() {
        let base = Skeleton::default();
        let (skeleton, calibration) = sized(1.75, 1.1);
        let span = |s: &Skeleton| {
            let rest: PerJoint<DVec3> = s.pose_joints(&Pose::rest()).positions;
            rest[J::LeftWrist.index()].distance(rest[J::RightWrist.index()])
        };
        assert!((span(&skeleton) - calibration.arm_span).abs() < 1e-9);
        let joints = skeleton.pose_joints(&Pose::rest());
        let frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints);
        let seen = calibration.to_model(&base, &frame);
        let apart = seen.poses[1].position.distance(seen.poses[2].position);
        // Shoulders do not scale with the arms: an error of 4.9 cm in 148 cm.
        assert!((apart - span(&base)).abs() < 0.05, "{apart}");
    }

    #[test]
    fn a_saved_calibration_loads_unchanged_and_errors_name_the_file() {
        let base = Skeleton::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("player.ron");
        let sized = Calibration { height: 1.62, arm_span: 1.35, ..Calibration::of(&base) };
        let saved = Calibration { devices: held(), ..sized };
        saved.save(&path).unwrap();
        assert_eq!(Calibration::load(&base, &path).unwrap(), saved);
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Calibration::load(&base, &path)
        };
        let plain = load("(height: 1.8, arm_span: 1.5)").unwrap();
        assert_eq!(plain.devices, <[DeviceFromJoint; 3]>::default());
        let error = load("(height: 1.8, arms: 1.5)").unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("player.ron") && source.contains("arms"), "{source}");
        let error = load("(height: 18, arm_span: 1.5)").unwrap_err().to_string();
        assert!(error.contains("height of 18.00 m"), "{error}");
        let turned = "(height: 1.8, arm_span: 1.5, devices: ((), (rotation: (1, 1, 0, 0)), ()))";
        let error = load(turned).unwrap_err().to_string();
        assert!(error.contains("LeftHand"), "{error}");
        assert!(Calibration::load(&base, folder.path().join("none.ron")).is_err());
    }

    #[test]
    fn implausible_heights_and_arm_spans_are_refused() {
        let base = Skeleton::default();
        assert!(Calibration::from_height(&base, 4.0).is_err());
        let long = Calibration { arm_span: 3.0, ..Calibration::of(&base) };
        assert!(long.checked(&base).unwrap_err().to_string().contains("arm_span"));
    }
}
