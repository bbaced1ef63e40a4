//! Gestures, and the files that define them.

use super::super::file::{EventsFileError, parse, read};
use super::condition::Condition;
use crate::skeleton::Group;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A step of a gesture.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The condition that must hold,
    pub when: Condition,
    /// and for how long, seconds.
    pub hold_s: f64,
    /// Time limit for the step after the end of the previous step's condition, seconds; the first
    /// step has none.
    pub within_s: f64,
}

/// A combination of codes with a name, reported to games.
#[derive(Clone, Debug, PartialEq)]
pub struct Gesture {
    /// Its name in events.
    pub name: Arc<str>,
    /// The group that makes it.
    pub group: Group,
    /// Its steps in time, at least one. The gesture begins when the last step is done, and ends
    /// when its condition no longer holds.
    pub steps: Vec<Step>,
    /// Whether either side of the body may make it: `steps` are then written for the side of
    /// `group`, and events have the group of the side that made it.
    pub either_side: bool,
    /// Time for which the last step's condition may fail before the gesture ends, seconds.
    pub release_s: f64,
}

/// A set of gestures, read from `*.gestures.ron` and checked.
///
/// The [`Default`] has the shipped gestures, `assets/events/default.gestures.ron`. A file is a
/// list:
///
/// ```
/// use kinest::events::GestureBook;
///
/// let book = GestureBook::parse(
///     r#"[
///         // Both hands above the head for half a second.
///         (
///             name: "surrender",
///             group: torso,
///             when: All([Is("left_hand_over_head", "above"), Is("right_hand_over_head", "above")]),
///             hold_s: 0.5,
///         ),
///         // A squat, and within a second of coming up from it a jump.
///         (
///             name: "squat_jump",
///             group: torso,
///             steps: [
///                 (when: AtMost("root_height", "low"), hold_s: 0.2),
///                 (when: Is("feet_over_floor", "in_air"), within_s: 1.0),
///             ],
///         ),
///         // With either foot.
///         (
///             name: "stamp",
///             group: left_leg,
///             either_side: true,
///             when: Faster("left_foot_over_floor", "lowers", 3.0),
///         ),
///     ]"#,
///     "my.gestures.ron",
/// )?;
/// assert_eq!(book.gestures().len(), 3);
///
/// let mistake = r#"[(name: "wink", group: neck, when: Is("left_eye", "shut"))]"#;
/// let error = GestureBook::parse(mistake, "my.gestures.ron").unwrap_err().to_string();
/// assert!(error.starts_with("my.gestures.ron:1:") && error.contains("left_eye"), "{error}");
/// # Ok::<(), kinest::events::EventsFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GestureBook {
    gestures: Vec<Gesture>,
}

impl GestureBook {
    /// An empty book, to be extended [`with`](Self::with) other books.
    #[must_use]
    pub const fn empty() -> Self {
        Self { gestures: vec![] }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or as [`GestureBook::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EventsFileError> {
        let path = path.as_ref();
        Self::parse(&read(path)?, path)
    }

    /// Parses the text of a file; `path` stands in errors.
    ///
    /// # Errors
    /// With line and column: if the text is not RON of this form; if a signal or class is unknown, or
    /// a signal does not have the class; if two gestures have one name, one has no step, or a time is
    /// negative.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, EventsFileError> {
        parse(text, path.as_ref())
    }

    /// The gestures, in the order of the file.
    #[must_use]
    pub fn gestures(&self) -> &[Gesture] {
        &self.gestures
    }

    /// The gesture of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Gesture> {
        self.gestures.iter().find(|gesture| &*gesture.name == name)
    }

    /// These gestures and those of `other`, which replace gestures of the same name.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.gestures.retain(|gesture| other.find(&gesture.name).is_none());
        self.gestures.extend(other.gestures);
        self
    }
}

impl Default for GestureBook {
    fn default() -> Self {
        let text = include_str!("../../../assets/default.gestures.ron");
        Self::parse(text, "default.gestures.ron")
            .expect("the embedded gestures are valid; a test checks it")
    }
}

impl<'de> Deserialize<'de> for GestureBook {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = GestureBook;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of gestures")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<GestureBook, S::Error> {
                let mut book = GestureBook::empty();
                while let Some(gesture) = list.next_element::<Gesture>()? {
                    if book.find(&gesture.name).is_some() {
                        let name = gesture.name;
                        return Err(S::Error::custom(format!("`{name}` is there twice")));
                    }
                    book.gestures.push(gesture);
                }
                Ok(book)
            }
        }
        from.deserialize_seq(List)
    }
}

/// Default of [`Gesture::release_s`], seconds.
const RELEASE: f64 = 0.15;
/// Default of [`Step::within_s`], seconds.
const WITHIN: f64 = 1.0;

impl<'de> Deserialize<'de> for Gesture {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Gesture", deny_unknown_fields)]
        struct Written {
            name: String,
            group: Group,
            when: Option<Condition>,
            hold_s: Option<Seconds>,
            steps: Option<Vec<Step>>,
            #[serde(default)]
            either_side: bool,
            release_s: Option<Seconds>,
        }
        let Written { name, group, when, hold_s, steps, either_side, release_s } =
            Written::deserialize(from)?;
        let fault = |problem: &str| Err(D::Error::custom(format!("gesture `{name}`: {problem}")));
        let steps = match (when, steps) {
            (Some(when), None) => {
                let hold_s = hold_s.map_or(0.0, |Seconds(hold)| hold);
                vec![Step { when, hold_s, within_s: WITHIN }]
            }
            (None, Some(steps)) if hold_s.is_none() && !steps.is_empty() => steps,
            (None, Some(steps)) if steps.is_empty() => return fault("has no steps"),
            (None, Some(_)) => return fault("`hold_s` belongs into its steps"),
            (None, None) => return fault("needs `when` or `steps`"),
            (Some(_), Some(_)) => return fault("has both `when` and `steps`"),
        };
        if name.trim().is_empty() {
            return fault("has no name");
        }
        if either_side && group.mirrored() == group {
            return fault(&format!("`{}` has no other side", group.name()));
        }
        let release_s = release_s.map_or(RELEASE, |Seconds(release)| release);
        Ok(Self { name: name.into(), group, steps, either_side, release_s })
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Step", deny_unknown_fields)]
        struct Written {
            when: Condition,
            hold_s: Option<Seconds>,
            within_s: Option<Seconds>,
        }
        let Written { when, hold_s, within_s } = Written::deserialize(from)?;
        let hold_s = hold_s.map_or(0.0, |Seconds(hold)| hold);
        let within_s = within_s.map_or(WITHIN, |Seconds(within)| within);
        Ok(Self { when, hold_s, within_s })
    }
}

/// A time that is not negative; anything else is an error at its place in the file.
struct Seconds(f64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(D::Error::custom(format!("{value} s is not a time")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_gestures_are_valid() {
        let book = GestureBook::default();
        for name in [
            "wave_left",
            "wave_right",
            "raise_hand",
            "both_hands_up",
            "clap",
            "arms_crossed",
            "hands_on_hips",
            "point",
            "punch",
            "push",
            "crouch",
            "sit",
            "jump",
            "step",
            "turn",
            "nod",
            "shake_head",
            "bow",
            "kick",
            "lean",
            "t_pose",
        ] {
            assert!(book.find(name).is_some(), "{name}");
        }
    }

    /// Each error, with its reported line and message.
    #[test]
    fn mistakes_are_named_with_their_place() {
        let text = |line: &str| {
            format!(
                "[\n  (name: \"fine\", group: neck, when: Is(\"head_pitch\", \"nods\")),\n  {line}\n]\n"
            )
        };
        for (line, says) in [
            (
                r#"(name: "a", group: neck, when: Is("head_pich", "nods"))"#,
                "did you mean `head_pitch`",
            ),
            (r#"(name: "a", group: neck, when: Is("head_pitch", "nod"))"#, "did you mean `nods`"),
            (r#"(name: "a", group: neck, when: Is("head_pitch", "waves"))"#, "never `waves`"),
            (r#"(name: "a", group: neck, when: AtLeast("head_pitch", "nods"))"#, "an oscillation"),
            (r#"(name: "a", group: neck, when: Faster("head_pitch", "nods", -1.0))"#, "-1"),
            (r#"(name: "a", group: tail, when: Is("head_pitch", "nods"))"#, "tail"),
            (r#"(name: "a", group: neck, when: All([]))"#, "empty"),
            (r#"(name: "a", group: neck, steps: [])"#, "no steps"),
            (r#"(name: "a", group: neck)"#, "needs `when` or `steps`"),
            (
                r#"(name: "a", group: neck, when: Is("head_pitch", "nods"), hold_s: -0.5)"#,
                "not a time",
            ),
            (
                r#"(name: "a", group: neck, when: Is("head_pitch", "nods"), either_side: true)"#,
                "no other side",
            ),
            (r#"(name: "fine", group: neck, when: Is("head_pitch", "nods"))"#, "twice"),
            (r#"(name: "a", group: neck, when: Is("head_pitch", "nods"), colour: 3)"#, "colour"),
            (r#"(name: "a", group: neck, when: Is("head_pitch" "nods"))"#, ""),
        ] {
            let error = GestureBook::parse(&text(line), "my.gestures.ron").unwrap_err();
            let message = error.to_string();
            let EventsFileError::Content { line: at, column, .. } = error else {
                panic!("{message}")
            };
            assert!(message.contains(says), "{line}\n{message}");
            assert!((3..=4).contains(&at) && column > 0, "{line}\n{message}");
            assert!(message.starts_with(&format!("my.gestures.ron:{at}:")), "{message}");
        }
    }

    #[test]
    fn own_gestures_replace_shipped_ones_of_the_same_name() {
        let own = r#"[(name: "nod", group: neck, when: Is("head_yaw", "shakes"))]"#;
        let own = GestureBook::parse(own, "own").unwrap();
        let count = GestureBook::default().gestures().len();
        let both = GestureBook::default().with(own.clone());
        assert_eq!(both.gestures().len(), count);
        assert_eq!(both.find("nod"), own.find("nod"));
    }
}
