//! Players on other machines.

mod avatar;

pub use avatar::RemoteAvatar;

use crate::frame::KinestSystems;
use avatar::show_remote;
use bevy::prelude::*;

/// Shows the bodies of players on other machines: [`RemoteAvatar`]s.
pub struct KinestRemotePlugin;

impl Plugin for KinestRemotePlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<RemoteAvatar>()
            .add_systems(PostUpdate, show_remote.in_set(KinestSystems::Apply));
    }
}
