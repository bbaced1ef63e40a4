//! Predicts and scores whole clips, by the reference's protocol and by a game's.
//!
//! Trackers are computed from the clip itself, without noise. Frame 0 only serves velocities: of
//! `T` frames `T − 1` are predicted.

use super::{Certainty, EngineError, PoseEngine, StreamFrames, Take, streams_of};
use crate::features::{Axes, FeatureLayout, WindowAxes};
use crate::metrics::{BodyTrack, Metrics};
use crate::model::{Feed, ModelSpec};
use crate::motion::{ClipFrame, MotionClip};
use crate::rotation::{body_matrix_from_axis_angle, exp, log};
use crate::skeleton::{JointTransforms, PerJoint, Skeleton, global_rotations};
use crate::tracker::{TrackerFrame, TrackerPose, TrackerRole, TrackerSet};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// How a clip is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// The reference's: adjacent windows, so that most frames are predicted with look-ahead. For a
    /// network that outputs only the newest frame of a window this is the same as
    /// [`Online`](Self::Online).
    Offline,
    /// A game's: each frame is predicted as the newest of its window. A network that is fed frame
    /// by frame gives the same result in both, with its own look-ahead, if it has one, in both.
    Online,
}

impl Protocol {
    /// The windows of a sequence of `frames` feature frames, for a network with windows of `window`
    /// frames that outputs the newest `output_frames` of them (at least 1).
    pub fn windows(
        self,
        frames: usize,
        window: usize,
        output_frames: usize,
    ) -> impl Iterator<Item = Window> {
        let step = match self {
            Self::Offline => output_frames,
            Self::Online => 1,
        };
        (0..frames.div_ceil(step)).map(move |i| {
            let end = ((i + 1) * step).min(frames);
            let start = end.saturating_sub(window);
            Window { start, padding: window - (end - start), keep: end - i * step }
        })
    }
}

/// One window of a longer sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first frame.
    pub start: usize,
    /// Number of copies of that frame in front, where the sequence is too short.
    pub padding: usize,
    /// Number of newest frames predicted by this window; earlier windows predict the others.
    pub keep: usize,
}

/// The reference's windows: adjacent, the last one moved back to end with the sequence. A sequence
/// shorter than one window is padded in front with copies of its first frame.
#[must_use]
pub fn offline_windows(frames: usize, window: usize) -> Vec<Window> {
    Protocol::Offline.windows(frames, window, window).collect()
}

/// Why a clip could not be predicted or scored.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The clip's rate is not the model's.
    #[error("the clip is at {clip_hz} Hz, the model needs {model_hz} Hz: resample it first")]
    Rate {
        /// Rate of the clip, Hz.
        clip_hz: f64,
        /// Rate of the model, Hz.
        model_hz: f64,
    },
    /// The clip is too short to have velocities.
    #[error("the clip has {frames} frames at the model's rate; at least 2 are needed")]
    TooShort {
        /// Number of frames at the model's rate.
        frames: usize,
    },
    /// The prediction is empty or longer than the truth.
    #[error("{predicted} predicted frames cannot be compared with {truth} true ones")]
    Lengths {
        /// Number of predicted frames.
        predicted: usize,
        /// Number of true frames.
        truth: usize,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network's output is not finite or not a set of rotations.
    #[error("the network's output for frame {frame} is not finite")]
    NotFinite {
        /// Index of the predicted frame, from 0.
        frame: usize,
    },
}

/// Windows per call of the engine: enough to use all cores, few enough to report progress.
const BATCH: usize = 32;

/// Poses of ideal trackers on the body of `clip`: for each frame one pose per role, in the order of
/// the set.
///
/// Rotations and positions come from two different formulas, as in the reference.
#[must_use]
pub fn clip_trackers(
    clip: &MotionClip,
    skeleton: &Skeleton,
    set: TrackerSet,
) -> Vec<Vec<TrackerPose>> {
    let trackers = |frame: &ClipFrame| {
        let joints = JointTransforms {
            rotations: global_rotations(&frame.feature_matrices()),
            positions: skeleton.forward(&frame.body_matrices(), frame.translation).positions,
        };
        TrackerFrame::from_joints(set, 0.0, &joints).poses
    };
    clip.frames.iter().map(trackers).collect()
}

/// A network's prediction for a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The body. Frame `i` describes frame `i + 1` of the clip.
    pub motion: MotionClip,
    /// Predicted contacts and deviations of each frame of `motion`.
    pub certainties: Vec<Certainty>,
}

/// Predicts `clip`, which must have the model's rate, from trackers on a body with `skeleton`: head
/// and hands, and those of `worn` that are inputs of the network.
///
/// The root is placed so that the predicted head is at the true head. `progress` receives the number of finished frames and their
/// total.
///
/// # Errors
/// If the rates differ, the clip has fewer than two frames, or the engine fails or outputs NaN.
pub fn predict(
    engine: &mut dyn PoseEngine,
    clip: &MotionClip,
    skeleton: &Skeleton,
    worn: &[TrackerRole],
    protocol: Protocol,
    progress: impl FnMut(usize, usize),
) -> Result<Prediction, ProtocolError> {
    let ModelSpec { layout, rate_hz, .. } = *engine.spec();
    // Looser than rounding: some files state 60.000023 Hz for 60 Hz.
    if ((clip.rate_hz - rate_hz) / rate_hz).abs() > 1e-3 {
        return Err(ProtocolError::Rate { clip_hz: clip.rate_hz, model_hz: rate_hz });
    }
    let mut trackers = clip_trackers(clip, skeleton, layout.trackers);
    for (k, role) in layout.trackers.roles().iter().enumerate() {
        if layout.trackers.on_body().contains(role) && !worn.contains(role) {
            trackers.iter_mut().for_each(|frame| frame[k] = TrackerPose::NOT_WORN);
        }
    }
    let said = estimate_frames(engine, &trackers, protocol, progress)?;
    let heads = trackers[1..].iter().map(|frame| frame[0].position);
    let frames = said.iter().zip(heads).map(|((r, _), head)| place(*r, head, skeleton));
    let motion = MotionClip { rate_hz, frames: frames.collect() };
    Ok(Prediction { motion, certainties: said.into_iter().map(|(_, c)| c).collect() })
}

/// Joint rotations of a frame as axis-angles, the root's in world space, with predicted contacts
/// and deviations.
pub type FrameEstimate = (PerJoint<DVec3>, Certainty);

/// Estimates every frame except the first, which only serves velocities, from trackers at the network's rate.
/// `progress` receives the number of finished frames and their total.
///
/// # Errors
/// If there are fewer than two frames, or the engine fails or outputs NaN.
pub fn estimate_frames(
    engine: &mut dyn PoseEngine,
    trackers: &[Vec<TrackerPose>],
    protocol: Protocol,
    progress: impl FnMut(usize, usize),
) -> Result<Vec<FrameEstimate>, ProtocolError> {
    if trackers.len() < 2 {
        return Err(ProtocolError::TooShort { frames: trackers.len() });
    }
    match engine.spec().feed {
        Feed::Windows => through_windows(engine, trackers, protocol, progress),
        Feed::Frames { look_ahead } => through_stream(engine, trackers, look_ahead, progress),
    }
}

fn through_windows(
    engine: &mut dyn PoseEngine,
    trackers: &[Vec<TrackerPose>],
    protocol: Protocol,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<FrameEstimate>, ProtocolError> {
    let ModelSpec { layout, window, .. } = *engine.spec();
    let total = trackers.len() - 1;
    let take = match protocol {
        Protocol::Offline => Take::All,
        Protocol::Online => Take::Newest,
    };
    let mut said = Vec::with_capacity(total);
    let windows: Vec<Window> = protocol.windows(total, window, engine.output_frames()).collect();
    for batch in windows.chunks(BATCH) {
        let mut input = Vec::with_capacity(batch.len() * window * layout.inputs());
        let axes: Vec<WindowAxes> = batch
            .iter()
            .map(|w| {
                let first = input.len();
                // Feature frame `i` comes from tracker frames `i` and `i + 1`.
                let seen = &trackers[w.start..=w.start + (window - w.padding)];
                let axes = layout.write_features(seen.iter().map(Vec::as_slice), &mut input);
                let padding = input[first..first + layout.inputs()].repeat(w.padding);
                input.splice(first..first, padding);
                axes
            })
            .collect();
        let output = engine.infer(&input, batch.len(), take)?;
        let outputs = output.chunks_exact(output.len() / batch.len());
        for ((w, axes), output) in batch.iter().zip(&axes).zip(outputs) {
            let outputs = layout.outputs();
            for row in output[output.len() - w.keep * outputs..].chunks_exact(outputs) {
                said.push(read(&layout, row, axes, said.len())?);
            }
        }
        progress(said.len(), total);
    }
    Ok(said)
}

/// Frames per call, for a network that is fed frame by frame.
const STRETCH: usize = 240;

/// Feeds the whole clip, then repeats the last frame to flush the look-ahead.
fn through_stream(
    engine: &mut dyn PoseEngine,
    trackers: &[Vec<TrackerPose>],
    look_ahead: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<FrameEstimate>, ProtocolError> {
    const STREAM: u64 = 0;
    let layout = engine.spec().layout;
    let total = trackers.len() - 1;
    let held = std::iter::repeat_n(&trackers[total], look_ahead);
    let mut features = vec![];
    layout.write_features(trackers.iter().chain(held).map(Vec::as_slice), &mut features);

    let streams = streams_of(engine)?;
    streams.end(STREAM);
    let mut said = Vec::with_capacity(total);
    let mut before_first = look_ahead;
    for stretch in features.chunks(STRETCH * layout.inputs()) {
        let stretch = StreamFrames { stream: STREAM, features: stretch };
        let output = streams.advance(&[stretch], Take::All)?;
        let rows = output.chunks_exact(layout.outputs());
        let skipped = before_first.min(rows.len());
        before_first -= skipped;
        for row in rows.skip(skipped) {
            let axes = layout.window_axes(&trackers[said.len() + 1][0]);
            said.push(read(&layout, row, &axes, said.len())?);
        }
        progress(said.len(), total);
    }
    streams.end(STREAM);
    Ok(said)
}

/// Decodes the output for predicted frame `frame`.
fn read(
    layout: &FeatureLayout,
    row: &[f32],
    axes: &WindowAxes,
    frame: usize,
) -> Result<FrameEstimate, ProtocolError> {
    let mut rotations = layout.decode_axis_angles(row);
    if layout.axes != Axes::World {
        rotations[0] = log(axes.rotation() * exp(rotations[0]));
    }
    // Gram-Schmidt turns even NaN into a rotation.
    let finite = row.iter().all(|v| v.is_finite()) && rotations.iter().all(|r| r.is_finite());
    let certainty = Certainty {
        contacts: layout.decode_contacts(row),
        deviations: layout.decode_deviations(row),
    };
    if finite { Ok((rotations, certainty)) } else { Err(ProtocolError::NotFinite { frame }) }
}

/// The frame with these rotations and the head joint at `head`.
fn place(rotations: PerJoint<DVec3>, head: DVec3, skeleton: &Skeleton) -> ClipFrame {
    // The reference rounds to f32 before forward kinematics, and files store f32.
    let rotations = rotations.map(|a| a.as_vec3().as_dvec3());
    let translation =
        skeleton.translation_for_head(&rotations.map(body_matrix_from_axis_angle), head);
    ClipFrame { translation, rotations }
}

/// Compares a prediction with the last frames of `truth`, which must be at least as long. Both
/// bodies have `skeleton`.
///
/// # Errors
/// If the prediction is empty or longer than the truth.
pub fn score(
    predicted: &MotionClip,
    truth: &MotionClip,
    skeleton: &Skeleton,
) -> Result<Metrics, ProtocolError> {
    let (frames, of) = (predicted.frames.len(), truth.frames.len());
    if frames == 0 || frames > of {
        return Err(ProtocolError::Lengths { predicted: frames, truth: of });
    }
    let truth = BodyTrack::new(&truth.frames[of - frames..], skeleton);
    let predicted_track = BodyTrack::new(&predicted.frames, skeleton);
    Ok(Metrics::compare(&predicted_track, &truth, predicted.rate_hz))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::features::SixdDecode;
    use crate::live::StreamEngine;
    use crate::rotation::{geodesic_angle, sixd_from_matrix};
    use crate::skeleton::{Pose, SmplJoint};
    use glam::{DMat3, DQuat};

    /// Copies the first inputs of each frame, the head's rotation, to the root's rotation, so that
    /// the prediction shows which frame it came from, and in which axes.
    struct Echo {
        spec: ModelSpec,
        /// Sizes of the requested batches.
        batches: Vec<usize>,
    }

    impl Echo {
        fn new(window: usize, axes: Axes) -> Self {
            let layout =
                FeatureLayout { axes, decode: SixdDecode::GramSchmidt, ..Default::default() };
            let spec = ModelSpec {
                layout,
                rate_hz: 60.0,
                window,
                feed: Feed::Windows,
                skeleton: Skeleton::default(),
            };
            Self { spec, batches: vec![] }
        }
    }

    impl PoseEngine for Echo {
        fn spec(&self) -> &ModelSpec {
            &self.spec
        }
        fn device(&self) -> &str {
            "echo"
        }
        fn output_frames(&self) -> usize {
            self.spec.window
        }
        fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
            None
        }
        fn infer(
            &mut self,
            input: &[f32],
            batch: usize,
            take: Take,
        ) -> Result<Vec<f32>, EngineError> {
            let inputs = self.spec.layout.inputs();
            assert_eq!(input.len(), batch * self.spec.window * inputs);
            self.batches.push(batch);
            let rest = sixd_from_matrix(DMat3::IDENTITY).map(|v| v as f32);
            let row = |row: &[f32]| [&row[..6], &rest.repeat(SmplJoint::COUNT - 1)].concat();
            let rows: Vec<&[f32]> = input.chunks_exact(inputs).collect();
            let kept = rows.chunks_exact(self.spec.window).flat_map(|window| match take {
                Take::All => window,
                Take::Newest => &window[window.len() - 1..],
            });
            Ok(kept.flat_map(|r| row(r)).collect())
        }
    }

    /// A body that walks a full circle, nodding slightly.
    fn circle(frames: usize) -> MotionClip {
        let frame = |i: usize| {
            let turn = DQuat::from_rotation_z(i as f64 * 0.05);
            let mut pose = Pose::rest();
            pose.rotations[0] = turn * UPRIGHT;
            pose.rotations[SmplJoint::Head.index()] =
                DQuat::from_rotation_x(0.2 * (i as f64).sin());
            pose.translation = turn * DVec3::new(2.0, 0.0, 0.0) + DVec3::Z;
            ClipFrame::from(&pose)
        };
        MotionClip { rate_hz: 60.0, frames: (0..frames).map(frame).collect() }
    }

    /// Each frame is predicted from itself, for any length, axes and protocol.
    #[test]
    fn every_frame_is_predicted_once_and_placed_under_its_head() {
        let skeleton = Skeleton::default();
        for frames in [2, 5, 8, 9, 10, 17, 40, 200] {
            for protocol in [Protocol::Offline, Protocol::Online] {
                for axes in [Axes::World, Axes::Heading] {
                    let clip = circle(frames);
                    let trackers = clip_trackers(&clip, &skeleton, TrackerSet::HeadAndHands);
                    let mut engine = Echo::new(8, axes);
                    let mut last = 0;
                    let predicted =
                        predict(&mut engine, &clip, &skeleton, &[], protocol, |done, total| {
                            assert!(done > last && total == frames - 1);
                            last = done;
                        })
                        .unwrap()
                        .motion;
                    assert_eq!((predicted.frames.len(), last), (frames - 1, frames - 1));
                    assert!(engine.batches.iter().all(|b| *b <= BATCH));
                    for (frame, true_trackers) in predicted.frames.iter().zip(&trackers[1..]) {
                        let head = &true_trackers[0];
                        let said = exp(frame.rotations[0]);
                        let wanted = DQuat::from_mat3(&head.rotation);
                        assert!(
                            geodesic_angle(said, wanted) < 1e-5,
                            "{protocol:?} {axes:?} {frames} frames"
                        );
                        let body = skeleton.forward(&frame.body_matrices(), frame.translation);
                        let placed = body.positions[SmplJoint::Head.index()];
                        assert!(placed.distance(head.position) < 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn online_windows_end_with_the_frame_they_predict() {
        let windows: Vec<Window> = Protocol::Online.windows(5, 3, 3).collect();
        let expected = [(0, 2), (0, 1), (0, 0), (1, 0), (2, 0)];
        assert_eq!(windows, expected.map(|(start, padding)| Window { start, padding, keep: 1 }));
        let newest_only: Vec<Window> = Protocol::Offline.windows(5, 3, 1).collect();
        assert_eq!(newest_only, windows, "nothing else can be asked of such a network");
    }

    #[test]
    fn a_perfect_prediction_scores_zero_against_a_truth_one_frame_longer() {
        let truth = circle(10);
        let predicted = MotionClip { rate_hz: 60.0, frames: truth.frames[1..].to_vec() };
        let metrics = score(&predicted, &truth, &Skeleton::default()).unwrap();
        assert_eq!((metrics.mpjpe, metrics.mpjre, metrics.mpjve), (0.0, 0.0, Some(0.0)));
        assert_eq!(metrics.pred_jitter, metrics.gt_jitter);
    }

    #[test]
    fn errors_say_what_cannot_be_predicted_or_scored() {
        let skeleton = Skeleton::default();
        let attempt = |clip: &MotionClip| {
            let mut engine = Echo::new(8, Axes::World);
            predict(&mut engine, clip, &skeleton, &[], Protocol::Online, |_, _| ()).unwrap_err()
        };
        let slow = MotionClip { rate_hz: 30.0, ..circle(9) };
        assert!(matches!(attempt(&slow), ProtocolError::Rate { clip_hz: 30.0, .. }));
        assert!(matches!(attempt(&circle(1)), ProtocolError::TooShort { frames: 1 }));
        let error = score(&circle(5), &circle(4), &skeleton).unwrap_err();
        assert!(matches!(error, ProtocolError::Lengths { predicted: 5, truth: 4 }));
    }
}
