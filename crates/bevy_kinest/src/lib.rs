//! The whole body of a player from head and hands, live, in Bevy.
//!
//! Three words to begin with:
//!
//! * A **tracker** ([`SparseTracker`]) is an entity that is where the player's head or a hand is: a headset, a
//!   controller, anything that moves.
//! * An **avatar** ([`KinestAvatar`]) turns its trackers into a body, sixty and more times a second, with a
//!   network that runs on a thread of its own.
//! * The **body** ([`BodyPose`]) is there in every frame. [`SmplSkeleton`] hands it to joint entities,
//!   [`KinestRig`] to the bones of a glTF character. It is placed from the head tracker as it is in the very
//!   frame that is drawn, so the player's view never lags behind the network.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn main() -> AppExit {
//!     App::new()
//!         .add_plugins((DefaultPlugins, KinestPlugins))
//!         .add_systems(Startup, spawn_player)
//!         .add_systems(Update, (wave, report))
//!         .run()
//! }
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let model = assets.load("models/kinest_stream.model.ron");
//!     let avatar = commands.spawn(KinestAvatar::new(model)).id();
//!     SmplSkeleton::spawn(&mut commands, avatar);
//!     // Poses of joints: the head's and the wrists', in metres. The player faces +z here.
//!     commands.spawn((SparseTracker::HEAD, TrackerOf(avatar), Transform::from_xyz(0.0, 1.6, 0.0)));
//!     for (hand, side) in [(SparseTracker::LEFT_HAND, 1.0), (SparseTracker::RIGHT_HAND, -1.0)] {
//!         commands.spawn((hand, TrackerOf(avatar), Transform::from_xyz(0.4 * side, 1.1, 0.3)));
//!     }
//! }
//!
//! fn wave(time: Res<Time>, mut hands: Query<(&SparseTracker, &mut Transform)>) {
//!     for (tracker, mut transform) in &mut hands {
//!         if tracker.role == TrackerRole::RightHand {
//!             transform.translation.y = 1.4 + 0.2 * (5.0 * time.elapsed_secs()).sin();
//!         }
//!     }
//! }
//!
//! fn report(bodies: Query<&BodyPose>) {
//!     for body in &bodies {
//!         let knee = body.joint(SmplJoint::LeftKnee).translation;
//!         info!("{:?}, {:.0} ms old: left knee at {knee}", body.source(), 1e3 * body.age());
//!     }
//! }
//! ```
//!
//! The model is in the repository of this crate, `assets/models/kinest_stream.*`: copy both files. The
//! examples there (`minimal`, `retarget`, `many_avatars`, `dropouts`, `headset_replay`, `amass_replay`) need no headset.
//!
//! * [What to expect](#what-to-expect)
//! * [Plugins](#plugins), [what is what](#what-is-what), [order of a frame](#order-of-a-frame),
//!   [features](#features), [versions](#versions)
//! * How to [move trackers](#move-trackers), [teleport, ride and walk by stick](#teleport-ride-walk-by-stick),
//!   [measure players](#measure-players), [move characters](#move-characters), [refine](#refine),
//!   [deal with dropouts](#deal-with-dropouts), [see what happens](#see-what-happens),
//!   [record and replay](#record-and-replay), [test](#test-a-game-with-bodies),
//!   [change models](#change-models), [choose devices](#choose-devices)
//! * [Questions](#questions)
//!
//! # What to expect
//!
//! * Trackers are read in `PostUpdate`, from `Transform`s and parents of this very frame, so move them before
//!   that. They may come at any rate, and hitch.
//! * The network runs at its own rate. Frames show the moment it has come to, interpolated, under the head of
//!   this very frame ([`BodyPose::age`] says how far behind that is). [`KinestRefine`] then smooths, puts head
//!   and hands exactly at the trackers and keeps feet on the floor.
//! * Until the trackers have been seen for as long as the network needs (two frames for `kinest_stream`, a
//!   window of 40 for `kinest_small`) and it has answered, a body is made of the trackers alone by inverse
//!   kinematics: [`PoseSource::Rest`]. So it is with no model or a broken one. [`KinestReady`] and [`KinestFailed`] tell.
//! * A hand that is lost is held, then becomes the network's; a body without a head freezes, then rests. What is
//!   found again is gone back to without a jump.
//! * If an engine fails, panics included, another one is opened while the last pose is kept
//!   ([`KinestFellBack`]). A model file that changes takes over when it is ready.
//! * Nothing on the main thread waits for the network, unless [`KinestSettings::inline`] asks for it.
//!
//! # Plugins
//!
//! | plugin | in | what it does |
//! |---|---|---|
//! | [`KinestPosePlugin`] | [`KinestPlugins`] | loads models, reads trackers, runs networks, refines, writes [`BodyPose`] |
//! | [`KinestSkeletonPlugin`] | [`KinestPlugins`] | writes bodies to the joint entities of [`SmplSkeleton`] |
//! | [`KinestRigPlugin`] | [`KinestPlugins`] | finds the bones of each [`KinestRig`] and moves them |
//! | [`KinestReplayPlugin`] | [`KinestPlugins`] | moves trackers as a [`MotionReplay`] says, runs [`TrackerRecorder`]s |
//! | [`KinestGizmoPlugin`] | – | draws bones, trackers, dropouts, standing feet, errors |
//! | [`KinestPanelPlugin`] | – | a window that shows how avatars are doing, and changes it |
//! | [`KinestOpenXrPlugin`] | – | moves trackers as a headset and its controllers move |
//!
//! The last three are added by hand. What a game does not need is left out with
//! `KinestPlugins.build().disable::<KinestReplayPlugin>()`.
//!
//! # What is what
//!
//! | task | components and assets | resources | messages and events |
//! |---|---|---|---|
//! | a body | [`KinestAvatar`], [`BodyPose`], [`PoseModel`] | [`KinestSettings`] | [`PoseUpdated`], [`ResetAvatar`] |
//! | trackers | [`SparseTracker`], [`TrackerOf`], [`Trackers`], [`TrackerValidity`] | | [`TrackingLost`], [`TrackingRegained`] |
//! | a headset's trackers | [`openxr`](#features): `OpenXrPlayer`, `OpenXrDevice`, `BodyTracker` | `OpenXrPoses` | |
//! | where the player is | [`TrackingSpace`] | | [`Teleport`] |
//! | how big the player is | [`PlayerCalibration`] | | [`Recalibrate`], [`KinestCalibrated`], [`CalibrationFailed`] |
//! | showing it | [`SmplSkeleton`], [`KinestRig`], [`RigFile`], [`RigBones`] | | [`RigBound`], [`RigFailed`] |
//! | making it believable | [`KinestRefine`] | | |
//! | how it is doing | [`AvatarStatus`] | [`KinestModels`] | [`KinestReady`], [`KinestFellBack`], [`KinestFailed`] |
//! | replay and recording | [`MotionReplay`], [`TrackerRecorder`] | | |
//! | seeing it | | [`KinestGizmos`] (a gizmo group), [`KinestPanel`] | |
//!
//! [`PoseUpdated`], [`ResetAvatar`] and [`Teleport`] are entity events, triggered on avatars and observed;
//! the others in the last column are messages.
//!
//! # Order of a frame
//!
//! [`KinestSystems`] are chained in `PostUpdate`, after [`AnimationSystems`](bevy::app::AnimationSystems)
//! and before [`TransformSystems::Propagate`](bevy::transform::TransformSystems::Propagate).
//!
//! | set | what it does | your own systems |
//! |---|---|---|
//! | | | whatever moves trackers: before, in `Update` or in `PostUpdate` `.before(KinestSystems::Sample)` |
//! | [`Sample`](KinestSystems::Sample) | reads trackers | |
//! | [`Infer`](KinestSystems::Infer) | hands windows to the networks | |
//! | [`Apply`](KinestSystems::Apply) | writes [`BodyPose`] under the newest head | |
//! | [`Refine`](KinestSystems::Refine) | corrects it | changes of [`BodyPose`]: after it and before the next; observers of [`PoseUpdated`] run then |
//! | [`Writeback`](KinestSystems::Writeback) | moves joint entities and bones | what looks at joint entities and bones: after it |
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | (always) | inference on the CPU |
//! | `gizmos` (default) | [`KinestGizmoPlugin`] |
//! | `openxr` | [`KinestOpenXrPlugin`], with bevy_mod_openxr; needs no system package, and a runtime only where there is a headset |
//! | `panel` | [`KinestPanelPlugin`], with bevy_egui |
//! | `wgpu` | inference on any GPU with Vulkan, Metal or DirectX 12 |
//! | `cuda` | inference on NVIDIA GPUs; needs the CUDA run-time libraries and headers (`CUDA_PATH`) on the machine it runs on |
//! | `wayland` | Bevy's windows on Wayland; needs its development package. Bevy's default features have it already |
//!
//! All are additive. Bevy is used without its default features: games say which they want.
//!
//! # Versions
//!
//! | bevy_kinest | Bevy | Burn | bevy_egui | bevy_mod_openxr | Rust |
//! |---|---|---|---|---|---|
//! | 0.1 | 0.19 | 0.21 | 0.42 | 0.6 | 1.95 |
//!
//! # Move trackers
//!
//! [`KinestOpenXrPlugin`] moves the trackers of whoever wears a headset. Any other entity can be one:
//!
//! A tracker stands for the pose of the joint it is worn at; [`SparseTracker::held`] says where that is on a
//! device. A joint's axes are x to the player's left, y up, z to the front, in the pose with arms stretched
//! out. A device that is not tracked says so in [`TrackerValidity`].
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use std::f32::consts::PI;
//!
//! # #[derive(Resource)]
//! # struct Runtime;
//! # impl Runtime {
//! #     fn hand(&self, _: TrackerRole) -> Option<Transform> { None }
//! # }
//! fn spawn_trackers(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     // A camera looks along −z, and the head joint is behind and below the eyes.
//!     let eyes = Transform::from_xyz(0.0, -0.08, 0.1).with_rotation(Quat::from_rotation_y(PI));
//!     commands.spawn((Camera3d::default(), SparseTracker::HEAD.held(eyes), TrackerOf(*avatar)));
//!     for hand in [SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
//!         commands.spawn((hand, TrackerOf(*avatar)));
//!     }
//! }
//!
//! /// Whatever knows where the controllers are.
//! fn follow_hands(
//!     runtime: Res<Runtime>,
//!     mut hands: Query<(&SparseTracker, &mut Transform, &mut TrackerValidity), Without<Camera>>,
//! ) {
//!     for (tracker, mut transform, mut validity) in &mut hands {
//!         let hand = runtime.hand(tracker.role);
//!         validity.tracked = hand.is_some();
//!         *transform = hand.unwrap_or(*transform);
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(spawn_trackers);
//! # bevy::ecs::system::assert_is_system(follow_hands);
//! ```
//!
//! # Teleport, ride, walk by stick
//!
//! Give the avatar a [`TrackingSpace`] and make the trackers its children: then moving that one entity moves
//! the player, and it does not look like steps. Its origin is on the floor the player stands on.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let model = assets.load("models/kinest_stream.model.ron");
//!     let vehicle = commands.spawn(Transform::from_xyz(10.0, 2.0, 0.0)).id();
//!     let avatar = commands.spawn((KinestAvatar::new(model), TrackingSpace(vehicle))).id();
//!     for tracker in [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
//!         commands.spawn((tracker, TrackerOf(avatar), ChildOf(vehicle)));
//!     }
//! }
//!
//! /// Without such a space: say that what trackers did in this frame was no motion of the body.
//! fn respawn(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     commands.trigger(Teleport { entity: *avatar });
//! }
//! # bevy::ecs::system::assert_is_system(spawn_player);
//! # bevy::ecs::system::assert_is_system(respawn);
//! ```
//!
//! Jumps that no body makes are taken for teleports in any case. [`ResetAvatar`] is for another player.
//!
//! # Measure players
//!
//! The network has seen one size of body. [`Recalibrate`] measures the player, and the body is shown in the
//! player's size from then on.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use bevy_kinest::{CalibrationFailed, KinestCalibrated};
//!
//! fn ask(
//!     keys: Res<ButtonInput<KeyCode>>,
//!     avatar: Single<Entity, With<KinestAvatar>>,
//!     mut recalibrate: MessageWriter<Recalibrate>,
//! ) {
//!     if keys.just_pressed(KeyCode::KeyC) {
//!         // Upright for a second, both arms stretched out to the sides, palms down.
//!         recalibrate.write(Recalibrate { avatar: *avatar, method: CalibrationMethod::TPose });
//!     }
//! }
//!
//! fn keep(
//!     mut measured: MessageReader<KinestCalibrated>,
//!     mut failed: MessageReader<CalibrationFailed>,
//! ) -> Result {
//!     for KinestCalibrated { calibration, .. } in measured.read() {
//!         calibration.save("player.ron".as_ref())?;
//!     }
//!     for CalibrationFailed { reason, .. } in failed.read() {
//!         warn!("please try again: {reason}");
//!     }
//!     Ok(())
//! }
//! # bevy::ecs::system::assert_is_system(ask);
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(keep);
//! ```
//!
//! The next time, put what [`Calibration::load`](kinest::calibration::Calibration::load) reads into a
//! [`PlayerCalibration`]. [`CalibrationMethod::Height`] believes what the player says,
//! [`CalibrationMethod::Motion`] watches.
//!
//! # Move characters
//!
//! [`KinestRig`] goes beside the scene of any glTF humanoid, Mixamo and VRM (renamed to `.glb`) among them.
//! Bones are found by their names, their shape and what a VRM file says; [`RigBound`] tells which, how sure
//! that is, and why.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let scene = GltfAssetLabel::Scene(0).from_asset("rigs/mannequin.glb");
//!     commands.spawn((
//!         KinestAvatar::new(assets.load("models/kinest_stream.model.ron")),
//!         WorldAssetRoot(assets.load(scene)),
//!         KinestRig::default(),
//!     ));
//! }
//!
//! fn report(mut bound: MessageReader<RigBound>, mut failed: MessageReader<RigFailed>) {
//!     for RigBound { report, confidence, .. } in bound.read() {
//!         info!("least sure: {confidence:.2}\n{report}");
//!     }
//!     for RigFailed { reason, .. } in failed.read() {
//!         error!("{reason}");
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(spawn_player);
//! # bevy::ecs::system::assert_is_system(report);
//! ```
//!
//! What is found wrong is put right by a `*.rig.ron` ([`RigOverride`](kinest::rig::RigOverride)) in
//! [`KinestRig::file`]. [`KinestRig::fit`] says whether the character is scaled to the player, and what is
//! in the same place. A rig on an entity of its own names its avatar, so that one body may move several.
//!
//! # Refine
//!
//! [`KinestRefine`] is on every avatar, switched on; each part can be switched off and set while a game
//! runs.
//!
//! | | what it does | what it costs |
//! |---|---|---|
//! | `smooth` | joints tremble less ([`OneEuro`](kinest::refine::OneEuro)) | 53 ms of lag at rest, 27 ms at 3 rad/s, of what has no tracker |
//! | `ground` | bodies that hang in the air without falling stand | nothing, as long as the network is right |
//! | `place_trackers` | head and hands exactly at the trackers, dropouts bridged | bends arms as needed, and turns the chest for hands that arms do not reach |
//! | `lock_feet` | feet on the floor, and still while they carry weight | bends legs as needed |
//!
//! Changes of your own go after it:
//!
//! ```
//! use bevy::math::DQuat;
//! use bevy::prelude::*;
//! use bevy_kinest::kinest::refine::Floor;
//! use bevy_kinest::prelude::*;
//!
//! fn plugin(app: &mut App) {
//!     app.add_systems(
//!         PostUpdate,
//!         bow.after(KinestSystems::Refine).before(KinestSystems::Writeback),
//!     );
//!     app.add_systems(Update, find_floor);
//! }
//!
//! /// Local rotations are in the joints' axes.
//! fn bow(mut bodies: Query<&mut BodyPose>) {
//!     for mut body in &mut bodies {
//!         let mut pose = *body.pose();
//!         pose.rotations[SmplJoint::Spine1.index()] *= DQuat::from_rotation_x(0.2);
//!         body.set_pose(pose);
//!     }
//! }
//!
//! /// For trackers whose zero is anywhere.
//! fn find_floor(mut avatars: Query<&mut KinestRefine, Added<KinestAvatar>>) {
//!     for mut refine in &mut avatars {
//!         refine.feet.floor = Floor::Estimated;
//!     }
//! }
//! # App::new().add_plugins(plugin);
//! ```
//!
//! # Deal with dropouts
//!
//! A lost hand is held for a quarter of a second, then relaxes into the network's; a body whose head is lost
//! freezes for a second and then rests. [`KinestSettings::dropout`] has these times. [`BodyPose::confidence`]
//! tells what is known of each joint, so that a game can hide what is guessed.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use bevy_kinest::{TrackingLost, TrackingRegained};
//!
//! fn patience(mut settings: ResMut<KinestSettings>) {
//!     settings.dropout.hold = 0.5;
//! }
//!
//! fn tell(mut lost: MessageReader<TrackingLost>, mut regained: MessageReader<TrackingRegained>) {
//!     for TrackingLost { role, reason, .. } in lost.read() {
//!         info!("{role:?} is lost: {reason:?}");
//!     }
//!     for TrackingRegained { role, after, .. } in regained.read() {
//!         info!("{role:?} is back after {after:.1} s");
//!     }
//! }
//!
//! fn fade_arm(bodies: Query<&BodyPose>) {
//!     for body in &bodies {
//!         let alpha = body.confidence(SmplJoint::LeftWrist);
//!         // … of the arm's material.
//!         # let _ = alpha;
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(patience);
//! # bevy::ecs::system::assert_is_system(tell);
//! # bevy::ecs::system::assert_is_system(fade_arm);
//! ```
//!
//! # See what happens
//!
//! Add [`KinestGizmoPlugin`] to draw bodies from green (sure) to red (guessed), trackers and what is lost;
//! [`KinestGizmos`] chooses. [`KinestPanelPlugin`] is a window with everything that can be known of an
//! avatar and changed; its documentation has a program. Figures are Bevy diagnostics too: [`KinestPlugins`]
//! has their paths.
//!
//! ```
//! use bevy::diagnostic::DiagnosticsStore;
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn report(diagnostics: Res<DiagnosticsStore>) {
//!     let age = diagnostics.get(&KinestPlugins::POSE_AGE_MS).and_then(|d| d.smoothed());
//!     if let Some(age) = age {
//!         info!("bodies are {age:.0} ms behind their trackers");
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(report);
//! ```
//!
//! # Record and replay
//!
//! [`TrackerRecorder`] writes what trackers say, line by line, so that nothing is lost in a crash;
//! [`MotionReplay`] moves trackers as a recording or a motion file says. With both, trouble that a player
//! had can be looked at without the player: recordings also know calibration, model and teleports, and a
//! session that was recorded from its start gives the same poses again to the last bit
//! ([`MotionReplay::recording`]).
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::TrackerRecorder;
//! use bevy_kinest::kinest::calibration::Calibration;
//! use bevy_kinest::kinest::motion::{amass, headset};
//! use bevy_kinest::kinest::live::Recording;
//! use bevy_kinest::kinest::skeleton::Skeleton;
//! use bevy_kinest::kinest::tracker::{DeviceFromJoint, Grip};
//! use bevy_kinest::prelude::*;
//!
//! fn record(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let recorder = TrackerRecorder::create("trackers.jsonl".as_ref(), true)?;
//!     commands.entity(*avatar).insert(recorder);
//!     Ok(())
//! }
//!
//! fn stop(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     commands.entity(*avatar).remove::<TrackerRecorder>();
//! }
//!
//! fn replay(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let recording = Recording::load("trackers.jsonl".as_ref())?;
//!     commands.entity(*avatar).insert(MotionReplay::recording(recording).repeating());
//!     Ok(())
//! }
//!
//! /// A file of the AMASS data set, or of any program that writes its form.
//! fn dance(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let clip = amass::load("dance_poses.npz".as_ref())?;
//!     commands.entity(*avatar).insert(MotionReplay::clip(clip, default()));
//!     Ok(())
//! }
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(record);
//! # bevy::ecs::system::assert_is_system(stop);
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(replay);
//!
//! /// Head and hands of somebody who played another game.
//! fn game(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let devices = headset::load("game.npz".as_ref())?;
//!     // How big the player is and how the controllers are held, by how they move.
//!     let roles = [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand];
//!     let grips = roles.map(|role| DeviceFromJoint::of_grip(role, Grip::default()));
//!     let player = Calibration::from_motion(&Skeleton::default(), &devices, grips)?;
//!     let recording = Recording::of_trackers(devices).ok_or("its times do not rise")?;
//!     let replay = MotionReplay::recording(recording);
//!     commands.entity(*avatar).insert((replay, PlayerCalibration(player)));
//!     Ok(())
//! }
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(dance);
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(game);
//! ```
//!
//! # Test a game with bodies
//!
//! [`KinestSettings::inline`] makes every frame wait for its own pose, on the CPU, the same in every run.
//! [`PoseModel::from_engine`] puts anything in the network's place. No window, headset or file is needed:
//!
//! ```
//! use bevy::math::DVec3;
//! use bevy::prelude::*;
//! use bevy::time::TimeUpdateStrategy;
//! use bevy_kinest::kinest::features::{FeatureLayout, WindowAxes};
//! use bevy_kinest::kinest::model::{Feed, ModelSpec};
//! use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
//! use bevy_kinest::kinest::live::{EngineError, PoseEngine, StreamEngine, Take};
//! use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
//! use bevy_kinest::prelude::*;
//! use std::time::Duration;
//!
//! /// Says that everybody stands with the arms stretched out.
//! struct Standing(ModelSpec);
//!
//! impl PoseEngine for Standing {
//!     fn spec(&self) -> &ModelSpec {
//!         &self.0
//!     }
//!
//!     fn device(&self) -> &str {
//!         "test"
//!     }
//!
//!     fn answers(&self) -> usize {
//!         self.0.window
//!     }
//!
//!     fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
//!         None
//!     }
//!
//!     fn infer(&mut self, _: &[f32], batch: usize, _: Take) -> Result<Vec<f32>, EngineError> {
//!         let axes = WindowAxes { heading: 0.0, origin: DVec3::ZERO };
//!         let mut answer = Vec::new();
//!         self.0.layout.write_targets(&Pose::rest().matrices(), &axes, &mut answer);
//!         Ok(answer.repeat(batch))
//!     }
//! }
//!
//! let mut app = App::new();
//! app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
//!     .insert_resource(KinestSettings::inline())
//!     .insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_micros(16_667)));
//! let skeleton = Skeleton::default();
//! let spec = ModelSpec {
//!     layout: FeatureLayout::default(),
//!     rate_hz: 60.0,
//!     window: 12,
//!     feed: Feed::Windows,
//!     skeleton: skeleton.clone(),
//! };
//! let model = PoseModel::from_engine(spec.clone(), move || Standing(spec.clone()));
//! let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
//! let player = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
//! let avatar = app.world_mut().spawn((KinestAvatar::new(model), player)).id();
//! for _ in 0..60 {
//!     app.update();
//! }
//!
//! let avatar = app.world().entity(avatar);
//! let (body, player) = (avatar.get::<BodyPose>().unwrap(), avatar.get::<MotionReplay>().unwrap());
//! assert_eq!(body.source(), PoseSource::Estimated);
//! // Hands are at their trackers, whatever a network says.
//! let errors = player.errors(body).unwrap();
//! assert!(errors[SmplJoint::LeftWrist.index()] < 0.01);
//! ```
//!
//! # Change models
//!
//! Models are assets, `NAME.model.ron` with the weights it names beside it. A file that changes while the
//! asset server watches it (Bevy's feature `file_watcher`), and a handle that is replaced, take over when
//! they are ready, without a pop; one that is broken leaves what runs alone and says why ([`KinestFailed`]).
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn change(mut avatars: Query<&mut KinestAvatar>, assets: Res<AssetServer>) {
//!     for mut avatar in &mut avatars {
//!         avatar.model = assets.load("models/mine.model.ron");
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(change);
//! ```
//!
//! The program `kinest-train` makes such files: trained from scratch, or imported from the reference.
//!
//! # Choose devices
//!
//! [`KinestSettings::device`] is CUDA, wgpu or the CPU; [`DeviceChoice::Auto`] takes the first of these that
//! works, of those compiled in. It may be changed while a game runs. [`KinestModels`] tells what a model
//! runs on and how long it takes.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use bevy_kinest::{KinestModels, ModelState};
//!
//! fn spare_the_gpu(mut settings: ResMut<KinestSettings>) {
//!     settings.device = DeviceChoice::Cpu;
//! }
//!
//! fn report(avatar: Single<&KinestAvatar>, models: Res<KinestModels>) {
//!     let Some(status) = models.get(&avatar.model) else { return };
//!     if let (ModelState::Running { device }, Some(latency)) = (&status.state, status.latency) {
//!         info!("on {device}: half of the calls take less than {:.1} ms", latency.p50_ms);
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(spare_the_gpu);
//! # bevy::ecs::system::assert_is_system(report);
//! ```
//!
//! A device that this crate does not know is a [`PoseEngine`](kinest::live::PoseEngine) in
//! [`PoseModel::from_engine`], as in the test above.
//!
//! # Questions
//!
//! **Do I need a headset?** No. `cargo run --release --example amass_replay` in the repository moves a body
//! without one, and so does [`MotionReplay`] in your game. With one, put [`SparseTracker`]s on the entities
//! that your OpenXR crate moves. The model that ships has not been tried on a real headset.
//!
//! **Everything is turned by 90 or 180 degrees.** Trackers stand for joints, whose axes are not those of
//! devices: see [move trackers](#move-trackers). [`KinestGizmoPlugin`] draws them.
//! [`CalibrationMethod::TPose`] finds how controllers are turned in the hands; where the joint is in the
//! headset you have to say.
//!
//! **How good are the legs?** Guessed: three points do not say where the feet are. `kinest_stream` is
//! off by 13.2 cm there on average, by 3.2 cm at the upper body, on motion it was not trained on; its card,
//! `assets/models/README.md`, has all figures. [`BodyPose::confidence`] tells the game what to expect of
//! each joint. A character's legs stay in their rest pose if a `*.rig.ron` skips them.
//!
//! **Feet slide.** They do, less than the network's: feet that truly stand move at 40 cm/s on average instead
//! of 75, people's own at 8 (the table at [`KinestRefine`]). `lock_feet` holds what is low and slow, and
//! lets go when the network has the foot elsewhere: what still slides are mostly feet that the network swings
//! while they stand. `kinest-train evaluate --refine` measures it for your model.
//!
//! **Somebody climbs, and is drawn standing in the air below the ladder's rung.** [`KinestRefine::ground`]
//! knows one floor: switch it off, and `lock_feet` with it, where feet stand elsewhere.
//!
//! **Feet are above or below the ground.** The floor is at height 0 of the [`TrackingSpace`], or where
//! [`KinestRefine::feet`] says, or found ([`Floor::Estimated`](kinest::refine::Floor)). It is one height:
//! stairs and slopes under each foot are not known.
//!
//! **It trembles.** What `kinest_stream` says has four times the jitter of people; smoothing is on by default
//! and lags as the [table](#refine) says. Lower [`OneEuro::min_cutoff`](kinest::refine::OneEuro) for less of
//! one and more of the other. Head and hands have no lag.
//!
//! **How late is it?** Head and hands not at all. The other joints are behind by what the network takes, the
//! time between two estimates and the smoothing; [`BodyPose::age`] and the diagnostic `kinest/pose_age`
//! measure all but the smoothing. What an estimate takes is in the README; `cargo bench -p kinest_engine`
//! says it for your machine, and [`KinestModels`] while a game runs.
//!
//! **What does it cost the main thread?** About 60 µs a frame for each avatar with three trackers and 22
//! joint entities, Bevy's own work on these entities included: a frame without avatars takes 670 µs, with 1,
//! 4 and 16 of them 644, 924 and 1,564 µs (medians of `cargo bench -p bevy_kinest --bench main_thread` on two
//! cores of a server with other work). All corrections together take 8 µs of it
//! (`cargo bench -p kinest_engine --bench pipeline`). After the first seconds nothing is allocated on the way
//! from trackers to joints.
//!
//! **Does it stall, at the start or now and then?** The network has its own thread and is warmed up before
//! [`KinestReady`]; a slow one makes bodies later, not frames. GPUs take seconds to start; meanwhile bodies
//! are made by inverse kinematics.
//!
//! **What if the graphics device is lost?** The engine fails, and another one is opened
//! ([`KinestFellBack`]); a GPU back end that has panicked is not tried again by the process.
//!
//! **The body is too big or too small.** Measure the player: [above](#measure-players). Without that
//! everybody is 1.75 m tall. From 0.5 to 2.6 m is believed. Characters are scaled to the player unless
//! [`KinestRig::fit`] says otherwise.
//!
//! **A hand was out of sight for a moment.** Say so in [`TrackerValidity`]; see [dropouts](#deal-with-dropouts).
//! A device that reports its last place as if it were tracked is believed.
//!
//! **Can hips or feet have trackers? Is there VMC, VRChat OSC, body tracking of headsets?** No. Networks
//! have head and two hands as input. Whatever moves a `Transform` can be one of these three.
//!
//! **Fingers? Faces?** Are not estimated, and bones of fingers are left alone: animate them yourself.
//!
//! **My character's knees bend the wrong way, or it does not move.** Look at [`RigBound`] and [`RigFailed`];
//! name the bones in a `*.rig.ron` that were taken for others. Without Bevy's default features, spawning
//! glTF scenes needs its `reflect_auto_register`.
//!
//! **Several characters of one file? Scenes that are loaded again?** Each has its own bones, found anew.
//!
//! **How many bodies?** Those of one model are estimated in one call; the example `many_avatars` has sixteen
//! and prints how long that takes.
//!
//! **And in multiplayer?** Nothing is sent. Send trackers and estimate everywhere, or send
//! [`BodyPose::pose`]. Different machines may round differently.
//!
//! **Does it share the renderer's GPU device?** No. The feature `wgpu` opens one of its own; CPU and CUDA
//! know no wgpu at all.
//!
//! **May I ship the model?** Yes: MIT or Apache-2.0, trained on motion that is free for all uses. Weights of
//! the KineST authors and what is trained on AMASS have terms of their own.
//!
#![cfg_attr(feature = "gizmos", doc = "[`KinestGizmoPlugin`]: crate::KinestGizmoPlugin")]
#![cfg_attr(feature = "gizmos", doc = "[`KinestGizmos`]: crate::KinestGizmos")]
#![cfg_attr(not(feature = "gizmos"), doc = "[`KinestGizmoPlugin`]: #features")]
#![cfg_attr(not(feature = "gizmos"), doc = "[`KinestGizmos`]: #features")]
#![cfg_attr(feature = "openxr", doc = "[`KinestOpenXrPlugin`]: crate::openxr::KinestOpenXrPlugin")]
#![cfg_attr(not(feature = "openxr"), doc = "[`KinestOpenXrPlugin`]: #features")]
#![cfg_attr(feature = "panel", doc = "[`KinestPanelPlugin`]: crate::KinestPanelPlugin")]
#![cfg_attr(feature = "panel", doc = "[`KinestPanel`]: crate::KinestPanel")]
#![cfg_attr(not(feature = "panel"), doc = "[`KinestPanelPlugin`]: #features")]
#![cfg_attr(not(feature = "panel"), doc = "[`KinestPanel`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]
// The types of queries say what systems touch; a name for each would hide it.
#![allow(clippy::type_complexity)]

mod avatar;
mod calibration;
mod confidence;
#[cfg(feature = "gizmos")]
mod gizmos;
mod inference;
mod joints;
mod model;
#[cfg(feature = "openxr")]
pub mod openxr;
#[cfg(feature = "panel")]
mod panel;
mod player;
mod plugins;
mod refine;
mod replay;
pub mod rig;
mod settings;
mod status;
mod tracker;

pub use avatar::{
    BodyPose, KinestAvatar, PoseReflect, PoseSourceReflect, PoseUpdated, ResetAvatar,
    SkeletonReflect, Teleport, TrackingSpace,
};
pub use calibration::{CalibrationFailed, CalibrationMethod, KinestCalibrated, Recalibrate};
#[cfg(feature = "gizmos")]
pub use gizmos::{KinestGizmoPlugin, KinestGizmos};
pub use inference::{KinestFailed, KinestFellBack, KinestReady};
pub use joints::SmplSkeleton;
pub use model::{PoseModel, PoseModelError};
#[cfg(feature = "panel")]
pub use panel::{KinestPanel, KinestPanelContents, KinestPanelPlugin};
pub use player::PlayerCalibration;
pub use plugins::{KinestPlugins, KinestPosePlugin, KinestReplayPlugin, KinestSkeletonPlugin};
pub use refine::{FloorReflect, FootLockSettingsReflect, KinestRefine, OneEuroReflect};
pub use replay::{MotionReplay, TrackerRecorder};
pub use rig::{
    AnchorReflect, FitReflect, KinestRig, KinestRigPlugin, RigBones, RigBound, RigFailed, RigFile,
};
pub use settings::{
    DeviceChoiceReflect, DropoutSettingsReflect, InferenceMode, KinestSettings, KinestSystems,
    TrackerClock,
};
pub use status::{AvatarStatus, KinestModels, Latency, ModelState, ModelStatus};
pub use tracker::{
    DropoutReason, SparseTracker, TrackerOf, TrackerRoleReflect, TrackerValidity, Trackers,
    TrackingLost, TrackingRegained,
};

#[cfg(feature = "panel")]
pub use bevy_egui;
pub use kinest;
pub use kinest::live::PoseSource;
pub use kinest_engine::DeviceChoice;

/// Everything a game needs.
pub mod prelude {
    pub use crate::{
        BodyPose, CalibrationMethod, DeviceChoice, InferenceMode, KinestAvatar, KinestFailed,
        KinestPlugins, KinestReady, KinestRefine, KinestRig, KinestSettings, KinestSystems,
        MotionReplay, PlayerCalibration, PoseModel, PoseSource, PoseUpdated, Recalibrate,
        ResetAvatar, RigBones, RigBound, RigFailed, SmplSkeleton, SparseTracker, Teleport,
        TrackerClock, TrackerOf, TrackerValidity, Trackers, TrackingSpace,
    };
    pub use kinest::skeleton::SmplJoint;
    pub use kinest::tracker::TrackerRole;
}
