//! Converts poses to the numbers of [`ForecastLayout::Smpl22`], relative to the newest pose.

use crate::coordinates::{UPRIGHT, heading};
use crate::model::forecast::ForecastLayout;
use crate::rotation::{exp, log};
use crate::skeleton::{Pose, SmplJoint};
use glam::{DMat3, DQuat, DVec3};

/// Numbers per frame.
const NUMBERS: usize = ForecastLayout::Smpl22.numbers();

/// First of the three numbers of the root's place.
const PLACE: usize = 3 * SmplJoint::COUNT;

/// The axes of a forecaster's numbers: those of the newest pose of the body.
///
/// Each frame is three numbers for each joint, then three for the root's place:
///
/// | numbers | of a frame of motion | of the stance, the first row of a history | unit |
/// |---|---|---|---|
/// | 3 | rotation of the root since the newest pose | rotation of the root from upright | rad |
/// | 3 × 21 | rotation of each joint since the newest pose, in the joint's axes | rotation of each joint from the rest pose | rad |
/// | 2 | displacement of the root along the floor since the newest pose | 0 | m |
/// | 1 | rise of the root since the newest pose | height of the root | m |
///
/// Rotations are rotation vectors: the axis times the angle. The root's numbers are in axes rotated
/// about the vertical by its heading in the newest pose, so that the same motion elsewhere gives
/// the same numbers. The newest pose, and a motion without change, are all zeros.
#[derive(Clone, Copy, Debug)]
pub struct BodyAxes {
    newest: Pose,
    world_from_heading: DQuat,
}

impl BodyAxes {
    /// The axes of the newest observed pose.
    #[must_use]
    pub fn new(newest: &Pose) -> Self {
        let heading = heading(DMat3::from_quat(newest.rotations[0]));
        Self { newest: *newest, world_from_heading: DQuat::from_rotation_z(heading) }
    }

    /// `pose` in these axes: rotated by the heading of the newest pose, with the origin vertically
    /// below or above its root, at height 0 of the world.
    #[must_use]
    pub fn place(&self, pose: &Pose) -> Pose {
        let heading_from_world = self.world_from_heading.conjugate();
        let mut placed = *pose;
        placed.translation -= self.newest.translation.with_z(0.0);
        placed.translation = heading_from_world * placed.translation;
        placed.rotations[0] = heading_from_world * placed.rotations[0];
        placed
    }

    /// Writes the history of a body: its stance, then `poses`, oldest first; the last one must be
    /// the pose of these axes.
    ///
    /// # Panics
    /// If `out` is not one row longer than there are poses.
    pub fn write_history(&self, mut poses: impl Iterator<Item = Pose>, out: &mut [f32]) {
        let (rows, rest) = out.as_chunks_mut::<NUMBERS>();
        let [stance, frames @ ..] = rows else { panic!("there is no room for a stance") };
        self.write_stance(stance);
        let written = frames.iter_mut().zip(&mut poses).map(|(row, pose)| self.write(&pose, row));
        let (written, room) = (written.count(), frames.len());
        assert!(written == room && poses.next().is_none() && rest.is_empty(), "{room} rows");
    }

    /// Writes the numbers of a frame of motion.
    pub fn write(&self, pose: &Pose, out: &mut [f32; NUMBERS]) {
        let heading_from_world = self.world_from_heading.conjugate();
        let now = pose.rotations.iter().zip(&self.newest.rotations).enumerate();
        for ((joint, (now, newest)), out) in now.zip(out.as_chunks_mut::<3>().0) {
            // The rotation of `now` is that of the newest pose, then the written one.
            let turned = match joint {
                0 => heading_from_world * *now * newest.conjugate() * self.world_from_heading,
                _ => newest.conjugate() * *now,
            };
            *out = single(log(turned.normalize()));
        }
        let moved = heading_from_world * (pose.translation - self.newest.translation);
        out[PLACE..].copy_from_slice(&single(moved));
    }

    /// The pose with these numbers: the inverse of [`write`](Self::write).
    #[must_use]
    pub fn read(&self, numbers: &[f32; NUMBERS]) -> Pose {
        let mut pose = self.newest;
        let turns = numbers.as_chunks::<3>().0;
        for ((joint, rotation), turn) in pose.rotations.iter_mut().enumerate().zip(turns) {
            let turn = exp(double(*turn));
            *rotation = match joint {
                0 => {
                    let heading_from_world = self.world_from_heading.conjugate();
                    self.world_from_heading * turn * heading_from_world * *rotation
                }
                _ => *rotation * turn,
            };
        }
        pose.translation += self.world_from_heading * double(turns[SmplJoint::COUNT]);
        pose
    }

    fn write_stance(&self, out: &mut [f32; NUMBERS]) {
        let placed = self.place(&self.newest);
        for ((joint, rotation), out) in
            placed.rotations.iter().enumerate().zip(out.as_chunks_mut::<3>().0)
        {
            let from_rest = if joint == 0 { *rotation * UPRIGHT.conjugate() } else { *rotation };
            *out = single(log(from_rest.normalize()));
        }
        out[PLACE..].copy_from_slice(&single(placed.translation));
    }
}

fn single(v: DVec3) -> [f32; 3] {
    v.as_vec3().to_array()
}

fn double(v: [f32; 3]) -> DVec3 {
    glam::Vec3::from_array(v).as_dvec3()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::Skeleton;
    use std::f64::consts::FRAC_PI_2;

    /// Numbers from -1 to 1, without repeats.
    struct Noise(u64);

    impl Noise {
        fn number(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }

        fn vector(&mut self) -> DVec3 {
            DVec3::new(self.number(), self.number(), self.number())
        }

        /// Any pose, even those that no body can take.
        fn pose(&mut self) -> Pose {
            Pose {
                translation: self.vector() * 3.0,
                rotations: std::array::from_fn(|_| exp(self.vector() * 3.0)),
            }
        }
    }

    fn written(axes: &BodyAxes, pose: &Pose) -> [f32; NUMBERS] {
        let mut out = [0.0; NUMBERS];
        axes.write(pose, &mut out);
        out
    }

    #[test]
    fn what_is_written_is_read_back_for_any_two_poses() {
        let mut noise = Noise(5);
        for _ in 0..300 {
            let (newest, pose) = (noise.pose(), noise.pose());
            let axes = BodyAxes::new(&newest);
            let again = axes.read(&written(&axes, &pose));
            assert!(again.translation.distance(pose.translation) < 2e-6);
            for (a, b) in again.rotations.iter().zip(&pose.rotations) {
                assert!(geodesic_angle(*a, *b) < 2e-6 && (a.length() - 1.0).abs() < 1e-9);
            }
            assert!(written(&axes, &newest).iter().all(|v| v.abs() < 1e-6), "it stands still");
        }
    }

    /// A body that faces +x (heading π/2) has walked 0.2 m there and turned to its left by 0.1 rad. In its
    /// axes its front is −y.
    #[test]
    fn the_numbers_of_a_walk_are_in_the_axes_of_the_newest_pose() {
        let pose = |x: f64, turn: f64| Pose {
            translation: DVec3::new(x, 5.0, 0.9),
            rotations: {
                let mut rotations = Pose::rest().rotations;
                rotations[0] = DQuat::from_rotation_z(FRAC_PI_2 + turn) * rotations[0];
                rotations
            },
        };
        let axes = BodyAxes::new(&pose(1.2, 0.0));
        let numbers = written(&axes, &pose(1.0, -0.1));
        let close = |a: &[f32], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&numbers[PLACE..], [0.0, 0.2, 0.0]), "where it came from is behind it");
        assert!(close(&numbers[..3], [0.0, 0.0, -0.1]) && close(&numbers[3..6], [0.0; 3]));
        let mut history = [0.0; 2 * NUMBERS];
        axes.write_history([pose(1.2, 0.0)].into_iter(), &mut history);
        assert!(close(&history[..3], [0.0; 3]) && close(&history[PLACE..NUMBERS], [0.0, 0.0, 0.9]));
    }

    /// The numbers do not depend on place and heading of a body, but on its lean and height.
    #[test]
    fn the_same_motion_elsewhere_gives_the_same_numbers() {
        let clip = walk_and_wave(&Skeleton::default());
        let pose = |i: usize| clip.pose_at(0.5 + i as f64 / 30.0);
        let history = |place: &dyn Fn(Pose) -> Pose| {
            let axes = BodyAxes::new(&place(pose(9)));
            let mut out = [0.0; 11 * NUMBERS];
            axes.write_history((0..10).map(|i| place(pose(i))), &mut out);
            out
        };
        let here = history(&|pose| pose);
        let there = history(&|mut pose| {
            let turn = DQuat::from_rotation_z(2.5);
            pose.translation = turn * pose.translation + DVec3::new(7.0, -3.0, 0.0);
            pose.rotations[0] = turn * pose.rotations[0];
            pose
        });
        let differs = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-5);
        assert!(!differs(&here, &there));
        let leaning = history(&|mut pose| {
            pose.rotations[0] = DQuat::from_rotation_x(0.3) * pose.rotations[0];
            pose.translation.z -= 0.4;
            pose
        });
        assert!(differs(&here[..3], &leaning[..3]));
        assert!((here[NUMBERS - 1] - leaning[NUMBERS - 1] - 0.4).abs() < 1e-6, "the height");
        // The last row is the newest pose.
        assert!(here[10 * NUMBERS..].iter().all(|v| v.abs() < 1e-6));
    }
}
