//! The app for a headset: no window; the runtime paces the frames.

use crate::{Args, board, flow, mirror, player, report, room, shot};
use bevy::app::PluginsState;
use bevy::asset::UnapprovedPathMode;
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::tasks::tick_global_task_pools_on_main_thread;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::bevy_mod_openxr::{add_xr_plugins, init::OxrInitPlugin};
use bevy_kinest::xr::bevy_mod_xr::session::{
    XrCreateSessionMessage, XrRequestExitMessage, XrSessionDestroyedMessage, XrState,
};
use bevy_kinest::xr::{KinestOpenXrPlugin, OpenXrPlayer, find_headset};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Frames a session may take to end.
const PATIENCE: u32 = 400;

/// Runs until the player leaves.
///
/// # Errors
/// If there is no headset, or it is lost.
pub fn run(args: &Args) -> Result<AppExit, String> {
    let headset = find_headset().map_err(|error| error.to_string())?;
    println!("headset: {headset}");
    let plugins = DefaultPlugins
        .build()
        .disable::<WinitPlugin>()
        .set(WindowPlugin {
            primary_window: None,
            exit_condition: ExitCondition::DontExit,
            ..default()
        })
        .set(assets())
        .set(LogPlugin {
            filter: "warn,bevy_mod_openxr=info,bevy_kinest=info,kinest_engine=info".into(),
            ..default()
        });
    let xr = OxrInitPlugin {
        exts: KinestOpenXrPlugin::extensions(),
        // Otherwise pictures lack objects whose pipelines are still being compiled.
        synchronous_pipeline_compilation: args.shot.is_some(),
        ..default()
    };
    let mut app = App::new();
    if args.frames.is_some() || args.shot.is_some() {
        // A picture shows the pose of its own frame, however slowly the software adapter draws: the
        // virtual clock makes no steps of a second, which would count as dropouts.
        let clock = TrackerClock::Virtual;
        app.insert_resource(KinestSettings { clock, ..KinestSettings::inline() });
    }
    app.add_plugins(add_xr_plugins(plugins).set(xr))
        .add_plugins((KinestPlugins, KinestOpenXrPlugin))
        .add_plugins((room::plugin, player::plugin, mirror::plugin, flow::plugin))
        .add_plugins((board::on_the_wall, report::plugin))
        .insert_resource(Sessions { left: args.sessions, ending: false })
        .add_systems(Startup, spawn_player)
        .add_systems(Update, (leave_or_begin_again, stop_without_models));
    shot::plugin(&mut app, args, true);
    if app.world().get_resource::<XrState>() == Some(&XrState::Unavailable) {
        return Err("the session cannot be prepared, see above".into());
    }
    frames(app)
}

/// The project's assets, from wherever the example is started.
fn assets() -> AssetPlugin {
    AssetPlugin {
        file_path: concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets").into(),
        unapproved_path_mode: UnapprovedPathMode::Allow,
        ..default()
    }
}

fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
    commands.spawn((player::body(&assets), OpenXrPlayer));
}

/// Runs frames until the app has ended and the runtime knows it. If the runtime dies,
/// bevy_mod_openxr panics; the rest of the app can then neither be used nor dropped.
fn frames(mut app: App) -> Result<AppExit, String> {
    while app.plugins_state() == PluginsState::Adding {
        tick_global_task_pools_on_main_thread();
    }
    app.finish();
    app.cleanup();
    let mut exit = None;
    let mut waited = 0;
    loop {
        if catch_unwind(AssertUnwindSafe(|| app.update())).is_err() {
            std::mem::forget(app);
            return match exit {
                Some(exit) => Ok(exit),
                None => Err("the runtime is gone".into()),
            };
        }
        exit = exit.or(app.should_exit());
        let Some(exit) = &exit else { continue };
        // bevy_mod_xr asks the session to end with the app.
        waited += 1;
        let state = app.world().resource::<XrState>();
        if matches!(state, XrState::Available | XrState::Unavailable) || waited > PATIENCE {
            return Ok(exit.clone());
        }
    }
}

/// Number of sessions left to start.
#[derive(Resource)]
pub struct Sessions {
    left: u32,
    ending: bool,
}

impl Sessions {
    /// Ends one of several sessions; `false` if it is the last.
    pub fn end_one(&mut self, ask: &mut MessageWriter<XrRequestExitMessage>) -> bool {
        if self.left > 1 && !self.ending {
            self.left -= 1;
            self.ending = true;
            ask.write_default();
        }
        self.ending
    }
}

/// Exits when the runtime has ended the session, unless another one is to start.
fn leave_or_begin_again(
    mut destroyed: MessageReader<XrSessionDestroyedMessage>,
    mut create: MessageWriter<XrCreateSessionMessage>,
    mut sessions: ResMut<Sessions>,
    mut exit: MessageWriter<AppExit>,
) {
    for _ in destroyed.read() {
        if std::mem::take(&mut sessions.ending) {
            println!("the session has ended: beginning another one");
            create.write_default();
        } else {
            println!("the session has ended");
            exit.write_default();
        }
    }
}

fn stop_without_models(mut failed: MessageReader<KinestFailed>, mut exit: MessageWriter<AppExit>) {
    for KinestFailed { reason, .. } in failed.read() {
        eprintln!("error: the model cannot be run: {reason}");
        exit.write(AppExit::error());
    }
}
