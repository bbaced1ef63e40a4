//! Stand-ins for lost hands, for networks trained without dropouts.

use super::rest_under_head;
use crate::refine::{Bridge, DropoutSettings, Place, joint_place};
use crate::skeleton::{Skeleton, SmplJoint};
use crate::tracker::{Teleport, TrackerPose, TrackerRole};
use glam::DQuat;
use std::f64::consts::FRAC_PI_2;

/// Replaces lost hands for networks trained without dropouts.
///
/// Without it, such a network would get a hand frozen in the air while the player walks away.
/// Instead the hand is held for a moment, then lowered to the side, and moved back when tracking
/// returns, without a jump and at human speed. While the head is lost, hands are held with it;
/// otherwise they would move away from a head that stays at its last pose, and jump back when it
/// returns.
#[derive(Clone, Debug, Default)]
pub struct HandStandIn {
    hands: [Bridge; 2],
}

impl HandStandIn {
    /// Replaces the lost hands among `trackers` (head, left, right). `dt` is the time since the
    /// last call, seconds.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        settings: &DropoutSettings,
        skeleton: &Skeleton,
        trackers: &mut [TrackerPose],
        dt: f64,
    ) {
        let [head, hands @ ..] = trackers else { panic!("no trackers") };
        let roles = [TrackerRole::LeftHand, TrackerRole::RightHand];
        for ((hand, bridge), role) in hands.iter_mut().zip(&mut self.hands).zip(roles) {
            let here = Place::from(&*hand);
            let seen = (head.tracked && hand.tracked).then_some(here);
            let lowered = Place::from(&lowered_hand(skeleton, head, role));
            let place = bridge.step(settings, seen, None, lowered, head.tracked, dt);
            if !hand.tracked || place != here {
                *hand = place.into();
            }
        }
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.hands.iter_mut().for_each(|bridge| bridge.teleport(by));
    }
}

/// Wrist of an upright player below `head` with hanging arms.
#[must_use]
pub fn lowered_hand(skeleton: &Skeleton, head: &TrackerPose, role: TrackerRole) -> TrackerPose {
    let mut pose = rest_under_head(skeleton, head);
    let (shoulder, side) = match role {
        TrackerRole::RightHand => (SmplJoint::RightShoulder, 1.0),
        _ => (SmplJoint::LeftShoulder, -1.0),
    };
    // Short of vertical, to clear the hips.
    pose.rotations[shoulder.index()] = DQuat::from_rotation_z(side * 0.9 * FRAC_PI_2);
    joint_place(skeleton, &pose, role.joint()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::Pose;
    use crate::tracker::{TrackerFrame, TrackerSet};

    const DT: f64 = 1.0 / 60.0;

    /// The trackers of a walking body.
    fn walk(skeleton: &Skeleton) -> Vec<Vec<TrackerPose>> {
        let trackers = |pose: Pose| {
            let joints = skeleton.pose_joints(&pose);
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints).poses
        };
        let frames = walk_and_wave(skeleton).resampled(60.0).frames;
        frames.iter().map(Pose::from).map(trackers).collect()
    }

    /// The head is lost for more than 1 s while the player walks on, and returns elsewhere.
    #[test]
    fn hands_stay_with_a_head_that_is_lost() {
        let (skeleton, settings) = (Skeleton::default(), DropoutSettings::default());
        let walk = walk(&skeleton);
        let mut stand_in = HandStandIn::default();
        let mut before: Option<Vec<TrackerPose>> = None;
        let mut left_behind = 0.0_f64;
        for (i, truth) in walk.iter().take(300).enumerate() {
            let mut shown = truth.clone();
            if let Some(before) = &mut before {
                if (60..140).contains(&i) {
                    left_behind = left_behind.max(shown[0].position.distance(before[0].position));
                    shown[0] = before[0].lost();
                } else if i == 140 {
                    let by = Teleport::between(&before[0], &shown[0]);
                    stand_in.teleport(&by);
                    before.iter_mut().for_each(|pose| pose.teleport(&by));
                }
            }
            stand_in.apply(&settings, &skeleton, &mut shown, DT);
            for (a, b) in before.iter().flatten().zip(&shown).skip(1) {
                let moved = a.position.distance(b.position);
                assert!(moved < 0.12, "frame {i}: {moved} m");
            }
            before = Some(shown);
        }
        assert!(left_behind > 0.8, "a walk of {left_behind} m");
    }

    /// The network always gets a plausible hand.
    #[test]
    fn a_lost_hand_is_lowered_and_moved_back_once_found() {
        let (skeleton, settings) = (Skeleton::default(), DropoutSettings::default());
        let walk = walk(&skeleton);
        let mut stand_in = HandStandIn::default();
        let mut before: Option<Vec<TrackerPose>> = None;
        for (i, truth) in walk.iter().take(400).enumerate() {
            let lost = (60..200).contains(&i);
            let mut shown = truth.clone();
            if lost {
                shown[1] = shown[1].lost();
            }
            stand_in.apply(&settings, &skeleton, &mut shown, DT);
            assert!(shown.iter().all(|t| t.tracked && t.position.is_finite()));
            assert_eq!(shown[2], truth[2]);
            if !(60..260).contains(&i) {
                assert_eq!(shown[1], truth[1], "frame {i}");
            }
            if i == 199 {
                let beside = shown[1].position - truth[0].position;
                assert!(beside.z < -0.6 && beside.truncate().length() < 0.5, "hangs: {beside}");
            }
            if let Some(before) = &before {
                let moved = shown[1].position.distance(before[1].position);
                assert!(moved < 0.12, "frame {i}: {moved} m");
            }
            before = Some(shown);
        }
    }
}
