//! Two apps in step: one has players, the other shows them, and what lies between is measured.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::math::DVec3;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use bevy_kinest::kinest::skeleton::{PerJoint, Skeleton};
use bevy_kinest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

/// Time from one frame to the next.
pub const FRAME: Duration = Duration::from_micros(16_667);
/// Bytes of the headers of IP and UDP.
pub const HEADERS: usize = 28;
/// Shortest time on the way, and mean of what comes on top, seconds.
const WAY: f64 = 0.04;
const MORE: f64 = 0.015;
/// Frames until bodies have arrived and settled.
const START: usize = 60;
const PLAYERS: usize = 16;

/// What is run.
pub struct Setup {
    /// Number of players.
    pub players: usize,
    /// Poses per second of each.
    pub rate: f64,
    /// Part of the packets that is lost.
    pub lost: f64,
    /// [`RemoteAvatar::delay`](bevy_kinest::RemoteAvatar::delay).
    pub delay: Duration,
    /// Frames at 60 Hz.
    pub frames: usize,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// With headers, as sent.
    pub bytes_per_second: f64,
    /// Mean distance of the joints from the sender's at the same moment, metres.
    pub mean: f64,
    /// 95 % of the distances are below, metres.
    pub p95: f64,
    /// Mean distance from the body that the sender had when the fastest packet left, metres: nobody can know more.
    pub knowable: f64,
}

/// The number of a player's body, the same in both apps.
#[derive(Component, Clone, Copy)]
pub struct Number(pub u8);

/// What carries bodies from one app to the other.
pub trait Link: Sized {
    /// Prepares both apps, whose players are spawned afterwards.
    fn connect(setup: &Setup, here: &mut App, there: &mut App) -> anyhow::Result<Self>;

    /// Carries what is on its way, after a frame of the sender and before one of the receiver; `now` in seconds.
    fn carry(&mut self, now: f64, here: &mut App, there: &mut App) -> anyhow::Result<()>;

    /// Bytes sent to the receiver up to now, with headers.
    fn sent(&self) -> usize;
}

/// Runs both apps over the link.
pub fn run<L: Link>(clips: &[MotionClip], setup: &Setup) -> anyhow::Result<Measured> {
    let (mut here, mut there) = (app(), app());
    let mut link = L::connect(setup, &mut here, &mut there)?;
    for app in [&mut here, &mut there] {
        while app.plugins_state() == PluginsState::Adding {
            std::thread::yield_now();
        }
        app.finish();
        app.cleanup();
    }
    for number in 0..setup.players {
        let skeleton = Skeleton::default();
        let replay = MotionReplay::clip(clips[number % clips.len()].clone(), skeleton).repeating();
        here.world_mut().spawn((KinestAvatar::default(), replay, Number(number as u8)));
    }
    let mut mine = here.world_mut().query::<(&Number, &BodyPose)>();
    let mut theirs = there.world_mut().query::<(&Number, &BodyPose)>();
    let (mut distances, mut knowable): (Vec<f64>, f64) = (vec![], 0.0);
    // The bodies of the frames before, by their numbers, newest first.
    let mut before: VecDeque<BTreeMap<u8, PerJoint<DVec3>>> = VecDeque::new();
    let (frames_back, part) =
        ((WAY / FRAME.as_secs_f64()) as usize, WAY / FRAME.as_secs_f64() % 1.0);
    let mut early = 0;
    for frame in 0..setup.frames {
        here.update();
        link.carry(frame as f64 * FRAME.as_secs_f64(), &mut here, &mut there)?;
        there.update();
        let now = mine.iter(here.world()).map(|(it, body)| (it.0, body.joints_z_up().positions));
        before.push_front(now.collect());
        before.truncate(frames_back + 2);
        if frame < START {
            early = link.sent();
            continue;
        }
        for (number, shown) in theirs.iter(there.world()).filter(|(_, body)| body.time().is_some())
        {
            let shown = shown.joints_z_up().positions;
            let own = |back: usize| before[back][&number.0];
            let (late, later) = (own(frames_back), own(frames_back + 1));
            let left: PerJoint<DVec3> = std::array::from_fn(|j| late[j].lerp(later[j], part));
            distances.push(apart(&own(0), &shown));
            knowable += apart(&left, &shown);
        }
    }
    distances.sort_by(f64::total_cmp);
    anyhow::ensure!(!distances.is_empty(), "no body was shown");
    let seconds = (setup.frames - START) as f64 * FRAME.as_secs_f64();
    Ok(Measured {
        bytes_per_second: (link.sent() - early) as f64 / seconds,
        knowable: knowable / distances.len() as f64,
        mean: distances.iter().sum::<f64>() / distances.len() as f64,
        p95: distances[(0.95 * (distances.len() - 1) as f64) as usize],
    })
}

/// Prints a table of rates, parts lost and delays, with clips of the folder that the program is given.
pub fn table<L: Link>() -> anyhow::Result<()> {
    let clips = match std::env::args().nth(1) {
        Some(folder) => from_folder(Path::new(&folder))?,
        None => (0..PLAYERS as u64)
            .map(|seed| {
                let kinds = [synthetic::Kind::Walk, synthetic::Kind::Reach, synthetic::Kind::Turn];
                let kind = kinds[seed as usize % kinds.len()];
                synthetic::clip(kind, seed, 8.0, 60.0, &Skeleton::default())
            })
            .collect(),
    };
    println!(
        "| rate | lost | delay | kB/s of 16 players | off what was sent | off the present | 95 % below |"
    );
    println!("|---|---|---|---|---|---|---|");
    for rate in [10.0, 20.0, 30.0] {
        for (lost, delay) in [(0.0, 0), (0.05, 0), (0.2, 0), (0.05, 100)] {
            let delay = Duration::from_millis(delay);
            let setup = Setup { players: PLAYERS, rate, lost, delay, frames: 480 };
            let it = run::<L>(&clips, &setup)?;
            println!(
                "| {rate} Hz | {:.0} % | {} ms | {:.1} | {:.0} mm | {:.0} mm | {:.0} mm |",
                100.0 * lost,
                delay.as_millis(),
                it.bytes_per_second / 1000.0,
                1000.0 * it.knowable,
                1000.0 * it.mean,
                1000.0 * it.p95,
            );
        }
    }
    Ok(())
}

/// The first clips of a folder, at any depth.
fn from_folder(folder: &Path) -> anyhow::Result<Vec<MotionClip>> {
    let mut open = vec![folder.to_owned()];
    let mut files = vec![];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "npz") {
                files.push(path);
            }
        }
    }
    files.sort();
    let clips = files.iter().map(amass::load).collect::<Result<Vec<_>, _>>()?;
    let long: Vec<_> =
        clips.into_iter().filter(|clip| clip.duration() > 8.0).take(PLAYERS).collect();
    anyhow::ensure!(!long.is_empty(), "no clips of 8 s in {}", folder.display());
    Ok(long)
}

/// Mean distance of the joints.
fn apart(a: &PerJoint<DVec3>, b: &PerJoint<DVec3>) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.distance(*b)).sum::<f64>() / a.len() as f64
}

fn app() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
        .insert_resource(KinestSettings::inline())
        .insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
    app
}

/// What a network between two machines does with packets: they take their time, and some are lost.
pub struct Way {
    lost: f64,
    dice: Dice,
    packets: Vec<(f64, Vec<u8>)>,
}

impl Way {
    /// A way that loses the setup's part of the packets.
    pub fn new(setup: &Setup) -> Self {
        Self { lost: setup.lost, dice: Dice(7), packets: vec![] }
    }

    /// Takes a packet.
    pub fn send(&mut self, now: f64, packet: &[u8]) {
        if self.dice.roll() >= self.lost {
            let way = WAY - MORE * (1.0 - self.dice.roll()).ln();
            self.packets.push((now + way, packet.to_vec()));
        }
    }

    /// The packets that have arrived since the last call.
    pub fn arrived(&mut self, now: f64) -> Vec<Vec<u8>> {
        let packets = std::mem::take(&mut self.packets);
        let (arrived, rest) = packets.into_iter().partition(|(at, _)| *at <= now);
        self.packets = rest;
        let arrived: Vec<(f64, Vec<u8>)> = arrived;
        arrived.into_iter().map(|(_, packet)| packet).collect()
    }
}

/// A linear congruential generator: the same figures in every run.
struct Dice(u64);

impl Dice {
    /// From 0 to below 1.
    fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}
