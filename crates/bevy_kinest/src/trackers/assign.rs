//! Assigns trackers without [`TrackerOf`] to avatars, and reports unused trackers.

use super::tracker::{Assigned, SparseTracker, TrackerOf, Trackers};
use crate::body::KinestAvatar;
use bevy::ecs::entity::EntityHashSet;
use bevy::prelude::*;
use kinest::tracker::TrackerRole;

/// A tracker that was assigned automatically.
#[derive(Component)]
pub(super) struct Adopted;

/// Assigns trackers that never had an avatar to the only avatar, or to the only one without
/// trackers from the game, and logs once for each other tracker why it drives no avatar.
pub(super) fn assign(
    mut commands: Commands,
    avatars: Query<(Entity, Option<&Trackers>), With<KinestAvatar>>,
    adopted: Query<(), With<Adopted>>,
    new: Query<(NameOrEntity, Ref<SparseTracker>), (Without<TrackerOf>, Without<Assigned>)>,
    without_avatar: Query<NameOrEntity, (With<SparseTracker>, Without<TrackerOf>)>,
    mut removed: RemovedComponents<TrackerOf>,
    mut told: Local<EntityHashSet>,
) {
    for tracker in removed.read() {
        if let Ok(tracker) = without_avatar.get(tracker) {
            warn!(
                "tracker {tracker} drives nobody: its avatar was despawned or its `TrackerOf` removed. \
                 Give it another `TrackerOf`, or despawn it"
            );
        }
    }
    // Assigned or despawned trackers need not be remembered.
    told.retain(|tracker| new.contains(*tracker));
    if new.is_empty() {
        return;
    }
    let count = avatars.iter().len();
    let has_own = |own: &Trackers| own.iter().any(|tracker| !adopted.contains(tracker));
    let mut takers = avatars.iter().filter(|(_, own)| count == 1 || !own.is_some_and(has_own));
    let taker = takers.next().filter(|_| takers.next().is_none());
    for (tracker, worn) in &new {
        if let Some((avatar, _)) = taker {
            commands.entity(tracker.entity).insert((TrackerOf(avatar), Adopted));
        } else if count > 0 && !worn.is_added() && told.insert(tracker.entity) {
            warn!(
                "tracker {tracker} ({:?}) drives nobody: it has no `TrackerOf`, and there are {count} \
                 avatars. Insert `TrackerOf(avatar)`, or spawn it in `related!(Trackers[...])`",
                worn.role
            );
        }
    }
}

/// Logs which of an avatar's trackers of the same role is used.
pub(super) fn warn_of_spares(
    avatars: Query<(NameOrEntity, &Trackers), Changed<Trackers>>,
    trackers: Query<(NameOrEntity, &SparseTracker)>,
) {
    for (avatar, own) in &avatars {
        for role in TrackerRole::ALL {
            let own = own.iter().filter_map(|tracker| trackers.get(tracker).ok());
            let mut worn = own.filter(|(_, tracker)| tracker.role == role).map(|(name, _)| name);
            let Some(used) = worn.next() else { continue };
            let spare: Vec<String> = worn.map(|name| name.to_string()).collect();
            if !spare.is_empty() {
                warn!(
                    "avatar {avatar} has several trackers for {role:?}: {used} is used, {} is not. \
                     Remove `TrackerOf` from those that are too many",
                    spare.join(", ")
                );
            }
        }
    }
}
