//! A body as the bones of a humanoid, as VRM and Unity have them.

use crate::coordinates::UPRIGHT;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::{DQuat, DVec3};

/// Unity's names of the joints' bones, in SMPL's order.
pub(super) const NAMES: PerJoint<&str> = [
    "Hips",
    "LeftUpperLeg",
    "RightUpperLeg",
    "Spine",
    "LeftLowerLeg",
    "RightLowerLeg",
    "Chest",
    "LeftFoot",
    "RightFoot",
    "UpperChest",
    "LeftToes",
    "RightToes",
    "Neck",
    "LeftShoulder",
    "RightShoulder",
    "Head",
    "LeftUpperArm",
    "RightUpperArm",
    "LeftLowerArm",
    "RightLowerArm",
    "LeftHand",
    "RightHand",
];

/// One bone of a [`HumanFrame`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HumanBone {
    /// The joint whose bone it is called after, as `Spine1` for `Spine`.
    pub joint: J,
    /// Place in its parent's axes in the T-pose, metres; of the hips in the world.
    pub position: DVec3,
    /// Rotation against its parent since the T-pose; of the hips in the world.
    pub rotation: DQuat,
}

/// A body at one moment as a humanoid: bones whose axes in the T-pose are those of the world, x to the left, y up, z to
/// the front. Engine space: right-handed, y up, metres.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HumanFrame {
    /// The bones, parents before children, the hips first.
    pub bones: Vec<HumanBone>,
}

impl HumanFrame {
    /// The bones of a body without a character: SMPL's. Characters need not have an upper chest; without
    /// `upper_chest` what it turns is turned by the chest.
    #[must_use]
    pub fn of_pose(pose: &Pose, skeleton: &Skeleton, upper_chest: bool) -> Self {
        let mut offsets = skeleton.offsets;
        let mut rotations = pose.rotations;
        let (chest, upper) = (J::Spine2.index(), J::Spine3.index());
        if !upper_chest {
            rotations[chest] = (rotations[chest] * rotations[upper]).normalize();
            for joint in J::ALL.into_iter().filter(|it| it.parent() == Some(J::Spine3)) {
                offsets[joint.index()] += skeleton.offsets[upper];
            }
        }
        let root = UPRIGHT.conjugate() * (pose.translation + skeleton.offsets[0]);
        (offsets[0], rotations[0]) = (root, UPRIGHT.conjugate() * rotations[0]);
        let bone = |joint: J| HumanBone {
            joint,
            position: offsets[joint.index()],
            rotation: rotations[joint.index()].normalize(),
        };
        let kept = J::ALL.into_iter().filter(|joint| upper_chest || *joint != J::Spine3);
        Self { bones: kept.map(bone).collect() }
    }
}
