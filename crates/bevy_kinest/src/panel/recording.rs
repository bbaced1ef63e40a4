//! Panel section: recording trackers to a file.

use super::options::KinestPanel;
use super::watch::Watch;
use crate::replay::TrackerRecorder;
use bevy::prelude::*;
use bevy_egui::egui::{TextEdit, Ui};

/// The user's request.
pub(super) enum Wish {
    Start(Box<TrackerRecorder>),
    Stop,
}

pub(super) fn section(
    ui: &mut Ui,
    panel: &mut ResMut<KinestPanel>,
    recorder: Option<&TrackerRecorder>,
    watch: &mut Watch,
) -> Option<Wish> {
    if let Some(recorder) = recorder {
        return ui.horizontal(|ui| stop(ui, recorder)).inner;
    }
    let (mut path, mut poses) = (panel.recording.display().to_string(), panel.record_poses);
    let mut wish = None;
    ui.horizontal(|ui| {
        if ui.button("Record").clicked() {
            match TrackerRecorder::create(&panel.recording, poses) {
                Ok(recorder) => {
                    watch.not_recorded = None;
                    wish = Some(Wish::Start(Box::new(recorder)));
                }
                Err(error) => watch.not_recorded = Some(error.to_string()),
            }
        }
        ui.checkbox(&mut poses, "with poses, to");
        ui.add(TextEdit::singleline(&mut path).desired_width(f32::INFINITY));
    });
    if panel.recording.exists() {
        ui.weak("there is such a file already: it will be gone");
    }
    if let Some(reason) = &watch.not_recorded {
        ui.colored_label(ui.visuals().error_fg_color, reason);
    }
    let wanted = KinestPanel { recording: path.into(), record_poses: poses, ..panel.clone() };
    panel.set_if_neq(wanted);
    wish
}

fn stop(ui: &mut Ui, recorder: &TrackerRecorder) -> Option<Wish> {
    let wish = ui.button("Stop").clicked().then_some(Wish::Stop);
    if recorder.is_recording() {
        ui.label(format!("{} frames", recorder.frames()));
    } else {
        ui.colored_label(ui.visuals().error_fg_color, "the file cannot be written any more");
    }
    wish
}
