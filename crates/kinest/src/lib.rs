//! KineST in Rust: the whole body from head and hands, without an engine.
//!
//! Words, each with one meaning everywhere: a *tracker* is a tracked device and its *role* is where it
//! is worn; a *joint* is one of SMPL's 22; a *pose* is one frame of a body, a *clip* many; a *window*
//! is the frames a network sees, *features* and *targets* are the numbers that go in and come out;
//! *offline* estimates may have seen the future, *online* ones have not.
//!
//! Everything is in AMASS space: right-handed, metres, radians, z up. [`coordinates`] is the way to
//! and from engines, where y is up.
//!
//! | to | see |
//! |---|---|
//! | read and write motion files | [`motion::amass`] |
//! | load a trained model | [`model::Checkpoint`] |
//! | estimate poses from live trackers | [`runtime::PoseEstimator`], or [`runtime::PoseWorker`] on a thread of its own |
//! | put head, hands and feet where they belong | [`refine`] |
//! | fit a model to a player's size | [`calibration::Calibration`] |
//! | move the bones of a character | [`rig`] |
//! | predict and score whole clips | [`runtime::protocol`] |
//! | build a network to train | [`model::NetworkConfig`] |
#![warn(missing_docs)]

pub mod calibration;
pub mod coordinates;
pub mod features;
pub mod files;
pub mod metrics;
pub mod model;
pub mod motion;
pub mod native;
pub mod refine;
pub mod rig;
pub mod rotation;
pub mod runtime;
pub mod skeleton;
pub mod tracker;
