//! The body of the next moment: ghosts 0.2 and 0.4 s ahead of a body.
//!
//! ```sh
//! cargo run --release --example forecast
//! ```
//!
//! ![A walking body, with two paler ones where it will be](../assets/pictures/forecast.png)
//!
//! The body is estimated from head and hands; each ghost is forecast from the bodies shown so far. In
//! the window N, V and H show what makes them: a network, damped velocity, or nothing, which holds the
//! body as it is. It prints how far the forecasts were from what came. Without a display
//! it draws `forecast.png`.

use bevy::prelude::*;
use bevy::time::common_conditions::on_timer;
use bevy_kinest::kinest::capture::CaptureError;
use bevy_kinest::kinest::motion::synthetic;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{Extrapolation, Forecast, ForecastGhost, ForecastModel};
use clap::ValueEnum;
use kinest_stage::{CapsuleBody, Framing, Scene, load_motion};
use std::collections::VecDeque;
use std::path::{PathBuf, absolute};
use std::time::Duration;

/// How far ahead the ghosts are, their colour and opacity.
const GHOSTS: [(Duration, Color, f32); 2] = [
    (Duration::from_millis(200), Color::srgb(0.75, 0.85, 0.95), 0.5),
    (Duration::from_millis(400), Color::srgb(0.85, 0.93, 1.0), 0.28),
];
const REPORT_EVERY: Duration = Duration::from_secs(3);

/// What makes the forecasts.
#[derive(Resource, ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    /// A network, where it is better than damped velocity.
    #[default]
    Network,
    /// Damped velocity.
    Velocity,
    /// Nothing: bodies are held as they are.
    Hold,
}

#[derive(clap::Args, Default)]
pub struct Options {
    /// Motion to replay: AMASS .npz, BVH, AMC, glTF or VRM animation [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE")]
    motion: Option<PathBuf>,
    /// Network that forecasts bodies [default: the shipped one]
    #[arg(long, value_name = "FILE.model.ron")]
    model: Option<PathBuf>,
    /// What makes the forecasts at the start
    #[arg(long, value_enum, default_value_t)]
    by: By,
}

fn main() -> AppExit {
    Scene::from_command_line(scene)
}

pub fn scene(options: &Options) -> Result<Scene, CaptureError> {
    let clip = match &options.motion {
        Some(path) => load_motion(path)?,
        None => synthetic::walk_and_wave(&Skeleton::default()),
    };
    let replay = MotionReplay::clip(clip, Skeleton::default()).repeating();
    let model = options.model.clone();
    let by = options.by;
    Ok(Scene {
        name: "forecast",
        framing: Framing { width: 2.2, direction: Vec3::new(1.0, 0.25, 0.45), ..default() },
        at: vec![1.4, 2.8, 4.0],
        plugin: Box::new(move |app| {
            app.add_plugins(KinestPlugins)
                .insert_resource(by)
                .add_systems(Startup, spawn_player(replay, model))
                .add_systems(PostStartup, fade_ghosts)
                .add_systems(Update, (choose, apply_choice).chain())
                .add_systems(
                    Last,
                    (compare, report.run_if(on_timer(REPORT_EVERY).or_else(on_message::<AppExit>)))
                        .chain(),
                );
        }),
    })
}

/// The network, whether it is used or not.
#[derive(Component)]
struct Network(Handle<ForecastModel>);

fn spawn_player(
    replay: MotionReplay,
    model: Option<PathBuf>,
) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        let network = match &model {
            Some(path) => assets.load(absolute(path).unwrap_or_else(|_| path.clone())),
            None => assets.load("models/kinest_forecast.model.ron"),
        };
        let player = (
            KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
            CapsuleBody::default(),
            replay.clone(),
            Forecast::default(),
            Network(network),
        );
        let avatar = commands.spawn(player).id();
        for (ahead, trunk, _) in GHOSTS {
            commands.spawn((
                ForecastGhost { avatar, ahead },
                CapsuleBody { trunk, ..default() },
                Said::default(),
            ));
        }
    }
}

/// Makes ghosts translucent.
fn fade_ghosts(
    ghosts: Query<(Entity, &ForecastGhost)>,
    children: Query<&Children>,
    painted: Query<&MeshMaterial3d<StandardMaterial>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    for (entity, ghost) in &ghosts {
        let opacity = GHOSTS.iter().find(|(ahead, ..)| *ahead == ghost.ahead);
        for part in painted.iter_many(children.iter_descendants(entity)) {
            if let (Some((.., opacity)), Some(mut material)) = (opacity, materials.get_mut(part)) {
                material.base_color.set_alpha(*opacity);
                material.alpha_mode = AlphaMode::Blend;
            }
        }
    }
}

fn choose(keys: Option<Res<ButtonInput<KeyCode>>>, mut by: ResMut<By>) {
    let Some(keys) = keys else { return };
    for (key, choice) in
        [(KeyCode::KeyN, By::Network), (KeyCode::KeyV, By::Velocity), (KeyCode::KeyH, By::Hold)]
    {
        if keys.just_pressed(key) && *by != choice {
            println!("forecasts by {choice:?}");
            *by = choice;
        }
    }
}

fn apply_choice(
    by: Res<By>,
    mut avatars: Query<(&mut Forecast, &Network)>,
    mut ghosts: Query<&mut Said>,
) {
    if !by.is_changed() {
        return;
    }
    for (mut forecast, Network(network)) in &mut avatars {
        forecast.model = (*by == By::Network).then(|| network.clone());
        forecast.baseline = match *by {
            By::Hold => Extrapolation::Hold,
            By::Network | By::Velocity => Extrapolation::default(),
        };
    }
    ghosts.iter_mut().for_each(|mut said| *said = Said::default());
}

/// What a ghost has said, and how wrong it was.
#[derive(Component, Default)]
struct Said {
    /// Moments, seconds, and the bodies forecast for them.
    waiting: VecDeque<(f64, Pose)>,
    /// Sum of the mean errors of all joints, metres, and their number.
    errors: (f64, u32),
}

/// Compares what was forecast for this moment with what is.
fn compare(
    time: Res<Time>,
    avatars: Query<&BodyPose, With<KinestAvatar>>,
    mut ghosts: Query<(&ForecastGhost, &BodyPose, &mut Said)>,
) {
    let now = time.elapsed_secs_f64();
    for (ghost, forecast, mut said) in &mut ghosts {
        let Ok(body) = avatars.get(ghost.avatar) else { continue };
        if forecast.time().is_none() || body.source() != PoseSource::Estimated {
            continue;
        }
        said.waiting.push_back((now + ghost.ahead.as_secs_f64(), *forecast.pose_z_up()));
        while said.waiting.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, forecast)) = said.waiting.pop_front() else { break };
            let there = body.skeleton().pose_joints(&forecast).positions;
            let pairs = there.iter().zip(&body.joints_z_up().positions);
            let error: f64 = pairs.map(|(a, b)| a.distance(*b)).sum();
            said.errors.0 += error / SmplJoint::COUNT as f64;
            said.errors.1 += 1;
        }
    }
}

fn report(by: Res<By>, ghosts: Query<(&ForecastGhost, &Said)>) {
    for (ghost, Said { errors: (sum, count), .. }) in &ghosts {
        if *count > 0 {
            let centimetres = 1e2 * sum / f64::from(*count);
            let ahead = ghost.ahead.as_secs_f64();
            println!("{ahead} s ahead by {:?}: {centimetres:.1} cm off on average", *by);
        }
    }
}
