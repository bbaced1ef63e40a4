//! The player's whole body in a mirror, in the headset.
//!
//! ```sh
//! cargo run --release --features openxr,panel --example vr_avatar
//! ```
//!
//! ![The view of the left eye, and the room](../../assets/pictures/vr_avatar.png)
//!
//! Needs an OpenXR runtime with a headset (SteamVR, Monado, WiVRn, Meta's). Without one it says so
//! and shows the same room on the desktop, with a replayed player and a free camera; without a
//! display it draws `vr_avatar.png`.
//!
//! In the headset, hold both triggers with the arms stretched out to the sides to be measured;
//! press A or X to start and stop recording the trackers to a file. The board tells what is
//! happening.

mod board;
mod desktop;
mod flow;
mod headset;
mod mirror;
mod player;
mod report;
mod room;
mod shot;

use bevy::prelude::*;
use clap::Parser;
use kinest_stage::png_path;
use std::path::PathBuf;

/// The player's whole body in a mirror.
#[derive(Parser, Clone)]
#[command(name = "vr_avatar")]
pub struct Args {
    /// Do not look for a headset
    #[arg(long)]
    desktop: bool,
    /// Leave after so many frames and report how well body and devices match [default: never, or 90
    /// with --shot]
    #[arg(long, value_name = "N")]
    frames: Option<u32>,
    /// Draw the left eye's view of the last frame, and the room, into this file
    #[arg(long, value_name = "OUT.png", value_parser = png_path)]
    shot: Option<PathBuf>,
    /// Seconds of tracking to wait for before the last frame
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    after: f64,
    /// Start the session so many times, as when a game's session ends and restarts
    #[arg(long, default_value_t = 1, hide = true)]
    sessions: u32,
}

fn main() -> AppExit {
    let args = Args::parse();
    if !args.desktop {
        match headset::run(&args) {
            Ok(exit) => return exit,
            Err(reason) => eprintln!("No headset: {reason}. This is the room on the desktop."),
        }
    }
    desktop::run(&args)
}
