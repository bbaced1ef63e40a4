//! The sequence files of 3DPW.

use super::pickle;
use anyhow::{Context, ensure};
use std::path::Path;

/// Numbers of a frame: positions of the 24 joints of SMPL.
const NUMBERS: usize = 72;

/// Millimetres in the unit of the file.
const MILLIMETRES: f64 = 1000.0;

/// Reads the joint positions of each actor, at 30 Hz: relative to the first joint, and without it.
///
/// The pickle is parsed, never executed.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Vec<f32>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    decode(&bytes).with_context(|| path.display().to_string())
}

fn decode(bytes: &[u8]) -> anyhow::Result<Vec<Vec<f32>>> {
    let file = pickle::parse(bytes)?;
    let key = "jointPositions";
    let actors = file.entry(key).with_context(|| {
        let poses = if file.entry("poses").is_some() { ", only poses" } else { "" };
        format!("it has no `{key}`{poses}")
    })?;
    let actors = actors.items().with_context(|| format!("`{key}` is not a list of actors"))?;
    ensure!(!actors.is_empty(), "`{key}` has no actors");
    let actor = |(i, actor): (usize, &pickle::Value<'_>)| {
        let at = || format!("`{key}` of actor {i}");
        let (shape, numbers) = actor.numbers().with_context(at)?;
        ensure!(
            matches!(*shape, [frames, NUMBERS] if frames > 0),
            "{}: shape {shape:?}, expected [frames, {NUMBERS}]",
            at()
        );
        if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
            let (frame, joint) = (place / NUMBERS, place % NUMBERS / 3);
            anyhow::bail!("{}: frame {frame}, joint {joint} is not finite", at());
        }
        let frames = numbers.chunks_exact(NUMBERS);
        let moved = frames.flat_map(|frame| {
            (3..NUMBERS).map(|i| ((frame[i] - frame[i % 3]) * MILLIMETRES) as f32)
        });
        Ok(moved.collect())
    };
    actors.iter().enumerate().map(actor).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pickle::made;
    use super::*;

    /// Two frames of a body at (1, 2, 3) whose joints are 0.1 m further up from one to the next.
    fn body() -> Vec<f64> {
        let frame =
            |f: usize| (0..24).flat_map(move |j| [1.0, 2.0 + 0.1 * j as f64, 3.0 + f as f64]);
        (0..2).flat_map(frame).collect()
    }

    #[test]
    fn positions_are_relative_to_the_first_joint_in_millimetres() {
        for fortran in [false, true] {
            let array = made::array(&[2, 72], &body(), fortran);
            let file = made::file(&[("jointPositions", made::list(&[array]))]);
            let actors = decode(&file).unwrap();
            assert_eq!((actors.len(), actors[0].len()), (1, 2 * 69));
            assert_eq!(actors[0][..6], [0.0, 100.0, 0.0, 0.0, 200.0, 0.0].map(|v: f32| v));
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let with = |array: Vec<u8>| made::file(&[("jointPositions", made::list(&[array]))]);
        let mut holed = body();
        holed[72 + 4] = f64::NAN;
        for (file, expected) in [
            (made::file(&[("poses", made::list(&[]))]), "no `jointPositions`, only poses"),
            (made::file(&[("jointPositions", made::list(&[]))]), "no actors"),
            (with(made::array(&[2, 71], &body()[..142], false)), "shape [2, 71]"),
            (with(made::array(&[2, 72], &holed, false)), "actor 0: frame 1, joint 1"),
            (with(made::text("none")), "actor 0"),
            (made::file(&[("jointPositions", made::text("none"))]), "not a list"),
            (body().iter().map(|v| *v as u8).collect(), "pickle"),
            (with(made::array(&[2, 72], &body(), false))[..900].to_vec(), "ends"),
        ] {
            let message = format!("{:#}", decode(&file).unwrap_err());
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }
}
