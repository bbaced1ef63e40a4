//! The steps of a frame, its clock and the settings of all rooms.

mod clock;
mod settings;
mod systems;

pub(crate) use clock::{Clock, pause_after};
pub use settings::{
    DeviceChoiceReflect, DropoutSettingsReflect, InferenceMode, KinestSettings, TrackerClock,
};
pub use systems::KinestSystems;

use bevy::app::AnimationSystems;
use bevy::prelude::*;
use bevy::transform::TransformSystems;

/// Chains [`KinestSystems`] and holds [`KinestSettings`].
pub(crate) struct FramePlugin;

impl Plugin for FramePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<KinestSettings>().register_type::<KinestSettings>().configure_sets(
            PostUpdate,
            (
                KinestSystems::Sample,
                KinestSystems::Infer,
                KinestSystems::Apply,
                KinestSystems::Refine,
                KinestSystems::Writeback,
            )
                .chain()
                .after(AnimationSystems)
                .before(TransformSystems::Propagate),
        );
    }
}
