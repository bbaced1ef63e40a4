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
//!
//! Then the character is placed by its head (or hips), its arms and legs are solved to the body's
//! wrists and soles, the roll of the limbs is shared among their bones, and all of it is converted
//! to local transforms.

use super::links::{BoneWrite, Links};
use super::map::RigMap;
use super::reach::{Goal, Reach, ankle_height};
use super::roll::Rolls;
use super::similarity::Similarity;
use super::tree::BoneTree;
use super::twist;
use crate::skeleton::{JointTransforms, PerJoint, Skeleton, SmplJoint as J};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

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
    /// Whether the character is scaled so that, on straight legs, its head is as high above its soles
    /// as the body's.
    /// Without scaling, a taller character bends its knees and a shorter one floats.
    pub scale: bool,
    /// Whether arms and legs are solved so that the wrists are exactly where the body's are (and
    /// thus at the trackers) and the soles as high as the body's. Without it limbs only have the
    /// body's directions, and end elsewhere in a character with other proportions.
    pub reach: bool,
}

impl Default for Fit {
    fn default() -> Self {
        Self { anchor: Anchor::default(), scale: true, reach: true }
    }
}

/// Converts body poses to local transforms of one character's bones.
#[derive(Clone, Debug)]
pub struct Retarget {
    links: Links,
    /// `C⁻¹ A⁻¹` of each link.
    since_rest: Vec<DQuat>,
    reach: Reach,
    rolls: Rolls,
    /// The link that carries each anchor, and the step from it in the rest pose.
    head: Option<(usize, DVec3)>,
    hips: Option<(usize, DVec3)>,
    /// Height of the head above the soles on straight legs: the body's in metres, the character's in
    /// rig units.
    body_height: f64,
    rig_height: f64,
    /// Rotations relative to the rest pose, and positions, rig space; reused between calls.
    turns: Vec<DQuat>,
    positions: Vec<DVec3>,
}

impl Retarget {
    /// Prepares retargeting from bodies with this skeleton (or a scaled one) to these bones.
    #[must_use]
    pub fn new(tree: &BoneTree, map: &RigMap, skeleton: &Skeleton) -> Self {
        let forward = map.left.cross(map.up);
        let rig_from_body = DQuat::from_mat3(&DMat3::from_cols(map.left, map.up, forward));
        let stance = stance(tree, map, skeleton, rig_from_body.conjugate());
        let twists = twist::find(tree, map);
        let links = Links::new(tree, map, &twists);
        // Bones between joints are in the spine and neck, where both joints have the same stance.
        let since_rest = links.iter().map(|link| {
            let stance = link.driver.map_or(DQuat::IDENTITY, |(joint, _)| stance[joint.index()]);
            (rig_from_body * stance).conjugate()
        });
        let ankle_height = ankle_height(tree, map, skeleton);
        Self {
            since_rest: since_rest.collect(),
            reach: Reach::new(tree, map, &links, skeleton, ankle_height),
            rolls: Rolls::new(map, &links, &twists, skeleton, &stance),
            head: links.point(tree, map.head),
            hips: links.point(tree, map.hips),
            body_height: body_height(skeleton),
            rig_height: rig_height(tree, map, ankle_height),
            turns: vec![DQuat::IDENTITY; links.iter().len()],
            positions: vec![DVec3::ZERO; links.iter().len()],
            links,
        }
    }

    /// The bones that [`apply`](Self::apply) writes, parents before children: those of the
    /// [`RigMap`], the one that all of them hang from, and twist bones.
    #[must_use]
    pub fn bones(&self) -> impl ExactSizeIterator<Item = usize> {
        self.links.iter().map(|link| link.bone)
    }

    /// Computes the bones' local transforms for a body with `joints` (AMASS space). `write`
    /// receives the index in [`bones`](Self::bones) and what to write. All other bones keep their
    /// rest transform. Allocates nothing.
    ///
    /// `rig_from_world` maps AMASS space to rig space.
    pub fn apply(
        &mut self,
        joints: &JointTransforms,
        rig_from_world: &Similarity,
        fit: Fit,
        mut write: impl FnMut(usize, BoneWrite),
    ) {
        let Self { links, turns, positions, .. } = self;
        let turn = |joint: J| {
            let world = DQuat::from_mat3(&joints.rotations[joint.index()]).normalize();
            rig_from_world.rotation * world
        };
        for ((now, link), since_rest) in turns.iter_mut().zip(links.iter()).zip(&self.since_rest) {
            let Some((joint, toward)) = link.driver else { continue };
            let mut rotation = turn(joint);
            if let Some((next, part)) = toward {
                rotation = rotation.slerp(turn(next), part);
            }
            *now = (rotation * *since_rest).normalize();
        }

        let fits = fit.scale && self.body_height > 0.0 && self.rig_height > 0.0;
        let scale =
            if fits { self.body_height * rig_from_world.scale / self.rig_height } else { 1.0 };
        let (joint, anchor) = match fit.anchor {
            Anchor::Head => (J::Head, self.head),
            Anchor::Pelvis => (J::Pelvis, self.hips),
        };
        links.carry(turns, scale, DVec3::ZERO, positions);
        let from_origin = anchor
            .map_or(DVec3::ZERO, |(link, step)| positions[link] + turns[link] * (scale * step));
        let origin = rig_from_world.point(joints.positions[joint.index()]) - from_origin;
        for position in positions.iter_mut() {
            *position += origin;
        }

        if fit.reach {
            let goal = Goal { joints, rig_from_world, scale };
            self.reach.apply(links, &goal, turns, positions);
        }
        self.rolls.apply(turns);
        links.carry(turns, scale, origin, positions);
        for i in 0..turns.len() {
            write(i, links.write(i, turns, scale, positions));
        }
    }
}

/// Height of a body's head above its soles, metres.
fn body_height(skeleton: &Skeleton) -> f64 {
    let rest = skeleton.forward(&[DMat3::IDENTITY; J::COUNT], DVec3::ZERO).positions;
    let hips = f64::midpoint(rest[J::LeftHip.index()].y, rest[J::RightHip.index()].y);
    let leg: f64 =
        [J::LeftKnee, J::LeftAnkle].map(|j| skeleton.offsets[j.index()].length()).iter().sum();
    rest[J::Head.index()].y - hips + leg + skeleton.ankle_height
}

/// The same of a character, whose legs may be bent or spread in its rest pose, rig units.
fn rig_height(tree: &BoneTree, map: &RigMap, ankle_height: f64) -> f64 {
    let [left, right] = map.legs.map(|leg| {
        let [hip, knee, ankle] = leg.map(|bone| tree.position(bone));
        hip.distance(knee) + knee.distance(ankle) - hip.dot(map.up)
    });
    tree.position(map.head).dot(map.up) + f64::midpoint(left, right) + ankle_height
}

/// `C`: the world rotations of the body's joints, in the body's rest axes, in the character's rest
/// pose.
pub(crate) fn stance(
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
            let rest = axes(outwards, DVec3::Z);
            let is = axes(fingers, body_from_rig * (index - little));
            rest.zip(is).map_or(fore, |(rest, is)| is * rest.conjugate())
        });
    }
    stance
}

/// The rotation that takes x to `along` and z as close as possible to `across`.
fn axes(along: DVec3, across: DVec3) -> Option<DQuat> {
    let x = along.try_normalize()?;
    let z = across.reject_from_normalized(x).try_normalize()?;
    Some(DQuat::from_mat3(&DMat3::from_cols(x, z.cross(x), z)))
}
