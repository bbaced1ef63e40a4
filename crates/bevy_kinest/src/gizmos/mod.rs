//! Gizmos: bodies, trackers, contacts and errors as lines.

use crate::body::BodyPose;
use crate::events::KinematicGroups;
use crate::forecast::ForecastGhost;
use crate::frame::KinestSystems;
use crate::player::AvatarPlayer;
use crate::replay::MotionReplay;
use bevy::gizmos::GizmoAsset;
use bevy::prelude::*;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::rotation::quat_from_matrix;
use kinest::skeleton::{Group, SmplJoint};

/// Length of a tracker's axes, metres.
const AXES: f32 = 0.1;
/// Radius of the ring around a tracker in a dropout and of the ring below a standing foot, metres.
const RING: f32 = 0.06;

/// Radius of the mark of a group, metres.
const GROUP_RING: f32 = 0.02;
/// Time by which the drawn velocities of groups reach ahead, seconds.
const GROUP_SECONDS: f32 = 0.2;

/// [`GizmoConfig::depth_bias`] for lines in front of everything.
const THROUGH_ALL: f32 = -1.0;

/// Selects what to draw for every avatar, remote avatar and ghost; `None` is not drawn. Lines are
/// drawn in front of bodies, unless the group's [`GizmoConfig`] changes that.
///
/// Needs Bevy's `GizmoPlugin` (in `DefaultPlugins`), added before; without it nothing is drawn.
#[derive(Reflect, GizmoConfigGroup, Clone, Debug)]
pub struct KinestGizmos {
    /// Colour of bones with full confidence; less confident ones blend towards
    /// [`unsure`](Self::unsure).
    pub bones: Option<Color>,
    /// Colour of bones without any confidence.
    pub unsure: Color,
    /// Axes of the trackers' joints (x red, y green, z blue), at their present or last tracked
    /// poses.
    pub trackers: bool,
    /// Ring around the joint of a tracker in a dropout.
    pub lost: Option<Color>,
    /// Ring below each foot that is locked to the floor.
    pub contacts: Option<Color>,
    /// Colour of the bones of [`ForecastGhost`]s with full confidence.
    pub ghosts: Option<Color>,
    /// Positions of the six groups of bodies with [`KinematicGroups`], and their positions in 0.2 s
    /// at constant velocity.
    pub groups: Option<Color>,
    /// Lines from joints to their positions in a [`MotionReplay`]: the error.
    pub errors: Option<Color>,
}

impl Default for KinestGizmos {
    fn default() -> Self {
        Self {
            bones: Some(Color::srgb(0.2, 0.9, 0.4)),
            unsure: Color::srgb(0.9, 0.3, 0.2),
            trackers: true,
            lost: Some(Color::srgb(1.0, 0.2, 0.6)),
            contacts: Some(Color::srgb(0.3, 0.6, 1.0)),
            ghosts: Some(Color::srgb(0.4, 0.8, 1.0)),
            groups: Some(Color::srgb(0.7, 0.5, 1.0)),
            errors: Some(Color::srgb(1.0, 0.8, 0.2)),
        }
    }
}

/// Draws [`KinestGizmos`]. Not in [`KinestPlugins`](crate::KinestPlugins): add it by hand.
pub struct KinestGizmoPlugin;

impl Plugin for KinestGizmoPlugin {
    fn build(&self, app: &mut App) {
        if !app.world().contains_resource::<Assets<GizmoAsset>>() {
            warn!("there is no GizmoPlugin, or not yet: KinestGizmos are not drawn");
            return;
        }
        let config = GizmoConfig { depth_bias: THROUGH_ALL, ..default() };
        app.insert_gizmo_config(KinestGizmos::default(), config)
            .add_systems(PostUpdate, draw.after(KinestSystems::Writeback));
    }
}

fn draw(
    mut gizmos: Gizmos<KinestGizmos>,
    bodies: Query<(
        &BodyPose,
        Option<&AvatarPlayer>,
        Option<&MotionReplay>,
        Option<&KinematicGroups>,
        Has<ForecastGhost>,
    )>,
) {
    let wanted = gizmos.config_ext.clone();
    let placed = bodies.iter().filter(|(body, ..)| body.time().is_some());
    for (body, of_avatar, replay, groups, ghost) in placed {
        let bones = if ghost { wanted.ghosts } else { wanted.bones };
        let at = |joint| body.joint_transform(joint).translation;
        for joint in SmplJoint::ALL {
            if let (Some(color), Some(parent)) = (bones, joint.parent()) {
                let color = wanted.unsure.mix(&color, body.confidence(joint));
                gizmos.line(at(parent), at(joint), color);
            }
        }
        let player = of_avatar.map(|of_avatar| &of_avatar.player);
        if let Some((player, frame)) = player.and_then(|player| Some((player, player.joints()?))) {
            for pose in &frame.poses {
                let position = engine_from_amass_point(pose.position - player.offset());
                let place = Transform::from_translation(position)
                    .with_rotation(engine_from_amass_rotation(quat_from_matrix(pose.rotation)));
                let place = (body.world_from_space * place).compute_transform();
                if wanted.trackers {
                    gizmos.axes(place, AXES);
                }
                if let Some(color) = wanted.lost.filter(|_| !pose.tracked) {
                    gizmos.sphere(Isometry3d::from_translation(place.translation), RING, color);
                }
            }
        }
        if let Some(color) = wanted.contacts {
            let feet = [SmplJoint::LeftFoot, SmplJoint::RightFoot];
            for foot in feet.into_iter().zip(body.contacts()).filter_map(|(j, on)| on.then_some(j))
            {
                let flat = Quat::from_rotation_x(std::f32::consts::FRAC_PI_2);
                gizmos.circle(Isometry3d::new(at(foot), flat), RING, color);
            }
        }
        if let (Some(color), Some(groups)) = (wanted.groups, groups) {
            for group in Group::ALL {
                let from = groups.position(group);
                gizmos.sphere(Isometry3d::from_translation(from), GROUP_RING, color);
                gizmos.arrow(from, from + GROUP_SECONDS * groups.velocity(group), color);
            }
        }
        if let (Some(color), Some(truth)) =
            (wanted.errors, replay.and_then(MotionReplay::truth_z_up))
        {
            let truth = body.skeleton().pose_joints(&truth).positions;
            for joint in SmplJoint::ALL {
                let there = engine_from_amass_point(truth[joint.index()]);
                gizmos.line(at(joint), body.world_from_space.transform_point(there), color);
            }
        }
    }
}
