//! What there is to see: the true body and the estimated one.

use super::playback::{Playback, PlaybackSystems};
use bevy::prelude::*;
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use kinest_stage::{CapsuleBody, Follow, FollowSystems, Framing, Stage, Target};

/// The estimated body stands where the trackers are, the true one beside it, to the left in the picture.
const TRUE_BODY: Vec3 = Vec3::new(-1.53, 0.0, 0.46);

/// Both bodies, square to the line between them.
const FRAMING: Framing =
    Framing { width: 3.3, height: 2.7, look_at: 1.03, direction: Vec3::new(0.3, 0.2, 1.0) };

/// Root of the body that shows the clip itself.
#[derive(Component)]
struct TrueBody;

pub fn plugin(app: &mut App, skeleton: Skeleton, target: Target) {
    let bodies = move |mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>| {
        let capsules = |trunk| CapsuleBody { skeleton: skeleton.clone(), trunk };
        commands.entity(*avatar).insert(capsules(CapsuleBody::DARK));
        commands.spawn((
            TrueBody,
            Transform::from_translation(TRUE_BODY),
            capsules(CapsuleBody::LIGHT),
        ));
    };
    app.add_plugins(Stage { framing: FRAMING, target })
        .add_systems(Startup, bodies)
        .add_systems(Update, (show_truth, look_at).after(PlaybackSystems).before(FollowSystems));
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

/// Both bodies.
fn look_at(playback: Res<Playback>, mut camera: Single<&mut Follow>) {
    let pelvis = engine_from_amass_point(playback.truth.translation);
    camera.goal = Some(Vec3::new(pelvis.x, 0.0, pelvis.z) + TRUE_BODY / 2.0);
}
