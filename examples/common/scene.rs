//! A scene: shown in a window, or drawn at chosen times.

use crate::capture::{self, Moment, MomentSystems};
use crate::stage::{Follow, FollowSystems, Framing, Stage, Target};
use crate::view::{View, instant, png_path};
use bevy::platform::collections::HashSet;
use bevy::prelude::*;
use bevy_kinest::prelude::*;
use std::error::Error;
use std::iter::successors;
use std::path::PathBuf;

/// Size of a single picture, and of one in a row, pixels.
const ALONE: UVec2 = UVec2::new(928, 522);
const IN_A_ROW: UVec2 = UVec2::new(350, 350);

/// Command-line arguments of every scene.
#[derive(clap::Parser, Clone, Debug, Default)]
pub struct SceneArgs {
    /// Draw off-screen into this file and exit, without a window
    #[arg(long, value_name = "OUT.png", value_parser = png_path)]
    pub shot: Option<PathBuf>,
    /// Seconds from the start to draw; several, separated by commas, are put in a row
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = instant)]
    pub at: Vec<f64>,
}

// Command-line arguments of a scene that has options of its own. Not a doc comment: `--help` would print it.
#[derive(clap::Parser)]
pub struct Args<O: clap::Args> {
    #[command(flatten)]
    pub options: O,
    #[command(flatten)]
    pub scene: SceneArgs,
}

/// A scene to show. Its plugin adds [`KinestPlugins`] and spawns avatars.
pub struct Scene {
    pub name: &'static str,
    pub framing: Framing,
    /// Times to draw by default, seconds.
    pub at: Vec<f64>,
    pub plugin: Box<dyn FnOnce(&mut App)>,
}

impl Scene {
    /// Runs the scene that `scene` makes of the options on the command line, as
    /// [`run_or_tell`](Self::run_or_tell).
    #[must_use]
    pub fn from_command_line<O: clap::Args, E: Error>(
        scene: impl FnOnce(&O) -> Result<Self, E>,
    ) -> AppExit {
        let args = <Args<O> as clap::Parser>::parse();
        Self::run_or_tell(scene(&args.options), args.scene)
    }

    /// Opens a window, or draws if there is no display or a picture is requested.
    #[must_use]
    pub fn run(self, args: SceneArgs) -> AppExit {
        let at = if args.at.is_empty() { self.at.clone() } else { args.at };
        match View::choose(args.shot, &format!("{}.png", self.name)) {
            View::Window => {
                let mut app = App::new();
                View::Window.add_plugins(&mut app, self.name);
                self.build(&mut app, Target::Window);
                app.run()
            }
            View::Pictures(path) => {
                let size = if at.len() == 1 { ALONE } else { IN_A_ROW };
                self.draw(path, at, size)
            }
            View::Nothing => AppExit::error(),
        }
    }

    /// As [`run`](Self::run); a scene that cannot be made says why.
    #[must_use]
    pub fn run_or_tell(scene: Result<Self, impl Error>, args: SceneArgs) -> AppExit {
        match scene {
            Ok(scene) => scene.run(args),
            Err(error) => {
                let causes = successors(error.source(), |cause| (*cause).source());
                let causes: String = causes.map(|cause| format!(": {cause}")).collect();
                eprintln!("error: {error}{causes}");
                AppExit::error()
            }
        }
    }

    /// Draws the scene at times `at` (seconds) off-screen, as pictures of `size` pixels, identical
    /// in every run.
    #[must_use]
    pub fn draw(self, path: PathBuf, at: Vec<f64>, size: UVec2) -> AppExit {
        let mut app = App::new();
        // Every frame has the pose of its own trackers, and time starts when everything is loaded.
        let clock = TrackerClock::Virtual;
        app.insert_resource(KinestSettings { clock, ..KinestSettings::inline() });
        View::Pictures(path.clone()).add_plugins(&mut app, self.name);
        app.world_mut().resource_mut::<Time<Virtual>>().pause();

        let end = at.iter().copied().fold(0.0, f64::max);
        capture::plugin(&mut app, path, at, size);
        app.insert_resource(End(end)).add_systems(Update, keep_time.in_set(MomentSystems));
        self.build(&mut app, Target::Image(size));
        app.run()
    }

    fn build(self, app: &mut App, target: Target) {
        app.add_plugins(Stage { framing: self.framing, target })
            .add_systems(Update, look_at_bodies.before(FollowSystems))
            .add_systems(Last, stop_on_failure)
            .add_observer(stop_without_rig);
        (self.plugin)(app);
    }
}

/// Time of the last picture, seconds.
#[derive(Resource)]
struct End(f64);

/// Starts time once every model is open and every character is bound.
fn keep_time(
    end: Res<End>,
    mut time: ResMut<Time<Virtual>>,
    mut moment: ResMut<Moment>,
    mut ready: MessageReader<KinestReady>,
    avatars: Query<&KinestAvatar>,
    rigs: Query<Has<RigBones>, With<KinestRig>>,
    mut open: Local<HashSet<AssetId<PoseModel>>>,
) {
    open.extend(ready.read().map(|ready| ready.model));
    if time.is_paused() {
        let all_open = avatars.iter().all(|avatar| open.contains(&avatar.model.id()));
        if !all_open || !rigs.iter().all(|bound| bound) {
            return;
        }
        time.unpause();
    }
    let seconds = time.elapsed_secs_f64();
    let over = capture::frame(seconds) > capture::frame(end.0);
    *moment = if over { Moment::Over } else { Moment::At(seconds) };
}

/// Points the camera at the centre of all bodies, joints and characters alike.
fn look_at_bodies(
    joints: Query<&SmplSkeleton>,
    characters: Query<&RigBones>,
    places: Query<&GlobalTransform>,
    mut camera: Single<&mut Follow>,
) {
    let joints = joints.iter().map(|body| body.joint(SmplJoint::Pelvis));
    let bones = characters.iter().filter_map(|body| body.bone(SmplJoint::Pelvis));
    let pelvises = joints.chain(bones).filter_map(|pelvis| places.get(pelvis).ok());
    let points: Vec<Vec3> = pelvises.map(|place| place.translation().with_y(0.0)).collect();
    if !points.is_empty() {
        camera.goal = Some(points.iter().sum::<Vec3>() / points.len() as f32);
    }
}

fn stop_on_failure(mut failed: MessageReader<KinestFailed>, mut exit: MessageWriter<AppExit>) {
    for KinestFailed { reason, .. } in failed.read() {
        eprintln!("error: the model cannot be run: {reason}");
        exit.write(AppExit::error());
    }
}

fn stop_without_rig(failed: On<RigFailed>, mut exit: MessageWriter<AppExit>) {
    eprintln!("error: the character stays as it is: {}", failed.reason);
    exit.write(AppExit::error());
}
