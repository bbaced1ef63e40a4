//! The training loop.

use crate::clips;
use crate::config::{OptimizerConfig, TrainConfig};
use crate::dataset::WindowDataset;
use anyhow::{Context, bail, ensure};
use burn::backend::Autodiff;
use burn::grad_clipping::GradientClippingConfig;
use burn::module::{AutodiffModule, Module};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{Adam, AdamConfig, GradientsParams, Optimizer};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::Backend;
use burn_flex::{Flex, FlexDevice};
use indicatif::{ProgressBar, ProgressStyle};
use kinest::files::write_atomically;
use kinest::model::{Checkpoint, Manifest, ModelSpec, Network, Precision};
use kinest::skeleton::Skeleton;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

type Auto = Autodiff<Flex>;
type Adaptor = OptimizerAdaptor<Adam, Network<Auto>, Auto>;

/// `train`: trains a network as a config says.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// RON file with the run's settings; without it, the reference's recipe.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the run: config.ron, metrics.jsonl, last.model.ron, report.md.
    #[arg(long)]
    out: PathBuf,
    /// Folder with AMASS clips, instead of the config's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// File with one clip per line, instead of the config's.
    #[arg(long)]
    split: Option<PathBuf>,
    /// Steps of the whole run, instead of the config's.
    #[arg(long)]
    steps: Option<u64>,
    /// Stop after so many steps of this call; --resume goes on.
    #[arg(long)]
    stop_after: Option<u64>,
    /// Body the motion is played on, instead of the default skeleton.
    #[arg(long)]
    skeleton: Option<PathBuf>,
    /// Go on where the run in --out stopped.
    #[arg(long)]
    resume: bool,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Serialize)]
struct LogLine<'a> {
    step: u64,
    loss: f64,
    #[serde(flatten)]
    terms: std::collections::BTreeMap<&'a str, f64>,
    rate: f64,
    steps_per_second: f64,
}

/// Files of a run.
struct Run(PathBuf);

impl Run {
    fn config(&self) -> PathBuf {
        self.0.join("config.ron")
    }
    fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }
    fn model(&self) -> PathBuf {
        self.0.join("last.model.ron")
    }
    fn state(&self) -> PathBuf {
        self.0.join("last.state.mpk")
    }
    fn report(&self) -> PathBuf {
        self.0.join("report.md")
    }
}

/// Runs `train`.
///
/// # Errors
/// If the config, the data or the run folder cannot be used, or the loss becomes NaN.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let run = Run(args.out);
    let mut config = match &args.config {
        Some(path) => TrainConfig::load(path)?,
        None if args.resume => TrainConfig::load(&run.config())?,
        None => TrainConfig::default(),
    };
    config.data.folder = args.data.unwrap_or(config.data.folder);
    config.data.split = args.split.or(config.data.split);
    config.steps = args.steps.unwrap_or(config.steps);
    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
        None => Skeleton::default(),
    };
    let spec = ModelSpec {
        layout: config.layout,
        rate_hz: 60.0,
        window: config.network.window(),
        skeleton,
    };

    let clips = clips::load(&config.data.folder, config.data.split.as_deref(), spec.rate_hz)?;
    let clips = clips.into_iter().map(|named| named.clip).collect();
    let data =
        WindowDataset::new(clips, &config.data, config.layout, spec.window, spec.skeleton.clone())?;
    let (count, minutes) = data.size();
    eprintln!("{count} clips, {minutes:.1} minutes of motion");

    std::fs::create_dir_all(&run.0)
        .with_context(|| format!("cannot make run folder {}", run.0.display()))?;
    crate::fused::install();
    let device = FlexDevice;
    // The weights' seed; each step seeds again, so that a resumed run draws the same numbers.
    Flex::seed(&device, config.seed);
    let mut trainer = if args.resume {
        Trainer::resume(&run, config, spec, data)?
    } else {
        ensure!(
            !run.state().exists(),
            "{} holds a run already; use --resume or another folder",
            run.0.display()
        );
        Trainer::start(config, spec, data)?
    };
    write(
        &run.config(),
        ron::ser::to_string_pretty(&trainer.config, ron::ser::PrettyConfig::new())?.as_bytes(),
    )?;
    trainer.run(&run, args.stop_after)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

struct Trainer {
    config: TrainConfig,
    manifest: Manifest,
    data: WindowDataset,
    network: Network<Auto>,
    optimizer: Adaptor,
    /// Steps done.
    step: u64,
}

fn optimizer(config: &OptimizerConfig) -> Adaptor {
    let decay = (config.weight_decay > 0.0).then(|| WeightDecayConfig::new(config.weight_decay));
    AdamConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(decay)
        .with_grad_clipping(config.clip_norm.map(GradientClippingConfig::Norm))
        .init()
}

impl Trainer {
    fn start(config: TrainConfig, spec: ModelSpec, data: WindowDataset) -> anyhow::Result<Self> {
        let mut network = config.network.init::<Auto>(&FlexDevice)?;
        if config.prepare {
            network.prepare(&data.statistics(config.seed, 512));
        }
        let mut manifest = Manifest::new(config.network.clone(), spec);
        manifest.training = config.data.record.clone();
        manifest.training.seed = config.seed;
        let optimizer = optimizer(&config.optimizer);
        Ok(Self { config, manifest, data, network, optimizer, step: 0 })
    }

    fn resume(
        run: &Run,
        config: TrainConfig,
        spec: ModelSpec,
        data: WindowDataset,
    ) -> anyhow::Result<Self> {
        let checkpoint = Checkpoint::load(&run.model())?;
        ensure!(
            checkpoint.manifest.network == config.network && checkpoint.manifest.spec == spec,
            "the config's `network` or `layout` is not that of {}",
            run.model().display()
        );
        let bytes = std::fs::read(run.state())
            .with_context(|| format!("cannot read {}", run.state().display()))?;
        // The records follow the step they are of.
        let broken = || format!("{} is not the state of a run", run.state().display());
        let (step, record) = bytes.split_first_chunk::<8>().with_context(broken)?;
        let step = u64::from_le_bytes(*step);
        ensure!(
            step == checkpoint.manifest.training.steps,
            "{} is of step {step}, the weights beside it are of step {}",
            run.state().display(),
            checkpoint.manifest.training.steps
        );
        // The weights come from here too: the optimiser knows them by identifiers that the
        // checkpoint does not have.
        let (weights, record) = NamedMpkBytesRecorder::<FullPrecisionSettings>::default()
            .load(record.to_vec(), &FlexDevice)
            .with_context(broken)?;
        Ok(Self {
            optimizer: optimizer(&config.optimizer).load_record(record),
            network: checkpoint.network::<Auto>(&FlexDevice)?.load_record(weights),
            manifest: checkpoint.manifest,
            config,
            data,
            step,
        })
    }

    fn run(&mut self, run: &Run, stop_after: Option<u64>) -> anyhow::Result<()> {
        let end = stop_after.map_or(self.config.steps, |n| self.config.steps.min(self.step + n));
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        // A second handler in one process (tests) is refused; the first one serves.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));

        let mut metrics = self.open_metrics(run)?;
        let bar = ProgressBar::new(self.config.steps).with_position(self.step);
        bar.set_style(ProgressStyle::with_template(
            "{bar:30} step {pos}/{len} {msg} {elapsed} eta {eta}",
        )?);
        let (mut since, mut since_step) = (Instant::now(), self.step);
        while self.step < end && !stop.load(Ordering::SeqCst) {
            let line = self.advance()?;
            bar.inc(1);
            if self.step.is_multiple_of(self.config.log_every) || self.step == end {
                let done = (self.step - since_step) as f64;
                let line = LogLine {
                    step: self.step,
                    loss: line.0,
                    terms: line.1,
                    rate: self.rate(self.step - 1),
                    steps_per_second: done / since.elapsed().as_secs_f64(),
                };
                (since, since_step) = (Instant::now(), self.step);
                bar.set_message(format!("loss {:.4}", line.loss));
                if bar.is_hidden() {
                    eprintln!(
                        "step {} loss {:.4} {:.2} steps/s",
                        line.step, line.loss, line.steps_per_second
                    );
                }
                serde_json::to_writer(&mut metrics, &line)?;
                writeln!(metrics)?;
            }
            if self.step.is_multiple_of(self.config.save_every) {
                self.save(run)?;
            }
        }
        bar.finish_and_clear();
        self.save(run)?;
        let what = if self.step < self.config.steps { "stopped" } else { "finished" };
        eprintln!("{what} at step {}: {}", self.step, run.model().display());
        Ok(())
    }

    fn rate(&self, step: u64) -> f64 {
        let optimizer = &self.config.optimizer;
        optimizer.rate * optimizer.schedule.factor(step, self.config.steps)
    }

    /// One step; the loss and its terms.
    fn advance(&mut self) -> anyhow::Result<(f64, std::collections::BTreeMap<&'static str, f64>)> {
        let config = &self.config;
        Flex::seed(&FlexDevice, config.seed.wrapping_add(self.step));
        let batch = self.data.batch::<Auto>(config.seed, self.step, config.batch, &FlexDevice);
        let output = self.network.forward(batch.features);
        let loss = config.loss.of(output, batch.targets, &self.manifest.spec.skeleton);
        let number = |t: burn::tensor::Tensor<Auto, 1>| f64::from(t.into_scalar());
        let total = number(loss.total.clone());
        if !total.is_finite() {
            bail!("the loss of step {} is {total}; the last checkpoint is kept", self.step + 1);
        }
        let terms = loss.terms.into_iter().map(|(name, term)| (name, number(term))).collect();
        let gradients = GradientsParams::from_grads(loss.total.backward(), &self.network);
        let rate = self.rate(self.step);
        self.network = self.optimizer.step(rate, self.network.clone(), gradients);
        self.step += 1;
        Ok((total, terms))
    }

    fn save(&mut self, run: &Run) -> anyhow::Result<()> {
        self.manifest.training.steps = self.step;
        let network = self.network.valid();
        let mut checkpoint = Checkpoint::new(self.manifest.clone(), &network, Precision::F32)?;
        checkpoint.save(&run.model())?;
        let records = (self.network.clone().into_record(), self.optimizer.to_record());
        let records =
            NamedMpkBytesRecorder::<FullPrecisionSettings>::default().record(records, ())?;
        let state = [&self.step.to_le_bytes()[..], &records].concat();
        write(&run.state(), &state)?;
        write(&run.report(), self.report().as_bytes())
    }

    /// The log to append to, without lines of steps that are still to come: a run that was killed
    /// after its last save takes those again.
    fn open_metrics(&self, run: &Run) -> anyhow::Result<File> {
        #[derive(Deserialize)]
        struct Line {
            step: u64,
        }
        let path = run.metrics();
        if let Ok(file) = File::open(&path) {
            let done = |line: &String| {
                serde_json::from_str::<Line>(line).is_ok_and(|line| line.step <= self.step)
            };
            let lines = BufReader::new(file).lines().collect::<Result<Vec<_>, _>>()?;
            let kept: Vec<_> = lines.into_iter().filter(done).map(|l| l + "\n").collect();
            write(&path, kept.concat().as_bytes())?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn report(&self) -> String {
        let (clips, minutes) = self.data.size();
        let c = &self.config;
        format!(
            "# Training run\n\n\
             | what | value |\n|---|---|\n\
             | steps | {} of {} |\n| windows per step | {} |\n| seed | {} |\n\
             | data | {} |\n| clips in use | {clips}, {minutes:.1} min |\n\
             | parameters | {} |\n\n\
             Settings are in `config.ron`, losses in `metrics.jsonl`. Figures on held-out motion: \
             `kinest-train evaluate --model last.model.ron --data DIR`.\n",
            self.step,
            c.steps,
            c.batch,
            c.seed,
            self.manifest.training.data,
            self.network.num_params(),
        )
    }
}
