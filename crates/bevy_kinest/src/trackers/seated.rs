//! Players who sit.

use bevy::prelude::*;

/// On an avatar whose player sits: the posture of the body. Without it, the body is as low as the
/// player, which networks estimate as a squat.
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
pub enum SeatedPlayer {
    /// The body stands. `rise` is the standing height of the eyes minus their seated height,
    /// metres. The head is at the headset, and the floor below the body is `rise` metres below that
    /// of the tracking space, so raise the [`TrackingSpace`](crate::TrackingSpace) by this height.
    AvatarStands {
        /// Metres.
        rise: f64,
    },
    /// The body sits on a chair, with its feet on the floor in front of it.
    AvatarSits,
}

impl SeatedPlayer {
    /// The rise for a player of standing `height`, metres, whose head joint is `seated` metres above the floor.
    #[must_use]
    pub fn stands(height: f64, seated: f64) -> Self {
        Self::AvatarStands { rise: (height * HEAD_JOINT - seated).max(0.0) }
    }
}

/// Height of the head joint of a standing body divided by the body's height.
const HEAD_JOINT: f64 = kinest::calibration::HEAD_JOINT_PART;
