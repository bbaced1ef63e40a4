//! The training loop.

use super::config::{Arithmetic, RunConfig};
use super::folder::{RunFolder, write};
use super::loader::Loader;
use super::log::Log;
use super::optimizer::{gradient_norm, scale_gradients};
use super::state::RunState;
use super::task::{Draw, Examples, Loss, Numbers, Task};
use anyhow::{Context, bail, ensure};
use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, FloatDType, Tensor};
use indicatif::{ProgressBar, ProgressStyle};
use safetensors::tensor::{Dtype, TensorView};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Trains in a folder, from the start or, with `resume`, from where the run in it stopped, until
/// the run's end or Ctrl-C.
///
/// # Errors
/// If `resume` is not set and the folder holds a run, or that run cannot be resumed, if a file
/// cannot be read or written, or the loss is not finite.
pub fn train<T: Task, B: AutodiffBackend>(
    task: &T,
    folder: RunFolder,
    resume: bool,
    device: B::Device,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(&folder.0)
        .with_context(|| format!("cannot make run folder {}", folder.0.display()))?;
    ensure!(
        resume || !folder.state().exists(),
        "{} holds a run already; use --resume or another folder",
        folder.0.display()
    );
    let config = task.config();
    // Seeds the initial weights; each step seeds again, so that a resumed run draws the same
    // numbers.
    B::seed(&device, config.seed);
    let state = if resume {
        RunState::<T, B>::load(&folder.state(), task, &config, &device)?
    } else {
        RunState::new(&config, task.start(&device)?)
    };
    let text = ron::ser::to_string_pretty(task.recipe(), ron::ser::PrettyConfig::new())?;
    write(&folder.config(), text.as_bytes())?;
    let held_out = task.held_out().map_or_else(Vec::new, |examples| {
        let (windows, batch) = (config.validation.windows, config.batch);
        let firsts = (0..windows).step_by(batch);
        let draw = |first| examples.draw(config.seed, first as u64, batch.min(windows - first));
        firsts.map(draw).collect()
    });
    Trainer { task, folder, config, state, held_out, device, newest_scores: None }.run()
}

struct Trainer<'a, T: Task, B: AutodiffBackend> {
    task: &'a T,
    folder: RunFolder,
    config: RunConfig,
    state: RunState<T, B>,
    /// Validation draws, always the same.
    held_out: Vec<Draw<T>>,
    device: B::Device,
    /// The newest validation scores, for the report.
    newest_scores: Option<Numbers>,
}

/// Why the loop ended.
enum End {
    Steps,
    Interrupted,
    NoBetter,
}

impl<T: Task, B: AutodiffBackend> Trainer<'_, T, B> {
    fn run(&mut self) -> anyhow::Result<()> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        // In a process with several runs, as in tests, only the first handler is installed; that is
        // sufficient.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
        let mut log = Log::open(&self.folder.0, self.step())?;
        let end = std::thread::scope(|scope| {
            let config = &self.config;
            let first = self.step() * (config.batch * config.accumulate) as u64;
            let (size, threads) = (config.batch, config.loader_threads);
            let examples = self.task.examples();
            let loader = Loader::start(scope, examples, config.seed, first, size, threads);
            self.steps(loader, &mut log, &stop)
        })?;
        let why = match end {
            End::Steps => "finished",
            End::Interrupted => "interrupted; --resume goes on",
            End::NoBetter => "no better for long; the best is kept",
        };
        eprintln!("step {}: {why}: {}", self.step(), self.folder.last().display());
        Ok(())
    }

    fn steps(
        &mut self,
        mut loader: Loader<Draw<T>>,
        log: &mut Log,
        stop: &AtomicBool,
    ) -> anyhow::Result<End> {
        let RunConfig { steps, log_every, save_every, .. } = self.config;
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
            let validate = !self.held_out.is_empty()
                && (step.is_multiple_of(self.config.validation.every) || step == steps);
            let scores = if validate { Some(self.validate()?) } else { None };
            if step.is_multiple_of(log_every) || step == steps || validate {
                let speed = (step - since_step) as f64 / since.elapsed().as_secs_f64();
                let numbers = outcome.numbers(rate, speed, scores);
                log.write(step, &numbers)?;
                let text = summary(&numbers);
                if bar.is_hidden() {
                    eprintln!("step {step} {text}");
                }
                bar.set_message(text);
                (since, since_step) = (Instant::now(), step);
            }
            if step.is_multiple_of(save_every) {
                self.save()?;
                log.draw()?;
            }
            let waited = self.state.progress.waited;
            if validate && self.config.validation.patience.is_some_and(|p| waited >= p) {
                break End::NoBetter;
            }
        };
        bar.finish_and_clear();
        self.save()?;
        log.draw()?;
        Ok(end)
    }

    /// Finished steps.
    fn step(&self) -> u64 {
        self.state.progress.step
    }

    /// Takes one step.
    fn advance(&mut self, loader: &mut Loader<Draw<T>>, rate: f64) -> anyhow::Result<Outcome<B>> {
        let step = self.step();
        B::seed(&self.device, self.config.seed.wrapping_add(step));
        let passes = self.config.accumulate;
        let mut gradients = GradientsAccumulator::new();
        let (mut total, mut draws, mut terms, mut seen) = (0.0, vec![], vec![], vec![]);
        for _ in 0..passes {
            let draw = loader.next_draw();
            let (loss, new) = self.pass(&draw, passes);
            gradients.accumulate(&self.state.network, new);
            total += loss.total.into_scalar().elem::<f64>() / passes as f64;
            terms = loss.terms;
            seen.push(loss.seen);
            draws.push(draw);
        }
        let mut gradients = gradients.grads();
        let norm = gradient_norm::<_, B>(&self.state.network, &gradients, &self.device);
        if let Some(largest) = self.config.optimizer.clip_norm {
            let factor = (norm.clone().clamp_min(1e-12).recip() * largest).clamp_max(1.0);
            scale_gradients::<_, B>(&self.state.network, &mut gradients, factor);
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
        let network = self.state.optimizer.step(rate, network, gradients);
        self.state.network = self.task.after_step::<B>(network, seen);
        self.state.progress.step += 1;
        if let Some(average) = &mut self.state.average {
            average.update(&self.state.network.valid(), step + 1);
        }
        Ok(Outcome { total, terms, norm })
    }

    /// Loss of one draw, and its gradient divided by `passes`.
    fn pass(&self, draw: &Draw<T>, passes: usize) -> (Loss<B, T::Seen<B>>, GradientsParams) {
        let loss_of = |network| self.task.loss::<B>(network, draw, self.step(), &self.device);
        let part = |total: &Tensor<B, 1>| (total.clone() / passes as f64).backward();
        match self.config.arithmetic {
            Arithmetic::F32 => {
                let loss = loss_of(&self.state.network);
                let gradients = part(&loss.total);
                (loss, GradientsParams::from_grads(gradients, &self.state.network))
            }
            Arithmetic::Bf16 => {
                // A 16-bit copy of the network computes; its gradients are applied to the 32-bit
                // weights.
                let network = self.state.network.clone().map(&mut Cast(FloatDType::BF16));
                let loss = loss_of(&network);
                let mut gradients = GradientsParams::from_grads(part(&loss.total), &network);
                network.visit(&mut Widen(&mut gradients));
                (loss, gradients)
            }
        }
    }

    /// Scores the weights and saves them if they are the best so far.
    fn validate(&mut self) -> anyhow::Result<Numbers> {
        let network = self.state.weights();
        let scores = self.task.scores::<B>(&network, &self.held_out, &self.device);
        let step = self.step();
        let judged = scores.iter().find(|(name, _)| *name == T::JUDGED_BY);
        let (_, score) = *judged.with_context(|| format!("nothing scores {}", T::JUDGED_BY))?;
        if self.state.progress.best.is_none_or(|(_, best)| score < best) {
            self.state.progress.best = Some((step, score));
            self.state.progress.waited = 0;
            self.task.save::<B>(&network, &self.folder.best(), step, &scores)?;
        } else {
            self.state.progress.waited += 1;
        }
        self.newest_scores = Some(scores.clone());
        Ok(scores)
    }

    fn save(&mut self) -> anyhow::Result<()> {
        // The state is saved first, so that every visible checkpoint can be resumed.
        self.state.save(&self.folder.state(), &self.task.identity())?;
        self.task.save::<B>(&self.state.weights(), &self.folder.last(), self.step(), &[])?;
        write(&self.folder.report(), self.report().as_bytes())
    }

    fn keep_bad_windows(&self, draws: &[Draw<T>]) -> anyhow::Result<()> {
        let mut tensors = vec![];
        for (pass, draw) in draws.iter().enumerate() {
            for (name, shape, values) in T::Examples::tensors(draw) {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                tensors.push((format!("{name}.{pass}"), shape, bytes));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        write(&self.folder.bad_windows(), &safetensors::serialize(views, None)?)
    }

    fn report(&self) -> String {
        let c = &self.config;
        let mut rows = vec![
            ("steps", format!("{} of {}", self.step(), c.steps)),
            ("windows per step", (c.batch * c.accumulate).to_string()),
            ("seed", c.seed.to_string()),
        ];
        rows.extend(self.task.about());
        rows.push(("parameters", self.state.network.num_params().to_string()));
        if let Some(scores) = &self.newest_scores {
            let of = |(name, value): &(&str, f64)| format!("{} {value:.4}", name.replace('_', " "));
            let scores: Vec<_> = scores.iter().map(of).collect();
            rows.push(("newest validation", scores.join(", ")));
        }
        if let Some((step, score)) = self.state.progress.best {
            let name = T::JUDGED_BY.replace('_', " ");
            rows.push(("best validation", format!("{name} {score:.4} at step {step}")));
        }
        let rows: String =
            rows.iter().map(|(what, value)| format!("| {what} | {value} |\n")).collect();
        format!(
            "# Training run\n\n| what | value |\n|---|---|\n{rows}\n![loss](loss.svg)\n\n\
             Settings are in `config.ron`, losses in `metrics.jsonl`. Figures on held-out motion: \
             `kinest-train evaluate --model last.model.ron --data DIR`.\n"
        )
    }
}

/// Result of a step.
struct Outcome<B: AutodiffBackend> {
    total: f64,
    /// Terms of the last pass, read only when logged.
    terms: Vec<(&'static str, Tensor<B, 1>)>,
    norm: f64,
}

impl<B: AutodiffBackend> Outcome<B> {
    fn numbers(
        self,
        rate: f64,
        steps_per_second: f64,
        scores: Option<Numbers>,
    ) -> Vec<(String, f64)> {
        let mut numbers = vec![("loss".to_owned(), self.total)];
        let terms = self.terms.into_iter();
        numbers.extend(terms.map(|(name, term)| (name.to_owned(), term.into_scalar().elem())));
        numbers.extend([
            ("gradient_norm".to_owned(), self.norm),
            ("rate".to_owned(), rate),
            ("steps_per_second".to_owned(), steps_per_second),
        ]);
        let scores = scores.into_iter().flatten();
        numbers.extend(scores.map(|(name, score)| (format!("validation_{name}"), score)));
        numbers
    }
}

/// The numbers of a step as one line for people.
fn summary(numbers: &[(String, f64)]) -> String {
    let text = |(name, value): &(String, f64)| match name.as_str() {
        "rate" => None,
        "steps_per_second" => Some(format!("{value:.2} steps/s")),
        name => Some(format!("{} {value:.4}", name.replace('_', " "))),
    };
    numbers.iter().filter_map(text).collect::<Vec<_>>().join(", ")
}

/// Casts all trained weights. The input standardisation is not cast, because 16 bits are too coarse
/// for positions.
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

/// Casts all gradients to 32 bits.
struct Widen<'a>(&'a mut GradientsParams);

impl<B: AutodiffBackend> ModuleVisitor<B> for Widen<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.0.remove::<B::InnerBackend, D>(param.id) {
            self.0.register::<B::InnerBackend, D>(param.id, gradient.cast(FloatDType::F32));
        }
    }
}
