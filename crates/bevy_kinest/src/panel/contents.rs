//! The contents of the panel's window.

use super::options::KinestPanel;
use super::watch::Watch;
use super::{
    calibration, events, forecast, joints, latency, motion, recording, refine, state, trackers,
};
use crate::body::{BodyPose, KinestAvatar};
use crate::events::MotionState;
use crate::forecast::{Forecast, ForecastStatus};
use crate::language::{LiveDescription, Subtitles};
use crate::models::KinestModels;
use crate::player::KinestRefine;
use crate::replay::{MotionReplay, TrackerRecorder};
use crate::trackers::{AvatarStatus, Measuring, PlayerCalibration, Recalibrate, Sampled};
use bevy::ecs::query::QueryData;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::egui;

/// The contents of the [`KinestPanelPlugin`](crate::KinestPanelPlugin)'s window, for use in windows
/// of your own. Requires the plugin, whose own window [`KinestPanel::open`] closes.
///
/// ```
/// # use bevy::prelude::*;
/// use bevy_kinest::KinestPanelContents;
/// use bevy_kinest::bevy_egui::{EguiContexts, egui};
///
/// /// In the schedule `EguiPrimaryContextPass`.
/// fn tools(mut contexts: EguiContexts, mut kinest: KinestPanelContents) -> Result {
///     egui::Window::new("Tools").show(contexts.ctx_mut()?, |ui| {
///         ui.collapsing("Body", |ui| kinest.ui(ui));
///     });
///     Ok(())
/// }
/// # bevy::ecs::system::assert_is_system::<(), Result, _>(tools);
/// ```
#[derive(SystemParam)]
pub struct KinestPanelContents<'w, 's> {
    pub(super) panel: ResMut<'w, KinestPanel>,

    models: Res<'w, KinestModels>,
    avatars: Query<'w, 's, Shown>,
    commands: Commands<'w, 's>,
}

/// The components of an avatar that the panel shows.
#[derive(QueryData)]
#[query_data(mutable)]
struct Shown {
    entity: Entity,
    name: Option<&'static Name>,
    avatar: &'static KinestAvatar,
    body: &'static BodyPose,
    status: &'static AvatarStatus,
    sampled: &'static Sampled,
    refine: &'static mut KinestRefine,
    replay: Option<&'static mut MotionReplay>,
    forecast: Option<(&'static mut Forecast, &'static ForecastStatus)>,
    motion: Option<&'static MotionState>,
    subtitles: Option<&'static Subtitles>,
    description: Option<&'static LiveDescription>,
    calibration: Option<&'static PlayerCalibration>,
    measuring: Has<Measuring>,
    recorder: Option<&'static TrackerRecorder>,
    watch: &'static mut Watch,
}

impl KinestPanelContents<'_, '_> {
    /// Draws the contents.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        let Some(shown) = self.choose(ui) else {
            ui.label("There is no avatar.");
            return;
        };
        let Ok(mut it) = self.avatars.get_mut(shown) else { return };
        let model = self.models.get(&it.avatar.model);
        ui.push_id(shown, |ui| {
            state::section(ui, it.avatar, model, it.body);
            latency::section(ui, &it.watch, model, self.panel.seconds);
            heading(ui, "Trackers", |ui| {
                trackers::section(ui, it.status, it.sampled, &it.watch);
            });
            if let Some(replay) = &mut it.replay {
                heading(ui, "Motion", |ui| motion::section(ui, replay));
            }
            heading(ui, "Refine", |ui| {
                let mut wanted = *it.refine;
                refine::section(ui, &mut wanted);
                it.refine.set_if_neq(wanted);
            });
            if let Some((settings, status)) = &mut it.forecast {
                heading(ui, "Forecast", |ui| {
                    let mut wanted = (**settings).clone();
                    forecast::section(ui, &mut wanted, status);
                    settings.set_if_neq(wanted);
                });
            }
            if let Some(motion) = it.motion {
                heading(ui, "Gestures", |ui| {
                    events::section(ui, motion, &it.watch, it.subtitles, it.description);
                });
            }
            heading(ui, "Calibration", |ui| {
                let known = it.calibration.map(|PlayerCalibration(known)| known);
                match calibration::section(ui, known, it.measuring, &mut it.watch) {
                    Some(calibration::Wish::Measure(method)) => {
                        self.commands.trigger(Recalibrate { entity: shown, method });
                    }
                    Some(calibration::Wish::Reset) => {
                        self.commands.entity(shown).remove::<PlayerCalibration>();
                    }
                    None => {}
                }
            });
            heading(ui, "Recording", |ui| {
                match recording::section(ui, &mut self.panel, it.recorder, &mut it.watch) {
                    Some(recording::Wish::Start(recorder)) => {
                        self.commands.entity(shown).insert(*recorder);
                    }
                    Some(recording::Wish::Stop) => {
                        self.commands.entity(shown).remove::<TrackerRecorder>();
                    }
                    None => {}
                }
            });
            heading(ui, "Joints", |ui| {
                joints::section(ui, it.body, it.watch.errors.as_ref());
            });
        });
    }

    /// The avatar to show, with a selector if there are several.
    fn choose(&mut self, ui: &mut egui::Ui) -> Option<Entity> {
        let avatars = self.avatars.iter().map(|shown| (shown.entity, shown.name));
        let mut avatars: Vec<_> = avatars
            .map(|(entity, name)| {
                (entity, name.map_or(format!("avatar {entity}"), Name::to_string))
            })
            .collect();
        avatars.sort_unstable_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        let wanted = avatars.iter().find(|(entity, _)| Some(*entity) == self.panel.avatar);
        let (mut shown, name) = wanted.or(avatars.first())?.clone();
        if avatars.len() > 1 {
            egui::ComboBox::from_label("Avatar").selected_text(name).show_ui(ui, |ui| {
                for (entity, name) in avatars {
                    ui.selectable_value(&mut shown, entity, name);
                }
            });
            if self.panel.avatar != Some(shown) {
                self.panel.avatar = Some(shown);
            }
        }
        Some(shown)
    }
}

fn heading(ui: &mut egui::Ui, name: &str, contents: impl FnOnce(&mut egui::Ui)) {
    egui::CollapsingHeader::new(name).default_open(true).show(ui, contents);
}
