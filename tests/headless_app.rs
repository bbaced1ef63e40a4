//! The plugins in an app without a window, with a clock that tests turn.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::kinest::features::{FeatureLayout, Frame, SixdDecode, WindowFrame};
use bevy_kinest::kinest::model::{
    Checkpoint, KinestConfig, Mamba2Config, Manifest, ModelSpec, NetworkConfig, Precision,
};
use bevy_kinest::kinest::runtime::{EngineError, PoseEngine, Take};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use burn_flex::{Flex, FlexDevice};
use glam::{DQuat, DVec3};
use std::f32::consts::FRAC_PI_2;
use std::path::Path;
use std::time::Duration;

const WINDOW: usize = 12;
const FRAME: Duration = Duration::from_micros(16_667);

fn spec() -> ModelSpec {
    let layout = FeatureLayout {
        frame: Frame::Heading,
        decode: SixdDecode::GramSchmidt,
        ..FeatureLayout::default()
    };
    ModelSpec { layout, rate_hz: 60.0, window: WINDOW, skeleton: Skeleton::default() }
}

/// Always says: upright, left knee bent by 1 rad. Panics at the call numbered `panic_at`.
struct BentKnee {
    spec: ModelSpec,
    calls: usize,
    panic_at: usize,
}

impl BentKnee {
    fn new(panic_at: usize) -> Self {
        Self { spec: spec(), calls: 0, panic_at }
    }
}

fn bent_knee() -> Pose {
    let mut pose = Pose::rest();
    pose.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(1.0);
    pose
}

impl PoseEngine for BentKnee {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "test"
    }

    fn infer(&mut self, windows: &[f32], batch: usize, _: Take) -> Result<Vec<f32>, EngineError> {
        assert_eq!(windows.len(), batch * WINDOW * self.spec.layout.inputs());
        assert_ne!(self.calls, self.panic_at, "the device is lost");
        self.calls += 1;
        let frame = WindowFrame { heading: 0.0, origin: DVec3::ZERO };
        let mut output = vec![];
        self.spec.layout.write_targets(&bent_knee().matrices(), &frame, &mut output);
        Ok(output.repeat(batch))
    }
}

fn app(settings: KinestSettings) -> App {
    app_with_assets(settings, Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn app_with_assets(settings: KinestSettings, folder: &Path) -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        TransformPlugin,
        AssetPlugin { file_path: folder.to_str().unwrap().into(), ..default() },
        KinestPlugins,
    ))
    .insert_resource(settings)
    .insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
    app
}

/// An avatar with joints; the model panics at its call numbered `panic_at`, warm-up included.
fn avatar(app: &mut App, panic_at: usize) -> Entity {
    let model = PoseModel::from_engine(spec(), move || BentKnee::new(panic_at));
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
    SmplSkeleton::spawn(&mut app.world_mut().commands(), avatar);
    app.world_mut().flush();
    avatar
}

const NEVER: usize = usize::MAX;
const HEAD: Vec3 = Vec3::new(2.0, 1.6, -3.0);

/// Head and hands of a player at [`HEAD`] who faces +x, that is, turned left by 90° from +z.
fn trackers(app: &mut App) -> [Entity; 3] {
    let turn = Quat::from_rotation_y(FRAC_PI_2);
    let at = |offset: Vec3| Transform::from_translation(HEAD + turn * offset).with_rotation(turn);
    [
        (SparseTracker::HEAD, at(Vec3::ZERO)),
        (SparseTracker::LEFT_HAND, at(Vec3::new(0.5, -0.3, 0.1))),
        (SparseTracker::RIGHT_HAND, at(Vec3::new(-0.5, -0.3, 0.1))),
    ]
    .map(|bundle| app.world_mut().spawn(bundle).id())
}

fn body(app: &App, avatar: Entity) -> &BodyPose {
    app.world().get(avatar).unwrap()
}

fn joint_global(app: &App, avatar: Entity, joint: SmplJoint) -> GlobalTransform {
    let skeleton = app.world().get::<SmplSkeleton>(avatar).unwrap();
    *app.world().get(skeleton.joint(joint)).unwrap()
}

fn knee_bend(app: &App, avatar: Entity) -> f32 {
    let skeleton = app.world().get::<SmplSkeleton>(avatar).unwrap();
    let knee = app.world().get::<Transform>(skeleton.joint(SmplJoint::LeftKnee)).unwrap();
    knee.rotation.angle_between(Quat::IDENTITY)
}

fn messages<M: Message + Clone>(app: &App) -> Vec<M> {
    let messages = app.world().resource::<Messages<M>>();
    messages.get_cursor().read(messages).cloned().collect()
}

#[test]
fn rest_under_the_head_until_the_window_is_full_then_the_network_turned_with_the_player() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let [head, ..] = trackers(&mut app);
    for frame in 0..=WINDOW + 3 {
        let moved = HEAD + Vec3::Z * 0.01 * frame as f32;
        app.world_mut().get_mut::<Transform>(head).unwrap().translation = moved;
        app.update();

        let estimated = frame >= WINDOW;
        let source = if estimated { PoseSource::Estimated } else { PoseSource::Rest };
        assert_eq!(body(&app, avatar).source(), source, "frame {frame}");
        assert!(body(&app, avatar).age() < 1e-9, "every frame waits for its own pose");
        assert!((knee_bend(&app, avatar) - f32::from(u8::from(estimated))).abs() < 1e-3);

        let joint = |joint| joint_global(&app, avatar, joint).translation();
        assert!(joint(SmplJoint::Head).distance(moved) < 1e-5, "frame {frame}");
        // Facing +x with y up, the left is -z; the rest pose has the arms out.
        let left = joint(SmplJoint::LeftWrist) - joint(SmplJoint::RightWrist);
        assert!(left.z < -1.0 && left.x.abs() < 0.01 && left.y.abs() < 0.01, "{left}");
        assert!(joint(SmplJoint::LeftAnkle).y < moved.y - 1.0, "feet are below");
        assert!(joint(SmplJoint::LeftFoot).x > joint(SmplJoint::LeftAnkle).x + 0.05 || estimated);
        let from_body = body(&app, avatar).joint(SmplJoint::RightElbow).translation;
        assert!(joint(SmplJoint::RightElbow).distance(from_body) < 1e-5);
    }
    let store = app.world().resource::<DiagnosticsStore>();
    assert!(store.get_measurement(&KinestPlugins::POSE_AGE_MS).is_some());
    assert!(store.get_measurement(&KinestPlugins::INFERENCE_MS).is_some_and(|m| m.value >= 0.0));
}

#[test]
fn the_body_is_where_the_trackers_are_whatever_the_avatars_own_transform() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    trackers(&mut app);
    let odd = Transform::from_xyz(-4.0, 2.0, 7.0)
        .with_rotation(Quat::from_rotation_x(0.8))
        .with_scale(Vec3::splat(2.0));
    app.world_mut().entity_mut(avatar).insert(odd);
    app.update();
    let head = joint_global(&app, avatar, SmplJoint::Head);
    assert!(head.translation().distance(HEAD) < 1e-4);
    assert!((head.scale() - Vec3::ONE).length() < 1e-4);
    let expected = body(&app, avatar).joint(SmplJoint::LeftFoot).translation;
    let foot = joint_global(&app, avatar, SmplJoint::LeftFoot).translation();
    assert!(foot.distance(expected) < 1e-4);
}

/// Trackers are children of a rig that moves in this very frame: no frame of lag.
#[test]
fn a_moving_parent_moves_the_body_in_the_same_frame() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let all = trackers(&mut app);
    let rig = app.world_mut().spawn(Transform::default()).add_children(&all).id();
    for step in 0..4 {
        let offset = Vec3::new(step as f32, 0.0, 0.5);
        app.world_mut().get_mut::<Transform>(rig).unwrap().translation = offset;
        app.update();
        let head = joint_global(&app, avatar, SmplJoint::Head).translation();
        assert!(head.distance(HEAD + offset) < 1e-4, "step {step}: {head}");
    }
}

#[test]
fn a_missing_hand_keeps_the_last_pose_under_the_head_and_no_head_writes_nothing() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    app.update();
    assert_eq!(body(&app, avatar).time(), None);
    let [head, left, _] = trackers(&mut app);
    (0..=WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);

    app.world_mut().despawn(left);
    app.world_mut().get_mut::<Transform>(head).unwrap().translation.y += 0.2;
    app.update();
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!((body(&app, avatar).age() - FRAME.as_secs_f64()).abs() < 1e-6);
    let now = joint_global(&app, avatar, SmplJoint::Head).translation();
    assert!(now.distance(HEAD + Vec3::Y * 0.2) < 1e-4);

    let before = *body(&app, avatar).pose();
    app.world_mut().despawn(head);
    app.update();
    assert_eq!(*body(&app, avatar).pose(), before);
}

#[test]
fn a_tracker_that_is_not_a_pose_is_refused_and_nothing_breaks() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let [head, left, _] = trackers(&mut app);
    (0..=WINDOW).for_each(|_| app.update());
    for tracker in [left, head] {
        app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.x = f32::NAN;
        app.update();
        assert!(body(&app, avatar).pose().is_finite());
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    }
}

#[test]
fn each_avatar_follows_its_own_trackers_and_a_reset_starts_again() {
    let mut app = app(KinestSettings::inline());
    let avatars = [avatar(&mut app, NEVER), avatar(&mut app, NEVER)];
    for (i, avatar) in avatars.into_iter().enumerate() {
        for tracker in trackers(&mut app) {
            app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
            app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.x += i as f32;
        }
    }
    (0..=WINDOW).for_each(|_| app.update());
    for (i, avatar) in avatars.into_iter().enumerate() {
        let head = joint_global(&app, avatar, SmplJoint::Head).translation();
        assert!(head.distance(HEAD + Vec3::X * i as f32) < 1e-4);
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    }
    app.world_mut().trigger(ResetAvatar { entity: avatars[0] });
    app.update();
    assert_eq!(body(&app, avatars[0]).source(), PoseSource::Rest);
    assert_eq!(body(&app, avatars[1]).source(), PoseSource::Estimated);
    (0..WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatars[0]).source(), PoseSource::Estimated);
}

#[test]
fn a_paused_clock_changes_nothing() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    trackers(&mut app);
    (0..=WINDOW).for_each(|_| app.update());
    let time = body(&app, avatar).time();
    app.world_mut().resource_mut::<Time<Virtual>>().pause();
    (0..3).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).time(), time);
}

/// Runs the app until `done`, as a worker answers when it likes.
fn update_until(app: &mut App, mut done: impl FnMut(&App) -> bool) {
    let start = std::time::Instant::now();
    while !done(app) {
        assert!(start.elapsed() < Duration::from_secs(30), "it never happens");
        app.update();
        std::thread::yield_now();
    }
}

#[test]
fn a_worker_that_panics_leaves_the_last_pose_and_a_running_game() {
    let mut app = app(KinestSettings::default());
    // The warm-up is call 0, the first pose call 1.
    let avatar = avatar(&mut app, 2);
    trackers(&mut app);
    let mut ready = false;
    let mut reasons = vec![];
    update_until(&mut app, |app| {
        ready |= messages::<KinestReady>(app).iter().any(|message| message.device == "test");
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        !reasons.is_empty()
    });
    assert!(ready);
    assert!(reasons[0].contains("the device is lost"), "{reasons:?}");
    let moved = HEAD + Vec3::Y * 0.3;
    let head = app
        .world_mut()
        .query::<(Entity, &SparseTracker)>()
        .iter(app.world())
        .find_map(|(entity, tracker)| (*tracker == SparseTracker::HEAD).then_some(entity));
    app.world_mut().get_mut::<Transform>(head.unwrap()).unwrap().translation = moved;
    (0..20).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!((knee_bend(&app, avatar) - 1.0).abs() < 1e-3, "the last good pose");
    let now = joint_global(&app, avatar, SmplJoint::Head).translation();
    assert!(now.distance(moved) < 1e-4, "under the newest head");
    assert!(body(&app, avatar).age() > 0.3);
}

/// A checkpoint through the asset server, on the CPU; and the same with weights that are not its own.
#[test]
fn a_checkpoint_is_loaded_and_checked() {
    let scan = Mamba2Config { state: 4, taps: 4, expand: 2, head_width: 16, chunk: 4 };
    let config = NetworkConfig::Kinest(KinestConfig {
        window: WINDOW,
        width: 32,
        temporal_blocks: 1,
        kinematic_blocks: 1,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { head_width: 8, ..scan },
        joint_width: 16,
        attention_heads: 2,
        feed_forward: 64,
        fan_hidden: 32,
        ..KinestConfig::default()
    });
    let network = config.init::<Flex>(&FlexDevice).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoint =
        Checkpoint::new(Manifest::new(config, spec()), &network, Precision::F16).unwrap();
    checkpoint.save(&folder.path().join("good.model.ron")).unwrap();
    checkpoint.save(&folder.path().join("bad.model.ron")).unwrap();
    let mut weights = std::fs::read(folder.path().join("bad.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path().join("bad.safetensors"), weights).unwrap();

    let mut app = app_with_assets(KinestSettings::inline(), folder.path());
    let server = app.world().resource::<AssetServer>();
    let [good, bad] = ["good.model.ron", "bad.model.ron"].map(|path| server.load(path));
    let [good, bad] = [good, bad].map(|model| {
        let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
        for tracker in trackers(&mut app) {
            app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
        }
        avatar
    });
    let (mut devices, mut reasons) = (vec![], vec![]);
    update_until(&mut app, |app| {
        devices.extend(messages::<KinestReady>(app).into_iter().map(|ready| ready.device));
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        body(app, good).source() == PoseSource::Estimated && !reasons.is_empty()
    });
    assert_eq!(devices[0], "cpu");
    assert!(body(&app, good).pose().is_finite());
    let head = body(&app, good).joint(SmplJoint::Head).translation;
    assert!(head.distance(HEAD) < 1e-5);
    assert!(reasons[0].contains("bad.") && reasons[0].contains("SHA-256"), "{reasons:?}");
    assert_eq!(body(&app, bad).source(), PoseSource::Rest);
}

/// A file that is not there: one message, rest pose, no panic.
#[test]
fn a_model_that_cannot_be_loaded_leaves_the_rest_pose() {
    let mut app = app(KinestSettings::inline());
    let model = app.world().resource::<AssetServer>().load("no_such.model.ron");
    let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
    trackers(&mut app);
    let mut reasons = vec![];
    update_until(&mut app, |app| {
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        !reasons.is_empty()
    });
    assert!(reasons[0].contains("no_such.model.ron"), "{reasons:?}");
    (0..=2 * WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Rest);
    let head = body(&app, avatar).joint(SmplJoint::Head).translation;
    assert!(head.distance(HEAD) < 1e-5);
}
