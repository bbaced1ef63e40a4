//! Footsteps: where and when feet stand, and how they move between.
//!
//! Joint angles and timings follow textbook gait (Perry and Burnfield, "Gait Analysis"): stance
//! takes 60 % of a walking stride, the heel strikes with the toes up, and the foot rolls over the
//! toes.

use super::body::{Body, FootPose, SIDES, Side, facing, forward_and_left};
use super::curves::hermite;
use crate::easing::smoothstep;
use crate::skeleton::SmplJoint;
use glam::{DVec2, DVec3};

/// How feet move.
#[derive(Clone, Copy)]
pub(super) struct Gait {
    /// From one landing to the next landing of the other foot.
    pub step_seconds: f64,
    /// Time a foot is in the air.
    pub swing_seconds: f64,
    /// Time the heel rises before the foot leaves the floor.
    pub push_seconds: f64,
    /// Time from landing until the foot is flat.
    pub load_seconds: f64,
    /// Foot pitch at the start and end of a full step, radians, positive with the toes down.
    pub push_pitch: f64,
    pub strike_pitch: f64,
    /// Minimum lift of a foot in the air, metres.
    pub clearance: f64,
    /// How far the heel is kicked up behind, radians; the kick lifts the foot further.
    pub kick: f64,
    /// Distance of the ankle from the middle of the path, metres.
    pub half_width: f64,
    pub toe_out: f64,
}

/// How far the ankle is behind the pelvis, metres.
const ANKLE_BEHIND: f64 = 0.035;
/// Additional lift of the ankle per radian of kick, metres.
const LIFT_PER_KICK: f64 = 0.3;
/// Minimum fraction of [`Gait::push_pitch`] at lift-off.
const LEAST_PUSH: f64 = 0.35;

impl Gait {
    pub(super) const fn walking(step_seconds: f64) -> Self {
        Self {
            step_seconds,
            // 40 %, 30 % and 9 % of a stride of two steps.
            swing_seconds: 0.8 * step_seconds,
            push_seconds: 0.6 * step_seconds,
            load_seconds: 0.18 * step_seconds,
            push_pitch: 0.95,
            strike_pitch: -0.32,
            clearance: 0.045,
            kick: 0.0,
            half_width: 0.075,
            toe_out: 0.12,
        }
    }

    /// A foot is on the floor for a third of a stride, so that in between neither is.
    pub(super) const fn running(step_seconds: f64) -> Self {
        Self {
            step_seconds,
            swing_seconds: 1.34 * step_seconds,
            push_seconds: 0.4 * step_seconds,
            load_seconds: 0.12 * step_seconds,
            push_pitch: 0.9,
            strike_pitch: -0.12,
            clearance: 0.06,
            kick: 0.75,
            half_width: 0.05,
            toe_out: 0.08,
        }
    }
}

/// A place where a foot stands for a while.
pub(super) struct Footprint {
    pub lands: f64,
    pub lifts: f64,
    pub heading: f64,
    /// Position of the ankle while the foot is flat, metres.
    pub ankle: DVec3,
    /// Foot pitch at landing and at lift-off, radians.
    pub pitches: [f64; 2],
    /// Distance along the path, metres.
    way: f64,
}

impl Footprint {
    /// The print of a foot that stands all the time.
    pub(super) fn standing(
        side: Side,
        place: DVec2,
        heading: f64,
        half_width: f64,
        toe_out: f64,
        body: &Body,
    ) -> Self {
        let (forward, left) = forward_and_left(heading);
        let ankle = place + left * (side.sign() * half_width) - forward * ANKLE_BEHIND;
        Self {
            lands: f64::NEG_INFINITY,
            lifts: f64::INFINITY,
            heading: heading + side.sign() * toe_out,
            ankle: ankle.extend(body.skeleton.ankle_height),
            pitches: [0.0; 2],
            way: 0.0,
        }
    }

    /// The print of a foot that lands later.
    pub(super) fn landing(self, lands: f64) -> Self {
        Self { lands, ..self }
    }

    /// The foot while it is on the floor: rolls over the heel, stands, rolls over the toes.
    fn pose(&self, t: f64, side: Side, gait: &Gait, body: &Body) -> FootPose {
        let loading = ((t - self.lands) / gait.load_seconds).clamp(0.0, 1.0);
        let pushing = ((t - self.lifts) / gait.push_seconds + 1.0).clamp(0.0, 1.0);
        let pitch = self.pitches[0] * (1.0 - loading).powi(2) + self.pitches[1] * pushing.powi(2);
        let pivot = if pitch < 0.0 { body.heel() } else { body.offset(side, SmplJoint::LeftFoot) };
        let ankle =
            self.ankle + facing(self.heading, 0.0) * pivot - facing(self.heading, pitch) * pivot;
        FootPose { ankle, heading: self.heading, pitch, toe_bend: pitch.max(0.0) }
    }
}

/// The footprints of both feet.
pub(super) struct Footsteps {
    gait: Gait,
    /// Of the left and the right foot, oldest first.
    prints: [Vec<Footprint>; 2],
    /// Time of the first lift-off on a path; 0 without a path.
    first_lift: f64,
}

impl Footsteps {
    /// A standing person, who may [`step`](Self::step).
    pub(super) fn standing(prints: [Footprint; 2], gait: Gait) -> Self {
        Self { gait, prints: prints.map(|print| vec![print]), first_lift: 0.0 }
    }

    /// Footsteps along `path`: standing at its start, then a step to each of `ways` (distances
    /// along the path, metres), starting with `first`. A full step is `step_length` metres long.
    pub(super) fn along(
        path: &Path,
        ways: &[f64],
        step_length: f64,
        first: Side,
        first_lift: f64,
        gait: Gait,
        body: &Body,
    ) -> Self {
        let print = |side: Side, way: f64, lands: f64| {
            let (middle, heading) = path.at(way);
            let print =
                Footprint::standing(side, middle, heading, gait.half_width, gait.toe_out, body);
            Footprint { lands, way, ..print }
        };
        let mut steps = Self {
            prints: SIDES.map(|side| vec![print(side, 0.0, f64::NEG_INFINITY)]),
            gait,
            first_lift,
        };
        let mut side = first;
        for (step, &way) in ways.iter().enumerate() {
            let lands = first_lift + gait.swing_seconds + gait.step_seconds * step as f64;
            let standing = steps.prints(side.other()).last().map_or(0.0, |p| p.way);
            let before = steps.prints(side).last().map_or(0.0, |p| p.way);
            let strike = gait.strike_pitch * ((way - standing) / step_length);
            let push = gait.push_pitch * ((standing - before) / step_length).max(LEAST_PUSH);
            steps.step(side, push, Footprint { pitches: [strike, 0.0], ..print(side, way, lands) });
            side = side.other();
        }
        steps
    }

    /// Adds a step of one foot to `next`; the foot leaves the floor with pitch `push`.
    pub(super) fn step(&mut self, side: Side, push: f64, next: Footprint) {
        let lifts = next.lands - self.gait.swing_seconds;
        let prints = &mut self.prints[side as usize];
        if let Some(now) = prints.last_mut() {
            now.lifts = lifts;
            now.pitches[1] = push;
        }
        prints.push(next);
    }

    pub(super) fn prints(&self, side: Side) -> &[Footprint] {
        &self.prints[side as usize]
    }

    pub(super) fn feet(&self, t: f64, body: &Body) -> [FootPose; 2] {
        SIDES.map(|side| self.foot(side, t, body))
    }

    fn foot(&self, side: Side, t: f64, body: &Body) -> FootPose {
        let gait = &self.gait;
        let prints = self.prints(side);
        let at = prints.partition_point(|p| p.lands <= t) - 1;
        let now = &prints[at];
        let Some(next) = prints.get(at + 1).filter(|_| t > now.lifts) else {
            return now.pose(t, side, gait, body);
        };
        // In the air: a cubic through the places and velocities at lift-off and landing.
        let u = (t - now.lifts) / gait.swing_seconds;
        let instant = 1e-4;
        let at = |print: &Footprint, t| {
            let pose = print.pose(t, side, gait, body);
            pose.ankle.extend(pose.pitch)
        };
        let speed = |print: &Footprint, t: f64| {
            (at(print, t + instant) - at(print, t)) * (gait.swing_seconds / instant)
        };
        let place = hermite(
            u,
            at(now, now.lifts),
            speed(now, now.lifts - instant),
            at(next, next.lands),
            speed(next, next.lands),
        );
        let push = now.pitches[1] / gait.push_pitch;
        let clearance = gait.clearance + 0.03 * (1.0 - push);
        // Peaks early, with value 1 at two fifths of the swing.
        let kick = gait.kick * push * (u * (1.0 - u)).powi(2) * (1.0 - u) / 0.03456;
        let lift = clearance * 16.0 * (u * (1.0 - u)).powi(2) + LIFT_PER_KICK * kick;
        FootPose {
            ankle: place.truncate() + DVec3::Z * lift,
            heading: now.heading + (next.heading - now.heading) * smoothstep(u),
            pitch: place.w + kick,
            toe_bend: now.pitches[1] * (1.0 - smoothstep(u / 0.4)),
        }
    }

    /// All landings after the start, in order of time: time, foot and distance along the path.
    fn landings(&self) -> Vec<(f64, Side, f64)> {
        let mut landings: Vec<_> = SIDES
            .iter()
            .flat_map(|side| self.prints(*side)[1..].iter().map(|p| (p.lands, *side, p.way)))
            .collect();
        landings.sort_by(|a, b| a.0.total_cmp(&b.0));
        landings
    }

    /// Midpoint of the two feet along the path, piecewise linear between landings.
    pub(super) fn middle(&self, t: f64) -> f64 {
        let mut ways = [0.0; 2];
        let mut before = (self.first_lift, 0.0);
        for (lands, side, way) in self.landings() {
            ways[side as usize] = way;
            let now = (lands, (ways[0] + ways[1]) / 2.0);
            if t < now.0 {
                let u = ((t - before.0) / (now.0 - before.0)).max(0.0);
                return before.1 + (now.1 - before.1) * u;
            }
            before = now;
        }
        before.1
    }

    /// Phase within the current step, 0 at a landing. Before the first landing and after the last
    /// the phase continues at the same pace.
    pub(super) fn phase(&self, t: f64) -> f64 {
        let landings = self.landings();
        let last = landings.iter().rev().find(|l| l.0 <= t).or(landings.first());
        last.map_or(0.0, |l| ((t - l.0) / self.gait.step_seconds).rem_euclid(1.0))
    }

    /// 1 while only the left foot is down, −1 while only the right one is, else 0.
    pub(super) fn carrying_side(&self, t: f64) -> f64 {
        let down = |side| self.prints(side).iter().any(|p| (p.lands..p.lifts).contains(&t));
        f64::from(down(Side::Left)) - f64::from(down(Side::Right))
    }
}

/// A curve on the floor, parametrised by length.
pub(super) struct Path {
    points: Vec<DVec2>,
    length: f64,
    /// Heading at a fraction (0 to 1) of the path, radians.
    heading: Box<dyn Fn(f64) -> f64>,
}

impl Path {
    const PER_METRE: f64 = 200.0;

    pub(super) fn new(start: DVec2, length: f64, heading: impl Fn(f64) -> f64 + 'static) -> Self {
        let mut points = vec![start];
        for i in 0..=(length * Self::PER_METRE) as usize {
            let (forward, _) =
                forward_and_left(heading((i as f64 + 0.5) / Self::PER_METRE / length));
            points.push(points[i] + forward / Self::PER_METRE);
        }
        Self { points, length, heading: Box::new(heading) }
    }

    /// Place and heading at a distance along the path.
    pub(super) fn at(&self, way: f64) -> (DVec2, f64) {
        let position = (way * Self::PER_METRE).clamp(0.0, (self.points.len() - 1) as f64);
        let before = position as usize;
        let after = (before + 1).min(self.points.len() - 1);
        let point = self.points[before].lerp(self.points[after], position.fract());
        (point, (self.heading)(way / self.length))
    }
}
