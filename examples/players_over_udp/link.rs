//! Two apps and the link between them.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::RemoteAvatar;
use bevy_kinest::kinest::live::PosePacket;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::skeleton::{PerJoint, Skeleton};
use bevy_kinest::prelude::*;
use glam::DVec3;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const FRAME: Duration = Duration::from_micros(16_667);
/// Bytes of the headers of IP and UDP.
const HEADERS: usize = 28;
/// Players whose poses are in one packet: below the 1,400 bytes that every network carries whole.
const TOGETHER: usize = 13;
/// Shortest time on the way, and mean of what comes on top, seconds.
const WAY: f64 = 0.04;
const MORE: f64 = 0.015;
/// Frames until bodies have arrived and settled.
const START: usize = 60;

/// What is run.
pub struct Setup {
    /// Number of players.
    pub players: usize,
    /// Poses per second of each.
    pub rate: f64,
    /// Part of the packets that is lost.
    pub loss: f64,
    /// [`RemoteAvatar::delay`].
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

/// The number of a player's body.
#[derive(Component)]
struct Number(u8);

/// Runs both apps.
pub fn run(clips: &[MotionClip], setup: &Setup) -> anyhow::Result<Measured> {
    let bind = || -> anyhow::Result<UdpSocket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    let (sender, receiver) = (bind()?, bind()?);
    let to = receiver.local_addr()?;
    let (mut here, mut there) = (app(), app());
    for number in 0..setup.players {
        let skeleton = Skeleton::default();
        let replay = MotionReplay::clip(clips[number % clips.len()].clone(), skeleton).repeating();
        here.world_mut().spawn((KinestAvatar::default(), replay, Number(number as u8)));
        let mut remote = RemoteAvatar::default();
        remote.delay = setup.delay;
        there.world_mut().spawn((remote, Number(number as u8)));
    }
    let mut mine = here.world_mut().query::<(&Number, &BodyPose)>();
    let mut theirs = there.world_mut().query::<(&Number, &BodyPose)>();
    let mut remotes = there.world_mut().query::<(&Number, &mut RemoteAvatar)>();
    let mut dice = Dice(7);
    let (mut sent, mut due) = (0, 0.0);
    let mut on_the_way: Vec<(f64, Vec<u8>)> = vec![];
    let (mut distances, mut knowable): (Vec<f64>, f64) = (vec![], 0.0);
    // The bodies of the frames before, by their numbers, newest first.
    let mut before: VecDeque<BTreeMap<u8, PerJoint<DVec3>>> = VecDeque::new();
    let (frames_back, part) =
        ((WAY / FRAME.as_secs_f64()) as usize, WAY / FRAME.as_secs_f64() % 1.0);
    let mut buffer = [0; 2048];
    for frame in 0..setup.frames {
        here.update();
        let now = frame as f64 * FRAME.as_secs_f64();
        if now >= due {
            due += setup.rate.recip();
            let mut poses = vec![];
            for (Number(number), body) in mine.iter(here.world()) {
                if body.time().is_some() {
                    let packet = PosePacket { time: now, pose: *body.pose_z_up() };
                    poses.push([&[*number], &packet.encode()[..]].concat());
                }
            }
            for together in poses.chunks(TOGETHER) {
                let packet = together.concat();
                sent += packet.len() + HEADERS;
                sender.send_to(&packet, to)?;
            }
        }
        // What a network between the machines does.
        while let Ok(size) = receiver.recv(&mut buffer) {
            if dice.roll() >= setup.loss {
                let way = WAY - MORE * (1.0 - dice.roll()).ln();
                on_the_way.push((now + way, buffer[..size].to_vec()));
            }
        }
        let (arrived, rest) = on_the_way.into_iter().partition(|(at, _)| *at <= now);
        on_the_way = rest;
        for (_, packet) in arrived as Vec<(f64, Vec<u8>)> {
            for part in packet.chunks(1 + PosePacket::BYTES) {
                let Ok(pose) = PosePacket::decode(&part[1..]) else { continue };
                let meant = remotes.iter_mut(there.world_mut());
                for (_, mut remote) in meant.filter(|(number, _)| number.0 == part[0]) {
                    remote.receive(pose.time, pose.pose)?;
                }
            }
        }
        there.update();
        let now = mine.iter(here.world()).map(|(it, body)| (it.0, body.joints_z_up().positions));
        before.push_front(now.collect());
        before.truncate(frames_back + 2);
        if frame < START {
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
    let seconds = setup.frames as f64 * FRAME.as_secs_f64();
    Ok(Measured {
        bytes_per_second: sent as f64 / seconds,
        knowable: knowable / distances.len() as f64,
        mean: distances.iter().sum::<f64>() / distances.len() as f64,
        p95: distances[(0.95 * (distances.len() - 1) as f64) as usize],
    })
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
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
    app
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
