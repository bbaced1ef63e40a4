//! Figures of clips, protocols, models and whole reports.

use super::certainty::{CertaintyReport, CertaintySums};
use super::interactions::{HandsReport, Interactions, interactions};
use super::looks::{Looks, LooksReport, Step};
use kinest::live::Protocol;
use kinest::metrics::{
    BodyTrack, HandErrors, InteractionErrors, JointErrors, Metrics, MetricsReport, Region,
    RegionError,
};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use kinest::tracker::TrackerRole;
use serde::Serialize;
use std::collections::BTreeMap;

/// Number of worst clips listed.
const WORST: usize = 5;

/// The figures of the first model, and of those it is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The first model; its keys are at the top level.
    #[serde(flatten)]
    pub first: ModelReport,
    /// Trackers that the players of refined estimates wear beside head and hands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trackers: Vec<TrackerRole>,
    /// The other models and the baselines, in the requested order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelReport>,
}

impl Report {
    /// Name, protocol and figures of each model and baseline.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &'static str, &ProtocolReport)> {
        let all = std::iter::once(&self.first).chain(&self.models);
        all.flat_map(|model| {
            let both = [("offline", &model.offline), ("online", &model.online)];
            both.into_iter().filter_map(|(protocol, r)| Some((&*model.name, protocol, r.as_ref()?)))
        })
    }

    /// Name, step and figures of each model whose online estimates were refined.
    pub fn refined(&self) -> impl Iterator<Item = (&str, &RefinedReport)> {
        let all = std::iter::once(&self.first).chain(&self.models);
        all.flat_map(|model| model.refined.iter().map(|refined| (&*model.name, refined)))
    }
}

/// The figures of a model or a baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelReport {
    /// Display name.
    pub name: String,
    /// Figures under [`Protocol::Offline`], if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<ProtocolReport>,
    /// Figures under [`Protocol::Online`], if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<ProtocolReport>,
    /// Figures of the online estimates after each step of refining, if requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refined: Vec<RefinedReport>,
}

impl ModelReport {
    /// The field that holds a protocol's figures.
    pub fn protocol_mut(&mut self, protocol: Protocol) -> &mut Option<ProtocolReport> {
        match protocol {
            Protocol::Offline => &mut self.offline,
            Protocol::Online => &mut self.online,
        }
    }
}

/// Figures after a step of refining.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefinedReport {
    /// The last step applied.
    pub step: &'static str,
    /// The figures.
    #[serde(flatten)]
    pub report: ProtocolReport,
}

impl RefinedReport {
    /// Averages clips scored after `step`. `None` without clips.
    #[must_use]
    pub fn new(step: Step, scores: &[ClipScore]) -> Option<Self> {
        Some(Self { step: step.name(), report: ProtocolReport::new(scores, None)? })
    }
}

/// Figures under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProtocolReport {
    /// Number of clips.
    pub clips: usize,
    /// Number of predicted frames in all clips.
    pub frames: usize,
    /// Mean over the clips, unweighted.
    #[serde(flatten)]
    pub metrics: MetricsReport,
    /// Mean over the clips, unweighted.
    pub regions: Regions,
    /// Mean over the clips, unweighted.
    pub hands: HandsReport,
    /// Mean over the clips, unweighted.
    pub interactions: Interactions,
    /// Plausibility figures, if it was refined.
    #[serde(flatten)]
    pub looks: Option<LooksReport>,
    /// What the network says about itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certainty: Option<CertaintyReport>,
    /// Mean joint position error by position in the window, over all frames, cm: at the first
    /// position the network sees only the future, at the last only the past. `None` without frames.
    /// Networks under the offline protocol only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_window_position: Option<Vec<Option<f64>>>,
    /// The clips with the largest position errors, worst first.
    pub worst: Vec<WorstClip>,
    /// Figures of each clip.
    pub per_clip: Vec<ClipReport>,
}

/// Errors of each region of the body.
pub type Regions = BTreeMap<Region, RegionReport>;

/// Errors of a region of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RegionReport {
    /// Mean position error of its joints, cm.
    pub cm: f64,
    /// Mean angle error of its joints' local rotations, without the pelvis, degrees.
    pub deg: f64,
}

impl From<RegionError> for RegionReport {
    fn from(error: RegionError) -> Self {
        Self { cm: error.position * 100.0, deg: error.angle.to_degrees() }
    }
}

/// Figures of a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClipReport {
    /// Name of the clip.
    pub clip: String,
    /// Number of predicted frames.
    pub frames: usize,
    /// The figures.
    #[serde(flatten)]
    pub metrics: MetricsReport,
    /// Errors by region.
    pub regions: Regions,
    /// Errors of the hands against each other and the head.
    pub hands: HandsReport,
    /// Errors of groups against each other.
    pub interactions: Interactions,
    /// Plausibility figures, if it was refined.
    #[serde(flatten)]
    pub looks: Option<LooksReport>,
}

/// A clip with large errors, and when they are largest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstClip {
    /// Name of the clip.
    pub clip: String,
    /// Mean joint position error over all frames, cm.
    pub mpjpe_cm: f64,
    /// Time of the frame with the largest error, seconds from the start.
    pub at_s: f64,
    /// Mean joint position error in that frame, cm.
    pub at_mpjpe_cm: f64,
}

/// Scores of one estimate of a clip.
#[derive(Clone, Debug)]
pub struct ClipScore {
    name: String,
    rate_hz: f64,
    metrics: Metrics,
    joints: JointErrors,
    hands: HandErrors,
    interactions: InteractionErrors,
    /// Mean joint position error of each frame, metres.
    distances: Vec<f64>,
    looks: Option<Looks>,
    certainty: Option<CertaintySums>,
}

impl ClipScore {
    /// Scores an estimate, of at least one frame, against its clip. The estimate lacks the clip's
    /// first frame.
    #[must_use]
    pub fn new(name: &str, estimate: &MotionClip, clip: &MotionClip, skeleton: &Skeleton) -> Self {
        let truth = BodyTrack::new(&clip.frames[1..], skeleton);
        let track = BodyTrack::new(&estimate.frames, skeleton);
        Self {
            name: name.into(),
            rate_hz: estimate.rate_hz,
            metrics: Metrics::compare(&track, &truth, estimate.rate_hz),
            joints: JointErrors::compare(&track, &truth),
            hands: HandErrors::compare(&track, &truth),
            interactions: InteractionErrors::compare(&track, &truth, estimate.rate_hz),
            distances: track.distances(&truth),
            looks: None,
            certainty: None,
        }
    }

    /// Adds what the network says about itself.
    #[must_use]
    pub fn with_certainty(self, certainty: Option<CertaintySums>) -> Self {
        Self { certainty, ..self }
    }

    /// Adds plausibility figures.
    #[must_use]
    pub fn with_looks(self, looks: Looks) -> Self {
        Self { looks: Some(looks), ..self }
    }

    /// Errors against the truth.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Plausibility figures, if measured.
    #[must_use]
    pub fn looks(&self) -> Option<&Looks> {
        self.looks.as_ref()
    }

    /// Mean joint position error, cm.
    #[must_use]
    pub fn mpjpe_cm(&self) -> f64 {
        self.metrics.mpjpe * 100.0
    }

    fn report(&self) -> ClipReport {
        let region = |region| (region, self.joints.region(region).into());
        ClipReport {
            clip: self.name.clone(),
            frames: self.distances.len(),
            metrics: self.metrics.report(),
            regions: Region::ALL.map(region).into(),
            hands: self.hands.into(),
            interactions: interactions(&self.interactions),
            looks: LooksReport::new(self.looks.iter()),
        }
    }

    fn worst(&self) -> WorstClip {
        let frames = self.distances.iter().enumerate();
        let (frame, distance) =
            frames.max_by(|a, b| a.1.total_cmp(b.1)).expect("metrics were made of frames");
        WorstClip {
            clip: self.name.clone(),
            mpjpe_cm: self.mpjpe_cm(),
            at_s: (frame + 1) as f64 / self.rate_hz,
            at_mpjpe_cm: distance * 100.0,
        }
    }
}

impl ProtocolReport {
    /// Averages clips; `window` is the window of a network whose windows are adjacent. `None`
    /// without clips.
    #[must_use]
    pub fn new(scores: &[ClipScore], window: Option<usize>) -> Option<Self> {
        let metrics: Vec<Metrics> = scores.iter().map(|s| s.metrics).collect();
        let metrics = Metrics::mean(&metrics)?.report();
        let hands: Vec<HandErrors> = scores.iter().map(|s| s.hands).collect();
        let between: Vec<InteractionErrors> = scores.iter().map(|s| s.interactions).collect();
        let per_clip: Vec<ClipReport> = scores.iter().map(ClipScore::report).collect();
        let mut regions = Regions::new();
        for (region, error) in per_clip.iter().flat_map(|clip| &clip.regions) {
            let mean = regions.entry(*region).or_default();
            mean.cm += error.cm / scores.len() as f64;
            mean.deg += error.deg / scores.len() as f64;
        }
        let mut worst: Vec<WorstClip> = scores.iter().map(ClipScore::worst).collect();
        worst.sort_by(|a, b| b.mpjpe_cm.total_cmp(&a.mpjpe_cm));
        worst.truncate(WORST);
        Some(Self {
            clips: scores.len(),
            frames: per_clip.iter().map(|clip| clip.frames).sum(),
            metrics,
            regions,
            hands: HandErrors::mean(&hands)?.into(),
            interactions: interactions(&InteractionErrors::mean(&between)?),
            looks: LooksReport::new(scores.iter().filter_map(ClipScore::looks)),
            certainty: CertaintyReport::new(scores.iter().filter_map(|s| s.certainty.as_ref())),
            by_window_position: window.map(|window| by_window_position(scores, window)),
            worst,
            per_clip,
        })
    }
}

/// Mean joint position error by position in adjacent windows, cm.
fn by_window_position(scores: &[ClipScore], window: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_u64); window];
    for ClipScore { distances, .. } in scores {
        let windows = Protocol::Offline.windows(distances.len(), window, window);
        let places = windows.flat_map(|w| window - w.keep..window);
        for (place, distance) in places.zip(distances) {
            sums[place].0 += distance;
            sums[place].1 += 1;
        }
    }
    let mean = |(sum, count): (f64, u64)| (count > 0).then(|| sum / count as f64 * 100.0);
    sums.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::motion::ClipFrame;

    /// An estimate with these errors, metres, one per frame.
    fn score(name: &str, errors: &[f64]) -> ClipScore {
        let frame = |x: f64| ClipFrame { translation: DVec3::X * x, rotations: [DVec3::ZERO; 22] };
        let clip = MotionClip { rate_hz: 60.0, frames: vec![frame(0.0); errors.len() + 1] };
        let frames = errors.iter().map(|x| frame(*x)).collect();
        ClipScore::new(name, &MotionClip { rate_hz: 60.0, frames }, &clip, &Skeleton::default())
    }

    /// Windows of 3 frames: the first predicts frames 0 to 2, the second, which ends with frame 4,
    /// the last two.
    #[test]
    fn errors_are_averaged_by_window_position() {
        let scores = [score("five", &[0.1, 0.2, 0.3, 0.4, 0.5]), score("one", &[0.9])];
        let report = ProtocolReport::new(&scores, Some(3)).unwrap();
        let found = report.by_window_position.unwrap().into_iter().map(Option::unwrap);
        let expected = [10.0, (20.0 + 40.0) / 2.0, (30.0 + 50.0 + 90.0) / 3.0];
        for (found, expected) in found.zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let short = ProtocolReport::new(&[score("one", &[0.9])], Some(3)).unwrap();
        assert_eq!(short.by_window_position.unwrap()[..2], [None, None]);
    }

    #[test]
    fn the_worst_clips_come_first_and_regions_are_means_over_clips() {
        let scores: Vec<_> = (1..=7)
            .map(|i| score(&format!("clip {i}"), &[0.01 * f64::from(i), 0.02 * f64::from(i), 0.0]))
            .collect();
        let report = ProtocolReport::new(&scores, None).unwrap();
        let names: Vec<_> = report.worst.iter().map(|w| &*w.clip).collect();
        assert_eq!(names, ["clip 7", "clip 6", "clip 5", "clip 4", "clip 3"]);
        let worst = &report.worst[0];
        assert!((worst.mpjpe_cm - 7.0).abs() < 1e-9 && (worst.at_mpjpe_cm - 14.0).abs() < 1e-9);
        assert!((worst.at_s - 2.0 / 60.0).abs() < 1e-12);
        for (region, error) in &report.regions {
            assert!((error.cm - 4.0).abs() < 1e-9 && error.deg == 0.0, "{region:?}");
        }
        // The whole body moves.
        for (pair, error) in &report.interactions {
            assert!(error.cm < 1e-9 && error.cm_s.unwrap() < 1e-9, "{pair}: {error:?}");
        }
        assert!(report.hands.hand_to_hand_cm < 1e-9);
        assert_eq!((report.regions.len(), report.frames), (Region::ALL.len(), 21));
        assert_eq!(ProtocolReport::new(&[], None), None);
    }
}
