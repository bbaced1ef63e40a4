//! Scores of an estimate after the corrections that games make.
//!
//! The table shows the corrections step by step on the same estimates, so it runs a [`Refiner`] and
//! not a [`Player`](kinest::live::Player), which would add its timeline and its fades.

use super::figures::ClipScore;
use super::looks::{Looks, Step};
use kinest::live::protocol::{Prediction, clip_trackers};
use kinest::metrics::{BodyTrack, ContactCounts, FeetTrack, Region, knee_flips, lag};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::refine::{DropoutSettings, Known, RefineSettings, Refiner, place_head};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest::tracker::{BodyTrackers, TrackerRole, TrackerSet};

/// An estimate after a step of refining.
pub struct Refined {
    /// The corrected motion.
    pub motion: MotionClip,
    /// Which feet were locked in each frame; only after the step that locks feet.
    pub contacts: Option<Vec<[bool; 2]>>,
}

/// Refines the estimate of all frames of `clip` except the first, in the order and with the
/// settings that players have by default, for a player who wears the trackers `worn` beside head and
/// hands.
#[must_use]
pub fn refine(
    estimate: &Prediction,
    clip: &MotionClip,
    skeleton: &Skeleton,
    worn: &[TrackerRole],
    step: Step,
) -> Refined {
    let rate_hz = estimate.motion.rate_hz;
    if step == Step::Truth {
        let motion = MotionClip { rate_hz, frames: clip.frames[1..].to_vec() };
        return Refined { motion, contacts: None };
    }
    let dt = 1.0 / rate_hz;
    let dropout = DropoutSettings::default();
    let mut refiner = Refiner::new(RefineSettings {
        smooth: step >= Step::Smoothing,
        ground: step >= Step::Ground,
        place_trackers: step >= Step::Hands,
        lock_feet: step >= Step::Feet,
        ..RefineSettings::default()
    });
    let mut contacts = vec![];
    let trackers = clip_trackers(clip, skeleton, TrackerSet::HeadAndHands);
    let truths = clip.frames[1..].iter().zip(&trackers[1..]);
    let contacts_said =
        estimate.certainties.iter().map(|c| c.contacts).chain(std::iter::repeat(None));
    let said = estimate.motion.frames.iter().zip(contacts_said);
    let frames = said.zip(truths).map(|((frame, said), (truth, trackers))| {
        if step == Step::Network {
            return *frame;
        }
        let mut pose = Pose::from(frame);
        if step == Step::Head {
            place_head(skeleton, &mut pose, &trackers[0]);
        }
        let body = match worn {
            [] => BodyTrackers::default(),
            worn => BodyTrackers::from_joints(worn, &skeleton.pose_joints(&Pose::from(truth))),
        };
        let known = Known { body: &body, forecast: &[None; 3], contacts: said };
        contacts.push(refiner.apply_with(&dropout, skeleton, &mut pose, trackers, &known, dt));
        ClipFrame::from(&pose)
    });
    let motion = MotionClip { rate_hz, frames: frames.collect() };
    Refined { motion, contacts: (step == Step::Feet).then_some(contacts) }
}

/// Scores of a clip after each of [`Step::ALL`].
#[must_use]
pub fn score(
    name: &str,
    estimate: &Prediction,
    clip: &MotionClip,
    skeleton: &Skeleton,
    worn: &[TrackerRole],
) -> Vec<ClipScore> {
    let rate_hz = estimate.motion.rate_hz;
    let true_feet = FeetTrack::new(&clip.frames[1..], skeleton);
    let standing = true_feet.standing(rate_hz);
    let network = BodyTrack::new(&estimate.motion.frames, skeleton);
    let of_step = |step: &Step| {
        let Refined { motion, contacts } = refine(estimate, clip, skeleton, worn, *step);
        let track = BodyTrack::new(&motion.frames, skeleton);
        let feet = FeetTrack::new(&motion.frames, skeleton);
        let lag = |joints| lag(&track, &network, joints, rate_hz);
        let looks = Looks {
            slide: feet.slide(&standing, rate_hz),
            sunk: feet.sunk(),
            knee_flips: knee_flips(&track, rate_hz),
            hand_lag: (*step != Step::Truth).then(|| lag(Region::Hands.joints())).flatten(),
            leg_lag: (*step != Step::Truth).then(|| lag(&LEGS)).flatten(),
            contacts: contacts.map(|said| ContactCounts::compare(&said, &standing)),
        };
        ClipScore::new(name, &motion, clip, skeleton).with_looks(looks)
    };
    Step::ALL.iter().map(of_step).collect()
}

/// Joints that swing in a step.
const LEGS: [SmplJoint; 6] = [
    SmplJoint::LeftKnee,
    SmplJoint::RightKnee,
    SmplJoint::LeftAnkle,
    SmplJoint::RightAnkle,
    SmplJoint::LeftFoot,
    SmplJoint::RightFoot,
];

#[cfg(test)]
mod tests {
    use super::super::looks::LooksReport;
    use super::*;
    use glam::DQuat;
    use kinest::metrics::Metrics;
    use kinest::motion::synthetic::walk_and_wave;

    /// A walk, and an estimate of it with jitter and a rotated head.
    fn walk() -> (MotionClip, Prediction) {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton);
        let frames = clip.frames[1..].iter().enumerate().map(|(i, frame)| {
            let mut pose = Pose::from(frame);
            let tremble = 0.02 * (2.3 * i as f64).sin();
            for joint in &mut pose.rotations[1..] {
                *joint = (*joint * DQuat::from_rotation_z(tremble)).normalize();
            }
            pose.rotations[SmplJoint::Head.index()] *= DQuat::from_rotation_y(0.3);
            ClipFrame::from(&pose)
        });
        let motion = MotionClip { rate_hz: clip.rate_hz, frames: frames.collect() };
        (clip, Prediction { motion, certainties: vec![] })
    }

    #[test]
    fn each_step_improves_its_figure() {
        let skeleton = Skeleton::default();
        let (clip, estimate) = walk();
        let scores = score("walk", &estimate, &clip, &skeleton, &[]);
        let at = |step| &scores[Step::ALL.iter().position(|s| *s == step).unwrap()];
        let metrics = |step| at(step).metrics();
        let looks = |step| LooksReport::new(at(step).looks().into_iter()).unwrap();

        assert_eq!(metrics(Step::Truth).mpjpe, 0.0);
        assert!(metrics(Step::Head).mpjre_geodesic < metrics(Step::Network).mpjre_geodesic);
        assert!(metrics(Step::Hands).handpe < 1e-3 && metrics(Step::Head).handpe > 1e-3);
        assert_eq!(looks(Step::Network).hand_lag_ms, Some(0.0));
        assert!(metrics(Step::Smoothing).pred_jitter < metrics(Step::Hands).pred_jitter);
        assert!(looks(Step::Smoothing).leg_lag_ms > Some(5.0), "{:?}", looks(Step::Smoothing));
        let (before, after) = (looks(Step::Smoothing), looks(Step::Feet));
        assert!(before.slide_cm_s > after.slide_cm_s, "{before:?} {after:?}");
        assert!(before.deepest_cm > 0.2 && after.deepest_cm < 1e-6, "{before:?} {after:?}");
        assert!(
            after.contact_precision > Some(0.7) && after.contact_recall > Some(0.5),
            "{after:?}"
        );
        assert_eq!(before.contact_recall, None);
        assert_eq!(Step::ALL.map(|step| looks(step).knee_flips), [0; Step::ALL.len()]);
    }
    /// Each tracker more leaves less to be estimated, and what it is worn at is met.
    #[test]
    fn trackers_on_the_body_are_met() {
        use TrackerRole::{Chest, LeftFoot, LeftKnee, Pelvis, RightFoot, RightKnee};
        let skeleton = Skeleton::default();
        let (clip, mut estimate) = walk();
        for frame in &mut estimate.motion.frames {
            frame.rotations[SmplJoint::Spine1.index()].x += 0.2;
            frame.rotations[SmplJoint::LeftHip.index()].x -= 0.3;
            frame.rotations[SmplJoint::RightKnee.index()].x += 0.3;
        }
        let worn = [
            vec![],
            vec![Pelvis],
            vec![Pelvis, LeftFoot, RightFoot],
            vec![Pelvis, Chest, LeftKnee, RightKnee, LeftFoot, RightFoot],
        ];
        let mut before = f64::INFINITY;
        for worn in worn {
            let Refined { motion, .. } = refine(&estimate, &clip, &skeleton, &worn, Step::Hands);
            let error = Metrics::compare(
                &BodyTrack::new(&motion.frames, &skeleton),
                &BodyTrack::new(&clip.frames[1..], &skeleton),
                clip.rate_hz,
            )
            .mpjpe;
            assert!(error < 0.9 * before, "{worn:?}: {error} m, before {before}");
            before = error;
            for (shown, truth) in motion.frames.iter().zip(&clip.frames[1..]) {
                let [shown, truth] =
                    [shown, truth].map(|frame| skeleton.pose_joints(&Pose::from(frame)).positions);
                for role in &worn {
                    let j = role.joint().index();
                    let off = shown[j].distance(truth[j]);
                    assert!(off < 0.003, "{worn:?}: {role} {off} m");
                }
            }
        }
        assert!(before < 0.01, "{before}");
    }
}
