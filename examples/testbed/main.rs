//! All scenes of the examples, by name: drawn by the picture tests, and viewable with one program.
//!
//! ```sh
//! cargo run --release --example testbed                                        # one after the other
//! cargo run --release --example testbed -- --scene retarget --shot retarget.png
//! ```
//!
//! In windows, closing one opens the next. Without a display each scene is drawn into `NAME.png`.

#[path = "../dropouts.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod dropouts;
#[path = "../first_afternoon.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod first_afternoon;
#[path = "../forecast.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod forecast;
#[path = "../gestures.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod gestures;
#[path = "../headset_replay/main.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod headset_replay;
#[path = "../many_avatars.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod many_avatars;
#[path = "../minimal.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod minimal;
#[path = "../remote_player.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod remote_player;
#[path = "../retarget.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod retarget;

use anyhow::{Context, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use kinest_stage::{Scene, SceneArgs};
use std::process::{Command, ExitCode};

type Make = fn() -> anyhow::Result<Scene>;

/// Every scene and its constructor.
pub const SCENES: [(&str, Make); 9] = [
    ("first_afternoon", || Ok(first_afternoon::scene())),
    ("headset_replay", || Ok(headset_replay::scene())),
    ("minimal", || Ok(minimal::scene())),
    ("many_avatars", || Ok(many_avatars::scene())),
    ("remote_player", || Ok(remote_player::scene(&Default::default())?)),
    ("retarget", || retarget::scene(&Default::default())),
    ("forecast", || Ok(forecast::scene(&Default::default())?)),
    ("gestures", || Ok(gestures::scene(&Default::default())?)),
    ("dropouts", || Ok(dropouts::scene(&Default::default())?)),
];

/// Shows the scenes of the examples
#[derive(Parser)]
#[command(name = "testbed")]
struct Args {
    /// Scene to show [default: one after another]
    #[arg(long, value_parser = PossibleValuesParser::new(SCENES.map(|(name, _)| name)))]
    scene: Option<String>,
    #[command(flatten)]
    args: SceneArgs,
}

fn main() -> anyhow::Result<ExitCode> {
    let Args { scene, args } = Args::parse();
    let Some(wanted) = scene else {
        ensure!(args.shot.is_none() && args.at.is_empty(), "--shot and --at need a --scene");
        return show_all();
    };
    let (_, make) =
        SCENES.into_iter().find(|(name, _)| *name == wanted).context("no such scene")?;
    Ok(match make()?.run(args) {
        bevy::app::AppExit::Success => ExitCode::SUCCESS,
        bevy::app::AppExit::Error(code) => ExitCode::from(code.get()),
    })
}

/// One process per scene, because a process can open windows only once.
fn show_all() -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe()?;
    for (name, _) in SCENES {
        println!("{name}");
        let status = Command::new(&program).args(["--scene", name]).status()?;
        ensure!(status.success(), "scene {name} failed");
    }
    Ok(ExitCode::SUCCESS)
}
