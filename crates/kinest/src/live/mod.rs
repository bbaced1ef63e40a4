//! Running a network on live trackers.
//!
//! ```text
//! TrackerFrame ─→ TrackerHistory ─→ FeatureLayout::write_features ─→ PoseEngine ─→ decode_output
//!                                                                                       │
//! Pose ←─ Refiner ←─ place_under_head (newest head) ←─ SourceFade ←─ PoseTimeline ←─────┘
//! ```
//!
//! A [`Player`] does all of this except running the engine: it keeps the tracker history, prepares
//! the network's input, interpolates its estimates for every drawn frame, and corrects the pose
//! with [`refine`](crate::refine). A [`PoseEstimator`] is a player with an engine on the caller's
//! thread. A game has a player for each avatar and passes their network inputs to a [`PoseWorker`],
//! which runs the engine on its own thread, so no frame waits for the network. [`protocol`]
//! predicts and scores whole clips.
//!
//! With [`ForecastSettings`] a player's body is shown ahead of its estimates and follows forecasts
//! through dropouts. A [`RemotePlayer`] shows the body of a player on another machine from received
//! poses, for instance [`PosePacket`]s.

mod certainty;
mod curve;
mod engine;
mod estimator;
mod forecasts;
mod frame_feed;
mod guard;
mod history;
mod packet;
mod player;
pub mod protocol;
mod recording;
mod remote;
mod root;
mod settle;
mod stand_in;
mod timeline;
mod worker;

pub use crate::model::{EngineError, Take};
pub use certainty::Certainty;
pub use engine::{PoseEngine, StreamEngine, StreamFrames, streams_of, warm_up};
pub use estimator::{EstimateError, PoseEstimator};
pub use forecasts::{Ahead, ForecastSettings, ForecastState};
pub use frame_feed::{FrameFeed, NewFrames};
pub use guard::guarded;
pub use history::{FARTHEST, TrackerError, TrackerHistory};
pub use packet::{PacketError, PosePacket};
pub use player::{Player, PlayerPose, PlayerSettings, PoseSource, Question, Told};
pub use protocol::{Protocol, ProtocolError};
pub use recording::{RecordedFrame, Recording, RecordingError, RecordingWriter};
pub use remote::{RemoteError, RemotePlayer, RemotePose, RemoteSettings};
pub use root::{Estimate, decode_output, place_under_head, rest_under_head};
pub use stand_in::{HandStandIn, lowered_hand};
pub use timeline::PoseTimeline;
pub use worker::{InferenceStats, PoseInput, PoseReply, PoseRequest, PoseWorker, WorkerEvent};

#[cfg(test)]
mod fake;
