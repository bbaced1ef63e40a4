//! Error of the shown body, and latency of the network.

use super::playback::{ClipLeft, Playback, Stage};
use bevy::diagnostic::DiagnosticsStore;
use bevy::platform::collections::HashSet;
use bevy::prelude::*;
use bevy_kinest::KinestReady;
use bevy_kinest::kinest::live::protocol;
use bevy_kinest::kinest::motion::{ClipFrame, MotionClip};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use kinest_stage::RATE_HZ;
use std::time::Instant;

/// Largest gap between two shown frames of a clip, seconds, that counts as a hitch; beyond it the
/// user has moved the replay.
const HITCH: f64 = 0.5;

/// The shown frames of the current clip.
#[derive(Resource, Default)]
struct Recording {
    model: String,
    device: String,
    /// Names of reported clips: each is reported once.
    reported: HashSet<String>,
    shown: Shown,
}

#[derive(Default)]
struct Shown {
    frames: Vec<Frame>,
    /// Frames before the network's first output.
    unestimated: usize,
    /// Position of the newest frame in the clip, seconds.
    seconds: Option<f64>,
    /// Whether it was not played from end to end at its own speed.
    disturbed: bool,
    latencies_ms: Vec<f64>,
    newest_latency: Option<Instant>,
}

/// A frame as shown.
struct Frame {
    seconds: f64,
    truth: Pose,
    estimate: Pose,
}

/// Reports each clip once, when it has been played or is left; `model` is the model's name.
pub fn plugin(app: &mut App, model: String) {
    app.insert_resource(Recording { model, ..default() })
        .add_systems(Last, (note_device, record, report).chain());
}

fn note_device(mut recording: ResMut<Recording>, mut ready: MessageReader<KinestReady>) {
    for ready in ready.read() {
        recording.device.clone_from(&ready.device);
    }
}

fn record(
    mut recording: ResMut<Recording>,
    playback: Res<Playback>,
    avatar: Single<(&BodyPose, &MotionReplay)>,
    diagnostics: Res<DiagnosticsStore>,
) {
    let Stage::Playing { seconds } = playback.stage() else { return };
    let (body, replay) = *avatar;
    let shown = &mut recording.shown;
    let passed = shown.seconds.map_or(0.0, |before| seconds - before);
    if shown.seconds == Some(seconds) {
        return;
    }
    shown.disturbed |= replay.speed != 1.0 || !(0.0..HITCH).contains(&passed);
    shown.seconds = Some(seconds);
    if body.source() == PoseSource::InverseKinematics {
        shown.unestimated += 1;
        return;
    }
    shown.frames.push(Frame { seconds, truth: playback.truth, estimate: *body.pose_z_up() });
    let newest = diagnostics.get_measurement(&KinestPlugins::INFERENCE_MS);
    if let Some(latency) = newest.filter(|l| Some(l.time) != shown.newest_latency) {
        shown.newest_latency = Some(latency.time);
        shown.latencies_ms.push(latency.value);
    }
}

/// Prints when a clip is left, or the window is closed.
fn report(
    mut recording: ResMut<Recording>,
    playback: Res<Playback>,
    mut left: MessageReader<ClipLeft>,
    mut exit: MessageReader<AppExit>,
) {
    let exits = exit.read().count() > 0 && matches!(playback.stage(), Stage::Playing { .. });
    let left = left.read().map(|ClipLeft { name }| name.clone());
    for name in left.chain(exits.then(|| playback.playlist.name())) {
        let mut shown = std::mem::take(&mut recording.shown);
        if recording.reported.insert(name.clone()) {
            println!("{name}, {}", recording.model);
            shown.print(&playback.skeleton, &recording.device);
        }
    }
}

impl Shown {
    fn print(&mut self, skeleton: &Skeleton, device: &str) {
        if self.disturbed {
            println!("no figures: it was not played from one end to the other at its own speed");
            return;
        }
        let Some(first) = self.frames.first() else {
            println!("no pose was estimated: the clip is shorter than the window of the network");
            return;
        };
        println!(
            "error of the shown body (online); the first {} frames, {:.2} s, are left out: until the \
             network has seen enough, inverse kinematics makes the body",
            self.unestimated, first.seconds
        );
        let [estimate, truth] = [|s: &Frame| s.estimate, |s: &Frame| s.truth].map(|f| self.clip(f));
        match protocol::score(&estimate, &truth, skeleton) {
            Ok(metrics) => {
                let m = metrics.report();
                for (name, value, unit) in [
                    ("mpjre", Some(m.mpjre_deg), "deg"),
                    ("mpjre_geodesic", Some(m.mpjre_geodesic_deg), "deg"),
                    ("mpjpe", Some(m.mpjpe_cm), "cm"),
                    ("mpjve", m.mpjve_cm_s, "cm/s"),
                    ("hand_pe", Some(m.hand_pe_cm), "cm"),
                    ("upper_pe", Some(m.upper_pe_cm), "cm"),
                    ("lower_pe", Some(m.lower_pe_cm), "cm"),
                    ("root_pe", Some(m.root_pe_cm), "cm"),
                    ("jitter", m.jitter_1e2_m_s3, "1e2 m/s3"),
                    ("gt_jitter", m.gt_jitter_1e2_m_s3, "1e2 m/s3"),
                ] {
                    let value = value.map_or("-".into(), |v| format!("{v:.2}"));
                    println!("  {name:<15}{value:>8} {unit}");
                }
                println!("  {:<15}{:>8}", "frames", estimate.frames.len());
            }
            Err(error) => println!("  no figures: {error}"),
        }
        self.latencies_ms.sort_by(f64::total_cmp);
        let [median, p95] = [0.5, 0.95].map(|part| {
            let at = (part * self.latencies_ms.len().saturating_sub(1) as f64).round();
            self.latencies_ms.get(at as usize).map_or("-".into(), |ms| format!("{ms:.2}"))
        });
        println!("inference on {device}: median {median} ms, p95 {p95} ms");
    }

    /// The shown poses resampled to 60 Hz by interpolation, because screens have their own rates.
    fn clip(&self, pose: fn(&Frame) -> Pose) -> MotionClip {
        let mut frames = Vec::new();
        for pair in self.frames.windows(2) {
            let [from, to] = [&pair[0], &pair[1]].map(|s| s.seconds * RATE_HZ);
            for tick in from.ceil() as usize..to.ceil() as usize {
                let t = (tick as f64 - from) / (to - from);
                frames.push(ClipFrame::from(&pose(&pair[0]).interpolate(&pose(&pair[1]), t)));
            }
        }
        MotionClip { rate_hz: RATE_HZ, frames }
    }
}
