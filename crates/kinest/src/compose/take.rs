//! A motion at one rate, with its foot contacts.

use crate::metrics::FeetTrack;
use crate::motion::{ClipFrame, MotionClip};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use glam::{DQuat, DVec3};

/// Shorter gaps in a contact are closed and shorter contacts are removed, seconds.
const FLICKER: f64 = 0.06;

/// A motion at one rate, with its foot contacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Frames per second.
    pub rate_hz: f64,
    /// The poses, oldest first.
    pub poses: Vec<Pose>,
    /// Whether the left and the right foot stand, for each pose.
    pub stands: Vec<[bool; 2]>,
}

impl Take {
    /// The motion of a clip of a body with this skeleton. Its feet stand where
    /// [`FeetTrack::standing`] says so; single frames do not count.
    #[must_use]
    pub fn new(clip: &MotionClip, skeleton: &Skeleton) -> Self {
        let mut stands = FeetTrack::new(&clip.frames, skeleton).standing(clip.rate_hz);
        steady(&mut stands, (FLICKER * clip.rate_hz).round() as usize);
        let poses = clip.frames.iter().map(Pose::from).collect();
        Self { rate_hz: clip.rate_hz, poses, stands }
    }

    /// The motion as a clip.
    #[must_use]
    pub fn clip(&self) -> MotionClip {
        let frames = self.poses.iter().map(ClipFrame::from).collect();
        MotionClip { rate_hz: self.rate_hz, frames }
    }

    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.poses.len()
    }

    /// Whether it has no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.poses.is_empty()
    }

    /// Seconds from the first frame to the last.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.len().saturating_sub(1) as f64 / self.rate_hz
    }

    /// The frame nearest to a time, seconds.
    #[must_use]
    pub fn frame(&self, seconds: f64) -> usize {
        ((seconds * self.rate_hz).round().max(0.0) as usize).min(self.len().saturating_sub(1))
    }

    /// The frames from one to before another, as far as they exist.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.len());
        let from = from.min(to);
        Self {
            rate_hz: self.rate_hz,
            poses: self.poses[from..to].to_vec(),
            stands: self.stands[from..to].to_vec(),
        }
    }

    /// The motion of the mirrored body: left and right change sides.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let flip = |q: DQuat| DQuat::from_xyzw(q.x, -q.y, -q.z, q.w);
        let pose = |pose: &Pose| Pose {
            translation: pose.translation * DVec3::new(-1.0, 1.0, 1.0),
            rotations: SmplJoint::ALL.map(|joint| flip(pose.rotations[joint.mirrored().index()])),
        };
        Self {
            rate_hz: self.rate_hz,
            poses: self.poses.iter().map(pose).collect(),
            stands: self.stands.iter().map(|[left, right]| [*right, *left]).collect(),
        }
    }

    /// The same motion `pace` times as fast, at the same rate.
    ///
    /// # Panics
    /// If the pace is not positive, or there is no frame.
    #[must_use]
    pub fn paced(&self, pace: f64) -> Self {
        assert!(pace > 0.0 && !self.is_empty(), "a pace of {pace} for {} frames", self.len());
        if pace == 1.0 {
            return self.clone();
        }
        let last = self.len() - 1;
        let count = (last as f64 / pace).round() as usize + 1;
        let mut paced = Self { rate_hz: self.rate_hz, poses: vec![], stands: vec![] };
        for i in 0..count {
            let at = (i as f64 * pace).min(last as f64);
            let (before, after) = (at as usize, (at as usize + 1).min(last));
            let between = at - before as f64;
            // A pose that is hit keeps every bit.
            paced.poses.push(match between {
                0.0 => self.poses[before],
                _ => self.poses[before].interpolate(&self.poses[after], between),
            });
            paced.stands.push(self.stands[at.round() as usize]);
        }
        paced
    }
}

/// Closes gaps and removes stretches of at most `most` frames.
fn steady(stands: &mut [[bool; 2]], most: usize) {
    for side in 0..2 {
        // Gaps first: a foot that trembles stands.
        for value in [false, true] {
            let mut start = 0;
            while start < stands.len() {
                let same =
                    stands[start..].iter().take_while(|feet| feet[side] == stands[start][side]);
                let end = start + same.count();
                let inside = start > 0 && end < stands.len();
                if stands[start][side] == value && end - start <= most && inside {
                    stands[start..end].iter_mut().for_each(|feet| feet[side] = !value);
                }
                start = end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::{self, Kind};

    #[test]
    fn feet_that_flicker_stand_or_swing() {
        let mut stands: Vec<[bool; 2]> =
            "1110111100001000011".chars().map(|c| [c == '1', true]).collect();
        steady(&mut stands, 2);
        let left: String = stands.iter().map(|feet| if feet[0] { '1' } else { '0' }).collect();
        assert_eq!(left, "1111111100000000011");
        assert!(stands.iter().all(|feet| feet[1]));
    }

    #[test]
    fn a_pace_changes_the_duration_and_no_pose_at_either_end() {
        let skeleton = Skeleton::default();
        let take = Take::new(&synthetic::clip(Kind::Wave, 2, 2.0, 60.0, &skeleton), &skeleton);
        let fast = take.paced(1.25);
        assert!((fast.duration() - 1.6).abs() < 1.0 / 60.0);
        assert_eq!(fast.poses[0], take.poses[0]);
        let last = |take: &Take| take.poses.last().unwrap().translation;
        assert!(last(&fast).distance(last(&take)) < 1e-3);
        assert_eq!(take.mirrored().mirrored(), take);
        let x = |take: &Take, joint: SmplJoint| {
            skeleton.pose_joints(&take.poses[50]).positions[joint.index()].x
        };
        let mirrored = x(&take.mirrored(), SmplJoint::LeftWrist);
        assert!((mirrored + x(&take, SmplJoint::RightWrist)).abs() < 1e-3, "{mirrored}");
        assert_eq!(take.part(10, 20).len(), 10);
        assert_eq!(take.part(100, 500).len(), 21);
    }
}
