//! The signals of each frame.

use super::kind::CodeKind as K;
use super::place::Place;
use super::signal::Signal;
use crate::coordinates::heading;
use crate::skeleton::{
    Group, GroupPair, JointTransforms, PerJoint, Skeleton, SmplJoint as J, group_centres,
};
use glam::{DMat3, DQuat, DVec3};
use std::f64::consts::{PI, TAU};

/// The value of every signal at one moment, in the order of [`Signal::ALL`].
pub(super) type Values = [f64; Signal::COUNT];

/// Maximum speed of an ankle of a planted foot, body heights per second.
const STANDING_SPEED: f64 = 0.12;
/// Time for which an ankle must be that slow, seconds: longer than at the top of a jump.
const STANDING_TIME: f64 = 0.1;
/// Minimum height of the pelvis above a planted sole, body heights.
const BELOW_PELVIS: f64 = 0.05;
/// Time constant of the floor's height, seconds.
const FLOOR_TIME: f64 = 0.1;

/// Computes the signals of a body frame by frame.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    /// Body height, metres.
    stature: f64,
    /// Height of the pelvis above the soles in standing, metres.
    root: f64,
    /// Heel and ball below each ankle, in the foot's axes.
    soles: [[DVec3; 2]; 2],
    /// Height of the floor, metres.
    floor: f64,
    /// Time for which each ankle has been slow, seconds.
    slow: [f64; 2],
    before: Option<Before>,
    /// Heading of the pelvis, radians, unwrapped over whole turns.
    facing: f64,
}

/// State of the previous frame.
#[derive(Clone, Debug)]
struct Before {
    positions: PerJoint<DVec3>,
    centres: [DVec3; 6],
    heading: f64,
}

/// Level unit vectors: forward and left.
struct Level {
    forward: DVec3,
    left: DVec3,
}

impl Level {
    fn facing(heading: f64) -> Self {
        let (sin, cos) = heading.sin_cos();
        Self { forward: DVec3::new(sin, -cos, 0.0), left: DVec3::new(cos, sin, 0.0) }
    }
}

impl Measure {
    pub(super) fn new(skeleton: &Skeleton) -> Self {
        Self {
            stature: skeleton.stature(),
            root: skeleton.standing_root_height(),
            soles: [J::LeftAnkle, J::RightAnkle].map(|ankle| skeleton.sole(ankle)),
            floor: 0.0,
            slow: [0.0; 2],
            before: None,
            facing: 0.0,
        }
    }

    /// Clears the previous frames; the floor stays.
    pub(super) fn restart(&mut self) {
        self.before = None;
        self.slow = [0.0; 2];
    }

    /// Whether the body moved further than it can move in this time.
    pub(super) fn jumps(&self, joints: &JointTransforms, seconds: f64) -> bool {
        /// Body heights per second, and body heights.
        const FASTEST: f64 = 8.0;
        const SLACK: f64 = 0.15;
        let pelvis = J::Pelvis.index();
        self.before.as_ref().is_some_and(|before| {
            let way = before.positions[pelvis].distance(joints.positions[pelvis]);
            way > self.stature * (FASTEST * seconds + SLACK)
        })
    }

    /// The signals of a frame, `seconds` after the one before.
    pub(super) fn values(&mut self, joints: &JointTransforms, seconds: f64) -> Values {
        let mut values = [0.0; Signal::COUNT];
        let at = |joint: J| joints.positions[joint.index()];
        let rotation = |joint: J| joints.rotations[joint.index()];
        let pelvis_heading = heading(rotation(J::Pelvis));
        let chest_heading = heading(rotation(J::Spine3));
        let centres = group_centres(&joints.positions);

        let seconds = if self.before.is_some() { seconds } else { 0.0 };
        let velocity = |now: DVec3, before: &dyn Fn(&Before) -> DVec3| match &self.before {
            Some(frame) if seconds > 0.0 => (now - before(frame)) / (seconds * self.stature),
            _ => DVec3::ZERO,
        };
        let of_joint =
            |joint: J| velocity(at(joint), &|frame: &Before| frame.positions[joint.index()]);
        let of_group = |g: usize| velocity(centres[g], &|frame: &Before| frame.centres[g]);
        let speeds = Speeds {
            pelvis: of_joint(J::Pelvis),
            chest: of_joint(J::Spine3),
            wrists: [J::LeftWrist, J::RightWrist].map(of_joint),
            ankles: [J::LeftAnkle, J::RightAnkle].map(of_joint),
            groups: std::array::from_fn(of_group),
        };
        let turned = match &self.before {
            Some(before) => within_half_turn(pelvis_heading - before.heading),
            None => 0.0,
        };
        self.facing += turned;

        let soles = [J::LeftAnkle, J::RightAnkle].map(|ankle| {
            let side = usize::from(ankle == J::RightAnkle);
            let height = |point: DVec3| (rotation(ankle) * point).z;
            let [heel, ball] = self.soles[side].map(height);
            at(ankle).z + heel.min(ball)
        });
        self.follow_floor(soles, &speeds, at(J::Pelvis).z, seconds);

        for (side, place) in [Place::Left, Place::Right].into_iter().enumerate() {
            self.arm(joints, chest_heading, side, |kind, value| {
                values[Signal { kind, place }.index()] = value;
            });
            self.leg(joints, pelvis_heading, side, soles[side], |kind, value| {
                values[Signal { kind, place }.index()] = value;
            });
            let hand = (speeds.wrists[side] - speeds.chest).length();
            values[Signal { kind: K::HandSpeed, place }.index()] = hand;
            let foot = (speeds.ankles[side] - speeds.pelvis).length();
            values[Signal { kind: K::FootSpeed, place }.index()] = foot;
        }
        let mut set = |kind, value| values[Signal::body(kind).index()] = value;
        self.pairs(joints, pelvis_heading, soles, &mut set);
        trunk(joints, pelvis_heading, chest_heading, &mut set);
        let level = Level::facing(pelvis_heading);
        set(K::RootHeight, (at(J::Pelvis).z - self.floor) / self.root);
        set(K::PlanarSpeed, speeds.pelvis.truncate().length());
        set(K::ForwardSpeed, speeds.pelvis.dot(level.forward));
        set(K::SidewaysSpeed, speeds.pelvis.dot(level.left));
        set(K::VerticalSpeed, speeds.pelvis.z);
        set(K::TurnRate, if seconds > 0.0 { turned.to_degrees() / seconds } else { 0.0 });
        set(K::Facing, self.facing.to_degrees());
        for group in Group::ALL {
            let torso = speeds.groups[Group::Torso.index()];
            let own = speeds.groups[group.index()];
            let speed = if group == Group::Torso { own } else { own - torso };
            let signal = Signal { kind: K::GroupSpeed, place: Place::Group(group) };
            values[signal.index()] = speed.length();
        }
        for pair in GroupPair::ALL {
            let apart = centres[pair.first.index()].distance(centres[pair.second.index()]);
            let signal = Signal { kind: K::GroupDistance, place: Place::Pair(pair) };
            values[signal.index()] = apart / self.stature;
        }
        self.before =
            Some(Before { positions: joints.positions, centres, heading: pelvis_heading });
        values
    }

    /// Follows the floor's height at planted feet: on stairs and playgrounds it is not zero.
    fn follow_floor(&mut self, soles: [f64; 2], speeds: &Speeds, pelvis: f64, seconds: f64) {
        let mut stands: Option<f64> = None;
        for (side, sole) in soles.into_iter().enumerate() {
            let slow = speeds.ankles[side].length() < STANDING_SPEED;
            self.slow[side] = if slow { self.slow[side] + seconds } else { 0.0 };
            let below = sole < pelvis - BELOW_PELVIS * self.stature;
            if below && self.slow[side] >= STANDING_TIME {
                stands = Some(stands.map_or(sole, |other| other.min(sole)));
            }
        }
        if let Some(height) = stands {
            self.floor += (height - self.floor) * (1.0 - (-seconds / FLOOR_TIME).exp());
        }
    }

    fn arm(
        &self,
        joints: &JointTransforms,
        chest_heading: f64,
        side: usize,
        mut set: impl FnMut(K, f64),
    ) {
        let at = |joint: J| joints.positions[joint.index()];
        let own = |left: J, right: J| at(if side == 0 { left } else { right });
        let other = |left: J, right: J| at(if side == 0 { right } else { left });
        let stature = self.stature;
        let shoulder = own(J::LeftShoulder, J::RightShoulder);
        let elbow = own(J::LeftElbow, J::RightElbow);
        let wrist = own(J::LeftWrist, J::RightWrist);
        let level = Level::facing(chest_heading);
        let outward = if side == 0 { level.left } else { -level.left };
        let hand = (wrist - shoulder) / stature;
        set(K::ElbowBend, bend(elbow - shoulder, wrist - elbow));
        set(K::UpperArmRaise, raise(elbow - shoulder));
        set(K::ForearmRaise, raise(wrist - elbow));
        set(K::HandForward, hand.dot(level.forward));
        set(K::HandOut, hand.dot(outward));
        set(K::HandUp, hand.z);
        set(K::HandReach, hand.length());
        set(K::HandOverHead, (wrist.z - at(J::Head).z) / stature);
        set(K::HandOverHips, (wrist.z - at(J::Pelvis).z) / stature);
        set(K::HandOverFloor, (wrist.z - self.floor) / stature);
        let mut far = |kind, to: DVec3| set(kind, wrist.distance(to) / stature);
        far(K::HandToHead, at(J::Head));
        far(K::HandToHip, own(J::LeftHip, J::RightHip));
        far(K::HandToKnee, own(J::LeftKnee, J::RightKnee));
        far(K::HandToFoot, own(J::LeftFoot, J::RightFoot));
        far(K::HandToOtherShoulder, other(J::LeftShoulder, J::RightShoulder));
        far(K::HandToOtherElbow, other(J::LeftElbow, J::RightElbow));
        let middle = (shoulder + other(J::LeftShoulder, J::RightShoulder)) / 2.0;
        set(K::HandAcross, (wrist - middle).dot(outward) / stature);
    }

    fn leg(
        &self,
        joints: &JointTransforms,
        pelvis_heading: f64,
        side: usize,
        sole: f64,
        mut set: impl FnMut(K, f64),
    ) {
        let at = |joint: J| joints.positions[joint.index()];
        let own = |left: J, right: J| at(if side == 0 { left } else { right });
        let stature = self.stature;
        let hip = own(J::LeftHip, J::RightHip);
        let knee = own(J::LeftKnee, J::RightKnee);
        let ankle = own(J::LeftAnkle, J::RightAnkle);
        let level = Level::facing(pelvis_heading);
        let outward = if side == 0 { level.left } else { -level.left };
        let foot = (ankle - hip) / stature;
        set(K::KneeBend, bend(knee - hip, ankle - knee));
        set(K::ThighRaise, raise(knee - hip));
        set(K::ShankRaise, raise(ankle - knee));
        set(K::FootForward, foot.dot(level.forward));
        set(K::FootOut, foot.dot(outward));
        set(K::FootUp, foot.z);
        set(K::FootOverFloor, (sole - self.floor) / stature);
        set(K::KneeOverFloor, (knee.z - self.floor) / stature);
        let other_knee = at(if side == 0 { J::RightKnee } else { J::LeftKnee });
        set(K::FootToOtherKnee, ankle.distance(other_knee) / stature);
    }

    fn pairs(
        &self,
        joints: &JointTransforms,
        pelvis_heading: f64,
        soles: [f64; 2],
        set: &mut impl FnMut(K, f64),
    ) {
        let at = |joint: J| joints.positions[joint.index()];
        let level = Level::facing(pelvis_heading);
        let stature = self.stature;
        set(K::HandsDistance, at(J::LeftWrist).distance(at(J::RightWrist)) / stature);
        let feet = (at(J::LeftAnkle) - at(J::RightAnkle)) / stature;
        set(K::FeetApart, feet.dot(level.left));
        set(K::FeetSplit, feet.dot(level.forward).abs());
        set(K::KneesDistance, at(J::LeftKnee).distance(at(J::RightKnee)) / stature);
        set(K::FeetOverFloor, (soles[0].min(soles[1]) - self.floor) / stature);
    }
}

/// Velocities in body heights per second.
struct Speeds {
    pelvis: DVec3,
    chest: DVec3,
    wrists: [DVec3; 2],
    ankles: [DVec3; 2],
    groups: [DVec3; 6],
}

fn trunk(
    joints: &JointTransforms,
    pelvis_heading: f64,
    chest_heading: f64,
    set: &mut impl FnMut(K, f64),
) {
    let at = |joint: J| joints.positions[joint.index()];
    let level = Level::facing(pelvis_heading);
    let spine = (at(J::Neck) - at(J::Pelvis)).normalize_or(DVec3::Z);
    set(K::TorsoPitch, spine.dot(level.forward).clamp(-1.0, 1.0).asin().to_degrees());
    set(K::TorsoRoll, spine.dot(level.left).clamp(-1.0, 1.0).asin().to_degrees());
    set(K::TorsoIncline, spine.z.clamp(-1.0, 1.0).acos().to_degrees());
    set(K::TorsoTwist, within_half_turn(chest_heading - pelvis_heading).to_degrees());
    // Relative to the chest, a head that looks ahead while walking would turn to and fro.
    let head = DMat3::from_quat(DQuat::from_rotation_z(-pelvis_heading))
        * joints.rotations[J::Head.index()];
    let yaw = heading(head);
    let (left, up, ahead) = (head.x_axis, head.y_axis, head.z_axis);
    set(K::HeadYaw, yaw.to_degrees());
    set(K::HeadPitch, (-ahead.z).clamp(-1.0, 1.0).asin().to_degrees());
    set(K::HeadRoll, (-left.z).atan2(up.z.abs().max(1e-9)).to_degrees());
}

/// Angle between two segments that follow each other, degrees: 0 if they are in line.
fn bend(first: DVec3, second: DVec3) -> f64 {
    let cosine = first.dot(second) / (first.length() * second.length()).max(1e-12);
    cosine.clamp(-1.0, 1.0).acos().to_degrees()
}

/// Angle of a segment from hanging down, degrees.
fn raise(segment: DVec3) -> f64 {
    let cosine = -segment.z / segment.length().max(1e-12);
    cosine.clamp(-1.0, 1.0).acos().to_degrees()
}

/// The same angle between −π and π.
fn within_half_turn(angle: f64) -> f64 {
    angle - TAU * ((angle + PI) / TAU).floor()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Pose;
    use glam::DQuat;

    fn value(values: &Values, name: &str) -> f64 {
        values[name.parse::<Signal>().unwrap().index()]
    }

    fn measured(skeleton: &Skeleton, poses: &[Pose], seconds: f64) -> Values {
        let mut measure = Measure::new(skeleton);
        let frames = poses.iter().map(|pose| measure.values(&skeleton.pose_joints(pose), seconds));
        frames.last().unwrap()
    }

    /// The rest pose with the soles at the floor.
    fn standing(skeleton: &Skeleton) -> Pose {
        let mut pose = Pose::rest();
        pose.translation.z = skeleton.standing_root_height();
        pose
    }

    /// Hand-worked from the default skeleton's rest positions, rounded to millimetres.
    #[test]
    fn the_signals_of_the_rest_pose_are_known() {
        let skeleton = Skeleton::default();
        let values = measured(&skeleton, &[standing(&skeleton)], 0.0);
        let height = skeleton.stature();
        for (name, expected) in [
            ("left_elbow_bend", 0.0),
            ("right_upper_arm_raise", 90.0),
            ("left_hand_out", (0.738 - 0.185) / height),
            ("right_hand_out", (0.738 - 0.185) / height),
            ("left_hand_forward", 0.0),
            ("hands_distance", 2.0 * 0.738 / height),
            ("left_hand_over_head", (0.423 - 0.575) / height),
            ("left_hand_across", 0.738 / height),
            ("knee_bend", 0.0),
            ("feet_apart", 0.18 / height),
            ("feet_over_floor", 0.0),
            ("root_height", 1.0),
            ("torso_twist", 0.0),
            ("torso_roll", 0.0),
            ("head_yaw", 0.0),
            ("head_pitch", 0.0),
            ("planar_speed", 0.0),
        ] {
            let name = if name == "knee_bend" { "left_knee_bend" } else { name };
            let found = value(&values, name);
            assert!((found - expected).abs() < 1e-3, "{name}: {found}, not {expected}");
        }
    }

    /// Signs are relative to the body, for any heading.
    #[test]
    fn forward_and_left_are_the_bodys() {
        let skeleton = Skeleton::default();
        for heading in [0.0, 1.0, -2.5] {
            let mut pose = standing(&skeleton);
            pose.rotations[0] = DQuat::from_rotation_z(heading) * pose.rotations[0];
            // Left arm forward, head left and down.
            pose.rotations[J::LeftShoulder.index()] = DQuat::from_rotation_y(-1.5);
            pose.rotations[J::Head.index()] =
                DQuat::from_rotation_y(0.5) * DQuat::from_rotation_x(0.3);
            let mut moved = pose;
            moved.translation += DQuat::from_rotation_z(heading) * DVec3::new(0.01, -0.02, 0.0);
            let values = measured(&skeleton, &[pose, moved], 0.02);
            assert!(value(&values, "left_hand_forward") > 0.25);
            assert!(value(&values, "right_hand_forward").abs() < 0.1);
            assert!((value(&values, "head_yaw") - 0.5_f64.to_degrees()).abs() < 1e-6);
            assert!((value(&values, "head_pitch") - 0.3_f64.to_degrees()).abs() < 1e-6);
            assert!(value(&values, "torso_pitch") < 0.0);
            let speed = 1.0 / skeleton.stature();
            assert!((value(&values, "forward_speed") - speed).abs() < 1e-6);
            assert!((value(&values, "sideways_speed") - 0.5 * speed).abs() < 1e-6);
        }
    }

    #[test]
    fn facing_counts_on_over_whole_turns() {
        let skeleton = Skeleton::default();
        let turned = |i: usize| {
            let mut pose = standing(&skeleton);
            pose.rotations[0] = DQuat::from_rotation_z(0.1 * i as f64) * pose.rotations[0];
            pose
        };
        let poses: Vec<Pose> = (0..=100).map(turned).collect();
        let values = measured(&skeleton, &poses, 0.1);
        assert!((value(&values, "facing") - 10.0_f64.to_degrees()).abs() < 1e-6);
        assert!((value(&values, "turn_rate") - 1.0_f64.to_degrees()).abs() < 1e-6);
    }

    /// Feet planted on a step are on the floor; feet of a body that falls past it are not.
    #[test]
    fn the_floor_is_where_feet_stand() {
        let skeleton = Skeleton::default();
        let at = |height: f64| {
            let mut pose = standing(&skeleton);
            pose.translation.z += height;
            pose
        };
        let stands = vec![at(0.3); 60];
        let values = measured(&skeleton, &stands, 1.0 / 60.0);
        assert!(value(&values, "feet_over_floor").abs() < 1e-3);
        let jump = (0..25).map(|i| {
            let t = i as f64 / 60.0;
            at(0.3 + 2.0 * t - 4.9 * t * t)
        });
        let poses: Vec<Pose> = stands.iter().copied().chain(jump).collect();
        let values = measured(&skeleton, &poses[..72], 1.0 / 60.0);
        assert!(value(&values, "feet_over_floor") > 0.08);
    }
}
