//! Panel section: uses of forecasts.

use crate::forecast::{Forecast, ForecastStatus};
use bevy_egui::egui::{DragValue, Ui};
use kinest::forecast::Extrapolation;
use kinest::live::Ahead;
use std::time::Duration;

/// Longest times that can be entered, milliseconds.
const LONGEST: u64 = 1000;

pub(super) fn section(ui: &mut Ui, forecast: &mut Forecast, status: &ForecastStatus) {
    let by = if status.network { "network" } else { "baseline" };
    let [ahead, cost] = [status.ahead, status.cost].map(|time| 1e3 * time.as_secs_f64());
    ui.label(format!("{ahead:.0} ms ahead, {cost:.2} ms by the {by}"));
    ui.horizontal(|ui| {
        let mut age = forecast.ahead == Ahead::Age;
        if ui.checkbox(&mut age, "As old as the estimate").changed() {
            forecast.ahead = if age { Ahead::Age } else { Ahead::default() };
        }
        if let Ahead::By(time) = &mut forecast.ahead {
            milliseconds(ui, "ahead ", time);
        }
    });
    ui.horizontal(|ui| {
        milliseconds(ui, "hand ", &mut forecast.hands);
        milliseconds(ui, "head ", &mut forecast.head);
        milliseconds(ui, "body ", &mut forecast.body);
    })
    .response
    .on_hover_text("how long what a lost tracker leaves is forecast");
    ui.horizontal(|ui| {
        for (name, baseline) in [
            ("Hold", Extrapolation::Hold),
            ("Velocity", Extrapolation::Velocity),
            ("Damped", Extrapolation::default()),
        ] {
            ui.selectable_value(&mut forecast.baseline, baseline, name);
        }
    });
}

fn milliseconds(ui: &mut Ui, name: &str, time: &mut Duration) {
    let mut ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let value = DragValue::new(&mut ms).range(0..=LONGEST).clamp_existing_to_range(false);
    if ui.add(value.prefix(name).suffix(" ms")).changed() {
        *time = Duration::from_millis(ms);
    }
}
