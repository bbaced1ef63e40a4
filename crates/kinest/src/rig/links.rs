//! The bones that are written: which one carries which, and their local transforms.
//!
//! A bone is where the bone before it *in the body* carries it: a hand at the end of its forearm, a
//! thigh at the hips. In most characters that bone is also above it in the tree of nodes, and the
//! nodes carry it. Where it is not (feet that are roots of their own, thighs under the spine, collars
//! under the neck, deforming bones on another branch), its position is computed and written.

use super::map::{DrivenBone, RigMap};
use super::tree::BoneTree;
use super::twist::TwistBone;
use crate::skeleton::SmplJoint as J;
use glam::{DAffine3, DQuat, DVec3};

/// Local transform of one bone, relative to its parent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoneWrite {
    /// Rotation of every written bone.
    pub rotation: DQuat,
    /// Only for bones that the nodes above them do not carry to their place; the others keep the
    /// translation of the rest pose.
    pub translation: Option<DVec3>,
    /// Only for the topmost written bones; the others keep the scale of the rest pose.
    pub scale: Option<DVec3>,
}

/// The rotation a joint's bone takes: that of the joint, or interpolated towards the next one.
pub(super) type Driver = (J, Option<(J, f64)>);

/// One written bone.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub bone: usize,
    /// `None` for twist bones.
    pub driver: Option<Driver>,
    /// The link that carries it: none for the first one.
    pub carrier: Option<usize>,
    /// Rest position, rig space.
    pub rest: DVec3,
    /// The next written bone above it in the tree; the bones in between move with that.
    above: Option<usize>,
    /// Whether the bones above do not carry it.
    placed: bool,
    /// Rest axes of the parent, rig space.
    parent_axes: DQuat,
    parent_from_rig: DAffine3,
    /// Rest rotation and scale relative to the parent.
    rotation: DQuat,
    scale: DVec3,
}

/// All written bones, parents before children.
#[derive(Clone, Debug)]
pub(super) struct Links {
    links: Vec<Link>,
    /// Indices of links, carriers first.
    order: Vec<usize>,
}

/// Number of joints between the pelvis and a bone; fractions for bones between joints.
fn rank((joint, toward): Driver) -> f64 {
    let above = std::iter::successors(joint.parent(), |joint| joint.parent()).count();
    above as f64 + toward.map_or(0.0, |(_, part)| part)
}

/// The joint at or after a bone.
fn next((joint, toward): Driver) -> J {
    toward.map_or(joint, |(next, _)| next)
}

fn is_pelvis(driver: Driver) -> bool {
    driver == (J::Pelvis, None)
}

fn is_spine(driver: Driver) -> bool {
    !is_pelvis(driver) && matches!(next(driver), J::Spine1 | J::Spine2 | J::Spine3)
}

impl Link {
    fn at_rest(tree: &BoneTree, bone: usize, driver: Option<Driver>, above: Option<usize>) -> Self {
        let at_rest = &tree.bones()[bone];
        let rig_from_parent = at_rest.parent.map_or(DAffine3::IDENTITY, |p| tree.rest(p));
        Self {
            bone,
            driver,
            carrier: None,
            rest: tree.position(bone),
            above,
            placed: false,
            parent_axes: at_rest.parent.map_or(DQuat::IDENTITY, |p| tree.axes(p)),
            parent_from_rig: rig_from_parent.inverse(),
            rotation: at_rest.rotation.normalize(),
            scale: at_rest.scale,
        }
    }
}

impl Links {
    pub fn new(tree: &BoneTree, map: &RigMap, twists: &[TwistBone]) -> Self {
        let driven = map.driven().iter().map(|d: &DrivenBone| (d.bone, Some((d.joint, d.toward))));
        let mut written: Vec<(usize, Option<Driver>)> = driven.collect();
        let root = root(tree, map);
        if let Some(root) = root
            && !written.iter().any(|(bone, _)| *bone == root)
        {
            // It moves as if it were fixed to the hips.
            written.push((root, Some((J::Pelvis, None))));
        }
        written.extend(twists.iter().map(|twist| (twist.bone, None)));
        written.sort_by_key(|(bone, _)| *bone);
        let link_of = |bone: usize| written.iter().position(|(b, _)| *b == bone);

        let links = written.iter().map(|&(bone, driver)| {
            let above = tree.above(bone).find_map(link_of);
            Link::at_rest(tree, bone, driver, above)
        });
        let mut links: Vec<Link> = links.collect();
        let mut order: Vec<usize> = (0..links.len()).filter(|i| written[*i].1.is_some()).collect();
        order.sort_by(|a, b| {
            let late = |i: usize| Some(written[i].0) != root;
            let rank = |i: usize| written[i].1.map_or(0.0, rank);
            late(*a).cmp(&late(*b)).then(rank(*a).total_cmp(&rank(*b))).then(a.cmp(b))
        });
        for (at, &i) in order.iter().enumerate().skip(1) {
            let (carrier, by_nodes) = carrier(tree, &links, &order[..at], i);
            links[i].carrier = Some(carrier);
            links[i].placed = !by_nodes;
        }
        for twist in twists {
            let (Some(i), Some(from)) = (link_of(twist.bone), link_of(twist.from)) else {
                continue;
            };
            links[i].carrier = Some(from);
            links[i].placed = links[i].above != Some(from);
            order.push(i);
        }
        for link in &mut links {
            link.placed |= link.above.is_none();
        }
        Self { links, order }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Link> {
        self.links.iter()
    }

    pub fn get(&self, link: usize) -> &Link {
        &self.links[link]
    }

    /// The index of a bone's link.
    pub fn of(&self, bone: usize) -> Option<usize> {
        self.links.iter().position(|link| link.bone == bone)
    }

    /// The link that a bone moves with, and the step from it to the bone in the rest pose.
    pub fn point(&self, tree: &BoneTree, bone: usize) -> Option<(usize, DVec3)> {
        let link = tree.upwards(bone).find_map(|b| self.of(b)).or(self.order.first().copied())?;
        Some((link, tree.position(bone) - self.links[link].rest))
    }

    /// Positions of all links, rig space, for rotations relative to the rest pose; the first of all
    /// is at `origin`.
    pub fn carry(&self, turns: &[DQuat], scale: f64, origin: DVec3, positions: &mut [DVec3]) {
        for &i in &self.order {
            let link = &self.links[i];
            positions[i] = link.carrier.map_or(origin, |c| {
                positions[c] + turns[c] * (scale * (link.rest - self.links[c].rest))
            });
        }
    }

    /// The local transform of a link.
    pub fn write(&self, i: usize, turns: &[DQuat], scale: f64, positions: &[DVec3]) -> BoneWrite {
        let link = &self.links[i];
        let above = link.above.map_or(DQuat::IDENTITY, |above| turns[above]);
        let against_parent = above.conjugate() * turns[i];
        let in_parent = link.parent_axes.conjugate() * against_parent * link.parent_axes;
        let at = || {
            // Where the bone would be if the bone above were at rest.
            let at = link.above.map_or(positions[i], |j| {
                self.links[j].rest + above.conjugate() * (positions[i] - positions[j]) / scale
            });
            link.parent_from_rig.transform_point3(at)
        };
        BoneWrite {
            rotation: (in_parent * link.rotation).normalize(),
            translation: link.placed.then(at),
            scale: link.above.is_none().then_some(link.scale * scale),
        }
    }
}

/// The link that carries the link `i`, of those `before` it, and whether the nodes do so.
fn carrier(tree: &BoneTree, links: &[Link], before: &[usize], i: usize) -> (usize, bool) {
    let bone = links[i].bone;
    let is_above = |j: usize| tree.is_under(bone, links[j].bone);
    let Some(driver) = links[i].driver else { return (before[0], false) };
    let line: Vec<J> = std::iter::successors(Some(next(driver)), |joint| joint.parent()).collect();
    // The nearest bone before it in the body; of equals, one that is above it in the tree.
    let precedes = |j: usize| {
        let other = links[j].driver?;
        let lower = rank(other) < rank(driver) || rank(other) == rank(driver) && is_above(j);
        (lower && line.contains(&next(other))).then_some((j, other))
    };
    let best = before.iter().filter_map(|j| precedes(*j)).max_by(|(a, of_a), (b, of_b)| {
        let by_tree = is_above(*a).cmp(&is_above(*b));
        rank(*of_a).total_cmp(&rank(*of_b)).then(by_tree).then(a.cmp(b))
    });
    // Both halves of hips move as one, and it is for the character to say which bone of its spine
    // its shoulders are fixed to.
    let as_good = |j: usize, best: Driver| {
        links[j].driver.is_some_and(|other| {
            is_pelvis(other) && is_pelvis(best)
                || is_spine(other) && is_spine(best) && !is_spine(driver)
        })
    };
    let has_joint = |j: &usize| links[*j].driver.is_some();
    let by_nodes = std::iter::successors(links[i].above, |j| links[*j].above)
        .find(has_joint)
        .filter(|j| before.contains(j))
        .filter(|j| best.is_none_or(|(best, of_best)| *j == best || as_good(*j, of_best)));
    let carrier = by_nodes.or(best.map(|(best, _)| best)).unwrap_or(before[0]);
    (carrier, by_nodes.is_some())
}

/// The lowest common ancestor of all driven bones; `None` if they stand in several trees.
fn root(tree: &BoneTree, map: &RigMap) -> Option<usize> {
    let mut bones = map.driven().iter().map(|d| d.bone);
    let first = bones.next()?;
    bones.try_fold(first, |root, bone| tree.common(root, bone))
}
