//! Moves trackers along motions.

use super::motion::{Jump, MotionReplay};
use crate::body::{KinestAvatar, ResetAvatar};
use crate::files::MotionFile;
use crate::trackers::{
    PlayerCalibration, ROLES, Replayed, Sampled, SparseTracker, Teleport, TrackerOf, Trackers,
    TrackingSpace,
};
use bevy::prelude::*;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::rotation::quat_from_matrix;
use kinest::tracker::TrackerRole;

/// Gives each replay of a file its motion when the file is loaded or reloaded.
pub(super) fn open_files(
    files: Res<Assets<MotionFile>>,
    mut events: MessageReader<AssetEvent<MotionFile>>,
    mut replays: Query<&mut MotionReplay>,
) {
    let changed: Vec<AssetId<MotionFile>> = events
        .read()
        .filter_map(|event| match event {
            AssetEvent::Modified { id } => Some(*id),
            _ => None,
        })
        .collect();
    for mut replay in &mut replays {
        let Some(id) = replay.file_id() else { continue };
        if (replay.waits || changed.contains(&id))
            && let Some(file) = files.get(id)
        {
            replay.open(file);
        }
    }
}
/// A tracker that a replay spawned.
#[derive(Component)]
pub(super) struct Puppet;

/// Advances every replay and moves its trackers.
pub(super) fn replay(
    mut commands: Commands,
    time: Res<Time>,
    mut replays: Query<(
        Entity,
        &mut MotionReplay,
        Option<&Trackers>,
        Option<&TrackingSpace>,
        Option<&PlayerCalibration>,
    )>,
    mut trackers: Query<(&SparseTracker, &mut Transform, Option<&ChildOf>, Has<Puppet>)>,
) {
    for (avatar, mut replay, own, space, known) in &mut replays {
        if replay.waits {
            continue;
        }
        replay.advance(time.delta_secs_f64());
        let calibration = replay.calibration().map(PlayerCalibration);
        if let Some(calibration) = calibration.filter(|player| known != Some(player)) {
            commands.entity(avatar).insert(calibration);
        }
        match replay.jump.take() {
            Some(Jump::Sought) => commands.trigger(ResetAvatar { entity: avatar }),
            Some(Jump::Repeated) => commands.trigger(Teleport { entity: avatar }),
            None => {}
        }
        let space = space.map(|TrackingSpace(space)| *space);
        let space = space.filter(|space| commands.get_entity(*space).is_ok());
        // A tracker that is missing from the motion in this frame is not tracked.
        replay.tracked = [false; ROLES];
        for (role, pose) in replay.trackers() {
            replay.tracked[role as usize] = pose.tracked;
            let joint = Transform::from_translation(engine_from_amass_point(pose.position))
                .with_rotation(engine_from_amass_rotation(quat_from_matrix(pose.rotation)));
            let is_role = |e: &Entity| trackers.get(*e).is_ok_and(|(t, ..)| t.role == role);
            let Some(entity) = own.and_then(|own| own.iter().find(is_role)) else {
                let puppet = (SparseTracker::new(role), TrackerOf(avatar), joint, Puppet);
                let mut puppet = commands.spawn(puppet);
                if let Some(space) = space {
                    puppet.insert(ChildOf(space));
                }
                continue;
            };
            let Ok((tracker, mut transform, parent, is_puppet)) = trackers.get_mut(entity) else {
                continue;
            };
            let offset = tracker.device_from_joint;
            let rotation = joint.rotation * offset.rotation.inverse();
            transform.rotation = rotation;
            transform.translation = joint.translation - rotation * offset.translation;
            if is_puppet && parent.map(ChildOf::parent) != space {
                match space {
                    Some(space) => _ = commands.entity(entity).insert(ChildOf(space)),
                    None => _ = commands.entity(entity).remove::<ChildOf>(),
                }
            }
        }
    }
}

/// Passes data of the shown frame beyond its trackers' transforms to sampling.
pub(super) fn tell_replayed(mut replays: Query<(&MotionReplay, &mut Sampled)>) {
    for (replay, mut sampled) in &mut replays {
        let recorded = replay.recorded();
        sampled.replayed = Some(Replayed {
            tracked: replay.tracked,
            exact: TrackerRole::ALL.map(|role| {
                let trackers = &recorded?.trackers;
                let body = trackers.body.get(role);
                trackers.poses.get(role as usize).or(body).copied()
            }),
            teleported: recorded.is_some_and(|frame| frame.teleported),
        });
    }
}

/// Despawns trackers that a replay spawned with their avatar.
pub(super) fn on_despawn(
    despawned: On<Despawn, KinestAvatar>,
    mut commands: Commands,
    avatars: Query<&Trackers>,
    puppets: Query<(), With<Puppet>>,
) {
    let Ok(own) = avatars.get(despawned.entity) else { return };
    for puppet in own.iter().filter(|tracker| puppets.contains(*tracker)) {
        commands.entity(puppet).try_despawn();
    }
}
