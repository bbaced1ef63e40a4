//! Recording of a player's trackers.

use crate::body::{BodyPose, KinestAvatar};
use crate::models::PoseModel;
use crate::trackers::{PlayerCalibration, Sampled};
use bevy::prelude::*;
use kinest::live::{RecordedFrame, RecordingError, RecordingWriter};
use kinest::tracker::TrackerSet;
use std::path::Path;

/// Records an avatar's trackers, calibration and model, and optionally its poses, to a file, frame
/// by frame. Lives on the avatar's entity; removing it, replacing it by another one, or despawning
/// the avatar closes the file.
#[derive(Component, Debug, Reflect)]
#[reflect(Component, from_reflect = false)]
pub struct TrackerRecorder {
    /// `None` after a failure.
    #[reflect(ignore)]
    writer: Option<RecordingWriter>,
    poses: bool,
}

impl TrackerRecorder {
    /// Creates the file at `path`, replacing an existing one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: impl AsRef<Path>, poses: bool) -> Result<Self, RecordingError> {
        let writer = Some(RecordingWriter::create(path, TrackerSet::HeadAndHands)?);
        Ok(Self { writer, poses })
    }

    /// Whether it is still recording; an error, such as a full disk, ends the recording.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.writer.is_some()
    }

    /// Number of frames written.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.writer.as_ref().map_or(0, RecordingWriter::frames)
    }
}

pub(super) fn record(
    models: Res<Assets<PoseModel>>,
    mut avatars: Query<(
        NameOrEntity,
        &KinestAvatar,
        &Sampled,
        &BodyPose,
        Option<&PlayerCalibration>,
        &mut TrackerRecorder,
    )>,
) {
    for (avatar, KinestAvatar { model }, sampled, body, player, mut recorder) in &mut avatars {
        let recorder = &mut *recorder;
        let player = player.map(|PlayerCalibration(calibration)| calibration);
        let (Some(devices), Some(writer)) = (sampled.driving(player), &mut recorder.writer) else {
            continue;
        };
        let frame = RecordedFrame {
            trackers: devices.into_owned(),
            pose: recorder.poses.then(|| *body.pose_z_up()),
            teleported: sampled.told_moved,
            calibration: player.copied(),
            model: models.get(model).and_then(PoseModel::sha256).map(str::to_owned),
        };
        if let Err(error) = writer.push(&frame) {
            error!("avatar {avatar} is not recorded any more: {error}");
            recorder.writer = None;
        }
    }
}

/// A recorder that another one replaces is discarded, not removed.
pub(super) fn on_stop_recording(
    stopped: On<Discard, TrackerRecorder>,
    mut recorders: Query<&mut TrackerRecorder>,
) {
    if let Ok(mut recorder) = recorders.get_mut(stopped.entity)
        && let Some(writer) = recorder.writer.take()
        && let Err(error) = writer.finish()
    {
        error!("the end of a recording is missing: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each dropped recorder, whether its file was already closed.
    #[derive(Resource, Default)]
    struct Ended(Vec<bool>);

    #[test]
    fn a_recorder_ends_its_file_when_it_is_replaced_removed_or_despawned() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = |name: &str| TrackerRecorder::create(folder.path().join(name), false);
        let mut world = World::new();
        world.init_resource::<Ended>();
        world.add_observer(on_stop_recording);
        // Hooks run after observers.
        world.register_component_hooks::<TrackerRecorder>().on_discard(|mut world, context| {
            let ended = world
                .get::<TrackerRecorder>(context.entity)
                .is_some_and(|recorder| !recorder.is_recording());
            world.resource_mut::<Ended>().0.push(ended);
        });
        let avatar = world.spawn(recorder("a.jsonl").unwrap()).id();
        world.entity_mut(avatar).insert(recorder("b.jsonl").unwrap());
        assert!(world.get::<TrackerRecorder>(avatar).unwrap().is_recording());
        world.entity_mut(avatar).remove::<TrackerRecorder>();
        world.entity_mut(avatar).insert(recorder("c.jsonl").unwrap());
        world.despawn(avatar);
        assert_eq!(world.resource::<Ended>().0, [true; 3]);
    }
}
