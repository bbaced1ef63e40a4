//! The engine on a thread of its own.

use super::{
    EngineError, PoseEngine, StreamFrames, Take, decode_output, guarded, streams_of, warm_up,
};
use crate::features::WindowAxes;
use crate::model::Feed;
use crate::skeleton::PerJoint;
use crossbeam_channel::{Receiver, Sender, bounded};
use glam::DQuat;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// Batches that may wait for the caller before the worker pauses: a caller that stops polling must
/// not fill the memory.
const UNREAD_BATCHES: usize = 64;

/// Calls that percentiles are taken over: eight seconds at 60 Hz.
const RECENT_CALLS: usize = 480;

/// How much of a stream may wait for its turn, seconds. When it is more the network has been away for so
/// long that it starts anew with the newest.
const LONGEST_BACKLOG: f64 = 1.0;

/// What the network is given.
#[derive(Clone, Debug, PartialEq)]
pub enum PoseInput {
    /// A whole window, `[window, inputs]`, row-major.
    Window(Vec<f32>),
    /// Of a stream, the frames that the network was not given yet: `[frames, inputs]`, row-major.
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
    /// Whose it is; any number the caller likes.
    pub avatar: u64,
    /// Time stamp of the frame that the answer describes, handed back with the reply.
    pub time: f64,
    /// Features.
    pub input: PoseInput,
    /// What the answer is expressed in.
    pub axes: WindowAxes,
}

/// What the network says about a [`PoseRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct PoseReply {
    /// Whose it is.
    pub avatar: u64,
    /// Time stamp of the request.
    pub time: f64,
    /// Rotation of each joint against its parent, the root's against the world (AMASS space).
    pub rotations: PerJoint<DQuat>,
}

/// News from the worker.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerEvent {
    /// The engine is open and has run once.
    Ready {
        /// Name of the device.
        device: String,
    },
    /// One call of the network is done.
    Poses(Vec<PoseReply>),
    /// The engine could not be opened, or failed, or panicked. The worker has stopped; nothing
    /// comes after this.
    Failed {
        /// What happened.
        reason: String,
    },
}

/// How the worker is doing.
#[derive(Clone, Debug, Default)]
pub struct InferenceStats {
    /// Calls of the network.
    pub calls: u64,
    /// Milliseconds of the newest call.
    pub last_ms: f64,
    /// Milliseconds that the oldest request of the newest call waited for its turn.
    pub queue_ms: f64,
    /// Requests replaced by a newer one of the same avatar before their turn came.
    pub replaced: u64,
    /// Replies dropped because their avatar was reset or forgotten meanwhile.
    pub late: u64,
    /// Outputs that were no set of rotations.
    pub not_finite: u64,
    recent_ms: VecDeque<f64>,
}

impl InferenceStats {
    /// The milliseconds that this part of the last calls took at most: 0.5 for the median, 0.99 for
    /// nearly all. `None` before the first call.
    #[must_use]
    pub fn percentile_ms(&self, part: f64) -> Option<f64> {
        let last = self.recent_ms.len().checked_sub(1)?;
        // On the stack: games ask in every frame.
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

/// How replies and streams of an avatar are told from those before.
#[derive(Clone, Copy)]
struct Generation {
    /// Replies of another one are late.
    reply: u64,
    /// What a network that is fed frame by frame remembers is under this number.
    stream: u64,
}

/// A request with the generation of its avatar when it was made.
struct Waiting {
    generation: Generation,
    since: Instant,
    /// Time stamp of the first request whose frames are in this one.
    first: f64,
    request: PoseRequest,
}

#[derive(Default)]
struct Letters {
    /// The newest request of each avatar, in the order of their numbers so that batches are the same in
    /// every run.
    requests: BTreeMap<u64, Waiting>,
    /// Streams that nobody will go on with.
    ended: Vec<u64>,
    /// Calls of the network that requests were taken out for.
    calls: u64,
}

/// What the caller has for the thread. The lock is only ever held to move things in and out, never while
/// the network runs.
#[derive(Clone, Default)]
struct Mailbox(Arc<Mutex<Letters>>);

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out everything that waits: the requests of one call, if there are any, and the streams that
    /// have ended.
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

/// One call of the network. Made ready on the worker's thread, so that the caller's allocates nothing.
struct Batch {
    /// How many requests it answers.
    requests: usize,
    /// Those whose output was a set of rotations.
    replies: Vec<PoseReply>,
    /// The generation of each reply's avatar when it was asked for.
    generations: Vec<u64>,
    ms: f64,
    queue_ms: f64,
}

/// A thread that owns an engine and runs the newest window of every avatar, all in one call.
///
/// Nothing here waits for the network but [`wait`](Self::wait). A request replaces a waiting one of
/// the same avatar; where the network is fed frame by frame the frames of both are fed. Dropping the worker ends the thread after the call it is in.
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
    /// Starts the thread. `open` is called on it, so a slow start of a GPU blocks nobody.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn spawn<E: Display>(
        open: impl FnOnce() -> Result<Box<dyn PoseEngine>, E> + Send + 'static,
    ) -> std::io::Result<Self> {
        let mailbox = Mailbox::default();
        let (wake, woken) = bounded(1);
        let (out, messages) = bounded(UNREAD_BATCHES);
        let requests = mailbox.clone();
        let thread = Builder::new().name("kinest worker".into()).spawn(move || {
            if let Err(reason) = run(open, &requests, &woken, &out) {
                // Nobody listens any more when this fails.
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

    /// Hands in the newest windows of some avatars. Ignored when the worker has failed.
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
            // The windows of an avatar have waited since the first of them.
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
        // Full: the worker has a call to wake already. Disconnected: its last words are on the way.
        _ = self.wake.try_send(());
    }

    /// Forgets `avatar`, also what the network remembers of it: replies to what was submitted before
    /// never arrive. For other players, other models, despawned avatars.
    pub fn reset(&mut self, avatar: u64) {
        let generation = self.generations.remove(&avatar);
        let mut letters = self.mailbox.lock();
        letters.ended.extend(generation.map(|generation| generation.stream));
        letters.requests.remove(&avatar);
    }

    /// Replies to what was submitted for `avatar` before never arrive, but a stream goes on. For
    /// teleports.
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

    /// The next piece of news, if there is any.
    pub fn poll(&mut self) -> Option<WorkerEvent> {
        while let Ok(message) = self.messages.try_recv() {
            self.receive(message);
        }
        self.events.pop_front()
    }

    /// Waits until every request is answered or the worker has failed; the news is then there to
    /// [`poll`](Self::poll).
    pub fn wait(&mut self) {
        while self.is_asked() {
            let Ok(message) = self.messages.recv() else { break };
            self.receive(message);
        }
    }

    /// Whether a request waits in the mailbox, or is in a call whose answer was not received yet.
    fn is_asked(&self) -> bool {
        let letters = self.mailbox.lock();
        self.running && (!letters.requests.is_empty() || letters.calls > self.stats.calls)
    }

    /// Whether the worker is starting or running, that is, has not failed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// How the worker is doing.
    #[must_use]
    pub fn stats(&self) -> &InferenceStats {
        &self.stats
    }

    /// Stops the worker and waits for its thread to end.
    pub fn join(self) {
        let Self { thread, wake, messages, .. } = self;
        drop((wake, messages));
        // The thread catches every panic, so there is nothing to learn from the result.
        _ = thread.join();
    }

    fn receive(&mut self, message: Message) {
        let event = match message {
            Message::Ready { device } => WorkerEvent::Ready { device },
            Message::Failed { reason } => {
                self.running = false;
                WorkerEvent::Failed { reason }
            }
            Message::Batch(Batch { requests, mut replies, generations, ms, queue_ms }) => {
                self.stats.add(ms, queue_ms);
                let good = replies.len();
                self.stats.not_finite += (requests - good) as u64;
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

/// The thread: opens the engine, warms it up, then answers until the caller is gone.
fn run<E: Display>(
    open: impl FnOnce() -> Result<Box<dyn PoseEngine>, E>,
    mailbox: &Mailbox,
    woken: &Receiver<()>,
    out: &Sender<Message>,
) -> Result<(), String> {
    let mut engine = guarded(open)?.map_err(|error| error.to_string())?;
    let result = serve(engine.as_mut(), mailbox, woken, out);
    // A back end that has panicked may do so again when it is put away.
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
        // An output that is too short leaves avatars without an answer that is a pose.
        let frames = output.chunks(spec.layout.targets()).chain(std::iter::repeat(&[] as &[f32]));
        let (mut replies, mut generations) = (vec![], vec![]);
        let asked = requests.len();
        for (waiting, output) in requests.into_values().zip(frames) {
            let Waiting { generation, request, .. } = waiting;
            let PoseRequest { avatar, time, axes, .. } = request;
            if let Some(rotations) = decode_output(&spec, output, &axes) {
                replies.push(PoseReply { avatar, time, rotations });
                generations.push(generation.reply);
            }
        }
        let batch = Batch { requests: asked, replies, generations, ms, queue_ms };
        if out.send(Message::Batch(batch)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs the network on everything that waits, once; the newest frame's output of each.
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
    use crate::live::fake::{Deed, FakeEngine, answer, spec};
    use crate::rotation::geodesic_angle;
    use crossbeam_channel::{RecvError, TryRecvError};
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

    /// A door the engine waits at, so that tests decide when a call ends.
    fn gate() -> (Sender<()>, Receiver<()>) {
        crossbeam_channel::unbounded()
    }

    #[test]
    fn warms_up_answers_and_stops() {
        let mut worker = worker(|_, _| Deed::Answer);
        worker.submit([request(7, 1.5)]);
        worker.wait();
        let events = events(&mut worker);
        assert_eq!(events[0], WorkerEvent::Ready { device: "fake".into() });
        let WorkerEvent::Poses(poses) = &events[1] else { panic!("{events:?}") };
        assert_eq!((poses.len(), poses[0].avatar, poses[0].time), (1, 7, 1.5));
        let root = DQuat::from_rotation_z(0.5) * answer().rotations[0];
        assert!(geodesic_angle(poses[0].rotations[0], root) < 1e-6);
        assert_eq!(worker.stats().calls, 1);
        assert!(worker.stats().percentile_ms(0.5).is_some_and(|ms| ms >= 0.0));
        worker.join();
    }

    #[test]
    fn the_newest_request_wins_and_avatars_share_a_call() {
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
        // One pending wake-up may have found the mailbox empty; that must not count as a call.
        assert_eq!(worker.stats().calls, 1);
    }

    #[test]
    fn percentiles_are_of_the_recent_calls() {
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
        // Both are inside the network now.
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
    fn a_request_that_waits_is_taken_back_by_a_reset() {
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
    fn errors_panics_and_engines_that_do_not_open_end_in_one_failure_and_no_more() {
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
    fn an_engine_that_cannot_be_fed_as_its_model_is_fails_to_start() {
        let mut engine = FakeEngine::new(|_, _| Deed::Answer);
        engine.spec.feed = Feed::Frames { look_ahead: 0 };
        let mut worker = PoseWorker::spawn(|| Ok::<_, Infallible>(Box::new(engine) as _)).unwrap();
        worker.submit([request(1, 0.0)]);
        worker.wait();
        let [WorkerEvent::Failed { reason }] = &events(&mut worker)[..] else { panic!() };
        assert!(reason.contains("fed frame by frame"), "{reason}");
    }

    /// The engine fails on the first avatar while requests of the others wait, which nobody will answer.
    #[test]
    fn what_waits_when_the_engine_fails_can_be_taken_back() {
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
    fn an_output_that_is_not_finite_is_counted_and_not_shown() {
        let mut worker = worker(|n, _| if n == 1 { Deed::NotFinite } else { Deed::Answer });
        for time in [0.0, 1.0] {
            worker.submit([request(1, time)]);
            worker.wait();
        }
        let events = events(&mut worker);
        assert_eq!(events[1], WorkerEvent::Poses(vec![]));
        assert!(matches!(&events[2], WorkerEvent::Poses(poses) if poses[0].time == 1.0));
        assert_eq!(worker.stats().not_finite, 1);
    }

    /// Dropping does not wait for the call that runs, and the thread ends by itself, engine and all.
    #[test]
    fn dropping_neither_waits_nor_leaks() {
        let (open, door) = gate();
        let (alive, gone) = crossbeam_channel::bounded::<()>(0);
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
