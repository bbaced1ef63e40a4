//! Pictures at chosen times, in one file, in rows of four.

use crate::stage::TargetImage;
use crate::view::RATE_HZ;
use bevy::image::TextureFormatPixelInfo;
use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Size of a single picture, and of one in a row, pixels.
const ALONE: UVec2 = UVec2::new(1280, 720);
const IN_A_ROW: UVec2 = UVec2::new(640, 480);
const LONGEST_ROW: usize = 4;
/// Frames drawn before one that is kept: meshes and materials reach the adapter in the first.
const WARM_UP: usize = 2;
/// Frames to wait for pictures after the end before giving up.
const PATIENCE: usize = 500;

/// Progress of the shown scene. Written in `Update`, in [`MomentSystems`].
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub enum Moment {
    /// Not started.
    #[default]
    Waiting,
    /// Seconds from the start.
    At(f64),
    /// Over: the app exits as soon as all pictures have arrived.
    Over,
}

/// Writes [`Moment`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MomentSystems;

/// The requested pictures, in the order requested.
#[derive(Resource)]
struct Shots {
    path: PathBuf,
    /// Frame of each picture.
    frames: Vec<usize>,
    size: UVec2,
    pictures: Vec<Option<Image>>,
    waited: usize,
}

/// Size of each of `pictures` pictures, pixels.
#[must_use]
pub fn size(pictures: usize) -> UVec2 {
    if pictures == 1 { ALONE } else { IN_A_ROW }
}

/// Draws pictures of `size` pixels at `instants` (seconds) into `path`, and exits the app when the
/// scene is over.
pub fn plugin(app: &mut App, path: PathBuf, instants: Vec<f64>, size: UVec2) {
    let frames: Vec<usize> = instants.into_iter().map(frame).collect();
    let pictures = vec![None; frames.len()];
    app.init_resource::<Moment>()
        .insert_resource(Shots { path, frames, size, pictures, waited: 0 })
        .add_systems(Update, (shoot, finish).chain().after(MomentSystems));
}

/// The frame drawn for a time.
pub(crate) fn frame(seconds: f64) -> usize {
    (seconds * RATE_HZ).round() as usize
}

/// Renders only the frames that are kept: on a software adapter rendering dominates.
fn shoot(
    mut commands: Commands,
    shots: Res<Shots>,
    moment: Res<Moment>,
    target: Res<TargetImage>,
    mut camera: Single<&mut Camera>,
    mut warm: Local<usize>,
) {
    let frame = match *moment {
        Moment::At(seconds) => frame(seconds),
        Moment::Waiting => {
            camera.is_active = *warm < WARM_UP;
            *warm += 1;
            return;
        }
        Moment::Over => {
            camera.is_active = false;
            return;
        }
    };
    camera.is_active = shots.frames.iter().any(|at| (frame..=frame + WARM_UP).contains(at));
    for (i, _) in shots.frames.iter().enumerate().filter(|(_, at)| **at == frame) {
        commands.spawn(Screenshot::image(target.0.clone())).observe(
            move |mut shot: On<ScreenshotCaptured>, mut shots: ResMut<Shots>| {
                shots.pictures[i] = Some(std::mem::take(&mut shot.image));
            },
        );
    }
}

/// Saves and exits once the scene is over and every picture has arrived.
fn finish(mut shots: ResMut<Shots>, moment: Res<Moment>, mut exit: MessageWriter<AppExit>) {
    if *moment != Moment::Over {
        return;
    }
    shots.waited += 1;
    if shots.pictures.iter().any(Option::is_none) {
        if shots.waited > PATIENCE {
            eprintln!("error: the graphics adapter did not give the pictures back");
            exit.write(AppExit::error());
        }
        return;
    }
    let pictures: Vec<Image> = shots.pictures.drain(..).flatten().collect();
    match save_rows(&pictures, shots.size, &shots.path) {
        Ok(()) => {
            println!("picture: {}", shots.path.display());
            exit.write(AppExit::Success);
        }
        Err(error) => {
            eprintln!("error: cannot write {}: {error}", shots.path.display());
            exit.write(AppExit::error());
        }
    }
}

/// Writes pictures of equal size side by side, atomically.
///
/// # Errors
/// If a picture is incomplete, or the file cannot be written.
pub fn save_rows(pictures: &[Image], size: UVec2, path: &Path) -> Result<(), Box<dyn Error>> {
    let across = pictures.len().min(LONGEST_ROW);
    let rows = pictures.len().div_ceil(across);
    let [width, height] = [size.x * across as u32, size.y * rows as u32];
    let format = pictures[0].texture_descriptor.format;
    let mut all = Image::new_target_texture(width, height, format, None);
    let bytes = size.x as usize * format.pixel_size()?;
    let mut data = Vec::with_capacity(across * bytes * height as usize);
    for row in pictures.chunks(across) {
        for y in 0..size.y as usize {
            for picture in row {
                let line =
                    picture.data.as_ref().and_then(|data| data.get(y * bytes..)?.get(..bytes));
                data.extend(line.ok_or("a picture is incomplete")?);
            }
            // The last row may be shorter.
            data.resize(data.len() + (across - row.len()) * bytes, u8::MAX);
        }
    }
    all.data = Some(data);

    let unfinished = path.with_extension("tmp.png");
    all.try_into_dynamic()?.to_rgb8().save(&unfinished)?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}
