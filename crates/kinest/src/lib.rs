//! Full-body pose from head and hands, without a game engine and without a tensor library.
//!
//! Terms, each with one meaning everywhere: a *tracker* is a tracked device, its *role* is where it
//! is worn, and a *dropout* is the time during which it is not tracked. A *joint* is one of SMPL's
//! 22. A *pose* is one frame of a body, a *clip* many. A *window* is the frames a network sees at
//! once; *features* and *targets* are its inputs and outputs. *Offline* estimates may use future
//! frames, *online* estimates only past ones.
//!
//! Everything is in AMASS space: right-handed, z up, metres, radians. [`coordinates`] converts to
//! and from engine space, where y is up.
//!
//! # A body from trackers
//!
//! A [`Checkpoint`](model::Checkpoint) holds a trained network, a [`PoseEngine`](live::PoseEngine)
//! runs it, and a [`PoseEstimator`](live::PoseEstimator) takes tracker frames at any rate and
//! returns a pose for each. Engines come from other crates:
//!
//! | crate | engine | runs on |
//! |---|---|---|
//! | `kinest_engine` | the fastest that works | CUDA, wgpu, CPU |
//! | `kinest_native` | `NativeEngine` | CPU; no tensor library, several times faster than Burn |
//! | `kinest_nn` | `BurnEngine` | any back end of Burn |
//! | yours | any [`PoseEngine`](live::PoseEngine) | |
//!
//! ```
//! use kinest::live::{PlayerSettings, PoseEngine, PoseEstimator};
//! use kinest::motion::synthetic::walk_and_wave;
//! use kinest::skeleton::{Skeleton, SmplJoint};
//! use kinest::tracker::{TrackerFrame, TrackerSet};
//!
//! fn print_knees(engine: Box<dyn PoseEngine>) -> Result<(), Box<dyn std::error::Error>> {
//!     // As games show bodies: smoothed, head and hands exact, feet on the floor.
//!     let mut estimator = PoseEstimator::with_settings(engine, PlayerSettings::default());
//!
//!     // A walking, waving body replaces a headset and two controllers.
//!     let skeleton = Skeleton::default();
//!     let clip = walk_and_wave(&skeleton);
//!     for i in 0..clip.frames.len() {
//!         let time = i as f64 / clip.rate_hz;
//!         let joints = skeleton.pose_joints(&clip.pose_at(time));
//!         estimator.push(TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints))?;
//!         let pose = estimator.estimate()?;
//!         let knee = skeleton.pose_joints(&pose).positions[SmplJoint::LeftKnee.index()];
//!         println!("{time:.2} s: left knee at {knee:.2}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # A body in a game
//!
//! A game does not wait for the network. It keeps a [`Player`](live::Player) for each avatar and
//! passes their network inputs to one [`PoseWorker`](live::PoseWorker), which runs the engine on
//! its own thread:
//!
//! ```
//! use kinest::live::{Player, PoseRequest, PoseWorker, WorkerEvent};
//! use kinest::model::ModelSpec;
//! use kinest::skeleton::Pose;
//! use kinest::tracker::TrackerFrame;
//!
//! const AVATAR: u64 = 7;
//! const NETWORK: u64 = 1;
//!
//! /// The pose to draw in this frame.
//! fn frame(
//!     player: &mut Player,
//!     worker: &mut PoseWorker,
//!     spec: &ModelSpec,
//!     trackers: &TrackerFrame,
//! ) -> Result<Option<Pose>, kinest::live::TrackerError> {
//!     player.push(trackers, false)?;
//!     let told = player.tell(spec, NETWORK)?.unwrap_or_default();
//!     if told.teleported {
//!         worker.discard(AVATAR);
//!     }
//!     if told.new
//!         && let Some(question) = player.ask()
//!     {
//!         if question.starts {
//!             worker.reset(AVATAR);
//!         }
//!         let (input, time, axes) = (question.input, question.time, question.axes);
//!         worker.submit([PoseRequest { avatar: AVATAR, time, input, axes }]);
//!     }
//!     while let Some(event) = worker.poll() {
//!         if let WorkerEvent::Poses(replies) = event {
//!             for reply in replies {
//!                 player.estimate(NETWORK, reply.time, reply.estimate);
//!             }
//!         }
//!     }
//!     let skeleton = player.skeleton(&spec.skeleton);
//!     Ok(player.pose(&skeleton, trackers.time).map(|shown| shown.pose))
//! }
//! ```
//!
//! # Streaming
//!
//! Most networks take a whole window of the newest frames each time
//! ([`Feed::Windows`](model::Feed::Windows)). A causal network
//! ([`CausalConfig`](model::CausalConfig)) is fed each frame once
//! ([`Feed::Frames`](model::Feed::Frames)) and keeps a state of fixed size, so the cost of a frame
//! does not grow with the length of the stream. Players, estimators and workers take both kinds.
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | read and write motion files, make synthetic motion | [`motion::amass`], [`motion::synthetic`] |
//! | read headset recordings, describe how devices are held | [`motion::headset`], [`tracker::DeviceFromJoint`] |
//! | load a trained model | [`model::Checkpoint`] |
//! | estimate poses from live trackers | [`live`] |
//! | forecast bodies | [`forecast`], [`live::ForecastSettings`] |
//! | show a player on another machine | [`live::RemotePlayer`] |
//! | correct a pose: head, hands, feet, jitter | [`refine`] |
//! | fit a model to a player's size | [`calibration::Calibration`] |
//! | move the bones of a character | [`rig`] |
//! | record trackers and read them back | [`live::RecordingWriter`], [`live::Recording`] |
//! | predict and score whole clips | [`live::protocol`], [`metrics`] |
//! | name parts of the body | [`skeleton::Group`], [`skeleton::GroupPair`] |
//! | measure the motion of these parts, and relative to each other | [`skeleton::KinematicGroups`], [`skeleton::Interactions`] |
//! | detect postures, movements and gestures | [`events`] |
//! | join motions, replace limbs, move joints through given places | [`compose`] |
//! | give texts and motions to a model that aligns them | [`align`], [`model::align`] |
//! | convert motion to the numbers of token models and back | [`tokens`], [`model::tokens`] |
//! | choose a network to train | [`model::NetworkConfig`] |
//!
//! The Cargo feature `osc` adds messages of VMC and VRChat. Games use `bevy_kinest`; training uses
//! the program `kinest-train`.
#![warn(missing_docs)]

pub mod align;
pub mod calibration;
pub mod capture;
pub mod compose;
pub mod coordinates;
mod easing;
pub mod events;
pub mod features;
pub mod files;
pub mod forecast;
pub mod live;
pub mod math;
pub mod metrics;
pub mod model;
pub mod motion;
#[cfg(feature = "osc")]
pub mod osc;
pub mod refine;
pub mod rig;
pub mod rotation;
pub mod skeleton;
pub mod tokens;
pub mod tracker;
