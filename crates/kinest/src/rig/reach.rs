//! Solves a character's arms to the body's wrists, and its legs to the body's soles.
//!
//! Rotations alone put the hands of a character with other proportions several centimetres from the
//! trackers. Limbs keep the direction of the body's elbows and knees; hands keep the body's rotation, and so do
//! feet that are in reach.

use super::links::Links;
use super::map::RigMap;
use super::similarity::Similarity;
use super::tree::BoneTree;
use crate::skeleton::{
    FULL_REACH, JointTransforms, SOFT_REACH, Skeleton, SmplJoint as J, bend_to, girdle, lean,
    soften,
};
use glam::{DQuat, DVec3};

/// Most a heel rises for a leg that is too short, radians.
const HEEL_RISE: f64 = 0.4;

/// Then the foot is pulled in by at most this multiple of what is missing, and lifted for the rest:
/// the closer the leg is to vertical, the faster pulling alone would be.
const PULL: f64 = 2.0;

/// Bones shorter than this fraction of their limb make no limb.
const LEAST_BONE: f64 = 0.01;
/// Greatest height of the ankle above the lowest bone of its foot, or above the floor of a foot of
/// one bone, divided by the leg's length.
const DEEPEST: [f64; 2] = [0.09, 0.2];
/// How far the lowest bone of a foot may be below the floor, divided by the leg's length.
const SUNK: f64 = 0.02;

/// Three bones, each carried by the one before.
#[derive(Clone, Debug)]
struct Limb {
    links: [usize; 3],
    joints: [J; 3],
    /// Hinge axis of the middle joint, axes of the body's top joint.
    hinge: DVec3,
}

#[derive(Clone, Debug)]
struct Arm {
    limb: Limb,
    collar: Option<usize>,
}

#[derive(Clone, Debug)]
struct Leg {
    limb: Limb,
    /// From the ankle to heel and ball: the body's, metres in its ankle's axes, …
    of_body: [DVec3; 2],
    /// … and the character's, rest pose, rig space.
    soles: [DVec3; 2],
}

/// The limbs of a character that can be solved.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    arms: Vec<Arm>,
    legs: Vec<Leg>,
}

/// What limbs are solved with.
pub(super) struct Goal<'a> {
    pub joints: &'a JointTransforms,
    pub rig_from_world: &'a Similarity,
    /// Scale of the character.
    pub scale: f64,
}

impl Reach {
    /// `ankle_height` is that of the character, rig units.
    pub fn new(
        tree: &BoneTree,
        map: &RigMap,
        links: &Links,
        skeleton: &Skeleton,
        ankle_height: f64,
    ) -> Self {
        let limb = |joints: [J; 3], hinge| Limb::new(map, links, joints, hinge);
        let arms = [
            limb([J::LeftShoulder, J::LeftElbow, J::LeftWrist], DVec3::NEG_Y),
            limb([J::RightShoulder, J::RightElbow, J::RightWrist], DVec3::Y),
        ];
        let arms = arms.into_iter().flatten().map(|limb| {
            let carrier = links.get(limb.links[0]).carrier;
            let is_collar = |link: &usize| {
                let driver = links.get(*link).driver;
                matches!(driver, Some((J::LeftCollar | J::RightCollar, None)))
            };
            Arm { collar: carrier.filter(is_collar), limb }
        });
        let legs = [
            limb([J::LeftHip, J::LeftKnee, J::LeftAnkle], DVec3::X),
            limb([J::RightHip, J::RightKnee, J::RightAnkle], DVec3::X),
        ];
        let legs = legs.into_iter().enumerate().filter_map(|(side, limb)| {
            let limb = limb?;
            let of_body = skeleton.sole(limb.joints[2]);
            let body: f64 =
                limb.joints[1..].iter().map(|j| skeleton.offsets[j.index()].length()).sum();
            let size = limb.bones(links).iter().sum::<f64>() / body.max(f64::MIN_POSITIVE);
            let level = |v: DVec3| v.reject_from_normalized(map.up);
            let ahead = map.left.cross(map.up);
            let toe = map.toes[side]
                .map(|toe| level(tree.position(toe) - links.get(limb.links[2]).rest))
                .filter(|toe| toe.length() > 0.0);
            let forward = toe.map_or(ahead, DVec3::normalize);
            let ball = toe.unwrap_or(ahead * of_body[1].z * size);
            let heel = forward * of_body[0].z * size;
            let soles = [heel, ball].map(|point| point - map.up * ankle_height);
            Some(Leg { limb, of_body, soles })
        });
        Self { arms: arms.collect(), legs: legs.collect() }
    }

    /// Rotates the limbs; `positions` are those of the links before, and of tops of limbs after.
    pub fn apply(&self, links: &Links, goal: &Goal, turns: &mut [DQuat], positions: &mut [DVec3]) {
        for arm in &self.arms {
            arm.apply(links, goal, turns, positions);
        }
        for leg in &self.legs {
            leg.apply(links, goal, turns, positions);
        }
    }
}

impl Limb {
    fn new(map: &RigMap, links: &Links, joints: [J; 3], hinge: DVec3) -> Option<Self> {
        let link = |joint| links.of(map.bone(joint)?);
        let [top, middle, end] = joints.map(link);
        let limb = Self { links: [top?, middle?, end?], joints, hinge };
        let [top, middle, end] = limb.links;
        let carried =
            links.get(middle).carrier == Some(top) && links.get(end).carrier == Some(middle);
        let [a, b] = limb.bones(links);
        (carried && a.min(b) > LEAST_BONE * (a + b)).then_some(limb)
    }

    /// Lengths of the two bones, rig units.
    fn bones(&self, links: &Links) -> [f64; 2] {
        let [top, middle, end] = self.links.map(|link| links.get(link).rest);
        [top.distance(middle), middle.distance(end)]
    }

    /// Distances of the end from the top, divided by the limb's length, from which it needs help and
    /// at which it is full: near its length a hinge moves many centimetres per centimetre of the end.
    /// Where the body's own limb is straighter, its hinge moves as fast.
    fn limits(&self, goal: &Goal) -> [f64; 2] {
        let [top, middle, end] = self.joints.map(|j| goal.joints.positions[j.index()]);
        let straight = top.distance(end) / (top.distance(middle) + middle.distance(end));
        // `max` passes over a body that is not a number.
        let soft = SOFT_REACH.max(straight).min(1.0 - 2e-9);
        [soft, FULL_REACH.max(f64::midpoint(soft, 1.0))]
    }

    /// Rotates the two bones so that the end is at `target`, relative to the top.
    fn bend(&self, links: &Links, goal: &Goal, turns: &mut [DQuat], target: DVec3) {
        let [top, middle, end] = self.links;
        let step = |from: usize, to: usize| links.get(to).rest - links.get(from).rest;
        let bones = [turns[top] * step(top, middle), turns[middle] * step(middle, end)];
        let bones = bones.map(|bone| goal.scale * bone);
        let hinge = goal.rotation(self.joints[0]) * self.hinge;
        if !(bones[0].is_finite() && bones[1].is_finite() && target.is_finite()) {
            return;
        }
        let [upper, lower] = bend_to(bones, hinge, target);
        turns[top] = (upper * turns[top]).normalize();
        turns[middle] = (lower * turns[middle]).normalize();
    }
}

impl Goal<'_> {
    /// World rotation of a body's joint, in rig space.
    fn rotation(&self, joint: J) -> DQuat {
        let world = DQuat::from_mat3(&self.joints.rotations[joint.index()]).normalize();
        self.rig_from_world.rotation * world
    }

    /// Position of a body's joint, rig space.
    fn position(&self, joint: J) -> DVec3 {
        self.rig_from_world.point(self.joints.positions[joint.index()])
    }
}

impl Arm {
    fn apply(&self, links: &Links, goal: &Goal, turns: &mut [DQuat], positions: &mut [DVec3]) {
        let top = self.limb.links[0];
        let target = goal.position(self.limb.joints[2]);
        let length = goal.scale * self.limb.bones(links).iter().sum::<f64>();
        let [soft, full] = self.limb.limits(goal).map(|share| share * length);
        if let Some(collar) = self.collar {
            let origin = positions[collar];
            let (turn, _) = girdle(positions[top] - origin, target - origin, soft, full - soft);
            turns[collar] = (turn * turns[collar]).normalize();
            positions[top] = origin + turn * (positions[top] - origin);
        }
        // Straight only for a hand out of reach, and without a snap of the elbow on the way.
        let to_hand = target - positions[top];
        let distance = to_hand.length();
        let reached = soften(distance, full, length - full);
        let share = if distance > 0.0 { reached / distance } else { 1.0 };
        self.limb.bend(links, goal, turns, share * to_hand);
    }
}

impl Leg {
    fn apply(&self, links: &Links, goal: &Goal, turns: &mut [DQuat], positions: &[DVec3]) {
        let [top, _, end] = self.limb.links;
        let Similarity { rotation, scale: metre, .. } = *goal.rig_from_world;
        let up = rotation * DVec3::Z;
        let foot = goal.rotation(self.limb.joints[2]);
        let lowest = |soles: [DVec3; 2], turn: DQuat, scale: f64| {
            soles.map(|point| scale * (turn * point).dot(up)).into_iter().fold(f64::MAX, f64::min)
        };
        // The soles are as high as the body's, whatever the height of the ankles.
        let of_body = lowest(self.of_body, foot, metre);
        let own = lowest(self.soles, turns[end], goal.scale);
        let ankle = goal.position(self.limb.joints[2]) + up * (of_body - own);
        let length = goal.scale * self.limb.bones(links).iter().sum::<f64>();
        let longest = self.limb.limits(goal)[1] * length;
        // A leg that is too short raises the heel over the ball, and then pulls the foot in.
        let from_ball = turns[end] * (goal.scale * -self.soles[1]);
        let ball = ankle - from_ball;
        // It rises the less the less that brings the ankle nearer to the hip.
        let across = from_ball.try_normalize().map_or(0.0, |along| {
            (positions[top] - ankle)
                .normalize_or_zero()
                .reject_from_normalized(along)
                .length_squared()
        });
        let rise = lean(from_ball, positions[top] - ball, longest, HEEL_RISE * across);
        turns[end] = (rise * turns[end]).normalize();
        let to_foot = ball + rise * from_ball - positions[top];
        let target = pulled_in(to_foot, up, longest);
        self.limb.bend(links, goal, turns, target);
    }
}

/// Position, relative to the hip, at which a leg of this length can place a foot meant for `foot`.
fn pulled_in(foot: DVec3, up: DVec3, longest: f64) -> DVec3 {
    let missing = foot.length() - longest;
    if missing <= 0.0 {
        return foot;
    }
    let height = foot.dot(up);
    let aside = foot - height * up;
    let level = (longest * longest - height * height).max(0.0).sqrt();
    let aside = aside.clamp_length_max(level.max(aside.length() - PULL * missing));
    let most = (longest * longest - aside.length_squared()).max(0.0).sqrt();
    aside + height.clamp(-most, most) * up
}

/// Height of the ankles above the soles, rig units.
///
/// Characters stand on the origin of their armature or file. Where that cannot be the floor, because
/// feet would be thick as no foot is or below it, the lowest bones of the feet tell, with as much
/// below them as below a body's ball.
pub(super) fn ankle_height(tree: &BoneTree, map: &RigMap, skeleton: &Skeleton) -> f64 {
    let height = |bone: usize| tree.position(bone).dot(map.up);
    let mean = |of: &dyn Fn([usize; 3]) -> f64| f64::midpoint(of(map.legs[0]), of(map.legs[1]));
    let length = mean(&|[hip, knee, ankle]| {
        let [hip, knee, ankle] = [hip, knee, ankle].map(|bone| tree.position(bone));
        hip.distance(knee) + knee.distance(ankle)
    });
    let ankle = mean(&|leg| height(leg[2]));
    let depth = mean(&|leg| {
        let foot = (leg[2]..tree.bones().len()).filter(|b| tree.is_under(*b, leg[2]));
        height(leg[2]) - foot.map(height).fold(f64::MAX, f64::min)
    });
    let one_bone = depth < SUNK * length;
    let deepest = depth.max(0.0) + DEEPEST[usize::from(one_bone)] * length;
    let range = depth - SUNK * length..=deepest;
    let holders = tree.above(map.legs[0][0]).filter(|b| tree.is_under(map.legs[1][0], *b));
    let floors = holders.map(height).chain([0.0]);
    let mut heights = floors.map(|floor| ankle - floor);
    heights.find(|height| *height > 0.0 && range.contains(height)).unwrap_or_else(|| {
        let body: f64 =
            [J::LeftKnee, J::LeftAnkle].map(|j| skeleton.offsets[j.index()].length()).iter().sum();
        let ball = skeleton.offsets[J::LeftFoot.index()].y;
        let below = if one_bone { skeleton.ankle_height } else { skeleton.ankle_height + ball };
        depth.max(0.0) + below * length / body.max(f64::MIN_POSITIVE)
    })
}
