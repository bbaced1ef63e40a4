//! The training loop with a task unrelated to poses: it fits lines, learns the weights of its two
//! losses, and updates a codebook after each step.

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, FloatDType, Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use kinest_train::run::config::{OptimizerConfig, RunConfig, Schedule, ValidationConfig};
use kinest_train::run::{Examples, Loss, Numbers, RunFolder, Task, Trained, train};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CODES: usize = 3;
/// Decay of the codes' moving average.
const DECAY: f32 = 0.9;

/// Two linear outputs of one input; the second has noise.
#[derive(Module, Debug)]
struct Line<B: Backend> {
    line: Linear<B>,
    /// Logarithms of the outputs' variances: a loss with a large variance has a small weight
    /// (Kendall et al. 2018).
    log_variances: Param<Tensor<B, 1>>,
    /// `[CODES, 1]`, updated without a gradient.
    codes: Param<Tensor<B, 2>>,
}

/// Inputs `x` and outputs `2 x` and `-x`, the latter with noise.
struct Lines;

#[derive(Clone)]
struct Points {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

impl Examples for Lines {
    type Draw = Points;

    fn draw(&self, seed: u64, first: u64, count: usize) -> Points {
        let mut points = Points { inputs: vec![], outputs: vec![] };
        for number in first..first + count as u64 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number);
            let x = rng.random_range(-1.0..1.0_f32);
            points.inputs.push(x);
            points.outputs.extend([2.0 * x, rng.random_range(-1.0..1.0) - x]);
        }
        points
    }

    fn tensors(draw: &Points) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let count = draw.inputs.len();
        vec![("inputs", vec![count, 1], &draw.inputs), ("outputs", vec![count, 2], &draw.outputs)]
    }
}

struct Fit {
    config: RunConfig,
    examples: Lines,
}

impl Fit {
    fn new(steps: u64) -> Self {
        let optimizer = OptimizerConfig {
            rate: 0.02,
            schedule: Schedule::Cosine { steps: 400 },
            weight_decay: 0.0,
            ..OptimizerConfig::default()
        };
        let config = RunConfig {
            steps,
            optimizer,
            validation: ValidationConfig { windows: 64, every: 10, ..ValidationConfig::default() },
            batch: 8,
            accumulate: 2,
            average: Some(0.9),
            log_every: 1,
            save_every: 1,
            ..RunConfig::default()
        };
        Self { config, examples: Lines }
    }
}

fn tensor<B: Backend, const D: usize>(
    values: &[f32],
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// Mean squared error of each output, `[2]`.
fn errors<B: Backend>(network: &Line<B>, draw: &Points, device: &B::Device) -> Tensor<B, 1> {
    let count = draw.inputs.len();
    let output = network.line.forward(tensor(&draw.inputs, [count, 1], device));
    let off = output.cast(FloatDType::F32) - tensor(&draw.outputs, [count, 2], device);
    off.square().mean_dim(0).squeeze_dim(0)
}

impl Task for Fit {
    type Network<B: AutodiffBackend> = Line<B>;
    type Examples = Lines;
    /// The inputs, which the codes follow.
    type Seen<B: AutodiffBackend> = Vec<f32>;
    type Recipe = RunConfig;
    type Identity = usize;

    const JUDGED_BY: &'static str = "error";

    fn recipe(&self) -> &RunConfig {
        &self.config
    }

    fn config(&self) -> RunConfig {
        self.config.clone()
    }

    fn identity(&self) -> usize {
        CODES
    }

    fn changes(&self, run: &usize) -> Vec<&'static str> {
        if *run == CODES { vec![] } else { vec!["the number of codes"] }
    }

    fn examples(&self) -> &Lines {
        &self.examples
    }

    fn held_out(&self) -> Option<&Lines> {
        Some(&self.examples)
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Line<B>> {
        let codes = tensor::<B, 2>(&[-0.1, 0.0, 0.1], [CODES, 1], device);
        Ok(Line {
            line: LinearConfig::new(1, 2).init(device),
            log_variances: Param::from_tensor(Tensor::zeros([2], device)),
            codes: Param::from_tensor(codes).set_require_grad(false),
        })
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &Line<B>,
        draw: &Points,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, Vec<f32>> {
        let errors = errors(network, draw, device);
        let log_variances = network.log_variances.val().cast(FloatDType::F32);
        let weighted = errors.clone() * log_variances.clone().neg().exp() + log_variances.clone();
        let term = |of: &Tensor<B, 1>, i: usize| of.clone().narrow(0, i, 1);
        let terms = vec![
            ("first", term(&errors, 0)),
            ("second", term(&errors, 1)),
            ("second_log_variance", term(&log_variances, 1)),
        ];
        Loss { total: weighted.sum(), terms, seen: draw.inputs.clone() }
    }

    fn after_step<B: AutodiffBackend>(&self, network: Line<B>, seen: Vec<Vec<f32>>) -> Line<B> {
        let codes = network.codes.map(|codes| {
            let device = codes.device();
            let mut values: Vec<f32> = codes.into_data().to_vec().unwrap();
            let before = values.clone();
            for input in seen.into_iter().flatten() {
                let off = |code: &f32| (code - input).abs();
                let nearest =
                    (0..CODES).min_by(|a, b| off(&before[*a]).total_cmp(&off(&before[*b])));
                let code = &mut values[nearest.unwrap()];
                *code = DECAY * *code + (1.0 - DECAY) * input;
            }
            tensor(&values, [CODES, 1], &device)
        });
        Line { codes, ..network }
    }

    fn scores<B: AutodiffBackend>(
        &self,
        network: &Trained<Self, B>,
        draws: &[Points],
        device: &B::Device,
    ) -> Numbers {
        let of = |draw| errors(network, draw, device).sum().into_scalar().elem::<f64>();
        let error = draws.iter().map(of).sum::<f64>() / draws.len() as f64;
        vec![(Self::JUDGED_BY, error)]
    }

    /// Writes all numbers of the network, one per line.
    fn save<B: AutodiffBackend>(
        &self,
        network: &Trained<Self, B>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let bias = network.line.bias.as_ref().unwrap().val().into_data();
        let tensors = [
            network.line.weight.val().into_data(),
            bias,
            network.log_variances.val().into_data(),
            network.codes.val().into_data(),
        ];
        let numbers = tensors.iter().flat_map(|data| data.to_vec::<f32>().unwrap());
        let numbers: String = numbers.map(|number| format!("{number:?}\n")).collect();
        std::fs::write(path, format!("step {step}, {scores:?}\n{numbers}"))?;
        Ok(())
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        vec![("data", "two lines".into())]
    }
}

const STEPS: u64 = 300;
/// Folder for training when the test below runs as a child process.
const FOLDER: &str = "KINEST_SECOND_TASK_FOLDER";

fn run(folder: &Path) {
    let resume = folder.join("last.state.safetensors").exists();
    let folder = RunFolder(folder.into());
    train::<_, Autodiff<Flex>>(&Fit::new(STEPS), folder, resume, FlexDevice).unwrap();
}

/// Saved steps and all logged losses.
fn logged(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
    let without_speed = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("steps_per_second");
        line.to_string()
    };
    text.lines().map(without_speed).collect()
}

/// Killed repeatedly, a run gets the same numbers bit for bit: weights, loss weights and codes.
#[cfg(unix)]
#[test]
fn another_task_goes_on_after_a_kill_as_if_nothing_had_been() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return run(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    run(&whole);
    let mut kills = 0;
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let test = "another_task_goes_on_after_a_kill_as_if_nothing_had_been";
        child.args(["--exact", test]).env(FOLDER, &parts);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let state = parts.join("last.state.safetensors");
        let saved = || std::fs::metadata(&state).and_then(|m| m.modified()).ok();
        let (mut newest, mut saves) = (saved(), 0);
        // Killed a few steps after it has resumed, each time after twice as many.
        while saves < 2_u32 << kills && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
            let now = saved();
            saves += u32::from(now != newest);
            newest = now;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 0, "it was never killed");
    assert_eq!(logged(&parts), logged(&whole));
    for file in ["last.model.ron", "best.model.ron"] {
        let read = |run: &Path| std::fs::read_to_string(run.join(file)).unwrap();
        assert_eq!(read(&parts), read(&whole), "{file}");
    }
    learned(&std::fs::read_to_string(whole.join("last.model.ron")).unwrap());
}

/// The lines are fitted, the noisy loss has less weight, and the codes have moved to the data.
fn learned(saved: &str) {
    let n: Vec<f32> = saved.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert!((n[0] - 2.0).abs() < 0.1 && (n[1] + 1.0).abs() < 0.3, "lines {n:?}");
    assert!(n[4] < -2.0 && n[5] > -1.6, "variances {n:?}");
    assert!(n[6] < -0.4 && n[7].abs() < 0.3 && n[8] > 0.4, "codes {n:?}");
}
