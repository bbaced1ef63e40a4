//! The example `players_over_udp`, smaller: bodies arrive over a socket of this machine, whole and in time.

#[path = "../examples/players_over_udp/players.rs"]
#[expect(dead_code, reason = "the example prints a table")]
mod players;
#[path = "../examples/players_over_udp/udp.rs"]
mod udp;

use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::skeleton::Skeleton;
use players::{Setup, run};
use std::time::Duration;
use udp::Udp;

#[test]
fn bodies_arrive_through_lost_packets_in_the_bytes_that_are_promised() {
    let clips = [walk_and_wave(&Skeleton::default())];
    let delay = Duration::ZERO;
    let setup = Setup { players: 2, rate: 20.0, lost: 0.1, delay, frames: 150 };
    let it = run::<Udp>(&clips, &setup).unwrap();
    let expected = 20.0 * (2.0 * 107.0 + 28.0);
    assert!((it.bytes_per_second / expected - 1.0).abs() < 0.05, "{it:?}");
    assert!(it.mean < 0.06 && it.p95 < 0.2 && it.knowable < it.mean, "{it:?}");
    let lost = run::<Udp>(&clips, &Setup { lost: 1.0, ..setup }).unwrap_err().to_string();
    assert_eq!(lost, "no body was shown");
}
