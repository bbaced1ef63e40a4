//! Solves the body for the trackers worn on it.

use super::dropout::{Bridge, DropoutSettings};
use super::limb::{LEGS, Limb};
use super::placer::joint_place;
use super::{Arm, Place, SourceFade};
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use crate::tracker::{BodyTrackers, Teleport, TrackerPose, TrackerRole as Role};
use glam::{DQuat, DVec3};

/// Maximum number of iterations that bend the spine to a point, and the fraction of the needed
/// rotation that each joint takes per iteration: small enough that all joints share the bend, with
/// enough iterations for millimetre accuracy.
const ROUNDS: usize = 60;
const SHARE: f64 = 0.4;
/// Maximum distance at which a point counts as reached, metres.
const MET: f64 = 1e-5;

/// A place that differs from the estimate by less than this counts as the estimate, metres.
const SAME: f64 = 1e-9;

/// Iterations that move the pelvis until both legs reach their feet.
const REACH_ROUNDS: usize = 4;

/// When a tracker moves the pelvis: fraction of its world rotation that the chest keeps, and of its
/// position relative to the hip that an untracked foot keeps; the rest follows the pelvis. Of 0,
/// 0.3, 0.5, 0.6, 0.7 and 1, these are the most accurate on 49 CMU clips estimated by the shipped
/// model (1.18 of 1.36 cm for the upper body, 11.2 of 12.1 cm for the lower).
const CHEST_STAYS: f64 = 0.5;
const FEET_STAY: f64 = 0.7;

/// Places the joints of one body at the trackers worn on it, through dropouts, after head and hands
/// are placed.
///
/// Pelvis, chest and feet get position and rotation of their tracker, elbows and knees the
/// position. The spine bends between pelvis, chest and head; head and hands stay where they are;
/// legs and arms are solved as two bones. A tracker that drops out, or is put on or taken off, is
/// bridged like a hand. If the body's bone lengths do not allow it to meet all trackers, the head
/// has priority.
#[derive(Clone, Debug, Default)]
pub struct BodyPlacer {
    /// In the order of [`Role::BODY`]; `None` for trackers that were never worn.
    bridges: [Option<Bridge>; Role::BODY.len()],
    /// Fade of the trunk when a tracker of pelvis or chest begins or ends to drive it.
    trunk: SourceFade<(bool, bool)>,
    /// Whether the body has been shown: new trackers are then faded in.
    shown: bool,
}

/// Input of all bridges of a frame.
struct Moment<'a> {
    settings: &'a DropoutSettings,
    skeleton: &'a Skeleton,
    body: &'a BodyTrackers,
    head_is_tracked: bool,
    /// The body has been shown before: new trackers are faded in.
    shown: bool,
    dt: f64,
}

impl BodyPlacer {
    /// Corrects `pose`, which comes `dt` seconds after the previous one with head and hands at
    /// `trackers` (head, left hand, right hand), for the trackers worn on the `body`. Without any
    /// such tracker so far, nothing changes.
    ///
    /// # Panics
    /// If there are not three trackers of head and hands.
    pub fn apply(
        &mut self,
        settings: &DropoutSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        body: &BodyTrackers,
        dt: f64,
    ) {
        let [head, left, right] = trackers else { panic!("{} trackers, not 3", trackers.len()) };
        let shown = std::mem::replace(&mut self.shown, true);
        if body.is_empty() && self.bridges.iter().all(Option::is_none) {
            return;
        }
        let head_is_tracked = head.tracked;
        let now = Moment { settings, skeleton, body, head_is_tracked, shown, dt };
        let hands = [J::LeftWrist, J::RightWrist].map(|joint| joint_place(skeleton, pose, joint));
        let legs = LEGS.map(|leg| below_hip(skeleton, pose, &leg));
        let keep_feet = |pose: &mut Pose| {
            LEGS.iter().zip(legs).for_each(|(leg, before)| keep_foot(skeleton, pose, leg, before));
        };

        // Each joint relaxes towards its place after the joints before it were placed, so the order
        // matters.
        let pelvis = self.step(&now, pose, Role::Pelvis);
        if let Some(pelvis) = pelvis {
            place_pelvis(skeleton, pose, pelvis);
        }
        let chest = self.step(&now, pose, Role::Chest);
        if let Some(chest) = chest {
            place_chest(skeleton, pose, chest, pelvis.is_some());
        }
        // The pelvis switches at once between its own tracker and the chest's; the trunk must not
        // jump.
        let source = (pelvis.is_some(), chest.is_some());
        let top = Place::of(skeleton, pose, J::Head);
        pose.rotations = self.trunk.apply(source, pose.rotations, dt, settings.relax);
        let mut trunk_moved = source != (false, false) || self.trunk.fades();
        if trunk_moved {
            hold_head(skeleton, pose, top);
            keep_feet(pose);
        }
        let feet = [Role::LeftFoot, Role::RightFoot].map(|foot| self.step(&now, pose, foot));
        if pelvis.is_none() && chest.is_none() {
            let moved = reach_feet(skeleton, pose, feet);
            if moved.length() > SAME {
                let estimate = Place::of(skeleton, pose, J::Pelvis);
                let position = estimate.position + moved;
                place_pelvis(skeleton, pose, Place { position, ..estimate });
                keep_feet(pose);
                trunk_moved = true;
            }
        }
        let knees = [Role::LeftKnee, Role::RightKnee];
        for ((leg, foot), knee) in LEGS.iter().zip(feet).zip(knees) {
            if let Some(foot) = foot {
                leg.reach(skeleton, pose, foot.position);
                set_world(skeleton, pose, leg.joints[2], foot.rotation);
            }
            let Some(knee) = self.step(&now, pose, knee) else { continue };
            let ankle = Place::of(skeleton, pose, leg.joints[2]);
            match foot {
                Some(_) => leg.swivel(skeleton, pose, knee.position),
                None => leg.aim(skeleton, pose, knee.position, ankle.position),
            }
            set_world(skeleton, pose, leg.joints[2], ankle.rotation);
        }
        let arms = [(Arm::LEFT, Role::LeftElbow, left), (Arm::RIGHT, Role::RightElbow, right)];
        for ((arm, elbow, tracker), hand) in arms.into_iter().zip(hands) {
            if trunk_moved {
                arm.return_hand(skeleton, pose, &hand);
            }
            let Some(elbow) = self.step(&now, pose, elbow) else { continue };
            if tracker.tracked {
                arm.limb().swivel(skeleton, pose, elbow.position);
                arm.return_hand(skeleton, pose, &hand);
            } else {
                arm.limb().aim(skeleton, pose, elbow.position, hand.position);
            }
        }
    }

    /// The shown place of a tracker's joint; `None` if it is the pose's own.
    fn step(&mut self, now: &Moment, pose: &Pose, role: Role) -> Option<Place> {
        let seen = now.body.tracked(role).filter(|_| now.head_is_tracked).map(Place::from);
        let bridge = &mut self.bridges[role.on_body()?];
        if bridge.is_none() && seen.is_none() {
            return None;
        }
        let estimate = joint_place(now.skeleton, pose, role.joint());
        let bridge = bridge.get_or_insert_with(|| {
            let mut bridge = Bridge::default();
            if now.shown {
                bridge.step(now.settings, None, None, estimate, true, 0.0);
            }
            bridge
        });
        let place = bridge.step(now.settings, seen, None, estimate, now.head_is_tracked, now.dt);
        let moves = place.position.distance(estimate.position) > SAME
            || place.rotation.dot(estimate.rotation).abs() < 1.0 - SAME;
        (moves || seen.is_some()).then_some(place)
    }

    /// Which feet are at trackers in this frame.
    pub(super) fn feet(body: &BodyTrackers) -> [bool; 2] {
        [Role::LeftFoot, Role::RightFoot].map(|foot| body.tracked(foot).is_some())
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.bridges.iter_mut().flatten().for_each(|bridge| bridge.teleport(by));
        self.trunk.teleport(by);
    }
}

/// Moves the pelvis to its place; the head stays.
fn place_pelvis(skeleton: &Skeleton, pose: &mut Pose, pelvis: Place) {
    let head = Place::of(skeleton, pose, J::Head);
    let chest = Place::of(skeleton, pose, J::Spine3).rotation;
    pose.rotations[0] = pelvis.rotation;
    pose.translation = pelvis.position - skeleton.offsets[0];
    let carried = Place::of(skeleton, pose, J::Spine3).rotation;
    turn_spine(skeleton, pose, carried.slerp(chest, CHEST_STAYS));
    bend(skeleton, pose, &[J::Spine1, J::Spine2, J::Spine3, J::Neck], J::Head, head.position);
    hold_head(skeleton, pose, head);
}

/// Moves the chest to its place; the head stays, the pelvis stays or moves along.
fn place_chest(skeleton: &Skeleton, pose: &mut Pose, chest: Place, pelvis_stays: bool) {
    let head = Place::of(skeleton, pose, J::Head);
    turn_spine(skeleton, pose, chest.rotation);
    if pelvis_stays {
        bend(skeleton, pose, &[J::Spine1, J::Spine2], J::Spine3, chest.position);
        set_world(skeleton, pose, J::Spine3, chest.rotation);
    } else {
        pose.translation += chest.position - Place::of(skeleton, pose, J::Spine3).position;
    }
    bend(skeleton, pose, &[J::Neck], J::Head, head.position);
    hold_head(skeleton, pose, head);
}

/// Restores the head's place: its rotation at the neck, and the remaining error of its position by
/// moving the whole body.
fn hold_head(skeleton: &Skeleton, pose: &mut Pose, head: Place) {
    set_world(skeleton, pose, J::Head, head.rotation);
    pose.translation += head.position - Place::of(skeleton, pose, J::Head).position;
}

/// Translation of the pelvis with which the legs reach the feet that have a place.
fn reach_feet(skeleton: &Skeleton, pose: &Pose, feet: [Option<Place>; 2]) -> DVec3 {
    let legs = [0, 1].map(|k| {
        let leg = &LEGS[k];
        let hip = Place::of(skeleton, pose, leg.joints[0]).position;
        let ankle = Place::of(skeleton, pose, leg.joints[2]).position;
        Some((feet[k]?.position - hip, leg.longest(skeleton, ankle.distance(hip))))
    });
    let mut moved = DVec3::ZERO;
    for _ in 0..REACH_ROUNDS {
        for (foot, longest) in legs.iter().flatten() {
            let to = *foot - moved;
            moved += to.normalize_or_zero() * (to.length() - longest).max(0.0);
        }
    }
    moved
}

/// Rotates the chest to the world rotation `wanted`; the spine shares the rotation, and the pelvis
/// keeps its own.
fn turn_spine(skeleton: &Skeleton, pose: &mut Pose, wanted: DQuat) {
    let chain = [J::Spine1, J::Spine2, J::Spine3].map(|j| Place::of(skeleton, pose, j).rotation);
    let turn = wanted * chain[2].conjugate();
    let turn = if turn.w < 0.0 { -turn } else { turn };
    let joints = [J::Spine1, J::Spine2, J::Spine3].into_iter().zip(chain);
    for ((joint, world), share) in joints.zip([1.0 / 3.0, 2.0 / 3.0, 1.0]) {
        set_world(skeleton, pose, joint, DQuat::IDENTITY.slerp(turn, share) * world);
    }
}

/// Sets a joint's world rotation; its children rotate with it.
fn set_world(skeleton: &Skeleton, pose: &mut Pose, joint: J, wanted: DQuat) {
    let local = match joint.parent() {
        Some(parent) => Place::of(skeleton, pose, parent).rotation.conjugate() * wanted,
        None => wanted,
    };
    pose.rotations[joint.index()] = local.normalize();
}

/// Rotates the joints of a chain by similar amounts until `end`, below the last joint, reaches
/// `target`, as far as possible (cyclic coordinate descent; Wang and Chen 1991).
fn bend<const N: usize>(
    skeleton: &Skeleton,
    pose: &mut Pose,
    chain: &[J; N],
    end: J,
    target: DVec3,
) {
    let mut worlds = chain.map(|joint| Place::of(skeleton, pose, joint));
    let mut tip = Place::of(skeleton, pose, end).position;
    let share = if N == 1 { 1.0 } else { SHARE };
    for _ in 0..ROUNDS {
        if tip.distance(target) < MET {
            break;
        }
        for k in 0..N {
            let at = worlds[k].position;
            let (Some(from), Some(to)) =
                ((tip - at).try_normalize(), (target - at).try_normalize())
            else {
                continue;
            };
            let turn = DQuat::IDENTITY.slerp(DQuat::from_rotation_arc(from, to), share);
            for below in &mut worlds[k..] {
                below.position = at + turn * (below.position - at);
                below.rotation = turn * below.rotation;
            }
            tip = at + turn * (tip - at);
        }
    }
    for (joint, world) in chain.iter().zip(worlds) {
        set_world(skeleton, pose, *joint, world.rotation.normalize());
    }
}

/// The ankle's position relative to the hip, metres, and its rotation, both in world axes.
fn below_hip(skeleton: &Skeleton, pose: &Pose, leg: &Limb) -> Place {
    let hip = Place::of(skeleton, pose, leg.joints[0]).position;
    let ankle = Place::of(skeleton, pose, leg.joints[2]);
    Place { position: ankle.position - hip, ..ankle }
}

/// Moves a foot that followed the pelvis most of the way back to its place relative to the hip.
fn keep_foot(skeleton: &Skeleton, pose: &mut Pose, leg: &Limb, before: Place) {
    let carried = below_hip(skeleton, pose, leg);
    if carried.position.distance(before.position) <= SAME {
        return;
    }
    let hip = Place::of(skeleton, pose, leg.joints[0]).position;
    leg.reach(skeleton, pose, hip + carried.position.lerp(before.position, FEET_STAY));
    let wanted = carried.rotation.slerp(before.rotation, FEET_STAY);
    set_world(skeleton, pose, leg.joints[2], wanted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::refine::TrackerPlacer;
    use crate::refine::tests::{mirrored, random_unit};
    use crate::rotation::{exp, geodesic_angle};
    use crate::tracker::{TrackerFrame, TrackerSet};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const DT: f64 = 1.0 / 60.0;

    /// Which trackers are worn in these tests, beside head and hands.
    const SETS: [&[Role]; 6] = [
        &[Role::Pelvis],
        &[Role::LeftFoot, Role::RightFoot],
        &[Role::Pelvis, Role::LeftFoot, Role::RightFoot],
        &[Role::Chest],
        &[Role::LeftElbow, Role::RightElbow, Role::LeftKnee, Role::RightKnee],
        &Role::BODY,
    ];

    /// A walk, and estimates of it in which every joint is up to `off` radians wrong.
    fn walk(off: f64) -> Vec<(Pose, Pose)> {
        let mut random = StdRng::seed_from_u64(7);
        let wrong: Vec<DVec3> = J::ALL
            .iter()
            .map(|_| random_unit(&mut random) * random.random_range(0.0..off))
            .collect();
        let estimate = |truth: &Pose| {
            let mut pose = *truth;
            for (rotation, wrong) in pose.rotations.iter_mut().zip(&wrong) {
                *rotation = (*rotation * exp(*wrong)).normalize();
            }
            pose
        };
        let frames = walk_and_wave(&Skeleton::default()).resampled(60.0).frames;
        frames.iter().map(Pose::from).map(|truth| (truth, estimate(&truth))).collect()
    }

    fn worn(skeleton: &Skeleton, truth: &Pose, roles: &[Role]) -> (Vec<TrackerPose>, BodyTrackers) {
        let joints = skeleton.pose_joints(truth);
        let trackers = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints).poses;
        (trackers, BodyTrackers::from_joints(roles, &joints))
    }

    /// Both placers of one body.
    #[derive(Default)]
    struct Placers(TrackerPlacer, BodyPlacer);

    impl Placers {
        fn place(
            &mut self,
            estimate: &Pose,
            trackers: &[TrackerPose],
            body: &BodyTrackers,
        ) -> Pose {
            let (settings, skeleton) = (DropoutSettings::default(), Skeleton::default());
            let mut pose = *estimate;
            self.0.apply(&settings, &skeleton, &mut pose, trackers, DT);
            self.1.apply(&settings, &skeleton, &mut pose, trackers, body, DT);
            pose
        }
    }

    /// Distance of the joint of each tracker from its true position, metres.
    fn off(skeleton: &Skeleton, pose: &Pose, truth: &Pose, role: Role) -> f64 {
        let [shown, truth] = [pose, truth].map(|pose| Place::of(skeleton, pose, role.joint()));
        shown.position.distance(truth.position)
    }

    fn mean_error(skeleton: &Skeleton, pose: &Pose, truth: &Pose) -> f64 {
        let [shown, truth] = [pose, truth].map(|pose| skeleton.pose_joints(pose).positions);
        shown.iter().zip(truth).map(|(a, b)| a.distance(b)).sum::<f64>() / J::COUNT as f64
    }

    /// With any set of trackers, joints are at their trackers, including head and hands, and the
    /// error of the whole body is lower than without.
    #[test]
    fn every_set_of_trackers_is_met() {
        let skeleton = Skeleton::default();
        let walk = walk(0.25);
        let mut without = Placers::default();
        let bare: f64 = walk
            .iter()
            .step_by(7)
            .map(|(truth, estimate)| {
                let (trackers, _) = worn(&skeleton, truth, &[]);
                let pose = without.place(estimate, &trackers, &BodyTrackers::default());
                mean_error(&skeleton, &pose, truth)
            })
            .sum();
        for roles in SETS {
            let mut placers = Placers::default();
            let mut error = 0.0;
            for (i, (truth, estimate)) in walk.iter().enumerate().step_by(7) {
                let (trackers, body) = worn(&skeleton, truth, roles);
                let pose = placers.place(estimate, &trackers, &body);
                assert!(pose.is_finite());
                error += mean_error(&skeleton, &pose, truth);
                assert!(off(&skeleton, &pose, truth, Role::Head) < 1e-9, "{roles:?} frame {i}");
                for hand in [Role::LeftHand, Role::RightHand] {
                    assert!(off(&skeleton, &pose, truth, hand) < 2e-3, "{roles:?} frame {i}");
                }
                for role in roles {
                    // Without a chest tracker, collars do not move shoulders and so elbows.
                    let is_elbow = matches!(role, Role::LeftElbow | Role::RightElbow);
                    let is_knee = matches!(role, Role::LeftKnee | Role::RightKnee);
                    let is_foot = matches!(role, Role::LeftFoot | Role::RightFoot);
                    let most = match roles.contains(&Role::Pelvis) {
                        _ if is_elbow => 0.09,
                        // Nearly straight legs are not swivelled all the way.
                        true if is_knee => 5e-3,
                        false if is_knee => 0.09,
                        // A pelvis that is turned wrongly may leave a leg too short.
                        false if is_foot => 0.05,
                        _ => 2e-3,
                    };
                    let far = off(&skeleton, &pose, truth, *role);
                    assert!(far < most, "{roles:?} frame {i}: {role} {far}");
                }
                for role in [Role::Pelvis, Role::Chest, Role::LeftFoot, Role::RightFoot] {
                    let [shown, truth] = [&pose, truth]
                        .map(|pose| Place::of(&skeleton, pose, role.joint()).rotation);
                    let turned = geodesic_angle(shown, truth);
                    assert!(!roles.contains(&role) || turned < 1e-6, "{roles:?}: {role} {turned}");
                }
            }
            assert!(error < 0.95 * bare, "{roles:?}: {error} with, {bare} without");
        }
    }

    /// Without trackers on the body, now or long ago, the pose is unchanged to the last bit.
    #[test]
    fn nothing_worn_changes_nothing() {
        let skeleton = Skeleton::default();
        let (mut plain, mut placers) = (Placers::default(), Placers::default());
        for (i, (truth, estimate)) in walk(0.1).iter().take(300).enumerate() {
            let roles: &[Role] = if (60..120).contains(&i) { &Role::BODY } else { &[] };
            let (trackers, body) = worn(&skeleton, truth, roles);
            let expected = plain.place(estimate, &trackers, &BodyTrackers::default());
            let pose = placers.place(estimate, &trackers, &body);
            if !(60..240).contains(&i) {
                assert_eq!(pose, expected, "frame {i}");
            }
        }
    }

    /// Trackers that drop out and come back, are put on and taken off, move no joint faster than the
    /// motion and the return together.
    #[test]
    fn dropouts_cause_no_jumps() {
        let skeleton = Skeleton::default();
        let settings = DropoutSettings::default();
        let walk = walk(0.1);
        let positions = |pose: &Pose| skeleton.pose_joints(pose).positions;
        let step = |a: &Pose, b: &Pose, joint: J| {
            positions(a)[joint.index()].distance(positions(b)[joint.index()])
        };
        let mut random = StdRng::seed_from_u64(3);
        let mut placers = Placers::default();
        let mut lost = [false; Role::BODY.len()];
        let mut before: Option<Pose> = None;
        for (i, (truth, estimate)) in walk.iter().enumerate() {
            for lost in &mut lost {
                *lost ^= i > 0 && random.random_bool(0.02);
            }
            let (trackers, mut body) = worn(&skeleton, truth, &Role::BODY);
            for (role, pose) in body.iter_mut() {
                if lost[role.on_body().unwrap()] {
                    *pose = TrackerPose::new(DVec3::NAN, pose.rotation).lost();
                }
            }
            let pose = placers.place(estimate, &trackers, &body);
            assert!(pose.is_finite(), "frame {i}");
            if let Some(before) = before.replace(pose) {
                for joint in [J::Pelvis, J::Spine3, J::LeftAnkle, J::RightAnkle] {
                    let own = step(&walk[i - 1].0, truth, joint).max(step(
                        &walk[i - 1].1,
                        estimate,
                        joint,
                    ));
                    let moved = step(&before, &pose, joint);
                    let most = own + 2.0 * settings.return_speed * DT + 0.01;
                    assert!(moved < most, "frame {i} {joint:?}: {moved} m, its own {own}");
                }
            }
        }
    }

    #[test]
    fn left_and_right_are_alike() {
        let skeleton = Skeleton::default();
        let (truth, estimate) = walk(0.2)[200];
        let (trackers, body) = worn(&skeleton, &truth, &Role::BODY);
        let pose = Placers::default().place(&estimate, &trackers, &body);
        let (trackers, body) = worn(&skeleton, &mirrored(&truth), &Role::BODY);
        let other = Placers::default().place(&mirrored(&estimate), &trackers, &body);
        let [pose, other] = [mirrored(&pose), other].map(|pose| skeleton.pose_joints(&pose));
        for (joint, (a, b)) in J::ALL.iter().zip(pose.positions.iter().zip(&other.positions)) {
            assert!(a.distance(*b) < 1e-6, "{joint:?}: {}", a.distance(*b));
        }
    }
}
