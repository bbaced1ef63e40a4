//! Bodies and trackers over OSC (Open Sound Control): the VMC protocol in both directions, VRChat's trackers out.
//!
//! Nothing here opens a socket: [`vmc`] and [`vrchat`] make packets of a body and bodies of packets, whoever carries
//! them. Any bytes may arrive: [`messages`] refuses what is no OSC before anything is built from it.
//!
//! ```
//! use kinest::osc::vmc::{Marionette, Performer};
//! use kinest::osc::HumanFrame;
//! use kinest::skeleton::{Pose, Skeleton};
//!
//! let skeleton = Skeleton::default();
//! let frame = HumanFrame::of_pose(&Pose::rest(), &skeleton, true);
//! let mut received = Marionette::default();
//! for packet in Performer::default().packets(0.5, &frame) {
//!     received.receive(&packet)?;
//! }
//! assert!(received.pose(&skeleton).is_some());
//! # Ok::<(), kinest::osc::PacketProblem>(())
//! ```

mod character;
mod human;
mod packet;
mod unity;
pub mod vmc;
pub mod vrchat;

pub use character::HumanCharacter;
pub use human::{HumanBone, HumanFrame};
pub use packet::{LARGEST_PACKET, PacketProblem, bundled, messages};
pub use rosc::{OscMessage, OscType};
