//! The network as an asset.

use bevy::prelude::*;
use kinest::model::ModelSpec;
use kinest::runtime::PoseEngine;
use kinest_engine::DeviceChoice;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An engine that runs, or why there is none.
pub(crate) type Opened = Result<Box<dyn PoseEngine>, Box<dyn Error + Send + Sync>>;

/// A network that estimates poses: what it is fed, and how to start it.
#[derive(Asset, TypePath, Clone)]
pub struct PoseModel {
    spec: ModelSpec,
    open: Arc<dyn Fn(DeviceChoice) -> Opened + Send + Sync>,
}

impl PoseModel {
    /// A model run by engines of the caller's own making, for tests and for back ends this crate
    /// does not know. `make` is called on the worker thread, whatever device the settings name.
    pub fn from_engine<E: PoseEngine + 'static>(
        spec: ModelSpec,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        Self { spec, open: Arc::new(move |_| Ok(Box::new(make()))) }
    }

    /// How it is fed and read.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }
}

impl fmt::Debug for PoseModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoseModel").field("spec", &self.spec).finish_non_exhaustive()
    }
}
