//! Trackers of a player: devices, the space they move in, dropouts, and the player's size.

mod assign;
mod calibration;
mod doubt;
mod dropout;
mod sample;
mod sampled;
mod seated;
mod space;
mod status;
mod tracker;

#[cfg(feature = "panel")]
pub(crate) use calibration::Measuring;
pub use calibration::{
    CalibrationFailed, CalibrationMethod, KinestCalibrated, PlayerCalibration, Recalibrate,
};
pub(crate) use doubt::tell_doubts;
pub use dropout::{DropoutReason, TrackingLost, TrackingRegained};
pub(crate) use sample::sample;
pub(crate) use sampled::{Replayed, Sampled};
pub use seated::SeatedPlayer;
pub use space::{StepsWithSpace, Teleport, TrackingSpace};
pub use status::AvatarStatus;
pub(crate) use tracker::ROLES;
pub use tracker::{
    NeedsCalibration, SparseTracker, TrackerOf, TrackerRoleReflect, Trackers, TrackingState,
};

use crate::body::KinestAvatar;
use crate::frame::KinestSystems;
use assign::{assign, warn_of_spares};
use bevy::prelude::*;
use calibration::{calibrate, on_recalibrate};
use sampled::{on_reset, on_teleport};

/// Reads the trackers of every avatar, and measures players.
pub(crate) struct TrackersPlugin;

impl Plugin for TrackersPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<AvatarStatus>()
            .register_type::<CalibrationFailed>()
            .register_type::<KinestCalibrated>()
            .register_type::<NeedsCalibration>()
            .register_type::<PlayerCalibration>()
            .register_type::<Recalibrate>()
            .register_type::<SeatedPlayer>()
            .register_type::<SparseTracker>()
            .register_type::<StepsWithSpace>()
            .register_type::<Teleport>()
            .register_type::<TrackerOf>()
            .register_type::<Trackers>()
            .register_type::<TrackingLost>()
            .register_type::<TrackingRegained>()
            .register_type::<TrackingSpace>()
            .register_type::<TrackingState>()
            .add_systems(
                PostUpdate,
                (assign, warn_of_spares, sample, calibrate).chain().in_set(KinestSystems::Sample),
            )
            .add_observer(on_recalibrate)
            .add_observer(on_teleport)
            .add_observer(on_reset);
        app.register_required_components::<KinestAvatar, AvatarStatus>();
        app.register_required_components::<KinestAvatar, Sampled>();
    }
}
