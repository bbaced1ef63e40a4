//! The steps of a frame.

use bevy::prelude::*;

/// The steps of a frame, chained in `PostUpdate` after
/// [`AnimationSystems`](bevy::app::AnimationSystems) and before [`TransformSystems::Propagate`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KinestSystems {
    /// Reads every avatar's trackers, and triggers [`TrackingLost`](crate::TrackingLost) and
    /// [`TrackingRegained`](crate::TrackingRegained). Move trackers before it.
    Sample,
    /// Submits every avatar's input to the network.
    Infer,
    /// Takes the newest outputs and writes [`BodyPose`](crate::BodyPose), placed below the newest
    /// head pose.
    Apply,
    /// Corrects [`BodyPose`](crate::BodyPose) as set in [`KinestRefine`](crate::KinestRefine). Put
    /// your own corrections after it and before [`Writeback`](Self::Writeback).
    Refine,
    /// Writes [`BodyPose`](crate::BodyPose) to the joints of each
    /// [`SmplSkeleton`](crate::SmplSkeleton).
    Writeback,
}
