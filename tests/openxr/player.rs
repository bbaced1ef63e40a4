//! A simulated player who holds a T-pose and then repeats: walk in place, crouch, reach up, swing.
//! Yields the poses of a headset and two controllers.

use crate::remote::{Hand, Packet, Remote};
use bevy::math::DVec3;
use bevy::prelude::*;
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::{Kind, clip};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton, SmplJoint};
use bevy_kinest::prelude::TrackerRole;
use bevy_kinest::xr::{ControllerProfile, OpenXrDevice};
use glam::DQuat;
use std::f32::consts::PI;
use std::time::{Duration, Instant};

/// Frame rate of the devices, Hz.
const RATE_HZ: f64 = 90.0;
/// Duration of each motion, and of the blend into the next, seconds.
const MOTION: f64 = 4.0;
const BLEND: f64 = 0.6;
/// Duration of the T-pose, seconds; the program starts and both triggers are pulled during it.
const T_POSE: f64 = 24.0;
const TRIGGERS: std::ops::Range<f64> = 1.0..23.5;
/// Times at which a button is pressed: to start and to stop a recording.
const BUTTONS: [std::ops::Range<f64>; 2] = [24.5..26.0, 29.0..30.5];
/// Walk in place, crouch, reach up, swing.
const MOTIONS: [Kind; 4] = [Kind::Walk, Kind::Squat, Kind::Reach, Kind::Punch];

const HANDS: [SmplJoint; 2] = [SmplJoint::LeftWrist, SmplJoint::RightWrist];

pub struct Player {
    skeleton: Skeleton,
    clips: Vec<MotionClip>,
    /// The device held in both hands.
    held: OpenXrDevice,
}

impl Player {
    pub fn new(held: OpenXrDevice) -> Self {
        let skeleton = Skeleton::default();
        let make = |kind, seed| clip(kind, seed, MOTION + BLEND, RATE_HZ, &skeleton);
        // Not every clip reaches up, so the one that reaches highest is used.
        let highest = |clip: &MotionClip| {
            let poses = (0..40).map(|k| clip.pose_at(f64::from(k) * MOTION / 40.0));
            let hands = poses.map(|pose| skeleton.pose_joints(&pose).positions);
            let hands = hands.flat_map(|p| HANDS.map(|joint| p[joint.index()].z));
            hands.fold(0.0, f64::max)
        };
        let clips = MOTIONS
            .map(|kind| match kind {
                Kind::Reach => (0..20)
                    .map(|seed| make(kind, seed))
                    .max_by(|a, b| highest(a).total_cmp(&highest(b)))
                    .unwrap(),
                _ => make(kind, 7),
            })
            .into();
        Self { skeleton, clips, held }
    }

    /// The current motion and the time since its start; `None` during the T-pose.
    fn motion(&self, seconds: f64) -> Option<(&MotionClip, f64)> {
        let since = seconds - T_POSE;
        let k = (since / MOTION) as usize % self.clips.len();
        (since >= 0.0).then(|| (&self.clips[k], since % MOTION))
    }

    /// Head and wrists in the runtime's space, facing −z.
    fn joints(&self, seconds: f64) -> [Isometry3d; 3] {
        let of = |at: Option<(&MotionClip, f64)>| {
            let Some((clip, within)) = at else { return self.joints_of(&Pose::rest(), 0.0) };
            // The first frame faces forward.
            let first = clip.pose_at(0.0).rotations[0] * DVec3::Z;
            self.joints_of(&clip.pose_at(within), first.x.atan2(-first.y))
        };
        let motion = self.motion(seconds);
        let now = of(motion);
        let Some((_, within)) = motion.filter(|(_, within)| *within < BLEND) else { return now };
        // During the blend the previous motion continues.
        let before = self.motion(seconds - within - 1e-6).map(|(clip, _)| (clip, MOTION + within));
        let before = of(before);
        let part = EaseFunction::SmoothStep.sample_clamped((within / BLEND) as f32);
        std::array::from_fn(|i| {
            let (a, b) = (before[i], now[i]);
            Isometry3d::new(
                Vec3::from(a.translation).lerp(b.translation.into(), part),
                a.rotation.slerp(b.rotation, part),
            )
        })
    }

    fn joints_of(&self, pose: &Pose, yaw: f64) -> [Isometry3d; 3] {
        let mut pose = *pose;
        let turn = DQuat::from_rotation_z(-yaw);
        pose.rotations[0] = turn * pose.rotations[0];
        // Above a fixed point of the floor, with the lower foot on it.
        pose.translation = DVec3::ZERO;
        let joints = self.skeleton.pose_joints(&pose);
        let pelvis = joints.positions[SmplJoint::Pelvis.index()];
        let feet = [SmplJoint::LeftAnkle, SmplJoint::RightAnkle];
        let lowest = feet.map(|foot| joints.positions[foot.index()].z);
        let floor = lowest[0].min(lowest[1]) - self.skeleton.ankle_height;
        let facing = Quat::from_rotation_y(PI);
        [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist].map(|joint| {
            let j = joint.index();
            let place = joints.positions[j] - DVec3::new(pelvis.x, pelvis.y, floor);
            let rotation = engine_from_amass_rotation(DQuat::from_mat3(&joints.rotations[j]));
            Isometry3d::new(facing * engine_from_amass_point(place), facing * rotation)
        })
    }

    /// The packet for the simulated devices.
    pub fn packet(&self, seconds: f64) -> Packet {
        let [head, left, right] = self.joints(seconds);
        let device = |joint: Isometry3d, device: OpenXrDevice, role| {
            let held = device.device_from_joint(role).unwrap().to_isometry();
            joint * held.inverse()
        };
        let bare = self.held == OpenXrDevice::BareHand;
        let hands = [(left, TrackerRole::LeftHand), (right, TrackerRole::RightHand)];
        let trigger = f32::from(TRIGGERS.contains(&seconds));
        let button = BUTTONS.iter().any(|pressed| pressed.contains(&seconds));
        Packet {
            view: device(head, OpenXrDevice::Headset, TrackerRole::Head),
            hands: hands.map(|(joint, role)| Hand {
                trigger,
                button,
                active: !bare,
                bare,
                grip: device(joint, self.held, role),
            }),
        }
    }
}

/// Feeds a service until it ends. Of the profiles an app suggests, Monado uses the Index
/// controller's. With `KINEST_XR_BARE` set, controllers are not held and cameras see the hands.
#[test]
#[ignore = "tools/vr-smoke runs it beside a program that shows the player"]
fn feed() {
    let bare = std::env::var_os("KINEST_XR_BARE").is_some();
    let controller = OpenXrDevice::Controller(ControllerProfile::Index);
    let player = Player::new(if bare { OpenXrDevice::BareHand } else { controller });
    let mut remote = Remote::connect();
    let start = Instant::now();
    let mut sent = 0;
    while remote.send(&player.packet(start.elapsed().as_secs_f64())) {
        sent += 1;
        let due = Duration::from_secs_f64(f64::from(sent) / RATE_HZ);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

#[test]
fn the_player_moves_plausibly() {
    let player = Player::new(OpenXrDevice::Controller(ControllerProfile::Touch));
    let standing = player.packet(2.0);
    assert_eq!(standing.hands.map(|hand| hand.trigger), [1.0; 2]);
    assert!((1.6..1.75).contains(&standing.view.translation.y), "{:?}", standing.view);
    assert!(standing.view.rotation.angle_between(Quat::IDENTITY) < 1e-3, "looks to -z");
    let [left, right] = standing.hands.map(|hand| hand.grip.translation);
    assert!(left.x < -0.6 && right.x > 0.6, "left is at -x: {left} {right}");
    let seconds = (0..540).map(|k| f64::from(k) * 0.1);
    let packets: Vec<Packet> = seconds.map(|at| player.packet(at)).collect();
    let lowest = packets.iter().map(|p| p.view.translation.y).fold(9.0, f32::min);
    assert!(lowest < 1.35, "crouches to {lowest} m");
    let highest = packets.iter().flat_map(|p| p.hands.map(|h| h.grip.translation.y));
    let highest = highest.fold(0.0, f32::max);
    assert!(highest > 1.6, "reaches up to {highest} m");
    for two in packets.windows(2) {
        let moved = two[0].view.translation.distance(two[1].view.translation);
        assert!(moved < 0.4, "the head goes {moved} m in 0.1 s");
        let length = two[0].view.rotation.length();
        assert!((length - 1.0).abs() < 1e-4);
    }
}
