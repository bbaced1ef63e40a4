//! Finds the twist bones of a character.
//!
//! They lie beside the bones of arms and legs or in line with them, and are named so or lie in the
//! middle of a bone.

use super::map::RigMap;
use super::tree::BoneTree;
use crate::skeleton::SmplJoint as J;
use glam::DVec3;

/// Greatest distance of twist bones from the line of their limb, divided by its length: for bones
/// whose names say what they are, and for others.
const BESIDE: [f64; 2] = [0.15, 0.03];
/// Bones without such a name lie in this part of the limb.
const WITHIN: [f64; 2] = [0.1, 0.95];

/// The bones of arms and legs that roll: the joints of a bone, of the next one, and whether it rolls
/// against what carries it (upper arm, thigh) instead of what it carries (forearm, shin).
pub(super) const SEGMENTS: [(J, J, bool); 8] = [
    (J::LeftShoulder, J::LeftElbow, true),
    (J::LeftElbow, J::LeftWrist, false),
    (J::RightShoulder, J::RightElbow, true),
    (J::RightElbow, J::RightWrist, false),
    (J::LeftHip, J::LeftKnee, true),
    (J::LeftKnee, J::LeftAnkle, false),
    (J::RightHip, J::RightKnee, true),
    (J::RightKnee, J::RightAnkle, false),
];

/// A twist bone of a character.
#[derive(Clone, Copy, Debug)]
pub(super) struct TwistBone {
    pub bone: usize,
    /// The bone it is fixed to: the limb's bone or another twist bone.
    pub from: usize,
    /// Index in [`SEGMENTS`].
    pub segment: usize,
    /// Roll axis, rest pose, rig space.
    pub axis: DVec3,
    /// Share of the roll, 0 to 1.
    pub share: f64,
    /// Whether the rest of the limb hangs from it.
    pub in_line: bool,
}

/// The twist bones of a character: named so, or lying in line in the middle of a limb's bone.
pub(super) fn find(tree: &BoneTree, map: &RigMap) -> Vec<TwistBone> {
    let mut found: Vec<TwistBone> = vec![];
    let is_driven = |bone: usize| map.driven().iter().any(|d| d.bone == bone);
    for (segment, &(joint, next, against_carrier)) in SEGMENTS.iter().enumerate() {
        let (Some(base), Some(end)) = (map.bone(joint), map.bone(next)) else { continue };
        let (start, along) = (tree.position(base), tree.position(end) - tree.position(base));
        let length = along.length();
        let Some(axis) = along.try_normalize() else { continue };
        // Fraction of the way along the limb, for bones close to its line.
        let fraction = |bone: usize, named: bool| {
            let offset = tree.position(bone) - start;
            let at = offset.dot(axis) / length;
            let beside = offset.reject_from_normalized(axis).length() / length;
            let [near, far] = if named { [-0.05, 1.05] } else { WITHIN };
            let inside = beside <= BESIDE[usize::from(!named)] && (near..=far).contains(&at);
            inside.then_some(at.clamp(0.0, 1.0))
        };
        let path = tree.path(base, end);
        let between: Vec<(usize, f64)> = path
            .iter()
            .filter(|b| !is_driven(**b))
            .filter_map(|b| Some((*b, fraction(*b, is_named_twist(&tree.bones()[*b].name))?)))
            .collect();
        let mut from = base;
        for (k, &(bone, at)) in between.iter().enumerate() {
            let share = if against_carrier {
                // At the elbow all of the roll is needed.
                (k + 1) as f64 / between.len() as f64
            } else {
                f64::midpoint(at, between.get(k + 1).map_or(1.0, |(_, next)| *next))
            };
            let Some(axis) = (tree.position(end) - tree.position(bone)).try_normalize() else {
                continue;
            };
            found.push(TwistBone { bone, from, segment, axis, share, in_line: true });
            from = bone;
        }
        let top = tree.above(base).find(|b| is_driven(*b));
        for bone in 0..tree.bones().len() {
            let above = tree.above(bone).find(|b| is_driven(*b));
            let named = is_named_twist(&tree.bones()[bone].name);
            let mine = above == Some(base) || named && above.is_some() && above == top;
            if !mine
                || is_driven(bone)
                || path.contains(&bone)
                || found.iter().any(|t| t.bone == bone)
            {
                continue;
            }
            let plain =
                tree.bones()[bone].parent == Some(base) && tree.children(bone).next().is_none();
            if let Some(share) = fraction(bone, named).filter(|_| named || plain) {
                let above = tree.above(bone).find(|b| {
                    *b == base || found.iter().any(|t| t.bone == *b && t.segment == segment)
                });
                let from = above.unwrap_or(base);
                found.push(TwistBone { bone, from, segment, axis, share, in_line: false });
            }
        }
    }
    found
}

fn is_named_twist(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("twist")
        || name.contains('捩')
        || name.replace("control", "").replace("scroll", "").contains("roll")
}
