//! A model that runs: its engine on a worker's thread, and the engine that will replace it.

use super::asset::PoseModel;
use super::events::{KinestFailed, KinestFellBack, KinestReady};
use super::status::{ModelState, ModelStatus};
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use kinest::live::{PoseReply, PoseRequest, PoseWorker, Question, WorkerEvent};
use kinest::model::{Feed, ModelSpec};
use kinest_engine::DeviceChoice;

/// A model is given up when this many of its engines have failed in a row.
const ATTEMPTS: u32 = 3;
/// An engine that fails after this many calls has worked: ten seconds at 60 Hz.
const PROVEN_CALLS: u64 = 600;

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

/// What runs a model.
pub(crate) struct Running {
    engine: Engine,
    /// Replaces the engine when it is ready.
    next: Option<Engine>,
    model: PoseModel,
    /// The device in the settings when it was opened.
    device: DeviceChoice,
    /// How often the model was changed.
    changes: u64,
    /// Engines that failed in a row.
    failures: u32,
    /// Given up.
    failed: bool,
    /// Time of the next requests on the trackers' clock, seconds.
    due: f64,
    /// Requests of this frame.
    requests: Vec<PoseRequest>,
    /// Outputs that were not finite, as last read from the worker.
    not_finite: u64,
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
            failed: false,
            due: f64::NEG_INFINITY,
            requests: Vec::new(),
            not_finite: 0,
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

    /// Replaces the engine: immediately if `at_once` or given up, which returns `true`; otherwise
    /// as soon as the new engine is ready.
    pub(super) fn replace(
        &mut self,
        engine: Engine,
        model: PoseModel,
        device: DeviceChoice,
        changed: bool,
        at_once: bool,
    ) -> bool {
        let at_once = at_once || self.failed;
        self.changes += u64::from(changed);
        (self.model, self.device, self.failures, self.failed) = (model, device, 0, false);
        if at_once {
            (self.engine, self.next) = (engine, None);
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
        // More than a second ahead, `due` is a time of another clock.
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

    /// Submits the requests of this frame, and waits for the poses if `wait`.
    pub(super) fn submit(&mut self, now: f64, wait: bool) {
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

    /// As [`discard`](Self::discard); a stream starts again.
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
                }
                WorkerEvent::Failed { reason } => {
                    warn!("the changed model cannot be run, the one before goes on: {reason}");
                    status.trouble = Some(reason.clone());
                    news.failed.write(KinestFailed { model, reason });
                    self.next = None;
                }
                WorkerEvent::Poses(_) => {}
            }
        }
    }

    /// The poses of the next call that is done; `None` if no other call is done. Restarts an engine
    /// that has failed.
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
                    news.ready.write(KinestReady { model, device, changes: self.changes });
                }
                WorkerEvent::Failed { reason } => {
                    let proven = self.engine.worker.stats().calls >= PROVEN_CALLS;
                    self.failures = if proven { 1 } else { self.failures + 1 };
                    match self.restart() {
                        Ok(()) => {
                            warn!("the network has stopped and is started again: {reason}");
                            let trouble = Some(reason.clone());
                            *status = ModelStatus { trouble, ..default() };
                            news.fell_back.write(KinestFellBack { model, reason });
                        }
                        Err(hopeless) => {
                            let reason = format!("{reason}{hopeless}");
                            error!(
                                "the network has stopped, bodies keep their last pose: {reason}"
                            );
                            self.failed = true;
                            status.state = ModelState::Failed;
                            status.trouble = Some(reason.clone());
                            news.failed.write(KinestFailed { model, reason });
                        }
                    }
                }
                WorkerEvent::Poses(replies) => {
                    status.measure(self.engine.worker.stats());
                    return Some(replies);
                }
            }
        }
        None
    }

    /// Warns of the first output that is not finite.
    pub fn warn_of_not_finite(&mut self) {
        let not_finite = self.engine.worker.stats().not_finite;
        if not_finite > 0 && self.not_finite == 0 {
            warn!("an output of the network is not finite; such frames keep the pose before");
        }
        self.not_finite = not_finite;
    }

    /// Opens another engine in place of one that failed, on any device that works.
    ///
    /// This process does not try a GPU again that has failed, so `Auto` finds another device.
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
