//! A glTF character beside a body of capsules, both driven by the same player.
//!
//! ```sh
//! cargo run --release --example retarget
//! cargo run --release --example retarget -- --character FILE.glb --motion FILE.npz
//! ```
//!
//! ![The mannequin and a body of capsules at four times](../assets/pictures/retarget.png)
//!
//! The character's bones are found by name and shape; the mapping is printed with confidence and
//! evidence. VRM files must be named `.glb`. Without a display it draws `retarget.png`.

use bevy::asset::AssetPath;
use bevy::gltf::GltfAssetLabel;
use bevy::prelude::*;
use bevy_kinest::kinest::motion::{MotionClip, MotionError, amass, synthetic};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, Framing, Scene, SceneArgs};
use std::path::PathBuf;

/// Offset of the capsules from the character, metres.
const BESIDE: Vec3 = Vec3::new(1.15, 0.0, -0.35);

#[derive(clap::Args, Default)]
pub struct Options {
    /// Character to drive [default: assets/rigs/mannequin.glb]
    #[arg(long, value_name = "FILE.glb")]
    character: Option<PathBuf>,
    /// AMASS clip to replay [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE.npz")]
    motion: Option<PathBuf>,
}

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    scene: SceneArgs,
}

fn main() -> AppExit {
    let args = Args::parse();
    match scene(&args.options) {
        Ok(scene) => scene.run(args.scene),
        Err(error) => {
            eprintln!("error: {error}");
            AppExit::error()
        }
    }
}

pub fn scene(options: &Options) -> Result<Scene, MotionError> {
    let clip = match &options.motion {
        Some(path) => amass::load(path)?,
        None => synthetic::walk_and_wave(&default()),
    };
    let character = match &options.character {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => "rigs/mannequin.glb".into(),
    };
    let framing =
        Framing { width: 2.9, height: 2.3, look_at: 0.95, direction: Vec3::new(0.3, 0.2, 1.0) };
    Ok(Scene {
        name: "retarget",
        framing,
        at: [0.3, 0.5, 0.7, 0.9].map(|part| part * clip.duration()).into(),
        plugin: Box::new(move |app| {
            app.add_plugins(KinestPlugins)
                .add_systems(Startup, spawn_player(clip, character))
                .add_observer(report)
                .add_systems(PostUpdate, show_beside.in_set(KinestSystems::Writeback));
        }),
    })
}

/// The capsule body that shows the pose driving the character.
#[derive(Component)]
struct Beside(Entity);

fn spawn_player(clip: MotionClip, character: PathBuf) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        let scene =
            GltfAssetLabel::Scene(0).from_asset(AssetPath::from_path_buf(character.clone()));
        let avatar = commands.spawn((
            KinestAvatar::new(assets.load("models/kinest_stream.model.ron")),
            MotionReplay::clip(clip.clone(), Skeleton::default()).repeating(),
            WorldAssetRoot(assets.load(scene)),
            KinestRig::default(),
        ));
        let beside = Beside(avatar.id());
        commands.spawn((beside, CapsuleBody::default(), Transform::from_translation(BESIDE)));
    }
}

/// Prints the found bones.
fn report(bound: On<RigBound>) {
    println!("{}\nleast sure: {:.2}", bound.report, bound.confidence);
}

/// A [`BodyPose`] can be read and shown anywhere.
fn show_beside(
    bodies: Query<&BodyPose>,
    copies: Query<(&Beside, &SmplSkeleton)>,
    mut transforms: Query<&mut Transform>,
) {
    for (Beside(avatar), joints) in &copies {
        let Ok(body) = bodies.get(*avatar) else { continue };
        for joint in SmplJoint::ALL {
            let Ok(mut transform) = transforms.get_mut(joints.joint(joint)) else { continue };
            transform.rotation = body.pose_z_up().rotations[joint.index()].as_quat();
            if joint.parent().is_none() {
                *transform = body.joint_transform(joint);
            }
        }
    }
}
