//! Windows to the network, poses back.

use crate::confidence::confidence;
use crate::player::PlayerCalibration;
use crate::refine::RefineState;
use crate::settings::Clock;
use crate::status::{KinestModels, ModelState, ModelStatus};
use crate::tracker::Sampled;
use crate::{
    AvatarStatus, BodyPose, InferenceMode, KinestAvatar, KinestPlugins, PoseModel, PoseSource,
    PoseUpdated, ResetAvatar, Teleport,
};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent};
use bevy::diagnostic::Diagnostics;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::model::{Feed, ModelSpec};
use kinest::refine::{SourceFade, three_point_pose};
use kinest::live::{FrameFeed, HandStandIn, PoseInput, PoseRequest, PoseTimeline, PoseWorker, TrackerHistory, WorkerEvent, place_under_head, rest_under_head};
use kinest::tracker;
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

/// What the network last said about an avatar, and what it is told.
#[derive(Component, Default)]
pub(crate) struct Estimate {
    /// The model that is asked.
    model: Option<AssetId<PoseModel>>,
    history: Option<TrackerHistory>,
    /// For a network that is fed frame by frame.
    feed: Option<FrameFeed>,
    /// Of the network the history is for.
    asked: u64,
    stand_in: HandStandIn,
    timeline: PoseTimeline,
    /// Of the network the timeline is from.
    answered: u64,
    fade: SourceFade<(PoseSource, u64)>,
}

impl Estimate {
    /// Forgets what the trackers did, and nothing else.
    pub fn forget_trackers(&mut self) {
        if let Some(history) = &mut self.history {
            history.clear();
        }
        self.feed = None;
        self.stand_in = HandStandIn::default();
    }
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
        &mut Estimate,
        &mut RefineState,
    )>,
) {
    let (settings, now) = (&clock.settings, clock.now().as_secs_f64());
    let inline = settings.mode == InferenceMode::Inline;
    for (avatar, KinestAvatar { model }, calibration, mut sampled, mut estimate, mut state) in
        &mut avatars
    {
        let (id, estimate) = (model.id(), &mut *estimate);
        if let Some(by) = &sampled.moved {
            estimate.fade.teleport(by);
            state.teleport(by);
        }
        if estimate.model != Some(id) {
            workers.forget(avatar, estimate.model.replace(id));
        }
        if let Some(model) = models.get(id)
            && let Err(error) = workers.open(id, model, settings.device, inline, statuses.of(id))
        {
            sampled.warn(avatar, format!("no thread for the network: {error}"));
        }
        let Some(running) = workers.running.get_mut(&id) else { continue };
        let (spec, revision) = (&running.engine.spec, running.engine.revision);
        let Some(devices) = &sampled.devices else { continue };
        let mut frame = match calibration {
            Some(PlayerCalibration(player)) => player.to_model(&spec.skeleton, devices),
            None => devices.clone(),
        };
        let time = frame.time;

        let history = estimate.history.get_or_insert_with(|| TrackerHistory::new(spec));
        if std::mem::replace(&mut estimate.asked, revision) != revision {
            history.change_model(spec);
            estimate.feed = None;
        }
        let mut passed = 0.0;
        if let Some(newest) = history.newest() {
            passed = time - newest.time;
            let (before, now) = (newest.poses[0], frame.poses[0]);
            let jumped = before.tracked
                && now.tracked
                && tracker::Teleport::detect(&before, &now, passed).is_some();
            if jumped || sampled.moved.is_some() || sampled.head_found {
                let by = tracker::Teleport::between(&before, &now);
                history.teleport(&by);
                estimate.stand_in.teleport(&by);
                estimate.timeline.teleport(&by);
                if let Some(feed) = &mut estimate.feed {
                    feed.teleport(&by);
                }
                running.engine.worker.discard(avatar.to_bits());
            }
        }
        if !spec.layout.validity {
            estimate.stand_in.apply(&settings.dropout, &spec.skeleton, &mut frame.poses, passed);
        }
        match history.push(frame) {
            // While the clock stands still nothing is new.
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => {
                sampled.warn(avatar, error.to_string());
                continue;
            }
        }
        let avatar = avatar.to_bits();
        if let Feed::Frames { .. } = spec.feed {
            let feed = estimate.feed.get_or_insert_with(|| FrameFeed::new(spec));
            if let Some(new) = feed.next(history) {
                if new.starts {
                    running.engine.worker.reset(avatar);
                }
                let (time, axes) = (new.time, new.axes);
                let input = PoseInput::Frames(new.features);
                running.requests.push(PoseRequest { avatar, time, input, axes });
            }
            continue;
        }
        // Far ahead it is the time of another clock.
        let due = inline || !(0.0..1.0).contains(&(running.due - now));
        if due && let Some(frames) = history.window() {
            let mut features = Vec::with_capacity(spec.window * spec.layout.inputs());
            let axes = spec.layout.write_features(frames, &mut features);
            let input = PoseInput::Window(features);
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

/// What the network has seen of a player of another size is no motion of this one.
pub(crate) fn follow_calibration(
    mut changed: Query<&mut Estimate, Changed<PlayerCalibration>>,
    mut removed: RemovedComponents<PlayerCalibration>,
    mut avatars: Query<&mut Estimate, Without<PlayerCalibration>>,
) {
    changed.iter_mut().for_each(|mut estimate| estimate.forget_trackers());
    for avatar in removed.read() {
        if let Ok(mut estimate) = avatars.get_mut(avatar) {
            estimate.forget_trackers();
        }
    }
}

/// Takes the news of every worker.
pub(crate) fn receive(
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(&mut Estimate, &mut AvatarStatus)>,
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
                        let Ok((mut estimate, mut seen)) = avatars.get_mut(avatar) else {
                            continue;
                        };
                        if estimate.model == Some(model) {
                            if std::mem::replace(&mut estimate.answered, revision) != revision {
                                estimate.timeline.clear();
                            }
                            estimate.timeline.push(reply.time, reply.rotations);
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
    mut avatars: Query<(
        &KinestAvatar,
        Option<&PlayerCalibration>,
        &Sampled,
        &mut Estimate,
        &mut BodyPose,
    )>,
    mut diagnostics: Diagnostics,
) {
    let (dt, settings) = (clock.delta(), &clock.settings);
    for (KinestAvatar { model }, calibration, sampled, mut estimate, mut body) in &mut avatars {
        let Some(trackers) = &sampled.joints else { continue };
        let now = sampled.time;
        let (head, estimate) = (&trackers.poses[0], &mut *estimate);
        let lost = sampled.lost_since.map(|since| since.map_or(0.0, |since| now - since));
        if let Some(model) = models.get(model) {
            body.skeleton = model.spec().skeleton.clone();
        }
        if let Some(PlayerCalibration(player)) = calibration {
            body.skeleton = player.skeleton(&body.skeleton);
        }

        let network = estimate.timeline.show(now);
        let frozen = sampled.lost_since[0].is_some() && lost[0] < settings.dropout.freeze;
        let before = estimate.fade.shown().filter(|_| frozen);
        let (source, time, rotations) = match (before, network) {
            (Some((_, shown)), _) => {
                let time = body.time.map_or(now, |time| time - sampled.on_clock(0.0));
                (PoseSource::Frozen, time, *shown)
            }
            (None, Some((time, rotations))) if sampled.lost_since[0].is_none() => {
                (PoseSource::Estimated, time, rotations)
            }
            _ if sampled.lost_since[0].is_none() => {
                let pose = three_point_pose(&body.skeleton, &trackers.poses);
                (PoseSource::Rest, now, pose.rotations)
            }
            _ => (PoseSource::Rest, now, rest_under_head(&body.skeleton, head).rotations),
        };
        let blend = match source {
            PoseSource::Rest if sampled.lost_since[0].is_some() => settings.dropout.relax,
            _ => settings.blend,
        };
        let key = (source, estimate.answered);
        let rotations = estimate.fade.apply(key, rotations, dt, blend);
        body.source = source;
        body.time = Some(sampled.on_clock(time));
        body.age = now - time;
        body.confidence = confidence(source, lost, body.age);
        body.world_from_space = sampled.world_from_space;
        *body.unsettled().1 = place_under_head(&body.skeleton, &rotations, head.position);
        if source == PoseSource::Estimated {
            diagnostics.add_measurement(&KinestPlugins::POSE_AGE_MS, || 1e3 * (now - time));
        }
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
    mut avatars: Query<(&mut Estimate, &mut RefineState, &mut Sampled)>,
) {
    if let Ok((mut estimate, mut state, mut sampled)) = avatars.get_mut(reset.entity) {
        workers.forget(reset.entity, estimate.model);
        *estimate = Estimate::default();
        *sampled = Sampled::default();
        state.reset();
    }
}

pub(crate) fn on_remove(
    removed: On<Remove, KinestAvatar>,
    mut workers: ResMut<Workers>,
    avatars: Query<&Estimate>,
) {
    if let Ok(estimate) = avatars.get(removed.entity) {
        workers.forget(removed.entity, estimate.model);
    }
}
