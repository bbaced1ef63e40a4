//! A visible body.

use bevy::prelude::*;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;

const LEFT: Color = Color::srgb(0.96, 0.50, 0.16);
const RIGHT: Color = Color::srgb(0.16, 0.47, 0.90);
const VISOR: Color = Color::srgb(0.08, 0.09, 0.11);

/// A body of capsules, left side orange, right side blue, attached to the joints of the entity's
/// [`SmplSkeleton`].
#[derive(Component, Clone, Debug)]
#[require(SmplSkeleton)]
pub struct CapsuleBody {
    /// Determines the lengths of the bones.
    pub skeleton: Skeleton,
    /// Colour of head and trunk.
    pub trunk: Color,
}

impl CapsuleBody {
    /// Trunk colour of a true body.
    pub const LIGHT: Color = Color::srgb(0.95, 0.93, 0.88);
    /// Trunk colour of an estimated body.
    pub const DARK: Color = Color::srgb(0.26, 0.30, 0.36);
}

impl Default for CapsuleBody {
    fn default() -> Self {
        Self { skeleton: Skeleton::default(), trunk: Self::DARK }
    }
}

/// Spawns the capsules of every [`CapsuleBody`]. Included in [`Stage`](crate::Stage).
pub struct CapsuleBodies;

impl Plugin for CapsuleBodies {
    fn build(&self, app: &mut App) {
        app.add_observer(spawn_capsules);
    }
}

/// Spawns the capsules of a new [`CapsuleBody`].
fn spawn_capsules(
    added: On<Add, CapsuleBody>,
    mut commands: Commands,
    bodies: Query<(&CapsuleBody, &SmplSkeleton)>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) -> Result {
    let (CapsuleBody { skeleton, trunk }, joints) = bodies.get(added.entity)?;
    let mut paint = |color| {
        materials.add(StandardMaterial {
            base_color: color,
            perceptual_roughness: 0.75,
            reflectance: 0.25,
            ..default()
        })
    };
    let [left, right, trunk, visor] = [LEFT, RIGHT, *trunk, VISOR].map(&mut paint);
    let of_side = |joint: SmplJoint| match joint.name().split_at(2).0 {
        "L_" => &left,
        "R_" => &right,
        _ => &trunk,
    };
    let mut part = |joint: SmplJoint, mesh: Mesh, at: Transform, material: &Handle<_>| {
        commands.entity(joints.joint(joint)).with_child((
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
    for (joint, toes) in
        [(SmplJoint::LeftAnkle, SmplJoint::LeftFoot), (SmplJoint::RightAnkle, SmplJoint::RightFoot)]
    {
        let sole = -skeleton.ankle_height as f32;
        let heel = Vec3::new(0.0, sole + 0.034, -0.03);
        for (from, to, radius) in [
            (Vec3::new(0.0, -0.01, 0.0), heel, 0.034),
            (heel, skeleton.offsets[toes.index()].as_vec3(), 0.03),
        ] {
            let (mesh, at) = capsule(from, to, radius);
            part(joint, mesh, at, of_side(joint));
        }
    }
    for joint in [SmplJoint::LeftFoot, SmplJoint::RightFoot] {
        let (toes, at) = capsule(Vec3::ZERO, Vec3::new(0.0, -0.002, 0.055), 0.026);
        part(joint, toes, at, of_side(joint));
    }
    Ok(())
}

fn capsule(from: Vec3, to: Vec3, radius: f32) -> (Mesh, Transform) {
    let along = to - from;
    let turn = Quat::from_rotation_arc(Vec3::Y, along.normalize_or(Vec3::Y));
    let at = Transform::from_translation((from + to) / 2.0).with_rotation(turn);
    (Capsule3d::new(radius, along.length()).into(), at)
}

/// Radius of the body between a joint and its parent, metres.
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
