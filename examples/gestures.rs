//! What a player does: a board of gestures that light up, and subtitles.
//!
//! ```sh
//! cargo run --release --example gestures
//! cargo run --release --example gestures -- --motion clip.npz --gestures my.gestures.ron --language german
//! ```
//!
//! ![A person who waves beside a list of gestures, of which the wave is lit](../assets/pictures/gestures.png)
//!
//! The body is estimated from head and hands, and watched for gestures. Each begin and end is printed.
//! Without a display it draws `gestures.png`.

use bevy::math::DQuat;
use bevy::prelude::*;
use bevy_kinest::kinest::capture::CaptureError;
use bevy_kinest::kinest::events::{GestureBook, Phase};
use bevy_kinest::kinest::motion::synthetic::{self, Gesture};
use bevy_kinest::kinest::motion::{ClipFrame, MotionClip};
use bevy_kinest::kinest::skeleton::{LevelAxes, Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{GestureFile, Language, MotionEvent, MotionEvents, MotionState, Subtitles};
use clap::ValueEnum;
use kinest_stage::{CapsuleBody, Framing, Scene, load_motion};
use std::path::{PathBuf, absolute};

const LIT: Color = Color::srgb(0.85, 0.25, 0.05);
const UNLIT: Color = Color::srgb(0.48, 0.52, 0.57);
const TEXT: Color = Color::srgb(0.08, 0.09, 0.11);
/// How long a gesture stays lit after its end, seconds.
const GLOW: f64 = 0.5;
/// What the stand-in player does, and for how long each, seconds.
const ACTS: [Gesture; 6] = [
    Gesture::Wave,
    Gesture::BothHandsUp,
    Gesture::Clap,
    Gesture::HandsOnHips,
    Gesture::Crouch,
    Gesture::Nod,
];
const ACT_SECONDS: f64 = 6.0;
const RATE_HZ: f64 = 60.0;
/// Time in which one act becomes the next, seconds.
const BLEND_SECONDS: f64 = 0.5;

/// The language of the subtitles.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Subtitle {
    #[default]
    English,
    German,
}

#[derive(clap::Args, Default)]
pub struct Options {
    /// Motion to replay: AMASS .npz, BVH, AMC, glTF or VRM animation [default: a person who makes one gesture after another]
    #[arg(long, value_name = "FILE")]
    motion: Option<PathBuf>,
    /// Gestures to watch for beside the shipped ones; read again when the file changes
    #[arg(long, value_name = "FILE.gestures.ron")]
    gestures: Option<PathBuf>,
    /// Language of the subtitles
    #[arg(long, value_enum, default_value_t)]
    language: Subtitle,
}

fn main() -> AppExit {
    Scene::from_command_line(scene)
}

pub fn scene(options: &Options) -> Result<Scene, CaptureError> {
    let clip = match &options.motion {
        Some(path) => load_motion(path)?,
        None => stand_in(&Skeleton::default()),
    };
    let replay = MotionReplay::clip(clip, Skeleton::default()).repeating();
    let gestures = options.gestures.clone();
    let language = match options.language {
        Subtitle::English => Language::English,
        Subtitle::German => Language::German,
    };
    Ok(Scene {
        name: "gestures",
        framing: Framing { width: 3.0, direction: Vec3::new(0.0, 0.12, 1.0), ..default() },
        at: vec![2.6],
        plugin: Box::new(move |app| {
            app.add_plugins(KinestPlugins)
                .add_systems(Startup, (spawn_player(replay, gestures, language), set_up_text))
                .add_systems(Update, show_board)
                .add_observer(print);
        }),
    })
}

/// One gesture after another, by a person who faces the camera.
fn stand_in(skeleton: &Skeleton) -> MotionClip {
    let mut frames: Vec<ClipFrame> = vec![];
    for act in ACTS {
        let (clip, _) = synthetic::gestures(act, 1, ACT_SECONDS, RATE_HZ, skeleton);
        let heading = LevelAxes::of(&skeleton.pose_joints(&clip.pose_at(0.0))).heading;
        let turn = DQuat::from_rotation_z(-heading);
        let before = frames.last().map(Pose::from);
        frames.extend(clip.frames.iter().enumerate().map(|(i, frame)| {
            let mut pose = Pose::from(frame);
            pose.translation = turn * pose.translation;
            let pelvis = &mut pose.rotations[SmplJoint::Pelvis.index()];
            *pelvis = turn * *pelvis;
            // Nobody is elsewhere from one frame to the next.
            let part = i as f64 / (BLEND_SECONDS * RATE_HZ);
            if let Some(before) = before.filter(|_| part < 1.0) {
                pose = before.interpolate(&pose, part);
            }
            ClipFrame::from(&pose)
        }));
    }
    MotionClip { rate_hz: RATE_HZ, frames }
}

/// Text is in front of everything.
fn set_up_text(mut gizmos: ResMut<GizmoConfigStore>) {
    let (config, _) = gizmos.config_mut::<DefaultGizmoConfigGroup>();
    config.depth_bias = -1.0;
}

fn spawn_player(
    replay: MotionReplay,
    gestures: Option<PathBuf>,
    language: Language,
) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        let load = |path: PathBuf| assets.load(absolute(&path).unwrap_or(path));
        commands.spawn((
            KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
            CapsuleBody::default(),
            replay.clone(),
            MotionEvents {
                gestures: gestures.clone().map(load).into_iter().collect(),
                ..default()
            },
            Subtitles::new(language.clone()),
        ));
    }
}

fn print(event: On<MotionEvent>) {
    let (Some(gesture), Phase::Begin | Phase::End) = (event.gesture(), event.phase) else { return };
    let begins = if event.phase == Phase::Begin { "begins" } else { "ends" };
    println!("{:7.2} s  {gesture} {begins} ({})", event.at, event.group.name());
}

/// A row of the board.
struct Row {
    name: String,
    /// When the gesture was last made, seconds.
    seen: Option<f64>,
}

/// Draws the board and the subtitle before the camera, in metres at the distance of the body.
fn show_board(
    time: Res<Time>,
    files: Res<Assets<GestureFile>>,
    players: Query<(&BodyPose, &MotionEvents, &MotionState, &Subtitles)>,
    camera: Single<&Transform, With<Camera3d>>,
    mut rows: Local<Vec<Row>>,
    mut gizmos: Gizmos,
) {
    const ROW: f32 = 0.085;
    const LETTER: f32 = 0.055;
    let now = time.elapsed_secs_f64();
    for (body, wanted, state, subtitles) in &players {
        if rows.is_empty() || files.is_changed() {
            let own = wanted.gestures.iter().filter_map(|file| files.get(file));
            let book = own.fold(GestureBook::default(), |book, file| book.with(file.0.clone()));
            rows.retain(|row| book.find(&row.name).is_some());
            for gesture in book.gestures() {
                if !rows.iter().any(|row| *row.name == *gesture.name) {
                    rows.push(Row { name: gesture.name.to_string(), seen: None });
                }
            }
        }
        let pelvis = body.joint_transform(SmplJoint::Pelvis).translation;
        let distance = camera.translation.distance(pelvis);
        let at = |x: f32, y: f32| {
            let place = camera.transform_point(Vec3::new(x, y, -distance));
            Isometry3d::new(place, camera.rotation)
        };
        let top = 0.5 * ROW * rows.len() as f32;
        for (i, row) in rows.iter_mut().enumerate() {
            if state.makes(&row.name) {
                row.seen = Some(now);
            }
            let lit = row.seen.is_some_and(|seen| now - seen < GLOW);
            let color = if lit { LIT } else { UNLIT };
            let left = Vec2::new(-0.5, 0.0);
            let place = at(0.6, top - ROW * i as f32);
            gizmos.text(place, &row.name.replace('_', " "), LETTER, left, color);
        }
        gizmos.text(at(0.0, -1.0), subtitles.text(), 1.4 * LETTER, Vec2::ZERO, TEXT);
    }
}
