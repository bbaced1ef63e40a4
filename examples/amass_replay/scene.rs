//! What there is to see: two bodies, a floor, light and a camera that follows.

use super::playback::{Playback, PlaybackSystems};
use bevy::camera::RenderTarget;
use bevy::light::CascadeShadowConfigBuilder;
use bevy::prelude::*;
use bevy::render::render_resource::{TextureFormat, TextureUsages};
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use std::f32::consts::FRAC_PI_6;

/// The estimated body stands where the trackers are, the true one beside it, to the left in the picture.
const TRUE_BODY: Vec3 = Vec3::new(-1.53, 0.0, 0.46);

const LEFT: Color = Color::srgb(0.96, 0.50, 0.16);
const RIGHT: Color = Color::srgb(0.16, 0.47, 0.90);
/// Head and trunk of the true and of the estimated body.
const TRUE_TRUNK: Color = Color::srgb(0.95, 0.93, 0.88);
const ESTIMATED_TRUNK: Color = Color::srgb(0.26, 0.30, 0.36);
const VISOR: Color = Color::srgb(0.08, 0.09, 0.11);
const BACKGROUND: Color = Color::srgb(0.87, 0.90, 0.93);
const TILES: [Color; 2] = [Color::srgb(0.72, 0.75, 0.78), Color::srgb(0.62, 0.66, 0.70)];

/// Tiles of the floor are half a metre wide.
const TILE: f32 = 0.5;
const TILES_ACROSS: i32 = 80;

/// What the camera must have in view, metres.
const VIEW_WIDTH: f32 = 3.3;
const VIEW_HEIGHT: f32 = 2.7;
const LOOK_AT_HEIGHT: f32 = 1.03;
/// From where the camera looks, relative to what it looks at: a little from the left of somebody who
/// faces −y in AMASS space, and square to the line between the bodies.
const CAMERA_DIRECTION: Vec3 = Vec3::new(0.3, 0.2, 1.0);
const FIELD_OF_VIEW: f32 = FRAC_PI_6;
/// How quickly the camera follows, per second.
const FOLLOW: f32 = 8.0;

/// Where the picture goes.
#[derive(Clone, Copy)]
pub enum Target {
    Window,
    /// Of this size in pixels.
    Image(UVec2),
}

/// The image drawn into, where there is no window.
#[derive(Resource)]
pub struct TargetImage(pub Handle<Image>);

/// Root of the body that shows the clip itself.
#[derive(Component)]
struct TrueBody;

/// What the camera looks at; on the floor.
#[derive(Component)]
struct Follow {
    point: Option<Vec3>,
    distance: f32,
}

#[derive(Component)]
struct Floor;

pub fn plugin(app: &mut App, skeleton: Skeleton, target: Target) {
    let bodies = move |mut commands: Commands,
                       avatar: Single<Entity, With<KinestAvatar>>,
                       mut meshes: ResMut<Assets<Mesh>>,
                       mut materials: ResMut<Assets<StandardMaterial>>| {
        let true_body = commands.spawn((TrueBody, Transform::from_translation(TRUE_BODY))).id();
        for (body, trunk) in [(true_body, TRUE_TRUNK), (*avatar, ESTIMATED_TRUNK)] {
            commands.entity(body).insert(Visibility::default());
            spawn_body(&mut commands, &mut meshes, &mut materials, &skeleton, body, trunk);
        }
    };
    app.insert_resource(ClearColor(BACKGROUND))
        .insert_resource(GlobalAmbientLight { brightness: 700.0, ..default() })
        .add_systems(Startup, (bodies, spawn_floor, spawn_light, spawn_camera(target)))
        .add_systems(Update, (show_truth, follow).chain().after(PlaybackSystems));
}

/// A body of capsules on 22 joint entities under `body`.
fn spawn_body(
    commands: &mut Commands,
    meshes: &mut Assets<Mesh>,
    materials: &mut Assets<StandardMaterial>,
    skeleton: &Skeleton,
    body: Entity,
    trunk: Color,
) {
    let mut paint = |color| {
        materials.add(StandardMaterial {
            base_color: color,
            perceptual_roughness: 0.75,
            reflectance: 0.25,
            ..default()
        })
    };
    let [left, right, trunk, visor] = [LEFT, RIGHT, trunk, VISOR].map(&mut paint);
    let of_side = |joint: SmplJoint| match joint.name().split_at(2).0 {
        "L_" => &left,
        "R_" => &right,
        _ => &trunk,
    };
    let joints = SmplSkeleton::spawn(commands, body);
    let mut part = |joint: SmplJoint, mesh: Mesh, at: Transform, material: &Handle<_>| {
        let entity = joints.joint(joint);
        commands.entity(entity).insert(Visibility::default());
        commands.entity(entity).with_child((
            Mesh3d(meshes.add(mesh)),
            MeshMaterial3d(material.clone()),
            at,
        ));
    };
    for joint in SmplJoint::ALL {
        let Some(parent) = joint.parent() else { continue };
        let bone = skeleton.offsets[joint.index()].as_vec3();
        let (mesh, at) = capsule(Vec3::ZERO, bone, bone_radius(joint));
        part(parent, mesh, at, of_side(joint));
    }
    let (head, at) = capsule(Vec3::new(0.0, 0.05, 0.02), Vec3::new(0.0, 0.13, 0.01), 0.093);
    part(SmplJoint::Head, head, at, &trunk);
    let at = Transform::from_xyz(0.0, 0.105, 0.1);
    part(SmplJoint::Head, Cuboid::new(0.16, 0.075, 0.05).into(), at, &visor);
    for (joint, sign) in [(SmplJoint::LeftWrist, 1.0), (SmplJoint::RightWrist, -1.0)] {
        let (hand, at) = capsule(Vec3::ZERO, Vec3::new(sign * 0.1, -0.005, 0.01), 0.036);
        part(joint, hand, at, of_side(joint));
    }
    for joint in [SmplJoint::LeftAnkle, SmplJoint::RightAnkle] {
        let sole = -skeleton.ankle_height as f32;
        let (heel, at) =
            capsule(Vec3::new(0.0, -0.01, 0.0), Vec3::new(0.0, sole + 0.034, -0.03), 0.034);
        part(joint, heel, at, of_side(joint));
    }
    for joint in [SmplJoint::LeftFoot, SmplJoint::RightFoot] {
        let (toes, at) = capsule(Vec3::ZERO, Vec3::new(0.0, -0.002, 0.055), 0.026);
        part(joint, toes, at, of_side(joint));
    }
}

fn capsule(from: Vec3, to: Vec3, radius: f32) -> (Mesh, Transform) {
    let along = to - from;
    let turn = Quat::from_rotation_arc(Vec3::Y, along.normalize_or(Vec3::Y));
    let at = Transform::from_translation((from + to) / 2.0).with_rotation(turn);
    (Capsule3d::new(radius, along.length()).into(), at)
}

/// How thick the body is between a joint and its parent, metres.
fn bone_radius(joint: SmplJoint) -> f32 {
    use SmplJoint::*;
    match joint {
        Pelvis | LeftHip | RightHip => 0.088,
        Spine1 => 0.112,
        Spine2 | Spine3 => 0.118,
        Neck => 0.07,
        LeftCollar | RightCollar => 0.085,
        Head => 0.05,
        LeftShoulder | RightShoulder => 0.062,
        LeftElbow | RightElbow => 0.046,
        LeftWrist | RightWrist => 0.038,
        LeftKnee | RightKnee => 0.07,
        LeftAnkle | RightAnkle => 0.05,
        LeftFoot | RightFoot => 0.032,
    }
}

/// A checkered floor: without it one could not see anybody walk.
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

fn spawn_camera(target: Target) -> impl FnMut(Commands, ResMut<Assets<Image>>) {
    move |mut commands, mut images| {
        let aspect = match target {
            Target::Window => 16.0 / 9.0,
            Target::Image(size) => size.x as f32 / size.y as f32,
        };
        let tall = VIEW_HEIGHT.max(VIEW_WIDTH / aspect);
        let distance = tall / 2.0 / (FIELD_OF_VIEW / 2.0).tan();
        let mut camera = commands.spawn((
            Camera3d::default(),
            Projection::from(PerspectiveProjection { fov: FIELD_OF_VIEW, ..default() }),
            Follow { point: None, distance },
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
            camera.insert(RenderTarget::Image(image.clone().into()));
            commands.insert_resource(TargetImage(image));
        }
    }
}

/// Puts the clip's pose onto the true body.
fn show_truth(
    playback: Res<Playback>,
    body: Single<&SmplSkeleton, With<TrueBody>>,
    mut transforms: Query<&mut Transform>,
) {
    let (pose, skeleton) = (&playback.truth, &playback.skeleton);
    for joint in SmplJoint::ALL {
        let j = joint.index();
        let Ok(mut transform) = transforms.get_mut(body.joint(joint)) else { continue };
        *transform = if joint.parent().is_none() {
            Transform::from_translation(engine_from_amass_point(
                pose.translation + skeleton.offsets[j],
            ))
            .with_rotation(engine_from_amass_rotation(pose.rotations[j]))
        } else {
            Transform::from_translation(skeleton.offsets[j].as_vec3())
                .with_rotation(pose.rotations[j].as_quat())
        };
    }
}

/// Keeps both bodies in view, softly, and a floor under them.
fn follow(
    playback: Res<Playback>,
    time: Res<Time>,
    camera: Single<(&mut Transform, &mut Follow)>,
    mut floor: Single<&mut Transform, (With<Floor>, Without<Follow>)>,
) {
    let (mut transform, mut follow) = camera.into_inner();
    let pelvis = engine_from_amass_point(playback.truth.translation);
    let goal = Vec3::new(pelvis.x, 0.0, pelvis.z) + TRUE_BODY / 2.0;
    let part = 1.0 - (-FOLLOW * time.delta_secs()).exp();
    let point = follow.point.map_or(goal, |point| point.lerp(goal, part));
    follow.point = Some(point);
    let look_at = point + Vec3::Y * LOOK_AT_HEIGHT;
    *transform =
        Transform::from_translation(look_at + CAMERA_DIRECTION.normalize() * follow.distance)
            .looking_at(look_at, Vec3::Y);
    // Two tiles make the pattern whole again, so that the floor does not seem to move.
    floor.translation = (point / (2.0 * TILE)).round() * (2.0 * TILE);
}
