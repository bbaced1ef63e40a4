//! Actions for the player's hands and for additional trackers.

use super::mapping::ControllerProfile;
use bevy::prelude::Reflect;
use openxr::sys;
use openxr::{Action, ActionSet, Instance, Path, Posef, Result};

/// OpenXR user paths of the left and right hand.
pub const HANDS: [&str; 2] = ["/user/hand/left", "/user/hand/right"];
const BODY_PROFILE: &str = "/interaction_profiles/htc/vive_tracker_htcx";

/// Role of an additional tracker, as named by `XR_HTCX_vive_tracker_interaction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Reflect)]
pub enum BodyRole {
    /// Hips.
    Waist,
    /// Breastbone.
    Chest,
    /// Left foot.
    LeftFoot,
    /// Right foot.
    RightFoot,
    /// Left knee.
    LeftKnee,
    /// Right knee.
    RightKnee,
    /// Left elbow.
    LeftElbow,
    /// Right elbow.
    RightElbow,
}

impl BodyRole {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Waist,
        Self::Chest,
        Self::LeftFoot,
        Self::RightFoot,
        Self::LeftKnee,
        Self::RightKnee,
        Self::LeftElbow,
        Self::RightElbow,
    ];

    /// OpenXR user path of the role.
    #[must_use]
    pub const fn user_path(self) -> &'static str {
        match self {
            Self::Waist => "/user/vive_tracker_htcx/role/waist",
            Self::Chest => "/user/vive_tracker_htcx/role/chest",
            Self::LeftFoot => "/user/vive_tracker_htcx/role/left_foot",
            Self::RightFoot => "/user/vive_tracker_htcx/role/right_foot",
            Self::LeftKnee => "/user/vive_tracker_htcx/role/left_knee",
            Self::RightKnee => "/user/vive_tracker_htcx/role/right_knee",
            Self::LeftElbow => "/user/vive_tracker_htcx/role/left_elbow",
            Self::RightElbow => "/user/vive_tracker_htcx/role/right_elbow",
        }
    }
}

/// An action set with the inputs a body needs. It lives as long as the instance and is attached to
/// each of its sessions.
#[derive(Clone)]
pub struct BodyActions {
    /// The action set.
    pub set: ActionSet,
    /// [`HANDS`] as paths of this instance.
    pub hands: [Path; 2],
    /// Grip pose of each controller.
    pub grip: Action<Posef>,
    /// Pull of each trigger, 0 to 1.
    pub trigger: Action<f32>,
    /// A button of each controller: A and X, or the menu button if there is no other.
    pub button: Action<bool>,
    /// Poses and paths of additional trackers, if the runtime supports them.
    pub body: Option<(Action<Posef>, [Path; BodyRole::ALL.len()])>,
}

/// A suggested binding of an action.
pub struct Suggestion {
    /// Path of the interaction profile.
    pub profile: &'static str,
    /// The action.
    pub action: sys::Action,
    /// Path of the input.
    pub input: String,
}

impl BodyActions {
    /// Creates the actions; `body` tells whether `XR_HTCX_vive_tracker_interaction` is enabled.
    ///
    /// # Errors
    /// If the runtime refuses them.
    pub fn new(instance: &Instance, body: bool) -> Result<Self> {
        let set = instance.create_action_set("kinest_body", "Body", 0)?;
        let [left, right] = HANDS;
        let hands = [instance.string_to_path(left)?, instance.string_to_path(right)?];
        let body = match body {
            true => {
                let mut paths = [Path::NULL; BodyRole::ALL.len()];
                for (path, role) in paths.iter_mut().zip(BodyRole::ALL) {
                    *path = instance.string_to_path(role.user_path())?;
                }
                Some((set.create_action("kinest_tracker", "Body tracker", &paths)?, paths))
            }
            false => None,
        };
        Ok(Self {
            grip: set.create_action("kinest_grip", "Hand", &hands)?,
            trigger: set.create_action("kinest_trigger", "Trigger", &hands)?,
            button: set.create_action("kinest_button", "Button", &hands)?,
            set,
            hands,
            body,
        })
    }

    /// Suggested bindings of all actions.
    #[must_use]
    pub fn suggestions(&self) -> Vec<Suggestion> {
        let [grip, trigger, button] =
            [self.grip.as_raw(), self.trigger.as_raw(), self.button.as_raw()];
        let mut suggestions = Vec::new();
        for profile in ControllerProfile::ALL {
            for (hand, [pulled, pressed]) in HANDS.into_iter().zip(profile.inputs()) {
                let inputs = [(grip, "grip/pose"), (trigger, pulled), (button, pressed)];
                suggestions.extend(inputs.map(|(action, input)| Suggestion {
                    profile: profile.interaction_profile(),
                    action,
                    input: format!("{hand}/input/{input}"),
                }));
            }
        }
        if let Some((action, _)) = &self.body {
            suggestions.extend(BodyRole::ALL.map(|role| Suggestion {
                profile: BODY_PROFILE,
                action: action.as_raw(),
                input: format!("{}/input/grip/pose", role.user_path()),
            }));
        }
        suggestions
    }
}
