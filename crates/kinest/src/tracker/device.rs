//! How devices are worn and held: where the joint is that each of them stands for.

use super::{TrackerPose, TrackerRole};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The head joint seen from between the eyes, where OpenXR has the view: x to the right, y up,
/// z backwards, metres.
const HEAD_IN_VIEW: DVec3 = DVec3::new(0.0, -0.08, 0.1);

/// How a controller lies in a hand, by its OpenXR **grip** pose.
///
/// A grip is defined by the hand (OpenXR 1.1, standard pose identifiers): the origin in the middle of the
/// palm, −z along the handle out of the fist at the thumb, x out of the left palm and into the right one, y
/// towards the wrist. So it is nearly the same with every controller; how steep handles lie in the hand is
/// not, and is measured by [`Calibration::from_t_pose`](crate::calibration::Calibration::from_t_pose).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grip {
    /// From the wrist joint to the middle of the fist, along the straight hand, metres.
    pub reach: f64,
    /// From the wrist joint to the middle of the fist, out of the palm, metres.
    pub depth: f64,
    /// How far the thumb's end of the handle leans to the fingers, radians.
    pub lean: f64,
}

impl Default for Grip {
    /// A handle of 3 to 4 cm in a hand of 19 cm.
    fn default() -> Self {
        Self { reach: 0.085, depth: 0.025, lean: 0.35 }
    }
}

/// Where a joint is in the axes of the device that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceFromJoint {
    /// Metres.
    pub position: DVec3,
    /// Device from joint.
    pub rotation: DQuat,
}

impl Default for DeviceFromJoint {
    /// A device that already reports the joint.
    fn default() -> Self {
        Self { position: DVec3::ZERO, rotation: DQuat::IDENTITY }
    }
}

impl DeviceFromJoint {
    /// A headset that reports an OpenXR view: between the eyes, −z to the front.
    #[must_use]
    pub fn of_view() -> Self {
        Self { position: HEAD_IN_VIEW, rotation: DQuat::from_rotation_y(PI) }
    }

    /// A controller in the hand of this role that reports an OpenXR grip pose; for the head,
    /// [`of_view`](Self::of_view).
    #[must_use]
    pub fn of_grip(role: TrackerRole, grip: Grip) -> Self {
        // The joint's axes in the device's: x to the player's left, y up, z to the front in a T-pose with the
        // palms down.
        let (side, x, y) = match role {
            TrackerRole::Head => return Self::of_view(),
            TrackerRole::LeftHand => (-1.0, DVec3::NEG_Y, DVec3::NEG_X),
            TrackerRole::RightHand => (1.0, DVec3::Y, DVec3::X),
        };
        let upright = DQuat::from_mat3(&DMat3::from_cols(x, y, DVec3::NEG_Z));
        // About the normal of the palm.
        let lean = DQuat::from_rotation_x(grip.lean);
        let wrist = DVec3::new(side * grip.depth, grip.reach, 0.0);
        Self { position: lean * wrist, rotation: lean * upright }
    }

    /// Cameras that report the wrist joint of OpenXR's hand tracking (`XR_HAND_JOINT_WRIST_EXT`): −z to the
    /// fingers, y out of the back of the hand.
    #[must_use]
    pub fn of_wrist(role: TrackerRole) -> Self {
        let turn = match role {
            TrackerRole::Head => 0.0,
            TrackerRole::LeftHand => PI / 2.0,
            TrackerRole::RightHand => -PI / 2.0,
        };
        Self { position: DVec3::ZERO, rotation: DQuat::from_rotation_y(turn) }
    }

    /// The joint of a device that is here, in the same space.
    #[must_use]
    pub fn joint(&self, device: &TrackerPose) -> TrackerPose {
        TrackerPose {
            position: device.position + device.rotation * self.position,
            rotation: device.rotation * DMat3::from_quat(self.rotation),
            tracked: device.tracked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: DVec3, b: DVec3) -> bool {
        a.distance(b) < 1e-9
    }

    /// Hands that hold sticks which point ahead, thumbs in front: the wrists are above, and fingers point down
    /// and ahead of it.
    #[test]
    fn grips_are_held_the_right_way_round() {
        for (role, side) in [(TrackerRole::LeftHand, -1.0), (TrackerRole::RightHand, 1.0)] {
            let held = DeviceFromJoint::of_grip(role, Grip::default());
            let axis = |v: DVec3| held.rotation * v;
            // Along the arm: left hands are stretched to +x in a T-pose, right ones to -x.
            let fingers = axis(DVec3::X * -side);
            assert!(fingers.y < -0.9 && fingers.z < -0.3 && fingers.x.abs() < 1e-9, "{fingers}");
            // Palms face each other: the backs of the hands are outside.
            assert!(close(axis(DVec3::Y), DVec3::X * side));
            // Thumbs are in front, a little above.
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
    fn wrists_of_hand_tracking_are_turned_only() {
        for (role, fingers) in
            [(TrackerRole::LeftHand, DVec3::X), (TrackerRole::RightHand, DVec3::NEG_X)]
        {
            let held = DeviceFromJoint::of_wrist(role);
            assert!(close(held.rotation * fingers, DVec3::NEG_Z), "{role:?}");
            assert!(close(held.rotation * DVec3::Y, DVec3::Y));
        }
    }
}
