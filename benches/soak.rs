//! Days of play in minutes: the whole plugin with the shipped model, inline and unthrottled.
//!
//! ```sh
//! cargo bench -p kinest_benches --bench soak -- --hours 24 --motion FOLDER
//! cargo bench -p kinest_benches --bench soak -- --minutes 10 --digest
//! ```
//!
//! A day of CMU and ACCAD, two players (release profile, one slow core with other work): 6,254,632 frames in 37 minutes,
//! no panic, every pose finite; from the fifth minute to the last what is allocated grew by 0.01 MiB and what is resident
//! by 0.23 MiB. Three hours of it, the least time of each frame in four runs (`--hours 3 --times FILE`), microseconds:
//!
//! | event | network frames | number | median | slowest | slowest / median |
//! |---|---|---|---|---|---|
//! | none | 0 | 212,345 | 100 | 192 | 1.9 |
//! | none | 1 | 465,170 | 104 | 205 | 2.0 |
//! | none | 2 and more | 76,057 | 110 | 207 | 1.9 |
//! | teleport | 0 | 7,101 | 102 | 177 | 1.7 |
//! | teleport | 1 | 15,211 | 105 | 196 | 1.9 |
//! | teleport | 2 and more | 1,967 | 111 | 167 | 1.5 |
//! | hitch | 0 | 1,644 | 104 | 167 | 1.6 |
//! | hitch | 1 | 3,865 | 110 | 196 | 1.8 |
//! | hitch | 2 and more | 1,271 | 118 | 298 | 2.5 |
//! | another player | 0 | 886 | 107 | 167 | 1.6 |
//! | another player | 1 | 2,120 | 110 | 215 | 2.0 |
//! | another player | 2 and more | 483 | 110 | 165 | 1.5 |
//! | another model | 0 | 468 | 103 | 244 | 2.4 |
//! | another model | 1 | 974 | 109 | 254 | 2.3 |
//! | another model | 2 and more | 310 | 112 | 249 | 2.2 |
//!
//! In a single run, a few frames in a million take 2 to 4 ms, never the same ones: the machine did something else.
//!
//! Ten minutes made by code (`--minutes 10 --digest`) have the same SHA-256 in the release and in the dev profile, on two
//! cores and on one: `e3e5809b7d98b9cf…` with AVX-512, `bc75e76bffbd6e37…` without vectors (`KINEST_VECTORS=none`) and, in
//! release, `dcdd64032dae37f9…` with AVX2 (`avx2`). Matrix products sum in another order there, which changes poses by at
//! most 1.1e-6 rad and 0.3 µm between AVX-512 and none.
//!
//! Two players move for ever, as in the clips of a folder or as made by code; what rooms and games do to them happens
//! at random (seed 18): dropouts, pops, teleports, hitches, rates from 30 to 144 Hz, other models, players who leave and
//! others who join. It fails if a pose is not finite, or if what is allocated grows by more than 1 MiB after the first
//! five minutes of play. Times are the processor's; `--times` keeps the least of each frame over runs, as what else the
//! machine does is in them. `--digest` prints a SHA-256 over all poses.

#[path = "../tests/headless_app/common.rs"]
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
mod common;
#[path = "../tests/counting.rs"]
mod counting;

use bevy::ecs::schedule::{Schedules, SingleThreadedExecutor};
use bevy::prelude::*;
use bevy_kinest::Forecast;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use common::{Walk, app, body, set_frame};
use counting::live_bytes;
use kinest_train::data::clips;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Greatest growth of what is allocated after the first five minutes of play, MiB.
const GROWTH: f64 = 1.0;
/// When memory is looked at, seconds of play.
const MOMENTS: [f64; 8] = [300.0, 1200.0, 3600.0, 10_800.0, 21_600.0, 43_200.0, 64_800.0, 86_000.0];
/// Highest rate of frames, Hz.
const FASTEST: f64 = 144.0;
/// Motions that players go through.
const KINDS: [Kind; 6] = [Kind::Walk, Kind::Squat, Kind::Sit, Kind::Wave, Kind::Reach, Kind::Turn];

/// Motion that needs no file.
fn made() -> Vec<MotionClip> {
    let body = Skeleton::default();
    let clip = |(seed, kind)| synthetic::clip(kind, seed, 30.0, 60.0, &body);
    (1..).zip(KINDS).map(clip).collect()
}

/// What happened in a frame or shortly before it, slowest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Plain,
    Teleport,
    Hitch,
    Spawn,
    Model,
}

const EVENTS: [Event; 5] =
    [Event::Plain, Event::Teleport, Event::Hitch, Event::Spawn, Event::Model];

/// Frames after something rare that belong to it: a network starts anew, and catches up.
const AFTER: u32 = 30;

/// What a frame has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FrameKind {
    event: Event,
    /// Frames of the network, which runs at 60 Hz: 0, 1, or 2 and more.
    due: usize,
}

struct Player {
    avatar: Entity,
    trackers: [Entity; 3],
    clip: Arc<MotionClip>,
    /// Time since the clip began, seconds.
    time: f64,
    place: Vec3,
    lost: [bool; 3],
}

struct Soak {
    app: App,
    random: ChaCha8Rng,
    model: Handle<PoseModel>,
    checkpoint: Checkpoint,
    clips: Vec<Arc<MotionClip>>,
    walk: Walk,
    players: Vec<Player>,
    /// Seconds of play.
    time: f64,
    /// What was rare last, and the frames since then.
    last: (Event, u32),
}

impl Soak {
    fn new(clips: Vec<MotionClip>) -> Self {
        let clips = clips.into_iter().map(Arc::new).collect();
        let mut app = app(KinestSettings::inline());
        app.insert_resource(KinestSettings::inline());
        // One thread, so that its time is that of a frame.
        for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        let model =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models/kinest_full.model.ron");
        let checkpoint = Checkpoint::load(model).expect("the shipped model");
        let model = PoseModel::from_checkpoint(checkpoint.clone());
        let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
        let random = ChaCha8Rng::seed_from_u64(18);
        let (walk, players) = (Walk::new(), Vec::new());
        let (time, last) = (0.0, (Event::Plain, 0));
        let mut soak = Self { app, random, model, checkpoint, clips, walk, players, time, last };
        (0..2).for_each(|_| soak.join());
        soak
    }

    fn clip(&mut self) -> Arc<MotionClip> {
        let clip = self.random.random_range(0..self.clips.len());
        Arc::clone(&self.clips[clip])
    }

    fn join(&mut self) {
        let clip = self.clip();
        let world = self.app.world_mut();
        let avatar = KinestAvatar::new(self.model.clone());
        let avatar = world.spawn((avatar, SmplSkeleton::default())).id();
        if self.random.random_bool(0.5) {
            world.entity_mut(avatar).insert(Forecast::default());
        }
        let trackers = [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND]
            .map(|tracker| world.spawn((tracker, TrackerOf(avatar))).id());
        let (time, place, lost) = (0.0, Vec3::ZERO, [false; 3]);
        self.players.push(Player { avatar, trackers, clip, time, place, lost });
    }

    /// Moves the world on by one frame of `rate` Hz. In the first minutes everything that is rare happens a few
    /// times, so that what it takes once is not counted as growth.
    fn frame(&mut self, rate: f64, first: bool) -> FrameKind {
        let mut event = Event::Plain;
        let mut dt = 1.0 / rate;
        let odds = |often: f64| if first { 20.0 * often } else { often };
        if self.random.random_bool(odds(0.0002)) {
            dt += self.random.random_range(0.1..2.0);
            event = Event::Hitch;
        }
        if self.random.random_bool(odds(0.0001)) {
            let left = self.players.swap_remove(self.random.random_range(0..2));
            let world = self.app.world_mut();
            left.trackers.into_iter().for_each(|tracker| world.entity_mut(tracker).despawn());
            world.entity_mut(left.avatar).despawn();
            self.join();
            event = Event::Spawn;
        }
        if self.random.random_bool(if first { 0.002 } else { 0.000_02 }) {
            let model = PoseModel::from_checkpoint(self.checkpoint.clone());
            let mut models = self.app.world_mut().resource_mut::<Assets<PoseModel>>();
            models.insert(self.model.id(), model).expect("the handle is alive");
            event = Event::Model;
        }
        set_frame(&mut self.app, dt);
        let before = (60.0 * self.time) as u64;
        self.time += dt;
        let due = (60.0 * self.time) as u64 - before;
        for p in 0..self.players.len() {
            self.players[p].time += dt;
            if self.players[p].time > self.players[p].clip.duration() {
                (self.players[p].clip, self.players[p].time) = (self.clip(), 0.0);
            }
            if self.random.random_bool(0.0005) {
                let mut far = || self.random.random_range(-20.0..20.0_f32);
                self.players[p].place = Vec3::new(far(), 0.0, far());
                if self.random.random_bool(0.5) {
                    let entity = self.players[p].avatar;
                    self.app.world_mut().trigger(Teleport { entity });
                }
                event = event.max(Event::Teleport);
            }
            let player = &mut self.players[p];
            let pose = player.clip.pose_at(player.time);
            self.walk.show(&mut self.app, &player.trackers, &pose);
            for (k, tracker) in player.trackers.into_iter().enumerate() {
                let odds = if player.lost[k] { 0.03 } else { [0.001, 0.004, 0.004][k] };
                player.lost[k] ^= self.random.random_bool(odds);
                let mut entity = self.app.world_mut().entity_mut(tracker);
                entity.get_mut::<TrackingState>().expect("a tracker").tracked = !player.lost[k];
                let mut transform = entity.get_mut::<Transform>().expect("a tracker");
                transform.translation += player.place;
                if self.random.random_bool(0.001) {
                    let mut off = || self.random.random_range(-2.0..2.0_f32);
                    transform.translation += Vec3::new(off(), off(), off());
                }
                if self.random.random_bool(0.0002) {
                    transform.translation = Vec3::ZERO;
                }
                if self.random.random_bool(0.0001) {
                    transform.translation = Vec3::NAN;
                }
            }
        }
        if event != Event::Plain {
            self.last = (event, 0);
        } else if self.last.0 != Event::Plain {
            self.last.1 += 1;
            if self.last.1 > AFTER {
                self.last.0 = Event::Plain;
            }
        }
        FrameKind { event: self.last.0, due: due.min(2) as usize }
    }
}

/// Times of one kind of frame, in a size that does not grow with the hours.
struct Times {
    /// Frames by whole microseconds; the last holds all that are longer.
    counts: Box<[u32; 1 << 16]>,
    number: u64,
    /// Microseconds.
    slowest: u64,
}

impl Default for Times {
    fn default() -> Self {
        // Written once, so that its memory is in use from the start.
        let mut counts = Box::new([1; 1 << 16]);
        counts.fill(0);
        Self { counts: std::hint::black_box(counts), number: 0, slowest: 0 }
    }
}

impl Times {
    fn push(&mut self, took: Duration) {
        let took = took.as_micros() as u64;
        self.counts[(took as usize).min(self.counts.len() - 1)] += 1;
        self.number += 1;
        self.slowest = self.slowest.max(took);
    }

    /// The time, microseconds, that this share of the frames does not exceed.
    fn at(&self, share: f64) -> u64 {
        let mut left = (self.number as f64 * share) as u64;
        let within = self.counts.iter().position(|count| {
            let found = left < u64::from(*count);
            left = left.saturating_sub(u64::from(*count));
            found
        });
        within.map_or(self.slowest, |at| at as u64)
    }
}

/// Times of the same frames in earlier runs, of which the least counts: what the machine did beside one of them does not.
struct Again {
    /// Where they are kept, if at all.
    path: Option<PathBuf>,
    /// Microseconds of every frame.
    least: Vec<u16>,
}

impl Again {
    /// Reads the times of earlier runs; there is room for `frames`.
    fn open(path: Option<PathBuf>, frames: usize) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self { path, least: vec![] }) };
        let mut least = vec![u16::MAX; frames];
        if path.exists() {
            for (least, bytes) in least.iter_mut().zip(std::fs::read(&path)?.chunks_exact(2)) {
                *least = u16::from_le_bytes([bytes[0], bytes[1]]);
            }
        }
        Ok(Self { path: Some(path), least })
    }

    /// The least time of a frame, in this run and before.
    fn least(&mut self, frame: usize, took: Duration) -> Duration {
        let Some(least) = self.least.get_mut(frame) else { return took };
        *least = took.as_micros().min((*least).into()) as u16;
        Duration::from_micros((*least).into())
    }

    /// Writes them for the next run.
    fn save(&self, frames: usize) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let bytes: Vec<u8> = self.least[..frames].iter().flat_map(|t| t.to_le_bytes()).collect();
        std::fs::write(path, bytes)
    }
}

/// Processor time of this thread, on which all systems run. Other programs on the machine, and engines that are made
/// beside the frames, do not count.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time since the first call: what there is where processor time is not.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

const MIB: f64 = (1 << 20) as f64;

/// What the program has allocated and what of it, and of the allocator's own, is resident, MiB; the latter is 0 where
/// the system does not say.
fn memory() -> [f64; 2] {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    [live_bytes() as f64 / MIB, pages.unwrap_or(0.0) * 4096.0 / MIB]
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<f64>().ok()
    };
    let hours = value("--hours").or(value("--minutes").map(|m| m / 60.0)).unwrap_or(0.05);
    let digest = arguments.iter().any(|argument| argument == "--digest");
    let motion = arguments.iter().position(|argument| argument == "--motion");
    let clips = match motion.and_then(|at| arguments.get(at + 1)) {
        None => made(),
        Some(folder) => match clips::load(Path::new(folder), None, 60.0) {
            Ok(clips) => clips.into_iter().map(|clip| clip.clip).collect(),
            Err(error) => {
                eprintln!("{error:#}");
                return ExitCode::FAILURE;
            }
        },
    };
    let path = arguments.iter().position(|argument| argument == "--times");
    let path = path.and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let mut again = match Again::open(path, (hours * 3600.0 * FASTEST) as usize + 1) {
        Ok(again) => again,
        Err(error) => {
            eprintln!("--times: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut soak = Soak::new(clips);
    let (mut played, mut frames, mut bad) = (0.0, 0_u64, 0_u64);
    let mut rate = 60.0;
    let mut sum = Sha256::new();
    let mut kept = vec![];
    // All at once, so that none is taken for growth.
    let kinds =
        EVENTS.into_iter().flat_map(|event| (0..3).map(move |due| FrameKind { event, due }));
    let mut times: BTreeMap<_, _> = kinds.map(|kind| (kind, Times::default())).collect();
    let started = Instant::now();
    while played < hours * 3600.0 {
        if frames % 2000 == 0 {
            rate = soak.random.random_range(30.0..FASTEST);
        }
        let kind = soak.frame(rate, played < MOMENTS[0]);
        let start = processor_time();
        soak.app.update();
        let took = processor_time().saturating_sub(start);
        let took = again.least(frames as usize, took);
        if frames > 600 {
            times.get_mut(&kind).expect("all kinds are there").push(took);
        }
        for player in &soak.players {
            let body = body(&soak.app, player.avatar);
            let pose = body.pose_z_up();
            bad += u64::from(!pose.is_finite());
            if digest {
                let numbers = pose.rotations.iter().flat_map(|q| q.to_array());
                for number in numbers.chain(pose.translation.to_array()) {
                    sum.update(number.to_bits().to_le_bytes());
                }
            }
        }
        frames += 1;
        played += 1.0 / rate;
        if kept.len() < MOMENTS.len() && played >= MOMENTS[kept.len()] {
            let [live, resident] = memory();
            eprintln!(
                "{:.2} h: {live:.2} MiB allocated, {resident:.2} MiB resident",
                played / 3600.0
            );
            kept.push([live, resident]);
        }
    }
    kept.push(memory());
    let grown = kept.first().zip(kept.last()).map(|(a, b)| [b[0] - a[0], b[1] - a[1]]);
    println!(
        "{:.2} h of play, {frames} frames, in {:.0} s; {bad} poses not finite",
        played / 3600.0,
        started.elapsed().as_secs_f64()
    );
    println!(
        "| event | network frames | number | median µs | p99.9 µs | slowest µs | slowest / median |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (kind, times) in times.iter().filter(|(_, times)| times.number > 0) {
        let (median, most) = (times.at(0.5), times.slowest);
        let ratio = most as f64 / median.max(1) as f64;
        let FrameKind { event, due } = kind;
        let (number, p999) = (times.number, times.at(0.999));
        println!("| {event:?} | {due} | {number} | {median} | {p999} | {most} | {ratio:.1} |");
    }
    if let Err(error) = again.save(frames as usize) {
        eprintln!("--times: {error}");
        return ExitCode::FAILURE;
    }
    if digest {
        let hex: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        println!("SHA-256 {hex}");
    }
    if let Some([live, resident]) = grown {
        println!(
            "after the first five minutes allocated memory grew by {live:.2} MiB, resident by {resident:.2} MiB"
        );
    }
    if bad == 0 && grown.is_none_or(|[live, _]| live < GROWTH) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
