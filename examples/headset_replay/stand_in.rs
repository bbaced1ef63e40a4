//! A recording of a headset and two controllers made from synthetic motion, for users without
//! recordings.

use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::{DeviceFromJoint, Grip, TrackerFrame, TrackerSet};
use glam::{DMat3, DVec3};

/// Frames per second of the headset.
pub const RATE_HZ: f64 = 90.0;
/// Duration, seconds.
const DURATION: f64 = 8.0;

/// Interval of single-frame glitches of the right controller, frames.
const GLITCH_EVERY: usize = 211;
/// Displacement of a glitch, metres.
const GLITCH: DVec3 = DVec3::new(0.2, -0.25, 0.1);
/// … and the left one is not seen at all for a while.
const DROPOUT_EVERY: usize = 400;
const DROPOUT: usize = 30;

/// Poses of the devices in a motion of this kind, frame by frame, in AMASS space; worn and held as
/// in [`DeviceFromJoint::of_grip`].
pub fn devices(kind: Kind) -> Vec<TrackerFrame> {
    let skeleton = Skeleton::default();
    let roles = TrackerSet::HeadAndHands.roles();
    let clip = synthetic::clip(kind, 5, DURATION, RATE_HZ, &skeleton);
    let frames = clip.frames.iter().enumerate().map(|(i, frame)| {
        let joints = skeleton.forward(&frame.body_matrices(), frame.translation);
        let time = i as f64 / RATE_HZ;
        let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
        for (pose, role) in frame.poses.iter_mut().zip(roles) {
            let held = DeviceFromJoint::of_grip(*role, Grip::default());
            pose.rotation *= DMat3::from_quat(held.rotation.conjugate());
            pose.position -= pose.rotation * held.position;
        }
        if i % GLITCH_EVERY == GLITCH_EVERY - 1 {
            frame.poses[2].position += GLITCH;
        }
        if i % DROPOUT_EVERY > DROPOUT_EVERY - DROPOUT {
            frame.poses[1] = frame.poses[1].lost();
        }
        frame
    });
    frames.collect()
}
