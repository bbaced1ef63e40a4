//! Finds which bone is what, from the limbs inwards.

use super::limbs::{ARMS, Known, LEGS, LimbKind, Pair, Search, ramp};
use super::map::{DrivenBone, Evidence, RigMap};
use super::names::{Finger, Hints, Part};
use super::tree::{BoneTree, MOST_BONES};
use super::{RigError, RigOverride};
use crate::skeleton::SmplJoint as J;
use glam::DVec3;

/// Candidates for the up axis of rig space; the first is glTF's.
const UPS: [DVec3; 6] = [DVec3::Y, DVec3::Z, DVec3::NEG_Z, DVec3::NEG_Y, DVec3::X, DVec3::NEG_X];
/// Score by which another axis must beat glTF's.
const GLTF_UP: f64 = 0.5;
/// Confidence of a bone whose name fits fully.
const NAME_TRUST: f64 = 0.9;
/// Confidence of a bone whose shape fits fully.
const SHAPE_TRUST: f64 = 0.75;
/// Fit of a bone found only by its place between known bones.
const PLACE: f64 = 0.7;
/// Directions within this angle of an axis are taken for the axis, radians.
const NEAR_AXIS: f64 = 0.45;
/// Fit of the hips where the legs meet.
const MET: f64 = 0.9;
/// A name that fits this well says plainly what a bone is.
const PLAIN: f64 = 0.8;
/// Distance at which two bones are in the same place, relative to the body's height.
const SAME_PLACE: f64 = 2e-3;

impl RigMap {
    /// Finds the bones of the body among those of `tree`.
    ///
    /// Arms and legs are searched first, by name and by shape; hips and chest are where they meet,
    /// and all other bones lie between these or at the ends. Bones in `said_by_file` (as in VRM
    /// files) and `given` are taken as they are; `given` takes precedence.
    ///
    /// # Errors
    /// [`RigError::NotHumanoid`] if two arms, two legs and a head are not found, or if they are not
    /// placed as those of a standing person, as in animals; an error naming the bone if `given` names a bone that does
    /// not exist or gives one bone to two joints; [`RigError::TooMany`] of more than 4096 bones.
    pub fn find(
        tree: &BoneTree,
        given: &RigOverride,
        said_by_file: &Known,
    ) -> Result<Self, RigError> {
        if tree.bones().len() > MOST_BONES {
            return Err(RigError::TooMany { bones: tree.bones().len() });
        }
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
        let mut ignored = vec![false; tree.bones().len()];
        for name in &given.ignore {
            let bones = tree.all_named(name);
            if bones.is_empty() {
                return Err(RigError::NoBone { name: name.clone() });
            }
            bones.into_iter().for_each(|bone| ignored[bone] = true);
        }
        let allowed =
            (0..tree.bones().len()).map(|b| !tree.upwards(b).any(|above| ignored[above])).collect();
        let hints = Hints::of_file(tree.bones().iter().map(|bone| bone.name.as_str()));
        let notes = tree.notes().to_vec();
        Finder { tree, hints, known, allowed, notes }.find(given)
    }
}

struct Finder<'a> {
    tree: &'a BoneTree,
    hints: Vec<Hints>,
    known: Known,
    allowed: Vec<bool>,
    notes: Vec<String>,
}

/// Arms, legs and the directions of the body.
struct Limbs {
    legs: Pair,
    arms: Pair,
    up: DVec3,
    left: DVec3,
    /// The points between the thighs and between the upper arms.
    hips: DVec3,
    shoulders: DVec3,
    /// From the ankles to the shoulders.
    height: f64,
}

impl Limbs {
    /// Height of a point along the trunk: 0 at the hips, 1 at the shoulders.
    fn along(&self, point: DVec3) -> f64 {
        let trunk = (self.shoulders - self.hips).dot(self.up).max(0.1 * self.height);
        (point - self.hips).dot(self.up) / trunk
    }
}

impl Finder<'_> {
    fn find(mut self, given: &RigOverride) -> Result<RigMap, RigError> {
        let tree = self.tree;
        let limbs = self.limbs()?;
        let (legs, arms, up, left) = (&limbs.legs, &limbs.arms, limbs.up, limbs.left);
        let (head, head_fit) = self.head(&limbs)?;
        let plan = match self.plan(&limbs, head) {
            Ok(plan) => plan,
            Err(problem) if !self.are_limbs_given() => {
                return Err(self.refuse(problem, Some(&limbs)));
            }
            Err(_) => 1.0,
        };
        let Some(hips) = self.hips(&limbs) else {
            return Err(self.refuse("the legs hang from no common bone", Some(&limbs)));
        };
        let chest = self.chest(&limbs, head, hips);
        let root = tree.common(hips, chest).unwrap_or(hips);

        let mut driven: Vec<DrivenBone> = vec![];
        let mut drive = |bone, joint, toward, names: f64, place: f64| {
            if driven.iter().any(|d| d.bone == bone) {
                return;
            }
            let names = names.max(0.0);
            let evidence = match (names > 0.0, place >= 0.3) {
                (true, true) => Evidence::Both,
                (true, false) => Evidence::Name,
                _ => Evidence::Place,
            };
            let confidence = 1.0 - (1.0 - NAME_TRUST * names) * (1.0 - SHAPE_TRUST * place);
            driven.push(DrivenBone { bone, joint, toward, confidence, evidence });
        };

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
                    arms.shape.sqrt(),
                );
                drive(
                    leg[i],
                    LEGS.joints[side][i],
                    None,
                    self.fit(leg[i], LEGS.parts[i]),
                    legs.shape.sqrt(),
                );
            }
        }
        drive(hips, J::Pelvis, None, self.fit(hips, Part::Hips), MET);
        drive(head, J::Head, None, head_fit, PLACE);
        if root != hips {
            self.notes.push(format!(
                "`{}` holds hips and spine together and moves with the hips",
                tree.address(root)
            ));
            drive(root, J::Pelvis, None, self.fit(root, Part::Hips), PLACE);
        }
        let spine = self.spine(&limbs, root, chest);
        for (i, &bone) in spine.iter().enumerate() {
            // The last bone takes the chest's rotation; the others interpolate along the spine.
            let at = 3.0 * (i + 1) as f64 / spine.len() as f64;
            let (joint, toward) = between(&[J::Pelvis, J::Spine1, J::Spine2, J::Spine3], at);
            drive(bone, joint, toward, self.fit(bone, Part::Spine), PLACE);
        }
        let neck = self.neck(&limbs, chest, head);
        for (i, &bone) in neck.iter().enumerate() {
            let (joint, toward) = between(&[J::Neck, J::Head], i as f64 / neck.len() as f64);
            drive(bone, joint, toward, self.fit(bone, Part::Neck), PLACE);
        }
        for (side, [arm, leg]) in
            [[arms.left, legs.left], [arms.right, legs.right]].iter().enumerate()
        {
            let collar = [J::LeftCollar, J::RightCollar][side];
            let other = [arms.right, arms.left][side];
            let trunk = |bone| {
                bone == hips || bone == head || spine.contains(&bone) || neck.contains(&bone)
            };
            if let Some(bone) = self.collar(collar, &limbs, arm[0], other[0], trunk) {
                drive(bone, collar, None, self.fit(bone, Part::Collar), PLACE);
            }
            let foot = [J::LeftFoot, J::RightFoot][side];
            let known = self.known.get(&foot).copied();
            toes[side] = known.or_else(|| self.toe(leg[2], up, limbs.height));
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
        let counts = |d: &&DrivenBone| {
            let parts = [arms.left, arms.right, legs.left, legs.right].concat();
            parts.contains(&d.bone) || d.bone == hips || d.bone == head
        };
        let least = driven.iter().filter(counts).map(|d| d.confidence).fold(1.0, f64::min);
        let confidence = least * plan;
        if confidence < RigMap::LEAST_CONFIDENCE {
            return Err(self.refuse("its limbs are too unlike a person's", Some(&limbs)));
        }
        driven.retain(|d| {
            let nearer = d.toward.filter(|(_, part)| *part > 0.5).map_or(d.joint, |(next, _)| next);
            !given.skip.contains(&nearer)
        });
        driven.sort_by_key(|d| d.bone);
        Ok(RigMap {
            names: driven.iter().map(|d| tree.address(d.bone)).collect(),
            driven,
            confidence,
            spine,
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

    /// A bone of the middle whose name fits a part.
    fn is_middle(&self, bone: usize, part: Part) -> bool {
        self.allowed[bone] && self.hints[bone].side.is_none() && self.fit(bone, part) > 0.0
    }

    /// The bones of the middle whose names fit a part.
    fn in_middle(&self, part: Part) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.hints.len()).filter(move |bone| self.is_middle(*bone, part))
    }

    /// Whether both an arm and a leg were given, so that their places need not convince.
    fn are_limbs_given(&self) -> bool {
        let given = |kind: &LimbKind| {
            kind.joints.iter().all(|joints| joints.iter().any(|j| self.known.contains_key(j)))
        };
        given(&LEGS) && given(&ARMS)
    }

    /// Why the character is refused, with what was found so far and what would help.
    fn refuse(&self, problem: &'static str, limbs: Option<&Limbs>) -> RigError {
        let address = |bone: &usize| format!("`{}`", self.tree.address(*bone));
        let limb = |bones: &[usize]| bones.iter().map(address).collect::<Vec<_>>().join(" ");
        let found = limbs.map_or_else(
            || [self.named(&LEGS), self.named(&ARMS)].join("; "),
            |Limbs { legs, arms, .. }| {
                format!(
                    "legs {} and {}; arms {} and {}",
                    limb(&legs.left),
                    limb(&legs.right),
                    limb(&arms.left),
                    limb(&arms.right)
                )
            },
        );
        RigError::NotHumanoid { problem, found }
    }

    /// The bones that are named as the parts of a kind of limb.
    fn named(&self, kind: &LimbKind) -> String {
        const MOST: usize = 4;
        let of_part = |part: Part| {
            let bones = (0..self.hints.len()).filter(|bone| self.fit(*bone, part) >= 0.4);
            let mut names: Vec<_> =
                bones.take(MOST).map(|bone| format!("`{}`", self.tree.address(bone))).collect();
            if names.is_empty() {
                names.push("none".into());
            }
            format!("{} {}", part.plural(), names.join(" "))
        };
        kind.parts.map(of_part).join(", ")
    }

    /// Finds the legs, the arms and the body's directions.
    fn limbs(&mut self) -> Result<Limbs, RigError> {
        let tree = self.tree;
        let search = |kind| Search::new(kind, tree, &self.hints, &self.known, &self.allowed);
        let (all_legs, all_arms) = (search(&LEGS), search(&ARMS));
        let mut best: Option<(f64, DVec3, Pair, Pair)> = None;
        let mut legs_seen = false;
        for (i, up) in self.ups().into_iter().enumerate() {
            let Some(legs) = all_legs.best(up, |_| true) else { continue };
            legs_seen = true;
            // The bones of the legs, and all that hang from these.
            let mut in_legs: Vec<bool> = Vec::with_capacity(tree.bones().len());
            for (bone, of) in tree.bones().iter().enumerate() {
                let hangs = of.parent.is_some_and(|parent| in_legs[parent]);
                in_legs.push(hangs || bone == legs.left[0] || bone == legs.right[0]);
            }
            [legs.left, legs.right].concat().into_iter().for_each(|bone| in_legs[bone] = true);
            let Some(arms) = all_arms.best(up, |b| !in_legs[b]) else { continue };
            let bonus = match i {
                0 => GLTF_UP,
                i if i < UPS.len() => 0.0,
                _ => -GLTF_UP,
            };
            let score = legs.score + arms.score + bonus;
            let plain = legs.names.min(arms.names) >= PLAIN;
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, up, legs, arms));
            }
            // Names that are plain stay so, whichever axis is up.
            if plain {
                break;
            }
        }
        let Some((_, up, mut legs, mut arms)) = best else {
            let missing = if legs_seen {
                "two arms could not be found"
            } else {
                "two legs could not be found"
            };
            return Err(self.refuse(missing, None));
        };
        let (hips, shoulders) = (legs.middle(tree, 0), arms.middle(tree, 0));
        let ankles = legs.middle(tree, 2);
        // The body itself tells where up is, unless that is an axis of the file.
        let body = (hips - ankles).normalize_or_zero() + (shoulders - hips).normalize_or_zero();
        let body = body.normalize_or(up);
        let axis = UPS.into_iter().find(|axis| body.angle_between(*axis) < NEAR_AXIS);
        let up = axis.unwrap_or(body);
        self.agree(&mut legs, &mut arms, up);
        let height = (shoulders - ankles).length();
        let left = self.sides(&mut legs, &mut arms, up, height);
        Ok(Limbs { legs, arms, up, left, hips, shoulders, height })
    }

    /// Candidates for the up axis: the file's axes, then directions from one branching of the tree
    /// to the next, as from hips to chest.
    fn ups(&self) -> Vec<DVec3> {
        const MOST: usize = 16;
        let tree = self.tree;
        let mut ups = UPS.to_vec();
        let branches = |bone: &usize| tree.children(*bone).count() > 1;
        for bone in (0..tree.bones().len()).filter(branches) {
            for above in tree.above(bone).filter(branches) {
                if ups.len() == MOST {
                    return ups;
                }
                let step = (tree.position(bone) - tree.position(above)).normalize_or_zero();
                let is_new = ups.iter().all(|up| up.angle_between(step) > NEAR_AXIS / 2.0);
                if step != DVec3::ZERO && is_new {
                    ups.push(step);
                }
            }
        }
        ups
    }

    /// Whether the limbs are placed as those of a standing person, and how much so, 0 to 1.
    fn plan(&self, limbs: &Limbs, head: usize) -> Result<f64, &'static str> {
        let tree = self.tree;
        let Limbs { legs, arms, up, hips, shoulders, height, .. } = limbs;
        let ankles = legs.middle(tree, 2);
        let (trunk, leg) = (*shoulders - *hips, *hips - ankles);
        let upright = trunk.normalize_or_zero().dot(leg.normalize_or_zero());
        if upright < 0.5 {
            return Err("its trunk lies level on its legs, as an animal's");
        }
        let rise = trunk.dot(*up) / height;
        if rise < 0.12 {
            return Err("its arms start no higher than its legs");
        }
        if leg.dot(*up) < 0.12 * height {
            return Err("its legs do not reach down");
        }
        let head = tree.position(head);
        if (head - *shoulders).dot(*up) < -0.1 * height {
            return Err("its head is below its arms");
        }
        let hands = (arms.middle(tree, 2) - ankles).dot(*up) / height;
        if hands < 0.12 {
            return Err("its arms reach down to its feet, as forelegs");
        }
        let length = |limb: &[usize; 3]| {
            let [a, b, c] = limb.map(|bone| tree.position(bone));
            a.distance(b) + b.distance(c)
        };
        let mut alike: f64 = 1.0;
        for pair in [legs, arms] {
            let (left, right) = (length(&pair.left), length(&pair.right));
            if left.min(right) < 0.08 * height || left.max(right) > 1.5 * height {
                return Err("its limbs are too short or too long for its height");
            }
            alike = alike.min(left.min(right) / left.max(right));
        }
        if alike < 0.4 {
            return Err("its left and right limbs differ in length");
        }
        let meet = |pair: &Pair| tree.common(pair.left[0], pair.right[0]);
        if meet(legs) == meet(arms) && legs.names.min(arms.names) < PLAIN {
            return Err("its limbs all begin at one bone");
        }
        let of = |pair: &Pair| length(&pair.left) + length(&pair.right);
        let reach = of(arms) / of(legs);
        if reach < 0.25 {
            return Err("its arms are too short for its legs");
        }
        if upright < 0.85 && self.hints.iter().any(Hints::is_tail) {
            return Err("its trunk leans over its legs and it has a tail, as an animal");
        }
        let proportions = ramp(reach, 0.2, 0.35) * ramp(alike, 0.3, 0.7);
        Ok(ramp(upright, 0.4, 0.8) * ramp(rise, 0.06, 0.2) * proportions)
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
    fn sides(&mut self, legs: &mut Pair, arms: &mut Pair, up: DVec3, height: f64) -> DVec3 {
        let tree = self.tree;
        let across = legs.lateral(tree) + arms.lateral(tree);
        let left = across.reject_from_normalized(up).normalize_or(up.any_orthonormal_vector());
        let trust = self.side_trust(&LEGS.joints, legs).max(self.side_trust(&ARMS.joints, arms));
        // Feet of legs that are lifted or folded point anywhere.
        let stands = |leg: &&[usize; 3]| {
            let [thigh, shin, foot] = leg.map(|bone| tree.position(bone));
            (thigh - foot).dot(up) > 0.8 * (thigh.distance(shin) + shin.distance(foot))
        };
        let front: DVec3 = [legs.left, legs.right]
            .iter()
            .filter(stands)
            .filter_map(|leg| Some((leg[2], self.toe(leg[2], up, height)?)))
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

    fn hips(&self, limbs: &Limbs) -> Option<usize> {
        let tree = self.tree;
        if let Some(&hips) = self.known.get(&J::Pelvis) {
            return Some(hips);
        }
        let near = |bone: usize| limbs.along(tree.position(bone)).abs() < 0.5;
        let meeting = tree.common(limbs.legs.left[0], limbs.legs.right[0]);
        let mut above = meeting.into_iter().flat_map(|meeting| tree.upwards(meeting));
        let named =
            above.find(|b| self.is_middle(*b, Part::Hips) && (near(*b) || Some(*b) == meeting));
        if named.is_some() {
            return named;
        }
        // Thighs may hang beside the hips, or from a control of theirs.
        if let Some(meeting) = meeting
            && near(meeting)
            && !self.hints[meeting].helper
        {
            // Thighs may also hang from the spine.
            let off = |bone: usize| limbs.along(tree.position(bone)).abs();
            let nearer = tree.above(meeting).take_while(|b| near(*b));
            let nearer = nearer.min_by(|a, b| off(*a).total_cmp(&off(*b)));
            let nearer =
                nearer.filter(|bone| off(meeting) > 0.2 && off(*bone) < 0.6 * off(meeting));
            return Some(nearer.unwrap_or(meeting));
        }
        let named = self.in_middle(Part::Hips).find(|bone| near(*bone));
        let lowest = |bones: Vec<usize>| {
            let place = |b: &usize| limbs.along(tree.position(*b)).abs();
            bones.into_iter().min_by(|a, b| place(a).total_cmp(&place(b)))
        };
        let spines = || {
            self.in_middle(Part::Spine).filter(|b| near(*b) && self.fit(*b, Part::Spine) >= PLAIN)
        };
        named.or_else(|| lowest(spines().collect())).or(meeting)
    }

    fn chest(&self, limbs: &Limbs, head: usize, hips: usize) -> usize {
        let tree = self.tree;
        if let Some(&chest) = self.known.get(&J::Spine3) {
            return chest;
        }
        let along = |bone: usize| limbs.along(tree.position(bone));
        let shoulders = tree.common(limbs.arms.left[0], limbs.arms.right[0]);
        let meeting = shoulders.map(|s| tree.common(s, head).unwrap_or(s));
        let fits = |bone: &usize| {
            let named = self.fit(*bone, Part::Neck) > 0.0 || self.hints[*bone].helper;
            // Collars may hang from a neck that is not called one, above a chest.
            let is_neck = along(*bone) > 1.05
                && tree.bones()[*bone].parent.is_some_and(|below| along(below) > 0.6);
            !named && *bone != head && along(*bone) < 1.25 && !is_neck
        };
        let mut found = meeting.and_then(|meeting| tree.upwards(meeting).find(fits));
        // The names of a spine on another branch, which deforms the trunk, say more.
        let plain = |bone: &usize| {
            self.fit(*bone, Part::Spine) >= PLAIN && (0.3..1.25).contains(&along(*bone))
        };
        let apart = |bone: &usize| {
            found.is_none_or(|f| !(tree.is_under(*bone, f) || tree.is_under(f, *bone)))
        };
        let low = found.is_none_or(|bone| along(bone) < 0.3);
        let weak = found.is_none_or(|bone| self.fit(bone, Part::Spine) < PLAIN);
        let spines = self.in_middle(Part::Spine).filter(plain);
        let elsewhere = spines.filter(|bone| low || weak && apart(bone));
        // Necks may be called spines too.
        let under = |bone: &usize| (along(*bone) < 0.95, along(*bone));
        let highest = elsewhere.max_by(|a, b| {
            let (a, b) = (under(a), under(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        found = highest.or(found);
        let mut chest = found.unwrap_or(hips);
        // Arms may hang below the top of the spine.
        for bone in tree.path(chest, head) {
            if self.fit(bone, Part::Spine) >= PLAIN && along(bone) < 0.95 {
                chest = bone;
            }
        }
        chest
    }

    /// Bones of a chain that turn something: no helpers, and none at the place of the next.
    fn joints_of(
        &self,
        chain: Vec<usize>,
        next: Option<usize>,
        part: Part,
        height: f64,
    ) -> Vec<usize> {
        let tree = self.tree;
        let place = |bone: usize| tree.position(bone);
        let mut kept: Vec<usize> = vec![];
        for bone in chain.iter().copied().rev() {
            let after = kept.last().copied().or(next);
            let doubled =
                after.is_some_and(|next| place(bone).distance(place(next)) < SAME_PLACE * height);
            let named = self.fit(bone, part) > 0.0;
            if named || !(doubled || self.hints[bone].helper) {
                kept.push(bone);
            }
        }
        kept.reverse();
        kept
    }

    fn spine(&self, limbs: &Limbs, root: usize, chest: usize) -> Vec<usize> {
        let mut path = self.tree.path(root, chest);
        if path.is_empty() && root != chest {
            let named = self.tree.upwards(chest).take_while(|b| self.is_middle(*b, Part::Spine));
            path = named.collect();
            path.reverse();
        }
        if path.pop().is_none() {
            return vec![];
        }
        let mut spine = self.joints_of(path, Some(chest), Part::Spine, limbs.height);
        if spine.is_empty() {
            // Each may hang from a control of its own.
            let along = |bone: usize| limbs.along(self.tree.position(bone));
            let low = along(root).max(0.0) + 0.05;
            let named = self.in_middle(Part::Spine).filter(|bone| {
                self.fit(*bone, Part::Spine) >= PLAIN
                    && !self.tree.is_under(chest, *bone)
                    && (low..along(chest) - 0.05).contains(&along(*bone))
            });
            spine = named.collect();
            spine.sort_by(|a, b| along(*a).total_cmp(&along(*b)));
        }
        spine.push(chest);
        spine
    }

    fn neck(&self, limbs: &Limbs, chest: usize, head: usize) -> Vec<usize> {
        let mut path = self.tree.path(chest, head);
        if path.is_empty() {
            path = self.necks(limbs).filter(|b| !self.tree.is_under(*b, head)).collect();
        }
        path.retain(|bone| *bone != head);
        self.joints_of(path, Some(head), Part::Neck, limbs.height)
    }

    /// The bones above the shoulders that are called neck or spine.
    fn necks(&self, limbs: &Limbs) -> impl Iterator<Item = usize> {
        (0..self.hints.len()).filter(|bone| {
            self.is_middle(*bone, Part::Neck)
                || self.is_middle(*bone, Part::Spine)
                    && limbs.along(self.tree.position(*bone)) > 0.95
        })
    }

    fn head(&self, limbs: &Limbs) -> Result<(usize, f64), RigError> {
        let tree = self.tree;
        if let Some(&head) = self.known.get(&J::Head) {
            return Ok((head, 1.0));
        }
        let Limbs { legs, arms, up, left, .. } = limbs;
        let tops = [arms.left[0], arms.right[0], legs.left[0], legs.right[0]];
        let free = |b: usize| self.allowed[b] && !tops.iter().any(|top| tree.is_under(b, *top));
        let named = self.in_middle(Part::Head).filter(|b| free(*b));
        // Of equals `max_by` keeps the last, which in reverse order is the upper bone of a chain.
        if let Some(head) =
            named.rev().max_by(|a, b| self.fit(*a, Part::Head).total_cmp(&self.fit(*b, Part::Head)))
        {
            return Ok((head, self.fit(head, Part::Head)));
        }
        // Follow the chain up from the shoulders, always to the tallest branch.
        let refuse = || self.refuse("a head could not be found", Some(limbs));
        let highest = || {
            let height = |bone: &usize| tree.position(*bone).dot(*up);
            self.necks(limbs).max_by(|a, b| height(a).total_cmp(&height(b)))
        };
        let Some(shoulders) = tree.common(arms.left[0], arms.right[0]) else {
            return highest().map(|bone| (bone, 0.0)).ok_or_else(refuse);
        };
        let middle = limbs.shoulders.dot(*left);
        let breadth = tree.position(arms.left[0]).distance(tree.position(arms.right[0]));
        // The height of the highest bone at or under each.
        let bones = tree.bones();
        let mut peaks: Vec<f64> = (0..bones.len()).map(|b| tree.position(b).dot(*up)).collect();
        for (bone, of) in bones.iter().enumerate().rev() {
            if let Some(parent) = of.parent {
                peaks[parent] = peaks[parent].max(peaks[bone]);
            }
        }
        let mut chain = vec![];
        let mut at = shoulders;
        loop {
            let next = tree
                .children(at)
                .filter(|b| free(*b) && !self.hints[*b].helper)
                .filter(|b| (tree.position(*b).dot(*left) - middle).abs() < 0.06 * breadth)
                .filter(|b| {
                    (tree.position(*b) - tree.position(at)).dot(*up) > -SAME_PLACE * limbs.height
                })
                .max_by(|a, b| peaks[*a].total_cmp(&peaks[*b]));
            let Some(next) = next else { break };
            chain.push(next);
            at = next;
            // A bone with several children (eyes, jaw, hair) is the head.
            if tree.children(next).count() >= 3 && limbs.along(tree.position(next)) > 1.0 {
                return Ok((next, 0.0));
            }
        }
        let length = |i: usize| tree.position(chain[i]).distance(tree.position(chain[i - 1]));
        let n = chain.len();
        let head = match n {
            0 => highest().ok_or_else(refuse)?,
            // The chain ends in the trunk; the head hangs elsewhere.
            _ if limbs.along(tree.position(chain[n - 1])) < 1.0 => {
                highest().unwrap_or(chain[n - 1])
            }
            // A longer last segment runs from the head to its top.
            3.. if length(n - 1) > 1.3 * length(n - 2) => chain[n - 2],
            _ => chain[n - 1],
        };
        Ok((head, 0.0))
    }

    fn collar(
        &self,
        joint: J,
        limbs: &Limbs,
        arm: usize,
        other: usize,
        trunk: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let tree = self.tree;
        if let Some(&bone) = self.known.get(&joint) {
            return Some(bone);
        }
        let place = |bone: usize| tree.position(bone).distance(tree.position(arm));
        let between = tree.above(arm).take_while(|b| !tree.is_under(other, *b));
        let between = between.filter(|b| {
            let fit = self.fit(*b, Part::Collar);
            fit > 0.0 || fit == 0.0 && place(*b) > SAME_PLACE * limbs.height
        });
        let between = between.filter(|b| !trunk(*b));
        let best = between
            .max_by(|a, b| self.fit(*a, Part::Collar).total_cmp(&self.fit(*b, Part::Collar)));
        if best.is_some_and(|bone| self.fit(bone, Part::Collar) > 0.0) {
            return best;
        }
        let side = self.hints[arm].side;
        let named = (0..self.hints.len()).filter(|b| {
            side.is_some()
                && self.hints[*b].side == side
                && self.allowed[*b]
                && self.fit(*b, Part::Collar) > 0.0
                && !tree.is_under(*b, arm)
        });
        named.min_by(|a, b| place(*a).total_cmp(&place(*b))).or(best)
    }

    fn toe(&self, ankle: usize, up: DVec3, height: f64) -> Option<usize> {
        let tree = self.tree;
        let level = |b: usize| {
            let step = tree.position(b) - tree.position(ankle);
            let level = step.reject_from_normalized(up).length();
            (level > 0.35 * step.length()).then_some(level)
        };
        let apart =
            |b: &usize| tree.position(*b).distance(tree.position(ankle)) > SAME_PLACE * height;
        let children: Vec<_> = tree.children(ankle).filter(|b| self.allowed[*b]).collect();
        let grandchildren: Vec<_> = children.iter().flat_map(|b| tree.children(*b)).collect();
        let named = children.iter().chain(&grandchildren).copied();
        let named = named.filter(|b| self.fit(*b, Part::Toe) > 0.0 && apart(b));
        let best =
            named.rev().max_by(|a, b| self.fit(*a, Part::Toe).total_cmp(&self.fit(*b, Part::Toe)));
        if best.is_some() {
            return best;
        }
        let unnamed = children.iter().filter(|b| self.fit(**b, Part::Toe) == 0.0 && apart(b));
        let longest = unnamed.filter_map(|b| Some((level(*b)?, *b)));
        let longest = longest.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, toe)| toe);
        let side = self.hints[ankle].side;
        longest.or_else(|| {
            (0..self.hints.len()).find(|b| {
                side.is_some()
                    && self.hints[*b].side == side
                    && self.allowed[*b]
                    && self.fit(*b, Part::Toe) >= PLAIN
                    && apart(b)
            })
        })
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
