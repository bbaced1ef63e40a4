//! Foot lock: planted feet do not slide, and no foot sinks into the floor.

use super::Place;
use super::limb::{LEGS, Limb, within};
use crate::coordinates::heading;
use crate::easing::smoothstep;
use crate::skeleton::{CONTACTS, Pose, Skeleton, SmplJoint, lean};
use crate::tracker::Teleport;
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// Maximum rise of the heel when the hip moves out of the leg's reach, radians.
const HEEL_RISE: f64 = 0.4;

/// Maximum distance between a foot and its locked place, metres; beyond it the foot is released.
const MOST_SLIDE: f64 = 0.001;

/// A locked foot is released when it is further than this from the network's, metres, …
const FOLDED_SLACK: f64 = 0.05;
/// … and closer to its hip than this fraction of the leg's length: bodies that sit or lie down take their feet along.
const FOLDED: f64 = 0.35;

/// Cosine of the tilt from which on a foot has no full heading.
const FLAT: f64 = 0.4;

/// The floor is estimated as this quantile of the heights of the lower sole.
const FLOOR_QUANTILE: f64 = 0.1;
/// Speed of the floor estimate, m/s: nine tenths of it downward, a tenth of it upward.
const FLOOR_RATE: f64 = 0.2;

/// Height of the floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Floor {
    /// A known height, metres: 0 in a room measured by a headset.
    At(f64),
    /// Estimated from the lowest heights of the feet, for trackers with an arbitrary zero height.
    #[default]
    Estimated,
}

/// Thresholds and times for locking, holding and releasing feet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FootLockSettings {
    /// Height of the floor.
    pub floor: Floor,
    /// A foot is locked when its sole is lower than this above the floor, metres, …
    pub contact_height: f64,
    /// … and the foot is slower than this, m/s.
    pub contact_speed: f64,
    /// It is released when its sole is higher than this, metres, …
    pub release_height: f64,
    /// … or the foot is faster than this, m/s, …
    pub release_speed: f64,
    /// With predicted contacts: a foot is locked when the contact probability of its heel or ball
    /// is above this and its sole is not above `release_height`, …
    pub contact_probability: f64,
    /// … and released when both probabilities are below this, …
    pub release_probability: f64,
    /// … or the network's foot is further than this from the locked place, metres.
    pub slack: f64,
    /// With predicted contacts: a released foot that is still returning to the network's place is
    /// locked again if its distance from that place along the floor is below this, metres.
    pub relock: f64,
    /// Time in which a locked foot settles to the floor, and in which a released foot returns to
    /// the network's place, seconds.
    pub blend: f64,
    /// Time constant of the averaged speed, seconds.
    pub speed_time: f64,
}

impl Default for FootLockSettings {
    /// Chosen on 49 CMU clips (29,000 frames) predicted online by the shipped model: the least
    /// sliding of planted feet among settings that cost no accuracy elsewhere. The network's feet
    /// are noisy, so they are locked early and released late. Most of the remaining sliding are
    /// planted feet that the network swings; more slack, a larger `relock`, a locked point that
    /// drifts after the network's foot, or a speed limit relative to the body's speed did not
    /// reduce it without increasing the error.
    fn default() -> Self {
        Self {
            floor: Floor::default(),
            contact_height: 0.06,
            contact_speed: 1.0,
            release_height: 0.12,
            release_speed: 2.0,
            contact_probability: 0.5,
            release_probability: 0.3,
            slack: 0.2,
            relock: 0.05,
            blend: 0.2,
            speed_time: 0.05,
        }
    }
}

/// Locks the feet of one body to the floor.
///
/// A foot whose sole is low and slow is in contact: its ball joint stays at one point of the floor
/// and its heading is kept, while heel and sole may roll. When it is released, the offset from the
/// network's foot fades out, so that nothing jumps. Legs are solved analytically and keep the
/// direction of their knees. No heel, ball or knee goes below the floor, in contact or not.
#[derive(Clone, Debug)]
pub struct FootLock {
    settings: FootLockSettings,
    floor: Option<f64>,
    feet: [Foot; 2],
}

/// State of one foot.
#[derive(Clone, Copy, Debug, Default)]
struct Foot {
    /// The network's ball in the previous frame, and its averaged velocity.
    before: Option<DVec3>,
    velocity: DVec3,
    state: State,
    /// Time since the state began, seconds.
    time: f64,
    /// Offset of the output foot from the network's.
    shift: Shift,
}

/// State of a foot, with its shift when the state began.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Follows the network.
    Free { from: Shift },
    /// Locked with the ball at a point (its height is ignored) and a heading.
    Locked { from: Shift, ball: DVec3, heading: f64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Free { from: Shift::default() }
    }
}

/// Translation of a foot, and its rotation about the vertical.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    offset: DVec3,
    turn: f64,
}

/// The network's foot.
struct Estimate {
    ankle: Place,
    ball: DVec3,
    heading: f64,
    /// Weight of the heading, 0 to 1: the feet of lying or kneeling bodies point up or down and have none.
    flat: f64,
    /// Height of the lowest point of the sole, metres.
    sole: f64,
}

impl FootLock {
    /// A lock with both feet released.
    #[must_use]
    pub fn new(settings: FootLockSettings) -> Self {
        Self { settings, floor: None, feet: [Foot::default(); 2] }
    }

    /// Whether the left and the right foot are locked.
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

    /// Releases both feet and clears the estimated floor, for another body.
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

    /// Corrects the legs of `pose`, which comes `dt` seconds after the previous one.
    pub fn apply(&mut self, skeleton: &Skeleton, pose: &mut Pose, dt: f64) {
        self.apply_with(skeleton, pose, [false; 2], None, dt);
    }

    /// Like [`apply`](Self::apply), but leaves a foot unchanged if it is at a tracker (left,
    /// right). If `contacts` is given (probabilities for left heel, left ball, right heel, right
    /// ball), it decides which feet are planted, instead of heights and speeds.
    pub fn apply_with(
        &mut self,
        skeleton: &Skeleton,
        pose: &mut Pose,
        tracked: [bool; 2],
        contacts: Option<[f64; CONTACTS]>,
        dt: f64,
    ) {
        let estimates = LEGS.map(|leg| Estimate::of(skeleton, pose, &leg));
        let floor = self.find_floor(estimates[0].sole.min(estimates[1].sole), dt);
        let stands = contacts.map(|[a, b, c, d]| [a.max(b), c.max(d)]);
        let feet = self.feet.iter_mut().zip(tracked).enumerate();
        for (((side, (foot, tracked)), leg), estimate) in feet.zip(&LEGS).zip(&estimates) {
            if tracked {
                *foot = Foot { before: Some(estimate.ball), ..Foot::default() };
                continue;
            }
            foot.step(&self.settings, estimate, stands.map(|stands| stands[side]), floor, dt);
            foot.place(skeleton, pose, leg, estimate, floor);
        }
    }

    fn find_floor(&mut self, lowest: f64, dt: f64) -> f64 {
        if let Floor::At(height) = self.settings.floor {
            return height;
        }
        // A quantile by stochastic approximation (Robbins and Monro 1951): in the long run the
        // steps up and down cancel.
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
            flat: smoothstep((ankle.rotation * DVec3::Y).z / FLAT),
            sole: ankle.sole_height(skeleton, leg.joints[2]),
            ankle,
        }
    }
}

/// Height of the lowest point of a foot with this world rotation above its ankle joint, metres: of the sole, or of a
/// joint if the foot lies on its back.
pub(super) fn lowest_of_foot(skeleton: &Skeleton, ankle: SmplJoint, rotation: DQuat) -> f64 {
    let leg = if ankle == SmplJoint::LeftAnkle { &LEGS[0] } else { &LEGS[1] };
    let ball = (rotation * toe(skeleton, leg)).z;
    skeleton.lowest_sole(ankle, |point| rotation * point).min(ball).min(0.0)
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
    /// Updates the foot's state and its shift from the network's foot.
    fn step(
        &mut self,
        settings: &FootLockSettings,
        estimate: &Estimate,
        stands: Option<f64>,
        floor: f64,
        dt: f64,
    ) {
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
                let lands = match stands {
                    Some(stands) => {
                        let away = self.shift.offset.truncate().length();
                        stands > settings.contact_probability
                            && height < settings.release_height
                            && (faded == 1.0 || away < settings.relock)
                    }
                    None => {
                        faded == 1.0
                            && height < settings.contact_height
                            && speed < settings.contact_speed
                    }
                };
                if seen && lands {
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
                let leaves = match stands {
                    Some(stands) => stands < settings.release_probability,
                    None => height > settings.release_height || speed > settings.release_speed,
                };
                if leaves || offset.length() > settings.slack {
                    self.free();
                } else {
                    // The height blends; x, y and heading lock immediately, because they start at
                    // the foot's place.
                    let settled = from.offset.z + (floor - estimate.sole - from.offset.z) * faded;
                    let turn = within_half_a_turn(heading - estimate.heading) * estimate.flat;
                    self.shift = Shift { offset: offset.with_z(settled), turn };
                    if estimate.flat == 0.0 {
                        self.state = State::Locked { from, ball, heading: estimate.heading };
                    }
                }
            }
        }
    }

    /// Releases the foot from its output place. The lift out of the floor is not part of the fading
    /// shift: it ends as soon as the network's foot is above the floor.
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
            - (ball.z + lowest_of_foot(skeleton, leg.joints[2], rotation) - (rotation * toe).z);
        ball.z += sunk.max(0.0);

        let hip = Place::of(skeleton, pose, leg.joints[0]).position;
        let longest = leg.longest(skeleton, estimate.ankle.position.distance(hip));
        // Out of reach: first the heel rises, then the foot, and finally the foot is pulled in.
        rotation = lean(rotation * -toe, hip - ball, longest, HEEL_RISE) * rotation;
        let ankle = hip + within(ball - rotation * toe - hip, longest);
        // Store the output place, so that a release starts there. A foot that would slide is
        // released.
        let shown = ankle + rotation * toe;
        self.shift.offset = shown - estimate.ball;
        let near = ankle.distance(hip);
        let is_folded = near < FOLDED * leg.bones(skeleton).iter().sum::<f64>()
            && self.shift.offset.truncate().length() > FOLDED_SLACK;
        if let State::Locked { ball, .. } = self.state
            && (is_folded || shown.truncate().distance(ball.truncate()) > MOST_SLIDE)
        {
            self.free();
        }

        leg.reach(skeleton, pose, ankle);
        let shank = Place::of(skeleton, pose, leg.joints[1]).rotation;
        pose.rotations[leg.joints[2].index()] = (shank.conjugate() * rotation).normalize();
        let side = if leg.joints[2] == SmplJoint::LeftAnkle { DVec3::X } else { DVec3::NEG_X };
        let outward = pose.rotations[0] * (side + DVec3::Z);
        leg.lift(skeleton, pose, floor, outward);
    }
}

/// Smoothstep from 0 to 1 over `blend` seconds.
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

    /// A body standing on the floor with slightly bent knees.
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

    /// A walk as a network might predict it: the whole body sways, bobs and sinks into the floor.
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

    /// The network presses a foot into the floor and lifts it again: the shown foot leaves the
    /// floor at the same time, not before.
    #[test]
    fn a_foot_that_leaves_the_floor_does_not_jump_up() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let rest = standing(&skeleton);
        for i in 0..120 {
            let t = f64::from(i) * DT;
            let mut pose = rest;
            // 4 cm deep for a second; then it comes out far away and is released at once.
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
    fn locked_feet_do_not_slide_sink_or_jump() {
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
                    // Faster than the network's foot only while a shift fades: a slack of 0.2 m
                    // fades in 12 frames, at up to 1.5 times the mean speed.
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

    /// Predicted contacts decide: a slow foot without contact is free, a drifting foot with contact
    /// is held, and a foot far above the floor is not.
    #[test]
    fn said_contacts_decide_instead_of_speeds() {
        let skeleton = Skeleton::default();
        let mut lock = FootLock::new(at_zero());
        let drift = |i: u32| {
            let mut pose = standing(&skeleton);
            pose.translation.x = 0.05 * (2.0 * f64::from(i) * DT).sin();
            pose
        };
        let mut held = None;
        for i in 0..60 {
            let mut pose = drift(i);
            lock.apply_with(&skeleton, &mut pose, [false; 2], Some([0.1, 0.2, 0.2, 0.9]), DT);
            assert!(!lock.contacts()[0], "frame {i}");
            if lock.contacts()[1] {
                let ball = position(&skeleton, &pose, J::RightFoot);
                let held = *held.get_or_insert(ball);
                assert!(ball.distance(held) < 0.002, "frame {i}");
            }
        }
        assert!(held.is_some());
        // Between both thresholds nothing changes.
        lock.apply_with(&skeleton, &mut drift(60), [false; 2], Some([0.4; 4]), DT);
        assert_eq!(lock.contacts(), [false, true]);
        lock.apply_with(&skeleton, &mut drift(61), [false; 2], Some([0.1; 4]), DT);
        assert_eq!(lock.contacts(), [false; 2]);
        for _ in 0..60 {
            let mut jumping = standing(&skeleton);
            jumping.translation.z += 0.5;
            lock.apply_with(&skeleton, &mut jumping, [false; 2], Some([0.9; 4]), DT);
            assert_eq!(lock.contacts(), [false; 2]);
        }
    }

    /// A foot that was released for a moment is locked again at once at its place, if that is near;
    /// a distant foot returns first.
    #[test]
    fn a_foot_that_stands_again_is_held_before_it_is_back() {
        let skeleton = Skeleton::default();
        let run = |drift: f64| {
            let mut lock = FootLock::new(at_zero());
            let mut after = None;
            let mut shown = DVec3::ZERO;
            for i in 0..60 {
                let mut pose = standing(&skeleton);
                pose.translation.x = drift * f64::from(i.min(30)) / 30.0;
                let lets_go = i == 31;
                let said = [0.0, 0.0, 0.0, if lets_go { 0.0 } else { 0.9 }];
                lock.apply_with(&skeleton, &mut pose, [false; 2], Some(said), DT);
                let ball = position(&skeleton, &pose, J::RightFoot);
                if i > 31 && lock.contacts()[1] {
                    let (_, place) = *after.get_or_insert((i, ball));
                    assert!(ball.distance(place) < 0.002, "frame {i}");
                }
                assert!(i == 0 || ball.distance(shown) < 0.03, "frame {i}");
                shown = ball;
            }
            after.unwrap().0
        };
        assert_eq!(run(0.04), 32);
        assert!(run(0.15) > 36, "{}", run(0.15));
    }

    #[test]
    fn only_legs_change_and_only_near_the_floor() {
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

    /// Feet drift slowly away under a standing body: held up to the slack, then released smoothly.
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
                // The body's own speed, plus the fading shift at its fastest: 1.5 times its mean
                // speed.
                let limit = speed * DT + 1.5 * settings.slack / settings.blend * DT;
                assert!(ball.distance(before) < limit + 1e-3, "frame {i}");
            }
            ball_before = Some(ball);
        }
        assert!(held > settings.slack - 0.01 && held <= settings.slack, "{held}");
        assert!(let_go);
    }

    /// A walk that continues elsewhere has the same steps there.
    #[test]
    fn feet_move_with_the_body_in_a_teleport() {
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
    fn the_floor_is_estimated_at_any_height_and_forgotten_on_reset() {
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
