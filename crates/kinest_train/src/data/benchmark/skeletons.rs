//! The skeletons of the benchmarks that come as joint angles, and their forward kinematics.

use glam::{DQuat, DVec3};
use kinest::rotation::exp;

/// A tree of joints.
#[derive(Debug)]
pub(super) struct Tree {
    /// The parent of each joint, before it in the list; the root is its own.
    parents: &'static [usize],
    /// Each joint's place in the axes of its parent, in the field's millimetres.
    offsets: &'static [[f64; 3]],
}

/// The 38 joints of the CMU benchmark.
pub(super) static CMU: Tree = Tree {
    parents: &[
        0, 0, 1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 0, 13, 14, 15, 16, 17, 18, 15, 20, 21, 22, 23, 24,
        25, 23, 27, 15, 29, 30, 31, 32, 33, 34, 32, 36,
    ],
    offsets: &[
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [115.9718, -126.1974, 43.7339],
        [181.804, -499.5032, 0.0],
        [174.4652, -479.339, 0.0],
        [13.7928, -37.8952, 150.2067],
        [0.0, 0.0, 77.8743],
        [0.0, 0.0, 0.0],
        [-112.749, -126.1974, 43.7332],
        [-181.6514, -499.0839, 0.0],
        [-172.746, -474.6168, 0.0],
        [-16.1168, -44.2806, 149.3576],
        [0.0, 0.0, 78.0983],
        [0.0, 0.0, 0.0],
        [1.3727, 143.815, -9.8784],
        [0.7147, 144.5052, -4.1447],
        [0.0, 0.0, 0.0],
        [0.4991, 109.6977, 10.4776],
        [2.4003, 109.2287, -7.0042],
        [0.9135, 113.792, -3.6855],
        [0.0, 0.0, 0.0],
        [247.9435, 63.3052, -12.1548],
        [340.5591, 0.0, 0.0],
        [234.8878, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [46.2819, 0.0, 0.0],
        [37.3142, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [37.884, 0.0, 37.884],
        [0.0, 0.0, 0.0],
        [-244.8614, 53.1958, -22.8312],
        [-351.8543, 0.0, 0.0],
        [-235.5017, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [-51.1287, 0.0, 0.0],
        [-41.2209, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [-41.8502, 0.0, 41.8502],
    ],
};

/// The 32 joints of Human3.6M.
pub(super) static H36M: Tree = Tree {
    parents: &[
        0, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 12, 16, 17, 18, 19, 20, 19, 22, 12, 24,
        25, 26, 27, 28, 27, 30,
    ],
    offsets: &[
        [0.0, 0.0, 0.0],
        [-132.948591, 0.0, 0.0],
        [0.0, -442.894612, 0.0],
        [0.0, -454.206447, 0.0],
        [0.0, 0.0, 162.767078],
        [0.0, 0.0, 74.999437],
        [132.948826, 0.0, 0.0],
        [0.0, -442.894413, 0.0],
        [0.0, -454.20659, 0.0],
        [0.0, 0.0, 162.767426],
        [0.0, 0.0, 74.999948],
        [0.0, 0.1, 0.0],
        [0.0, 233.383263, 0.0],
        [0.0, 257.077681, 0.0],
        [0.0, 121.134938, 0.0],
        [0.0, 115.002227, 0.0],
        [0.0, 257.077681, 0.0],
        [0.0, 151.034226, 0.0],
        [0.0, 278.882773, 0.0],
        [0.0, 251.733451, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 99.999627],
        [0.0, 100.000188, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 257.077681, 0.0],
        [0.0, 151.031437, 0.0],
        [0.0, 278.892924, 0.0],
        [0.0, 251.72868, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 99.999888],
        [0.0, 137.499922, 0.0],
        [0.0, 0.0, 0.0],
    ],
};

impl Tree {
    /// Number of joints.
    pub(super) fn joints(&self) -> usize {
        self.parents.len()
    }

    /// Positions of all joints, from their exponential maps; the root stands upright at the origin,
    /// whatever its own map says.
    ///
    /// The benchmarks multiply row vectors by rotation matrices, that is, they turn by the
    /// opposite of each exponential map.
    pub(super) fn positions(&self, maps: &[DVec3]) -> Vec<DVec3> {
        let mut rotations: Vec<DQuat> = Vec::with_capacity(self.joints());
        let mut positions: Vec<DVec3> = Vec::with_capacity(self.joints());
        for (joint, (parent, offset)) in self.parents.iter().zip(self.offsets).enumerate() {
            if joint == 0 {
                rotations.push(DQuat::IDENTITY);
                positions.push(DVec3::ZERO);
            } else {
                let turned = rotations[*parent];
                positions.push(positions[*parent] + turned * DVec3::from(*offset));
                rotations.push(turned * exp(-maps[joint]));
            }
        }
        positions
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Benchmark;
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn copies_stand_where_their_joints_do() {
        for (tree, benchmark) in [&CMU, &H36M].into_iter().zip(Benchmark::ALL) {
            let maps: Vec<DVec3> = (0..tree.joints())
                .map(|i| DVec3::new(0.3, -0.02 * i as f64, 0.01 * i as f64))
                .collect();
            let positions = tree.positions(&maps);
            for (copy, of) in benchmark.copies {
                assert_eq!(positions[*copy], positions[*of], "{copy}");
            }
        }
    }

    /// A row vector times the rotation by +90° about z turns by -90°: +y of the thigh becomes +x.
    #[test]
    fn rotations_turn_row_vectors_and_the_root_does_not_turn() {
        let mut maps = vec![DVec3::ZERO; 32];
        maps[0] = DVec3::new(1.0, 2.0, 3.0);
        maps[1] = DVec3::Z * FRAC_PI_2;
        let positions = H36M.positions(&maps);
        assert!((positions[1] - DVec3::new(-132.948591, 0.0, 0.0)).length() < 1e-9);
        let knee = DVec3::new(-132.948591 - 442.894612, 0.0, 0.0);
        assert!((positions[2] - knee).length() < 1e-9, "{}", positions[2]);
        assert!((positions[3] - knee + DVec3::X * 454.206447).length() < 1e-9);
    }
}
