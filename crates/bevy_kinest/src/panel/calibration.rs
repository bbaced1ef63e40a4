//! Panel section: the player's size.

use super::watch::Watch;
use crate::trackers::CalibrationMethod;
use bevy_egui::egui::{DragValue, Ui};
use kinest::calibration::Calibration;

/// Initial value of the player's height, metres.
const HEIGHT: f64 = 1.75;
const HEIGHTS: std::ops::RangeInclusive<f64> = 0.5..=2.6;

/// The user's request.
pub(super) enum Wish {
    Measure(CalibrationMethod),
    /// Back to the size of the model's body.
    Reset,
}

pub(super) fn section(
    ui: &mut Ui,
    known: Option<&Calibration>,
    measuring: bool,
    watch: &mut Watch,
) -> Option<Wish> {
    let mut wish = None;
    ui.horizontal(|ui| {
        match known {
            Some(known) => {
                let (height, span) = (known.height, known.arm_span);
                ui.label(format!("{height:.2} m tall, wrists {span:.2} m apart"));
            }
            None => {
                ui.label("As big as the model's body");
            }
        }
        if known.is_some() && ui.button("Reset").clicked() {
            wish = Some(Wish::Reset);
        }
    });
    if measuring {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label("measuring …");
        });
    }
    if let Some(reason) = &watch.not_calibrated {
        ui.colored_label(ui.visuals().warn_fg_color, reason);
    }
    ui.horizontal(|ui| {
        let height = watch.height.get_or_insert(known.map_or(HEIGHT, |known| known.height));
        for (name, help, method) in [
            ("T-pose", "stand upright, arms out, palms down", CalibrationMethod::TPose),
            ("Moving", "move about, upright some of the time", CalibrationMethod::Motion),
            ("Height", "as tall as it says here", CalibrationMethod::Height(*height)),
        ] {
            if ui.button(name).on_hover_text(help).clicked() {
                wish = Some(Wish::Measure(method));
            }
        }
        ui.add(DragValue::new(height).range(HEIGHTS).speed(0.005).suffix(" m"));
    });
    wish
}
