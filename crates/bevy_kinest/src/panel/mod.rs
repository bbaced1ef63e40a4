//! A window that shows the state of avatars and lets users change it.

mod calibration;
mod contents;
mod events;
mod forecast;
mod joints;
mod latency;
mod motion;
mod options;
mod recording;
mod refine;
mod state;
mod trackers;
mod watch;
mod window;

pub use contents::KinestPanelContents;
pub use options::KinestPanel;

use crate::body::KinestAvatar;
use crate::frame::KinestSystems;
use bevy::prelude::*;
use bevy_egui::{EguiPlugin, EguiPrimaryContextPass};
use watch::{Watch, on_calibrated, on_calibration_failed, on_motion, watch};
use window::show_window;

/// A window for inspecting and adjusting avatars. Not in [`KinestPlugins`](crate::KinestPlugins):
/// add it by hand, after bevy_egui's `EguiPlugin`; without `EguiPlugin` nothing is shown.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_kinest::bevy_egui::EguiPlugin;
/// use bevy_kinest::prelude::*;
/// use bevy_kinest::{KinestPanel, KinestPanelPlugin};
///
/// fn main() -> AppExit {
///     App::new()
///         .add_plugins((DefaultPlugins, EguiPlugin::default(), KinestPlugins, KinestPanelPlugin))
///         .add_systems(Update, open_and_close)
///         .run()
/// }
///
/// fn open_and_close(keys: Res<ButtonInput<KeyCode>>, mut panel: ResMut<KinestPanel>) {
///     panel.open ^= keys.just_pressed(KeyCode::F1);
/// }
/// ```
///
/// [`KinestPanelContents`] draws the same contents in a window of your own.
pub struct KinestPanelPlugin;

impl Plugin for KinestPanelPlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<EguiPlugin>() {
            warn!("there is no EguiPlugin, or not yet: the KinestPanel has no window");
        }
        app.init_resource::<KinestPanel>()
            .register_type::<KinestPanel>()
            .add_systems(PostUpdate, watch.after(KinestSystems::Writeback))
            .add_systems(EguiPrimaryContextPass, show_window)
            .add_observer(on_calibrated)
            .add_observer(on_calibration_failed)
            .add_observer(on_motion);
        app.register_required_components::<KinestAvatar, Watch>();
    }
}
