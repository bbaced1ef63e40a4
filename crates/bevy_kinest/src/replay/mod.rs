//! Motions that trackers follow instead of a player, recording of a player's trackers, and of bodies.

mod drive;
mod motion;
mod recorder;
mod writer;

pub use motion::MotionReplay;
pub use recorder::TrackerRecorder;
pub use writer::MotionWriter;

use crate::files::MotionFile;
use crate::frame::KinestSystems;
use crate::trackers::sample;
use bevy::prelude::*;
use drive::{on_despawn, open_files, replay, tell_replayed};
use recorder::{on_stop_recording, record};
use writer::{UnsavedMotions, on_exit, on_stop_writing, write, write_again};

/// Moves trackers along each [`MotionReplay`], and runs [`TrackerRecorder`]s and [`MotionWriter`]s.
pub struct KinestReplayPlugin;

impl Plugin for KinestReplayPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<UnsavedMotions>()
            .register_type::<MotionReplay>()
            .register_type::<TrackerRecorder>()
            .register_type::<MotionWriter>()
            .add_systems(
                PreUpdate,
                (open_files.run_if(resource_exists::<Assets<MotionFile>>), replay).chain(),
            )
            .add_systems(
                PostUpdate,
                (
                    tell_replayed.in_set(KinestSystems::Sample).before(sample),
                    (record, write, write_again).after(KinestSystems::Writeback),
                ),
            )
            .add_systems(Last, on_exit)
            .add_observer(on_despawn)
            .add_observer(on_stop_recording)
            .add_observer(on_stop_writing);
    }
}
