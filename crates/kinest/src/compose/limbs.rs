//! Limbs of one motion on the body of another.

use super::feet::{Shift, footprint, shift_foot};
use super::take::Take;
use crate::easing::smoothstep;
use crate::skeleton::{Group, Skeleton, SmplJoint};
use std::ops::Range;

/// A sole nearer to the floor than this stands there if it stood before, metres.
const NEAR: f64 = 0.05;

impl Take {
    /// Gives the body the rotations of `groups` of another motion in the frames `span`: frame
    /// `span.start` gets those of the frame `from` of `donor`, and so on, constant beyond its end. In
    /// the first and the last `ramp` frames of the span they are mixed. Joints of other groups and the
    /// pelvis keep every bit, as do all frames outside.
    ///
    /// A leg is solved again where its foot would get into the floor, and where it stands in both
    /// motions, for the place where it stood.
    ///
    /// # Panics
    /// If the span is not within the motion, or the donor has no frame.
    pub fn give(
        &mut self,
        skeleton: &Skeleton,
        groups: &[Group],
        span: Range<usize>,
        donor: &Self,
        from: usize,
        ramp: usize,
    ) {
        assert!(span.end <= self.len() && !donor.is_empty(), "{span:?} of {}", self.len());
        for frame in span.clone() {
            let share = weight(&span, frame, ramp);
            let there = (from + frame - span.start).min(donor.len() - 1);
            let before = self.poses[frame];
            let joints = groups.iter().flat_map(|group| group.joints());
            for joint in joints.filter(|joint| **joint != SmplJoint::Pelvis) {
                let j = joint.index();
                let (own, other) = (before.rotations[j], donor.poses[there].rotations[j]);
                self.poses[frame].rotations[j] = own.slerp(other, share).normalize();
            }
            for (side, leg) in [Group::LeftLeg, Group::RightLeg].into_iter().enumerate() {
                if !groups.contains(&leg) {
                    continue;
                }
                let was = footprint(skeleton, &before, side);
                let now = footprint(skeleton, &self.poses[frame], side);
                let stands = self.stands[frame][side] && donor.stands[there][side];
                let stays = stands && now.sole < was.sole + NEAR;
                let mut shift = Shift::default();
                if stays {
                    shift.offset = (was.ball - now.ball).with_z(was.sole - now.sole);
                }
                self.stands[frame][side] = stays || share < 0.5 && self.stands[frame][side];
                if stays || now.sole < was.sole.min(0.0) {
                    let pose = &mut self.poses[frame];
                    shift_foot(skeleton, pose, side, shift, Some(was.sole.min(0.0)));
                }
            }
        }
    }
}

/// How much of the other motion a frame has: 0 before the span, 1 inside, with smooth ramps.
fn weight(span: &Range<usize>, frame: usize, ramp: usize) -> f64 {
    let ramp = ramp.min(span.len() / 2) as f64 + 1.0;
    let (after, left) = ((frame - span.start + 1) as f64, (span.end - frame) as f64);
    smoothstep(after / ramp).min(smoothstep(left / ramp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FeetTrack;
    use crate::motion::synthetic::{self, Gesture, Kind};
    use crate::rotation::geodesic_angle;
    use crate::skeleton::SmplJoint as J;

    #[test]
    fn only_the_limb_changes_and_only_within_the_span_and_smoothly() {
        let skeleton = Skeleton::default();
        let walk = Take::new(&synthetic::clip(Kind::Walk, 1, 6.0, 60.0, &skeleton), &skeleton);
        let wave = Take::new(&synthetic::clip(Kind::Wave, 2, 6.0, 60.0, &skeleton), &skeleton);
        let mut edited = walk.clone();
        edited.give(&skeleton, &[Group::RightArm], 60..240, &wave, 30, 12);
        let mut changed = 0;
        for (frame, (now, was)) in edited.poses.iter().zip(&walk.poses).enumerate() {
            for joint in J::ALL {
                let (now, was) = (now.rotations[joint.index()], was.rotations[joint.index()]);
                let may = Group::RightArm.joints().contains(&joint) && (60..240).contains(&frame);
                assert!(may || now == was, "{joint:?} in frame {frame}");
                changed += usize::from(now != was);
            }
            assert_eq!(now.translation, was.translation);
        }
        assert!(changed > 4 * 150, "{changed}");
        let angle = |a: usize, b: usize, j: J| {
            geodesic_angle(
                edited.poses[a].rotations[j.index()],
                edited.poses[b].rotations[j.index()],
            )
        };
        for frame in 1..edited.len() {
            for joint in [J::RightShoulder, J::RightElbow] {
                assert!(angle(frame - 1, frame, joint) < 0.3, "{joint:?} jumps in {frame}");
            }
        }
    }

    #[test]
    fn a_leg_that_is_given_does_not_get_into_the_floor() {
        let skeleton = Skeleton::default();
        let (clip, _) = synthetic::gestures(Gesture::Kick, 3, 6.0, 60.0, &skeleton);
        let kick = Take::new(&clip, &skeleton);
        let mut squat =
            Take::new(&synthetic::clip(Kind::Squat, 2, 6.0, 60.0, &skeleton), &skeleton);
        let before = FeetTrack::new(&squat.clip().frames, &skeleton).sunk().most;
        squat.give(&skeleton, &[Group::RightLeg], 30..330, &kick, 0, 12);
        let track = FeetTrack::new(&squat.clip().frames, &skeleton);
        assert!(track.sunk().most < before + 0.005, "{:?} {before}", track.sunk());
    }
}
