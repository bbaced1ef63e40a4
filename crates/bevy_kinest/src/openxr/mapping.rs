//! From what a runtime says to what trackers need; knows no session, so that it is tested without one.

use bevy::prelude::*;
use kinest::tracker::{DeviceFromJoint, Grip, TrackerRole};
use openxr::{
    Posef, ReferenceSpaceChangePending, ReferenceSpaceType, SpaceLocation, SpaceLocationFlags, Time,
};

/// A rotation of a runtime is a unit quaternion, or this far from one at most; what has no length is none.
const LENGTHS: std::ops::RangeInclusive<f32> = 0.5..=1.5;

/// Where a runtime has something, in the session's reference space: y up, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Reflect)]
pub struct Located {
    /// `None` if nobody knows.
    pub pose: Option<Isometry3d>,
    /// Whether it is really seen, and not inferred or remembered.
    pub seen: bool,
}

impl Located {
    /// What a runtime says, if that is a pose: runtimes give zeros, zero quaternions among them, for what
    /// they do not know.
    #[must_use]
    pub fn of(location: &SpaceLocation) -> Self {
        Self::flagged(location.location_flags, isometry(&location.pose))
    }

    /// A pose as far as flags say that it is one.
    pub(super) fn flagged(flags: SpaceLocationFlags, pose: Option<Isometry3d>) -> Self {
        let valid = SpaceLocationFlags::ORIENTATION_VALID | SpaceLocationFlags::POSITION_VALID;
        let seen = SpaceLocationFlags::ORIENTATION_TRACKED | SpaceLocationFlags::POSITION_TRACKED;
        let pose = pose.filter(|_| flags.contains(valid));
        Self { seen: pose.is_some() && flags.contains(seen), pose }
    }

    /// The pose, if a tracker of this role follows it. Heads are followed wherever they are said to be, as
    /// views are drawn from there; hands only where they are seen, as the network knows better than an
    /// arm model where unseen hands are.
    #[must_use]
    pub fn follow(&self, role: TrackerRole) -> Option<Isometry3d> {
        self.pose.filter(|_| self.seen || role == TrackerRole::Head)
    }
}

/// A pose, unless it is none.
#[must_use]
pub fn isometry(pose: &Posef) -> Option<Isometry3d> {
    let (p, q) = (pose.position, pose.orientation);
    sound(Vec3::new(p.x, p.y, p.z), Quat::from_xyzw(q.x, q.y, q.z, q.w))
}

/// A place and a rotation, if they are.
pub(super) fn sound(translation: Vec3, rotation: Quat) -> Option<Isometry3d> {
    let sound = translation.is_finite() && LENGTHS.contains(&rotation.length());
    sound.then(|| Isometry3d::new(translation, rotation.normalize()))
}

/// A controller as runtimes name it: its interaction profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Reflect)]
pub enum ControllerProfile {
    /// `khr/simple_controller`: what every runtime has.
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
    /// Below `/user/hand/*/input/`.
    trigger: &'static str,
    /// The same, of the left and the right hand.
    buttons: [&'static str; 2],
    grip: Grip,
}

/// Every controller there are defaults for. A fist's middle is where anatomy has it (a hand of 19 cm around
/// a handle of 3 to 4 cm); nobody measured players. The rotation is refined by a T-pose
/// ([`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose)), which is why a few degrees do not matter.
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
    // Strapped to the palm, which holds it a little nearer to the wrist.
    Row {
        profile: ControllerProfile::Index,
        path: "/interaction_profiles/valve/index_controller",
        trigger: "trigger/value",
        buttons: ["a/click", "a/click"],
        grip: Grip { reach: 0.08, depth: 0.025, lean: 0.3 },
    },
    // A wand is thicker, and pointed to the front with a bent wrist.
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
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Simple, Self::Touch, Self::Index, Self::Vive, Self::Motion];

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The path that runtimes have for it.
    #[must_use]
    pub fn interaction_profile(self) -> &'static str {
        self.row().path
    }

    /// The one with this path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.path == path).map(|row| row.profile)
    }

    /// Where its grip pose is in a hand.
    #[must_use]
    pub fn grip(self) -> Grip {
        self.row().grip
    }

    /// Paths below `/user/hand/*/input/` of the left and the right hand: what is pulled, and what is pressed.
    pub(super) fn inputs(self) -> [[&'static str; 2]; 2] {
        let row = self.row();
        row.buttons.map(|button| [row.trigger, button])
    }
}

/// What a head or hand tracker follows.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub enum OpenXrDevice {
    /// Nothing: it is lost.
    #[default]
    None,
    /// The headset.
    Headset,
    /// A controller.
    Controller(ControllerProfile),
    /// The wrist of a hand that cameras see.
    BareHand,
}

impl OpenXrDevice {
    /// Where the joint of this role is in the device's axes; `None` where there is no device.
    #[must_use]
    pub fn device_from_joint(self, role: TrackerRole) -> Option<Transform> {
        let held = match (self, role) {
            (Self::Headset, TrackerRole::Head) => DeviceFromJoint::of_view(),
            (Self::None | Self::Headset, _) | (_, TrackerRole::Head) => return None,
            (Self::BareHand, hand) => DeviceFromJoint::of_wrist(hand),
            (Self::Controller(profile), hand) => DeviceFromJoint::of_grip(hand, profile.grip()),
        };
        let place = Transform::from_translation(held.position.as_vec3());
        Some(place.with_rotation(held.rotation.as_quat()))
    }
}

/// A change of the reference space that the runtime has announced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpaceChange {
    /// When it takes place.
    at: Time,
    /// The new origin in the old space, if that is known.
    origin: Option<Isometry3d>,
}

/// What became of a [`SpaceChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceChanged {
    /// Nothing yet.
    NotYet,
    /// The space was changed between these two frames.
    Now,
    /// Nothing was seen of it, and will not be: it was of another space.
    Never,
}

impl SpaceChange {
    /// How long after its time a change may be seen, nanoseconds.
    const PATIENCE: i64 = 500_000_000;

    /// What is announced, if it moves spaces that players are tracked in.
    #[must_use]
    pub fn of(event: &ReferenceSpaceChangePending) -> Option<Self> {
        let origin = event.pose_valid().then(|| isometry(&event.pose_in_previous_space()));
        (event.reference_space_type() != ReferenceSpaceType::VIEW)
            .then(|| Self { at: event.change_time(), origin: origin.flatten() })
    }

    /// Whether that is why the view was `before` and is `now`, at `time`. A view counts as moved by the change
    /// when it is nearer to where that puts it than to where it was: runtimes do not keep to the time that
    /// they say.
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
                // A radian counts like a metre: both are a second of looking and walking about.
                let off = |from: Isometry3d| {
                    now.translation.distance(from.translation)
                        + now.rotation.angle_between(from.rotation)
                };
                off(origin.inverse() * before) < off(before)
            }
            // Nobody knows how far: the first frame after it has to do.
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
    fn only_what_is_a_pose_is_one() {
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
    fn heads_are_followed_where_hands_are_lost() {
        let inferred = Located { pose: Some(Isometry3d::IDENTITY), seen: false };
        assert!(inferred.follow(TrackerRole::Head).is_some());
        assert!(inferred.follow(TrackerRole::LeftHand).is_none());
        assert!(inferred.follow(TrackerRole::RightHand).is_none());
        assert!(Located::default().follow(TrackerRole::Head).is_none());
    }

    /// Somebody who looks to −z, as in front of a runtime.
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

    /// Fists as OpenXR defines grips: with arms stretched out to the sides, palms down and handles
    /// upright against the palms, x goes up through the right and down through the left palm, and −z to the
    /// front.
    #[test]
    fn grips_of_a_t_pose_are_stretched_out_wrists() {
        for profile in ControllerProfile::ALL {
            let Grip { reach, depth, lean } = profile.grip();
            let [reach, depth, lean] = [reach, depth, lean].map(|v| v as f32);
            for (role, side) in [(TrackerRole::LeftHand, -1.0), (TrackerRole::RightHand, 1.0)] {
                // The player's left is at −x here.
                let axes = Mat3::from_cols(side * Vec3::Y, -side * Vec3::X, Vec3::Z);
                let straight = Quat::from_mat3(&axes);
                // The handle's thumb end goes out to the side where arms end.
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
    fn devices_are_worn_where_they_are_made_for() {
        let controller = OpenXrDevice::Controller(ControllerProfile::Touch);
        for (held, role) in [
            (OpenXrDevice::None, TrackerRole::Head),
            (OpenXrDevice::None, TrackerRole::LeftHand),
            (OpenXrDevice::Headset, TrackerRole::RightHand),
            (controller, TrackerRole::Head),
            (OpenXrDevice::BareHand, TrackerRole::Head),
        ] {
            assert_eq!(held.device_from_joint(role), None, "{held:?} {role:?}");
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_its_names() {
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
    fn a_recentre_is_told_from_a_step() {
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
    fn a_change_of_unknown_size_is_told_at_its_time() {
        let change = change(None);
        let check = |at| change.check(Time::from_nanos(at), view(0.0, 0.0), view(2.0, 0.0));
        assert_eq!(check(99), SpaceChanged::NotYet);
        assert_eq!(check(100), SpaceChanged::Now);
    }
}
