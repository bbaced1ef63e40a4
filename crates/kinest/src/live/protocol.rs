//! Predicting a whole clip, and scoring it, by the reference's rules and by a game's.
//!
//! The trackers are made from the clip itself, so they are perfect. Frame 0 only serves velocities: of
//! `T` frames `T − 1` are predicted.

use super::{EngineError, PoseEngine, StreamFrames, Take, streams_of};
use crate::features::{Axes, FeatureLayout, WindowAxes};
use crate::metrics::{BodyTrack, Metrics};
use crate::model::{Feed, ModelSpec};
use crate::motion::{ClipFrame, MotionClip};
use crate::rotation::{body_matrix_from_axis_angle, exp, log};
use crate::skeleton::{JointTransforms, PerJoint, Skeleton, global_rotations};
use crate::tracker::{TrackerFrame, TrackerPose, TrackerSet};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// How a clip is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// The reference's: windows side by side, so that most frames are predicted with their future known.
    /// A network that only answers the newest frame of a window has no use for the future; for it this
    /// is the same as [`Online`](Self::Online).
    Offline,
    /// A game's: each frame is predicted as the newest of its window. A network that is fed frame by
    /// frame is so in either way; one that looks ahead has seen that much of the future in both.
    Online,
}

impl Protocol {
    /// The windows of a sequence of `frames` feature frames for a network that sees `window` of them and
    /// answers the newest `answers`, which must not be 0.
    pub fn windows(
        self,
        frames: usize,
        window: usize,
        answers: usize,
    ) -> impl Iterator<Item = Window> {
        let step = match self {
            Self::Offline => answers,
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
    /// The first frame in it.
    pub start: usize,
    /// How many times that frame is repeated in front, where the sequence is too short.
    pub padding: usize,
    /// How many of the newest frames are this window's to predict; windows before it had the others.
    pub keep: usize,
}

/// The reference's windows: side by side, the last one moved back to end with the sequence, and a sequence
/// shorter than one window padded in front with its first frame.
#[must_use]
pub fn offline_windows(frames: usize, window: usize) -> Vec<Window> {
    Protocol::Offline.windows(frames, window, window).collect()
}

/// Why a clip could not be predicted or scored.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The clip is not at the model's rate.
    #[error("the clip is at {clip_hz} Hz, the model needs {model_hz} Hz: resample it first")]
    Rate {
        /// Rate of the clip.
        clip_hz: f64,
        /// Rate of the model.
        model_hz: f64,
    },
    /// The clip has no frame with a velocity.
    #[error("the clip has {frames} frames at the model's rate; at least 2 are needed")]
    TooShort {
        /// Frames of the clip.
        frames: usize,
    },
    /// The prediction has no frame, or more than the truth.
    #[error("{predicted} predicted frames cannot be compared with {truth} true ones")]
    Lengths {
        /// Frames predicted.
        predicted: usize,
        /// Frames of the truth.
        truth: usize,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network said something that is not a number.
    #[error("the network's output for frame {frame} is not finite")]
    NotFinite {
        /// The predicted frame, from 0.
        frame: usize,
    },
}

/// Windows in one call of the engine: enough to fill a processor, few enough to show progress.
const BATCH: usize = 32;

/// What perfect trackers on the body of `clip` report: one row of poses for each frame, in the order of
/// the set.
///
/// Rotations and positions come from the two different formulas the reference uses for them.
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

/// Predicts `clip`, which must be at the model's rate, from three trackers on a body with `skeleton`.
///
/// Frame `i` of the result describes frame `i + 1` of `clip`. The root is placed so that the predicted head
/// is where the true one is. `progress` is told how many frames are done, and of how many.
///
/// # Errors
/// If the rates differ, the clip has less than two frames, or the engine fails or gives NaN.
pub fn predict(
    engine: &mut dyn PoseEngine,
    clip: &MotionClip,
    skeleton: &Skeleton,
    protocol: Protocol,
    progress: impl FnMut(usize, usize),
) -> Result<MotionClip, ProtocolError> {
    let ModelSpec { layout, rate_hz, .. } = *engine.spec();
    // Wider than rounding: files say 60.000023 and mean 60.
    if ((clip.rate_hz - rate_hz) / rate_hz).abs() > 1e-3 {
        return Err(ProtocolError::Rate { clip_hz: clip.rate_hz, model_hz: rate_hz });
    }
    let trackers = clip_trackers(clip, skeleton, layout.trackers);
    let rotations = estimate_rotations(engine, &trackers, protocol, progress)?;
    let heads = trackers[1..].iter().map(|frame| frame[0].position);
    let frames = rotations.into_iter().zip(heads).map(|(r, head)| place(r, head, skeleton));
    Ok(MotionClip { rate_hz, frames: frames.collect() })
}

/// The joints' rotations, as axis-angles, the root's against the world, that a network makes of trackers
/// at its rate: of every frame but the first, which only serves velocities. `progress` is told how many
/// frames are done, and of how many.
///
/// # Errors
/// If there are less than two frames, or the engine fails or gives NaN.
pub fn estimate_rotations(
    engine: &mut dyn PoseEngine,
    trackers: &[Vec<TrackerPose>],
    protocol: Protocol,
    progress: impl FnMut(usize, usize),
) -> Result<Vec<PerJoint<DVec3>>, ProtocolError> {
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
) -> Result<Vec<PerJoint<DVec3>>, ProtocolError> {
    let ModelSpec { layout, window, .. } = *engine.spec();
    let total = trackers.len() - 1;
    let take = match protocol {
        Protocol::Offline => Take::All,
        Protocol::Online => Take::Newest,
    };
    let mut said = Vec::with_capacity(total);
    let windows: Vec<Window> = protocol.windows(total, window, engine.answers()).collect();
    for batch in windows.chunks(BATCH) {
        let mut input = Vec::with_capacity(batch.len() * window * layout.inputs());
        let axes: Vec<WindowAxes> = batch
            .iter()
            .map(|w| {
                let first = input.len();
                // Feature frame `i` is made of tracker frames `i` and `i + 1`.
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
            let targets = layout.targets();
            for row in output[output.len() - w.keep * targets..].chunks_exact(targets) {
                said.push(read(&layout, row, axes, said.len())?);
            }
        }
        progress(said.len(), total);
    }
    Ok(said)
}

/// Frames that a network which is fed frame by frame gets at once here.
const STRETCH: usize = 240;

/// What a network that looks ahead says after the end of the clip is to the last frame held still.
fn through_stream(
    engine: &mut dyn PoseEngine,
    trackers: &[Vec<TrackerPose>],
    look_ahead: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<PerJoint<DVec3>>, ProtocolError> {
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
        let rows = output.chunks_exact(layout.targets());
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

/// What a network said about the predicted frame with this number.
fn read(
    layout: &FeatureLayout,
    row: &[f32],
    axes: &WindowAxes,
    frame: usize,
) -> Result<PerJoint<DVec3>, ProtocolError> {
    let mut rotations = layout.decode_axis_angles(row);
    if layout.axes != Axes::World {
        rotations[0] = log(axes.rotation() * exp(rotations[0]));
    }
    // Gram-Schmidt would make a rotation even of NaN.
    let finite = row.iter().all(|v| v.is_finite()) && rotations.iter().all(|r| r.is_finite());
    if finite { Ok(rotations) } else { Err(ProtocolError::NotFinite { frame }) }
}

/// The frame with these rotations and its head at `head`.
fn place(rotations: PerJoint<DVec3>, head: DVec3, skeleton: &Skeleton) -> ClipFrame {
    // The reference rounds here, before its forward kinematics; so do files.
    let rotations = rotations.map(|a| a.as_vec3().as_dvec3());
    let translation =
        skeleton.translation_for_head(&rotations.map(body_matrix_from_axis_angle), head);
    ClipFrame { translation, rotations }
}

/// Compares a prediction with the clip it was made from, or with any as long or longer: the last frames
/// count. Both bodies have `skeleton`.
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

    /// Says each frame's first input numbers back, as the root's rotation: those are the head's rotation, so
    /// the prediction tells which frame of the clip it was made from, and in which axes.
    struct Echo {
        spec: ModelSpec,
        /// Sizes of the batches asked for.
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
        fn answers(&self) -> usize {
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

    /// Someone who walks a circle, turning all the way round, nodding a little.
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

    /// Every frame is predicted from itself, whatever the length, the axes and the protocol.
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
                        predict(&mut engine, &clip, &skeleton, protocol, |done, total| {
                            assert!(done > last && total == frames - 1);
                            last = done;
                        })
                        .unwrap();
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
    fn what_cannot_be_predicted_or_scored_is_said() {
        let skeleton = Skeleton::default();
        let attempt = |clip: &MotionClip| {
            let mut engine = Echo::new(8, Axes::World);
            predict(&mut engine, clip, &skeleton, Protocol::Online, |_, _| ()).unwrap_err()
        };
        let slow = MotionClip { rate_hz: 30.0, ..circle(9) };
        assert!(matches!(attempt(&slow), ProtocolError::Rate { clip_hz: 30.0, .. }));
        assert!(matches!(attempt(&circle(1)), ProtocolError::TooShort { frames: 1 }));
        let error = score(&circle(5), &circle(4), &skeleton).unwrap_err();
        assert!(matches!(error, ProtocolError::Lengths { predicted: 5, truth: 4 }));
    }
}
