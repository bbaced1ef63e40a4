//! Errors of what parts of the body are to each other, with units in the keys.

use kinest::metrics::{HandErrors, InteractionErrors};
use kinest::skeleton::GroupPair;
use serde::Serialize;
use std::collections::BTreeMap;

/// Errors of each of the fifteen interactions.
pub type Interactions = BTreeMap<GroupPair, InteractionReport>;

/// Errors of an interaction, what two groups are to each other. Vectors are compared in the axes of
/// the world; in the true body's heading axes the figures are the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InteractionReport {
    /// Mean length of the error of the vector between the groups' mean positions.
    pub cm: f64,
    /// Mean length of the error of their velocity against each other; needs two frames.
    pub cm_s: Option<f64>,
    /// Mean angle error of the joint that links them, for the five pairs that are linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deg: Option<f64>,
}

/// The errors in the units of reports.
#[must_use]
pub fn interactions(errors: &InteractionErrors) -> Interactions {
    let report = |pair| {
        let error = errors.of(pair);
        let cm_s = error.velocity.map(|velocity| velocity * 100.0);
        let deg = error.rotation.map(f64::to_degrees);
        (pair, InteractionReport { cm: error.difference * 100.0, cm_s, deg })
    };
    GroupPair::ALL.map(report).into()
}

/// Errors of the vectors between wrists and head, mean lengths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the figures of `HandErrors`, in the unit each name ends in")]
pub struct HandsReport {
    pub hand_to_hand_cm: f64,
    pub left_hand_to_head_cm: f64,
    pub right_hand_to_head_cm: f64,
}

impl From<HandErrors> for HandsReport {
    fn from(errors: HandErrors) -> Self {
        Self {
            hand_to_hand_cm: errors.hand_to_hand * 100.0,
            left_hand_to_head_cm: errors.left_to_head * 100.0,
            right_hand_to_head_cm: errors.right_to_head * 100.0,
        }
    }
}
