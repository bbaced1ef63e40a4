//! `render`: draws motion.

use super::number;
use crate::data::motion_file;
use crate::output::say;
use crate::progress;
use crate::render::{self, Actor, Panel, Scene, every, spread};
use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use std::fs;
use std::path::{Path, PathBuf};

/// Default frame rate of animations and folders, Hz.
const MOVIE_HZ: f64 = 20.0;
/// Default height of a body in animations and folders, pixels.
const MOVIE_SIZE: u32 = 400;
/// Shades of the motions in an overlay, from back to front.
const SHADES: [f64; 4] = [0.65, 0.0, -0.5, 0.35];

/// Draws motions as stick figures: left side orange, right side blue, seen from the front left.
#[derive(Args, Clone, Debug)]
pub struct RenderArgs {
    /// A motion, a file of any kind that `convert` reads; up to four, side by side; an estimate, which lacks the first
    /// frame, starts one frame later
    #[arg(long = "motion", required = true, value_name = "MOTION")]
    pub motions: Vec<PathBuf>,
    /// Output: a contact sheet (`.png`), an animation (`.gif`), or a folder of pictures (a name
    /// that ends in `/`, or an existing folder)
    #[arg(long, value_parser = PathBufValueParser::new().try_map(Target::new))]
    pub out: Target,
    /// Draw the motions over each other, the first one pale
    #[arg(long)]
    pub overlay: bool,
    /// Times to draw, seconds from the start; by default ten for a sheet, else all
    #[arg(long, value_name = "SECONDS,..", value_delimiter = ',', value_parser = seconds)]
    pub at: Vec<f64>,
    /// Interval between pictures, seconds
    #[arg(long, value_name = "SECONDS", value_parser = step, conflicts_with = "at")]
    pub every: Option<f64>,
    /// Pictures per second; 20 by default
    #[arg(long, value_parser = rate, conflicts_with_all = ["at", "every"])]
    pub fps: Option<f64>,
    /// Height of a body's picture, pixels
    #[arg(long, value_parser = clap::value_parser!(u32).range(64..=2048))]
    pub size: Option<u32>,
    /// Body of the motions, JSON; by default the built-in skeleton
    #[arg(long)]
    pub skeleton: Option<PathBuf>,
}

/// Kind of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One PNG with all times.
    Sheet(PathBuf),
    /// An animation.
    Gif(PathBuf),
    /// A folder with one PNG per time.
    Folder(PathBuf),
}

impl Target {
    fn new(path: PathBuf) -> Result<Self, String> {
        let text = path.to_string_lossy();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            _ if path.is_dir() || text.ends_with(std::path::is_separator) => Ok(Self::Folder(path)),
            Some("png") => Ok(Self::Sheet(path)),
            Some("gif") => Ok(Self::Gif(path)),
            _ => Err("expected a .png, a .gif, or a folder (ending in `/`)".into()),
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1e6)
}

fn step(text: &str) -> Result<f64, String> {
    number(text, 0.01, 1e6)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.01, 100.0)
}

/// Runs `render`.
///
/// # Errors
/// If there are too many motions, a motion or the skeleton cannot be read, a time is after the end,
/// or a picture is too large or cannot be written.
pub fn run(args: RenderArgs) -> anyhow::Result<()> {
    if args.motions.len() > SHADES.len() {
        let fault = format!("at most {} motions can be drawn at once\n", SHADES.len());
        return Err(clap::Error::raw(ErrorKind::TooManyValues, fault).into());
    }
    let skeleton = match &args.skeleton {
        Some(path) => {
            Skeleton::load(path).with_context(|| format!("skeleton {}", path.display()))?
        }
        None => Skeleton::default(),
    };
    let load = |path: &PathBuf| Ok((name(path), Actor::new(motion_file::load(path, &skeleton)?)));
    let mut actors = args.motions.iter().map(load).collect::<anyhow::Result<Vec<_>>>()?;
    let end = actors.iter().map(|(_, actor)| actor.end()).fold(0.0, f64::max);
    for (_, actor) in &mut actors {
        actor.start = start(&actor.clip, end);
    }
    let times = times(&args, end)?;
    let panels = if args.overlay { vec![overlay(actors)] } else { side_by_side(actors) };

    let moves = !matches!(args.out, Target::Sheet(_));
    let size = args.size.unwrap_or(if moves { MOVIE_SIZE } else { render::SHEET_SIZE });
    let scene = Scene::new(skeleton, panels, &times, size)?;
    let bar = progress::frames(times.len(), "drawing");
    match &args.out {
        Target::Sheet(path) => {
            render::write(path, &scene.sheet(&times)?.png()?)?;
            say!("{} pictures in {}", times.len(), path.display());
        }
        Target::Gif(path) => {
            render::write(path, &render::gif(&scene, &times, |done| bar.inc(done as u64))?)?;
            say!("{} pictures in {}", times.len(), path.display());
        }
        Target::Folder(folder) => {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create folder {}", folder.display()))?;
            for (i, time) in times.iter().enumerate() {
                render::write(&folder.join(format!("{i:05}.png")), &scene.moment(*time)?.png()?)?;
                bar.inc(1);
            }
            say!("{} pictures in {}", times.len(), folder.display());
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Start time of `clip` beside a clip of `longest` seconds: 0, or one frame if it is an estimate
/// that lacks the first frame.
fn start(clip: &MotionClip, longest: f64) -> f64 {
    let lacking = (longest - clip.duration()) * clip.rate_hz;
    // With different rates, the longer clip may end between two frames of the shorter one.
    if (0.99..2.0).contains(&lacking) { 1.0 / clip.rate_hz } else { 0.0 }
}

/// Label of a motion.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn times(args: &RenderArgs, end: f64) -> anyhow::Result<Vec<f64>> {
    if let Some(late) = args.at.iter().find(|time| **time > end) {
        bail!("{late} s is after the end of the motion, {end:.3} s");
    }
    let step = args.every.or(args.fps.map(|fps| 1.0 / fps));
    Ok(match (step, &args.out) {
        _ if !args.at.is_empty() => {
            let mut times = args.at.clone();
            times.sort_by(f64::total_cmp);
            times
        }
        (Some(step), _) => every(end, step),
        (None, Target::Sheet(_)) => spread(end, render::SHEET_TIMES),
        (None, Target::Gif(_) | Target::Folder(_)) => every(end, 1.0 / MOVIE_HZ),
    })
}

fn side_by_side(actors: Vec<(String, Actor)>) -> Vec<Panel> {
    actors.into_iter().map(|(label, actor)| Panel { label, actors: vec![actor] }).collect()
}

fn overlay(actors: Vec<(String, Actor)>) -> Panel {
    let (names, actors): (Vec<_>, Vec<_>) = actors.into_iter().unzip();
    let shaded = actors.into_iter().zip(SHADES).map(|(actor, shade)| Actor { shade, ..actor });
    Panel { label: names.join(" < "), actors: shaded.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::motion::ClipFrame;
    use kinest::skeleton::Pose;

    #[test]
    fn estimates_start_one_frame_later_than_other_motions() {
        let clip = |rate_hz: f64, frames: usize| {
            let frame = ClipFrame::from(&Pose::rest());
            MotionClip { rate_hz, frames: vec![frame; frames] }
        };
        for (rate, frames, of, expected) in [
            (60.0, 59, clip(60.0, 60), 1.0 / 60.0),
            (60.0, 59, clip(120.0, 119), 1.0 / 60.0),
            (60.0, 59, clip(120.0, 120), 1.0 / 60.0),
            (60.0, 60, clip(60.0, 60), 0.0),
            (60.0, 60, clip(120.0, 120), 0.0),
            (60.0, 30, clip(60.0, 60), 0.0),
        ] {
            assert_eq!(start(&clip(rate, frames), of.duration()), expected, "{rate} {frames}");
        }
    }
}
