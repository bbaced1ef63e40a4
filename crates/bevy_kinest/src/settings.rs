//! When things happen in a frame, and what the user can set.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest_engine::DeviceChoice;

/// The steps of one frame, chained in `PostUpdate` after
/// [`AnimationSystems`](bevy::app::AnimationSystems) and before
/// [`TransformSystems::Propagate`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KinestSystems {
    /// Reads the trackers of every avatar into its history. Whatever moves a tracker must have run.
    Sample,
    /// Hands every avatar's window to the network.
    Infer,
    /// Takes the newest answers and writes [`BodyPose`](crate::BodyPose), placed under the newest
    /// head.
    Apply,
    /// Changes to [`BodyPose`](crate::BodyPose) after the network go here; empty unless the user
    /// puts systems in.
    Refine,
    /// Writes [`BodyPose`](crate::BodyPose) onto the joints of each
    /// [`SmplSkeleton`](crate::SmplSkeleton).
    Writeback,
}

/// Whether a frame waits for its pose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
pub enum InferenceMode {
    /// No: frames take the newest pose there is. For games.
    #[default]
    Worker,
    /// Yes: every frame shows the pose of its own trackers, the same in every run. For tests,
    /// pictures and films.
    Inline,
}

/// How the plugins run networks. May be changed at any time.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Resource, Default)]
pub struct KinestSettings {
    /// The device networks run on. A change opens every model anew.
    #[reflect(remote = DeviceChoiceReflect)]
    pub device: DeviceChoice,
    /// Whether a frame waits for its pose.
    pub mode: InferenceMode,
}

impl KinestSettings {
    /// Repeatable: the CPU, and every frame waits for its own pose.
    #[must_use]
    pub fn inline() -> Self {
        Self { device: DeviceChoice::Cpu, mode: InferenceMode::Inline }
    }
}

/// Stands for [`DeviceChoice`], which knows nothing of Bevy, in reflection.
#[reflect_remote(DeviceChoice)]
#[derive(Clone, Copy, Debug, Default)]
pub enum DeviceChoiceReflect {
    /// See [`DeviceChoice::Auto`].
    #[default]
    Auto,
    /// See [`DeviceChoice::Cuda`].
    Cuda,
    /// See [`DeviceChoice::Wgpu`].
    Wgpu,
    /// See [`DeviceChoice::Cpu`].
    Cpu,
}
