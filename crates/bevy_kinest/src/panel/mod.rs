//! A window that shows the state of avatars and lets users change it.

mod calibration;
mod contents;
mod joints;
mod latency;
mod motion;
mod recording;
mod refine;
mod state;
mod trackers;
mod watch;

pub use contents::KinestPanelContents;

use crate::{KinestAvatar, KinestSystems};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiPlugin, EguiPrimaryContextPass, egui};
use std::path::PathBuf;
use watch::{Watch, watch, watch_calibrations};

/// Width of the window, points.
const WIDTH: f32 = 350.0;

/// State of the panel. May be changed at any time.
#[derive(Resource, Clone, Debug, PartialEq, Reflect)]
#[reflect(Resource, Default)]
pub struct KinestPanel {
    /// Whether the window is open.
    pub open: bool,
    /// The avatar to show; if it does not exist, the first one.
    pub avatar: Option<Entity>,
    /// Length of the plot, seconds.
    pub seconds: f64,
    /// The file that trackers are recorded to.
    pub recording: PathBuf,
    /// Whether recordings include poses.
    pub record_poses: bool,
}

impl Default for KinestPanel {
    fn default() -> Self {
        Self {
            open: true,
            avatar: None,
            seconds: 10.0,
            recording: "trackers.jsonl".into(),
            record_poses: true,
        }
    }
}

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
            .add_systems(
                PostUpdate,
                (watch, watch_calibrations).chain().after(KinestSystems::Writeback),
            )
            .add_systems(EguiPrimaryContextPass, show_window);
        app.register_required_components::<KinestAvatar, Watch>();
    }
}

fn show_window(mut contexts: EguiContexts, mut contents: KinestPanelContents) {
    // Without a camera there is nothing to draw on.
    let Ok(context) = contexts.ctx_mut() else { return };
    let mut open = contents.panel.open;
    egui::Window::new("KineST")
        .open(&mut open)
        .default_width(WIDTH)
        .default_height(context.content_rect().height())
        .vscroll(true)
        .show(context, |ui| contents.ui(ui));
    if contents.panel.open != open {
        contents.panel.open = open;
    }
}
