//! Counts frames, then takes a picture, then exits.

use crate::Args;
use crate::headset::Sessions;
use crate::report::Report;
use crate::room::HEAD_LAYER;
use bevy::camera::RenderTarget;
use bevy::camera::visibility::RenderLayers;
use bevy::prelude::*;
use bevy::render::render_resource::{TextureFormat, TextureUsages};
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy_kinest::prelude::*;
use bevy_kinest::xr::bevy_mod_xr::camera::XrCamera;
use bevy_kinest::xr::bevy_mod_xr::session::XrRequestExitMessage;
use kinest_stage::capture::save_rows;
use std::path::PathBuf;

const SIZE: UVec2 = UVec2::new(560, 560);
/// Camera position and target in the room, metres.
pub const FROM: Vec3 = Vec3::new(1.5, 1.75, 1.9);
pub const AT: Vec3 = Vec3::new(-0.15, 0.95, -1.0);
const ROOM_VIEW: f32 = 1.0;
const EYE_VIEW: f32 = 1.5;
/// Frames drawn before the one that is kept: meshes and materials reach the adapter in the first.
const WARM_UP: u32 = 4;
/// Frames to wait for pictures.
const PATIENCE: u32 = 300;
/// Frames before a `--shot` unless given.
const FRAMES: u32 = 90;

/// A camera of the picture, by its index there.
#[derive(Component)]
struct Picture(usize);

#[derive(Resource)]
struct Shot {
    path: Option<PathBuf>,
    frames: u32,
    after: f64,
    /// Frames with a body so far, and frames waited after the last.
    seen: u32,
    waited: u32,
    pictures: Vec<Option<Image>>,
    targets: Vec<Handle<Image>>,
}

/// With a headset the picture includes the left eye's view.
pub fn plugin(app: &mut App, args: &Args, with_eye: bool) {
    if args.frames.is_none() && args.shot.is_none() {
        return;
    }
    let count = if args.shot.is_none() { 0 } else { 1 + usize::from(with_eye) };
    app.insert_resource(Shot {
        path: args.shot.clone(),
        frames: args.frames.unwrap_or(FRAMES),
        after: args.after,
        seen: 0,
        waited: 0,
        pictures: vec![None; count],
        targets: vec![],
    })
    // The message belongs to bevy_mod_xr, whose plugins are absent on the desktop.
    .add_message::<XrRequestExitMessage>()
    .add_systems(Startup, spawn_cameras)
    .add_systems(Update, (follow_eye, take, finish).chain());
}

fn spawn_cameras(
    mut commands: Commands,
    mut images: ResMut<Assets<Image>>,
    mut shot: ResMut<Shot>,
) {
    for k in 0..shot.pictures.len() {
        let format = TextureFormat::Rgba8UnormSrgb;
        let mut image = Image::new_target_texture(SIZE.x, SIZE.y, format, None);
        image.texture_descriptor.usage |= TextureUsages::COPY_SRC;
        let target = images.add(image);
        let is_eye = k + 1 < shot.pictures.len();
        let fov = if is_eye { EYE_VIEW } else { ROOM_VIEW };
        let mut camera = commands.spawn((
            Picture(k),
            Camera3d::default(),
            Camera { is_active: false, order: -2 - k as isize, ..default() },
            Projection::from(PerspectiveProjection { fov, near: 0.05, ..default() }),
            RenderTarget::Image(target.clone().into()),
            Transform::from_translation(FROM).looking_at(AT, Vec3::Y),
        ));
        if !is_eye {
            camera.insert(RenderLayers::from_layers(&[0, HEAD_LAYER]));
        }
        shot.targets.push(target);
    }
}

/// Moves the first picture's camera to the left eye.
fn follow_eye(
    eyes: Query<(&XrCamera, &GlobalTransform)>,
    mut cameras: Query<(&Picture, &mut Transform)>,
) {
    let Some((_, left)) = eyes.iter().find(|(eye, _)| eye.0 == 0) else { return };
    if let Some((_, mut camera)) = cameras.iter_mut().find(|(picture, _)| picture.0 == 0) {
        *camera = left.compute_transform();
    }
}

fn take(
    mut commands: Commands,
    mut shot: ResMut<Shot>,
    report: Option<Res<Report>>,
    bodies: Query<&BodyPose>,
    mut cameras: Query<&mut Camera, With<Picture>>,
    sessions: Option<ResMut<Sessions>>,
    mut end_session: MessageWriter<XrRequestExitMessage>,
) {
    if bodies.iter().all(|body| body.time().is_none()) {
        return;
    }
    shot.seen += 1;
    let tracked = report.and_then(|report| report.since);
    let early = tracked.is_some_and(|since| since.elapsed().as_secs_f64() < shot.after);
    if shot.seen <= shot.frames || (early && shot.waited == 0) {
        return;
    }
    if sessions.is_some_and(|mut sessions| sessions.end_one(&mut end_session)) {
        shot.seen = 0;
        return;
    }
    shot.waited += 1;
    cameras.iter_mut().for_each(|mut camera| camera.is_active = shot.waited <= 2 * WARM_UP);
    if shot.waited != WARM_UP {
        return;
    }
    for (k, target) in shot.targets.iter().enumerate() {
        commands.spawn(Screenshot::image(target.clone())).observe(
            move |mut taken: On<ScreenshotCaptured>, mut shot: ResMut<Shot>| {
                shot.pictures[k] = Some(std::mem::take(&mut taken.image));
            },
        );
    }
}

fn finish(
    mut shot: ResMut<Shot>,
    report: Option<Res<Report>>,
    mut exit: MessageWriter<AppExit>,
    mut over: Local<bool>,
) {
    if *over || shot.waited < WARM_UP {
        return;
    }
    if shot.pictures.iter().any(Option::is_none) {
        if shot.waited > PATIENCE {
            eprintln!("error: the graphics adapter did not give the pictures back");
            exit.write(AppExit::error());
            *over = true;
        }
        return;
    }
    *over = true;
    if let Some(report) = report {
        println!("{}", *report);
    }
    let pictures: Vec<Image> = shot.pictures.drain(..).flatten().collect();
    match &shot.path {
        Some(path) => match save_rows(&pictures, SIZE, path) {
            Ok(()) => println!("picture: {}", path.display()),
            Err(error) => {
                eprintln!("error: cannot write {}: {error}", path.display());
                exit.write(AppExit::error());
                return;
            }
        },
        None => println!("no picture was asked for"),
    }
    exit.write(AppExit::Success);
}
