//! Which bone is what.

use crate::skeleton::SmplJoint as J;
use glam::DVec3;
use std::fmt;

/// How a bone was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Named by a [`RigOverride`](super::RigOverride) or by the model file.
    Given,
    /// By its name; its place does not contradict it.
    Name,
    /// By its place in the tree and in space; its name says nothing.
    Place,
    /// By its name and its place.
    Both,
}

/// A bone driven by the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrivenBone {
    /// Index in the [`BoneTree`](super::BoneTree).
    pub bone: usize,
    /// The joint whose rotation it takes.
    pub joint: J,
    /// For extra bones in longer spines and necks: the next joint, and the interpolation factor
    /// towards its rotation, between 0 and 1.
    pub toward: Option<(J, f64)>,
    /// Confidence from 0 to 1: a heuristic score, not a probability.
    pub confidence: f64,
    /// How it was found.
    pub evidence: Evidence,
}

/// The bones of a humanoid character, found by [`RigMap::find`]. Its `Display` form is a report.
#[derive(Clone, Debug)]
pub struct RigMap {
    pub(super) driven: Vec<DrivenBone>,
    /// Names of the driven bones.
    pub(super) names: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) confidence: f64,
    /// The bones between the hips and the chest, with the chest, upwards.
    pub(super) spine: Vec<usize>,
    /// Unit vector up the character's body, rig space.
    pub(super) up: DVec3,
    /// Unit vector towards the character's left, rig space.
    pub(super) left: DVec3,
    pub(super) arms: [[usize; 3]; 2],
    pub(super) legs: [[usize; 3]; 2],
    pub(super) toes: [Option<usize>; 2],
    /// First bones of the index and the little finger, left and right.
    pub(super) palms: [Option<[usize; 2]>; 2],
    pub(super) hips: usize,
    pub(super) head: usize,
}

impl RigMap {
    /// Least [`confidence`](Self::confidence) of a map; below it a character is refused.
    pub const LEAST_CONFIDENCE: f64 = 0.4;

    /// The driven bones, parents before children.
    #[must_use]
    pub fn driven(&self) -> &[DrivenBone] {
        &self.driven
    }

    /// The bone that takes exactly the rotation of `joint`, if any.
    #[must_use]
    pub fn bone(&self, joint: J) -> Option<usize> {
        let mut of_joint = self.driven.iter().filter(|d| d.joint == joint && d.toward.is_none());
        // The hips come after a possible root above them.
        of_joint.next_back().map(|d| d.bone)
    }

    /// Unit vector up the character's body at rest, rig space.
    #[must_use]
    pub fn up(&self) -> DVec3 {
        self.up
    }

    /// Unit vector towards the character's left at rest, rig space.
    #[must_use]
    pub fn left(&self) -> DVec3 {
        self.left
    }

    /// Hip, knee and ankle of the left and the right leg.
    #[must_use]
    pub fn legs(&self) -> [[usize; 3]; 2] {
        self.legs
    }

    /// The bones between the hips and the chest, with the chest, upwards.
    #[cfg(feature = "osc")]
    pub(crate) fn spine(&self) -> &[usize] {
        &self.spine
    }

    /// The bone of the hips.
    #[must_use]
    pub fn hips(&self) -> usize {
        self.hips
    }

    /// The bone of the head.
    #[must_use]
    pub fn head(&self) -> usize {
        self.head
    }

    /// How sure the map is as a whole, from 0 to 1: the least sure bone of the limbs, the hips and
    /// the head, less if these are not placed as a standing person's. A heuristic score, not a
    /// probability.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// The name of the bone that is nearest to a joint, for a spine or neck of another length.
    pub(super) fn nearest(&self, joint: J) -> Option<&str> {
        let of_spine = |bone: Option<&usize>| bone.copied();
        let count = self.spine.len();
        let bone = match joint {
            J::Spine1 if count > 1 => of_spine(self.spine.first()),
            J::Spine2 if count > 2 => of_spine(self.spine.get(count / 2)),
            J::Spine3 => of_spine(self.spine.last()),
            J::Spine1 | J::Spine2 => None,
            _ => self.bone(joint),
        };
        let place = self.driven.iter().position(|d| Some(d.bone) == bone)?;
        Some(&self.names[place])
    }

    /// Notes on what was unusual about the rig and how it was interpreted.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Display for RigMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (driven, name) in self.driven.iter().zip(&self.names) {
            let joint = driven.joint.name();
            let joint = match driven.toward {
                None => joint.to_owned(),
                Some((next, part)) => format!("{joint} to {} {:.0} %", next.name(), 100.0 * part),
            };
            let evidence = match driven.evidence {
                Evidence::Given => "given",
                Evidence::Name => "by name",
                Evidence::Place => "by place",
                Evidence::Both => "by name and place",
            };
            let sure = 100.0 * driven.confidence;
            writeln!(f, "{joint:<22} {name:<28} {sure:>3.0} % {evidence}")?;
        }
        let absent = J::ALL.into_iter().filter(|j| {
            !self
                .driven
                .iter()
                .any(|d| d.joint == *j || d.toward.is_some_and(|(next, _)| next == *j))
        });
        let absent: Vec<_> = absent.map(J::name).collect();
        if !absent.is_empty() {
            writeln!(f, "no bone for {}", absent.join(", "))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}
