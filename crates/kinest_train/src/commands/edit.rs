//! `edit`: changes a part of a motion.

use super::generate::group;
use super::motions::MotionsArgs;
use crate::data::motion_file;
use crate::output::say;
use anyhow::Context;
use clap::Args;
use glam::DVec3;
use kinest::capture::MotionFormat;
use kinest::compose::Mark;
use kinest::skeleton::{Group, Skeleton, SmplJoint};
use kinest_language::generate::{Editor, send};
use std::path::PathBuf;

/// Lets a limb do something else for a while, and sends joints through places. All other joints and
/// frames stay to the last bit.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["text", "through"]))]
pub struct EditArgs {
    /// The motion, a file of any kind that `convert` reads
    #[arg(long)]
    pub motion: PathBuf,
    /// The group that does it: torso, neck, left_arm, right_arm, left_leg, right_leg
    #[arg(long, value_parser = group, requires = "text")]
    pub group: Option<Group>,
    /// What it does: "raises the hand"
    #[arg(long, requires = "group")]
    pub text: Option<String>,
    /// Start of the change, seconds; by default that of the motion
    #[arg(long, requires = "text")]
    pub from: Option<f64>,
    /// End of the change, seconds; by default that of the motion
    #[arg(long, requires = "text")]
    pub to: Option<f64>,
    /// A place for a joint at a time, `right_wrist@1.5=0.4,0.2,1.2`: left_wrist, right_wrist, left_ankle,
    /// right_ankle or pelvis, seconds, and metres in AMASS space (z up); may be repeated
    #[arg(long, value_name = "JOINT@SECONDS=X,Y,Z", value_parser = mark, allow_hyphen_values = true)]
    pub through: Vec<Mark>,
    /// Places are relative to where the joint is at that time
    #[arg(long, requires = "through")]
    pub relative: bool,
    /// Time in which a joint leaves its way before the first place and returns after the last, seconds
    #[arg(long, default_value_t = 0.5, requires = "through", value_parser = ramp)]
    pub ramp: f64,
    /// 0 takes what fits best, another number something else that fits
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where motion comes from
    #[command(flatten)]
    pub motions: MotionsArgs,
    /// Output, a file of any kind that `convert` writes
    #[arg(long)]
    pub out: PathBuf,
}

fn ramp(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.05..=10.0).contains(&value) { Ok(value) } else { Err("not in 0.05 to 10".into()) }
}

fn mark(text: &str) -> Result<Mark, String> {
    const NAMES: [(&str, SmplJoint); 5] = [
        ("pelvis", SmplJoint::Pelvis),
        ("left_wrist", SmplJoint::LeftWrist),
        ("right_wrist", SmplJoint::RightWrist),
        ("left_ankle", SmplJoint::LeftAnkle),
        ("right_ankle", SmplJoint::RightAnkle),
    ];
    let expected = "expected JOINT@SECONDS=X,Y,Z";
    let (name, rest) = text.split_once('@').ok_or(expected)?;
    let (time, place) = rest.split_once('=').ok_or(expected)?;
    let joint = NAMES.iter().find(|(known, _)| *known == name.trim()).map(|(_, joint)| *joint);
    let joint = joint.ok_or_else(|| {
        format!(
            "no joint {name:?} can be sent; there are {}",
            NAMES.map(|(name, _)| name).join(", ")
        )
    })?;
    let number = |text: &str| {
        let value: f64 = text.trim().parse().map_err(|error| format!("{text:?}: {error}"))?;
        if value.is_finite() { Ok(value) } else { Err(format!("{text:?} is no number")) }
    };
    let place: Vec<f64> = place.split(',').map(number).collect::<Result<_, String>>()?;
    let place: [f64; 3] = place.try_into().map_err(|_| expected)?;
    Ok(Mark { joint, time_s: number(time)?, place: DVec3::from_array(place) })
}

/// Runs `edit`.
///
/// # Errors
/// If the motion or the library cannot be read, a time is outside the motion, the text is not known or
/// not about the group, the library shows nothing like it, or the result cannot be written.
pub fn run(args: EditArgs) -> anyhow::Result<()> {
    let format = MotionFormat::required(&args.out)?;
    let repertoire = args.text.is_some().then(|| args.motions.open()).transpose()?;
    let skeleton = repertoire.as_ref().map_or_else(Skeleton::default, |it| it.skeleton().clone());
    let mut clip = motion_file::load(&args.motion, &skeleton)?;
    if let (Some(repertoire), Some(group), Some(text)) = (repertoire, args.group, &args.text) {
        let span = (args.from.unwrap_or(0.0), args.to.unwrap_or(clip.duration()));
        let edited = Editor::new(&repertoire)
            .edit(&clip, group, text, span, args.seed)
            .with_context(|| format!("motion file {}", args.motion.display()))?;
        let source = &edited.source;
        let how = [(source.mirrored, ", mirrored"), (source.repeated, ", repeated")];
        let how: String = how.iter().filter(|(is, _)| *is).map(|(_, how)| *how).collect();
        let (clip_name, from, to) = (&source.clip, source.from_s, source.to_s);
        say!("{}: {clip_name} {from:.1}–{to:.1} s{how}", group.name());
        for (text, found) in &edited.asked {
            say!("{}  {text}", if *found { "found  " } else { "missing" });
        }
        clip = edited.clip;
    }
    if !args.through.is_empty() {
        let mut marks = args.through.clone();
        if args.relative {
            for mark in &mut marks {
                let joints = skeleton.pose_joints(&clip.pose_at(mark.time_s));
                mark.place += joints.positions[mark.joint.index()];
            }
        }
        let (sent, passed) = send(&clip, &skeleton, &marks, args.ramp)
            .with_context(|| format!("motion file {}", args.motion.display()))?;
        for passed in &passed {
            let (name, time) = (passed.mark.joint.name(), passed.mark.time_s);
            let (before, after) = (passed.before, passed.after);
            say!("{name} at {time} s: {before:.3} m away before, {after:.3} m now");
        }
        let mean = passed.iter().map(|passed| passed.after).sum::<f64>() / passed.len() as f64;
        say!("mean error {mean:.3} m");
        clip = sent;
    }
    format.save(&args.out, &clip, &skeleton)?;
    say!("{:.2} s in {}", clip.duration(), args.out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_with_joint_and_time() {
        let read = mark("right_wrist@1.5=0.4,-0.2,1.2").unwrap();
        assert_eq!((read.joint, read.time_s), (SmplJoint::RightWrist, 1.5));
        assert_eq!(read.place, DVec3::new(0.4, -0.2, 1.2));
        for (text, expected) in [
            ("knee@1=0,0,0", "left_wrist"),
            ("pelvis@x=0,0,0", "x"),
            ("pelvis@1=0,0", "expected"),
            ("pelvis@1=0,0,nan", "number"),
            ("pelvis=0,0,0", "expected"),
        ] {
            let error = mark(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
