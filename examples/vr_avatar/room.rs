//! A room with a mirror in its wall. The mirror is a hole with a mirrored room behind it: this is
//! what both eyes see in a mirror, without the cost of another camera.

use bevy::camera::visibility::RenderLayers;
use bevy::light::{CascadeShadowConfigBuilder, DirectionalLightShadowMap};
use bevy::prelude::*;

/// Position of the mirror, metres: in the middle of a row of tiles, so that the floor continues
/// seamlessly.
pub const MIRROR_Z: f32 = -1.75;
/// Render layer of parts hidden from their own player: the inside of the head.
pub const HEAD_LAYER: usize = 1;

const TILE: f32 = 0.5;
/// Half of the room's width, its length and its height, metres.
const HALF_WIDTH: f32 = 2.25;
const LENGTH: f32 = 4.5;
const HEIGHT: f32 = 2.75;
const THICKNESS: f32 = 0.06;
/// The mirror: half of its width, lower and upper edge, metres.
const GLASS: [f32; 3] = [0.9, 0.1, 2.2];
const FRAME: f32 = 0.05;
const LAP: f32 = 0.01;

const TILES: [Color; 2] = [Color::srgb(0.62, 0.55, 0.47), Color::srgb(0.54, 0.47, 0.40)];
const WALL: Color = Color::srgb(0.80, 0.82, 0.83);
const WOOD: Color = Color::srgb(0.28, 0.20, 0.14);
const BEHIND: Color = Color::srgb(0.55, 0.63, 0.68);

pub fn plugin(app: &mut App) {
    app.insert_resource(ClearColor(BEHIND))
        .insert_resource(DirectionalLightShadowMap { size: 1024 })
        .insert_resource(GlobalAmbientLight { brightness: 900.0, ..default() })
        .add_systems(Startup, (build, light));
}

fn build(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let mut paint = |color| {
        materials.add(StandardMaterial {
            base_color: color,
            perceptual_roughness: 0.95,
            reflectance: 0.1,
            ..default()
        })
    };
    let [light, dark, wall, wood] = [TILES[0], TILES[1], WALL, WOOD].map(&mut paint);
    let front = MIRROR_Z - LENGTH;
    let back = MIRROR_Z + LENGTH;
    let (across, along) = ((2.0 * HALF_WIDTH / TILE) as i32, (LENGTH / TILE) as i32);
    // Every other tile, on a floor of the other colour.
    let mut tiles: Option<Mesh> = None;
    for i in 0..across {
        for j in -along..=along {
            if (i + j) % 2 != 0 {
                continue;
            }
            let x = -HALF_WIDTH + i as f32 * TILE;
            let z = MIRROR_Z + (j as f32 - 0.5) * TILE;
            let (from, to) =
                (Vec2::new(x, z.max(front)), Vec2::new(x + TILE, (z + TILE).min(back)));
            let middle = (from + to) / 2.0;
            let tile = Mesh::from(Plane3d::new(Vec3::Y, (to - from) / 2.0))
                .translated_by(Vec3::new(middle.x, 0.0, middle.y));
            match &mut tiles {
                None => tiles = Some(tile),
                Some(tiles) => tiles.merge(&tile).expect("squares have the same attributes"),
            }
        }
    }
    if let Some(tiles) = tiles {
        commands.spawn((Mesh3d(meshes.add(tiles)), MeshMaterial3d(light)));
    }
    let mut place = |from: Vec3, to: Vec3, material: &Handle<StandardMaterial>| {
        let size = (to - from).abs();
        commands.spawn((
            Mesh3d(meshes.add(Cuboid::from_size(size))),
            MeshMaterial3d(material.clone()),
            Transform::from_translation((from + to) / 2.0),
        ));
    };

    // The floor of both rooms.
    place(Vec3::new(-HALF_WIDTH, -0.1, front), Vec3::new(HALF_WIDTH, -0.001, back), &dark);
    for side in [-1.0, 1.0] {
        let inner = side * HALF_WIDTH;
        let outer = side * (HALF_WIDTH + THICKNESS);
        place(Vec3::new(inner, 0.0, front), Vec3::new(outer, HEIGHT, back), &wall);
    }
    // The far wall of the mirrored room, which the player sees; the real one is left open for the
    // camera.
    place(
        Vec3::new(-HALF_WIDTH, 0.0, front - THICKNESS),
        Vec3::new(HALF_WIDTH, HEIGHT, front),
        &wall,
    );

    let [half, low, high] = GLASS;
    let half_thick = THICKNESS / 2.0;
    let mut around = |from: Vec2, to: Vec2, thick: f32, material: &Handle<StandardMaterial>| {
        place(from.extend(MIRROR_Z - thick), to.extend(MIRROR_Z + thick), material);
    };
    for side in [-1.0, 1.0] {
        let edge = side * half;
        around(Vec2::new(edge, 0.0), Vec2::new(side * HALF_WIDTH, HEIGHT), half_thick, &wall);
        let rim = Vec2::new(edge + side * FRAME, high + FRAME);
        // Overlaps the edges of the wall.
        let inner = Vec2::new(edge - side * LAP, low - FRAME);
        around(inner, rim, half_thick + 0.01, &wood);
    }
    around(Vec2::new(-half, high), Vec2::new(half, HEIGHT), half_thick, &wall);
    around(Vec2::new(-half, 0.0), Vec2::new(half, low), half_thick, &wall);
    let [above, below] = [high - LAP, low + LAP];
    around(Vec2::new(-half, above), Vec2::new(half, high + FRAME), half_thick + 0.01, &wood);
    around(Vec2::new(-half, low - FRAME), Vec2::new(half, below), half_thick + 0.01, &wood);
}

/// Light parallel to the mirror, so that it falls the same way behind it.
fn light(mut commands: Commands) {
    commands.spawn((
        DirectionalLight {
            illuminance: 6_500.0,
            color: Color::srgb(1.0, 0.97, 0.92),
            shadow_maps_enabled: true,
            ..default()
        },
        CascadeShadowConfigBuilder { num_cascades: 1, maximum_distance: 10.0, ..default() }.build(),
        RenderLayers::from_layers(&[0, HEAD_LAYER]),
        Transform::from_xyz(-1.2, 3.0, 0.0).looking_at(Vec3::ZERO, Vec3::Z),
    ));
}
