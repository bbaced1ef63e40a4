//! `skeleton`: rest joints of the body model that AMASS is made with, from a copy of the model.

use crate::data::smplh;
use crate::output::say;
use anyhow::Context;
use kinest::files::write_atomically;
use std::path::PathBuf;

/// `skeleton`: takes the rest joints out of an SMPL-H model, which has its own licence.
#[derive(Debug, clap::Args)]
pub struct SkeletonArgs {
    /// The model, `smplh/male/model.npz` of the SMPL-H download for AMASS.
    #[arg(long)]
    smplh: PathBuf,
    /// The skeleton to write, JSON; `train --skeleton` and `import --skeleton` take it.
    #[arg(long)]
    out: PathBuf,
}

/// Runs `skeleton`.
///
/// # Errors
/// If the model cannot be read or is not one of a body, or the skeleton cannot be written.
pub fn run(args: SkeletonArgs) -> anyhow::Result<()> {
    let skeleton = smplh::from_smplh(&args.smplh)?;
    let text = smplh::to_json(&skeleton)?;
    write_atomically(&args.out, text.as_bytes())
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    say!("{}", args.out.display());
    Ok(())
}
