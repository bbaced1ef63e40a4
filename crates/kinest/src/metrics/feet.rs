//! Contact of feet with the floor: planted feet, sliding, depth below the floor.

use super::mean;
use crate::motion::ClipFrame;
use crate::skeleton::{Skeleton, SmplJoint as J};
use glam::DVec3;

/// A foot stands if its sole is lower than this above the floor, metres, …
const STANDING_HEIGHT: f64 = 0.05;
/// … and its ball moves slower than this along the floor, m/s: far above the noise of motion
/// capture, far below a swinging foot (3 m/s) or one that pivots on its ball.
const STANDING_SPEED: f64 = 0.3;

/// Both feet of a body, left and right, per frame. The floor is at height 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeetTrack {
    /// Height of the heel or the ball, whichever is lower, metres.
    pub soles: Vec<[f64; 2]>,
    /// World position of the ball joint, metres.
    pub balls: Vec<[DVec3; 2]>,
    /// Points of the soles, world space, metres: left heel, left ball, right heel, right ball.
    pub points: Vec<[DVec3; 4]>,
}

/// Depth of feet below the floor, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sunk {
    /// Mean depth of the lower foot over all frames; 0 for feet above the floor.
    pub mean: f64,
    /// Greatest depth.
    pub most: f64,
}

impl FeetTrack {
    /// The feet of a body with `skeleton` in `frames`.
    #[must_use]
    pub fn new(frames: &[ClipFrame], skeleton: &Skeleton) -> Self {
        let mut track = Self::default();
        for frame in frames {
            let joints = skeleton.forward(&frame.body_matrices(), frame.translation);
            track
                .balls
                .push([J::LeftFoot, J::RightFoot].map(|ball| joints.positions[ball.index()]));
            let [left, right] = [J::LeftAnkle, J::RightAnkle].map(|ankle| {
                let (rotation, j) = (joints.rotations[ankle.index()], ankle.index());
                skeleton.sole(ankle).map(|point| joints.positions[j] + rotation * point)
            });
            track.soles.push(
                [J::LeftAnkle, J::RightAnkle].map(|ankle| joints.sole_height(skeleton, ankle)),
            );
            track.points.push([left[0], left[1], right[0], right[1]]);
        }
        track
    }

    /// Which feet are planted, per frame: the sole is within 5 cm of the floor, and the ball moves
    /// along it by less than 0.3 m/s since the previous frame (in the first frame: until the next).
    #[must_use]
    pub fn standing(&self, rate_hz: f64) -> Vec<[bool; 2]> {
        let frames = self.balls.len();
        let stands = |frame: usize, side: usize| {
            let to = frame.max(1).min(frames.saturating_sub(1));
            let speed = self.step(to, side) * rate_hz;
            self.soles[frame][side] < STANDING_HEIGHT && speed < STANDING_SPEED
        };
        (0..frames).map(|frame| [stands(frame, 0), stands(frame, 1)]).collect()
    }

    /// Which [points](Self::points) of the soles touch the floor, per frame: within 5 cm of it and slower along
    /// it than 0.3 m/s since the previous frame (in the first frame: until the next).
    #[must_use]
    pub fn touching(&self, rate_hz: f64) -> Vec<[bool; 4]> {
        let frames = self.points.len();
        let touches = |frame: usize, k: usize| {
            let to = frame.max(1).min(frames.saturating_sub(1));
            let moved = self.points[to][k] - self.points[to.saturating_sub(1)][k];
            let speed = moved.truncate().length() * rate_hz;
            self.points[frame][k].z < STANDING_HEIGHT && speed < STANDING_SPEED
        };
        (0..frames).map(|frame| std::array::from_fn(|k| touches(frame, k))).collect()
    }

    /// Mean speed along the floor, m/s, of feet that are `standing` in two consecutive frames;
    /// `None` if there are none. Take `standing` from the true motion.
    ///
    /// # Panics
    /// If `standing` has another length than the track.
    #[must_use]
    pub fn slide(&self, standing: &[[bool; 2]], rate_hz: f64) -> Option<f64> {
        assert_eq!(standing.len(), self.balls.len(), "feet stand or not in the same frames");
        let sides = |frame: usize| (0..2).map(move |side| (frame, side));
        let steps = (1..self.balls.len()).flat_map(sides);
        let held = steps.filter(|(i, side)| standing[i - 1][*side] && standing[*i][*side]);
        mean(held.map(|(frame, side)| self.step(frame, side) * rate_hz))
    }

    /// Depth below the floor.
    #[must_use]
    pub fn sunk(&self) -> Sunk {
        let depths = || self.soles.iter().map(|[left, right]| (-left.min(*right)).max(0.0));
        Sunk { mean: mean(depths()).unwrap_or_default(), most: depths().fold(0.0, f64::max) }
    }

    /// Distance a ball moves along the floor from the previous frame to `frame`, metres.
    fn step(&self, frame: usize, side: usize) -> f64 {
        let before = self.balls[frame.saturating_sub(1)][side];
        (self.balls[frame][side] - before).truncate().length()
    }
}

/// Accuracy of contact detection, counted over all feet and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContactCounts {
    /// Standing feet that were detected.
    pub right: usize,
    /// Feet detected as standing.
    pub said: usize,
    /// Feet that were truly standing.
    pub true_ones: usize,
}

impl ContactCounts {
    /// Compares two lists of contacts of the same frames.
    ///
    /// # Panics
    /// If the lists differ in length.
    #[must_use]
    pub fn compare(said: &[[bool; 2]], truth: &[[bool; 2]]) -> Self {
        assert_eq!(said.len(), truth.len(), "contacts are compared frame by frame");
        let (said, truth) = (said.as_flattened(), truth.as_flattened());
        let count = |feet: &[bool]| feet.iter().filter(|stands| **stands).count();
        let right = said.iter().zip(truth).filter(|(said, truth)| **said && **truth).count();
        Self { right, said: count(said), true_ones: count(truth) }
    }

    /// The sum of both counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            said: self.said + other.said,
            true_ones: self.true_ones + other.true_ones,
        }
    }

    /// Fraction of the detected feet that stood; `None` if none was detected.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        (self.said > 0).then(|| self.right as f64 / self.said as f64)
    }

    /// Fraction of the standing feet that were detected; `None` if none stood.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        (self.true_ones > 0).then(|| self.right as f64 / self.true_ones as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::{Kind, clip};
    use crate::skeleton::Pose;

    const RATE: f64 = 60.0;

    /// Soles at these heights; the balls move along x in steps of these lengths, metres.
    fn track(soles: &[f64], steps: &[f64]) -> FeetTrack {
        let mut x = 0.0;
        let balls = steps.iter().map(|step| {
            x += step;
            [DVec3::X * x, DVec3::Z * x]
        });
        let soles = soles.iter().map(|s| [*s, 0.0]).collect();
        FeetTrack { balls: balls.collect(), soles, points: vec![] }
    }

    /// The right foot only rises, which is not sliding; the left foot is fast (0.6 m/s), then slow
    /// (0.12 m/s), then high.
    #[test]
    fn a_foot_stands_while_it_is_low_and_slow_and_slides_only_then() {
        let feet = track(&[0.0, 0.0, 0.04, 0.04, 0.06], &[0.0, 0.01, 0.002, 0.002, 0.002]);
        let standing = feet.standing(RATE);
        let left: Vec<bool> = standing.iter().map(|feet| feet[0]).collect();
        assert_eq!(left, [false, false, true, true, false]);
        assert!(standing.iter().all(|feet| feet[1]));
        // One step of the left foot and four of the right.
        let slide = feet.slide(&standing, RATE).unwrap();
        assert!((slide - 0.12 / 5.0).abs() < 1e-12, "{slide}");
        assert_eq!(feet.slide(&[[false; 2]; 5], RATE), None);
        assert_eq!(track(&[0.0], &[0.0]).standing(RATE), [[true; 2]], "one frame is no motion");
    }

    #[test]
    fn depth_is_that_of_the_lower_foot() {
        let sunk = track(&[0.3, -0.02, -0.06, 0.0], &[0.0; 4]).sunk();
        assert!((sunk.mean - 0.02).abs() < 1e-12 && (sunk.most - 0.06).abs() < 1e-12, "{sunk:?}");
    }

    /// Hand-worked: at rest the sole is below the ankle by the skeleton's ankle height; with the
    /// toes down by 90° the ball is below it by its distance in front.
    #[test]
    fn the_sole_is_the_lower_one_of_heel_and_ball() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        let sole = |pose: &Pose| {
            let joints = skeleton.pose_joints(pose);
            let track = FeetTrack::new(&[ClipFrame::from(pose)], &skeleton);
            track.soles[0][0] - joints.positions[J::LeftAnkle.index()].z
        };
        // The reference's matrices are rotations to seven digits only.
        assert!((sole(&pose) + skeleton.ankle_height).abs() < 1e-6);
        let tiptoe = glam::DQuat::from_rotation_x(std::f64::consts::FRAC_PI_2);
        pose.rotations[J::LeftAnkle.index()] = tiptoe;
        assert!((sole(&pose) + skeleton.offsets[J::LeftFoot.index()].z).abs() < 1e-6);
    }

    /// On the ball of the left foot, whose heel is 18 cm up; the right foot is flat, 6 cm above the floor.
    #[test]
    fn heel_and_ball_are_told_apart() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        pose.rotations[J::LeftAnkle.index()] =
            glam::DQuat::from_rotation_x(std::f64::consts::FRAC_PI_2);
        let ball = FeetTrack::new(&[ClipFrame::from(&pose)], &skeleton).points[0][1];
        pose.translation.z -= ball.z;
        let feet = FeetTrack::new(&[ClipFrame::from(&pose); 2], &skeleton);
        assert_eq!(feet.touching(RATE), [[false, true, false, false]; 2]);
    }

    /// A point touches the floor if its foot stands.
    #[test]
    fn points_of_a_walk_touch_as_its_feet_stand() {
        let skeleton = Skeleton::default();
        let walk = clip(Kind::Walk, 3, 6.0, RATE, &skeleton);
        let feet = FeetTrack::new(&walk.frames, &skeleton);
        let (touching, standing) = (feet.touching(RATE), feet.standing(RATE));
        let part =
            |k: usize| touching.iter().filter(|t| t[k]).count() as f64 / touching.len() as f64;
        for k in 0..4 {
            assert!((0.3..0.9).contains(&part(k)), "{k}: {}", part(k));
        }
        let same = touching.iter().zip(&standing).filter(|(t, s)| (t[0] || t[1]) == s[0]).count();
        assert!(same as f64 > 0.85 * touching.len() as f64, "{same} of {}", touching.len());
        assert_eq!(FeetTrack::default().touching(RATE), Vec::<[bool; 4]>::new());
    }

    /// By this definition, planted feet of synthetic motion hardly slide.
    #[test]
    fn feet_of_a_synthetic_walk_stand_half_of_the_time_and_hardly_slide() {
        let skeleton = Skeleton::default();
        let walk = clip(Kind::Walk, 3, 6.0, RATE, &skeleton);
        let feet = FeetTrack::new(&walk.frames, &skeleton);
        let standing = feet.standing(RATE);
        let counts = ContactCounts::compare(&standing, &standing);
        let part = counts.true_ones as f64 / (2 * standing.len()) as f64;
        assert!((0.4..0.9).contains(&part), "{part}");
        assert!(feet.slide(&standing, RATE).unwrap() < 0.03);
        assert!(feet.sunk().most < 0.005, "{:?}", feet.sunk());
    }

    #[test]
    fn contacts_are_counted_foot_by_foot() {
        let said = [[true, true], [true, false], [false, false]];
        let truth = [[true, false], [true, true], [true, false]];
        let counts = ContactCounts::compare(&said, &truth);
        assert_eq!(counts, ContactCounts { right: 2, said: 3, true_ones: 4 });
        let twice = counts.plus(counts);
        assert_eq!((twice.precision(), twice.recall()), (Some(2.0 / 3.0), Some(0.5)));
        let none = ContactCounts::default();
        assert_eq!((none.precision(), none.recall()), (None, None));
    }
}
