//! Players on two machines: 16 bodies over UDP, with loss, as a game would send them.
//!
//! ```sh
//! cargo run --release -p bevy_kinest --example players_over_udp [FOLDER OF .npz CLIPS]
//! ```
//!
//! Two apps without a window run in step. One has 16 avatars and sends their poses as [`PosePacket`]s through a socket
//! of this machine, the other shows them as [`RemoteAvatar`](bevy_kinest::RemoteAvatar)s. On the way packets are
//! delayed by 40 ms and an exponentially distributed 15 ms more, and some are lost. What is printed: bytes, and how far
//! the bodies that one player sees are from those that the other had when the fastest packet left, and from those that it
//! has at that moment.
//!
//! [`PosePacket`]: bevy_kinest::kinest::live::PosePacket

mod link;

use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use bevy_kinest::kinest::skeleton::Skeleton;
use link::{Setup, run};
use std::path::Path;
use std::time::Duration;

const PLAYERS: usize = 16;

fn main() -> anyhow::Result<()> {
    let clips = match std::env::args().nth(1) {
        Some(folder) => from_folder(Path::new(&folder))?,
        None => (0..PLAYERS as u64)
            .map(|seed| {
                let kinds = [synthetic::Kind::Walk, synthetic::Kind::Reach, synthetic::Kind::Turn];
                let kind = kinds[seed as usize % kinds.len()];
                synthetic::clip(kind, seed, 8.0, 60.0, &Skeleton::default())
            })
            .collect(),
    };
    println!(
        "| rate | lost | delay | kB/s of 16 players | off what was sent | off the present | 95 % below |"
    );
    println!("|---|---|---|---|---|---|---|");
    for rate in [10.0, 20.0, 30.0] {
        for (loss, delay) in [(0.0, 0), (0.05, 0), (0.2, 0), (0.05, 100)] {
            let delay = Duration::from_millis(delay);
            let setup = Setup { players: PLAYERS, rate, loss, delay, frames: 480 };
            let it = run(&clips, &setup)?;
            println!(
                "| {rate} Hz | {:.0} % | {} ms | {:.1} | {:.0} mm | {:.0} mm | {:.0} mm |",
                100.0 * loss,
                delay.as_millis(),
                it.bytes_per_second / 1000.0,
                1000.0 * it.knowable,
                1000.0 * it.mean,
                1000.0 * it.p95,
            );
        }
    }
    Ok(())
}

/// The first clips of a folder, at any depth.
fn from_folder(folder: &Path) -> anyhow::Result<Vec<MotionClip>> {
    let mut open = vec![folder.to_owned()];
    let mut files = vec![];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "npz") {
                files.push(path);
            }
        }
    }
    files.sort();
    let clips = files.iter().map(amass::load).collect::<Result<Vec<_>, _>>()?;
    let long: Vec<_> =
        clips.into_iter().filter(|clip| clip.duration() > 8.0).take(PLAYERS).collect();
    anyhow::ensure!(!long.is_empty(), "no clips of 8 s in {}", folder.display());
    Ok(long)
}
