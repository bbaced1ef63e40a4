//! The training loop.

use super::config::Arithmetic;
use super::folder::{RunFolder, write};
use super::loader::Loader;
use super::log::{Log, Numbers};
use super::optimizer::{gradient_norm, scale_gradients};
use super::state::RunState;
use super::validation::{Score, Validation};
use crate::tasks::pose::config::{StreamConfig, TrainConfig};
use crate::tasks::pose::dataset::{Draw, MotionBatch, WindowDataset};
use crate::tasks::pose::loss::WeightedLoss;
use anyhow::bail;
use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, FloatDType, Tensor};
use indicatif::{ProgressBar, ProgressStyle};
use kinest::model::{Checkpoint, Manifest, ModelSpec, Precision};
use kinest_nn::pose::Network;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, TensorView};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A run that is ready to go.
pub struct Setup {
    /// folder
    pub folder: RunFolder,
    /// config
    pub config: TrainConfig,
    /// spec
    pub spec: ModelSpec,
    /// data
    pub data: WindowDataset,
    /// validation
    pub validation: Option<WindowDataset>,
    /// With the weights to start with.
    /// init
    pub init: Option<Checkpoint>,
    /// resume
    pub resume: bool,
}

/// Runs what was set up to its end, or to Ctrl-C.
pub fn run<B: AutodiffBackend>(setup: Setup, device: B::Device) -> anyhow::Result<()> {
    let Setup { folder, config, spec, data, validation, init, resume } = setup;
    // The weights' seed; each step seeds again, so that a resumed run draws the same numbers.
    B::seed(&device, config.seed);
    let state = if resume {
        RunState::load(&folder.state(), &spec, &config, &device)?
    } else if let Some(checkpoint) = init {
        RunState::new(&config, Network::from_checkpoint(&checkpoint, &device)?)
    } else {
        let mut network = Network::<B>::new(&config.network, &device)?;
        if config.prepare {
            network.prepare(&data.statistics(config.seed, 512));
        }
        RunState::new(&config, network)
    };
    let text = ron::ser::to_string_pretty(&config, ron::ser::PrettyConfig::new())?;
    write(&folder.config(), text.as_bytes())?;
    let validation = validation
        .map(|data| Validation::new(&data, config.seed, config.validation.windows, config.batch));
    Trainer { folder, config, spec, state, validation, device, newest_score: None }.run(&data)
}

struct Trainer<B: AutodiffBackend> {
    folder: RunFolder,
    config: TrainConfig,
    spec: ModelSpec,
    state: RunState<B>,
    validation: Option<Validation>,
    device: B::Device,
    /// The newest validation, for the report.
    newest_score: Option<Score>,
}

/// Why the loop ended.
enum End {
    Steps,
    Interrupted,
    NoBetter,
}

impl<B: AutodiffBackend> Trainer<B> {
    fn run(&mut self, data: &WindowDataset) -> anyhow::Result<()> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        // A second handler in one process (tests) is refused; the first one serves.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
        let mut log = Log::open(&self.folder.0, self.step())?;
        let end = std::thread::scope(|scope| {
            let config = &self.config;
            let first = self.step() * (config.batch * config.accumulate) as u64;
            let (size, threads) = (config.batch, config.loader_threads);
            let loader = Loader::start(scope, data, config.seed, first, size, threads);
            self.train(loader, &mut log, &stop, data)
        })?;
        let why = match end {
            End::Steps => "finished",
            End::Interrupted => "interrupted; --resume goes on",
            End::NoBetter => "no better for long; the best is kept",
        };
        eprintln!("step {}: {why}: {}", self.step(), self.folder.last().display());
        Ok(())
    }

    fn train(
        &mut self,
        mut loader: Loader,
        log: &mut Log,
        stop: &AtomicBool,
        data: &WindowDataset,
    ) -> anyhow::Result<End> {
        let TrainConfig { steps, log_every, save_every, .. } = self.config;
        let bar = ProgressBar::new(steps).with_position(self.step());
        bar.set_style(ProgressStyle::with_template(
            "{bar:30} step {pos}/{len} {msg} {elapsed} eta {eta}",
        )?);
        let (mut since, mut since_step) = (Instant::now(), self.step());
        let end = loop {
            if self.step() >= steps {
                break End::Steps;
            }
            if stop.load(Ordering::SeqCst) {
                break End::Interrupted;
            }
            let rate = self.config.optimizer.rate_at(self.step());
            let outcome = self.advance(&mut loader, rate)?;
            bar.inc(1);

            let step = self.step();
            let validate = self.validation.is_some()
                && (step.is_multiple_of(self.config.validation.every) || step == steps);
            let score = if validate { self.validate(data)? } else { None };
            if step.is_multiple_of(log_every) || step == steps || score.is_some() {
                let speed = (step - since_step) as f64 / since.elapsed().as_secs_f64();
                let numbers = outcome.numbers(rate, speed, score);
                log.write(step, &numbers)?;
                let text = summary(&numbers);
                if bar.is_hidden() {
                    eprintln!("step {step} {text}");
                }
                bar.set_message(text);
                (since, since_step) = (Instant::now(), step);
            }
            if step.is_multiple_of(save_every) {
                self.save(data)?;
                log.draw()?;
            }
            let waited = self.state.progress.waited;
            if score.is_some() && self.config.validation.patience.is_some_and(|p| waited >= p) {
                break End::NoBetter;
            }
        };
        bar.finish_and_clear();
        self.save(data)?;
        log.draw()?;
        Ok(end)
    }

    /// Steps done.
    fn step(&self) -> u64 {
        self.state.progress.step
    }

    /// One step.
    fn advance(&mut self, loader: &mut Loader, rate: f64) -> anyhow::Result<Outcome<B>> {
        let step = self.step();
        B::seed(&self.device, self.config.seed.wrapping_add(step));
        let passes = self.config.accumulate;
        let mut gradients = GradientsAccumulator::new();
        let (mut total, mut draws, mut terms) = (0.0, vec![], vec![]);
        for _ in 0..passes {
            let draw = loader.next_draw();
            let (loss, new) = self.pass(draw.to_batch::<B>(&self.device), passes);
            gradients.accumulate(&self.state.network, new);
            total += loss.total.into_scalar().elem::<f64>() / passes as f64;
            terms = loss.terms;
            draws.push(draw);
        }
        let mut gradients = gradients.grads();
        let norm = gradient_norm::<B>(&self.state.network, &gradients, &self.device);
        if let Some(largest) = self.config.optimizer.clip_norm {
            let factor = (norm.clone().clamp_min(1e-12).recip() * largest).clamp_max(1.0);
            scale_gradients::<B>(&self.state.network, &mut gradients, factor);
        }
        let norm = norm.into_scalar().elem::<f64>();
        if !(total.is_finite() && norm.is_finite()) {
            self.keep_bad_windows(&draws)?;
            bail!(
                "the loss of step {} is {total}, the norm of its gradient {norm}; its windows are in {}, \
                 the last checkpoint is kept",
                step + 1,
                self.folder.bad_windows().display()
            );
        }
        let network = self.state.network.clone();
        self.state.network = self.state.optimizer.step(rate, network, gradients);
        self.state.progress.step += 1;
        if let Some(average) = &mut self.state.average {
            average.update(&self.state.network.valid(), step + 1);
        }
        Ok(Outcome { total, terms, norm })
    }

    /// Loss of one batch, and the gradient of a `passes`-th of it.
    fn pass(&self, batch: MotionBatch<B>, passes: usize) -> (WeightedLoss<B>, GradientsParams) {
        let loss_of = |output| self.config.loss.of(output, batch.targets, &self.spec.skeleton);
        let part = |loss: &WeightedLoss<B>| (loss.total.clone() / passes as f64).backward();
        match self.config.arithmetic {
            Arithmetic::F32 => {
                let loss = loss_of(self.answer(&self.state.network, batch.features));
                let gradients = GradientsParams::from_grads(part(&loss), &self.state.network);
                (loss, gradients)
            }
            Arithmetic::Bf16 => {
                // A copy of the network computes in 16 bits; its gradients go to the weights in 32.
                let network = self.state.network.clone().map(&mut Cast(FloatDType::BF16));
                let output = self.answer(&network, batch.features);
                let loss = loss_of(output.cast(FloatDType::F32));
                let mut gradients = GradientsParams::from_grads(part(&loss), &network);
                network.visit(&mut Widen(&mut gradients));
                (loss, gradients)
            }
        }
    }

    /// What a network says to the frames that count.
    fn answer(&self, network: &Network<B>, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let Some(StreamConfig { carried, frames }) = self.config.stream else {
            return network.forward(features);
        };
        let mut rng = ChaCha8Rng::seed_from_u64(!self.config.seed);
        rng.set_stream(self.step());
        let before = rng.random_range(0..=carried);
        let state = (before > 0).then(|| {
            let before = features.clone().narrow(1, carried - before, before);
            network.stream(before, None).1.detach()
        });
        network.stream(features.narrow(1, carried, frames), state).0
    }

    /// Scores the weights, and keeps them if they are the best so far.
    fn validate(&mut self, data: &WindowDataset) -> anyhow::Result<Option<Score>> {
        let Some(validation) = &self.validation else { return Ok(None) };
        let network = self.state.weights();
        let loss = &self.config.loss;
        let score = validation.score(&network, loss, &self.spec.skeleton, &self.device);
        let step = self.step();
        if self.state.progress.best.is_none_or(|(_, best)| score.online_mpjpe_cm < best) {
            self.state.progress.best = Some((step, score.online_mpjpe_cm));
            self.state.progress.waited = 0;
            let mut manifest = self.manifest(data);
            manifest.metrics.insert("validation.online_mpjpe_cm".into(), score.online_mpjpe_cm);
            Checkpoint::new(manifest, &network, Precision::F32)?
                .save_version(&self.folder.best(), &step.to_string())?;
        } else {
            self.state.progress.waited += 1;
        }
        self.newest_score = Some(score);
        Ok(Some(score))
    }

    fn manifest(&self, data: &WindowDataset) -> Manifest {
        let mut manifest = Manifest::new(self.config.network.clone(), self.spec.clone());
        manifest.training = self.config.data.record.clone();
        manifest.training.seed = self.config.seed;
        manifest.training.steps = self.step();
        if manifest.training.data.is_empty() {
            let (clips, minutes) = data.size();
            manifest.training.data = format!("{clips} clips, {minutes:.1} minutes");
        }
        manifest
    }

    fn save(&mut self, data: &WindowDataset) -> anyhow::Result<()> {
        // What `--resume` needs first: whoever sees a checkpoint can go on from it.
        self.state.save(&self.folder.state(), &self.spec, &self.config)?;
        Checkpoint::new(self.manifest(data), &self.state.weights(), Precision::F32)?
            .save_version(&self.folder.last(), &self.step().to_string())?;
        write(&self.folder.report(), self.report(data).as_bytes())
    }

    fn keep_bad_windows(&self, draws: &[Draw]) -> anyhow::Result<()> {
        let mut tensors = vec![];
        for (pass, draw) in draws.iter().enumerate() {
            for (name, values, shape) in [
                ("features", &draw.features, draw.features_shape()),
                ("targets", &draw.targets, draw.targets_shape()),
            ] {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                tensors.push((format!("{name}.{pass}"), shape, bytes));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        write(&self.folder.bad_windows(), &safetensors::serialize(views, None)?)
    }

    fn report(&self, data: &WindowDataset) -> String {
        let (clips, minutes) = data.size();
        let c = &self.config;
        let mut rows = format!(
            "| steps | {} of {} |\n| windows per step | {} |\n| seed | {} |\n| data | {} |\n\
             | clips in use | {clips}, {minutes:.1} min |\n| parameters | {} |\n",
            self.step(),
            c.steps,
            c.batch * c.accumulate,
            c.seed,
            self.manifest(data).training.data,
            self.state.network.num_params(),
        );
        if let Some(score) = self.newest_score {
            rows += &format!(
                "| newest validation | loss {:.4}, online MPJPE {:.2} cm |\n",
                score.loss, score.online_mpjpe_cm
            );
        }
        if let Some((step, mpjpe)) = self.state.progress.best {
            rows += &format!("| best validation | online MPJPE {mpjpe:.2} cm at step {step} |\n");
        }
        format!(
            "# Training run\n\n| what | value |\n|---|---|\n{rows}\n![loss](loss.svg)\n\n\
             Settings are in `config.ron`, losses in `metrics.jsonl`. Figures on held-out motion: \
             `kinest-train evaluate --model last.model.ron --data DIR`.\n"
        )
    }
}

/// What a step came to.
struct Outcome<B: AutodiffBackend> {
    total: f64,
    /// Of the last pass; read only when they are logged.
    terms: Vec<(&'static str, Tensor<B, 1>)>,
    norm: f64,
}

impl<B: AutodiffBackend> Outcome<B> {
    fn numbers(self, rate: f64, steps_per_second: f64, score: Option<Score>) -> Numbers {
        let mut numbers = vec![("loss", self.total)];
        let terms = self.terms.into_iter();
        numbers.extend(terms.map(|(name, term)| (name, term.into_scalar().elem())));
        numbers.extend([
            ("gradient_norm", self.norm),
            ("rate", rate),
            ("steps_per_second", steps_per_second),
        ]);
        if let Some(score) = score {
            numbers.push(("validation_loss", score.loss));
            numbers.push(("validation_online_mpjpe_cm", score.online_mpjpe_cm));
        }
        numbers
    }
}

/// The numbers of a step in a line for people.
fn summary(numbers: &Numbers) -> String {
    let text = |(name, value): &(&str, f64)| match *name {
        "rate" => None,
        "steps_per_second" => Some(format!("{value:.2} steps/s")),
        name => Some(format!("{} {value:.4}", name.replace('_', " "))),
    };
    numbers.iter().filter_map(text).collect::<Vec<_>>().join(", ")
}

/// Makes every weight that is trained one of another kind of number. What standardises the inputs
/// stays: positions have to be told apart better than 16 bits can.
struct Cast(FloatDType);

impl<B: AutodiffBackend> ModuleMapper<B> for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        if !tensor.is_require_grad() {
            return Param::from_mapped_value(id, tensor, mapper);
        }
        let cast = Tensor::from_inner(tensor.inner().cast(self.0)).require_grad();
        Param::from_mapped_value(id, cast, mapper)
    }
}

/// Makes every gradient one of 32 bits.
struct Widen<'a>(&'a mut GradientsParams);

impl<B: AutodiffBackend> ModuleVisitor<B> for Widen<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.0.remove::<B::InnerBackend, D>(param.id) {
            self.0.register::<B::InnerBackend, D>(param.id, gradient.cast(FloatDType::F32));
        }
    }
}
