//! Arms: hands exactly at the trackers by analytic inverse kinematics; elbows keep the network's
//! swivel.

use super::Place;
use super::limb::Limb;
use crate::rotation::quat_from_matrix;
use crate::skeleton::{FULL_REACH, Pose, SOFT_REACH, Skeleton, SmplJoint, girdle};
use crate::tracker::TrackerPose;
use glam::{DQuat, DVec3};

/// Maximum error of a hand that counts as returned, metres.
const RETURNED: f64 = 1e-3;

/// An arm: collar, shoulder, elbow, wrist.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    collar: SmplJoint,
    limb: Limb,
}

impl Arm {
    /// The left arm. Its elbow bends about −y: from the rest pose the forearm goes forward.
    pub const LEFT: Self = Self {
        collar: SmplJoint::LeftCollar,
        limb: Limb {
            joints: [SmplJoint::LeftShoulder, SmplJoint::LeftElbow, SmplJoint::LeftWrist],
            hinge: DVec3::NEG_Y,
        },
    };
    /// The right arm, whose elbow bends about y.
    pub const RIGHT: Self = Self {
        collar: SmplJoint::RightCollar,
        limb: Limb {
            joints: [SmplJoint::RightShoulder, SmplJoint::RightElbow, SmplJoint::RightWrist],
            hinge: DVec3::Y,
        },
    };

    /// Rotates the arm so that the wrist joint has the position and rotation of `hand` (world
    /// space).
    ///
    /// The elbow's swivel is kept from `pose`. For a target out of reach the collar joint rotates
    /// towards it by up to 20°; beyond that the straight arm points at it. The rotation is exact in
    /// any case. Its twist about the forearm is shared equally between elbow and wrist, as in the
    /// training data.
    pub fn place_hand(&self, skeleton: &Skeleton, pose: &mut Pose, hand: &TrackerPose) {
        self.stretch(skeleton, pose, hand.position);
        self.limb.reach(skeleton, pose, hand.position);
        self.turn_wrist(skeleton, pose, quat_from_matrix(hand.rotation));
    }

    /// Puts the hand back to its place before the shoulder moved. The shoulder girdle was already
    /// solved for that place and moves again only if the arm does not reach it now.
    pub(super) fn return_hand(&self, skeleton: &Skeleton, pose: &mut Pose, hand: &Place) {
        self.limb.reach(skeleton, pose, hand.position);
        let wrist = Place::of(skeleton, pose, self.limb.joints[2]).position;
        if wrist.distance(hand.position) > RETURNED {
            self.stretch(skeleton, pose, hand.position);
            self.limb.reach(skeleton, pose, hand.position);
        }
        self.turn_wrist(skeleton, pose, hand.rotation);
    }

    /// Shoulder, elbow and wrist.
    pub(super) fn limb(&self) -> &Limb {
        &self.limb
    }

    /// Rotates the collar towards a target near or beyond the arm's reach.
    fn stretch(&self, skeleton: &Skeleton, pose: &mut Pose, target: DVec3) {
        let collar = Place::of(skeleton, pose, self.collar);
        let top = self.top(skeleton, pose, collar.position);
        let (turn, _) = top.girdle(DQuat::IDENTITY, target - collar.position);
        let local = &mut pose.rotations[self.collar.index()];
        let parent = collar.rotation * local.conjugate();
        *local = (parent.conjugate() * turn * collar.rotation).normalize();
    }

    /// Geometry of the arm's top, relative to `origin`.
    pub(super) fn top(&self, skeleton: &Skeleton, pose: &Pose, origin: DVec3) -> ArmTop {
        let collar = Place::of(skeleton, pose, self.collar);
        ArmTop {
            collar: collar.position - origin,
            shoulder: collar.rotation * skeleton.offsets[self.limb.joints[0].index()],
            length: self.limb.bones(skeleton).iter().sum(),
        }
    }

    /// Sets the wrist's world rotation to `wanted`.
    fn turn_wrist(&self, skeleton: &Skeleton, pose: &mut Pose, wanted: DQuat) {
        let [_, elbow, wrist] = self.limb.joints.map(SmplJoint::index);
        let forearm = Place::of(skeleton, pose, self.limb.joints[1]).rotation;
        let local = forearm.conjugate() * wanted;
        let correction = local * pose.rotations[wrist].conjugate();
        let axis = skeleton.offsets[wrist].normalize();
        // For a small twist, the product of sine and cosine of half of it equals half of it. The
        // share fades to none towards half a turn of twist or swing, where the sign of the twist is
        // ambiguous.
        let half_twist = correction.xyz().dot(axis) * correction.w;
        let share = DQuat::from_axis_angle(axis, half_twist);
        pose.rotations[elbow] = (pose.rotations[elbow] * share).normalize();
        pose.rotations[wrist] = (share.conjugate() * local).normalize();
    }
}

/// Lifts elbows to this height, metres, if they are below it: sideways and up. The hands stay.
pub(super) fn lift_elbows(skeleton: &Skeleton, pose: &mut Pose, height: f64) {
    let chest = Place::of(skeleton, pose, SmplJoint::Spine3).rotation;
    for (arm, side) in [(Arm::LEFT, DVec3::X), (Arm::RIGHT, DVec3::NEG_X)] {
        arm.limb.lift(skeleton, pose, height, chest * (side + DVec3::Z));
    }
}

/// The top of an arm.
pub(super) struct ArmTop {
    /// Position of the collar joint.
    collar: DVec3,
    /// Shoulder relative to the collar.
    shoulder: DVec3,
    /// Length of the straight arm, metres.
    length: f64,
}

impl ArmTop {
    /// Rotation of the collar towards a target, and the distance from the target that the shoulder
    /// should then have, after the chest has been rotated about the origin by `chest`.
    fn girdle(&self, chest: DQuat, target: DVec3) -> (DQuat, f64) {
        let (soft, rest) = (SOFT_REACH * self.length, (FULL_REACH - SOFT_REACH) * self.length);
        girdle(chest * self.shoulder, target - chest * self.collar, soft, rest)
    }

    /// Position of the shoulder with the collar's help, and the distance from the target it should
    /// have.
    pub(super) fn shoulder(&self, chest: DQuat, target: DVec3) -> (DVec3, f64) {
        let (girdle, wanted) = self.girdle(chest, target);
        (chest * self.collar + girdle * (chest * self.shoulder), wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refine::tests::{mirrored, random_pose, random_rotation, random_unit};
    use crate::rotation::geodesic_angle;
    use glam::DMat3;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const ARMS: [Arm; 2] = [Arm::LEFT, Arm::RIGHT];

    fn place(skeleton: &Skeleton, pose: &Pose, joint: SmplJoint) -> Place {
        Place::of(skeleton, pose, joint)
    }

    fn tracker(position: DVec3, rotation: DQuat) -> TrackerPose {
        TrackerPose::new(position, DMat3::from_quat(rotation))
    }

    fn length(skeleton: &Skeleton, arm: &Arm) -> f64 {
        arm.limb.bones(skeleton).iter().sum()
    }

    #[test]
    fn reachable_hands_are_exact() {
        let skeleton = Skeleton::default();
        let mut random = StdRng::seed_from_u64(1);
        for i in 0..2000 {
            let arm = ARMS[i % 2];
            let before = random_pose(&mut random);
            let [shoulder, _, wrist] = arm.limb.joints;
            let from = place(&skeleton, &before, shoulder).position;
            let reach = random.random_range(0.05..0.999) * length(&skeleton, &arm);
            let target = from + random_unit(&mut random) * reach;
            let wanted = random_rotation(&mut random);
            let mut pose = before;
            arm.place_hand(&skeleton, &mut pose, &tracker(target, wanted));
            let hand = place(&skeleton, &pose, wrist);
            assert!(hand.position.distance(target) < 1e-9, "{i}: {}", hand.position - target);
            assert!(geodesic_angle(hand.rotation, wanted) < 1e-7, "{i}");
            // All other joints are unchanged.
            let arm_joints = [arm.collar, shoulder, arm.limb.joints[1], wrist];
            for joint in SmplJoint::ALL.into_iter().filter(|j| !arm_joints.contains(j)) {
                assert_eq!(pose.rotations[joint.index()], before.rotations[joint.index()]);
            }
        }
    }

    #[test]
    fn a_hand_already_at_its_tracker_leaves_the_arm_unchanged() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        for (joint, turn) in [
            (SmplJoint::LeftShoulder, DVec3::new(0.2, -0.6, -0.5)),
            (SmplJoint::LeftElbow, DVec3::new(0.1, -0.9, 0.0)),
            (SmplJoint::LeftWrist, DVec3::new(0.4, 0.1, -0.2)),
        ] {
            pose.rotations[joint.index()] = DQuat::from_scaled_axis(turn);
        }
        let hand = place(&skeleton, &pose, SmplJoint::LeftWrist);
        let before = pose;
        Arm::LEFT.place_hand(&skeleton, &mut pose, &tracker(hand.position, hand.rotation));
        for joint in SmplJoint::ALL {
            let turned =
                geodesic_angle(before.rotations[joint.index()], pose.rotations[joint.index()]);
            assert!(turned < 1e-7, "{joint:?} turned {turned}");
        }
    }

    #[test]
    fn forearm_and_wrist_share_a_twist() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        let [_, elbow, wrist] = Arm::LEFT.limb.joints;
        pose.rotations[elbow.index()] = DQuat::from_rotation_y(-1.0);
        let hand = place(&skeleton, &pose, wrist);
        let twist = 0.2;
        let turned = hand.rotation * DQuat::from_rotation_x(twist);
        let before = pose;
        Arm::LEFT.place_hand(&skeleton, &mut pose, &tracker(hand.position, turned));
        for joint in [elbow, wrist] {
            let share =
                geodesic_angle(before.rotations[joint.index()], pose.rotations[joint.index()]);
            // sin(0.1) · cos(0.1) is 0.7 % less than half of it.
            assert!((share - twist / 2.0).abs() < 0.001, "{joint:?}: {share}");
        }
        assert!(geodesic_angle(place(&skeleton, &pose, wrist).rotation, turned) < 1e-9);
    }

    /// Bending in its plane, the elbow stays on its side of the line from shoulder to hand.
    #[test]
    fn the_swivel_of_the_elbow_is_kept() {
        let skeleton = Skeleton::default();
        let mut random = StdRng::seed_from_u64(2);
        for _ in 0..200 {
            let mut pose = Pose::rest();
            let [shoulder, elbow, wrist] = Arm::LEFT.limb.joints;
            pose.rotations[shoulder.index()] = random_rotation(&mut random);
            pose.rotations[elbow.index()] = DQuat::from_rotation_y(-random.random_range(0.5..2.0));
            let positions =
                |pose: &Pose| [shoulder, elbow, wrist].map(|j| place(&skeleton, pose, j).position);
            let [s, e, w] = positions(&pose);
            // Nearer along the same line: the elbow only moves out, in the same plane.
            let target = s.lerp(w, 0.9);
            Arm::LEFT.place_hand(&skeleton, &mut pose, &tracker(target, DQuat::IDENTITY));
            let [_, elbow_now, _] = positions(&pose);
            let side = |e: DVec3| (e - s).reject_from(w - s);
            assert!(side(elbow_now).normalize().dot(side(e).normalize()) > 1.0 - 1e-9);
            assert!(side(elbow_now).length() > side(e).length());
        }
    }

    /// The girdle rotates by 20° at most.
    #[test]
    fn out_of_reach_the_girdle_helps_and_then_the_arm_points() {
        let skeleton = Skeleton::default();
        let [shoulder, elbow, wrist] = Arm::LEFT.limb.joints;
        let rest = Pose::rest();
        let from = place(&skeleton, &rest, shoulder).position;
        let reach = length(&skeleton, &Arm::LEFT);
        let attempt = |beyond: f64| {
            let mut pose = rest;
            // A body at rest faces −y.
            let target = from + DVec3::NEG_Y * (reach + beyond);
            Arm::LEFT.place_hand(&skeleton, &mut pose, &tracker(target, DQuat::IDENTITY));
            let girdle = geodesic_angle(rest.rotations[13], pose.rotations[13]);
            (pose, target, girdle)
        };
        let (pose, target, girdle) = attempt(0.03);
        assert!(place(&skeleton, &pose, wrist).position.distance(target) < 1e-9);
        assert!(girdle > 0.1 && girdle < 0.35, "{girdle}");
        let (pose, target, girdle) = attempt(1.0);
        assert!((girdle - 0.35).abs() < 1e-9);
        let [s, e, w] = [shoulder, elbow, wrist].map(|j| place(&skeleton, &pose, j).position);
        assert!((w.distance(s) - reach).abs() < 1e-9, "straight");
        for bone in [e - s, w - e] {
            assert!(bone.angle_between(target - s) < 1e-6, "points at the target");
        }
    }

    #[test]
    fn left_and_right_are_mirror_images() {
        let skeleton = Skeleton::default();
        let mut random = StdRng::seed_from_u64(3);
        for _ in 0..200 {
            let pose = random_pose(&mut random);
            let from = place(&skeleton, &pose, SmplJoint::LeftShoulder).position;
            let target = from + random_unit(&mut random) * random.random_range(0.1..0.8);
            let wanted = random_rotation(&mut random);
            let mut left = pose;
            Arm::LEFT.place_hand(&skeleton, &mut left, &tracker(target, wanted));
            let mut right = mirrored(&pose);
            let target = target * DVec3::new(-1.0, 1.0, 1.0);
            let wanted = DQuat::from_xyzw(wanted.x, -wanted.y, -wanted.z, wanted.w);
            Arm::RIGHT.place_hand(&skeleton, &mut right, &tracker(target, wanted));
            for (a, b) in mirrored(&left).rotations.iter().zip(&right.rotations) {
                assert!(geodesic_angle(*a, *b) < 1e-6);
            }
        }
    }

    /// The hand moves along straight lines, past the shoulder and out of reach. A flip would be 90°
    /// or more from one place to the next; the fastest legitimate rotation is an elbow that
    /// straightens.
    #[test]
    fn nothing_flips_while_the_hand_moves() {
        const STEP: f64 = 0.0025;
        let skeleton = Skeleton::default();
        let mut random = StdRng::seed_from_u64(4);
        let mut ready = Pose::rest();
        let chest = place(&skeleton, &ready, SmplJoint::Spine3);
        let hand = chest.position + chest.rotation * DVec3::new(0.3, 0.1, 0.35);
        Arm::LEFT.place_hand(&skeleton, &mut ready, &tracker(hand, DQuat::IDENTITY));
        let [shoulder, elbow, wrist] = Arm::LEFT.limb.joints;
        let [from, to] = [shoulder, wrist].map(|j| place(&skeleton, &ready, j).position);
        let (mut fastest, mut straight) = (0.0_f64, 0);
        for _ in 0..300 {
            let direction = random_unit(&mut random);
            let miss = random_unit(&mut random).reject_from(direction).normalize()
                * random.random_range(0.1..0.5);
            let mut before: Option<[DQuat; 2]> = None;
            for i in -320..320 {
                let offset = miss + direction * (f64::from(i) * STEP);
                // Directly opposite to the arm's direction, the rotation is not unique.
                if offset.angle_between(to - from) > 2.6 {
                    before = None;
                    continue;
                }
                let mut pose = ready;
                Arm::LEFT.place_hand(
                    &skeleton,
                    &mut pose,
                    &tracker(from + offset, DQuat::IDENTITY),
                );
                let bones = [shoulder, elbow].map(|j| place(&skeleton, &pose, j).rotation);
                for (a, b) in before.iter().flatten().zip(&bones) {
                    fastest = fastest.max(geodesic_angle(*a, *b).to_degrees());
                }
                straight += usize::from(geodesic_angle(bones[0], bones[1]) < 0.1);
                before = Some(bones);
            }
        }
        assert!(fastest < 20.0, "{fastest}° for {STEP} m");
        assert!(straight > 1000, "{straight}: arms got straight on the way");
    }
}
