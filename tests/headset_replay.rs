//! Runs a recording of a headset and two controllers, with glitches and dropouts, through the whole
//! plugin.

#[path = "../examples/headset_replay/main.rs"]
#[allow(dead_code, reason = "the test does not start the example by its `main`")]
mod headset_replay;

use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::headset;
use bevy_kinest::kinest::motion::synthetic::Kind;
use headset_replay::{report, stand_in};
use std::path::Path;

#[test]
fn a_recorded_session_gives_a_plausible_body() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("game.npz");
    let model = "../../assets/models/kinest_stream.model.ron";
    let checkpoint = Checkpoint::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(model)).unwrap();
    println!("{}", report::Figures::HEADINGS);
    for kind in [Kind::Squat, Kind::Punch, Kind::Reach, Kind::Walk] {
        headset::save(&file, &stand_in::devices(kind), stand_in::RATE_HZ).unwrap();
        let trackers = headset_replay::load(Some(&file)).unwrap();
        let found = report::measure(&report::play(trackers, &checkpoint).unwrap());
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
