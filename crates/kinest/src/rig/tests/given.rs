//! Overrides: bones outside the limbs, paths, numbers, and meshes with the names of bones.

use super::*;

fn find(rig: &Rig, text: &str) -> Result<RigMap, RigError> {
    RigMap::find(&rig.tree, &RigOverride::from_ron(text).unwrap(), &BTreeMap::new())
}

/// Feet, hands and a head with names that say nothing, outside their limbs.
const APART: &[Row] = &[
    ("Root", "", Off(J::Pelvis, [0.0, -0.95, 0.0])),
    ("Hips", "Root", Joint(J::Pelvis)),
    ("Spine", "Hips", Joint(J::Spine1)),
    ("Chest", "Spine", Joint(J::Spine3)),
    ("Skull", "Chest", Joint(J::Head)),
    ("#UpperArm", "Chest", Joint(J::LeftShoulder)),
    ("#LowerArm", "#UpperArm", Joint(J::LeftElbow)),
    ("#Grip", "Root", Joint(J::LeftWrist)),
    ("#UpperLeg", "Hips", Joint(J::LeftHip)),
    ("#LowerLeg", "#UpperLeg", Joint(J::LeftKnee)),
    ("#Sole", "Root", Joint(J::LeftAnkle)),
];

#[test]
fn bones_outside_the_limbs_can_be_named() {
    let rig = Build::new(APART, LEFT_RIGHT).a_pose().rig(1);
    let error = find(&rig, "()").unwrap_err().to_string();
    assert!(error.contains("feet none") && error.contains("LeftUpperLeg"), "{error}");
    let map = find(
        &rig,
        r#"(bones: {
            LeftAnkle: "LeftSole", RightAnkle: "RightSole",
            LeftWrist: "LeftGrip", RightWrist: "RightGrip",
        })"#,
    );
    rig.check_map(&map.unwrap());
}

#[test]
fn hips_chest_or_head_can_be_named_alone() {
    let rig = Build::new(UNREAL, ["l", "r"]).a_pose().rig(2);
    for (joint, name) in [("Pelvis", "spine_01"), ("Spine3", "spine_04"), ("Head", "neck_02")] {
        let map = find(&rig, &format!(r#"(bones: {{{joint}: "{name}"}})"#)).unwrap();
        let joint = J::ALL.into_iter().find(|j| format!("{j:?}") == joint).unwrap();
        assert_eq!(map.bone(joint), Some(rig.tree.named(name).unwrap()), "{map}");
        for limb in [J::LeftWrist, J::RightElbow, J::LeftAnkle, J::RightHip] {
            assert_eq!(map.bone(limb), Some(rig.joints[&limb]), "{map}");
        }
    }
}

fn twins() -> ModelNodes {
    let bone = |name: &str, parent, y: f64| Bone {
        name: name.into(),
        parent,
        translation: DVec3::Y * y,
        rotation: DQuat::IDENTITY,
        scale: DVec3::ONE,
    };
    let bones = [
        bone("Armature", None, 0.0),
        bone("Body", Some(0), 1.0),
        bone("Spine", Some(1), 1.0),
        bone("Cape", Some(0), 1.0),
        bone("Spine", Some(3), 1.0),
    ];
    let node = |(i, bone)| ModelNode { bone, number: Some(i + 10), shows: false };
    ModelNodes { nodes: bones.into_iter().enumerate().map(node).collect(), ..Default::default() }
}

#[test]
fn a_path_or_a_number_tells_bones_of_one_name_apart() {
    let bones: Vec<Bone> = twins().nodes.into_iter().map(|node| node.bone).collect();
    let tree = BoneTree::new(bones).unwrap();
    assert_eq!(tree.named("Body/Spine").unwrap(), 2);
    assert_eq!(tree.named("Armature/Cape/Spine").unwrap(), 4);
    assert_eq!(tree.named("#4").unwrap(), 4);
    for wrong in ["Armature/Spine", "pine", "#9", "#x", "Root/Armature/Body"] {
        assert!(matches!(tree.named(wrong), Err(RigError::NoBone { .. })), "{wrong}");
    }
    let error = tree.named("Spine").unwrap_err().to_string();
    assert!(error.contains("#2 `Armature/Body/Spine`") && error.contains("#4"), "{error}");
}

#[test]
fn meshes_with_the_name_of_a_bone_do_not_get_in_its_way() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).rig(3);
    let mut model = ModelNodes::default();
    for (i, bone) in rig.tree.bones().iter().enumerate() {
        let number = Some(i);
        model.nodes.push(ModelNode { bone: bone.clone(), number, shows: false });
    }
    let count = rig.tree.bones().len();
    let inverse = |bone: usize| rig.tree.rest(bone).inverse();
    model.skins.push(Skin {
        joints: (1..count).collect(),
        inverse_binds: (1..count).map(inverse).collect(),
    });
    let head = rig.joints[&J::Head];
    let mut mesh = model.nodes[head].clone();
    (mesh.bone.parent, mesh.number, mesh.shows) = (Some(head), Some(count), true);
    model.nodes.push(mesh);
    let name = &rig.tree.bones()[head].name;
    let given = RigOverride { bones: [(J::Head, name.clone())].into(), ..Default::default() };
    let found = model.find(&given).unwrap();
    assert_eq!(found.map.bone(J::Head), Some(head), "{}", found.map);
    // Its name is not its own in the file, so a report gives its number.
    let report = serde_json::to_value(RigReport::from(&found.map)).unwrap();
    assert_eq!(report["map"]["head"], format!("#{head}"));
    assert_eq!(report["map"]["l_foot"], "mixamorig:LeftToeBase");
}

#[test]
fn reports_for_programs_have_all_joints_or_the_reason() {
    let rig = Build::new(LEAST, ["L", "R"]).rig(4);
    let report = serde_json::to_value(RigReport::from(&rig.map())).unwrap();
    let joints = report["map"].as_object().unwrap();
    assert_eq!(joints.len(), J::COUNT);
    assert_eq!((&joints["pelvis"], &joints["neck"]), (&"Bip01 Pelvis".into(), &().into()));
    assert_eq!(joints["spine3"], "Bip01 Spine");
    assert!(report["confidence"].as_f64().unwrap() > 0.5 && report["notes"].is_array());
    let error = find(&rig, r#"(bones: {Head: "Kopf"})"#);
    let report = serde_json::to_value(RigReport::from(&error)).unwrap();
    assert_eq!(report, serde_json::json!({"failed": "there is no bone `Kopf`"}));
}
