//! Characters: which of their bones are the body's, and how these move with it.
//!
//! A character comes from some tool, with its own names, bone axes, units and rest pose. [`RigMap::find`]
//! says which bone is which joint and how sure that is; [`Retarget`] turns poses into local transforms of
//! these bones. Nothing here knows an engine.
//!
//! * **Names** of Mixamo, VRM, Unity, Unreal, Rigify, Biped, VRoid, Character Creator, Daz and SMPL rigs are
//!   understood. Names that help (twist, IK, ends, fingers) are told from those of the body.
//! * **Place** decides where names say nothing or too much: a limb is three bones in a row with the
//!   proportions of one, and its pair is its mirror image. Hips and chest are where legs and arms meet. The
//!   toes point to the front, which tells left from right.
//! * **What is said** goes before what is found: a [`RigOverride`] of the user's, then the file's own
//!   humanoid ([`vrm_bones`]).
//!
//! ```
//! use kinest::rig::{Bone, BoneTree, Fit, Retarget, RigMap, RigOverride, Similarity};
//! use kinest::skeleton::{Pose, Skeleton};
//! # use glam::{DQuat, DVec3};
//!
//! # fn bones() -> Vec<Bone> {
//! #     let skeleton = Skeleton::default();
//! #     kinest::skeleton::SmplJoint::ALL
//! #         .map(|j| Bone {
//! #             name: j.name().into(),
//! #             parent: j.parent().map(|p| p.index()),
//! #             translation: skeleton.offsets[j.index()],
//! #             rotation: DQuat::IDENTITY,
//! #             scale: DVec3::ONE,
//! #         })
//! #         .into()
//! # }
//! let tree = BoneTree::new(bones())?;
//! let map = RigMap::find(&tree, &RigOverride::default(), &Default::default())?;
//! println!("{map}");
//! let skeleton = Skeleton::default();
//! let mut retarget = Retarget::new(&tree, &map, &skeleton);
//! let joints = skeleton.pose_joints(&Pose::rest());
//! // glTF and engines have y up.
//! let rig_from_world = Similarity {
//!     rotation: kinest::coordinates::UPRIGHT.conjugate(),
//!     translation: DVec3::ZERO,
//!     scale: 1.0,
//! };
//! retarget.apply(&joints, &rig_from_world, Fit::default(), |bone, rotation, place| {
//!     // … to the engine.
//! });
//! # Ok::<(), kinest::rig::RigError>(())
//! ```

mod limbs;
mod map;
mod names;
mod retarget;
#[cfg(test)]
mod tests;
mod tree;
mod vrm;

pub use map::{DrivenBone, Evidence, RigMap};
pub use retarget::{Anchor, Fit, Retarget, Similarity};
pub use tree::{Bone, BoneTree};
pub use vrm::{VRM_EXTENSIONS, vrm_bones};

use crate::skeleton::SmplJoint;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the user knows better than [`RigMap::find`]: the content of a `*.rig.ron`.
///
/// ```
/// let text = r#"(
///     bones: { Pelvis: "Root_M", LeftHip: "Hip_L" }, // the others are found
///     skip: [LeftCollar, RightCollar],               // stay as they are
///     ignore: ["Cape", "Tail"],                      // with all that hangs from them
/// )"#;
/// kinest::rig::RigOverride::from_ron(text)?;
/// # Ok::<(), kinest::rig::RigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RigOverride {
    /// Names of bones, exactly as in the model file.
    pub bones: BTreeMap<SmplJoint, String>,
    /// Joints that move no bone.
    pub skip: BTreeSet<SmplJoint>,
    /// Bones that are no part of the body, with all bones under them.
    pub ignore: BTreeSet<String>,
}

impl RigOverride {
    /// Reads the RON form.
    ///
    /// # Errors
    /// [`RigError::Ron`] with the place in the text.
    pub fn from_ron(text: &str) -> Result<Self, RigError> {
        Ok(ron::from_str(text)?)
    }
}

/// Why a character cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A bone has a rest transform or a parent that cannot be.
    #[error("bone {index} `{name}`: {problem}")]
    Bone {
        /// Its index.
        index: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is no bone of a given name.
    #[error("there is no bone `{name}`")]
    NoBone {
        /// The name.
        name: String,
    },
    /// A given name is that of several bones.
    #[error("there are several bones `{name}`")]
    ManyBones {
        /// The name.
        name: String,
    },
    /// One bone for two joints.
    #[error("bone `{name}` cannot be {} too", joint.name())]
    Twice {
        /// The bone.
        name: String,
        /// The second joint.
        joint: SmplJoint,
    },
    /// Names and shape do not make a humanoid.
    #[error("no humanoid: {missing} could not be found; `bones` of a rig override can name it")]
    NotHumanoid {
        /// What was looked for in vain.
        missing: &'static str,
    },
    /// A rig override is not valid RON of the expected form.
    #[error("rig override: {0}")]
    Ron(#[from] ron::error::SpannedError),
}
