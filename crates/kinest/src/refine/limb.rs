//! Two bones in a row, an arm or a leg, turned so that their end is where it should be.

use super::JointFrame;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use glam::{DQuat, DVec3};

/// Sine of the least bend a limb is taken to have against its hinge: what bends less, or the wrong way,
/// gets its plane from the hinge.
const LEAST_BEND: f64 = 0.1;

/// An arm or a leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limb {
    /// Shoulder or hip, elbow or knee, wrist or ankle.
    pub joints: [J; 3],
    /// The axis about which the middle joint bends, in the rest pose's axes.
    pub hinge: DVec3,
}

/// The left and the right leg, whose knees bend about x: from the rest pose the shank goes back.
pub(super) const LEGS: [Limb; 2] = [
    Limb { joints: [J::LeftHip, J::LeftKnee, J::LeftAnkle], hinge: DVec3::X },
    Limb { joints: [J::RightHip, J::RightKnee, J::RightAnkle], hinge: DVec3::X },
];

impl Limb {
    /// Lengths of the two bones.
    pub fn bones(&self, skeleton: &Skeleton) -> [f64; 2] {
        [self.joints[1], self.joints[2]].map(|j| skeleton.offsets[j.index()].length())
    }

    /// Turns the limb so that its end is at `target`, or points there where that is out of reach.
    ///
    /// The limb bends or straightens in its own plane until its end has the right distance, and then turns
    /// as a whole along the shortest arc. So the swivel, the elbow's place on its circle around the line
    /// from shoulder to wrist, is carried along from `pose`, and a pose that is already right stays as it
    /// is. The result follows `pose` and `target` without jumps; only a target exactly opposite of where
    /// the end was has no one shortest arc.
    pub fn reach(&self, skeleton: &Skeleton, pose: &mut Pose, target: DVec3) {
        let [top, middle, end] = self.joints.map(J::index);
        let JointFrame { position, rotation: upper } =
            JointFrame::of(skeleton, pose, self.joints[0]);
        let lower = upper * pose.rotations[middle];
        let bones = [upper * skeleton.offsets[middle], lower * skeleton.offsets[end]];
        let [a, b] = bones.map(DVec3::length);
        let [along, onward] = bones.map(DVec3::normalize);

        let to_target = target - position;
        let distance = to_target.length().clamp((a - b).abs().max(1e-9), a + b);
        // The angles at the top and of the bend, in the triangle of both bones and the distance.
        let cosine = (a * a + distance * distance - b * b) / (2.0 * a * distance);
        let lift = cosine.clamp(-1.0, 1.0).acos();
        let cosine = (distance * distance - a * a - b * b) / (2.0 * a * b);
        let bend = cosine.clamp(-1.0, 1.0).acos();

        // The plane of the limb, from its bend where it has one and from the hinge where it is straight.
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

/// The shortest turn from one direction to another; a half turn, which has no one axis, is about `axis`.
pub(super) fn arc(from: DVec3, to: DVec3, axis: DVec3) -> DQuat {
    let (sine, cosine) = (from.cross(to), from.dot(to));
    if sine.length_squared() < 1e-24 && cosine < 0.0 {
        return DQuat::from_axis_angle(axis, std::f64::consts::PI);
    }
    // Half the angle by way of 1 + cos; scaled by the normalisation.
    DQuat::from_xyzw(sine.x, sine.y, sine.z, 1.0 + cosine).normalize()
}
