//! Turns one frame of network output into a body under the tracked head.

use crate::coordinates::{UPRIGHT, heading};
use crate::features::WindowAxes;
use crate::model::ModelSpec;
use crate::skeleton::{CONTACTS, PerJoint, Pose, Skeleton};
use crate::tracker::TrackerPose;
use glam::{DMat3, DQuat, DVec3};

/// A network's output for one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Local rotations, the root's in world axes.
    pub rotations: PerJoint<DQuat>,
    /// Probability that the left heel, the left ball, the right heel and the right ball touch the
    /// floor; `None` if the network does not predict contacts.
    pub contacts: Option<[f64; CONTACTS]>,
    /// Standard deviation of each joint's position along each axis, relative to the head, metres;
    /// `None` if the network does not predict deviations.
    pub deviations: Option<PerJoint<f64>>,
}

impl From<PerJoint<DQuat>> for Estimate {
    fn from(rotations: PerJoint<DQuat>) -> Self {
        Self { rotations, contacts: None, deviations: None }
    }
}

/// An estimate from one frame of network output. `None` if the length is not
/// [`FeatureLayout::outputs`](crate::features::FeatureLayout::outputs), or the output is not finite
/// or not a set of rotations.
#[must_use]
pub fn decode_output(spec: &ModelSpec, output: &[f32], axes: &WindowAxes) -> Option<Estimate> {
    // Gram-Schmidt turns even NaN into a rotation.
    if output.len() != spec.layout.outputs() || !output.iter().all(|v| v.is_finite()) {
        return None;
    }
    let layout = &spec.layout;
    let rotations = layout.decode_rotations(output, axes);
    rotations.iter().all(|q| q.is_finite()).then(|| Estimate {
        rotations,
        contacts: layout.decode_contacts(output),
        deviations: layout.decode_deviations(output),
    })
}

/// The pose with these local rotations and the head joint at `head` (AMASS space, metres).
#[must_use]
pub fn place_under_head(skeleton: &Skeleton, rotations: &PerJoint<DQuat>, head: DVec3) -> Pose {
    let translation = skeleton.translation_for_head(&rotations.map(DMat3::from_quat), head);
    Pose { translation, rotations: *rotations }
}

/// The upright rest pose, with the head joint at the head tracker and its heading.
#[must_use]
pub fn rest_under_head(skeleton: &Skeleton, head: &TrackerPose) -> Pose {
    let mut rotations = Pose::rest().rotations;
    rotations[0] = DQuat::from_rotation_z(heading(head.rotation)) * UPRIGHT;
    place_under_head(skeleton, &rotations, head.position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::SmplJoint;
    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn the_rest_pose_follows_the_position_and_heading_of_the_head_only() {
        let skeleton = Skeleton::default();
        let looking_down = DQuat::from_rotation_x(1.0);
        let head = TrackerPose::new(
            DVec3::new(3.0, -2.0, 1.6),
            DMat3::from_quat(DQuat::from_rotation_z(FRAC_PI_2) * UPRIGHT * looking_down),
        );
        let joints = skeleton.pose_joints(&rest_under_head(&skeleton, &head)).positions;
        assert!((joints[SmplJoint::Head.index()] - head.position).length() < 1e-12);
        // At heading 0 the player faces −y and the left hand is at +x; after a quarter turn it is
        // at +y.
        let left = joints[SmplJoint::LeftWrist.index()] - joints[SmplJoint::RightWrist.index()];
        assert!(left.y > 1.0 && left.x.abs() < 1e-9 && left.z.abs() < 1e-9, "{left}");
    }

    #[test]
    fn an_output_that_is_not_a_rotation_is_refused() {
        let spec = crate::live::fake::spec();
        let axes = WindowAxes { heading: 0.0, origin: DVec3::ZERO };
        assert!(decode_output(&spec, &vec![f32::NAN; spec.layout.outputs()], &axes).is_none());
        assert!(decode_output(&spec, &vec![1.0; spec.layout.outputs() - 1], &axes).is_none());
    }
}
