//! Text-driven motion of avatars.

use crate::replay::MotionReplay;
use bevy::prelude::*;
use crossbeam_channel::{Receiver, Sender, unbounded};
use kinest::motion::MotionClip;
use kinest::skeleton::{Group, Skeleton};
use kinest::tracker::TrackerRole;
use kinest_language::generate::{GenerateError, Generated, Generator, Report, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// A text that an avatar acts out. Lives on a [`KinestAvatar`](crate::KinestAvatar): while the
/// [`MotionGenerator`] makes the motion, the avatar has a [`MakingMotion`]; then a [`MotionReplay`]
/// plays it and [`MotionMade`] is triggered, or [`NoMotion`] with the reason. A changed text
/// restarts the generation; removing the component cancels it.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use bevy_kinest::{MotionGenerator, Say};
/// # fn spawn(mut commands: Commands) {
/// commands.insert_resource(MotionGenerator::synthetic());
/// commands.spawn((KinestAvatar::default(), Say::new("a person walks forward and waves")));
/// # }
/// ```
#[derive(Component, Clone, Debug, Default, PartialEq, Reflect)]
#[reflect(Component, Default, Clone)]
pub struct Say {
    /// Text for the whole body; may be empty if a group has a text.
    pub text: String,
    /// Texts of the groups, in the order of [`Group::ALL`], which add to or override the motion
    /// that follows from the whole-body text; empty for none.
    pub groups: [String; 6],
    /// Duration of the motion, seconds; by default that of the requested acts.
    pub seconds: Option<f64>,
    /// 0 selects the best match, another number another match.
    pub seed: u64,
}

impl Say {
    /// A text for the whole body.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Adds a text for a group.
    #[must_use]
    pub fn group(mut self, group: Group, text: impl Into<String>) -> Self {
        self.groups[group.index()] = text.into();
        self
    }

    fn request(&self) -> Request {
        let groups = Group::ALL.into_iter().zip(self.groups.iter().cloned());
        Request {
            text: self.text.clone(),
            groups: groups.filter(|(_, text)| !text.trim().is_empty()).collect(),
            seconds: self.seconds,
            seed: self.seed,
        }
    }
}

/// On an avatar while its motion is being made. Removing the component cancels.
#[derive(Component, Debug, Reflect)]
#[reflect(Component, from_reflect = false)]
pub struct MakingMotion {
    number: u64,
    #[reflect(ignore)]
    state: Arc<State>,
}

impl MakingMotion {
    /// The progress, 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f32 {
        f32::from_bits(self.state.progress.load(Ordering::Relaxed))
    }
}

impl Drop for MakingMotion {
    fn drop(&mut self) {
        self.state.cancelled.store(true, Ordering::Relaxed);
    }
}

/// State shared by the thread and the component.
#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    /// Bits of the progress, an `f32`.
    progress: AtomicU32,
}

/// Triggered on an avatar when the motion of its [`Say`] is made and begins to play.
#[derive(EntityEvent, Clone, Debug, Reflect)]
#[reflect(Event, from_reflect = false)]
pub struct MotionMade {
    /// The avatar.
    pub entity: Entity,
    /// The motion.
    #[reflect(ignore)]
    pub clip: Arc<MotionClip>,
    /// The sources of the motion, and whether it shows the requested acts.
    #[reflect(ignore)]
    pub report: Arc<Report>,
}

/// Triggered on an avatar when no motion could be made for its [`Say`].
#[derive(EntityEvent, Clone, Debug, Reflect)]
#[reflect(Event, from_reflect = false)]
pub struct NoMotion {
    /// The avatar.
    pub entity: Entity,
    /// The reason.
    #[reflect(ignore)]
    pub error: Arc<GenerateError>,
}

struct Job {
    entity: Entity,
    number: u64,
    request: Request,
    state: Arc<State>,
}

struct Answer {
    entity: Entity,
    number: u64,
    made: Result<Generated, GenerateError>,
}

/// Makes motions from text on its own thread, one after another.
#[derive(Resource, Debug)]
pub struct MotionGenerator {
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    skeleton: Skeleton,
    asked: u64,
}

impl MotionGenerator {
    /// A generator with the motions of a library, which is opened on the thread. If that fails,
    /// every [`Say`] fails with the same error. `skeleton` is the body of the motions.
    ///
    /// # Panics
    /// If the system has no thread left.
    #[must_use]
    pub fn open(
        skeleton: Skeleton,
        open: impl Fn() -> Result<Generator, GenerateError> + Send + 'static,
    ) -> Self {
        let (jobs, waiting) = unbounded::<Job>();
        let (done, answers) = unbounded();
        let run = move || {
            let mut generator = None;
            for Job { entity, number, request, state } in waiting {
                // The text was changed in the meantime, perhaps with every key.
                if state.cancelled.load(Ordering::Relaxed) {
                    continue;
                }
                let goes_on = |share: f64| {
                    state.progress.store((share as f32).to_bits(), Ordering::Relaxed);
                    !state.cancelled.load(Ordering::Relaxed)
                };
                let made = match &generator {
                    Some(generator) => Ok(generator),
                    None => open().map(|opened| &*generator.insert(opened)),
                };
                let made = made.and_then(|made| made.generate_while(&request, &goes_on));
                if done.send(Answer { entity, number, made }).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("kinest motion".into());
        thread.spawn(run).expect("the system has a thread left");
        Self { jobs, answers, skeleton, asked: 0 }
    }

    /// A generator with synthetic motion: walking, running, turning, sitting, and gestures.
    ///
    /// # Panics
    /// As [`Self::open`].
    #[must_use]
    pub fn synthetic() -> Self {
        use kinest_language::generate::Repertoire;
        Self::open(Skeleton::default(), || Ok(Generator::new(Repertoire::synthetic(3)?)))
    }
}

/// Submits each new text to the thread.
pub(super) fn ask(
    mut commands: Commands,
    generator: Option<ResMut<MotionGenerator>>,
    texts: Query<(Entity, &Say), Changed<Say>>,
) {
    if texts.is_empty() {
        return;
    }
    let Some(mut generator) = generator else {
        warn_once!("`Say` does nothing without the resource `MotionGenerator`");
        return;
    };
    for (entity, say) in &texts {
        generator.asked += 1;
        let (number, state) = (generator.asked, Arc::<State>::default());
        let request = say.request();
        commands.entity(entity).insert(MakingMotion { number, state: Arc::clone(&state) });
        // The thread lives as long as the resource.
        let _ = generator.jobs.send(Job { entity, number, request, state });
    }
}

/// Plays finished motions.
pub(super) fn receive(
    mut commands: Commands,
    generator: Option<Res<MotionGenerator>>,
    making: Query<(&MakingMotion, Has<Say>)>,
) {
    let Some(generator) = generator else { return };
    for Answer { entity, number, made } in generator.answers.try_iter() {
        // Neither cancelled nor replaced.
        if !making.get(entity).is_ok_and(|(making, says)| making.number == number && says) {
            continue;
        }
        let mut avatar = commands.entity(entity);
        avatar.remove::<MakingMotion>();
        match made {
            Ok(Generated { clip, report }) => {
                let (skeleton, clip) = (generator.skeleton.clone(), Arc::new(clip));
                let replay = MotionReplay::clip((*clip).clone(), skeleton);
                avatar.insert(replay.wearing(TrackerRole::BODY));
                let report = Arc::new(report);
                commands.trigger(MotionMade { entity, clip, report });
            }
            Err(error) => commands.trigger(NoMotion { entity, error: Arc::new(error) }),
        }
    }
}

/// Cancels the generation for a removed text.
pub(super) fn cancel(gone: On<Remove, Say>, mut commands: Commands) {
    if let Ok(mut avatar) = commands.get_entity(gone.event_target()) {
        avatar.try_remove::<MakingMotion>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn what_is_cancelled_before_its_turn_is_not_begun() {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        let generator = MotionGenerator::open(Skeleton::default(), move || {
            count.fetch_add(1, Ordering::Relaxed);
            Err(GenerateError::Empty)
        });
        let ask = |number, is_cancelled| {
            let cancelled = AtomicBool::new(is_cancelled);
            let state = Arc::new(State { cancelled, ..State::default() });
            let request = Say::new("walks").request();
            let job = Job { entity: Entity::PLACEHOLDER, number, request, state };
            generator.jobs.send(job).unwrap();
        };
        (0..100).for_each(|number| ask(number, true));
        ask(100, false);
        let answer = generator.answers.recv().unwrap();
        assert_eq!((answer.number, opened.load(Ordering::Relaxed)), (100, 1));
    }
}
