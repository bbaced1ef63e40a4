//! Rigs of every convention, generated in code, and checks that their limbs follow the body.

mod animals;
mod bind_pose;
mod files;
mod following;
mod given;
mod large;
mod naming;
mod trunks;

use super::*;
use crate::coordinates::UPRIGHT;
use crate::rotation::exp;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::{DAffine3, DMat3, DQuat, DVec3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Where a bone rests. Rows describe the left side; right sides are mirrored.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Joint(J),
    /// A fraction of the way from one joint to another.
    Way(J, J, f64),
    /// An offset from a joint, in its axes, metres.
    Off(J, [f64; 3]),
}
use At::{Joint, Off, Way};

/// Name, parent, place. A `#` stands for the side: the row makes a left and a right bone.
type Row = (&'static str, &'static str, At);

const INDEX: At = Off(J::LeftWrist, [0.09, 0.0, 0.03]);
const LITTLE: At = Off(J::LeftWrist, [0.09, 0.0, -0.03]);
const HEAD_TOP: At = Off(J::Head, [0.0, 0.2, 0.0]);
const TOE_END: At = Off(J::LeftFoot, [0.0, -0.02, 0.07]);

const MIXAMO: &[Row] = &[
    ("mixamorig:Hips", "", Joint(J::Pelvis)),
    ("mixamorig:Spine", "mixamorig:Hips", Joint(J::Spine1)),
    ("mixamorig:Spine1", "mixamorig:Spine", Joint(J::Spine2)),
    ("mixamorig:Spine2", "mixamorig:Spine1", Joint(J::Spine3)),
    ("mixamorig:Neck", "mixamorig:Spine2", Joint(J::Neck)),
    ("mixamorig:Head", "mixamorig:Neck", Joint(J::Head)),
    ("mixamorig:HeadTop_End", "mixamorig:Head", HEAD_TOP),
    ("mixamorig:#Shoulder", "mixamorig:Spine2", Joint(J::LeftCollar)),
    ("mixamorig:#Arm", "mixamorig:#Shoulder", Joint(J::LeftShoulder)),
    ("mixamorig:#ForeArm", "mixamorig:#Arm", Joint(J::LeftElbow)),
    ("mixamorig:#Hand", "mixamorig:#ForeArm", Joint(J::LeftWrist)),
    ("mixamorig:#HandIndex1", "mixamorig:#Hand", INDEX),
    ("mixamorig:#HandPinky1", "mixamorig:#Hand", LITTLE),
    ("mixamorig:#UpLeg", "mixamorig:Hips", Joint(J::LeftHip)),
    ("mixamorig:#Leg", "mixamorig:#UpLeg", Joint(J::LeftKnee)),
    ("mixamorig:#Foot", "mixamorig:#Leg", Joint(J::LeftAnkle)),
    ("mixamorig:#ToeBase", "mixamorig:#Foot", Joint(J::LeftFoot)),
    ("mixamorig:#Toe_End", "mixamorig:#ToeBase", TOE_END),
];

const UNITY: &[Row] = &[
    ("Hips", "", Joint(J::Pelvis)),
    ("Spine", "Hips", Joint(J::Spine1)),
    ("Chest", "Spine", Joint(J::Spine2)),
    ("Neck", "Chest", Joint(J::Neck)),
    ("Head", "Neck", Joint(J::Head)),
    ("#Eye", "Head", Off(J::Head, [0.03, 0.08, 0.09])),
    ("#Shoulder", "Chest", Joint(J::LeftCollar)),
    ("#UpperArm", "#Shoulder", Joint(J::LeftShoulder)),
    ("#LowerArm", "#UpperArm", Joint(J::LeftElbow)),
    ("#Hand", "#LowerArm", Joint(J::LeftWrist)),
    ("#UpperLeg", "Hips", Joint(J::LeftHip)),
    ("#LowerLeg", "#UpperLeg", Joint(J::LeftKnee)),
    ("#Foot", "#LowerLeg", Joint(J::LeftAnkle)),
    ("#Toes", "#Foot", Joint(J::LeftFoot)),
];

const UNREAL: &[Row] = &[
    ("root", "", Off(J::Pelvis, [0.0, -1.0, 0.0])),
    ("pelvis", "root", Joint(J::Pelvis)),
    ("spine_01", "pelvis", Way(J::Pelvis, J::Spine1, 0.5)),
    ("spine_02", "spine_01", Joint(J::Spine1)),
    ("spine_03", "spine_02", Way(J::Spine1, J::Spine2, 0.5)),
    ("spine_04", "spine_03", Joint(J::Spine2)),
    ("spine_05", "spine_04", Joint(J::Spine3)),
    ("neck_01", "spine_05", Joint(J::Neck)),
    ("neck_02", "neck_01", Way(J::Neck, J::Head, 0.5)),
    ("head", "neck_02", Joint(J::Head)),
    ("clavicle_#", "spine_05", Joint(J::LeftCollar)),
    ("upperarm_#", "clavicle_#", Joint(J::LeftShoulder)),
    ("upperarm_twist_01_#", "upperarm_#", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("lowerarm_#", "upperarm_#", Joint(J::LeftElbow)),
    ("lowerarm_twist_01_#", "lowerarm_#", Way(J::LeftElbow, J::LeftWrist, 0.6)),
    ("hand_#", "lowerarm_#", Joint(J::LeftWrist)),
    ("index_metacarpal_#", "hand_#", Off(J::LeftWrist, [0.02, 0.0, 0.02])),
    ("index_01_#", "index_metacarpal_#", INDEX),
    ("pinky_metacarpal_#", "hand_#", Off(J::LeftWrist, [0.02, 0.0, -0.02])),
    ("pinky_01_#", "pinky_metacarpal_#", LITTLE),
    ("thigh_#", "pelvis", Joint(J::LeftHip)),
    ("thigh_twist_01_#", "thigh_#", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("calf_#", "thigh_#", Joint(J::LeftKnee)),
    ("calf_twist_01_#", "calf_#", Way(J::LeftKnee, J::LeftAnkle, 0.5)),
    ("foot_#", "calf_#", Joint(J::LeftAnkle)),
    ("ball_#", "foot_#", Joint(J::LeftFoot)),
    ("ik_foot_root", "root", Off(J::Pelvis, [0.0, -1.0, 0.0])),
    ("ik_foot_#", "ik_foot_root", Joint(J::LeftAnkle)),
    ("ik_hand_root", "root", Off(J::Pelvis, [0.0, -1.0, 0.0])),
    ("ik_hand_#", "ik_hand_root", Joint(J::LeftWrist)),
];

/// Twist bones in the limbs, and a spine whose bones are only numbered.
const RIGIFY: &[Row] = &[
    ("DEF-spine", "", Joint(J::Pelvis)),
    ("DEF-pelvis.#", "DEF-spine", Off(J::Pelvis, [0.08, 0.05, 0.05])),
    ("DEF-spine.001", "DEF-spine", Joint(J::Spine1)),
    ("DEF-spine.002", "DEF-spine.001", Joint(J::Spine2)),
    ("DEF-spine.003", "DEF-spine.002", Joint(J::Spine3)),
    ("DEF-spine.004", "DEF-spine.003", Joint(J::Neck)),
    ("DEF-spine.005", "DEF-spine.004", Way(J::Neck, J::Head, 0.5)),
    ("DEF-spine.006", "DEF-spine.005", Joint(J::Head)),
    ("DEF-breast.#", "DEF-spine.003", Off(J::Spine3, [0.08, 0.05, 0.12])),
    ("DEF-shoulder.#", "DEF-spine.003", Joint(J::LeftCollar)),
    ("DEF-upper_arm.#", "DEF-shoulder.#", Joint(J::LeftShoulder)),
    ("DEF-upper_arm.#.001", "DEF-upper_arm.#", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("DEF-forearm.#", "DEF-upper_arm.#.001", Joint(J::LeftElbow)),
    ("DEF-forearm.#.001", "DEF-forearm.#", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("DEF-hand.#", "DEF-forearm.#.001", Joint(J::LeftWrist)),
    ("DEF-f_index.01.#", "DEF-hand.#", INDEX),
    ("DEF-f_pinky.01.#", "DEF-hand.#", LITTLE),
    ("DEF-thigh.#", "DEF-spine", Joint(J::LeftHip)),
    ("DEF-thigh.#.001", "DEF-thigh.#", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("DEF-shin.#", "DEF-thigh.#.001", Joint(J::LeftKnee)),
    ("DEF-shin.#.001", "DEF-shin.#", Way(J::LeftKnee, J::LeftAnkle, 0.5)),
    ("DEF-foot.#", "DEF-shin.#.001", Joint(J::LeftAnkle)),
    ("DEF-toe.#", "DEF-foot.#", Joint(J::LeftFoot)),
];

/// Hips and spine are siblings, as in Daz and Character Creator.
const DAZ: &[Row] = &[
    ("hip", "", Off(J::Pelvis, [0.0, 0.02, 0.0])),
    ("pelvis", "hip", Joint(J::Pelvis)),
    ("abdomenLower", "hip", Joint(J::Spine1)),
    ("chestUpper", "abdomenLower", Joint(J::Spine3)),
    ("neckLower", "chestUpper", Joint(J::Neck)),
    ("head", "neckLower", Joint(J::Head)),
    ("#Collar", "chestUpper", Joint(J::LeftCollar)),
    ("#ShldrBend", "#Collar", Joint(J::LeftShoulder)),
    ("#ShldrTwist", "#ShldrBend", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("#ForearmBend", "#ShldrTwist", Joint(J::LeftElbow)),
    ("#ForearmTwist", "#ForearmBend", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("#Hand", "#ForearmTwist", Joint(J::LeftWrist)),
    ("#ThighBend", "pelvis", Joint(J::LeftHip)),
    ("#ThighTwist", "#ThighBend", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("#Shin", "#ThighTwist", Joint(J::LeftKnee)),
    ("#Foot", "#Shin", Joint(J::LeftAnkle)),
    ("#Toe", "#Foot", Joint(J::LeftFoot)),
];

/// Bones named after joints, so that each word means one bone further out than elsewhere.
const SMPL: &[Row] = &[
    ("Pelvis", "", Joint(J::Pelvis)),
    ("Spine1", "Pelvis", Joint(J::Spine1)),
    ("Spine2", "Spine1", Joint(J::Spine2)),
    ("Spine3", "Spine2", Joint(J::Spine3)),
    ("Neck", "Spine3", Joint(J::Neck)),
    ("Head", "Neck", Joint(J::Head)),
    ("#_Collar", "Spine3", Joint(J::LeftCollar)),
    ("#_Shoulder", "#_Collar", Joint(J::LeftShoulder)),
    ("#_Elbow", "#_Shoulder", Joint(J::LeftElbow)),
    ("#_Wrist", "#_Elbow", Joint(J::LeftWrist)),
    ("#_Hand", "#_Wrist", Off(J::LeftWrist, [0.08, 0.0, 0.0])),
    ("#_Hip", "Pelvis", Joint(J::LeftHip)),
    ("#_Knee", "#_Hip", Joint(J::LeftKnee)),
    ("#_Ankle", "#_Knee", Joint(J::LeftAnkle)),
    ("#_Foot", "#_Ankle", Joint(J::LeftFoot)),
];

/// Hair and a skirt that hang in pairs like limbs, and a tail that hangs like a leg.
const VROID: &[Row] = &[
    ("J_Bip_C_Hips", "", Joint(J::Pelvis)),
    ("J_Bip_C_Spine", "J_Bip_C_Hips", Joint(J::Spine1)),
    ("J_Bip_C_Chest", "J_Bip_C_Spine", Joint(J::Spine2)),
    ("J_Bip_C_UpperChest", "J_Bip_C_Chest", Joint(J::Spine3)),
    ("J_Bip_C_Neck", "J_Bip_C_UpperChest", Joint(J::Neck)),
    ("J_Bip_C_Head", "J_Bip_C_Neck", Joint(J::Head)),
    ("J_Adj_#_FaceEye", "J_Bip_C_Head", Off(J::Head, [0.03, 0.08, 0.09])),
    ("J_Sec_Hair", "J_Bip_C_Head", Off(J::Head, [0.0, 0.12, 0.05])),
    ("J_Sec_Hair1_#", "J_Bip_C_Head", Off(J::Head, [0.12, 0.1, -0.05])),
    ("J_Sec_Hair2_#", "J_Sec_Hair1_#", Off(J::Head, [0.16, -0.12, -0.08])),
    ("J_Sec_Hair3_#", "J_Sec_Hair2_#", Off(J::Head, [0.18, -0.34, -0.1])),
    ("J_Sec_Skirt1_#", "J_Bip_C_Hips", Off(J::Pelvis, [0.15, -0.05, 0.0])),
    ("J_Sec_Skirt2_#", "J_Sec_Skirt1_#", Off(J::Pelvis, [0.2, -0.2, 0.0])),
    ("J_Sec_Skirt3_#", "J_Sec_Skirt2_#", Off(J::Pelvis, [0.24, -0.35, 0.0])),
    ("J_Sec_Tail1", "J_Bip_C_Hips", Off(J::Pelvis, [0.0, -0.05, -0.12])),
    ("J_Sec_Tail2", "J_Sec_Tail1", Off(J::Pelvis, [0.0, -0.5, -0.17])),
    ("J_Sec_Tail3", "J_Sec_Tail2", Off(J::Pelvis, [0.0, -0.95, -0.2])),
    ("J_Bip_#_Shoulder", "J_Bip_C_UpperChest", Joint(J::LeftCollar)),
    ("J_Bip_#_UpperArm", "J_Bip_#_Shoulder", Joint(J::LeftShoulder)),
    ("J_Bip_#_LowerArm", "J_Bip_#_UpperArm", Joint(J::LeftElbow)),
    ("J_Bip_#_Hand", "J_Bip_#_LowerArm", Joint(J::LeftWrist)),
    ("J_Bip_#_Index1", "J_Bip_#_Hand", INDEX),
    ("J_Bip_#_Little1", "J_Bip_#_Hand", LITTLE),
    ("J_Bip_#_UpperLeg", "J_Bip_C_Hips", Joint(J::LeftHip)),
    ("J_Bip_#_LowerLeg", "J_Bip_#_UpperLeg", Joint(J::LeftKnee)),
    ("J_Bip_#_Foot", "J_Bip_#_LowerLeg", Joint(J::LeftAnkle)),
    ("J_Bip_#_ToeBase", "J_Bip_#_Foot", Joint(J::LeftFoot)),
];

/// The smallest humanoid that can be mapped.
const LEAST: &[Row] = &[
    ("Bip01 Pelvis", "", Joint(J::Pelvis)),
    ("Bip01 Spine", "Bip01 Pelvis", Joint(J::Spine2)),
    ("Bip01 Head", "Bip01 Spine", Joint(J::Head)),
    ("Bip01 # UpperArm", "Bip01 Spine", Joint(J::LeftShoulder)),
    ("Bip01 # Forearm", "Bip01 # UpperArm", Joint(J::LeftElbow)),
    ("Bip01 # Hand", "Bip01 # Forearm", Joint(J::LeftWrist)),
    ("Bip01 # Thigh", "Bip01 Pelvis", Joint(J::LeftHip)),
    ("Bip01 # Calf", "Bip01 # Thigh", Joint(J::LeftKnee)),
    ("Bip01 # Foot", "Bip01 # Calf", Joint(J::LeftAnkle)),
];

/// How a rig is built, apart from its bones.
#[derive(Clone)]
struct Build {
    rows: &'static [Row],
    sides: [&'static str; 2],
    /// How far the arms hang below a T-pose and how far the legs are spread, radians.
    arms_down: f64,
    spread: f64,
    /// Roll of the hands about the forearm, radians; 0 with palms down.
    palm: f64,
    /// Linear part of the armature node above all bones.
    armature: DMat3,
    /// From the body's rest axes to rig space: the direction the character faces, and its units.
    rig_from_body: DMat3,
    /// Whether bone names carry no information.
    nameless: bool,
    /// What some tool made of the name of each bone.
    dress: fn(usize, String) -> String,
}

impl Build {
    fn new(rows: &'static [Row], sides: [&'static str; 2]) -> Self {
        Self {
            rows,
            sides,
            arms_down: 0.0,
            spread: 0.0,
            palm: 0.0,
            armature: DMat3::IDENTITY,
            rig_from_body: DMat3::IDENTITY,
            nameless: false,
            dress: |_, name| name,
        }
    }

    fn a_pose(mut self) -> Self {
        (self.arms_down, self.spread, self.palm) = (0.8, 0.12, 0.5);
        self
    }

    /// A rest pose with other proportions than the default body's.
    fn rest(&self) -> (PerJoint<DQuat>, PerJoint<DVec3>) {
        let mut skeleton = Skeleton::default();
        let mut local = [DQuat::IDENTITY; J::COUNT];
        for joint in J::ALL {
            let longer = match joint {
                J::LeftKnee | J::RightKnee | J::LeftAnkle | J::RightAnkle => 1.1,
                J::LeftElbow | J::RightElbow => 0.95,
                J::LeftWrist | J::RightWrist => 0.9,
                J::Spine1 | J::Spine2 => 0.85,
                _ => 1.0,
            };
            skeleton.offsets[joint.index()] *= longer;
        }
        for (sign, [shoulder, wrist, hip, ankle]) in [
            (1.0, [J::LeftShoulder, J::LeftWrist, J::LeftHip, J::LeftAnkle]),
            (-1.0, [J::RightShoulder, J::RightWrist, J::RightHip, J::RightAnkle]),
        ] {
            local[shoulder.index()] = DQuat::from_rotation_z(-sign * self.arms_down);
            local[wrist.index()] = DQuat::from_rotation_x(self.palm);
            let spread = DQuat::from_rotation_z(sign * self.spread);
            local[hip.index()] = spread;
            // Flat soles, toes turned out.
            local[ankle.index()] = spread.conjugate() * DQuat::from_rotation_y(sign * self.spread);
        }
        let rest = skeleton.forward(&local.map(DMat3::from_quat), DVec3::new(0.0, 0.95, 0.0));
        (rest.rotations.map(|m| DQuat::from_mat3(&m)), rest.positions)
    }

    fn rig(&self, seed: u64) -> Rig {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (rotations, positions) = self.rest();
        let place = |at: At, right: bool| {
            let joint = |j: J| if right { j.mirrored().index() } else { j.index() };
            match at {
                Joint(j) => positions[joint(j)],
                Way(a, b, part) => positions[joint(a)].lerp(positions[joint(b)], part),
                Off(j, [x, y, z]) => {
                    let x = if right { -x } else { x };
                    positions[joint(j)] + rotations[joint(j)] * DVec3::new(x, y, z)
                }
            }
        };
        // An armature node above all bones, which no convention names.
        let mut names = vec!["Armature".to_owned()];
        let mut parents = vec![None];
        let mut worlds = vec![DAffine3::from_mat3_translation(self.armature, DVec3::ZERO)];
        let mut joints = BTreeMap::new();
        for &(name, parent, at) in self.rows {
            let sides: &[bool] = if name.contains('#') { &[false, true] } else { &[false] };
            for &right in sides {
                let of_side = |s: &str| s.replace('#', self.sides[usize::from(right)]);
                let parent = names.iter().position(|n| *n == of_side(parent)).unwrap_or(0);
                if let Joint(joint) = at
                    && !name.starts_with("ik")
                {
                    let joint = if right { joint.mirrored() } else { joint };
                    joints.entry(joint).or_insert(names.len());
                }
                let axes = exp(random_vector(&mut random) * 3.0);
                names.push(of_side(name));
                parents.push(Some(parent));
                worlds.push(DAffine3::from_mat3_translation(
                    self.armature * DMat3::from_quat(axes),
                    self.rig_from_body * place(at, right),
                ));
            }
        }
        let bones = names.iter().zip(&parents).enumerate().map(|(i, (name, parent))| {
            let local = parent.map_or(worlds[i], |p: usize| worlds[p].inverse() * worlds[i]);
            let (scale, rotation, translation) = local.to_scale_rotation_translation();
            let name =
                if self.nameless { format!("Bone.{i:03}") } else { (self.dress)(i, name.clone()) };
            Bone { name, parent: *parent, translation, rotation, scale }
        });
        let tree = BoneTree::new(bones.collect()).unwrap();
        Rig { build: self.clone(), tree, joints, rest: rotations }
    }
}

struct Rig {
    build: Build,
    tree: BoneTree,
    /// The bone at each joint, by construction.
    joints: BTreeMap<J, usize>,
    /// World rotations of the body's joints when it stands in the rig's rest pose.
    rest: PerJoint<DQuat>,
}

fn random_vector(random: &mut impl Rng) -> DVec3 {
    DVec3::from_array(std::array::from_fn(|_| random.random_range(-1.0..1.0)))
}

fn random_pose(random: &mut impl Rng) -> Pose {
    let mut pose = Pose::rest();
    for local in &mut pose.rotations {
        *local *= exp(random_vector(random) * 0.6);
    }
    pose.rotations[0] = exp(random_vector(random) * 3.0);
    pose.translation = random_vector(random);
    pose
}

impl Rig {
    fn map(&self) -> RigMap {
        RigMap::find(&self.tree, &RigOverride::default(), &BTreeMap::new()).unwrap()
    }

    /// Rig space of a rig that is moved and rotated in the world, at twice the scale.
    fn rig_from_world() -> Similarity {
        Similarity {
            rotation: DQuat::from_rotation_y(0.7) * UPRIGHT.conjugate(),
            translation: DVec3::new(0.3, -0.2, 2.0),
            scale: 0.5,
        }
    }

    /// World transforms of every bone, in rig space.
    fn posed(&self, retarget: &mut Retarget, pose: &Pose, fit: Fit) -> Vec<DAffine3> {
        let joints = Skeleton::default().pose_joints(pose);
        let mut bones = self.tree.bones().to_vec();
        let driven: Vec<_> = retarget.bones().collect();
        retarget.apply(&joints, &Self::rig_from_world(), fit, |i, write| {
            let bone = &mut bones[driven[i]];
            bone.rotation = write.rotation;
            bone.translation = write.translation.unwrap_or(bone.translation);
            bone.scale = write.scale.unwrap_or(bone.scale);
        });
        let tree = BoneTree::new(bones).unwrap();
        (0..tree.bones().len()).map(|b| tree.rest(b)).collect()
    }

    /// Asserts that the map equals the construction.
    fn check_map(&self, map: &RigMap) {
        for (joint, bone) in &self.joints {
            // Spines of other lengths do not have one bone per joint.
            if !matches!(joint, J::Spine1 | J::Spine2 | J::Spine3) {
                assert_eq!(map.bone(*joint), Some(*bone), "{}\n{map}", joint.name());
            }
        }
    }

    /// Asserts that the map equals the construction and that limbs follow the body's.
    fn check(&self, map: &RigMap) {
        self.check_map(map);
        let mut retarget = Retarget::new(&self.tree, map, &Skeleton::default());
        let mut random = ChaCha8Rng::seed_from_u64(9);
        for _ in 0..20 {
            self.check_pose(map, &mut retarget, &random_pose(&mut random));
        }
    }

    fn check_pose(&self, map: &RigMap, retarget: &mut Retarget, pose: &Pose) {
        let posed = self.posed(retarget, pose, Fit { reach: false, ..Fit::default() });
        let body = Skeleton::default().pose_joints(pose);
        let rig_from_world = Self::rig_from_world().rotation;
        let close = |a: DVec3, b: DVec3, what: &str| {
            let degrees = a.angle_between(b).to_degrees();
            assert!(degrees < 1.0, "{what}: {degrees}°\n{map}");
        };
        for (a, b) in [
            (J::LeftHip, J::LeftKnee),
            (J::LeftKnee, J::LeftAnkle),
            (J::LeftShoulder, J::LeftElbow),
            (J::LeftElbow, J::LeftWrist),
        ] {
            for (a, b) in [(a, b), (a.mirrored(), b.mirrored())] {
                let limb = posed[self.joints[&b]].translation - posed[self.joints[&a]].translation;
                let is = body.positions[b.index()] - body.positions[a.index()];
                close(limb, rig_from_world * is, a.name());
            }
        }
        // Bones without a direction to compare are rotated as the joint is, from the rig's rest
        // pose.
        let body_from_rig = (self.build.rig_from_body
            * self.build.rig_from_body.determinant().cbrt().recip())
        .inverse();
        let mut turned = vec![J::Pelvis, J::Head];
        if self.build.rows.iter().any(|row| matches!(row.2, Joint(J::Spine3))) {
            turned.push(J::Spine3);
        }
        if self.build.rows.iter().any(|row| row.0.to_lowercase().contains("index"))
            && !self.build.nameless
        {
            turned.extend([J::LeftWrist, J::RightWrist]);
        }
        if self.joints.contains_key(&J::LeftFoot) {
            turned.extend([J::LeftAnkle, J::RightAnkle, J::LeftFoot, J::RightFoot]);
        }
        for joint in turned {
            let bone = self.joints[&joint];
            let turn = posed[bone].matrix3 * self.tree.rest(bone).matrix3.inverse();
            let since_rest = body.rotations[joint.index()]
                * DMat3::from_quat(self.rest[joint.index()].conjugate())
                * body_from_rig;
            for axis in DVec3::AXES {
                close(turn * axis, rig_from_world * (since_rest * axis), joint.name());
            }
        }
        let head = Self::rig_from_world();
        let head = head.rotation * body.positions[J::Head.index()] * head.scale + head.translation;
        assert!(posed[self.joints[&J::Head]].translation.distance(head) < 1e-6);
    }
}

const LEFT_RIGHT: [&str; 2] = ["Left", "Right"];

fn conventions() -> Vec<Build> {
    vec![
        Build::new(MIXAMO, LEFT_RIGHT),
        Build::new(UNITY, ["left", "right"]),
        Build::new(UNREAL, ["l", "r"]),
        Build::new(RIGIFY, ["L", "R"]),
        Build::new(DAZ, ["l", "r"]),
        Build::new(SMPL, ["L", "R"]),
        Build::new(VROID, ["L", "R"]),
        Build::new(LEAST, ["L", "R"]),
    ]
}

#[test]
fn limbs_of_every_convention_follow_the_body_in_t_and_a_pose() {
    for (seed, build) in conventions().into_iter().enumerate() {
        for build in [build.clone(), build.a_pose()] {
            let rig = build.rig(seed as u64);
            let map = rig.map();
            assert!(map.confidence() > 0.5, "{map}");
            assert!(map.driven().iter().all(|d| d.evidence != Evidence::Given));
            rig.check(&map);
        }
    }
}

#[test]
fn units_facing_and_up_axis_make_no_difference() {
    let armatures = [
        DMat3::from_diagonal(DVec3::splat(0.01)),
        DMat3::from_rotation_x(-1.57) * 100.0,
        // Mirrored: the bones' axes are left-handed.
        DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)),
    ];
    let spaces = [
        // VRM 0.x faces −z; Blender is z up and faces −y; the last is sideways, in centimetres.
        DMat3::from_rotation_y(std::f64::consts::PI),
        DMat3::from_quat(UPRIGHT),
        DMat3::from_rotation_y(1.3) * 100.0,
    ];
    for (seed, build) in conventions().into_iter().enumerate() {
        for (armature, space) in armatures.into_iter().zip(spaces) {
            let build = Build { armature, rig_from_body: space, ..build.clone().a_pose() };
            let rig = build.rig(seed as u64);
            rig.check(&rig.map());
        }
    }
}

#[test]
fn rigs_without_names_are_mapped_by_shape() {
    for build in conventions().into_iter().filter(|b| b.rows != LEAST) {
        let rig = Build { nameless: true, ..build.a_pose() }.rig(1);
        let map = rig.map();
        assert!(map.confidence() < 0.95, "a shape is not sure");
        assert!(map.driven().iter().all(|d| d.evidence == Evidence::Place), "{map}");
        rig.check(&map);
    }
    // Without toes and names, only the file format's convention tells left from right.
    let least = Build { nameless: true, ..Build::new(LEAST, ["L", "R"]) };
    let rig = least.rig(1);
    assert!(rig.map().notes().iter().any(|n| n.contains("+x is taken for left")));
    rig.check(&rig.map());
    let turned = DMat3::from_rotation_y(std::f64::consts::PI);
    let rig = Build { rig_from_body: turned, ..least }.rig(1);
    assert_eq!(rig.map().bone(J::LeftHip), Some(rig.joints[&J::RightHip]));
}

#[test]
fn toes_overrule_names_that_swap_the_sides() {
    let rig = Build::new(MIXAMO, ["Right", "Left"]).rig(3);
    let map = rig.map();
    assert!(map.notes().iter().any(|n| n.contains("toes")), "{map}");
    rig.check(&map);
}

#[test]
fn palms_are_rotated_as_the_fingers_show() {
    for palm in [-1.2, 1.5] {
        let rig = Build { palm, ..Build::new(UNREAL, ["l", "r"]) }.rig(4);
        rig.check(&rig.map());
    }
}

#[test]
fn spines_share_the_rotation_and_twist_bones_are_not_driven() {
    let rig = Build::new(UNREAL, ["l", "r"]).rig(5);
    let map = rig.map();
    let driven = |name: &str| {
        let bone = rig.tree.named(name).unwrap();
        map.driven().iter().find(|d| d.bone == bone).map(|d| (d.joint, d.toward))
    };
    assert_eq!(driven("spine_05"), Some((J::Spine3, None)));
    let Some((J::Spine1, Some((J::Spine2, part)))) = driven("spine_02") else { panic!("{map}") };
    assert!((part - 0.2).abs() < 1e-9);
    assert_eq!(driven("neck_02"), Some((J::Neck, Some((J::Head, 0.5)))));
    let pose = random_pose(&mut ChaCha8Rng::seed_from_u64(2));
    let body = Skeleton::default().pose_joints(&pose);
    let mut retarget = Retarget::new(&rig.tree, &map, &Skeleton::default());
    let fit = Fit { scale: false, reach: false, ..Fit::default() };
    let posed = rig.posed(&mut retarget, &pose, fit);
    for (d, (next, part)) in map.driven().iter().filter_map(|d| Some((d, d.toward?))) {
        let turn = |joint: J| {
            Rig::rig_from_world().rotation * DQuat::from_mat3(&body.rotations[joint.index()])
        };
        let expected = DMat3::from_quat(turn(d.joint).slerp(turn(next), part));
        let is = posed[d.bone].matrix3 * rig.tree.rest(d.bone).matrix3.inverse();
        assert!(is.abs_diff_eq(expected, 1e-6), "{}", rig.tree.bones()[d.bone].name);
    }
    for name in ["upperarm_twist_01_l", "ik_hand_l", "root", "index_01_r"] {
        assert_eq!(driven(name), None, "{name}");
    }
    let text = map.to_string();
    assert!(text.contains("spine1 to spine2 20 %") && text.contains("by name and place"), "{text}");
}

#[test]
fn given_bones_take_precedence_over_found_ones() {
    let rig = Build { nameless: true, ..Build::new(MIXAMO, LEFT_RIGHT) }.rig(6);
    let name = |joint: J| rig.tree.bones()[rig.joints[&joint]].name.clone();
    // Left and right exchanged, as only a user could want, and another head bone.
    let given = RigOverride {
        bones: BTreeMap::from([
            (J::LeftHip, name(J::RightHip)),
            (J::Head, rig.tree.bones()[rig.joints[&J::Head] + 1].name.clone()),
        ]),
        skip: [J::LeftCollar].into(),
        ..RigOverride::default()
    };
    let map = RigMap::find(&rig.tree, &given, &BTreeMap::new()).unwrap();
    assert_eq!(map.bone(J::LeftHip), Some(rig.joints[&J::RightHip]));
    assert_eq!(map.bone(J::LeftElbow), Some(rig.joints[&J::RightElbow]));
    assert_eq!(map.bone(J::Head), Some(rig.joints[&J::Head] + 1));
    assert_eq!(map.bone(J::LeftCollar), None);
    assert!(map.to_string().contains("no bone for L_collar"), "{map}");

    // Bones as a VRM file would name them, with a user's override on top.
    let mut said = rig.joints.clone();
    said.retain(|joint, _| !matches!(joint, J::Spine1 | J::Spine2));
    let map = RigMap::find(&rig.tree, &RigOverride::default(), &said).unwrap();
    let of_file = |d: &&DrivenBone| d.evidence == Evidence::Given && d.confidence == 1.0;
    assert_eq!(map.driven().iter().filter(of_file).count(), said.len());
    rig.check(&map);
    let head = RigOverride { bones: given.bones.into_iter().skip(1).collect(), ..given };
    let map = RigMap::find(&rig.tree, &head, &said).unwrap();
    assert_eq!(map.bone(J::Head), Some(rig.joints[&J::Head] + 1));
    let neck = RigOverride { bones: [(J::Head, name(J::Neck))].into(), ..RigOverride::default() };
    let map = RigMap::find(&rig.tree, &neck, &said).unwrap();
    assert_eq!(map.bone(J::Head), Some(rig.joints[&J::Neck]));
    assert_eq!(map.bone(J::Neck), None, "it is the head now");
}

#[test]
fn errors_name_the_bad_override_or_the_missing_limb() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).rig(7);
    let refused = |text: &str| {
        let given = RigOverride::from_ron(text).unwrap();
        RigMap::find(&rig.tree, &given, &BTreeMap::new()).unwrap_err().to_string()
    };
    let text = refused(r#"(bones: {Head: "Kopf"})"#);
    assert!(text.contains("Kopf"), "{text}");
    let text = refused(r#"(bones: {Head: "mixamorig:Neck", Neck: "mixamorig:Neck"})"#);
    assert!(text.contains("mixamorig:Neck"), "{text}");
    let text = refused(r#"(ignore: ["Tail"])"#);
    assert!(text.contains("Tail"), "{text}");
    let text = refused(r#"(ignore: ["mixamorig:LeftArm"])"#);
    assert!(text.contains("two arms"), "{text}");
    // Legs are not taken for arms, however similar their shape.
    let nameless = Build { nameless: true, ..rig.build.clone() }.rig(7);
    let arm = nameless.tree.bones()[nameless.joints[&J::LeftShoulder]].name.clone();
    let given = RigOverride { ignore: [arm].into(), ..RigOverride::default() };
    let text = RigMap::find(&nameless.tree, &given, &BTreeMap::new()).unwrap_err().to_string();
    assert!(text.contains("two arms"), "{text}");
    let text = RigOverride::from_ron("(bone: {})").unwrap_err().to_string();
    assert!(text.contains("bone"), "{text}");

    let bone = |name: &str, parent, y| Bone {
        name: name.into(),
        parent,
        translation: DVec3::Y * y,
        rotation: DQuat::IDENTITY,
        scale: DVec3::ONE,
    };
    let lamp = BoneTree::new(vec![
        bone("Foot", None, 0.0),
        bone("Arm", Some(0), 0.5),
        bone("Head", Some(1), 0.5),
    ]);
    let error = RigMap::find(&lamp.unwrap(), &RigOverride::default(), &BTreeMap::new());
    assert!(error.unwrap_err().to_string().contains("two legs"));
    let nothing = BoneTree::new(vec![]).unwrap();
    assert!(RigMap::find(&nothing, &RigOverride::default(), &BTreeMap::new()).is_err());
}

#[test]
fn the_rest_pose_round_trips_and_the_feet_stand_where_the_body_stands() {
    let rig = Build::new(UNREAL, ["l", "r"]).a_pose().rig(8);
    let mut retarget = Retarget::new(&rig.tree, &rig.map(), &Skeleton::default());
    // The body in the rig's rest pose: all bones rotate by the same amount.
    let mut pose = Pose::rest();
    for joint in J::ALL {
        let parent = joint.parent().map_or(UPRIGHT.conjugate(), |p| rig.rest[p.index()]);
        pose.rotations[joint.index()] = parent.conjugate() * rig.rest[joint.index()];
    }
    let fit = Fit { reach: false, ..Fit::default() };
    let posed = rig.posed(&mut retarget, &pose, fit);
    let turn = DMat3::from_quat(Rig::rig_from_world().rotation * UPRIGHT);
    let scale = posed[1 + 1].matrix3.determinant().cbrt();
    for (bone, posed) in
        posed.iter().enumerate().filter(|(b, _)| rig.joints.values().any(|j| j == b))
    {
        let expected = turn * rig.tree.rest(bone).matrix3 * scale;
        assert!(posed.matrix3.abs_diff_eq(expected, 0.02), "{}", rig.tree.bones()[bone].name);
    }
    // Scaled to the body's height, in a rig at half the world's scale.
    let body = Skeleton::default().pose_joints(&Pose::rest()).positions;
    let space = Rig::rig_from_world();
    let posed = rig.posed(&mut retarget, &Pose::rest(), fit);
    let height = |head: DVec3, ankle: DVec3| (head - ankle).dot(DVec3::Y);
    let ankle = J::LeftAnkle.index();
    let of_body =
        height(space.rotation * body[J::Head.index()], space.rotation * body[ankle]) * space.scale;
    let of_rig = height(
        posed[rig.joints[&J::Head]].translation,
        posed[rig.joints[&J::LeftAnkle]].translation,
    );
    // Straight legs are slightly longer vertically than in the A-pose that defines the height.
    assert!((of_rig / of_body - 1.0).abs() < 0.01, "{of_rig} {of_body}");

    let fit = Fit { anchor: Anchor::Pelvis, scale: false, ..Fit::default() };
    let posed = rig.posed(&mut retarget, &Pose::rest(), fit);
    let pelvis = space.rotation * body[0] * space.scale + space.translation;
    assert!(posed[rig.joints[&J::Pelvis]].translation.distance(pelvis) < 1e-9);
    assert!((posed[rig.joints[&J::Pelvis]].matrix3.determinant() - 1.0).abs() < 1e-9);
}
