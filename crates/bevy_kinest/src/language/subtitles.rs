//! Subtitles for gestures in progress.

use super::words::{Language, WordsFile};
use crate::events::{MotionEvent, MotionEvents};
use crate::frame::Clock;
use bevy::prelude::*;
use kinest::events::{self, Phase};
use kinest::skeleton::Group;
use std::time::Duration;

/// Frequent gestures: their lines do not replace other lines.
const COMMON: [&str; 2] = ["step", "turn"];

/// A line about the newest gesture of a body: "Someone waves with the right hand." Lives beside
/// [`MotionEvents`].
///
/// Gestures of the game's own files have lines if the language has words for their names; a
/// [`WordsFile`] can add them. Change detection triggers when the line changes:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::Subtitles;
/// fn show(bodies: Query<&Subtitles, Changed<Subtitles>>) {
///     for subtitles in &bodies {
///         println!("{}", subtitles.text());
///     }
/// }
/// # bevy::ecs::system::assert_is_system(show);
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
#[require(MotionEvents)]
pub struct Subtitles {
    /// The language.
    pub language: Language,
    /// Time for which a line stays after its gesture.
    pub stays: Duration,
    text: String,
    /// The gesture of the line, and the group that makes it.
    #[reflect(ignore)]
    gesture: Option<(String, Group)>,
    /// Time at which the line disappears, seconds of the trackers' clock; `None` while its gesture
    /// is in progress.
    until: Option<f64>,
}

impl Default for Subtitles {
    fn default() -> Self {
        Self::new(Language::default())
    }
}

impl Subtitles {
    /// Lines in a language.
    #[must_use]
    pub fn new(language: Language) -> Self {
        let stays = Duration::from_secs(2);
        Self { language, stays, text: String::new(), gesture: None, until: None }
    }

    /// The current line; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a line about `gesture` may replace the current one.
    fn yields_to(&self, gesture: &str) -> bool {
        let of_present = self.gesture.as_ref().map(|(name, _)| name.as_str());
        !COMMON.contains(&gesture) || of_present.is_none_or(|name| COMMON.contains(&name))
    }

    fn is_about(&self, gesture: &str, group: Group) -> bool {
        self.gesture.as_ref().is_some_and(|(name, of)| name == gesture && *of == group)
    }
}

/// Writes the lines.
pub(super) fn caption(
    clock: Clock,
    words: Res<Assets<WordsFile>>,
    mut events: MessageReader<MotionEvent>,
    mut bodies: Query<&mut Subtitles>,
) {
    for event in events.read() {
        let Ok(mut subtitles) = bodies.get_mut(event.avatar) else { continue };
        let Some(name) = event.gesture() else { continue };
        match event.phase {
            Phase::Begin if subtitles.yields_to(name) => {
                let MotionEvent { group, ref kind, phase, intensity, speed, at, .. } = *event;
                let kind = kind.clone();
                let told = events::MotionEvent { kind, group, phase, intensity, speed, at };
                let caption = subtitles.language.wording(&words).caption(&told, 0);
                let Some(text) = caption else { continue };
                subtitles.text = text;
                subtitles.gesture = Some((name.into(), group));
                subtitles.until = None;
            }
            Phase::End if subtitles.is_about(name, event.group) => {
                let until = event.at + subtitles.stays.as_secs_f64();
                subtitles.bypass_change_detection().until = Some(until);
            }
            _ => {}
        }
    }
    let now = clock.now().as_secs_f64();
    for mut subtitles in &mut bodies {
        if subtitles.until.is_some_and(|until| until < now) {
            subtitles.text.clear();
            (subtitles.gesture, subtitles.until) = (None, None);
        }
    }
}
