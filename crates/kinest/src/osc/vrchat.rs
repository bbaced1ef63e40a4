//! VRChat's OSC trackers (<https://docs.vrchat.com/docs/osc-trackers>): full-body tracking for players without trackers.

use super::packet::{bundled, osc};
use super::unity::{euler_degrees, mirrored, mirrored_turn};
use crate::coordinates::UPRIGHT;
use crate::skeleton::JointTransforms;
use crate::tracker::TrackerRole;
use glam::DQuat;
use rosc::{OscMessage, OscType};

/// Port that VRChat listens on.
pub const PORT: u16 = 9000;

/// What is told about the head, by which VRChat brings the sender's room and its own together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadReference {
    /// Nothing: both are in the same room already, as with a headset of this game's own.
    None,
    /// Its place: the room is moved.
    Position,
    /// Its place and where it faces: the room is moved and turned.
    #[default]
    PositionAndRotation,
}

/// The packets of a body's trackers: `roles` in the order of their numbers 1 to 8, head and hands left out. Joints are
/// in AMASS space, metres; `scale` is the player's height over the body's.
///
/// VRChat asks for positions in metres of the real world in Unity's axes and for Euler angles in degrees, turned about
/// z, then x, then y. Where trackers sit on the body does not matter: it calibrates them.
#[must_use]
pub fn packets(
    joints: &JointTransforms,
    roles: &[TrackerRole],
    head: HeadReference,
    scale: f64,
) -> Vec<Vec<u8>> {
    let placed = |role: TrackerRole, name: &str, is_turned: bool| {
        let j = role.joint().index();
        let at = mirrored(UPRIGHT.conjugate() * joints.positions[j]) * scale;
        let turn = UPRIGHT.conjugate() * DQuat::from_mat3(&joints.rotations[j]).normalize();
        let numbers = |values: [f64; 3]| values.map(|value| OscType::Float(value as f32)).to_vec();
        let mut both =
            vec![osc(&format!("/tracking/trackers/{name}/position"), numbers(at.to_array()))];
        if is_turned {
            let degrees = euler_degrees(mirrored_turn(turn));
            both.push(osc(&format!("/tracking/trackers/{name}/rotation"), numbers(degrees)));
        }
        both
    };
    let worn = roles.iter().filter(|role| TrackerRole::BODY.contains(role)).take(8);
    let mut all: Vec<OscMessage> = (worn.enumerate())
        .flat_map(|(k, role)| placed(*role, &(k + 1).to_string(), true))
        .collect();
    match head {
        HeadReference::None => {}
        HeadReference::Position => all.extend(placed(TrackerRole::Head, "head", false)),
        HeadReference::PositionAndRotation => {
            all.extend(placed(TrackerRole::Head, "head", true));
        }
    }
    bundled(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osc::messages;
    use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
    use glam::{DMat3, DVec3, Vec3};

    fn sent(pose: &Pose, roles: &[TrackerRole], head: HeadReference) -> Vec<OscMessage> {
        let joints = Skeleton::default().pose_joints(pose);
        let all = packets(&joints, roles, head, 1.0);
        all.iter().flat_map(|packet| messages(packet).unwrap()).collect()
    }

    fn numbers(message: &OscMessage) -> Vec3 {
        match message.args[..] {
            [OscType::Float(x), OscType::Float(y), OscType::Float(z)] => Vec3::new(x, y, z),
            _ => panic!("{message:?}"),
        }
    }

    #[test]
    fn addresses_are_those_of_the_documentation() {
        let roles = TrackerRole::BODY;
        let all = sent(&Pose::rest(), &roles, HeadReference::PositionAndRotation);
        let addresses: Vec<&str> = all.iter().map(|message| message.addr.as_str()).collect();
        assert_eq!(addresses.len(), 18);
        assert_eq!(
            addresses[..2],
            ["/tracking/trackers/1/position", "/tracking/trackers/1/rotation"]
        );
        assert_eq!(addresses[14], "/tracking/trackers/8/position");
        assert_eq!(
            addresses[16..],
            ["/tracking/trackers/head/position", "/tracking/trackers/head/rotation"]
        );
        // Head and hands are VRChat's own.
        let few = [TrackerRole::LeftHand, TrackerRole::Pelvis, TrackerRole::LeftFoot];
        assert_eq!(sent(&Pose::rest(), &few, HeadReference::None).len(), 4);
        assert_eq!(sent(&Pose::rest(), &few, HeadReference::Position).len(), 5);
    }

    /// Unity composes Euler angles as y, then x, then z, seen from outside in; its axes are left-handed.
    #[test]
    fn places_and_angles_are_unitys() {
        let mut pose = Pose::rest();
        pose.translation = DVec3::new(0.3, -2.0, 1.1);
        let turn = |x: f64, y: f64, z: f64| {
            DQuat::from_rotation_y(y) * DQuat::from_rotation_x(x) * DQuat::from_rotation_z(z)
        };
        // In engine space, where what Unity calls a turn by y or z is the other way round.
        let (x, y, z) = (0.3_f64, 0.8_f64, -0.5_f64);
        pose.rotations[0] = UPRIGHT * turn(x, -y, -z);
        let all = sent(&pose, &[TrackerRole::Pelvis], HeadReference::None);
        // y up, and the left is −x: AMASS (x, y, z) is engine (x, z, −y).
        assert!(numbers(&all[0]).distance(Vec3::new(-0.3, 1.1, 2.0)) < 1e-5, "{:?}", all[0]);
        let degrees = DVec3::new(x, y, z).map(f64::to_degrees).as_vec3();
        assert!(numbers(&all[1]).distance(degrees) < 1e-3, "{:?}", all[1]);
    }

    #[test]
    fn the_left_foot_is_on_the_left_and_the_scale_is_the_players() {
        let joints = Skeleton::default().pose_joints(&Pose::rest());
        let of = |scale: f64| {
            let packets = packets(&joints, &[TrackerRole::LeftFoot], HeadReference::None, scale);
            numbers(&messages(&packets[0]).unwrap()[0])
        };
        assert!(of(1.0).x < -0.03, "the rest pose faces +z, and its left is −x: {}", of(1.0));
        assert!(of(1.1).distance(1.1 * of(1.0)) < 1e-5);
        assert_eq!(joints.rotations[J::LeftAnkle.index()], DMat3::from_quat(UPRIGHT));
    }
}
