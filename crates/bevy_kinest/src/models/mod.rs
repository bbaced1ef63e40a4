//! Networks: model files, the engines that run them, and their state.

mod asset;
pub(crate) mod diagnostics;
mod events;
mod forecast;
mod retry;
mod running;
mod standing;
mod status;
mod workers;

pub use asset::{PoseModel, PoseModelError};
pub use events::{KinestFailed, KinestFellBack, KinestReady};
pub use forecast::ForecastModel;
pub(crate) use forecast::{Forecasters, Forecasting};
pub(crate) use running::News;
pub use status::{KinestModels, Latency, ModelState, ModelStatus};
pub(crate) use workers::{Workers, follow_assets};

use crate::files::FileLoader;
use crate::frame::KinestSystems;
use bevy::prelude::*;
use forecast::follow_forecast_models;
use retry::retry;

/// Loads models and reloads changed files.
pub(crate) struct ModelsPlugin;

impl Plugin for ModelsPlugin {
    fn build(&self, app: &mut App) {
        diagnostics::register(app);
        app.init_resource::<Workers>()
            .init_resource::<KinestModels>()
            .init_resource::<Forecasters>()
            .register_type::<KinestFailed>()
            .register_type::<KinestFellBack>()
            .register_type::<KinestModels>()
            .register_type::<KinestReady>()
            .init_asset::<PoseModel>()
            .init_asset::<ForecastModel>()
            .init_asset_loader::<FileLoader<PoseModel>>()
            .init_asset_loader::<FileLoader<ForecastModel>>()
            .add_message::<KinestReady>()
            .add_message::<KinestFellBack>()
            .add_message::<KinestFailed>()
            .add_systems(
                PostUpdate,
                (follow_assets, follow_forecast_models, retry::<PoseModel>, retry::<ForecastModel>)
                    .in_set(KinestSystems::Infer),
            );
    }
}
