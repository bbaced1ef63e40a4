//! Characters: which of their bones are the body's, and how they follow its pose.
//!
//! A character comes from some tool, with its own bone names, bone axes, units and rest pose.
//! [`RigMap::find`] maps bones to joints and tells how certain each mapping is; [`Retarget`]
//! converts poses to local transforms of those bones: hands at the body's wrists, soles on its
//! floor. Nothing here depends on an engine.
//!
//! * **Rest pose**: the pose that the skins were made in, wherever the nodes of the file or of a
//!   spawned scene happen to stand ([`ModelNodes`]).
//! * **Names**: the conventions of Mixamo, VRM, Unity, Unreal, Rigify, Auto-Rig Pro, Biped, VRoid,
//!   MikuMikuDance, Character Creator, Daz and SMPL are recognised, with any prefix that all bones
//!   share. Helper bones (twist, IK, end bones, fingers) are told apart from body bones.
//! * **Shape** decides where names say nothing or are ambiguous: a limb is a chain of three bones
//!   with a limb's proportions, whose mirror image is the limb on the other side. Hips and chest
//!   are where the legs and the arms meet. Toes point forward, which tells left from right.
//! * **Place**: what does not stand like a person (an animal, a vehicle) is refused, whatever its
//!   bones are called. A refusal says what was found.
//! * **Explicit mappings** take precedence: first a user's [`RigOverride`], then the file's own
//!   humanoid ([`vrm_bones`]).
//!
//! [`ModelNodes::from_gltf_file`] reads the characters of glTF and VRM files:
//!
//! ```no_run
//! use kinest::rig::{ModelNodes, RigOverride};
//!
//! let found = ModelNodes::from_gltf_file("character.vrm")?.find(&RigOverride::default())?;
//! println!("{}", found.map);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Bones from elsewhere are mapped likewise:
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
//! // glTF and most engines have y up.
//! let rig_from_world = Similarity {
//!     rotation: kinest::coordinates::UPRIGHT.conjugate(),
//!     translation: DVec3::ZERO,
//!     scale: 1.0,
//! };
//! retarget.apply(&joints, &rig_from_world, Fit::default(), |bone, write| {
//!     // Write the rotation, and translation and scale where there are some, to the engine's bone.
//! });
//! # Ok::<(), kinest::rig::RigError>(())
//! ```

mod document;
mod finder;
mod gltf;
mod limbs;
mod links;
mod map;
mod names;
mod nodes;
mod reach;
mod report;
mod rest;
mod retarget;
mod roll;
mod similarity;
#[cfg(test)]
mod tests;
mod tree;
mod twist;
mod vrm;

pub use document::GltfError;
pub(crate) use document::{Animation, Component, GltfFile, Interpolation, Sampler};
pub(crate) use gltf::{beside, read_whole};
pub use links::BoneWrite;
pub use map::{DrivenBone, Evidence, RigMap};
pub use nodes::{FoundRig, ModelNode, ModelNodes};
pub use report::RigReport;
pub use rest::Skin;
pub(crate) use retarget::stance;
pub use retarget::{Anchor, Fit, Retarget};
pub use similarity::Similarity;
pub(crate) use tree::rotation_of;
pub use tree::{Bone, BoneTree};
pub use vrm::{VRM_EXTENSIONS, vrm_bones};

use crate::skeleton::SmplJoint;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Corrections by the user to [`RigMap::find`]: the contents of a `*.rig.ron`.
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
    /// The bone of a joint: its exact name in the model file, the end of its path where several
    /// have this name (`Hips/Spine`), or its number in the file (`#12`). Other joints are found.
    pub bones: BTreeMap<SmplJoint, String>,
    /// Joints that drive no bone.
    pub skip: BTreeSet<SmplJoint>,
    /// Bones that are not part of the body, named likewise; their descendants are ignored too.
    pub ignore: BTreeSet<String>,
}

impl RigOverride {
    /// Parses the RON form.
    ///
    /// # Errors
    /// [`RigError::Ron`] with the position in the text.
    pub fn from_ron(text: &str) -> Result<Self, RigError> {
        Ok(ron::from_str(text)?)
    }
}

/// Why a character cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A bone has an invalid rest transform or parent.
    #[error("bone {index} `{name}`: {problem}")]
    Bone {
        /// Index of the bone.
        index: usize,
        /// Name of the bone.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No bone has this name.
    #[error("there is no bone `{name}`")]
    NoBone {
        /// The name.
        name: String,
    },
    /// Several bones have this name.
    #[error("there are several bones `{name}`, which a path or a number tells apart: {which}")]
    ManyBones {
        /// The name.
        name: String,
        /// Their numbers in the model file and their paths.
        which: String,
    },
    /// One bone is given to two joints.
    #[error("bone `{name}` cannot be {} too", joint.name())]
    Twice {
        /// The bone.
        name: String,
        /// The second joint.
        joint: SmplJoint,
    },
    /// Neither names nor shape make a humanoid.
    #[error(
        "no humanoid: {problem}; found: {found}; if it is one, a rig override helps whose `bones` \
         name the hips, knees, ankles, shoulders, elbows and wrists of both sides"
    )]
    NotHumanoid {
        /// What is missing, or unlike a person.
        problem: &'static str,
        /// The bones that were found so far.
        found: String,
    },
    /// There are more bones than any body has.
    #[error("{bones} nodes are no person's: export the person alone")]
    TooMany {
        /// Number of bones.
        bones: usize,
    },
    /// A frame of a motion is no place for a body.
    #[error("frame {frame}, bone `{bone}`: {problem}")]
    Frame {
        /// Number of the frame, from 0.
        frame: usize,
        /// The bone.
        bone: String,
        /// What is wrong with its place.
        problem: String,
    },
    /// A rig override is not valid RON of the expected form.
    #[error("rig override: {0}")]
    Ron(#[from] ron::error::SpannedError),
}
