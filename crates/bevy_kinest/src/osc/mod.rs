//! Packets to and from other programs, and trackers for VRChat.

mod socket;
#[cfg(feature = "osc")]
mod vrchat;

pub use socket::OscLink;
#[cfg(feature = "vmc")]
pub(crate) use socket::local;
#[cfg(feature = "osc")]
pub use vrchat::{HeadReferenceReflect, KinestOscPlugin, VrchatTrackers};
