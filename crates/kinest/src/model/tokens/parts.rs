//! Parts of the body that are tokenised separately.

use crate::rotation::SIXD;
use crate::skeleton::{Group, SmplJoint};
use serde::{Deserialize, Serialize};

/// Numbers of a frame that say how the root moves: its turn, its velocity over the floor, its
/// height.
pub const ROOT_NUMBERS: usize = 4;

/// Numbers of a frame of motion: those of the root, then 6D of each joint.
/// [`tokens`](crate::tokens) writes and reads them.
pub const MOTION_NUMBERS: usize = ROOT_NUMBERS + SIXD * SmplJoint::COUNT;

/// How a body is divided into parts, each with tokens of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenParts {
    /// One part: a token stands for the whole body.
    #[default]
    Whole,
    /// Into the six kinematic [groups](Group), in their order, so that replacing the tokens of a
    /// limb moves nothing else relative to its parent. The root's motion belongs to the torso.
    Groups,
}

impl TokenParts {
    /// The joints of each part.
    fn joints(self) -> Vec<&'static [SmplJoint]> {
        match self {
            Self::Whole => vec![&SmplJoint::ALL],
            Self::Groups => Group::ALL.map(Group::joints).into(),
        }
    }

    /// Number of parts.
    #[must_use]
    pub fn count(self) -> usize {
        self.joints().len()
    }

    /// Numbers of a frame that each part encodes and decodes: every number is in one part.
    #[must_use]
    pub fn columns(self) -> Vec<Vec<usize>> {
        let of = |joints: &[SmplJoint]| {
            let root = joints.contains(&SmplJoint::Pelvis).then_some(0..ROOT_NUMBERS);
            let sixd = |joint: &SmplJoint| {
                let first = ROOT_NUMBERS + SIXD * joint.index();
                first..first + SIXD
            };
            root.into_iter().flatten().chain(joints.iter().flat_map(sixd)).collect()
        };
        self.joints().into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_one_part() {
        for parts in [TokenParts::Whole, TokenParts::Groups] {
            let columns = parts.columns();
            assert_eq!(columns.len(), parts.count());
            let mut all = columns.concat();
            all.sort_unstable();
            assert_eq!(all, (0..MOTION_NUMBERS).collect::<Vec<_>>());
        }
        assert_eq!(TokenParts::Whole.columns()[0], (0..136).collect::<Vec<_>>());
        let groups = TokenParts::Groups.columns();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [28, 12, 24, 24, 24, 24]);
        // The left hip is joint 1.
        assert_eq!(groups[Group::LeftLeg.index()][..6], [10, 11, 12, 13, 14, 15]);
    }
}
