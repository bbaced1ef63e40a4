//! Windows to the network, poses back.

use crate::confidence::confidence;
use crate::player::PlayerCalibration;
use crate::settings::Clock;
use crate::status::{KinestModels, ModelState, ModelStatus};
use crate::tracker::Sampled;
use crate::{
    AvatarStatus, BodyPose, InferenceMode, KinestAvatar, KinestPlugins, KinestRefine, PoseModel,
    PoseSource, PoseUpdated, ResetAvatar, Teleport,
};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent};
use bevy::diagnostic::Diagnostics;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::live::{Player, PlayerPose, PoseRequest, PoseWorker, Question, WorkerEvent};
use kinest::model::{Feed, ModelSpec};
use kinest_engine::DeviceChoice;

/// Engines of one model that may fail in a row before it is given up.
const ATTEMPTS: u32 = 3;
/// An engine that has answered this often has not failed at once: ten seconds at 60 Hz.
const PROVEN_CALLS: u64 = 600;

/// A model is open and runs: for the first time, on another device, or after it was changed.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestReady {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The device it runs on: `cpu`, `wgpu`, `cuda`.
    pub device: String,
    /// How often the model has been changed before: 0 for the first one.
    pub changes: u64,
}

/// What runs a model failed, and another engine is being opened. Its avatars keep their last pose
/// meanwhile.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFellBack {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// What happened.
    pub reason: String,
}

/// A model could not be loaded or opened, or has stopped working for good. Its avatars keep what they
/// had: the model before a change that failed, the last pose, or what inverse
/// kinematics makes of their trackers.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// What happened.
    pub reason: String,
}

/// An engine on its thread, and how it is fed.
struct Engine {
    worker: PoseWorker,
    spec: ModelSpec,
    /// Poses of different revisions are of different networks.
    revision: u64,
}

/// What runs a model.
struct Running {
    engine: Engine,
    /// Takes over when it is ready.
    next: Option<Engine>,
    model: PoseModel,
    /// What the settings said when it was opened.
    device: DeviceChoice,
    /// How often the model was changed.
    changes: u64,
    /// Engines that failed in a row.
    failures: u32,
    /// Given up.
    failed: bool,
    /// When the next windows are due, on the trackers' clock.
    due: f64,
    /// This frame's windows.
    requests: Vec<PoseRequest>,
    not_finite: u64,
}

/// What runs each model that is in use.
#[derive(Resource, Default)]
pub(crate) struct Workers {
    running: HashMap<AssetId<PoseModel>, Running>,
    /// Of the newest engine with another network.
    revision: u64,
    /// Models that were changed in this frame.
    changed: Vec<AssetId<PoseModel>>,
}

impl Workers {
    /// Late replies to what was asked for `avatar` do not arrive.
    fn forget(&mut self, avatar: Entity, model: Option<AssetId<PoseModel>>) {
        if let Some(running) = model.and_then(|model| self.running.get_mut(&model)) {
            running.engine.worker.reset(avatar.to_bits());
        }
    }

    /// Starts what is needed for `id`. While there is something that runs it goes on until the new engine
    /// is ready, unless every frame waits anyway.
    fn open(
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
            && running.device == device
        {
            return Ok(());
        }
        if let Some(changed) = changed {
            self.changed.swap_remove(changed);
        }
        let other = changed.is_some() || running.is_none();
        self.revision += u64::from(other);
        let same = running.as_ref().map(|r| r.next.as_ref().unwrap_or(&r.engine).revision);
        let engine = Engine {
            worker: PoseWorker::spawn(model.opener(device))?,
            spec: model.spec().clone(),
            revision: same.filter(|_| !other).unwrap_or(self.revision),
        };
        if let Some(running) = running {
            running.changes += u64::from(changed.is_some());
            (running.device, running.failures) = (device, 0);
            running.model = model.clone();
            if at_once || running.failed {
                (running.engine, running.next) = (engine, None);
                *status = ModelStatus::default();
            } else {
                running.next = Some(engine);
            }
            running.failed = false;
        } else {
            let running = Running {
                engine,
                next: None,
                model: model.clone(),
                device,
                changes: 0,
                failures: 0,
                failed: false,
                due: f64::NEG_INFINITY,
                requests: Vec::new(),
                not_finite: 0,
            };
            self.running.insert(id, running);
            *status = ModelStatus::default();
        }
        Ok(())
    }
}

/// The player of an avatar, and the model that is asked about it.
#[derive(Component, Default)]
pub(crate) struct AvatarPlayer {
    model: Option<AssetId<PoseModel>>,
    pub player: Player,
}

/// Notes which models have changed or are gone.
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
        warn!("avatars keep what they had, their model cannot be loaded: {reason}");
        let status = statuses.of(*id);
        status.trouble = Some(reason.clone());
        if !workers.running.contains_key(id) {
            status.state = ModelState::Failed;
        }
        failed.write(KinestFailed { model: *id, reason });
    }
}

/// Adds this frame's trackers to each avatar's history and hands over the windows that are full.
pub(crate) fn infer(
    clock: Clock,
    models: Res<Assets<PoseModel>>,
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(
        Entity,
        &KinestAvatar,
        Option<&PlayerCalibration>,
        &mut Sampled,
        &mut AvatarPlayer,
    )>,
) {
    let (settings, now) = (&clock.settings, clock.now().as_secs_f64());
    let inline = settings.mode == InferenceMode::Inline;
    for (avatar, KinestAvatar { model }, calibration, mut sampled, mut of_avatar) in &mut avatars {
        let id = model.id();
        let AvatarPlayer { model: asked, player } = &mut *of_avatar;
        (player.settings.dropout, player.settings.blend) = (settings.dropout, settings.blend);
        player.calibrate(calibration.map(|PlayerCalibration(player)| *player));
        if let Some(devices) = &sampled.devices
            && let Err(error) = player.push(devices, sampled.told_moved)
        {
            sampled.warn(avatar, error.to_string());
        }
        if *asked != Some(id) {
            workers.forget(avatar, asked.replace(id));
        }
        if let Some(model) = models.get(id)
            && let Err(error) = workers.open(id, model, settings.device, inline, statuses.of(id))
        {
            sampled.warn(avatar, format!("no thread for the network: {error}"));
        }
        let Some(running) = workers.running.get_mut(&id) else { continue };
        let engine = &mut running.engine;
        let told = match player.tell(&engine.spec, engine.revision) {
            Ok(told) => told.unwrap_or_default(),
            Err(error) => {
                sampled.warn(avatar, error.to_string());
                continue;
            }
        };
        let avatar = avatar.to_bits();
        if told.teleported {
            engine.worker.discard(avatar);
        }
        // Every frame is fed; windows are due at the network's rate. Far ahead it is the time of another
        // clock.
        let due = engine.spec.feed != Feed::Windows
            || inline
            || !(0.0..1.0).contains(&(running.due - now));
        // While the clock stands still nothing is new.
        if told.new
            && due
            && let Some(question) = player.ask()
        {
            if question.starts {
                engine.worker.reset(avatar);
            }
            let Question { input, time, axes, .. } = question;
            running.requests.push(PoseRequest { avatar, time, input, axes });
        }
    }
    for running in workers.running.values_mut().filter(|running| !running.requests.is_empty()) {
        // At the network's rate on average, whatever the screen's; what was missed is not made up for.
        let step = 1.0 / running.engine.spec.rate_hz;
        running.due = (running.due + step).clamp(now - step, now + step);
        running.engine.worker.submit(running.requests.drain(..));
        if inline {
            running.engine.worker.wait();
        }
    }
}

/// Takes the news of every worker.
pub(crate) fn receive(
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(&mut AvatarPlayer, &mut AvatarStatus)>,
    mut ready: MessageWriter<KinestReady>,
    mut fell_back: MessageWriter<KinestFellBack>,
    mut failed: MessageWriter<KinestFailed>,
    mut diagnostics: Diagnostics,
) {
    for (&model, running) in &mut workers.running {
        let changes = running.changes;
        let status = statuses.of(model);
        while let Some(event) = running.next.as_mut().and_then(|next| next.worker.poll()) {
            match event {
                WorkerEvent::Ready { device } => {
                    let state = ModelState::Running { device: device.clone() };
                    *status = ModelStatus { state, ..default() };
                    ready.write(KinestReady { model, device, changes });
                    running.engine = running.next.take().expect("it has just spoken");
                }
                WorkerEvent::Failed { reason } => {
                    warn!("the changed model cannot be run, the one before goes on: {reason}");
                    status.trouble = Some(reason.clone());
                    failed.write(KinestFailed { model, reason });
                    running.next = None;
                }
                WorkerEvent::Poses(_) => {}
            }
        }
        while let Some(event) = running.engine.worker.poll() {
            match event {
                WorkerEvent::Ready { device } => {
                    status.state = ModelState::Running { device: device.clone() };
                    ready.write(KinestReady { model, device, changes });
                }
                WorkerEvent::Failed { reason } => {
                    let proven = running.engine.worker.stats().calls >= PROVEN_CALLS;
                    running.failures = if proven { 1 } else { running.failures + 1 };
                    match running.restart() {
                        Ok(()) => {
                            warn!("the network has stopped and is started again: {reason}");
                            let trouble = Some(reason.clone());
                            *status = ModelStatus { trouble, ..default() };
                            fell_back.write(KinestFellBack { model, reason });
                        }
                        Err(hopeless) => {
                            let reason = format!("{reason}{hopeless}");
                            error!(
                                "the network has stopped, bodies keep their last pose: {reason}"
                            );
                            running.failed = true;
                            status.state = ModelState::Failed;
                            status.trouble = Some(reason.clone());
                            failed.write(KinestFailed { model, reason });
                        }
                    }
                }
                WorkerEvent::Poses(replies) => {
                    status.measure(running.engine.worker.stats());
                    let latency = status.latency;
                    for (path, value) in [
                        (KinestPlugins::INFERENCE_MS, latency.map(|l| l.last_ms)),
                        (KinestPlugins::INFERENCE_P50_MS, latency.map(|l| l.p50_ms)),
                        (KinestPlugins::INFERENCE_P95_MS, latency.map(|l| l.p95_ms)),
                        (KinestPlugins::INFERENCE_P99_MS, latency.map(|l| l.p99_ms)),
                        (KinestPlugins::QUEUE_MS, latency.map(|l| l.queue_ms)),
                        (KinestPlugins::DROPPED, Some(status.dropped as f64)),
                        (KinestPlugins::STALE, Some(status.stale as f64)),
                    ] {
                        if let Some(value) = value {
                            diagnostics.add_measurement(&path, || value);
                        }
                    }
                    let revision = running.engine.revision;
                    for reply in replies {
                        let avatar = Entity::from_bits(reply.avatar);
                        let Ok((mut asked, mut seen)) = avatars.get_mut(avatar) else {
                            continue;
                        };
                        if asked.model == Some(model) {
                            asked.player.estimate(revision, reply.time, reply.rotations);
                            seen.estimates += 1;
                        }
                    }
                }
            }
        }
        let not_finite = running.engine.worker.stats().not_finite;
        if not_finite > 0 && running.not_finite == 0 {
            warn!("an output of the network is not finite; such frames keep the pose before");
        }
        running.not_finite = not_finite;
    }
}

impl Running {
    /// Opens another engine in place of one that failed, on whatever device works.
    ///
    /// A GPU that has failed is not tried again by this process, so `Auto` finds another one.
    fn restart(&mut self) -> Result<(), String> {
        if self.failures >= ATTEMPTS {
            return Err(format!(" ({ATTEMPTS} engines in a row)"));
        }
        let device = match self.device {
            DeviceChoice::Cpu => DeviceChoice::Cpu,
            _ => DeviceChoice::Auto,
        };
        let worker = PoseWorker::spawn(self.model.opener(device));
        self.engine.worker = worker.map_err(|error| format!(", and no thread: {error}"))?;
        Ok(())
    }
}

/// Puts the pose of this moment of every avatar under its head as it is now.
pub(crate) fn place(
    clock: Clock,
    models: Res<Assets<PoseModel>>,
    mut avatars: Query<(&KinestAvatar, &Sampled, &mut AvatarPlayer, &mut BodyPose)>,
    mut diagnostics: Diagnostics,
) {
    for (KinestAvatar { model }, sampled, mut of_avatar, mut body) in &mut avatars {
        let (player, now) = (&mut of_avatar.player, sampled.time);
        if player.joints().is_none() {
            continue;
        }
        if let Some(model) = models.get(model) {
            body.skeleton = model.spec().skeleton.clone();
        }
        body.skeleton = player.skeleton(&body.skeleton);
        let Some(shown) = player.show(&body.skeleton, now, clock.delta()) else { continue };
        let PlayerPose { pose, source, time } = shown;
        let lost = sampled.lost_since.map(|since| since.map_or(0.0, |since| now - since));
        body.source = source;
        body.time = Some(sampled.on_clock(time));
        body.age = now - time;
        body.confidence = confidence(source, lost, body.age);
        body.world_from_space = sampled.world_from_space;
        *body.unsettled().1 = pose;
        if source == PoseSource::Estimated {
            diagnostics.add_measurement(&KinestPlugins::POSE_AGE_MS, || 1e3 * (now - time));
        }
    }
}

/// Corrects every pose as its avatar says: joints are those of the pose afterwards.
pub(crate) fn refine(
    clock: Clock,
    mut avatars: Query<(&KinestRefine, &mut AvatarPlayer, &mut BodyPose)>,
) {
    for (refine, mut of_avatar, mut body) in &mut avatars {
        of_avatar.player.settings.refine = (*refine).into();
        if body.time.is_some() {
            let (skeleton, pose) = body.unsettled();
            body.contacts = of_avatar.player.refine(skeleton, pose, clock.delta());
        }
        body.settle();
    }
}

/// Tells whoever observes.
pub(crate) fn announce(mut commands: Commands, bodies: Query<(Entity, &BodyPose)>) {
    for (entity, body) in bodies.iter().filter(|(_, body)| body.time.is_some()) {
        commands.trigger(PoseUpdated { entity, source: body.source });
    }
}

pub(crate) fn on_teleport(teleport: On<Teleport>, mut avatars: Query<&mut Sampled>) {
    if let Ok(mut sampled) = avatars.get_mut(teleport.entity) {
        sampled.teleported = true;
    }
}

pub(crate) fn on_reset(
    reset: On<ResetAvatar>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<(&mut AvatarPlayer, &mut Sampled)>,
) {
    if let Ok((mut of_avatar, mut sampled)) = avatars.get_mut(reset.entity) {
        workers.forget(reset.entity, of_avatar.model);
        of_avatar.player.reset();
        *sampled = Sampled::default();
    }
}

pub(crate) fn on_remove(
    removed: On<Remove, KinestAvatar>,
    mut workers: ResMut<Workers>,
    avatars: Query<&AvatarPlayer>,
) {
    if let Ok(of_avatar) = avatars.get(removed.entity) {
        workers.forget(removed.entity, of_avatar.model);
    }
}
