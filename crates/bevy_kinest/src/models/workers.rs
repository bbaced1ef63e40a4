//! The running models.

use super::asset::PoseModel;
use super::events::KinestFailed;
use super::running::{Engine, Running};
use super::status::{KinestModels, ModelState, ModelStatus};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest_engine::DeviceChoice;

/// The running models in use.
#[derive(Resource, Default)]
pub(crate) struct Workers {
    running: HashMap<AssetId<PoseModel>, Running>,
    /// The revision of the newest network.
    revision: u64,
    /// Models that were changed and are not reopened yet.
    changed: Vec<AssetId<PoseModel>>,
}

impl Workers {
    /// The running model with this id.
    pub fn get_mut(&mut self, model: AssetId<PoseModel>) -> Option<&mut Running> {
        self.running.get_mut(&model)
    }

    /// All running models.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (AssetId<PoseModel>, &mut Running)> {
        self.running.iter_mut().map(|(model, running)| (*model, running))
    }

    /// Drops every request and pose of `avatar` that `model` has not answered or delivered yet.
    pub fn forget(&mut self, avatar: Entity, model: Option<AssetId<PoseModel>>) {
        if let Some(running) = model.and_then(|model| self.running.get_mut(&model)) {
            running.reset(avatar.to_bits());
        }
    }

    /// Submits the requests of this frame, and waits for the poses if `wait`.
    pub fn submit(&mut self, now: f64, wait: bool) {
        self.running.values_mut().for_each(|running| running.submit(now, wait));
    }

    /// Opens an engine for `id` if it has none, or if model or device were changed. The previous
    /// engine keeps running until the new one is ready, unless `at_once`.
    pub fn open(
        &mut self,
        id: AssetId<PoseModel>,
        model: &PoseModel,
        device: DeviceChoice,
        at_once: bool,
        status: &mut ModelStatus,
    ) -> std::io::Result<()> {
        let changed = self.changed.iter().position(|changed| *changed == id);
        let running = self.running.get_mut(&id);
        if let (Some(running), None) = (&running, changed)
            && running.device() == device
        {
            return Ok(());
        }
        if let Some(changed) = changed {
            self.changed.swap_remove(changed);
        }
        let other = changed.is_some() || running.is_none();
        self.revision += u64::from(other);
        let same = running.as_ref().map(|running| running.newest_revision());
        let revision = same.filter(|_| !other).unwrap_or(self.revision);
        let engine = Engine::open(model, device, revision)?;
        let opened = if let Some(running) = running {
            running.replace(engine, model.clone(), device, changed.is_some(), at_once)
        } else {
            self.running.insert(id, Running::new(engine, model.clone(), device));
            true
        };
        if opened {
            *status = ModelStatus::default();
        }
        Ok(())
    }
}

/// Notes models that have changed or were unloaded.
pub(crate) fn follow_assets(
    mut events: MessageReader<AssetEvent<PoseModel>>,
    mut failures: MessageReader<AssetLoadFailedEvent<PoseModel>>,
    mut failed: MessageWriter<KinestFailed>,
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
) {
    for event in events.read() {
        match event {
            AssetEvent::Modified { id }
                if workers.running.contains_key(id) && !workers.changed.contains(id) =>
            {
                workers.changed.push(*id);
            }
            AssetEvent::Removed { id } => {
                workers.running.remove(id);
                statuses.forget(*id);
            }
            _ => {}
        }
    }
    for AssetLoadFailedEvent { id, path, error } in failures.read() {
        let reason = format!("{path}: {error}");
        warn!(
            "avatars keep what they had, their model cannot be loaded and is tried again: {reason}"
        );
        let status = statuses.of(*id);
        status.trouble = Some(reason.clone());
        if !workers.running.contains_key(id) {
            status.state = ModelState::Failed;
        }
        failed.write(KinestFailed { model: *id, reason });
    }
}
