//! Draws random windows from the sequences of a benchmark.

use crate::data::benchmark::Sequences;
use crate::run::{Examples, random_stream};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::model::TrainingRecord;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Training data of a forecaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowConfig {
    /// The tree of a benchmark, its folder for training, or a prepared file. `train --data`
    /// overrides it.
    pub folder: PathBuf,
    /// How much more often windows of rare actions are drawn: 0 draws every window equally often,
    /// 1 every action.
    pub balance: f64,
    /// Plays half of the windows backwards.
    pub reverse: bool,
    /// Mirrors half of the windows, left to right.
    pub mirror: bool,
    /// Record of the data for the checkpoints.
    pub record: TrainingRecord,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self {
            folder: "data".into(),
            balance: 0.0,
            reverse: false,
            mirror: false,
            record: TrainingRecord::default(),
        }
    }
}

/// Windows in main memory, in the unit of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowDraw {
    /// `[windows, history, numbers]`
    pub history: Vec<f32>,
    /// `[windows, horizon, numbers]`
    pub future: Vec<f32>,
    /// Frames of the history and of the future, and numbers of a frame.
    shape: (usize, usize, usize),
}

impl WindowDraw {
    /// Number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.history.len() / (self.shape.0 * self.shape.2)
    }

    fn shapes(&self) -> [[usize; 3]; 2] {
        let (history, horizon, numbers) = self.shape;
        [[self.windows(), history, numbers], [self.windows(), horizon, numbers]]
    }

    /// History and future on a device.
    pub fn to_tensors<B: Backend>(&self, device: &B::Device) -> (Tensor<B, 3>, Tensor<B, 3>) {
        let [history, future] = self.shapes();
        let tensor = |values: &[f32], shape: [usize; 3]| {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        (tensor(&self.history, history), tensor(&self.future, future))
    }
}

/// Sequences from which windows are drawn.
#[derive(Debug)]
pub struct Windows {
    sequences: Sequences,
    history: usize,
    horizon: usize,
    /// Millimetres in a number of a window.
    unit: f32,
    reverse: bool,
    mirror: bool,
    /// For each joint the one on the other side.
    mirrored: Vec<usize>,
    actions: Vec<Action>,
}

/// The windows of an action.
#[derive(Debug)]
struct Action {
    /// Its sequences, each with the number of windows in it and those before it.
    sequences: Vec<(usize, usize)>,
    /// How often this action or one before it is drawn.
    chance: f64,
}

impl Action {
    fn windows(&self) -> usize {
        self.sequences.last().map_or(0, |(_, windows)| *windows)
    }
}

impl Windows {
    /// Windows of `history` observed and `horizon` coming frames, at every frame of the sequences,
    /// in a unit of `unit` millimetres.
    ///
    /// # Errors
    /// If a sequence is shorter than a window.
    pub fn new(
        sequences: Sequences,
        (history, horizon): (usize, usize),
        unit: f64,
        config: &WindowConfig,
    ) -> anyhow::Result<Self> {
        let frames = history + horizon;
        sequences.refuse_shorter(frames)?;
        let mut by_action = BTreeMap::<&str, Vec<(usize, usize)>>::new();
        for (i, sequence) in sequences.list.iter().enumerate() {
            let inside = by_action.entry(&sequence.action).or_default();
            let before = inside.last().map_or(0, |(_, windows)| *windows);
            inside.push((i, before + sequences.frames_of(sequence) - frames + 1));
        }
        let mut sum = 0.0;
        let actions = by_action.into_values().map(|sequences| {
            let mut action = Action { sequences, chance: 0.0 };
            sum += (action.windows() as f64).powf(1.0 - config.balance);
            action.chance = sum;
            action
        });
        Ok(Self {
            actions: actions.collect(),
            history,
            horizon,
            unit: unit as f32,
            reverse: config.reverse,
            mirror: config.mirror,
            mirrored: sequences.benchmark.mirrored(),
            sequences,
        })
    }

    /// The sequences.
    #[must_use]
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// Number of windows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.actions.iter().map(Action::windows).sum()
    }

    /// Draws the frames of a window.
    fn window(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let total = self.actions.last().map_or(0.0, |action| action.chance);
        let chance = rng.random::<f64>() * total;
        let action = self.actions.partition_point(|action| action.chance <= chance);
        let action = &self.actions[action.min(self.actions.len() - 1)];
        let number = rng.random_range(0..action.windows());
        let place = action.sequences.partition_point(|(_, windows)| *windows <= number);
        let (sequence, end) = action.sequences[place];
        let numbers = self.sequences.benchmark.numbers();
        let frames = self.history + self.horizon;
        let sequence = &self.sequences.list[sequence];
        // Counted from the last window of the sequence.
        let last_start = self.sequences.frames_of(sequence) - frames;
        let start = last_start - (end - 1 - number);
        let mut window = sequence.positions[start * numbers..][..frames * numbers].to_vec();
        if self.reverse && rng.random() {
            window = window.chunks_exact(numbers).rev().flatten().copied().collect();
        }
        if self.mirror && rng.random() {
            window = window.chunks_exact(numbers).flat_map(|frame| self.mirrored(frame)).collect();
        }
        window.iter_mut().for_each(|number| *number /= self.unit);
        window
    }

    /// Left and right are along the first axis in all benchmarks.
    fn mirrored<'a>(&'a self, frame: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.mirrored.iter().flat_map(|joint| {
            let at = &frame[3 * joint..];
            [-at[0], at[1], at[2]]
        })
    }
}

impl Examples for Windows {
    type Draw = WindowDraw;

    fn draw(&self, seed: u64, first: u64, count: usize) -> WindowDraw {
        let numbers = self.sequences.benchmark.numbers();
        let mut draw = WindowDraw {
            history: Vec::with_capacity(count * self.history * numbers),
            future: Vec::with_capacity(count * self.horizon * numbers),
            shape: (self.history, self.horizon, numbers),
        };
        for number in first..first + count as u64 {
            let window = self.window(&mut random_stream(seed, number));
            let (history, future) = window.split_at(self.history * numbers);
            draw.history.extend(history);
            draw.future.extend(future);
        }
        draw
    }

    fn tensors(draw: &WindowDraw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let [history, future] = draw.shapes();
        vec![
            ("history", history.to_vec(), &draw.history),
            ("future", future.to_vec(), &draw.future),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::benchmark::{Benchmark, Sequence};

    /// Every number of frame `f` of sequence `s` is `100 s + f`.
    fn sequences(lengths: &[(&str, usize)]) -> Sequences {
        let sequence = |(s, (action, frames)): (usize, &(&str, usize))| Sequence {
            name: format!("{action}/{s}"),
            action: (*action).into(),
            subject: String::new(),
            positions: (0..75 * frames).map(|i| (100 * s + i / 75) as f32).collect(),
        };
        let list = lengths.iter().enumerate().map(sequence).collect();
        Sequences::new(Benchmark::ALL[0], list).unwrap()
    }

    fn windows(config: &WindowConfig) -> Windows {
        let sequences = sequences(&[("run", 5), ("walk", 14), ("walk", 6)]);
        Windows::new(sequences, (3, 2), 10.0, config).unwrap()
    }

    #[test]
    fn every_window_is_drawn_and_only_windows_are() {
        let windows = windows(&WindowConfig::default());
        assert_eq!(windows.count(), 1 + 10 + 2);
        let draw = windows.draw(1, 0, 4000);
        assert_eq!(draw.windows(), 4000);
        let mut starts = BTreeMap::<i32, usize>::new();
        for (history, future) in draw.history.chunks(3 * 75).zip(draw.future.chunks(2 * 75)) {
            let frames: Vec<f32> =
                history.chunks(75).chain(future.chunks(75)).map(|frame| frame[7] * 10.0).collect();
            assert!(frames.array_windows().all(|[a, b]| (b - a - 1.0).abs() < 1e-3), "{frames:?}");
            *starts.entry(frames[0].round() as i32).or_default() += 1;
        }
        let expected = [0].into_iter().chain(100..110).chain(200..202);
        assert!(starts.keys().copied().eq(expected), "{starts:?}");
        assert!(starts.values().all(|count| (200..420).contains(count)), "{starts:?}");
    }

    #[test]
    fn balance_draws_actions_equally_often() {
        let draw =
            windows(&WindowConfig { balance: 1.0, ..WindowConfig::default() }).draw(1, 0, 2000);
        let runs = draw.history.chunks(3 * 75).filter(|history| history[0] < 5.0).count();
        assert!((900..1100).contains(&runs), "{runs}");
    }

    #[test]
    fn the_content_depends_on_seed_and_number_only() {
        let windows =
            windows(&WindowConfig { reverse: true, mirror: true, ..WindowConfig::default() });
        let (whole, part) = (windows.draw(5, 0, 6), windows.draw(5, 4, 2));
        assert_eq!(whole.history[4 * 3 * 75..], part.history);
        assert_ne!(whole, windows.draw(6, 0, 6));
    }

    #[test]
    fn half_of_the_windows_is_reversed_or_mirrored() {
        let reversed = windows(&WindowConfig { reverse: true, ..WindowConfig::default() });
        let draw = reversed.draw(1, 0, 1000);
        let falling = draw.future.chunks(150).filter(|future| future[75] < future[0]).count();
        assert!((440..560).contains(&falling), "{falling}");

        let mut sequences = sequences(&[("run", 5)]);
        // Joint 3 is at x 10 mm, joint 9 on the other side at 30 mm, the spine, joint 14, at 7 mm.
        for frame in sequences.list[0].positions.chunks_mut(75) {
            (frame[0], frame[3 * 4], frame[3 * 8]) = (10.0, 30.0, 7.0);
        }
        let config = WindowConfig { mirror: true, ..WindowConfig::default() };
        let windows = Windows::new(sequences, (3, 2), 10.0, &config).unwrap();
        let draw = windows.draw(1, 0, 1000);
        let mirrored = draw.history.chunks(225).filter(|frame| frame[0] < 0.0);
        let mut count = 0;
        for frame in mirrored {
            count += 1;
            assert_eq!((frame[0], frame[3 * 4], frame[3 * 8]), (-3.0, -1.0, -0.7));
        }
        assert!((440..560).contains(&count), "{count}");
    }
}
