//! Names of other tools and other languages.

use super::*;

const AUTO_RIG_PRO: &[Row] = &[
    ("root.x", "", Joint(J::Pelvis)),
    ("spine_01.x", "root.x", Joint(J::Spine1)),
    ("spine_02.x", "spine_01.x", Joint(J::Spine3)),
    ("neck.x", "spine_02.x", Joint(J::Neck)),
    ("head.x", "neck.x", Joint(J::Head)),
    ("shoulder.#", "spine_02.x", Joint(J::LeftCollar)),
    ("arm_stretch.#", "shoulder.#", Joint(J::LeftShoulder)),
    ("arm_twist.#", "arm_stretch.#", Way(J::LeftShoulder, J::LeftElbow, 0.2)),
    ("forearm_stretch.#", "arm_stretch.#", Joint(J::LeftElbow)),
    ("forearm_twist.#", "forearm_stretch.#", Way(J::LeftElbow, J::LeftWrist, 0.8)),
    ("hand.#", "forearm_stretch.#", Joint(J::LeftWrist)),
    ("c_index1.#", "hand.#", INDEX),
    ("c_pinky1.#", "hand.#", LITTLE),
    ("thigh_stretch.#", "root.x", Joint(J::LeftHip)),
    ("thigh_twist.#", "thigh_stretch.#", Way(J::LeftHip, J::LeftKnee, 0.2)),
    ("leg_stretch.#", "thigh_stretch.#", Joint(J::LeftKnee)),
    ("leg_twist.#", "leg_stretch.#", Way(J::LeftKnee, J::LeftAnkle, 0.8)),
    ("foot.#", "leg_stretch.#", Joint(J::LeftAnkle)),
    ("toes_01.#", "foot.#", Joint(J::LeftFoot)),
];

/// Upper and lower body are siblings; cancelling, twisting and IK bones; hair to the knees.
const MMD: &[Row] = &[
    ("全ての親", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("センター", "全ての親", Off(J::Pelvis, [0.0, -0.2, 0.0])),
    ("腰", "センター", Off(J::Pelvis, [0.0, 0.05, 0.0])),
    ("下半身", "腰", Joint(J::Pelvis)),
    ("上半身", "腰", Joint(J::Spine1)),
    ("上半身2", "上半身", Joint(J::Spine3)),
    ("首", "上半身2", Joint(J::Neck)),
    ("頭", "首", Joint(J::Head)),
    ("#目", "頭", Off(J::Head, [0.03, 0.08, 0.09])),
    ("#髪１", "頭", Off(J::Head, [0.1, 0.1, -0.05])),
    ("#髪２", "#髪１", Off(J::Head, [0.14, -0.5, -0.1])),
    ("#髪３", "#髪２", Off(J::Head, [0.16, -1.05, -0.12])),
    ("#肩P", "上半身2", Off(J::LeftCollar, [0.0; 3])),
    ("#肩", "#肩P", Joint(J::LeftCollar)),
    ("#肩C", "#肩", Off(J::LeftShoulder, [0.0; 3])),
    ("#腕", "#肩C", Joint(J::LeftShoulder)),
    ("#腕捩", "#腕", Way(J::LeftShoulder, J::LeftElbow, 0.6)),
    ("#ひじ", "#腕捩", Joint(J::LeftElbow)),
    ("#手捩", "#ひじ", Way(J::LeftElbow, J::LeftWrist, 0.6)),
    ("#手首", "#手捩", Joint(J::LeftWrist)),
    ("#人指１", "#手首", INDEX),
    ("#小指１", "#手首", LITTLE),
    ("腰キャンセル#", "下半身", Off(J::LeftHip, [0.0; 3])),
    ("#足", "腰キャンセル#", Joint(J::LeftHip)),
    ("#ひざ", "#足", Joint(J::LeftKnee)),
    ("#足首", "#ひざ", Joint(J::LeftAnkle)),
    ("#つま先", "#足首", Joint(J::LeftFoot)),
    ("#足ＩＫ", "全ての親", Off(J::LeftAnkle, [0.0; 3])),
    ("#つま先ＩＫ", "#足ＩＫ", Off(J::LeftFoot, [0.0; 3])),
];

/// As mmd_tools imports it, with copies of the legs that deform in their place.
const MMD_TOOLS: &[Row] = &[
    ("センター", "", Off(J::Pelvis, [0.0, -0.2, 0.0])),
    ("下半身", "センター", Joint(J::Pelvis)),
    ("上半身", "センター", Joint(J::Spine1)),
    ("上半身2", "上半身", Joint(J::Spine3)),
    ("首", "上半身2", Joint(J::Neck)),
    ("頭", "首", Joint(J::Head)),
    ("髪１.#", "頭", Off(J::Head, [0.1, 0.1, -0.05])),
    ("髪２.#", "髪１.#", Off(J::Head, [0.14, -0.5, -0.1])),
    ("髪３.#", "髪２.#", Off(J::Head, [0.16, -1.05, -0.12])),
    ("肩.#", "上半身2", Joint(J::LeftCollar)),
    ("腕.#", "肩.#", Joint(J::LeftShoulder)),
    ("ひじ.#", "腕.#", Joint(J::LeftElbow)),
    ("手首.#", "ひじ.#", Joint(J::LeftWrist)),
    ("足.#", "下半身", Off(J::LeftHip, [0.0; 3])),
    ("ひざ.#", "足.#", Off(J::LeftKnee, [0.0; 3])),
    ("足首.#", "ひざ.#", Off(J::LeftAnkle, [0.0; 3])),
    ("つま先.#", "足首.#", Off(J::LeftFoot, [0.0; 3])),
    ("足D.#", "下半身", Joint(J::LeftHip)),
    ("ひざD.#", "足D.#", Joint(J::LeftKnee)),
    ("足首D.#", "ひざD.#", Joint(J::LeftAnkle)),
    ("足先EX.#", "足首D.#", Joint(J::LeftFoot)),
];

/// Collar and elbow named as in Unity's markets, with helpers of the same names.
const SYNTY: &[Row] = &[
    ("Root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("Hips", "Root", Joint(J::Pelvis)),
    ("Spine_01", "Hips", Joint(J::Spine1)),
    ("Spine_02", "Spine_01", Joint(J::Spine2)),
    ("Spine_03", "Spine_02", Joint(J::Spine3)),
    ("Neck", "Spine_03", Joint(J::Neck)),
    ("Head", "Neck", Joint(J::Head)),
    ("Clavicle_#", "Spine_03", Joint(J::LeftCollar)),
    ("Shoulder_#", "Clavicle_#", Joint(J::LeftShoulder)),
    ("Elbow_#", "Shoulder_#", Joint(J::LeftElbow)),
    ("Hand_#", "Elbow_#", Joint(J::LeftWrist)),
    ("UpperLeg_#", "Hips", Joint(J::LeftHip)),
    ("LowerLeg_#", "UpperLeg_#", Joint(J::LeftKnee)),
    ("Ankle_#", "LowerLeg_#", Joint(J::LeftAnkle)),
    ("Ball_#", "Ankle_#", Joint(J::LeftFoot)),
    ("Toes_#", "Ball_#", TOE_END),
];

/// Three twist bones in line with each bone of a limb, and helpers named shoulder and elbow.
const TWISTED: &[Row] = &[
    ("Bip001_Pelvis", "", Joint(J::Pelvis)),
    ("Bip001_Spine", "Bip001_Pelvis", Joint(J::Spine1)),
    ("Bip001_Spine1", "Bip001_Spine", Joint(J::Spine3)),
    ("Bip001_Neck", "Bip001_Spine1", Joint(J::Neck)),
    ("Bip001_Head", "Bip001_Neck", Joint(J::Head)),
    ("Bip001_Clavicle_#", "Bip001_Neck", Joint(J::LeftCollar)),
    ("Bip001_Shoulder_#", "Bip001_Clavicle_#", Off(J::LeftShoulder, [0.0; 3])),
    ("Bip001_UpperArm_#", "Bip001_Clavicle_#", Joint(J::LeftShoulder)),
    ("Bip001_UpperArm1_#", "Bip001_UpperArm_#", Way(J::LeftShoulder, J::LeftElbow, 0.33)),
    ("Bip001_UpperArm2_#", "Bip001_UpperArm1_#", Way(J::LeftShoulder, J::LeftElbow, 0.66)),
    ("Bip001_UpperArm3_#", "Bip001_UpperArm2_#", Way(J::LeftShoulder, J::LeftElbow, 1.0)),
    ("Bip001_Elbow_#", "Bip001_UpperArm3_#", Off(J::LeftElbow, [0.0; 3])),
    ("Bip001_Forearm_#", "Bip001_UpperArm3_#", Joint(J::LeftElbow)),
    ("Bip001_Forearm1_#", "Bip001_Forearm_#", Way(J::LeftElbow, J::LeftWrist, 0.5)),
    ("Bip001_Forearm2_#", "Bip001_Forearm1_#", Way(J::LeftElbow, J::LeftWrist, 1.0)),
    ("Bip001_Hand_#", "Bip001_Forearm2_#", Joint(J::LeftWrist)),
    ("Bip001_Finger1_#", "Bip001_Hand_#", INDEX),
    ("Bip001_Finger4_#", "Bip001_Hand_#", LITTLE),
    ("Bip001_Thigh_#", "Bip001_Spine", Joint(J::LeftHip)),
    ("Bip001_Thigh1_#", "Bip001_Thigh_#", Way(J::LeftHip, J::LeftKnee, 0.5)),
    ("Bip001_Calf_#", "Bip001_Thigh1_#", Joint(J::LeftKnee)),
    ("Bip001_Calf1_#", "Bip001_Calf_#", Way(J::LeftKnee, J::LeftAnkle, 0.5)),
    ("Bip001_Foot_#", "Bip001_Calf1_#", Joint(J::LeftAnkle)),
    ("Bip001_Toe_#", "Bip001_Foot_#", Joint(J::LeftFoot)),
];

/// Limbs whose bones are only numbered.
const NUMBERED: &[Row] = &[
    ("torso_joint_1", "", Joint(J::Pelvis)),
    ("torso_joint_2", "torso_joint_1", Joint(J::Spine1)),
    ("torso_joint_3", "torso_joint_2", Joint(J::Spine3)),
    ("neck_joint_1", "torso_joint_3", Joint(J::Neck)),
    ("neck_joint_2", "neck_joint_1", Joint(J::Head)),
    ("arm_joint_#_3", "torso_joint_3", Joint(J::LeftShoulder)),
    ("arm_joint_#_2", "arm_joint_#_3", Joint(J::LeftElbow)),
    ("arm_joint_#_1", "arm_joint_#_2", Joint(J::LeftWrist)),
    ("leg_joint_#_1", "torso_joint_1", Joint(J::LeftHip)),
    ("leg_joint_#_2", "leg_joint_#_1", Joint(J::LeftKnee)),
    ("leg_joint_#_3", "leg_joint_#_2", Joint(J::LeftAnkle)),
    ("leg_joint_#_5", "leg_joint_#_3", Joint(J::LeftFoot)),
];

fn check_all(builds: impl IntoIterator<Item = Build>) {
    for (seed, build) in builds.into_iter().enumerate() {
        for build in [build.clone(), build.a_pose()] {
            let rig = build.rig(seed as u64);
            rig.check(&rig.map());
        }
    }
}

#[test]
fn other_conventions_are_recognised() {
    check_all([
        Build::new(AUTO_RIG_PRO, ["l", "r"]),
        Build::new(SYNTY, ["L", "R"]),
        Build::new(NUMBERED, ["L", "R"]),
    ]);
}

#[test]
fn bones_named_in_japanese_are_found_and_hair_is_no_leg() {
    check_all([Build::new(MMD, ["左", "右"]), Build::new(MMD_TOOLS, ["L", "R"])]);
}

#[test]
fn twist_bones_in_line_are_not_taken_for_the_joints_before_them() {
    check_all([Build::new(TWISTED, ["L", "R"])]);
}

#[test]
fn prefixes_and_suffixes_that_all_bones_share_say_nothing() {
    let dresses: [fn(usize, String) -> String; 4] = [
        |_, name| format!("m_avg_{name}"),
        |_, name| format!("{name}_Armature"),
        // Converters number all nodes.
        |i, name| format!("{name}_{i:02}").replacen('_', "_0", usize::from(i > 9)),
        |i, name| format!("Hero:Geo_{name}_0{i}"),
    ];
    for dress in dresses {
        let dressed = |build: Build| Build { dress, ..build };
        let builds = [
            dressed(Build::new(SMPL, ["L", "R"])),
            dressed(Build::new(UNREAL, ["l", "r"])),
            dressed(Build::new(MIXAMO, LEFT_RIGHT)),
        ];
        for build in &builds {
            let map = build.rig(0).map();
            assert!(map.confidence() > 0.8, "not found by name\n{map}");
        }
        check_all(builds);
    }
}
