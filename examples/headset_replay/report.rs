//! Plays a recording of a headset and two controllers through the whole plugin, without a window,
//! and measures what can be measured without a known true body.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::live::Recording;
use bevy_kinest::kinest::metrics::{BodyTrack, FeetTrack, elbow_flips, jitter, knee_flips};
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::{ClipFrame, MotionClip};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::kinest::tracker::TrackerFrame;
use bevy_kinest::prelude::*;
use glam::DVec3;
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// Joints that stand for the trackers.
const TRACKED: [SmplJoint; 3] = [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist];
/// Distance up to which a joint counts as exactly at its tracker, metres.
const EXACT: f64 = 1e-3;
/// A player stands if the head is above this fraction of its usual height and slower than this,
/// m/s.
const STANDING_HEIGHT: f64 = 0.95;
const STANDING_SPEED: f64 = 0.3;
/// Speed of a hand above which it counts as a glitch, m/s: people are hardly ever faster.
const GLITCH: f64 = 12.0;
/// Frames until the model's first pose has faded in.
const WARM_UP: usize = 30;

/// A recording played through the plugin.
pub struct Played {
    /// Motion of the shown body.
    pub motion: MotionClip,
    pub skeleton: Skeleton,
    /// The joints that the devices stood for.
    pub trackers: Vec<TrackerFrame>,
    /// First digits of the SHA-256 over the bits of all shown poses, in order. It changes if and only if a pose
    /// changes.
    pub digest: String,
}

/// Figures of the shown body.
pub struct Figures {
    pub rate_hz: f64,
    pub frames: usize,
    /// Whether every pose is finite.
    pub finite: bool,
    /// Greatest distance of the head joint from its tracker, metres.
    pub head: f64,
    /// Fraction of the frames in which a tracked hand is exactly at its tracker.
    pub hands_exact: f64,
    /// Mean distance where it is not, metres.
    pub hands_off: f64,
    /// Fraction of the standing frames in which the lower foot is within 2 cm of the floor; `None`
    /// if the player never stood.
    pub feet: Option<f64>,
    /// Greatest distance of the lower foot from the floor while standing, metres.
    pub feet_off: f64,
    pub knee_flips: usize,
    pub elbow_flips: usize,
    /// Jitter of all joints and of the three trackers, m/s³.
    pub jitter: f64,
    pub tracker_jitter: f64,
    /// Frames in which a hand is implausibly fast.
    pub glitches: usize,
    /// Greatest movement of the pelvis in such a frame, beyond the head's, metres.
    pub thrown: f64,
    /// See [`Played::digest`].
    pub digest: String,
}

impl Figures {
    pub const HEADINGS: &str = "\
| recording | Hz | frames | finite | head mm | hands exact % (else off cm) | standing feet within 2 cm % (most cm) | knee / elbow flips | jitter body / trackers 10² m/s³ | glitches, pelvis cm | digest |
|---|---|---|---|---|---|---|---|---|---|---|";
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feet = self.feet.map_or("nobody stood".into(), |part| {
            format!("{:.1} ({:.1})", 1e2 * part, 1e2 * self.feet_off)
        });
        write!(
            f,
            "{:.0} | {} | {} | {:.2} | {:.1} ({:.1}) | {feet} | {} / {} | {:.1} / {:.1} ({:.2}) | {}, {:.1} | {} |",
            self.rate_hz,
            self.frames,
            if self.finite { "yes" } else { "NO" },
            1e3 * self.head,
            1e2 * self.hands_exact,
            1e2 * self.hands_off,
            self.knee_flips,
            self.elbow_flips,
            self.jitter / 1e2,
            self.tracker_jitter / 1e2,
            self.jitter / self.tracker_jitter,
            self.glitches,
            1e2 * self.thrown,
            self.digest,
        )
    }
}

/// Plays `devices` of this player at their own rate.
pub fn play(
    devices: Vec<TrackerFrame>,
    player: Calibration,
    checkpoint: &Checkpoint,
) -> Result<Played, BevyError> {
    let base = &checkpoint.manifest.spec.skeleton;
    let times: Vec<f64> = devices.iter().map(|frame| frame.time).collect();
    let recording = Recording::of_trackers(devices).ok_or("times of a recording have to rise")?;

    let mut app = App::new();
    app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
        .insert_resource(KinestSettings::inline())
        .insert_resource(TimeUpdateStrategy::ManualDuration(Duration::ZERO));
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
    let model = PoseModel::from_checkpoint(checkpoint.clone());
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let mut replay = MotionReplay::recording(recording.clone());
    replay.paused = true;
    let avatar =
        app.world_mut().spawn((KinestAvatar::new(model), PlayerCalibration(player), replay)).id();
    // Until trackers are spawned and found.
    (0..3).for_each(|_| app.update());
    let mut replay = app.world_mut().get_mut::<MotionReplay>(avatar).ok_or("it is gone")?;
    replay.paused = false;
    replay.seek(0.0);

    let mut frames = Vec::with_capacity(times.len());
    let mut digest = Sha256::new();
    for (i, time) in times.iter().enumerate() {
        let step = i.checked_sub(1).map_or(0.0, |before| time - times[before]);
        let step = Duration::from_secs_f64(step);
        app.insert_resource(TimeUpdateStrategy::ManualDuration(step));
        app.update();
        let body = app.world().get::<BodyPose>(avatar).ok_or("there is no body")?;
        let Pose { translation, rotations } = body.pose_z_up();
        let rotations = rotations.iter().flat_map(|rotation| rotation.to_array());
        for number in translation.to_array().into_iter().chain(rotations) {
            digest.update(number.to_le_bytes());
        }
        frames.push(ClipFrame::from(body.pose_z_up()));
    }
    let rate_hz = (times.len() - 1) as f64 / recording.duration();
    let trackers = recording.frames().iter().map(|frame| player.joints(&frame.trackers)).collect();
    let digest = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let motion = MotionClip { rate_hz, frames };
    Ok(Played { motion, skeleton: player.skeleton(base), trackers, digest })
}

/// Measures all frames except the first ones, in which the body fades in.
pub fn measure(played: &Played) -> Figures {
    let Played { motion: MotionClip { rate_hz, frames }, skeleton, trackers, digest } = played;
    let (rate_hz, frames, trackers) = (*rate_hz, &frames[WARM_UP..], &trackers[WARM_UP..]);
    let body = BodyTrack::new(frames, skeleton);
    let feet = FeetTrack::new(frames, skeleton);
    let at = |frame: usize, k: usize| trackers[frame].poses[k].position;
    let speed = |frame: usize, k: usize| at(frame, k).distance(at(frame - 1, k)) * rate_hz;
    let off =
        |frame: usize, k: usize| body.positions[frame][TRACKED[k].index()].distance(at(frame, k));

    let tracked = |frame: &usize, k: usize| trackers[*frame].poses[k].tracked;
    let all = || 0..frames.len();
    let hands: Vec<f64> = [1, 2]
        .into_iter()
        .flat_map(|k| all().filter(move |f| tracked(f, k)).map(move |f| off(f, k)))
        .collect();
    let missed: Vec<f64> = hands.iter().copied().filter(|off| *off > EXACT).collect();

    let mut heights: Vec<f64> = all().map(|frame| at(frame, 0).z).collect();
    heights.sort_by(f64::total_cmp);
    let usual = heights[heights.len() * 9 / 10];
    let stands = |f: &usize| at(*f, 0).z > STANDING_HEIGHT * usual && speed(*f, 0) < STANDING_SPEED;
    let soles: Vec<f64> = (1..frames.len())
        .filter(stands)
        .map(|frame| feet.soles[frame].into_iter().fold(f64::INFINITY, f64::min).abs())
        .collect();
    let near = soles.iter().filter(|off| **off < 0.02).count();

    let glitch = |f: &usize| speed(*f, 1).max(speed(*f, 2)) > GLITCH;
    let pelvis = |frame: usize| body.positions[frame][SmplJoint::Pelvis.index()];
    let beyond = |f: usize| pelvis(f).distance(pelvis(f - 1)) - at(f, 0).distance(at(f - 1, 0));
    let points: Vec<[DVec3; 3]> = all().map(|f| [at(f, 0), at(f, 1), at(f, 2)]).collect();
    Figures {
        rate_hz,
        frames: frames.len(),
        finite: frames.iter().all(|frame| Pose::from(frame).is_finite()),
        head: all().filter(|f| tracked(f, 0)).map(|f| off(f, 0)).fold(0.0, f64::max),
        hands_exact: 1.0 - missed.len() as f64 / hands.len() as f64,
        // The sum of an empty iterator is -0.
        hands_off: 0.0 + missed.iter().sum::<f64>() / missed.len().max(1) as f64,
        feet: (!soles.is_empty()).then(|| near as f64 / soles.len() as f64),
        feet_off: soles.iter().copied().fold(0.0, f64::max),
        knee_flips: knee_flips(&body, rate_hz),
        elbow_flips: elbow_flips(&body, rate_hz),
        jitter: jitter(&body.positions, rate_hz).unwrap_or_default(),
        tracker_jitter: jitter(&points, rate_hz).unwrap_or_default(),
        glitches: (1..frames.len()).filter(glitch).count(),
        thrown: (1..frames.len()).filter(glitch).map(beyond).fold(0.0, f64::max),
        digest: digest.clone(),
    }
}
