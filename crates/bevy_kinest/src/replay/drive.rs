//! Moves trackers along motions.

use super::motion::MotionReplay;
use crate::body::ResetAvatar;
use crate::files::MotionFile;
use crate::trackers::{
    PlayerCalibration, ROLES, Recorded, Sampled, SparseTracker, TrackerOf, TrackerValidity,
    Trackers,
};
use bevy::prelude::*;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::rotation::quat_from_matrix;

/// Gives each replay of a file its motion when the file is loaded, and when it is loaded again.
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

/// Advances every replay and moves its trackers.
pub(super) fn replay(
    mut commands: Commands,
    time: Res<Time>,
    mut replays: Query<(Entity, &mut MotionReplay, Option<&Trackers>, Option<&PlayerCalibration>)>,
    mut trackers: Query<(&SparseTracker, &mut TrackerValidity, &mut Transform)>,
) {
    for (avatar, mut replay, own, known) in &mut replays {
        if replay.waits {
            continue;
        }
        replay.advance(time.delta_secs_f64());
        let calibration = replay.calibration().map(PlayerCalibration);
        if let Some(calibration) = calibration.filter(|player| known != Some(player)) {
            commands.entity(avatar).insert(calibration);
        }
        if std::mem::take(&mut replay.cut) {
            commands.trigger(ResetAvatar { entity: avatar });
        }
        for (role, pose) in ROLES.into_iter().zip(replay.trackers()) {
            let joint = Transform::from_translation(engine_from_amass_point(pose.position))
                .with_rotation(engine_from_amass_rotation(quat_from_matrix(pose.rotation)));
            let is_role = |e: &Entity| trackers.get(*e).is_ok_and(|(t, ..)| t.role == role);
            let Some(entity) = own.and_then(|own| own.iter().find(is_role)) else {
                commands.spawn((SparseTracker::new(role), TrackerOf(avatar), joint));
                continue;
            };
            if let Ok((tracker, mut validity, mut transform)) = trackers.get_mut(entity) {
                let held = tracker.device_from_joint;
                let rotation = joint.rotation * held.rotation.inverse();
                transform.rotation = rotation;
                transform.translation = joint.translation - rotation * held.translation;
                validity.tracked = pose.tracked;
            }
        }
    }
}

/// Tells sampling what the shown frame of a recording knows beyond its trackers' transforms.
pub(super) fn tell_recorded(mut replays: Query<(&MotionReplay, &mut Sampled)>) {
    for (replay, mut sampled) in &mut replays {
        sampled.recorded = replay.recorded().map(|frame| Recorded {
            poses: std::array::from_fn(|k| frame.trackers.poses[k]),
            teleported: frame.teleported,
        });
    }
}
