//! Maps bones to joints.

use super::limbs::{ARMS, Known, LEGS, Pair, find};
use super::names::{Finger, Hints, Part};
use super::tree::BoneTree;
use super::{RigError, RigOverride};
use crate::skeleton::SmplJoint as J;
use glam::DVec3;
use std::fmt;

/// Candidates for the up axis of rig space; the first is glTF's.
const UPS: [DVec3; 6] = [DVec3::Y, DVec3::Z, DVec3::NEG_Z, DVec3::NEG_Y, DVec3::X, DVec3::NEG_X];
/// Score by which another axis must beat glTF's.
const GLTF_UP: f64 = 0.5;
/// Confidence of a bone whose name fits fully.
const NAME_TRUST: f64 = 0.9;
/// Confidence of a bone whose shape fits fully.
const SHAPE_TRUST: f64 = 0.75;
/// Confidence of a bone found only by its place between known bones.
const PLACE: f64 = 0.7;

/// How a bone was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Named by a [`RigOverride`] or by the model file.
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
    /// Index in the [`BoneTree`].
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
    names: Vec<String>,
    notes: Vec<String>,
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
    /// Finds the bones of the body among those of `tree`.
    ///
    /// Arms and legs are searched first, by name and by shape; hips and chest are where they meet,
    /// and all other bones lie between these or at the ends. Bones in `said_by_file` (as in VRM
    /// files) and `given` are taken as they are; `given` takes precedence.
    ///
    /// # Errors
    /// [`RigError::NotHumanoid`] if two arms, two legs and a head are not found; an error naming
    /// the bone if `given` names a bone that does not exist or gives one bone to two joints.
    pub fn find(
        tree: &BoneTree,
        given: &RigOverride,
        said_by_file: &Known,
    ) -> Result<Self, RigError> {
        let mut named = Known::new();
        for (joint, name) in &given.bones {
            let bone = tree.named(name)?;
            if named.values().any(|other| *other == bone) {
                return Err(RigError::Twice { name: name.clone(), joint: *joint });
            }
            named.insert(*joint, bone);
        }
        let mut known = said_by_file.clone();
        known.retain(|_, bone| !named.values().any(|other| other == bone));
        known.extend(named);
        for name in &given.ignore {
            if !tree.bones().iter().any(|bone| bone.name == *name) {
                return Err(RigError::NoBone { name: name.clone() });
            }
        }
        let allowed: Vec<bool> = (0..tree.bones().len())
            .map(|b| !tree.upwards(b).any(|a| given.ignore.contains(&tree.bones()[a].name)))
            .collect();
        let hints: Vec<_> = tree.bones().iter().map(|bone| Hints::of(&bone.name)).collect();
        Finder { tree, hints, known, allowed, notes: vec![] }.find(given)
    }

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

    /// The lowest confidence of any driven bone.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.driven.iter().map(|d| d.confidence).fold(1.0, f64::min)
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

struct Finder<'a> {
    tree: &'a BoneTree,
    hints: Vec<Hints>,
    known: Known,
    allowed: Vec<bool>,
    notes: Vec<String>,
}

impl Finder<'_> {
    fn find(mut self, given: &RigOverride) -> Result<RigMap, RigError> {
        let tree = self.tree;
        let (up, mut legs, mut arms) = self.limbs()?;
        self.agree(&mut legs, &mut arms, up);
        let left = self.sides(&mut legs, &mut arms, up);

        let [meeting, shoulders] =
            [&legs, &arms].map(|pair| tree.common(pair.left[0], pair.right[0]));
        let (Some(meeting), Some(shoulders)) = (meeting, shoulders) else {
            return Err(RigError::NotHumanoid {
                missing: "a bone that both arms or both legs hang from",
            });
        };
        let hips = self.known.get(&J::Pelvis).copied().unwrap_or_else(|| {
            tree.upwards(meeting).find(|b| self.fit(*b, Part::Hips) > 0.0).unwrap_or(meeting)
        });
        let (head, head_fit) = self.head(shoulders, &arms, up, left)?;
        let chest = match self.known.get(&J::Spine3) {
            Some(chest) => *chest,
            None => tree.common(shoulders, head).unwrap_or(shoulders),
        };
        let Some(root) = tree.common(hips, chest) else {
            return Err(RigError::NotHumanoid { missing: "a bone that hips and chest hang from" });
        };

        let mut driven = vec![];
        let mut drive = |bone, joint, toward, names: f64, place: f64| {
            let names = names.max(0.0);
            let evidence = match (names > 0.0, place >= 0.3) {
                (true, true) => Evidence::Both,
                (true, false) => Evidence::Name,
                _ => Evidence::Place,
            };
            let confidence = 1.0 - (1.0 - NAME_TRUST * names) * (1.0 - SHAPE_TRUST * place);
            driven.push(DrivenBone { bone, joint, toward, confidence, evidence });
        };

        let met = |b| if b == meeting || tree.is_under(meeting, b) { PLACE } else { 0.0 };
        drive(hips, J::Pelvis, None, self.fit(hips, Part::Hips), met(hips));
        if root != hips {
            self.notes.push(format!(
                "`{}` holds hips and spine together and moves with the hips",
                tree.bones()[root].name
            ));
            drive(root, J::Pelvis, None, self.fit(root, Part::Hips), PLACE);
        }
        let spine = tree.path(root, chest);
        for (i, &bone) in spine.iter().enumerate() {
            // The last bone takes the chest's rotation; the others interpolate along the spine.
            let at = 3.0 * (i + 1) as f64 / spine.len() as f64;
            let (joint, toward) = between(&[J::Pelvis, J::Spine1, J::Spine2, J::Spine3], at);
            drive(bone, joint, toward, self.fit(bone, Part::Spine), PLACE);
        }
        let neck: Vec<_> = tree.path(chest, head).into_iter().filter(|b| *b != head).collect();
        for (i, &bone) in neck.iter().enumerate() {
            let (joint, toward) = between(&[J::Neck, J::Head], i as f64 / neck.len() as f64);
            drive(bone, joint, toward, self.fit(bone, Part::Neck), PLACE);
        }
        drive(head, J::Head, None, head_fit, PLACE);

        let mut toes = [None; 2];
        for (side, [arm, leg]) in
            [[arms.left, legs.left], [arms.right, legs.right]].iter().enumerate()
        {
            for i in 0..3 {
                drive(
                    arm[i],
                    ARMS.joints[side][i],
                    None,
                    self.fit(arm[i], ARMS.parts[i]),
                    arms.shape,
                );
                drive(
                    leg[i],
                    LEGS.joints[side][i],
                    None,
                    self.fit(leg[i], LEGS.parts[i]),
                    legs.shape,
                );
            }
            let collar = [J::LeftCollar, J::RightCollar][side];
            if let Some(bone) = self.collar(collar, chest, arm[0]) {
                drive(bone, collar, None, self.fit(bone, Part::Collar), PLACE);
            }
            let foot = [J::LeftFoot, J::RightFoot][side];
            let known = self.known.get(&foot).copied();
            toes[side] = known.or_else(|| self.toe(leg[2], up));
            if let Some(bone) = toes[side] {
                drive(bone, foot, None, self.fit(bone, Part::Toe), PLACE);
            }
        }

        for d in &mut driven {
            let given = self.known.iter().find(|(_, bone)| **bone == d.bone);
            if let Some((&joint, _)) = given {
                let is = DrivenBone {
                    joint,
                    toward: None,
                    confidence: 1.0,
                    evidence: Evidence::Given,
                    ..*d
                };
                *d = is;
            }
        }
        for (&joint, &bone) in &self.known {
            if !driven.iter().any(|d| d.bone == bone) {
                let (confidence, evidence) = (1.0, Evidence::Given);
                driven.push(DrivenBone { bone, joint, toward: None, confidence, evidence });
            }
        }
        driven.retain(|d| {
            let nearer = d.toward.filter(|(_, part)| *part > 0.5).map_or(d.joint, |(next, _)| next);
            !given.skip.contains(&nearer)
        });
        driven.sort_by_key(|d| d.bone);
        if let Some(two) = driven.windows(2).find(|two| two[0].bone == two[1].bone) {
            let name = tree.bones()[two[0].bone].name.clone();
            return Err(RigError::Twice { name, joint: two[1].joint });
        }
        Ok(RigMap {
            names: driven.iter().map(|d| tree.bones()[d.bone].name.clone()).collect(),
            driven,
            up,
            left,
            arms: [arms.left, arms.right],
            legs: [legs.left, legs.right],
            toes,
            palms: [arms.left[2], arms.right[2]].map(|hand| self.palm(hand)),
            hips,
            head,
            notes: self.notes,
        })
    }

    fn fit(&self, bone: usize, part: Part) -> f64 {
        self.hints[bone].fit(part)
    }

    /// Finds the up axis, the legs and the arms.
    fn limbs(&self) -> Result<(DVec3, Pair, Pair), RigError> {
        let mut best: Option<(f64, DVec3, Pair, Pair)> = None;
        let mut legs_seen = false;
        for up in UPS {
            let find = |kind, allowed: &dyn Fn(usize) -> bool| {
                find(kind, self.tree, &self.hints, &self.known, up, |b| {
                    self.allowed[b] && allowed(b)
                })
            };
            let Some(legs) = find(&LEGS, &|_| true) else { continue };
            legs_seen = true;
            let in_legs =
                |b| [legs.left, legs.right].iter().any(|leg| self.tree.is_under(b, leg[0]));
            let Some(arms) = find(&ARMS, &|b| !in_legs(b)) else { continue };
            let score = legs.score + arms.score + if up == UPS[0] { GLTF_UP } else { 0.0 };
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, up, legs, arms));
            }
        }
        let missing = if legs_seen { "two arms" } else { "two legs" };
        best.map(|(_, up, legs, arms)| (up, legs, arms)).ok_or(RigError::NotHumanoid { missing })
    }

    /// How certain it is which limb is the left one: 2 if given, 1 if named, 0 otherwise.
    fn side_trust(&self, joints: &[[J; 3]; 2], pair: &Pair) -> u8 {
        if joints.iter().flatten().any(|j| self.known.contains_key(j)) {
            2
        } else {
            pair.sided.into()
        }
    }

    /// Makes arms and legs agree on which side is left.
    fn agree(&mut self, legs: &mut Pair, arms: &mut Pair, up: DVec3) {
        let [of_legs, of_arms] =
            [&*legs, &*arms].map(|pair| pair.lateral(self.tree).reject_from_normalized(up));
        if of_legs.dot(of_arms) >= 0.0 {
            return;
        }
        let [legs_trust, arms_trust] =
            [self.side_trust(&LEGS.joints, legs), self.side_trust(&ARMS.joints, arms)];
        if legs_trust > 0 && arms_trust > 0 {
            self.notes.push("the names of arms and legs differ in which side is left".into());
        }
        if arms_trust > legs_trust { legs.swap() } else { arms.swap() }
    }

    /// Decides which side is left (toes point forward), swaps limbs if necessary, and returns the
    /// direction.
    fn sides(&mut self, legs: &mut Pair, arms: &mut Pair, up: DVec3) -> DVec3 {
        let tree = self.tree;
        let across = legs.lateral(tree) + arms.lateral(tree);
        let left = across.reject_from_normalized(up).normalize_or(up.any_orthonormal_vector());
        let trust = self.side_trust(&LEGS.joints, legs).max(self.side_trust(&ARMS.joints, arms));
        let front: DVec3 = [legs.left, legs.right]
            .iter()
            .filter_map(|leg| Some((leg[2], self.toe(leg[2], up)?)))
            .map(|(ankle, toe)| tree.position(toe) - tree.position(ankle))
            .map(|foot| foot.reject_from_normalized(up).normalize_or_zero())
            .sum();
        let by_toes = up.cross(front).dot(left);
        let wrong = if trust == 2 {
            false
        } else if by_toes.abs() > 0.5 {
            if by_toes < 0.0 && trust == 1 {
                self.notes.push("the toes say that bones named left are on the right".into());
            }
            by_toes < 0.0
        } else if trust == 1 {
            false
        } else {
            self.notes.push("nothing tells left from right: +x is taken for left".into());
            left.x < 0.0
        };
        if wrong {
            legs.swap();
            arms.swap();
            return -left;
        }
        left
    }

    fn head(
        &self,
        shoulders: usize,
        arms: &Pair,
        up: DVec3,
        left: DVec3,
    ) -> Result<(usize, f64), RigError> {
        let tree = self.tree;
        if let Some(&head) = self.known.get(&J::Head) {
            return Ok((head, 1.0));
        }
        let free = |b: usize| {
            self.allowed[b] && ![arms.left, arms.right].iter().any(|arm| tree.is_under(b, arm[0]))
        };
        let named = (0..tree.bones().len()).filter(|b| free(*b) && self.fit(*b, Part::Head) > 0.0);
        // Of equals `max_by` keeps the last, which in reverse order is the upper bone of a chain.
        if let Some(head) =
            named.rev().max_by(|a, b| self.fit(*a, Part::Head).total_cmp(&self.fit(*b, Part::Head)))
        {
            return Ok((head, self.fit(head, Part::Head)));
        }
        // Follow the chain up from the shoulders, always to the tallest branch.
        let middle = tree.position(shoulders).dot(left);
        let breadth = tree.position(arms.left[0]).distance(tree.position(arms.right[0]));
        let top = |b: usize| {
            let under = (b..tree.bones().len()).filter(|c| tree.is_under(*c, b));
            under.map(|c| tree.position(c).dot(up)).fold(f64::MIN, f64::max)
        };
        let mut chain = vec![];
        let mut at = shoulders;
        loop {
            let next = tree
                .children(at)
                .filter(|b| free(*b) && !self.hints[*b].helper)
                .filter(|b| (tree.position(*b).dot(left) - middle).abs() < 0.06 * breadth)
                .filter(|b| (tree.position(*b) - tree.position(at)).dot(up) > 0.0)
                .max_by(|a, b| top(*a).total_cmp(&top(*b)));
            let Some(next) = next else { break };
            chain.push(next);
            at = next;
            // A bone with several children (eyes, jaw, hair) is the head.
            if tree.children(next).count() >= 3 {
                return Ok((next, 0.0));
            }
        }
        let length = |i: usize| tree.position(chain[i]).distance(tree.position(chain[i - 1]));
        let n = chain.len();
        let head = match n {
            0 => return Err(RigError::NotHumanoid { missing: "a head" }),
            // A longer last segment runs from the head to its top.
            3.. if length(n - 1) > 1.3 * length(n - 2) => chain[n - 2],
            _ => chain[n - 1],
        };
        Ok((head, 0.0))
    }

    fn collar(&self, joint: J, chest: usize, arm: usize) -> Option<usize> {
        if let Some(&bone) = self.known.get(&joint) {
            return Some(bone);
        }
        let between = self.tree.path(chest, arm).into_iter().filter(|b| *b != arm);
        let between = between.filter(|b| !self.hints[*b].helper);
        between.max_by(|a, b| self.fit(*a, Part::Collar).total_cmp(&self.fit(*b, Part::Collar)))
    }

    fn toe(&self, ankle: usize, up: DVec3) -> Option<usize> {
        let tree = self.tree;
        let level = |b: usize| {
            let step = tree.position(b) - tree.position(ankle);
            let level = step.reject_from_normalized(up).length();
            (level > 0.5 * step.length()).then_some(level)
        };
        let children: Vec<_> = tree.children(ankle).filter(|b| self.allowed[*b]).collect();
        let grandchildren: Vec<_> = children.iter().flat_map(|b| tree.children(*b)).collect();
        let named =
            children.iter().chain(&grandchildren).filter(|b| self.fit(**b, Part::Toe) > 0.0);
        if let Some(toe) = named.copied().next() {
            return Some(toe);
        }
        let unnamed = children.iter().filter(|b| self.fit(**b, Part::Toe) == 0.0);
        let longest = unnamed.filter_map(|b| Some((level(*b)?, *b)));
        longest.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, toe)| toe)
    }

    fn palm(&self, hand: usize) -> Option<[usize; 2]> {
        let first = |finger| {
            (hand + 1..self.hints.len())
                .find(|b| self.hints[*b].finger == Some(finger) && self.tree.is_under(*b, hand))
        };
        Some([first(Finger::Index)?, first(Finger::Little)?])
    }
}

/// The joint at position `at` of a chain, or the two joints around it with the factor between them.
fn between(chain: &[J], at: f64) -> (J, Option<(J, f64)>) {
    let part = at.fract();
    let joint = chain[at as usize];
    if part < 1e-9 { (joint, None) } else { (joint, Some((chain[at as usize + 1], part))) }
}
