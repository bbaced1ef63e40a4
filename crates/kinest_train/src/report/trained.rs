//! Trained models, by name.

use kinest::model::{CheckpointOf, ModelKind};

/// A trained model.
#[derive(Clone, Debug)]
pub struct TrainedModel<K: ModelKind> {
    /// Name in tables.
    pub name: String,
    /// The network and its weights.
    pub checkpoint: CheckpointOf<K>,
}
