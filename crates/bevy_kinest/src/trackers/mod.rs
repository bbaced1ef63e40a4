//! Trackers of a player: devices, the space they move in, dropouts, and the player's size.

mod calibration;
mod dropout;
mod sample;
mod sampled;
mod space;
mod status;
mod tracker;

#[cfg(feature = "panel")]
pub(crate) use calibration::Measuring;
pub use calibration::{
    CalibrationFailed, CalibrationMethod, KinestCalibrated, PlayerCalibration, Recalibrate,
};
pub use dropout::{DropoutReason, TrackingLost, TrackingRegained};
pub(crate) use sample::sample;
pub(crate) use sampled::{Recorded, Sampled};
pub use space::{Teleport, TrackingSpace};
pub use status::AvatarStatus;
pub(crate) use tracker::ROLES;
pub use tracker::{SparseTracker, TrackerOf, TrackerRoleReflect, TrackerValidity, Trackers};

use crate::body::KinestAvatar;
use crate::frame::KinestSystems;
use bevy::prelude::*;
use calibration::calibrate;
use sampled::{on_reset, on_teleport};

/// Reads the trackers of every avatar, and measures players.
pub(crate) struct TrackersPlugin;

impl Plugin for TrackersPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<AvatarStatus>()
            .register_type::<CalibrationFailed>()
            .register_type::<KinestCalibrated>()
            .register_type::<PlayerCalibration>()
            .register_type::<Recalibrate>()
            .register_type::<SparseTracker>()
            .register_type::<Teleport>()
            .register_type::<TrackerOf>()
            .register_type::<TrackerValidity>()
            .register_type::<Trackers>()
            .register_type::<TrackingLost>()
            .register_type::<TrackingRegained>()
            .register_type::<TrackingSpace>()
            .add_message::<TrackingLost>()
            .add_message::<TrackingRegained>()
            .add_message::<Recalibrate>()
            .add_message::<KinestCalibrated>()
            .add_message::<CalibrationFailed>()
            .add_systems(PostUpdate, (sample, calibrate).chain().in_set(KinestSystems::Sample))
            .add_observer(on_teleport)
            .add_observer(on_reset);
        app.register_required_components::<KinestAvatar, AvatarStatus>();
        app.register_required_components::<KinestAvatar, Sampled>();
    }
}
