//! Packets to and from other programs, and VRChat's trackers.

mod socket;
#[cfg(feature = "osc")]
mod vrchat;

pub use socket::OscLink;
#[cfg(feature = "vmc")]
pub(crate) use socket::local;
#[cfg(feature = "osc")]
pub use vrchat::{HeadReferenceReflect, KinestOscPlugin, VrchatTrackers};
