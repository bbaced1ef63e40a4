//! Errors by part of the body.

use super::{BodyTrack, common_frames};
use crate::rotation::{exp, geodesic_angle};
use crate::skeleton::{Group, PerJoint, SmplJoint as J};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// A part of the body that errors are reported of: the reference's three, and each kinematic group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// From the first spine joint up, arms included.
    Upper,
    /// Pelvis and legs, which are far from the trackers.
    Lower,
    /// Both wrists.
    Hands,
    /// One of the six groups.
    #[serde(untagged)]
    Group(Group),
}

impl Region {
    /// Every region.
    pub const ALL: [Self; 9] = [
        Self::Upper,
        Self::Lower,
        Self::Hands,
        Self::Group(Group::Torso),
        Self::Group(Group::Neck),
        Self::Group(Group::LeftArm),
        Self::Group(Group::RightArm),
        Self::Group(Group::LeftLeg),
        Self::Group(Group::RightLeg),
    ];

    /// Its name in reports: `upper`, `left_arm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Hands => "hands",
            Self::Group(group) => group.name(),
        }
    }

    /// Its joints.
    #[must_use]
    pub const fn joints(self) -> &'static [J] {
        match self {
            Self::Upper => &[
                J::Spine1,
                J::Spine2,
                J::Spine3,
                J::Neck,
                J::LeftCollar,
                J::RightCollar,
                J::Head,
                J::LeftShoulder,
                J::RightShoulder,
                J::LeftElbow,
                J::RightElbow,
                J::LeftWrist,
                J::RightWrist,
            ],
            Self::Lower => &[
                J::Pelvis,
                J::LeftHip,
                J::RightHip,
                J::LeftKnee,
                J::RightKnee,
                J::LeftAnkle,
                J::RightAnkle,
                J::LeftFoot,
                J::RightFoot,
            ],
            Self::Hands => &[J::LeftWrist, J::RightWrist],
            Self::Group(group) => group.joints(),
        }
    }
}

/// The error of a region, SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionError {
    /// Mean distance of its joints, metres.
    pub position: f64,
    /// Mean angle of its joints' local rotations, radians; the pelvis, whose rotation is the whole body's,
    /// is left out, as it is of MPJRE.
    pub angle: f64,
}

/// Each joint's mean error over a sequence, SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointErrors {
    /// Mean distance, metres.
    pub positions: PerJoint<f64>,
    /// Mean angle of the rotation from predicted to true, local, radians.
    pub angles: PerJoint<f64>,
}

impl JointErrors {
    /// Compares two tracks of the same frames.
    ///
    /// # Panics
    /// If there are no frames, or the four lists differ in length.
    #[must_use]
    pub fn compare(predicted: &BodyTrack, truth: &BodyTrack) -> Self {
        let frames = common_frames(predicted, truth);
        let per_joint =
            |p: &[PerJoint<DVec3>], t: &[PerJoint<DVec3>], of: fn(DVec3, DVec3) -> f64| {
                std::array::from_fn(|j| {
                    p.iter().zip(t).map(|(p, t)| of(p[j], t[j])).sum::<f64>() / frames as f64
                })
            };
        Self {
            positions: per_joint(&predicted.positions, &truth.positions, DVec3::distance),
            angles: per_joint(&predicted.rotations, &truth.rotations, |p, t| {
                geodesic_angle(exp(p), exp(t))
            }),
        }
    }

    /// The error of the joints of `region`.
    #[must_use]
    pub fn region(&self, region: Region) -> RegionError {
        let mean = |values: &PerJoint<f64>, joints: &mut dyn Iterator<Item = &J>| {
            let (sum, count) = joints.fold((0.0, 0), |(s, n), j| (s + values[j.index()], n + 1));
            sum / f64::from(count)
        };
        let joints = region.joints();
        RegionError {
            position: mean(&self.positions, &mut joints.iter()),
            angle: mean(&self.angles, &mut joints.iter().filter(|j| **j != J::Pelvis)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_halves_are_every_joint_once_and_regions_are_written_by_name() {
        let halves = [Region::Upper, Region::Lower];
        let mut joints: Vec<J> = halves.iter().flat_map(|half| half.joints()).copied().collect();
        joints.sort();
        assert_eq!(joints, J::ALL);
        assert_eq!(Region::ALL[3..], Group::ALL.map(Region::Group));
        for region in Region::ALL {
            let text = serde_json::to_value(region).unwrap();
            assert_eq!(text, region.name());
            assert_eq!(serde_json::from_value::<Region>(text).unwrap(), region);
        }
    }

    /// The left wrist is off by 0.5 m in one of two frames, the left knee turned by 0.4 rad in both, and
    /// the pelvis by 1 rad.
    #[test]
    fn an_error_is_found_in_its_regions_only() {
        let rows = vec![[DVec3::ZERO; J::COUNT]; 2];
        let truth = BodyTrack { rotations: rows.clone(), positions: rows };
        let mut predicted = truth.clone();
        predicted.positions[1][J::LeftWrist.index()] = DVec3::new(0.0, 0.3, 0.4);
        for rotations in &mut predicted.rotations {
            rotations[J::LeftKnee.index()] = DVec3::X * 0.4;
            rotations[J::Pelvis.index()] = DVec3::Z;
        }
        let errors = JointErrors::compare(&predicted, &truth);
        for region in Region::ALL {
            let position = match region {
                Region::Upper => 0.25 / 13.0,
                Region::Hands => 0.25 / 2.0,
                Region::Group(Group::LeftArm) => 0.25 / 4.0,
                _ => 0.0,
            };
            // Eight joints of the lower half turn against a parent.
            let angle = match region {
                Region::Lower => 0.4 / 8.0,
                Region::Group(Group::LeftLeg) => 0.4 / 4.0,
                _ => 0.0,
            };
            let found = errors.region(region);
            assert!((found.position - position).abs() < 1e-12, "{region:?} {found:?}");
            assert!((found.angle - angle).abs() < 1e-12, "{region:?} {found:?}");
        }
    }
}
