//! Changes of the body: mirrored, another size, pace or place.

use glam::{DMat3, DVec3};
use kinest::motion::ClipFrame;
use kinest::skeleton::{PerJoint, SmplJoint};
use kinest::tracker::TrackerPose;

/// Change of the body in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BodyChange {
    /// Speed factor of the clip.
    pub pace: f64,
    pub(super) mirror: bool,
    pub(super) size: f64,
    /// Turn about the world's vertical axis, radians.
    pub(super) turn: f64,
    pub(super) shift: DVec3,
}

impl BodyChange {
    /// The mirrored frame, if the window is mirrored.
    #[must_use]
    pub fn frame(&self, frame: &ClipFrame) -> ClipFrame {
        if self.mirror { mirrored(frame) } else { *frame }
    }

    /// Scales everything, including the path, and moves it.
    ///
    /// `rotations` are local: scaling does not change them, and the turn changes only the root's.
    pub fn place(&self, trackers: &mut [Vec<TrackerPose>], rotations: &mut [PerJoint<DMat3>]) {
        let turn = DMat3::from_rotation_z(self.turn);
        for pose in trackers.iter_mut().flatten() {
            pose.position = turn * (pose.position * self.size) + self.shift;
            pose.rotation = turn * pose.rotation;
        }
        for local in rotations {
            local[0] = turn * local[0];
        }
    }
}

/// The mirrored frame: left and right swapped, world x negated.
#[must_use]
pub fn mirrored(frame: &ClipFrame) -> ClipFrame {
    let flip = |a: DVec3| DVec3::new(a.x, -a.y, -a.z);
    let t = frame.translation;
    ClipFrame {
        translation: DVec3::new(-t.x, t.y, t.z),
        rotations: SmplJoint::ALL.map(|j| flip(frame.rotations[j.mirrored().index()])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Augment;
    use super::*;
    use kinest::skeleton::{JointTransforms, Skeleton};
    use kinest::tracker::{TrackerFrame, TrackerSet};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use std::f64::consts::PI;

    fn crooked() -> ClipFrame {
        let angle = |j: usize| 0.4 * DVec3::new((j as f64).sin(), (2.0 * j as f64).cos(), 0.7);
        ClipFrame {
            translation: DVec3::new(0.3, -1.0, 0.9),
            rotations: std::array::from_fn(|j| {
                angle(j) + if j == 0 { DVec3::X } else { DVec3::ZERO }
            }),
        }
    }

    fn joints(frame: &ClipFrame) -> JointTransforms {
        Skeleton::default().forward(&frame.body_matrices(), frame.translation)
    }

    /// Joints, world rotations and trackers are those of the mirror image at x = 0, with left and
    /// right swapped.
    #[test]
    fn a_mirrored_body_is_the_mirror_image() {
        let mirror = DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0));
        let close = |a: DMat3, b: DMat3| (a - b).to_cols_array().iter().all(|v| v.abs() < 1e-6);
        let (here, there) = (joints(&crooked()), joints(&mirrored(&crooked())));
        for j in SmplJoint::ALL {
            let (own, other) = (j.index(), j.mirrored().index());
            let distance = (mirror * here.positions[own] - there.positions[other]).length();
            assert!(distance < 1e-6, "{}", j.name());
            // The joint's own left-right axis is mirrored too, otherwise this would not be a
            // rotation.
            let picture = mirror * here.rotations[own] * mirror;
            assert!(close(picture, there.rotations[other]), "{}", j.name());
        }
        let trackers = |joints: &JointTransforms| {
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, joints)
        };
        let (here, there) = (trackers(&here).poses, trackers(&there).poses);
        for (own, other) in [(0, 0), (1, 2), (2, 1)] {
            assert!((mirror * here[own].position - there[other].position).length() < 1e-6);
            assert!(close(mirror * here[own].rotation * mirror, there[other].rotation));
        }
    }

    /// Placing a body equals walking the moved path.
    #[test]
    fn placing_moves_trackers_and_truth_together() {
        let change = BodyChange {
            pace: 1.0,
            mirror: false,
            size: 1.0,
            turn: 2.0,
            shift: DVec3::new(3.0, -1.0, 0.0),
        };
        let frame = crooked();
        let trackers = |joints: &JointTransforms| {
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, joints).poses
        };
        let mut rows = [trackers(&joints(&frame))];
        let mut local = [frame.body_matrices()];
        change.place(&mut rows, &mut local);
        let root = DMat3::from_rotation_z(2.0) * frame.translation + change.shift;
        let there = trackers(&Skeleton::default().forward(&local[0], root));
        for (a, b) in rows[0].iter().zip(&there) {
            assert!((a.position - b.position).length() < 1e-9);
            assert!((a.rotation - b.rotation).to_cols_array().iter().all(|v| v.abs() < 1e-9));
        }
    }

    #[test]
    fn draws_cover_their_ranges() {
        let augment = Augment {
            mirror: true,
            speed: 0.2,
            size: 0.1,
            heading: true,
            floor: 2.0,
            ..Augment::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let draws: Vec<BodyChange> = (0..500).map(|_| augment.draw(&mut rng)).collect();
        let range = |of: fn(&BodyChange) -> f64, low: f64, high: f64| {
            let values = || draws.iter().map(of);
            assert!(values().all(|v| (low..=high).contains(&v)));
            let reach = values().fold(low, f64::max) - values().fold(high, f64::min);
            assert!(reach > 0.98 * (high - low), "{reach}");
        };
        range(|c| c.pace, 0.8, 1.2);
        range(|c| c.size, 0.9, 1.1);
        range(|c| c.turn, -PI, PI);
        range(|c| c.shift.x, -2.0, 2.0);
        range(|c| c.shift.y, -2.0, 2.0);
        let mirrored = draws.iter().filter(|c| c.mirror).count();
        assert!((200..300).contains(&mirrored), "{mirrored}");
    }
}
