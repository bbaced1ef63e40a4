//! Days of play in minutes: the whole plugin with the shipped model, inline and unthrottled.
//!
//! ```sh
//! cargo bench -p kinest_benches --bench soak -- --hours 24 --motion FOLDER
//! cargo bench -p kinest_benches --bench soak -- --minutes 10 --digest
//! ```
//!
//! An hour of CMU and ACCAD, two players (dev profile, two slow cores with other work): no panic, and what is allocated
//! is the same to 0.01 MiB from the fifth minute to the last, as is resident memory. In ten minutes made by code every
//! pose is finite; they have the same SHA-256 on two cores and on one, `c8436c8d84bba2be…` with AVX-512 and
//! `9decba165d84b927…` without vectors (`KINEST_VECTORS=none`): matrix products sum in another order there, which
//! changes poses by at most 1.1e-6 rad and 0.3 µm. A plain frame takes 1.1 ms of processor time, at most 11.8: a new
//! model's engine is made beside the frames, which happens every few seconds in the first five minutes. Not tried: a
//! day, and the release profile's digest.
//!
//! Two players move for ever, as in the clips of a folder or as made by code; what rooms and games do to them happens
//! at random (seed 18): dropouts, pops, teleports, hitches, rates from 30 to 144 Hz, other models, players who leave and
//! others who join. It fails if a pose is not finite, or if what is allocated grows by more than 1 MiB after the first
//! five minutes of play. Times are the processor's. `--digest` prints a SHA-256 over all poses.

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
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Greatest growth of what is allocated after the first five minutes of play, MiB.
const GROWTH: f64 = 1.0;
/// When memory is looked at, seconds of play.
const MOMENTS: [f64; 8] = [300.0, 1200.0, 3600.0, 10_800.0, 21_600.0, 43_200.0, 64_800.0, 86_000.0];
/// Motions that players go through.
const KINDS: [Kind; 6] = [Kind::Walk, Kind::Squat, Kind::Sit, Kind::Wave, Kind::Reach, Kind::Turn];

/// Motion that needs no file.
fn made() -> Vec<MotionClip> {
    let body = Skeleton::default();
    let clip = |(seed, kind)| synthetic::clip(kind, seed, 30.0, 60.0, &body);
    (1..).zip(KINDS).map(clip).collect()
}

/// What was different in a frame or shortly before it, slowest last. Plain frames have none, one or more frames of the
/// network, which runs at 60 Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Frame {
    Plain0,
    Plain1,
    Plain2,
    Teleport,
    Hitch,
    Spawn,
    Model,
}

const FRAMES: [Frame; 7] = [
    Frame::Plain0,
    Frame::Plain1,
    Frame::Plain2,
    Frame::Teleport,
    Frame::Hitch,
    Frame::Spawn,
    Frame::Model,
];

/// Frames after something rare that belong to it: a network starts anew, and catches up.
const AFTER: u32 = 30;

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
    last: (Frame, u32),
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
        let (time, last) = (0.0, (Frame::Plain0, 0));
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
    fn frame(&mut self, rate: f64, first: bool) -> Frame {
        let mut kind = Frame::Plain0;
        let mut dt = 1.0 / rate;
        let odds = |often: f64| if first { 20.0 * often } else { often };
        if self.random.random_bool(odds(0.0002)) {
            dt += self.random.random_range(0.1..2.0);
            kind = Frame::Hitch;
        }
        if self.random.random_bool(odds(0.0001)) {
            let left = self.players.swap_remove(self.random.random_range(0..2));
            let world = self.app.world_mut();
            left.trackers.into_iter().for_each(|tracker| world.entity_mut(tracker).despawn());
            world.entity_mut(left.avatar).despawn();
            self.join();
            kind = Frame::Spawn;
        }
        if self.random.random_bool(if first { 0.002 } else { 0.000_02 }) {
            let model = PoseModel::from_checkpoint(self.checkpoint.clone());
            let mut models = self.app.world_mut().resource_mut::<Assets<PoseModel>>();
            models.insert(self.model.id(), model).expect("the handle is alive");
            kind = Frame::Model;
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
                kind = kind.max(Frame::Teleport);
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
        if kind != Frame::Plain0 {
            self.last = (kind, 0);
        } else if self.last.0 != Frame::Plain0 {
            self.last.1 += 1;
            if self.last.1 > AFTER {
                self.last.0 = Frame::Plain0;
            }
        }
        match (self.last.0, due) {
            (Frame::Plain0, 0) => Frame::Plain0,
            (Frame::Plain0, 1) => Frame::Plain1,
            (Frame::Plain0, _) => Frame::Plain2,
            (rare, _) => rare,
        }
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
    let mut soak = Soak::new(clips);
    let (mut played, mut frames, mut bad) = (0.0, 0_u64, 0_u64);
    let mut rate = 60.0;
    let mut sum = Sha256::new();
    let mut kept = vec![];
    let mut times: [Times; FRAMES.len()] = std::array::from_fn(|_| Times::default());
    let started = Instant::now();
    while played < hours * 3600.0 {
        if frames % 2000 == 0 {
            rate = soak.random.random_range(30.0..144.0);
        }
        let kind = soak.frame(rate, played < MOMENTS[0]);
        let start = processor_time();
        soak.app.update();
        let took = processor_time().saturating_sub(start);
        if frames > 600 {
            times[kind as usize].push(took);
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
    println!("| frame | number | median µs | p99.9 µs | slowest µs | slowest / median |");
    println!("|---|---|---|---|---|---|");
    for (kind, times) in FRAMES.into_iter().zip(&times).filter(|(_, times)| times.number > 0) {
        let (median, most) = (times.at(0.5), times.slowest);
        let ratio = most as f64 / median.max(1) as f64;
        println!(
            "| {kind:?} | {} | {median} | {} | {most} | {ratio:.1} |",
            times.number,
            times.at(0.999)
        );
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
