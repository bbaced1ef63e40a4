//! Errors of body groups relative to each other.

use super::{BodyTrack, common_frames, mean};
use crate::rotation::{exp, geodesic_angle};
use crate::skeleton::{GroupPair, group_centres};
use glam::DVec3;
use std::array::from_fn;

/// The error of an [`Interaction`](crate::skeleton::Interaction) of two groups: the mean of each of
/// its parts over a sequence, SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InteractionError {
    /// Mean length of the error of ΔP, the difference of the groups' positions, metres.
    pub difference: f64,
    /// Mean length of the error of ΔV, the difference of their velocities, m/s; needs two frames.
    pub velocity: Option<f64>,
    /// Mean angle between predicted and true ΔΘ, the rotation of the joint that links them, radians;
    /// `None` for the ten pairs that are not linked.
    pub rotation: Option<f64>,
}

/// The errors of the fifteen interactions.
///
/// The errors do not depend on the body's place or on the axes: predicted and true vectors are
/// compared in the same axes, and the length of their difference is the same in world axes and in
/// the heading axes of the true body. A wrong heading of the body is an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InteractionErrors {
    /// In the order of [`GroupPair::ALL`].
    pub pairs: [InteractionError; 15],
}

impl InteractionErrors {
    /// Compares two tracks of the same frames, at `rate_hz` frames per second.
    ///
    /// # Panics
    /// If there are no frames, or the four lists differ in length.
    #[must_use]
    pub fn compare(predicted: &BodyTrack, truth: &BodyTrack, rate_hz: f64) -> Self {
        let frames = common_frames(predicted, truth);
        let (mut differences, mut changes) = ([0.0; 15], [0.0; 15]);
        let mut before: Option<[DVec3; 15]> = None;
        for (p, t) in predicted.positions.iter().zip(&truth.positions) {
            // The error of a mean is the mean of the errors.
            let centres = group_centres(&from_fn(|j| p[j] - t[j]));
            let errors = GroupPair::ALL
                .map(|pair| centres[pair.second.index()] - centres[pair.first.index()]);
            for (i, error) in errors.iter().enumerate() {
                differences[i] += error.length();
                changes[i] += before.map_or(0.0, |before| error.distance(before[i]));
            }
            before = Some(errors);
        }
        let rotation = |pair: GroupPair| {
            let link = pair.link()?.index();
            let both = predicted.rotations.iter().zip(&truth.rotations);
            mean(both.map(|(p, t)| geodesic_angle(exp(p[link]), exp(t[link]))))
        };
        let pairs = from_fn(|i| InteractionError {
            difference: differences[i] / frames as f64,
            velocity: (frames > 1).then(|| changes[i] / (frames - 1) as f64 * rate_hz),
            rotation: rotation(GroupPair::ALL[i]),
        });
        Self { pairs }
    }

    /// The error of a pair.
    #[must_use]
    pub fn of(&self, pair: GroupPair) -> &InteractionError {
        &self.pairs[pair.index()]
    }

    /// The unweighted mean over sequences of any length. A figure that some sequences lack is
    /// averaged over the others. `None` if `all` is empty.
    #[must_use]
    pub fn mean(all: &[Self]) -> Option<Self> {
        all.first()?;
        let of = |pair| all.iter().map(move |errors| errors.of(pair));
        let pairs = GroupPair::ALL.map(|pair| InteractionError {
            difference: mean(of(pair).map(|error| error.difference)).unwrap_or_default(),
            velocity: mean(of(pair).filter_map(|error| error.velocity)),
            rotation: mean(of(pair).filter_map(|error| error.rotation)),
        });
        Some(Self { pairs })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HandErrors, JointErrors, Region};
    use super::*;
    use crate::motion::ClipFrame;
    use crate::skeleton::{
        Group, Interactions, JointTransforms, KinematicGroups, LevelAxes, Pose, Skeleton,
        SmplJoint as J,
    };
    use glam::DQuat;

    const RATE: f64 = 50.0;

    /// Frames of no particular motion.
    fn frames(seed: f64) -> Vec<ClipFrame> {
        let frame = |i: usize| {
            let wave = |j: usize, k: f64| (seed + 0.1 * i as f64 + 1.7 * j as f64 + k).sin();
            let vector = |j| DVec3::new(wave(j, 0.0), wave(j, 1.0), wave(j, 2.0));
            ClipFrame { translation: vector(30) * 2.0, rotations: from_fn(vector) }
        };
        (0..6).map(frame).collect()
    }

    fn track(seed: f64) -> BodyTrack {
        BodyTrack::new(&frames(seed), &Skeleton::default())
    }

    /// As in a looking glass at the plane x = 0.
    fn mirrored(track: &BodyTrack) -> BodyTrack {
        let place = |p: DVec3| DVec3::new(-p.x, p.y, p.z);
        let turn = |a: DVec3| DVec3::new(a.x, -a.y, -a.z);
        BodyTrack {
            positions: track.positions.iter().map(|p| sides(|j| place(p[j]))).collect(),
            rotations: track.rotations.iter().map(|a| sides(|j| turn(a[j]))).collect(),
        }
    }

    fn sides(of: impl Fn(usize) -> DVec3) -> [DVec3; J::COUNT] {
        J::ALL.map(|joint| of(joint.mirrored().index()))
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn equal_motion_has_no_error_wherever_it_is() {
        let truth = track(0.0);
        let mut elsewhere = truth.clone();
        for positions in elsewhere.positions.iter_mut().flatten() {
            *positions += DVec3::new(3.0, -1.0, 0.5);
        }
        for predicted in [&truth, &elsewhere] {
            let errors = InteractionErrors::compare(predicted, &truth, RATE);
            for error in errors.pairs {
                close(error.difference, 0.0);
                close(error.velocity.unwrap(), 0.0);
                close(error.rotation.unwrap_or_default(), 0.0);
            }
        }
    }

    /// One arm is off by 10 cm: only its group and its five interactions have errors.
    #[test]
    fn an_arm_that_is_off_is_off_against_the_five_other_groups() {
        for arm in [Group::LeftArm, Group::RightArm] {
            let truth = track(0.0);
            let mut predicted = truth.clone();
            for positions in &mut predicted.positions {
                arm.joints().iter().for_each(|j| positions[j.index()] += DVec3::Y * 0.1);
            }
            let joints = JointErrors::compare(&predicted, &truth);
            for group in Group::ALL {
                let error = joints.region(Region::Group(group));
                close(error.position, if group == arm { 0.1 } else { 0.0 });
                close(error.angle, 0.0);
            }
            let errors = InteractionErrors::compare(&predicted, &truth, RATE);
            for pair in GroupPair::ALL {
                let error = errors.of(pair);
                let its = pair.first == arm || pair.second == arm;
                close(error.difference, if its { 0.1 } else { 0.0 });
                close(error.velocity.unwrap(), 0.0);
                close(error.rotation.unwrap_or_default(), 0.0);
            }
            let hands = HandErrors::compare(&predicted, &truth);
            close(hands.hand_to_hand, 0.1);
            close(hands.left_to_head, if arm == Group::LeftArm { 0.1 } else { 0.0 });
            close(hands.right_to_head, if arm == Group::RightArm { 0.1 } else { 0.0 });
        }
    }

    /// A leg that jumps by 10 cm between the second and the third of three frames, and a hip that is
    /// turned by 0.4 rad in one of them.
    #[test]
    fn speeds_and_links_are_found_in_their_pairs() {
        let rows = vec![[DVec3::ZERO; J::COUNT]; 3];
        let truth = BodyTrack { rotations: rows.clone(), positions: rows };
        let mut predicted = truth.clone();
        for joint in Group::RightLeg.joints() {
            predicted.positions[2][joint.index()] = DVec3::X * 0.1;
        }
        predicted.rotations[0][J::LeftHip.index()] = DVec3::X * 0.4;
        predicted.rotations[0][J::LeftKnee.index()] = DVec3::X * 0.7;
        let errors = InteractionErrors::compare(&predicted, &truth, RATE);
        for pair in GroupPair::ALL {
            let error = errors.of(pair);
            let moves = pair.second == Group::RightLeg;
            close(error.difference, if moves { 0.1 / 3.0 } else { 0.0 });
            close(error.velocity.unwrap(), if moves { 0.1 * RATE / 2.0 } else { 0.0 });
            let turns = (pair.first, pair.second) == (Group::Torso, Group::LeftLeg);
            close(error.rotation.unwrap_or_default(), if turns { 0.4 / 3.0 } else { 0.0 });
            assert_eq!(error.rotation.is_some(), pair.first == Group::Torso);
        }
    }

    #[test]
    fn the_errors_of_mirrored_motion_are_those_of_the_other_side() {
        let [predicted, truth] = [track(0.3), track(0.0)];
        let other = [mirrored(&predicted), mirrored(&truth)];
        let own = InteractionErrors::compare(&predicted, &truth, RATE);
        let glass = InteractionErrors::compare(&other[0], &other[1], RATE);
        for pair in GroupPair::ALL {
            let (own, glass) = (own.of(pair), glass.of(pair.mirrored()));
            close(own.difference, glass.difference);
            close(own.velocity.unwrap(), glass.velocity.unwrap());
            // Links of arms and legs to the torso have the errors of their mirror images.
            close(own.rotation.unwrap_or_default(), glass.rotation.unwrap_or_default());
        }
        let own = HandErrors::compare(&predicted, &truth);
        let glass = HandErrors::compare(&other[0], &other[1]);
        close(own.hand_to_hand, glass.hand_to_hand);
        close(own.left_to_head, glass.right_to_head);
        close(own.right_to_head, glass.left_to_head);
        assert!((own.left_to_head - own.right_to_head).abs() > 1e-3, "the sides differ");
    }

    /// The errors are those of [`Interactions`], in the world's axes and in the true body's.
    #[test]
    fn they_are_errors_of_interactions_in_any_common_axes() {
        let skeleton = Skeleton::default();
        let [predicted, truth] = [0.3, 0.0].map(frames);
        let tracks = [&predicted, &truth].map(|frames| BodyTrack::new(frames, &skeleton));
        let errors = InteractionErrors::compare(&tracks[0], &tracks[1], RATE);
        let joints =
            |frame: &ClipFrame| skeleton.forward(&frame.body_matrices(), frame.translation);
        let interactions = |now: &ClipFrame, before: &ClipFrame, axes: LevelAxes| {
            let JointTransforms { positions, .. } = joints(before);
            let moving = Some((&positions, 1.0 / RATE));
            let groups = KinematicGroups::new(&Pose::from(now), &joints(now), moving);
            Interactions::new(&groups.seen_from(axes))
        };
        for in_heading in [false, true] {
            let both = (1..truth.len()).map(|i| {
                let heading = LevelAxes::of(&joints(&truth[i]));
                let axes = if in_heading { heading } else { LevelAxes::WORLD };
                [&predicted, &truth].map(|frames| interactions(&frames[i], &frames[i - 1], axes))
            });
            let both: Vec<[Interactions; 2]> = both.collect();
            for pair in GroupPair::ALL {
                let pairs = || both.iter().map(|both| both.each_ref().map(|all| all.of(pair)));
                let speed = mean(pairs().map(|[p, t]| p.velocity.distance(t.velocity)));
                close(errors.of(pair).velocity.unwrap(), speed.unwrap());

                // The first frame, which has no velocity, counts here.
                let [p, t] = tracks.each_ref().map(|track| {
                    let centres = group_centres(&track.positions[0]);
                    centres[pair.second.index()] - centres[pair.first.index()]
                });
                let far = pairs().map(|[p, t]| p.difference.distance(t.difference));
                let far = mean(far.chain([p.distance(t)]));
                close(errors.of(pair).difference, far.unwrap());

                let Some(link) = pair.link() else { continue };
                let angle = |[p, t]: [DQuat; 2]| geodesic_angle(p, t);
                let first = [&predicted, &truth].map(|f| exp(f[0].rotations[link.index()]));
                let turned = pairs().map(|both| angle(both.map(|found| found.rotation.unwrap())));
                let turned = mean(turned.chain([angle(first)]));
                close(errors.of(pair).rotation.unwrap(), turned.unwrap());
            }
        }
    }

    #[test]
    fn sequences_without_velocities_are_left_out_of_their_mean() {
        let truth = track(0.0);
        let one = |track: &BodyTrack| BodyTrack {
            rotations: track.rotations[..1].to_vec(),
            positions: track.positions[..1].to_vec(),
        };
        let long = InteractionErrors::compare(&track(0.3), &truth, RATE);
        let short = InteractionErrors::compare(&one(&truth), &one(&truth), RATE);
        assert!(short.pairs.iter().all(|error| error.velocity.is_none()));
        let means = InteractionErrors::mean(&[short, long]).unwrap();
        for (mean, long) in means.pairs.iter().zip(long.pairs) {
            close(mean.difference, long.difference / 2.0);
            assert_eq!(mean.velocity, long.velocity);
            assert_eq!(mean.rotation.is_some(), long.rotation.is_some());
        }
        assert_eq!(InteractionErrors::mean(&[]), None);
    }
}
