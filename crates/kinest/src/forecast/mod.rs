//! Forecasts of bodies.
//!
//! ```text
//! Pose (shown) ─→ PoseHistory ─→ BodyAxes ─→ ForecastEngine ─→ BodyAxes ─┐
//!                      └──────→ Extrapolation ──────────────────────────┴→ gate ─→ ForecastPose
//! ```
//!
//! A [`BodyForecaster`] continues the poses of a [`PoseHistory`]. Its baseline is an
//! [`Extrapolation`], which needs no network; with a [`ForecastEngine`] a network takes over for
//! the groups and horizons where it was measured to be better, according to the model's
//! [`ForecastGate`](crate::model::forecast::ForecastGate).
//!
//! ```
//! use kinest::forecast::{BodyForecaster, Extrapolation};
//! use kinest::motion::synthetic::walk_and_wave;
//! use kinest::skeleton::{Skeleton, SmplJoint};
//!
//! let mut forecaster = BodyForecaster::new(Extrapolation::default());
//! let mut history = forecaster.history();
//! let clip = walk_and_wave(&Skeleton::default());
//! for i in 0..30 {
//!     let time = f64::from(i) / 60.0;
//!     history.push(time, &clip.pose_at(time));
//! }
//! let soon = forecaster.forecast(&history, 0.1).expect("there are poses");
//! let knee = SmplJoint::LeftKnee.index();
//! println!("bent by {}, sure: {}", soon.pose.rotations[knee], soon.confidence[knee]);
//! ```

mod body_axes;
mod engine;
mod extrapolation;
mod forecaster;
mod hinges;
mod history;

pub use body_axes::BodyAxes;
pub use engine::{ForecastEngine, ForecastOutput};
pub use extrapolation::Extrapolation;
pub use forecaster::{BodyForecaster, ForecastPose, NotABody};
pub(crate) use hinges::limit_bends;
pub use history::PoseHistory;
