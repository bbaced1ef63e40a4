//! Trackers that are lost and found again.

use super::Displacement;
use super::fade::{Place, PlaceFade};
use super::rest_under_head;
use crate::refine::{Arm, place_head, reaching_turn, turn_chest};
use crate::rotation::{exp, log, quat_from_matrix};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::{TrackerPose, TrackerRole};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// How lost trackers are dealt with.
///
/// Measured with the defaults, the shipped model and all corrections in a game on the first 7 s of six CMU
/// clips: of three players hands are lost about once a second and heads once in four, for half a second on
/// average. Against a player who does the same and loses nothing, a joint moves further in a frame of
/// 1/60 s by at most
///
/// | trunk, head | wrists | elbows | knees | feet |
/// |---|---|---|---|---|
/// | 5 cm | 8 cm | 12 cm | 9 cm | 19 cm |
///
/// and by more than 10 cm in 7 of 3,876 frames: feet that the network moves elsewhere when it does not see
/// a hand. 5 cm are [`return_speed`](Self::return_speed).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossSettings {
    /// Seconds a lost hand is held where it was last seen.
    pub hold: f64,
    /// Seconds a body whose head is lost stays as it is, hands and all.
    pub freeze: f64,
    /// Seconds after either in which the hand becomes the network's, or the body takes its rest pose.
    pub relax: f64,
    /// The most by which the way back to a tracker that was found moves what is shown, m/s.
    pub return_speed: f64,
}

impl Default for LossSettings {
    /// Most losses are shorter than a quarter of a second (a hand behind the other); nobody notices those.
    /// 3 m/s is a quick reach.
    fn default() -> Self {
        Self { hold: 0.25, freeze: 1.0, relax: 0.75, return_speed: 3.0 }
    }
}

/// How fast the chest turns for hands out of reach, rad/s.
const CHEST_SPEED: f64 = 4.0;

/// Who says where a tracker's joint is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// The tracker.
    Tracker,
    /// Nobody: it stays.
    Held(Place),
    /// The network.
    Network,
}

/// One tracker as it is shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    source: Source,
    place: Place,
    fade: PlaceFade,
    /// Seconds it has been lost.
    lost: f64,
}

/// Puts the head and hands of one body where their trackers are, also when those come and go.
///
/// A lost hand is held and then becomes the network's; while the head is lost everything is held. Whenever
/// that changes, what is shown goes over without a jump, and never faster than
/// [`return_speed`](LossSettings::return_speed) on top of its own motion. While all are tracked this is
/// [`place_trackers`](crate::refine::place_trackers) with a trunk that takes its time, so that a hand that is
/// seen elsewhere for a frame throws nobody.
#[derive(Clone, Debug, Default)]
pub struct TrackerPlacer {
    shown: [Option<Shown>; 3],
    /// How the chest is turned for hands out of reach, a rotation vector in the world's axes.
    chest: DVec3,
}

impl TrackerPlacer {
    /// Changes `pose`, which comes `dt` seconds after the one before and has its root where it should be,
    /// so that its head and wrists are where `trackers` (head, left, right) say.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        settings: &LossSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        dt: f64,
    ) {
        let [head, left, right] = trackers else { panic!("{} trackers, not 3", trackers.len()) };
        let [shown_head, shown_left, shown_right] = &mut self.shown;
        let estimated = joint_place(skeleton, pose, SmplJoint::Head);
        let seen = head.tracked.then(|| Place::from(head));
        let place = step(shown_head, settings, seen, estimated, false, dt);
        place_head(skeleton, pose, &place.into());
        let frozen = shown_head.is_some_and(|head| (0.0..settings.freeze).contains(&head.lost));
        let may_relax = head.tracked || !frozen;
        let arms = [
            (Arm::LEFT, SmplJoint::LeftWrist, left, shown_left),
            (Arm::RIGHT, SmplJoint::RightWrist, right, shown_right),
        ];
        let places = arms.map(|(arm, joint, hand, shown)| {
            let estimated = joint_place(skeleton, pose, joint);
            let seen = (head.tracked && hand.tracked).then(|| Place::from(hand));
            let place = step(shown, settings, seen, estimated, may_relax, dt);
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

    /// Takes everything along in a teleport.
    pub fn displace(&mut self, by: &Displacement) {
        self.chest = by.rotation() * self.chest;
        for shown in self.shown.iter_mut().flatten() {
            let take = |place: &mut Place| {
                place.position = by.to + by.rotation() * (place.position - by.from);
                place.rotation = by.rotation() * place.rotation;
            };
            take(&mut shown.place);
            shown.fade.rotate(by.rotation());
            if let Source::Held(place) = &mut shown.source {
                take(place);
            }
        }
    }

    /// Forgets what was shown.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// One frame of one tracker: where it is shown.
fn step(
    shown: &mut Option<Shown>,
    settings: &LossSettings,
    tracker: Option<Place>,
    network: Place,
    may_relax: bool,
    dt: f64,
) -> Place {
    let Some(shown) = shown else {
        let (source, place) =
            tracker.map_or((Source::Network, network), |place| (Source::Tracker, place));
        let fade = PlaceFade::default();
        *shown = Some(Shown { source, place, fade, lost: 0.0 });
        return place;
    };
    shown.lost = if tracker.is_some() { 0.0 } else { shown.lost + dt };
    let source = match tracker {
        Some(_) => Source::Tracker,
        None if may_relax && shown.lost > settings.hold => Source::Network,
        None if shown.source == Source::Tracker => Source::Held(shown.place),
        None => shown.source,
    };
    let meant = match source {
        Source::Tracker => tracker.unwrap_or(shown.place),
        Source::Held(place) => place,
        Source::Network => network,
    };
    if source != shown.source {
        // It relaxes at leisure, and comes back as fast as it may.
        let at_least = if source == Source::Network { settings.relax } else { 0.0 };
        shown.fade = PlaceFade::new(shown.place, meant, settings.return_speed, at_least);
        shown.source = source;
    }
    shown.fade.step(dt);
    shown.place = shown.fade.apply(meant);
    shown.place
}

impl From<&TrackerPose> for Place {
    fn from(tracker: &TrackerPose) -> Self {
        Self { position: tracker.position, rotation: quat_from_matrix(tracker.rotation) }
    }
}

impl From<Place> for TrackerPose {
    fn from(place: Place) -> Self {
        Self::new(place.position, DMat3::from_quat(place.rotation))
    }
}

fn joint_place(skeleton: &Skeleton, pose: &Pose, joint: SmplJoint) -> Place {
    let joints = skeleton.pose_joints(pose);
    let j = joint.index();
    Place { position: joints.positions[j], rotation: DQuat::from_mat3(&joints.rotations[j]) }
}

/// Stands in for lost hands before a network that knows only trackers that are never lost.
///
/// Such a network would see a hand that hangs in the air while its owner walks away. It is shown one that
/// is held for a moment and then lowered to the side, as people do, and that is taken back to the real one
/// when it is found: no jump, no speed that no hand has. While the head is lost, hands are held with it:
/// they would leave a head behind that stays where it was last seen, and be back at once when it is found.
#[derive(Clone, Debug, Default)]
pub struct HandStandIn {
    hands: [Option<Shown>; 2],
}

impl HandStandIn {
    /// Replaces the lost hands among `trackers` (head, left, right), `dt` seconds after the last call.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        settings: &LossSettings,
        skeleton: &Skeleton,
        trackers: &mut [TrackerPose],
        dt: f64,
    ) {
        let [head, hands @ ..] = trackers else { panic!("no trackers") };
        let roles = [TrackerRole::LeftHand, TrackerRole::RightHand];
        for ((hand, shown), role) in hands.iter_mut().zip(&mut self.hands).zip(roles) {
            let here = Place::from(&*hand);
            let seen = (head.tracked && hand.tracked).then_some(here);
            let lowered = Place::from(&lowered_hand(skeleton, head, role));
            let place = step(shown, settings, seen, lowered, head.tracked, dt);
            if !hand.tracked || place != here {
                *hand = place.into();
            }
        }
    }

    /// Takes everything along in a teleport.
    pub fn displace(&mut self, by: &Displacement) {
        let shown = [None, self.hands[0], self.hands[1]];
        let mut placer = TrackerPlacer { shown, ..TrackerPlacer::default() };
        placer.displace(by);
        self.hands = [placer.shown[1], placer.shown[2]];
    }
}

/// The wrist of somebody who stands upright under `head` and lets the arms hang.
#[must_use]
pub fn lowered_hand(skeleton: &Skeleton, head: &TrackerPose, role: TrackerRole) -> TrackerPose {
    let mut pose = rest_under_head(skeleton, head);
    let (shoulder, side) = match role {
        TrackerRole::RightHand => (SmplJoint::RightShoulder, 1.0),
        _ => (SmplJoint::LeftShoulder, -1.0),
    };
    // Not quite down: there are hips.
    pose.rotations[shoulder.index()] = DQuat::from_rotation_z(side * 0.9 * FRAC_PI_2);
    joint_place(skeleton, &pose, role.joint()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::tracker::{TrackerFrame, TrackerSet};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const DT: f64 = 1.0 / 60.0;

    /// A walk, and what a network makes of it that has the arms hang.
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

    /// Losses of any length at any time: nothing shown ever moves faster than what it is taken from and
    /// the way back together, a tracker that has been there for a while is met exactly, and one that has
    /// been gone for a while is the network's.
    #[test]
    fn trackers_come_and_go_and_nothing_jumps() {
        let (skeleton, settings) = (Skeleton::default(), LossSettings::default());
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
                    // A second on average either way; the head is lost more rarely.
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
    fn a_body_without_a_head_is_frozen_hands_and_all_and_then_rests() {
        let (skeleton, settings) = (Skeleton::default(), LossSettings::default());
        let walk = walk();
        let mut placer = TrackerPlacer::default();
        let mut frozen = None;
        for (i, (truth, estimate)) in walk.iter().take(200).enumerate() {
            let mut seen = trackers(&skeleton, truth);
            if i >= 20 {
                seen[0] = seen[0].lost();
            }
            // The caller shows the same body while the head is lost.
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
    fn a_trunk_that_reaches_stays_so_while_the_head_is_lost() {
        let (skeleton, settings) = (Skeleton::default(), LossSettings::default());
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

    /// The head is lost while its owner walks on for more than a second and is found elsewhere.
    #[test]
    fn hands_stay_with_a_head_that_is_lost() {
        let (skeleton, settings) = (Skeleton::default(), LossSettings::default());
        let walk = walk();
        let mut stand_in = HandStandIn::default();
        let mut before: Option<Vec<TrackerPose>> = None;
        let mut left_behind = 0.0_f64;
        for (i, (truth, _)) in walk.iter().take(300).enumerate() {
            let mut shown = trackers(&skeleton, truth);
            if let Some(before) = &mut before {
                if (60..140).contains(&i) {
                    left_behind = left_behind.max(shown[0].position.distance(before[0].position));
                    shown[0] = before[0].lost();
                } else if i == 140 {
                    let by = Displacement::between(&before[0], &shown[0]);
                    stand_in.displace(&by);
                    before.iter_mut().for_each(|pose| by.apply(pose));
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

    /// What a network that knows no lost trackers is shown is always a hand that could be one.
    #[test]
    fn a_lost_hand_is_lowered_for_a_network_that_knows_no_loss_and_taken_back() {
        let (skeleton, settings) = (Skeleton::default(), LossSettings::default());
        let walk = walk();
        let mut stand_in = HandStandIn::default();
        let mut before: Option<Vec<TrackerPose>> = None;
        for (i, (truth, _)) in walk.iter().take(400).enumerate() {
            let truth = trackers(&skeleton, truth);
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
