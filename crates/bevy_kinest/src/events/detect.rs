//! Detects codes and gestures of bodies.

use super::EVENTS_MS;
use super::event::{MotionEvent, MotionEvents};
use super::files::{CodeFile, GestureFile};
use super::state::MotionState;
use crate::body::BodyPose;
use crate::frame::Clock;
use bevy::diagnostic::Diagnostics;
use bevy::ecs::system::SystemParam;
use bevy::platform::collections::HashSet;
use bevy::prelude::*;
use kinest::events::{self, CodeTracker, EventDetector, GestureBook};
use kinest::live::PoseSource;
use kinest::skeleton::Skeleton;
use std::sync::Arc;
use std::time::Instant;

/// The files of gestures and thresholds.
#[derive(SystemParam)]
pub(crate) struct EventFiles<'w, 's> {
    gestures: Res<'w, Assets<GestureFile>>,
    codes: Res<'w, Assets<CodeFile>>,
    new_gestures: MessageReader<'w, 's, AssetEvent<GestureFile>>,
    new_codes: MessageReader<'w, 's, AssetEvent<CodeFile>>,
}

impl EventFiles<'_, '_> {
    /// The files that were loaded or changed since the last call.
    fn changed(&mut self) -> (HashSet<AssetId<GestureFile>>, HashSet<AssetId<CodeFile>>) {
        (ids(&mut self.new_gestures), ids(&mut self.new_codes))
    }

    /// The requested gestures, as far as they are loaded.
    fn book(&self, wanted: &MotionEvents) -> GestureBook {
        let first = if wanted.shipped { GestureBook::default() } else { GestureBook::empty() };
        let loaded = wanted.gestures.iter().filter_map(|file| self.gestures.get(file));
        loaded.fold(first, |book, GestureFile(more)| book.with(more.clone()))
    }

    /// A detector for bodies with this skeleton.
    fn detector(
        &self,
        wanted: &MotionEvents,
        skeleton: &Skeleton,
    ) -> Result<EventDetector, events::CodeError> {
        let loaded = wanted.codes.as_ref().and_then(|file| self.codes.get(file));
        let table = loaded.map(|CodeFile(table)| Arc::clone(table)).unwrap_or_default();
        Ok(EventDetector::new(CodeTracker::new(table, skeleton)?, &self.book(wanted)))
    }
}

fn ids<A: Asset>(events: &mut MessageReader<AssetEvent<A>>) -> HashSet<AssetId<A>> {
    let changed = events.read().filter_map(|event| match event {
        AssetEvent::Added { id } | AssetEvent::Modified { id } => Some(*id),
        _ => None,
    });
    changed.collect()
}

/// Passes each body to its detector and emits the events.
pub(crate) fn detect(
    clock: Clock,
    mut files: EventFiles,
    mut bodies: Query<(NameOrEntity, &BodyPose, Ref<MotionEvents>, &mut MotionState)>,
    mut commands: Commands,
    mut messages: MessageWriter<MotionEvent>,
    mut diagnostics: Diagnostics,
) {
    let now = clock.now().as_secs_f64();
    let (new_gestures, new_codes) = files.changed();
    let start = Instant::now();
    for (name, body, wanted, mut state) in &mut bodies {
        let state = &mut *state;
        state.fresh = false;
        let mut tell = |state: &mut MotionState, found: &[events::MotionEvent]| {
            for event in found {
                state.follow(event);
                let events::MotionEvent { kind, group, phase, intensity, speed, at } =
                    event.clone();
                let avatar = name.entity;
                let event = MotionEvent { avatar, group, kind, phase, intensity, speed, at };
                messages.write(event.clone());
                commands.trigger(event);
            }
        };
        let other_codes = wanted.codes.as_ref().is_some_and(|file| new_codes.contains(&file.id()));
        let other_gestures = wanted.gestures.iter().any(|file| new_gestures.contains(&file.id()));
        let other = wanted.is_changed() || other_codes || state.skeleton != body.skeleton;
        if other || state.detector.is_none() {
            if let Some(mut detector) = state.detector.take() {
                tell(state, detector.finish());
            }
            state.skeleton = body.skeleton.clone();
            match files.detector(&wanted, &state.skeleton) {
                Ok(detector) => (state.detector, state.warned) = (Some(detector), false),
                Err(error) if !state.warned => {
                    warn!("{name}: what it does cannot be told: {error}");
                    state.warned = true;
                }
                Err(_) => {}
            }
        }
        let Some(mut detector) = state.detector.take() else { continue };
        if other_gestures && !other {
            tell(state, detector.set_gestures(&files.book(&wanted)));
        }
        // A frozen body or a rest pose is not the player's motion.
        let moves = !matches!(body.source(), PoseSource::Frozen | PoseSource::RestPose);
        if body.time().is_some() && moves {
            // While the clock is stopped, there is no new frame.
            if let Ok(found) = detector.push(now, body.joints_z_up()) {
                tell(state, found);
                (state.fresh, state.newest) = (true, now);
            }
        } else if now - state.newest > detector.codes().table().gap_s {
            tell(state, detector.finish());
        }
        state.detector = Some(detector);
    }
    if !bodies.is_empty() {
        diagnostics.add_measurement(&EVENTS_MS, || 1e3 * start.elapsed().as_secs_f64());
    }
}
