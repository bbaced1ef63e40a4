//! The space a player is tracked in.

use bevy::prelude::*;

/// The entity whose space an avatar's player is tracked in. Its origin is on the floor that the
/// player stands on. Put it on the avatar.
///
/// Trackers are measured relative to that entity, so that whatever moves the player as a whole (a
/// teleport, a vehicle, walking by stick, a change of scale) does not look like steps, and floors
/// may be at any height. Without it, the space is the world's, with the floor at y = 0.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
pub struct TrackingSpace(#[entities] pub Entity);

/// Trigger this on an avatar whose player was moved as a whole since the last frame: the body moves
/// with the trackers, without a step.
///
/// Jumps faster than any body moves are always taken for teleports. It is not needed if a
/// [`TrackingSpace`] moves with the player.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct Teleport {
    /// The avatar.
    pub entity: Entity,
}
