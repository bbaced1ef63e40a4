//! Players on two machines in a game whose networking is bevy_replicon, with renet under it: the same 16 bodies and the
//! same way between the machines as in `players_over_udp`, to compare.
//!
//! ```sh
//! cargo run --release -p players_over_replicon [FOLDER OF .npz CLIPS]
//! ```

#[path = "../players_over_udp/players.rs"]
mod players;
mod replicon;

fn main() -> anyhow::Result<()> {
    players::table::<replicon::Replicon>()
}

#[cfg(test)]
mod tests {
    use crate::players::{Setup, run};
    use crate::replicon::Replicon;
    use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
    use bevy_kinest::kinest::skeleton::Skeleton;
    use std::time::Duration;

    #[test]
    fn bodies_are_replicated_through_lost_packets() {
        let clips = [walk_and_wave(&Skeleton::default())];
        let delay = Duration::ZERO;
        let setup = Setup { players: 2, rate: 20.0, lost: 0.1, delay, frames: 150 };
        let it = run::<Replicon>(&clips, &setup).unwrap();
        // The bodies, and headers and acknowledgements, which are more than two bodies.
        let bodies = 20.0 * 2.0 * 106.0;
        assert!((bodies..2.5 * bodies).contains(&it.bytes_per_second), "{it:?}");
        assert!(it.mean < 0.06 && it.p95 < 0.2 && it.knowable < it.mean, "{it:?}");
        let lost = run::<Replicon>(&clips, &Setup { lost: 1.0, ..setup }).unwrap_err().to_string();
        assert_eq!(lost, "no body was shown");
    }
}
