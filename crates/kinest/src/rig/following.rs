//! Characters with other proportions, other trees of nodes and other places follow moving bodies.

use super::*;
use crate::coordinates::UPRIGHT;
use crate::motion::synthetic::{Kind, clip};
use crate::rotation::exp;
use crate::skeleton::{JointTransforms, Pose, Skeleton, SmplJoint as J};
use glam::{DAffine3, DMat3, DQuat, DVec3};
use std::collections::BTreeMap;

/// A character by its proportions and its tree of nodes.
#[derive(Clone)]
struct Character {
    label: &'static str,
    /// Lengths relative to the default body's.
    arms: f64,
    forearms: f64,
    legs: f64,
    trunk: f64,
    /// Height of the ankles above the floor, metres.
    ankles: f64,
    /// How far the arms hang below a T-pose, radians.
    arms_down: f64,
    collars: bool,
    /// Other parents than usual; `""` for none.
    hang: Vec<(&'static str, &'static str)>,
    /// Further bones on the way from one to another: name, both ends, the fraction of the way, and
    /// whether the end hangs from it.
    twists: Vec<(&'static str, &'static str, &'static str, f64, bool)>,
    /// Where the armature stands.
    armature: DAffine3,
}

const BONES: [(J, &str); 22] = [
    (J::Pelvis, "Hips"),
    (J::LeftHip, "LeftUpLeg"),
    (J::RightHip, "RightUpLeg"),
    (J::Spine1, "Spine"),
    (J::LeftKnee, "LeftLeg"),
    (J::RightKnee, "RightLeg"),
    (J::Spine2, "Spine1"),
    (J::LeftAnkle, "LeftFoot"),
    (J::RightAnkle, "RightFoot"),
    (J::Spine3, "Spine2"),
    (J::LeftFoot, "LeftToeBase"),
    (J::RightFoot, "RightToeBase"),
    (J::Neck, "Neck"),
    (J::LeftCollar, "LeftShoulder"),
    (J::RightCollar, "RightShoulder"),
    (J::Head, "Head"),
    (J::LeftShoulder, "LeftArm"),
    (J::RightShoulder, "RightArm"),
    (J::LeftElbow, "LeftForeArm"),
    (J::RightElbow, "RightForeArm"),
    (J::LeftWrist, "LeftHand"),
    (J::RightWrist, "RightHand"),
];

fn character(label: &'static str) -> Character {
    Character {
        label,
        arms: 1.0,
        forearms: 1.0,
        legs: 1.0,
        trunk: 1.0,
        ankles: Skeleton::default().ankle_height,
        arms_down: 0.0,
        collars: true,
        hang: vec![],
        twists: vec![],
        armature: DAffine3::IDENTITY,
    }
}

impl Character {
    fn skeleton(&self) -> Skeleton {
        let mut skeleton = Skeleton::default();
        for joint in J::ALL {
            skeleton.offsets[joint.index()] *= match joint {
                J::LeftElbow | J::RightElbow => self.arms,
                J::LeftWrist | J::RightWrist => self.arms * self.forearms,
                J::LeftKnee | J::RightKnee | J::LeftAnkle | J::RightAnkle => self.legs,
                J::Spine1 | J::Spine2 | J::Spine3 | J::Neck => self.trunk,
                _ => 1.0,
            };
        }
        skeleton
    }

    fn tree(&self) -> BoneTree {
        let mut local = [DMat3::IDENTITY; J::COUNT];
        local[J::LeftShoulder.index()] = DMat3::from_rotation_z(-self.arms_down);
        local[J::RightShoulder.index()] = DMat3::from_rotation_z(self.arms_down);
        let rest = self.skeleton().forward(&local, DVec3::ZERO);
        let floor = rest.positions[J::LeftAnkle.index()].y - self.ankles;
        let place = |joint: J| rest.positions[joint.index()] - DVec3::Y * floor;
        // Names, parents and positions, in any order.
        let mut bones: Vec<(String, String, DVec3)> = vec![];
        for (joint, name) in BONES {
            let is_collar = |joint| matches!(joint, J::LeftCollar | J::RightCollar);
            if is_collar(joint) && !self.collars {
                continue;
            }
            let parent =
                joint.parent().map(|p| if is_collar(p) && !self.collars { J::Spine3 } else { p });
            let parent = parent.map_or("Armature", |p| BONES[p.index()].1);
            bones.push((name.into(), parent.into(), place(joint)));
        }
        for &(name, from, to, part, in_line) in &self.twists {
            let at = |name: &str| bones.iter().find(|b| b.0 == name).unwrap().2;
            let position = at(from).lerp(at(to), part);
            if in_line {
                let end = bones.iter_mut().find(|b| b.0 == to).unwrap();
                let parent = std::mem::replace(&mut end.1, name.into());
                bones.push((name.into(), parent, position));
            } else {
                bones.push((name.into(), from.into(), position));
            }
        }
        for &(name, parent) in &self.hang {
            bones.iter_mut().find(|b| b.0 == name).unwrap().1 = parent.into();
        }
        // Parents first.
        let mut sorted: Vec<(String, Option<usize>, DAffine3)> =
            vec![("Armature".into(), None, self.armature)];
        while !bones.is_empty() {
            let ready = bones
                .iter()
                .position(|b| b.1.is_empty() || sorted.iter().any(|s| s.0 == b.1))
                .unwrap();
            let (name, parent, position) = bones.remove(ready);
            let parent = sorted.iter().position(|s| s.0 == parent);
            let k = sorted.len() as f64;
            let axes = exp(DVec3::new(k.sin(), (2.0 * k).cos(), (3.0 * k).sin()) * 2.0);
            let at = self.armature * DAffine3::from_rotation_translation(axes, position);
            sorted.push((name, parent, at));
        }
        let bones = sorted.iter().map(|(name, parent, world)| {
            let local = parent.map_or(*world, |p: usize| sorted[p].2.inverse() * *world);
            let (scale, rotation, translation) = local.to_scale_rotation_translation();
            Bone { name: name.clone(), parent: *parent, translation, rotation, scale }
        });
        BoneTree::new(bones.collect()).unwrap()
    }

    fn bind(&self) -> Bound {
        // Bones are found in the usual tree: which bone is which is not the question here.
        let usual = Self { hang: vec![], ..self.clone() }.tree();
        let known =
            BONES.iter().filter_map(|(joint, name)| Some((*joint, usual.named(name).ok()?)));
        let mut known: BTreeMap<J, usize> = known.collect();
        known.retain(|joint, _| !matches!(joint, J::Spine1 | J::Spine2));
        let mut map = RigMap::find(&usual, &RigOverride::default(), &known).unwrap();
        let tree = self.tree();
        let bones = map.driven.iter_mut().map(|d| &mut d.bone);
        let limbs = map.arms.iter_mut().chain(&mut map.legs).flatten();
        let ends = map.toes.iter_mut().flatten().chain([&mut map.hips, &mut map.head]);
        for bone in bones.chain(limbs).chain(ends) {
            *bone = tree.named(&usual.bones()[*bone].name).unwrap();
        }
        map.driven.sort_by_key(|d| d.bone);
        let retarget = Retarget::new(&tree, &map, &Skeleton::default());
        Bound { tree, map, retarget, skeleton: self.skeleton(), ankles: self.ankles }
    }
}

struct Bound {
    tree: BoneTree,
    map: RigMap,
    retarget: Retarget,
    skeleton: Skeleton,
    ankles: f64,
}

/// A rig moved and rotated in the world, at twice the scale.
fn space() -> Similarity {
    Similarity {
        rotation: DQuat::from_rotation_y(0.7) * UPRIGHT.conjugate(),
        translation: DVec3::new(0.3, -0.2, 2.0),
        scale: 0.5,
    }
}

fn to_world(space: &Similarity, point: DVec3) -> DVec3 {
    space.rotation.conjugate() * (point - space.translation) / space.scale
}

/// A posed character: rotations since its rest pose, and positions in the world, metres.
struct Posed {
    turns: Vec<DQuat>,
    positions: Vec<DVec3>,
    /// Metres per rig unit of the rest pose.
    scale: f64,
}

impl Bound {
    fn pose(&mut self, joints: &JointTransforms, fit: Fit) -> Posed {
        self.pose_in(joints, &space(), fit)
    }

    fn pose_in(&mut self, joints: &JointTransforms, space: &Similarity, fit: Fit) -> Posed {
        let mut bones = self.tree.bones().to_vec();
        let written: Vec<_> = self.retarget.bones().collect();
        self.retarget.apply(joints, space, fit, |i, write| {
            let bone = &mut bones[written[i]];
            bone.rotation = write.rotation;
            bone.translation = write.translation.unwrap_or(bone.translation);
            bone.scale = write.scale.unwrap_or(bone.scale);
        });
        let tree = BoneTree::new(bones).unwrap();
        let all = 0..tree.bones().len();
        let turn = |b: usize| (tree.axes(b) * self.tree.axes(b).conjugate()).normalize();
        let hips = self.map.bone(J::Pelvis).unwrap();
        let grown =
            tree.rest(hips).matrix3.determinant() / self.tree.rest(hips).matrix3.determinant();
        Posed {
            turns: all.clone().map(turn).collect(),
            positions: all.map(|b| to_world(space, tree.position(b))).collect(),
            scale: grown.cbrt() / space.scale,
        }
    }

    fn bone(&self, joint: J) -> usize {
        self.map.bone(joint).unwrap()
    }

    /// The length of a limb, rig units.
    fn length(&self, joints: [J; 3]) -> f64 {
        let [a, b, c] = joints.map(|joint| self.tree.position(self.bone(joint)));
        a.distance(b) + b.distance(c)
    }
}

const ARMS: [[J; 3]; 2] = [
    [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
    [J::RightShoulder, J::RightElbow, J::RightWrist],
];
const LEGS: [[J; 3]; 2] =
    [[J::LeftHip, J::LeftKnee, J::LeftAnkle], [J::RightHip, J::RightKnee, J::RightAnkle]];

/// The greatest errors of a character in motion: metres and radians.
#[derive(Debug, Default)]
struct Errors {
    /// Hands within the arm's reach, and all hands.
    hand: f64,
    any_hand: f64,
    /// Soles of legs within reach, against the body's.
    sole: f64,
    ankle: f64,
    /// How far the sole is below the floor.
    sunk: f64,
    /// Twist of the hand against the forearm.
    wrist: f64,
    /// Fraction of hands within reach.
    reached: f64,
}

fn motion() -> Vec<JointTransforms> {
    let skeleton = Skeleton::default();
    let kinds = [Kind::Walk, Kind::Reach, Kind::Wave, Kind::Squat, Kind::Punch, Kind::Idle];
    let frames = kinds.map(|kind| clip(kind, 5, 6.0, 30.0, &skeleton).frames);
    frames.iter().flatten().map(|frame| skeleton.pose_joints(&Pose::from(frame))).collect()
}

fn errors(bound: &mut Bound, motion: &[JointTransforms], fit: Fit) -> Errors {
    let mut errors = Errors::default();
    let (mut near, mut hands) = (0, 0);
    let body = Skeleton::default();
    for joints in motion {
        let posed = bound.pose(joints, fit);
        assert!(posed.positions.iter().all(|p| p.is_finite()));
        let at = |joint: J| posed.positions[bound.bone(joint)];
        for arm in ARMS {
            let target = joints.positions[arm[2].index()];
            let off = at(arm[2]).distance(target);
            hands += 1;
            errors.any_hand = errors.any_hand.max(off);
            if at(arm[0]).distance(target) < bound.length(arm) * posed.scale {
                near += 1;
                errors.hand = errors.hand.max(off);
            }
            let [fore, hand] = [arm[1], arm[2]].map(|joint| bound.bone(joint));
            let axis = (bound.tree.position(hand) - bound.tree.position(fore)).normalize();
            let apart = posed.turns[fore].conjugate() * posed.turns[hand];
            errors.wrist = errors.wrist.max(twist::twist(apart, axis).abs());
        }
        for leg in LEGS {
            // The lower one of heel and ball.
            let lowest = |points: [DVec3; 2]| points[0].z.min(points[1].z);
            let ankle = leg[2].index();
            let foot = joints.rotations[ankle];
            let of_body = lowest(body.sole(leg[2]).map(|p| joints.positions[ankle] + foot * p));
            // Feet are the same in both rest poses.
            let foot = space().rotation.conjugate() * posed.turns[bound.bone(leg[2])];
            let own = lowest(
                bound
                    .skeleton
                    .sole(leg[2])
                    .map(|p| at(leg[2]) + foot * (p.with_y(-bound.ankles) * posed.scale)),
            );
            errors.sunk = errors.sunk.max(-own);
            errors.sole = errors.sole.max((own - of_body).abs());
            let level = at(leg[2]) - joints.positions[leg[2].index()];
            errors.ankle = errors.ankle.max(level.truncate().length());
        }
    }
    errors.reached = f64::from(near) / f64::from(hands);
    errors
}

fn proportions() -> Vec<Character> {
    vec![
        character("same"),
        Character { arms: 0.8, ..character("short arms") },
        Character { arms: 1.2, ..character("long arms") },
        Character { forearms: 0.8, ..character("short forearms") },
        Character { legs: 0.85, ..character("short legs") },
        Character { legs: 1.15, ..character("long legs") },
        Character { ankles: 0.11, ..character("thick soles") },
        Character { ankles: 0.05, ..character("thin soles") },
        // Measured on public characters of both kinds.
        Character { arms: 0.97, legs: 1.03, trunk: 0.9, ankles: 0.1, ..character("Mixamo") },
        Character {
            arms: 0.9,
            legs: 1.08,
            trunk: 0.85,
            ankles: 0.09,
            arms_down: 0.6,
            ..character("VRM")
        },
        Character { arms: 0.9, collars: false, ..character("no collars") },
    ]
}

#[test]
fn hands_reach_the_wrists_and_soles_the_floor_whatever_the_proportions() {
    let motion = motion();
    for character in proportions() {
        let mut bound = character.bind();
        let copied = errors(&mut bound, &motion, Fit { reach: false, ..Fit::default() });
        let now = errors(&mut bound, &motion, Fit::default());
        let label = character.label;
        println!("{label:<16} {copied:.3?}\n{:<16} {now:.3?}", "");
        assert!(now.hand < 0.01 && now.sunk < 0.01 && now.sole < 0.015, "{label}: {now:?}");
        assert!(now.any_hand < copied.any_hand + 0.001, "{label}: {now:?} {copied:?}");
        assert!(now.wrist.to_degrees() <= 60.0, "{label}: {now:?}");
        assert!(label == "same" || copied.hand > 0.005, "{label} shows nothing: {copied:?}");
    }
}

/// Rotations alone are copied as they are: the limbs have the body's directions.
#[test]
fn without_reach_limbs_have_the_directions_of_the_body() {
    let mut bound = Character { arms: 0.8, legs: 1.15, ..character("") }.bind();
    for joints in motion().iter().step_by(20) {
        let posed = bound.pose(joints, Fit { reach: false, ..Fit::default() });
        for [a, b, c] in [ARMS, LEGS].concat() {
            for (from, to) in [(a, b), (b, c)] {
                let limb = posed.positions[bound.bone(to)] - posed.positions[bound.bone(from)];
                let of_body = joints.positions[to.index()] - joints.positions[from.index()];
                assert!(limb.angle_between(of_body) < 1e-5, "{}", from.name());
            }
        }
    }
}

/// Trees whose nodes do not carry the bones as the body does: every bone is at the same place as in
/// the usual tree.
#[test]
fn bones_are_carried_by_the_body_wherever_they_hang() {
    let usual = Character { arms: 0.9, legs: 1.05, ..character("usual") };
    let scattered = BONES.map(|(_, name)| (name, "Armature"));
    let alone = BONES.map(|(_, name)| (name, ""));
    let trees: [&[(&str, &str)]; 7] = [
        &[("LeftFoot", "Armature"), ("RightFoot", "Armature")],
        &[("LeftShoulder", "Neck"), ("RightShoulder", "Neck")],
        &[("LeftUpLeg", "Spine"), ("RightUpLeg", "Spine")],
        &[("LeftUpLeg", "Armature"), ("RightUpLeg", "Armature"), ("Spine", "Armature")],
        &[("LeftHand", "Spine2"), ("Head", "Armature"), ("RightForeArm", "Hips")],
        &scattered,
        &alone,
    ];
    let motion = motion();
    let mut expected = usual.bind();
    for (k, tree) in trees.iter().enumerate() {
        let mut other = Character { hang: tree.to_vec(), ..usual.clone() }.bind();
        for joints in motion.iter().step_by(15) {
            let [a, b] =
                [&mut expected, &mut other].map(|bound| bound.pose(joints, Fit::default()));
            for (joint, name) in BONES {
                let at = |bound: &Bound, posed: &Posed| {
                    let bone = bound.tree.named(name).unwrap();
                    (posed.positions[bone], posed.turns[bone])
                };
                let ((a, a_turn), (b, b_turn)) = (at(&expected, &a), at(&other, &b));
                assert!(a.distance(b) < 1e-6, "tree {k}, {}: {}", joint.name(), a.distance(b));
                assert!(a_turn.angle_between(b_turn) < 1e-5, "tree {k}, {}", joint.name());
            }
        }
    }
}
