//! The limbs of a body, solved by inverse kinematics.

use super::Place;
use crate::easing::smoothstep;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J, bend_to};
use glam::{DQuat, DVec3};
use std::f64::consts::{PI, TAU};

/// Maximum extension of a leg as a fraction of its length, unless it already was straighter: near
/// full length a knee moves many centimetres per centimetre of the foot.
const STRAIGHTEST: f64 = 0.995;

/// A leg too short for its foot lifts the foot by up to this height, metres, before it pulls the
/// foot in, because pulling is faster the closer the leg is to vertical.
const TIPTOE: f64 = 0.015;

/// Distances (m) of the middle joint from the line between top and end: below the first it does not
/// determine the plane of the limb, from the second on it does so fully.
const STRAIGHT: [f64; 2] = [0.01, 0.04];

/// A middle joint is lifted outwards, unless it is further inside than this from straight down, radians.
const INSIDE: f64 = 0.8;

/// An arm or a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limb {
    /// Shoulder or hip, elbow or knee, wrist or ankle.
    pub joints: [J; 3],
    /// Hinge axis of the middle joint, in rest pose axes.
    pub hinge: DVec3,
}

/// The left and the right leg. Knees bend about x: from the rest pose the shank goes back.
pub(crate) const LEGS: [Limb; 2] = [
    Limb { joints: [J::LeftHip, J::LeftKnee, J::LeftAnkle], hinge: DVec3::X },
    Limb { joints: [J::RightHip, J::RightKnee, J::RightAnkle], hinge: DVec3::X },
];

impl Limb {
    /// Lengths of the two bones, metres.
    pub fn bones(&self, skeleton: &Skeleton) -> [f64; 2] {
        [self.joints[1], self.joints[2]].map(|j| skeleton.offsets[j.index()].length())
    }

    /// Greatest distance from the top joint at which the end may be placed, metres; `now` is the
    /// present distance.
    pub fn longest(&self, skeleton: &Skeleton, now: f64) -> f64 {
        (STRAIGHTEST * self.bones(skeleton).iter().sum::<f64>()).max(now)
    }

    /// Rotates the limb so that its end is at `target` (metres, world space), or points there if
    /// that is out of reach; the swivel is kept as by [`bend_to`].
    pub fn reach(&self, skeleton: &Skeleton, pose: &mut Pose, target: DVec3) {
        let [top, middle, end] = self.joints.map(J::index);
        let Place { position, rotation: upper } = Place::of(skeleton, pose, self.joints[0]);
        let lower = upper * pose.rotations[middle];
        let bones = [upper * skeleton.offsets[middle], lower * skeleton.offsets[end]];
        let [turn, onward] = bend_to(bones, upper * self.hinge, target - position);
        let (new_upper, new_lower) = (turn * upper, onward * lower);
        let parent = upper * pose.rotations[top].conjugate();
        pose.rotations[top] = (parent.conjugate() * new_upper).normalize();
        pose.rotations[middle] = (new_upper.conjugate() * new_lower).normalize();
    }
}

impl Limb {
    /// Rotates the limb about the line from its top to its end so that the middle joint points
    /// towards `middle` (metres, world space). A limb that is nearly straight, before or after, is
    /// unchanged: a centimetre would then be a large rotation.
    pub fn swivel(&self, skeleton: &Skeleton, pose: &mut Pose, middle: DVec3) {
        let [top, now, end] = self.joints.map(|joint| Place::of(skeleton, pose, joint));
        let Some(axis) = (end.position - top.position).try_normalize() else { return };
        let [from, to] =
            [now.position, middle].map(|at| (at - top.position).reject_from_normalized(axis));
        let angle = from.cross(to).dot(axis).atan2(from.dot(to));
        let [none, all] = STRAIGHT;
        let part = smoothstep((from.length().min(to.length()) - none) / (all - none));
        let turn = DQuat::from_axis_angle(axis, angle * part);
        self.turn_top(pose, top.rotation, turn);
    }

    /// Rotates the limb about the line from its top to its end by the smallest angle that lifts the middle joint to
    /// `height` (metres), or as close to it as possible. A middle joint above `height` is unchanged. It moves towards
    /// `outward`, unless it is clearly on the other side. The end keeps its position and rotation.
    pub fn lift(&self, skeleton: &Skeleton, pose: &mut Pose, height: f64, outward: DVec3) {
        let [top, middle, end] = self.joints.map(|joint| Place::of(skeleton, pose, joint));
        if middle.position.z >= height {
            return;
        }
        let Some(axis) = (end.position - top.position).try_normalize() else { return };
        let Some(up) = DVec3::Z.reject_from_normalized(axis).try_normalize() else { return };
        let side = up.cross(axis);
        let side = if side.dot(outward) < 0.0 { -side } else { side };
        // The middle joint is on a circle, of which only the upper part is high enough.
        let bent = (middle.position - top.position).reject_from_normalized(axis);
        let centre = middle.position.z - bent.z;
        let most = (bent.length() * up.z).max(f64::MIN_POSITIVE);
        let widest = ((height - centre) / most).clamp(-1.0, 1.0).acos();
        let now = bent.dot(side).atan2(bent.dot(up));
        let is_inside = now < 0.0 && now > INSIDE - PI;
        let turn = if is_inside { -widest - now } else { widest - now };
        let turn = (turn + PI).rem_euclid(TAU) - PI;
        let [none, all] = STRAIGHT;
        let part = smoothstep((bent.length() - none) / (all - none));
        self.turn_top(pose, top.rotation, DQuat::from_axis_angle(up.cross(side), turn * part));
        let lower = Place::of(skeleton, pose, self.joints[1]).rotation;
        pose.rotations[self.joints[2].index()] = (lower.conjugate() * end.rotation).normalize();
    }

    /// Rotates the upper bone so that the middle joint is at `middle`, or points there, and the lower
    /// bone so that the end points at `end` (metres, world space).
    pub fn aim(&self, skeleton: &Skeleton, pose: &mut Pose, middle: DVec3, end: DVec3) {
        for (k, target) in [(0, middle), (1, end)] {
            let [near, far] = [k, k + 1].map(|k| Place::of(skeleton, pose, self.joints[k]));
            let from = (far.position - near.position).try_normalize();
            let (Some(from), Some(to)) = (from, (target - near.position).try_normalize()) else {
                continue;
            };
            let local = &mut pose.rotations[self.joints[k].index()];
            let parent = near.rotation * local.conjugate();
            let turn = DQuat::from_rotation_arc(from, to);
            *local = (parent.conjugate() * turn * near.rotation).normalize();
        }
    }

    /// Rotates the whole limb, whose top has the world rotation `top`.
    fn turn_top(&self, pose: &mut Pose, top: DQuat, turn: DQuat) {
        let local = &mut pose.rotations[self.joints[0].index()];
        let parent = top * local.conjugate();
        *local = (parent.conjugate() * turn * top).normalize();
    }
}

/// Reachable position, relative to the hip, for a foot with the target `foot` and a leg of this
/// length: raised by at most [`TIPTOE`], then closer to the vertical.
pub(crate) fn within(foot: DVec3, longest: f64) -> DVec3 {
    if foot.length() <= longest {
        return foot;
    }
    let highest = (foot.z + TIPTOE).clamp(-longest, 0.0);
    let widest = (longest * longest - highest * highest).sqrt();
    let aside = foot.truncate().clamp_length_max(widest);
    aside.extend(-(longest * longest - aside.length_squared()).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Straight, or bent slightly the wrong way, a limb bends about its hinge.
    #[test]
    fn knees_bend_forward_and_elbows_too() {
        let skeleton = Skeleton::default();
        let left_arm =
            Limb { joints: [J::LeftShoulder, J::LeftElbow, J::LeftWrist], hinge: DVec3::NEG_Y };
        for limb in [LEGS[0], LEGS[1], left_arm] {
            for wrong in [0.0, 0.05, 0.3] {
                let mut pose = Pose::rest();
                let middle = limb.joints[1].index();
                pose.rotations[middle] = DQuat::from_axis_angle(limb.hinge, -wrong);
                let [top, end] =
                    [limb.joints[0], limb.joints[2]].map(|j| Place::of(&skeleton, &pose, j));
                let target = top.position.lerp(end.position, 0.8);
                limb.reach(&skeleton, &mut pose, target);
                let end = Place::of(&skeleton, &pose, limb.joints[2]);
                assert!(end.position.distance(target) < 1e-9);
                let bend = crate::rotation::log(pose.rotations[middle]);
                assert!(bend.dot(limb.hinge) > 0.99 * bend.length() && bend.length() > 1.0);
            }
        }
    }

    /// Knees and elbows below a height are lifted to it on the shorter way; the ends do not move.
    #[test]
    fn middle_joints_are_lifted_to_a_height_and_ends_stay() {
        let skeleton = Skeleton::default();
        for step in 0..48 {
            let mut pose = Pose::rest();
            // Lying with the left knee bent, rolled about the long axis.
            let rolled = f64::from(step) / 48.0 * TAU;
            pose.rotations[0] = DQuat::from_rotation_z(0.4) * DQuat::from_rotation_y(rolled);
            pose.rotations[J::LeftKnee.index()] = DQuat::from_rotation_x(1.5);
            let leg = LEGS[0];
            let before = leg.joints.map(|joint| Place::of(&skeleton, &pose, joint));
            let floor = 0.5 * (before[0].position.z + before[2].position.z) - 0.1;
            let outward = pose.rotations[0] * DVec3::X;
            leg.lift(&skeleton, &mut pose, floor, outward);
            let after = leg.joints.map(|joint| Place::of(&skeleton, &pose, joint));
            let height = before[1].position.z.max(floor);
            let knee = after[1].position;
            assert!((knee.z - height).abs() < 1e-6, "{step}: {knee} {height}");
            for k in [0, 2] {
                assert!(after[k].position.distance(before[k].position) < 1e-9, "{step}");
            }
            assert!(after[2].rotation.angle_between(before[2].rotation) < 1e-6, "{step}");
        }
    }

    #[test]
    fn feet_too_far_apart_for_the_floor_are_pulled_in() {
        // Hand-worked: 0.8² + 0.6² = 1.
        let reached = within(DVec3::new(0.6, 0.0, -0.8), 1.0);
        assert!(reached.distance(DVec3::new(0.6, 0.0, -0.8)) < 1e-12);
        // Slightly too low, the foot keeps its horizontal distance; further down, it is lifted by
        // at most 1.5 cm.
        let high = within(DVec3::new(0.0, 0.6, -0.81), 1.0);
        assert!(high.distance(DVec3::new(0.0, 0.6, -0.8)) < 1e-12, "{high}");
        let near = within(DVec3::new(0.0, 0.6, -0.95), 1.0);
        assert!((near.z + 0.935).abs() < 1e-12 && (near.length() - 1.0).abs() < 1e-12, "{near}");
        assert!(within(DVec3::new(0.3, 0.0, -1.2), 1.0).distance(DVec3::NEG_Z) < 1e-12);
    }
}
