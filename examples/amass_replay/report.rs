//! How far the shown body was from the true one, and how long the network took.

use super::RATE_HZ;
use super::playback::{Playback, Stage};
use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy_kinest::KinestReady;
use bevy_kinest::kinest::motion::{ClipFrame, MotionClip};
use bevy_kinest::kinest::runtime::protocol;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use std::time::Instant;

/// What was shown during the first pass.
#[derive(Resource)]
struct Recording {
    title: String,
    device: String,
    frames: Vec<Shown>,
    /// Frames before the network first spoke.
    unestimated: usize,
    latencies_ms: Vec<f64>,
    newest_latency: Option<Instant>,
    reported: bool,
}

/// One frame as it was on the screen.
struct Shown {
    seconds: f64,
    truth: Pose,
    estimate: Pose,
}

pub fn plugin(app: &mut App, title: String) {
    app.insert_resource(Recording {
        title,
        device: String::new(),
        frames: Vec::new(),
        unestimated: 0,
        latencies_ms: Vec::new(),
        newest_latency: None,
        reported: false,
    })
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
    body: Single<&BodyPose>,
    diagnostics: Res<DiagnosticsStore>,
) {
    let Stage::Playing { seconds, first: true, .. } = playback.stage() else { return };
    if body.source() == PoseSource::Rest {
        recording.unestimated += 1;
        return;
    }
    let (truth, estimate) = (playback.truth, *body.pose());
    recording.frames.push(Shown { seconds, truth, estimate });
    let newest = diagnostics.get_measurement(&KinestPlugins::INFERENCE_MS);
    if let Some(latency) = newest.filter(|l| Some(l.time) != recording.newest_latency) {
        recording.newest_latency = Some(latency.time);
        recording.latencies_ms.push(latency.value);
    }
}

/// Prints once: when the clip has been played, or when the window is closed before.
fn report(
    mut recording: ResMut<Recording>,
    playback: Res<Playback>,
    mut exit: MessageReader<AppExit>,
) {
    let leaving = exit.read().count() > 0;
    let played = match playback.stage() {
        Stage::Waiting => false,
        Stage::Playing { first, .. } => !first || leaving,
        Stage::Over => true,
    };
    if played && !recording.reported {
        recording.reported = true;
        recording.print(&playback.skeleton);
    }
}

impl Recording {
    fn print(&mut self, skeleton: &Skeleton) {
        println!("{}", self.title);
        let Some(first) = self.frames.first() else {
            println!("no pose was estimated: the clip is shorter than the window of the network");
            return;
        };
        println!(
            "error of the shown body (online); the first {} frames, {:.2} s, are left out: until the \
             window is full the body is in its rest pose",
            self.unestimated, first.seconds
        );
        let [estimate, truth] = [|s: &Shown| s.estimate, |s: &Shown| s.truth].map(|f| self.clip(f));
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
        println!("inference on {}: median {median} ms, p95 {p95} ms", self.device);
    }

    /// What was shown at every 60th of a second, interpolated between the frames around it: a screen
    /// has its own rate.
    fn clip(&self, pose: fn(&Shown) -> Pose) -> MotionClip {
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
