//! A character that does what is written: a field for the whole body, and six boxes for its groups.
//!
//! ```sh
//! cargo run --release --example say_it
//! cargo run --release --example say_it -- --text "walks forward, then bows" --library all.library --data AMASS
//! ```
//!
//! Type; Tab goes to the next box, Enter lets the character do it, Escape stops what is being made.
//! Without a display it draws `say_it.png`.

use bevy::input::ButtonState;
use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::prelude::*;
use bevy_kinest::kinest::skeleton::{Group, Skeleton};
use bevy_kinest::kinest_language::Library;
use bevy_kinest::kinest_language::generate::{Generator, MotionFolder, Repertoire};
use bevy_kinest::prelude::*;
use bevy_kinest::{MakingMotion, MotionGenerator, MotionMade, NoMotion, Say};
use clap::Parser;
use kinest_stage::{Args, CapsuleBody, Framing, Scene};
use std::path::PathBuf;

const TEXT: Color = Color::srgb(0.08, 0.09, 0.11);
const FAINT: Color = Color::srgb(0.48, 0.52, 0.57);
const ACTIVE: Color = Color::srgb(0.85, 0.25, 0.05);

#[derive(clap::Args)]
pub struct Options {
    /// What the character does first
    #[arg(long, default_value = "a person walks forward and waves with the right hand")]
    text: String,
    /// A library that `kinest-train library` made [default: synthetic motion]
    #[arg(long, requires = "data")]
    library: Option<PathBuf>,
    /// The folder that it was made of
    #[arg(long, requires = "library")]
    data: Option<PathBuf>,
}

fn main() -> AppExit {
    let args = Args::<Options>::parse();
    scene(args.options).run(args.scene)
}

pub fn scene(options: Options) -> Scene {
    Scene {
        name: "say_it",
        framing: Framing { width: 3.4, direction: Vec3::new(0.0, 0.15, 1.0), ..default() },
        at: vec![8.0],
        plugin: Box::new(move |app| {
            let generator = match (options.library, options.data) {
                (Some(library), Some(data)) => {
                    MotionGenerator::open(Skeleton::default(), move || {
                        let motions = MotionFolder(data.clone());
                        let library = Library::load(&library)?;
                        Ok(Generator::new(Repertoire::new(library, motions, Skeleton::default())))
                    })
                }
                _ => MotionGenerator::synthetic(),
            };
            let mut form = Form::default();
            form.boxes[0] = options.text;
            app.add_plugins(KinestPlugins)
                .insert_resource(generator)
                .insert_resource(form)
                .add_systems(Startup, (spawn_character, set_up_text))
                .add_systems(Update, (write, show_form).chain())
                .add_observer(play)
                .add_observer(complain);
        }),
    }
}

/// The field of the whole body and the boxes of the groups.
#[derive(Resource, Default)]
struct Form {
    boxes: [String; 7],
    active: usize,
    /// What came of it.
    answer: String,
}

impl Form {
    fn say(&self) -> Say {
        let groups = Group::ALL.into_iter().zip(&self.boxes[1..]);
        groups.fold(Say::new(&self.boxes[0]), |say, (group, text)| say.group(group, text))
    }
}

/// Text is in front of everything.
fn set_up_text(mut gizmos: ResMut<GizmoConfigStore>) {
    let (config, _) = gizmos.config_mut::<DefaultGizmoConfigGroup>();
    config.depth_bias = -1.0;
}

fn spawn_character(mut commands: Commands, assets: Res<AssetServer>, form: Res<Form>) {
    let avatar = KinestAvatar::new(assets.load("models/kinest_full.model.ron"));
    commands.spawn((avatar, CapsuleBody::default(), form.say()));
}

/// Takes what is typed.
fn write(
    mut commands: Commands,
    mut keys: MessageReader<KeyboardInput>,
    mut form: ResMut<Form>,
    character: Single<Entity, With<KinestAvatar>>,
) {
    for key in keys.read().filter(|key| key.state == ButtonState::Pressed) {
        let active = form.active;
        match &key.logical_key {
            Key::Tab => form.active = (active + 1) % form.boxes.len(),
            Key::Backspace => {
                form.boxes[active].pop();
            }
            Key::Enter => {
                form.answer.clear();
                let say = form.say();
                commands.entity(*character).insert(say);
            }
            Key::Escape => {
                commands.entity(*character).remove::<(Say, MakingMotion)>();
            }
            _ => {
                let typed = key.text.as_deref().unwrap_or_default();
                form.boxes[active].extend(typed.chars().filter(|letter| !letter.is_control()));
            }
        }
    }
}

/// Repeats what was made, and says what it is.
fn play(made: On<MotionMade>, mut replays: Query<&mut MotionReplay>, mut form: ResMut<Form>) {
    if let Ok(mut replay) = replays.get_mut(made.entity) {
        replay.repeats = true;
    }
    println!("by {}: {}", made.report.method, made.report.judged.told);
    form.answer.clone_from(&made.report.judged.told);
}

fn complain(none: On<NoMotion>, mut form: ResMut<Form>) {
    eprintln!("{}", none.error);
    form.answer = none.error.to_string();
}

/// Draws the form before the camera, in metres at the distance of the body.
fn show_form(
    form: Res<Form>,
    bodies: Query<(&BodyPose, Option<&MakingMotion>)>,
    camera: Single<&Transform, With<Camera3d>>,
    mut gizmos: Gizmos,
) {
    const ROW: f32 = 0.1;
    const LETTER: f32 = 0.055;
    for (body, making) in &bodies {
        let pelvis = body.joint_transform(SmplJoint::Pelvis).translation;
        let distance = camera.translation.distance(pelvis);
        let at = |x: f32, y: f32| {
            let place = camera.transform_point(Vec3::new(x, y, -distance));
            Isometry3d::new(place, camera.rotation)
        };
        let left = Vec2::new(-0.5, 0.0);
        for (i, text) in form.boxes.iter().enumerate() {
            let name = if i == 0 { "body" } else { Group::ALL[i - 1].name() };
            let y = 1.1 - ROW * i as f32;
            let color = if i == form.active { ACTIVE } else { FAINT };
            gizmos.text(at(-1.65, y), &name.replace('_', " "), LETTER, left, color);
            gizmos.text(at(-1.15, y), text, LETTER, left, TEXT);
        }
        let answer = match making {
            Some(making) => format!("{:.0} %", 100.0 * making.progress()),
            None => form.answer.clone(),
        };
        gizmos.text(at(0.0, -1.1), &answer, LETTER, Vec2::ZERO, TEXT);
    }
}
