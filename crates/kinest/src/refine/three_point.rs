//! A whole body from head and hands by inverse kinematics, as in games without a network.

use super::arm::lift_elbows;
use super::foot::lowest_of_foot;
use super::limb::{LEGS, Limb};
use super::{Place, place_head, place_trackers};
use crate::coordinates::{UPRIGHT, heading};
use crate::easing::smoothstep;
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::TrackerPose;
use glam::{DMat3, DQuat, DVec3};

use SmplJoint as J;

/// Lean of the trunk per radian of the head's nod.
const LEAN_PER_NOD: f64 = 0.25;
/// Lean of the trunk, radians, when the head is lowered by its whole standing height.
const LEAN_PER_DROP: f64 = 1.2;
/// From this angle of the view above the horizon, radians, the trunk does not lean forward.
const LOOKING_UP: f64 = 0.8;
/// Range of the trunk's lean, radians: back, forward.
const LEAN_RANGE: [f64; 2] = [-0.15, 1.2];

/// Rotations of shoulder and elbow of an arm held ready: hand in front and to the side, elbow
/// below. About x, y and z of the left arm, radians.
const READY_SHOULDER: DVec3 = DVec3::new(-0.75, -0.44, -0.58);
const READY_ELBOW: f64 = 1.3;

/// Bend of the knees that gives them their direction, radians.
const READY_KNEE: f64 = 0.3;

/// Height of the pelvis of a body that lies or sits on the floor, metres.
const PELVIS_ON_FLOOR: f64 = 0.11;
/// Additional height of the pelvis of a kneeling body, metres.
const KNEELING: f64 = 0.3;
/// Sine of the head's pitch from which on a body that gets down does so on its front. Players who sit look down less.
const ON_FRONT: f64 = 0.4;
/// Lowest heights of hips and elbows, metres.
const HIP_ON_FLOOR: f64 = 0.03;
const ELBOW_ON_FLOOR: f64 = 0.03;
/// Heights of the head as fractions of its standing height: below the first a body with a tilted
/// head lies, above the second no body lies.
const LYING_HEIGHTS: [f64; 2] = [0.3, 0.55];
/// Heights of the hips, metres: at the first a body sits on the floor, from the second on the feet
/// are below the hips.
const SITTING_HEIGHTS: [f64; 2] = [0.08, 0.25];
/// Height below which knees move sideways, metres.
const KNEE_ON_FLOOR: f64 = 0.05;
/// Distance of a sitting body's feet in front of its hips, metres.
const FEET_IN_FRONT: f64 = 0.45;

/// The body from `trackers` (head, left hand, right hand) alone, by inverse kinematics, with the
/// heading of the head. [`three_point_pose_facing`] takes the heading as an argument.
///
/// # Panics
/// If there are not three trackers.
#[must_use]
pub fn three_point_pose(skeleton: &Skeleton, trackers: &[TrackerPose]) -> Pose {
    three_point_pose_facing(skeleton, trackers, heading(trackers[0].rotation))
}

/// The body from `trackers` (head, left hand, right hand) and the heading `facing` of its trunk,
/// radians, by inverse kinematics; a [`TrunkHeading`](super::TrunkHeading) can supply the heading.
///
/// The pelvis hangs below the head. The trunk leans with the head's nod and with how far the head
/// is below its standing height, spread over pelvis and spine. Arms reach the hands with elbows
/// down and out; feet stand on the floor (z = 0) below the hips, with knees to the front. With a
/// tilted head near the floor, the body lies. Head and hands are exactly at the trackers, as in
/// [`place_trackers`]. The function has no state: bodies do not step, feet slide.
///
/// # Panics
/// If there are not three trackers.
#[must_use]
pub fn three_point_pose_facing(skeleton: &Skeleton, trackers: &[TrackerPose], facing: f64) -> Pose {
    let head = &trackers[0];
    let mut pose = ready(skeleton, head, facing);
    let lying = Lying::of(skeleton, head);
    if let Some(lying) = &lying {
        lying.bend_trunk(&mut pose);
    }
    let pelvis = PELVIS_ON_FLOOR + KNEELING * kneels(head, lying.as_ref());
    keep_off_floor(skeleton, &mut pose, head, pelvis);
    place_trackers(skeleton, &mut pose, trackers);
    lift_elbows(skeleton, &mut pose, ELBOW_ON_FLOOR);
    for leg in &LEGS {
        place_leg(skeleton, &mut pose, head, leg, facing, lying.as_ref(), false);
    }
    pose
}

/// The body on a chair below the head of `trackers` (head, left hand, right hand), with the heading
/// `facing` of its trunk, radians: upright except for the lean from the head's nod, feet on the
/// floor (z = 0) in front of the hips. Head and hands are exactly at the trackers.
///
/// # Panics
/// If there are not three trackers.
#[must_use]
pub fn seated_pose(skeleton: &Skeleton, trackers: &[TrackerPose], facing: f64) -> Pose {
    let head = &trackers[0];
    let mut pose = ready(skeleton, head, facing);
    let turn = DQuat::from_rotation_z(facing);
    lean_trunk(&mut pose, turn, (LEAN_PER_NOD * nod(head)).clamp(LEAN_RANGE[0], LEAN_RANGE[1]));
    keep_off_floor(skeleton, &mut pose, head, PELVIS_ON_FLOOR);
    place_trackers(skeleton, &mut pose, trackers);
    for leg in &LEGS {
        place_leg(skeleton, &mut pose, head, leg, facing, None, true);
    }
    pose
}

/// Trunk below the head, arms held ready.
fn ready(skeleton: &Skeleton, head: &TrackerPose, facing: f64) -> Pose {
    let turn = DQuat::from_rotation_z(facing);
    let nod = nod(head);
    let standing = standing_head_height(skeleton);
    let drop = ((standing - head.position.z) / standing).clamp(0.0, 1.0);
    // A player who looks up while getting down sits or lies back.
    let forward = LEAN_PER_DROP * drop * (1.0 - smoothstep(-nod / LOOKING_UP));
    let lean = (LEAN_PER_NOD * nod + forward).clamp(LEAN_RANGE[0], LEAN_RANGE[1]);

    let mut pose = Pose::rest();
    lean_trunk(&mut pose, turn, lean);
    for (side, [shoulder, elbow]) in
        [(1.0, [J::LeftShoulder, J::LeftElbow]), (-1.0, [J::RightShoulder, J::RightElbow])]
    {
        pose.rotations[shoulder.index()] = DQuat::from_rotation_y(side * READY_SHOULDER.y)
            * DQuat::from_rotation_z(side * READY_SHOULDER.z)
            * DQuat::from_rotation_x(READY_SHOULDER.x);
        pose.rotations[elbow.index()] = DQuat::from_rotation_y(-side * READY_ELBOW);
    }
    pose
}

/// Angle of the view below the horizon, radians. The head's z axis is its view direction.
fn nod(head: &TrackerPose) -> f64 {
    (-head.rotation.z_axis.z).clamp(-1.0, 1.0).asin()
}

/// Weight of kneeling, 0 to 1: bodies that lie down on their front kneel on the way.
fn kneels(head: &TrackerPose, lying: Option<&Lying>) -> f64 {
    on_front(head) * (1.0 - lying.map_or(0.0, |lying| lying.part))
}

/// How much the front of the head is down, 0 to 1.
fn on_front(head: &TrackerPose) -> f64 {
    smoothstep((-head.rotation.z_axis.z - ON_FRONT) / (1.0 - ON_FRONT))
}

/// Distributes a lean over pelvis and spine.
fn lean_trunk(pose: &mut Pose, turn: DQuat, lean: f64) {
    let share = DQuat::from_rotation_x(lean / 4.0);
    pose.rotations[0] = turn * UPRIGHT * share;
    for joint in [J::Spine1, J::Spine2, J::Spine3] {
        pose.rotations[joint.index()] = share;
    }
}

/// Rotates the body about its head until the pelvis is at height `pelvis` (metres) or higher, and the hips are above the
/// floor.
fn keep_off_floor(skeleton: &Skeleton, pose: &mut Pose, head: &TrackerPose, pelvis: f64) {
    // The neck takes part of the head's rotation, so the trunk moves again.
    for _ in 0..3 {
        let mut placed = *pose;
        place_head(skeleton, &mut placed, head);
        let points = [(J::Pelvis, pelvis), (J::LeftHip, HIP_ON_FLOOR), (J::RightHip, HIP_ON_FLOOR)]
            .map(|(joint, height)| {
                let at = Place::of(skeleton, &placed, joint).position - head.position;
                (at, height - head.position.z)
            });
        let depth = |(at, lowest): &(DVec3, f64)| lowest - at.z;
        let deepest = points.into_iter().max_by(|a, b| depth(a).total_cmp(&depth(b)));
        let Some((trunk, lowest)) = deepest.filter(|point| depth(point) > 1e-6) else { return };
        let length = trunk.length();
        let height = (lowest / length).min(0.9);
        // Without a lean the pelvis moves back.
        let back = pose.rotations[0] * DVec3::NEG_Z;
        let aside = trunk.with_z(0.0).normalize_or(back.with_z(0.0).normalize_or_zero());
        let raised = aside * (1.0 - height * height).sqrt() + DVec3::Z * height;
        let turn = DQuat::from_rotation_arc(trunk / length, raised.normalize());
        pose.rotations[0] = (turn * pose.rotations[0]).normalize();
    }
}

/// Places a foot flat on the floor with the heading of the trunk: below its hip, or in front of it
/// if the hip is close to the floor or `on_chair`. A lying body's legs are straight.
fn place_leg(
    skeleton: &Skeleton,
    pose: &mut Pose,
    head: &TrackerPose,
    leg: &Limb,
    facing: f64,
    lying: Option<&Lying>,
    on_chair: bool,
) {
    let [hip, knee, ankle] = leg.joints;
    let pelvis = pose.rotations[0];
    let turn = DQuat::from_rotation_z(facing);
    let place = Place::of(skeleton, pose, hip).position;
    let [sits, stands] = SITTING_HEIGHTS;
    let sat = if on_chair { 1.0 } else { smoothstep((stands - place.z) / (stands - sits)) };
    // The feet of a kneeling body are below its hips, and those of a prone one behind them.
    let in_front = if on_chair { 1.0 } else { sat * (1.0 - on_front(head)) };
    let below = place - turn * DVec3::Y * (FEET_IN_FRONT * in_front);
    let mut target = below.with_z(skeleton.ankle_height);
    let mut whole = turn * UPRIGHT;
    let mut foot = whole;
    if let Some(Lying { part, legs, prone, .. }) = lying {
        let length = leg.longest(skeleton, 0.0);
        let away = place + *legs * DVec3::NEG_Y * length;
        target = target.lerp(away.with_z(away.z.max(skeleton.ankle_height)), *part);
        whole = whole.slerp(*legs, *part);
        // The toes of a prone body point away.
        foot = foot.slerp(*legs * DQuat::from_rotation_x(1.3 * prone), *part);
    }
    target.z = target.z.max(-lowest_of_foot(skeleton, ankle, foot));
    // Before solving, the leg is nearly straight and the knee points forward.
    pose.rotations[hip.index()] =
        pelvis.conjugate() * whole * DQuat::from_rotation_x(-READY_KNEE / 2.0);
    pose.rotations[knee.index()] = DQuat::from_rotation_x(READY_KNEE);
    leg.reach(skeleton, pose, target);
    let side = if hip == J::LeftHip { DVec3::X } else { DVec3::NEG_X };
    leg.lift(skeleton, pose, KNEE_ON_FLOOR, whole * (side + DVec3::Z));
    let shank = Place::of(skeleton, pose, knee).rotation;
    pose.rotations[ankle.index()] = (shank.conjugate() * foot).normalize();
}

/// A lying body, derived from its head.
struct Lying {
    /// Weight of lying, 0 to 1.
    part: f64,
    /// World rotation of the trunk, and of the legs.
    trunk: DQuat,
    legs: DQuat,
    /// Weight of the prone position, 0 to 1.
    prone: f64,
}

impl Lying {
    /// `None` if the weight of lying is 0.
    fn of(skeleton: &Skeleton, head: &TrackerPose) -> Option<Self> {
        let (up, front) = (head.rotation.y_axis, head.rotation.z_axis);
        let [lies, not] = LYING_HEIGHTS.map(|part| part * standing_head_height(skeleton));
        let low = smoothstep((not - head.position.z) / (not - lies));
        // Neither upright nor upside down, as when a player touches the toes.
        let tilted = smoothstep((0.7 - up.z) / 0.5) * smoothstep((up.z + 0.8) / 0.4);
        let along = up.with_z(0.0).try_normalize()?;
        let part = low * tilted;
        if part <= 0.0 {
            return None;
        }
        let offset = |joint: J| skeleton.offsets[joint.index()].y;
        let trunk: f64 =
            [J::Spine1, J::Spine2, J::Spine3, J::Neck, J::Head].into_iter().map(offset).sum();
        let slope = ((head.position.z - PELVIS_ON_FLOOR) / trunk).clamp(-0.3, 0.8).asin();
        let [legs, trunk] = [0.0, slope].map(|slope| {
            let y = along * slope.cos() + DVec3::Z * slope.sin();
            let z = front.reject_from_normalized(y).normalize_or(along.any_orthonormal_vector());
            DQuat::from_mat3(&DMat3::from_cols(y.cross(z), y, z))
        });
        let prone = smoothstep(-front.z);
        Some(Self { part, trunk, legs, prone })
    }

    /// Rotates the trunk from standing towards lying.
    fn bend_trunk(&self, pose: &mut Pose) {
        pose.rotations[0] = pose.rotations[0].slerp(self.trunk, self.part);
        for joint in [J::Spine1, J::Spine2, J::Spine3] {
            let spine = &mut pose.rotations[joint.index()];
            *spine = spine.slerp(DQuat::IDENTITY, self.part);
        }
    }
}

/// Height of the head joint above the soles of an upright body, metres.
fn standing_head_height(skeleton: &Skeleton) -> f64 {
    let rest = Pose::rest();
    let height = |joint| Place::of(skeleton, &rest, joint).position.z;
    height(J::Head) - height(J::LeftAnkle) + skeleton.ankle_height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::refine::tests::mirrored;
    use crate::rotation::{geodesic_angle, quat_from_matrix};
    use crate::tracker::{TrackerFrame, TrackerSet};

    fn trackers(skeleton: &Skeleton, pose: &Pose) -> Vec<TrackerPose> {
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &skeleton.pose_joints(pose)).poses
    }

    /// A body standing on the floor with the hands in front.
    fn standing(skeleton: &Skeleton) -> Vec<TrackerPose> {
        let mut pose = Pose::rest();
        let ankle = Place::of(skeleton, &pose, J::LeftAnkle).position.z;
        pose.translation.z = skeleton.ankle_height - ankle;
        pose.rotations[J::LeftElbow.index()] = DQuat::from_rotation_y(-1.5);
        pose.rotations[J::RightElbow.index()] = DQuat::from_rotation_y(1.5);
        trackers(skeleton, &pose)
    }

    fn position(skeleton: &Skeleton, pose: &Pose, joint: J) -> DVec3 {
        Place::of(skeleton, pose, joint).position
    }

    #[test]
    fn head_and_hands_are_at_the_trackers_in_a_walk() {
        let skeleton = Skeleton::default();
        for frame in walk_and_wave(&skeleton).frames.iter().step_by(7) {
            let trackers = trackers(&skeleton, &Pose::from(frame));
            let pose = three_point_pose(&skeleton, &trackers);
            for (role, tracker) in TrackerSet::HeadAndHands.roles().iter().zip(&trackers) {
                let joint = Place::of(&skeleton, &pose, role.joint());
                let off = joint.position.distance(tracker.position);
                assert!(off < 1e-9, "{role:?} is {off} m off");
                let wanted = quat_from_matrix(tracker.rotation);
                assert!(geodesic_angle(joint.rotation, wanted) < 1e-7, "{role:?}");
            }
        }
    }

    #[test]
    fn feet_are_on_the_floor_standing_and_crouching_and_knees_in_front() {
        let skeleton = Skeleton::default();
        let mut trackers = standing(&skeleton);
        let (mut hips, mut lean) = (f64::INFINITY, -1.0);
        for lower in 0..8 {
            for tracker in &mut trackers {
                tracker.position.z -= if lower == 0 { 0.0 } else { 0.1 };
            }
            let pose = three_point_pose(&skeleton, &trackers);
            for leg in LEGS {
                let [hip, knee, ankle] = leg.joints.map(|j| position(&skeleton, &pose, j));
                assert!((ankle.z - skeleton.ankle_height).abs() < 1e-3, "{lower}: {ankle}");
                let aside = ankle.truncate().distance(hip.truncate());
                assert!(aside < 1e-3 || hip.z < SITTING_HEIGHTS[1], "{lower}: {aside} {hip}");
                // A body with heading 0 faces −y.
                assert!(knee.y <= hip.y + 1e-9 && (lower == 0 || knee.y < hip.y - 0.05), "{lower}");
            }
            let pelvis = position(&skeleton, &pose, J::Pelvis);
            let chest = position(&skeleton, &pose, J::Neck) - pelvis;
            assert!(pelvis.z < hips, "the pelvis goes down with the head");
            assert!(-chest.y / chest.z > lean, "the trunk leans forward");
            (hips, lean) = (pelvis.z, -chest.y / chest.z);
        }
    }

    #[test]
    fn looking_down_bends_the_back_a_little() {
        let skeleton = Skeleton::default();
        let lean = |nod: f64| {
            let mut trackers = standing(&skeleton);
            trackers[0].rotation *= DMat3::from_rotation_x(nod);
            let pose = three_point_pose(&skeleton, &trackers);
            let back =
                position(&skeleton, &pose, J::Spine3) - position(&skeleton, &pose, J::Pelvis);
            (-back.y).atan2(back.z)
        };
        let (straight, down) = (lean(0.0), lean(0.8));
        assert!((0.05..0.3).contains(&(down - straight)), "{straight} {down}");
    }

    #[test]
    fn a_head_higher_than_standing_lifts_the_feet() {
        let skeleton = Skeleton::default();
        let mut trackers = standing(&skeleton);
        for tracker in &mut trackers {
            tracker.position.z += 0.3;
        }
        let pose = three_point_pose(&skeleton, &trackers);
        let ankle = position(&skeleton, &pose, J::LeftAnkle).z - skeleton.ankle_height;
        assert!((ankle - 0.3).abs() < 0.01, "{ankle}");
    }

    #[test]
    fn elbows_are_below_the_hands_in_front_and_to_the_outside() {
        let skeleton = Skeleton::default();
        let trackers = standing(&skeleton);
        let pose = three_point_pose(&skeleton, &trackers);
        for (side, joints) in [
            (1.0, [J::LeftShoulder, J::LeftElbow, J::LeftWrist]),
            (-1.0, [J::RightShoulder, J::RightElbow, J::RightWrist]),
        ] {
            let [shoulder, elbow, wrist] = joints.map(|j| position(&skeleton, &pose, j));
            let out = (elbow - shoulder).reject_from(wrist - shoulder);
            assert!(out.z < -0.05, "{out}");
            assert!(side * elbow.x > side * shoulder.x, "{out}");
        }
    }

    #[test]
    fn the_pose_rotates_with_the_head_and_mirrors() {
        let skeleton = Skeleton::default();
        let here = standing(&skeleton);
        let pose = three_point_pose(&skeleton, &here);
        let turn = DQuat::from_rotation_z(2.0);
        let turned: Vec<TrackerPose> = here
            .iter()
            .map(|t| TrackerPose::new(turn * t.position, DMat3::from_quat(turn) * t.rotation))
            .collect();
        let other = three_point_pose(&skeleton, &turned);
        assert!(geodesic_angle(turn * pose.rotations[0], other.rotations[0]) < 1e-6);
        for (a, b) in pose.rotations[1..].iter().zip(&other.rotations[1..]) {
            assert!(geodesic_angle(*a, *b) < 1e-6);
        }
        for (a, b) in mirrored(&pose).rotations.iter().zip(&pose.rotations) {
            assert!(geodesic_angle(*a, *b) < 1e-6, "trackers are symmetric, so is the body");
        }
    }

    /// Lying on the back, on the front and on a side, and on the way there: nothing is below the floor, nothing
    /// turns over from one moment to the next, and legs do not cross.
    #[test]
    fn bodies_lie_down_and_look_up_without_a_flip() {
        let skeleton = Skeleton::default();
        let lowest = |pose: &Pose| {
            let joints = skeleton.pose_joints(pose).positions.into_iter().enumerate();
            joints
                .min_by(|a, b| a.1.z.total_cmp(&b.1.z))
                .map(|(joint, p)| (p.z, J::ALL[joint]))
                .unwrap()
        };
        // Tilted about the body's left (forward if positive) or front axis.
        let ways: [fn(f64) -> DQuat; 6] = [
            |t| DQuat::from_rotation_x(-1.5 * t),
            |t| DQuat::from_rotation_x(1.5 * t),
            |t| DQuat::from_rotation_z(1.5 * t),
            |t| DQuat::from_rotation_z(-1.5 * t),
            |t| DQuat::from_axis_angle(DVec3::new(-0.6, 0.0, 0.8), 1.5 * t),
            |_| DQuat::IDENTITY,
        ];
        for (way, tilt) in ways.into_iter().enumerate() {
            for lies in [true, false] {
                let mut before: Option<Pose> = None;
                for i in 0..=200 {
                    let t = f64::from(i) / 200.0;
                    let height = if lies { 1.59 + (0.15 - 1.59) * t } else { 1.55 };
                    let rotation = UPRIGHT * tilt(t);
                    let head = TrackerPose::new(DVec3::Z * height, DMat3::from_quat(rotation));
                    let hands = [0.25, -0.25].map(|x| {
                        let beside = rotation * DVec3::new(x, -0.3, 0.1);
                        let mut at = head.position + beside;
                        at.z = at.z.max(0.08);
                        TrackerPose::new(at, DMat3::from_quat(rotation))
                    });
                    let pose = three_point_pose(&skeleton, &[head, hands[0], hands[1]]);
                    assert!(pose.is_finite());
                    // A shoulder may be in the floor: heads of bodies on their side are not that low.
                    let (depth, joint) = lowest(&pose);
                    let is_shoulder = matches!(joint, J::LeftShoulder | J::RightShoulder);
                    let limit = if is_shoulder { -0.05 } else { -1e-3 };
                    assert!(depth > limit, "way {way} {t}: {joint:?} {depth}");
                    if let Some(before) = &before {
                        let [a, b] = [before, &pose].map(|p| skeleton.pose_joints(p).positions);
                        let most = |joint: J, limit: f64| {
                            let moved = a[joint.index()].distance(b[joint.index()]);
                            assert!(moved < limit, "way {way} {t} {joint:?}: {moved}");
                        };
                        most(J::Pelvis, if way < 4 { 0.05 } else { 0.06 });
                        most(J::LeftAnkle, 0.1);
                        most(J::RightAnkle, 0.1);
                        // Folded legs rotate by a large angle per centimetre.
                        most(J::LeftKnee, 0.35);
                        most(J::RightKnee, 0.35);
                    }
                    let across = |joint: [J; 2]| {
                        let [left, right] = joint.map(|j| position(&skeleton, &pose, j));
                        (pose.rotations[0].conjugate() * (left - right)).x
                    };
                    assert!(across([J::LeftKnee, J::RightKnee]) > 0.05, "way {way} {t}");
                    assert!(across([J::LeftAnkle, J::RightAnkle]) > 0.05, "way {way} {t}");
                    before = Some(pose);
                }
                if lies && way < 4 {
                    let pelvis = position(&skeleton, &before.unwrap(), J::Pelvis);
                    assert!((0.05..0.2).contains(&pelvis.z), "way {way}: {pelvis}");
                    let [knee, ankle] = [J::LeftKnee, J::LeftAnkle]
                        .map(|j| position(&skeleton, &before.unwrap(), j).z);
                    assert!(knee < 0.3 && ankle < 0.3, "way {way}: {knee} {ankle}");
                }
            }
        }
    }
}
