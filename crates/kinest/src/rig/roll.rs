//! Shares the roll of limbs among their bones.
//!
//! A hand that turns palm up takes the forearm with it: the wrist twists by at most
//! [`WRIST_LIMIT`], the forearm by the rest. Twist bones of the forearm (and the shin) roll from none
//! at the elbow to all at the wrist; those of the upper arm (and the thigh) from none at the shoulder
//! to all at the elbow.

use super::links::Links;
use super::map::RigMap;
use super::twist::{SEGMENTS, TwistBone};
use crate::easing::smoothstep;
use crate::skeleton::{PerJoint, Skeleton, SmplJoint as J, soften};
use glam::{DQuat, DVec3};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// The wrist twists alone up to this angle, radians: 30°.
const WRIST_ALONE: f64 = PI / 6.0;
/// Greatest twist of the wrist against the forearm, radians: 60°.
const WRIST_LIMIT: f64 = PI / 3.0;
/// Within this angle of the twist that no wrist can have, radians, the forearm's share fades out,
/// because beyond it the forearm would have to roll the other way.
const AMBIGUOUS: f64 = PI / 6.0;
/// A twist about a limb that points nearly against its rest direction means nothing; below this
/// cosine of half the swing it fades out.
const FOLDED: f64 = 0.2;

/// A rolling bone of a limb.
#[derive(Clone, Debug)]
struct Segment {
    base: usize,
    /// The roll is the twist of the second link against the first.
    between: [usize; 2],
    /// Direction of the bone, rest pose, rig space.
    axis: DVec3,
    /// Whether twist bones in line take over all of the roll.
    unroll: bool,
    /// For forearms: the twist of the wrist in the middle of its range.
    middle: Option<f64>,
    bones: Vec<Roll>,
}

#[derive(Clone, Copy, Debug)]
struct Roll {
    link: usize,
    from: usize,
    axis: DVec3,
    /// The bone's share less that of `from`.
    gain: f64,
}

/// The rolling bones of all limbs.
#[derive(Clone, Debug)]
pub(super) struct Rolls(Vec<Segment>);

impl Rolls {
    /// `stance` has the rotations of the body's joints in the character's rest pose.
    pub fn new(
        map: &RigMap,
        links: &Links,
        twists: &[TwistBone],
        skeleton: &Skeleton,
        stance: &PerJoint<DQuat>,
    ) -> Self {
        let segments = SEGMENTS.iter().enumerate().filter_map(|(i, &(joint, next, upper))| {
            let link = |joint| links.of(map.bone(joint)?);
            let (base, end) = (link(joint)?, link(next)?);
            let between = if upper { [links.get(base).carrier?, base] } else { [base, end] };
            let axis = (links.get(end).rest - links.get(base).rest).try_normalize()?;
            let own: Vec<_> = twists.iter().filter(|t| t.segment == i).collect();
            let unroll = upper && own.iter().any(|t| t.in_line);
            // The limb's bone has all of the roll or none.
            let of_base = if upper && !unroll { 1.0 } else { 0.0 };
            let share = |bone| own.iter().find(|t| t.bone == bone).map_or(of_base, |t| t.share);
            let bones = own.iter().filter_map(|t| {
                let (link, from) = (links.of(t.bone)?, links.of(t.from)?);
                Some(Roll { link, from, axis: t.axis, gain: t.share - share(t.from) })
            });
            // With palms down a wrist is a quarter turn from the middle of its range, where the
            // thumb is up: about −x of the body on both sides.
            let middle = matches!(next, J::LeftWrist | J::RightWrist).then(|| {
                let bone = skeleton.offsets[next.index()].normalize_or_zero();
                let rest = stance[joint.index()].conjugate() * stance[next.index()];
                -FRAC_PI_2 * bone.x.signum() - twist(rest, bone)
            });
            let bones = bones.collect();
            Some(Segment { base, between, axis, unroll, middle, bones })
        });
        Self(segments.collect())
    }

    /// Rolls forearms and twist bones.
    pub fn apply(&self, turns: &mut [DQuat]) {
        for segment in &self.0 {
            let [from, to] = segment.between;
            let apart = turns[from].conjugate() * turns[to];
            let about = |axis, angle| DQuat::from_axis_angle(axis, angle);
            let roll = match segment.middle {
                Some(middle) => {
                    let (forearm, wrist) = share_at_wrist(apart, segment.axis, middle);
                    turns[segment.base] *= about(segment.axis, forearm);
                    wrist
                }
                None => faded_twist(apart, segment.axis),
            };
            if segment.unroll {
                turns[segment.base] *= about(segment.axis, -roll);
            }
            for bone in &segment.bones {
                turns[bone.link] =
                    (turns[bone.from] * about(bone.axis, bone.gain * roll)).normalize();
            }
        }
    }
}

/// The angle of a rotation about an axis, after which only a swing is left, from −π to π.
pub(super) fn twist(rotation: DQuat, axis: DVec3) -> f64 {
    let (sine, cosine) = (rotation.xyz().dot(axis), rotation.w);
    if cosine < 0.0 { 2.0 * (-sine).atan2(-cosine) } else { 2.0 * sine.atan2(cosine) }
}

/// How much a twist means: 0 for a rotation whose swing is half a turn.
fn clear(rotation: DQuat, axis: DVec3) -> f64 {
    smoothstep(rotation.xyz().dot(axis).hypot(rotation.w) / FOLDED)
}

/// The twist, which fades out towards half a turn, where its sign is ambiguous.
fn faded_twist(rotation: DQuat, axis: DVec3) -> f64 {
    let angle = twist(rotation, axis);
    angle * smoothstep((PI - angle.abs()) / AMBIGUOUS) * clear(rotation, axis)
}

/// The roll of the forearm, and the twist that is left to the wrist.
fn share_at_wrist(forearm_to_hand: DQuat, axis: DVec3, middle: f64) -> (f64, f64) {
    let off = (twist(forearm_to_hand, axis) - middle + PI).rem_euclid(TAU) - PI;
    let angle = middle + off;
    let kept = soften(angle.abs(), WRIST_ALONE, WRIST_LIMIT - WRIST_ALONE).copysign(angle);
    let sure = smoothstep((PI - off.abs()) / AMBIGUOUS) * clear(forearm_to_hand, axis);
    let forearm = (angle - kept) * sure;
    // Near half a turn the twist bones have as little to tell as the forearm.
    (forearm, kept * sure)
}
