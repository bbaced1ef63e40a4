//! Rotates the trunk towards hands that the arms cannot reach.

use super::Place;
use super::arm::Arm;
use crate::rotation::{exp, log};
use crate::skeleton::{Pose, Skeleton, SmplJoint, lean};
use glam::{DQuat, DVec3};

use SmplJoint as J;

/// Maximum twist of the chest about the trunk's axis, radians: 35°, half the range of a spine.
const TWIST_LIMIT: f64 = 0.6;
/// Maximum lean of the chest, radians: the head stays, so the pelvis moves the other way.
const LEAN_LIMIT: f64 = 0.15;

/// Distances (m) of a hand beyond reach: the trunk follows fully up to the first and not at all
/// from the second, because such a hand is a glitch or not the player's.
const BEYOND_BELIEF: [f64; 2] = [0.1, 0.3];

/// Number of iterations. One hand gets its full rotation, each of two hands half of the remaining
/// one per iteration; a thousandth remains.
const ROUNDS: usize = 10;
/// A needed rotation below this counts as met, radians.
const MET: f64 = 1e-6;

/// The smallest rotation of the chest about the neck, in world axes, with which the arms reach
/// `hands` (left, right; `None` if there is none). The shoulder girdle's reach is used first, then
/// twist, then lean. For hands that are still far out of reach, the rotation fades to none.
pub(super) fn reaching_turn(skeleton: &Skeleton, pose: &Pose, hands: [Option<DVec3>; 2]) -> DQuat {
    let neck = Place::of(skeleton, pose, J::Neck).position;
    let axis = (neck - Place::of(skeleton, pose, J::Pelvis).position).normalize();
    let arms = [(Arm::LEFT, hands[0]), (Arm::RIGHT, hands[1])]
        .map(|(arm, hand)| Some((arm.top(skeleton, pose, neck), hand? - neck)));
    let turned = |start: DQuat, limit: f64, needed: &dyn Fn(DVec3, DVec3, f64) -> DQuat| {
        let mut turn = DQuat::IDENTITY;
        for _ in 0..ROUNDS {
            let turns = arms.iter().flatten().map(|(arm, hand)| {
                let (shoulder, reach) = arm.shoulder(turn * start, *hand);
                log(needed(shoulder, *hand, reach))
            });
            let needs = turns.filter(|turn| turn.length() > MET);
            let (both, count) = needs.fold((DVec3::ZERO, 0), |(sum, n), turn| (sum + turn, n + 1));
            if count == 0 {
                break;
            }
            turn = exp(log(exp(both / f64::from(count)) * turn).clamp_length_max(limit));
        }
        turn
    };
    let twist = turned(DQuat::IDENTITY, TWIST_LIMIT, &|shoulder, hand, reach| {
        let along = (hand - shoulder).dot(axis);
        let across = (reach * reach - along * along).max(0.0).sqrt();
        let [shoulder, hand] = [shoulder, hand].map(|p| p.reject_from_normalized(axis));
        lean(shoulder, hand, across, TWIST_LIMIT)
    });
    let leant =
        turned(twist, LEAN_LIMIT, &|shoulder, hand, reach| lean(shoulder, hand, reach, LEAN_LIMIT));
    let turn = leant * twist;
    let missing = arms.iter().flatten().map(|(arm, hand)| {
        let (shoulder, reach) = arm.shoulder(turn, *hand);
        shoulder.distance(*hand) - reach
    });
    let [most, none] = BEYOND_BELIEF;
    let doubt = (missing.fold(0.0, f64::max) - most) / (none - most);
    DQuat::IDENTITY.slerp(turn, 1.0 - doubt.clamp(0.0, 1.0))
}

/// Rotates the chest about the neck. The spine shares the rotation, so that the pelvis keeps its
/// own; the pelvis moves when the trunk leans, because the head stays.
pub(super) fn turn_chest(skeleton: &Skeleton, pose: &mut Pose, turn: DQuat) {
    if turn == DQuat::IDENTITY {
        return;
    }
    let neck = Place::of(skeleton, pose, J::Neck).position;
    let chain = [J::Pelvis, J::Spine1, J::Spine2, J::Spine3, J::Neck];
    let mut worlds = chain.map(|joint| Place::of(skeleton, pose, joint).rotation);
    for (world, share) in worlds[1..4].iter_mut().zip([1.0 / 3.0, 2.0 / 3.0, 1.0]) {
        *world = DQuat::IDENTITY.slerp(turn, share) * *world;
    }
    for (pair, joint) in worlds.windows(2).zip(&chain[1..]) {
        pose.rotations[joint.index()] = (pair[0].conjugate() * pair[1]).normalize();
    }
    pose.translation += neck - Place::of(skeleton, pose, J::Neck).position;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refine::place_trackers;
    use crate::refine::tests::mirrored;
    use crate::rotation::geodesic_angle;
    use crate::tracker::{TrackerFrame, TrackerPose, TrackerSet};

    const WRISTS: [J; 2] = [J::LeftWrist, J::RightWrist];

    fn at(skeleton: &Skeleton, pose: &Pose, joint: J) -> Place {
        Place::of(skeleton, pose, joint)
    }

    /// A rest pose with both hands in front, each `beyond` metres further from its shoulder than
    /// the arm is long.
    fn reaching(skeleton: &Skeleton, beyond: [f64; 2]) -> (Pose, Vec<TrackerPose>) {
        let pose = Pose::rest();
        let joints = skeleton.pose_joints(&pose);
        let mut trackers = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints).poses;
        let length = skeleton.offsets[J::LeftElbow.index()].length()
            + skeleton.offsets[J::LeftWrist.index()].length();
        let shoulders = [J::LeftShoulder, J::RightShoulder];
        for ((hand, shoulder), beyond) in trackers[1..].iter_mut().zip(shoulders).zip(beyond) {
            // A body at rest faces −y.
            hand.position = joints.positions[shoulder.index()] + DVec3::NEG_Y * (length + beyond);
        }
        (pose, trackers)
    }

    #[test]
    fn hands_in_reach_do_not_rotate_the_trunk() {
        let skeleton = Skeleton::default();
        let (mut pose, trackers) = reaching(&skeleton, [-0.05, -0.3]);
        let before = pose;
        let hands = [1, 2].map(|k| Some(trackers[k].position));
        let turn = reaching_turn(&skeleton, &pose, hands);
        assert_eq!(turn, DQuat::IDENTITY);
        turn_chest(&skeleton, &mut pose, turn);
        assert_eq!(pose, before);
    }

    /// Beyond the girdle's reach the trunk twists; head and pelvis do not rotate.
    #[test]
    fn a_hand_far_ahead_is_met_by_a_twist() {
        let skeleton = Skeleton::default();
        let (rest, trackers) = reaching(&skeleton, [0.1, -0.2]);
        let mut pose = rest;
        place_trackers(&skeleton, &mut pose, &trackers);
        for (wrist, hand) in WRISTS.into_iter().zip(&trackers[1..]) {
            let off = at(&skeleton, &pose, wrist).position.distance(hand.position);
            assert!(off < 1e-3, "{wrist:?}: {off}");
        }
        let head = at(&skeleton, &pose, J::Head);
        assert!(head.position.distance(trackers[0].position) < 1e-9);
        assert_eq!(pose.rotations[0], rest.rotations[0]);
        let [chest, before] = [&pose, &rest].map(|p| at(&skeleton, p, J::Spine3).rotation);
        let turn = log(chest * before.conjugate());
        // The left shoulder moves forward (−y): the trunk turns right.
        assert!(turn.z < -0.1 && turn.reject_from(DVec3::Z).length() < 0.1 * -turn.z, "{turn}");
        let moved = pose.translation.distance(rest.translation);
        assert!(moved < 0.01, "the pelvis stays below: {moved}");
    }

    #[test]
    fn both_hands_ahead_do_not_turn_the_trunk_to_one_side() {
        let skeleton = Skeleton::default();
        let (mut pose, trackers) = reaching(&skeleton, [0.1, 0.1]);
        place_trackers(&skeleton, &mut pose, &trackers);
        for (a, b) in mirrored(&pose).rotations.iter().zip(&pose.rotations) {
            assert!(geodesic_angle(*a, *b) < 1e-6);
        }
    }

    /// A hand moves away slowly without limit: the trunk follows, then returns, without a jump.
    #[test]
    fn hands_far_out_of_reach_are_ignored_without_a_jump() {
        const STEP: f64 = 0.005;
        let skeleton = Skeleton::default();
        let places = |beyond: f64| {
            let (mut pose, trackers) = reaching(&skeleton, [beyond, -0.2]);
            let hands = [1, 2].map(|k| Some(trackers[k].position));
            let turn = reaching_turn(&skeleton, &pose, hands);
            turn_chest(&skeleton, &mut pose, turn);
            skeleton.pose_joints(&pose).positions
        };
        let (start, end) = (places(-0.1), places(1.0));
        let furthest = |a: &[DVec3], b: &[DVec3]| {
            a.iter().zip(b).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max)
        };
        assert!(furthest(&start, &end) < 1e-9);
        let mut before = start;
        for i in 0..200 {
            let now = places(-0.1 + STEP * f64::from(i));
            let moved = furthest(&before, &now);
            assert!(moved < 0.05, "{moved} m for {STEP} m at {i}");
            before = now;
        }
    }
}
