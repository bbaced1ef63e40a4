//! Panel section: confidence and error of each joint.

use crate::body::BodyPose;
use bevy_egui::egui::{Grid, ProgressBar, Ui};
use kinest::skeleton::{PerJoint, SmplJoint};

/// Width of a bar, points.
const BAR: f32 = 52.0;

/// `errors`: distance of each joint from its true position, metres, if known.
pub(super) fn section(ui: &mut Ui, body: &BodyPose, errors: Option<&PerJoint<f64>>) {
    if let Some(errors) = errors {
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        ui.label(format!("{:.1} cm from the truth on average; each joint:", 1e2 * mean));
    }
    let (middle, sides): (Vec<_>, Vec<_>) =
        SmplJoint::ALL.into_iter().partition(|joint| joint.mirrored() == *joint);
    let lefts = sides.into_iter().filter(|joint| joint.index() < joint.mirrored().index());
    let pairs = lefts.flat_map(|joint| [joint, joint.mirrored()]);
    Grid::new("joints").num_columns(6).striped(true).show(ui, |ui| {
        for (i, joint) in middle.into_iter().chain(pairs).enumerate() {
            ui.label(joint.name());
            let known = body.confidence(joint);
            let text = format!("{:.0} %", 100.0 * known);
            ui.add(ProgressBar::new(known).desired_width(BAR).text(text))
                .on_hover_text("how much of its place is known rather than guessed");
            let error = errors.map(|errors| format!("{:4.1}", 1e2 * errors[joint.index()]));
            ui.monospace(error.unwrap_or_default());
            if i % 2 == 1 {
                ui.end_row();
            }
        }
    });
}
