//! A player on another machine: what arrives over a bad network, beside the player.
//!
//! ```sh
//! cargo run --release --example remote_player
//! cargo run --release --example remote_player -- --rate 10 --lost 0.4 --delay 0.1
//! ```
//!
//! ![A walking and waving body, and the same body beside it as another player sees it](../assets/pictures/remote_player.png)
//!
//! On the left the player, whose poses are sent twenty times a second; they are 60 ms on their way, and one in ten is
//! lost. On the right what the other machine shows: a forecast of where the body is now, corrected as poses arrive.
//! `--delay` shows the body later instead, between poses that are known. `players_over_udp` measures the same with
//! sockets. Without a display it draws `remote_player.png`.

use bevy::prelude::*;
use bevy_kinest::RemoteAvatar;
use bevy_kinest::kinest::capture::CaptureError;
use bevy_kinest::kinest::live::PosePacket;
use bevy_kinest::kinest::motion::synthetic;
use bevy_kinest::prelude::*;
use kinest_stage::{CapsuleBody, Framing, Scene, load_motion};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// Where the other machine's body stands here, metres to the right.
const BESIDE: Vec3 = Vec3::new(1.3, 0.0, 0.0);
/// Time on the way, seconds.
const WAY: f64 = 0.06;

#[derive(clap::Args)]
pub struct Options {
    /// Motion of the player: AMASS .npz, BVH, AMC, glTF or VRM animation [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE")]
    motion: Option<PathBuf>,
    /// Poses sent per second
    #[arg(long, default_value_t = 20.0, value_parser = above_zero)]
    rate: f64,
    /// Part of the poses that is lost, from 0 to 1
    #[arg(long, default_value_t = 0.1)]
    lost: f64,
    /// Time by which the body is shown late, seconds
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    delay: f64,
}

fn above_zero(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("above 0 expected".into()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    let time: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=10.0).contains(&time) { Ok(time) } else { Err("0 to 10 expected".into()) }
}

impl Default for Options {
    fn default() -> Self {
        Self { motion: None, rate: 20.0, lost: 0.1, delay: 0.0 }
    }
}

fn main() -> AppExit {
    Scene::from_command_line(scene)
}

pub fn scene(options: &Options) -> Result<Scene, CaptureError> {
    let clip = match &options.motion {
        Some(path) => load_motion(path)?,
        None => synthetic::walk_and_wave(&default()),
    };
    let network = Network {
        seconds: options.rate.recip(),
        lost: options.lost,
        due: 0.0,
        dice: 7,
        packets: VecDeque::new(),
        refused: 0,
    };
    let mut remote = RemoteAvatar::default();
    remote.delay = Duration::from_secs_f64(options.delay);
    let at = [0.2, 0.4, 0.6, 0.8].map(|part| part * clip.duration()).into();
    let replay = MotionReplay::clip(clip, default()).repeating();
    Ok(Scene {
        name: "remote_player",
        framing: Framing {
            width: 2.9,
            height: 2.3,
            look_at: 0.95,
            direction: Vec3::new(0.3, 0.2, 1.0),
        },
        at,
        plugin: Box::new(move |app| {
            app.add_plugins(KinestPlugins)
                .insert_resource(network)
                .add_systems(Startup, spawn_players(replay, remote))
                .add_systems(Update, (send, receive).chain());
        }),
    })
}

fn spawn_players(
    replay: MotionReplay,
    remote: RemoteAvatar,
) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        let model = assets.load("models/kinest_full.model.ron");
        commands.spawn((KinestAvatar::new(model), CapsuleBody::default(), replay.clone()));
        let there = commands.spawn(Transform::from_translation(BESIDE)).id();
        let body = CapsuleBody { trunk: CapsuleBody::LIGHT, ..default() };
        commands.spawn((remote.clone(), body, TrackingSpace(there)));
    }
}

/// The way to the other machine: what is on it, and when it arrives.
#[derive(Resource)]
struct Network {
    seconds: f64,
    lost: f64,
    due: f64,
    dice: u64,
    packets: VecDeque<(f64, [u8; PosePacket::BYTES])>,
    /// Packets that were no bodies.
    refused: u64,
}

impl Network {
    fn loses(&mut self) -> bool {
        // A linear congruential generator: the same packets are lost in every run.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.dice >> 40) as f64) < self.lost * (1_u64 << 24) as f64
    }
}

fn send(
    time: Res<Time>,
    mut network: ResMut<Network>,
    player: Single<&BodyPose, With<KinestAvatar>>,
) {
    let now = time.elapsed_secs_f64();
    if now < network.due || player.time().is_none() {
        return;
    }
    network.due = now + network.seconds;
    if !network.loses() {
        // The pose of the frame before: this frame's is not estimated yet.
        let packet = PosePacket { time: now - time.delta_secs_f64(), pose: *player.pose_z_up() };
        network.packets.push_back((now + WAY, packet.encode()));
    }
}

fn receive(time: Res<Time>, mut network: ResMut<Network>, mut remote: Single<&mut RemoteAvatar>) {
    while network.packets.front().is_some_and(|(at, _)| *at <= time.elapsed_secs_f64()) {
        let Some((_, bytes)) = network.packets.pop_front() else { break };
        // An error that is returned from here would end the game: no packet of another player's may do that.
        let taken = PosePacket::decode(&bytes)
            .is_ok_and(|packet| remote.receive(packet.time, packet.pose).is_ok());
        if !taken {
            network.refused += 1;
            debug!("{} packets were no bodies", network.refused);
        }
    }
}
