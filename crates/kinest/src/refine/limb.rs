//! Analytic inverse kinematics for two bones: an arm or a leg.

use super::Place;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use glam::{DQuat, DVec3};
use std::f64::consts::PI;

/// Sine of the smallest bend taken from the limb itself; a limb that bends less, or the wrong way,
/// gets its plane from the hinge.
const LEAST_BEND: f64 = 0.1;

/// No leg is made straighter than this fraction of its length, or than it was: near full length a
/// knee moves many centimetres per centimetre of the foot.
const STRAIGHTEST: f64 = 0.995;

/// A leg too short for its foot first lifts the foot by up to this height, metres, before it pulls
/// the foot in: the closer the leg is to vertical, the faster that would be.
const TIPTOE: f64 = 0.015;

/// An arm or a leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limb {
    /// Shoulder or hip, elbow or knee, wrist or ankle.
    pub joints: [J; 3],
    /// Hinge axis of the middle joint, in rest pose axes.
    pub hinge: DVec3,
}

/// The left and the right leg. Knees bend about x: from the rest pose the shank goes back.
pub(super) const LEGS: [Limb; 2] = [
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
    /// that is out of reach.
    ///
    /// The limb bends or straightens in its own plane until its end has the right distance, and
    /// then rotates as a whole along the shortest arc. So the swivel (the elbow's place on its
    /// circle around the line from shoulder to wrist) is kept from `pose`, and a pose that is
    /// already right is unchanged. The result is continuous in `pose` and `target`; only a target
    /// exactly opposite to the end's direction has no unique shortest arc.
    pub fn reach(&self, skeleton: &Skeleton, pose: &mut Pose, target: DVec3) {
        let [top, middle, end] = self.joints.map(J::index);
        let Place { position, rotation: upper } = Place::of(skeleton, pose, self.joints[0]);
        let lower = upper * pose.rotations[middle];
        let bones = [upper * skeleton.offsets[middle], lower * skeleton.offsets[end]];
        let [a, b] = bones.map(DVec3::length);
        let [along, onward] = bones.map(DVec3::normalize);

        let to_target = target - position;
        let distance = to_target.length().clamp((a - b).abs().max(1e-9), a + b);
        // Angles at the top joint and of the bend, in the triangle of the two bones and the
        // distance.
        let cosine = (a * a + distance * distance - b * b) / (2.0 * a * distance);
        let lift = cosine.clamp(-1.0, 1.0).acos();
        let cosine = (distance * distance - a * a - b * b) / (2.0 * a * b);
        let bend = cosine.clamp(-1.0, 1.0).acos();

        // The limb's plane: from its bend if it has one, from the hinge if it is straight.
        let to_end = (bones[0] + bones[1]).normalize_or(along);
        let hinge = (upper * self.hinge).reject_from_normalized(along).normalize_or_zero();
        let bent = along.cross(onward);
        let normal = bent + hinge * (LEAST_BEND - bent.dot(hinge)).max(0.0);
        let normal = normal.reject_from_normalized(to_end);
        let normal = normal.normalize_or(to_end.any_orthonormal_vector());
        let at = |angle: f64| to_end * angle.cos() + normal.cross(to_end) * angle.sin();

        let turn = arc(to_end, to_target.normalize_or(to_end), normal);
        let new_upper = turn * arc(along, at(-lift), normal) * upper;
        let new_lower = turn * arc(onward, at(bend - lift), normal) * lower;
        let parent = upper * pose.rotations[top].conjugate();
        pose.rotations[top] = (parent.conjugate() * new_upper).normalize();
        pose.rotations[middle] = (new_upper.conjugate() * new_lower).normalize();
    }
}

/// The shortest rotation from one direction to another; a half turn, which has no unique axis, is
/// about `axis`.
fn arc(from: DVec3, to: DVec3, axis: DVec3) -> DQuat {
    let (sine, cosine) = (from.cross(to), from.dot(to));
    if sine.length_squared() < 1e-24 && cosine < 0.0 {
        return DQuat::from_axis_angle(axis, PI);
    }
    // Half the angle by way of 1 + cos; normalisation does the scaling.
    DQuat::from_xyzw(sine.x, sine.y, sine.z, 1.0 + cosine).normalize()
}

/// The smallest rotation about the origin that brings `point` to within `distance` of `target`, in
/// their common plane and by at most `limit` radians.
///
/// Near half a turn between the two, where that plane is not unique, the rotation fades to none.
pub(super) fn lean(point: DVec3, target: DVec3, distance: f64, limit: f64) -> DQuat {
    let (near, far) = (point.length(), target.length());
    let opening = point.angle_between(target);
    // The law of cosines in the triangle of point, target and origin.
    let cosine = (far * far + near * near - distance * distance) / (2.0 * far * near);
    let needed = opening - cosine.clamp(-1.0, 1.0).acos();
    let turn = needed.clamp(0.0, limit.min(PI - opening));
    DQuat::from_scaled_axis(point.cross(target).normalize_or_zero() * turn)
}

/// Position, relative to the hip, at which a leg of this length can place a foot meant for `foot`
/// below it: higher, but by no more than [`TIPTOE`], then closer to the vertical.
pub(super) fn within(foot: DVec3, longest: f64) -> DVec3 {
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

    /// Hand-worked: an arm of length 1 from the origin, a target 2 away at a right angle. At 60°
    /// from the target the distance is √(1 + 4 − 2) = √3, so the rotation is 30°.
    #[test]
    fn a_lean_is_no_larger_than_needed() {
        let turned = |distance, limit| {
            let turn = lean(DVec3::X, DVec3::Y * 2.0, distance, limit);
            assert!(turn.xyz().reject_from(DVec3::Z).length() < 1e-12);
            2.0 * turn.z.asin()
        };
        assert!((turned(3.0_f64.sqrt(), 1.0) - PI / 6.0).abs() < 1e-12);
        assert!((turned(3.0_f64.sqrt(), 0.2) - 0.2).abs() < 1e-12);
        // Near enough already; then as near as possible.
        assert_eq!(turned(2.5, 1.0), 0.0);
        assert!((turned(0.5, 2.0) - PI / 2.0).abs() < 1e-12);
        let behind = lean(DVec3::X, DVec3::new(-2.0, 1e-9, 0.0), 1.5, 0.3);
        assert!(behind.xyz().length() < 1e-8, "no plane, no turn: {behind}");
    }

    #[test]
    fn half_a_turn_is_about_the_given_axis() {
        let turn = arc(DVec3::X, DVec3::NEG_X, DVec3::Z);
        assert!((turn * DVec3::X - DVec3::NEG_X).length() < 1e-12);
        assert!((turn * DVec3::Z - DVec3::Z).length() < 1e-12);
        let quarter = arc(DVec3::X, DVec3::Y, DVec3::Z);
        assert!((quarter * DVec3::X - DVec3::Y).length() < 1e-12);
    }

    #[test]
    fn feet_too_far_apart_for_the_floor_are_pulled_in() {
        // Hand-worked: 0.8² + 0.6² = 1.
        let reached = within(DVec3::new(0.6, 0.0, -0.8), 1.0);
        assert!(reached.distance(DVec3::new(0.6, 0.0, -0.8)) < 1e-12);
        // A little too far down, the foot keeps its distance aside; further down, it is lifted by
        // at most 1.5 cm.
        let high = within(DVec3::new(0.0, 0.6, -0.81), 1.0);
        assert!(high.distance(DVec3::new(0.0, 0.6, -0.8)) < 1e-12, "{high}");
        let near = within(DVec3::new(0.0, 0.6, -0.95), 1.0);
        assert!((near.z + 0.935).abs() < 1e-12 && (near.length() - 1.0).abs() < 1e-12, "{near}");
        assert!(within(DVec3::new(0.3, 0.0, -1.2), 1.0).distance(DVec3::NEG_Z) < 1e-12);
    }
}
