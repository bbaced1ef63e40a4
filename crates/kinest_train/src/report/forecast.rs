//! Scores of forecasters and of what they must beat, the way the benchmarks' tables are made.

use super::trained::TrainedModel;
use crate::data::benchmark::{Benchmark, Horizon, Sequence, Sequences, weighted_distance};
use crate::progress;
use anyhow::{Context, bail, ensure};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::model::forecast::Forecasting;
use kinest_nn::forecast::{ForecastNetwork, Forecaster};
use serde::Serialize;
use std::collections::BTreeMap;

/// Windows that a network predicts at once.
const BATCH: usize = 128;

/// How long a damped velocity lasts, seconds of the field's.
const DAMPING_S: f64 = 0.2;

/// A trained forecaster.
pub type TrainedForecaster = TrainedModel<Forecasting>;

/// Scores of a forecaster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastScores {
    /// The horizons as the field calls them, milliseconds.
    pub horizons_ms: Vec<u32>,
    /// A row for each action, and their mean.
    pub rows: Vec<ActionScore>,
}

/// Scores of an action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionScore {
    /// The action, or `mean`.
    pub name: String,
    /// Mean distance of all joints of the skeleton **at** each horizon, the field's millimetres.
    pub mm: Vec<f64>,
    /// Number of windows.
    pub windows: usize,
}

/// Scores of predictions without a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastBaselines {
    /// The last observed frame is held.
    pub hold: ForecastScores,
    /// The last observed velocity is held.
    pub velocity: ForecastScores,
    /// The last observed velocity decays exponentially, by e in 0.2 s of the field's.
    pub damped: ForecastScores,
}

/// The scores of the first forecaster, of the baselines, and of other forecasters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastReport {
    /// The first forecaster and the baselines.
    pub forecast: FirstForecaster,
    /// The other forecasters by name, in the requested order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<NamedScores>,
    /// Name of the first forecaster.
    #[serde(skip)]
    pub name: String,
    /// How the figures were made, and what the field's labels do not say.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Actions that the first forecaster was not trained on, which are not in the mean.
    #[serde(skip)]
    pub untrained: Vec<String>,
}

/// The scores of the first forecaster beside those of the baselines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstForecaster {
    /// Of the forecaster.
    #[serde(flatten)]
    pub scores: ForecastScores,
    /// Of the baselines, on the same windows.
    pub baselines: ForecastBaselines,
}

/// A further forecaster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedScores {
    /// Display name.
    pub name: String,
    /// Its scores.
    #[serde(flatten)]
    pub scores: ForecastScores,
}

impl ForecastReport {
    /// All forecasters and baselines in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = (&str, &ForecastScores)> {
        let FirstForecaster { scores, baselines } = &self.forecast;
        let others = self.models.iter().map(|model| (model.name.as_str(), &model.scores));
        std::iter::once((self.name.as_str(), scores)).chain(others).chain([
            ("last frame held", &baselines.hold),
            ("constant velocity", &baselines.velocity),
            ("damped velocity", &baselines.damped),
        ])
    }
}

/// Scores forecasters of one benchmark on all windows of `sequences`, at the horizons with these
/// labels, or at all that every forecaster reaches.
///
/// # Errors
/// If the forecasters are of different benchmarks, a horizon is not the benchmark's or beyond a
/// forecaster, a sequence is shorter than a window, or weights do not fit their network.
pub fn evaluate_forecasters<B: Backend>(
    forecasters: &[TrainedForecaster],
    sequences: &Sequences,
    labels_ms: &[u32],
    device: &B::Device,
) -> anyhow::Result<ForecastReport> {
    let first = forecasters.first().context("there is no model to evaluate")?;
    for other in forecasters {
        let (here, there) =
            (other.checkpoint.manifest.spec.layout, first.checkpoint.manifest.spec.layout);
        ensure!(
            here == there,
            "model {} is of {here:?}, model {} of {there:?}",
            other.name,
            first.name
        );
    }
    let layout = first.checkpoint.manifest.spec.layout;
    let benchmark = Benchmark::of(layout).with_context(|| format!("model {}", first.name))?;
    ensure!(
        sequences.benchmark == benchmark,
        "the sequences are of {}, model {} is of {}",
        sequences.benchmark.name,
        first.name,
        benchmark.name
    );
    let horizons = horizons(forecasters, benchmark, labels_ms)?;

    let sizes = || forecasters.iter().map(|f| &f.checkpoint.manifest.network);
    let history = sizes().map(|n| n.history()).fold(benchmark.test_history, usize::max);
    let ahead = sizes().map(|n| n.horizon()).fold(benchmark.test_horizon, usize::max);
    sequences.refuse_shorter(history + ahead)?;

    let trained = &first.checkpoint.manifest.training.actions;
    let is_trained = |action: &String| trained.is_empty() || trained.contains(action);
    let untrained: Vec<_> = sequences.actions().into_iter().filter(|a| !is_trained(a)).collect();
    let test = Test { benchmark, sequences, horizons: &horizons, history, ahead };
    let bar = progress::rows(forecasters.len() + 3, "predicting");
    let scores = |predict: &mut dyn FnMut(&Sequence, &[usize]) -> Vec<f32>| {
        let scores = test.scores(&untrained, predict);
        bar.inc(1);
        scores
    };
    let mut networks = vec![];
    for forecaster in forecasters {
        let network = ForecastNetwork::<B>::from_checkpoint(&forecaster.checkpoint, device)
            .with_context(|| format!("model {}", forecaster.name))?;
        let seen = forecaster.checkpoint.manifest.network.history();
        networks.push(scores(&mut |sequence, newest| {
            test.predicted(&network, seen, sequence, newest, device)
        }));
    }
    let damped = |seconds: f64| DAMPING_S * (1.0 - (-seconds / DAMPING_S).exp());
    let baselines = ForecastBaselines {
        hold: scores(&mut |sequence, newest| test.moved(sequence, newest, |_| 0.0)),
        velocity: scores(&mut |sequence, newest| test.moved(sequence, newest, |seconds| seconds)),
        damped: scores(&mut |sequence, newest| test.moved(sequence, newest, damped)),
    };
    bar.finish_and_clear();
    let mut networks = networks.into_iter();
    let own = networks.next().context("there is no model to evaluate")?;
    let others = forecasters[1..].iter().zip(networks);
    Ok(ForecastReport {
        forecast: FirstForecaster { scores: own, baselines },
        models: others.map(|(f, scores)| NamedScores { name: f.name.clone(), scores }).collect(),
        name: first.name.clone(),
        notes: notes(&test, &untrained),
        untrained,
    })
}

fn notes(test: &Test<'_>, untrained: &[String]) -> Vec<String> {
    let Test { benchmark, history, ahead, .. } = test;
    let mut notes = vec![
        format!(
            "Mean distance at the frame, over all {} joints, then windows, then actions, the field's mm. Windows of \
             {history} and {ahead} frames at every frame of every file.",
            benchmark.scored_joints
        ),
        benchmark.truth.to_owned(),
    ];
    if (*history, *ahead) != (benchmark.test_history, benchmark.test_horizon) {
        notes.push(format!(
            "A model needs longer windows than the field's {} and {} frames, so there are fewer of them.",
            benchmark.test_history, benchmark.test_horizon
        ));
    }
    if !untrained.is_empty() {
        let actions = untrained.join(", ");
        notes.push(format!("Never trained on, and not in the mean: {actions}."));
    }
    notes
}

/// The horizons with these labels, or all that every forecaster reaches.
fn horizons(
    forecasters: &[TrainedForecaster],
    benchmark: &Benchmark,
    labels_ms: &[u32],
) -> anyhow::Result<Vec<Horizon>> {
    let frames = |f: &TrainedForecaster| f.checkpoint.manifest.network.horizon();
    let shortest = forecasters.iter().min_by_key(|f| frames(f));
    let shortest = shortest.context("there is no model to evaluate")?;
    let reached: Vec<Horizon> = benchmark.horizons_within(frames(shortest)).collect();
    let labels = |horizons: &[Horizon]| {
        let labels: Vec<String> = horizons.iter().map(|h| h.label_ms.to_string()).collect();
        labels.join(", ")
    };
    let name = &shortest.name;
    ensure!(
        !reached.is_empty(),
        "model {name} predicts {} frames, which reach none of the horizons of {}: {} ms",
        frames(shortest),
        benchmark.name,
        labels(benchmark.horizons)
    );
    for label in labels_ms {
        if !reached.iter().any(|horizon| horizon.label_ms == *label) {
            bail!(
                "horizon {label} ms is not one that model {name} reaches on {}: {} ms",
                benchmark.name,
                labels(&reached)
            );
        }
    }
    let asked = |h: &Horizon| labels_ms.is_empty() || labels_ms.contains(&h.label_ms);
    Ok(reached.into_iter().filter(asked).collect())
}

/// The test of a benchmark.
struct Test<'a> {
    benchmark: &'a Benchmark,
    sequences: &'a Sequences,
    horizons: &'a [Horizon],
    /// Frames of a window up to the newest observed one, and after it.
    history: usize,
    ahead: usize,
}

impl Test<'_> {
    fn numbers(&self) -> usize {
        self.benchmark.numbers()
    }

    /// Scores of `predict`, which gives `[windows, horizons, numbers]` for windows of a sequence
    /// whose newest observed frames are given.
    fn scores(
        &self,
        untrained: &[String],
        predict: &mut dyn FnMut(&Sequence, &[usize]) -> Vec<f32>,
    ) -> ForecastScores {
        let (numbers, weights) = (self.numbers(), self.benchmark.weights());
        let mut sums = BTreeMap::<&str, (Vec<f64>, usize)>::new();
        for sequence in &self.sequences.list {
            let last = self.sequences.frames_of(sequence) - self.ahead;
            let newest: Vec<usize> = (self.history - 1..last).collect();
            let (sum, windows) =
                sums.entry(&sequence.action).or_insert_with(|| (vec![0.0; self.horizons.len()], 0));
            *windows += newest.len();
            for newest in newest.chunks(BATCH) {
                let predicted = predict(sequence, newest);
                let frames = predicted.chunks_exact(numbers);
                let places = newest.iter().flat_map(|newest| {
                    self.horizons.iter().enumerate().map(move |(i, h)| (i, newest + h.frame))
                });
                for (frame, (horizon, place)) in frames.zip(places) {
                    let truth = &sequence.positions[place * numbers..];
                    sum[horizon] += weighted_distance(&weights, frame, truth);
                }
            }
        }
        let mut rows: Vec<ActionScore> = sums
            .into_iter()
            .map(|(name, (sum, windows))| ActionScore {
                name: name.to_owned(),
                mm: sum.iter().map(|sum| sum / windows as f64).collect(),
                windows,
            })
            .collect();
        let counted = || rows.iter().filter(|row| !untrained.contains(&row.name));
        let actions = counted().count();
        let mean = |i: usize| counted().map(|row| row.mm[i]).sum::<f64>() / actions as f64;
        let mean = (actions > 0).then(|| ActionScore {
            name: "mean".into(),
            mm: (0..self.horizons.len()).map(mean).collect(),
            windows: counted().map(|row| row.windows).sum(),
        });
        rows.extend(mean);
        ForecastScores { horizons_ms: self.horizons.iter().map(|h| h.label_ms).collect(), rows }
    }

    /// What a network that sees `seen` frames predicts.
    fn predicted<B: Backend>(
        &self,
        network: &ForecastNetwork<B>,
        seen: usize,
        sequence: &Sequence,
        newest: &[usize],
        device: &B::Device,
    ) -> Vec<f32> {
        let numbers = self.numbers();
        let history: Vec<f32> = newest
            .iter()
            .flat_map(|newest| {
                &sequence.positions[(newest + 1 - seen) * numbers..][..seen * numbers]
            })
            .copied()
            .collect();
        let data = TensorData::new(history, [newest.len(), seen, numbers]);
        let future = network.forecast(Tensor::<B, 3>::from_data(data, device)).future;
        let horizon = future.dims()[1];
        let future = future.into_data().convert::<f32>();
        let future: Vec<f32> = future.to_vec().expect("it has been converted");
        let at =
            |window: &[f32], h: &Horizon| window[(h.frame - 1) * numbers..][..numbers].to_vec();
        future
            .chunks_exact(horizon * numbers)
            .flat_map(|window| self.horizons.iter().flat_map(move |h| at(window, h)))
            .collect()
    }

    /// The newest frame, moved by its velocity times `time`, which is a function of the field's
    /// seconds since that frame.
    fn moved(&self, sequence: &Sequence, newest: &[usize], time: impl Fn(f64) -> f64) -> Vec<f32> {
        let (numbers, step_s) = (self.numbers(), self.benchmark.step_ms / 1000.0);
        let times = self.horizons.iter().map(|h| time(h.frame as f64 * step_s) / step_s);
        let times: Vec<f32> = times.map(|time| time as f32).collect();
        let mut frames = Vec::with_capacity(newest.len() * times.len() * numbers);
        for newest in newest {
            let now = &sequence.positions[newest * numbers..][..numbers];
            let before = &sequence.positions[(newest - 1) * numbers..][..numbers];
            for time in &times {
                frames.extend(
                    now.iter().zip(before).map(|(now, before)| now + (now - before) * time),
                );
            }
        }
        frames
    }
}
