//! How big the player is.

use bevy::prelude::*;
use kinest::calibration::Calibration;
use serde::{Deserialize, Serialize};

/// The size of an avatar's player and how the devices are held. Without it the player is taken to be as
/// big as the body the model was trained on.
///
/// The network is shown the trackers of a body of its own size, and [`BodyPose`](crate::BodyPose) is in
/// the player's. Put there by hand, read from a file ([`Calibration::load`]) or by [`Recalibrate`](crate::Recalibrate).
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect, Serialize, Deserialize)]
// Whole or not at all: what is reflected of it part by part could be no calibration.
#[reflect(opaque)]
#[reflect(Component, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlayerCalibration(pub Calibration);
