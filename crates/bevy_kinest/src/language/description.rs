//! Descriptions of the last seconds of a body.

use super::words::{Language, WordsFile};
use crate::events::{MotionEvents, MotionState};
use crate::frame::Clock;
use bevy::prelude::*;
use kinest::events::CodeSegment;
use kinest_language::{Describer, Description};
use std::time::Duration;

/// Describes the last seconds of a body at three levels: the whole body, its six groups, pairs of
/// groups. Lives beside [`MotionEvents`]; change detection triggers when its texts change.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::LiveDescription;
/// fn tell(bodies: Query<&LiveDescription, Changed<LiveDescription>>) {
///     for description in bodies.iter().filter_map(LiveDescription::texts) {
///         println!("{} {}", description.global[0], description.groups.right_arm);
///     }
/// }
/// # bevy::ecs::system::assert_is_system(tell);
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
#[require(MotionEvents)]
pub struct LiveDescription {
    /// The language.
    pub language: Language,
    /// Described time span.
    pub window: Duration,
    /// Time between two descriptions.
    pub every: Duration,
    /// 0 selects the plain wording, another number a paraphrase.
    pub seed: u64,
    /// Codes that have ended within the window, times of the trackers' clock.
    #[reflect(ignore)]
    ended: Vec<CodeSegment>,
    /// When the last description was made, seconds.
    last: Option<f64>,
    #[reflect(ignore)]
    texts: Option<Description>,
}

impl Default for LiveDescription {
    /// Five seconds, twice a second.
    fn default() -> Self {
        Self {
            language: Language::default(),
            window: Duration::from_secs(5),
            every: Duration::from_millis(500),
            seed: 0,
            ended: vec![],
            last: None,
            texts: None,
        }
    }
}

impl LiveDescription {
    /// The description; `None` until there is a body. Its times are seconds from the start of the
    /// described span.
    #[must_use]
    pub fn texts(&self) -> Option<&Description> {
        self.texts.as_ref()
    }
}

/// Writes the descriptions.
pub(super) fn describe(
    clock: Clock,
    words: Res<Assets<WordsFile>>,
    mut bodies: Query<(&MotionState, &mut LiveDescription)>,
) {
    let now = clock.now().as_secs_f64();
    for (state, mut live) in &mut bodies {
        let Some(codes) = state.new_codes() else { continue };
        let own = live.bypass_change_detection();
        let changes = codes.changes().iter();
        own.ended.extend(changes.filter(|change| change.ends).map(|change| change.segment));
        // In every frame, because descriptions may be hours apart.
        let from = now - own.window.as_secs_f64();
        own.ended.retain(|segment| segment.end_s > from);
        if own.last.is_some_and(|last| now - last < own.every.as_secs_f64()) {
            continue;
        }
        own.last = Some(now);
        let within = own.ended.iter().copied().chain(codes.running()).map(|segment| CodeSegment {
            start_s: (segment.start_s - from).max(0.0),
            end_s: segment.end_s - from,
            ..segment
        });
        let within: Vec<CodeSegment> = within.collect();
        let wording = own.language.wording(&words);
        let describer =
            Describer { wording, seed: own.seed, table: codes.table(), ..Describer::default() };
        let texts = describer.describe(&within);
        let same = own.texts.as_ref().is_some_and(|old| {
            (&old.global, &old.groups, &old.interactions)
                == (&texts.global, &texts.groups, &texts.interactions)
        });
        own.texts = Some(texts);
        if !same {
            live.set_changed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KinestAvatar, KinestPlugins, KinestSettings, MotionReplay};
    use bevy::app::PluginsState;
    use bevy::time::TimeUpdateStrategy;
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::skeleton::Skeleton;

    #[test]
    fn what_ended_before_the_window_is_not_kept_until_the_next_description() {
        let mut app = App::new();
        let frame = TimeUpdateStrategy::ManualDuration(Duration::from_micros(16_667));
        app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
            .insert_resource(KinestSettings::inline())
            .insert_resource(frame);
        while app.plugins_state() == PluginsState::Adding {
            std::thread::yield_now();
        }
        app.finish();
        app.cleanup();
        let skeleton = Skeleton::default();
        let walk = MotionReplay::clip(walk_and_wave(&skeleton), skeleton).repeating();
        let window = Duration::from_millis(500);
        let live = LiveDescription { window, every: Duration::MAX, ..default() };
        let avatar = app.world_mut().spawn((KinestAvatar::default(), walk, live)).id();
        let mut any = false;
        for _ in 0..300 {
            app.update();
            let ended = &app.world().get::<LiveDescription>(avatar).unwrap().ended;
            let ends = || ended.iter().map(|segment| segment.end_s);
            let span = ends().fold(f64::MIN, f64::max) - ends().fold(f64::MAX, f64::min);
            assert!(span <= window.as_secs_f64(), "{} codes of {span} s", ended.len());
            any |= !ended.is_empty();
        }
        assert!(any);
    }
}
