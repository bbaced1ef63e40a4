//! Motion as it was, and as a game shows it.

use crate::data::augment::{Augment, GripOffset, TrackerNoise};
use crate::data::clips::NamedClip;
use crate::run::random_stream;
use anyhow::Context;
use kinest::live::protocol::clip_trackers;
use kinest::live::{PlayerSettings, PoseEstimator};
use kinest::model::Checkpoint;
use kinest::motion::MotionClip;
use kinest::skeleton::{Pose, SmplJoint};
use kinest::tracker::{TrackerFrame, TrackerSet};
use kinest_engine::DeviceChoice;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Seconds at the start of a clip in which the poses that are shown are not used: the game has no
/// estimate yet, or a network that has just started.
const SETTLES: f64 = 1.0;

/// A clip and what a game shows of it.
#[derive(Clone, Debug)]
pub struct BodyMotion {
    /// Name of the clip.
    pub name: String,
    /// Frames per second.
    pub rate_hz: f64,
    /// The true body in each frame.
    pub truth: Vec<Pose>,
    /// The bodies that are estimated from head and hands, as shown: through perfect trackers and,
    /// if there are some, through trackers with errors.
    pub shown: Vec<Vec<Pose>>,
}

/// Errors of the trackers through which a clip is played a second time.
///
/// A pose network has seen its training clips, and estimates them better than anything a player
/// does. Grips that are off make its estimates worse, so that they are more like a player's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensorErrors {
    /// Constant in a clip.
    pub grip: GripOffset,
    /// Drifts.
    pub noise: TrackerNoise,
}

impl BodyMotion {
    /// Plays the trackers of each clip to a pose network, frame by frame and with the corrections of
    /// a game.
    ///
    /// # Errors
    /// If the network cannot be opened, or an estimate fails.
    pub fn of_clips(
        clips: Vec<NamedClip>,
        poses: &Checkpoint,
        errors: Option<SensorErrors>,
        seed: u64,
    ) -> anyhow::Result<Vec<Self>> {
        let play = |(i, NamedClip { name, clip }): (usize, NamedClip)| {
            let mut rng = random_stream(seed, i as u64);
            let errors = errors.map(|SensorErrors { grip, noise }| Augment {
                grip,
                noise,
                ..Augment::default()
            });
            let plays = [Some(Augment::default()), errors].into_iter().flatten();
            let shown = plays.map(|errors| shown(&clip, poses, &errors, &mut rng));
            let shown: anyhow::Result<_> = shown.collect();
            let shown = shown.with_context(|| format!("clip {name}"))?;
            let truth = clip.frames.iter().map(Pose::from).collect();
            anyhow::Ok(Self { name, rate_hz: clip.rate_hz, truth, shown })
        };
        let clips: Vec<_> = clips.into_iter().enumerate().collect();
        clips.into_par_iter().map(play).collect()
    }

    /// The first frame that can be observed.
    #[must_use]
    pub fn first(&self) -> usize {
        (SETTLES * self.rate_hz).ceil() as usize
    }
}

/// What a game shows of `clip` on a body of the model's size, through trackers with `errors`.
fn shown(
    clip: &MotionClip,
    poses: &Checkpoint,
    errors: &Augment,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Vec<Pose>> {
    let engine = kinest_engine::open(poses, DeviceChoice::Cpu)?;
    let skeleton = engine.spec().skeleton.clone();
    let mut estimator = PoseEstimator::with_settings(engine, PlayerSettings::default());
    let mut trackers = clip_trackers(clip, &skeleton, TrackerSet::HeadAndHands);
    errors.disturb(&mut trackers, TrackerSet::HeadAndHands, clip.rate_hz, rng);
    let frames = trackers.into_iter().enumerate().map(|(i, poses)| {
        estimator.push(TrackerFrame::new(i as f64 / clip.rate_hz, poses))?;
        anyhow::Ok(estimator.estimate()?)
    });
    frames.collect()
}

/// The pose at frame `at`, which may lie between two.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn pose_at(poses: &[Pose], at: f64) -> Pose {
    let (before, past) = (at.floor() as usize, at.fract());
    if past < 1e-9 { poses[before] } else { poses[before].interpolate(&poses[before + 1], past) }
}

/// The mirrored body: left and right swapped, world x negated.
#[must_use]
pub fn mirrored(pose: &Pose) -> Pose {
    let t = pose.translation;
    Pose {
        translation: glam::DVec3::new(-t.x, t.y, t.z),
        rotations: SmplJoint::ALL.map(|joint| {
            let q = pose.rotations[joint.mirrored().index()];
            glam::DQuat::from_xyzw(q.x, -q.y, -q.z, q.w)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment;
    use kinest::motion::ClipFrame;
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::rotation::geodesic_angle;
    use kinest::skeleton::Skeleton;
    use std::path::Path;

    fn stream() -> Checkpoint {
        let path = "../../assets/models/kinest_stream.model.ron";
        Checkpoint::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    #[test]
    fn a_mirrored_pose_is_that_of_the_mirrored_frame() {
        let clip = walk_and_wave(&Skeleton::default());
        let frame = clip.frames[40];
        let (ours, theirs) = (
            mirrored(&Pose::from(&frame)),
            Pose::from(&augment::mirrored(&ClipFrame::from(&Pose::from(&frame)))),
        );
        assert!(ours.translation.distance(theirs.translation) < 1e-9);
        let pairs = ours.rotations.iter().zip(&theirs.rotations);
        assert!(pairs.into_iter().all(|(a, b)| geodesic_angle(*a, *b) < 1e-6));
        assert_eq!(mirrored(&ours), Pose::from(&frame));
    }

    /// The shown body has its head where the true one has it, and is not the true one.
    #[test]
    fn what_is_shown_is_an_estimate_under_the_true_head() {
        let mut clip = walk_and_wave(&Skeleton::default()).resampled(60.0);
        clip.frames.truncate(90);
        let clips = vec![NamedClip { name: "walk".into(), clip }];
        let errors = SensorErrors {
            grip: GripOffset { position: 0.05, rotation: 0.0 },
            ..SensorErrors::default()
        };
        let motion = BodyMotion::of_clips(clips, &stream(), Some(errors), 1).unwrap().remove(0);
        assert_eq!((motion.truth.len(), motion.first()), (90, 60));
        let [shown, disturbed] = &motion.shown[..] else { panic!("two plays") };
        assert!(shown.len() == 90 && disturbed.len() == 90 && shown != disturbed);
        let skeleton = Skeleton::default();
        let mut legs = 0.0;
        for (truth, shown) in motion.truth.iter().zip(shown).skip(motion.first()) {
            let [truth, shown] = [truth, shown].map(|pose| skeleton.pose_joints(pose).positions);
            let off = |joint: SmplJoint| truth[joint.index()].distance(shown[joint.index()]);
            assert!(off(SmplJoint::Head) < 1e-4);
            legs += off(SmplJoint::LeftAnkle) / 30.0;
        }
        assert!((0.001..0.4).contains(&legs), "{legs} m");
    }
}
