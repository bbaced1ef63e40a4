//! A clip made by code: somebody walks, turns, stops and waves.
//!
//! It is there so that the whole path from clip to picture runs without a data file. Footsteps are
//! planned first and the legs solved onto them by inverse kinematics, so that feet stand still while
//! they carry weight; everything above the pelvis follows from where the feet are. Joint angles and
//! timings are those of textbook gait (Perry and Burnfield, "Gait Analysis"): stance is 60 % of a
//! stride, the heel strikes toes up, the foot rolls over the toes, pelvis and chest turn against
//! each other.

use super::{ClipFrame, MotionClip};
use crate::coordinates::UPRIGHT;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use glam::{DMat3, DQuat, DVec2, DVec3, DVec4};

const RATE_HZ: f64 = 60.0;
const SECONDS: f64 = 12.0;

/// From one heel strike to the next, seconds.
const STEP_SECONDS: f64 = 0.55;
/// A foot is in the air for 40 % of a stride of two steps.
const SWING_SECONDS: f64 = 0.8 * STEP_SECONDS;
/// The heel rises for this long before the foot leaves the floor: 30 % of a stride.
const PUSH_SECONDS: f64 = 0.6 * STEP_SECONDS;
/// From heel strike to the flat foot: 9 % of a stride.
const LOAD_SECONDS: f64 = 0.18 * STEP_SECONDS;
const FIRST_LIFT: f64 = 1.1;
const STEPS: usize = 10;
/// Length of a step against that of the leg.
const STEP_PER_LEG: f64 = 0.72;
/// The first step, from standing, is this much of a full one.
const FIRST_STEP: f64 = 0.6;

/// Heading at the start and after the turn, radians: 0 faces −y, positive is to the left.
const HEADINGS: [f64; 2] = [1.25, -0.2];
/// Between which parts of the way the turn takes place.
const TURN: [f64; 2] = [0.35, 0.9];

/// Ankle to the middle of the path, and the ankle behind the pelvis, metres.
const HALF_STEP_WIDTH: f64 = 0.075;
const ANKLE_BEHIND: f64 = 0.035;
/// Heel behind the ankle, metres.
const HEEL_BEHIND: f64 = 0.05;
const TOE_OUT: f64 = 0.12;
/// Foot pitch when a full step begins and ends, radians, toes down positive.
const PUSH_PITCH: f64 = 0.95;
const STRIKE_PITCH: f64 = -0.32;
/// How straight a leg may get.
const MAX_EXTENSION: f64 = 0.997;

/// When the right hand starts to rise, is up, starts to fall, is down: seconds.
const WAVE: [f64; 4] = [7.3, 8.2, 10.5, 11.4];
const WAVE_HZ: f64 = 1.5;

/// Somebody walks a few steps while turning, stops and waves the right hand: 12 s at 60 Hz.
///
/// The length of the steps and the height of the pelvis follow from `skeleton`. The same skeleton
/// gives the same clip.
///
/// ```
/// use kinest::{motion::synthetic, skeleton::Skeleton};
/// let clip = synthetic::walk_and_wave(&Skeleton::default());
/// assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 721));
/// ```
#[must_use]
pub fn walk_and_wave(skeleton: &Skeleton) -> MotionClip {
    let count = (SECONDS * RATE_HZ) as usize + 1;
    let times: Vec<f64> = (0..count).map(|i| i as f64 / RATE_HZ).collect();
    let body = Body::new(skeleton);
    let step_length = STEP_PER_LEG * body.leg_length();
    let plan = Plan::new(step_length, &body);

    // How far along the path the pelvis is: half way between the feet at each heel strike, and
    // smooth in between, which also lets it set off before the first foot lands.
    let way = smoothed(&times.iter().map(|t| plan.middle(*t)).collect::<Vec<_>>(), 12);
    // 1 where the left foot alone carries the weight, −1 where the right does.
    let load =
        smoothed(&times.iter().map(|t| plan.carrying_side(*t) + shift(*t)).collect::<Vec<_>>(), 9);

    let trunks: Vec<Trunk> =
        (0..count).map(|i| Trunk::at(times[i], &plan, &body, way[i], load[i])).collect();
    let heights = smoothed_floor(
        &trunks.iter().map(|trunk| trunk.highest_pelvis(&body)).collect::<Vec<_>>(),
        6,
    );
    // Arms are pendulums: they follow the legs softly and a little late.
    let stride = smoothed(&trunks.iter().map(|t| t.stride / step_length).collect::<Vec<_>>(), 5);
    let late = |i: usize| stride[i.saturating_sub(3)];

    let frames = (0..count).map(|i| {
        let pose = trunks[i].pose(times[i], &body, heights[i], late(i));
        ClipFrame::from(&pose)
    });
    MotionClip { rate_hz: RATE_HZ, frames: frames.collect() }
}

/// The sides of the body, in the order used for pairs here.
const SIDES: [Side; 2] = [Side::Left, Side::Right];

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

impl Side {
    /// 1 to the left, −1 to the right: the sign of x in the body's axes.
    fn sign(self) -> f64 {
        match self {
            Self::Left => 1.0,
            Self::Right => -1.0,
        }
    }

    fn of(self, left: SmplJoint) -> usize {
        if self == Self::Left { left.index() } else { left.mirrored().index() }
    }
}

/// What the plan needs to know of a skeleton.
struct Body<'a> {
    skeleton: &'a Skeleton,
}

impl<'a> Body<'a> {
    fn new(skeleton: &'a Skeleton) -> Self {
        Self { skeleton }
    }

    fn offset(&self, side: Side, left: SmplJoint) -> DVec3 {
        self.skeleton.offsets[side.of(left)]
    }

    fn leg_length(&self) -> f64 {
        [SmplJoint::LeftKnee, SmplJoint::LeftAnkle]
            .map(|j| self.offset(Side::Left, j).length())
            .iter()
            .sum()
    }

    /// From the ankle to the point of the heel that strikes the floor, in the foot's axes.
    fn heel(&self) -> DVec3 {
        DVec3::new(0.0, -self.skeleton.ankle_height, -HEEL_BEHIND)
    }
}

/// World rotation of a body part that stands upright at a heading, and is then pitched forward.
fn facing(heading: f64, pitch: f64) -> DQuat {
    DQuat::from_rotation_z(heading) * UPRIGHT * DQuat::from_rotation_x(pitch)
}

/// Unit vectors of the floor: forward and to the left of somebody with this heading.
fn forward_and_left(heading: f64) -> (DVec2, DVec2) {
    let (sin, cos) = heading.sin_cos();
    (DVec2::new(sin, -cos), DVec2::new(cos, sin))
}

/// One place where one foot stands for a while.
struct Footprint {
    lands: f64,
    lifts: f64,
    heading: f64,
    /// Of the ankle while the foot is flat.
    ankle: DVec3,
    /// Foot pitch on landing and on lifting.
    pitches: [f64; 2],
    /// Along the path, metres.
    way: f64,
}

/// Where a foot is.
#[derive(Clone, Copy)]
struct FootPose {
    ankle: DVec3,
    heading: f64,
    /// Toes down positive.
    pitch: f64,
    /// How far the toes are bent up against the foot.
    toe_bend: f64,
}

impl Footprint {
    /// The foot while it is down: it rolls over the heel, stands, and rolls over the toes.
    fn pose(&self, t: f64, side: Side, body: &Body) -> FootPose {
        let loading = ((t - self.lands) / LOAD_SECONDS).clamp(0.0, 1.0);
        let pushing = ((t - self.lifts) / PUSH_SECONDS + 1.0).clamp(0.0, 1.0);
        let pitch = self.pitches[0] * (1.0 - loading).powi(2) + self.pitches[1] * pushing.powi(2);
        let pivot = if pitch < 0.0 { body.heel() } else { body.offset(side, SmplJoint::LeftFoot) };
        let ankle =
            self.ankle + facing(self.heading, 0.0) * pivot - facing(self.heading, pitch) * pivot;
        FootPose { ankle, heading: self.heading, pitch, toe_bend: pitch.max(0.0) }
    }
}

/// Footsteps and the path they lie on.
struct Plan {
    /// Footprints of the left and the right foot, oldest first.
    prints: [Vec<Footprint>; 2],
    path: Path,
}

impl Plan {
    fn new(step_length: f64, body: &Body) -> Self {
        let length = step_length * (FIRST_STEP + (STEPS - 2) as f64);
        let path = Path::new(length);
        let print = |side: Side, way: f64, lands: f64| {
            let (middle, heading) = path.at(way);
            let (forward, left) = forward_and_left(heading);
            let ankle = middle + left * (side.sign() * HALF_STEP_WIDTH) - forward * ANKLE_BEHIND;
            Footprint {
                lands,
                lifts: f64::INFINITY,
                heading: heading + side.sign() * TOE_OUT,
                ankle: ankle.extend(body.skeleton.ankle_height),
                pitches: [0.0; 2],
                way,
            }
        };
        let mut prints = SIDES.map(|side| vec![print(side, 0.0, f64::NEG_INFINITY)]);
        for step in 0..STEPS {
            // The right foot goes first; the last step closes up to the foot before it.
            let (swing, stance) = if step % 2 == 0 { (1, 0) } else { (0, 1) };
            let way = (step_length * (FIRST_STEP + step as f64)).min(length);
            let lands = FIRST_LIFT + SWING_SECONDS + STEP_SECONDS * step as f64;
            let standing = prints[stance].last().map_or(0.0, |p| p.way);
            let mut next = print(SIDES[swing], way, lands);
            next.pitches[0] = STRIKE_PITCH * ((way - standing) / step_length);
            if let Some(now) = prints[swing].last_mut() {
                now.lifts = lands - SWING_SECONDS;
                now.pitches[1] = PUSH_PITCH * ((standing - now.way) / step_length).max(0.35);
            }
            prints[swing].push(next);
        }
        Self { prints, path }
    }

    fn prints(&self, side: Side) -> &[Footprint] {
        &self.prints[side as usize]
    }

    fn foot(&self, side: Side, t: f64, body: &Body) -> FootPose {
        let prints = self.prints(side);
        let at = prints.partition_point(|p| p.lands <= t) - 1;
        let now = &prints[at];
        let Some(next) = prints.get(at + 1).filter(|_| t > now.lifts) else {
            return now.pose(t, side, body);
        };
        // In the air: a cubic with the places and speeds at which the foot leaves and lands.
        let u = (t - now.lifts) / SWING_SECONDS;
        let instant = 1e-4;
        let at = |print: &Footprint, t| {
            let pose = print.pose(t, side, body);
            pose.ankle.extend(pose.pitch)
        };
        let speed = |print: &Footprint, t: f64| {
            (at(print, t + instant) - at(print, t)) * (SWING_SECONDS / instant)
        };
        let place = hermite(
            u,
            at(now, now.lifts),
            speed(now, now.lifts - instant),
            at(next, next.lands),
            speed(next, next.lands),
        );
        let clearance = 0.045 + 0.03 * (1.0 - now.pitches[1] / PUSH_PITCH);
        FootPose {
            ankle: place.truncate() + DVec3::Z * (clearance * 16.0 * (u * (1.0 - u)).powi(2)),
            heading: now.heading + (next.heading - now.heading) * ease(u),
            pitch: place.w,
            toe_bend: now.pitches[1] * (1.0 - ease((u / 0.4).min(1.0))),
        }
    }

    /// The middle of the two feet along the path, in straight lines from heel strike to heel strike.
    fn middle(&self, t: f64) -> f64 {
        let mut landings: Vec<(f64, usize, f64)> = Vec::new();
        for side in SIDES {
            landings.extend(self.prints(side)[1..].iter().map(|p| (p.lands, side as usize, p.way)));
        }
        landings.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut ways = [0.0; 2];
        let mut before = (FIRST_LIFT, 0.0);
        for (lands, side, way) in landings {
            ways[side] = way;
            let now = (lands, (ways[0] + ways[1]) / 2.0);
            if t < now.0 {
                let u = ((t - before.0) / (now.0 - before.0)).max(0.0);
                return before.1 + (now.1 - before.1) * u;
            }
            before = now;
        }
        before.1
    }

    /// 1 while only the left foot is down, −1 while only the right one is, else 0.
    fn carrying_side(&self, t: f64) -> f64 {
        let down = |side| self.prints(side).iter().any(|p| (p.lands..p.lifts).contains(&t));
        f64::from(down(Side::Left)) - f64::from(down(Side::Right))
    }
}

/// Somebody who waves stands on the other leg.
fn shift(t: f64) -> f64 {
    0.8 * waving(t)
}

/// 0 with the hand down, 1 with the hand up.
fn waving(t: f64) -> f64 {
    let ramp = |from: f64, to: f64| ease(((t - from) / (to - from)).clamp(0.0, 1.0));
    ramp(WAVE[0], WAVE[1]) - ramp(WAVE[2], WAVE[3])
}

/// A curve on the floor, by its length.
struct Path {
    points: Vec<DVec2>,
    length: f64,
}

impl Path {
    const PER_METRE: f64 = 200.0;

    fn new(length: f64) -> Self {
        let mut points = vec![DVec2::ZERO];
        for i in 0..=(length * Self::PER_METRE) as usize {
            let (forward, _) =
                forward_and_left(Self::heading((i as f64 + 0.5) / Self::PER_METRE / length));
            points.push(points[i] + forward / Self::PER_METRE);
        }
        Self { points, length }
    }

    /// At a part of the way from 0 to 1.
    fn heading(part: f64) -> f64 {
        let turned = ease(((part - TURN[0]) / (TURN[1] - TURN[0])).clamp(0.0, 1.0));
        HEADINGS[0] + (HEADINGS[1] - HEADINGS[0]) * turned
    }

    /// Place and heading.
    fn at(&self, way: f64) -> (DVec2, f64) {
        let position = (way * Self::PER_METRE).clamp(0.0, (self.points.len() - 1) as f64);
        let before = position as usize;
        let after = (before + 1).min(self.points.len() - 1);
        let point = self.points[before].lerp(self.points[after], position.fract());
        (point, Self::heading(way / self.length))
    }
}

/// Everything of one frame but the height of the pelvis.
struct Trunk {
    feet: [FootPose; 2],
    heading: f64,
    /// Of the pelvis on the floor.
    ground: DVec2,
    pelvis: DQuat,
    chest: DQuat,
    head: DQuat,
    /// How far the right foot is before the left one, metres.
    stride: f64,
}

impl Trunk {
    fn at(t: f64, plan: &Plan, body: &Body, way: f64, load: f64) -> Self {
        let feet = SIDES.map(|side| plan.foot(side, t, body));
        let (middle, heading) = plan.path.at(way);
        let (_, ahead) = plan.path.at(way + 0.35 * (1.0 - waving(t)));
        let (forward, left) = forward_and_left(heading);
        let stride = (feet[1].ankle - feet[0].ankle).truncate().dot(forward);
        let swing = stride / (STEP_PER_LEG * body.leg_length());
        // Nobody stands like a post.
        let idle = |hz: f64, phase: f64| (std::f64::consts::TAU * hz * t + phase).sin();
        let breath = 0.012 * idle(0.27, 0.0);
        let ground = middle
            + left * (0.022 * load + 0.004 * idle(0.19, 1.0))
            + forward * (0.005 * idle(0.23, 0.3));
        Self {
            feet,
            heading,
            ground,
            pelvis: facing(heading + 0.09 * swing, 0.05) * DQuat::from_rotation_z(0.045 * load),
            chest: facing(heading - 0.08 * swing, 0.03 - breath)
                * DQuat::from_rotation_z(-0.03 * load + 0.05 * waving(t)),
            head: facing(ahead, 0.04 + 0.015 * idle(0.17, 2.0))
                * DQuat::from_rotation_z(0.008 * idle(0.21, 0.5) - 0.06 * waving(t)),
            stride,
        }
    }

    fn hip(&self, side: Side, body: &Body) -> DVec3 {
        self.ground.extend(0.0) + self.pelvis * body.offset(side, SmplJoint::LeftHip)
    }

    /// The greatest height of the pelvis at which both feet are within reach.
    fn highest_pelvis(&self, body: &Body) -> f64 {
        let reach = MAX_EXTENSION * body.leg_length();
        SIDES
            .map(|side| {
                let hip = self.hip(side, body);
                let ankle = self.feet[side as usize].ankle;
                let across = (ankle - hip).truncate().length_squared();
                ankle.z - hip.z + (reach * reach - across).max(0.0).sqrt()
            })
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }

    fn pose(&self, t: f64, body: &Body, height: f64, swing: f64) -> Pose {
        let mut local: PerJoint<DQuat> = [DQuat::IDENTITY; SmplJoint::COUNT];
        let pelvis_position = self.ground.extend(height);
        local[SmplJoint::Pelvis.index()] = self.pelvis;

        let spine = self.pelvis.conjugate() * self.chest;
        for joint in [SmplJoint::Spine1, SmplJoint::Spine2, SmplJoint::Spine3] {
            local[joint.index()] = DQuat::IDENTITY.slerp(spine, 1.0 / 3.0);
        }
        let neck = self.chest.conjugate() * self.head;
        for joint in [SmplJoint::Neck, SmplJoint::Head] {
            local[joint.index()] = DQuat::IDENTITY.slerp(neck, 0.5);
        }
        for side in SIDES {
            self.solve_leg(side, body, height, &mut local);
            swing_arm(side, swing, &mut local);
        }
        raise_right_hand(t, &mut local);
        Pose { translation: pelvis_position - body.skeleton.offsets[0], rotations: local }
    }

    /// Hip, knee and ankle that put the foot where it is planned.
    fn solve_leg(&self, side: Side, body: &Body, height: f64, local: &mut PerJoint<DQuat>) {
        let foot = self.feet[side as usize];
        let hip = self.hip(side, body) + DVec3::Z * height;
        let [thigh, shank] =
            [SmplJoint::LeftKnee, SmplJoint::LeftAnkle].map(|j| body.offset(side, j));
        let to_ankle = foot.ankle - hip;
        let (down, distance) = (to_ankle.normalize(), to_ankle.length());
        // The knee points to where the foot does, half way from where the body does.
        let (knee_forward, _) =
            forward_and_left(self.heading + 0.5 * (foot.heading - self.heading));
        let left = (-down).cross(knee_forward.extend(0.0)).normalize();
        let forward = left.cross(-down);
        let along = (thigh.length_squared() - shank.length_squared() + distance * distance)
            / (2.0 * distance);
        let out = (thigh.length_squared() - along * along).max(0.0).sqrt();
        let knee = hip + down * along + forward * out;

        let thigh_rotation = bone_rotation(thigh, knee - hip, left);
        let shank_rotation = bone_rotation(shank, foot.ankle - knee, left);
        let foot_rotation = facing(foot.heading, foot.pitch);
        local[side.of(SmplJoint::LeftHip)] = self.pelvis.conjugate() * thigh_rotation;
        local[side.of(SmplJoint::LeftKnee)] = thigh_rotation.conjugate() * shank_rotation;
        local[side.of(SmplJoint::LeftAnkle)] = shank_rotation.conjugate() * foot_rotation;
        local[side.of(SmplJoint::LeftFoot)] = DQuat::from_rotation_x(-foot.toe_bend);
    }
}

/// World from bone for a bone that hangs down along `rest` in the rest pose, lies along `now`, and
/// keeps its hinge, x in the rest pose, along `left`.
fn bone_rotation(rest: DVec3, now: DVec3, left: DVec3) -> DQuat {
    let axes = |down: DVec3, left: DVec3| {
        let y = -down.normalize();
        let z = left.cross(y).normalize();
        DMat3::from_cols(y.cross(z), y, z)
    };
    DQuat::from_mat3(&(axes(now, left) * axes(rest, DVec3::X).transpose())).normalize()
}

/// An arm that hangs and swings against the leg of its side. `swing` is 1 with the right foot a full
/// step ahead.
fn swing_arm(side: Side, swing: f64, local: &mut PerJoint<DQuat>) {
    let sign = side.sign();
    // The left arm goes forward with the right foot; arms go further forward than back.
    let forward = sign * swing;
    let reach = 0.06 + if forward > 0.0 { 0.42 } else { 0.34 } * forward;
    local[side.of(SmplJoint::LeftCollar)] = DQuat::from_rotation_z(-sign * 0.06);
    local[side.of(SmplJoint::LeftShoulder)] = DQuat::from_rotation_x(-reach)
        * DQuat::from_rotation_z(-sign * 1.3)
        * DQuat::from_rotation_x(-0.15);
    let bend = 0.32 + 0.22 * forward;
    local[side.of(SmplJoint::LeftElbow)] = DQuat::from_rotation_y(-sign * bend);
    local[side.of(SmplJoint::LeftWrist)] = DQuat::from_rotation_z(-sign * 0.06);
}

/// Upper arm out and up, forearm upright with the palm forward, swinging from side to side.
fn raise_right_hand(t: f64, local: &mut PerJoint<DQuat>) {
    let up = waving(t);
    let swing = up * (std::f64::consts::TAU * WAVE_HZ * (t - WAVE[1])).sin();
    let mut blend = |joint: SmplJoint, raised: DQuat| {
        let q = &mut local[joint.index()];
        *q = q.slerp(raised, up);
    };
    blend(SmplJoint::RightCollar, DQuat::from_rotation_z(-0.18));
    blend(
        SmplJoint::RightShoulder,
        DQuat::from_rotation_y(0.35)
            * DQuat::from_rotation_z(-0.2 - 0.05 * swing)
            * DQuat::from_rotation_x(-1.45),
    );
    blend(SmplJoint::RightElbow, DQuat::from_rotation_y(1.45 + 0.42 * swing));
    blend(SmplJoint::RightWrist, DQuat::from_rotation_y(0.25 * swing));
}

/// 0 to 1 with no speed at the ends.
fn ease(u: f64) -> f64 {
    u * u * (3.0 - 2.0 * u)
}

/// The cubic through `p0` and `p1` with speeds `v0` and `v1` there.
fn hermite(u: f64, p0: DVec4, v0: DVec4, p1: DVec4, v1: DVec4) -> DVec4 {
    let w = 1.0 - u;
    p0 * (w * w * (1.0 + 2.0 * u)) + v0 * (u * w * w) - v1 * (u * u * w)
        + p1 * (u * u * (1.0 + 2.0 * w))
}

/// Two passes of the mean over `radius` frames to both sides, held at the ends.
fn smoothed(values: &[f64], radius: usize) -> Vec<f64> {
    windows(&windows(values, radius, mean), radius, mean)
}

/// A smooth curve that is nowhere above `values`: the mean of the least value nearby.
fn smoothed_floor(values: &[f64], radius: usize) -> Vec<f64> {
    let least = |near: &mut dyn Iterator<Item = f64>| near.fold(f64::INFINITY, f64::min);
    smoothed(&windows(values, 2 * radius, least), radius)
}

fn mean(near: &mut dyn Iterator<Item = f64>) -> f64 {
    let (sum, count) = near.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    sum / count
}

fn windows(
    values: &[f64],
    radius: usize,
    reduce: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
) -> Vec<f64> {
    let last = values.len() as isize - 1;
    let at = |i: isize| values[i.clamp(0, last) as usize];
    let radius = radius as isize;
    (0..=last).map(|i| reduce(&mut (i - radius..=i + radius).map(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::heading;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::JointTransforms;

    fn clip() -> (Skeleton, Vec<Pose>, Vec<JointTransforms>) {
        let skeleton = Skeleton::default();
        let poses: Vec<Pose> = walk_and_wave(&skeleton).frames.iter().map(Pose::from).collect();
        let joints = poses.iter().map(|p| skeleton.pose_joints(p)).collect();
        (skeleton, poses, joints)
    }

    fn frame(seconds: f64) -> usize {
        (seconds * RATE_HZ) as usize
    }

    #[test]
    fn soles_rest_on_the_floor_and_never_go_through_it() {
        let (skeleton, _, joints) = clip();
        let body = Body::new(&skeleton);
        for (i, joints) in joints.iter().enumerate() {
            let mut lowest = f64::INFINITY;
            for side in SIDES {
                let ankle = side.of(SmplJoint::LeftAnkle);
                let toe = body.offset(side, SmplJoint::LeftFoot);
                let ball = DVec3::new(toe.x, -skeleton.ankle_height, toe.z);
                for sole in [body.heel(), ball] {
                    let height = (joints.positions[ankle] + joints.rotations[ankle] * sole).z;
                    assert!(height > -0.01, "frame {i}: a sole at {height} m");
                    lowest = lowest.min(height);
                }
            }
            assert!(lowest < 0.015, "frame {i}: both feet {lowest} m in the air");
        }
    }

    #[test]
    fn a_foot_that_carries_weight_stands_still() {
        let (_, _, joints) = clip();
        for foot in [SmplJoint::LeftFoot, SmplJoint::RightFoot].map(SmplJoint::index) {
            let resting = joints[0].positions[foot].z;
            let mut stands: Option<DVec3> = None;
            let mut landings = 0;
            for (i, joints) in joints.iter().enumerate() {
                let now = joints.positions[foot];
                if (now.z - resting).abs() > 0.002 {
                    stands = None;
                    continue;
                }
                let place = *stands.get_or_insert_with(|| {
                    landings += 1;
                    now
                });
                let slid = (now - place).length();
                assert!(slid < 0.01, "frame {i}: joint {foot} slid {slid} m");
            }
            assert_eq!(landings, 1 + STEPS / 2, "joint {foot}");
        }
    }

    #[test]
    fn nothing_jumps() {
        let (_, poses, joints) = clip();
        for (i, pair) in poses.windows(2).enumerate() {
            for joint in SmplJoint::ALL {
                let j = joint.index();
                let turned = geodesic_angle(pair[0].rotations[j], pair[1].rotations[j]);
                assert!(turned < 0.2, "frame {i}: {joint:?} turned {turned} rad");
                let moved = (joints[i + 1].positions[j] - joints[i].positions[j]).length();
                assert!(moved < 0.09, "frame {i}: {joint:?} moved {moved} m");
            }
        }
    }

    #[test]
    fn walks_the_way_it_faces_and_turns() {
        let (_, poses, _) = clip();
        for (i, pair) in poses.windows(2).enumerate() {
            let (forward, _) = forward_and_left(heading(DMat3::from_quat(pair[0].rotations[0])));
            let speed = (pair[1].translation - pair[0].translation).truncate() * RATE_HZ;
            if speed.length() > 0.5 {
                assert!(speed.normalize().dot(forward) > 0.96, "frame {i} walks sideways");
            }
        }
        let way = poses[0].translation.distance(poses[frame(7.0)].translation);
        assert!((3.0..7.0).contains(&way), "{way} m");
        let [start, end] =
            [0, poses.len() - 1].map(|i| heading(DMat3::from_quat(poses[i].rotations[0])));
        assert!((start - HEADINGS[0]).abs() < 0.02 && (end - HEADINGS[1]).abs() < 0.02);
    }

    #[test]
    fn the_left_arm_goes_with_the_right_leg() {
        let (_, poses, joints) = clip();
        let mut product = 0.0;
        for i in frame(2.0)..frame(5.5) {
            let (forward, _) = forward_and_left(heading(DMat3::from_quat(poses[i].rotations[0])));
            let ahead = |left: SmplJoint| {
                let [l, r] = [left, left.mirrored()].map(|j| joints[i].positions[j.index()]);
                (l - r).truncate().dot(forward)
            };
            product += ahead(SmplJoint::LeftWrist) * ahead(SmplJoint::LeftAnkle);
        }
        assert!(product < -5.0, "{product}");
    }

    #[test]
    fn the_right_hand_waves_above_the_head_and_only_then() {
        let (_, _, joints) = clip();
        let at = |i: usize, j: SmplJoint| joints[i].positions[j.index()];
        for i in 0..joints.len() {
            assert!(at(i, SmplJoint::LeftWrist).z < at(i, SmplJoint::LeftElbow).z);
            if (frame(WAVE[1])..frame(WAVE[2])).contains(&i) {
                assert!(at(i, SmplJoint::RightWrist).z > at(i, SmplJoint::Head).z, "frame {i}");
            }
        }
        let (_, left) = forward_and_left(HEADINGS[1]);
        let across: Vec<f64> = (frame(WAVE[1])..frame(WAVE[2]))
            .map(|i| at(i, SmplJoint::RightWrist).truncate().dot(left))
            .collect();
        let middle = across.iter().sum::<f64>() / across.len() as f64;
        let crossings = across.windows(2).filter(|w| (w[0] > middle) != (w[1] > middle)).count();
        assert!(crossings >= 5, "{crossings}");
    }

    #[test]
    fn knees_bend_forward_only() {
        let (_, poses, _) = clip();
        for (i, pose) in poses.iter().enumerate() {
            for knee in [SmplJoint::LeftKnee, SmplJoint::RightKnee] {
                let bend = crate::rotation::log(pose.rotations[knee.index()]).x;
                assert!((0.0..1.4).contains(&bend), "frame {i}: {knee:?} at {bend} rad");
            }
        }
    }
}
