//! The numbers in which token models see a motion: how the root moves, and how joints are turned.
//!
//! | numbers | contents | unit |
//! |---|---|---|
//! | 1 | turn of the heading since the frame before | rad/s |
//! | 2 | velocity of the root over the floor since then, in the heading of the frame before | m/s |
//! | 1 | height of the root | m |
//! | 6 | rotation of the root in its own heading, 6D | – |
//! | 6 × 21 | rotation of each joint against its parent, 6D | – |
//!
//! Neither place nor heading in the world is in them, so the same motion elsewhere has the same
//! numbers; who reads them back says where the body starts, and adds up from there.

use crate::coordinates::heading;
use crate::model::tokens::{MOTION_NUMBERS, ROOT_NUMBERS};
use crate::rotation::{SIXD, matrix_from_sixd, quat_from_matrix, sixd_from_matrix};
use crate::skeleton::{Pose, SmplJoint};
use glam::{DMat3, DQuat, DVec2};
use std::f64::consts::{PI, TAU};

/// Numbers of a motion: `[frames, MOTION_NUMBERS]`. In the first frame, before which nothing is
/// known, the root stands.
#[must_use]
pub fn write_motion(poses: &[Pose], rate_hz: f64) -> Vec<f32> {
    let mut numbers = vec![0.0; poses.len() * MOTION_NUMBERS];
    let rows = numbers.as_chunks_mut::<MOTION_NUMBERS>().0.iter_mut();
    let mut before = poses.first();
    for (pose, row) in poses.iter().zip(rows) {
        write_frame(before.unwrap_or(pose), pose, rate_hz, row);
        before = Some(pose);
    }
    numbers
}

/// Numbers of the frame `now`, `before` being the one before it.
pub fn write_frame(before: &Pose, now: &Pose, rate_hz: f64, out: &mut [f32; MOTION_NUMBERS]) {
    let standing = Standing::of(now);
    let was = Standing::of(before);
    let turn = (standing.heading - was.heading + PI).rem_euclid(TAU) - PI;
    let moved = DVec2::from_angle(-was.heading).rotate(standing.place - was.place);
    let root = [rate_hz * turn, rate_hz * moved.x, rate_hz * moved.y, now.translation.z];
    out[..ROOT_NUMBERS].copy_from_slice(&root.map(|v| v as f32));
    let mut matrices = now.matrices();
    matrices[0] = DMat3::from_rotation_z(-standing.heading) * matrices[0];
    for (matrix, out) in matrices.iter().zip(out[ROOT_NUMBERS..].as_chunks_mut::<SIXD>().0) {
        *out = sixd_from_matrix(*matrix).map(|v| v as f32);
    }
}

/// Where a body stands on the floor and which way it faces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// The root's place on the floor, metres.
    pub place: DVec2,
    /// Its heading, radians about the vertical.
    pub heading: f64,
}

impl Standing {
    /// Where `pose` stands.
    #[must_use]
    pub fn of(pose: &Pose) -> Self {
        let heading = heading(DMat3::from_quat(pose.rotations[0]));
        Self { place: pose.translation.truncate(), heading }
    }

    /// The pose of the next frame, which has these numbers; afterwards this is where it stands.
    pub fn read_frame(&mut self, numbers: &[f32; MOTION_NUMBERS], rate_hz: f64) -> Pose {
        let (root, turned) = numbers.split_at(ROOT_NUMBERS);
        let [turn, x, y, height] = std::array::from_fn(|i| f64::from(root[i]));
        self.place += DVec2::from_angle(self.heading).rotate(DVec2::new(x, y) / rate_hz);
        self.heading = (self.heading + turn / rate_hz + PI).rem_euclid(TAU) - PI;
        let sixd = turned.as_chunks::<SIXD>().0;
        let mut rotations: [DQuat; SmplJoint::COUNT] = std::array::from_fn(|joint| {
            quat_from_matrix(matrix_from_sixd(&sixd[joint].map(f64::from)))
        });
        rotations[0] = DQuat::from_rotation_z(self.heading) * rotations[0];
        Pose { translation: self.place.extend(height), rotations }
    }
}

/// The motion with these numbers, `[frames, MOTION_NUMBERS]`, that starts at `start`.
#[must_use]
pub fn read_motion(numbers: &[f32], mut start: Standing, rate_hz: f64) -> Vec<Pose> {
    let rows = numbers.as_chunks::<MOTION_NUMBERS>().0;
    rows.iter().map(|row| start.read_frame(row, rate_hz)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::Skeleton;
    use glam::DVec3;

    fn walk() -> Vec<Pose> {
        walk_and_wave(&Skeleton::default()).frames.iter().map(Pose::from).collect()
    }

    #[test]
    fn a_motion_is_read_back() {
        let poses = walk();
        let read = read_motion(&write_motion(&poses, 60.0), Standing::of(&poses[0]), 60.0);
        assert_eq!(read.len(), poses.len());
        for (read, pose) in read.iter().zip(&poses) {
            assert!(read.translation.distance(pose.translation) < 1e-4);
            let pairs = read.rotations.iter().zip(&pose.rotations);
            assert!(pairs.into_iter().all(|(a, b)| geodesic_angle(*a, *b) < 1e-3));
        }
        assert_eq!(write_motion(&[], 60.0), [] as [f32; 0]);
    }

    #[test]
    fn the_same_motion_elsewhere_has_the_same_numbers() {
        let poses = walk();
        let turn = DQuat::from_rotation_z(2.5);
        let elsewhere = poses.iter().map(|pose| {
            let mut pose = *pose;
            pose.translation = turn * pose.translation + DVec3::new(3.0, -7.0, 0.0);
            pose.rotations[0] = turn * pose.rotations[0];
            pose
        });
        let elsewhere = write_motion(&elsewhere.collect::<Vec<_>>(), 60.0);
        let pairs = elsewhere.iter().zip(write_motion(&poses, 60.0));
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
    }

    /// A body that faces y and goes that way by 1 cm per frame, turning left by 0.1 rad.
    #[test]
    fn root_numbers_are_per_second_and_in_the_heading_of_the_frame_before() {
        let mut poses = [Pose::rest(); 2];
        for (pose, heading) in poses.iter_mut().zip([PI, PI + 0.1]) {
            pose.rotations[0] = DQuat::from_rotation_z(heading) * crate::coordinates::UPRIGHT;
            pose.translation.z = 0.9;
        }
        poses[1].translation.y += 0.01;
        let numbers = write_motion(&poses, 20.0);
        let expected = [2.0, 0.0, -0.2, 0.9];
        let found = &numbers[MOTION_NUMBERS..][..ROOT_NUMBERS];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert_eq!(numbers[..3], [0.0; 3]);
    }
}
