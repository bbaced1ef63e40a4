//! Finds the two arms and the two legs of a character.
//!
//! A limb is three bones, each a descendant of the previous (upper arm, forearm, hand), possibly
//! with others in between. Bones whose names say plainly what they are, and given ones, may also
//! hang elsewhere, as feet do that an inverse kinematics moves. Every such triple in the tree is
//! scored by names and by shape, and every two triples as a pair, by how well one mirrors the
//! other. Names outweigh shape where they are plain.
//!
//! A chain of a thousand bones has more than a hundred million triples, so a limb's bones are only looked for so near
//! to each other as bodies have them.

use super::names::{Hints, Part, Side};
use super::tree::BoneTree;
use crate::skeleton::SmplJoint as J;
use glam::DVec3;
use std::collections::BTreeMap;

/// The bones that are given.
pub(super) type Known = BTreeMap<J, usize>;

/// What a kind of limb looks like.
pub(super) struct LimbKind {
    pub parts: [Part; 3],
    /// The joints of the left limb, then of the right one.
    pub joints: [[J; 3]; 2],
    /// Length of the second segment divided by the first, in most people and characters.
    ratio: f64,
    /// Length divided by the body's height.
    length: f64,
    /// Whether it points down.
    down: bool,
}

pub(super) const LEGS: LimbKind = LimbKind {
    parts: [Part::Thigh, Part::Shin, Part::Foot],
    joints: [[J::LeftHip, J::LeftKnee, J::LeftAnkle], [J::RightHip, J::RightKnee, J::RightAnkle]],
    ratio: 1.0,
    length: 0.45,
    down: true,
};

pub(super) const ARMS: LimbKind = LimbKind {
    parts: [Part::UpperArm, Part::Forearm, Part::Hand],
    joints: [
        [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
        [J::RightShoulder, J::RightElbow, J::RightWrist],
    ],
    ratio: 0.95,
    length: 0.3,
    down: false,
};

/// Tolerated deviation from the usual segment ratio, as a logarithm.
const RATIO_SPREAD: f64 = 0.3;
/// Shape factor of a hand without fingers.
const FINGERLESS: f64 = 0.85;
/// Shape factor of a hand that comes after the bone from which the fingers spread.
const BEYOND_FINGERS: f64 = 0.3;
/// Weight of names relative to shape.
const NAME_WEIGHT: f64 = 20.0;
/// Weight of mirror symmetry relative to shape.
const MIRROR_WEIGHT: f64 = 2.0;
/// A bone whose name fits this well may hang elsewhere in the tree.
const PLAIN: f64 = 0.7;
/// How much less a limb counts, in names, for each bone that hangs elsewhere.
const ELSEWHERE: f64 = 0.1;
/// Number of top-scoring limbs, with given bones and without, that are tried in pairs.
const TRIED: usize = 60;
/// The bones of a limb are among this many ancestors of the one after them: those in between are twist bones and
/// helpers. …
const REACH: usize = 24;
/// … In trees of so many and so long chains that this would make more triples, they are among fewer, …
const MOST_TRIPLES: usize = 1 << 17;
/// … but no fewer than this.
const LEAST_REACH: usize = 4;
/// In trees with more bones than this, the bone beside a given one is not looked for in all of the tree.
const ANYWHERE: usize = 360;
/// If more bones than this have a plain name, it says nothing about bones that hang elsewhere.
const MOST_PLAIN: usize = 32;
/// Most candidates, which only a tree made for the purpose has: each is scored for many directions.
const MOST_LIMBS: usize = 1 << 19;
/// Pairs below this name score, 0 to 1, …
const LEAST_NAMES: f64 = 0.55;
/// … and below this shape score, 0 to 1, are rejected.
const LEAST_SHAPE: f64 = 0.25;

/// A candidate.
#[derive(Clone, Copy, Debug)]
struct Limb {
    bones: [usize; 3],
    side: Option<Side>,
    /// How well the names fit, −1 to 1.
    names: f64,
    /// How well the shape fits, 0 to 1.
    shape: f64,
    /// Whether one of its bones is given.
    given: bool,
}

impl Limb {
    fn worth(&self) -> f64 {
        NAME_WEIGHT * self.names + self.shape
    }
}

/// The left and right limb of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub left: [usize; 3],
    pub right: [usize; 3],
    /// Whether names say which limb is the left one, and agree with `left`.
    pub sided: bool,
    /// How well the names fit, −1 to 1.
    pub names: f64,
    /// How well the shape fits, symmetry included, 0 to 1.
    pub shape: f64,
    /// Score for comparing pairs of one kind.
    pub score: f64,
}

impl Pair {
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.left, &mut self.right);
    }

    /// Direction from the right limb to the left one.
    pub fn lateral(&self, tree: &BoneTree) -> DVec3 {
        let spread = |i: usize| tree.position(self.left[i]) - tree.position(self.right[i]);
        spread(0).normalize_or_zero() + spread(2).normalize_or_zero()
    }

    /// The point between the two bones at this place of the limbs.
    pub fn middle(&self, tree: &BoneTree, i: usize) -> DVec3 {
        tree.position(self.left[i]).midpoint(tree.position(self.right[i]))
    }
}

/// Searches the limbs of one kind.
pub(super) struct Search<'a> {
    kind: &'static LimbKind,
    tree: &'a BoneTree,
    known: &'a Known,
    limbs: Vec<Limb>,
}

impl<'a> Search<'a> {
    /// Collects the triples that may be limbs, of the bones for which `allowed` is true.
    pub fn new(
        kind: &'static LimbKind,
        tree: &'a BoneTree,
        hints: &[Hints],
        known: &'a Known,
        allowed: &[bool],
    ) -> Self {
        let search = Self { kind, tree, known, limbs: vec![] };
        let bones: Vec<usize> = (0..tree.bones().len()).filter(|b| allowed[*b]).collect();
        let is_given = |bone: usize, i: usize| {
            kind.joints.iter().any(|joints| known.get(&joints[i]) == Some(&bone))
        };
        let is_plain = |bone: usize, i: usize| {
            hints[bone].side.is_some() && hints[bone].fit(kind.parts[i]) >= PLAIN
        };
        let all = |test: &dyn Fn(usize) -> bool| -> Vec<usize> {
            bones.iter().copied().filter(|bone| test(*bone)).collect()
        };
        let given: [Vec<usize>; 3] = std::array::from_fn(|i| all(&|bone| is_given(bone, i)));
        let plain: [Vec<usize>; 3] = std::array::from_fn(|i| {
            let plain = all(&|bone| is_plain(bone, i));
            if plain.len() > MOST_PLAIN { vec![] } else { plain }
        });
        let reach = reach(tree, &bones);
        // The bones that may come before `next` in a limb, as its bone `i`.
        let before = |next: usize, i: usize| -> Vec<usize> {
            let mut found: Vec<usize> =
                tree.above(next).filter(|b| allowed[*b]).take(reach).collect();
            let is_given = given[i + 1].contains(&next);
            let elsewhere: &[usize] = if is_given && bones.len() <= ANYWHERE {
                &bones
            } else if is_given || plain[i + 1].contains(&next) {
                &plain[i]
            } else {
                &[]
            };
            for bone in given[i].iter().chain(elsewhere) {
                if *bone != next && !found.contains(bone) {
                    found.push(*bone);
                }
            }
            found
        };
        let mut limbs = vec![];
        'all: for &end in &bones {
            for middle in before(end, 1) {
                for top in before(middle, 0).into_iter().filter(|top| *top != end) {
                    if limbs.len() == MOST_LIMBS {
                        break 'all;
                    }
                    let bones = [top, middle, end];
                    let sides: Vec<_> = bones.iter().filter_map(|b| hints[*b].side).collect();
                    let one_side = sides.windows(2).all(|two| two[0] == two[1]);
                    let fit = |i: usize| hints[bones[i]].fit(kind.parts[i]);
                    let apart = [(top, middle), (middle, end)];
                    let apart = apart.iter().filter(|(a, b)| !tree.is_under(*b, *a)).count();
                    let names = (fit(0) + fit(1) + fit(2)) / 3.0 - ELSEWHERE * apart as f64;
                    let given = (0..3).any(|i| is_given(bones[i], i));
                    let limb =
                        Limb { bones, side: sides.first().copied(), names, shape: 0.0, given };
                    let fits = kind.joints.iter().any(|joints| search.fits(&limb, joints));
                    if fits && (given || one_side && names >= 0.0) {
                        limbs.push(limb);
                    }
                }
            }
        }
        Self { limbs, ..search }
    }

    /// Whether a limb has the given bones of these joints, and no bones given for other ones.
    fn fits(&self, limb: &Limb, joints: &[J; 3]) -> bool {
        joints.iter().zip(limb.bones).all(|(joint, bone)| match self.known.get(joint) {
            Some(given) => *given == bone,
            None => self.known.values().all(|given| *given != bone),
        })
    }

    /// The best pair of limbs, if any is good enough, of limbs for which `allowed` is true.
    pub fn best(&self, up: DVec3, allowed: impl Fn(usize) -> bool) -> Option<Pair> {
        let (tree, kind) = (self.tree, self.kind);
        let heights = (0..tree.bones().len()).map(|b| tree.position(b).dot(up));
        let (low, high) = heights.fold((f64::MAX, f64::MIN), |(l, h), y| (l.min(y), h.max(y)));
        let height = high - low;
        let limbs = self
            .limbs
            .iter()
            .filter(|limb| limb.given || limb.bones.iter().all(|bone| allowed(*bone)));
        let limbs =
            limbs.map(|limb| Limb { shape: shape(kind, tree, limb.bones, up, height), ..*limb });
        let plausible = |limb: &Limb| limb.given || limb.names > 0.0 || limb.shape > 0.01;
        let mut limbs: Vec<Limb> = limbs.filter(plausible).collect();
        limbs.sort_by(|a, b| {
            let by_worth = b.given.cmp(&a.given).then(b.worth().total_cmp(&a.worth()));
            by_worth.then(a.bones.cmp(&b.bones))
        });
        let mut free = 0;
        let mut given = 0;
        limbs.retain(|limb| {
            let count = if limb.given { &mut given } else { &mut free };
            *count += 1;
            *count <= TRIED
        });

        let mut best: Option<Pair> = None;
        for left in &limbs {
            for right in &limbs {
                let apart = !tree.is_under(left.bones[2], right.bones[0])
                    && !tree.is_under(right.bones[2], left.bones[0])
                    && left.bones.iter().all(|bone| !right.bones.contains(bone));
                let [of_left, of_right] = &kind.joints;
                if !(apart && self.fits(left, of_left) && self.fits(right, of_right)) {
                    continue;
                }
                let given = left.given || right.given;
                let shape = mirror(tree, left, right, up) * (left.shape * right.shape).sqrt();
                let names = f64::midpoint(left.names, right.names);
                if !given && names < LEAST_NAMES && shape < LEAST_SHAPE {
                    continue;
                }
                let sides = match (left.side, right.side) {
                    (Some(Side::Left), Some(Side::Right)) => 1.0,
                    (Some(Side::Right), Some(Side::Left)) => -1.0,
                    (Some(_), Some(_)) => continue,
                    _ => 0.0,
                };
                let score = left.worth() + right.worth() + MIRROR_WEIGHT * shape + sides;
                if best.is_none_or(|best| score > best.score) {
                    let (left, right) = (left.bones, right.bones);
                    best = Some(Pair { left, right, sided: sides > 0.0, names, shape, score });
                }
            }
        }
        best
    }
}

/// Among how many ancestors of a bone the one before it in a limb is looked for.
fn reach(tree: &BoneTree, bones: &[usize]) -> usize {
    let mut depths = vec![0_usize; tree.bones().len()];
    for &bone in bones {
        depths[bone] = tree.bones()[bone].parent.map_or(0, |parent| depths[parent] + 1);
    }
    let triples = |reach: usize| -> usize {
        let middles = bones.iter().flat_map(|bone| tree.above(*bone).take(reach));
        middles.map(|middle| depths[middle].min(reach)).sum()
    };
    let mut reaches = (LEAST_REACH..=REACH).rev();
    reaches.find(|reach| triples(*reach) <= MOST_TRIPLES).unwrap_or(LEAST_REACH)
}

/// 0 up to `low`, 1 from `high` on, linear in between.
pub(super) fn ramp(x: f64, low: f64, high: f64) -> f64 {
    ((x - low) / (high - low)).clamp(0.0, 1.0)
}

/// How much three bones look like a limb, 0 to 1.
fn shape(kind: &LimbKind, tree: &BoneTree, bones: [usize; 3], up: DVec3, height: f64) -> f64 {
    let [top, middle, end] = bones.map(|b| tree.position(b));
    let (first, second) = (middle - top, end - middle);
    let (a, b) = (first.length(), second.length());
    if a.min(b) < 1e-6 * height || height <= 0.0 {
        return 0.0;
    }
    let ratio = ((b / a / kind.ratio).ln() / RATIO_SPREAD).powi(2);
    let straight = ramp(first.dot(second) / (a * b), 0.3, 0.8);
    let long = ((a + b) / height / kind.length).min(1.0);
    let looks = if kind.down {
        // Legs point down.
        ramp(-(end - top).normalize().dot(up), 0.4, 0.8)
    } else if tree.path(bones[0], bones[2]).iter().any(|b| *b != bones[2] && spreads(tree, *b)) {
        BEYOND_FINGERS
    } else if tree.children(bones[2]).nth(1).is_some() {
        1.0
    } else {
        // Hands have fingers. In a hand without any, one of its own fingers could score as well.
        FINGERLESS
    };
    // Bones in between are twist bones and lie on the line; one off the line is a joint left out.
    let step = |b: usize| {
        tree.bones()[b]
            .parent
            .map_or(0.0, |parent| tree.position(b).distance(tree.position(parent)))
    };
    let path: f64 = tree.path(bones[0], bones[2]).into_iter().map(step).sum();
    // Bones that hang elsewhere have no path.
    let direct = if path > 0.0 { ramp((a + b) / path, 0.9, 0.98) } else { 1.0 };
    (-0.5 * ratio).exp() * straight * long * looks * direct
}

/// Whether three chains or more begin at a bone, as fingers at a hand; twist bones are no chains.
fn spreads(tree: &BoneTree, bone: usize) -> bool {
    let chains = tree.children(bone).filter(|child| tree.children(*child).next().is_some());
    chains.count() >= 3
}

/// How well two limbs mirror each other, 0 to 1: equal lengths, and level, parallel lines between
/// corresponding bones.
fn mirror(tree: &BoneTree, left: &Limb, right: &Limb, up: DVec3) -> f64 {
    let across: [DVec3; 3] = std::array::from_fn(|i| {
        (tree.position(left.bones[i]) - tree.position(right.bones[i])).normalize_or_zero()
    });
    let parallel = across[0].dot(across[1]).min(across[1].dot(across[2]));
    let level = across.iter().map(|v| v.dot(up).abs()).fold(0.0, f64::max);
    let length = |limb: &Limb, i: usize| {
        tree.position(limb.bones[i]).distance(tree.position(limb.bones[i + 1]))
    };
    let equal: f64 = (0..2)
        .map(|i| {
            let (a, b) = (length(left, i), length(right, i));
            a.min(b) / a.max(b).max(f64::MIN_POSITIVE)
        })
        .product();
    ramp(parallel, 0.7, 0.98) * (1.0 - ramp(level, 0.1, 0.5)) * ramp(equal, 0.6, 0.95)
}
