//! The shipped model gives players of three sizes the same rotations for the same motion.

use glam::DQuat;
use kinest::calibration::Calibration;
use kinest::live::PoseEstimator;
use kinest::model::Checkpoint;
use kinest::motion::synthetic::walk_and_wave;
use kinest::rotation::geodesic_angle;
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest::tracker::{TrackerFrame, TrackerSet};
use kinest_native::NativeEngine;
use std::path::Path;

/// Frames of the clip that are fed, from the middle of the walk.
const FRAMES: std::ops::Range<usize> = 200..252;

fn trackers(skeleton: &Skeleton, pose: &Pose, time: f64) -> TrackerFrame {
    TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &skeleton.pose_joints(pose))
}

/// A calibration from a T-pose held for 1 s.
fn measured(base: &Skeleton, skeleton: &Skeleton) -> Calibration {
    let mut pose = Pose::rest();
    let ankle = skeleton.pose_joints(&pose).positions[SmplJoint::LeftAnkle.index()].z;
    pose.translation.z = skeleton.ankle_height - ankle;
    let frames: Vec<_> = (0..60).map(|i| trackers(skeleton, &pose, f64::from(i) / 60.0)).collect();
    Calibration::from_t_pose(base, &frames, Default::default()).unwrap()
}

#[test]
fn players_of_all_sizes_get_the_same_rotations() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/kinest_small.model.ron");
    let checkpoint = Checkpoint::load(&path).unwrap();
    let clip = walk_and_wave(&checkpoint.manifest.spec.skeleton);
    let mut reference: Option<Vec<[DQuat; SmplJoint::COUNT]>> = None;
    for height in [1.75, 1.45, 2.0] {
        let engine = NativeEngine::from_checkpoint(&checkpoint).unwrap();
        let mut estimator = PoseEstimator::new(Box::new(engine));
        let base = estimator.spec().skeleton.clone();
        let player = Calibration::from_height(&base, height).unwrap().skeleton(&base);
        let calibration = measured(&base, &player);
        let body = calibration.skeleton(&base);
        let mut rotations = vec![];
        for i in FRAMES {
            let mut pose = Pose::from(&clip.frames[i]);
            pose.translation *= height / 1.75;
            let seen = trackers(&player, &pose, i as f64 / 60.0);
            estimator.push(calibration.to_model(&base, &seen)).unwrap();
            if i < FRAMES.start + estimator.spec().window {
                continue;
            }
            let estimated = estimator.estimate().unwrap();
            rotations.push(estimated.rotations);
            // On the player's body the head is at the tracker, and the feet are near the floor.
            let placed =
                kinest::live::place_under_head(&body, &estimated.rotations, seen.poses[0].position);
            let joints = body.pose_joints(&placed).positions;
            let head = joints[SmplJoint::Head.index()];
            assert!(head.distance(seen.poses[0].position) < 1e-9);
            let lowest =
                joints[SmplJoint::LeftFoot.index()].z.min(joints[SmplJoint::RightFoot.index()].z);
            assert!(lowest.abs() < 0.12, "{height} m: lowest foot at {lowest} m");
        }
        let reference = reference.get_or_insert_with(|| rotations.clone());
        for (a, b) in reference.iter().flatten().zip(rotations.iter().flatten()) {
            let off = geodesic_angle(*a, *b).to_degrees();
            assert!(off < 2.0, "{height} m: {off}° from the 1.75 m player's");
        }
    }
}
