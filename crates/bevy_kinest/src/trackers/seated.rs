//! Players who sit.

use bevy::prelude::*;

/// On an avatar whose player sits: what the body does. Without it, the body is as low as the player, which
/// networks take for a squat.
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
pub enum SeatedPlayer {
    /// The body stands, `rise` metres taller than the player sits: standing height of the eyes minus their
    /// present height. Its head is at the headset, and the floor that it stands on is `rise` metres below that of
    /// the tracking space, so raise the [`TrackingSpace`](crate::TrackingSpace) by as much.
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
