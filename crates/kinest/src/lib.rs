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
//! # A body from trackers
//!
//! A [`Checkpoint`](model::Checkpoint) holds a trained network, a [`PoseEngine`](runtime::PoseEngine) runs it,
//! a [`PoseEstimator`](runtime::PoseEstimator) is given tracker frames of any rate and has a pose for each:
//!
//! ```no_run
//! use burn_flex::{Flex, FlexDevice};
//! use kinest::model::Checkpoint;
//! use kinest::motion::synthetic::walk_and_wave;
//! use kinest::refine::place_trackers;
//! use kinest::runtime::{BurnEngine, PoseEstimator};
//! use kinest::skeleton::{Skeleton, SmplJoint};
//! use kinest::tracker::{TrackerFrame, TrackerSet};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let checkpoint = Checkpoint::load("assets/models/kinest_small.model.ron".as_ref())?;
//!     // Burn's CPU back end; the crate `kinest_engine` finds the fastest device that works.
//!     let engine = BurnEngine::<Flex>::new(&checkpoint, FlexDevice, "cpu")?;
//!     let mut estimator = PoseEstimator::new(Box::new(engine));
//!
//!     // Somebody who walks and waves stands for a headset and two controllers.
//!     let skeleton = Skeleton::default();
//!     let clip = walk_and_wave(&skeleton);
//!     for i in 0..clip.frames.len() {
//!         let time = i as f64 / clip.rate_hz;
//!         let joints = skeleton.pose_joints(&clip.pose_at(time));
//!         let trackers = TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
//!         estimator.push(trackers.clone())?;
//!         let mut pose = estimator.estimate()?;
//!         place_trackers(&skeleton, &mut pose, &trackers.poses);
//!         let knee = skeleton.pose_joints(&pose).positions[SmplJoint::LeftKnee.index()];
//!         println!("{time:.2} s: left knee at {knee:.2}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`PoseWorker`](runtime::PoseWorker) runs the engine on a thread of its own for many players at once, and
//! [`PoseTimeline`](runtime::PoseTimeline) has a pose for every drawn frame whenever answers come.
//!
//! # Engines
//!
//! | engine | runs | on |
//! |---|---|---|
//! | [`BurnEngine`](runtime::BurnEngine) | every network, fed by windows or frame by frame | any back end of Burn; the crate `kinest_engine` chooses one |
//! | [`NativeEngine`](runtime::NativeEngine) | KineST networks, fed either way | the CPU, without a tensor library and several times faster |
//! | your own [`PoseEngine`](runtime::PoseEngine) | what you like | |
//!
//! ```
//! use burn_flex::{Flex, FlexDevice};
//! use kinest::model::Checkpoint;
//! use kinest::native::NativeKinest;
//! use kinest::runtime::NativeEngine;
//!
//! /// Burn reads the weights, and is not needed after that.
//! fn native(checkpoint: &Checkpoint) -> Result<NativeEngine, Box<dyn std::error::Error>> {
//!     let network = checkpoint.network::<Flex>(&FlexDevice)?;
//!     let network = NativeKinest::new(&checkpoint.manifest.network, &network)?;
//!     Ok(NativeEngine::new(network, checkpoint.manifest.spec.clone()))
//! }
//! ```
//!
//! A causal network becomes a [`NativeStreams`](native::NativeStreams), and
//! [`NativeEngine::streaming`](runtime::NativeEngine::streaming) runs it.
//!
//! # Streaming
//!
//! A network sees a window of the newest frames anew each time ([`Feed::Windows`](model::Feed)), or it is
//! causal ([`CausalConfig`](model::CausalConfig)), is fed each frame once ([`Feed::Frames`](model::Feed)) and
//! remembers what it needs: a frame costs the same however long the stream is. [`PoseEstimator`](runtime::PoseEstimator)
//! and [`PoseWorker`](runtime::PoseWorker) take either. Without them, a [`FrameFeed`](runtime::FrameFeed) makes
//! the network's frames of trackers of any rate, and [`PoseEngine::streams`](runtime::PoseEngine::streams) takes
//! them:
//!
//! ```
//! use kinest::runtime::{
//!     EngineError, FrameFeed, PoseEngine, StreamFrames, Take, TrackerHistory, decode_output,
//!     place_under_head, streams_of,
//! };
//! use kinest::skeleton::Pose;
//!
//! /// The newest pose of the player `stream`, whose trackers are in `history`.
//! fn next_pose(
//!     engine: &mut dyn PoseEngine,
//!     stream: u64,
//!     history: &TrackerHistory,
//!     feed: &mut FrameFeed,
//! ) -> Result<Option<Pose>, EngineError> {
//!     let spec = engine.spec().clone();
//!     let Some(new) = feed.next(history) else { return Ok(None) };
//!     let streams = streams_of(engine)?;
//!     if new.starts {
//!         streams.end(stream);
//!     }
//!     let frames = StreamFrames { stream, features: &new.features };
//!     let output = streams.advance(&[frames], Take::Newest)?;
//!     let newest = history.newest().map(|frame| frame.poses[0].position);
//!     Ok(decode_output(&spec, &output, &new.axes)
//!         .zip(newest)
//!         .map(|(rotations, head)| place_under_head(&spec.skeleton, &rotations, head)))
//! }
//! ```
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | read and write motion files, make motion by code | [`motion::amass`], [`motion::synthetic`] |
//! | read recordings of a headset, know how devices are held | [`motion::headset`], [`tracker::DeviceFromJoint`] |
//! | load a trained model | [`model::Checkpoint`] |
//! | estimate poses from live trackers | [`runtime`] |
//! | put head, hands and feet where they belong | [`refine`] |
//! | fit a model to a player's size | [`calibration::Calibration`] |
//! | move the bones of a character | [`rig`] |
//! | record trackers and read them back | [`runtime::RecordingWriter`], [`runtime::Recording`] |
//! | predict and score whole clips | [`runtime::protocol`], [`metrics`] |
//! | build a network to train | [`model::NetworkConfig`] |
//!
//! There are no features. For games there is `bevy_kinest`, for training the program `kinest-train`.
#![warn(missing_docs)]

pub mod calibration;
pub mod coordinates;
mod easing;
pub mod features;
pub mod files;
pub mod live;
pub mod math;
pub mod metrics;
pub mod model;
pub mod motion;
pub mod refine;
pub mod rig;
pub mod rotation;
pub mod skeleton;
pub mod tracker;
