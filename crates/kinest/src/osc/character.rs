//! The bones of a character as a humanoid.

use super::human::{HumanBone, HumanFrame};
use crate::rig::{BoneTree, RigMap, rotation_of, stance};
use crate::skeleton::{Skeleton, SmplJoint as J};
use glam::{DAffine3, DMat3, DQuat, DVec3};

/// A bone that has a name in the humanoid.
#[derive(Clone, Copy, Debug)]
struct Named {
    /// The joint whose name it has.
    joint: J,
    bone: usize,
    /// Its parent's place in the list.
    parent: Option<usize>,
    /// From the bone's axes to those of the body in the T-pose.
    bone_from_body: DQuat,
    /// Place in its parent's axes in the T-pose, metres.
    offset: DVec3,
}

/// Reads a humanoid off a character's bones, whatever axes, sizes and rest pose they have.
#[derive(Clone, Debug)]
pub struct HumanCharacter {
    named: Vec<Named>,
    /// Hip and knee of the left leg, and how far apart they are at rest.
    thigh: [usize; 2],
    thigh_length: f64,
}

impl HumanCharacter {
    /// For a character with these bones, whose rest space has y up and metres, as that of glTF files.
    #[must_use]
    pub fn new(tree: &BoneTree, map: &RigMap) -> Self {
        let (left, up) = (map.left(), map.up());
        let rig_from_body = DQuat::from_mat3(&DMat3::from_cols(left, up, left.cross(up)));
        let stance = stance(tree, map, &Skeleton::default(), rig_from_body.conjugate());
        let spine = map.spine();
        // Which name a bone has follows from how many there are, not from where its joint is.
        let of_trunk = |joint: J| match (joint, spine.len()) {
            (J::Pelvis, _) => Some(map.hips()),
            (J::Head, _) => Some(map.head()),
            (J::Spine1, _) => spine.first().copied(),
            (J::Spine2, 2..) => Some(spine[if spine.len() == 2 { 1 } else { spine.len() / 2 }]),
            (J::Spine3, 3..) => spine.last().copied(),
            (J::Spine2 | J::Spine3, _) => None,
            _ => map.bone(joint),
        };
        let mut named: Vec<Named> = Vec::new();
        for joint in J::ALL {
            let Some(bone) = of_trunk(joint) else { continue };
            let above = std::iter::successors(joint.parent(), |above| above.parent());
            let place = |joint: J| named.iter().position(|other| other.joint == joint);
            let parent = above.into_iter().find_map(place);
            let to_body = |joint: J| rig_from_body * stance[joint.index()];
            let offset = parent.map_or(DVec3::ZERO, |parent| {
                let step = tree.position(bone) - tree.position(named[parent].bone);
                to_body(named[parent].joint).conjugate() * step
            });
            let bone_from_body = tree.axes(bone).conjugate() * to_body(joint);
            named.push(Named { joint, bone, parent, bone_from_body, offset });
        }
        let [hip, knee, _] = map.legs()[0];
        let thigh_length = tree.position(hip).distance(tree.position(knee));
        Self { named, thigh: [hip, knee], thigh_length }
    }

    /// The humanoid now: `place` is the transform of a bone, by its number in the tree, in engine space. Its hips are
    /// where they would be if the character had the size of its file. `None` if a bone is missing or nowhere.
    #[must_use]
    pub fn frame(&self, place: impl Fn(usize) -> Option<DAffine3>) -> Option<HumanFrame> {
        let [hip, knee] = self.thigh.map(&place);
        let scale = hip?.translation.distance(knee?.translation) / self.thigh_length;
        if !scale.is_finite() || scale <= 0.0 {
            return None;
        }
        let mut worlds: Vec<DQuat> = Vec::with_capacity(self.named.len());
        let mut bones = Vec::with_capacity(self.named.len());
        for named in &self.named {
            let now = place(named.bone)?;
            let world = (rotation_of(&now) * named.bone_from_body).normalize();
            let (position, rotation) = match named.parent {
                None => (now.translation / scale, world),
                Some(parent) => (named.offset, (worlds[parent].conjugate() * world).normalize()),
            };
            if !position.is_finite() {
                return None;
            }
            worlds.push(world);
            bones.push(HumanBone { joint: named.joint, position, rotation });
        }
        Some(HumanFrame { bones })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::motion::synthetic::walk_and_wave;
    use crate::osc::vmc::{Marionette, Performer};
    use crate::rig::{Bone, Fit, Retarget, RigOverride, Similarity};
    use crate::skeleton::Pose;

    /// A character of another size in an A-pose, with bone axes of its own and a spine of `spine` bones.
    fn character(spine: usize) -> BoneTree {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        pose.rotations[0] = DQuat::IDENTITY;
        for (joint, angle) in [(J::LeftShoulder, -0.7), (J::RightShoulder, 0.7)] {
            pose.rotations[joint.index()] = DQuat::from_rotation_z(angle);
        }
        let at = skeleton.pose_joints(&pose).positions;
        let axes = |joint: J| {
            DQuat::from_rotation_y(0.4 * joint.index() as f64) * DQuat::from_rotation_x(1.0)
        };
        let left_out = |joint: J| match joint {
            J::Spine2 => spine < 3,
            J::Spine3 => spine < 2,
            _ => false,
        };
        let kept: Vec<J> = J::ALL.into_iter().filter(|joint| !left_out(*joint)).collect();
        let bones = kept.iter().map(|joint| {
            let above = std::iter::successors(joint.parent(), |above| above.parent());
            let parent = above.into_iter().find(|above| kept.contains(above));
            let from = parent.map_or(DVec3::ZERO, |parent| at[parent.index()]);
            let back = parent.map_or(DQuat::IDENTITY, |parent| axes(parent).conjugate());
            Bone {
                name: joint.name().into(),
                parent: parent.and_then(|parent| kept.iter().position(|it| *it == parent)),
                translation: back * (at[joint.index()] - from) * 0.8,
                rotation: back * axes(*joint),
                scale: DVec3::ONE,
            }
        });
        BoneTree::new(bones.collect()).unwrap()
    }

    #[test]
    fn what_a_character_does_arrives() {
        let skeleton = Skeleton::default();
        for spine in [1, 2, 3] {
            let tree = character(spine);
            let map = RigMap::find(&tree, &RigOverride::default(), &Default::default()).unwrap();
            let human = HumanCharacter::new(&tree, &map);
            let mut retarget = Retarget::new(&tree, &map, &skeleton);
            let driven: Vec<usize> = retarget.bones().collect();
            let space =
                Similarity { rotation: UPRIGHT.conjugate(), translation: DVec3::ZERO, scale: 1.0 };
            for frame in walk_and_wave(&skeleton).frames.iter().step_by(40) {
                let joints = skeleton.pose_joints(&Pose::from(frame));
                let mut bones = tree.bones().to_vec();
                retarget.apply(&joints, &space, Fit::default(), |i, write| {
                    let bone = &mut bones[driven[i]];
                    bone.rotation = write.rotation;
                    bone.translation = write.translation.unwrap_or(bone.translation);
                    bone.scale = write.scale.unwrap_or(bone.scale);
                });
                let posed = BoneTree::new(bones).unwrap();
                let human = human.frame(|bone| Some(posed.rest(bone))).unwrap();
                assert_eq!(human.bones.len(), 19 + spine);
                let mut marionette = Marionette::default();
                for packet in Performer::default().packets(0.0, &human) {
                    marionette.receive(&packet).unwrap();
                }
                let arrived = skeleton.pose_joints(&marionette.pose(&skeleton).unwrap());
                let index = |joint: J| tree.named(joint.name()).unwrap();
                for (from, to) in [
                    (J::LeftShoulder, J::LeftElbow),
                    (J::RightElbow, J::RightWrist),
                    (J::LeftHip, J::LeftKnee),
                    (J::RightKnee, J::RightAnkle),
                ] {
                    let [a, b] = [from, to].map(|joint| posed.position(index(joint)));
                    let [c, d] = [from, to].map(|joint| arrived.positions[joint.index()]);
                    let (theirs, ours) =
                        ((b - a).normalize(), (UPRIGHT.conjugate() * (d - c)).normalize());
                    let off = theirs.angle_between(ours).to_degrees();
                    assert!(off < 1.0, "{spine}: {from:?} is {off}° off");
                }
                let [a, b] =
                    [J::LeftHip, J::RightHip].map(|joint| arrived.positions[joint.index()]);
                let [c, d] = [J::LeftHip, J::RightHip].map(|joint| posed.position(index(joint)));
                let apart = (UPRIGHT.conjugate() * a.midpoint(b)).distance(c.midpoint(d));
                assert!(apart < 0.15, "{spine}: hips {apart} m apart");
            }
        }
    }

    #[test]
    fn a_bone_that_is_gone_is_no_body() {
        let tree = character(3);
        let map = RigMap::find(&tree, &RigOverride::default(), &Default::default()).unwrap();
        let human = HumanCharacter::new(&tree, &map);
        assert_eq!(human.frame(|bone| (bone != 4).then(|| tree.rest(bone))), None);
        assert_eq!(human.frame(|_| Some(DAffine3::IDENTITY)), None);
        assert!(human.frame(|bone| Some(tree.rest(bone))).is_some());
    }
}
