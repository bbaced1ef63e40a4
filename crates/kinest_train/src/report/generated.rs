//! Figures of motion that was made from words, beside those of real motion.

use super::table::Table;
use kinest::metrics::{BodyTrack, FeetTrack, jitter};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use kinest_language::generate::Judged;
use serde::Serialize;

/// How a motion looks and whether it is what was asked for, with units in the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MadeFigures {
    /// Share of what was asked for that `describe` finds.
    pub recall: Option<f64>,
    /// Share of what `describe` tells that was asked for.
    pub precision: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Mean speed along the floor of feet that stand.
    pub slide_cm_s: Option<f64>,
    /// Mean depth of the lower foot below the floor.
    pub below_floor_cm: f64,
    /// Greatest depth.
    pub deepest_cm: f64,
    /// Third derivative of joint positions.
    pub jitter_1e2_m_s3: Option<f64>,
    /// Duration.
    pub seconds: f64,
}

impl MadeFigures {
    /// The figures of a motion of a body with this skeleton.
    #[must_use]
    pub fn new(clip: &MotionClip, skeleton: &Skeleton, judged: &Judged) -> Self {
        let feet = FeetTrack::new(&clip.frames, skeleton);
        let standing = feet.standing(clip.rate_hz);
        let sunk = feet.sunk();
        let track = BodyTrack::new(&clip.frames, skeleton);
        Self {
            recall: judged.recall(),
            precision: judged.precision(),
            f1: judged.f1(),
            slide_cm_s: feet.slide(&standing, clip.rate_hz).map(|slide| slide * 100.0),
            below_floor_cm: sunk.mean * 100.0,
            deepest_cm: sunk.most * 100.0,
            jitter_1e2_m_s3: jitter(&track.positions, clip.rate_hz).map(|jitter| jitter / 100.0),
            seconds: clip.duration(),
        }
    }

    /// The mean of several; of the depth, the greatest. `None` without any.
    #[must_use]
    pub fn mean(all: &[Self]) -> Option<Self> {
        let some = |of: fn(&Self) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Some(Self {
            recall: some(|f| f.recall),
            precision: some(|f| f.precision),
            f1: some(|f| f.f1),
            slide_cm_s: some(|f| f.slide_cm_s),
            below_floor_cm: some(|f| Some(f.below_floor_cm))?,
            deepest_cm: all.iter().map(|f| f.deepest_cm).fold(0.0, f64::max),
            jitter_1e2_m_s3: some(|f| f.jitter_1e2_m_s3),
            seconds: some(|f| Some(f.seconds))?,
        })
    }

    fn row(&self, name: &str) -> Vec<String> {
        let shown = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}"))
        };
        vec![
            name.to_owned(),
            shown(self.f1, 2),
            shown(self.recall, 2),
            shown(self.precision, 2),
            shown(self.slide_cm_s, 1),
            shown(Some(self.below_floor_cm), 2),
            shown(Some(self.deepest_cm), 1),
            shown(self.jitter_1e2_m_s3, 1),
            shown(Some(self.seconds), 1),
        ]
    }
}

/// Motion made from many texts, beside the real clips that a search finds for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MadeReport {
    /// How the motions were made, if not by retrieval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// Each text with its motion and the first hit of the search.
    pub texts: Vec<(String, MadeFigures, Option<MadeFigures>)>,
    /// Texts of which nothing could be made, and why.
    pub failed: Vec<(String, String)>,
}

impl MadeReport {
    /// Means over all texts: of what was made, and of real clips.
    #[must_use]
    pub fn means(&self) -> [Option<MadeFigures>; 2] {
        let made: Vec<MadeFigures> = self.texts.iter().map(|(_, made, _)| *made).collect();
        let real: Vec<MadeFigures> = self.texts.iter().filter_map(|(.., real)| *real).collect();
        [made, real].map(|all| MadeFigures::mean(&all))
    }

    /// The report as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            "text",
            "F1",
            "recall",
            "precision",
            "slide cm/s",
            "below floor cm",
            "deepest cm",
            "jitter 100 m/s3",
            "s",
        ]);
        for (text, made, _) in &self.texts {
            table.rows.push(made.row(text));
        }
        for (name, mean) in ["**made, mean**", "**first hit of `search`**"].iter().zip(self.means())
        {
            table.rows.extend(mean.map(|mean| mean.row(name)));
        }
        let failed: String =
            self.failed.iter().map(|(text, why)| format!("\nnot made: {text}: {why}")).collect();
        let method = self.method.map(|method| format!("by {method}\n\n")).unwrap_or_default();
        format!("{method}{table}{failed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::motion::synthetic::{self, Kind};

    #[test]
    fn means_skip_what_has_no_figure_and_depth_is_the_greatest() {
        let figures = |f1, deepest_cm| MadeFigures { f1, deepest_cm, ..MadeFigures::default() };
        let mean = MadeFigures::mean(&[figures(Some(0.5), 1.0), figures(None, 3.0)]).unwrap();
        assert_eq!((mean.f1, mean.deepest_cm), (Some(0.5), 3.0));
        assert_eq!(MadeFigures::mean(&[]), None);
        let report = MadeReport {
            texts: vec![("walks".into(), figures(Some(1.0), 0.0), None)],
            failed: vec![("yodels".into(), "no".into())],
            method: None,
        };
        let table = report.table();
        assert!(table.contains("| walks") && table.contains("not made: yodels"), "{table}");
        let named = MadeReport { method: Some("magic"), ..report }.table();
        assert_eq!(named, format!("by magic\n\n{table}"));
    }

    #[test]
    fn a_synthetic_walk_hardly_slides() {
        let skeleton = Skeleton::default();
        let walk = synthetic::clip(Kind::Walk, 1, 4.0, 60.0, &skeleton);
        let judged = Judged { asked: vec![], acts: 0, wanted: 0, told: String::new() };
        let figures = MadeFigures::new(&walk, &skeleton, &judged);
        assert!(figures.slide_cm_s.unwrap() < 3.0 && figures.f1.is_none());
        assert_eq!(figures.seconds, 4.0);
    }
}
