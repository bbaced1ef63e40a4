//! Reports: scores of models on motion they were not trained on, tables, and timings.

mod baselines;
mod evaluate;
mod figures;
pub mod latency;
mod looks;
mod refined;
pub mod search;
mod table;

pub use baselines::Baseline;
pub use evaluate::{Candidate, Estimator, evaluate};
pub use figures::{
    ClipReport, ClipScore, ModelReport, ProtocolReport, RefinedReport, RegionReport, Regions,
    Report, WorstClip,
};
pub use looks::{Looks, LooksReport, Step};
pub use refined::{Refined, refine};
