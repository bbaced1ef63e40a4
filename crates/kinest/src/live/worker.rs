//! A thread that runs the engine for all avatars.

use super::{
    EngineError, Estimate, PoseEngine, StreamFrames, Take, decode_output, guarded, streams_of,
    warm_up,
};
use crate::features::WindowAxes;
use crate::model::Feed;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// Maximum number of unread batches; then the worker pauses, so that memory stays bounded if the
/// caller stops polling.
const UNREAD_BATCHES: usize = 64;

/// Number of calls in the percentiles: 8 s at 60 Hz.
const RECENT_CALLS: usize = 480;

/// Maximum backlog of a stream, seconds; beyond it the stream restarts at the newest frames.
const LONGEST_BACKLOG: f64 = 1.0;

/// Input of the network.
#[derive(Clone, Debug, PartialEq)]
pub enum PoseInput {
    /// A whole window, `[window, inputs]`, row-major.
    Window(Vec<f32>),
    /// The frames of a stream that were not fed yet, `[frames, inputs]`, row-major.
    Frames(Vec<f32>),
}

impl PoseInput {
    fn features(&self) -> &[f32] {
        match self {
            Self::Window(features) | Self::Frames(features) => features,
        }
    }
}

/// One window of one avatar, or the next frames of its stream.
#[derive(Clone, Debug)]
pub struct PoseRequest {
    /// Number of the avatar, chosen by the caller.
    pub avatar: u64,
    /// Time of the frame that the output describes, seconds; returned with the reply.
    pub time: f64,
    /// Features.
    pub input: PoseInput,
    /// The axes of the output.
    pub axes: WindowAxes,
}

/// Output of the network for a [`PoseRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct PoseReply {
    /// Number of the avatar.
    pub avatar: u64,
    /// Time stamp of the request, seconds.
    pub time: f64,
    /// The network's output.
    pub estimate: Estimate,
}

/// An event of the worker.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerEvent {
    /// The engine is open and warmed up.
    Ready {
        /// Name of the device.
        device: String,
    },
    /// Poses from one call of the network.
    Poses(Vec<PoseReply>),
    /// Avatars whose output in one call was not finite or not a set of rotations. They get no
    /// reply, and their streams restart with the next frames, because a state that is not finite
    /// never recovers.
    NotFinite(Vec<u64>),
    /// The engine could not be opened, failed, or panicked. The worker has stopped; this is its
    /// last event.
    Failed {
        /// The error message.
        reason: String,
    },
}

/// Statistics of the worker.
#[derive(Clone, Debug, Default)]
pub struct InferenceStats {
    /// Number of calls of the network.
    pub calls: u64,
    /// Duration of the newest call, milliseconds.
    pub last_ms: f64,
    /// Waiting time of the oldest request in the newest call, milliseconds.
    pub queue_ms: f64,
    /// Number of requests replaced by a newer one of the same avatar while waiting.
    pub replaced: u64,
    /// Number of replies dropped because their avatar was reset or discarded in the meantime.
    pub late: u64,
    /// Number of outputs that were not finite or not rotations.
    pub not_finite: u64,
    recent_ms: VecDeque<f64>,
}

impl InferenceStats {
    /// Percentile of the duration of this stage over the last calls, milliseconds: 0.5 is the
    /// median, 0.99 nearly the maximum. `None` before the first call.
    #[must_use]
    pub fn percentile_ms(&self, part: f64) -> Option<f64> {
        let last = self.recent_ms.len().checked_sub(1)?;
        // On the stack, because games call this in every frame.
        let mut recent = [0.0; RECENT_CALLS];
        recent.iter_mut().zip(&self.recent_ms).for_each(|(copy, ms)| *copy = *ms);
        let recent = &mut recent[..=last];
        let at = (part.clamp(0.0, 1.0) * last as f64).round() as usize;
        Some(*recent.select_nth_unstable_by(at, f64::total_cmp).1)
    }

    fn add(&mut self, ms: f64, queue_ms: f64) {
        self.calls += 1;
        self.last_ms = ms;
        self.queue_ms = queue_ms;
        if self.recent_ms.len() == RECENT_CALLS {
            self.recent_ms.pop_front();
        }
        self.recent_ms.push_back(ms);
    }
}

/// Current reply and stream numbers of an avatar.
#[derive(Clone, Copy)]
struct Generation {
    /// Replies with another number are late.
    reply: u64,
    /// Number of the stream that the engine keeps for the avatar.
    stream: u64,
}

/// A request and its avatar's generation at the time of submission.
struct Waiting {
    generation: Generation,
    since: Instant,
    /// Time stamp of the first request merged into this one, seconds.
    first: f64,
    request: PoseRequest,
}

#[derive(Default)]
struct Letters {
    /// The newest request of each avatar, ordered by number so that batches are reproducible.
    requests: BTreeMap<u64, Waiting>,
    /// Streams to end.
    ended: Vec<u64>,
    /// Number of calls for which requests were taken out.
    calls: u64,
}

/// Requests from the caller to the thread. The lock is never held while the network runs.
#[derive(Clone, Default)]
struct Mailbox(Arc<Mutex<Letters>>);

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out all waiting requests, for one call, and the streams to end.
    fn take(&self) -> (BTreeMap<u64, Waiting>, Vec<u64>) {
        let mut letters = self.lock();
        letters.calls += u64::from(!letters.requests.is_empty());
        (std::mem::take(&mut letters.requests), std::mem::take(&mut letters.ended))
    }
}

enum Message {
    Ready { device: String },
    Batch(Batch),
    Failed { reason: String },
}

/// Result of one call of the network. Built on the worker's thread, so that the caller allocates
/// nothing.
struct Batch {
    /// Replies to the requests whose output was valid.
    replies: Vec<PoseReply>,
    /// Generation of each reply's avatar at the time of the request.
    generations: Vec<u64>,
    /// Avatars with invalid outputs.
    not_finite: Vec<u64>,
    ms: f64,
    queue_ms: f64,
}

/// A thread that owns an engine and runs the newest windows of all avatars in one call.
///
/// Only [`wait`](Self::wait) blocks. A newer window replaces a waiting one of the same avatar; the
/// waiting frames of a stream are concatenated. Dropping the worker ends the thread after its
/// current call.
pub struct PoseWorker {
    mailbox: Mailbox,
    wake: Sender<()>,
    messages: Receiver<Message>,
    events: VecDeque<WorkerEvent>,
    thread: JoinHandle<()>,
    generations: HashMap<u64, Generation>,
    next_number: u64,
    running: bool,
    stats: InferenceStats,
}

impl PoseWorker {
    /// Starts the thread. `open` runs on it, so that opening a GPU does not block the caller.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    pub fn spawn<E: Display>(
        open: impl FnOnce() -> Result<Box<dyn PoseEngine>, E> + Send + 'static,
    ) -> std::io::Result<Self> {
        let mailbox = Mailbox::default();
        let (wake, woken) = bounded(1);
        let (out, messages) = bounded(UNREAD_BATCHES);
        let requests = mailbox.clone();
        let thread = Builder::new().name("kinest worker".into()).spawn(move || {
            if let Err(reason) = run(open, &requests, &woken, &out) {
                // Fails only if the worker was dropped.
                _ = out.send(Message::Failed { reason });
            }
        })?;
        Ok(Self {
            mailbox,
            wake,
            messages,
            events: VecDeque::new(),
            thread,
            generations: HashMap::new(),
            next_number: 0,
            running: true,
            stats: InferenceStats::default(),
        })
    }

    /// Submits the newest input of some avatars. Does nothing after a failure.
    pub fn submit(&mut self, requests: impl IntoIterator<Item = PoseRequest>) {
        if !self.running {
            return;
        }
        let since = Instant::now();
        let mut letters = self.mailbox.lock();
        for mut request in requests {
            let mut number = || {
                self.next_number += 1;
                self.next_number
            };
            let generation = self
                .generations
                .entry(request.avatar)
                .or_insert_with(|| Generation { reply: number(), stream: number() });
            // Waiting time counts from the first merged request.
            let (mut since, mut first) = (since, request.time);
            if let Some(before) = letters.requests.remove(&request.avatar) {
                self.stats.replaced += 1;
                since = before.since;
                if let (PoseInput::Frames(earlier), PoseInput::Frames(new)) =
                    (before.request.input, &mut request.input)
                {
                    if request.time - before.first <= LONGEST_BACKLOG {
                        first = before.first;
                        new.splice(..0, earlier);
                    } else {
                        letters.ended.push(generation.stream);
                        generation.stream = number();
                    }
                }
            }
            let waiting = Waiting { generation: *generation, since, first, request };
            letters.requests.insert(waiting.request.avatar, waiting);
        }
        drop(letters);
        // If the channel is full, the worker will wake anyway; if it is closed, the failure event
        // follows.
        _ = self.wake.try_send(());
    }

    /// Discards everything about `avatar`, including its stream: replies to earlier requests never
    /// arrive. For a new player, a new model, or a despawned avatar.
    pub fn reset(&mut self, avatar: u64) {
        let generation = self.generations.remove(&avatar);
        let mut letters = self.mailbox.lock();
        letters.ended.extend(generation.map(|generation| generation.stream));
        letters.requests.remove(&avatar);
    }

    /// Discards replies to earlier requests of `avatar`, but its stream continues. For teleports.
    pub fn discard(&mut self, avatar: u64) {
        if let Some(generation) = self.generations.get_mut(&avatar) {
            self.next_number += 1;
            generation.reply = self.next_number;
        }
        let mut letters = self.mailbox.lock();
        if let Some(waiting) = letters.requests.get(&avatar)
            && matches!(waiting.request.input, PoseInput::Window(_))
        {
            letters.requests.remove(&avatar);
        }
    }

    /// The next event, if any.
    pub fn poll(&mut self) -> Option<WorkerEvent> {
        while let Ok(message) = self.messages.try_recv() {
            self.receive(message);
        }
        self.events.pop_front()
    }

    /// Blocks until every request is answered or the worker has failed; [`poll`](Self::poll) then
    /// returns the events.
    pub fn wait(&mut self) {
        while self.is_asked() {
            let Ok(message) = self.messages.recv() else { break };
            self.receive(message);
        }
    }

    /// Whether a request is waiting or its reply was not received yet.
    fn is_asked(&self) -> bool {
        let letters = self.mailbox.lock();
        self.running && (!letters.requests.is_empty() || letters.calls > self.stats.calls)
    }

    /// Whether the worker is starting or running, that is, has not failed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Statistics since the start.
    #[must_use]
    pub fn stats(&self) -> &InferenceStats {
        &self.stats
    }

    /// Stops the worker and waits for its thread to end.
    pub fn join(self) {
        let Self { thread, wake, messages, .. } = self;
        drop((wake, messages));
        // The thread catches all panics, so the result carries no information.
        _ = thread.join();
    }

    fn receive(&mut self, message: Message) {
        let event = match message {
            Message::Ready { device } => WorkerEvent::Ready { device },
            Message::Failed { reason } => {
                self.running = false;
                WorkerEvent::Failed { reason }
            }
            Message::Batch(Batch { mut replies, generations, not_finite, ms, queue_ms }) => {
                self.stats.add(ms, queue_ms);
                self.stats.not_finite += not_finite.len() as u64;
                if !not_finite.is_empty() {
                    self.events.push_back(WorkerEvent::NotFinite(not_finite));
                }
                let good = replies.len();
                let mut generations = generations.iter();
                replies.retain(|reply| {
                    let now = self.generations.get(&reply.avatar).map(|g| g.reply);
                    now == generations.next().copied()
                });
                self.stats.late += (good - replies.len()) as u64;
                WorkerEvent::Poses(replies)
            }
        };
        self.events.push_back(event);
    }
}

/// The worker's thread: opens the engine, warms it up, and answers requests until the caller is
/// gone.
fn run<E: Display>(
    open: impl FnOnce() -> Result<Box<dyn PoseEngine>, E>,
    mailbox: &Mailbox,
    woken: &Receiver<()>,
    out: &Sender<Message>,
) -> Result<(), String> {
    let mut engine = guarded(open)?.map_err(|error| error.to_string())?;
    let result = serve(engine.as_mut(), mailbox, woken, out);
    // A back end that has panicked may panic again when dropped.
    _ = guarded(move || drop(engine));
    result
}

fn serve(
    engine: &mut dyn PoseEngine,
    mailbox: &Mailbox,
    woken: &Receiver<()>,
    out: &Sender<Message>,
) -> Result<(), String> {
    let (spec, device) = (engine.spec().clone(), engine.device().to_owned());
    guarded(|| warm_up(engine))?.map_err(|error| error.to_string())?;
    if out.send(Message::Ready { device }).is_err() {
        return Ok(());
    }
    while woken.recv().is_ok() {
        let (requests, ended) = mailbox.take();
        end(engine, ended)?;
        if requests.is_empty() {
            continue;
        }
        let start = Instant::now();
        let waited = requests.values().map(|w| start.duration_since(w.since)).max();
        let queue_ms = waited.map_or(0.0, |waited| waited.as_secs_f64() * 1e3);
        let inputs: Vec<_> =
            requests.values().map(|w| (w.generation.stream, &w.request.input)).collect();
        let output = call(engine, &inputs)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        // If the output is too short, the remaining avatars get an empty output, which is invalid.
        let frames = output.chunks(spec.layout.outputs()).chain(std::iter::repeat(&[] as &[f32]));
        let (mut replies, mut generations) = (vec![], vec![]);
        let (mut not_finite, mut spoilt) = (vec![], vec![]);
        for (waiting, output) in requests.into_values().zip(frames) {
            let Waiting { generation, request, .. } = waiting;
            let PoseRequest { avatar, time, axes, .. } = request;
            if let Some(estimate) = decode_output(&spec, output, &axes) {
                replies.push(PoseReply { avatar, time, estimate });
                generations.push(generation.reply);
            } else {
                not_finite.push(avatar);
                spoilt.push(generation.stream);
            }
        }
        end(engine, spoilt)?;
        let batch = Batch { replies, generations, not_finite, ms, queue_ms };
        if out.send(Message::Batch(batch)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs the network once on all waiting requests; the output is the newest frame of each.
fn call<'a>(
    engine: &mut dyn PoseEngine,
    inputs: &[(u64, &'a PoseInput)],
) -> Result<Vec<f32>, String> {
    let run = || match engine.spec().feed {
        Feed::Frames { .. } => {
            let streams = streams_of(engine)?;
            let frames = |(stream, input): &(u64, &'a PoseInput)| StreamFrames {
                stream: *stream,
                features: input.features(),
            };
            streams.advance(&inputs.iter().map(frames).collect::<Vec<_>>(), Take::Newest)
        }
        Feed::Windows => {
            let windows = inputs.iter().flat_map(|(_, input)| input.features()).copied();
            engine.infer(&windows.collect::<Vec<_>>(), inputs.len(), Take::Newest)
        }
    };
    guarded(run)?.map_err(|error: EngineError| error.to_string())
}

fn end(engine: &mut dyn PoseEngine, ended: impl IntoIterator<Item = u64>) -> Result<(), String> {
    guarded(|| {
        if let Some(streams) = engine.streams() {
            ended.into_iter().for_each(|stream| streams.end(stream));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::StreamEngine;
    use crate::live::fake::{Deed, FakeEngine, answer, spec};
    use crate::model::ModelSpec;
    use crate::rotation::geodesic_angle;
    use crossbeam_channel::{RecvError, TryRecvError};
    use glam::DQuat;
    use glam::DVec3;
    use std::convert::Infallible;

    fn worker(deed: impl FnMut(usize, usize) -> Deed + Send + 'static) -> PoseWorker {
        PoseWorker::spawn(move || Ok::<_, Infallible>(Box::new(FakeEngine::new(deed)) as Box<_>))
            .unwrap()
    }

    fn request(avatar: u64, time: f64) -> PoseRequest {
        let spec = spec();
        PoseRequest {
            avatar,
            time,
            input: PoseInput::Window(vec![0.0; spec.window * spec.layout.inputs()]),
            axes: WindowAxes { heading: 0.5, origin: DVec3::ZERO },
        }
    }

    fn events(worker: &mut PoseWorker) -> Vec<WorkerEvent> {
        std::iter::from_fn(|| worker.poll()).collect()
    }

    /// The engine waits at this gate, so that tests decide when a call ends.
    fn gate() -> (Sender<()>, Receiver<()>) {
        crossbeam_channel::unbounded()
    }

    #[test]
    fn a_worker_warms_up_replies_and_stops() {
        let mut worker = worker(|_, _| Deed::Answer);
        worker.submit([request(7, 1.5)]);
        worker.wait();
        let events = events(&mut worker);
        assert_eq!(events[0], WorkerEvent::Ready { device: "fake".into() });
        let WorkerEvent::Poses(poses) = &events[1] else { panic!("{events:?}") };
        assert_eq!((poses.len(), poses[0].avatar, poses[0].time), (1, 7, 1.5));
        let root = DQuat::from_rotation_z(0.5) * answer().rotations[0];
        assert!(geodesic_angle(poses[0].estimate.rotations[0], root) < 1e-6);
        assert_eq!(worker.stats().calls, 1);
        assert!(worker.stats().percentile_ms(0.5).is_some_and(|ms| ms >= 0.0));
        worker.join();
    }

    #[test]
    fn a_newer_window_replaces_a_waiting_one_and_avatars_share_a_call() {
        let (open, door) = gate();
        let (batches, sizes) = crossbeam_channel::unbounded();
        let mut worker = worker(move |_, batch| {
            batches.send(batch).unwrap();
            door.recv().unwrap();
            Deed::Answer
        });
        assert_eq!(sizes.recv(), Ok(1), "warming up");
        for frame in 0..5 {
            worker.submit([request(1, f64::from(frame)), request(2, f64::from(frame))]);
        }
        assert_eq!(events(&mut worker), [], "nothing waits for a busy engine");
        open.send(()).unwrap();
        open.send(()).unwrap();
        worker.wait();
        assert_eq!(sizes.try_iter().collect::<Vec<_>>(), [2]);
        let WorkerEvent::Poses(poses) = &events(&mut worker)[1] else { panic!() };
        assert_eq!(
            poses.iter().map(|p| (p.avatar, p.time)).collect::<Vec<_>>(),
            [(1, 4.0), (2, 4.0)]
        );
        assert_eq!(worker.stats().replaced, 8);
        // A wake-up that finds the mailbox empty must not count as a call.
        assert_eq!(worker.stats().calls, 1);
    }

    #[test]
    fn percentiles_cover_recent_calls() {
        let mut stats = InferenceStats::default();
        assert_eq!(stats.percentile_ms(0.5), None);
        (0..200).for_each(|_| stats.add(1e6, 0.0));
        (0..RECENT_CALLS).rev().for_each(|ms| stats.add(ms as f64, 0.0));
        let found = [0.0, 0.5, 0.99, 1.0].map(|part| stats.percentile_ms(part).unwrap());
        assert_eq!(found, [0.0, 240.0, 474.0, 479.0]);
    }

    #[test]
    fn a_reply_from_before_a_reset_never_arrives() {
        let (open, door) = gate();
        let (entered, entries) = crossbeam_channel::unbounded();
        let mut worker = worker(move |_, _| {
            entered.send(()).unwrap();
            door.recv().unwrap();
            Deed::Answer
        });
        open.send(()).unwrap();
        entries.recv().unwrap();
        worker.submit([request(1, 1.0), request(2, 1.0)]);
        entries.recv().unwrap();
        // Both requests are in the running call.
        worker.reset(1);
        worker.submit([request(1, 2.0)]);
        open.send(()).unwrap();
        open.send(()).unwrap();
        worker.wait();
        let poses: Vec<_> = events(&mut worker)
            .into_iter()
            .filter_map(|e| if let WorkerEvent::Poses(p) = e { Some(p) } else { None })
            .flatten()
            .map(|p| (p.avatar, p.time))
            .collect();
        assert_eq!(poses, [(2, 1.0), (1, 2.0)]);
        assert_eq!(worker.stats().late, 1);
    }

    #[test]
    fn a_reset_removes_a_waiting_request() {
        let (open, door) = gate();
        let mut worker = worker(move |_, _| {
            door.recv().unwrap();
            Deed::Answer
        });
        worker.submit([request(1, 1.0)]);
        worker.reset(1);
        open.send(()).unwrap();
        worker.wait();
        assert_eq!(worker.stats().calls, 0);
    }

    #[test]
    fn every_kind_of_failure_is_reported_once() {
        let fails: [(&str, PoseWorker); 4] = [
            ("out of luck", worker(|n, _| if n == 1 { Deed::Fail } else { Deed::Answer })),
            ("device lost", worker(|n, _| if n == 1 { Deed::Panic } else { Deed::Answer })),
            ("device lost", worker(|_, _| Deed::Panic)),
            ("no such device", PoseWorker::spawn(|| Err("no such device")).unwrap()),
        ];
        for (reason, mut worker) in fails {
            worker.submit([request(1, 0.0)]);
            worker.wait();
            let last = events(&mut worker).pop();
            let Some(WorkerEvent::Failed { reason: found }) = last else { panic!("{last:?}") };
            assert!(found.contains(reason), "{found}");
            assert!(!worker.is_running());
            worker.submit([request(1, 1.0)]);
            worker.wait();
            assert_eq!(worker.poll(), None);
            worker.join();
        }
    }

    #[test]
    fn an_engine_that_does_not_support_its_models_feed_fails_to_start() {
        let mut engine = FakeEngine::new(|_, _| Deed::Answer);
        engine.spec.feed = Feed::Frames { look_ahead: 0 };
        let mut worker = PoseWorker::spawn(|| Ok::<_, Infallible>(Box::new(engine) as _)).unwrap();
        worker.submit([request(1, 0.0)]);
        worker.wait();
        let [WorkerEvent::Failed { reason }] = &events(&mut worker)[..] else { panic!() };
        assert!(reason.contains("fed frame by frame"), "{reason}");
    }

    /// The engine fails on the first avatar while requests of others wait.
    #[test]
    fn waiting_requests_can_be_reset_after_a_failure() {
        let (open, door) = gate();
        let (entered, entries) = crossbeam_channel::unbounded();
        let mut worker = worker(move |n, _| {
            entered.send(()).unwrap();
            door.recv().unwrap();
            if n == 1 { Deed::Fail } else { Deed::Answer }
        });
        open.send(()).unwrap();
        entries.recv().unwrap();
        worker.submit([request(1, 0.0)]);
        entries.recv().unwrap();
        worker.submit([request(2, 0.0), request(3, 0.0)]);
        open.send(()).unwrap();
        worker.wait();
        let last = events(&mut worker).pop();
        assert!(matches!(last, Some(WorkerEvent::Failed { .. })), "{last:?}");
        worker.reset(2);
        worker.discard(3);
        worker.submit([request(2, 1.0)]);
        worker.wait();
        assert_eq!(worker.poll(), None);
        worker.join();
    }

    #[test]
    fn an_output_that_is_not_finite_is_counted_and_dropped() {
        let mut worker = worker(|n, _| if n == 1 { Deed::NotFinite } else { Deed::Answer });
        for time in [0.0, 1.0] {
            worker.submit([request(1, time)]);
            worker.wait();
        }
        let events = events(&mut worker);
        assert_eq!(events[1..3], [WorkerEvent::NotFinite(vec![1]), WorkerEvent::Poses(vec![])]);
        assert!(matches!(&events[3], WorkerEvent::Poses(poses) if poses[0].time == 1.0));
        assert_eq!(worker.stats().not_finite, 1);
    }

    /// The state of each stream is the sum of its input, and its output is as finite as its state.
    struct Summing {
        spec: ModelSpec,
        sums: HashMap<u64, f32>,
    }

    impl PoseEngine for Summing {
        fn spec(&self) -> &ModelSpec {
            &self.spec
        }

        fn device(&self) -> &str {
            "sums"
        }

        fn output_frames(&self) -> usize {
            1
        }

        fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
            Some(self)
        }

        fn infer(&mut self, _: &[f32], _: usize, _: Take) -> Result<Vec<f32>, EngineError> {
            unreachable!("it is fed frame by frame")
        }
    }

    impl StreamEngine for Summing {
        fn advance(
            &mut self,
            streams: &[StreamFrames<'_>],
            _: Take,
        ) -> Result<Vec<f32>, EngineError> {
            let axes = WindowAxes { heading: 0.0, origin: DVec3::ZERO };
            let mut output = vec![];
            for StreamFrames { stream, features } in streams {
                let sum = self.sums.entry(*stream).or_default();
                *sum += features.iter().sum::<f32>();
                let start = output.len();
                self.spec.layout.write_targets(&answer().matrices(), &axes, &mut output);
                output[start] += 0.0 * *sum;
            }
            Ok(output)
        }

        fn end(&mut self, stream: u64) {
            self.sums.remove(&stream);
        }
    }

    #[test]
    fn a_stream_that_is_not_finite_starts_anew_and_others_go_on() {
        let fed = ModelSpec { window: 1, feed: Feed::Frames { look_ahead: 0 }, ..spec() };
        let inputs = fed.layout.inputs();
        let engine = Summing { spec: fed, sums: HashMap::new() };
        let mut worker = PoseWorker::spawn(|| Ok::<_, Infallible>(Box::new(engine) as _)).unwrap();
        let frame = |avatar: u64, time: f64, value: f32| PoseRequest {
            input: PoseInput::Frames(vec![value; inputs]),
            ..request(avatar, time)
        };
        let mut told = vec![];
        for (time, value) in [(0.0, 1.0), (1.0, f32::NAN), (2.0, 1.0), (3.0, f32::INFINITY)] {
            worker.submit([frame(1, time, value), frame(2, time, 1.0)]);
            worker.wait();
            told.extend(events(&mut worker));
        }
        let answered = told.iter().filter_map(|event| match event {
            WorkerEvent::Poses(poses) => Some(poses.iter().map(|p| p.avatar).collect()),
            _ => None,
        });
        assert_eq!(answered.collect::<Vec<Vec<u64>>>(), [vec![1, 2], vec![2], vec![1, 2], vec![2]]);
        let bad = told.iter().filter(|event| **event == WorkerEvent::NotFinite(vec![1])).count();
        assert_eq!((bad, worker.stats().not_finite), (2, 2));
    }

    /// Dropping does not wait for the running call; the thread then ends and drops the engine.
    #[test]
    fn dropping_a_worker_neither_blocks_nor_leaks() {
        let (open, door) = gate();
        let (alive, gone) = bounded::<()>(0);
        let worker = worker(move |_, _| {
            let _kept = &alive;
            door.recv().unwrap();
            Deed::Answer
        });
        drop(worker);
        assert_eq!(gone.try_recv(), Err(TryRecvError::Empty), "still inside its call");
        open.send(()).unwrap();
        assert_eq!(gone.recv(), Err(RecvError), "the engine went with the thread");
    }
}
