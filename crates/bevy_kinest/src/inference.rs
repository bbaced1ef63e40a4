//! Windows to the network, poses back.

use crate::avatar::Estimate;
use crate::tracker::Sampled;
use crate::{
    BodyPose, InferenceMode, KinestAvatar, KinestPlugins, KinestSettings, PoseModel, PoseSource,
    ResetAvatar,
};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent};
use bevy::diagnostic::Diagnostics;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::runtime::{
    PoseReply, PoseRequest, PoseWorker, TrackerHistory, WorkerEvent, place_under_head,
    rest_under_head,
};
use kinest_engine::DeviceChoice;

/// A model is open and runs.
#[derive(Message, Clone, Debug)]
pub struct KinestReady {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The device it runs on: `cpu`, `wgpu`, `cuda`.
    pub device: String,
}

/// A model could not be loaded or opened, or has stopped working. Its avatars keep their last pose,
/// or the rest pose, under their heads.
#[derive(Message, Clone, Debug)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// What happened.
    pub reason: String,
}

/// The worker of a model.
struct Running {
    worker: PoseWorker,
    /// What the settings said when it was opened.
    device: DeviceChoice,
    /// This frame's windows.
    requests: Vec<PoseRequest>,
    not_finite: u64,
}

/// One worker for each model that is in use.
#[derive(Resource, Default)]
pub(crate) struct Workers(HashMap<AssetId<PoseModel>, Running>);

impl Workers {
    fn reset(&mut self, avatar: Entity, estimate: &mut Estimate) {
        if let Some(model) = estimate.model.take()
            && let Some(running) = self.0.get_mut(&model)
        {
            running.worker.reset(avatar.to_bits());
        }
        *estimate = Estimate::default();
    }

    /// The worker of `model`, started if there is none for this device yet.
    fn open(
        &mut self,
        id: AssetId<PoseModel>,
        model: &PoseModel,
        device: DeviceChoice,
    ) -> std::io::Result<&mut Running> {
        if self.0.get(&id).is_none_or(|running| running.device != device) {
            let worker = PoseWorker::spawn(model.opener(device))?;
            let running = Running { worker, device, requests: Vec::new(), not_finite: 0 };
            self.0.insert(id, running);
        }
        Ok(self.0.get_mut(&id).expect("it is there or was just put there"))
    }
}

/// Closes what runs a model that has changed or is gone; its avatars start anew.
pub(crate) fn follow_assets(
    mut events: MessageReader<AssetEvent<PoseModel>>,
    mut failures: MessageReader<AssetLoadFailedEvent<PoseModel>>,
    mut failed: MessageWriter<KinestFailed>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<&mut Estimate>,
) {
    for event in events.read() {
        let (AssetEvent::Modified { id } | AssetEvent::Removed { id }) = event else { continue };
        workers.0.remove(id);
        for mut estimate in avatars.iter_mut().filter(|e| e.model == Some(*id)) {
            *estimate = Estimate::default();
        }
    }
    for AssetLoadFailedEvent { id, path, error } in failures.read() {
        let reason = format!("{path}: {error}");
        warn!("avatars with this model stay in their rest pose: {reason}");
        failed.write(KinestFailed { model: *id, reason });
    }
}

/// Adds this frame's trackers to each avatar's history and hands over the windows that are full.
pub(crate) fn infer(
    settings: Res<KinestSettings>,
    models: Res<Assets<PoseModel>>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<(Entity, &KinestAvatar, &mut Sampled, &mut Estimate)>,
) {
    for (avatar, KinestAvatar { model }, mut sampled, mut estimate) in &mut avatars {
        let id = model.id();
        if estimate.model != Some(id) {
            workers.reset(avatar, &mut estimate);
            estimate.model = Some(id);
        }
        let Some(model) = models.get(id) else { continue };
        let spec = model.spec();
        let running = match workers.open(id, model, settings.device) {
            Ok(running) => running,
            Err(error) => {
                sampled.warn(avatar, format!("no thread for the network: {error}"));
                continue;
            }
        };
        let Some(frame) = sampled.frame.take() else { continue };
        let time = frame.time;
        let history = estimate.history.get_or_insert_with(|| TrackerHistory::new(spec));
        match history.push(frame) {
            // While the clock stands still nothing is new.
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => {
                sampled.warn(avatar, error.to_string());
                continue;
            }
        }
        if let Some(frames) = history.window() {
            let mut features = Vec::with_capacity(spec.window * spec.layout.inputs());
            let frame = spec.layout.write_features(frames, &mut features);
            let avatar = avatar.to_bits();
            running.requests.push(PoseRequest { avatar, time, features, frame });
        }
    }
    for running in workers.0.values_mut().filter(|running| !running.requests.is_empty()) {
        running.worker.submit(running.requests.drain(..));
        if settings.mode == InferenceMode::Inline {
            running.worker.wait();
        }
    }
}

/// Takes the news of every worker.
pub(crate) fn receive(
    mut workers: ResMut<Workers>,
    mut avatars: Query<&mut Estimate>,
    mut ready: MessageWriter<KinestReady>,
    mut failed: MessageWriter<KinestFailed>,
    mut diagnostics: Diagnostics,
) {
    for (&model, running) in &mut workers.0 {
        while let Some(event) = running.worker.poll() {
            match event {
                WorkerEvent::Ready { device } => {
                    ready.write(KinestReady { model, device });
                }
                WorkerEvent::Failed { reason } => {
                    error!("the network has stopped, bodies keep their last pose: {reason}");
                    failed.write(KinestFailed { model, reason });
                }
                WorkerEvent::Poses(replies) => {
                    let ms = running.worker.stats().last_ms;
                    diagnostics.add_measurement(&KinestPlugins::INFERENCE_MS, || ms);
                    for reply in replies {
                        if let Ok(mut estimate) = avatars.get_mut(Entity::from_bits(reply.avatar)) {
                            estimate.newest = Some(reply);
                        }
                    }
                }
            }
        }
        let not_finite = running.worker.stats().not_finite;
        if not_finite > 0 && running.not_finite == 0 {
            warn!("an output of the network is not finite; such frames keep the pose before");
        }
        running.not_finite = not_finite;
    }
}

/// Puts the newest pose of every avatar under its head as it is now.
pub(crate) fn place(
    time: Res<Time>,
    models: Res<Assets<PoseModel>>,
    mut avatars: Query<(&KinestAvatar, &Sampled, &Estimate, &mut BodyPose)>,
    mut diagnostics: Diagnostics,
) {
    let now = time.elapsed_secs_f64();
    for (KinestAvatar { model }, sampled, estimate, mut body) in &mut avatars {
        let Some(head) = &sampled.head else { continue };
        let skeleton =
            models.get(model).map_or_else(|| body.skeleton.clone(), |m| m.spec().skeleton.clone());
        let pose = match &estimate.newest {
            Some(PoseReply { time, rotations, .. }) => {
                body.source = PoseSource::Estimated;
                body.time = Some(*time);
                body.age = now - time;
                diagnostics.add_measurement(&KinestPlugins::POSE_AGE_MS, || 1e3 * (now - time));
                place_under_head(&skeleton, rotations, head.position)
            }
            None => {
                body.source = PoseSource::Rest;
                body.time = Some(now);
                body.age = 0.0;
                rest_under_head(&skeleton, head)
            }
        };
        body.skeleton = skeleton;
        body.set_pose(pose);
    }
}

pub(crate) fn on_reset(
    reset: On<ResetAvatar>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<&mut Estimate>,
) {
    if let Ok(mut estimate) = avatars.get_mut(reset.entity) {
        workers.reset(reset.entity, &mut estimate);
    }
}

pub(crate) fn on_remove(
    removed: On<Remove, KinestAvatar>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<&mut Estimate>,
) {
    if let Ok(mut estimate) = avatars.get_mut(removed.entity) {
        workers.reset(removed.entity, &mut estimate);
    }
}
