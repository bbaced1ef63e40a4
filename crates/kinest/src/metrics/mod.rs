//! Errors of a predicted motion: the reference's nine figures under its own names, and the geodesic
//! angle.
//!
//! All figures are in SI units; [`Metrics::report`] converts them to the units used in papers.
//! [`JointErrors`] splits the error by joint, [`BodyTrack::distances`] by frame.
//! [`InteractionErrors`] and [`HandErrors`] are errors of body parts relative to each other.
//! [`FeetTrack`], [`knee_flips`], [`elbow_flips`] and [`lag`] detect visible faults that a mean
//! distance hides.

mod feet;
mod hands;
mod hinges;
mod interaction;
mod lag;
mod region;

pub use feet::{ContactCounts, FeetTrack, Sunk};
pub use hands::HandErrors;
pub use hinges::{elbow_flips, knee_flips};
pub use interaction::{InteractionError, InteractionErrors};
pub use lag::lag;
pub use region::{JointErrors, Region, RegionError};

use crate::motion::ClipFrame;
use crate::rotation::{exp, geodesic_angle};
use crate::skeleton::{PerJoint, Skeleton, SmplJoint};
use glam::DVec3;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

use SmplJoint as J;

/// A body's motion, the input of the metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BodyTrack {
    /// Axis-angle of each joint relative to its parent, radians, per frame.
    pub rotations: Vec<PerJoint<DVec3>>,
    /// World position of each joint, metres, per frame.
    pub positions: Vec<PerJoint<DVec3>>,
}

impl BodyTrack {
    /// The motion of a body with `skeleton` in `frames`.
    #[must_use]
    pub fn new(frames: &[ClipFrame], skeleton: &Skeleton) -> Self {
        let positions =
            |f: &ClipFrame| skeleton.forward(&f.body_matrices(), f.translation).positions;
        Self {
            rotations: frames.iter().map(|f| f.rotations).collect(),
            positions: frames.iter().map(positions).collect(),
        }
    }

    /// Mean distance of all joints from those of `truth`, metres, per frame: the MPJPE of each
    /// frame.
    #[must_use]
    pub fn distances(&self, truth: &Self) -> Vec<f64> {
        let of = |(p, t): (&PerJoint<DVec3>, &PerJoint<DVec3>)| {
            p.iter().zip(t).map(|(p, t)| p.distance(*t)).sum::<f64>() / J::COUNT as f64
        };
        self.positions.iter().zip(&truth.positions).map(of).collect()
    }
}

/// The figures of one sequence, or their mean over several. SI units.
///
/// A figure is `None` if the sequence is too short for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Mean absolute difference of the axis-angle *components* of joints 1 to 21, radians, each
    /// difference wrapped once into ±π. Not a rotation angle: computed as the reference does, for
    /// comparison with papers.
    pub mpjre: f64,
    /// Mean geodesic angle between predicted and true local rotations of joints 1 to 21, radians.
    pub mpjre_geodesic: f64,
    /// Mean distance of all joints, metres.
    pub mpjpe: f64,
    /// Mean length of the velocity difference of all joints, m/s; needs two frames.
    pub mpjve: Option<f64>,
    /// Mean distance of the wrists, metres.
    pub handpe: f64,
    /// Mean distance of the joints from the first spine joint up, arms included, metres.
    pub upperpe: f64,
    /// Mean distance of pelvis and legs, metres.
    pub lowerpe: f64,
    /// Distance of the pelvis, metres.
    pub rootpe: f64,
    /// Mean length of the third time derivative of the predicted joint positions, m/s³; needs four
    /// frames.
    pub pred_jitter: Option<f64>,
    /// The same for the true joint positions.
    pub gt_jitter: Option<f64>,
}

/// [`Metrics`] in the units of papers, as the field names say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the same figures as in `Metrics`, in the unit each name ends in")]
pub struct MetricsReport {
    pub mpjre_deg: f64,
    pub mpjre_geodesic_deg: f64,
    pub mpjpe_cm: f64,
    pub mpjve_cm_s: Option<f64>,
    pub hand_pe_cm: f64,
    pub upper_pe_cm: f64,
    pub lower_pe_cm: f64,
    pub root_pe_cm: f64,
    pub jitter_1e2_m_s3: Option<f64>,
    pub gt_jitter_1e2_m_s3: Option<f64>,
}

fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0_u64), |(s, n), v| (s + v, n + 1));
    (count > 0).then(|| sum / count as f64)
}

/// The number of frames of two tracks of the same frames.
///
/// # Panics
/// If there are none, or the four lists differ in length.
fn common_frames(predicted: &BodyTrack, truth: &BodyTrack) -> usize {
    let frames = truth.positions.len();
    assert!(frames > 0, "metrics need a frame");
    for other in [predicted.positions.len(), predicted.rotations.len(), truth.rotations.len()] {
        assert_eq!(other, frames, "metrics compare the same frames");
    }
    frames
}

/// Jitter: mean length of the third time derivative of all points (joints or trackers), m/s³.
/// `None` for fewer than four frames.
#[must_use]
pub fn jitter<const POINTS: usize>(positions: &[[DVec3; POINTS]], rate_hz: f64) -> Option<f64> {
    let third = |w: &[[DVec3; POINTS]], j: usize| {
        (w[3][j] - 3.0 * w[2][j] + 3.0 * w[1][j] - w[0][j]).length() * rate_hz.powi(3)
    };
    mean(positions.windows(4).flat_map(|w| (0..POINTS).map(move |j| third(w, j))))
}

impl Metrics {
    /// Compares two tracks of the same frames, at `rate_hz` frames per second.
    ///
    /// # Panics
    /// If there are no frames, or the four lists differ in length.
    #[must_use]
    pub fn compare(predicted: &BodyTrack, truth: &BodyTrack, rate_hz: f64) -> Self {
        let frames = common_frames(predicted, truth);
        let positions = || predicted.positions.iter().zip(&truth.positions);
        let distance = |joints: &[J]| {
            let of = |(p, t): (&PerJoint<DVec3>, &PerJoint<DVec3>)| {
                joints.iter().map(|j| p[j.index()].distance(t[j.index()])).sum::<f64>()
            };
            positions().map(of).sum::<f64>() / (frames * joints.len()) as f64
        };
        let rotations = || {
            let both = predicted.rotations.iter().zip(&truth.rotations);
            both.flat_map(|(p, t)| p[1..].iter().zip(&t[1..]))
        };
        let wrapped = |difference: f64| match difference {
            d if d > PI => d - TAU,
            d if d < -PI => d + TAU,
            d => d,
        };
        let components = rotations().flat_map(|(p, t)| (*t - *p).to_array());
        let angles = rotations().map(|(p, t)| geodesic_angle(exp(*p), exp(*t)));
        let velocities = positions().zip(positions().skip(1)).flat_map(|((p0, t0), (p1, t1))| {
            (0..J::COUNT).map(|j| ((t1[j] - t0[j]) - (p1[j] - p0[j])).length() * rate_hz)
        });
        Self {
            mpjre: mean(components.map(|d| wrapped(d).abs())).unwrap_or_default(),
            mpjre_geodesic: mean(angles).unwrap_or_default(),
            mpjpe: distance(&J::ALL),
            mpjve: mean(velocities),
            handpe: distance(Region::Hands.joints()),
            upperpe: distance(Region::Upper.joints()),
            lowerpe: distance(Region::Lower.joints()),
            rootpe: distance(&[J::Pelvis]),
            pred_jitter: jitter(&predicted.positions, rate_hz),
            gt_jitter: jitter(&truth.positions, rate_hz),
        }
    }

    /// The unweighted mean over sequences of any length, as in the reference. A figure that some
    /// sequences lack is averaged over the others. `None` if `all` is empty.
    #[must_use]
    pub fn mean(all: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| mean(all.iter().map(figure));
        let some = |figure: fn(&Self) -> Option<f64>| mean(all.iter().filter_map(figure));
        Some(Self {
            mpjre: of(|m| m.mpjre)?,
            mpjre_geodesic: of(|m| m.mpjre_geodesic)?,
            mpjpe: of(|m| m.mpjpe)?,
            mpjve: some(|m| m.mpjve),
            handpe: of(|m| m.handpe)?,
            upperpe: of(|m| m.upperpe)?,
            lowerpe: of(|m| m.lowerpe)?,
            rootpe: of(|m| m.rootpe)?,
            pred_jitter: some(|m| m.pred_jitter),
            gt_jitter: some(|m| m.gt_jitter),
        })
    }

    /// The figures in degrees, centimetres, cm/s and 10² m/s³.
    #[must_use]
    pub fn report(&self) -> MetricsReport {
        let cm = |metres: f64| metres * 100.0;
        let hundreds = |jitter: f64| jitter / 100.0;
        MetricsReport {
            mpjre_deg: self.mpjre.to_degrees(),
            mpjre_geodesic_deg: self.mpjre_geodesic.to_degrees(),
            mpjpe_cm: cm(self.mpjpe),
            mpjve_cm_s: self.mpjve.map(cm),
            hand_pe_cm: cm(self.handpe),
            upper_pe_cm: cm(self.upperpe),
            lower_pe_cm: cm(self.lowerpe),
            root_pe_cm: cm(self.rootpe),
            jitter_1e2_m_s3: self.pred_jitter.map(hundreds),
            gt_jitter_1e2_m_s3: self.gt_jitter.map(hundreds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A motionless body with all joints at one point, `frames` long.
    fn still(frames: usize) -> BodyTrack {
        let rows = vec![[DVec3::ZERO; J::COUNT]; frames];
        BodyTrack { rotations: rows.clone(), positions: rows }
    }

    /// Only one joint is off, by a known distance and a known angle.
    #[test]
    fn each_figure_sees_its_own_joints() {
        let mut predicted = still(2);
        for i in 0..2 {
            predicted.positions[i][J::LeftWrist.index()] = DVec3::new(0.0, 0.3, 0.4);
            predicted.rotations[i][J::LeftKnee.index()] = DVec3::new(0.0, 0.0, 0.21);
            predicted.rotations[i][J::Pelvis.index()] = DVec3::X;
        }
        let m = Metrics::compare(&predicted, &still(2), 60.0);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(m.handpe, 0.25);
        close(m.mpjpe, 0.5 / 22.0);
        close(m.upperpe, 0.5 / 13.0);
        close(m.lowerpe, 0.0);
        close(m.rootpe, 0.0);
        close(m.mpjre, 0.21 / 63.0);
        close(m.mpjre_geodesic, 0.21 / 21.0);
        close(m.mpjve.unwrap(), 0.0);
        predicted.positions[1][J::Head.index()] = DVec3::Z * 0.6;
        let distances = predicted.distances(&still(2));
        close(distances[0], 0.5 / 22.0);
        close(distances[1], 1.1 / 22.0);
    }

    #[test]
    fn jitter_of_a_cube_in_time_is_its_third_derivative() {
        let mut moving = still(6);
        for (i, positions) in moving.positions.iter_mut().enumerate() {
            positions.fill(DVec3::X * (i as f64 / 60.0).powi(3));
        }
        let m = Metrics::compare(&moving, &still(6), 60.0);
        assert!((m.pred_jitter.unwrap() - 6.0).abs() < 1e-9);
        assert_eq!(m.gt_jitter, Some(0.0));
        assert!((m.report().jitter_1e2_m_s3.unwrap() - 0.06).abs() < 1e-11);
    }

    #[test]
    fn axis_angle_differences_are_wrapped_once() {
        let mut predicted = still(1);
        predicted.rotations[0][1] = DVec3::X * 6.0;
        let m = Metrics::compare(&predicted, &still(1), 60.0);
        assert!((m.mpjre - (TAU - 6.0) / 63.0).abs() < 1e-12);
        assert!((m.mpjre_geodesic - (TAU - 6.0) / 21.0).abs() < 1e-12);
    }

    #[test]
    fn short_sequences_lack_figures_and_are_left_out_of_the_mean() {
        let short = Metrics::compare(&still(1), &still(1), 60.0);
        assert_eq!((short.mpjve, short.pred_jitter), (None, None));
        let mut long = Metrics::compare(&still(4), &still(4), 60.0);
        long.mpjpe = 0.1;
        long.mpjve = Some(3.0);
        let mean = Metrics::mean(&[short, long]).unwrap();
        assert_eq!((mean.mpjpe, mean.mpjve, mean.gt_jitter), (0.05, Some(3.0), Some(0.0)));
        assert_eq!(Metrics::mean(&[]), None);
    }
}
