//! `skeleton`: extracts the rest joints of AMASS's body model from a copy of the model.

use crate::data::smplh;
use crate::output::say;
use anyhow::Context;
use kinest::files::write_atomically;
use std::path::PathBuf;

/// `skeleton`: extracts the rest joints from an SMPL-H model, which has its own licence.
#[derive(Debug, clap::Args)]
pub struct SkeletonArgs {
    /// The model, `smplh/male/model.npz` from the SMPL-H download for AMASS.
    #[arg(long)]
    smplh: PathBuf,
    /// The skeleton to write, JSON, for `train --skeleton` and `import --skeleton`.
    #[arg(long)]
    out: PathBuf,
}

/// Runs `skeleton`.
///
/// # Errors
/// If the model cannot be read or is not a body model, or the skeleton cannot be written.
pub fn run(args: SkeletonArgs) -> anyhow::Result<()> {
    let skeleton = smplh::from_smplh(&args.smplh)?;
    let text = smplh::to_json(&skeleton)?;
    write_atomically(&args.out, text.as_bytes())
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    say!("{}", args.out.display());
    Ok(())
}
