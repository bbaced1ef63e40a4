//! Scores models and baselines against the true motion.

use super::baselines::Baseline;
use super::certainty::CertaintySums;
use super::figures::{ClipScore, ModelReport, ProtocolReport, RefinedReport, Report};
use super::looks::Step;
use super::refined;
use crate::data::clips::NamedClip;
use crate::progress;
use crate::render::{self, Actor, Panel, Scene};
use anyhow::{Context, ensure};
use kinest::live::protocol::{self, Prediction, Protocol, ProtocolError};
use kinest::live::{Certainty, PoseEngine};
use kinest::metrics::{BodyTrack, FeetTrack};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use kinest::tracker::TrackerRole;
use rayon::prelude::*;
use std::path::Path;

/// Clips scored and drawn in parallel: enough for all cores, few enough to fit in memory.
const BATCH: usize = 8;
/// Shade of the true body behind an estimate in contact sheets.
const TRUTH_SHADE: f64 = 0.65;

/// A model or baseline to score.
pub struct Candidate {
    /// Its name in the report.
    pub name: String,
    /// How it estimates.
    pub estimator: Estimator,
}

impl Candidate {
    /// Whether it sees what players wear beside head and hands.
    #[must_use]
    pub fn sees_bodies(&self) -> bool {
        match &self.estimator {
            Estimator::Network(engine) => !engine.spec().layout.trackers.on_body().is_empty(),
            Estimator::Baseline(_) => false,
        }
    }
}

/// Origin of estimates.
pub enum Estimator {
    /// A network.
    Network(Box<dyn PoseEngine>),
    /// A baseline without a network.
    Baseline(Baseline),
}

impl Estimator {
    /// Protocols with different estimates, each with those that give the same.
    fn protocols<'a>(&self, wanted: &'a [Protocol]) -> std::slice::Chunks<'a, Protocol> {
        wanted.chunks(match self {
            Self::Network(_) => 1,
            Self::Baseline(_) => wanted.len().max(1),
        })
    }

    fn estimate(
        &mut self,
        clip: &MotionClip,
        skeleton: &Skeleton,
        worn: &[TrackerRole],
        protocol: Protocol,
        progress: impl FnMut(usize, usize),
    ) -> Result<Prediction, ProtocolError> {
        match self {
            Self::Network(engine) => {
                protocol::predict(engine.as_mut(), clip, skeleton, worn, protocol, progress)
            }
            Self::Baseline(baseline) => {
                let motion = baseline.estimate(clip, skeleton)?;
                Ok(Prediction { certainties: vec![], motion })
            }
        }
    }

    /// Label of an estimate in pictures.
    fn label(&self, name: &str, protocol: Protocol) -> String {
        match self {
            Self::Network(_) => format!("{name}, {}", format!("{protocol:?}").to_lowercase()),
            Self::Baseline(_) => name.into(),
        }
    }

    /// Window of a network, if its windows are adjacent under this protocol.
    fn offline_window(&self, protocol: Protocol) -> Option<usize> {
        match self {
            Self::Network(engine) if protocol == Protocol::Offline => Some(engine.output_frames())
                .filter(|output_frames| *output_frames == engine.spec().window),
            _ => None,
        }
    }
}

/// An estimate of a clip, and its label.
struct Estimate {
    label: String,
    prediction: Prediction,
    /// Whether to refine it.
    refined: bool,
}

/// Predicts and scores every clip on a body with `skeleton`, and draws a contact sheet of each into
/// the folder `sheets`. Clips must have the rate of all models. Players wear the trackers `worn` beside head
/// and hands. With `refine`, the online estimates of networks are also scored after each [`Step`].
///
/// # Errors
/// If there are no clips or candidates, a clip is too short, an engine fails, or a sheet cannot be
/// written.
pub fn evaluate(
    candidates: &mut [Candidate],
    clips: &[NamedClip],
    skeleton: &Skeleton,
    protocols: &[Protocol],
    worn: &[TrackerRole],
    refine: bool,
    sheets: Option<&Path>,
) -> anyhow::Result<Report> {
    ensure!(!clips.is_empty(), "there is no clip to evaluate");
    let frames = |clip: &NamedClip| clip.clip.frames.len().saturating_sub(1);
    let estimates: usize = candidates.iter().map(|c| c.estimator.protocols(protocols).len()).sum();
    let bar = progress::frames(clips.iter().map(frames).sum::<usize>() * estimates, "evaluating");

    // Scores of each estimate, one per clip.
    let mut scores: Vec<Vec<ClipScore>> = vec![vec![]; estimates];
    // The same after each step, for refined estimates.
    let mut steps: Vec<[Vec<ClipScore>; Step::ALL.len()]> = vec![];
    let refines = |estimator: &Estimator, protocol: Protocol| {
        refine && protocol == Protocol::Online && matches!(estimator, Estimator::Network(_))
    };
    for batch in clips.chunks(BATCH) {
        let mut estimates = vec![];
        for clip in batch {
            bar.set_message(clip.name.clone());
            let mut of_clip = vec![];
            for Candidate { name, estimator } in candidates.iter_mut() {
                for same in estimator.protocols(protocols) {
                    let before = bar.position();
                    let progress = |done, _| bar.set_position(before + done as u64);
                    let prediction = estimator
                        .estimate(&clip.clip, skeleton, worn, same[0], progress)
                        .with_context(|| format!("clip {}, {name}", clip.name))?;
                    bar.set_position(before + frames(clip) as u64);
                    let (label, refined) =
                        (estimator.label(name, same[0]), refines(estimator, same[0]));
                    of_clip.push(Estimate { label, prediction, refined });
                }
            }
            estimates.push(of_clip);
        }
        let scored = batch.par_iter().zip(estimates).map(|(clip, estimates)| {
            let score = |e: &Estimate| score(&clip.name, &e.prediction, &clip.clip, skeleton);
            let scores: Vec<ClipScore> = estimates.iter().map(score).collect();
            let refined = estimates.iter().filter(|estimate| estimate.refined);
            let refined = refined
                .map(|e| refined::score(&clip.name, &e.prediction, &clip.clip, skeleton, worn));
            let refined: Vec<_> = refined.collect();
            if let Some(folder) = sheets {
                draw(folder, clip, skeleton, estimates, &scores)?;
            }
            Ok((scores, refined))
        });
        for (of_clip, refined) in scored.collect::<anyhow::Result<Vec<_>>>()? {
            scores.iter_mut().zip(of_clip).for_each(|(all, score)| all.push(score));
            steps.resize_with(refined.len(), Default::default);
            for (all, score) in steps.iter_mut().flatten().zip(refined.into_iter().flatten()) {
                all.push(score);
            }
        }
    }
    bar.finish_and_clear();

    let (mut scores, mut steps) = (scores.into_iter(), steps.into_iter());
    let mut reports = vec![];
    for Candidate { name, estimator } in candidates.iter() {
        let mut report = ModelReport { name: name.clone(), ..Default::default() };
        for (same, scores) in estimator.protocols(protocols).zip(&mut scores) {
            if refines(estimator, same[0])
                && let Some(steps) = steps.next()
            {
                let steps = Step::ALL.iter().zip(&steps);
                report.refined = steps.filter_map(|(s, all)| RefinedReport::new(*s, all)).collect();
            }
            for protocol in same {
                let window = estimator.offline_window(*protocol);
                *report.protocol_mut(*protocol) = ProtocolReport::new(&scores, window);
            }
        }
        reports.push(report);
    }
    let mut reports = reports.into_iter();
    let first = reports.next().context("there is no model to evaluate")?;
    let trackers = worn.to_vec();
    Ok(Report { first, trackers, models: reports.collect() })
}

/// Scores a prediction, and what it says about itself.
fn score(name: &str, estimate: &Prediction, clip: &MotionClip, skeleton: &Skeleton) -> ClipScore {
    let Prediction { motion, certainties } = estimate;
    let score = ClipScore::new(name, motion, clip, skeleton);
    if certainties.iter().all(|certainty| *certainty == Certainty::default()) {
        return score;
    }
    let truth = &clip.frames[1..];
    score.with_certainty(CertaintySums::new(
        certainties,
        &BodyTrack::new(&motion.frames, skeleton),
        &BodyTrack::new(truth, skeleton),
        &FeetTrack::new(truth, skeleton),
        motion.rate_hz,
    ))
}

/// Writes the contact sheet of a clip: the true body, then each estimate over it.
fn draw(
    folder: &Path,
    clip: &NamedClip,
    skeleton: &Skeleton,
    estimates: Vec<Estimate>,
    scores: &[ClipScore],
) -> anyhow::Result<()> {
    let truth = || Actor::new(clip.clip.clone());
    let mut panels = vec![Panel { label: format!("{}, true", clip.name), actors: vec![truth()] }];
    for (estimate, score) in estimates.into_iter().zip(scores) {
        // An estimate lacks the first frame.
        let start = 1.0 / clip.clip.rate_hz;
        let behind = Actor { shade: TRUTH_SHADE, ..truth() };
        let front = Actor { start, ..Actor::new(estimate.prediction.motion) };
        let label = format!("{}, MPJPE {:.1} cm", estimate.label, score.mpjpe_cm());
        panels.push(Panel { label, actors: vec![behind, front] });
    }
    let times = render::spread(clip.clip.duration(), render::SHEET_TIMES);
    let scene = Scene::new(skeleton.clone(), panels, &times, render::SHEET_SIZE)
        .with_context(|| format!("clip {}", clip.name))?;
    // All sheets are in one folder, for image viewers.
    let name = clip.name.replace('/', "__");
    let path = folder.join(Path::new(&name).with_extension("png"));
    render::write(&path, &scene.sheet(&times)?.png()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::features::FeatureLayout;
    use kinest::live::{EngineError, StreamEngine, Take};
    use kinest::model::{Feed, ModelSpec};
    use kinest::motion::{ClipFrame, MotionClip};
    use kinest::skeleton::SmplJoint;

    const BOTH: [Protocol; 2] = [Protocol::Offline, Protocol::Online];

    /// Outputs identity rotations in every frame.
    struct Straight(ModelSpec);

    impl PoseEngine for Straight {
        fn spec(&self) -> &ModelSpec {
            &self.0
        }
        fn device(&self) -> &str {
            "none"
        }
        fn output_frames(&self) -> usize {
            self.0.window
        }
        fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
            None
        }
        fn infer(&mut self, _: &[f32], batch: usize, take: Take) -> Result<Vec<f32>, EngineError> {
            let rows = if take == Take::All { self.0.window } else { 1 };
            Ok([1.0, 0.0, 0.0, 0.0, 1.0, 0.0].repeat(batch * rows * SmplJoint::COUNT))
        }
    }

    fn straight(name: &str) -> Candidate {
        let layout = FeatureLayout::default();
        let skeleton = Skeleton::default();
        let engine =
            Straight(ModelSpec { layout, rate_hz: 60.0, window: 4, feed: Feed::Windows, skeleton });
        Candidate { name: name.into(), estimator: Estimator::Network(Box::new(engine)) }
    }

    fn held() -> Candidate {
        Candidate { name: "held".into(), estimator: Estimator::Baseline(Baseline::Held) }
    }

    fn evaluated(
        candidates: &mut [Candidate],
        clips: &[NamedClip],
        protocols: &[Protocol],
    ) -> anyhow::Result<Report> {
        evaluate(candidates, clips, &Skeleton::default(), protocols, &[], false, None)
    }

    fn clip(name: &str, frames: usize, knee: f64) -> NamedClip {
        let mut rotations = [DVec3::ZERO; 22];
        rotations[4] = DVec3::X * knee;
        let frame = ClipFrame { translation: DVec3::ZERO, rotations };
        let clip = MotionClip { rate_hz: 60.0, frames: vec![frame; frames] };
        NamedClip { name: name.into(), clip }
    }

    /// Other programs read these keys.
    #[test]
    fn the_report_has_stable_keys_and_means_over_clips() {
        let clips = [clip("short", 3, 0.21), clip("long", 31, 0.0)];
        let report = evaluated(&mut [straight("zero")], &clips, &BOTH).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        assert!(json.get("models").is_none(), "there is only one");
        for protocol in ["offline", "online"] {
            let mut keys: Vec<_> = json[protocol].as_object().unwrap().keys().collect();
            let expected = [
                "clips",
                "frames",
                "mpjre_deg",
                "mpjre_geodesic_deg",
                "mpjpe_cm",
                "mpjve_cm_s",
                "hand_pe_cm",
                "upper_pe_cm",
                "lower_pe_cm",
                "root_pe_cm",
                "jitter_1e2_m_s3",
                "gt_jitter_1e2_m_s3",
                "hands",
                "interactions",
                "per_clip",
                "regions",
                "worst",
            ];
            let mut expected = expected.to_vec();
            expected.extend((protocol == "offline").then_some("by_window_position"));
            keys.sort();
            expected.sort_unstable();
            assert_eq!(keys, expected);
            assert_eq!(
                (&json[protocol]["clips"], &json[protocol]["frames"]),
                (&2.into(), &32.into())
            );
            let mean = json[protocol]["mpjre_geodesic_deg"].as_f64().unwrap();
            assert!((mean - (0.21_f64 / 21.0).to_degrees() / 2.0).abs() < 1e-9, "{mean}");
            let rows = json[protocol]["per_clip"].as_array().unwrap();
            assert_eq!((&rows[0]["clip"], &rows[0]["frames"]), (&"short".into(), &2.into()));
            assert!(rows[0]["jitter_1e2_m_s3"].is_null() && rows[1]["mpjpe_cm"] == 0.0);
        }
        assert_eq!(json["offline"]["by_window_position"].as_array().unwrap().len(), 4);
        let knee = json["online"]["regions"]["left_leg"]["deg"].as_f64().unwrap();
        assert!((knee - (0.21_f64 / 4.0).to_degrees() / 2.0).abs() < 1e-9, "{knee}");
        assert_eq!(json["online"]["worst"][0]["clip"], "short");

        for figures in [&json["online"], &json["online"]["per_clip"][0]] {
            let hands = figures["hands"].as_object().unwrap();
            let expected = ["hand_to_hand_cm", "left_hand_to_head_cm", "right_hand_to_head_cm"];
            assert!(hands.keys().eq(expected), "{hands:?}");
            let pairs = figures["interactions"].as_object().unwrap();
            assert_eq!(pairs.len(), 15);
            for (pair, error) in pairs {
                // Only the left knee is wrong, and it is no link.
                let wrong = error["cm"].as_f64().unwrap() > 0.1;
                assert_eq!(wrong, pair.contains("left_leg"), "{pair}: {error}");
                assert!(error["cm_s"].as_f64().unwrap() < 1e-6);
                let deg = error.get("deg").map(|deg| deg.as_f64().unwrap());
                assert_eq!(deg.is_some(), pair.starts_with("torso"), "{pair}");
                assert!(deg.unwrap_or_default() < 1e-6, "{pair}: {error}");
            }
        }
    }

    #[test]
    fn models_and_baselines_are_in_every_format() {
        let clips = [clip("a, \"b\"", 9, 0.2), clip("c", 9, 0.0)];
        let mut all = [straight("zero"), straight("other"), held()];
        let report = evaluated(&mut all, &clips, &BOTH).unwrap();

        let json = serde_json::to_value(&report).unwrap();
        let names: Vec<_> = json["models"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
        assert_eq!(json["name"], "zero");
        assert_eq!(names, ["other", "held"]);
        assert_eq!(json["models"][0]["offline"], json["offline"]);
        let held = &json["models"][1];
        assert_eq!(held["offline"], held["online"]);
        assert!(held["online"]["mpjpe_cm"].as_f64().unwrap() < 1e-6);
        assert!(held["offline"].get("by_window_position").is_none());
        let legs_cm = json["online"]["interactions"]["left_leg-right_leg"]["cm"].as_f64().unwrap();

        let text = report.to_string();
        let rows = |word: &str| text.lines().filter(|l| l.starts_with(word)).count();
        // In the main table, the regions, and two of the worst clips; offline also by window
        // position.
        assert_eq!(rows("| zero "), 2 * 4 + 1, "{text}");
        assert_eq!(rows("| held "), 2 * 2, "{text}");
        let between = text.split("\n\n").find(|part| part.contains("from, to")).unwrap();
        assert_eq!(between.lines().count(), 2 + 3 + 15, "{between}");
        assert!(between.lines().all(|line| line.matches('|').count() == 2 + 3 * 2), "{between}");
        let row = |name: &str| {
            let row = between.lines().find(|line| line.starts_with(name)).unwrap();
            row.split('|').nth(3).unwrap().trim().to_string()
        };
        assert_eq!(row("| hand to hand "), "0.0");
        assert_eq!(row("| left leg to right leg "), format!("{legs_cm:.1} / 0.0"));
        assert!(row("| torso to left leg ").ends_with(" / 0.0 / 0.0"));
        for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
            let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
            assert!(widths.iter().all(|w| *w == widths[0]), "{table}");
        }

        let csv = report.csv().unwrap();
        let mut csv = csv::Reader::from_reader(&*csv);
        let header = csv.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|h| h == name).unwrap();
        let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), &rows[0][column("clip")]), (3 * 2 * 2, "a, \"b\""));
        let deg: f64 = rows[0][column("region_left_leg_deg")].parse().unwrap();
        assert!((deg - (0.2_f64 / 4.0).to_degrees()).abs() < 1e-6, "{deg}");
        let legs: f64 = rows[0][column("interaction_left_leg-right_leg_cm")].parse().unwrap();
        assert!((legs / 2.0 - legs_cm).abs() < 1e-9, "the other clip is right: {legs} {legs_cm}");
        assert!(rows[0][column("interaction_torso-neck_deg")].parse::<f64>().unwrap() < 1e-6);
        assert!(!header.iter().any(|name| name == "interaction_left_leg-right_leg_deg"));
        assert!(rows[0][column("hand_to_hand_cm")].parse::<f64>().unwrap() < 1e-6);
    }

    #[test]
    fn refined_online_estimates_are_in_every_format() {
        let clips = [clip("a", 9, 0.2), clip("b", 9, 0.0)];
        let mut all = [straight("zero"), held(), straight("other")];
        let skeleton = Skeleton::default();
        let evaluated = |all: &mut [Candidate], protocols: &[Protocol]| {
            evaluate(all, &clips, &skeleton, protocols, &[], true, None).unwrap()
        };
        let report = evaluated(&mut all, &BOTH);
        let json = serde_json::to_value(&report).unwrap();
        for model in [&json, &json["models"][1]] {
            let steps = model["refined"].as_array().unwrap();
            let names: Vec<_> = steps.iter().map(|step| &step["step"]).collect();
            assert_eq!(names, Step::ALL.map(Step::name));
            assert_eq!(steps[0]["mpjpe_cm"], model["online"]["mpjpe_cm"]);
            assert_eq!(steps[0]["knee_flips"], 0);
            assert_eq!(steps[6]["mpjpe_cm"], 0.0);
            let sunk = |step: usize| steps[step]["per_clip"][1]["below_floor_cm"].as_f64().unwrap();
            assert!(sunk(5) < sunk(4), "feet are lifted onto the floor");
        }
        assert!(json["models"][0].get("refined").is_none(), "it is no network");
        assert!(json["online"].get("knee_flips").is_none(), "it is not refined");

        let text = report.to_string();
        let refined = text.split("\n\n").find(|part| part.contains("below floor")).unwrap();
        assert_eq!(refined.lines().count(), 2 + 2 * Step::ALL.len(), "{refined}");

        let csv = report.csv().unwrap();
        let mut csv = csv::Reader::from_reader(&*csv);
        let header = csv.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|h| h == name).unwrap();
        let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
        let feet = rows.iter().filter(|row| &row[column("step")] == "+ feet").count();
        assert_eq!((rows.len(), feet), (2 * (3 * 2 + 2 * Step::ALL.len()), 2 * 2));
        assert_eq!(&rows[0][column("knee_flips")], "");

        let offline = evaluated(&mut [straight("zero")], &[Protocol::Offline]);
        assert_eq!(offline.first.refined, []);
    }

    #[test]
    fn a_sheet_is_drawn_of_each_clip() {
        let folder = tempfile::tempdir().unwrap();
        let clips = [clip("CMU/01/a_poses.npz", 9, 0.2), clip("../b.npz", 9, 0.0)];
        let mut all = [straight("zero"), held()];
        let protocols = &BOTH;
        evaluate(
            &mut all,
            &clips,
            &Skeleton::default(),
            protocols,
            &[],
            false,
            Some(folder.path()),
        )
        .unwrap();
        for name in ["CMU__01__a_poses.png", "..__b.png"] {
            let sheet = tiny_skia::Pixmap::load_png(folder.path().join(name)).unwrap();
            // The truth, the network twice, the baseline once.
            assert!(
                sheet.height() > 4 * render::SHEET_SIZE && sheet.height() < 5 * render::SHEET_SIZE
            );
        }
    }

    #[test]
    fn the_report_has_only_requested_protocols_and_errors_name_the_clip() {
        let mut zero = [straight("zero")];
        let report = evaluated(&mut zero, &[clip("a", 9, 0.0)], &[Protocol::Online]).unwrap();
        assert!(!serde_json::to_string(&report).unwrap().contains("offline"));
        let error = evaluated(&mut zero, &[clip("tiny", 1, 0.0)], &BOTH).unwrap_err();
        assert!(format!("{error:#}").contains("clip tiny"));
        assert!(evaluated(&mut zero, &[], &BOTH).is_err());
        assert!(evaluated(&mut [], &[clip("a", 9, 0.0)], &BOTH).is_err());
    }
}
