//! A running model: its engine on a worker's thread, and the engine that will replace it.

use super::asset::PoseModel;
use super::events::{KinestFailed, KinestFellBack, KinestReady};
use super::status::{ModelState, ModelStatus};
use crate::frame::pause_after;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use kinest::live::{PoseReply, PoseRequest, PoseWorker, Question, WorkerEvent};
use kinest::model::{Feed, ModelSpec};
use kinest_engine::DeviceChoice;

/// Consecutive failures after which a model is reported as failed.
const ATTEMPTS: u32 = 3;
/// Calls after which an engine counts as proven, so that its failure starts a new count: ten
/// seconds at 60 Hz.
const PROVEN_CALLS: u64 = 600;
/// Time for which bodies wait for the next engine, seconds, before their estimates are cleared.
const PATIENCE: f64 = 0.5;

/// Writers of the messages about models.
#[derive(SystemParam)]
pub(crate) struct News<'w> {
    ready: MessageWriter<'w, KinestReady>,
    fell_back: MessageWriter<'w, KinestFellBack>,
    failed: MessageWriter<'w, KinestFailed>,
}

/// An engine on a worker's thread.
pub(super) struct Engine {
    worker: PoseWorker,
    spec: ModelSpec,
    /// Poses of different revisions come from different networks.
    revision: u64,
}

impl Engine {
    /// Opens an engine of `model` on another thread.
    pub fn open(model: &PoseModel, device: DeviceChoice, revision: u64) -> std::io::Result<Self> {
        let worker = PoseWorker::spawn(model.opener(device))?;
        Ok(Self { worker, spec: model.spec().clone(), revision })
    }
}

/// The time without an engine since one failed.
struct Outage {
    /// Its duration so far, seconds.
    seconds: f64,
    /// Its duration at which the next engine is opened, seconds; `None` once it is being opened.
    opens: Option<f64>,
}

/// A model with its engine.
pub(crate) struct Running {
    /// The current engine; in an outage the failed one, or the next one, which is not ready yet.
    engine: Engine,
    /// Replaces the engine when it is ready.
    next: Option<Engine>,
    model: PoseModel,
    /// The device in the settings when it was opened.
    device: DeviceChoice,
    /// Number of changes of the model.
    changes: u64,
    /// Number of consecutive failures of engines.
    failures: u32,
    outage: Option<Outage>,
    /// Time of this frame on the trackers' clock, seconds.
    now: f64,
    /// Time of the next requests on the trackers' clock, seconds.
    due: f64,
    /// Requests of this frame.
    requests: Vec<PoseRequest>,
    /// Avatars whose outputs were not finite.
    not_finite: Vec<u64>,
}

impl Running {
    pub(super) fn new(engine: Engine, model: PoseModel, device: DeviceChoice) -> Self {
        Self {
            engine,
            next: None,
            model,
            device,
            changes: 0,
            failures: 0,
            outage: None,
            now: 0.0,
            due: f64::NEG_INFINITY,
            requests: Vec::new(),
            not_finite: Vec::new(),
        }
    }

    /// The device in the settings when it was opened.
    pub(super) fn device(&self) -> DeviceChoice {
        self.device
    }

    /// Revision of the newest engine.
    pub(super) fn newest_revision(&self) -> u64 {
        self.next.as_ref().unwrap_or(&self.engine).revision
    }

    /// Replaces the engine: immediately if `at_once` or in an outage, which returns `true`;
    /// otherwise as soon as the new engine is ready.
    pub(super) fn replace(
        &mut self,
        engine: Engine,
        model: PoseModel,
        device: DeviceChoice,
        changed: bool,
        at_once: bool,
    ) -> bool {
        let at_once = at_once || self.outage.is_some();
        self.changes += u64::from(changed);
        (self.model, self.device, self.failures) = (model, device, 0);
        if at_once {
            (self.engine, self.next) = (engine, None);
            if let Some(outage) = &mut self.outage {
                outage.opens = None;
            }
        } else {
            self.next = Some(engine);
        }
        at_once
    }

    /// Inputs and outputs of the network.
    pub fn spec(&self) -> &ModelSpec {
        &self.engine.spec
    }

    /// Poses of different revisions come from different networks.
    pub fn revision(&self) -> u64 {
        self.engine.revision
    }

    /// Whether requests are due. Networks that are fed frame by frame get every frame; windows are
    /// due at the network's rate.
    pub fn is_due(&self, now: f64) -> bool {
        // If `due` is more than a second ahead, the clock was reset.
        self.engine.spec.feed != Feed::Windows || !(0.0..1.0).contains(&(self.due - now))
    }

    /// Adds a request of this frame.
    pub fn ask(&mut self, avatar: u64, question: Question) {
        if question.starts {
            self.engine.worker.reset(avatar);
        }
        let Question { input, time, axes, .. } = question;
        self.requests.push(PoseRequest { avatar, time, input, axes });
    }

    /// Submits the requests of this frame, and waits for the poses if `wait`. In an outage, opens
    /// the next engine when it is due.
    pub(super) fn submit(&mut self, now: f64, wait: bool) {
        // A clock that jumps back was reset.
        let passed = (now - std::mem::replace(&mut self.now, now)).max(0.0);
        self.reopen(passed);
        if self.requests.is_empty() {
            return;
        }
        // The network's rate on average, at any frame rate; missed requests are not made up for.
        let step = 1.0 / self.engine.spec.rate_hz;
        self.due = (self.due + step).clamp(now - step, now + step);
        self.engine.worker.submit(self.requests.drain(..));
        if wait {
            self.engine.worker.wait();
        }
    }

    /// Discards waiting requests and pending poses of an avatar.
    pub fn discard(&mut self, avatar: u64) {
        self.engine.worker.discard(avatar);
    }

    /// Like [`discard`](Self::discard); a stream also restarts.
    pub(super) fn reset(&mut self, avatar: u64) {
        self.engine.worker.reset(avatar);
    }

    /// Lets the next engine take over if it is ready.
    pub fn take_over(
        &mut self,
        model: AssetId<PoseModel>,
        status: &mut ModelStatus,
        news: &mut News,
    ) {
        while let Some(event) = self.next.as_mut().and_then(|next| next.worker.poll()) {
            match event {
                WorkerEvent::Ready { device } => {
                    let state = ModelState::Running { device: device.clone() };
                    *status = ModelStatus { state, ..default() };
                    news.ready.write(KinestReady { model, device, changes: self.changes });
                    self.engine = self.next.take().expect("it has just spoken");
                    (self.outage, self.failures) = (None, 0);
                }
                WorkerEvent::Failed { reason } => {
                    warn!("the changed model cannot be run, the one before goes on: {reason}");
                    status.trouble = Some(reason.clone());
                    news.failed.write(KinestFailed { model, reason });
                    self.next = None;
                }
                WorkerEvent::Poses(_) | WorkerEvent::NotFinite(_) => {}
            }
        }
    }

    /// The poses of the next finished call; `None` if there is none.
    pub fn receive(
        &mut self,
        model: AssetId<PoseModel>,
        status: &mut ModelStatus,
        news: &mut News,
    ) -> Option<Vec<PoseReply>> {
        while let Some(event) = self.engine.worker.poll() {
            match event {
                WorkerEvent::Ready { device } => {
                    status.state = ModelState::Running { device: device.clone() };
                    self.outage = None;
                    news.ready.write(KinestReady { model, device, changes: self.changes });
                }
                WorkerEvent::Failed { reason } => {
                    let proven = self.engine.worker.stats().calls >= PROVEN_CALLS;
                    self.failures = if proven { 1 } else { self.failures + 1 };
                    let (pause, failures) = (self.pause(), self.failures);
                    // The pauses keep this from flooding the log.
                    warn!(
                        "the network has stopped, failure {failures} in a row, and is started again in {pause} s: {reason}"
                    );
                    let trouble = Some(reason.clone());
                    if failures < ATTEMPTS {
                        *status = ModelStatus { trouble, ..default() };
                        news.fell_back.write(KinestFellBack { model, reason });
                    } else {
                        *status = ModelStatus { state: ModelState::Failed, trouble, ..default() };
                        news.failed.write(KinestFailed { model, reason });
                    }
                }
                WorkerEvent::NotFinite(avatars) => self.not_finite.extend(avatars),
                WorkerEvent::Poses(replies) => {
                    status.measure(self.engine.worker.stats());
                    return Some(replies);
                }
            }
        }
        None
    }

    /// The avatars whose outputs were not finite since the last call, once for each output.
    pub fn take_not_finite(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.not_finite)
    }

    /// Whether there is no engine, and bodies no longer wait for the next one.
    pub fn is_silent(&self) -> bool {
        let ends = |outage: &Outage| outage.seconds.max(outage.opens.unwrap_or_default());
        self.outage.as_ref().is_some_and(|outage| ends(outage) > PATIENCE)
    }

    /// Starts or prolongs an outage; returns the back-off (s): 0 after a first failure, then
    /// doubling.
    fn pause(&mut self) -> f64 {
        let pause = if self.failures > 1 { pause_after(self.failures - 1) } else { 0.0 };
        let seconds = self.outage.as_ref().map_or(0.0, |outage| outage.seconds);
        self.outage = Some(Outage { seconds, opens: Some(seconds + pause) });
        pause
    }

    /// Opens another engine in place of a failed one, on any device that works, if it is due,
    /// `passed` seconds after the previous frame.
    ///
    /// This process does not use a failed GPU again, so `Auto` finds another device.
    fn reopen(&mut self, passed: f64) {
        let Some(outage) = &mut self.outage else { return };
        outage.seconds += passed;
        if outage.opens.is_none_or(|opens| outage.seconds < opens) {
            return;
        }
        outage.opens = None;
        let device = match self.device {
            DeviceChoice::Cpu => DeviceChoice::Cpu,
            _ => DeviceChoice::Auto,
        };
        match PoseWorker::spawn(self.model.opener(device)) {
            Ok(worker) => self.engine.worker = worker,
            Err(error) => {
                self.failures += 1;
                let pause = self.pause();
                warn!("no thread for the network, tried again in {pause} s: {error}");
            }
        }
    }
}
