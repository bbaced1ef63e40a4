//! The space a player is tracked in.

use bevy::prelude::*;

/// An avatar's tracking space: the entity that its trackers are children of, such as a vehicle. The
/// entity's origin is on the floor that the player stands on. Lives on the avatar's entity.
///
/// Trackers are measured relative to the tracking space, so that whatever moves the player as a
/// whole (a teleport, a vehicle, walking by stick, a change of scale) does not look like steps, and
/// floors may be at any height. Without one they are measured in the world, with the floor at
/// y = 0.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
pub struct TrackingSpace(#[entities] pub Entity);

/// Beside a [`TrackingSpace`]: where the space carries the player over the floor, as it does when a game is walked
/// by stick, the body walks. Without it the body glides. Jumps, lifts and turns of the space make no steps.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct StepsWithSpace;

/// Trigger this on an avatar whose player was moved as a whole since the last frame: the body moves
/// with the trackers, without a step.
///
/// Jumps faster than any body moves that last for 0.1 s are always taken for teleports; until then the head counts as
/// lost. It is not needed where the avatar's [`TrackingSpace`] is moved.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct Teleport {
    /// The avatar.
    pub entity: Entity,
}
