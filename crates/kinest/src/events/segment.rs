//! Codes in time.

use super::class::Class;
use super::kind::CodeKind;
use super::signal::Signal;
use crate::skeleton::SmplJoint;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A class of a signal: `left_elbow_bend bends`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// The signal.
    pub signal: Signal,
    /// One of the signal's classes.
    pub class: Class,
}

impl Code {
    /// The code of the mirrored body.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { signal: self.signal.mirrored(), class: self.class.mirrored() }
    }

    /// Whether it is a state of a person standing at ease.
    #[must_use]
    pub fn is_usual(self) -> bool {
        self.signal.kind.usual() == Some(self.class)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.signal, self.class)
    }
}

/// The time during which a code held.
///
/// Serialised as `{"kind", "joints", "class", "start_s", "end_s", "intensity", "speed"}`, with joints
/// by the names of skeleton files: `{"kind": "elbow_bend", "joints": ["L_elbow"], "class": "bends", …}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeSegment {
    /// The code.
    pub code: Code,
    /// When it began, seconds.
    pub start_s: f64,
    /// When it ended, seconds; while it still holds, the time of the newest frame.
    pub end_s: f64,
    /// Intensity, without unit:
    ///
    /// * of a state: its distance in classes from the usual one: 0, 1, 2, …;
    /// * of a movement: its travel in units of the minimum travel: 1 is just detected;
    /// * of an oscillation: its width from turn to turn in units of the minimum width.
    pub intensity: f64,
    /// Speed:
    ///
    /// * of a movement: its peak speed relative to the table's ordinary pace: 0.5 is slow, 2 is
    ///   fast;
    /// * of an oscillation: its frequency in hertz;
    /// * of a state: 0.
    pub speed: f64,
}

impl CodeSegment {
    /// Seconds from start to end.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
struct Written {
    kind: CodeKind,
    joints: Vec<String>,
    class: Class,
    start_s: f64,
    end_s: f64,
    intensity: f64,
    speed: f64,
}

impl Serialize for CodeSegment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { code, start_s, end_s, intensity, speed } = *self;
        let joints = code.signal.joints().iter().map(|joint| joint.name().to_owned()).collect();
        let (kind, class) = (code.signal.kind, code.class);
        Written { kind, joints, class, start_s, end_s, intensity, speed }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for CodeSegment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written { kind, joints, class, start_s, end_s, intensity, speed } =
            Written::deserialize(from)?;
        let measured = |signal: &Signal| {
            let names = signal.joints().iter().copied().map(SmplJoint::name);
            signal.kind == kind && names.eq(joints.iter().map(String::as_str))
        };
        let Some(signal) = Signal::ALL.into_iter().find(measured) else {
            return Err(de::Error::custom(format!("`{kind}` is not measured at {joints:?}")));
        };
        if !signal.knows(class) {
            return Err(de::Error::custom(format!("`{kind}` has no class `{class}`")));
        }
        Ok(Self { code: Code { signal, class }, start_s, end_s, intensity, speed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_json_with_joints_by_name() {
        let code = Code { signal: "right_hand_to_head".parse().unwrap(), class: Class::Touching };
        let segment = CodeSegment { code, start_s: 0.5, end_s: 1.25, intensity: 2.0, speed: 0.0 };
        let json = serde_json::to_value(segment).unwrap();
        let expected = serde_json::json!({
            "kind": "hand_to_head", "joints": ["R_wrist", "head"], "class": "touching",
            "start_s": 0.5, "end_s": 1.25, "intensity": 2.0, "speed": 0.0,
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<CodeSegment>(json.clone()).unwrap(), segment);
        for (field, value) in [("class", "waves"), ("kind", "knee_bend")] {
            let mut wrong = json.clone();
            wrong[field] = value.into();
            let error = serde_json::from_value::<CodeSegment>(wrong).unwrap_err().to_string();
            assert!(error.contains(value) || error.contains("R_wrist"), "{error}");
        }
    }
}
