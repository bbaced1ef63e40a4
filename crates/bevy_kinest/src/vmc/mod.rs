//! The VMC protocol: sends and receives bodies of VSeeFace, Warudo, VNyan, Unity, Blender and
//! others.

mod performer;
mod receiver;

pub use performer::VmcPerformer;
pub use receiver::{DeviceKindReflect, VmcPerformance, VmcReceiver, VmcSource, VmcTracker};

use bevy::prelude::*;
use bevy::transform::TransformSystems;

/// Sends bodies by the VMC protocol ([`VmcPerformer`]) and receives bodies and trackers by it ([`VmcReceiver`],
/// [`VmcTracker`]) (feature `vmc`).
pub struct KinestVmcPlugin;

impl Plugin for KinestVmcPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<VmcPerformer>()
            .register_type::<VmcReceiver>()
            .register_type::<VmcPerformance>()
            .register_type::<VmcTracker>()
            .add_systems(
                PreUpdate,
                (receiver::receive, receiver::show, receiver::move_trackers).chain(),
            )
            .add_systems(PostUpdate, performer::send.after(TransformSystems::Propagate));
    }
}
