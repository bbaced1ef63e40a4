//! Full-body avatars from head and hand tracking, in real time, for Bevy.
//!
//! Three terms to start with:
//!
//! * A **tracker** ([`SparseTracker`]) is an entity whose `Transform` follows a device: the
//!   headset, a controller, or a tracker worn on pelvis, feet or elsewhere.
//! * An **avatar** ([`KinestAvatar`]) turns its trackers into a body, 60 or more times per second,
//!   with a network that runs on its own thread.
//! * The **body** ([`BodyPose`]) is available in every frame. [`SmplSkeleton`] applies it to joint
//!   entities, [`KinestRig`] to the bones of a glTF character. It is placed below the head tracker
//!   of the frame being drawn, so the view does not wait for the network.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use std::f32::consts::FRAC_PI_2;
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
//!     commands.spawn((
//!         KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
//!         SmplSkeleton::default(),
//!         // Poses of joints: the head's and the wrists', in metres. The player faces +z here.
//!         related!(Trackers[
//!             (SparseTracker::HEAD, Transform::from_xyz(0.0, 1.6, 0.0)),
//!             (SparseTracker::LEFT_HAND, hand(1.0)),
//!             (SparseTracker::RIGHT_HAND, hand(-1.0)),
//!         ]),
//!     ));
//! }
//!
//! /// A hand in front of the body, palm down. Without a rotation it would point to its side.
//! fn hand(side: f32) -> Transform {
//!     Transform::from_xyz(0.25 * side, 1.1, 0.35)
//!         .with_rotation(Quat::from_rotation_y(-side * FRAC_PI_2))
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
//!         let knee = body.joint_transform(SmplJoint::LeftKnee).translation;
//!         info!("{:?}, {:.0} ms old: left knee at {knee}", body.source(), 1e3 * body.age());
//!     }
//! }
//! ```
//!
//! The model is in this crate's repository, `assets/models/kinest_full.*`: copy both files. The
//! examples there (`minimal`, `first_afternoon`, `retarget`, `many_avatars`, `dropouts`, `forecast`,
//! `gestures`, `headset_replay`, `amass_replay`) need no headset.
//!
//! * [What to expect](#what-to-expect)
//! * [Plugins](#plugins), [types by task](#types-by-task), [order of a frame](#order-of-a-frame),
//!   [features](#features), [versions](#versions)
//! * How to [move trackers](#move-trackers), [teleport, ride and walk by
//!   stick](#teleport-ride-walk-by-stick), [measure players](#measure-players), [drive
//!   characters](#drive-characters), [refine](#refine), [handle dropouts](#handle-dropouts),
//!   [forecast](#forecast), [know what the player does](#know-what-the-player-does), [find
//!   motions by words](#find-motions-by-words), [show players on other
//!   machines](#show-players-on-other-machines),
//!   [inspect and debug](#inspect-and-debug), [record and replay](#record-and-replay),
//!   [test](#test-a-game-with-bodies), [change models](#change-models), [choose
//!   devices](#choose-devices)
//! * [Questions](#questions)
//!
//! # What to expect
//!
//! * Trackers are read in `PostUpdate`, from the `Transform`s and parents of the same frame: move
//!   them before. They may update at any rate and with hitches.
//! * The network runs at its own rate. Each frame shows the newest pose available, interpolated and
//!   placed below the head of that frame ([`BodyPose::age`] tells how old it is). [`KinestRefine`]
//!   then smooths it, places head and hands exactly at the trackers and keeps feet on the floor.
//! * Until the network has seen enough frames (two for `kinest_full`, a window of 40 for
//!   `kinest_small`) and returned a pose, the body is made from the trackers alone:
//!   [`PoseSource::InverseKinematics`]. The same applies without a model or with a broken one.
//!   [`KinestReady`] and [`KinestFailed`] report the state.
//! * During a dropout, a hand is held and then follows the estimate; without its head a body
//!   freezes, then takes its rest pose. When tracking returns, the body returns without a jump.
//! * If an engine fails or panics, the next one is opened, with exponential back-off
//!   ([`KinestFellBack`]); the last pose is kept for half a second, then inverse kinematics takes
//!   over. A changed model file is used as soon as its engine is ready.
//! * Nothing on the main thread waits for the network, unless [`KinestSettings::inline`] asks for
//!   it.
//!
//! # Plugins
//!
//! | plugin | in | purpose |
//! |---|---|---|
//! | [`KinestPosePlugin`] | [`KinestPlugins`] | loads models, reads trackers, runs networks, refines, writes [`BodyPose`] |
//! | [`KinestSkeletonPlugin`] | [`KinestPlugins`] | writes bodies to the joint entities of [`SmplSkeleton`] |
//! | [`KinestRigPlugin`] | [`KinestPlugins`] | finds and drives the bones of each [`KinestRig`] |
//! | [`KinestFilesPlugin`] | [`KinestPlugins`] | loads [`MotionFile`]s and `.vrm` characters as assets |
//! | [`KinestReplayPlugin`] | [`KinestPlugins`] | moves trackers along a [`MotionReplay`], runs [`TrackerRecorder`]s |
//! | [`KinestForecastPlugin`] | [`KinestPlugins`] | forecasts bodies: ahead of their estimates, through dropouts, and as ghosts: [`Forecast`] |
//! | [`KinestRemotePlugin`] | [`KinestPlugins`] | shows the bodies of players on other machines: [`RemoteAvatar`] |
//! | [`KinestEventsPlugin`] | [`KinestPlugins`] | emits events for gestures and postures, measures body parts: [`MotionEvents`], [`KinematicGroups`], [`Interactions`] |
//! | [`KinestLanguagePlugin`] | [`KinestPlugins`] | writes subtitles and descriptions of them: [`Subtitles`], [`LiveDescription`]; loads [`MotionLibrary`]s |
//! | [`KinestGizmoPlugin`] | – | draws bones, trackers, dropouts, standing feet, errors |
//! | [`KinestPanelPlugin`] | – | a window that shows the state of avatars and lets users change it |
//! | [`KinestOpenXrPlugin`] | – | moves trackers with a headset and its controllers |
//! | [`KinestVmcPlugin`] | – | sends and receives bodies by the VMC protocol: [`VmcPerformer`], [`VmcReceiver`], [`VmcTracker`] |
//! | [`KinestOscPlugin`] | – | sends full-body trackers to VRChat: [`VrchatTrackers`] |
//!
//! Add the last five by hand. Disable plugins that your game does not need:
//! `KinestPlugins.build().disable::<KinestReplayPlugin>()`.
//!
//! # Types by task
//!
//! | task | components and assets | resources | events, *messages* |
//! |---|---|---|---|
//! | a body | [`KinestAvatar`], [`BodyPose`], [`PoseModel`] | [`KinestSettings`] | [`PoseUpdated`], [`ResetAvatar`] |
//! | trackers | [`SparseTracker`], [`TrackerOf`], [`Trackers`], [`TrackingState`] | | [`TrackingLost`], [`TrackingRegained`] |
//! | a headset's trackers | [`xr`](#features): `OpenXrPlayer`, `OpenXrDevice` | `OpenXrPoses` | |
//! | place of the player | [`TrackingSpace`] | | [`Teleport`] |
//! | size of the player | [`PlayerCalibration`] | | [`Recalibrate`], [`KinestCalibrated`], [`CalibrationFailed`] |
//! | showing the body | [`SmplSkeleton`], [`KinestRig`], [`RigFile`], [`RigBones`] | | [`RigBound`], [`RigFailed`] |
//! | corrections | [`KinestRefine`] | | |
//! | prediction | [`Forecast`], [`ForecastStatus`], [`ForecastGhost`], [`ForecastModel`] | | |
//! | players on other machines | [`RemoteAvatar`] | | |
//! | other programs | [`VmcPerformer`], [`VmcReceiver`], [`VmcTracker`], [`VrchatTrackers`] | | |
//! | gestures and postures | [`MotionEvents`], [`MotionState`], [`GestureFile`], [`CodeFile`], [`KinematicGroups`], [`Interactions`] | | [`MotionEvent`], also *[`MotionEvent`]* |
//! | words | [`Subtitles`], [`LiveDescription`], [`WordsFile`], [`MotionLibrary`] | | |
//! | state | [`AvatarStatus`] | [`KinestModels`] | *[`KinestReady`], [`KinestFellBack`], [`KinestFailed`]* |
//! | replay and recording | [`MotionReplay`], [`MotionFile`], [`TrackerRecorder`], [`MotionWriter`] | | |
//! | debugging | | [`KinestGizmos`] (a gizmo group), [`KinestPanel`] | |
//!
//! Avatar events are entity events on `entity`: the plugin or the game triggers them, and observers
//! watch one avatar ([`EntityCommands::observe`](bevy::prelude::EntityCommands::observe)) or all of
//! them ([`App::add_observer`](bevy::prelude::App::add_observer)). Model events are messages,
//! because avatars share models.
//!
//! # Order of a frame
//!
//! [`KinestSystems`] are chained in `PostUpdate`, after [`AnimationSystems`](bevy::app::AnimationSystems)
//! and before [`TransformSystems::Propagate`](bevy::transform::TransformSystems::Propagate).
//!
//! | set | purpose | your own systems |
//! |---|---|---|
//! | | | systems that move trackers: in `Update`, or in `PostUpdate` `.before(KinestSystems::Sample)` |
//! | [`Sample`](KinestSystems::Sample) | reads trackers | observers of [`TrackingLost`] and [`TrackingRegained`] run here |
//! | [`Infer`](KinestSystems::Infer) | submits input to the networks | |
//! | [`Apply`](KinestSystems::Apply) | writes [`BodyPose`], placed below the newest head pose | |
//! | [`Refine`](KinestSystems::Refine) | corrects it | changes of [`BodyPose`]: after this set and before the next; observers of [`PoseUpdated`] and [`MotionEvent`] run here |
//! | [`Writeback`](KinestSystems::Writeback) | writes joint entities and bones | systems that read joint entities and bones: after this set |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | (always) | inference on the CPU |
//! | `gizmos` (default) | [`KinestGizmoPlugin`] |
//! | `openxr` | [`KinestOpenXrPlugin`], with bevy_mod_openxr; needs no system package, and a runtime only on machines with a headset |
//! | `panel` | [`KinestPanelPlugin`], with bevy_egui |
//! | `vmc` | [`KinestVmcPlugin`]: VSeeFace, Warudo, Blender, Unity and others |
//! | `osc` | [`KinestOscPlugin`]: VRChat |
//! | `wgpu` | inference on any GPU with Vulkan, Metal or DirectX 12 |
//! | `cuda` | inference on NVIDIA GPUs; needs the CUDA run-time libraries and headers (`CUDA_PATH`) on the machine it runs on |
//! | `wayland` | Bevy windows on Wayland; needs its development package. Included in Bevy's default features |
//!
//! All are additive. The crate uses Bevy without its default features: enable those that your game
//! needs.
//!
//! # Versions
//!
//! | bevy_kinest | Bevy | Burn | bevy_egui | bevy_mod_openxr | Rust |
//! |---|---|---|---|---|---|
//! | 0.1 | 0.19 | 0.21 | 0.42 | 0.6 | 1.95 |
//!
//! # Move trackers
//!
//! [`KinestOpenXrPlugin`] moves the trackers of a player with a headset. Any other entity can be a
//! tracker too.
//!
//! A tracker reports the pose of its joint; [`SparseTracker::with_offset`] sets the pose of the
//! joint relative to the device. In the T-pose, the axes of every joint are x to the player's left,
//! y up and z forward. [`TrackingState`] holds whether the device is tracked.
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
//!     commands.spawn((Camera3d::default(), SparseTracker::HEAD.with_offset(eyes), TrackerOf(*avatar)));
//!     for hand in [SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
//!         commands.spawn((hand, TrackerOf(*avatar)));
//!     }
//! }
//!
//! /// `Runtime` stands for whatever tracks the controllers.
//! fn follow_hands(
//!     runtime: Res<Runtime>,
//!     mut hands: Query<(&SparseTracker, &mut Transform, &mut TrackingState), Without<Camera>>,
//! ) {
//!     for (tracker, mut transform, mut state) in &mut hands {
//!         let hand = runtime.hand(tracker.role);
//!         state.tracked = hand.is_some();
//!         *transform = hand.unwrap_or(*transform);
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(spawn_trackers);
//! # bevy::ecs::system::assert_is_system(follow_hands);
//! ```
//!
//! # Trackers on pelvis, feet and elsewhere
//!
//! Every player has head and hands; trackers on pelvis, chest, elbows, knees and feet are optional.
//! `kinest_full` takes them as input; with any network, joints are solved to their trackers, within
//! reach of the fixed head. Elbow and knee trackers contribute positions only. Errors that remain
//! with the shipped model, online, after all corrections, with ideal trackers, on 49 clips that it
//! was not trained on (`kinest-train evaluate --refine --trackers head,hands,pelvis,feet …`):
//!
//! | worn beside head and hands | all joints, cm | upper body, cm | lower body, cm | sliding of planted feet, cm/s |
//! |---|---|---|---|---|
//! | nothing | 6.7 | 2.3 | 12.9 | 22 |
//! | chest | 5.3 | 0.6 | 12.0 | 21 |
//! | knees | 5.1 | 2.3 | 9.1 | 11 |
//! | pelvis | 4.6 | 1.3 | 9.3 | 18 |
//! | feet | 2.4 | 2.2 | 2.7 | 9 |
//! | pelvis, feet | 0.9 | 1.3 | 0.5 | 9 |
//! | all | 0.1 | 0.1 | 0.1 | 9 |
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn wear(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     for role in [TrackerRole::Pelvis, TrackerRole::LeftFoot, TrackerRole::RightFoot] {
//!         // Where a strap sits on its joint is not known: the next T-pose tells.
//!         commands.spawn((SparseTracker::new(role), NeedsCalibration, TrackerOf(*avatar)));
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(wear);
//! ```
//!
//! [`KinestOpenXrPlugin`] does this for every tracker that the runtime names. After [`Recalibrate`]
//! with [`CalibrationMethod::TPose`], [`PlayerCalibration`] holds how each is mounted. Trackers may
//! drop out, be put on or taken off at any time without a jump. Recordings contain them, and
//! [`MotionReplay::wearing`] simulates them.
//!
//! # Teleport, ride, walk by stick
//!
//! An avatar's tracking space is the parent entity of its trackers, such as a vehicle. Set it in
//! the avatar's [`TrackingSpace`]: moving that entity then moves the player, and the network sees
//! no steps. Its origin is on the floor that the player stands on.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let model = assets.load("models/kinest_full.model.ron");
//!     let vehicle = commands.spawn(Transform::from_xyz(10.0, 2.0, 0.0)).id();
//!     commands.spawn((
//!         KinestAvatar::new(model),
//!         TrackingSpace(vehicle),
//!         related!(Trackers[
//!             (SparseTracker::HEAD, ChildOf(vehicle)),
//!             (SparseTracker::LEFT_HAND, ChildOf(vehicle)),
//!             (SparseTracker::RIGHT_HAND, ChildOf(vehicle)),
//!         ]),
//!     ));
//! }
//!
//! /// Without a tracking space: the trackers' movement in this frame is not motion of the body.
//! fn respawn(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     commands.trigger(Teleport { entity: *avatar });
//! }
//! # bevy::ecs::system::assert_is_system(spawn_player);
//! # bevy::ecs::system::assert_is_system(respawn);
//! ```
//!
//! An impossible jump counts as a teleport after 0.1 s; until then the head counts as lost, because
//! runtimes report such jumps for single frames. Trigger [`ResetAvatar`] for another player.
//!
//! A moving tracking space carries the body along; [`StepsWithSpace`] on the avatar makes it walk
//! instead. [`SeatedPlayer`] shows a seated player standing or on a chair.
//!
//! # Measure players
//!
//! The network was trained on one body size. [`Recalibrate`] measures the player; from then on the
//! body has the player's size.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn plugin(app: &mut App) {
//!     app.add_systems(Update, ask).add_observer(keep).add_observer(ask_again);
//! }
//!
//! fn ask(
//!     mut commands: Commands,
//!     keys: Res<ButtonInput<KeyCode>>,
//!     avatar: Single<Entity, With<KinestAvatar>>,
//! ) {
//!     if keys.just_pressed(KeyCode::KeyC) {
//!         // Upright for a second, both arms stretched out to the sides, palms down.
//!         commands.trigger(Recalibrate { entity: *avatar, method: CalibrationMethod::TPose });
//!     }
//! }
//!
//! fn keep(measured: On<KinestCalibrated>) -> Result {
//!     measured.calibration.save("player.ron")?;
//!     Ok(())
//! }
//!
//! fn ask_again(failed: On<CalibrationFailed>) {
//!     warn!("please try again: {}", failed.reason);
//! }
//! # App::new().add_plugins(plugin);
//! ```
//!
//! In the next session, insert a [`PlayerCalibration`] with the result of
//! [`Calibration::load`](kinest::calibration::Calibration::load). [`CalibrationMethod::Height`]
//! takes a height given by the player; [`CalibrationMethod::Motion`] measures free motion.
//!
//! # Drive characters
//!
//! Add [`KinestRig`] to the scene of any humanoid in a glTF file, such as Mixamo's, or in a VRM
//! file. Its bones are found by name, shape and VRM declarations; [`RigBound`] reports the mapping
//! with confidence and evidence.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let scene = GltfAssetLabel::Scene(0).from_asset("rigs/mannequin.glb");
//!     commands
//!         .spawn((
//!             KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
//!             WorldAssetRoot(assets.load(scene)),
//!             KinestRig::default(),
//!         ))
//!         .observe(|bound: On<RigBound>| {
//!             info!("confidence {:.2}\n{}", bound.confidence, bound.report);
//!         })
//!         .observe(|failed: On<RigFailed>| error!("{}", failed.reason));
//! }
//! # bevy::ecs::system::assert_is_system(spawn_player);
//! ```
//!
//! Correct a wrong mapping with a `*.rig.ron` ([`RigOverride`](kinest::rig::RigOverride)) in
//! [`KinestRig::file`]. [`KinestRig::fit`] sets whether the character is scaled to the player, and
//! which joint coincides with the body's. A rig on its own entity names its avatar, so one body can
//! drive several characters.
//!
//! # Refine
//!
//! [`KinestRefine`] is on every avatar, with every part enabled; each part can be disabled and
//! adjusted while a game runs.
//!
//! | part | effect | cost |
//! |---|---|---|
//! | `smooth` | joints jitter less ([`OneEuro`](kinest::refine::OneEuro)) | lag of joints without a tracker: 53 ms at rest, 27 ms at 3 rad/s |
//! | `ground` | airborne bodies that do not jump are grounded | none if the network is right |
//! | `place_trackers` | head and hands exactly at the trackers, dropouts bridged | bends arms as needed, and rotates the chest towards hands beyond the arms' reach |
//! | `lock_feet` | feet on the floor, planted feet without sliding | bends legs as needed |
//!
//! Add your own corrections after it:
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
//!         let mut pose = *body.pose_z_up();
//!         pose.rotations[SmplJoint::Spine1.index()] *= DQuat::from_rotation_x(0.2);
//!         body.set_pose_z_up(pose);
//!     }
//! }
//!
//! /// For trackers with an arbitrary zero height.
//! fn find_floor(mut avatars: Query<&mut KinestRefine, Added<KinestAvatar>>) {
//!     for mut refine in &mut avatars {
//!         refine.feet.floor = Floor::Estimated;
//!     }
//! }
//! # App::new().add_plugins(plugin);
//! ```
//!
//! # Handle dropouts
//!
//! During a dropout a hand is held for a quarter of a second, then blends into the network's
//! estimate; a body without a head freezes for a second and then takes its rest pose.
//! [`KinestSettings::dropout`] sets these times. [`BodyPose::confidence`] rates each joint, so that
//! a game can hide uncertain limbs.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn plugin(app: &mut App) {
//!     app.add_systems(Startup, patience).add_observer(on_lost).add_observer(on_regained);
//! }
//!
//! fn patience(mut settings: ResMut<KinestSettings>) {
//!     settings.dropout.hold = 0.5;
//! }
//!
//! fn on_lost(lost: On<TrackingLost>) {
//!     info!("{:?} of {} is not tracked: {:?}", lost.role, lost.entity, lost.reason);
//! }
//!
//! fn on_regained(regained: On<TrackingRegained>) {
//!     info!("{:?} of {} is back after {:.1} s", regained.role, regained.entity, regained.after);
//! }
//!
//! fn fade_arm(bodies: Query<&BodyPose>) {
//!     for body in &bodies {
//!         let alpha = body.confidence(SmplJoint::LeftWrist);
//!         // Apply it to the arm's material.
//!         # let _ = alpha;
//!     }
//! }
//! # App::new().add_plugins(plugin).add_systems(Update, fade_arm);
//! ```
//!
//! # Forecast
//!
//! A [`Forecast`] component on an avatar extrapolates its motion by damped velocity, or by a
//! network ([`ForecastModel`], `assets/models/kinest_forecast.*`) where that is more accurate.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//! use bevy_kinest::{Ahead, Forecast, ForecastGhost};
//! use std::time::Duration;
//!
//! fn forecast(
//!     mut commands: Commands,
//!     assets: Res<AssetServer>,
//!     avatar: Single<Entity, With<KinestAvatar>>,
//! ) {
//!     let model = Some(assets.load("models/kinest_forecast.model.ron"));
//!     commands.entity(*avatar).insert(Forecast { ahead: Ahead::Age, model, ..default() });
//!     // The body as it will be in 0.3 s, with joints of its own.
//!     let ahead = Duration::from_millis(300);
//!     commands.spawn((ForecastGhost { avatar: *avatar, ahead }, SmplSkeleton::default()));
//! }
//!
//! fn aim(ghosts: Query<(&ForecastGhost, &BodyPose)>) {
//!     for (ghost, body) in &ghosts {
//!         let chest = body.joint_transform(SmplJoint::Spine3).translation;
//!         info!("{:?} from now: {chest}, sure {}", ghost.ahead, body.confidence(SmplJoint::Spine3));
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(forecast);
//! # bevy::ecs::system::assert_is_system(aim);
//! ```
//!
//! | part | effect | by default |
//! |---|---|---|
//! | [`ahead`](Forecast::ahead) | the body is shown ahead of its estimate; head and hands stay at their trackers, feet on the floor | off |
//! | [`hands`](Forecast::hands) | a lost hand follows the forecast, carried by the head, before it is held | 0.1 s |
//! | [`head`](Forecast::head) | a body without a head follows the forecast before it freezes: [`PoseSource::Forecast`] | 0.033 s |
//! | [`body`](Forecast::body) | when a hand is lost, legs and trunk follow the forecast, then the network again | off |
//! | [`ForecastGhost`] | the predicted body, to be drawn or read | – |
//!
//! Forecasts lower [`BodyPose::confidence`]; [`ForecastStatus`] and the diagnostic
//! `kinest/forecast_ms` have their cost. Without the component nothing changes.
//!
//! On test clips, from the bodies that a game shows, the network's joint errors are 8 % lower than
//! with damped velocity at 33 ms, 10 % at 100 ms and 16 % at 400 ms; the [model
//! card](https://github.com/bevy-kinest/bevy_kinest/blob/main/assets/models/README.md) has each
//! part of the body. With damped velocity, on CMU clips with random dropouts, errors of lost hands
//! are 17 % lower and of lost heads 8 %, and no joint jumps further than without: elbows by at most
//! 10 cm in a frame instead of 25 cm. Showing bodies ahead lowers the errors of elbows by 3 to 11 %
//! and multiplies the jitter by 1.4 to 2.5; forecasting legs and trunk while a hand is lost
//! increases their errors. Both are off by default.
//! [`ForecastSettings`](kinest::live::ForecastSettings) has all figures.
//!
//! # Know what the player does
//!
//! [`MotionEvents`] on an avatar detects 21 gestures of its body: `wave_left`, `wave_right`,
//! `raise_hand`, `both_hands_up`, `clap`, `arms_crossed`, `hands_on_hips`, `point`, `punch`,
//! `push`, `crouch`, `sit`, `jump`, `step`, `turn`, `nod`, `shake_head`, `bow`, `kick`, `lean`,
//! `t_pose`. Each gesture emits a [`MotionEvent`] when it begins, four times a second while it
//! lasts, and when it ends. A complete program:
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::kinest::events::Phase;
//! use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
//! use bevy_kinest::kinest::skeleton::Skeleton;
//! use bevy_kinest::prelude::*;
//! use bevy_kinest::{MotionEvent, MotionEvents, MotionState, Subtitles};
//!
//! fn main() -> AppExit {
//!     App::new()
//!         .add_plugins((DefaultPlugins, KinestPlugins))
//!         .add_systems(Startup, spawn_player)
//!         .add_systems(Update, (hide, show))
//!         .add_observer(greet)
//!         .run()
//! }
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let skeleton = Skeleton::default();
//!     commands.spawn((
//!         KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
//!         SmplSkeleton::default(),
//!         // Stands in for a player.
//!         MotionReplay::clip(walk_and_wave(&skeleton), skeleton).repeating(),
//!         // The shipped gestures, and those of the game.
//!         MotionEvents { gestures: vec![assets.load("game.gestures.ron")], ..default() },
//!         Subtitles::default(),
//!     ));
//! }
//!
//! /// Something that happens once is observed ...
//! fn greet(event: On<MotionEvent>) {
//!     if event.phase == Phase::Begin && (event.is("wave_left") || event.is("wave_right")) {
//!         info!("{} greets, {:.1} times a second", event.avatar, event.speed);
//!     }
//! }
//!
//! /// ... and something that goes on is asked for.
//! fn hide(players: Query<&MotionState>) {
//!     for player in players.iter().filter(|player| player.makes("crouch")) {
//!         info!("hidden: {:?}", player.gestures());
//!     }
//! }
//!
//! fn show(lines: Query<&Subtitles, Changed<Subtitles>>) {
//!     for line in &lines {
//!         info!("{}", line.text());
//!     }
//! }
//! ```
//!
//! Gestures are composed of *codes*, the states and movements of body parts ("the left elbow
//! bends"), in units of body height, so player size cancels. A game defines its own gestures in a
//! `*.gestures.ron`, with conditions, sequences and time limits;
//! [`GestureBook`](kinest::events::GestureBook) documents the format. The file is reloaded when it
//! changes (with Bevy's feature `file_watcher`); an error is logged with its line, and the previous
//! gestures stay in use. Codes emit events too.
//!
//! [`kinest::events`] has the reliability and latency of each gesture: precision 0.97 to 1.00 on
//! synthetic motion; latency 0.03 s for a raised hand and a second for a nod or a clap, which must
//! repeat first. [`BodyPose::age`] adds to the latency. Only head and hands are measured; leg
//! gestures (`kick`, `step`, `sit`) are as reliable as the estimate.
//!
//! [`KinematicGroups`] and [`Interactions`] have the underlying measurements: positions and
//! velocities of the six groups (trunk, neck, arms, legs), and of each group relative to each other
//! one.
//!
//! # Find motions by words
//!
//! `kinest-train library --data MOTIONS --out MOTIONS/all.library` describes a folder of motions.
//! The [`MotionLibrary`] then finds clips that match a text, without a network, and a
//! [`MotionReplay`] plays them. [`LiveDescription`] describes the last seconds of any body in the
//! same words, in English, German, or the language of a [`WordsFile`].
//!
//! # Let bodies do what is written
//!
//! A [`Say`] on an avatar holds a sentence and optional texts for the six groups. The
//! [`MotionGenerator`] makes the motion on its own thread, by retrieval with limb splicing from a
//! library or from synthetic motion, and the avatar plays it ([`MotionMade`], [`NoMotion`]).
//! [`MakingMotion`] shows the progress; removing it cancels.
//!
//! # Show players on other machines
//!
//! A [`RemoteAvatar`] takes poses that arrive ten to twenty times a second, late, duplicated or out
//! of order, and moves smoothly; its documentation has an example. This crate does not send them.
//!
//! At 20 poses a second with 5 % of them lost, on 36 CMU clips, mean joint error is 18 mm relative
//! to the sender's pose at the time the fastest packet left. Interpolation with a delay of 100 ms
//! has 65 mm and the same jitter; damped velocity without corrections has 9 mm and seven times the
//! jitter. [`delay`](RemoteAvatar::delay) trades error for smoothness;
//! [`RemotePlayer`](kinest::live::RemotePlayer) has all figures.
//!
//! # Inspect and debug
//!
//! [`KinestGizmoPlugin`] draws bodies from green (confident) to red (guessed), trackers and
//! dropouts; [`KinestGizmos`] selects what to draw. [`KinestPanelPlugin`] is a window that shows
//! and edits the whole state of an avatar; its documentation has an example. The figures are also
//! Bevy diagnostics, with the paths in [`KinestPlugins`].
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
//! [`TrackerRecorder`] writes the trackers' poses line by line, so that a crash loses less than a
//! second; [`MotionReplay`] moves trackers along a recording or a motion file. Together they
//! reproduce a player's problem without the player: recordings include calibration, model and
//! teleports, and a session recorded from its start gives the same poses bit for bit
//! ([`MotionReplay::recording`]). A replay moves trackers in the avatar's [`TrackingSpace`]; the
//! game owns [`TrackingState`] and can add dropouts to those of the recording.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_kinest::TrackerRecorder;
//! use bevy_kinest::kinest::live::Recording;
//! use bevy_kinest::prelude::*;
//!
//! fn record(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let recorder = TrackerRecorder::create("trackers.jsonl", true)?;
//!     commands.entity(*avatar).insert(recorder);
//!     Ok(())
//! }
//!
//! fn stop(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
//!     commands.entity(*avatar).remove::<TrackerRecorder>();
//! }
//!
//! fn replay(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) -> Result {
//!     let recording = Recording::load("trackers.jsonl")?;
//!     commands.entity(*avatar).insert(MotionReplay::recording(recording).repeating());
//!     Ok(())
//! }
//!
//! /// From the assets: a clip of AMASS, or a recording, of trackers or of the devices in another
//! /// game.
//! fn dance(
//!     mut commands: Commands,
//!     assets: Res<AssetServer>,
//!     avatar: Single<Entity, With<KinestAvatar>>,
//! ) {
//!     commands.entity(*avatar).insert(MotionReplay::file(assets.load("motions/dance.npz")));
//! }
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(record);
//! # bevy::ecs::system::assert_is_system(stop);
//! # bevy::ecs::system::assert_is_system::<(), Result, _>(replay);
//! # bevy::ecs::system::assert_is_system(dance);
//! ```
//!
//! # Test a game with bodies
//!
//! With [`KinestSettings::inline`] every frame waits for its own pose, on the CPU, and runs are
//! identical. [`PoseModel::standing`] replaces a network. No window, headset or file is needed:
//!
//! ```
//! use bevy::prelude::*;
//! use bevy::time::TimeUpdateStrategy;
//! use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
//! use bevy_kinest::kinest::skeleton::Skeleton;
//! use bevy_kinest::prelude::*;
//! use std::time::Duration;
//!
//! let mut app = App::new();
//! app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
//!     .insert_resource(KinestSettings::inline())
//!     .insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_micros(16_667)));
//! let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(PoseModel::standing());
//! let skeleton = Skeleton::default();
//! let player = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
//! let avatar = app.world_mut().spawn((KinestAvatar::new(model), player)).id();
//! for _ in 0..60 {
//!     app.update();
//! }
//!
//! let avatar = app.world().entity(avatar);
//! let (body, player) = (avatar.get::<BodyPose>().unwrap(), avatar.get::<MotionReplay>().unwrap());
//! assert_eq!(body.source(), PoseSource::Estimated);
//! // Hands are at their trackers, whatever the network outputs.
//! let errors = player.errors(body).unwrap();
//! assert!(errors[SmplJoint::LeftWrist.index()] < 0.01);
//! ```
//!
//! # Change models
//!
//! Models are assets: `NAME.model.ron`, with the weights file it names beside it. A file that
//! changes while the asset server watches it (Bevy's feature `file_watcher`), or a replaced handle,
//! takes over smoothly when it is ready. With a broken or half-written file the running model stays
//! in place, [`KinestFailed`] reports the cause, and loading is retried.
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
//! The program `kinest-train` writes such files: trained from scratch, or imported from the
//! reference's weights.
//!
//! # Choose devices
//!
//! [`KinestSettings::device`] is CUDA, wgpu or the CPU; [`DeviceChoice::Auto`] takes the first of
//! these that is compiled in and works. It may be changed while a game runs. [`KinestModels`] has
//! the device and latency of each model.
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
//!         info!("on {device}: median latency {:.1} ms", latency.p50_ms);
//!     }
//! }
//! # bevy::ecs::system::assert_is_system(spare_the_gpu);
//! # bevy::ecs::system::assert_is_system(report);
//! ```
//!
//! Other devices can be added as a [`PoseEngine`](kinest::live::PoseEngine) with
//! [`PoseModel::from_engine`].
//!
//! # Questions
//!
//! **Do I need a headset?** No. `cargo run --release --example amass_replay` in the repository
//! animates a body without one, and so does [`MotionReplay`] in your game. With a headset, use
//! [`KinestOpenXrPlugin`], or put [`SparseTracker`]s on the entities that your own XR crate moves.
//! The shipped model has not been tried with a headset on a head yet.
//!
//! **Everything is rotated by 90 or 180 degrees.** Trackers report joints, whose axes differ from
//! those of devices: see [move trackers](#move-trackers). [`KinestGizmoPlugin`] draws the axes.
//! [`CalibrationMethod::TPose`] measures the rotation of the controllers in the hands; the game
//! must set the pose of the head joint relative to the headset.
//!
//! **How good are the legs?** They are guessed: three tracked points do not determine the feet.
//! `kinest_full` has a mean error of 11.9 cm in the lower body and 2.9 cm in the upper body, on
//! motion it was not trained on; its model card, `assets/models/README.md`, has all figures.
//! [`BodyPose::confidence`] rates each joint, from the network's own deviations. A character's legs
//! stay in their rest pose if a `*.rig.ron` skips them.
//!
//! **Feet slide.** Less than in the raw output: planted feet move at 22 cm/s on average instead of
//! 49 (8 in mocap; see [`KinestRefine`]). `lock_feet` follows the predicted contacts; most of what
//! remains are planted feet that the network swings. `kinest-train evaluate --refine` measures it
//! for your model.
//!
//! **A climbing player stands in the air below the ladder's rung.** [`KinestRefine::ground`] and
//! `lock_feet` assume a single floor: disable them for players who climb. `ground` has no effect on
//! `kinest_full`.
//!
//! **Feet are above or below the ground.** The floor is at height 0 of the [`TrackingSpace`], or as
//! set in [`KinestRefine::feet`], or estimated ([`Floor::Estimated`](kinest::refine::Floor)). It is
//! a single height: stairs and slopes are not supported.
//!
//! **The log says that the avatar stands above the floor.** Its head is higher than the body is
//! tall: the runtime moved the floor, or the player is taller than calibrated. [`BodyOffFloor`] has
//! the height; lower the [`TrackingSpace`] by it.
//!
//! **A tracker counts as lost although the runtime reports it.** It jumped, is at the origin,
//! frozen or out of reach: see [`TrackingLost::reason`]. A [`SparseTracker`] without a system that
//! moves it is at the origin of its space. A head that jumps stays where it was for 0.1 s, unless
//! the game triggers [`Teleport`] or moves the tracking space. A tracker that is found again is used
//! from the second frame that shows it.
//!
//! **The body jitters.** The raw output of `kinest_full` has three times the jitter of mocap;
//! smoothing is on by default, with the lag in the [table](#refine). Lower
//! [`OneEuro::min_cutoff`](kinest::refine::OneEuro) for less jitter and more lag. Head and hands
//! have no lag.
//!
//! **What is the latency?** None for head and hands. The other joints lag by the sum of the
//! network's latency, the time between two estimates, and the smoothing; [`BodyPose::age`] and the
//! diagnostic `kinest/pose_age` measure all of it but the smoothing. The README has the latency of
//! an estimate; `cargo bench -p kinest_benches --bench inference` measures it on your machine, and
//! [`KinestModels`] while a game runs.
//!
//! **What does it cost on the main thread?** About 60 µs per frame for each avatar with three
//! trackers and 22 joint entities, including Bevy's own work on these entities: a frame takes 670
//! µs without avatars, and 644, 924 and 1,564 µs with 1, 4 and 16 of them (medians of `cargo bench
//! -p kinest_benches --bench main_thread` on two cores of a server with other work). All corrections
//! together take 8 µs of that (`cargo bench -p kinest_benches --bench pipeline`). After the first
//! seconds nothing is allocated between trackers and joints.
//!
//! **Does it stall, at the start or later?** No. The network runs on its own thread and is warmed
//! up before [`KinestReady`]; a slow network delays bodies, not frames. GPUs take seconds to start;
//! until then inverse kinematics makes the bodies.
//!
//! **What if the graphics device is lost?** The engine fails, and another one is opened
//! ([`KinestFellBack`]); a GPU back end that has panicked is not used again by the process.
//!
//! **The body is too big or too small.** Measure the player: see [above](#measure-players). Without
//! calibration every player is 1.75 m tall. Heights from 0.5 to 2.6 m are accepted. Characters are
//! scaled to the player unless [`KinestRig::fit`] says otherwise.
//!
//! **A hand was out of sight for a moment.** Report it in [`TrackingState`]; see
//! [dropouts](#handle-dropouts). A device counts as lost if its pose is implausible, or frozen for
//! a second while the head moves ([`KinestSettings::doubt`]).
//!
//! **Can hips or feet have trackers?** Yes, in any combination; see
//! [above](#trackers-on-pelvis-feet-and-elsewhere).
//!
//! **Is there VMC, VRChat OSC, or headset body tracking?** VMC in and out (feature `vmc`), trackers for
//! VRChat (feature `osc`), and the bodies that OpenXR runtimes track (feature `openxr`). Any entity with a
//! `Transform` can be a tracker, so a game can feed in others.
//!
//! **Fingers? Faces?** They are not estimated, and finger bones are not driven: animate them
//! yourself.
//!
//! **My character's knees bend the wrong way, or it does not move.** Look at [`RigBound`] and
//! [`RigFailed`], and name wrongly mapped bones in a `*.rig.ron`. `cargo run --release --example
//! retarget -- --character FILE` in the repository shows both for any file.
//!
//! **My character is not loaded.** Most have textures in JPEG, which Bevy decodes only with its
//! feature `jpeg`. Without its default features, spawning glTF scenes also needs
//! `reflect_auto_register`.
//!
//! **Can several characters use one file? Can scenes be reloaded?** Yes. Each character has its own
//! bones, and they are found again after a reload.
//!
//! **My second player does not move.** A tracker without [`TrackerOf`] is assigned once, to the
//! only avatar or to the only one without trackers. With several avatars, add [`TrackerOf`] to
//! every tracker. The log names every tracker that drives no avatar, because it was never assigned
//! or because its avatar was despawned, and every one that is unused because its avatar has another
//! tracker of the same role.
//!
//! **How many bodies are possible?** Avatars with the same model are estimated in one call; the
//! example `many_avatars` has sixteen and prints the latency.
//!
//! **Does it work in multiplayer?** This crate sends nothing over the network. Send trackers and
//! estimate on every machine, or send [`BodyPose::pose_z_up`] and show it with a [`RemoteAvatar`].
//! A session gives the same bits in every run on one processor, with one core or two; processors
//! with other vector widths differ by a millionth of a radian, unless the environment variable
//! `KINEST_VECTORS` (`avx2`, `none`) limits them to the same width.
//!
//! **Does it share the renderer's GPU device?** No. The feature `wgpu` opens its own; CPU and CUDA
//! do not use wgpu at all.
//!
//! **May I ship the model?** Yes: MIT or Apache-2.0, trained on motion that may be used for
//! anything. Ship `kinest_full` with ACCAD's credit line (CC BY 3.0), which is in its manifest. The
//! KineST authors' weights and anything trained on AMASS have their own terms.
//!
#![cfg_attr(feature = "gizmos", doc = "[`KinestGizmoPlugin`]: crate::KinestGizmoPlugin")]
#![cfg_attr(feature = "gizmos", doc = "[`KinestGizmos`]: crate::KinestGizmos")]
#![cfg_attr(not(feature = "gizmos"), doc = "[`KinestGizmoPlugin`]: #features")]
#![cfg_attr(not(feature = "gizmos"), doc = "[`KinestGizmos`]: #features")]
#![cfg_attr(feature = "openxr", doc = "[`KinestOpenXrPlugin`]: crate::xr::KinestOpenXrPlugin")]
#![cfg_attr(not(feature = "openxr"), doc = "[`KinestOpenXrPlugin`]: #features")]
#![cfg_attr(feature = "panel", doc = "[`KinestPanelPlugin`]: crate::KinestPanelPlugin")]
#![cfg_attr(feature = "panel", doc = "[`KinestPanel`]: crate::KinestPanel")]
#![cfg_attr(not(feature = "panel"), doc = "[`KinestPanelPlugin`]: #features")]
#![cfg_attr(not(feature = "panel"), doc = "[`KinestPanel`]: #features")]
#![cfg_attr(feature = "osc", doc = "[`KinestOscPlugin`]: crate::KinestOscPlugin")]
#![cfg_attr(feature = "osc", doc = "[`VrchatTrackers`]: crate::VrchatTrackers")]
#![cfg_attr(not(feature = "osc"), doc = "[`KinestOscPlugin`]: #features")]
#![cfg_attr(not(feature = "osc"), doc = "[`VrchatTrackers`]: #features")]
#![cfg_attr(feature = "vmc", doc = "[`KinestVmcPlugin`]: crate::KinestVmcPlugin")]
#![cfg_attr(feature = "vmc", doc = "[`VmcPerformer`]: crate::VmcPerformer")]
#![cfg_attr(feature = "vmc", doc = "[`VmcReceiver`]: crate::VmcReceiver")]
#![cfg_attr(feature = "vmc", doc = "[`VmcTracker`]: crate::VmcTracker")]
#![cfg_attr(not(feature = "vmc"), doc = "[`KinestVmcPlugin`]: #features")]
#![cfg_attr(not(feature = "vmc"), doc = "[`VmcPerformer`]: #features")]
#![cfg_attr(not(feature = "vmc"), doc = "[`VmcReceiver`]: #features")]
#![cfg_attr(not(feature = "vmc"), doc = "[`VmcTracker`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]
#![allow(
    clippy::type_complexity,
    reason = "query types show what systems access; an alias for each would hide it"
)]

// Rooms: folders with a plugin each. A room uses only rooms above its own row; rooms in one row do
// not use each other.
//
// | room | holds |
// |---|---|
// | `files` | motions and VRM characters as assets |
// | `frame` | the steps of a frame, the trackers' clock, settings |
// | `models` | model files, engines and their workers, state of models |
// | `body` | avatars, `BodyPose` and its confidence, joint entities |
// | `trackers` | devices, tracking spaces, dropouts, sampling, calibration |
// | `player` | from trackers through the network to a refined `BodyPose` |
// | `osc`, `vmc` | sockets and VRChat; the VMC protocol |
// | `replay`, `rig`, `xr` | motions that move trackers, and recording; glTF characters; headsets |
// | `forecast`, `remote`, `events` | forecasts; players on other machines; gestures and postures |
// | `language` | descriptions of motion in text, motions found and made by text |
// | `gizmos`, `panel` | debug lines; a debug window |
// | `plugins` (a file) | the rooms that most games need |
mod body;
mod events;
mod files;
mod forecast;
mod frame;
#[cfg(feature = "gizmos")]
mod gizmos;
mod language;
mod models;
#[cfg(any(feature = "osc", feature = "vmc"))]
mod osc;
#[cfg(feature = "panel")]
mod panel;
mod player;
mod plugins;
mod remote;
mod replay;
pub mod rig;
mod trackers;
#[cfg(feature = "vmc")]
mod vmc;
#[cfg(feature = "openxr")]
pub mod xr;

pub use body::{
    BodyPose, KinestAvatar, KinestSkeletonPlugin, PoseReflect, PoseSourceReflect, PoseUpdated,
    ResetAvatar, SkeletonReflect, SmplSkeleton,
};
pub use events::{
    CodeFile, EventsAssetError, GestureFile, GestureNow, GroupInteraction, GroupReflect,
    Interactions, KinematicGroups, KinestEventsPlugin, MotionEvent, MotionEvents, MotionState,
    PhaseReflect,
};
pub use files::{KinestFilesPlugin, MotionFile, MotionFileError};
pub use forecast::{
    AheadReflect, ExtrapolationReflect, Forecast, ForecastGhost, ForecastGhosts, ForecastStatus,
    KinestForecastPlugin,
};
pub use frame::{
    DeviceChoiceReflect, DropoutSettingsReflect, InferenceMode, KinestSettings, KinestSystems,
    TrackerClock,
};
#[cfg(feature = "gizmos")]
pub use gizmos::{KinestGizmoPlugin, KinestGizmos};
pub use language::{
    KinestLanguagePlugin, Language, LiveDescription, MakingMotion, MotionGenerator, MotionLibrary,
    MotionLibraryError, MotionMade, NoMotion, Say, Subtitles, WordsFile, WordsFileError,
};
pub use models::{
    ForecastModel, KinestFailed, KinestFellBack, KinestModels, KinestReady, Latency, ModelState,
    ModelStatus, PoseModel, PoseModelError,
};
#[cfg(any(feature = "osc", feature = "vmc"))]
pub use osc::OscLink;
#[cfg(feature = "osc")]
pub use osc::{HeadReferenceReflect, KinestOscPlugin, VrchatTrackers};
#[cfg(feature = "panel")]
pub use panel::{KinestPanel, KinestPanelContents, KinestPanelPlugin};
pub use player::{
    BodyOffFloor, FloorReflect, FootLockSettingsReflect, KinestRefine, OneEuroReflect,
};
pub use plugins::{KinestPlugins, KinestPosePlugin};
pub use remote::{KinestRemotePlugin, RemoteAvatar};
pub use replay::{KinestReplayPlugin, MotionReplay, MotionWriter, TrackerRecorder};
pub use rig::{
    AnchorReflect, FitReflect, KinestRig, KinestRigPlugin, RigBones, RigBound, RigFailed, RigFile,
};
pub use trackers::{
    AvatarStatus, CalibrationFailed, CalibrationMethod, DropoutReason, KinestCalibrated,
    NeedsCalibration, PlayerCalibration, Recalibrate, SeatedPlayer, SparseTracker, StepsWithSpace,
    Teleport, TrackerOf, TrackerRoleReflect, Trackers, TrackingLost, TrackingRegained,
    TrackingSpace, TrackingState,
};
#[cfg(feature = "vmc")]
pub use vmc::{
    DeviceKindReflect, KinestVmcPlugin, VmcPerformance, VmcPerformer, VmcReceiver, VmcSource,
    VmcTracker,
};

#[cfg(feature = "panel")]
pub use bevy_egui;
pub use kinest;
pub use kinest::forecast::Extrapolation;
pub use kinest::live::{Ahead, PoseSource, RemoteError};
pub use kinest_engine::DeviceChoice;
pub use kinest_language;

/// The types most games need.
pub mod prelude {
    pub use crate::{
        BodyOffFloor, BodyPose, CalibrationFailed, CalibrationMethod, DeviceChoice, DropoutReason,
        InferenceMode, KinestAvatar, KinestCalibrated, KinestFailed, KinestFellBack, KinestPlugins,
        KinestReady, KinestRefine, KinestRig, KinestSettings, KinestSystems, MotionReplay,
        NeedsCalibration, PlayerCalibration, PoseModel, PoseSource, PoseUpdated, Recalibrate,
        ResetAvatar, RigBones, RigBound, RigFailed, SeatedPlayer, SmplSkeleton, SparseTracker,
        StepsWithSpace, Teleport, TrackerClock, TrackerOf, Trackers, TrackingLost,
        TrackingRegained, TrackingSpace, TrackingState,
    };
    pub use kinest::skeleton::SmplJoint;
    pub use kinest::tracker::TrackerRole;
}
