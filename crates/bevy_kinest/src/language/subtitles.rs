//! Lines about gestures, while they are made.

use super::words::{Language, WordsFile};
use crate::events::{MotionEvent, MotionEvents};
use crate::frame::Clock;
use bevy::prelude::*;
use kinest::events::{self, Phase};
use kinest::skeleton::Group;
use std::time::Duration;

/// Gestures that bodies make all the time: a line about one does not replace another line.
const COMMON: [&str; 2] = ["step", "turn"];

/// A line about the newest gesture of a body: "Someone waves with the right hand." Lives beside
/// [`MotionEvents`].
///
/// Gestures of the game's own files have lines if the words of the language know their names; a
/// [`WordsFile`] can add some. The component changes when its line does:
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
    /// How long a line stays after its gesture.
    pub stays: Duration,
    text: String,
    /// The gesture of the line, and the group that makes it.
    #[reflect(ignore)]
    gesture: Option<(String, Group)>,
    /// When the line goes, seconds of the trackers' clock; `None` while its gesture goes on.
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

    /// The present line; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a line about `gesture` may take the place of the present one.
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
