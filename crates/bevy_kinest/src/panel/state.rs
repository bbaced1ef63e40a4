//! Panel section: state and device of the model.

use crate::body::{BodyPose, KinestAvatar};
use crate::models::{ModelState, ModelStatus};
use bevy_egui::egui::{Color32, Sense, Ui, vec2};
use kinest::live::PoseSource;

/// Colour for a running model.
const WELL: Color32 = Color32::from_rgb(90, 200, 110);
/// Diameter of the status dot, points.
const DOT: f32 = 9.0;

pub(super) fn section(
    ui: &mut Ui,
    avatar: &KinestAvatar,
    model: Option<&ModelStatus>,
    body: &BodyPose,
) {
    let (waits, fails) = (ui.visuals().warn_fg_color, ui.visuals().error_fg_color);
    let (color, text) = match model.map(|status| &status.state) {
        None => (waits, "waiting for the model".into()),
        Some(ModelState::Opening) => (waits, "opening".into()),
        Some(ModelState::Running { device }) => (WELL, format!("ready on {device}")),
        Some(ModelState::Failed) => (fails, "failed".into()),
    };
    ui.horizontal_wrapped(|ui| {
        let (dot, _) = ui.allocate_exact_size(vec2(DOT, DOT), Sense::hover());
        ui.painter().circle_filled(dot.center(), DOT / 2.0, color);
        ui.strong(text);
        match avatar.model.path() {
            Some(path) => ui.weak(path.to_string()),
            None => ui.weak("a model that was made, not loaded"),
        };
    });
    if let Some(trouble) = model.and_then(|status| status.trouble.as_ref()) {
        ui.colored_label(fails, trouble);
    }
    ui.label(match (body.time(), body.source()) {
        (None, _) => "Pose: none, the head has not been seen".into(),
        (_, PoseSource::InverseKinematics) => "Pose: from the trackers alone".into(),
        (_, PoseSource::Forecast) => "Pose: forecast, a tracker is lost".into(),
        (_, PoseSource::Received) => "Pose: received".into(),
        (_, PoseSource::Frozen) => "Pose: frozen, the head is lost".into(),
        (_, PoseSource::RestPose) => "Pose: at rest, the head is lost".into(),
        (_, PoseSource::Estimated) => {
            format!("Pose: estimated, {:.0} ms old", 1e3 * body.age())
        }
    });
}
