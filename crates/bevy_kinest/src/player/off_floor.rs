//! Bodies that do not reach the floor.

use bevy::prelude::*;

/// Triggered on an avatar whose body has been in the air for two seconds, which is no jump: the runtime moved
/// the floor of the tracking space, or the player is taller than calibrated. Feet cannot reach the
/// floor then. Recentre, move the [`TrackingSpace`](crate::TrackingSpace) by the height, or
/// measure the player ([`Recalibrate`](crate::Recalibrate)). It comes again when the body was on the floor in between.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct BodyOffFloor {
    /// The avatar.
    pub entity: Entity,
    /// Height of the lower sole above the floor, metres.
    pub height: f64,
}
