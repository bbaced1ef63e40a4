//! Actions for the player's hands and for trackers on the body.

use super::mapping::ControllerProfile;
use kinest::tracker::TrackerRole;
use openxr::sys;
use openxr::{Action, ActionSet, Instance, Path, Posef, Result};

/// OpenXR user paths of the left and right hand.
pub const HANDS: [&str; 2] = ["/user/hand/left", "/user/hand/right"];
const BODY_PROFILE: &str = "/interaction_profiles/htc/vive_tracker_htcx";

/// OpenXR user path of a tracker on the body, as named by `XR_HTCX_vive_tracker_interaction`; `None` for
/// head and hands.
#[must_use]
pub const fn body_path(role: TrackerRole) -> Option<&'static str> {
    Some(match role {
        TrackerRole::Head | TrackerRole::LeftHand | TrackerRole::RightHand => return None,
        TrackerRole::Pelvis => "/user/vive_tracker_htcx/role/waist",
        TrackerRole::Chest => "/user/vive_tracker_htcx/role/chest",
        TrackerRole::LeftElbow => "/user/vive_tracker_htcx/role/left_elbow",
        TrackerRole::RightElbow => "/user/vive_tracker_htcx/role/right_elbow",
        TrackerRole::LeftKnee => "/user/vive_tracker_htcx/role/left_knee",
        TrackerRole::RightKnee => "/user/vive_tracker_htcx/role/right_knee",
        TrackerRole::LeftFoot => "/user/vive_tracker_htcx/role/left_foot",
        TrackerRole::RightFoot => "/user/vive_tracker_htcx/role/right_foot",
    })
}

/// An action set with the inputs for a body. It lives as long as the instance and is attached to
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
    /// Poses and paths of trackers on the body, in the order of [`TrackerRole::BODY`], if the runtime
    /// supports them.
    pub body: Option<(Action<Posef>, Vec<Path>)>,
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
    /// Creates the actions; `body` is whether `XR_HTCX_vive_tracker_interaction` is enabled.
    ///
    /// # Errors
    /// If the runtime refuses them.
    pub fn new(instance: &Instance, body: bool) -> Result<Self> {
        let set = instance.create_action_set("kinest_body", "Body", 0)?;
        let [left, right] = HANDS;
        let hands = [instance.string_to_path(left)?, instance.string_to_path(right)?];
        let body = match body {
            true => {
                let paths = TrackerRole::BODY.into_iter().filter_map(body_path);
                let paths = paths.map(|path| instance.string_to_path(path));
                let paths = paths.collect::<Result<Vec<_>>>()?;
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
            let paths = TrackerRole::BODY.into_iter().filter_map(body_path);
            suggestions.extend(paths.map(|path| Suggestion {
                profile: BODY_PROFILE,
                action: action.as_raw(),
                input: format!("{path}/input/grip/pose"),
            }));
        }
        suggestions
    }
}
