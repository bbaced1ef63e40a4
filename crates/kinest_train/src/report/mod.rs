//! Reports: scores of models on motion they were not trained on, tables, and timings.

pub mod alignment;
mod baselines;
pub mod body_forecast;
mod certainty;
mod evaluate;
mod figures;
mod forecast;
mod forecast_table;
pub mod frechet;
pub mod generated;
pub mod generation;
mod interactions;
pub mod latency;
mod looks;
mod motion_space;
pub mod network_motion;
mod recall;
mod refined;
pub mod retrieval;
pub mod search;
mod table;
mod tokens;
mod trained;

pub use baselines::Baseline;
pub use certainty::{CertaintyReport, CertaintySums, ErrorRow, MEAN_DISTANCE};
pub use evaluate::{Candidate, Estimator, evaluate};
pub use figures::{
    ClipReport, ClipScore, ModelReport, ProtocolReport, RefinedReport, RegionReport, Regions,
    Report, WorstClip,
};
pub use forecast::{
    ActionScore, FirstForecaster, ForecastBaselines, ForecastReport, ForecastScores, NamedScores,
    TrainedForecaster, evaluate_forecasters,
};
pub use interactions::{HandsReport, InteractionReport, Interactions};
pub use looks::{Looks, LooksReport, Step};
pub use recall::Recall;
pub use refined::{Refined, refine};
pub use tokens::{KeyFrames, Read, TokenReport, TokenRow, TrainedTokens, evaluate_tokens};
pub use trained::TrainedModel;
