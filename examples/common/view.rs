//! Output of an example: a window, pictures, or nothing.

use bevy::app::ScheduleRunnerPlugin;
use bevy::asset::UnapprovedPathMode;
use bevy::diagnostic::DiagnosticsPlugin;
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::settings::WgpuSettings;
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use std::path::PathBuf;
use std::time::Duration;

/// Frames per second without a screen.
pub const RATE_HZ: f64 = 60.0;

/// Output of a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    Window,
    /// Off-screen, into this file.
    Pictures(PathBuf),
    /// No graphics adapter.
    Nothing,
}

impl View {
    /// Into `shot` if given; otherwise a window, or `picture` without a display, or nothing without
    /// an adapter. Says on stderr what is missing.
    #[must_use]
    pub fn choose(shot: Option<PathBuf>, picture: &str) -> Self {
        if shot.is_none() && has_display() {
            return Self::Window;
        }
        if !has_adapter() {
            eprintln!(
                "No graphics adapter: nothing is drawn. A software adapter is enough for pictures \
                 (Debian: apt-get install mesa-vulkan-drivers libvulkan1)."
            );
            return Self::Nothing;
        }
        Self::Pictures(shot.unwrap_or_else(|| {
            eprintln!("No display: drawing into {picture} instead of a window.");
            picture.into()
        }))
    }

    /// Adds Bevy's plugins for this output. Without a window every run produces the same frames,
    /// however slowly.
    pub fn add_plugins(&self, app: &mut App, title: &str) {
        let runner = ScheduleRunnerPlugin::run_loop(Duration::ZERO);
        match self {
            Self::Window => {
                let window = Window { title: title.into(), ..default() };
                let window = WindowPlugin { primary_window: Some(window), ..default() };
                let render = RenderPlugin { render_creation: graphics().into(), ..default() };
                app.add_plugins(
                    DefaultPlugins.set(window).set(render).set(assets()).set(log_plugin()),
                );
            }
            Self::Pictures(_) => {
                app.add_plugins((
                    DefaultPlugins
                        .set(WindowPlugin {
                            primary_window: None,
                            exit_condition: ExitCondition::DontExit,
                            ..default()
                        })
                        .set(RenderPlugin {
                            render_creation: graphics().into(),
                            // Otherwise the first pictures lack objects whose pipelines are still
                            // being compiled.
                            synchronous_pipeline_compilation: true,
                            ..default()
                        })
                        .set(assets())
                        .set(log_plugin())
                        .disable::<WinitPlugin>()
                        // A picture shows this frame, not the previous one.
                        .disable::<PipelinedRenderingPlugin>(),
                    runner,
                ));
            }
            Self::Nothing => {
                app.add_plugins((
                    MinimalPlugins.set(runner),
                    log_plugin(),
                    assets(),
                    TransformPlugin,
                    DiagnosticsPlugin,
                ));
            }
        }
        if !matches!(self, Self::Window) {
            let frame = Duration::from_secs_f64(1.0 / RATE_HZ);
            app.insert_resource(TimeUpdateStrategy::ManualDuration(frame));
        }
    }
}

/// Parses the name of a picture, for clap.
pub fn png_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension == "png" => Ok(path),
        _ => Err("the name of a picture ends in .png".into()),
    }
}

/// Parses seconds from the start, for clap.
pub fn instant(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(seconds) if (0.0..f64::INFINITY).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds".into()),
    }
}

fn has_display() -> bool {
    let names = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"];
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_vendor = "apple"))) || names.into_iter().any(set)
}

/// All back ends except OpenGL, unless the environment asks for it: bevy_mod_openxr enables it, and
/// it logs errors on machines without a display.
fn graphics() -> WgpuSettings {
    let settings = WgpuSettings::default();
    let asked = wgpu::Backends::from_env().is_some();
    let backends =
        settings.backends.filter(|_| asked).or(settings.backends.map(|b| b - wgpu::Backends::GL));
    WgpuSettings { backends, ..settings }
}

/// Whether Bevy will find an adapter; it panics if there is none.
#[must_use]
pub fn has_adapter() -> bool {
    let settings = graphics();
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = settings.backends.unwrap_or_default();
    let instance = wgpu::Instance::new(descriptor);
    let options =
        wgpu::RequestAdapterOptions { power_preference: settings.power_preference, ..default() };
    bevy::tasks::block_on(instance.request_adapter(&options)).is_ok()
}

/// The project's assets, from wherever an example is started. Files given by the user may lie
/// anywhere.
fn assets() -> AssetPlugin {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets");
    AssetPlugin {
        file_path: assets.into(),
        unapproved_path_mode: UnapprovedPathMode::Allow,
        ..default()
    }
}

fn log_plugin() -> LogPlugin {
    LogPlugin {
        filter: "warn,bevy_render=error,bevy_kinest=info,kinest_engine=info".into(),
        ..default()
    }
}
