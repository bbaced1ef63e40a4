//! A plain body for files that show their motion: a tapered capsule along each bone.

use crate::skeleton::{Skeleton, SmplJoint as J};
use glam::DVec3;
use std::f64::consts::{FRAC_PI_2, TAU};

/// Faces around a capsule, and rings in each half.
const AROUND: usize = 10;
const RINGS: usize = 3;
/// Stature of the body whose radii these are, metres.
const STATURE: f64 = 1.75;

/// From a joint to a child, or, without a child, on by an offset; radii at both ends. Metres, of a person of
/// 1.75 m; the right side is the mirror image.
const PARTS: [(J, To, [f64; 2]); 18] = [
    (J::Pelvis, To::Joint(J::Spine1), [0.125, 0.115]),
    (J::Pelvis, To::Joint(J::LeftHip), [0.1, 0.085]),
    (J::Spine1, To::Joint(J::Spine2), [0.115, 0.12]),
    (J::Spine2, To::Joint(J::Spine3), [0.12, 0.125]),
    (J::Spine3, To::Joint(J::Neck), [0.125, 0.06]),
    (J::Spine3, To::Joint(J::LeftCollar), [0.1, 0.07]),
    (J::Neck, To::Joint(J::Head), [0.052, 0.05]),
    (J::Head, To::Offset([0.0, 0.11, 0.02]), [0.078, 0.092]),
    (J::LeftCollar, To::Joint(J::LeftShoulder), [0.07, 0.058]),
    (J::LeftShoulder, To::Joint(J::LeftElbow), [0.054, 0.042]),
    (J::LeftElbow, To::Joint(J::LeftWrist), [0.042, 0.03]),
    (J::LeftWrist, To::Offset([0.13, 0.0, 0.0]), [0.034, 0.024]),
    (J::LeftHip, To::Joint(J::LeftKnee), [0.088, 0.06]),
    (J::LeftKnee, To::Joint(J::LeftAnkle), [0.058, 0.04]),
    (J::LeftAnkle, To::Joint(J::LeftFoot), [0.044, 0.034]),
    // The heel and the nose show where the body faces.
    (J::LeftAnkle, To::Offset([0.0, -0.03, -0.03]), [0.04, 0.036]),
    (J::LeftFoot, To::Offset([0.0, -0.005, 0.06]), [0.032, 0.024]),
    (J::Head, To::Offset([0.0, 0.07, 0.12]), [0.05, 0.016]),
];

#[derive(Clone, Copy)]
enum To {
    Joint(J),
    Offset([f64; 3]),
}

/// Vertices of a body in the T-pose, standing on y = 0, each moved by one joint.
#[derive(Default)]
pub(super) struct Figure {
    pub positions: Vec<DVec3>,
    pub normals: Vec<DVec3>,
    /// Index of the joint of each vertex.
    pub joints: Vec<u8>,
    /// Triangles.
    pub indices: Vec<u16>,
}

pub(super) fn figure(skeleton: &Skeleton) -> Figure {
    let mut at = [DVec3::Y * skeleton.standing_root_height(); J::COUNT];
    for joint in J::ALL {
        if let Some(parent) = joint.parent() {
            at[joint.index()] = at[parent.index()] + skeleton.offsets[joint.index()];
        }
    }
    let size = skeleton.stature() / STATURE;
    let size = if size.is_finite() && size > 0.0 { size } else { 1.0 };
    let mut figure = Figure::default();
    for (from, to, radii) in PARTS {
        let (_, is_left) = (from, from.mirrored() != from);
        let paired = is_left || matches!(to, To::Joint(child) if child.mirrored() != child);
        for mirror in [false, true].into_iter().take(if paired { 2 } else { 1 }) {
            let side = |joint: J| if mirror { joint.mirrored() } else { joint };
            let start = at[side(from).index()];
            let end = match to {
                To::Joint(child) => at[side(child).index()],
                To::Offset([x, y, z]) => {
                    start + size * DVec3::new(if mirror { -x } else { x }, y, z)
                }
            };
            figure.capsule(side(from), [start, end], radii.map(|radius| size * radius));
        }
    }
    figure
}

impl Figure {
    fn capsule(&mut self, joint: J, ends: [DVec3; 2], radii: [f64; 2]) {
        let first = self.positions.len() as u16;
        let y = (ends[1] - ends[0]).try_normalize().unwrap_or(DVec3::Y);
        let front = if y.z.abs() > 0.7 { DVec3::Y } else { DVec3::Z };
        let z = front.reject_from_normalized(y).normalize();
        let x = y.cross(z);
        let latitude = |ring: usize| FRAC_PI_2 * ring as f64 / (RINGS - 1) as f64;
        let lower = (0..RINGS).rev().map(|ring| (0, -latitude(ring)));
        let rings: Vec<(usize, f64)> =
            lower.chain((0..RINGS).map(|ring| (1, latitude(ring)))).collect();
        for (end, latitude) in &rings {
            let (level, out) = latitude.sin_cos();
            for face in 0..AROUND {
                let (s, c) = (TAU * face as f64 / AROUND as f64).sin_cos();
                let normal = ((x * c + z * s) * out + y * level).normalize();
                self.positions.push(ends[*end] + normal * radii[*end]);
                self.normals.push(normal);
                self.joints.push(joint.index() as u8);
            }
        }
        let around = AROUND as u16;
        for ring in 0..rings.len() as u16 - 1 {
            for face in 0..around {
                let at = |ring: u16, face: u16| first + ring * around + face % around;
                let (a, b) = (at(ring, face), at(ring, face + 1));
                let (c, d) = (at(ring + 1, face), at(ring + 1, face + 1));
                // At the poles a side of the face is a point.
                if ring > 0 {
                    self.indices.extend([a, c, b]);
                }
                if ring + 2 < rings.len() as u16 {
                    self.indices.extend([b, c, d]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_stands_on_the_floor_and_faces_outwards() {
        let skeleton = Skeleton::default();
        let figure = figure(&skeleton);
        let top = figure.positions.iter().map(|at| at.y).fold(f64::MIN, f64::max);
        let low = figure.positions.iter().map(|at| at.y).fold(f64::MAX, f64::min);
        assert!((top - 1.75).abs() < 0.06 && low.abs() < 0.03, "from {low} to {top}");
        assert!(figure.joints.iter().all(|joint| usize::from(*joint) < J::COUNT));
        for corners in figure.indices.chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|k| figure.positions[usize::from(corners[k])]);
            let face = (b - a).cross(c - a);
            let out: DVec3 =
                corners.iter().map(|corner| figure.normals[usize::from(*corner)]).sum();
            assert!(face.dot(out) > 0.0, "{a} {b} {c}");
        }
    }
}
