//! The panel's own window.

use super::contents::KinestPanelContents;
use bevy_egui::{EguiContexts, egui};

/// Width of the window, points.
const WIDTH: f32 = 350.0;

pub(super) fn show_window(mut contexts: EguiContexts, mut contents: KinestPanelContents) {
    // Without a camera there is no surface to draw on.
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
