//! From an avatar's trackers through the network to its refined pose.

mod avatar_player;
mod infer;
mod off_floor;
mod receive;
mod refine;
mod show;

pub(crate) use avatar_player::AvatarPlayer;
pub use off_floor::BodyOffFloor;
pub use refine::{FloorReflect, FootLockSettingsReflect, KinestRefine, OneEuroReflect};
pub(crate) use show::{POSE_AGE_MS, refine as refine_bodies};

use crate::body::KinestAvatar;
use crate::frame::KinestSystems;
use crate::models::follow_assets;
use avatar_player::{on_remove, on_reset};
use bevy::diagnostic::{Diagnostic, RegisterDiagnostic};
use bevy::prelude::*;
use infer::infer;
use receive::receive;
use show::{place, refine};

/// Estimates, places and refines the body of every avatar.
pub(crate) struct PlayerPlugin;

impl Plugin for PlayerPlugin {
    fn build(&self, app: &mut App) {
        app.register_diagnostic(Diagnostic::new(POSE_AGE_MS).with_suffix(" ms"))
            .register_type::<BodyOffFloor>()
            .register_type::<KinestRefine>()
            .add_systems(
                PostUpdate,
                (
                    infer.after(follow_assets).in_set(KinestSystems::Infer),
                    (receive, place).chain().in_set(KinestSystems::Apply),
                    refine.in_set(KinestSystems::Refine),
                ),
            )
            .add_observer(on_reset)
            .add_observer(on_remove);
        app.register_required_components::<KinestAvatar, AvatarPlayer>();
        app.register_required_components::<KinestAvatar, KinestRefine>();
    }
}
