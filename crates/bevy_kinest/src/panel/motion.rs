//! Panel section: transport controls of a replay.

use crate::replay::MotionReplay;
use bevy::ecs::change_detection::Mut;
use bevy::prelude::DetectChangesMut;
use bevy_egui::egui::{Slider, SliderClamping, Ui};

/// Greatest playback speed: faster motion cannot be followed by eye.
const FASTEST: f64 = 4.0;

pub(super) fn section(ui: &mut Ui, replay: &mut Mut<MotionReplay>) {
    let it = replay.bypass_change_detection();
    let mut seconds = it.seconds();
    let mut changed = false;
    ui.spacing_mut().slider_width = ui.available_width() - 110.0;
    // Only the text is rounded: a slider that rounds its value would trigger a seek.
    let scrub = Slider::new(&mut seconds, 0.0..=it.duration())
        .custom_formatter(|seconds, _| format!("{seconds:.2} s"))
        .text("at");
    if ui.add(scrub).changed() {
        it.seek(seconds);
        changed = true;
    }
    ui.horizontal(|ui| {
        if ui.button(if it.paused { "Play" } else { "Pause" }).clicked() {
            it.paused ^= true;
            changed = true;
        }
        if ui.button("To the start").clicked() {
            it.seek(0.0);
            changed = true;
        }
        changed |= ui.checkbox(&mut it.repeats, "again and again").changed();
    });
    let speed = Slider::new(&mut it.speed, 0.0..=FASTEST)
        .clamping(SliderClamping::Edits)
        .custom_formatter(|speed, _| format!("{speed:.2}"))
        .text("speed");
    changed |= ui.add(speed).changed();
    if changed {
        replay.set_changed();
    }
}
