//! Converts runtime data to tracker data. Needs no session, so it is tested without one.

use bevy::prelude::*;
use kinest::tracker::{DeviceFromJoint, Grip, TrackerRole};
use openxr::{
    Posef, ReferenceSpaceChangePending, ReferenceSpaceType, SpaceLocation, SpaceLocationFlags, Time,
};

/// Accepted lengths of a rotation quaternion from a runtime; others mean an unknown rotation.
const LENGTHS: std::ops::RangeInclusive<f32> = 0.5..=1.5;

/// Pose of a device in the session's reference space: y up, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Reflect)]
pub struct Located {
    /// `None` if the runtime does not know it.
    pub pose: Option<Isometry3d>,
    /// Whether position and rotation are actually tracked, rather than inferred or remembered.
    pub seen: bool,
}

impl Located {
    /// Reads a location from the runtime. Runtimes report zeros, including zero quaternions, for
    /// poses they do not know.
    #[must_use]
    pub fn of(location: &SpaceLocation) -> Self {
        Self::flagged(location.location_flags, isometry(&location.pose))
    }

    /// A location with `pose`, valid and tracked according to `flags`.
    pub(super) fn flagged(flags: SpaceLocationFlags, pose: Option<Isometry3d>) -> Self {
        let valid = SpaceLocationFlags::ORIENTATION_VALID | SpaceLocationFlags::POSITION_VALID;
        let seen = SpaceLocationFlags::ORIENTATION_TRACKED | SpaceLocationFlags::POSITION_TRACKED;
        let pose = pose.filter(|_| flags.contains(valid));
        Self { seen: pose.is_some() && flags.contains(seen), pose }
    }

    /// The pose, if a tracker of this role follows it. The head follows any valid pose, because the
    /// view is drawn from it. Hands follow tracked poses only: during a dropout the network
    /// estimates them better than a runtime's arm model.
    #[must_use]
    pub fn follow(&self, role: TrackerRole) -> Option<Isometry3d> {
        self.pose.filter(|_| self.seen || role == TrackerRole::Head)
    }
}

/// The pose, if it is valid.
#[must_use]
pub fn isometry(pose: &Posef) -> Option<Isometry3d> {
    let (p, q) = (pose.position, pose.orientation);
    sound(Vec3::new(p.x, p.y, p.z), Quat::from_xyzw(q.x, q.y, q.z, q.w))
}

/// Position and rotation as a pose, if both are valid.
pub(super) fn sound(translation: Vec3, rotation: Quat) -> Option<Isometry3d> {
    let sound = translation.is_finite() && LENGTHS.contains(&rotation.length());
    sound.then(|| Isometry3d::new(translation, rotation.normalize()))
}

/// Type of a controller, named by its OpenXR interaction profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Reflect)]
pub enum ControllerProfile {
    /// `khr/simple_controller`: supported by every runtime.
    #[default]
    Simple,
    /// `oculus/touch_controller`: Meta Quest and Rift.
    Touch,
    /// `valve/index_controller`.
    Index,
    /// `htc/vive_controller`: the wands.
    Vive,
    /// `microsoft/motion_controller`: Windows Mixed Reality.
    Motion,
}

/// A row of the table of controllers.
struct Row {
    profile: ControllerProfile,
    path: &'static str,
    /// Path below `/user/hand/*/input/`.
    trigger: &'static str,
    /// Paths below `/user/hand/*/input/` of the left and the right hand.
    buttons: [&'static str; 2],
    grip: Grip,
}

/// Defaults for every known controller. The centre of the fist follows from anatomy (a 19 cm hand
/// around a 3 to 4 cm handle); it was not measured on players. A T-pose
/// ([`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose)) corrects the rotation, so a few
/// degrees do not matter.
const TABLE: [Row; 5] = [
    Row {
        profile: ControllerProfile::Simple,
        path: "/interaction_profiles/khr/simple_controller",
        trigger: "select/click",
        buttons: ["menu/click", "menu/click"],
        grip: Grip { reach: 0.085, depth: 0.025, lean: 0.3 },
    },
    Row {
        profile: ControllerProfile::Touch,
        path: "/interaction_profiles/oculus/touch_controller",
        trigger: "trigger/value",
        buttons: ["x/click", "a/click"],
        grip: Grip { reach: 0.085, depth: 0.025, lean: 0.35 },
    },
    // Strapped to the palm, slightly closer to the wrist.
    Row {
        profile: ControllerProfile::Index,
        path: "/interaction_profiles/valve/index_controller",
        trigger: "trigger/value",
        buttons: ["a/click", "a/click"],
        grip: Grip { reach: 0.08, depth: 0.025, lean: 0.3 },
    },
    // A wand is thicker and points forward with a bent wrist.
    Row {
        profile: ControllerProfile::Vive,
        path: "/interaction_profiles/htc/vive_controller",
        trigger: "trigger/value",
        buttons: ["menu/click", "menu/click"],
        grip: Grip { reach: 0.085, depth: 0.03, lean: 0.5 },
    },
    Row {
        profile: ControllerProfile::Motion,
        path: "/interaction_profiles/microsoft/motion_controller",
        trigger: "trigger/value",
        buttons: ["menu/click", "menu/click"],
        grip: Grip { reach: 0.085, depth: 0.03, lean: 0.4 },
    },
];

impl ControllerProfile {
    /// All profiles.
    pub const ALL: [Self; 5] = [Self::Simple, Self::Touch, Self::Index, Self::Vive, Self::Motion];

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// OpenXR path of the interaction profile.
    #[must_use]
    pub fn interaction_profile(self) -> &'static str {
        self.row().path
    }

    /// The profile with this path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.path == path).map(|row| row.profile)
    }

    /// Place of its grip pose in the hand.
    #[must_use]
    pub fn grip(self) -> Grip {
        self.row().grip
    }

    /// Input paths below `/user/hand/*/input/` for the left and right hand: trigger and button.
    pub(super) fn inputs(self) -> [[&'static str; 2]; 2] {
        let row = self.row();
        row.buttons.map(|button| [row.trigger, button])
    }
}

/// The device that a tracker follows.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub enum OpenXrDevice {
    /// None: the tracker is not tracked.
    #[default]
    None,
    /// The headset.
    Headset,
    /// A controller.
    Controller(ControllerProfile),
    /// The wrist from hand tracking.
    BareHand,
    /// A tracker strapped to the body; a calibration measures its mounting.
    Strapped,
}

impl OpenXrDevice {
    /// The device-from-joint transform for the joint of this role; `None` if there is no such
    /// device, or if it is not known.
    #[must_use]
    pub fn device_from_joint(self, role: TrackerRole) -> Option<Transform> {
        let held = match (self, role) {
            (Self::Headset, TrackerRole::Head) => DeviceFromJoint::of_view(),
            (Self::BareHand, hand @ (TrackerRole::LeftHand | TrackerRole::RightHand)) => {
                DeviceFromJoint::of_wrist(hand)
            }
            (
                Self::Controller(profile),
                hand @ (TrackerRole::LeftHand | TrackerRole::RightHand),
            ) => DeviceFromJoint::of_grip(hand, profile.grip()),
            _ => return None,
        };
        let place = Transform::from_translation(held.position.as_vec3());
        Some(place.with_rotation(held.rotation.as_quat()))
    }
}

/// A change of the reference space announced by the runtime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpaceChange {
    /// Announced time of the change.
    at: Time,
    /// The new origin in the old space, if known.
    origin: Option<Isometry3d>,
}

/// Outcome of [`SpaceChange::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceChanged {
    /// The change has not happened yet.
    NotYet,
    /// The space changed between these two frames.
    Now,
    /// The change was not observed in time: it concerns another space.
    Never,
}

impl SpaceChange {
    /// How long after its announced time a change may be observed, nanoseconds.
    const PATIENCE: i64 = 500_000_000;

    /// The announced change, if it concerns a space in which players are tracked.
    #[must_use]
    pub fn of(event: &ReferenceSpaceChangePending) -> Option<Self> {
        let origin = event.pose_valid().then(|| isometry(&event.pose_in_previous_space()));
        (event.reference_space_type() != ReferenceSpaceType::VIEW)
            .then(|| Self { at: event.change_time(), origin: origin.flatten() })
    }

    /// Whether the change explains the step of the view from `before` to `now`, at `time`: the view
    /// must be closer to its place after the change than to its old place. Runtimes do not keep to
    /// the announced time.
    #[must_use]
    pub fn check(
        &self,
        time: Time,
        before: Option<Isometry3d>,
        now: Option<Isometry3d>,
    ) -> SpaceChanged {
        let late = time.as_nanos() - self.at.as_nanos();
        let happened = match (self.origin, before, now) {
            (Some(origin), Some(before), Some(now)) => {
                // A radian has the weight of a metre: each is about a second of looking or walking
                // around.
                let off = |from: Isometry3d| {
                    now.translation.distance(from.translation)
                        + now.rotation.angle_between(from.rotation)
                };
                off(origin.inverse() * before) < off(before)
            }
            // The size is unknown: assume the first frame after the announced time.
            _ => late >= 0,
        };
        match happened {
            true => SpaceChanged::Now,
            false if late > Self::PATIENCE => SpaceChanged::Never,
            false => SpaceChanged::NotYet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openxr::{Quaternionf, Vector3f};
    use std::f32::consts::FRAC_PI_2;

    const ALL: u64 = 15;
    const VALID: u64 = 3;

    fn location(flags: u64, position: Vec3, rotation: Quat) -> SpaceLocation {
        let [x, y, z, w] = rotation.to_array();
        SpaceLocation {
            location_flags: SpaceLocationFlags::from_raw(flags),
            pose: Posef {
                orientation: Quaternionf { x, y, z, w },
                position: Vector3f { x: position.x, y: position.y, z: position.z },
            },
        }
    }

    #[test]
    fn only_valid_locations_give_poses() {
        let here = Vec3::new(0.1, 1.2, -0.3);
        let turned = Quat::from_rotation_y(0.4);
        let found = Located::of(&location(ALL, here, turned));
        assert_eq!(found, Located { pose: Some(Isometry3d::new(here, turned)), seen: true });
        let inferred = Located::of(&location(VALID, here, turned));
        assert!(inferred.pose.is_some() && !inferred.seen);
        for flags in [0, 1, 2, 4, 12, 13, 14] {
            assert_eq!(Located::of(&location(flags, here, turned)), Located::default(), "{flags}");
        }
        let zero = Quat::from_xyzw(0.0, 0.0, 0.0, 0.0);
        for (position, rotation) in [
            (Vec3::ZERO, zero),
            (here, zero),
            (here, Quat::from_xyzw(f32::NAN, 0.0, 0.0, 1.0)),
            (here.with_y(f32::INFINITY), turned),
        ] {
            assert_eq!(Located::of(&location(ALL, position, rotation)), Located::default());
        }
        let long = Located::of(&location(ALL, here, turned * 1.2)).pose.unwrap();
        assert!(long.rotation.is_normalized());
    }

    #[test]
    fn an_untracked_pose_moves_the_head_but_not_the_hands() {
        let inferred = Located { pose: Some(Isometry3d::IDENTITY), seen: false };
        assert!(inferred.follow(TrackerRole::Head).is_some());
        assert!(inferred.follow(TrackerRole::LeftHand).is_none());
        assert!(inferred.follow(TrackerRole::RightHand).is_none());
        assert!(Located::default().follow(TrackerRole::Head).is_none());
    }

    /// A body that faces −z, as in OpenXR.
    const FACING: Quat = Quat::from_xyzw(0.0, 1.0, 0.0, 0.0);

    /// The joint of a device at `device`, in the reference space.
    fn joint(device: Isometry3d, held: OpenXrDevice, role: TrackerRole) -> Transform {
        let device =
            Transform::from_translation(device.translation.into()).with_rotation(device.rotation);
        device * held.device_from_joint(role).unwrap()
    }

    #[test]
    fn a_level_view_is_an_upright_head_behind_and_below_the_eyes() {
        let eyes = Isometry3d::from_translation(Vec3::new(0.0, 1.65, 0.0));
        let head = joint(eyes, OpenXrDevice::Headset, TrackerRole::Head);
        assert!(head.rotation.abs_diff_eq(FACING, 1e-6), "{head:?}");
        assert!(head.translation.abs_diff_eq(Vec3::new(0.0, 1.57, 0.1), 1e-6), "{head:?}");
    }

    /// Grips as OpenXR defines them: with arms stretched out to the sides, palms down and handles
    /// upright against the palms, x points up through the right palm and down through the left one,
    /// and −z forward.
    #[test]
    fn grips_of_a_t_pose_are_stretched_out_wrists() {
        for profile in ControllerProfile::ALL {
            let Grip { reach, depth, lean } = profile.grip();
            let [reach, depth, lean] = [reach, depth, lean].map(|v| v as f32);
            for (role, side) in [(TrackerRole::LeftHand, -1.0), (TrackerRole::RightHand, 1.0)] {
                // The player's left is −x here.
                let axes = Mat3::from_cols(side * Vec3::Y, -side * Vec3::X, Vec3::Z);
                let straight = Quat::from_mat3(&axes);
                // The thumb end of the handle leans outward, away from the body.
                let lean = Quat::from_rotation_y(-side * lean);
                let fist = Vec3::new(side * (0.7 + reach), 1.4 - depth, 0.0);
                let held = OpenXrDevice::Controller(profile);
                let wrist = joint(Isometry3d::new(fist, lean * straight), held, role);
                let expected = Vec3::new(side * 0.7, 1.4, 0.0);
                assert!(wrist.translation.abs_diff_eq(expected, 1e-6), "{profile:?} {wrist:?}");
                let off = wrist.rotation.angle_between(FACING);
                assert!(off < 1e-3, "{profile:?} {role:?}: {off} rad");
            }
        }
    }

    #[test]
    fn bare_hands_of_a_t_pose_are_stretched_out_wrists() {
        for (role, side) in [(TrackerRole::LeftHand, -1.0), (TrackerRole::RightHand, 1.0)] {
            // −z along the fingers, y out of the back of the hand.
            let turned = Quat::from_rotation_y(-side * FRAC_PI_2);
            let place = Vec3::new(side * 0.7, 1.4, 0.0);
            let wrist = joint(Isometry3d::new(place, turned), OpenXrDevice::BareHand, role);
            assert!(wrist.translation.abs_diff_eq(place, 1e-6));
            assert!(wrist.rotation.angle_between(FACING) < 1e-3, "{role:?}: {wrist:?}");
        }
    }

    #[test]
    fn devices_have_joints_only_for_their_roles() {
        let controller = OpenXrDevice::Controller(ControllerProfile::Touch);
        for (held, role) in [
            (OpenXrDevice::None, TrackerRole::Head),
            (OpenXrDevice::None, TrackerRole::LeftHand),
            (OpenXrDevice::Headset, TrackerRole::RightHand),
            (controller, TrackerRole::Head),
            (controller, TrackerRole::Pelvis),
            (OpenXrDevice::Strapped, TrackerRole::Pelvis),
            (OpenXrDevice::BareHand, TrackerRole::Head),
        ] {
            assert_eq!(held.device_from_joint(role), None, "{held:?} {role:?}");
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_profiles() {
        for (row, profile) in TABLE.iter().zip(ControllerProfile::ALL) {
            assert_eq!(row.profile, profile);
            assert_eq!(ControllerProfile::of_path(profile.interaction_profile()), Some(profile));
        }
        assert_eq!(ControllerProfile::of_path("/interaction_profiles/none"), None);
    }

    fn view(x: f32, yaw: f32) -> Option<Isometry3d> {
        Some(Isometry3d::new(Vec3::new(x, 1.6, 0.0), Quat::from_rotation_y(yaw)))
    }

    fn change(origin: Option<Isometry3d>) -> SpaceChange {
        SpaceChange { at: Time::from_nanos(100), origin }
    }

    #[test]
    fn a_recentre_is_distinguished_from_a_step() {
        let origin = Isometry3d::new(Vec3::X, Quat::from_rotation_y(0.5));
        let change = change(Some(origin));
        let early = Time::from_nanos(90);
        let before = view(1.0, 0.5);
        assert_eq!(change.check(early, before, view(1.02, 0.48)), SpaceChanged::NotYet);
        assert_eq!(change.check(early, before, view(0.01, 0.02)), SpaceChanged::Now);
        let late = Time::from_nanos(101 + SpaceChange::PATIENCE);
        assert_eq!(change.check(late, before, before), SpaceChanged::Never);
    }

    #[test]
    fn a_change_of_unknown_size_is_assumed_at_its_announced_time() {
        let change = change(None);
        let check = |at| change.check(Time::from_nanos(at), view(0.0, 0.0), view(2.0, 0.0));
        assert_eq!(check(99), SpaceChanged::NotYet);
        assert_eq!(check(100), SpaceChanged::Now);
    }
}
