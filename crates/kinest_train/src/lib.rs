//! The command line of KineST, without a game engine: synth, prepare, train, evaluate, predict,
//! render, import, calibrate, export, inspect, bench, describe, library, search, generate, edit.
//!
//! The [guide] shows the whole way from a folder of clips to a model in a game. Each command of
//! `kinest-train` is a module with its arguments and a `run` function, so other programs can call
//! it:
//!
//! ```no_run
//! use kinest_train::commands::predict::{self, PredictArgs, ProtocolChoice};
//! use kinest::tracker::TrackerRole;
//! use kinest_engine::DeviceChoice;
//!
//! # fn main() -> anyhow::Result<()> {
//! predict::run(PredictArgs {
//!     model: "assets/models/kinest_small.model.ron".into(),
//!     motion: "walk_00_poses.npz".into(),
//!     out: "estimate.npz".into(),
//!     trackers: ["head", "hands"].into_iter().filter_map(TrackerRole::named).collect(),
//!     protocol: ProtocolChoice::Online,
//!     skeleton: None,
//!     device: DeviceChoice::Cpu,
//! })
//! # }
//! ```
//!
//! Each folder is a layer. It uses its own files and lower layers only:
//!
//! | layer | module | contents |
//! |---|---|---|
//! | 5 | [`commands`] | the subcommands: arguments and output |
//! | 4 | [`report`] | figures, tables and timings |
//! | 3 | [`tasks`] | what can be trained: for each task its examples, loss and scores |
//! | 2 | [`run`] | the training loop of any task |
//! | 1 | [`data`] | motion: clips, stores, splits, augmentation |
//! | 1 | [`engine`] | opening a trained model |
//! | 1 | [`render`] | pictures of motion |
//! | 0 | [`progress`], `output` | progress bars, and lines on stdout |
//!
//! | feature | adds |
//! |---|---|
//! | (always) | the CPU, with a fused scan ([`tasks::pose::fused`]) |
//! | `wgpu` | training and inference on any GPU with Vulkan, Metal or DirectX 12 |
//! | `cuda` | the same on NVIDIA GPUs |
//!
//! [guide]: https://github.com/bevy-kinest/bevy_kinest/blob/main/crates/kinest_train/README.md
#![warn(missing_docs)]

pub mod commands;
pub mod data;
pub mod engine;
mod output;
pub mod progress;
pub mod render;
pub mod report;
pub mod run;
pub mod tasks;
