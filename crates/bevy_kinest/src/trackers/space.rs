//! The space a player is tracked in.

use bevy::prelude::*;

/// The entity whose space the player is tracked in, on an avatar: its origin is on the floor the
/// player stands on.
///
/// Trackers are then seen against it, so that what moves the player as a whole (a teleport, a
/// vehicle, walking by stick, a bigger or smaller scale) does not look like steps, and floors may be
/// at any height. Without it the space is the world's, with the floor at y = 0.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
pub struct TrackingSpace(#[entities] pub Entity);

/// Trigger this on an avatar whose player was moved as a whole since the last frame: that is no
/// motion of the body. The body goes along.
///
/// A jump that no body makes is taken for a teleport in any case. With a [`TrackingSpace`] that moves
/// with the player there is nothing to say.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct Teleport {
    /// The avatar.
    pub entity: Entity,
}
