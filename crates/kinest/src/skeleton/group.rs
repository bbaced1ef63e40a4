//! The six kinematic groups of the body and their fifteen pairs.

use super::SmplJoint as J;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::{self, Display};

/// A kinematic group of KinMo (Zhang et al. 2025). The groups share out the 22 joints as LGTM (Sun et
/// al. 2024) does: each joint is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Group {
    /// Pelvis and spine.
    Torso,
    /// Neck and head.
    Neck,
    /// Collar to wrist.
    LeftArm,
    /// Collar to wrist.
    RightArm,
    /// Hip to toes.
    LeftLeg,
    /// Hip to toes.
    RightLeg,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 6] =
        [Self::Torso, Self::Neck, Self::LeftArm, Self::RightArm, Self::LeftLeg, Self::RightLeg];

    /// Its name in reports and descriptions: `torso`, `left_arm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torso => "torso",
            Self::Neck => "neck",
            Self::LeftArm => "left_arm",
            Self::RightArm => "right_arm",
            Self::LeftLeg => "left_leg",
            Self::RightLeg => "right_leg",
        }
    }

    /// Its joints, from the pelvis outwards.
    #[must_use]
    pub const fn joints(self) -> &'static [J] {
        match self {
            Self::Torso => &[J::Pelvis, J::Spine1, J::Spine2, J::Spine3],
            Self::Neck => &[J::Neck, J::Head],
            Self::LeftArm => &[J::LeftCollar, J::LeftShoulder, J::LeftElbow, J::LeftWrist],
            Self::RightArm => &[J::RightCollar, J::RightShoulder, J::RightElbow, J::RightWrist],
            Self::LeftLeg => &[J::LeftHip, J::LeftKnee, J::LeftAnkle, J::LeftFoot],
            Self::RightLeg => &[J::RightHip, J::RightKnee, J::RightAnkle, J::RightFoot],
        }
    }

    /// Index in [`Group::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The group on the other side; torso and neck are their own mirror.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::LeftArm => Self::RightArm,
            Self::RightArm => Self::LeftArm,
            Self::LeftLeg => Self::RightLeg,
            Self::RightLeg => Self::LeftLeg,
            middle => middle,
        }
    }
}

/// Two groups, whose interaction KinMo describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupPair {
    /// The group that comes first in [`Group::ALL`].
    pub first: Group,
    /// The other one.
    pub second: Group,
}

impl GroupPair {
    /// Every pair: ordered by the first group, then by the second.
    pub const ALL: [Self; 15] = {
        let torso = Self { first: Group::Torso, second: Group::Neck };
        let mut pairs = [torso; 15];
        let (mut pair, mut first) = (0, 0);
        while first < Group::ALL.len() {
            let mut second = first + 1;
            while second < Group::ALL.len() {
                pairs[pair] = Self { first: Group::ALL[first], second: Group::ALL[second] };
                pair += 1;
                second += 1;
            }
            first += 1;
        }
        pairs
    };

    /// The pair of two different groups, whichever comes first.
    #[must_use]
    pub const fn of(one: Group, other: Group) -> Option<Self> {
        let (a, b) = (one.index(), other.index());
        if a == b {
            None
        } else if a < b {
            Some(Self { first: one, second: other })
        } else {
            Some(Self { first: other, second: one })
        }
    }

    /// Index in [`GroupPair::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        let (first, second) = (self.first.index(), self.second.index());
        first * (11 - first) / 2 + second - first - 1
    }

    /// The pair of the mirrored body.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match Self::of(self.first.mirrored(), self.second.mirrored()) {
            Some(pair) => pair,
            None => self,
        }
    }

    /// The joint that links the second group to the first; `None` if the groups are not adjacent.
    #[must_use]
    pub fn link(self) -> Option<J> {
        let root = self.second.joints()[0];
        root.parent().filter(|parent| self.first.joints().contains(parent)).map(|_| root)
    }
}

/// Its name in reports and descriptions: `left_arm-right_arm`.
impl Display for GroupPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first.name(), self.second.name())
    }
}

/// By its name.
impl Serialize for GroupPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_every_joint_once_and_each_is_a_chain() {
        let mut joints: Vec<J> = Group::ALL.iter().flat_map(|g| g.joints()).copied().collect();
        joints.sort();
        assert_eq!(joints, J::ALL);
        for group in Group::ALL {
            assert!(group.joints().windows(2).all(|pair| pair[1].parent() == Some(pair[0])));
            assert_eq!(serde_json::to_value(group).unwrap(), group.name());
        }
    }

    /// KinMo's order, and the joints that join the torso to everything else.
    #[test]
    fn the_pairs_are_in_order_and_only_those_of_the_torso_are_linked() {
        let numbers = GroupPair::ALL.map(|pair| (pair.first as u8, pair.second as u8));
        let expected = (0..6).flat_map(|first| (first + 1..6).map(move |second| (first, second)));
        assert_eq!(numbers.to_vec(), expected.collect::<Vec<_>>());
        for (i, pair) in GroupPair::ALL.into_iter().enumerate() {
            assert_eq!(pair.index(), i);
            assert_eq!(GroupPair::of(pair.second, pair.first), Some(pair));
            assert_eq!(pair.mirrored().mirrored(), pair);
            assert_eq!(serde_json::to_value(pair).unwrap(), pair.to_string());
        }
        assert_eq!(GroupPair::ALL[9].to_string(), "left_arm-right_arm");
        let links = GroupPair::ALL.map(GroupPair::link);
        let of_torso = [J::Neck, J::LeftCollar, J::RightCollar, J::LeftHip, J::RightHip];
        assert_eq!(links[..5], of_torso.map(Some));
        assert_eq!(links[5..], [None; 10]);
    }
}
