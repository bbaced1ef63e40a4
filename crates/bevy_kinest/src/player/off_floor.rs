//! Event for bodies that do not reach the floor.

use bevy::prelude::*;

/// Triggered on an avatar whose body has been in the air for two seconds, longer than any jump: the
/// runtime moved the floor of the tracking space, or the player is taller than calibrated, so feet
/// cannot reach the floor. Recentre, move the [`TrackingSpace`](crate::TrackingSpace) by the
/// height, or measure the player ([`Recalibrate`](crate::Recalibrate)). Triggered again only after
/// the body was on the floor.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct BodyOffFloor {
    /// The avatar.
    pub entity: Entity,
    /// Height of the lower sole above the floor, metres.
    pub height: f64,
}
