//! Limbs and trunks that hang together in unusual ways.

use super::*;

/// Collars hang from the neck, thighs from the spine.
const BIPED: &[Row] = &[
    ("Bip01", "", Off(J::Pelvis, [0.0; 3])),
    ("Bip01 Pelvis", "Bip01", Joint(J::Pelvis)),
    ("Bip01 Spine", "Bip01 Pelvis", Joint(J::Spine1)),
    ("Bip01 Spine1", "Bip01 Spine", Joint(J::Spine2)),
    ("Bip01 Spine2", "Bip01 Spine1", Joint(J::Spine3)),
    ("Bip01 Neck", "Bip01 Spine2", Joint(J::Neck)),
    ("Bip01 Head", "Bip01 Neck", Joint(J::Head)),
    ("Bip01 # Clavicle", "Bip01 Neck", Joint(J::LeftCollar)),
    ("Bip01 # UpperArm", "Bip01 # Clavicle", Joint(J::LeftShoulder)),
    ("Bip01 # Forearm", "Bip01 # UpperArm", Joint(J::LeftElbow)),
    ("Bip01 # Hand", "Bip01 # Forearm", Joint(J::LeftWrist)),
    ("Bip01 # Finger1", "Bip01 # Hand", INDEX),
    ("Bip01 # Finger4", "Bip01 # Hand", LITTLE),
    ("Bip01 # Thigh", "Bip01 Spine", Joint(J::LeftHip)),
    ("Bip01 # Calf", "Bip01 # Thigh", Joint(J::LeftKnee)),
    ("Bip01 # Foot", "Bip01 # Calf", Joint(J::LeftAnkle)),
    ("Bip01 # Toe0", "Bip01 # Foot", Joint(J::LeftFoot)),
];

/// Thighs hang beside the hips, from a root on the floor.
const BESIDE: &[Row] = &[
    ("Root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("Hips", "Root", Joint(J::Pelvis)),
    ("Spine", "Hips", Joint(J::Spine1)),
    ("Chest", "Spine", Joint(J::Spine3)),
    ("Neck", "Chest", Joint(J::Neck)),
    ("Head", "Neck", Joint(J::Head)),
    ("#Shoulder", "Chest", Joint(J::LeftCollar)),
    ("#UpperArm", "#Shoulder", Joint(J::LeftShoulder)),
    ("#LowerArm", "#UpperArm", Joint(J::LeftElbow)),
    ("#Hand", "#LowerArm", Joint(J::LeftWrist)),
    ("#UpperLeg", "Root", Joint(J::LeftHip)),
    ("#LowerLeg", "#UpperLeg", Joint(J::LeftKnee)),
    ("#Foot", "#LowerLeg", Joint(J::LeftAnkle)),
    ("#Toes", "#Foot", Joint(J::LeftFoot)),
];

/// The feet are roots that an inverse kinematics moves.
const IK_FEET: &[Row] = &[
    ("Root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("Body", "Root", Joint(J::Pelvis)),
    ("Hips", "Body", Way(J::Pelvis, J::Spine1, 0.4)),
    ("Abdomen", "Hips", Joint(J::Spine2)),
    ("Torso", "Abdomen", Joint(J::Spine3)),
    ("Neck", "Torso", Joint(J::Neck)),
    ("Head", "Neck", Joint(J::Head)),
    ("Shoulder.#", "Torso", Joint(J::LeftCollar)),
    ("UpperArm.#", "Shoulder.#", Joint(J::LeftShoulder)),
    ("LowerArm.#", "UpperArm.#", Joint(J::LeftElbow)),
    ("Fist.#", "LowerArm.#", Joint(J::LeftWrist)),
    ("UpperLeg.#", "Body", Joint(J::LeftHip)),
    ("LowerLeg.#", "UpperLeg.#", Joint(J::LeftKnee)),
    ("Foot.#", "Root", Joint(J::LeftAnkle)),
    ("PoleTarget.#", "Root", Off(J::LeftKnee, [0.0, 0.0, 0.6])),
];

/// The deforming spine hangs from the root, limbs and head from a chain of controls.
const CONTROLS: &[Row] = &[
    ("root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("DEF-spine", "root", Joint(J::Pelvis)),
    ("DEF-spine.001", "DEF-spine", Joint(J::Spine1)),
    ("DEF-spine.002", "DEF-spine.001", Joint(J::Spine2)),
    ("DEF-spine.003", "DEF-spine.002", Joint(J::Spine3)),
    ("MCH-torso.parent", "root", Off(J::Pelvis, [0.0, 0.1, 0.0])),
    ("torso", "MCH-torso.parent", Off(J::Pelvis, [0.0, 0.1, 0.0])),
    ("ORG-spine", "torso", Off(J::Pelvis, [0.0; 3])),
    ("ORG-pelvis.#", "ORG-spine", Off(J::Pelvis, [0.0; 3])),
    ("DEF-thigh.#", "ORG-pelvis.#", Joint(J::LeftHip)),
    ("DEF-thigh.#.001", "DEF-thigh.#", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("DEF-shin.#", "DEF-thigh.#.001", Joint(J::LeftKnee)),
    ("DEF-shin.#.001", "DEF-shin.#", Way(J::LeftKnee, J::LeftAnkle, 0.5)),
    ("DEF-foot.#", "DEF-shin.#.001", Joint(J::LeftAnkle)),
    ("DEF-toe.#", "DEF-foot.#", Joint(J::LeftFoot)),
    ("ORG-spine.003", "torso", Off(J::Spine3, [0.0; 3])),
    ("DEF-neck", "ORG-spine.003", Joint(J::Neck)),
    ("DEF-head", "DEF-neck", Joint(J::Head)),
    ("ORG-chest.#", "ORG-spine.003", Off(J::LeftCollar, [0.0; 3])),
    ("DEF-shoulder.#", "ORG-chest.#", Joint(J::LeftCollar)),
    ("DEF-upper_arm.#", "ORG-chest.#", Joint(J::LeftShoulder)),
    ("DEF-upper_arm.#.001", "DEF-upper_arm.#", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("DEF-forearm.#", "DEF-upper_arm.#.001", Joint(J::LeftElbow)),
    ("DEF-forearm.#.001", "DEF-forearm.#", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("DEF-hand.#", "DEF-forearm.#.001", Joint(J::LeftWrist)),
    ("hand_ik.#", "root", Off(J::LeftWrist, [0.0; 3])),
    ("foot_ik.#", "root", Off(J::LeftAnkle, [0.0; 3])),
];

/// A whole rig as its modeller works with it: each bone that deforms hangs from one of a chain that
/// only places it, among controls with the plain names.
const WHOLE: &[Row] = &[
    ("root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("MCH-torso.parent", "root", Off(J::Pelvis, [0.0, 0.1, 0.0])),
    ("torso", "MCH-torso.parent", Off(J::Pelvis, [0.0, 0.1, 0.0])),
    ("hips", "torso", Off(J::Spine1, [0.0; 3])),
    ("chest", "torso", Off(J::Spine1, [0.0; 3])),
    ("spine_fk", "hips", Off(J::Spine1, [0.0; 3])),
    ("ORG-spine", "spine_fk", Off(J::Pelvis, [0.0; 3])),
    ("DEF-spine", "ORG-spine", Joint(J::Pelvis)),
    ("ORG-spine.001", "ORG-spine", Off(J::Spine1, [0.0; 3])),
    ("DEF-spine.001", "ORG-spine.001", Joint(J::Spine1)),
    ("ORG-spine.002", "ORG-spine.001", Off(J::Spine2, [0.0; 3])),
    ("DEF-spine.002", "ORG-spine.002", Joint(J::Spine2)),
    ("ORG-spine.003", "ORG-spine.002", Off(J::Spine3, [0.0; 3])),
    ("DEF-spine.003", "ORG-spine.003", Joint(J::Spine3)),
    ("neck", "ORG-spine.003", Off(J::Neck, [0.0; 3])),
    ("ORG-spine.004", "neck", Off(J::Neck, [0.0; 3])),
    ("DEF-spine.004", "ORG-spine.004", Joint(J::Neck)),
    ("head", "neck", Off(J::Head, [0.0; 3])),
    ("ORG-spine.006", "head", Off(J::Head, [0.0; 3])),
    ("DEF-spine.006", "ORG-spine.006", Joint(J::Head)),
    ("ORG-shoulder.#", "ORG-spine.003", Off(J::LeftCollar, [0.0; 3])),
    ("shoulder.#", "ORG-spine.003", Off(J::LeftCollar, [0.0; 3])),
    ("DEF-shoulder.#", "ORG-shoulder.#", Joint(J::LeftCollar)),
    ("upper_arm_fk.#", "ORG-shoulder.#", Off(J::LeftShoulder, [0.0; 3])),
    ("ORG-upper_arm.#", "upper_arm_fk.#", Off(J::LeftShoulder, [0.0; 3])),
    ("DEF-upper_arm.#", "ORG-upper_arm.#", Joint(J::LeftShoulder)),
    ("DEF-upper_arm.#.001", "ORG-upper_arm.#", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("ORG-forearm.#", "ORG-upper_arm.#", Off(J::LeftElbow, [0.0; 3])),
    ("DEF-forearm.#", "ORG-forearm.#", Joint(J::LeftElbow)),
    ("DEF-forearm.#.001", "ORG-forearm.#", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("ORG-hand.#", "ORG-forearm.#", Off(J::LeftWrist, [0.0; 3])),
    ("DEF-hand.#", "ORG-hand.#", Joint(J::LeftWrist)),
    ("ORG-thigh.#", "ORG-spine", Off(J::LeftHip, [0.0; 3])),
    ("DEF-thigh.#", "ORG-thigh.#", Joint(J::LeftHip)),
    ("ORG-shin.#", "ORG-thigh.#", Off(J::LeftKnee, [0.0; 3])),
    ("DEF-shin.#", "ORG-shin.#", Joint(J::LeftKnee)),
    ("ORG-foot.#", "ORG-shin.#", Off(J::LeftAnkle, [0.0; 3])),
    ("DEF-foot.#", "ORG-foot.#", Joint(J::LeftAnkle)),
    ("ORG-toe.#", "ORG-foot.#", Off(J::LeftFoot, [0.0; 3])),
    ("DEF-toe.#", "ORG-toe.#", Joint(J::LeftFoot)),
    ("foot_ik.#", "root", Off(J::LeftAnkle, [0.0; 3])),
];

/// Only the bones that deform, in pieces that hang from nothing; spine, neck and head are one chain
/// of names.
const PIECES: &[Row] = &[
    ("DEF-spine", "", Joint(J::Pelvis)),
    ("DEF-spine.001", "DEF-spine", Joint(J::Spine1)),
    ("DEF-spine.002", "DEF-spine.001", Joint(J::Spine2)),
    ("DEF-spine.003", "DEF-spine.002", Joint(J::Spine3)),
    ("DEF-spine.004", "", Joint(J::Neck)),
    ("DEF-spine.005", "DEF-spine.004", Way(J::Neck, J::Head, 0.5)),
    ("DEF-spine.006", "DEF-spine.005", Joint(J::Head)),
    ("DEF-shoulder.#", "", Joint(J::LeftCollar)),
    ("DEF-upper_arm.#", "", Joint(J::LeftShoulder)),
    ("DEF-upper_arm.#.001", "DEF-upper_arm.#", Way(J::LeftShoulder, J::LeftElbow, 0.5)),
    ("DEF-forearm.#", "DEF-upper_arm.#.001", Joint(J::LeftElbow)),
    ("DEF-forearm.#.001", "DEF-forearm.#", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("DEF-hand.#", "DEF-forearm.#.001", Joint(J::LeftWrist)),
    ("DEF-thigh.#", "", Joint(J::LeftHip)),
    ("DEF-thigh.#.001", "DEF-thigh.#", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("DEF-shin.#", "DEF-thigh.#.001", Joint(J::LeftKnee)),
    ("DEF-foot.#", "DEF-shin.#", Joint(J::LeftAnkle)),
    ("DEF-toe.#", "DEF-foot.#", Joint(J::LeftFoot)),
    ("head", "", Off(J::Head, [0.0; 3])),
    ("neck", "", Off(J::Neck, [0.0; 3])),
    ("hips", "", Off(J::Pelvis, [0.0; 3])),
    ("chest", "", Off(J::Spine3, [0.0; 3])),
    ("thigh_fk.#", "", Off(J::LeftHip, [0.0; 3])),
    ("foot_ik.#", "", Off(J::LeftAnkle, [0.0; 3])),
];

/// Nodes that an importer of FBX files puts before the bones.
const PIVOTS: &[Row] = &[
    ("Hips", "", Joint(J::Pelvis)),
    ("Spine", "Hips", Joint(J::Spine1)),
    ("Chest_$AssimpFbx$_Translation", "Spine", Off(J::Spine3, [0.0; 3])),
    ("Chest", "Chest_$AssimpFbx$_Translation", Joint(J::Spine3)),
    ("Head_$AssimpFbx$_Translation", "Chest", Off(J::Head, [0.0; 3])),
    ("Head_$AssimpFbx$_PreRotation", "Head_$AssimpFbx$_Translation", Off(J::Head, [0.0; 3])),
    ("Head", "Head_$AssimpFbx$_PreRotation", Joint(J::Head)),
    ("#Arm_$AssimpFbx$_PreRotation", "Chest", Off(J::LeftShoulder, [0.0; 3])),
    ("#Arm", "#Arm_$AssimpFbx$_PreRotation", Joint(J::LeftShoulder)),
    ("#ForeArm_$AssimpFbx$_PreRotation", "#Arm", Off(J::LeftElbow, [0.0; 3])),
    ("#ForeArm", "#ForeArm_$AssimpFbx$_PreRotation", Joint(J::LeftElbow)),
    ("#Hand_$AssimpFbx$_PreRotation", "#ForeArm", Off(J::LeftWrist, [0.0; 3])),
    ("#Hand", "#Hand_$AssimpFbx$_PreRotation", Joint(J::LeftWrist)),
    ("#UpLeg", "Hips", Joint(J::LeftHip)),
    ("#Leg", "#UpLeg", Joint(J::LeftKnee)),
    ("#Foot", "#Leg", Joint(J::LeftAnkle)),
    ("#ToeBase_$AssimpFbx$_PreRotation", "#Foot", Off(J::LeftFoot, [0.0; 3])),
    ("#ToeBase", "#ToeBase_$AssimpFbx$_PreRotation", Joint(J::LeftFoot)),
];

#[test]
fn collars_may_hang_from_the_neck_and_thighs_from_the_spine() {
    for build in [Build::new(BIPED, ["L", "R"]), Build::new(BIPED, ["L", "R"]).a_pose()] {
        let rig = build.rig(1);
        rig.check(&rig.map());
        let nameless = Build { nameless: true, ..build }.rig(1);
        nameless.check(&nameless.map());
    }
}

#[test]
fn thighs_may_hang_beside_the_hips() {
    let rig = Build::new(BESIDE, LEFT_RIGHT).a_pose().rig(2);
    rig.check_map(&rig.map());
}

#[test]
fn feet_may_be_roots_of_their_own() {
    let rig = Build::new(IK_FEET, ["L", "R"]).a_pose().rig(3);
    let map = rig.map();
    rig.check_map(&map);
    let spine = ["Hips", "Abdomen", "Torso"].map(|name| rig.tree.named(name).unwrap());
    assert_eq!(map.spine, spine);
}

#[test]
fn the_deforming_spine_is_driven_although_limbs_hang_from_controls() {
    let rig = Build::new(CONTROLS, ["L", "R"]).a_pose().rig(4);
    let map = rig.map();
    rig.check_map(&map);
    for joint in [J::Spine1, J::Spine2, J::Spine3] {
        assert_eq!(map.bone(joint), Some(rig.joints[&joint]), "{map}");
    }
    let driven = map.driven().iter().map(|d| &rig.tree.bones()[d.bone].name);
    assert!(driven.clone().all(|name| name.starts_with("DEF-")), "{map}");
}

#[test]
fn of_a_whole_rig_the_deforming_bones_are_driven() {
    for build in [Build::new(WHOLE, ["L", "R"]), Build::new(WHOLE, ["L", "R"]).a_pose()] {
        let rig = build.rig(4);
        let map = rig.map();
        rig.check_map(&map);
        let spine = [J::Spine1, J::Spine2, J::Spine3].map(|joint| rig.joints[&joint]);
        assert_eq!(map.spine, spine, "{map}");
    }
}

#[test]
fn skeletons_may_be_in_pieces() {
    for build in [Build::new(PIECES, ["L", "R"]), Build::new(PIECES, ["L", "R"]).a_pose()] {
        let rig = build.rig(4);
        let map = rig.map();
        rig.check_map(&map);
        for joint in [J::Spine1, J::Spine2, J::Spine3] {
            assert_eq!(map.bone(joint), Some(rig.joints[&joint]), "{map}");
        }
        // Without the node that holds the pieces.
        let mut bones = rig.tree.bones()[1..].to_vec();
        bones.iter_mut().for_each(|bone| bone.parent = bone.parent.and_then(|p| p.checked_sub(1)));
        let map =
            RigMap::find(&BoneTree::new(bones).unwrap(), &RigOverride::default(), &BTreeMap::new());
        let map = map.unwrap();
        for (joint, bone) in &rig.joints {
            assert_eq!(map.bone(*joint), Some(*bone - 1), "{}\n{map}", joint.name());
        }
    }
}

#[test]
fn pivot_nodes_are_neither_necks_nor_collars_nor_toes() {
    for build in [Build::new(PIVOTS, LEFT_RIGHT), Build::new(PIVOTS, LEFT_RIGHT).a_pose()] {
        let rig = build.rig(5);
        let map = rig.map();
        rig.check(&map);
        for joint in [J::Neck, J::LeftCollar, J::RightCollar] {
            assert_eq!(map.bone(joint), None, "{map}");
        }
    }
}

#[test]
fn tilted_and_sideways_characters_are_mapped_with_and_without_names() {
    let spaces = [
        DMat3::from_rotation_x(0.785),
        DMat3::from_rotation_z(2.3) * DMat3::from_rotation_y(0.8),
        DMat3::from_rotation_y(std::f64::consts::FRAC_PI_2),
        DMat3::from_rotation_y(-std::f64::consts::FRAC_PI_2) * 0.01,
    ];
    for space in spaces {
        for nameless in [false, true] {
            let build = Build { rig_from_body: space, nameless, ..Build::new(UNITY, LEFT_RIGHT) };
            for build in [build.clone(), build.a_pose()] {
                let rig = build.rig(6);
                let map = rig.map();
                rig.check_map(&map);
                let up = (space * DVec3::Y).normalize();
                assert!(map.up.angle_between(up) < 0.1, "{} is not {up}", map.up);
                let left = (space * DVec3::X).normalize();
                assert!(map.left.angle_between(left) < 0.01, "{} is not {left}", map.left);
            }
        }
    }
}

#[test]
fn short_steep_toes_tell_the_front() {
    const STEEP: At = Off(J::LeftAnkle, [0.0, -0.065, 0.032]);
    let rows: Vec<Row> = UNITY
        .iter()
        .map(|row| match row.0 {
            "#Toes" => (row.0, row.1, STEEP),
            _ => *row,
        })
        .collect();
    let turned = DMat3::from_rotation_y(2.0);
    let build =
        Build { rig_from_body: turned, nameless: true, ..Build::new(rows.leak(), LEFT_RIGHT) };
    let rig = build.rig(7);
    let map = rig.map();
    assert_eq!(map.bone(J::LeftHip), Some(rig.joints[&J::LeftHip]), "{map}");
    assert!(map.bone(J::LeftFoot).is_some(), "{map}");
}
