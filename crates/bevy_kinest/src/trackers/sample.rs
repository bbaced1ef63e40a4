//! Reads the trackers of every avatar.

use super::dropout::{DropoutReason, TrackingLost, TrackingRegained};
use super::sampled::Sampled;
use super::space::{StepsWithSpace, TrackingSpace};
use super::status::AvatarStatus;
use super::tracker::{NeedsCalibration, SparseTracker, Trackers, TrackingState};
use crate::body::KinestAvatar;
use crate::frame::Clock;
use bevy::prelude::*;
use bevy::transform::helper::TransformHelper;
use glam::{DMat3, DVec3};
use kinest::coordinates::{
    amass_from_engine_point, amass_from_engine_rotation, engine_from_amass_point,
};
use kinest::live::{FARTHEST, lowered_hand};
use kinest::skeleton::Skeleton;
use kinest::tracker::{Teleport, TrackerFrame, TrackerPose, TrackerRole, is_at_origin};

/// Greatest error of 32-bit transforms: metres, and elements of a rotation matrix.
const ROUNDING: f64 = 1e-4;

/// Reads the pose of every avatar's trackers in this frame, from `Transform`s, because
/// `GlobalTransform`s are still those of the previous frame.
pub(crate) fn sample(
    mut commands: Commands,
    clock: Clock,
    transforms: TransformHelper,
    nodes: Query<(&Transform, Option<&ChildOf>)>,
    mut trackers: Query<(&SparseTracker, &mut TrackingState, Has<NeedsCalibration>)>,
    mut avatars: Query<
        (
            NameOrEntity,
            Option<&Trackers>,
            Option<&TrackingSpace>,
            Has<StepsWithSpace>,
            &mut Sampled,
            &mut AvatarStatus,
        ),
        With<KinestAvatar>,
    >,
) {
    for (avatar, own, space, makes_steps, mut sampled, mut status) in &mut avatars {
        let (entity, sampled) = (avatar.entity, &mut *sampled);
        let start = *sampled.start.get_or_insert(clock.now());
        sampled.time = clock.now().saturating_sub(start).as_secs_f64();
        let now = sampled.time;
        let replayed = sampled.replayed.take();
        if let Some(TrackingSpace(space)) = space {
            match transforms.compute_global_transform(*space) {
                Ok(global) => sampled.world_from_space = global,
                Err(_) => sampled.warn(&avatar, "its tracking space is gone".into()),
            }
        } else {
            sampled.world_from_space = GlobalTransform::IDENTITY;
        }
        let space_from_world = sampled.world_from_space.affine().inverse();
        let mut missing = None;
        sampled.need_calibration.clear();
        for (k, role) in TrackerRole::ALL.into_iter().enumerate() {
            let worn = |entity: &Entity| trackers.get(*entity).is_ok_and(|(t, ..)| t.role == role);
            let tracker = own.and_then(|own| own.iter().find(worn));
            let is_needed = TrackerRole::HEAD_AND_HANDS.contains(&role);
            if tracker.is_none() && !is_needed {
                // The tracker was never worn, or was taken off.
                (sampled.seen[k], sampled.lost_since[k], status.lost[k]) = (None, None, None);
                sampled.ended_since[k] = None;
                continue;
            }
            if tracker.is_some_and(|tracker| trackers.get(tracker).is_ok_and(|(.., needs)| needs)) {
                sampled.need_calibration.push(role);
            }
            let is_tracked = |state: &TrackingState| {
                state.tracked && replayed.is_none_or(|replayed| replayed.tracked[k])
            };
            let pose = match tracker.map(|tracker| (tracker, trackers.get(tracker))) {
                None | Some((_, Err(_))) => Err(DropoutReason::Missing),
                Some((_, Ok((_, state, _)))) if !is_tracked(state) => Err(DropoutReason::Reported),
                Some((device, Ok((tracker, ..)))) => space
                    .and_then(|TrackingSpace(space)| within(*space, device, &nodes))
                    .or_else(|| {
                        let global = transforms.compute_global_transform(device).ok()?;
                        Some(GlobalTransform::from(space_from_world * global.affine()))
                    })
                    .ok_or(DropoutReason::Missing)
                    .and_then(|device| {
                        if k > 0 && is_at_origin(device.translation().as_dvec3()) {
                            return Err(DropoutReason::AtOrigin);
                        }
                        pose_of(device, &tracker.device_from_joint).ok_or(DropoutReason::NotFinite)
                    })
                    .map(|pose| match replayed.and_then(|frame| frame.exact[k]) {
                        // The transform is the rounded exact pose.
                        Some(exact) if is_rounded(&pose, &exact) => exact,
                        _ => pose,
                    }),
            };
            status.lost[k] = pose.err();
            let since = match pose {
                Ok(pose) => {
                    let ended = sampled.lost_since[k].take().filter(|_| sampled.seen[k].is_some());
                    match ended {
                        // The plausibility of trackers is unknown without a head.
                        Some(since) if k > 0 && sampled.seen[0].is_none() => {
                            let after = now - since;
                            commands.trigger(TrackingRegained { entity, role, after });
                        }
                        Some(since) => sampled.ended_since[k] = Some(since),
                        None => {}
                    }
                    if sampled.seen[k].replace(pose) != Some(pose) {
                        status.moves[k] += 1;
                    }
                    None
                }
                Err(reason) => {
                    // A dropout already reported as implausible is not reported again when the
                    // device reports it.
                    let ended = sampled.ended_since[k].take();
                    let doubted = sampled.doubted_since[k].or(ended);
                    let is_told = doubted.or(sampled.lost_since[k]).is_some();
                    if !is_told && sampled.seen[k].is_some() {
                        commands.trigger(TrackingLost { entity, role, reason });
                    }
                    if reason == DropoutReason::Missing {
                        missing = missing.or(Some(role));
                    }
                    Some(*sampled.lost_since[k].get_or_insert(doubted.unwrap_or(now)))
                }
            };
            let since = since.or(sampled.unreported_since(k)).map(|since| sampled.on_clock(since));
            if let Some(Ok((_, mut state, _))) = tracker.map(|tracker| trackers.get_mut(tracker))
                && state.lost_since != since
            {
                state.lost_since = since;
            }
        }
        if let Some(role) = missing {
            let cure = "spawn one with `TrackerOf(avatar)`, or in `related!(Trackers[...])`";
            sampled.warn(
                &avatar,
                format!("it has no tracker for {role:?}, which counts as lost: {cure}"),
            );
        }
        let Some(head) = sampled.seen[0] else { continue };
        let space = sampled.world_from_space;
        let before = sampled.walked_from.take();
        if makes_steps {
            sampled.walked_from = Some(space);
            let carried = before.map_or(DVec3::ZERO, |before| carried(&before, &space, &head));
            if !Teleport::is_one(DVec3::ZERO, carried, clock.delta()) {
                sampled.walked += carried;
            }
        }
        let pose = |k: usize| match (sampled.seen[k], sampled.lost_since[k]) {
            (Some(pose), None) => pose,
            (Some(pose), Some(_)) => pose.lost(),
            (None, _) => lowered_hand(&Skeleton::default(), &head, TrackerRole::ALL[k]).lost(),
        };
        let poses = [pose(0), pose(1), pose(2)];
        // Reused to avoid an allocation.
        let frame = sampled.devices.get_or_insert_with(|| TrackerFrame::new(now, vec![]));
        frame.time = now;
        frame.poses.clear();
        frame.poses.extend_from_slice(&poses);
        frame.body.clear();
        for role in TrackerRole::BODY {
            let k = role as usize;
            if let Some(seen) = sampled.seen[k] {
                let is_lost = sampled.lost_since[k].is_some();
                frame.body.set(role, if is_lost { seen.lost() } else { seen });
            }
        }
        sampled.told_moved = std::mem::take(&mut sampled.teleported);
        sampled.told_moved |= replayed.is_some_and(|frame| frame.teleported);
    }
}

/// Transform of `device` relative to `space`, if it is a descendant: exact, independent of the
/// place of the space in the world. Through world coordinates, a device a kilometre from the
/// world's origin would be off by a tenth of a millimetre, even at the origin of its space or at
/// rest in it.
fn within(
    space: Entity,
    device: Entity,
    nodes: &Query<(&Transform, Option<&ChildOf>)>,
) -> Option<GlobalTransform> {
    let (transform, mut parent) = nodes.get(device).ok()?;
    let mut affine = transform.compute_affine();
    loop {
        let above = parent?.parent();
        if above == space {
            return Some(GlobalTransform::from(affine));
        }
        let (transform, next) = nodes.get(above).ok()?;
        (affine, parent) = (transform.compute_affine() * affine, next);
    }
}

/// Displacement over the floor of a head at a fixed place in a space that moved from `before` to
/// `now`: in the axes of `now`, AMASS space, metres.
fn carried(before: &GlobalTransform, now: &GlobalTransform, head: &TrackerPose) -> DVec3 {
    let at = engine_from_amass_point(head.position);
    let by = now.transform_point(at) - before.transform_point(at);
    let by = now.affine().inverse().transform_vector3(by);
    amass_from_engine_point(by).with_z(0.0)
}

/// Whether two tracked poses are equal except for the rounding of 32-bit transforms.
fn is_rounded(pose: &TrackerPose, exact: &TrackerPose) -> bool {
    exact.tracked
        && pose.position.distance(exact.position) < ROUNDING
        && pose.rotation.abs_diff_eq(exact.rotation, ROUNDING)
}

/// AMASS pose of a joint from its device's transform; `None` if it is not finite, or too far away.
fn pose_of(
    space_from_device: GlobalTransform,
    device_from_joint: &Transform,
) -> Option<TrackerPose> {
    let (_, rotation, position) = space_from_device.to_scale_rotation_translation();
    let position = position + rotation * device_from_joint.translation;
    let rotation = (rotation * device_from_joint.rotation).normalize();
    let is_near = position.as_dvec3().length() <= FARTHEST;
    (is_near && rotation.is_finite()).then(|| {
        TrackerPose::new(
            amass_from_engine_point(position),
            DMat3::from_quat(amass_from_engine_rotation(rotation)),
        )
    })
}
