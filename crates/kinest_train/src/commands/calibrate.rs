//! `calibrate`: makes the deviations of a model as large as its errors.

use super::evaluate::{HEAD_AND_HANDS, on_body, worn};
use crate::data::clips::{self, NamedClip};
use crate::output::say;
use crate::report::MEAN_DISTANCE;
use crate::{engine, progress};
use anyhow::{Context, ensure};
use clap::Args;
use kinest::live::protocol::{self, Protocol};
use kinest::metrics::BodyTrack;
use kinest::model::{Checkpoint, Precision};
use kinest::skeleton::{PerJoint, SmplJoint};
use kinest::tracker::TrackerRole;
use kinest_engine::DeviceChoice;
use std::path::PathBuf;

/// Largest change of a joint's deviation, up or down: more is no calibration but another network.
const MOST: f64 = 4.0;

/// Scales what a model says about how far off each joint may be, so that it is true on average on clips that the
/// model was not trained on. Networks are surer of themselves than they should be, since they know their training
/// motion. One factor per joint, in the weights; rotations and contacts stay the same.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// The checkpoint to read
    #[arg(long)]
    model: PathBuf,
    /// Folder with AMASS clips of other people than in training, or a prepared `.motion` file
    #[arg(long)]
    data: PathBuf,
    /// File with one clip per line, relative to the folder
    #[arg(long)]
    split: Option<PathBuf>,
    /// Trackers that players wear, separated by commas: head, hands, pelvis, chest, elbows, knees, feet
    #[arg(long, value_delimiter = ',', value_name = "WHERE", value_parser = worn, default_value = HEAD_AND_HANDS)]
    trackers: Vec<&'static [TrackerRole]>,
    /// The checkpoint to write, `NAME.model.ron`, 32-bit
    #[arg(long)]
    out: PathBuf,
}

/// Runs `calibrate`.
///
/// # Errors
/// If the model says no deviations, or a file cannot be read or written.
pub fn run(args: CalibrateArgs) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::load(&args.model)?;
    let spec = &checkpoint.manifest.spec;
    ensure!(
        spec.layout.deviations,
        "model {} does not say how far off its joints may be",
        args.model.display()
    );
    let mut engine = engine::open(&args.model, DeviceChoice::Cpu)?;
    let body = on_body(&args.trackers)?;
    let clips = clips::load(&args.data, args.split.as_deref(), spec.rate_hz)?;
    let bar = progress::clips(clips.len(), "calibrating");
    let (mut said, mut found) = ([0.0; SmplJoint::COUNT], [0.0; SmplJoint::COUNT]);
    for NamedClip { name, clip } in &clips {
        let (skeleton, online) = (&spec.skeleton, Protocol::Online);
        let made = protocol::predict(engine.as_mut(), clip, skeleton, &body, online, |_, _| {})
            .with_context(|| format!("clip {name}"))?;
        let estimate = BodyTrack::new(&made.motion.frames, skeleton);
        let truth = BodyTrack::new(&clip.frames[1..], skeleton);
        let frames = made.certainties.iter().zip(estimate.positions.iter().zip(&truth.positions));
        for (certainty, (estimate, truth)) in frames {
            for (joint, deviation) in certainty.deviations.iter().flatten().enumerate() {
                said[joint] += MEAN_DISTANCE * deviation;
                found[joint] += estimate[joint].distance(truth[joint]);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let factors = factors(&said, &found);
    let mut tensors = checkpoint.tensors()?;
    let (_, bias) = tensors.get_mut("regress.bias").context("tensor regress.bias is missing")?;
    // Deviations come last, as logarithms.
    let first = bias.len().checked_sub(SmplJoint::COUNT).context("tensor regress.bias is short")?;
    for (bias, factor) in bias[first..].iter_mut().zip(factors) {
        *bias += factor.ln() as f32;
    }
    Checkpoint::new(checkpoint.manifest, &tensors, Precision::F32)?.save(&args.out)?;
    for (joint, factor) in SmplJoint::ALL.iter().zip(factors) {
        say!("{:<16}{factor:.2}", joint.name());
    }
    say!("{}", args.out.display());
    Ok(())
}

/// Mean error against mean expected error of each joint. One that is never off, as the head from which others are
/// measured, keeps what it says.
fn factors(said: &PerJoint<f64>, found: &PerJoint<f64>) -> PerJoint<f64> {
    std::array::from_fn(|joint| {
        let is_off = said[joint] > 0.0 && found[joint] > 1e-6 * said[joint];
        if is_off { (found[joint] / said[joint]).clamp(MOST.recip(), MOST) } else { 1.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_the_means_within_bounds() {
        let (mut said, mut found) = ([2.0; SmplJoint::COUNT], [3.0; SmplJoint::COUNT]);
        (said[1], found[2], found[3], found[4]) = (0.0, 0.0, 100.0, 0.01);
        let factors = factors(&said, &found);
        assert_eq!(factors[..6], [1.5, 1.0, 1.0, 4.0, 0.25, 1.5]);
    }
}
