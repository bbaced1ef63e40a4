//! Where devices are worn.

use crate::skeleton::SmplJoint;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a tracked device is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrackerRole {
    /// The headset.
    Head,
    /// The controller or tracked wrist of the player's left hand.
    LeftHand,
    /// The controller or tracked wrist of the player's right hand.
    RightHand,
    /// The belt.
    Pelvis,
    /// The breastbone or the back between the shoulder blades.
    Chest,
    /// The left elbow. Of elbows and knees only the position is used.
    LeftElbow,
    /// The right elbow.
    RightElbow,
    /// The left knee.
    LeftKnee,
    /// The right knee.
    RightKnee,
    /// The left ankle or instep.
    LeftFoot,
    /// The right ankle or instep.
    RightFoot,
}

impl TrackerRole {
    /// All roles.
    pub const ALL: [Self; 11] = [
        Self::Head,
        Self::LeftHand,
        Self::RightHand,
        Self::Pelvis,
        Self::Chest,
        Self::LeftElbow,
        Self::RightElbow,
        Self::LeftKnee,
        Self::RightKnee,
        Self::LeftFoot,
        Self::RightFoot,
    ];

    /// What every player has.
    pub const HEAD_AND_HANDS: [Self; 3] = [Self::Head, Self::LeftHand, Self::RightHand];

    /// What a player may wear beside head and hands.
    pub const BODY: [Self; 8] = [
        Self::Pelvis,
        Self::Chest,
        Self::LeftElbow,
        Self::RightElbow,
        Self::LeftKnee,
        Self::RightKnee,
        Self::LeftFoot,
        Self::RightFoot,
    ];

    /// The body joint that this tracker stands for.
    #[must_use]
    pub const fn joint(self) -> SmplJoint {
        match self {
            Self::Head => SmplJoint::Head,
            Self::LeftHand => SmplJoint::LeftWrist,
            Self::RightHand => SmplJoint::RightWrist,
            Self::Pelvis => SmplJoint::Pelvis,
            Self::Chest => SmplJoint::Spine3,
            Self::LeftElbow => SmplJoint::LeftElbow,
            Self::RightElbow => SmplJoint::RightElbow,
            Self::LeftKnee => SmplJoint::LeftKnee,
            Self::RightKnee => SmplJoint::RightKnee,
            Self::LeftFoot => SmplJoint::LeftAnkle,
            Self::RightFoot => SmplJoint::RightAnkle,
        }
    }

    /// The roles that a command line names `head`, `hands`, `pelvis`, `chest`, `elbows`, `knees` or
    /// `feet`: left and right together.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static [Self]> {
        Some(match name {
            "head" => &[Self::Head],
            "hands" => &[Self::LeftHand, Self::RightHand],
            "pelvis" => &[Self::Pelvis],
            "chest" => &[Self::Chest],
            "elbows" => &[Self::LeftElbow, Self::RightElbow],
            "knees" => &[Self::LeftKnee, Self::RightKnee],
            "feet" => &[Self::LeftFoot, Self::RightFoot],
            _ => return None,
        })
    }

    /// Whether the rotation of a device worn there tells that of the joint. Straps at elbows and knees slip
    /// around the limb.
    #[must_use]
    pub const fn has_rotation(self) -> bool {
        !matches!(self, Self::LeftElbow | Self::RightElbow | Self::LeftKnee | Self::RightKnee)
    }

    /// Its place in [`BODY`](Self::BODY); `None` for head and hands.
    #[must_use]
    pub(crate) const fn on_body(self) -> Option<usize> {
        (self as usize).checked_sub(Self::HEAD_AND_HANDS.len())
    }
}

impl fmt::Display for TrackerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "head",
            Self::LeftHand => "left hand",
            Self::RightHand => "right hand",
            Self::Pelvis => "pelvis",
            Self::Chest => "chest",
            Self::LeftElbow => "left elbow",
            Self::RightElbow => "right elbow",
            Self::LeftKnee => "left knee",
            Self::RightKnee => "right knee",
            Self::LeftFoot => "left foot",
            Self::RightFoot => "right foot",
        })
    }
}
