//! Networks that forecast bodies.

use super::asset::{PoseModelError, read_checkpoint};
use crate::files::FromFile;
use bevy::asset::{AssetEvent, LoadContext};
use bevy::platform::cell::SyncCell;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use kinest::forecast::{BodyForecaster, Extrapolation, ForecastEngine};
use kinest::model::CheckpointOf;
use kinest::model::forecast::{ForecastSpec, Forecasting as ForecastKind};
use kinest_engine::{DeviceChoice, OpenError};
use std::fmt;
use std::sync::Arc;

type Open = dyn Fn() -> Result<Box<dyn ForecastEngine>, OpenError> + Send + Sync;

/// A network that forecasts bodies: its spec and the means to open it. It runs on the CPU, on the
/// main thread, in the frame that needs it.
///
/// Loaded from `*.model.ron` and the weights file named there, which lies beside it.
#[derive(Asset, TypePath, Clone)]
pub struct ForecastModel {
    spec: ForecastSpec,
    open: Arc<Open>,
}

impl ForecastModel {
    /// The model of a checkpoint that was not loaded by the asset server.
    #[must_use]
    pub fn from_checkpoint(checkpoint: CheckpointOf<ForecastKind>) -> Self {
        let spec = checkpoint.manifest.spec.clone();
        let open = move || kinest_engine::open_forecaster(&checkpoint, DeviceChoice::Cpu);
        Self { spec, open: Arc::new(open) }
    }

    /// A model run by the caller's own engines, for tests and for other back ends.
    pub fn from_engine<E: ForecastEngine + 'static>(
        spec: ForecastSpec,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        Self { spec, open: Arc::new(move || Ok(Box::new(make()))) }
    }

    /// Its inputs, outputs, and the gate between network and baseline.
    #[must_use]
    pub fn spec(&self) -> &ForecastSpec {
        &self.spec
    }
}

impl fmt::Debug for ForecastModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForecastModel").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Choice of a forecaster: a model, or the baseline alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Forecasting {
    pub model: Option<AssetId<ForecastModel>>,
    pub baseline: Extrapolation,
}

/// The forecasters in use: one for each model, and the baseline.
#[derive(Resource)]
pub(crate) struct Forecasters {
    baseline: SyncCell<BodyForecaster>,
    networks: HashMap<AssetId<ForecastModel>, SyncCell<BodyForecaster>>,
}

impl Default for Forecasters {
    fn default() -> Self {
        let baseline = BodyForecaster::new(Extrapolation::default());
        Self { baseline: SyncCell::new(baseline), networks: HashMap::default() }
    }
}

impl Forecasters {
    /// The requested forecaster; the baseline while its model is being loaded or if it cannot be
    /// opened.
    pub fn get(&mut self, wanted: &Forecasting) -> &mut BodyForecaster {
        let network = wanted.model.and_then(|model| self.networks.get_mut(&model));
        let forecaster = network.unwrap_or(&mut self.baseline).get();
        forecaster.extrapolation = wanted.baseline;
        forecaster
    }
}

/// Opens models that were loaded or changed, and drops unloaded ones.
pub(super) fn follow_forecast_models(
    mut events: MessageReader<AssetEvent<ForecastModel>>,
    models: Res<Assets<ForecastModel>>,
    mut forecasters: ResMut<Forecasters>,
) {
    for event in events.read() {
        match event {
            AssetEvent::Added { id } | AssetEvent::Modified { id } => {
                let Some(model) = models.get(*id) else { continue };
                let opened = (model.open)().map_err(|error| error.to_string());
                let opened = opened.and_then(|engine| {
                    let forecaster = BodyForecaster::with_engine(Extrapolation::default(), engine);
                    forecaster.map_err(|error| error.to_string())
                });
                match opened {
                    Ok(forecaster) => {
                        forecasters.networks.insert(*id, SyncCell::new(forecaster));
                    }
                    Err(reason) => {
                        error!("a model cannot forecast, the baseline goes on: {reason}");
                    }
                }
            }
            AssetEvent::Removed { id } => _ = forecasters.networks.remove(id),
            _ => {}
        }
    }
}

impl FromFile for ForecastModel {
    type Error = PoseModelError;
    const ENDINGS: &'static [&'static str] = &["model.ron"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, PoseModelError> {
        Ok(Self::from_checkpoint(read_checkpoint(bytes, context).await?))
    }
}
