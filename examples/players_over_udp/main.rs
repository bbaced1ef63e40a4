//! Players on two machines: 16 bodies over UDP, with lost packets, as a game would send them.
//!
//! ```sh
//! cargo run --release -p bevy_kinest --example players_over_udp [FOLDER OF .npz CLIPS]
//! ```
//!
//! Two apps without a window run in step. One has 16 avatars and sends their poses as [`PosePacket`]s through a socket
//! of this machine, the other shows them as [`RemoteAvatar`](bevy_kinest::RemoteAvatar)s. On the way packets are
//! delayed by 40 ms and an exponentially distributed 15 ms more, and some are lost. What is printed: bytes, and how far
//! the bodies that one player sees are from those that the other had when the fastest packet left, and from those that it
//! has at that moment.
//!
//! [`PosePacket`]: bevy_kinest::kinest::live::PosePacket

mod players;
mod udp;

fn main() -> anyhow::Result<()> {
    players::table::<udp::Udp>()
}
