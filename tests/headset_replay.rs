//! Runs a recording of a headset and two controllers, with glitches and dropouts, through the whole
//! plugin.

#[path = "../examples/headset_replay/main.rs"]
#[allow(dead_code, reason = "the test does not start the example by its `main`")]
mod headset_replay;

use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::headset;
use bevy_kinest::kinest::motion::synthetic::Kind;
use bevy_kinest::kinest::skeleton::{Pose, SmplJoint};
use bevy_kinest::kinest::tracker::TrackerFrame;
use glam::DVec3;
use headset_replay::{report, stand_in};
use std::path::Path;

fn shipped(name: &str) -> Checkpoint {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models");
    Checkpoint::load(models.join(name).with_extension("model.ron")).unwrap()
}

fn player_of(checkpoint: &Checkpoint, devices: &[TrackerFrame]) -> Calibration {
    headset_replay::player_of(&checkpoint.manifest.spec.skeleton, devices).unwrap()
}

#[test]
fn a_recorded_session_gives_a_plausible_body() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("game.npz");
    let checkpoint = shipped("kinest_stream");
    println!("{}", report::Figures::HEADINGS);
    for kind in [Kind::Squat, Kind::Punch, Kind::Reach, Kind::Walk] {
        headset::save(&file, &stand_in::devices(kind), stand_in::RATE_HZ).unwrap();
        let trackers = headset_replay::load(Some(&file)).unwrap();
        let player = player_of(&checkpoint, &trackers);
        let found = report::measure(&report::play(trackers, player, &checkpoint).unwrap());
        println!("| {} | {found}", kind.name());
        assert!(found.finite && (found.rate_hz - stand_in::RATE_HZ).abs() < 0.01);
        assert!(found.head < 1e-3, "the head is where the headset is");
        // Hands cannot be exact when a controller is out of reach, or while they return after a
        // dropout.
        assert!(found.hands_exact > 0.97, "hands are at the controllers");
        assert!(
            found.feet.unwrap() > 0.98 && found.feet_off < 0.03,
            "standing feet are on the floor"
        );
        assert_eq!((found.knee_flips, found.elbow_flips), (0, 0));
        assert!(
            found.jitter < 1.5 * found.tracker_jitter,
            "a body trembles less than its trackers"
        );
        assert!(
            found.glitches > 2 && found.thrown < 0.03,
            "a controller that jumps throws no body"
        );
    }
}

/// What rooms do to recordings, through the whole plugin and the shipped network: feet and pelvis move by at most 5 cm
/// in a frame beyond what they do without.
#[test]
fn damaged_recordings_throw_nobody() {
    let checkpoint = shipped("kinest_full");
    let clean = stand_in::devices(Kind::Walk);
    let player = player_of(&checkpoint, &clean);
    let joints = [SmplJoint::Pelvis, SmplJoint::LeftFoot, SmplJoint::RightFoot];
    let steps = |devices: Vec<TrackerFrame>| -> Vec<[f64; 3]> {
        let played = report::play(devices, player, &checkpoint).unwrap();
        let at = |frame| played.skeleton.pose_joints(&Pose::from(frame)).positions;
        let places: Vec<_> = played.motion.frames.iter().map(at).collect();
        let step = |pair: &[_]| -> [f64; 3] {
            let [before, now]: [&[DVec3; SmplJoint::COUNT]; 2] = [&pair[0], &pair[1]];
            joints.map(|joint| now[joint.index()].distance(before[joint.index()]))
        };
        places.windows(2).map(step).collect()
    };
    let own = steps(clean.clone());
    // Devices, the frames of the damage, and where they are in them.
    type Damage = (&'static [usize], std::ops::Range<usize>, fn(DVec3) -> DVec3);
    let second = stand_in::RATE_HZ as usize;
    let damages: [Damage; 10] = [
        (&[0], 300..301, |at| at + DVec3::Z * 0.4),
        (&[0], 300..301, |at| at + DVec3::Z * 3.0),
        (&[0], 300..302, |at| at + DVec3::X * 0.4),
        (&[2], 300..300 + 3 * second / 2, |_| DVec3::ZERO),
        (&[1], 300..301, |at| at + DVec3::Y),
        (&[0], 300..301, |at| at - DVec3::Z * 0.1),
        (&[2], 300..301, |at| at + DVec3::X * 0.45),
        (&[1, 2], 300..303, |at| at + DVec3::Z * 0.7),
        // The runtime moves its space for a moment.
        (&[0, 1, 2], 300..303, |at| at + DVec3::new(0.4, 0.3, 0.0)),
        // In the first frame after a dropout.
        (&[1], 400..401, |at| at + DVec3::X * 0.6),
    ];
    for (devices, frames, place) in damages {
        let mut damaged = clean.clone();
        for frame in &mut damaged[frames.clone()] {
            for device in devices {
                let pose = &mut frame.poses[*device];
                pose.position = place(pose.position);
            }
        }
        let beyond = steps(damaged).into_iter().zip(&own).enumerate().skip(200);
        for (frame, (step, own)) in beyond {
            for (k, joint) in joints.iter().enumerate() {
                assert!(
                    step[k] < own[k] + 0.05,
                    "devices {devices:?} from {}, {} of frame {frame}: {:.3} m, without {:.3} m",
                    frames.start,
                    joint.name(),
                    step[k],
                    own[k]
                );
            }
        }
    }
}
