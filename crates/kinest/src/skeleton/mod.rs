//! The body: its joints, rest pose, and forward kinematics.

mod group;
mod kinematics;
mod limb;
mod smpl;
mod sole;

pub use group::{Group, GroupPair};
pub(crate) use kinematics::group_centres;
pub use kinematics::{GroupMotion, Interaction, Interactions, KinematicGroups, LevelAxes};
pub(crate) use limb::{FULL_REACH, SOFT_REACH, bend_to, girdle, lean, soften};
pub use smpl::SmplJoint;
pub use sole::CONTACTS;

use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const JOINTS: usize = SmplJoint::COUNT;

/// Body height over the height of the head joint, which is at the ears: 1.75 m over 1.599 m in the
/// default skeleton.
const STATURE_OVER_HEAD_JOINT: f64 = 1.0944;

/// One value for each joint, in SMPL's order.
pub type PerJoint<T> = [T; JOINTS];

/// One frame of a body: position of the root, and rotation of each joint relative to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// SMPL's `trans`, metres, AMASS space: position of the pelvis joint minus its rest position
    /// (zero in the default skeleton).
    pub translation: DVec3,
    /// Rotation of each joint relative to its parent; the pelvis relative to the world (AMASS
    /// space).
    pub rotations: PerJoint<DQuat>,
}

impl Pose {
    /// The rest pose (arms stretched out to the sides): upright, facing −y, root at the origin.
    #[must_use]
    pub fn rest() -> Self {
        let mut rotations = [DQuat::IDENTITY; JOINTS];
        rotations[0] = crate::coordinates::UPRIGHT;
        Self { translation: DVec3::ZERO, rotations }
    }

    /// Interpolates to `other` (`t` from 0 to 1): linearly for the root, by slerp for the joints.
    #[must_use]
    pub fn interpolate(&self, other: &Self, t: f64) -> Self {
        Self {
            translation: self.translation.lerp(other.translation, t),
            rotations: std::array::from_fn(|j| self.rotations[j].slerp(other.rotations[j], t)),
        }
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.translation.is_finite() && self.rotations.iter().all(|q| q.is_finite())
    }

    /// The local rotations as matrices.
    #[must_use]
    pub fn matrices(&self) -> PerJoint<DMat3> {
        self.rotations.map(DMat3::from_quat)
    }
}

/// World rotation and position of every joint, AMASS space, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointTransforms {
    /// World-from-joint rotations.
    pub rotations: PerJoint<DMat3>,
    /// World positions.
    pub positions: PerJoint<DVec3>,
}

/// Why a skeleton could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SkeletonError {
    /// The file could not be read.
    #[error("cannot read skeleton {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The text is not JSON of the expected form.
    #[error("skeleton is not valid JSON of the expected form")]
    Json(#[from] serde_json::Error),
    /// A field has an invalid value.
    #[error("skeleton field `{field}`: {problem}")]
    Field {
        /// The field in the JSON.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The rest pose of a 22-joint SMPL body.
///
/// Rest pose axes: x to the person's left, y up, z forward, metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skeleton {
    /// Offset of each joint from its parent; for the pelvis, its rest position.
    pub offsets: PerJoint<DVec3>,
    /// Height of the ankle joint above the sole, metres.
    pub ankle_height: f64,
}

#[derive(Deserialize)]
struct SkeletonFile {
    names: Option<Vec<String>>,
    parents: Vec<i64>,
    offsets: Vec<[f64; 3]>,
    ankle_height_m: Option<f64>,
}

impl Default for Skeleton {
    /// The open skeleton: a 1.75 m person, built from published anthropometry, with no data from
    /// SMPL.
    fn default() -> Self {
        Self::from_json(include_str!("../../assets/smpl22.skeleton.json"))
            .expect("the embedded skeleton is valid; a test checks it")
    }
}

impl Skeleton {
    /// Parses the JSON form: `parents`, `offsets`, and optionally `names` and `ankle_height_m`;
    /// other keys are ignored.
    ///
    /// # Errors
    /// If the JSON is malformed, its joints are not SMPL's 22, or a number is not finite.
    pub fn from_json(text: &str) -> Result<Self, SkeletonError> {
        let file: SkeletonFile = serde_json::from_str(text)?;
        let field = |field, problem: String| Err(SkeletonError::Field { field, problem });
        if let Some(names) = &file.names
            && !names.iter().map(String::as_str).eq(SmplJoint::ALL.map(SmplJoint::name))
        {
            return field("names", format!("not SMPL's {JOINTS} joints in order: {names:?}"));
        }
        let parents = SmplJoint::ALL.map(|j| j.parent().map_or(-1, |p| p.index() as i64));
        if file.parents != parents {
            return field("parents", format!("expected {parents:?}, found {:?}", file.parents));
        }
        let Ok(offsets) = <[[f64; 3]; JOINTS]>::try_from(file.offsets.as_slice()) else {
            return field(
                "offsets",
                format!("expected {JOINTS} rows, found {}", file.offsets.len()),
            );
        };
        let ankle_height = file.ankle_height_m.unwrap_or(0.0);
        if !(offsets.iter().flatten().all(|v| v.is_finite()) && ankle_height.is_finite()) {
            return field("offsets", "a number is not finite".into());
        }
        Ok(Self { offsets: offsets.map(DVec3::from_array), ankle_height })
    }

    /// Reads the JSON file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or as [`Skeleton::from_json`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SkeletonError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| SkeletonError::Read { path: path.into(), source })?;
        Self::from_json(&text)
    }

    /// A skeleton from the rest positions of its joints (as from SMPL's regressor), metres in rest
    /// pose axes.
    #[must_use]
    pub fn from_rest_positions(rest: &PerJoint<DVec3>, ankle_height: f64) -> Self {
        let offsets = SmplJoint::ALL
            .map(|j| rest[j.index()] - j.parent().map_or(DVec3::ZERO, |p| rest[p.index()]));
        Self { offsets, ankle_height }
    }

    /// Body height of a person with this skeleton, metres: the rest pose's height from soles to
    /// head joint, plus the height of the head above that joint. 1.75 for the default skeleton.
    #[must_use]
    pub fn stature(&self) -> f64 {
        let chain = [SmplJoint::Spine1, SmplJoint::Spine2, SmplJoint::Spine3];
        let trunk = chain.into_iter().chain([SmplJoint::Neck, SmplJoint::Head]);
        let up: f64 = trunk.map(|joint| self.offsets[joint.index()].y).sum();
        STATURE_OVER_HEAD_JOINT * (up + self.standing_root_height())
    }

    /// Height of the pelvis above the soles in the rest pose, metres.
    #[must_use]
    pub fn standing_root_height(&self) -> f64 {
        let leg = [SmplJoint::LeftHip, SmplJoint::LeftKnee, SmplJoint::LeftAnkle];
        self.ankle_height - leg.map(|joint| self.offsets[joint.index()].y).iter().sum::<f64>()
    }

    /// World transforms of all joints, AMASS space, for local rotation matrices and a root
    /// translation: SMPL's forward kinematics, with the pelvis at `translation` plus its rest
    /// position.
    #[must_use]
    pub fn forward(&self, rotations: &PerJoint<DMat3>, translation: DVec3) -> JointTransforms {
        let mut world = JointTransforms {
            rotations: global_rotations(rotations),
            positions: [self.offsets[0] + translation; JOINTS],
        };
        for joint in SmplJoint::ALL {
            if let Some(parent) = joint.parent().map(SmplJoint::index) {
                let j = joint.index();
                world.positions[j] =
                    world.positions[parent] + world.rotations[parent] * self.offsets[j];
            }
        }
        world
    }

    /// World transforms of all joints of `pose`.
    #[must_use]
    pub fn pose_joints(&self, pose: &Pose) -> JointTransforms {
        self.forward(&pose.matrices(), pose.translation)
    }

    /// The translation that puts the head joint at `head` (metres, AMASS space) for these local
    /// rotations.
    #[must_use]
    pub fn translation_for_head(&self, rotations: &PerJoint<DMat3>, head: DVec3) -> DVec3 {
        head - self.forward(rotations, DVec3::ZERO).positions[SmplJoint::Head.index()]
    }
}

/// World rotations from local ones: products down the tree, in the order of SMPL's joints.
#[must_use]
pub fn global_rotations(local: &PerJoint<DMat3>) -> PerJoint<DMat3> {
    let mut global = *local;
    for joint in SmplJoint::ALL {
        if let Some(parent) = joint.parent() {
            global[joint.index()] = global[parent.index()] * local[joint.index()];
        }
    }
    global
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_skeleton_stands_one_metre_seventy_five_with_feet_below_hips() {
        let skeleton = Skeleton::default();
        let joints = skeleton.pose_joints(&Pose::rest()).positions;
        let at = |j: SmplJoint| joints[j.index()];
        assert!(at(SmplJoint::Head).z > 0.5 && at(SmplJoint::LeftAnkle).z < -0.8);
        assert!(at(SmplJoint::LeftWrist).x > 0.6, "the left hand is on +x when facing -y");
        assert!(at(SmplJoint::LeftFoot).y < at(SmplJoint::LeftAnkle).y, "toes point to -y");
        assert!((skeleton.stature() - 1.75).abs() < 1e-3, "{} m", skeleton.stature());
        assert!((skeleton.standing_root_height() - 1.024).abs() < 1e-3);
    }

    #[test]
    fn head_placement_is_exact() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        pose.rotations[3] = DQuat::from_rotation_x(0.4);
        let head = DVec3::new(1.0, 2.0, 1.6);
        pose.translation = skeleton.translation_for_head(&pose.matrices(), head);
        let placed = skeleton.pose_joints(&pose).positions[SmplJoint::Head.index()];
        assert!((placed - head).length() < 1e-12);
    }

    #[test]
    fn a_wrong_skeleton_names_its_field() {
        let good = include_str!("../../assets/smpl22.skeleton.json");
        let mut json: serde_json::Value = serde_json::from_str(good).unwrap();
        json["offsets"].as_array_mut().unwrap().pop();
        let error = Skeleton::from_json(&json.to_string()).unwrap_err().to_string();
        assert!(error.contains("offsets") && error.contains("21"), "{error}");
        json["parents"][3] = 7.into();
        assert!(
            Skeleton::from_json(&json.to_string()).unwrap_err().to_string().contains("parents")
        );
    }
}
