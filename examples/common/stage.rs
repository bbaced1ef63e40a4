//! A floor, lights and a following camera.

use crate::body::CapsuleBodies;
use bevy::camera::RenderTarget;
use bevy::core_pipeline::tonemapping::DebandDither;
use bevy::light::CascadeShadowConfigBuilder;
use bevy::prelude::*;
use bevy::render::render_resource::{TextureFormat, TextureUsages};
use std::f32::consts::FRAC_PI_6;

const BACKGROUND: Color = Color::srgb(0.87, 0.90, 0.93);
const TILES: [Color; 2] = [Color::srgb(0.72, 0.75, 0.78), Color::srgb(0.62, 0.66, 0.70)];

/// Width of a floor tile, metres.
const TILE: f32 = 0.5;
const TILES_ACROSS: i32 = 80;

const FIELD_OF_VIEW: f32 = FRAC_PI_6;
/// Rate at which the camera follows, per second.
const FOLLOW: f32 = 8.0;

/// Render target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Window,
    /// Of this size, pixels.
    Image(UVec2),
}

/// The image to render into, without a window.
#[derive(Resource)]
pub struct TargetImage(pub Handle<Image>);

/// What the camera frames, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Framing {
    /// Width and height that must fit.
    pub width: f32,
    pub height: f32,
    /// Height of the camera's target above the floor.
    pub look_at: f32,
    /// Direction from the target to the camera. A person facing −y in AMASS space faces +z here.
    pub direction: Vec3,
}

impl Default for Framing {
    /// One body, from the front, slightly above and to the side.
    fn default() -> Self {
        Self { width: 1.9, height: 2.2, look_at: 0.95, direction: Vec3::new(0.3, 0.2, 1.0) }
    }
}

/// On the camera: its target.
#[derive(Component, Debug)]
pub struct Follow {
    /// A point on the floor that the camera approaches smoothly; `None` stays.
    pub goal: Option<Vec3>,
    point: Option<Vec3>,
    framing: Framing,
    distance: f32,
}

/// Moves the camera in `Update`; set [`Follow::goal`] before it.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FollowSystems;

#[derive(Component)]
struct Floor;

/// A checkered floor, lights, a camera, and capsules for each [`CapsuleBody`](crate::CapsuleBody).
pub struct Stage {
    pub framing: Framing,
    pub target: Target,
}

impl Plugin for Stage {
    fn build(&self, app: &mut App) {
        app.insert_resource(ClearColor(BACKGROUND))
            .insert_resource(GlobalAmbientLight { brightness: 700.0, ..default() })
            .add_plugins(CapsuleBodies)
            .add_systems(
                Startup,
                (spawn_floor, spawn_light, spawn_camera(self.framing, self.target)),
            )
            .add_systems(Update, follow.in_set(FollowSystems));
    }
}

/// A checkered floor: without it walking would not be visible.
fn spawn_floor(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let floor = commands.spawn((Floor, Transform::default(), Visibility::default())).id();
    for (parity, color) in TILES.into_iter().enumerate() {
        let mut mesh: Option<Mesh> = None;
        let half = TILES_ACROSS / 2;
        let tiles = (-half..half).flat_map(|x| (-half..half).map(move |z| IVec2::new(x, z)));
        for tile in tiles.filter(|t| (t.x + t.y).rem_euclid(2) == parity as i32) {
            let centre = (tile.as_vec2() + 0.5) * TILE;
            let square = Mesh::from(Plane3d::new(Vec3::Y, Vec2::splat(TILE / 2.0)))
                .translated_by(Vec3::new(centre.x, 0.0, centre.y));
            match &mut mesh {
                None => mesh = Some(square),
                Some(mesh) => mesh.merge(&square).expect("squares have the same attributes"),
            }
        }
        let material = materials.add(StandardMaterial {
            base_color: color,
            perceptual_roughness: 0.95,
            reflectance: 0.1,
            ..default()
        });
        let mesh = Mesh3d(meshes.add(mesh.expect("a floor has tiles")));
        commands.entity(floor).with_child((mesh, MeshMaterial3d(material)));
    }
}

fn spawn_light(mut commands: Commands) {
    commands.spawn((
        DirectionalLight {
            illuminance: 9_000.0,
            color: Color::srgb(1.0, 0.97, 0.92),
            shadow_maps_enabled: true,
            ..default()
        },
        CascadeShadowConfigBuilder { num_cascades: 1, maximum_distance: 14.0, ..default() }.build(),
        Transform::from_xyz(-2.0, 5.0, 3.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

fn spawn_camera(framing: Framing, target: Target) -> impl FnMut(Commands, ResMut<Assets<Image>>) {
    move |mut commands, mut images| {
        let aspect = match target {
            Target::Window => 16.0 / 9.0,
            Target::Image(size) => size.x as f32 / size.y as f32,
        };
        let tall = framing.height.max(framing.width / aspect);
        let distance = tall / 2.0 / (FIELD_OF_VIEW / 2.0).tan();
        let mut camera = commands.spawn((
            Camera3d::default(),
            Projection::from(PerspectiveProjection { fov: FIELD_OF_VIEW, ..default() }),
            Follow { goal: None, point: None, framing, distance },
            DistanceFog {
                color: BACKGROUND,
                falloff: FogFalloff::Linear { start: distance + 2.0, end: distance + 13.0 },
                ..default()
            },
        ));
        if let Target::Image(size) = target {
            let mut image =
                Image::new_target_texture(size.x, size.y, TextureFormat::Rgba8UnormSrgb, None);
            image.texture_descriptor.usage |= TextureUsages::COPY_SRC;
            let image = images.add(image);
            // Without dithering, pictures are less than half as large and compare well.
            camera.insert((RenderTarget::Image(image.clone().into()), DebandDither::Disabled));
            commands.insert_resource(TargetImage(image));
        }
    }
}

/// Keeps the target in view, smoothly, and the floor below it.
fn follow(
    time: Res<Time>,
    camera: Single<(&mut Transform, &mut Follow)>,
    mut floor: Single<&mut Transform, (With<Floor>, Without<Follow>)>,
) {
    let (mut transform, mut follow) = camera.into_inner();
    let part = 1.0 - (-FOLLOW * time.delta_secs()).exp();
    let goal = follow.goal.or(follow.point).unwrap_or_default();
    let point = follow.point.map_or(goal, |point| point.lerp(goal, part));
    follow.point = follow.goal.map(|_| point);
    let look_at = point + Vec3::Y * follow.framing.look_at;
    let from = follow.framing.direction.normalize() * follow.distance;
    *transform = Transform::from_translation(look_at + from).looking_at(look_at, Vec3::Y);
    // Moves by whole periods of the pattern (two tiles), so that the floor does not seem to move.
    floor.translation = (point / (2.0 * TILE)).round() * (2.0 * TILE);
}
