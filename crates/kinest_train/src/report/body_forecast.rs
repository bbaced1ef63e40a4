//! Scores of forecasts of a game's body: the poses of the next moments, from what a game shows.
//!
//! Every forecast is moved so that its head joint is where the true head will be, because a game
//! puts the head exactly at the headset. What is left is what a forecast is for: trunk, arms and
//! legs. Hands are not moved. The root's own place is scored apart, as avatars need it whose head
//! comes over a network.

use super::table::Table;
use crate::tasks::forecast::body::motion::{BodyMotion, pose_at};
use anyhow::{Context, ensure};
use kinest::forecast::{BodyForecaster, ForecastPose, PoseHistory};
use kinest::model::forecast::{ForecastGate, ForecastSpec};
use kinest::rotation::geodesic_angle;
use kinest::skeleton::{Group, PerJoint, Pose, Skeleton, SmplJoint};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Steps of the evaluation per second, and so the frames of a gate: the horizon of step `n` is
/// `n / STEPS_PER_SECOND`.
const STEPS_PER_SECOND: f64 = 30.0;

/// The farthest horizon, in steps: 400 ms.
const STEPS: usize = 12;

/// The steps that tables show: 33, 67, 100, 167, 233 and 400 ms.
const SHOWN: [usize; 6] = [1, 2, 3, 5, 7, 12];

/// Seconds of motion that every forecaster may have seen before the first forecast that counts.
const SEEN: f64 = 0.5;

/// What is compared, by name.
pub struct Contender {
    /// Name in tables.
    pub name: String,
    /// Predicts the body.
    pub forecaster: BodyForecaster,
}

/// Scores of several forecasters.
#[derive(Clone, Debug, Serialize)]
pub struct BodyForecastReport {
    /// Number of clips.
    pub clips: usize,
    /// Number of moments from which forecasts were made.
    pub moments: usize,
    /// One for each forecaster and kind of history.
    pub rows: Vec<BodyForecastRow>,
}

/// Scores of a forecaster.
#[derive(Clone, Debug, Serialize)]
pub struct BodyForecastRow {
    /// Its name.
    pub name: String,
    /// What it sees: the poses that a game shows, or the true ones.
    pub estimated: bool,
    /// Its scores, horizon by horizon.
    pub horizons: Vec<HorizonScore>,
}

/// Means over moments, at one horizon.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HorizonScore {
    /// The horizon, milliseconds.
    pub ms: f64,
    /// Distance of joints with the head in place, mm.
    pub mm: f64,
    /// Angle between predicted and true local rotations, degrees; the root's against the world.
    pub deg: f64,
    /// Distance of the root, with nothing in place, mm.
    pub root_mm: f64,
    /// Third difference of joint positions of forecasts made in consecutive frames, with the head
    /// in place, 100 m/s³.
    pub jitter_1e2_m_s3: f64,
    /// The same of the true motion.
    pub gt_jitter_1e2_m_s3: f64,
    /// Distance and angle of the joints of each group.
    pub groups: BTreeMap<Group, GroupScore>,
}

/// Means over the joints of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GroupScore {
    /// Distance, mm.
    pub mm: f64,
    /// Angle, degrees.
    pub deg: f64,
}

/// Scores forecasters on `motions`, from true and from shown histories.
///
/// # Errors
/// If no motion is long enough.
pub fn evaluate(
    contenders: &mut [Contender],
    motions: &[BodyMotion],
    skeleton: &Skeleton,
) -> anyhow::Result<BodyForecastReport> {
    let long_enough = |motion: &&BodyMotion| moments(motion).next().is_some();
    let motions: Vec<&BodyMotion> = motions.iter().filter(long_enough).collect();
    ensure!(!motions.is_empty(), "no clip is long enough for a forecast");
    let mut rows = vec![];
    for estimated in [false, true] {
        for Contender { name, forecaster } in &mut *contenders {
            let mut sums: Vec<Sums> = (0..STEPS).map(|_| Sums::default()).collect();
            for motion in &motions {
                play(forecaster, motion, estimated, skeleton, &mut sums);
            }
            let scores = sums.iter().enumerate().map(|(i, sums)| sums.score(i + 1));
            rows.push(BodyForecastRow {
                name: name.clone(),
                estimated,
                horizons: scores.collect(),
            });
        }
    }
    let moments = motions.iter().map(|motion| moments(motion).count()).sum();
    Ok(BodyForecastReport { clips: motions.len(), moments, rows })
}

/// The frames of a motion from which forecasts are made.
fn moments(motion: &BodyMotion) -> std::ops::Range<usize> {
    let seen = (SEEN * motion.rate_hz).ceil() as usize;
    let coming = (STEPS as f64 / STEPS_PER_SECOND * motion.rate_hz).ceil() as usize;
    let first = motion.first() + seen;
    first..motion.truth.len().saturating_sub(coming).max(first)
}

fn play(
    forecaster: &mut BodyForecaster,
    motion: &BodyMotion,
    estimated: bool,
    skeleton: &Skeleton,
    sums: &mut [Sums],
) {
    let mut history: PoseHistory = forecaster.history();
    let moments = moments(motion);
    sums.iter_mut().for_each(|sums| sums.tracks = [vec![], vec![]]);
    let before = (SEEN * motion.rate_hz).ceil() as usize;
    let seen = motion.shown.first().filter(|_| estimated).unwrap_or(&motion.truth);
    let frames = seen.iter().enumerate().take(moments.end).skip(moments.start - before);
    for (frame, pose) in frames {
        history.push(frame as f64 / motion.rate_hz, pose);
        if frame < moments.start {
            continue;
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            let ahead = (i + 1) as f64 / STEPS_PER_SECOND;
            let truth = pose_at(&motion.truth, frame as f64 + ahead * motion.rate_hz);
            if let Some(ForecastPose { pose, .. }) = forecaster.forecast(&history, ahead) {
                sums.add(&pose, &truth, skeleton, motion.rate_hz);
            }
        }
    }
}

/// Sums over moments at one horizon.
#[derive(Clone, Debug, Default)]
struct Sums {
    moments: f64,
    mm: PerJoint<f64>,
    deg: PerJoint<f64>,
    root_mm: f64,
    /// The last positions of a clip, predicted and true.
    tracks: [Vec<PerJoint<glam::DVec3>>; 2],
    /// Sums of third differences, predicted and true, and their number.
    jerks: [f64; 2],
    thirds: f64,
}

impl Sums {
    fn add(&mut self, pose: &Pose, truth: &Pose, skeleton: &Skeleton, rate_hz: f64) {
        let said = skeleton.pose_joints(pose).positions;
        let right = skeleton.pose_joints(truth).positions;
        let head = SmplJoint::Head.index();
        let shift = right[head] - said[head];
        let placed = said.map(|p| p + shift);
        self.moments += 1.0;
        self.root_mm += 1e3 * said[0].distance(right[0]);
        for j in 0..SmplJoint::COUNT {
            self.mm[j] += 1e3 * placed[j].distance(right[j]);
            self.deg[j] += geodesic_angle(pose.rotations[j], truth.rotations[j]).to_degrees();
        }
        for (track, positions) in self.tracks.iter_mut().zip([placed, right]) {
            track.push(positions);
        }
        if self.tracks[0].len() < 4 {
            return;
        }
        for (jerk, track) in self.jerks.iter_mut().zip(&mut self.tracks) {
            let third = |j: usize| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| track[i][j]);
                (d - c * 3.0 + b * 3.0 - a).length() * rate_hz.powi(3)
            };
            *jerk += (0..SmplJoint::COUNT).map(third).sum::<f64>() / SmplJoint::COUNT as f64;
            track.remove(0);
        }
        self.thirds += 1.0;
    }

    fn score(&self, step: usize) -> HorizonScore {
        let mean = |sums: &PerJoint<f64>, joints: &[SmplJoint]| {
            let sum: f64 = joints.iter().map(|joint| sums[joint.index()]).sum();
            sum / (joints.len() as f64 * self.moments)
        };
        let of_group = |group: Group| {
            let joints = group.joints();
            (group, GroupScore { mm: mean(&self.mm, joints), deg: mean(&self.deg, joints) })
        };
        let [jitter, gt_jitter] = self.jerks.map(|jerk| 0.01 * jerk / self.thirds);
        HorizonScore {
            ms: 1e3 * step as f64 / STEPS_PER_SECOND,
            mm: mean(&self.mm, &SmplJoint::ALL),
            deg: mean(&self.deg, &SmplJoint::ALL),
            root_mm: self.root_mm / self.moments,
            jitter_1e2_m_s3: jitter,
            gt_jitter_1e2_m_s3: gt_jitter,
            groups: Group::ALL.map(of_group).into(),
        }
    }
}

impl BodyForecastReport {
    /// The row of a forecaster from estimated histories.
    fn estimated(&self, name: &str) -> Option<&BodyForecastRow> {
        self.rows.iter().find(|row| row.estimated && row.name == name)
    }

    /// Where the row `network`, of a model with this `spec`, beats `baseline` by at least `margin`
    /// (0.05 is 5 %) from estimated histories: in millimetres, and without being worse in degrees.
    /// `None` if one of them has no row.
    #[must_use]
    pub fn gate(
        &self,
        network: &str,
        spec: &ForecastSpec,
        baseline: &str,
        margin: f64,
    ) -> Option<ForecastGate> {
        let (network, baseline) = (self.estimated(network)?, self.estimated(baseline)?);
        let passing = |passes: &dyn Fn(&HorizonScore, &HorizonScore) -> bool| -> Vec<usize> {
            let step = |frame: usize| frame as f64 / spec.rate_hz * STEPS_PER_SECOND;
            let score = |row: &BodyForecastRow, frame: usize| {
                row.horizons[(step(frame).round() as usize).clamp(1, STEPS) - 1].clone()
            };
            let frames = 1..=spec.horizon;
            frames.filter(|n| passes(&score(network, *n), &score(baseline, *n))).collect()
        };
        let beats = |own: f64, other: f64| own <= (1.0 - margin) * other;
        let groups = Group::ALL.map(|group| {
            let frames = passing(&|own, other| {
                let (own, other) = (own.groups[&group], other.groups[&group]);
                beats(own.mm, other.mm) && own.deg <= other.deg
            });
            (group, frames)
        });
        Some(ForecastGate {
            groups: groups.into_iter().filter(|(_, frames)| !frames.is_empty()).collect(),
            translation: passing(&|own, other| beats(own.root_mm, other.root_mm)),
        })
    }
}

impl BodyForecastReport {
    /// The figures of a forecaster from estimated histories, for its checkpoint.
    pub fn metrics(&self, name: &str) -> impl Iterator<Item = (String, f64)> {
        let horizons = self.estimated(name).map(|row| row.horizons.as_slice()).unwrap_or_default();
        let shown = SHOWN.iter().filter_map(|step| horizons.get(step - 1));
        shown.flat_map(|score| {
            [("mm", score.mm), ("deg", score.deg)]
                .map(|(unit, value)| (format!("forecast.{unit}_{:.0}_ms", score.ms), value))
        })
    }

    /// One row per forecaster, kind of history and horizon.
    ///
    /// # Errors
    /// Never in practice, since it is written to memory.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        let figures = ["mm", "deg", "root_mm", "jitter_1e2_m_s3", "gt_jitter_1e2_m_s3"];
        let groups = Group::ALL.map(|group| ["mm", "deg"].map(|u| format!("{}_{u}", group.name())));
        let names = ["forecast", "from", "ms"].into_iter().chain(figures).map(String::from);
        csv.write_record(names.chain(groups.into_iter().flatten()))?;
        for row in &self.rows {
            for score in &row.horizons {
                let groups = score.groups.values().flat_map(|group| [group.mm, group.deg]);
                let jitter = [score.jitter_1e2_m_s3, score.gt_jitter_1e2_m_s3];
                let figures = [score.ms, score.mm, score.deg, score.root_mm].into_iter();
                let figures = figures.chain(jitter).chain(groups).map(|v| format!("{v:.4}"));
                let from = if row.estimated { "estimated" } else { "true" };
                csv.write_record([row.name.clone(), from.into()].into_iter().chain(figures))?;
            }
        }
        csv.into_inner().context("cannot write the CSV")
    }
}

/// A figure: its title, decimals, and value.
type Figure = (&'static str, usize, fn(&HorizonScore) -> f64);

const FIGURES: [Figure; 4] = [
    ("Joints with the head in place, mm", 1, |s| s.mm),
    ("Local rotations, degrees", 2, |s| s.deg),
    ("Root, mm", 1, |s| s.root_mm),
    ("Jitter with the head in place, 100 m/s³", 2, |s| s.jitter_1e2_m_s3),
];

/// All figures as Markdown: from true and estimated histories, then group by group from estimated
/// ones.
impl Display for BodyForecastReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} clips, {} moments.", self.clips, self.moments)?;
        let horizons =
            || SHOWN.map(|step| format!("{:.0} ms", 1e3 * step as f64 / STEPS_PER_SECOND));
        let header = |first: &[&str]| {
            let mut table = Table::new(first);
            table.header.extend(horizons());
            table
        };
        let at = |row: &BodyForecastRow, value: &dyn Fn(&HorizonScore) -> f64, decimals: usize| {
            SHOWN.map(|step| format!("{:.decimals$}", value(&row.horizons[step - 1])))
        };
        let seen = |row: &BodyForecastRow| if row.estimated { "estimated" } else { "true" };
        for (title, decimals, value) in FIGURES {
            let mut table = header(&["forecast", "from"]);
            for row in &self.rows {
                let cells = [row.name.clone(), seen(row).into()];
                table.rows.push([&cells[..], &at(row, &value, decimals)].concat());
            }
            write!(f, "\n{title}:\n\n{table}")?;
        }
        let mut table = header(&["group", "forecast"]);
        for group in Group::ALL {
            for row in self.rows.iter().filter(|row| row.estimated) {
                let cells = [group.name().into(), row.name.clone()];
                let mm = at(row, &|score| score.groups[&group].mm, 1);
                let deg = at(row, &|score| score.groups[&group].deg, 1);
                let both = mm.iter().zip(&deg).map(|(mm, deg)| format!("{mm} / {deg}"));
                table.rows.push(cells.into_iter().chain(both).collect());
            }
        }
        write!(f, "\nParts of the body from estimated histories, mm / degrees:\n\n{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::forecast::body::pairs::tests::{spec, walk};
    use kinest::forecast::Extrapolation;

    fn report() -> BodyForecastReport {
        let contender = |name: &str, extrapolation| Contender {
            name: name.into(),
            forecaster: BodyForecaster::new(extrapolation),
        };
        let mut contenders = [
            contender("hold", Extrapolation::Hold),
            contender("velocity", Extrapolation::Velocity),
            contender("damped", Extrapolation::default()),
        ];
        evaluate(&mut contenders, &[walk()], &Skeleton::default()).unwrap()
    }

    #[test]
    fn velocities_beat_holding_soon_and_estimates_add_their_own_error() {
        let report = report();
        assert_eq!((report.clips, report.rows.len()), (1, 6));
        let of = |name: &str, estimated: bool, step: usize| {
            let row = report.rows.iter().find(|r| r.name == name && r.estimated == estimated);
            row.unwrap().horizons[step - 1].clone()
        };
        for estimated in [false, true] {
            assert!(of("velocity", estimated, 1).mm < of("hold", estimated, 1).mm);
            assert!(of("damped", estimated, 12).mm < of("velocity", estimated, 12).mm);
            assert!(of("hold", estimated, 1).mm < of("hold", estimated, 12).mm);
        }
        let (clean, shown) = (of("hold", false, 2), of("hold", true, 2));
        // The knee is shown bent by 0.6 rad too much, which moves ankle and foot.
        let deg = |score: &HorizonScore, group| score.groups[&group].deg;
        assert!(deg(&shown, Group::LeftLeg) > deg(&clean, Group::LeftLeg) + 2.0);
        assert!((deg(&shown, Group::RightLeg) - deg(&clean, Group::RightLeg)).abs() < 1e-9);
        assert!(shown.groups[&Group::LeftLeg].mm > clean.groups[&Group::LeftLeg].mm + 30.0);
        assert!((clean.gt_jitter_1e2_m_s3 / shown.gt_jitter_1e2_m_s3 - 1.0).abs() < 1e-9);
        assert!(clean.ms > 66.0 && clean.ms < 67.0);
        let text = report.to_string();
        assert!(text.contains("| left_leg ") && text.contains("400 ms"), "{text}");
        let csv = String::from_utf8(report.csv().unwrap()).unwrap();
        let columns = |line: &str| line.split(',').count();
        assert!(csv.lines().count() == 1 + 6 * 12 && csv.lines().all(|l| columns(l) == 20));
        let metrics: Vec<_> = report.metrics("held there").collect();
        assert!(metrics.is_empty());
        assert!(report.metrics("hold").any(|(name, mm)| name == "forecast.mm_67_ms" && mm > 0.0));
    }

    /// Nothing passes that is not better by the margin, group by group and frame by frame.
    #[test]
    fn the_gate_opens_where_the_margin_is_beaten() {
        let mut report = report();
        assert_eq!(report.gate("network", &spec(), "damped", 0.05), None);
        let mut row = report.estimated("damped").unwrap().clone();
        row.name = "network".into();
        for (i, score) in row.horizons.iter_mut().enumerate() {
            score.root_mm *= if i < 3 { 0.96 } else { 0.94 };
            let legs = score.groups.get_mut(&Group::RightLeg).unwrap();
            legs.mm *= if i % 2 == 0 { 0.9 } else { 0.97 };
            let torso = score.groups.get_mut(&Group::Torso).unwrap();
            (torso.mm, torso.deg) = (0.5 * torso.mm, 1.1 * torso.deg);
        }
        report.rows.push(row);
        let gate = report.gate("network", &spec(), "damped", 0.05).unwrap();
        assert_eq!(gate.groups, [(Group::RightLeg, vec![1, 3, 5, 7, 9, 11])].into());
        assert_eq!(gate.translation, (4..=12).collect::<Vec<_>>());
        // At 60 Hz each step is two frames.
        let fast = ForecastSpec { rate_hz: 60.0, horizon: 4, ..spec() };
        let gate = report.gate("network", &fast, "damped", 0.05).unwrap();
        assert_eq!(gate.groups[&Group::RightLeg], [1, 2]);
    }

    #[test]
    fn clips_that_are_too_short_are_an_error() {
        let mut short = walk();
        short.truth.truncate(60 + 30 + 24);
        short.shown[0].truncate(60 + 30 + 24);
        let error = evaluate(&mut [], &[short], &Skeleton::default()).unwrap_err();
        assert!(error.to_string().contains("long enough"), "{error}");
    }
}
