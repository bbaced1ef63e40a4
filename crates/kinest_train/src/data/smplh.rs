//! Extracts the rest joints of AMASS's body model from a copy of the model.

use anyhow::{Context, ensure};
use glam::DVec3;
use kinest::motion::npz::NpzArchive;
use kinest::skeleton::{PerJoint, Skeleton, SmplJoint};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The body joints of an SMPL or SMPL-H model with its mean shape: regressor times template,
/// `J = J_regressor · v_template` (Loper et al. 2015, "SMPL: A Skinned Multi-Person Linear Model",
/// eq. 10, with β = 0). The ankle height is measured from the lowest point of the template.
///
/// Only dense numeric arrays are read. A pickled regressor, as in models for Python 2, is refused.
///
/// | array | shape | contents |
/// |---|---|---|
/// | `J_regressor` | `[joints, vertices]` | weights of the vertices in each joint, at least SMPL's 22 joints |
/// | `v_template` | `[vertices, 3]` | mean shape, metres, y up |
/// | `kintree_table` | `[2, joints]` | parent of each joint |
///
/// # Errors
/// If the file cannot be read, an array is missing, pickled or of another shape, the joints are not
/// SMPL's, or they do not form an upright person.
pub fn from_smplh(path: &Path) -> anyhow::Result<Skeleton> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_smplh(file).with_context(|| format!("body model {}", path.display()))
}

fn read_smplh(file: File) -> anyhow::Result<Skeleton> {
    let mut archive = NpzArchive::new(BufReader::new(file)).context("not an .npz archive")?;
    let (_, template) = archive.array("v_template", |shape| match *shape {
        [_, 3] => None,
        _ => Some("[vertices, 3]"),
    })?;
    let vertices: Vec<DVec3> = template.chunks_exact(3).map(DVec3::from_slice).collect();
    let (_, regressor) = archive.array("J_regressor", |shape| match *shape {
        [joints, n] if joints >= SmplJoint::COUNT as u64 && n == vertices.len() as u64 => None,
        _ => Some("[22 or more joints, as many as `v_template` has]"),
    })?;
    let (shape, tree) = archive.array("kintree_table", |shape| match *shape {
        [2, joints] if joints >= SmplJoint::COUNT as u64 => None,
        _ => Some("[2, 22 or more joints]"),
    })?;
    // The root's parent is −1, in whatever type it is stored.
    for joint in SmplJoint::ALL {
        let Some(parent) = joint.parent() else { continue };
        let found = tree[..shape[1] as usize][joint.index()];
        ensure!(
            found == parent.index() as f64,
            "field `kintree_table`: the parent of {} is joint {found}, not {}",
            joint.name(),
            parent.name()
        );
    }

    let rest: PerJoint<DVec3> = std::array::from_fn(|j| {
        let weights = &regressor[j * vertices.len()..][..vertices.len()];
        weights.iter().zip(&vertices).map(|(w, v)| *w * *v).sum()
    });
    for joint in SmplJoint::ALL {
        let finite = rest[joint.index()].is_finite();
        ensure!(finite, "field `J_regressor`: {} is not at a finite place", joint.name());
    }
    let height = |j: SmplJoint| rest[j.index()].y;
    let ankles = (height(SmplJoint::LeftAnkle) + height(SmplJoint::RightAnkle)) / 2.0;
    let above = height(SmplJoint::Head) - ankles;
    ensure!(
        (0.5..2.5).contains(&above),
        "field `v_template`: the head is {above:.3} above the ankles; expected metres, y up"
    );
    let sole = vertices.iter().map(|v| v.y).fold(f64::INFINITY, f64::min);
    Ok(Skeleton::from_rest_positions(&rest, ankles - sole))
}

/// The skeleton as JSON, which [`Skeleton::from_json`] reads.
///
/// # Errors
/// If a number is not finite.
pub fn to_json(skeleton: &Skeleton) -> anyhow::Result<String> {
    let parents = SmplJoint::ALL.map(|j| j.parent().map_or(-1, |p| p.index() as i64));
    let json = serde_json::json!({
        "names": SmplJoint::ALL.map(SmplJoint::name),
        "parents": parents,
        "offsets": skeleton.offsets.map(|o| o.to_array()),
        "ankle_height_m": skeleton.ankle_height,
        "units": "m",
        "axes": "x left, y up, z forward (rest pose)",
        "note": "Taken from an SMPL-H body model; the terms of that model hold for these numbers.",
    });
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_read_back_exactly() {
        let mut skeleton = Skeleton::default();
        skeleton.offsets[0] = DVec3::new(-0.001_795_05, -0.223_333_1, 1.0 / 3.0);
        assert_eq!(Skeleton::from_json(&to_json(&skeleton).unwrap()).unwrap(), skeleton);
    }
}
