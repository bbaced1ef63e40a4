//! What is no standing person is refused, whatever its bones are called.

use super::*;

/// Name, parent, place in metres; `#` makes a left and a right bone.
type Place = (&'static str, &'static str, [f64; 3]);

fn tree(places: &[Place], nameless: bool) -> BoneTree {
    let mut names: Vec<String> = vec![];
    let mut worlds: Vec<DVec3> = vec![];
    let mut bones: Vec<Bone> = vec![];
    for (name, parent, place) in places {
        let sides: &[(&str, f64)] =
            if name.contains('#') { &[("Left", 1.0), ("Right", -1.0)] } else { &[("", 1.0)] };
        for (side, sign) in sides {
            let parent = names.iter().position(|n| *n == parent.replace('#', side));
            let world = DVec3::new(place[0] * sign, place[1], place[2]);
            let above = parent.map_or(DVec3::ZERO, |p| worlds[p]);
            names.push(name.replace('#', side));
            worlds.push(world);
            bones.push(Bone {
                name: if nameless { String::new() } else { name.replace('#', side) },
                parent,
                translation: world - above,
                rotation: DQuat::IDENTITY,
                scale: DVec3::ONE,
            });
        }
    }
    BoneTree::new(bones).unwrap()
}

/// With the names of a human.
const FOX: &[Place] = &[
    ("b_Hip", "", [0.0, 0.43, -0.27]),
    ("b_Spine01", "b_Hip", [0.0, 0.55, -0.22]),
    ("b_Spine02", "b_Spine01", [0.0, 0.54, -0.01]),
    ("b_Neck", "b_Spine02", [0.0, 0.53, 0.25]),
    ("b_Head", "b_Neck", [0.0, 0.61, 0.36]),
    ("b_#UpperArm", "b_Spine02", [0.07, 0.49, 0.18]),
    ("b_#ForeArm", "b_#UpperArm", [0.07, 0.26, 0.17]),
    ("b_#Hand", "b_#ForeArm", [0.07, 0.07, 0.18]),
    ("b_Tail01", "b_Hip", [0.0, 0.53, -0.4]),
    ("b_Tail02", "b_Tail01", [0.0, 0.43, -0.49]),
    ("b_#Leg01", "b_Hip", [0.07, 0.49, -0.3]),
    ("b_#Leg02", "b_#Leg01", [0.07, 0.3, -0.27]),
    ("b_#Foot01", "b_#Leg02", [0.07, 0.16, -0.38]),
    ("b_#Foot02", "b_#Foot01", [0.07, 0.01, -0.33]),
];

/// With forelegs that begin well above the hind legs, as in a horse or a giraffe.
const HORSE: &[Place] = &[
    ("Hips", "", [0.0, 1.3, -0.47]),
    ("Spine", "Hips", [0.0, 1.3, 0.0]),
    ("Chest", "Spine", [0.0, 1.4, 0.5]),
    ("Neck", "Chest", [0.0, 1.64, 0.9]),
    ("Head", "Neck", [0.0, 1.75, 1.1]),
    ("#Shoulder", "Chest", [0.1, 1.55, 0.48]),
    ("#UpperArm", "#Shoulder", [0.19, 1.5, 0.6]),
    ("#LowerArm", "#UpperArm", [0.2, 0.93, 0.62]),
    ("#Hand", "#LowerArm", [0.15, 0.25, 0.6]),
    ("#UpperLeg", "Hips", [0.2, 1.13, -0.5]),
    ("#LowerLeg", "#UpperLeg", [0.2, 0.7, -0.49]),
    ("#Foot", "#LowerLeg", [0.2, 0.16, -0.7]),
    ("#Toes", "#Foot", [0.2, 0.02, -0.65]),
];

/// Stands on two legs, with a leaning trunk, a tail and tiny arms.
const REX: &[Place] = &[
    ("Hips", "", [0.0, 2.0, 0.0]),
    ("Spine", "Hips", [0.0, 2.2, 0.5]),
    ("Chest", "Spine", [0.0, 2.6, 1.0]),
    ("Neck", "Chest", [0.0, 3.0, 1.4]),
    ("Head", "Neck", [0.0, 3.3, 1.7]),
    ("Tail", "Hips", [0.0, 2.0, -0.6]),
    ("Tail2", "Tail", [0.0, 1.9, -1.4]),
    ("#UpperArm", "Chest", [0.3, 2.6, 1.1]),
    ("#LowerArm", "#UpperArm", [0.35, 2.4, 1.15]),
    ("#Hand", "#LowerArm", [0.35, 2.3, 1.3]),
    ("#UpperLeg", "Hips", [0.3, 1.9, 0.0]),
    ("#LowerLeg", "#UpperLeg", [0.35, 1.0, 0.3]),
    ("#Foot", "#LowerLeg", [0.35, 0.2, -0.2]),
    ("#Toes", "#Foot", [0.35, 0.0, 0.2]),
];

const BIRD: &[Place] = &[
    ("hips", "", [0.0, 0.5, -0.08]),
    ("spine_0", "hips", [0.0, 0.48, 0.06]),
    ("spine_1", "spine_0", [0.0, 0.48, 0.26]),
    ("head", "spine_1", [0.0, 0.57, 0.69]),
    ("#Arm", "spine_1", [0.1, 0.46, 0.32]),
    ("#ForeArm", "#Arm", [0.4, 0.66, 0.22]),
    ("#Hand", "#ForeArm", [0.7, 0.67, 0.27]),
    ("#UpperLeg", "hips", [0.05, 0.44, -0.14]),
    ("#LowerLeg", "#UpperLeg", [0.1, 0.3, -0.08]),
    ("#Foot", "#LowerLeg", [0.09, 0.03, -0.06]),
    ("#Toes", "#Foot", [0.09, 0.02, 0.05]),
];

const SPIDER: &[Place] = &[
    ("Body", "", [0.0, 0.4, 0.0]),
    ("Head", "Body", [0.0, 0.42, 0.2]),
    ("#Arm", "Body", [0.1, 0.4, 0.1]),
    ("#ForeArm", "#Arm", [0.5, 0.8, 0.4]),
    ("#Hand", "#ForeArm", [0.8, 0.0, 0.6]),
    ("#MidLeg1", "Body", [0.1, 0.4, 0.0]),
    ("#MidLeg2", "#MidLeg1", [0.6, 0.8, 0.0]),
    ("#MidLeg3", "#MidLeg2", [1.0, 0.0, 0.0]),
    ("#Thigh", "Body", [0.1, 0.4, -0.1]),
    ("#Shin", "#Thigh", [0.4, 0.8, -0.4]),
    ("#Foot", "#Shin", [0.7, 0.0, -0.7]),
];

/// Arms, an eye on a stalk, and no legs.
const CRANE: &[Place] = &[
    ("Base", "", [0.0; 3]),
    ("Tower", "Base", [0.0, 2.0, 0.0]),
    ("Cabin", "Tower", [0.0, 2.2, 0.2]),
    ("Arm", "Tower", [0.0, 2.3, 1.0]),
    ("ForeArm", "Arm", [0.0, 2.3, 2.5]),
    ("Hand", "ForeArm", [0.0, 1.0, 2.5]),
];

/// Wheels in pairs on arms and legs of equal length.
const CAR: &[Place] = &[
    ("Chassis", "", [0.0, 0.5, 0.0]),
    ("#UpperArm", "Chassis", [0.3, 0.5, 1.2]),
    ("#LowerArm", "#UpperArm", [0.6, 0.45, 1.2]),
    ("#Hand", "#LowerArm", [0.8, 0.35, 1.2]),
    ("#UpperLeg", "Chassis", [0.3, 0.5, -1.2]),
    ("#LowerLeg", "#UpperLeg", [0.6, 0.45, -1.2]),
    ("#Foot", "#LowerLeg", [0.8, 0.35, -1.2]),
    ("Head", "Chassis", [0.0, 1.2, 0.3]),
];

#[test]
fn animals_and_things_are_refused_with_and_without_names() {
    for (what, places) in [
        ("fox", FOX),
        ("horse", HORSE),
        ("bird", BIRD),
        ("tyrannosaur", REX),
        ("spider", SPIDER),
        ("crane", CRANE),
        ("car", CAR),
    ] {
        for nameless in [false, true] {
            let found =
                RigMap::find(&tree(places, nameless), &RigOverride::default(), &BTreeMap::new());
            if let Ok(map) = found {
                panic!("a {what} is taken for a person, nameless: {nameless}\n{map}");
            }
        }
    }
}

#[test]
fn refusals_say_what_was_found_and_an_override_overrules_them() {
    let fox = tree(FOX, false);
    let error = RigMap::find(&fox, &RigOverride::default(), &BTreeMap::new()).unwrap_err();
    let text = error.to_string();
    for part in ["animal", "b_LeftUpperArm", "b_RightHand", "b_LeftLeg01", "override"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    // A user may still want it.
    let given = RigOverride::from_ron(
        r#"(bones: {
            LeftHip: "b_LeftLeg01", LeftKnee: "b_LeftLeg02", LeftAnkle: "b_LeftFoot01",
            RightHip: "b_RightLeg01", LeftShoulder: "b_LeftUpperArm", RightShoulder: "b_RightUpperArm",
        })"#,
    );
    let map = RigMap::find(&fox, &given.unwrap(), &BTreeMap::new()).unwrap();
    assert_eq!(map.bone(J::RightAnkle), Some(fox.named("b_RightFoot01").unwrap()), "{map}");

    let crane = RigMap::find(&tree(CRANE, false), &RigOverride::default(), &BTreeMap::new());
    let text = crane.unwrap_err().to_string();
    assert!(text.contains("two legs") && text.contains("thighs none"), "{text}");
}
