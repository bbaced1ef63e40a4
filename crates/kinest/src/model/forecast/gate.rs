//! Where a forecaster is better than its baseline, and so is used.

use crate::skeleton::Group;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// For which parts of a body, and how far ahead, a network is used in place of the baseline.
///
/// Frames are those that the network predicts, counted from 1. Between a frame with the network
/// and one without it a forecast blends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastGate {
    /// Frames of each kinematic group for whose rotations the network is used. A group that is not
    /// listed has none.
    pub groups: BTreeMap<Group, Vec<usize>>,
    /// Frames for which the network moves the root.
    pub translation: Vec<usize>,
}

impl ForecastGate {
    /// The network for everything that it predicts: `horizon` frames.
    #[must_use]
    pub fn everywhere(horizon: usize) -> Self {
        let frames: Vec<usize> = (1..=horizon).collect();
        let groups = Group::ALL.map(|group| (group, frames.clone()));
        Self { groups: groups.into(), translation: frames }
    }

    /// Whether the network is used for the rotations of `group` in predicted frame `frame`.
    #[must_use]
    pub fn passes(&self, group: Group, frame: usize) -> bool {
        self.groups.get(&group).is_some_and(|frames| frames.contains(&frame))
    }

    /// A frame that is not one of the `horizon` that a network predicts.
    pub(super) fn stray_frame(&self, horizon: usize) -> Option<usize> {
        let frames = self.groups.values().flatten().chain(&self.translation);
        frames.copied().find(|frame| !(1..=horizon).contains(frame))
    }
}
