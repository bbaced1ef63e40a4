//! State of models.

use super::asset::PoseModel;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::live::InferenceStats;

/// State of each model in use, for panels and logs: the state that
/// [`KinestReady`](crate::KinestReady) and related messages announce once.
#[derive(Resource, Debug, Default, Reflect)]
#[reflect(Resource, Default)]
pub struct KinestModels(HashMap<AssetId<PoseModel>, ModelStatus>);

impl KinestModels {
    /// `None` while the model is being loaded, and if no avatar uses it.
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

/// State of one model.
#[derive(Clone, Debug, Default, PartialEq, Reflect)]
pub struct ModelStatus {
    /// Whether it is running.
    pub state: ModelState,
    /// The last problem since it was opened: the cause of a failure, of a fallback to another
    /// engine, or of a rejected change of its asset.
    pub trouble: Option<String>,
    /// Latency of its calls; `None` before the first one.
    pub latency: Option<Latency>,
    /// Requests replaced by newer ones while waiting, since its engine was opened.
    pub dropped: u64,
    /// Outputs that arrived too late (after a teleport, a reset or a change of model), since its
    /// engine was opened.
    pub stale: u64,
}

impl ModelStatus {
    pub(super) fn measure(&mut self, stats: &InferenceStats) {
        (self.dropped, self.stale) = (stats.replaced, stats.late);
        self.latency = Latency::of(stats);
    }
}

/// Whether a model is running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Reflect)]
pub enum ModelState {
    /// Its engine is being opened.
    #[default]
    Opening,
    /// It is running.
    Running {
        /// `cpu`, `wgpu` or `cuda`.
        device: String,
    },
    /// It cannot be loaded, or its engines fail repeatedly; [`ModelStatus::trouble`] has the cause.
    /// It is retried with exponential back-off.
    Failed,
}

/// Latency of a network's calls, milliseconds. Percentiles are over the last 480 calls.
#[derive(Clone, Copy, Debug, PartialEq, Reflect)]
pub struct Latency {
    /// The newest call.
    pub last_ms: f64,
    /// 50 % of the calls take at most this.
    pub p50_ms: f64,
    /// 95 % of the calls take at most this.
    pub p95_ms: f64,
    /// 99 % of the calls take at most this.
    pub p99_ms: f64,
    /// Longest time that a request of the newest call waited in the queue.
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
