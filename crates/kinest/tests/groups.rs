//! Groups and interactions lose nothing.

#[path = "../../../tests/files.rs"]
mod files;

use files::files;
use kinest::motion::synthetic::{Kind, clip};
use kinest::motion::{MotionClip, amass};
use kinest::skeleton::{
    Group, GroupPair, Interactions, KinematicGroups, LevelAxes, Pose, Skeleton,
};
use std::path::Path;

/// The greatest distance, metres, of a joint from where the groups say that it is; in world and in
/// heading axes, and with the groups' places from the torso's and the interactions alone.
fn worst(clip: &MotionClip, skeleton: &Skeleton) -> f64 {
    let mut worst = 0.0_f64;
    for pose in clip.frames.iter().map(Pose::from) {
        let joints = skeleton.pose_joints(&pose);
        let world = KinematicGroups::new(&pose, &joints, None);
        for groups in [world, world.seen_from(LevelAxes::of(&joints))] {
            let back = skeleton.pose_joints(&groups.pose(skeleton)).positions;
            let far = joints.positions.iter().zip(back).map(|(a, b)| a.distance(b));
            worst = far.fold(worst, f64::max);
            let pairs = Interactions::new(&groups);
            for GroupPair { first, second } in GroupPair::ALL {
                let torso = groups.of(Group::Torso).position;
                let from_torso = |group| {
                    pairs.between(Group::Torso, group).map_or(torso, |pair| torso + pair.difference)
                };
                let apart = pairs.of(GroupPair { first, second }).difference;
                let far = from_torso(second).distance(from_torso(first) + apart);
                worst = worst.max(far).max(from_torso(first).distance(groups.of(first).position));
            }
        }
    }
    worst
}

#[test]
fn groups_of_synthetic_motion_are_lossless() {
    let skeleton = Skeleton::default();
    for kind in Kind::ALL {
        let worst = worst(&clip(kind, 3, 5.0, 30.0, &skeleton), &skeleton);
        assert!(worst < 1e-9, "{kind:?}: {worst:e} m");
    }
}

/// `KINEST_MOCAP=folder cargo test -p kinest --test groups -- --ignored --nocapture`
#[test]
#[ignore = "needs real motion: KINEST_MOCAP"]
fn groups_of_real_motion_are_lossless() {
    let skeleton = Skeleton::default();
    let folder = std::env::var_os("KINEST_MOCAP").expect("KINEST_MOCAP is not set");
    let paths = files(Path::new(&folder), &["npz"]);
    let (mut frames, mut most) = (0, 0.0_f64);
    for path in &paths {
        let clip = amass::load(path).unwrap();
        most = most.max(worst(&clip, &skeleton));
        frames += clip.frames.len();
    }
    println!("{frames} frames of {} files: at most {most:e} m", paths.len());
    assert!(frames > 0 && most < 1e-9, "{most:e} m");
}
