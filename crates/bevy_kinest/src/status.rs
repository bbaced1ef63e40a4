//! How models and avatars are doing.

use crate::{DropoutReason, PoseModel};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::runtime::InferenceStats;

/// How each model that is in use is doing, for panels, logs and whoever wants to know at any time what
/// [`KinestReady`](crate::KinestReady) and its like say once.
#[derive(Resource, Debug, Default, Reflect)]
#[reflect(Resource, Default)]
pub struct KinestModels(HashMap<AssetId<PoseModel>, ModelStatus>);

impl KinestModels {
    /// `None` while the model is being loaded, and if no avatar has it.
    #[must_use]
    pub fn get(&self, model: impl Into<AssetId<PoseModel>>) -> Option<&ModelStatus> {
        self.0.get(&model.into())
    }

    pub(crate) fn of(&mut self, model: AssetId<PoseModel>) -> &mut ModelStatus {
        self.0.entry(model).or_default()
    }

    pub(crate) fn forget(&mut self, model: AssetId<PoseModel>) {
        self.0.remove(&model);
    }
}

/// How one model is doing.
#[derive(Clone, Debug, Default, PartialEq, Reflect)]
pub struct ModelStatus {
    /// Whether it runs.
    pub state: ModelState,
    /// What went wrong since it was opened: why it failed, why it fell back to another engine, why a
    /// change was not taken over.
    pub trouble: Option<String>,
    /// How long its calls take; `None` before the first one.
    pub latency: Option<Latency>,
    /// Windows that a newer one replaced before their turn came, since its engine was opened.
    pub dropped: u64,
    /// Answers that came too late: after a teleport, a reset, another model. Since its engine was opened.
    pub stale: u64,
}

impl ModelStatus {
    pub(crate) fn measure(&mut self, stats: &InferenceStats) {
        (self.dropped, self.stale) = (stats.replaced, stats.late);
        self.latency = Latency::of(stats);
    }
}

/// Whether a model runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Reflect)]
pub enum ModelState {
    /// Its engine is being opened.
    #[default]
    Opening,
    /// It runs.
    Running {
        /// On `cpu`, `wgpu`, `cuda`.
        device: String,
    },
    /// It was given up; [`ModelStatus::trouble`] says why.
    Failed,
}

/// What has come in for an avatar since it was spawned, and what is missing. Whoever looks twice has
/// rates.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct AvatarStatus {
    /// Answers of the network that were taken.
    pub estimates: u64,
    /// Frames in which the head, the left and the right hand were seen at another place than before.
    pub moves: [u64; 3],
    /// Why the head, the left and the right hand are lost; `None` while they are tracked.
    pub lost: [Option<DropoutReason>; 3],
}

/// How long calls of a network take, milliseconds. Percentiles are those of the last 480 calls.
#[derive(Clone, Copy, Debug, PartialEq, Reflect)]
pub struct Latency {
    /// The newest call.
    pub last_ms: f64,
    /// Half of the calls take at most this.
    pub p50_ms: f64,
    /// 95 % of the calls take at most this.
    pub p95_ms: f64,
    /// 99 % of the calls take at most this.
    pub p99_ms: f64,
    /// How long the oldest window of the newest call waited for its turn.
    pub queue_ms: f64,
}

impl Latency {
    fn of(stats: &InferenceStats) -> Option<Self> {
        Some(Self {
            last_ms: stats.last_ms,
            p50_ms: stats.percentile_ms(0.5)?,
            p95_ms: stats.percentile_ms(0.95)?,
            p99_ms: stats.percentile_ms(0.99)?,
            queue_ms: stats.queue_ms,
        })
    }
}
