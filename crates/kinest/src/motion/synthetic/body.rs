//! Computes a pose from the places of feet, trunk and hands: legs and arms by inverse kinematics.

use super::curves::Sampled;
use crate::coordinates::UPRIGHT;
use crate::motion::{ClipFrame, MotionClip};
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use glam::{DMat3, DQuat, DVec2, DVec3};

/// Longest distance from hip to ankle, as a fraction of the leg's length.
const MAX_EXTENSION: f64 = 0.997;
/// Shortest and longest distance from shoulder to wrist, as fractions of the arm's length.
const ARM_EXTENSION: [f64; 2] = [0.25, 0.995];
/// Duration over which the pelvis is lowered for a leg that is too short, seconds.
const GIVE_WAY: f64 = 0.1;

/// Left, then right: the order of pairs in this module.
pub(super) const SIDES: [Side; 2] = [Side::Left, Side::Right];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    /// 1 for left, −1 for right: the sign of x in the body's axes.
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Left => 1.0,
            Self::Right => -1.0,
        }
    }

    pub(super) fn other(self) -> Self {
        if self == Self::Left { Self::Right } else { Self::Left }
    }

    pub(super) fn of(self, left: SmplJoint) -> usize {
        if self == Self::Left { left.index() } else { left.mirrored().index() }
    }
}

/// World rotation of a body part that is upright, faces `heading` and is then pitched forward.
pub(super) fn facing(heading: f64, pitch: f64) -> DQuat {
    DQuat::from_rotation_z(heading) * UPRIGHT * DQuat::from_rotation_x(pitch)
}

/// Unit vectors on the floor: forward and left for a person with this heading.
pub(super) fn forward_and_left(heading: f64) -> (DVec2, DVec2) {
    let (sin, cos) = heading.sin_cos();
    (DVec2::new(sin, -cos), DVec2::new(cos, sin))
}

/// Position and rotation of a foot.
#[derive(Clone, Copy)]
pub(super) struct FootPose {
    pub ankle: DVec3,
    pub heading: f64,
    /// Positive with the toes down, radians.
    pub pitch: f64,
    /// How far the toes bend up against the foot, radians.
    pub toe_bend: f64,
}

/// One frame without the arms.
#[derive(Clone)]
pub(super) struct Trunk {
    pub feet: [FootPose; 2],
    /// Heading of the body as a whole, radians.
    pub heading: f64,
    /// Position of the pelvis on the floor, metres.
    pub ground: DVec2,
    /// Height of the pelvis if the legs are long enough, metres.
    pub height: f64,
    /// World rotations.
    pub pelvis: DQuat,
    pub chest: DQuat,
    pub head: DQuat,
}

impl Trunk {
    fn pelvis_position(&self) -> DVec3 {
        self.ground.extend(self.height)
    }

    fn hip(&self, side: Side, body: &Body) -> DVec3 {
        self.pelvis_position() + self.pelvis * body.offset(side, SmplJoint::LeftHip)
    }

    /// Greatest height of the pelvis at which both feet are within reach.
    pub(super) fn highest_pelvis(&self, body: &Body) -> f64 {
        let reach = MAX_EXTENSION * body.leg_length();
        SIDES
            .map(|side| {
                let hip =
                    self.ground.extend(0.0) + self.pelvis * body.offset(side, SmplJoint::LeftHip);
                let ankle = self.feet[side as usize].ankle;
                let across = (ankle - hip).truncate().length_squared();
                ankle.z - hip.z + (reach * reach - across).max(0.0).sqrt()
            })
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }

    /// A third of the rotation from pelvis to chest: the part of each spine joint.
    fn spine(&self) -> DQuat {
        DQuat::IDENTITY.slerp(self.pelvis.conjugate() * self.chest, 1.0 / 3.0)
    }

    /// World position of the topmost spine joint.
    fn spine_top(&self, body: &Body) -> DVec3 {
        let bend = self.spine();
        let (mut position, mut rotation) = (self.pelvis_position(), self.pelvis);
        for joint in [SmplJoint::Spine1, SmplJoint::Spine2, SmplJoint::Spine3] {
            position += rotation * body.skeleton.offsets[joint.index()];
            rotation *= bend;
        }
        position
    }

    /// World position of the shoulder joint for a given rotation of the collarbone.
    fn shoulder_with(&self, side: Side, body: &Body, collar: DQuat) -> DVec3 {
        let arm = body.offset(side, SmplJoint::LeftShoulder);
        let collarbone = body.offset(side, SmplJoint::LeftCollar);
        self.spine_top(body) + self.chest * (collarbone + collar * arm)
    }

    /// World position of the shoulder joint of a hanging arm.
    pub(super) fn shoulder(&self, side: Side, body: &Body) -> DVec3 {
        self.shoulder_with(side, body, collar(side, -DVec3::Y))
    }

    /// World position of the shoulder joint of an arm that points at `place`, and the collarbone's
    /// rotation.
    pub(super) fn shoulder_towards(&self, side: Side, body: &Body, place: DVec3) -> (DVec3, DQuat) {
        let to_place = place - self.shoulder(side, body);
        let collar = collar(side, self.chest.conjugate() * to_place.normalize());
        (self.shoulder_with(side, body, collar), collar)
    }

    /// World positions of hip and knee.
    pub(super) fn thigh(&self, side: Side, body: &Body) -> [DVec3; 2] {
        let leg = self.leg(side, body);
        [leg.hip, leg.knee]
    }

    fn leg(&self, side: Side, body: &Body) -> Leg {
        let foot = self.feet[side as usize];
        let hip = self.hip(side, body);
        let [thigh, shank] =
            [SmplJoint::LeftKnee, SmplJoint::LeftAnkle].map(|j| body.offset(side, j));
        let to_ankle = foot.ankle - hip;
        let (down, distance) = (to_ankle.normalize(), to_ankle.length());
        // The knee points halfway between the body's heading and the foot's.
        let (knee_forward, _) =
            forward_and_left(self.heading + 0.5 * (foot.heading - self.heading));
        let left = (-down).cross(knee_forward.extend(0.0)).normalize();
        let forward = left.cross(-down);
        let along = (thigh.length_squared() - shank.length_squared() + distance * distance)
            / (2.0 * distance);
        let out = (thigh.length_squared() - along * along).max(0.0).sqrt();
        Leg { hip, knee: hip + down * along + forward * out, left }
    }
}

struct Leg {
    hip: DVec3,
    knee: DVec3,
    /// Hinge axis of the knee.
    left: DVec3,
}

/// How an arm is defined.
#[derive(Clone, Copy)]
pub(super) enum Arm {
    /// Rotations of collarbone, shoulder, elbow and wrist, each relative to its parent.
    Posed([DQuat; 4]),
    /// By the place of the hand, with inverse kinematics.
    Reaching(Target),
}

/// The place of a hand, world space.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// Position of the wrist, metres; the arm reaches as far as it can.
    pub wrist: DVec3,
    /// Direction in which the elbow points.
    pub elbow: DVec3,
}

impl Target {
    pub(super) fn lerp(self, other: Self, t: f64) -> Self {
        Self { wrist: self.wrist.lerp(other.wrist, t), elbow: self.elbow.lerp(other.elbow, t) }
    }
}

/// The joints of [`Arm::Posed`], on the left.
const ARM_JOINTS: [SmplJoint; 4] =
    [SmplJoint::LeftCollar, SmplJoint::LeftShoulder, SmplJoint::LeftElbow, SmplJoint::LeftWrist];

/// A motion that can be evaluated at any time.
pub(super) trait Act {
    fn trunk(&self, t: f64, body: &Body) -> Trunk;
    /// `trunk` is the trunk at `t`, lowered to the height that the legs allow.
    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2];
}

/// The dimensions of a skeleton that a motion needs.
pub(super) struct Body<'a> {
    pub skeleton: &'a Skeleton,
}

impl<'a> Body<'a> {
    pub(super) fn new(skeleton: &'a Skeleton) -> Self {
        Self { skeleton }
    }

    pub(super) fn offset(&self, side: Side, left: SmplJoint) -> DVec3 {
        self.skeleton.offsets[side.of(left)]
    }

    pub(super) fn leg_length(&self) -> f64 {
        self.length([SmplJoint::LeftKnee, SmplJoint::LeftAnkle])
    }

    pub(super) fn arm_length(&self) -> f64 {
        self.length([SmplJoint::LeftElbow, SmplJoint::LeftWrist])
    }

    fn length(&self, joints: [SmplJoint; 2]) -> f64 {
        joints.map(|j| self.offset(Side::Left, j).length()).iter().sum()
    }

    /// From the ankle to the point of the heel that strikes the floor, in the foot's axes.
    pub(super) fn heel(&self) -> DVec3 {
        self.skeleton.sole(SmplJoint::LeftAnkle)[0]
    }

    /// Samples an act as a clip.
    pub(super) fn play(&self, act: &dyn Act, seconds: f64, rate_hz: f64) -> MotionClip {
        let count = (seconds * rate_hz) as usize + 1;
        let times: Vec<f64> = (0..count).map(|i| i as f64 / rate_hz).collect();
        let mut trunks: Vec<Trunk> = times.iter().map(|t| act.trunk(*t, self)).collect();
        // Where a leg is too short by more than rounding, lower the pelvis, smoothly.
        let spare = trunks.iter().map(|trunk| {
            let spare = trunk.highest_pelvis(self) - trunk.height;
            if spare < -1e-9 { spare } else { 0.0 }
        });
        let lower = Sampled::new(spare.collect(), rate_hz).smoothed_floor(GIVE_WAY);
        for (trunk, lower) in trunks.iter_mut().zip(lower.values()) {
            trunk.height += lower;
        }
        let frames = trunks.iter().zip(times).map(|(trunk, t)| {
            let arms = act.arms(t, trunk, self);
            ClipFrame::from(&self.pose(trunk, &arms))
        });
        MotionClip { rate_hz, frames: frames.collect() }
    }

    fn pose(&self, trunk: &Trunk, arms: &[Arm; 2]) -> Pose {
        let mut local: PerJoint<DQuat> = [DQuat::IDENTITY; SmplJoint::COUNT];
        local[SmplJoint::Pelvis.index()] = trunk.pelvis;
        for joint in [SmplJoint::Spine1, SmplJoint::Spine2, SmplJoint::Spine3] {
            local[joint.index()] = trunk.spine();
        }
        let neck = trunk.chest.conjugate() * trunk.head;
        for joint in [SmplJoint::Neck, SmplJoint::Head] {
            local[joint.index()] = DQuat::IDENTITY.slerp(neck, 0.5);
        }
        for side in SIDES {
            self.solve_leg(trunk, side, &mut local);
            let arm = match arms[side as usize] {
                Arm::Posed(rotations) => rotations,
                Arm::Reaching(target) => self.reach(trunk, side, target),
            };
            for (joint, rotation) in ARM_JOINTS.into_iter().zip(arm) {
                local[side.of(joint)] = rotation;
            }
        }
        let translation = trunk.pelvis_position() - self.skeleton.offsets[0];
        Pose { translation, rotations: local }
    }

    /// Rotates hip, knee and ankle so that the foot is where `trunk` has it.
    fn solve_leg(&self, trunk: &Trunk, side: Side, local: &mut PerJoint<DQuat>) {
        let foot = trunk.feet[side as usize];
        let [thigh, shank] =
            [SmplJoint::LeftKnee, SmplJoint::LeftAnkle].map(|j| self.offset(side, j));
        let Leg { hip, knee, left } = trunk.leg(side, self);
        let thigh_rotation = bone_rotation(thigh, knee - hip, DVec3::X, left);
        let shank_rotation = bone_rotation(shank, foot.ankle - knee, DVec3::X, left);
        let foot_rotation = facing(foot.heading, foot.pitch);
        local[side.of(SmplJoint::LeftHip)] = trunk.pelvis.conjugate() * thigh_rotation;
        local[side.of(SmplJoint::LeftKnee)] = thigh_rotation.conjugate() * shank_rotation;
        local[side.of(SmplJoint::LeftAnkle)] = shank_rotation.conjugate() * foot_rotation;
        local[side.of(SmplJoint::LeftFoot)] = DQuat::from_rotation_x(-foot.toe_bend);
    }

    /// Rotations of collarbone, shoulder, elbow and wrist that bring the wrist to `target`; the
    /// wrist stays straight.
    fn reach(&self, trunk: &Trunk, side: Side, target: Target) -> [DQuat; 4] {
        let Target { wrist, elbow } = target;
        let [upper, fore] =
            [SmplJoint::LeftElbow, SmplJoint::LeftWrist].map(|j| self.offset(side, j));
        let (shoulder, collar) = trunk.shoulder_towards(side, self, wrist);
        let to_wrist = wrist - shoulder;
        let reach = ARM_EXTENSION.map(|part| part * self.arm_length());
        let (along_arm, distance) =
            (to_wrist.normalize(), to_wrist.length().clamp(reach[0], reach[1]));
        let outward = (elbow - along_arm * elbow.dot(along_arm)).normalize();
        let along = (upper.length_squared() - fore.length_squared() + distance * distance)
            / (2.0 * distance);
        let out = (upper.length_squared() - along * along).max(0.0).sqrt();
        let bend = along_arm * along + outward * out;

        // The elbow's hinge is y in the rest pose; bending it brings the forearm towards z.
        let hinge = (-outward).cross(along_arm * side.sign()).normalize();
        let upper_rotation = bone_rotation(upper, bend, DVec3::Y, hinge);
        let fore_rotation = bone_rotation(fore, along_arm * distance - bend, DVec3::Y, hinge);
        let chest = trunk.chest * collar;
        [
            collar,
            chest.conjugate() * upper_rotation,
            upper_rotation.conjugate() * fore_rotation,
            DQuat::IDENTITY,
        ]
    }
}

/// Rotation of the collarbone for an upper arm that points along `aim`, in the chest's axes: up and
/// forward.
fn collar(side: Side, aim: DVec3) -> DQuat {
    let raised = 0.5 * (1.0 + aim.y);
    let forward = aim.z.max(0.0).powi(2);
    DQuat::from_rotation_z(side.sign() * (0.4 * raised * raised - 0.06))
        * DQuat::from_rotation_y(-side.sign() * 0.3 * forward)
}

/// World-from-bone rotation of a bone that points along `rest` in the rest pose and along `now`
/// now, and whose hinge axis is `rest_hinge` in the rest pose and `hinge` now.
fn bone_rotation(rest: DVec3, now: DVec3, rest_hinge: DVec3, hinge: DVec3) -> DQuat {
    let axes = |along: DVec3, hinge: DVec3| {
        let y = -along.normalize();
        let z = hinge.cross(y).normalize();
        DMat3::from_cols(y.cross(z), y, z)
    };
    DQuat::from_mat3(&(axes(now, hinge) * axes(rest, rest_hinge).transpose())).normalize()
}
