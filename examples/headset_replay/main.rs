//! Replays recordings of a headset and two controllers: three tracked points and no known body,
//! turned into one by the plugin.
//!
//! ```sh
//! cargo run --release --example headset_replay
//! cargo run --release --example headset_replay -- game.npz --shot game.png --at 4,8.5
//! cargo run --release --example headset_replay -- *.npz --report
//! ```
//!
//! ![A crouching body](../../assets/pictures/headset_replay.png)
//!
//! The file format is that of [`headset`]. Without a file, the example makes a recording from
//! synthetic motion.

pub mod report;
pub mod stand_in;

use anyhow::{Context, anyhow, ensure};
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::{Calibration, CalibrationError};
use bevy_kinest::kinest::live::Recording;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::synthetic::Kind;
use bevy_kinest::kinest::motion::{amass, headset};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::{DeviceFromJoint, Grip, TrackerFrame};
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, Framing, Scene, SceneArgs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Path below the asset folder.
const MODEL: &str = "models/kinest_full.model.ron";

/// Shows the body estimated from recordings of a headset and two controllers
#[derive(Parser)]
struct Args {
    /// Recordings [default: one made from synthetic motion]
    #[arg(value_name = "FILE.npz")]
    files: Vec<PathBuf>,
    /// Print figures for every file instead of showing the first one
    #[arg(long, conflicts_with_all = ["shot", "at"])]
    report: bool,
    /// Model that estimates the bodies for the report [default: models/kinest_full.model.ron of
    /// the assets]
    #[arg(long, value_name = "FILE.model.ron", requires = "report")]
    model: Option<PathBuf>,
    /// Also write the bodies into this folder as AMASS clips
    #[arg(long, value_name = "FOLDER", requires = "report")]
    out: Option<PathBuf>,
    #[command(flatten)]
    scene: SceneArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = if args.report {
        print_report(&args).map(|()| AppExit::Success)
    } else {
        load(args.files.first()).and_then(scene_of).map(|scene| scene.run(args.scene))
    };
    match done {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(code)) => ExitCode::from(code.get()),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The recorded devices: headset, left and right controller.
pub fn load(file: Option<&PathBuf>) -> anyhow::Result<Vec<TrackerFrame>> {
    Ok(match file {
        Some(file) => {
            let headset::Devices { frames, not_finite } = headset::load(file)?;
            let names = ["the headset", "the left controller", "the right controller"];
            for (name, count) in names.iter().zip(not_finite).filter(|(_, count)| *count > 0) {
                let (file, of) = (file.display(), frames.len());
                eprintln!("{file}: {name} has no numbers in {count} of {of} frames: lost there");
            }
            frames
        }
        None => stand_in::devices(Kind::Squat),
    })
}

/// Measures the player by their motion.
pub fn player_of(
    base: &Skeleton,
    devices: &[TrackerFrame],
) -> Result<Calibration, CalibrationError> {
    let roles = [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand];
    let grips = roles.map(|role| DeviceFromJoint::of_grip(role, Grip::default()));
    Calibration::from_motion(base, devices, grips)
}

/// The scene for the testbed.
pub fn scene() -> Scene {
    load(None).and_then(scene_of).expect("motion made by code is a recording")
}

fn scene_of(devices: Vec<TrackerFrame>) -> anyhow::Result<Scene> {
    let player = player_of(&Skeleton::default(), &devices)?;
    let recording = Recording::of_trackers(devices).context("times of a recording have to rise")?;
    Ok(Scene {
        name: "headset_replay",
        // A crouching body has its feet far from the pelvis.
        framing: Framing { width: 2.4, height: 2.9, look_at: 0.75, ..Framing::default() },
        at: vec![1.0, 2.0, 4.0],
        plugin: Box::new(move |app| {
            app.add_plugins(KinestPlugins).add_systems(
                Startup,
                move |mut commands: Commands, assets: Res<AssetServer>| {
                    commands.spawn((
                        KinestAvatar::new(assets.load(MODEL)),
                        PlayerCalibration(player),
                        MotionReplay::recording(recording.clone()).repeating(),
                        CapsuleBody::default(),
                    ));
                },
            );
        }),
    })
}

fn print_report(args: &Args) -> anyhow::Result<()> {
    let Args { files, out, .. } = args;
    ensure!(
        !files.is_empty() || out.is_none(),
        "--out: there are no recordings to name clips after"
    );
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let model = args.model.clone().unwrap_or_else(|| assets.join(MODEL));
    let checkpoint = Checkpoint::load(&model)?;
    let files: Vec<Option<&PathBuf>> = match &files[..] {
        [] => vec![None],
        files => files.iter().map(Some).collect(),
    };
    println!("{}", report::Figures::HEADINGS);
    let mut bad = 0;
    for file in &files {
        if let Err(error) = report_one(*file, &checkpoint, out.as_deref()) {
            eprintln!("error: {error:#}");
            bad += 1;
        }
    }
    ensure!(bad == 0, "{bad} of {} recordings could not be played", files.len());
    Ok(())
}

fn report_one(
    file: Option<&PathBuf>,
    checkpoint: &Checkpoint,
    out: Option<&Path>,
) -> anyhow::Result<()> {
    let name = file
        .and_then(|file| file.file_stem())
        .map_or("made by code".into(), |name| name.to_string_lossy());
    let devices = load(file)?;
    let player = player_of(&checkpoint.manifest.spec.skeleton, &devices)
        .with_context(|| name.clone().into_owned())?;
    let played =
        report::play(devices, player, checkpoint).map_err(|error| anyhow!("{name}: {error}"))?;
    println!("| {name} | {}", report::measure(&played));
    if let Some(out) = out {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        amass::save(out.join(format!("{name}.npz")), &played.motion, "neutral")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    /// Of three recordings, one has rows that are not numbers and one is no recording: that one is counted, and the others are
    /// played and written.
    #[test]
    fn one_bad_file_in_a_list_does_not_stop_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut devices = stand_in::devices(Kind::Squat);
        devices.truncate(270);
        headset::save(path("whole.npz"), &devices, stand_in::RATE_HZ).unwrap();
        for frame in &mut devices[100..130] {
            frame.poses[2].position = DVec3::NAN;
        }
        headset::save(path("holes.npz"), &devices, stand_in::RATE_HZ).unwrap();
        std::fs::write(path("bad.npz"), "no recording").unwrap();
        let files = ["holes", "bad", "whole"].map(|name| path(&format!("{name}.npz")));
        let mut words = vec!["headset_replay".into()];
        words.extend(files.iter().map(|file| file.as_os_str().to_owned()));
        words.extend(["--report".into(), "--out".into(), path("bodies").into_os_string()]);
        let error = print_report(&Args::parse_from(words)).unwrap_err().to_string();
        assert!(error.contains("1 of 3 recordings"), "{error}");
        for name in ["holes", "whole"] {
            let clip = amass::load(path("bodies").join(format!("{name}.npz"))).unwrap();
            assert!(clip.frames.len() > 200, "{name}: {} frames", clip.frames.len());
        }
        assert!(!path("bodies").join("bad.npz").exists());
    }
}
