//! A motion as numbers of the body, its groups, and their pairs.

use crate::coordinates::heading;
use crate::model::align::FRAME;
use crate::rotation::sixd_from_matrix;
use crate::skeleton::{
    Interactions, KinematicGroups, LevelAxes, PerJoint, Pose, Skeleton, SmplJoint,
};
use glam::{DMat3, DQuat, DVec3};

/// Writes the frames of a motion, oldest first, each as [`FRAME`] numbers in the heading axes of its
/// own pelvis ([`LevelAxes::of`]), so that the same motion elsewhere gives the same numbers:
///
/// | numbers | contents | unit |
/// |---|---|---|
/// | 1 | height of the pelvis | m |
/// | 2 | its velocity over the floor | m/s |
/// | 1 | how fast its heading turns | rad/s |
/// | 6 × 3 + 3 + 24 | of each group: P, V, and the 6D rotations Θ of its joints; the neck has two | m, m/s, – |
/// | 15 × 3 + 3 + 6 | of each pair: ΔP, ΔV, and the 6D rotation ΔΘ of the joint between them | m, m/s, – |
///
/// Numbers that a group or pair lacks are 0. Velocities are 0 in the first frame.
#[derive(Clone, Debug)]
pub struct FrameWriter<'a> {
    skeleton: &'a Skeleton,
    rate_hz: f64,
    before: Option<(PerJoint<DVec3>, f64)>,
}

impl<'a> FrameWriter<'a> {
    /// A motion at `rate_hz` of a body with this skeleton.
    #[must_use]
    pub fn new(skeleton: &'a Skeleton, rate_hz: f64) -> Self {
        Self { skeleton, rate_hz, before: None }
    }

    /// Appends the numbers of the next frame to `out`.
    pub fn write(&mut self, pose: &Pose, out: &mut Vec<f32>) {
        let end = out.len() + FRAME;
        let joints = self.skeleton.pose_joints(pose);
        let axes = LevelAxes::of(&joints);
        let seconds = 1.0 / self.rate_hz;
        let before = self.before.as_ref().map(|(positions, _)| (positions, seconds));
        let groups = KinematicGroups::new(pose, &joints, before).seen_from(axes);
        let pelvis = SmplJoint::Pelvis.index();
        let (mut velocity, mut turn) = (DVec3::ZERO, 0.0);
        let now = heading(joints.rotations[pelvis]);
        if let Some((positions, old)) = &self.before {
            let moved = (joints.positions[pelvis] - positions[pelvis]) * self.rate_hz;
            velocity = DQuat::from_rotation_z(-axes.heading) * moved;
            let pi = std::f64::consts::PI;
            turn = ((now - old + pi).rem_euclid(2.0 * pi) - pi) * self.rate_hz;
        }
        let mut write = |numbers: &[f64]| out.extend(numbers.iter().map(|v| *v as f32));
        write(&[joints.positions[pelvis].z, velocity.x, velocity.y, turn]);
        for (group, motion) in crate::skeleton::Group::ALL.iter().zip(&groups.groups) {
            write(&motion.position.to_array());
            write(&motion.velocity.to_array());
            for i in 0..4 {
                write(&group.joints().get(i).map_or([0.0; 6], |_| sixd(motion.angles[i])));
            }
        }
        for pair in Interactions::new(&groups).pairs {
            write(&pair.difference.to_array());
            write(&pair.velocity.to_array());
            write(&pair.rotation.map_or([0.0; 6], sixd));
        }
        self.before = Some((joints.positions, now));
        debug_assert_eq!(out.len(), end);
    }
}

fn sixd(rotation: DQuat) -> [f64; 6] {
    sixd_from_matrix(DMat3::from_quat(rotation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::align::Level;
    use crate::motion::synthetic::walk_and_wave;

    fn frames(poses: impl Iterator<Item = Pose>, rate_hz: f64) -> Vec<[f32; FRAME]> {
        let skeleton = Skeleton::default();
        let (mut writer, mut out) = (FrameWriter::new(&skeleton, rate_hz), vec![]);
        poses.for_each(|pose| writer.write(&pose, &mut out));
        out.as_chunks::<FRAME>().0.to_vec()
    }

    #[test]
    fn the_same_motion_elsewhere_gives_the_same_numbers() {
        let clip = walk_and_wave(&Skeleton::default()).resampled(20.0);
        let turn = DQuat::from_rotation_z(2.0);
        let elsewhere = |mut pose: Pose| {
            pose.translation = turn * pose.translation + DVec3::new(3.0, -5.0, 0.0);
            pose.rotations[0] = turn * pose.rotations[0];
            pose
        };
        let here = frames(clip.frames.iter().map(Pose::from), 20.0);
        let there = frames(clip.frames.iter().map(Pose::from).map(elsewhere), 20.0);
        assert_eq!(here.len(), clip.frames.len());
        for (here, there) in here.iter().zip(&there) {
            // The default skeleton's root has no place of its own, so that a turn is about the pelvis.
            assert!(here.iter().zip(there).all(|(a, b)| (a - b).abs() < 1e-4));
        }
        assert!(here[30][1..3].iter().any(|v| v.abs() > 0.3), "it walks: {:?}", &here[30][..4]);
    }

    /// A body at rest that turns to its left by 0.1 rad per frame and rises by 0.02 m.
    #[test]
    fn numbers_are_in_their_places() {
        let pose = |frame: i32| {
            let mut pose = Pose::rest();
            pose.rotations[0] = DQuat::from_rotation_z(0.1 * f64::from(frame)) * pose.rotations[0];
            pose.translation.z = 1.0 + 0.02 * f64::from(frame);
            pose
        };
        let rows = frames((0..2).map(pose), 20.0);
        assert_eq!(rows[0][1..4], [0.0; 3]);
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-4, "{a} {b}");
        close(rows[1][3], 2.0);
        close(rows[1][0] - rows[0][0], 0.02);
        let of = |level: Level, part: usize| {
            let start = level.start() + part * level.numbers();
            &rows[1][start..start + level.numbers()]
        };
        let (left, right) = (of(Level::Groups, 2), of(Level::Groups, 3));
        assert!(left[0] > 0.3 && right[0] < -0.3, "x is to the left: {} {}", left[0], right[0]);
        close(left[5], 0.4);
        // Of two joints that do not turn.
        assert_eq!(
            of(Level::Groups, 1)[6..],
            [&[1., 0., 0., 0., 1., 0.].repeat(2)[..], &[0.; 12]].concat()
        );
        let arms = of(Level::Pairs, 9);
        close(arms[0], right[0] - left[0]);
        assert_eq!(arms[6..], [0.0; 6]);
        assert_eq!(of(Level::Pairs, 1)[6..], [1., 0., 0., 0., 1., 0.]);
    }
}
