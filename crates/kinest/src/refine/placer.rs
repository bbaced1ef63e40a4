//! Places head and hands at their trackers, through dropouts.

use super::dropout::{Bridge, DropoutSettings};
use super::place::Place;
use super::{Arm, place_head, reaching_turn, turn_chest};
use crate::rotation::{exp, log};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::{Teleport, TrackerPose};
use glam::{DQuat, DVec3};

/// Maximum rotation speed of the chest towards hands out of reach, rad/s.
const CHEST_SPEED: f64 = 4.0;

/// Places the head and hands of one body at their trackers, through dropouts.
///
/// During a dropout a hand is held and then follows the estimate; while the head is lost, all three
/// are held. Changes are blended without a jump, adding at most
/// [`return_speed`](DropoutSettings::return_speed) to the joint's own speed. While all three are
/// tracked this equals [`place_trackers`](super::place_trackers) with a speed limit on the trunk,
/// so that a hand that jumps away for one frame does not displace the body.
#[derive(Clone, Debug, Default)]
pub struct TrackerPlacer {
    bridges: [Bridge; 3],
    /// Rotation of the chest towards hands out of reach: a rotation vector in world axes, radians.
    chest: DVec3,
}

impl TrackerPlacer {
    /// Corrects `pose`, which comes `dt` seconds after the previous one with its root in place, so
    /// that head and wrists are at `trackers` (head, left hand, right hand).
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        settings: &DropoutSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        dt: f64,
    ) {
        self.apply_with(settings, skeleton, pose, trackers, &[None; 3], dt);
    }

    /// Like [`apply`](Self::apply), with joints of lost trackers that follow a `forecast` instead
    /// of being held. The forecast must start at their last shown places.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply_with(
        &mut self,
        settings: &DropoutSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        forecast: &[Option<TrackerPose>; 3],
        dt: f64,
    ) {
        let [head, left, right] = trackers else { panic!("{} trackers, not 3", trackers.len()) };
        let [head_forecast, left_forecast, right_forecast] =
            forecast.each_ref().map(|joint| joint.as_ref().map(Place::from));
        let [head_bridge, left_bridge, right_bridge] = &mut self.bridges;
        let estimated = joint_place(skeleton, pose, SmplJoint::Head);
        let seen = head.tracked.then(|| Place::from(head));
        let place = head_bridge.step(settings, seen, head_forecast, estimated, false, dt);
        place_head(skeleton, pose, &place.into());
        let frozen = head_bridge.lost().is_some_and(|lost| (0.0..settings.freeze).contains(&lost));
        let may_relax = head.tracked || !frozen;
        let arms = [
            (Arm::LEFT, SmplJoint::LeftWrist, left, left_forecast, left_bridge),
            (Arm::RIGHT, SmplJoint::RightWrist, right, right_forecast, right_bridge),
        ];
        let places = arms.map(|(arm, joint, hand, forecast, bridge)| {
            let estimated = joint_place(skeleton, pose, joint);
            let seen = (head.tracked && hand.tracked).then(|| Place::from(hand));
            let place = bridge.step(settings, seen, forecast, estimated, may_relax, dt);
            (arm, place, place != estimated, seen.is_some())
        });
        let hands = places.map(|(_, place, _, seen)| seen.then_some(place.position));
        if may_relax {
            let needed = log(reaching_turn(skeleton, pose, hands));
            self.chest += (needed - self.chest).clamp_length_max(CHEST_SPEED * dt);
        }
        turn_chest(skeleton, pose, exp(self.chest));
        let turned = self.chest != DVec3::ZERO;
        for (arm, place, elsewhere, _) in places {
            if turned || elsewhere {
                arm.place_hand(skeleton, pose, &place.into());
            }
        }
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.chest = by.rotation() * self.chest;
        self.bridges.iter_mut().for_each(|bridge| bridge.teleport(by));
    }

    /// Clears the shown places.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The place of a joint, computed from the same matrices as its trackers, so that equality is
/// exact.
pub(crate) fn joint_place(skeleton: &Skeleton, pose: &Pose, joint: SmplJoint) -> Place {
    let joints = skeleton.pose_joints(pose);
    let j = joint.index();
    Place { position: joints.positions[j], rotation: DQuat::from_mat3(&joints.rotations[j]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::tracker::{TrackerFrame, TrackerSet};
    use glam::DMat3;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const DT: f64 = 1.0 / 60.0;

    /// A walk, and estimates of it with hanging arms.
    fn walk() -> Vec<(Pose, Pose)> {
        let shoulders = [(SmplJoint::LeftShoulder, -1.4), (SmplJoint::RightShoulder, 1.4)];
        let estimate = |truth: &Pose| {
            let mut pose = *truth;
            for (shoulder, turn) in shoulders {
                pose.rotations[shoulder.index()] = DQuat::from_rotation_z(turn);
                pose.rotations[shoulder.index() + 2] = DQuat::IDENTITY;
            }
            pose
        };
        let frames = walk_and_wave(&Skeleton::default()).resampled(60.0).frames;
        frames.iter().map(Pose::from).map(|truth| (truth, estimate(&truth))).collect()
    }

    fn trackers(skeleton: &Skeleton, pose: &Pose) -> Vec<TrackerPose> {
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &skeleton.pose_joints(pose)).poses
    }

    fn places(skeleton: &Skeleton, pose: &Pose) -> [DVec3; 3] {
        let positions = skeleton.pose_joints(pose).positions;
        [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist].map(|j| positions[j.index()])
    }

    /// Random dropouts: no joint moves faster than its source and the return speed together, a
    /// tracker tracked for a while is met exactly, and one in a long dropout follows the network.
    #[test]
    fn dropouts_cause_no_jumps() {
        let (skeleton, settings) = (Skeleton::default(), DropoutSettings::default());
        let walk = walk();
        let own = walk.windows(2).flat_map(|w| {
            let [a, b] = [&w[0], &w[1]].map(|(t, e)| [places(&skeleton, t), places(&skeleton, e)]);
            (0..2).flat_map(move |i| (0..3).map(move |k| a[i][k].distance(b[i][k])))
        });
        let fastest = own.fold(0.0, f64::max);
        let limit = fastest + settings.return_speed * DT + 0.002;
        assert!(limit < 0.15, "{limit} m in a frame");
        let (mut exact, mut left_alone, mut gone_frames) = (0, 0, 0);
        for seed in 0..12 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut placer = TrackerPlacer::default();
            let mut lost = [false; 3];
            let mut since = [0.0_f64; 3];
            let mut before: Option<[DVec3; 3]> = None;
            for (i, (truth, estimate)) in walk.iter().enumerate() {
                for k in 0..3 {
                    // One second on average each way; dropouts of the head are rarer.
                    let odds = if k == 0 && !lost[0] { 0.004 } else { 0.016 };
                    let changes = i > 0 && random.random_bool(odds);
                    since[k] = if changes { 0.0 } else { since[k] + DT };
                    lost[k] ^= changes;
                }
                let mut seen = trackers(&skeleton, truth);
                for k in 0..3 {
                    if lost[k] {
                        seen[k] = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
                    }
                }
                let mut pose = *estimate;
                placer.apply(&settings, &skeleton, &mut pose, &seen, DT);
                assert!(pose.is_finite(), "frame {i}");
                let now = places(&skeleton, &pose);
                if let Some(before) = before {
                    for (k, (a, b)) in before.iter().zip(&now).enumerate() {
                        assert!(
                            a.distance(*b) < limit,
                            "seed {seed} frame {i} {k}: {}",
                            a.distance(*b)
                        );
                    }
                }
                before = Some(now);
                let settled = !lost[0] && since[0] > 1.5;
                for k in 1..3 {
                    gone_frames += usize::from(lost[k]);
                    if settled && since[k] > 1.5 {
                        let wanted = if lost[k] {
                            left_alone += 1;
                            let mut untouched = *estimate;
                            place_head(&skeleton, &mut untouched, &seen[0]);
                            places(&skeleton, &untouched)[k]
                        } else {
                            exact += 1;
                            places(&skeleton, truth)[k]
                        };
                        assert!(now[k].distance(wanted) < 1e-6, "seed {seed} frame {i}");
                    }
                }
            }
        }
        assert!(exact > 200 && left_alone > 100 && gone_frames > 1000, "{exact} {left_alone}");
    }

    #[test]
    fn a_body_without_a_head_freezes_with_its_hands_and_then_rests() {
        let (skeleton, settings) = (Skeleton::default(), DropoutSettings::default());
        let walk = walk();
        let mut placer = TrackerPlacer::default();
        let mut frozen = None;
        for (i, (truth, estimate)) in walk.iter().take(200).enumerate() {
            let mut seen = trackers(&skeleton, truth);
            if i >= 20 {
                seen[0] = seen[0].lost();
            }
            // The caller shows the same body during the dropout of the head.
            let mut pose = walk[i.min(20)].1;
            _ = estimate;
            placer.apply(&settings, &skeleton, &mut pose, &seen, DT);
            let now = places(&skeleton, &pose);
            if i == 19 {
                frozen = Some(now);
            }
            if (20..75).contains(&i) {
                for (a, b) in frozen.unwrap().iter().zip(&now) {
                    assert!(a.distance(*b) < 1e-9, "frame {i}");
                }
            }
        }
        let mut untouched = walk[20].1;
        let mut pose = untouched;
        let seen = trackers(&skeleton, &walk[199].0).iter().map(|t| t.lost()).collect::<Vec<_>>();
        placer.apply(&settings, &skeleton, &mut pose, &seen, DT);
        let head = trackers(&skeleton, &walk[19].0)[0];
        place_head(&skeleton, &mut untouched, &head);
        let [a, b] = [&pose, &untouched].map(|pose| places(&skeleton, pose));
        assert!((0..3).all(|k| a[k].distance(b[k]) < 1e-6), "the caller's arms by now");
    }

    #[test]
    fn a_reaching_trunk_is_held_while_the_head_is_not_tracked() {
        let (skeleton, settings) = (Skeleton::default(), DropoutSettings::default());
        let (truth, _) = walk()[0];
        let mut seen = trackers(&skeleton, &truth);
        let shoulder = skeleton.pose_joints(&truth).positions[SmplJoint::LeftShoulder.index()];
        let ahead = truth.rotations[0] * DVec3::Z;
        let length = [SmplJoint::LeftElbow, SmplJoint::LeftWrist]
            .map(|joint| skeleton.offsets[joint.index()].length());
        seen[1].position = shoulder + ahead * (length[0] + length[1] + 0.1);
        let mut placer = TrackerPlacer::default();
        let mut shown = |seen: &[TrackerPose]| {
            let mut pose = truth;
            placer.apply(&settings, &skeleton, &mut pose, seen, DT);
            pose
        };
        let reaching = (0..60).map(|_| shown(&seen)).last().unwrap();
        let chest = SmplJoint::Spine3.index();
        assert!(reaching.rotations[chest].angle_between(truth.rotations[chest]) > 0.05);
        seen[0] = seen[0].lost();
        for frame in 0..30 {
            let frozen = shown(&seen);
            for (a, b) in frozen.rotations.iter().zip(&reaching.rotations) {
                assert!(a.angle_between(*b) < 1e-6, "frame {frame}");
            }
        }
    }
}
