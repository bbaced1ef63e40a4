//! Replays a motion clip: three trackers follow its head and hands, and the body estimated from them
//! alone stands beside the true one.
//!
//! `cargo run --release --example amass_replay -- --help`

mod playback;
mod report;
mod scene;

use anyhow::ensure;
use bevy::prelude::*;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{RATE_HZ, Target, View, capture, instant, png_path};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DEFAULT_MODEL: &str = "assets/models/kinest_small.model.ron";
const DEFAULT_PICTURE: &str = "amass_replay.png";
/// Pictures in a row when no instants are named.
const DEFAULT_INSTANTS: usize = 4;

/// Replays a motion clip and shows the true body (left) beside the one estimated from head and hands
/// (right). Prints error figures and latency at the end.
///
/// Without a display it draws a picture instead of opening a window; without a graphics adapter it
/// still estimates and prints.
#[derive(Parser)]
#[command(name = "amass_replay")]
pub struct Args {
    /// AMASS clip to replay [default: a walk and a wave made by code]
    #[arg(long, value_name = "FILE.npz")]
    motion: Option<PathBuf>,
    /// Model that estimates the body [default: assets/models/kinest_small.model.ron]
    #[arg(long, value_name = "FILE.model.ron")]
    model: Option<PathBuf>,
    /// Draw off-screen into this file and exit, without a window
    #[arg(long, value_name = "OUT.png", value_parser = png_path)]
    shot: Option<PathBuf>,
    /// Seconds from the start of the clip to draw; several, separated by commas, are put in a row
    /// [default: four, evenly spread]
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = instant)]
    #[arg(requires = "shot")]
    at: Vec<f64>,
    /// Where the network runs: auto, cuda, wgpu or cpu
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(code)) => ExitCode::from(code.get()),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

pub fn run(args: Args) -> anyhow::Result<AppExit> {
    let (name, clip) = match &args.motion {
        Some(path) => (path.display().to_string(), amass::load(path)?),
        None => ("walk and wave".into(), synthetic::walk_and_wave(&default())),
    };
    let clip = clip.resampled(RATE_HZ);
    let model = args.model.clone().unwrap_or_else(default_model);
    let checkpoint = Checkpoint::load(&model)?;
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    for at in &args.at {
        let duration = clip.duration();
        ensure!(*at <= duration, "--at {at}: {name} lasts {duration:.2} s");
    }

    let view = View::choose(args.shot, DEFAULT_PICTURE);
    let settings = match view {
        View::Window => KinestSettings::default(),
        // From the network's first pose on everything shown is the network's, and counts.
        View::Pictures(_) | View::Nothing => {
            KinestSettings { blend: 0.0, ..KinestSettings::inline() }
        }
    };
    let mut app = App::new();
    app.insert_resource(KinestSettings { device: args.device, ..settings });
    view.add_plugins(&mut app, "true body | estimated body");
    app.add_plugins(KinestPlugins);

    let repeats = matches!(view, View::Window);
    let model_name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report::plugin(&mut app, format!("{name}, {model_name}"));
    playback::plugin(&mut app, clip.clone(), checkpoint, repeats);
    match view {
        View::Window => scene::plugin(&mut app, skeleton, Target::Window),
        View::Pictures(path) => {
            let instants = if args.at.is_empty() { spread(&clip) } else { args.at };
            let size = capture::size(instants.len());
            capture::plugin(&mut app, path, instants, size);
            scene::plugin(&mut app, skeleton, Target::Image(size));
        }
        View::Nothing => {
            app.add_systems(Last, playback::leave_when_over);
        }
    }
    Ok(app.run())
}

/// The model that comes with the project, from wherever the example is started.
fn default_model() -> PathBuf {
    let here = PathBuf::from(DEFAULT_MODEL);
    if here.exists() {
        return here;
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DEFAULT_MODEL)
}

fn spread(clip: &MotionClip) -> Vec<f64> {
    let part = clip.duration() / DEFAULT_INSTANTS as f64;
    (0..DEFAULT_INSTANTS).map(|i| part * (i as f64 + 0.5)).collect()
}
