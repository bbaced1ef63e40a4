//! Forecasts: models that continue a motion, with the dimensions of their networks.
//!
//! A forecaster sees the last frames of a motion and outputs the next ones. [`ForecastConfig`] is
//! its network, [`ForecastSpec`] its inputs and outputs, and [`Forecasting`] the kind of model
//! under which it is stored.

mod gate;
mod kind;
mod ksof;
mod network;
mod simlpe;
mod spec;

pub use gate::ForecastGate;
pub use kind::Forecasting;
pub use ksof::{Fusion, FusionScale, KsofConfig};
pub use network::ForecastConfig;
pub use simlpe::SiMlpeConfig;
pub use spec::{ForecastLayout, ForecastSpec};
