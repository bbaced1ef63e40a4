//! The signals: a kind of measurement at a place of the body.

use super::class::Class;
use super::kind::{CodeKind, Spread};
use super::place::{Misnamed, Place};
use crate::skeleton::{Group, GroupPair, SmplJoint as J};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// One number of each frame that is cut into codes: a [`CodeKind`] at a [`Place`].
///
/// Its name in gesture files has the side as prefix and groups as suffix: `left_elbow_bend`,
/// `torso_pitch`, `group_speed:neck`, `group_distance:left_arm-right_arm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal {
    /// The kind of measurement.
    pub kind: CodeKind,
    /// The place on the body.
    pub place: Place,
}

const COUNT: usize = first_index(CodeKind::COUNT);

/// Index of the first signal of the kind with this number.
const fn first_index(kind: usize) -> usize {
    let (mut index, mut before) = (0, 0);
    while before < kind {
        index += CodeKind::ALL[before].spread().count();
        before += 1;
    }
    index
}

const FIRST: [usize; CodeKind::COUNT] = {
    let mut first = [0; CodeKind::COUNT];
    let mut kind = 0;
    while kind < CodeKind::COUNT {
        first[kind] = first_index(kind);
        kind += 1;
    }
    first
};

const ALL: [Signal; COUNT] = {
    let mut all = [Signal { kind: CodeKind::ElbowBend, place: Place::Body }; COUNT];
    let (mut index, mut number) = (0, 0);
    while number < CodeKind::COUNT {
        let kind = CodeKind::ALL[number];
        let mut i = 0;
        while i < kind.spread().count() {
            let place = match kind.spread() {
                Spread::Body => Place::Body,
                Spread::Arms | Spread::Legs if i == 0 => Place::Left,
                Spread::Arms | Spread::Legs => Place::Right,
                Spread::Groups => Place::Group(Group::ALL[i]),
                Spread::Pairs => Place::Pair(GroupPair::ALL[i]),
            };
            all[index] = Signal { kind, place };
            index += 1;
            i += 1;
        }
        number += 1;
    }
    all
};

/// The outermost joint of each group.
const ENDS: [J; 6] = [J::Spine3, J::Head, J::LeftWrist, J::RightWrist, J::LeftFoot, J::RightFoot];

const PAIR_ENDS: [[J; 2]; 15] = {
    let mut ends = [[J::Pelvis; 2]; 15];
    let mut i = 0;
    while i < ends.len() {
        let GroupPair { first, second } = GroupPair::ALL[i];
        ends[i] = [ENDS[first.index()], ENDS[second.index()]];
        i += 1;
    }
    ends
};

impl Signal {
    /// Number of signals.
    pub const COUNT: usize = COUNT;
    /// Every signal, kind by kind, left before right.
    pub const ALL: [Self; COUNT] = ALL;

    /// A kind that occurs once on the body.
    pub(super) const fn body(kind: CodeKind) -> Self {
        Self { kind, place: Place::Body }
    }

    /// Index in [`Signal::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        let at = match self.place {
            Place::Body | Place::Left => 0,
            Place::Right => 1,
            Place::Group(group) => group.index(),
            Place::Pair(pair) => pair.index(),
        };
        FIRST[self.kind as usize] + at
    }

    /// The same signal of the mirrored body.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { place: self.place.mirrored(), ..self }
    }

    /// The group of the signal, and the second group of a pair.
    #[must_use]
    pub fn groups(self) -> (Group, Option<Group>) {
        use CodeKind as K;
        let own = match (self.kind.spread(), self.place) {
            (_, Place::Group(group)) => return (group, None),
            (_, Place::Pair(pair)) => return (pair.first, Some(pair.second)),
            (Spread::Legs, Place::Right) => Group::RightLeg,
            (Spread::Legs, _) => Group::LeftLeg,
            (_, Place::Right) => Group::RightArm,
            (_, _) => Group::LeftArm,
        };
        let own_leg = if self.place == Place::Right { Group::RightLeg } else { Group::LeftLeg };
        match self.kind {
            K::HandToHead | K::HandOverHead => (Group::Neck, Some(own)),
            K::HandToHip | K::HandToKnee | K::HandToFoot => (own, Some(own_leg)),
            K::HandToOtherShoulder | K::HandToOtherElbow | K::HandsDistance => {
                (Group::LeftArm, Some(Group::RightArm))
            }
            K::FeetApart
            | K::FeetSplit
            | K::KneesDistance
            | K::FeetOverFloor
            | K::FootToOtherKnee => (Group::LeftLeg, Some(Group::RightLeg)),
            K::HeadYaw | K::HeadPitch | K::HeadRoll => (Group::Neck, None),
            kind if kind.spread() == Spread::Body => (Group::Torso, None),
            _ => (own, None),
        }
    }

    /// The joints it is measured at.
    #[must_use]
    pub fn joints(self) -> &'static [J] {
        use CodeKind as K;
        let right = self.place == Place::Right;
        let of = |left: &'static [J], other: &'static [J]| if right { other } else { left };
        match (self.kind, self.place) {
            (_, Place::Pair(pair)) => &PAIR_ENDS[pair.index()],
            (_, Place::Group(group)) => group.joints(),
            (K::ElbowBend, _) => of(&[J::LeftElbow], &[J::RightElbow]),
            (K::UpperArmRaise, _) => {
                of(&[J::LeftShoulder, J::LeftElbow], &[J::RightShoulder, J::RightElbow])
            }
            (K::ForearmRaise, _) => {
                of(&[J::LeftElbow, J::LeftWrist], &[J::RightElbow, J::RightWrist])
            }
            (K::HandOverHead | K::HandToHead, _) => {
                of(&[J::LeftWrist, J::Head], &[J::RightWrist, J::Head])
            }
            (K::HandOverHips, _) => of(&[J::LeftWrist, J::Pelvis], &[J::RightWrist, J::Pelvis]),
            (K::HandToHip, _) => of(&[J::LeftWrist, J::LeftHip], &[J::RightWrist, J::RightHip]),
            (K::HandToKnee, _) => of(&[J::LeftWrist, J::LeftKnee], &[J::RightWrist, J::RightKnee]),
            (K::HandToFoot, _) => of(&[J::LeftWrist, J::LeftFoot], &[J::RightWrist, J::RightFoot]),
            (K::HandToOtherShoulder, _) => {
                of(&[J::LeftWrist, J::RightShoulder], &[J::RightWrist, J::LeftShoulder])
            }
            (K::HandToOtherElbow, _) => {
                of(&[J::LeftWrist, J::RightElbow], &[J::RightWrist, J::LeftElbow])
            }
            (K::HandsDistance, _) => &[J::LeftWrist, J::RightWrist],
            (K::KneeBend | K::KneeOverFloor, _) => of(&[J::LeftKnee], &[J::RightKnee]),
            (K::ThighRaise, _) => of(&[J::LeftHip, J::LeftKnee], &[J::RightHip, J::RightKnee]),
            (K::ShankRaise, _) => of(&[J::LeftKnee, J::LeftAnkle], &[J::RightKnee, J::RightAnkle]),
            (K::FootToOtherKnee, _) => {
                of(&[J::LeftAnkle, J::RightKnee], &[J::RightAnkle, J::LeftKnee])
            }
            (K::FootOverFloor, _) => of(&[J::LeftFoot], &[J::RightFoot]),
            (K::FeetApart | K::FeetSplit | K::FeetOverFloor, _) => &[J::LeftAnkle, J::RightAnkle],
            (K::KneesDistance, _) => &[J::LeftKnee, J::RightKnee],
            (K::TorsoPitch | K::TorsoRoll | K::TorsoIncline, _) => &[J::Pelvis, J::Neck],
            (K::TorsoTwist, _) => &[J::Pelvis, J::Spine3],
            (K::HeadYaw | K::HeadPitch | K::HeadRoll, _) => &[J::Head],
            (kind, _) => match kind.spread() {
                Spread::Arms => of(&[J::LeftWrist], &[J::RightWrist]),
                Spread::Legs => of(&[J::LeftAnkle], &[J::RightAnkle]),
                _ => &[J::Pelvis],
            },
        }
    }

    /// Whether its kind has the class `class`.
    #[must_use]
    pub fn knows(self, class: Class) -> bool {
        self.kind.classes().any(|known| known == class)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.place {
            Place::Body => write!(f, "{}", self.kind),
            Place::Left => write!(f, "left_{}", self.kind),
            Place::Right => write!(f, "right_{}", self.kind),
            Place::Group(group) => write!(f, "{}:{}", self.kind, group.name()),
            Place::Pair(GroupPair { first, second }) => {
                write!(f, "{}:{}-{}", self.kind, first.name(), second.name())
            }
        }
    }
}

impl FromStr for Signal {
    type Err = Misnamed;

    fn from_str(text: &str) -> Result<Self, Misnamed> {
        let found = ALL.into_iter().find(|signal| signal.to_string() == text);
        let names = || ALL.iter().map(ToString::to_string);
        found.ok_or_else(|| Misnamed::new("signal", text, names()))
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::place::parsed(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_names_and_joints_are_unique() {
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal.index(), i, "{signal}");
            assert_eq!(signal.to_string().parse::<Signal>().unwrap(), signal);
            assert_eq!(signal.mirrored().mirrored(), signal);
            // The JSON form has kind and joints, which together identify the signal.
            let same = Signal::ALL
                .iter()
                .filter(|other| other.kind == signal.kind && other.joints() == signal.joints());
            assert_eq!(same.count(), 1, "{signal}");
            let mirrored: Vec<J> = signal.joints().iter().map(|joint| joint.mirrored()).collect();
            let other = signal.mirrored().joints();
            assert!(other.iter().all(|joint| mirrored.contains(joint)), "{signal}");
        }
        assert_eq!(Signal::COUNT, 96);
    }

    #[test]
    fn a_misspelt_signal_is_told_its_neighbour() {
        let error = "left_elbow_bent".parse::<Signal>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("left_elbow_bend"));
        assert_eq!("tail_wag".parse::<Signal>().unwrap_err().nearest, None);
    }
}
