//! The networks of `kinest` in Burn operations: they train, and run on any back end.
//!
//! | module | holds |
//! |---|---|
//! | [`layers`] | layers shared by networks: Mamba-2 blocks, filters and mixers along time, standardisation, batch normalisation |
//! | [`pose`] | pose networks: [`Kinest`](pose::Kinest) and a perceptron |
//! | [`forecast`] | forecasting networks: [`Ksof`](forecast::Ksof) and [`SiMlpe`](forecast::SiMlpe) |
//! | [`align`] | texts and motions in one space: [`Htma`](align::Htma) |
//! | [`tokens`] | a motion as whole numbers: encoder, residual quantiser, decoder |
//! | [`generate`] | the tokens of the motion that a text describes: [`Generator`](generate::Generator) |
//! | [`loss`] | losses on 6D outputs, on predicted positions, on codes, and between texts and motions |
//! | [`engine`] | [`BurnEngine`](engine::BurnEngine) and [`BurnForecaster`](engine::BurnForecaster), which run a network for the live pipeline |
//! | [`tensors`] | a module's tensors by name, as in checkpoints |
//! | [`import`] | conversion of weights trained with the reference implementation |
//!
//! Dimensions, manifests and checkpoint files are in [`kinest::model`]. To run a trained network:
//!
//! ```no_run
//! use burn_flex::{Flex, FlexDevice};
//! use kinest::live::PoseEstimator;
//! use kinest::model::Checkpoint;
//! use kinest_nn::engine::BurnEngine;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint = Checkpoint::load("assets/models/kinest_small.model.ron")?;
//! let engine = BurnEngine::<Flex>::new(&checkpoint, FlexDevice, "cpu")?;
//! let estimator = PoseEstimator::new(Box::new(engine));
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod align;
pub mod engine;
pub mod forecast;
pub mod generate;
pub mod import;
pub mod layers;
pub mod loss;
pub mod pose;
pub mod tensors;
pub mod tokens;
