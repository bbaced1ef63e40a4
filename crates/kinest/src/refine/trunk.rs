//! A trunk that turns for hands further away than arms are long.

use super::JointFrame;
use super::arm::Arm;
use super::limb::lean;
use crate::rotation::{exp, log};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use glam::{DQuat, DVec3};

use SmplJoint as J;

/// The most the chest twists about the trunk's own axis for a hand, radians: 35°, half of what spines can do.
const TWIST_LIMIT: f64 = 0.6;
/// The most it leans: the pelvis has to go the other way, as the head stays.
const LEAN_LIMIT: f64 = 0.15;

/// A hand that is still out of reach by this much, metres, is a glitch or somebody else's: up to the first the
/// trunk goes along, from the second on it stays where it is.
const BEYOND_BELIEF: [f64; 2] = [0.1, 0.3];

/// Both hands together get half of what each needs, this many times: what is left is a thousandth.
const ROUNDS: usize = 10;

/// Turns the chest about the neck, as little as needed, so that both arms reach `hands` (left, right): what
/// the shoulder girdle can do comes off first, and a twist goes before a lean. Returns whether anything has
/// changed.
///
/// The spine shares the turn, so that the pelvis keeps its rotation; it moves where the trunk leans, as the
/// head stays where it is. Hands that are far out of reach even so are not believed.
pub(crate) fn lean_to_hands(skeleton: &Skeleton, pose: &mut Pose, hands: [DVec3; 2]) -> bool {
    let neck = JointFrame::of(skeleton, pose, J::Neck).position;
    let axis = (neck - JointFrame::of(skeleton, pose, J::Pelvis).position).normalize();
    let arms = [Arm::LEFT, Arm::RIGHT].map(|arm| arm.top(skeleton, pose, neck));
    let hands = hands.map(|hand| hand - neck);
    let turned = |start: DQuat, limit: f64, needed: &dyn Fn(DVec3, DVec3, f64) -> DQuat| {
        let mut turn = DQuat::IDENTITY;
        for _ in 0..ROUNDS {
            let [left, right] = [0, 1].map(|k| {
                let (shoulder, reach) = arms[k].shoulder(turn * start, hands[k]);
                log(needed(shoulder, hands[k], reach))
            });
            if left == DVec3::ZERO && right == DVec3::ZERO {
                break;
            }
            turn = exp(log(exp((left + right) / 2.0) * turn).clamp_length_max(limit));
        }
        turn
    };
    let twist = turned(DQuat::IDENTITY, TWIST_LIMIT, &|shoulder, hand, reach| {
        let along = (hand - shoulder).dot(axis);
        let across = (reach * reach - along * along).max(0.0).sqrt();
        let [shoulder, hand] = [shoulder, hand].map(|p| p.reject_from_normalized(axis));
        lean(shoulder, hand, across, TWIST_LIMIT)
    });
    let leant = turned(twist, LEAN_LIMIT, &|shoulder, hand, reach| {
        lean(shoulder, hand, reach, LEAN_LIMIT)
    });
    let mut turn = leant * twist;
    if turn == DQuat::IDENTITY {
        return false;
    }
    let missing = arms.iter().zip(hands).map(|(arm, hand)| {
        let (shoulder, reach) = arm.shoulder(turn, hand);
        shoulder.distance(hand) - reach
    });
    let [most, none] = BEYOND_BELIEF;
    let doubt = (missing.fold(0.0, f64::max) - most) / (none - most);
    turn = DQuat::IDENTITY.slerp(turn, 1.0 - doubt.clamp(0.0, 1.0));

    let chain = [J::Pelvis, J::Spine1, J::Spine2, J::Spine3, J::Neck];
    let mut worlds = chain.map(|joint| JointFrame::of(skeleton, pose, joint).rotation);
    for (world, share) in worlds[1..4].iter_mut().zip([1.0 / 3.0, 2.0 / 3.0, 1.0]) {
        *world = DQuat::IDENTITY.slerp(turn, share) * *world;
    }
    for (pair, joint) in worlds.windows(2).zip(&chain[1..]) {
        pose.rotations[joint.index()] = (pair[0].conjugate() * pair[1]).normalize();
    }
    pose.translation += neck - JointFrame::of(skeleton, pose, J::Neck).position;
    true
}
