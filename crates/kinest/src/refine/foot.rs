//! Feet that stand still while they carry weight, and never sink into the floor.

use super::Place;
use super::limb::{LEGS, Limb, lean, within};
use crate::coordinates::heading;
use crate::easing::smoothstep;
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::Teleport;
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// A heel rises by no more than this for a hip that gets too far away, radians.
const HEEL_RISE: f64 = 0.4;

/// A foot that a leg pulls this far from where it stands is let go, metres.
const MOST_SLIDE: f64 = 0.001;

/// The floor is where a tenth of the lowest soles are below.
const FLOOR_QUANTILE: f64 = 0.1;
/// How fast the estimate of the floor moves, m/s: nine tenths of it down, a tenth of it up.
const FLOOR_RATE: f64 = 0.2;

/// Where the floor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Floor {
    /// At a height, metres: 0 in a room that a headset has measured.
    At(f64),
    /// Learned from how low the feet get, for trackers whose zero is anywhere.
    #[default]
    Estimated,
}

/// When a foot stands, and how it is held and let go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FootLockSettings {
    /// Where the floor is.
    pub floor: Floor,
    /// A foot is put down when its sole is nearer to the floor than this, metres, …
    pub contact_height: f64,
    /// … and it is slower than this, m/s.
    pub contact_speed: f64,
    /// It is lifted when its sole is higher than this, metres, …
    pub release_height: f64,
    /// … or it is faster than this, m/s, …
    pub release_speed: f64,
    /// … or the network has it farther away from where it stands than this, metres.
    pub slack: f64,
    /// Seconds over which a foot settles on the floor, and over which it goes back to the network's place
    /// when it is lifted.
    pub blend: f64,
    /// Seconds over which the speed is averaged.
    pub speed_time: f64,
}

impl Default for FootLockSettings {
    /// Chosen on 49 CMU clips (29,000 frames) predicted online by the shipped model: least slide of feet
    /// that truly stand, of those that cost no accuracy elsewhere. A network's feet are restless, so they
    /// are held early and let go late. What still slides are mostly feet that the network swings while they
    /// stand: neither more slack, nor a point that creeps after the network's foot, nor a speed limit that
    /// goes with the body's own speed made fewer of them without more error.
    fn default() -> Self {
        Self {
            floor: Floor::default(),
            contact_height: 0.06,
            contact_speed: 1.0,
            release_height: 0.12,
            release_speed: 2.0,
            slack: 0.2,
            blend: 0.2,
            speed_time: 0.05,
        }
    }
}

/// Holds the feet of one body to the floor.
///
/// A foot whose sole is low and slow is in contact: the joint of its ball then stays at one point of the
/// floor and its heading stays too, while heel and sole may roll. When it leaves, the difference to the
/// network's foot fades out, so that nothing jumps. Legs are solved by formula and keep the direction of
/// their knees. Whether in contact or not, no heel or ball gets below the floor.
#[derive(Clone, Debug)]
pub struct FootLock {
    settings: FootLockSettings,
    floor: Option<f64>,
    feet: [Foot; 2],
}

/// What is known of one foot.
#[derive(Clone, Copy, Debug, Default)]
struct Foot {
    /// Where the network had the ball in the frame before, and how fast it is, averaged.
    before: Option<DVec3>,
    velocity: DVec3,
    state: State,
    /// Seconds in this state.
    time: f64,
    /// The shown foot against the network's.
    shift: Shift,
}

/// In which of two states a foot is, with the shift it had when the state began.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Follows the network.
    Free { from: Shift },
    /// Stands with its ball at a point (its height does not count) and a heading.
    Locked { from: Shift, ball: DVec3, heading: f64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Free { from: Shift::default() }
    }
}

/// How a foot is moved and turned about the vertical.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    offset: DVec3,
    turn: f64,
}

/// One foot as the network has it.
struct Estimate {
    ankle: Place,
    ball: DVec3,
    heading: f64,
    /// Height of the lowest point of the sole.
    sole: f64,
}

impl FootLock {
    /// A lock with both feet free.
    #[must_use]
    pub fn new(settings: FootLockSettings) -> Self {
        Self { settings, floor: None, feet: [Foot::default(); 2] }
    }

    /// Whether the left and the right foot are held.
    #[must_use]
    pub fn contacts(&self) -> [bool; 2] {
        self.feet.map(|foot| matches!(foot.state, State::Locked { .. }))
    }

    /// Height of the floor, metres; `None` before the first frame if it is estimated.
    #[must_use]
    pub fn floor(&self) -> Option<f64> {
        match self.settings.floor {
            Floor::At(height) => Some(height),
            Floor::Estimated => self.floor,
        }
    }

    /// Lets both feet go and forgets the floor: for another body.
    pub fn reset(&mut self) {
        *self = Self::new(self.settings);
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        let rotation = by.rotation();
        let shifted = |shift: Shift| Shift { offset: rotation * shift.offset, ..shift };
        if let Some(floor) = &mut self.floor {
            *floor += by.rise();
        }
        for foot in &mut self.feet {
            foot.before = foot.before.map(|ball| by.point(ball));
            foot.velocity = rotation * foot.velocity;
            foot.shift = shifted(foot.shift);
            foot.state = match foot.state {
                State::Free { from } => State::Free { from: shifted(from) },
                State::Locked { from, ball, heading } => State::Locked {
                    from: shifted(from),
                    ball: by.point(ball),
                    heading: heading + by.turn,
                },
            };
        }
    }

    /// Corrects the legs of `pose`, which comes `dt` seconds after the one before.
    pub fn apply(&mut self, skeleton: &Skeleton, pose: &mut Pose, dt: f64) {
        let estimates = LEGS.map(|leg| Estimate::of(skeleton, pose, &leg));
        let floor = self.find_floor(estimates[0].sole.min(estimates[1].sole), dt);
        for ((foot, leg), estimate) in self.feet.iter_mut().zip(&LEGS).zip(&estimates) {
            foot.step(&self.settings, estimate, floor, dt);
            foot.place(skeleton, pose, leg, estimate, floor);
        }
    }

    fn find_floor(&mut self, lowest: f64, dt: f64) -> f64 {
        if let Floor::At(height) = self.settings.floor {
            return height;
        }
        // A quantile by stochastic approximation (Robbins and Monro 1951): in the end the steps up and
        // down cancel out.
        let floor = self.floor.get_or_insert(lowest);
        let up = if lowest < *floor { FLOOR_QUANTILE - 1.0 } else { FLOOR_QUANTILE };
        *floor += FLOOR_RATE * up * dt;
        *floor
    }
}

impl Estimate {
    fn of(skeleton: &Skeleton, pose: &Pose, leg: &Limb) -> Self {
        let ankle = Place::of(skeleton, pose, leg.joints[2]);
        let toe = toe(skeleton, leg);
        Self {
            ball: ankle.position + ankle.rotation * toe,
            heading: heading(DMat3::from_quat(ankle.rotation)),
            sole: ankle.position.z
                + skeleton.lowest_sole(leg.joints[2], |point| ankle.rotation * point),
            ankle,
        }
    }
}

/// From ankle to ball, in the foot's axes.
fn toe(skeleton: &Skeleton, leg: &Limb) -> DVec3 {
    let ball = if leg.joints[2] == SmplJoint::LeftAnkle {
        SmplJoint::LeftFoot
    } else {
        SmplJoint::RightFoot
    };
    skeleton.offsets[ball.index()]
}

impl Foot {
    /// Decides whether the foot stands, and how far it is shown from where the network has it.
    fn step(&mut self, settings: &FootLockSettings, estimate: &Estimate, floor: f64, dt: f64) {
        if let Some(before) = self.before
            && dt > 0.0
        {
            let velocity = (estimate.ball - before) / dt;
            let share = dt / (dt + settings.speed_time);
            self.velocity = self.velocity.lerp(velocity, share);
        }
        let seen = self.before.replace(estimate.ball).is_some();
        self.time += dt;
        let (height, speed) = (estimate.sole - floor, self.velocity.length());
        let faded = fade(self.time, settings.blend);
        match self.state {
            State::Free { from } => {
                self.shift =
                    Shift { offset: from.offset * (1.0 - faded), turn: from.turn * (1.0 - faded) };
                let lands = height < settings.contact_height && speed < settings.contact_speed;
                if seen && lands && faded == 1.0 {
                    self.time = 0.0;
                    self.state = State::Locked {
                        from: self.shift,
                        ball: estimate.ball + self.shift.offset,
                        heading: estimate.heading + self.shift.turn,
                    };
                }
            }
            State::Locked { from, ball, heading } => {
                let offset = (ball - estimate.ball).with_z(0.0);
                if height > settings.release_height
                    || speed > settings.release_speed
                    || offset.length() > settings.slack
                {
                    self.free();
                } else {
                    // The height settles; the rest is held at once, for it starts where the foot is.
                    let settled = from.offset.z + (floor - estimate.sole - from.offset.z) * faded;
                    let turn = within_half_a_turn(heading - estimate.heading);
                    self.shift = Shift { offset: offset.with_z(settled), turn };
                }
            }
        }
    }

    /// Lets the foot go from where it is shown. What lifts it out of the floor is no part of that: it ends
    /// when the network's foot comes out.
    fn free(&mut self) {
        let Shift { offset, turn } = self.shift;
        self.shift = Shift { offset: offset.with_z(offset.z.min(0.0)), turn };
        self.time = 0.0;
        self.state = State::Free { from: self.shift };
    }

    /// Solves the leg for the shifted foot.
    fn place(
        &mut self,
        skeleton: &Skeleton,
        pose: &mut Pose,
        leg: &Limb,
        estimate: &Estimate,
        floor: f64,
    ) {
        let toe = toe(skeleton, leg);
        let mut rotation = DQuat::from_rotation_z(self.shift.turn) * estimate.ankle.rotation;
        let mut ball = estimate.ball + self.shift.offset;
        let sunk = floor
            - (ball.z + skeleton.lowest_sole(leg.joints[2], |point| rotation * point)
                - (rotation * toe).z);
        ball.z += sunk.max(0.0);

        let hip = Place::of(skeleton, pose, leg.joints[0]).position;
        let longest = leg.longest(skeleton, estimate.ankle.position.distance(hip));
        // Out of reach the heel rises, and only then the foot, or it comes nearer.
        rotation = lean(rotation * -toe, hip - ball, longest, HEEL_RISE) * rotation;
        let ankle = hip + within(ball - rotation * toe - hip, longest);
        // What is shown, so that a foot that is let go starts from there; it is when it has to slide.
        let shown = ankle + rotation * toe;
        self.shift.offset = shown - estimate.ball;
        if let State::Locked { ball, .. } = self.state
            && shown.truncate().distance(ball.truncate()) > MOST_SLIDE
        {
            self.free();
        }

        leg.reach(skeleton, pose, ankle);
        let shank = Place::of(skeleton, pose, leg.joints[1]).rotation;
        pose.rotations[leg.joints[2].index()] = (shank.conjugate() * rotation).normalize();
    }
}

/// From 0 to 1 over `blend` seconds, with no speed at the ends.
fn fade(time: f64, blend: f64) -> f64 {
    if time >= blend { 1.0 } else { smoothstep(time / blend) }
}

fn within_half_a_turn(angle: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    (angle + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::{geodesic_angle, log};

    use SmplJoint as J;

    const DT: f64 = 1.0 / 60.0;
    const BALLS: [J; 2] = [J::LeftFoot, J::RightFoot];

    fn at_zero() -> FootLockSettings {
        FootLockSettings { floor: Floor::At(0.0), ..FootLockSettings::default() }
    }

    fn position(skeleton: &Skeleton, pose: &Pose, joint: J) -> DVec3 {
        Place::of(skeleton, pose, joint).position
    }

    fn soles(skeleton: &Skeleton, pose: &Pose) -> [f64; 2] {
        LEGS.map(|leg| Estimate::of(skeleton, pose, &leg).sole)
    }

    /// Somebody who stands on the floor, knees a little bent.
    fn standing(skeleton: &Skeleton) -> Pose {
        let mut pose = Pose::rest();
        for leg in LEGS {
            let [hip, knee, ankle] = leg.joints.map(J::index);
            pose.rotations[hip] = DQuat::from_rotation_x(-0.2);
            pose.rotations[knee] = DQuat::from_rotation_x(0.4);
            pose.rotations[ankle] = DQuat::from_rotation_x(-0.2);
        }
        pose.translation.z = -soles(skeleton, &pose)[0];
        pose
    }

    /// A walk as a network could see it: the whole body sways, bobs and sinks into the floor.
    fn restless_walk(skeleton: &Skeleton) -> Vec<Pose> {
        let sway = |i: usize| {
            let t = i as f64 * DT;
            DVec3::new(
                0.03 * (2.1 * t).sin(),
                0.03 * (1.3 * t).cos(),
                0.02 * (3.0 * t).sin() - 0.01,
            )
        };
        let frames = walk_and_wave(skeleton).frames;
        let poses = frames.iter().map(Pose::from).enumerate();
        poses.map(|(i, p)| Pose { translation: p.translation + sway(i), ..p }).collect()
    }

    /// A network that presses a foot into the floor and lifts it again: the foot leaves with it, not before.
    #[test]
    fn a_foot_that_comes_out_of_the_floor_is_not_thrown_up() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let rest = standing(&skeleton);
        for i in 0..120 {
            let t = f64::from(i) * DT;
            let mut pose = rest;
            // 4 cm deep for a second; then it comes out far away, and is let go at once.
            let after = t - 1.0;
            pose.translation.z -= if after < 0.0 { 0.04 } else { 0.005 };
            pose.translation.y -= if after < 0.0 { 0.0 } else { 0.3 + 3.0 * after };
            lock.apply(&skeleton, &mut pose, DT);
            let highest = soles(&skeleton, &pose).into_iter().fold(0.0, f64::max);
            assert!(highest < 0.005, "{t}: {highest}");
        }
        assert_eq!(lock.contacts(), [false; 2]);
    }

    #[test]
    fn locked_feet_stand_still_sink_nowhere_and_do_not_jump() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let mut anchors = [None::<DVec3>; 2];
        let mut landings = [0; 2];
        let mut before: Option<(Pose, Pose)> = None;
        for (i, estimated) in restless_walk(&skeleton).iter().enumerate() {
            let mut pose = *estimated;
            lock.apply(&skeleton, &mut pose, DT);
            for side in 0..2 {
                let ball = position(&skeleton, &pose, BALLS[side]);
                if !lock.contacts()[side] {
                    anchors[side] = None;
                } else if let Some(anchor) = anchors[side] {
                    let slid = (ball - anchor).truncate().length();
                    assert!(slid < 0.002, "frame {i}: {:?} slid {slid} m", BALLS[side]);
                } else {
                    landings[side] += 1;
                    anchors[side] = Some(ball);
                }
                let sole = soles(&skeleton, &pose)[side];
                assert!(sole > -1e-9, "frame {i}: sole {side} at {sole} m");
            }
            if let Some((estimated_before, before)) = &before {
                for ball in BALLS {
                    let step = |a: &Pose, b: &Pose| {
                        position(&skeleton, b, ball).distance(position(&skeleton, a, ball))
                    };
                    // Faster than the network's foot only where a shift fades: a slack of 0.2 m goes in
                    // 12 frames, in the middle 1.5 times as fast.
                    let hurry = step(before, &pose) - step(estimated_before, estimated);
                    assert!(hurry < 0.025, "frame {i}: {ball:?} jumped {hurry} m");
                }
                for joint in LEGS.iter().flat_map(|leg| &leg.joints[..2]) {
                    let turned = geodesic_angle(
                        before.rotations[joint.index()],
                        pose.rotations[joint.index()],
                    );
                    assert!(turned < 0.25, "frame {i}: {joint:?} turned {turned}");
                }
            }
            for leg in LEGS {
                let bend = log(pose.rotations[leg.joints[1].index()]).x;
                assert!(bend > -1e-6, "frame {i}: {:?} bends {bend}", leg.joints[1]);
            }
            before = Some((*estimated, pose));
        }
        // The walk has ten steps and a start.
        assert!(landings.iter().all(|n| (5..=9).contains(n)), "{landings:?}");
    }

    #[test]
    fn only_legs_change_and_in_the_air_not_even_they() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let mut jumping = standing(&skeleton);
        jumping.translation.z += 0.5;
        for _ in 0..10 {
            let mut pose = jumping;
            lock.apply(&skeleton, &mut pose, DT);
            assert_eq!(lock.contacts(), [false; 2]);
            for (a, b) in pose.rotations.iter().zip(&jumping.rotations) {
                assert!(geodesic_angle(*a, *b) < 1e-7);
            }
        }
        let mut sunk = standing(&skeleton);
        sunk.translation.z -= 0.05;
        let mut pose = sunk;
        lock.apply(&skeleton, &mut pose, DT);
        assert!(soles(&skeleton, &pose).iter().all(|sole| sole.abs() < 1e-9), "lifted");
        let legs = [J::LeftHip, J::LeftKnee, J::LeftAnkle].map(|j| [j, j.mirrored()]).concat();
        for joint in J::ALL {
            let (a, b) = (sunk.rotations[joint.index()], pose.rotations[joint.index()]);
            assert_eq!(a != b, legs.contains(&joint), "{joint:?}");
        }
        assert_eq!(pose.translation, sunk.translation);
    }

    #[test]
    fn a_locked_foot_does_not_swivel() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let mut locked = None;
        for i in 0..60 {
            let mut pose = standing(&skeleton);
            let swivel = DQuat::from_rotation_y(0.1 * (0.1 * f64::from(i)).sin());
            pose.rotations[J::RightAnkle.index()] *= swivel;
            lock.apply(&skeleton, &mut pose, DT);
            let heading = Estimate::of(&skeleton, &pose, &LEGS[1]).heading;
            if lock.contacts()[1] {
                let locked = *locked.get_or_insert(heading);
                assert!((heading - locked).abs() < 1e-6, "frame {i}: {heading} {locked}");
            }
        }
        assert!(locked.is_some());
    }

    /// Feet drift slowly away under somebody who stands: held up to the slack, then let go softly.
    #[test]
    fn a_lock_holds_up_to_its_slack_and_lets_go_without_a_jump() {
        let skeleton = Skeleton::default();
        let settings = at_zero();
        let mut lock = FootLock::new(settings);
        let speed = 0.3;
        let mut ball_before = None::<DVec3>;
        let (mut held, mut let_go) = (0.0_f64, false);
        for i in 0..90 {
            let mut pose = standing(&skeleton);
            pose.translation.x = speed * f64::from(i) * DT;
            let estimated = position(&skeleton, &pose, J::LeftFoot);
            lock.apply(&skeleton, &mut pose, DT);
            let ball = position(&skeleton, &pose, J::LeftFoot);
            if lock.contacts()[0] {
                held = held.max((estimated - ball).truncate().length());
            } else if i > 2 {
                let_go = true;
            }
            if let Some(before) = ball_before {
                // The body's own speed, and the fading shift at its fastest: 1.5 times the mean.
                let limit = speed * DT + 1.5 * settings.slack / settings.blend * DT;
                assert!(ball.distance(before) < limit + 1e-3, "frame {i}");
            }
            ball_before = Some(ball);
        }
        assert!(held > settings.slack - 0.01 && held <= settings.slack, "{held}");
        assert!(let_go);
    }

    /// A walk that goes on elsewhere has the very same steps there.
    #[test]
    fn feet_are_taken_along_in_a_teleport() {
        let skeleton = Skeleton::default();
        let by = Teleport { turn: 2.0, from: DVec3::X, to: DVec3::new(4.0, -3.0, 0.0) };
        let mut locks = [FootLock::new(at_zero()), FootLock::new(at_zero())];
        for (i, estimated) in restless_walk(&skeleton).iter().take(200).enumerate() {
            let (mut here, mut there) = (*estimated, *estimated);
            if i == 70 {
                locks[1].teleport(&by);
            }
            if i >= 70 {
                there.translation = by.point(there.translation);
                there.rotations[0] = by.rotation() * there.rotations[0];
            }
            locks[0].apply(&skeleton, &mut here, DT);
            locks[1].apply(&skeleton, &mut there, DT);
            assert_eq!(locks[0].contacts(), locks[1].contacts(), "frame {i}");
            for (a, b) in here.rotations[1..].iter().zip(&there.rotations[1..]) {
                assert!(geodesic_angle(*a, *b) < 1e-6, "frame {i}");
            }
        }
    }

    #[test]
    fn the_floor_is_found_wherever_it_is_and_forgotten() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(FootLockSettings::default());
        assert_eq!(lock.floor(), None);
        for frame in &walk_and_wave(&skeleton).frames {
            let mut pose = Pose::from(frame);
            pose.translation.z += 0.3;
            lock.apply(&skeleton, &mut pose, DT);
        }
        let floor = lock.floor().unwrap();
        assert!((floor - 0.3).abs() < 0.015, "{floor}");
        assert_ne!(lock.contacts(), [false; 2]);
        lock.reset();
        assert_eq!((lock.floor(), lock.contacts()), (None, [false; 2]));
        assert_eq!(FootLock::new(at_zero()).floor(), Some(0.0));
    }
}
