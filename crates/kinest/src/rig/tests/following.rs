//! Characters with other proportions, other trees of nodes and other places follow moving bodies.

use crate::coordinates::UPRIGHT;
use crate::motion::synthetic::{Kind, clip};
use crate::rig::*;
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
        // Which bone is which is not the question here: they are found in a usual tree.
        let Self { collars, twists, .. } = self.clone();
        let usual = Self { collars, twists, ..character("") }.tree();
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
        map.up = self.armature.transform_vector3(map.up).normalize();
        map.left = self.armature.transform_vector3(map.left).normalize();
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
        let hips = written[0];
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
            errors.wrist = errors.wrist.max(roll::twist(apart, axis).abs());
        }
        for leg in LEGS {
            // The lower one of heel and ball.
            let lowest = |points: [DVec3; 2]| points[0].z.min(points[1].z);
            let of_body = joints.sole_height(&body, leg[2]);
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
        let by_hips = Fit { anchor: Anchor::Pelvis, ..Fit::default() };
        let by_hips = errors(&mut bound, &motion, by_hips);
        assert!(by_hips.hand < 0.01 && by_hips.sunk < 0.01, "{label}: {by_hips:?}");
        assert!(label == "same" || copied.hand > 0.005, "{label} shows nothing: {copied:?}");
    }
}

/// A character with the body's proportions is the body, even with straight arms and legs.
#[test]
fn a_character_like_the_body_is_left_as_copied() {
    let mut bound = Character { arms_down: 0.7, ..character("") }.bind();
    let rest = Skeleton::default().pose_joints(&Pose::rest());
    for joints in motion().iter().step_by(20).chain([&rest]) {
        let posed = bound.pose(joints, Fit::default());
        for joint in J::ALL {
            let off = posed.positions[bound.bone(joint)].distance(joints.positions[joint.index()]);
            assert!(off < 1e-3, "{}: {off}", joint.name());
        }
    }
}

/// Neither a snap nor a flip: no joint of a limb moves much faster than the body's limb does.
#[test]
fn limbs_move_as_smoothly_as_the_body() {
    let skeleton = Skeleton::default();
    let clips = [Kind::Walk, Kind::Run, Kind::Reach, Kind::Punch, Kind::Sit];
    for character in proportions() {
        let mut bound = character.bind();
        for kind in clips {
            let clip = clip(kind, 3, 5.0, 60.0, &skeleton);
            let body: Vec<JointTransforms> =
                clip.frames.iter().map(|f| skeleton.pose_joints(&Pose::from(f))).collect();
            let own: Vec<Posed> = body.iter().map(|j| bound.pose(j, Fit::default())).collect();
            let fastest = |at: &dyn Fn(usize) -> DVec3| {
                (1..body.len()).map(|i| at(i).distance(at(i - 1))).fold(0.0, f64::max)
            };
            for limb in [ARMS, LEGS].concat() {
                let of_body = limb.map(|joint| fastest(&|i| body[i].positions[joint.index()]));
                let of_body = of_body.into_iter().fold(0.0, f64::max);
                for joint in limb {
                    let bone = bound.bone(joint);
                    let is = fastest(&|i| own[i].positions[bone]);
                    let (label, kind, name) = (character.label, kind.name(), joint.name());
                    assert!(is < 1.5 * of_body + 0.01, "{label} {kind} {name}: {is} {of_body}");
                }
            }
        }
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

/// Armatures of any scale, tilt and place make no difference: the character is where it was.
#[test]
fn a_character_bound_anywhere_at_any_scale_does_the_same() {
    let usual = Character {
        arms: 0.9,
        legs: 1.1,
        ankles: 0.09,
        twists: vec![
            ("LeftArmTwist", "LeftArm", "LeftForeArm", 0.5, true),
            ("RightForeArmTwist", "RightForeArm", "RightHand", 0.6, false),
        ],
        ..character("")
    };
    let motion = motion();
    let mut expected = usual.bind();
    for (k, scale) in [0.01, 1.0, 37.0].into_iter().enumerate() {
        let turn = exp(DVec3::new(0.4, 1.0 + k as f64, -0.8));
        let armature = DAffine3::from_scale_rotation_translation(
            DVec3::splat(scale),
            turn,
            DVec3::new(3.0, -7.0, 0.2 * scale),
        );
        let hang = vec![("LeftFoot", "Armature"), ("RightShoulder", "Neck")];
        let mut moved = Character { armature, hang, ..usual.clone() }.bind();
        for joints in motion.iter().step_by(15) {
            let here = expected.pose(joints, Fit::default());
            // Elsewhere in the world, with the body.
            let there =
                Similarity { translation: DVec3::new(9.0, 1.0, -4.0), scale: 20.0, ..space() };
            let there = moved.pose_in(joints, &there, Fit::default());
            for bone in expected.tree.bones() {
                let [a, b] = [&expected, &moved].map(|bound| bound.tree.named(&bone.name).unwrap());
                let off = here.positions[a].distance(there.positions[b]);
                assert!(bone.name == "Armature" || off < 1e-6, "{scale}: {} {off}", bone.name);
            }
        }
    }
}

/// The body's joints with one wrist `distance` metres from its shoulder, in direction `along`.
fn reaching(along: DVec3, distance: f64) -> JointTransforms {
    let mut joints = Skeleton::default().pose_joints(&Pose::rest());
    let [shoulder, elbow, wrist] = ARMS[0].map(J::index);
    let bone = joints.positions[shoulder].distance(joints.positions[elbow]);
    let bend = (bone * bone - distance * distance / 4.0).max(0.0).sqrt();
    let hand = along * distance;
    joints.positions[elbow] =
        joints.positions[shoulder] + hand / 2.0 + along.any_orthonormal_vector() * bend;
    joints.positions[wrist] = joints.positions[shoulder] + hand;
    joints
}

/// The hand moves out of reach in steps of a millimetre.
#[test]
fn arms_straighten_without_a_snap() {
    const STEP: f64 = 0.001;
    for collars in [true, false] {
        for along in [DVec3::X, DVec3::NEG_Y, DVec3::new(0.5, -0.5, -0.6), DVec3::NEG_Z] {
            let mut bound = Character { arms: 0.9, collars, ..character("") }.bind();
            let mut places = |distance: f64| {
                let joints = reaching(along.normalize(), distance);
                let posed = bound.pose(&joints, Fit::default());
                let target = joints.positions[J::LeftWrist.index()];
                let places = ARMS[0].map(|joint| posed.positions[bound.bone(joint)]);
                (places, target, bound.length(ARMS[0]) * posed.scale)
            };
            let mut before = places(0.1).0;
            let mut out = 0;
            for i in 101..900 {
                let (now, target, length) = places(f64::from(i) * STEP);
                let [_, elbow, wrist] = [0, 1, 2].map(|k| now[k].distance(before[k]));
                assert!(wrist < 1.5 * STEP && elbow < 20.0 * STEP, "{i}: {wrist} {elbow}");
                let reachable = now[0].distance(target) < length;
                assert!(!reachable || now[2].distance(target) < 1e-3, "{i}");
                out += usize::from(!reachable);
                before = now;
            }
            let [shoulder, elbow, wrist] = before;
            assert!(out > 200, "{out}");
            let bend = (elbow - shoulder).angle_between(wrist - elbow).to_degrees();
            assert!(bend < 0.5, "not straight: {bend}°");
        }
    }
}

/// The body rises on straight legs until its feet hang.
#[test]
fn legs_straighten_without_a_snap() {
    const STEP: f64 = 0.001;
    for stride in [0.0, 0.1, 0.3] {
        let mut bound = Character { ankles: 0.1, ..character("") }.bind();
        let mut places = |rise: f64| {
            let mut joints = Skeleton::default().pose_joints(&Pose::rest());
            for joint in [J::LeftAnkle, J::RightAnkle] {
                joints.positions[joint.index()] += DVec3::new(0.0, -stride, 0.1 - rise);
            }
            for joint in [J::LeftKnee, J::RightKnee] {
                joints.positions[joint.index()] += DVec3::NEG_Y * 0.2;
            }
            let posed = bound.pose(&joints, Fit::default());
            LEGS[0].map(|joint| posed.positions[bound.bone(joint)])
        };
        let mut before = places(0.0);
        for i in 1..300 {
            let now = places(f64::from(i) * STEP);
            let [_, knee, ankle] = [0, 1, 2].map(|k| now[k].distance(before[k]));
            assert!(ankle < 8.0 * STEP && knee < 20.0 * STEP, "{stride} {i}: {ankle} {knee}");
            before = now;
        }
    }
}

/// A body at rest whose left hand rolls palm up by an angle.
fn rolled(palm_up: f64) -> JointTransforms {
    let mut pose = Pose::rest();
    pose.rotations[J::LeftElbow.index()] = DQuat::from_rotation_y(-0.7);
    pose.rotations[J::LeftWrist.index()] =
        DQuat::from_rotation_y(0.2) * DQuat::from_rotation_x(-palm_up);
    Skeleton::default().pose_joints(&pose)
}

impl Bound {
    /// Twist of one bone against another about the limb between two joints, degrees.
    fn twist(&self, posed: &Posed, [from, to]: [&str; 2], limb: [J; 2]) -> f64 {
        let [from, to] = [from, to].map(|name| self.tree.named(name).unwrap());
        let [a, b] = limb.map(|joint| self.tree.position(self.bone(joint)));
        let apart = posed.turns[from].conjugate() * posed.turns[to];
        roll::twist(apart, (b - a).normalize()).to_degrees()
    }
}

const FOREARM: [J; 2] = [J::LeftElbow, J::LeftWrist];

#[test]
fn the_forearm_takes_what_the_wrist_cannot() {
    let mut bound = Character { arms: 0.95, ..character("") }.bind();
    let mut before: Option<[f64; 2]> = None;
    let mut most = 0.0_f64;
    // From palm down by 60° the wrong way to well beyond palm up.
    for i in -60..=200 {
        let joints = rolled(f64::from(i).to_radians());
        let posed = bound.pose(&joints, Fit::default());
        let wrist = bound.twist(&posed, ["LeftForeArm", "LeftHand"], FOREARM);
        let forearm = bound.twist(&posed, ["LeftArm", "LeftForeArm"], FOREARM);
        assert!(wrist.abs() <= 60.0, "{i}: {wrist}");
        if let Some(before) = before {
            for (now, before) in [wrist, forearm].iter().zip(before) {
                let step = (now - before + 180.0).rem_euclid(360.0) - 180.0;
                assert!(step.abs() < 2.0, "{i}: {step}");
            }
        }
        before = Some([wrist, forearm]);
        most = most.max(wrist.abs());
        // The hand itself has the body's rotation.
        let hand = bound.bone(J::LeftWrist);
        let is = space().rotation * DQuat::from_mat3(&joints.rotations[J::LeftWrist.index()]);
        assert!(posed.turns[hand].angle_between(is) < 1e-6);
    }
    assert!(most > 50.0, "{most}");
    // All the way round there is no jump either.
    let mut before: Option<DQuat> = None;
    for i in 0..=720 {
        let posed = bound.pose(&rolled(f64::from(i).to_radians()), Fit::default());
        let now = posed.turns[bound.bone(J::LeftElbow)];
        assert!(before.is_none_or(|before| before.angle_between(now).to_degrees() < 15.0), "{i}");
        before = Some(now);
    }
}

#[test]
fn twist_bones_share_the_roll_and_keep_the_limb_straight() {
    let plain = Character { arms: 0.95, ..character("") };
    let twists = vec![
        // Beside the bones, as in Unreal, …
        ("lowerarm_twist_02_l", "LeftForeArm", "LeftHand", 0.25, false),
        ("lowerarm_twist_01_l", "LeftForeArm", "LeftHand", 0.75, false),
        ("upperarm_twist_01_l", "LeftArm", "LeftForeArm", 0.0, false),
        // … in line with them, as in Rigify and Daz, named or not, …
        ("upper_arm.R.001", "RightArm", "RightForeArm", 0.5, true),
        ("RightForeArmRoll", "RightForeArm", "RightHand", 0.5, true),
        // … and in the legs.
        ("左足捩", "LeftUpLeg", "LeftLeg", 0.5, true),
        ("bone17", "RightLeg", "RightFoot", 0.5, false),
    ];
    // A twist bone may also hang from the collar.
    for hang in [vec![], vec![("upperarm_twist_01_l", "LeftShoulder")]] {
        check_twists(Character { twists: twists.clone(), hang, ..plain.clone() }, &plain);
    }
}

fn check_twists(character: Character, plain: &Character) {
    let count = character.twists.len();
    let mut bound = character.bind();
    let mut usual = plain.bind();
    assert_eq!(bound.retarget.bones().len(), usual.retarget.bones().len() + count);
    let pose = |bound: &mut Bound, angle: f64| {
        let mut pose = Pose::rest();
        for (joint, turn) in [
            (J::LeftShoulder, DQuat::from_rotation_x(angle)),
            (J::RightShoulder, DQuat::from_rotation_x(angle)),
            (J::LeftElbow, DQuat::from_rotation_y(-0.9)),
            (J::RightElbow, DQuat::from_rotation_y(0.9)),
            (J::LeftWrist, DQuat::from_rotation_x(-1.6 * angle)),
            (J::RightWrist, DQuat::from_rotation_x(-1.6 * angle)),
            (J::LeftHip, DQuat::from_rotation_y(angle)),
            (J::RightKnee, DQuat::from_rotation_x(0.5)),
            (J::RightAnkle, DQuat::from_rotation_y(angle)),
        ] {
            pose.rotations[joint.index()] = turn;
        }
        bound.pose(&Skeleton::default().pose_joints(&pose), Fit::default())
    };
    let zero = pose(&mut bound, 0.0);
    let posed = pose(&mut bound, 0.8);
    let same = pose(&mut usual, 0.8);
    let named = |bound: &Bound, name: &str| bound.tree.named(name).unwrap();
    for (joint, name) in BONES {
        let off =
            posed.positions[named(&bound, name)].distance(same.positions[named(&usual, name)]);
        assert!(off < 1e-6, "{}: {off}", joint.name());
    }
    // In line still.
    for [from, middle, to] in [
        ["RightArm", "upper_arm.R.001", "RightForeArm"],
        ["RightForeArm", "RightForeArmRoll", "RightHand"],
        ["LeftUpLeg", "左足捩", "LeftLeg"],
    ] {
        let at = |name| posed.positions[named(&bound, name)];
        assert!((at(middle) - at(from)).angle_between(at(to) - at(middle)) < 1e-6, "{middle}");
    }
    let twist = |from, to, limb: [J; 2]| bound.twist(&posed, [from, to], limb);
    let hand = twist("LeftForeArm", "LeftHand", FOREARM);
    assert!(hand < -35.0, "{hand}");
    for (bone, share) in [("lowerarm_twist_02_l", 0.25), ("lowerarm_twist_01_l", 0.75)] {
        let is = twist("LeftForeArm", bone, FOREARM);
        assert!((is - share * hand).abs() < 1.0, "{bone}: {is} of {hand}");
    }
    // At the shoulder nothing of the upper arm's roll is left.
    let upper = [J::LeftShoulder, J::LeftElbow];
    assert!(twist("LeftShoulder", "LeftArm", upper) > 30.0);
    assert!(twist("LeftShoulder", "upperarm_twist_01_l", upper).abs() < 1.0);
    // A bone in line takes the roll from the limb's own.
    let upper = [J::RightShoulder, J::RightElbow];
    assert!(twist("RightShoulder", "RightArm", upper).abs() < 1.0);
    assert!(twist("RightShoulder", "upper_arm.R.001", upper).abs() > 30.0);
    let thigh = [J::LeftHip, J::LeftKnee];
    assert!(twist("Hips", "LeftUpLeg", thigh).abs() < 2.0);
    assert!(twist("Hips", "左足捩", thigh).abs() > 30.0);
    let shin = [J::RightKnee, J::RightAnkle];
    let [half, foot] = ["bone17", "RightFoot"].map(|bone| twist("RightLeg", bone, shin));
    assert!(foot.abs() > 30.0 && (half - foot / 2.0).abs() < 1.0, "{half} {foot}");
    assert!(zero.positions.iter().all(|p| p.is_finite()));
}

/// Rest poses that no limb can be solved in: what cannot be solved is left as copied, and nothing is
/// lost.
#[test]
fn degenerate_rest_poses_give_finite_bones() {
    let motion = motion();
    let flat = [
        Character { arms: 0.0, ..character("no arms") },
        Character { forearms: 0.0, ..character("no forearms") },
        Character { forearms: 1e-9, ..character("hardly forearms") },
        Character { legs: 0.0, ..character("no legs") },
        Character { trunk: 0.0, ..character("no trunk") },
        Character { ankles: -3.0, ..character("under the floor") },
        Character {
            armature: DAffine3::from_scale(DVec3::new(1.0, -2.0, 0.5)),
            ..character("flat")
        },
    ];
    for character in flat {
        let mut bound = character.bind();
        for joints in motion.iter().step_by(30) {
            let posed = bound.pose(joints, Fit::default());
            let finite = posed.positions.iter().all(|p| p.is_finite())
                && posed.turns.iter().all(|q| q.is_finite());
            assert!(finite, "{}", character.label);
        }
    }
    // A body that is lost for a frame does not panic.
    let mut lost = motion[0];
    lost.positions = [DVec3::NAN; J::COUNT];
    let mut bound = character("").bind();
    let written: Vec<_> = bound.retarget.bones().collect();
    let mut count = 0;
    bound.retarget.apply(&lost, &space(), Fit::default(), |_, _| count += 1);
    assert_eq!(count, written.len());
}

/// The hips are not driven: the whole body still follows, and nothing is thrown about.
#[test]
fn joints_that_are_skipped_leave_the_rest_in_place() {
    let tree = character("").tree();
    let motion = motion();
    for skip in [J::Pelvis, J::Head, J::LeftKnee, J::LeftWrist, J::Spine3, J::LeftCollar] {
        let given = RigOverride { skip: [skip].into(), ..RigOverride::default() };
        let map = RigMap::find(&tree, &given, &BTreeMap::new()).unwrap();
        let retarget = Retarget::new(&tree, &map, &Skeleton::default());
        let (skeleton, ankles) = (Skeleton::default(), Skeleton::default().ankle_height);
        let mut bound = Bound { tree: tree.clone(), map, retarget, skeleton, ankles };
        for joints in motion.iter().step_by(40) {
            let posed = bound.pose(joints, Fit::default());
            let hand = tree.named("RightHand").unwrap();
            let off = posed.positions[hand].distance(joints.positions[J::RightWrist.index()]);
            assert!(off < 0.05, "without {}: {off}", skip.name());
        }
    }
}
