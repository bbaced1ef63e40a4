//! Panel section: state of the trackers.

use super::watch::Watch;
use crate::trackers::{AvatarStatus, DropoutReason, Sampled};
use bevy_egui::egui::{Grid, Ui};
use kinest::tracker::TrackerRole;

pub(super) fn section(ui: &mut Ui, status: &AvatarStatus, sampled: &Sampled, watch: &Watch) {
    Grid::new("trackers").num_columns(3).striped(true).show(ui, |ui| {
        for (k, role) in TrackerRole::ALL.into_iter().enumerate() {
            let worn = sampled.devices.as_ref().is_some_and(|d| d.body.get(role).is_some());
            if !worn && !TrackerRole::HEAD_AND_HANDS.contains(&role) {
                continue;
            }
            let name = role.to_string();
            ui.label(name[..1].to_uppercase() + &name[1..]);
            match (sampled.lost_since(k), status.lost[k]) {
                (Some(since), Some(why)) => {
                    let why = match why {
                        DropoutReason::Reported => "its device is not tracked",
                        DropoutReason::NotFinite => "its transform is not finite",
                        DropoutReason::Missing => "there is none",
                        DropoutReason::Jumped => "it jumped",
                        DropoutReason::AtOrigin => "it is at the origin",
                        DropoutReason::Frozen => "it is frozen",
                        DropoutReason::OutOfReach => "it is out of reach",
                    };
                    let text = format!("lost for {:.1} s: {why}", sampled.time - since);
                    ui.colored_label(ui.visuals().warn_fg_color, text);
                }
                _ => {
                    ui.label("tracked");
                }
            }
            let rate = watch.rate(|sample| sample.moves[k]);
            ui.monospace(rate.map_or("–".into(), |rate| format!("{rate:.0} /s")));
            ui.end_row();
        }
    });
}
