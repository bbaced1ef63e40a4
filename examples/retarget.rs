//! Any glTF or VRM character beside a body of capsules, both driven by the same player.
//!
//! ```sh
//! cargo run --release --example retarget
//! cargo run --release --example retarget -- --character FILE.glb --motion FILE.bvh
//! cargo run --release --example retarget -- --character FILE.vrm --json
//! cargo run --release --example retarget -- --character FILE.glb --bones
//! ```
//!
//! ![The mannequin and a body of capsules at four times](../assets/pictures/retarget.png)
//!
//! The character's bones are found by name and shape; the mapping is printed with confidence and
//! evidence. `--json` prints it for programs, and needs neither a window nor a graphics adapter.
//! Without a display it draws `retarget.png`.

use bevy::asset::AssetPath;
use bevy::gltf::{GltfAssetLabel, GltfLoaderSettings};
use bevy::prelude::*;
use bevy_kinest::kinest::motion::{MotionClip, synthetic};
use bevy_kinest::kinest::rig::{ModelNodes, RigReport};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, CharacterFile, Framing, Scene, SceneArgs, load_motion};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Offset of the capsules from the character, metres.
const BESIDE: Vec3 = Vec3::new(1.15, 0.0, -0.35);

#[derive(clap::Args, Default)]
pub struct Options {
    /// Character to drive, a .glb, .gltf or .vrm [default: assets/rigs/mannequin.glb]
    #[arg(long, value_name = "FILE")]
    character: Option<PathBuf>,
    /// Motion to replay: AMASS .npz, BVH, AMC, glTF or VRM animation [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE")]
    motion: Option<PathBuf>,
    /// Draw lines between the bones that were found, over the character
    #[arg(long)]
    bones: bool,
}

impl Options {
    fn character(&self) -> PathBuf {
        let mannequin =
            || concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/rigs/mannequin.glb").into();
        self.character.clone().unwrap_or_else(mannequin)
    }
}

/// Shows a character beside a body of capsules, both driven by the same player
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Print the character's bones as JSON instead: {"map": {"pelvis": NODE, …}, "confidence": …},
    /// or {"failed": REASON} and exit status 1
    #[arg(long, conflicts_with_all = ["motion", "shot", "at"])]
    json: bool,
    #[command(flatten)]
    scene: SceneArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.json {
        let report = bones(&args.options.character());
        println!("{}", serde_json::json!(report));
        return match report {
            RigReport::Found { .. } => ExitCode::SUCCESS,
            RigReport::Failed { .. } => ExitCode::FAILURE,
        };
    }
    match scene(&args.options).map(|scene| scene.run(args.scene)) {
        Ok(AppExit::Success) => ExitCode::SUCCESS,
        Ok(AppExit::Error(code)) => ExitCode::from(code.get()),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The bones of the character in a file.
pub fn bones(character: &Path) -> RigReport {
    let found = ModelNodes::from_gltf_file(character)
        .map_err(|error| error.to_string())
        .and_then(|nodes| nodes.find(&default()).map_err(|error| error.to_string()));
    match found {
        Ok(found) => RigReport::from(&found.map),
        Err(failed) => RigReport::Failed { failed },
    }
}

pub fn scene(options: &Options) -> anyhow::Result<Scene> {
    let clip = match &options.motion {
        Some(path) => load_motion(path)?,
        None => synthetic::walk_and_wave(&default()),
    };
    let character = CharacterFile::read(&options.character())?;
    match character.missing_textures() {
        0 => {}
        n => eprintln!("{n} of the character's textures cannot be decoded and are left out"),
    }
    let framing =
        Framing { width: 2.9, height: 2.3, look_at: 0.95, direction: Vec3::new(0.3, 0.2, 1.0) };
    let draws_bones = options.bones;
    Ok(Scene {
        name: "retarget",
        framing,
        at: [0.3, 0.5, 0.7, 0.9].map(|part| part * clip.duration()).into(),
        plugin: Box::new(move |app| {
            let character = character.add_to(app);
            app.add_plugins(KinestPlugins)
                .add_systems(Startup, spawn_player(clip, character))
                .add_observer(report)
                .add_systems(PostUpdate, show_beside.in_set(KinestSystems::Writeback));
            if draws_bones {
                let line = GizmoLineConfig { width: 4.0, ..default() };
                let config = GizmoConfig { depth_bias: -1.0, line, ..default() };
                app.insert_gizmo_config(DefaultGizmoConfigGroup, config)
                    .add_systems(PostUpdate, show_bones.after(TransformSystems::Propagate));
            }
        }),
    })
}

/// The capsule body that shows the pose driving the character.
#[derive(Component)]
struct Beside(Entity);

fn spawn_player(
    clip: MotionClip,
    character: AssetPath<'static>,
) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        let scene = GltfAssetLabel::Scene(0).from_asset(character.clone());
        let only_the_body = |settings: &mut GltfLoaderSettings| {
            settings.load_cameras = false;
            settings.load_lights = false;
            settings.load_animations = false;
        };
        let scene = assets.load_builder().with_settings(only_the_body).load(scene);
        let avatar = commands.spawn((
            KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
            MotionReplay::clip(clip.clone(), Skeleton::default()).repeating(),
            WorldAssetRoot(scene),
            KinestRig::default(),
        ));
        let beside = Beside(avatar.id());
        commands.spawn((beside, CapsuleBody::default(), Transform::from_translation(BESIDE)));
    }
}

/// Prints the found bones.
fn report(bound: On<RigBound>) {
    println!("{}\nconfidence: {:.2}", bound.report, bound.confidence);
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

/// Draws a line from each bone to the next one above it that was found.
fn show_bones(rigs: Query<&RigBones>, places: Query<&GlobalTransform>, mut gizmos: Gizmos) {
    for bones in &rigs {
        let place = |joint: SmplJoint| Some(places.get(bones.bone(joint)?).ok()?.translation());
        for joint in SmplJoint::ALL {
            let mut above = std::iter::successors(joint.parent(), |joint| joint.parent());
            if let (Some(from), Some(to)) = (above.find_map(place), place(joint)) {
                gizmos.line(from, to, Color::srgb(0.8, 0.1, 0.1));
            }
        }
    }
}
