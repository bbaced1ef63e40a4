//! What the field has agreed on, per benchmark.

use anyhow::Context;
use kinest::model::forecast::ForecastLayout;

/// A benchmark's joints, rates and test windows.
#[derive(Debug, PartialEq)]
pub struct Benchmark {
    /// How its files are arranged and read.
    pub(super) kind: Kind,
    /// Meaning of the numbers of a frame.
    pub layout: ForecastLayout,
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// The joints whose positions are predicted, as numbered in the benchmark's skeleton.
    pub joints: &'static [usize],
    /// Joints that always stand where a predicted one does: each with that joint. For the score,
    /// they are where the prediction has it; all other joints are taken from the truth.
    pub copies: &'static [(usize, usize)],
    /// Number of joints over which errors are averaged: all of the skeleton.
    pub scored_joints: usize,
    /// Joints of the left side, each with that of the right.
    pub sides: &'static [(usize, usize)],
    /// True frames per second.
    pub rate_hz: f64,
    /// What the field calls the time from one frame to the next, milliseconds.
    pub step_ms: f64,
    /// The horizons of its tables.
    pub horizons: &'static [Horizon],
    /// Frames of a test window before the first predicted one.
    pub test_history: usize,
    /// Predicted frames of a test window.
    pub test_horizon: usize,
    /// What its tables do not say of times and lengths.
    pub truth: &'static str,
}

/// The benchmark that files are of, by how they are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cmu,
    H36m,
    ThreeDpw,
}

/// A column of a benchmark's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// What the field calls it, milliseconds.
    pub label_ms: u32,
    /// Which predicted frame it is, counted from 1.
    pub frame: usize,
}

const fn horizon(label_ms: u32, frame: usize) -> Horizon {
    Horizon { label_ms, frame }
}

const AT_25_HZ: [Horizon; 6] = [
    horizon(80, 2),
    horizon(160, 4),
    horizon(320, 8),
    horizon(400, 10),
    horizon(560, 14),
    horizon(1000, 25),
];

static CMU: Benchmark = Benchmark {
    kind: Kind::Cmu,
    layout: ForecastLayout::Cmu38,
    name: "cmu38",
    joints: &[
        3, 4, 5, 6, 9, 10, 11, 12, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26, 28, 30, 31, 32, 34, 35,
        37,
    ],
    copies: &[(16, 15), (20, 15), (29, 15), (24, 23), (27, 23), (33, 32), (36, 32)],
    scored_joints: 38,
    sides: &[
        (3, 9),
        (4, 10),
        (5, 11),
        (6, 12),
        (21, 30),
        (22, 31),
        (23, 32),
        (25, 34),
        (26, 35),
        (28, 37),
    ],
    rate_hz: 60.0,
    step_ms: 40.0,
    horizons: &AT_25_HZ,
    test_history: 10,
    test_horizon: 25,
    truth: "The files are at 120 Hz, of which every second frame is kept: what the field calls 40 ms is 16.7 ms, \
            so 400 ms is 167 ms. The field's millimetres are 1.24 times true ones.",
};

static H36M: Benchmark = Benchmark {
    kind: Kind::H36m,
    layout: ForecastLayout::H36m,
    name: "h36m",
    joints: &[2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 17, 18, 19, 21, 22, 25, 26, 27, 29, 30],
    copies: &[(16, 13), (20, 19), (23, 22), (24, 13), (28, 27), (31, 30)],
    scored_joints: 32,
    sides: &[(7, 2), (8, 3), (9, 4), (10, 5), (17, 25), (18, 26), (19, 27), (21, 29), (22, 30)],
    rate_hz: 25.0,
    step_ms: 40.0,
    horizons: &AT_25_HZ,
    test_history: 10,
    test_horizon: 25,
    truth: "The files are at 50 Hz, of which every second frame is kept. Errors are averaged over 32 joints, \
            4 of which never move.",
};

static THREE_DPW: Benchmark = Benchmark {
    kind: Kind::ThreeDpw,
    layout: ForecastLayout::ThreeDpw,
    name: "3dpw",
    joints: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
    copies: &[],
    scored_joints: 24,
    sides: &[(1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21), (22, 23)],
    rate_hz: 30.0,
    step_ms: 1000.0 / 30.0,
    horizons: &[
        horizon(200, 6),
        horizon(400, 12),
        horizon(600, 18),
        horizon(800, 24),
        horizon(1000, 30),
    ],
    test_history: 50,
    test_horizon: 30,
    truth: "The files are at 30 Hz. Errors are averaged over 24 joints, of which the root is where it belongs \
            by definition. Test windows leave room for a history of 50 frames.",
};

impl Benchmark {
    /// All benchmarks.
    pub const ALL: [&'static Self; 3] = [&CMU, &H36M, &THREE_DPW];

    /// The benchmark whose numbers have this layout.
    ///
    /// # Errors
    /// If none has.
    pub fn of(layout: ForecastLayout) -> anyhow::Result<&'static Self> {
        let found = Self::ALL.into_iter().find(|benchmark| benchmark.layout == layout);
        found.with_context(|| format!("`layout` {layout:?} is not that of a benchmark"))
    }

    /// Numbers of a frame.
    #[must_use]
    pub fn numbers(&self) -> usize {
        3 * self.joints.len()
    }

    /// The weight of each predicted joint in the score: one for itself and one for every joint that
    /// stands where it does, as a share of all joints of the skeleton.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        let copies = |joint: &usize| self.copies.iter().filter(|(_, of)| of == joint).count();
        let weight = |joint| (1 + copies(joint)) as f64 / self.scored_joints as f64;
        self.joints.iter().map(weight).collect()
    }

    /// For each predicted joint the one on the other side, as places among the predicted joints.
    #[must_use]
    pub fn mirrored(&self) -> Vec<usize> {
        let other = |joint: usize| {
            let sides = self.sides.iter().flat_map(|(left, right)| [(left, right), (right, left)]);
            sides.into_iter().find(|(here, _)| **here == joint).map_or(joint, |(_, there)| *there)
        };
        let place = |joint| self.joints.iter().position(|found| *found == joint);
        self.joints.iter().enumerate().map(|(i, joint)| place(other(*joint)).unwrap_or(i)).collect()
    }

    /// The horizons that a forecaster of `frames` frames reaches.
    pub fn horizons_within(&self, frames: usize) -> impl Iterator<Item = Horizon> {
        self.horizons.iter().copied().filter(move |horizon| horizon.frame <= frames)
    }
}

/// Mean distance of the joints of a frame, each with its weight.
///
/// # Panics
/// If a frame has fewer numbers than `weights` needs.
#[must_use]
pub fn weighted_distance(weights: &[f64], predicted: &[f32], truth: &[f32]) -> f64 {
    let distance = |joint: usize| {
        let square = |axis: usize| {
            let off = f64::from(predicted[3 * joint + axis]) - f64::from(truth[3 * joint + axis]);
            off * off
        };
        (square(0) + square(1) + square(2)).sqrt()
    };
    weights.iter().enumerate().map(|(joint, weight)| weight * distance(joint)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_their_layouts() {
        for benchmark in Benchmark::ALL {
            let layout = benchmark.layout;
            assert_eq!(Benchmark::of(layout).unwrap(), benchmark);
            assert_eq!(benchmark.numbers(), layout.numbers());
            let mirrored = benchmark.mirrored();
            assert!((0..mirrored.len()).all(|i| mirrored[mirrored[i]] == i));
            let moved = mirrored.iter().enumerate().filter(|(i, other)| i != *other).count();
            assert_eq!(moved, 2 * benchmark.sides.len(), "{layout:?}");
            let last = benchmark.horizons.last().unwrap();
            assert_eq!(last.frame, benchmark.test_horizon);
            for Horizon { label_ms, frame } in benchmark.horizons {
                assert_eq!((benchmark.step_ms * *frame as f64).round() as u32, *label_ms);
            }
        }
    }

    /// Left-out joints that are no copies count as right: 38 - 25 - 7, and so on.
    #[test]
    fn the_weights_leave_out_what_never_moves() {
        let expected = [1.0 - 6.0 / 38.0, 1.0 - 4.0 / 32.0, 1.0 - 1.0 / 24.0];
        for (benchmark, expected) in Benchmark::ALL.into_iter().zip(expected) {
            let sum: f64 = benchmark.weights().iter().sum();
            assert!((sum - expected).abs() < 1e-12, "{} {sum}", benchmark.name);
        }
        let weights = CMU.weights();
        assert!((weights[9] - 4.0 / 38.0).abs() < 1e-12, "three joints stand where 15 does");
    }

    #[test]
    fn a_distance_counts_by_the_weight_of_its_joint() {
        let (truth, mut predicted) = ([0.0_f32; 75], [0.0_f32; 75]);
        predicted[3 * 9] = 3.0;
        predicted[3 * 9 + 2] = 4.0;
        let weights = CMU.weights();
        let distance = weighted_distance(&weights, &predicted, &truth);
        assert!((distance - 5.0 * 4.0 / 38.0).abs() < 1e-12);
    }
}
