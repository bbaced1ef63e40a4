//! The space a player is tracked in.

use bevy::prelude::*;

/// An avatar's tracking space: the parent entity of its trackers, such as a vehicle. The entity's
/// origin is on the floor that the player stands on. Lives on the avatar's entity.
///
/// Trackers are measured relative to the tracking space, so that the network sees no steps when the
/// whole player is moved (by a teleport, a vehicle, a stick, a change of scale), and floors may be
/// at any height. Without a tracking space they are measured in the world, with the floor at y = 0.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
pub struct TrackingSpace(#[entities] pub Entity);

/// Beside a [`TrackingSpace`]: the body walks when the space carries the player over the floor, as
/// with stick locomotion. Without it the body glides. Jumps, lifts and turns of the space cause no
/// steps.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct StepsWithSpace;

/// Trigger this on an avatar whose player was moved as a whole since the last frame: the body moves
/// with the trackers, without a step.
///
/// An impossible jump counts as a teleport after 0.1 s; until then the head counts as lost. The
/// event is not needed when the avatar's [`TrackingSpace`] is moved.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct Teleport {
    /// The avatar.
    pub entity: Entity,
}
