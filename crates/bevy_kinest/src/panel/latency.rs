//! Panel section: latencies and rates.

use super::watch::{Sample, Watch};
use crate::models::ModelStatus;
use bevy_egui::egui::{Color32, Grid, Ui};
use egui_plot::{Corner, GridInput, Legend, Line, Plot, PlotPoints, uniform_grid_spacer};

/// Height of the plot, points.
const HEIGHT: f32 = 130.0;
/// Number of labelled grid lines that fit.
const STEPS: f64 = 5.0;

/// The plotted lines, milliseconds.
const LINES: [(&str, Color32, fn(&Sample) -> Option<f64>); 5] = [
    ("pose age", Color32::from_rgb(235, 200, 80), |s| s.age_ms),
    ("queue", Color32::from_rgb(170, 130, 240), |s| Some(s.latency?.queue_ms)),
    ("p99", Color32::from_rgb(230, 100, 90), |s| Some(s.latency?.p99_ms)),
    ("p95", Color32::from_rgb(240, 160, 90), |s| Some(s.latency?.p95_ms)),
    ("p50", Color32::from_rgb(100, 190, 240), |s| Some(s.latency?.p50_ms)),
];

pub(super) fn section(ui: &mut Ui, watch: &Watch, model: Option<&ModelStatus>, seconds: f64) {
    let now = watch.samples.back().map_or(0.0, |sample| sample.time);
    let legend = Legend::default().position(Corner::LeftTop).follow_insertion_order(true);
    Plot::new("latency")
        .height(HEIGHT)
        .legend(legend)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .include_x(-seconds)
        .include_x(0.0)
        .include_y(0.0)
        .x_axis_formatter(|mark, _| format!("{} s", mark.value))
        .y_grid_spacer(uniform_grid_spacer(steps))
        .y_axis_formatter(|mark, _| format!("{} ms", (1e3 * mark.value).round() / 1e3))
        .show(ui, |plot| {
            for (name, color, value) in LINES {
                let points: PlotPoints =
                    watch.samples.iter().filter_map(|s| Some([s.time - now, value(s)?])).collect();
                plot.line(Line::new(name, points).color(color));
            }
        });

    let latency = model.and_then(|status| status.latency);
    let ms = |value: Option<f64>| value.map_or("–".into(), |ms| format!("{ms:.2} ms"));
    let per_second = |rate: Option<f64>| rate.map_or("–".into(), |rate| format!("{rate:.0} /s"));
    let count = |count: Option<u64>| count.map_or("–".into(), |count| count.to_string());
    // One moving tracker suffices for a new window.
    let trackers = (0..3).filter_map(|k| watch.rate(|s| s.moves[k])).reduce(f64::max);
    let rows = [
        ["Inference p50", &ms(latency.map(|l| l.p50_ms)), "Trackers", &per_second(trackers)],
        [
            "p95",
            &ms(latency.map(|l| l.p95_ms)),
            "Estimates",
            &per_second(watch.rate(|s| s.estimates)),
        ],
        ["p99", &ms(latency.map(|l| l.p99_ms)), "Frames", &per_second(watch.frame_rate())],
        [
            "Queue",
            &ms(latency.map(|l| l.queue_ms)),
            "Dropped",
            &count(model.map(|status| status.dropped)),
        ],
        [
            "Pose age",
            &ms(watch.samples.back().and_then(|s| s.age_ms)),
            "Stale",
            &count(model.map(|status| status.stale)),
        ],
    ];
    Grid::new("figures").num_columns(4).striped(true).show(ui, |ui| {
        for [left, left_value, right, right_value] in rows {
            ui.label(left);
            ui.monospace(left_value);
            ui.label(right);
            ui.monospace(right_value);
            ui.end_row();
        }
    });
}

/// Spacing of the grid lines, milliseconds: 1, 2 or 5 times a power of ten. egui_plot's own powers
/// of ten leave most plots of this height with a single label.
fn steps(input: GridInput) -> [f64; 3] {
    let least = ((input.bounds.1 - input.bounds.0) / STEPS).max(1e-3);
    let power = 10.0_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|times| times * power).into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(10.0 * power);
    [step, 10.0 * step, 100.0 * step]
}
