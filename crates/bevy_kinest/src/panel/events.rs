//! Panel section: gestures of the player.

use super::watch::Watch;
use crate::events::MotionState;
use crate::language::{LiveDescription, Subtitles};
use bevy_egui::egui::{Grid, Ui};

pub(super) fn section(
    ui: &mut Ui,
    state: &MotionState,
    watch: &Watch,
    subtitles: Option<&Subtitles>,
    description: Option<&LiveDescription>,
) {
    if watch.gestures.is_empty() {
        ui.label("None yet.");
    }
    Grid::new("gestures").striped(true).show(ui, |ui| {
        for (name, group, since) in watch.gestures.iter().rev() {
            let goes_on = state
                .gestures()
                .iter()
                .any(|now| *now.name == **name && now.group == *group && now.since == *since);
            let text = |ui: &mut Ui, text: &str| match goes_on {
                true => ui.strong(text),
                false => ui.weak(text),
            };
            text(ui, name);
            text(ui, &group.name().replace('_', " "));
            text(ui, &format!("{since:.1} s"));
            ui.end_row();
        }
    });
    if let Some(line) = subtitles.map(Subtitles::text).filter(|line| !line.is_empty()) {
        ui.label(line);
    }
    if let Some(texts) = description.and_then(LiveDescription::texts) {
        ui.weak(&texts.global[0]);
    }
}
