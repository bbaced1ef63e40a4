//! Replays motion clips: three trackers follow the clip's head and hands, and the body estimated
//! from them alone stands beside the true one, as in `assets/pictures/amass_replay.png`.
//!
//! See `cargo run --release --example amass_replay -- --help`; `--features panel` adds the panel,
//! as in `assets/pictures/panel.png`.

mod keys;
mod playback;
mod playlist;
mod report;
mod scene;
mod title;

use anyhow::ensure;
use bevy::prelude::*;
#[cfg(feature = "panel")]
use bevy_kinest::bevy_egui::EguiPlugin;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::prelude::*;
#[cfg(feature = "panel")]
use bevy_kinest::{KinestPanel, KinestPanelPlugin};
use clap::Parser;
use kinest_stage::{Target, View, capture, instant, png_path};
use playlist::Playlist;
use scene::Ghost;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DEFAULT_MODEL: &str = "assets/models/kinest_full.model.ron";
const DEFAULT_PICTURE: &str = "amass_replay.png";
/// Pictures per clip when no times are given.
const DEFAULT_INSTANTS: usize = 4;

/// Replays motion clips and shows the true body (left) beside the one estimated from head and hands
/// (right). Prints error figures and latency at the end of each clip.
///
/// Without a display it draws a picture instead of opening a window; without a graphics adapter it
/// still estimates and prints.
#[derive(Parser)]
#[command(name = "amass_replay", after_help = keys::HELP)]
pub struct Args {
    /// Motion to replay (AMASS .npz, BVH, AMC, glTF or VRM animation), or a folder of .npz, .bvh, .glb and .vrma files [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE|FOLDER")]
    motion: Option<PathBuf>,
    /// Model that estimates the body [default: assets/models/kinest_full.model.ron]
    #[arg(long, value_name = "FILE.model.ron")]
    model: Option<PathBuf>,
    /// Draw off-screen into this file and exit, without a window
    #[arg(long, value_name = "OUT.png", value_parser = png_path)]
    shot: Option<PathBuf>,
    /// Seconds from the start of each clip to draw; several, separated by commas, are put in a row
    /// [default: four, evenly spread]
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = instant)]
    #[arg(requires = "shot")]
    at: Vec<f64>,
    /// Where the network runs: auto, cuda, wgpu or cpu
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Where the true body is shown
    #[arg(long, value_enum, default_value_t = Ghost::Beside)]
    ghost: Ghost,
    /// Include the panel in pictures
    #[cfg(feature = "panel")]
    #[arg(long)]
    panel: bool,
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
    let playlist = match &args.motion {
        Some(path) => Playlist::open(path)?,
        None => Playlist::walk_and_wave(),
    };
    let model = args.model.clone().unwrap_or_else(default_model);
    let checkpoint = Checkpoint::load(&model)?;
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    let first = playlist.load()?;

    let view = View::choose(args.shot, DEFAULT_PICTURE);
    let endless = view == View::Window;
    let settings = match view {
        View::Window => KinestSettings::default(),
        // No blend: from the network's first pose on, only the network's output is shown and
        // measured.
        View::Pictures(_) | View::Nothing => {
            KinestSettings { blend: 0.0, ..KinestSettings::inline() }
        }
    };
    let mut app = App::new();
    app.insert_resource(KinestSettings { device: args.device, ..settings });
    view.add_plugins(&mut app, "true body | estimated body");
    app.add_plugins(KinestPlugins);

    #[cfg(feature = "panel")]
    if view != View::Nothing {
        let open = args.panel || view == View::Window;
        app.insert_resource(KinestPanel { open, ..default() })
            .add_plugins((EguiPlugin::default(), KinestPanelPlugin));
    }

    let model_name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report::plugin(&mut app, model_name);
    match view {
        View::Window => {
            scene::plugin(&mut app, skeleton, Target::Window, args.ghost);
            app.add_plugins((keys::plugin, title::plugin));
        }
        View::Pictures(path) => {
            let instants = instants(&playlist, &args.at)?;
            let size = capture::size(instants.len());
            capture::plugin(&mut app, path, instants, size);
            scene::plugin(&mut app, skeleton, Target::Image(size), args.ghost);
        }
        View::Nothing => {
            app.add_systems(Last, playback::leave_when_over);
        }
    }
    playback::plugin(&mut app, playlist, first, checkpoint, endless);
    Ok(app.run())
}

/// The project's model, from wherever the example is started.
fn default_model() -> PathBuf {
    let here = PathBuf::from(DEFAULT_MODEL);
    if here.exists() {
        return here;
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DEFAULT_MODEL)
}

/// Times of the pictures, in seconds over all clips of `playlist`: `at` in each clip, or evenly
/// spread. Clips of a folder may be shorter than `at`.
fn instants(playlist: &Playlist, at: &[f64]) -> anyhow::Result<Vec<f64>> {
    let (mut playlist, mut before) = (playlist.clone(), 0.0);
    let mut instants = Vec::new();
    for _ in 0..playlist.len() {
        let (name, duration) = (playlist.name(), playlist.load()?.duration());
        let part = duration / DEFAULT_INSTANTS as f64;
        let spread = (0..DEFAULT_INSTANTS).map(|i| part * (i as f64 + 0.5));
        let wanted = if at.is_empty() { spread.collect() } else { at.to_vec() };
        for at in wanted {
            if at <= duration {
                instants.push(before + at);
            } else {
                ensure!(playlist.len() > 1, "--at {at}: {name} lasts {duration:.2} s");
                eprintln!("No picture at {at} s: {name} lasts {duration:.2} s.");
            }
        }
        before += duration;
        playlist.skip(1);
    }
    ensure!(!instants.is_empty(), "--at: all clips are shorter");
    Ok(instants)
}
