//! The humanoid bones declared in VRM files: `VRMC_vrm` (1.0) and `VRM` (0.x), and in VRM animations.

use crate::skeleton::SmplJoint as J;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use std::collections::BTreeMap;
use std::fmt;

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

/// What an extension says about the body. Nothing else of it is read, and of the bones only those that are known, for
/// extensions may be of any size.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Declared {
    #[serde(default)]
    humanoid: Option<Humanoid>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Humanoid {
    #[serde(default)]
    human_bones: HumanBones,
}

/// The number of the node of each bone, by its name.
#[derive(Debug, Default)]
struct HumanBones(BTreeMap<&'static str, Option<usize>>);

#[derive(Deserialize)]
struct HumanBone {
    bone: Option<String>,
    node: Option<Number>,
}

impl HumanBone {
    fn node(&self) -> Option<usize> {
        usize::try_from(self.node.as_ref()?.as_u64()?).ok()
    }
}

fn known(name: &str) -> Option<&'static str> {
    BONES.iter().flat_map(|(_, names)| *names).copied().find(|known| *known == name)
}

impl<'de> Deserialize<'de> for HumanBones {
    /// Version 1.0 and animations have `hips.node`, 0.x has a list `[i].{bone, node}`.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bones;
        impl<'de> Visitor<'de> for Bones {
            type Value = HumanBones;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("bones by their names, or a list of bones")
            }

            fn visit_unit<E>(self) -> Result<HumanBones, E> {
                Ok(HumanBones::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<HumanBones, A::Error> {
                let mut bones = HumanBones::default();
                while let Some(name) = all.next_key::<String>()? {
                    match known(&name) {
                        Some(name) => {
                            let bone = all.next_value::<Option<HumanBone>>()?;
                            bones.0.insert(name, bone.and_then(|bone| bone.node()));
                        }
                        None => _ = all.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(bones)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<HumanBones, A::Error> {
                let mut bones = HumanBones::default();
                while let Some(bone) = all.next_element::<HumanBone>()? {
                    if let Some(name) = bone.bone.as_deref().and_then(known) {
                        bones.0.entry(name).or_insert_with(|| bone.node());
                    }
                }
                Ok(bones)
            }
        }
        from.deserialize_any(Bones)
    }
}

impl Declared {
    /// The glTF node of each joint.
    pub fn bones(&self) -> BTreeMap<J, usize> {
        let bones = self.humanoid.as_ref().map(|humanoid| &humanoid.human_bones.0);
        let node = |name: &&str| bones?.get(name).copied().flatten();
        let joints = BONES.iter();
        joints.filter_map(|(joint, names)| Some((*joint, names.iter().find_map(node)?))).collect()
    }
}

/// The glTF node of each joint declared in one of [`VRM_EXTENSIONS`] of a glTF document; empty
/// if `extension` is none of them.
///
/// Version 1.0 and animations have `humanoid.humanBones.hips.node`, 0.x has a list
/// `humanoid.humanBones[i].{bone, node}`.
#[must_use]
pub fn vrm_bones(extension: &Value) -> BTreeMap<J, usize> {
    Declared::deserialize(extension).unwrap_or_default().bones()
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
        for value in [
            json!(null),
            json!([1]),
            json!({"humanoid": null}),
            json!({"humanoid": {"humanBones": null}}),
            json!({"humanoid": {"humanBones": {"hips": {}}}}),
            json!({"humanoid": {"humanBones": {"hips": null}}}),
            json!({"humanoid": {"humanBones": {"hips": {"node": 1.5}}}}),
            json!({"humanoid": {"humanBones": [{"bone": "hips"}, {"node": 3}]}}),
            json!({"humanoid": {"humanBones": "many"}}),
        ] {
            assert!(vrm_bones(&value).is_empty(), "{value}");
        }
    }
}
