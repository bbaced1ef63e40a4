//! `import`: converts weights of the reference implementation.

use crate::output::say;
use anyhow::{Context, ensure};
use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use kinest::model::{Checkpoint, ScanChain};
use kinest::skeleton::Skeleton;
use kinest_nn::import::{ImportOptions, import_pth};
use kinest_nn::pose::Network;
use safetensors::{Dtype, SafeTensors};
use std::path::{Path, PathBuf};

/// `import`: converts a PyTorch `state_dict` of the reference, without executing anything in it.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The reference's weights, a `.pth` file.
    #[arg(long)]
    weights: PathBuf,
    /// The checkpoint to write, `NAME.model.ron`.
    #[arg(long)]
    out: PathBuf,
    /// Order of the joints in the kinematic scans the weights were trained with.
    #[arg(long, value_enum, default_value_t)]
    chain: Chain,
    /// Number of attention heads, which the shapes do not determine [default: as many as the
    /// temporal scans have, as in the released network].
    #[arg(long)]
    attention_heads: Option<usize>,
    /// Body the weights were trained with, instead of the default skeleton.
    #[arg(long)]
    skeleton: Option<PathBuf>,
    /// Safetensors file with `input` [B, S, 54] and the expected `output` [B, S, 132].
    #[arg(long)]
    verify: Option<PathBuf>,
    /// Maximum difference from the expected output.
    #[arg(long, default_value_t = 1e-4, requires = "verify")]
    tolerance: f32,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Chain {
    /// 21 joints, without the left ankle, as in the released code.
    #[default]
    Released,
    /// 22 joints, as in the paper.
    Unified,
}

/// Runs `import`.
///
/// # Errors
/// If the weights are not those of a KineST network, or the verification fails. Nothing is written
/// then.
pub fn run(args: ImportArgs) -> anyhow::Result<()> {
    let chain = match args.chain {
        Chain::Released => ScanChain::Released,
        Chain::Unified => ScanChain::Unified,
    };
    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
        None => Skeleton::default(),
    };
    let options = ImportOptions { chain, attention_heads: args.attention_heads, skeleton };
    let mut checkpoint = import_pth(&args.weights, options)?;
    if let Some(path) = &args.verify {
        let difference = verify(&checkpoint, path)?;
        say!("max_abs_diff {difference:e}");
        ensure!(
            difference <= args.tolerance,
            "the output differs by {difference:e}, more than {:e}; nothing was written",
            args.tolerance
        );
    }
    checkpoint.save(&args.out)?;
    say!("{}", args.out.display());
    Ok(())
}

/// Largest difference between the checkpoint's output and the expected one.
fn verify(checkpoint: &Checkpoint, path: &Path) -> anyhow::Result<f32> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = SafeTensors::deserialize(&bytes)
        .with_context(|| format!("{} is not a valid safetensors file", path.display()))?;
    let (input, shape) = values(&file, "input").with_context(|| path.display().to_string())?;
    let (expected, _) = values(&file, "output").with_context(|| path.display().to_string())?;
    let spec = &checkpoint.manifest.spec;
    let inputs = spec.layout.inputs();
    ensure!(
        shape.len() == 3 && shape[1] == spec.window && shape[2] == inputs,
        "{}: `input` has shape {shape:?}, the network needs [B, {}, {inputs}]",
        path.display(),
        spec.window
    );
    let network = Network::<Flex>::from_checkpoint(checkpoint, &FlexDevice)?;
    let shape = [shape[0], shape[1], shape[2]];
    let output = network.forward(Tensor::from_data(TensorData::new(input, shape), &FlexDevice));
    let dims = output.dims();
    let output: Vec<f32> =
        output.into_data().to_vec().map_err(|e| anyhow::anyhow!("output: {e:?}"))?;
    ensure!(
        output.len() == expected.len(),
        "{}: `output` has {} numbers, the network makes {dims:?}",
        path.display(),
        expected.len()
    );
    // `f32::max` would skip a NaN.
    let differences = output.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    Ok(differences.max_by(f32::total_cmp).unwrap_or(0.0))
}

fn values(file: &SafeTensors<'_>, name: &str) -> anyhow::Result<(Vec<f32>, Vec<usize>)> {
    let tensor = file.tensor(name).with_context(|| format!("`{name}`"))?;
    ensure!(tensor.dtype() == Dtype::F32, "`{name}` is {:?}, expected F32", tensor.dtype());
    let numbers = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    Ok((numbers.collect(), tensor.shape().to_vec()))
}
