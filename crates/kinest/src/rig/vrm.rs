//! The humanoid bones declared in VRM files: `VRMC_vrm` (1.0) and `VRM` (0.x), and in VRM animations.

use crate::skeleton::SmplJoint as J;
use serde_json::Value;
use std::collections::BTreeMap;

/// The glTF extensions that declare a humanoid: of characters, newest first, then of animations.
pub const VRM_EXTENSIONS: [&str; 3] = ["VRMC_vrm", "VRM", "VRMC_vrm_animation"];

/// Joints and the names of their bones in VRM. Of the names for the top of the spine, the first
/// that the file declares counts; the bones between it and the hips are found by place.
/// <https://github.com/vrm-c/vrm-specification/blob/master/specification/VRMC_vrm-1.0/humanoid.md>
pub(crate) const BONES: [(J, &[&str]); 20] = [
    (J::Pelvis, &["hips"]),
    (J::Spine3, &["upperChest", "chest", "spine"]),
    (J::Head, &["head"]),
    (J::Neck, &["neck"]),
    (J::LeftHip, &["leftUpperLeg"]),
    (J::LeftKnee, &["leftLowerLeg"]),
    (J::LeftAnkle, &["leftFoot"]),
    (J::LeftFoot, &["leftToes"]),
    (J::RightHip, &["rightUpperLeg"]),
    (J::RightKnee, &["rightLowerLeg"]),
    (J::RightAnkle, &["rightFoot"]),
    (J::RightFoot, &["rightToes"]),
    (J::LeftCollar, &["leftShoulder"]),
    (J::LeftShoulder, &["leftUpperArm"]),
    (J::LeftElbow, &["leftLowerArm"]),
    (J::LeftWrist, &["leftHand"]),
    (J::RightCollar, &["rightShoulder"]),
    (J::RightShoulder, &["rightUpperArm"]),
    (J::RightElbow, &["rightLowerArm"]),
    (J::RightWrist, &["rightHand"]),
];

/// The glTF node of each joint declared in one of [`VRM_EXTENSIONS`] of a glTF document; empty
/// if `extension` is none of them.
///
/// Version 1.0 and animations have `humanoid.humanBones.hips.node`, 0.x has a list
/// `humanoid.humanBones[i].{bone, node}`.
#[must_use]
pub fn vrm_bones(extension: &Value) -> BTreeMap<J, usize> {
    let bones = &extension["humanoid"]["humanBones"];
    let node = |name: &str| {
        let bone = match bones {
            Value::Array(list) => list.iter().find(|bone| bone["bone"] == name)?,
            bones => bones.get(name)?,
        };
        usize::try_from(bone["node"].as_u64()?).ok()
    };
    let joints = BONES.iter();
    joints
        .filter_map(|(joint, names)| Some((*joint, names.iter().find_map(|n| node(n))?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_versions_are_read() {
        let new = json!({"specVersion": "1.0", "humanoid": {"humanBones": {
            "hips": {"node": 3}, "spine": {"node": 4}, "chest": {"node": 5}, "leftHand": {"node": 9},
            "leftEye": {"node": 11},
        }}});
        let old = json!({"humanoid": {"humanBones": [
            {"bone": "hips", "node": 3, "useDefaultValues": true}, {"bone": "chest", "node": 5},
            {"bone": "leftHand", "node": 9}, {"bone": "jaw", "node": -1},
        ]}});
        let expected = BTreeMap::from([(J::Pelvis, 3), (J::Spine3, 5), (J::LeftWrist, 9)]);
        assert_eq!(vrm_bones(&new), expected);
        assert_eq!(vrm_bones(&old), expected);
    }

    #[test]
    fn other_json_gives_no_bones() {
        for value in [json!(null), json!([1]), json!({"humanoid": {"humanBones": {"hips": {}}}})] {
            assert!(vrm_bones(&value).is_empty(), "{value}");
        }
    }
}
