//! How devices are worn and held: the pose of the joint relative to its device.

use super::{TrackerPose, TrackerRole};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// The head joint in the axes of the OpenXR view between the eyes: x to the right, y up, z
/// backwards, metres.
const HEAD_IN_VIEW: DVec3 = DVec3::new(0.0, -0.08, 0.1);

/// How a controller lies in a hand, relative to its OpenXR **grip** pose.
///
/// OpenXR defines the grip by the hand (OpenXR 1.1, standard pose identifiers): origin in the
/// middle of the palm; −z along the handle, out of the fist on the thumb's side; x out of the left
/// palm and into the right palm; y towards the wrist. It is therefore nearly the same for all
/// controllers. The tilt of the handle differs and is measured by
/// [`Calibration::from_t_pose`](crate::calibration::Calibration::from_t_pose).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grip {
    /// From the wrist joint to the middle of the fist, along the straight hand, metres.
    pub reach: f64,
    /// From the wrist joint to the middle of the fist, out of the palm, metres.
    pub depth: f64,
    /// Tilt of the handle's thumb end towards the fingers, radians.
    pub lean: f64,
}

impl Default for Grip {
    /// A handle 3 to 4 cm thick in a hand 19 cm long.
    fn default() -> Self {
        Self { reach: 0.085, depth: 0.025, lean: 0.35 }
    }
}

/// Pose of a joint in the axes of its device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceFromJoint {
    /// Position, metres.
    pub position: DVec3,
    /// Device-from-joint rotation.
    pub rotation: DQuat,
}

impl Default for DeviceFromJoint {
    /// A device that already reports the joint.
    fn default() -> Self {
        Self { position: DVec3::ZERO, rotation: DQuat::IDENTITY }
    }
}

impl DeviceFromJoint {
    /// A headset that reports an OpenXR view: origin between the eyes, −z forward.
    #[must_use]
    pub fn of_view() -> Self {
        Self { position: HEAD_IN_VIEW, rotation: DQuat::from_rotation_y(PI) }
    }

    /// A controller held in the hand of `role` that reports an OpenXR grip pose; for the head,
    /// [`of_view`](Self::of_view), and for what is worn on the body the joint itself.
    #[must_use]
    pub fn of_grip(role: TrackerRole, grip: Grip) -> Self {
        // Joint axes in device axes: in a T-pose with palms down the joint's x points to the
        // player's left, y up and z forward.
        let (side, x, y) = match role {
            TrackerRole::Head => return Self::of_view(),
            TrackerRole::LeftHand => (-1.0, DVec3::NEG_Y, DVec3::NEG_X),
            TrackerRole::RightHand => (1.0, DVec3::Y, DVec3::X),
            _ => return Self::default(),
        };
        let upright = DQuat::from_mat3(&DMat3::from_cols(x, y, DVec3::NEG_Z));
        // Rotation about the palm's normal.
        let lean = DQuat::from_rotation_x(grip.lean);
        let wrist = DVec3::new(side * grip.depth, grip.reach, 0.0);
        Self { position: lean * wrist, rotation: lean * upright }
    }

    /// Hand tracking that reports OpenXR's wrist joint (`XR_HAND_JOINT_WRIST_EXT`): −z along the
    /// fingers, y out of the back of the hand.
    #[must_use]
    pub fn of_wrist(role: TrackerRole) -> Self {
        let turn = match role {
            TrackerRole::LeftHand => PI / 2.0,
            TrackerRole::RightHand => -PI / 2.0,
            _ => 0.0,
        };
        Self { position: DVec3::ZERO, rotation: DQuat::from_rotation_y(turn) }
    }

    /// The joint's pose for this device pose, in the same space.
    #[must_use]
    pub fn joint(&self, device: &TrackerPose) -> TrackerPose {
        TrackerPose {
            position: device.position + device.rotation * self.position,
            rotation: device.rotation * DMat3::from_quat(self.rotation),
            tracked: device.tracked,
        }
    }
}

type Worn = BTreeMap<TrackerRole, DeviceFromJoint>;

/// Mounting of the trackers on a player's body, by role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Worn", into = "Worn")]
pub struct BodyDevices([Option<DeviceFromJoint>; TrackerRole::BODY.len()]);

impl BodyDevices {
    /// Mounting of the tracker of this role; `None` if the device reports the joint itself.
    #[must_use]
    pub fn get(&self, role: TrackerRole) -> Option<DeviceFromJoint> {
        role.on_body().and_then(|k| self.0[k])
    }

    /// Sets the mounting of the tracker of this role; has no effect for head and hands.
    pub fn set(&mut self, role: TrackerRole, device: DeviceFromJoint) {
        if let Some(k) = role.on_body() {
            self.0[k] = Some(device);
        }
    }

    /// Whether no mounting is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// All known mountings.
    pub fn iter(&self) -> impl Iterator<Item = (TrackerRole, DeviceFromJoint)> {
        TrackerRole::BODY.into_iter().zip(self.0).filter_map(|(role, device)| Some((role, device?)))
    }
}

impl TryFrom<Worn> for BodyDevices {
    type Error = String;

    fn try_from(worn: Worn) -> Result<Self, String> {
        let mut devices = Self::default();
        for (role, device) in worn {
            if role.on_body().is_none() {
                return Err(format!("the {role} is not worn on the body"));
            }
            devices.set(role, device);
        }
        Ok(devices)
    }
}

impl From<BodyDevices> for Worn {
    fn from(devices: BodyDevices) -> Self {
        devices.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: DVec3, b: DVec3) -> bool {
        a.distance(b) < 1e-9
    }

    /// Hands hold forward-pointing sticks, thumbs in front: the wrists are above, and the fingers
    /// point down and forward.
    #[test]
    fn grips_have_the_right_orientation() {
        for (role, side) in [(TrackerRole::LeftHand, -1.0), (TrackerRole::RightHand, 1.0)] {
            let held = DeviceFromJoint::of_grip(role, Grip::default());
            let axis = |v: DVec3| held.rotation * v;
            // Along the arm: in a T-pose the left hand points to +x, the right to −x.
            let fingers = axis(DVec3::X * -side);
            assert!(fingers.y < -0.9 && fingers.z < -0.3 && fingers.x.abs() < 1e-9, "{fingers}");
            // Palms face each other.
            assert!(close(axis(DVec3::Y), DVec3::X * side));
            // Thumbs point forward and slightly up.
            let thumb = axis(DVec3::Z);
            assert!(thumb.z < -0.9 && thumb.y > -0.5, "{thumb}");
            assert!(held.position.y > 0.06 && held.position.x * side > 0.01);
        }
        let left = DeviceFromJoint::of_grip(TrackerRole::LeftHand, Grip::default());
        let right = DeviceFromJoint::of_grip(TrackerRole::RightHand, Grip::default());
        let mirrored = DVec3::new(-1.0, 1.0, 1.0);
        assert!(close(left.position * mirrored, right.position));
    }

    #[test]
    fn hand_tracking_wrists_are_rotated_without_an_offset() {
        for (role, fingers) in
            [(TrackerRole::LeftHand, DVec3::X), (TrackerRole::RightHand, DVec3::NEG_X)]
        {
            let held = DeviceFromJoint::of_wrist(role);
            assert!(close(held.rotation * fingers, DVec3::NEG_Z), "{role:?}");
            assert!(close(held.rotation * DVec3::Y, DVec3::Y));
        }
    }
}
