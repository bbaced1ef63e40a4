//! Panel section: switches for the corrections of the network's pose.

use crate::player::KinestRefine;
use bevy_egui::egui::{DragValue, Ui};
use kinest::refine::Floor;

/// Range of cut-off frequencies, Hz.
const CUTOFFS: std::ops::RangeInclusive<f64> = 0.1..=30.0;
/// Range of beta, Hz per rad/s.
const BETAS: std::ops::RangeInclusive<f64> = 0.0..=10.0;

pub(super) fn section(ui: &mut Ui, refine: &mut KinestRefine) {
    ui.horizontal(|ui| {
        ui.checkbox(&mut refine.smooth, "Smooth");
        ui.add_enabled_ui(refine.smooth, |ui| {
            let cutoff = DragValue::new(&mut refine.one_euro.min_cutoff);
            let cutoff = cutoff.range(CUTOFFS).clamp_existing_to_range(false).speed(0.05);
            ui.add(cutoff.prefix("cut-off ").suffix(" Hz")).on_hover_text(format!(
                "{:.0} ms late at rest, {:.0} ms at 3 rad/s",
                1e3 * refine.one_euro.lag(0.0),
                1e3 * refine.one_euro.lag(3.0)
            ));
            let beta = DragValue::new(&mut refine.one_euro.beta);
            let beta = beta.range(BETAS).clamp_existing_to_range(false).speed(0.02);
            ui.add(beta.prefix("beta "));
        });
    });
    ui.checkbox(&mut refine.ground, "Bodies that hang in the air stand");
    ui.checkbox(&mut refine.place_trackers, "Head and hands exactly at their trackers");
    ui.horizontal(|ui| {
        ui.checkbox(&mut refine.lock_feet, "Lock feet");
        ui.add_enabled_ui(refine.lock_feet, |ui| {
            let mut known = matches!(refine.feet.floor, Floor::At(_));
            if ui.checkbox(&mut known, "to a floor at").changed() {
                refine.feet.floor = if known { Floor::At(0.0) } else { Floor::Estimated };
            }
            match &mut refine.feet.floor {
                Floor::At(height) => {
                    ui.add(DragValue::new(height).speed(0.01).suffix(" m"));
                }
                Floor::Estimated => {
                    ui.label("that is found");
                }
            }
        });
    });
}
