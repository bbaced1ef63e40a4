//! Synthetic motion, for tests and for users without motion capture data.
//!
//! Nine kinds of motion by different people ([`clip`]), one clip of a person who walks, turns, stops
//! and waves ([`walk_and_wave`]), and gestures with their times ([`gestures()`]). With them the whole path from clip to network to picture
//! runs without a data file. They do not replace motion capture: a network trained on them learns
//! only these few motions.
//!
//! A motion gives the places of feet, trunk and hands at any time. Inverse kinematics solves the
//! legs for the feet and the arms for the hands, so that feet on the floor do not slide and nothing
//! goes through the floor, whatever the proportions of the skeleton.

mod arms;
mod body;
mod curves;
mod gait;
mod gestures;
mod idle;
mod punch;
mod reach;
mod sit;
mod squat;
mod standing;
mod style;
mod turn;
mod walk;
mod wave;

pub use gestures::{Gesture, Performed, gestures};

use super::MotionClip;
use crate::skeleton::Skeleton;
use body::{Act, Body};
use style::Dice;

/// Kind of motion in a [`clip`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Walks a winding path; starts and ends standing.
    Walk,
    /// Runs a winding path; starts and ends standing.
    Run,
    /// Does several squats.
    Squat,
    /// Raises a hand and waves.
    Wave,
    /// Throws straight punches from a boxer's stance.
    Punch,
    /// Reaches for things high and low.
    Reach,
    /// Turns left and right on the spot in small steps.
    Turn,
    /// Sits down and stays seated.
    Sit,
    /// Stands idle.
    Idle,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Walk,
        Self::Run,
        Self::Squat,
        Self::Wave,
        Self::Punch,
        Self::Reach,
        Self::Turn,
        Self::Sit,
        Self::Idle,
    ];

    /// Name of the kind: one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Run => "run",
            Self::Squat => "squat",
            Self::Wave => "wave",
            Self::Punch => "punch",
            Self::Reach => "reach",
            Self::Turn => "turn",
            Self::Sit => "sit",
            Self::Idle => "idle",
        }
    }
}

/// A clip of one kind of motion, `seconds` long at `rate_hz` frames per second, by a body with
/// `skeleton`.
///
/// The seed determines pace, amplitude, lean, the preferred hand, place and heading. The same
/// arguments give the same clip.
///
/// # Panics
/// If `seconds` or `rate_hz` is not positive and finite.
///
/// ```
/// use kinest::{motion::synthetic, skeleton::Skeleton};
/// let clip = synthetic::clip(synthetic::Kind::Squat, 7, 5.0, 60.0, &Skeleton::default());
/// assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 301));
/// ```
#[must_use]
pub fn clip(kind: Kind, seed: u64, seconds: f64, rate_hz: f64, skeleton: &Skeleton) -> MotionClip {
    let positive = |v: f64| v.is_finite() && v > 0.0;
    assert!(positive(seconds) && positive(rate_hz), "{seconds} s at {rate_hz} Hz is no clip");
    let (body, dice) = (Body::new(skeleton), &mut Dice::new(seed, kind as u64));
    let act: Box<dyn Act> = match kind {
        Kind::Walk => Box::new(walk::Walk::walking(dice, &body, seconds, rate_hz)),
        Kind::Run => Box::new(walk::Walk::running(dice, &body, seconds, rate_hz)),
        Kind::Squat => Box::new(squat::Squat::new(dice, &body, seconds)),
        Kind::Wave => Box::new(wave::Wave::new(dice, &body, seconds)),
        Kind::Punch => Box::new(punch::Punch::new(dice, &body, seconds)),
        Kind::Reach => Box::new(reach::Reach::new(dice, &body, seconds)),
        Kind::Turn => Box::new(turn::Turning::new(dice, &body, seconds, rate_hz)),
        Kind::Sit => Box::new(sit::Sit::new(dice, &body, seconds)),
        Kind::Idle => Box::new(idle::Idle::new(dice, &body, seconds)),
    };
    body.play(act.as_ref(), seconds, rate_hz)
}

/// A person walks a few steps while turning, stops and waves the right hand: 12 s at 60 Hz.
///
/// Step length and pelvis height follow from `skeleton`. The same skeleton gives the same clip.
///
/// ```
/// use kinest::{motion::synthetic, skeleton::Skeleton};
/// let clip = synthetic::walk_and_wave(&Skeleton::default());
/// assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 721));
/// ```
#[must_use]
pub fn walk_and_wave(skeleton: &Skeleton) -> MotionClip {
    const SECONDS: f64 = 12.0;
    const RATE_HZ: f64 = 60.0;
    let body = Body::new(skeleton);
    body.play(&walk::Walk::and_wave(&body, SECONDS, RATE_HZ), SECONDS, RATE_HZ)
}

#[cfg(test)]
mod tests;
