//! Import of weights trained with the reference implementation: a PyTorch `state_dict`.
//!
//! The pickle inside is parsed, never executed: the parser knows tensors and plain containers only.

use burn_store::pytorch::PytorchReader;
use kinest::features::FeatureLayout;
use kinest::model::{
    Checkpoint, CheckpointError, Feed, KinestConfig, Mamba2Config, Manifest, ModelSpec,
    NamedTensors, NetworkConfig, Precision, ScanChain, TensorProblem, problem_list,
};
use kinest::skeleton::{Skeleton, SmplJoint};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a `.pth` file could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be opened.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a PyTorch file of tensors.
    #[error("{path} is not a readable PyTorch state_dict: {reason}")]
    Pytorch {
        /// The file.
        path: PathBuf,
        /// The reader's error.
        reason: String,
    },
    /// The tensors are not those of a KineST network.
    #[error("{path} is not a KineST state_dict:{}", problem_list(problems))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Every problem, with the tensor's name in the file.
        problems: Vec<TensorProblem>,
    },
    /// The tensors could not be made into a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Properties that the shapes of a `state_dict` do not determine.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Scan chain that the weights were trained with.
    pub chain: ScanChain,
    /// Number of attention heads; `None` is the number of heads in the temporal scans, as in the
    /// released network.
    pub attention_heads: Option<usize>,
    /// Body that the weights were trained with.
    pub skeleton: Skeleton,
}

/// The tensors of a `state_dict`, by the reference's names: shape and row-major values.
pub type StateDict = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Reads a `state_dict` of the reference into an `f32` checkpoint.
///
/// Dimensions are inferred from the shapes. A leading `module.` is dropped; `body_model.*` is
/// ignored, and so is each kinematic block's `linear1`, which the reference stores and never calls.
///
/// # Errors
/// If the file cannot be read, or tensors are missing, unexpected or of the wrong shape; the error
/// lists all of them.
pub fn import_pth(
    path: impl AsRef<Path>,
    options: ImportOptions,
) -> Result<Checkpoint, ImportError> {
    let path = path.as_ref();
    import_state_dict(read_state_dict(path)?, options).map_err(|error| match error {
        ImportError::Tensors { problems, .. } => {
            ImportError::Tensors { path: path.into(), problems }
        }
        other => other,
    })
}

/// [`import_pth`] for tensors that are already in memory.
///
/// # Errors
/// If tensors are missing, unexpected or of the wrong shape; the error lists all of them.
pub fn import_state_dict(
    mut tensors: StateDict,
    options: ImportOptions,
) -> Result<Checkpoint, ImportError> {
    let config = dimensions(&tensors, &options);
    let mut problems = vec![];
    let mut weights = NamedTensors::new();
    for entry in entries(&config) {
        let Some((shape, values)) = tensors.remove(&entry.source) else {
            if !entry.unused() {
                problems.push(TensorProblem::Missing { name: entry.source, shape: entry.shape });
            }
            continue;
        };
        if shape != entry.shape {
            let (name, expected) = (entry.source, entry.shape);
            problems.push(TensorProblem::Shape { name, expected, found: shape });
        } else if values.iter().all(|v| v.is_finite()) {
            entry.convert(&values, &mut weights);
        } else {
            problems.push(TensorProblem::NotFinite { name: entry.source });
        }
    }
    problems.extend(tensors.into_keys().map(|name| TensorProblem::Unexpected { name }));
    if !problems.is_empty() {
        return Err(ImportError::Tensors { path: "state_dict".into(), problems });
    }
    let spec = ModelSpec {
        layout: FeatureLayout::default(),
        rate_hz: 60.0,
        window: config.window,
        feed: Feed::Windows,
        skeleton: options.skeleton,
    };
    let mut manifest = Manifest::new(NetworkConfig::Kinest(config), spec);
    manifest.training.data = "imported from a PyTorch state_dict".into();
    manifest.training.licence = "that of the imported weights".into();
    Ok(Checkpoint::new(manifest, &weights, Precision::F32)?)
}

fn read_state_dict(path: &Path) -> Result<StateDict, ImportError> {
    std::fs::File::open(path).map_err(|source| ImportError::Io { path: path.into(), source })?;
    let failed = |reason: String| ImportError::Pytorch { path: path.into(), reason };
    // Training checkpoints nest the state_dict under one of these keys.
    let reader = ["state_dict", "model_state_dict", "model"]
        .into_iter()
        .find_map(|key| PytorchReader::with_top_level_key(path, key).ok().filter(|r| !r.is_empty()))
        .map_or_else(|| PytorchReader::new(path), Ok)
        .map_err(|e| failed(e.to_string()))?;
    let mut tensors = StateDict::new();
    for (name, snapshot) in reader.into_tensors() {
        let bare = name.strip_prefix("module.").unwrap_or(&name);
        if bare.starts_with("body_model.") {
            continue;
        }
        let data = snapshot.to_data().map_err(|e| failed(format!("`{name}`: {e:?}")))?;
        let shape = data.shape.to_vec();
        let values =
            data.convert::<f32>().to_vec().map_err(|e| failed(format!("`{name}`: {e:?}")))?;
        tensors.insert(bare.to_string(), (shape, values));
    }
    Ok(tensors)
}

/// Infers the configuration from the shapes. Where the tensor that determines a dimension is
/// missing or malformed, the released value is used, and the comparison that follows reports the
/// tensor.
fn dimensions(tensors: &StateDict, options: &ImportOptions) -> KinestConfig {
    let mut config = KinestConfig { chain: options.chain, ..KinestConfig::default() };
    let dim = |key: &str, axis: usize| {
        tensors.get(key).and_then(|(shape, _)| shape.get(axis)).copied().filter(|d| *d > 0)
    };
    let blocks = |prefix: &str| {
        let holds = |i: &usize| {
            let block = format!("{prefix}.{i}.");
            tensors.range(block.clone()..).next().is_some_and(|(k, _)| k.starts_with(&block))
        };
        (0_usize..).take_while(holds).count()
    };
    let set = |field: &mut usize, value: Option<usize>| {
        if let Some(value) = value {
            *field = value;
        }
    };
    set(&mut config.width, dim("input_fc.weight", 0));
    set(&mut config.inputs, dim("input_fc.weight", 1));
    set(&mut config.outputs, dim("output_fc.weight", 0));
    config.temporal_blocks = blocks("temporary.mlps");
    config.kinematic_blocks = blocks("temp_spatial.mlps");
    let (temporal, kinematic) = ("temporary.mlps.0", "temp_spatial.mlps.0");
    let tail = if config.temporal_blocks > 0 { temporal } else { kinematic };
    set(&mut config.window, dim(&format!("{tail}.net.1.weight"), 0));
    set(
        &mut config.feed_forward,
        dim(&format!("{tail}.transformer_encoder.layers.0.linear1.weight"), 0),
    );
    set(&mut config.fan_hidden, dim(&format!("{tail}.fan.embedding.weight"), 0));
    set(&mut config.joint_width, dim(&format!("{kinematic}.mamba2_for1.out_proj.weight"), 0));
    let scans = [
        (format!("{temporal}.mamba2_for"), &mut config.temporal_scan, config.width),
        (format!("{kinematic}.mamba2_for1"), &mut config.kinematic_scan, config.joint_width),
    ];
    for (name, scan, width) in scans {
        let inner = dim(&format!("{name}.out_proj.weight"), 1);
        let heads = dim(&format!("{name}.A_log"), 0);
        let convolved = dim(&format!("{name}.conv1d.weight"), 0);
        set(&mut scan.taps, dim(&format!("{name}.conv1d.weight"), 2));
        set(&mut scan.expand, inner.map(|i| (i / width).max(1)));
        set(&mut scan.head_width, inner.zip(heads).map(|(i, h)| (i / h).max(1)));
        let state = convolved.zip(inner).and_then(|(c, i)| c.checked_sub(i)).map(|n| n / 2);
        set(&mut scan.state, state.filter(|n| *n > 0));
    }
    config.attention_heads = options
        .attention_heads
        .or_else(|| dim(&format!("{temporal}.mamba2_for.A_log"), 0))
        .unwrap_or(config.attention_heads);
    config
}

/// How a tensor is converted.
enum Conversion {
    /// Same values, possibly another shape.
    Keep { target: String, shape: Vec<usize> },
    /// `[rows, columns]` to `[columns, rows]`: from PyTorch's linear layers to Burn's.
    Transpose { target: String },
    /// Splits the rows of a packed matrix among the targets and transposes each part.
    SplitTranspose { targets: [(String, usize); 3] },
    /// Splits a packed vector among the targets.
    Split { targets: [(String, usize); 3] },
    /// Stored by the reference but never used.
    Drop,
}

struct Entry {
    source: String,
    shape: Vec<usize>,
    conversion: Conversion,
}

impl Entry {
    fn unused(&self) -> bool {
        matches!(self.conversion, Conversion::Drop)
    }

    fn convert(self, values: &[f32], out: &mut NamedTensors) {
        let rows = self.shape[0];
        let columns = values.len() / rows.max(1);
        match self.conversion {
            Conversion::Keep { target, shape } => {
                out.insert(target, (shape, values.to_vec()));
            }
            Conversion::Transpose { target } => {
                out.insert(target, (vec![columns, rows], transpose(values, columns)));
            }
            Conversion::SplitTranspose { targets } => {
                let mut rest = values;
                for (target, rows) in targets {
                    let (part, after) = rest.split_at(rows * columns);
                    out.insert(target, (vec![columns, rows], transpose(part, columns)));
                    rest = after;
                }
            }
            Conversion::Split { targets } => {
                let mut rest = values;
                for (target, size) in targets {
                    let (part, after) = rest.split_at(size);
                    out.insert(target, (vec![size], part.to_vec()));
                    rest = after;
                }
            }
            Conversion::Drop => {}
        }
    }
}

fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| values.iter().skip(c).step_by(columns).copied()).collect()
}

/// Every tensor of the reference: its shape and its conversion.
fn entries(config: &KinestConfig) -> Vec<Entry> {
    let mut table = Table::default();
    table.linear("input_fc", "embed", config.inputs, config.width);
    for i in 0..config.temporal_blocks {
        let (source, target) = (format!("temporary.mlps.{i}"), format!("temporal.{i}"));
        for (from, to) in [("mamba2_for", "forward_scan"), ("mamba2_back", "backward_scan")] {
            let (from, to) = (format!("{source}.{from}"), format!("{target}.{to}"));
            table.scan(&from, &to, &config.temporal_scan, config.width);
        }
        table.norm(&format!("{source}.norm0"), &format!("{target}.norm"), config.width);
        table.mixing(&source, &format!("{target}.mixing"), config);
    }
    let joints = SmplJoint::COUNT * config.joint_width;
    for i in 0..config.kinematic_blocks {
        let (source, target) = (format!("temp_spatial.mlps.{i}"), format!("kinematic.{i}"));
        for (from, to) in [("mamba2_for1", "forward_scan"), ("mamba2_back1", "backward_scan")] {
            let (from, to) = (format!("{source}.{from}"), format!("{target}.{to}"));
            table.scan(&from, &to, &config.kinematic_scan, config.joint_width);
        }
        table.norm(&format!("{source}.norm0"), &format!("{target}.norm"), config.width);
        table.linear(
            &format!("{source}.linear0"),
            &format!("{target}.to_joints"),
            config.width,
            joints,
        );
        table.fan(&format!("{source}.fan2"), &format!("{target}.from_joints"), joints, config);
        table.drop(format!("{source}.linear1.weight"), vec![config.width, joints]);
        table.drop(format!("{source}.linear1.bias"), vec![config.width]);
        table.mixing(&source, &format!("{target}.mixing"), config);
    }
    table.linear("output_fc", "regress", config.width, config.outputs);
    table.0
}

#[derive(Default)]
struct Table(Vec<Entry>);

impl Table {
    fn push(&mut self, source: String, shape: Vec<usize>, conversion: Conversion) {
        self.0.push(Entry { source, shape, conversion });
    }

    fn keep(&mut self, source: String, target: String, shape: Vec<usize>) {
        self.push(source, shape.clone(), Conversion::Keep { target, shape });
    }

    fn drop(&mut self, source: String, shape: Vec<usize>) {
        self.push(source, shape, Conversion::Drop);
    }

    fn matrix(&mut self, source: &str, target: &str, inputs: usize, outputs: usize) {
        self.push(
            format!("{source}.weight"),
            vec![outputs, inputs],
            Conversion::Transpose { target: format!("{target}.weight") },
        );
    }

    fn linear(&mut self, source: &str, target: &str, inputs: usize, outputs: usize) {
        self.matrix(source, target, inputs, outputs);
        self.keep(format!("{source}.bias"), format!("{target}.bias"), vec![outputs]);
    }

    fn norm(&mut self, source: &str, target: &str, width: usize) {
        self.keep(format!("{source}.weight"), format!("{target}.gamma"), vec![width]);
        self.keep(format!("{source}.bias"), format!("{target}.beta"), vec![width]);
    }

    fn fan(&mut self, source: &str, target: &str, inputs: usize, config: &KinestConfig) {
        self.linear(
            &format!("{source}.embedding"),
            &format!("{target}.embed"),
            inputs,
            config.fan_hidden,
        );
        self.linear(
            &format!("{source}.layers.0"),
            &format!("{target}.project"),
            config.fan_hidden,
            config.width,
        );
    }

    fn scan(&mut self, source: &str, target: &str, scan: &Mamba2Config, width: usize) {
        let inner = scan.inner(width);
        let convolved = inner + 2 * scan.state;
        let heads = inner / scan.head_width;
        // Rows: gate, convolved channels, step.
        let parts = [("gate", inner), ("project_in", convolved), ("step", heads)];
        self.push(
            format!("{source}.in_proj.weight"),
            vec![inner + convolved + heads, width],
            Conversion::SplitTranspose {
                targets: parts.map(|(part, rows)| (format!("{target}.{part}.weight"), rows)),
            },
        );
        // [channels, 1, taps] to [taps, channels].
        self.push(
            format!("{source}.conv1d.weight"),
            vec![convolved, 1, scan.taps],
            Conversion::Transpose { target: format!("{target}.conv_weight") },
        );
        self.keep(format!("{source}.conv1d.bias"), format!("{target}.conv_bias"), vec![convolved]);
        for (from, to) in [("dt_bias", "step_bias"), ("A_log", "decay_log"), ("D", "skip")] {
            self.keep(format!("{source}.{from}"), format!("{target}.{to}"), vec![heads]);
        }
        self.keep(format!("{source}.norm.weight"), format!("{target}.norm.gamma"), vec![inner]);
        self.matrix(&format!("{source}.out_proj"), &format!("{target}.project_out"), inner, width);
    }

    fn mixing(&mut self, source: &str, target: &str, config: &KinestConfig) {
        let (width, window) = (config.width, config.window);
        self.norm(&format!("{source}.net.0"), &format!("{target}.norm_local"), width);
        let mixer = format!("{target}.time_mixer");
        self.push(
            format!("{source}.net.1.weight"),
            vec![window, window, 1],
            Conversion::Keep { target: format!("{mixer}.weight"), shape: vec![window, window] },
        );
        self.keep(format!("{source}.net.1.bias"), format!("{mixer}.bias"), vec![window]);
        for (from, to) in [("linear_embedding1", "embed_in"), ("linear_embedding2", "embed_out")] {
            self.linear(&format!("{source}.{from}"), &format!("{target}.{to}"), width, width);
        }
        self.norm(&format!("{source}.norm1"), &format!("{target}.norm_global"), width);
        self.fan(&format!("{source}.fan"), &format!("{target}.fan"), width, config);

        let (from, to) =
            (format!("{source}.transformer_encoder.layers.0"), format!("{target}.encoder"));
        let parts = |kind: &str| {
            ["query", "key", "value"].map(|part| (format!("{to}.{part}.{kind}"), width))
        };
        self.push(
            format!("{from}.self_attn.in_proj_weight"),
            vec![3 * width, width],
            Conversion::SplitTranspose { targets: parts("weight") },
        );
        self.push(
            format!("{from}.self_attn.in_proj_bias"),
            vec![3 * width],
            Conversion::Split { targets: parts("bias") },
        );
        self.linear(&format!("{from}.self_attn.out_proj"), &format!("{to}.output"), width, width);
        self.linear(&format!("{from}.linear1"), &format!("{to}.widen"), width, config.feed_forward);
        self.linear(
            &format!("{from}.linear2"),
            &format!("{to}.narrow"),
            config.feed_forward,
            width,
        );
        self.norm(&format!("{from}.norm1"), &format!("{to}.norm_attention"), width);
        self.norm(&format!("{from}.norm2"), &format!("{to}.norm_forward"), width);
    }
}
