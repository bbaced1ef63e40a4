//! A map of bones in a form for programs.

use super::RigError;
use super::map::RigMap;
use crate::skeleton::SmplJoint as J;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of a character, to be written as JSON: `{"map": {"pelvis": "Hips", …}, "confidence":
/// 0.9, "notes": []}` or `{"failed": "…"}`.
///
/// All joints are in the map, with `null` where there is no bone. A bone without a name of its own
/// is `#` and its number in the model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RigReport {
    /// The bones were found.
    Found {
        /// The bone of each joint, by the joint's [name](J::name) in lower case.
        map: BTreeMap<String, Option<String>>,
        /// See [`RigMap::confidence`].
        confidence: f64,
        /// See [`RigMap::notes`].
        notes: Vec<String>,
    },
    /// The bones were not found.
    Failed {
        /// The reason.
        failed: String,
    },
}

impl From<&RigMap> for RigReport {
    fn from(map: &RigMap) -> Self {
        let bones = J::ALL
            .map(|joint| (joint.name().to_lowercase(), map.nearest(joint).map(str::to_owned)));
        Self::Found { map: bones.into(), confidence: map.confidence(), notes: map.notes().to_vec() }
    }
}

impl From<&RigError> for RigReport {
    fn from(error: &RigError) -> Self {
        Self::Failed { failed: error.to_string() }
    }
}

impl<E: std::fmt::Display> From<&Result<RigMap, E>> for RigReport {
    fn from(found: &Result<RigMap, E>) -> Self {
        match found {
            Ok(map) => map.into(),
            Err(error) => Self::Failed { failed: error.to_string() },
        }
    }
}
