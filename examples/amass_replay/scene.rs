//! The scene: the true body and the estimated one.

use super::playback::{Playback, PlaybackSystems};
use bevy::prelude::*;
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use clap::ValueEnum;
use kinest_stage::{CapsuleBody, Follow, FollowSystems, Framing, Stage, Target};

/// Offset of the true body, metres, to the left in the picture; the estimated one stands at the
/// trackers.
const TRUE_BODY: Vec3 = Vec3::new(-1.53, 0.0, 0.46);

/// Frames both bodies, square to the line between them.
const FRAMING: Framing =
    Framing { width: 3.3, height: 2.7, look_at: 1.03, direction: Vec3::new(0.3, 0.2, 1.0) };

/// Opacity of the true body when it is drawn over the estimated one.
const OVER: f32 = 0.45;
/// Depth bias of the true body: where both coincide, it is drawn in front.
const NEARER: f32 = 500.0;

/// Where the true body is shown.
#[derive(Resource, ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ghost {
    /// Beside the estimated one.
    Beside,
    /// At its true place, translucent, over the estimated one.
    Over,
    /// Not shown.
    Off,
}

impl Ghost {
    pub fn next(self) -> Self {
        match self {
            Self::Beside => Self::Over,
            Self::Over => Self::Off,
            Self::Off => Self::Beside,
        }
    }

    /// Offset from the estimated body, metres.
    fn offset(self) -> Vec3 {
        if self == Self::Beside { TRUE_BODY } else { Vec3::ZERO }
    }
}

/// Root of the body that shows the clip itself.
#[derive(Component)]
struct TrueBody;

pub fn plugin(app: &mut App, skeleton: Skeleton, target: Target, ghost: Ghost) {
    let bodies = move |mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>| {
        let capsules = |trunk| CapsuleBody { skeleton: skeleton.clone(), trunk };
        commands.entity(*avatar).insert(capsules(CapsuleBody::DARK));
        commands.spawn((TrueBody, capsules(CapsuleBody::LIGHT)));
    };
    app.add_plugins(Stage { framing: FRAMING, target })
        .insert_resource(ghost)
        .add_systems(Startup, bodies)
        .add_systems(PostStartup, place_ghost)
        .add_systems(Update, place_ghost.run_if(resource_changed::<Ghost>))
        .add_systems(Update, (show_truth, look_at).after(PlaybackSystems).before(FollowSystems));
}

/// Places the true body and sets its opacity.
fn place_ghost(
    ghost: Res<Ghost>,
    body: Single<(Entity, &mut Transform, &mut Visibility), With<TrueBody>>,
    children: Query<&Children>,
    painted: Query<&MeshMaterial3d<StandardMaterial>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let (body, mut transform, mut visibility) = body.into_inner();
    transform.translation = ghost.offset();
    let hidden = *ghost == Ghost::Off;
    *visibility = if hidden { Visibility::Hidden } else { Visibility::Inherited };
    let (alpha, mode, bias) = match *ghost {
        Ghost::Over => (OVER, AlphaMode::Blend, NEARER),
        Ghost::Beside | Ghost::Off => (1.0, AlphaMode::Opaque, 0.0),
    };
    for part in painted.iter_many(children.iter_descendants(body)) {
        if let Some(mut material) = materials.get_mut(part) {
            material.base_color.set_alpha(alpha);
            (material.alpha_mode, material.depth_bias) = (mode, bias);
        }
    }
}

/// Applies the clip's pose to the true body.
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

/// Points the camera at both bodies.
fn look_at(playback: Res<Playback>, ghost: Res<Ghost>, mut camera: Single<&mut Follow>) {
    let pelvis = engine_from_amass_point(playback.truth.translation);
    camera.goal = Some(Vec3::new(pelvis.x, 0.0, pelvis.z) + ghost.offset() / 2.0);
}
