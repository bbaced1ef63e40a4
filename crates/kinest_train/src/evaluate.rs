//! `kinest-train evaluate`: how far a model is from the truth.

use crate::clips::{self, NamedClip};
use crate::engine;
use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use kinest::files::write_atomically;
use kinest::metrics::{Metrics, MetricsReport};
use kinest::runtime::PoseEngine;
use kinest::runtime::protocol::{self, Protocol};
use serde::Serialize;
use std::fmt::{self, Display};
use std::path::PathBuf;

/// Compares a model's predictions with the motion they were made from.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// The model, a `.model.ron` file with its weights beside it
    #[arg(long)]
    pub model: PathBuf,
    /// Folder with AMASS clips, at any depth
    #[arg(long)]
    pub data: PathBuf,
    /// File with one clip per line, relative to the folder; without it, all clips of the folder
    #[arg(long)]
    pub split: Option<PathBuf>,
    /// What each frame may be predicted from
    #[arg(long, default_value = "both")]
    pub protocol: Protocols,
    /// Also write the figures, with a row for each clip, to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Which protocols to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocols {
    /// Whole windows side by side, future included, as papers do
    Offline,
    /// Only the past, as a game has it
    Online,
    /// One after the other
    Both,
}

impl Protocols {
    fn list(self) -> &'static [Protocol] {
        match self {
            Self::Offline => &[Protocol::Offline],
            Self::Online => &[Protocol::Online],
            Self::Both => &[Protocol::Offline, Protocol::Online],
        }
    }
}

/// The figures of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Under [`Protocol::Offline`], if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<ProtocolReport>,
    /// Under [`Protocol::Online`], if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<ProtocolReport>,
}

/// The figures under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProtocolReport {
    /// How many clips.
    pub clips: usize,
    /// Predicted frames of all clips.
    pub frames: usize,
    /// Plain mean over the clips.
    #[serde(flatten)]
    pub metrics: MetricsReport,
    /// Each clip's own.
    pub per_clip: Vec<ClipReport>,
}

/// The figures of one clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClipReport {
    /// Name of the clip.
    pub clip: String,
    /// Predicted frames.
    pub frames: usize,
    /// The figures.
    #[serde(flatten)]
    pub metrics: MetricsReport,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8} {:>5} {:>7}", "", "clips", "frames")?;
        for (name, unit) in [
            ("MPJRE", "deg"),
            ("geodesic", "deg"),
            ("MPJPE", "cm"),
            ("MPJVE", "cm/s"),
            ("hands", "cm"),
            ("upper", "cm"),
            ("lower", "cm"),
            ("root", "cm"),
            ("jitter", "100 m/s3"),
            ("true", "100 m/s3"),
        ] {
            write!(f, " {:>15}", format!("{name} {unit}"))?;
        }
        for (name, report) in [("offline", &self.offline), ("online", &self.online)] {
            let Some(ProtocolReport { clips, frames, metrics: m, .. }) = report else { continue };
            write!(f, "\n{name:8} {clips:>5} {frames:>7}")?;
            for figure in [
                Some(m.mpjre_deg),
                Some(m.mpjre_geodesic_deg),
                Some(m.mpjpe_cm),
                m.mpjve_cm_s,
                Some(m.hand_pe_cm),
                Some(m.upper_pe_cm),
                Some(m.lower_pe_cm),
                Some(m.root_pe_cm),
                m.jitter_1e2_m_s3,
                m.gt_jitter_1e2_m_s3,
            ] {
                let text = figure.map_or("-".into(), |v| format!("{v:.3}"));
                write!(f, " {text:>15}")?;
            }
        }
        Ok(())
    }
}

/// Predicts and scores every clip, which must be at the model's rate, on the model's own skeleton.
///
/// # Errors
/// If there is no clip, one is too short, or the engine fails.
pub fn evaluate(
    engine: &mut dyn PoseEngine,
    clips: &[NamedClip],
    protocols: &[Protocol],
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for protocol in protocols {
        let place = match protocol {
            Protocol::Offline => &mut report.offline,
            Protocol::Online => &mut report.online,
        };
        *place = Some(evaluate_protocol(engine, clips, *protocol)?);
    }
    Ok(report)
}

fn evaluate_protocol(
    engine: &mut dyn PoseEngine,
    clips: &[NamedClip],
    protocol: Protocol,
) -> anyhow::Result<ProtocolReport> {
    let skeleton = engine.spec().skeleton.clone();
    let frames = |clip: &NamedClip| clip.clip.frames.len().saturating_sub(1);
    let total: usize = clips.iter().map(frames).sum();
    // Draws on a terminal only.
    let bar = ProgressBar::new(total as u64).with_style(ProgressStyle::with_template(
        "{prefix} {bar:40} {pos}/{len} frames, {eta} left  {msg}",
    )?);
    bar.set_prefix(format!("{protocol:?}").to_lowercase());

    let mut all = vec![];
    let mut per_clip = vec![];
    for clip in clips {
        bar.set_message(clip.name.clone());
        let before = bar.position();
        let predicted = protocol::predict(engine, &clip.clip, &skeleton, protocol, |done, _| {
            bar.set_position(before + done as u64);
        });
        let metrics = predicted
            .and_then(|predicted| protocol::score(&predicted, &clip.clip, &skeleton))
            .with_context(|| format!("clip {}", clip.name))?;
        all.push(metrics);
        per_clip.push(ClipReport {
            clip: clip.name.clone(),
            frames: frames(clip),
            metrics: metrics.report(),
        });
    }
    bar.finish_and_clear();
    let mean = Metrics::mean(&all).context("there is no clip to evaluate")?;
    Ok(ProtocolReport { clips: clips.len(), frames: total, metrics: mean.report(), per_clip })
}

/// Runs the command.
///
/// # Errors
/// If the model or a clip cannot be read, or the report cannot be written.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let mut engine = engine::open(&args.model)?;
    let clips = clips::load(&args.data, args.split.as_deref(), engine.spec().rate_hz)?;
    let report = evaluate(engine.as_mut(), &clips, args.protocol.list())?;
    println!("{report}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        write_atomically(path, json.as_bytes())
            .with_context(|| format!("cannot write report {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::features::{FeatureLayout, TARGETS};
    use kinest::model::ModelSpec;
    use kinest::motion::{ClipFrame, MotionClip};
    use kinest::runtime::{EngineError, Take};
    use kinest::skeleton::Skeleton;

    /// Says for every frame that no joint is turned.
    struct Straight(ModelSpec);

    impl PoseEngine for Straight {
        fn spec(&self) -> &ModelSpec {
            &self.0
        }
        fn device(&self) -> &str {
            "none"
        }
        fn infer(&mut self, _: &[f32], batch: usize, take: Take) -> Result<Vec<f32>, EngineError> {
            let rows = if take == Take::All { self.0.window } else { 1 };
            Ok([1.0, 0.0, 0.0, 0.0, 1.0, 0.0].repeat(batch * rows * TARGETS / 6))
        }
    }

    fn engine() -> Straight {
        let layout = FeatureLayout::default();
        let skeleton = Skeleton::default();
        Straight(ModelSpec { layout, rate_hz: 60.0, window: 4, skeleton })
    }

    fn clip(name: &str, frames: usize, knee: f64) -> NamedClip {
        let mut rotations = [DVec3::ZERO; 22];
        rotations[4] = DVec3::X * knee;
        let frame = ClipFrame { translation: DVec3::ZERO, rotations };
        let clip = MotionClip { rate_hz: 60.0, frames: vec![frame; frames] };
        NamedClip { name: name.into(), clip }
    }

    /// The keys are an interface: other programs read them.
    #[test]
    fn the_report_has_the_agreed_keys_and_the_plain_mean_over_clips() {
        let clips = [clip("short", 3, 0.21), clip("long", 31, 0.0)];
        let protocols = Protocols::Both.list();
        let report = evaluate(&mut engine(), &clips, protocols).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        for protocol in ["offline", "online"] {
            let mut keys: Vec<_> = json[protocol].as_object().unwrap().keys().collect();
            let mut expected = [
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
                "per_clip",
            ];
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
        let table = report.to_string();
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("online") && table.contains("0.286"), "{table}");
    }

    #[test]
    fn only_what_was_asked_for_is_reported_and_faults_name_the_clip() {
        let report = evaluate(&mut engine(), &[clip("a", 9, 0.0)], Protocols::Online.list());
        assert!(!serde_json::to_string(&report.unwrap()).unwrap().contains("offline"));
        let error = evaluate(&mut engine(), &[clip("tiny", 1, 0.0)], Protocols::Both.list());
        assert!(format!("{:#}", error.unwrap_err()).contains("clip tiny"));
        assert!(evaluate(&mut engine(), &[], Protocols::Both.list()).is_err());
    }
}
