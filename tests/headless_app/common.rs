//! An app without a window and with a manual clock, and engines without a network.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::log::tracing_subscriber;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::features::{Axes, FeatureLayout, SixdDecode, WindowAxes};
use bevy_kinest::kinest::live::{EngineError, PoseEngine, StreamEngine, Take};
use bevy_kinest::kinest::model::{Feed, ModelSpec};
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::rotation::exp;
use bevy_kinest::kinest::skeleton::{PerJoint, Pose, Skeleton};
use bevy_kinest::prelude::*;
use glam::{DQuat, DVec3};
use std::f32::consts::FRAC_PI_2;
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::Duration;

pub const WINDOW: usize = 12;
pub const FRAME: Duration = Duration::from_micros(16_667);

pub fn spec() -> ModelSpec {
    let layout = FeatureLayout {
        axes: Axes::Heading,
        decode: SixdDecode::GramSchmidt,
        ..FeatureLayout::default()
    };
    ModelSpec {
        layout,
        rate_hz: 60.0,
        window: WINDOW,
        feed: Feed::Windows,
        skeleton: Skeleton::default(),
    }
}

/// An upright body with the left knee bent by 1 rad.
pub fn bent_knee() -> Pose {
    let mut pose = Pose::rest();
    pose.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(1.0);
    pose
}

/// A body whose joints are all turned smoothly, by amounts that depend on every number of a window.
fn felt(window: &[f32]) -> Pose {
    let mut pose = Pose::rest();
    for (j, rotation) in pose.rotations.iter_mut().enumerate() {
        let angle = |axis: usize| {
            let weight = |i: usize| (0.37 * i as f64 + 1.3 * j as f64 + 2.1 * axis as f64).sin();
            let sum: f64 = window.iter().enumerate().map(|(i, x)| weight(i) * f64::from(*x)).sum();
            0.5 * (4.0 * sum / (window.len() as f64).sqrt()).sin()
        };
        *rotation *= exp(DVec3::new(angle(0), angle(1), angle(2)));
    }
    pose
}

/// Outputs of a network, `[targets]`, that mean `pose`, its root in the axes of the window.
pub fn outputs_of(layout: &FeatureLayout, pose: &Pose) -> Vec<f32> {
    let axes = WindowAxes { heading: 0.0, origin: DVec3::ZERO };
    let mut outputs = vec![];
    layout.write_targets(&pose.matrices(), &axes, &mut outputs);
    outputs
}

/// Makes outputs, `[batch, targets]`, of windows, `[batch, window, inputs]`, and the batch size.
type Infer = dyn FnMut(&[f32], usize) -> Vec<f32> + Send;

/// An engine without a network.
pub struct Fake {
    spec: ModelSpec,
    infer: Box<Infer>,
    streams: Option<Box<dyn StreamEngine + Send>>,
}

impl Fake {
    pub fn new(
        spec: ModelSpec,
        infer: impl FnMut(&[f32], usize) -> Vec<f32> + Send + 'static,
    ) -> Self {
        Self { spec, infer: Box::new(infer), streams: None }
    }

    /// An engine that is fed frame by frame.
    pub fn streaming(spec: ModelSpec, streams: impl StreamEngine + Send + 'static) -> Self {
        let windows = Self::new(spec, |_, _| panic!("it sees no windows"));
        Self { streams: Some(Box::new(streams)), ..windows }
    }

    /// Always outputs [`bent_knee`]. Panics in call `panic_at`.
    pub fn bent_knee(panic_at: usize) -> Self {
        let outputs = outputs_of(&spec().layout, &bent_knee());
        let mut calls = 0;
        Self::new(spec(), move |_, batch| outputs.repeat(batch)).in_each_call(move |_| {
            assert_ne!(calls, panic_at, "the device is lost");
            calls += 1;
        })
    }

    /// Turns every joint smoothly, by amounts that depend on every input.
    pub fn feeling() -> Self {
        let layout = spec().layout;
        Self::new(spec(), move |windows, _| {
            let windows = windows.chunks_exact(WINDOW * layout.inputs());
            windows.flat_map(|window| outputs_of(&layout, &felt(window))).collect()
        })
    }

    /// Calls `act` in each call on windows, on the worker's thread, with the outputs, which it may change.
    pub fn in_each_call(self, mut act: impl FnMut(&mut [f32]) + Send + 'static) -> Self {
        let Self { spec, mut infer, .. } = self;
        Self::new(spec, move |windows, batch| {
            let mut outputs = infer(windows, batch);
            act(&mut outputs);
            outputs
        })
    }
}

impl PoseEngine for Fake {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "test"
    }

    fn output_frames(&self) -> usize {
        self.spec.window
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        let streams = self.streams.as_deref_mut()?;
        Some(streams)
    }

    fn infer(&mut self, windows: &[f32], batch: usize, _: Take) -> Result<Vec<f32>, EngineError> {
        assert_eq!(windows.len(), batch * self.spec.window * self.spec.layout.inputs());
        Ok((self.infer)(windows, batch))
    }
}

/// Changes of source do not fade, so that tests see each source at once.
pub fn app(settings: KinestSettings) -> App {
    let settings = KinestSettings { blend: 0.0, ..settings };
    app_with_assets(settings, Path::new(env!("CARGO_TARGET_TMPDIR")))
}

pub fn app_with_assets(settings: KinestSettings, folder: &Path) -> App {
    let mut app = App::new();
    add_plugins(&mut app, settings, folder);
    finish(&mut app);
    app
}

pub fn add_plugins(app: &mut App, settings: KinestSettings, folder: &Path) {
    app.add_plugins((
        MinimalPlugins,
        TransformPlugin,
        AssetPlugin { file_path: folder.to_str().unwrap().into(), ..default() },
        KinestPlugins,
    ))
    .insert_resource(settings)
    .insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
}

pub fn finish(app: &mut App) {
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
}

/// An avatar with joints and without corrections. The engine panics in call `panic_at`, counting
/// the warm-up.
pub fn avatar(app: &mut App, panic_at: usize) -> Entity {
    let avatar = avatar_of(app, move || Fake::bent_knee(panic_at));
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    avatar
}

/// An avatar with joints and the default corrections.
pub fn avatar_of(app: &mut App, engine: impl Fn() -> Fake + Send + Sync + 'static) -> Entity {
    let model = PoseModel::from_engine(spec(), engine);
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    app.world_mut().spawn((KinestAvatar::new(model), SmplSkeleton::default())).id()
}

/// A synthetic body that walks, stops and waves, repeatedly.
pub struct Walk {
    clip: MotionClip,
    skeleton: Skeleton,
}

impl Walk {
    pub fn new() -> Self {
        Self::of(Skeleton::default())
    }

    /// A body of another size with the same joint rotations; its steps scale with its size.
    pub fn of(skeleton: Skeleton) -> Self {
        let base = Skeleton::default();
        let mut clip = walk_and_wave(&base);
        let scale = skeleton.ankle_height / base.ankle_height;
        clip.frames.iter_mut().for_each(|frame| frame.translation *= scale);
        Self { clip, skeleton }
    }

    /// Moves the trackers to those of a body in a T-pose.
    pub fn stand(&self, app: &mut App, trackers: &[Entity; 3]) {
        let mut pose = Pose::rest();
        let ankle = self.skeleton.pose_joints(&pose).positions[SmplJoint::LeftAnkle.index()].z;
        pose.translation.z = self.skeleton.ankle_height - ankle;
        self.show(app, trackers, &pose);
    }

    pub fn pose(&self, seconds: f64) -> Pose {
        self.clip.pose_at(seconds % self.clip.duration())
    }

    /// Moves the trackers (head, left, right) to their poses at `seconds`.
    pub fn move_trackers(&self, app: &mut App, trackers: &[Entity; 3], seconds: f64) {
        self.show(app, trackers, &self.pose(seconds));
    }

    /// Moves the trackers to those of a body in this pose.
    pub fn show(&self, app: &mut App, trackers: &[Entity; 3], pose: &Pose) {
        let joints = self.skeleton.pose_joints(pose);
        let roles = [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist];
        for (tracker, joint) in trackers.iter().zip(roles) {
            let j = joint.index();
            let rotation = DQuat::from_mat3(&joints.rotations[j]);
            if let Some(mut transform) = app.world_mut().get_mut::<Transform>(*tracker) {
                *transform =
                    Transform::from_translation(engine_from_amass_point(joints.positions[j]))
                        .with_rotation(engine_from_amass_rotation(rotation));
            }
        }
    }
}

/// Positions of all joints in world space.
pub fn joints(app: &App, avatar: Entity) -> PerJoint<Vec3> {
    SmplJoint::ALL.map(|joint| body(app, avatar).joint_transform(joint).translation)
}

/// Largest distance between corresponding joints.
pub fn farthest(a: &PerJoint<Vec3>, b: &PerJoint<Vec3>) -> f32 {
    a.iter().zip(b).map(|(a, b)| a.distance(*b)).fold(0.0, f32::max)
}

pub fn set_frame(app: &mut App, seconds: f64) {
    let duration = Duration::from_secs_f64(seconds);
    app.insert_resource(TimeUpdateStrategy::ManualDuration(duration));
}

pub const NEVER: usize = usize::MAX;
pub const HEAD: Vec3 = Vec3::new(2.0, 1.6, -3.0);

/// Trackers of a player at [`HEAD`] who faces +x, turned left by 90° from +z.
pub fn trackers(app: &mut App) -> [Entity; 3] {
    let turn = Quat::from_rotation_y(FRAC_PI_2);
    let at = |offset: Vec3| Transform::from_translation(HEAD + turn * offset).with_rotation(turn);
    [
        (SparseTracker::HEAD, at(Vec3::ZERO)),
        (SparseTracker::LEFT_HAND, at(Vec3::new(0.5, -0.3, 0.1))),
        (SparseTracker::RIGHT_HAND, at(Vec3::new(-0.5, -0.3, 0.1))),
    ]
    .map(|bundle| app.world_mut().spawn(bundle).id())
}

/// Trackers where [`trackers`] are, of one avatar among several.
pub fn trackers_of(app: &mut App, avatar: Entity) -> [Entity; 3] {
    let trackers = trackers(app);
    for tracker in trackers {
        app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
    }
    trackers
}

pub fn body(app: &App, avatar: Entity) -> &BodyPose {
    app.world().get(avatar).unwrap()
}

pub fn joint_global(app: &App, avatar: Entity, joint: SmplJoint) -> GlobalTransform {
    let skeleton = app.world().get::<SmplSkeleton>(avatar).unwrap();
    *app.world().get(skeleton.joint(joint)).unwrap()
}

pub fn knee_bend(app: &App, avatar: Entity) -> f32 {
    let skeleton = app.world().get::<SmplSkeleton>(avatar).unwrap();
    let knee = app.world().get::<Transform>(skeleton.joint(SmplJoint::LeftKnee)).unwrap();
    knee.rotation.angle_between(Quat::IDENTITY)
}

/// What all tests of this program have logged.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on.
pub fn start_log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false).init();
    });
}

/// The lines that mention `word`.
pub fn logged(word: &str) -> Vec<String> {
    let log = LOG.lock().unwrap();
    String::from_utf8_lossy(&log).lines().filter(|l| l.contains(word)).map(str::to_owned).collect()
}

/// Events triggered since they were last taken.
#[derive(Resource)]
struct Heard<E>(Vec<E>);

/// Listens to the events of a kind, on any entity, for [`heard`].
pub fn listen<E: EntityEvent + Clone>(app: &mut App) {
    app.insert_resource(Heard::<E>(vec![]))
        .add_observer(|event: On<E>, mut heard: ResMut<Heard<E>>| heard.0.push(event.clone()));
}

/// The events triggered since the last call.
pub fn heard<E: EntityEvent>(app: &mut App) -> Vec<E> {
    std::mem::take(&mut app.world_mut().resource_mut::<Heard<E>>().0)
}

pub fn messages<M: Message + Clone>(app: &App) -> Vec<M> {
    let messages = app.world().resource::<Messages<M>>();
    messages.get_cursor().read(messages).cloned().collect()
}

/// Runs the app until `done`, since the worker takes an unknown time.
pub fn update_until(app: &mut App, mut done: impl FnMut(&App) -> bool) {
    let start = std::time::Instant::now();
    while !done(app) {
        assert!(start.elapsed() < Duration::from_secs(30), "it never happens");
        app.update();
        std::thread::yield_now();
    }
}
