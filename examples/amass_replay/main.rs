//! Replays a motion clip: three trackers follow its head and hands, and the body estimated from them
//! alone stands beside the true one.
//!
//! `cargo run --release --example amass_replay -- --help`

mod capture;
mod playback;
mod report;
mod scene;

use anyhow::ensure;
use bevy::app::{PluginGroupBuilder, ScheduleRunnerPlugin};
use bevy::diagnostic::DiagnosticsPlugin;
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::settings::{RenderCreation, WgpuSettings};
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use bevy_kinest::prelude::*;
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const DEFAULT_MODEL: &str = "assets/models/kinest_small.model.ron";
const DEFAULT_PICTURE: &str = "amass_replay.png";
/// Pictures in a row when no instants are named.
const DEFAULT_INSTANTS: usize = 4;
const RATE_HZ: f64 = 60.0;

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

fn png_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension == "png" => Ok(path),
        _ => Err("the name of a picture ends in .png".into()),
    }
}

fn instant(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(seconds) if (0.0..f64::INFINITY).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds".into()),
    }
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

/// How the scene is looked at.
enum View {
    Window,
    Pictures(PathBuf),
    Nothing,
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

    let view = view(args.shot);
    let settings = match view {
        View::Window => KinestSettings::default(),
        // From the network's first pose on everything shown is the network's, and counts.
        View::Pictures(_) | View::Nothing => {
            KinestSettings { blend: 0.0, ..KinestSettings::inline() }
        }
    };
    let mut app = App::new();
    app.insert_resource(KinestSettings { device: args.device, ..settings });
    match &view {
        View::Window => {
            app.add_plugins(window_plugins());
        }
        View::Pictures(_) => {
            app.add_plugins((picture_plugins(), ScheduleRunnerPlugin::run_loop(Duration::ZERO)));
        }
        View::Nothing => {
            let runner = ScheduleRunnerPlugin::run_loop(Duration::ZERO);
            app.add_plugins((
                MinimalPlugins.set(runner),
                log_plugin(),
                AssetPlugin::default(),
                TransformPlugin,
                DiagnosticsPlugin,
            ));
        }
    }
    if !matches!(view, View::Window) {
        // Every run sees the same frames, however long they take to make.
        let frame = Duration::from_secs_f64(1.0 / RATE_HZ);
        app.insert_resource(TimeUpdateStrategy::ManualDuration(frame));
    }
    app.add_plugins(KinestPlugins);

    let repeats = matches!(view, View::Window);
    let model_name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report::plugin(&mut app, format!("{name}, {model_name}"));
    playback::plugin(&mut app, clip.clone(), checkpoint, repeats);
    match view {
        View::Window => scene::plugin(&mut app, skeleton, scene::Target::Window),
        View::Pictures(path) => {
            let instants = if args.at.is_empty() { spread(&clip) } else { args.at };
            let size = capture::plugin(&mut app, path, instants, RATE_HZ);
            scene::plugin(&mut app, skeleton, scene::Target::Image(size));
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

fn view(shot: Option<PathBuf>) -> View {
    if shot.is_none() && has_display() {
        return View::Window;
    }
    if !has_adapter() {
        eprintln!(
            "No graphics adapter: figures only. A software adapter is enough for pictures \
             (Debian: apt-get install mesa-vulkan-drivers libvulkan1)."
        );
        return View::Nothing;
    }
    View::Pictures(shot.unwrap_or_else(|| {
        eprintln!("No display: drawing into {DEFAULT_PICTURE} instead of a window.");
        DEFAULT_PICTURE.into()
    }))
}

fn has_display() -> bool {
    let names = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"];
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_vendor = "apple"))) || names.into_iter().any(set)
}

/// Whether Bevy will find an adapter; it panics where there is none.
pub fn has_adapter() -> bool {
    let settings = WgpuSettings::default();
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = settings.backends.unwrap_or_default();
    let instance = wgpu::Instance::new(descriptor);
    let options =
        wgpu::RequestAdapterOptions { power_preference: settings.power_preference, ..default() };
    bevy::tasks::block_on(instance.request_adapter(&options)).is_ok()
}

fn log_plugin() -> LogPlugin {
    LogPlugin {
        filter: "warn,bevy_render=error,bevy_kinest=info,kinest_engine=info".into(),
        ..default()
    }
}

fn window_plugins() -> PluginGroupBuilder {
    let window = Window { title: "true body | estimated body".into(), ..default() };
    DefaultPlugins.set(WindowPlugin { primary_window: Some(window), ..default() }).set(log_plugin())
}

fn picture_plugins() -> PluginGroupBuilder {
    DefaultPlugins
        .set(WindowPlugin {
            primary_window: None,
            exit_condition: ExitCondition::DontExit,
            ..default()
        })
        .set(RenderPlugin {
            render_creation: RenderCreation::Automatic(Box::default()),
            // Otherwise the first pictures lack what is still being compiled.
            synchronous_pipeline_compilation: true,
            ..default()
        })
        .set(log_plugin())
        .disable::<WinitPlugin>()
        // A picture is of this frame, not of the one before.
        .disable::<PipelinedRenderingPlugin>()
}
