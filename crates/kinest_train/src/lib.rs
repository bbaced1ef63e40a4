//! The headless side of KineST: prepare, train, evaluate, predict, render, import, export,
//! inspect, synth, bench.
//!
//! `kinest-train` is its command line, and the [guide] goes the whole way from a folder of clips to a model in a
//! game. Each command is a module with its arguments and a `run`, for programs that do the same:
//!
//! ```no_run
//! use kinest_train::predict::{self, PredictArgs, ProtocolChoice};
//! use kinest_engine::DeviceChoice;
//!
//! # fn main() -> anyhow::Result<()> {
//! predict::run(PredictArgs {
//!     model: "assets/models/kinest_small.model.ron".into(),
//!     motion: "walk_00_poses.npz".into(),
//!     out: "estimate.npz".into(),
//!     protocol: ProtocolChoice::Online,
//!     skeleton: None,
//!     device: DeviceChoice::Cpu,
//! })
//! # }
//! ```
//!
//! | to | see |
//! |---|---|
//! | make motion, read and pack it | [`synth`], [`clips`], [`prepare`], [`motion_store`] |
//! | draw windows of it, changed on the way | [`dataset`], [`cut`], [`augment`] |
//! | train | [`config::TrainConfig`], [`train`], [`teacher`] |
//! | measure | [`evaluate`], [`mod@bench`] |
//! | look | [`render`], [`inspect`] |
//! | bring models in and out | [`import`], [`export`], [`skeleton`] |
//!
//! | feature | what it adds |
//! |---|---|
//! | (always) | the CPU, with its own fused scan ([`fused`]) |
//! | `wgpu` | training and inference on any GPU with Vulkan, Metal or DirectX 12 |
//! | `cuda` | the same on NVIDIA GPUs |
//!
//! [guide]: https://github.com/bevy-kinest/bevy_kinest/blob/main/crates/kinest_train/README.md
#![warn(missing_docs)]

pub mod augment;
pub mod bench;
pub mod clips;
pub mod config;
pub mod cut;
pub mod dataset;
pub mod device;
pub mod engine;
pub mod evaluate;
pub mod export;
pub mod fused;
pub mod import;
pub mod inspect;
pub mod loss;
pub mod motion_store;
mod output;
pub mod predict;
pub mod prepare;
pub mod progress;
pub mod render;
pub mod skeleton;
pub mod splits;
pub mod subsets;
pub mod synth;
pub mod teacher;
pub mod train;
