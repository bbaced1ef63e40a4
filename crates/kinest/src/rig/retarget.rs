//! Retargets a body's pose to a character's bones.
//!
//! A bone takes its joint's world rotation *relative to the rest pose*. With `W` the joint's world
//! rotation, `C` its world rotation when the body stands in the character's rest pose, `A` the
//! rotation from the body's rest axes to rig space, and `B` the bone's rest rotation, all in rig
//! space, the bone's rotation is
//!
//! ```text
//! W · C⁻¹ · A⁻¹ · B
//! ```
//!
//! So neither the bone's own axes nor the difference between A-pose and T-pose matter. `C` rotates
//! each limb of the body from its own rest direction to the character's along the shortest arc,
//! parents first. Spine, collars and head keep the character's own posture (`C = 1`). Soles are
//! flat in both rest poses, so feet only rotate about the vertical; hands also take the roll of the
//! palm, where fingers show it.

use super::map::{DrivenBone, RigMap};
use super::tree::BoneTree;
use crate::skeleton::{JointTransforms, PerJoint, Skeleton, SmplJoint as J};
use glam::{DAffine3, DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// A rotation, translation and uniform scale from one space to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Applied after the scale.
    pub rotation: DQuat,
    /// Applied last.
    pub translation: DVec3,
    /// Uniform scale, applied first.
    pub scale: f64,
}

impl Similarity {
    fn point(&self, p: DVec3) -> DVec3 {
        self.rotation * (self.scale * p) + self.translation
    }
}

/// The part of the character that is placed where the body has it. The rest follows from the
/// character's proportions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anchor {
    /// The head, for a first-person view.
    #[default]
    Head,
    /// The hips.
    Pelvis,
}

/// How the body's size and position are carried over to a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fit {
    /// The part that is in the same place.
    pub anchor: Anchor,
    /// Whether the character is scaled so that its head is as high above its ankles as the body's.
    /// Without scaling, a character of another height floats or sinks.
    pub scale: bool,
}

impl Default for Fit {
    fn default() -> Self {
        Self { anchor: Anchor::default(), scale: true }
    }
}

/// Precomputed data of one driven bone.
#[derive(Clone, Copy, Debug)]
struct Link {
    driven: DrivenBone,
    /// Index of the next driven ancestor; the bones in between rotate with it.
    above: Option<usize>,
    /// `C⁻¹ A⁻¹`.
    since_rest: DQuat,
    /// Rest axes of the parent, rig space.
    parent_axes: DQuat,
    /// Rest rotation relative to the parent.
    local: DQuat,
}

/// Converts body poses to local transforms of one character's bones.
#[derive(Clone, Debug)]
pub struct Retarget {
    links: Vec<Link>,
    /// Rest scale of the root, and the transform from rig space to its parent's space.
    root_scale: DVec3,
    parent_from_rig: DAffine3,
    /// Steps from the root to each anchor: the link whose rotation moves the step, and the step in
    /// the rest pose.
    to_head: Vec<(usize, DVec3)>,
    to_hips: Vec<(usize, DVec3)>,
    /// Height of the head above the ankles: the body's in metres, the character's in rig units.
    body_height: f64,
    rig_height: f64,
    /// Rotations relative to the rest pose, rig space; reused between calls.
    turns: Vec<DQuat>,
}

impl Retarget {
    /// Prepares retargeting from bodies with this skeleton (or a scaled one) to these bones.
    #[must_use]
    pub fn new(tree: &BoneTree, map: &RigMap, skeleton: &Skeleton) -> Self {
        let forward = map.left.cross(map.up);
        let rig_from_body = DQuat::from_mat3(&DMat3::from_cols(map.left, map.up, forward));
        let stance = stance(tree, map, skeleton, rig_from_body.conjugate());
        let link_of = |bone: usize| map.driven().iter().position(|d| d.bone == bone);
        let links = map.driven().iter().map(|&driven| {
            let parent = tree.bones()[driven.bone].parent;
            Link {
                driven,
                above: tree.above(driven.bone).find_map(link_of),
                // Bones between joints are in the spine and neck, where both joints have the same
                // stance.
                since_rest: (rig_from_body * stance[driven.joint.index()]).conjugate(),
                parent_axes: parent.map_or(DQuat::IDENTITY, |parent| tree.axes(parent)),
                local: tree.bones()[driven.bone].rotation.normalize(),
            }
        });
        let links: Vec<_> = links.collect();
        let way = |bone: usize| {
            let step = |b: &usize| {
                let parent = tree.bones()[*b].parent.expect("it is under the root");
                let link = tree.upwards(parent).find_map(link_of).expect("the root is driven");
                (link, tree.position(*b) - tree.position(parent))
            };
            tree.path(map.root, bone).iter().map(step).collect()
        };
        let root = &tree.bones()[map.root];
        let rest = skeleton.forward(&[DMat3::IDENTITY; J::COUNT], DVec3::ZERO).positions;
        let over =
            |head: DVec3, ankles: [DVec3; 2], up| (head - (ankles[0] + ankles[1]) / 2.0).dot(up);
        let ankles = [J::LeftAnkle, J::RightAnkle].map(|j| rest[j.index()]);
        Self {
            root_scale: root.scale,
            parent_from_rig: root.parent.map_or(DAffine3::IDENTITY, |p| tree.rest(p).inverse()),
            to_head: way(map.head),
            to_hips: way(map.hips),
            body_height: over(rest[J::Head.index()], ankles, DVec3::Y),
            rig_height: over(
                tree.position(map.head),
                map.legs.map(|leg| tree.position(leg[2])),
                map.up,
            ),
            turns: vec![DQuat::IDENTITY; links.len()],
            links,
        }
    }

    /// The bones that [`apply`](Self::apply) drives, parents before children; the first is the
    /// root.
    #[must_use]
    pub fn bones(&self) -> impl ExactSizeIterator<Item = usize> {
        self.links.iter().map(|link| link.driven.bone)
    }

    /// Computes the bones' local transforms for a body with `joints` (AMASS space). `write`
    /// receives the index in [`bones`](Self::bones), the rotation and, for the root only,
    /// translation and scale. All other bones keep their rest transform. Allocates nothing.
    ///
    /// `rig_from_world` maps AMASS space to rig space.
    pub fn apply(
        &mut self,
        joints: &JointTransforms,
        rig_from_world: &Similarity,
        fit: Fit,
        mut write: impl FnMut(usize, DQuat, Option<(DVec3, DVec3)>),
    ) {
        let turn = |joint: J| {
            let world = DQuat::from_mat3(&joints.rotations[joint.index()]).normalize();
            rig_from_world.rotation * world
        };
        for (i, link) in self.links.iter().enumerate() {
            let mut rotation = turn(link.driven.joint);
            if let Some((next, part)) = link.driven.toward {
                rotation = rotation.slerp(turn(next), part);
            }
            self.turns[i] = (rotation * link.since_rest).normalize();
        }

        let scale =
            if fit.scale { self.body_height * rig_from_world.scale / self.rig_height } else { 1.0 };
        let (anchor, way) = match fit.anchor {
            Anchor::Head => (J::Head, &self.to_head),
            Anchor::Pelvis => (J::Pelvis, &self.to_hips),
        };
        let from_root: DVec3 = way.iter().map(|(link, step)| self.turns[*link] * *step).sum();
        let root = rig_from_world.point(joints.positions[anchor.index()]) - scale * from_root;
        let place = (self.parent_from_rig.transform_point3(root), self.root_scale * scale);

        for (i, link) in self.links.iter().enumerate() {
            let above = link.above.map_or(DQuat::IDENTITY, |above| self.turns[above]);
            let against_parent = above.conjugate() * self.turns[i];
            let in_parent = link.parent_axes.conjugate() * against_parent * link.parent_axes;
            let rotation = (in_parent * link.local).normalize();
            write(i, rotation, (i == 0).then_some(place));
        }
    }
}

/// `C`: the world rotations of the body's joints, in the body's rest axes, in the character's rest
/// pose.
fn stance(
    tree: &BoneTree,
    map: &RigMap,
    skeleton: &Skeleton,
    body_from_rig: DQuat,
) -> PerJoint<DQuat> {
    let mut stance = [DQuat::IDENTITY; J::COUNT];
    let direction = |from: usize, to: usize| {
        (body_from_rig * (tree.position(to) - tree.position(from))).normalize_or_zero()
    };
    // Rotates `now` so that the limb points along `is` instead of its current direction.
    let aim = |now: DQuat, joint: J, is: DVec3| {
        let would = (now * skeleton.offsets[joint.index()]).normalize_or_zero();
        if would == DVec3::ZERO || is == DVec3::ZERO {
            return now;
        }
        DQuat::from_rotation_arc(would, is) * now
    };
    let sides = [
        [J::LeftHip, J::LeftKnee, J::LeftAnkle, J::LeftFoot],
        [J::RightHip, J::RightKnee, J::RightAnkle, J::RightFoot],
    ];
    for (side, [hip, knee, ankle, foot]) in sides.into_iter().enumerate() {
        let leg = map.legs[side];
        let thigh = aim(DQuat::IDENTITY, knee, direction(leg[0], leg[1]));
        stance[hip.index()] = thigh;
        stance[knee.index()] = aim(thigh, ankle, direction(leg[1], leg[2]));
        if let Some(toe) = map.toes[side] {
            let heading = |v: DVec3| v.x.atan2(v.z);
            let is = heading(direction(leg[2], toe));
            let sole = DQuat::from_rotation_y(is - heading(skeleton.offsets[foot.index()]));
            stance[ankle.index()] = sole;
            stance[foot.index()] = sole;
        }
    }
    let sides = [
        [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
        [J::RightShoulder, J::RightElbow, J::RightWrist],
    ];
    for (side, [shoulder, elbow, wrist]) in sides.into_iter().enumerate() {
        let arm = map.arms[side];
        let upper = aim(DQuat::IDENTITY, elbow, direction(arm[0], arm[1]));
        let fore = aim(upper, wrist, direction(arm[1], arm[2]));
        stance[shoulder.index()] = upper;
        stance[elbow.index()] = fore;
        stance[wrist.index()] = map.palms[side].map_or(fore, |[index, little]| {
            let (index, little) = (tree.position(index), tree.position(little));
            let fingers = body_from_rig * ((index + little) / 2.0 - tree.position(arm[2]));
            // In the body's rest pose palms face down: fingers to the sides, thumbs forward.
            let outwards = skeleton.offsets[wrist.index()].normalize_or_zero();
            let rest = frame(outwards, DVec3::Z);
            let is = frame(fingers, body_from_rig * (index - little));
            rest.zip(is).map_or(fore, |(rest, is)| is * rest.conjugate())
        });
    }
    stance
}

/// The rotation that takes x to `along` and z as close as possible to `across`.
fn frame(along: DVec3, across: DVec3) -> Option<DQuat> {
    let x = along.try_normalize()?;
    let z = across.reject_from_normalized(x).try_normalize()?;
    Some(DQuat::from_mat3(&DMat3::from_cols(x, z.cross(x), z)))
}
