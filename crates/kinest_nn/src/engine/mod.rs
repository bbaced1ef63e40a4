//! Engines on any Burn back end.

mod forecast;
mod pose;

pub use forecast::BurnForecaster;
pub use pose::BurnEngine;
