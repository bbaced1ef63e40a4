//! The kinds of signals and codes.

use super::class::{Class, Class as C};
use super::place::Misnamed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The unit of a signal, and of its thresholds in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Degrees.
    Degrees,
    /// Degrees per second.
    DegreesPerSecond,
    /// Body heights: 0.1 is 17.5 cm for a person of 1.75 m.
    Heights,
    /// Body heights per second.
    HeightsPerSecond,
    /// Fractions of the value in upright standing.
    OfStanding,
}

impl Unit {
    /// The unit as written behind a number.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Degrees => "°",
            Self::DegreesPerSecond => "°/s",
            Self::Heights => "H",
            Self::HeightsPerSecond => "H/s",
            Self::OfStanding => "of standing",
        }
    }
}

/// Places of the body at which a kind occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spread {
    /// Once.
    Body,
    /// For the left and the right arm.
    Arms,
    /// For the left and the right leg.
    Legs,
    /// For each of the six groups.
    Groups,
    /// For each of the fifteen pairs of groups.
    Pairs,
}

impl Spread {
    /// Number of signals.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Body => 1,
            Self::Arms | Self::Legs => 2,
            Self::Groups => 6,
            Self::Pairs => 15,
        }
    }
}

macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident, $name:literal, $spread:ident, $unit:ident,
        [$($state:ident),*] $($usual:ident)?, [$($move:ident),*], [$($repeat:ident)?];
    )*) => {
        /// Kind of a signal and its codes, without the side of the body.
        ///
        /// Directions are the body's own: *forward* and *left* are level, forward is where pelvis
        /// (for feet) or chest (for hands) face, *up* is the world's. *H* is the body's height.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum CodeKind { $($(#[doc = $doc])* $variant),* }

        impl CodeKind {
            /// Every kind, in the order of the signals.
            pub const ALL: [Self; CodeKind::COUNT] = [$(Self::$variant),*];
            /// Number of kinds.
            pub const COUNT: usize = [$($name),*].len();

            /// Its name in JSON and in the table: `elbow_bend`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The places of the body at which it occurs.
            #[must_use]
            pub const fn spread(self) -> Spread {
                match self { $(Self::$variant => Spread::$spread),* }
            }

            /// The unit of its signals and thresholds.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit),* }
            }

            /// Its states, from the lowest values of the signal to the highest; empty if it has
            /// only movements.
            #[must_use]
            pub const fn states(self) -> &'static [Class] {
                match self { $(Self::$variant => &[$(C::$state),*]),* }
            }

            /// The state of a person standing at ease, which descriptions may omit.
            #[must_use]
            pub const fn usual(self) -> Option<Class> {
                match self { $(Self::$variant => kinds!(@option $($usual)?)),* }
            }

            /// The classes of its movements: the signal falls, the signal rises. Empty if it has
            /// none.
            #[must_use]
            pub const fn moves(self) -> &'static [Class] {
                match self { $(Self::$variant => &[$(C::$move),*]),* }
            }

            /// The class of its oscillations, if it has any.
            #[must_use]
            pub const fn repeat(self) -> Option<Class> {
                match self { $(Self::$variant => kinds!(@option $($repeat)?)),* }
            }
        }
    };
    (@option) => { None };
    (@option $class:ident) => { Some(C::$class) };
}

kinds! {
    /// 180° minus the angle between upper arm and forearm.
    ElbowBend, "elbow_bend", Arms, Degrees,
        [Straight, SlightlyBent, Bent, RightAngle, SharplyBent] SlightlyBent, [Straightens, Bends], [Pumps];
    /// Angle of the upper arm (shoulder to elbow) from hanging down: 0° down, 90° level, 180° up.
    UpperArmRaise, "upper_arm_raise", Arms, Degrees,
        [Down, SlightlyRaised, Level, Raised, StraightUp] Down, [Lowers, Raises], [Flaps];
    /// Angle of the forearm (elbow to wrist) from hanging down.
    ForearmRaise, "forearm_raise", Arms, Degrees,
        [Down, SlightlyRaised, Level, Raised, StraightUp] Down, [Lowers, Raises], [];
    /// Wrist minus own shoulder, forward.
    HandForward, "hand_forward", Arms, Heights,
        [Behind, Beside, InFront, FarInFront] Beside, [MovesBack, MovesForward], [Swings];
    /// Wrist minus own shoulder, away from the other side.
    HandOut, "hand_out", Arms, Heights,
        [Across, Beside, Out, FarOut] Beside, [MovesIn, MovesOut], [Waves];
    /// Wrist minus own shoulder, up.
    HandUp, "hand_up", Arms, Heights,
        [FarBelow, Below, Level, Above, FarAbove] FarBelow, [Lowers, Raises], [Shakes];
    /// Distance of wrist and own shoulder, whatever the direction.
    HandReach, "hand_reach", Arms, Heights,
        [DrawnIn, HalfExtended, Extended] Extended, [Retracts, Extends], [];
    /// Wrist minus head joint (at the ears), up.
    HandOverHead, "hand_over_head", Arms, Heights,
        [Below, At, Above] Below, [], [];
    /// Wrist minus pelvis, up.
    HandOverHips, "hand_over_hips", Arms, Heights,
        [Below, At, Above] At, [], [];
    /// Height of the wrist above the floor.
    HandOverFloor, "hand_over_floor", Arms, Heights,
        [OnFloor, NearFloor, OffFloor] OffFloor, [], [];
    /// Distance of wrist and head joint.
    HandToHead, "hand_to_head", Arms, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Distance of wrist and own hip.
    HandToHip, "hand_to_hip", Arms, Heights,
        [Touching, Near, Apart] Near, [Closes, Parts], [];
    /// Distance of wrist and own knee.
    HandToKnee, "hand_to_knee", Arms, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Distance of wrist and own ball of the foot.
    HandToFoot, "hand_to_foot", Arms, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Distance of wrist and the other shoulder.
    HandToOtherShoulder, "hand_to_other_shoulder", Arms, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Distance of wrist and the other elbow.
    HandToOtherElbow, "hand_to_other_elbow", Arms, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Wrist minus the middle of the shoulders, towards its own side.
    HandAcross, "hand_across", Arms, Heights,
        [Across, Middle, OwnSide] OwnSide, [], [];
    /// Speed of the wrist relative to the chest.
    HandSpeed, "hand_speed", Arms, HeightsPerSecond,
        [Still, Moving, Fast] Still, [], [];
    /// 180° minus the angle between thigh and shank.
    KneeBend, "knee_bend", Legs, Degrees,
        [Straight, SlightlyBent, Bent, RightAngle, SharplyBent] Straight, [Straightens, Bends], [];
    /// Angle of the thigh (hip to knee) from hanging down: 90° when seated.
    ThighRaise, "thigh_raise", Legs, Degrees,
        [Down, SlightlyRaised, Level, Raised] Down, [Lowers, Raises], [Marches];
    /// Angle of the shank (knee to ankle) from hanging down: 90° and more when kneeling.
    ShankRaise, "shank_raise", Legs, Degrees,
        [Down, SlightlyRaised, Level, Raised] Down, [Lowers, Raises], [];
    /// Ankle minus own hip, forward.
    FootForward, "foot_forward", Legs, Heights,
        [Behind, Beside, InFront, FarInFront] Beside, [MovesBack, MovesForward], [Swings];
    /// Ankle minus own hip, away from the other side.
    FootOut, "foot_out", Legs, Heights,
        [Across, Beside, Out, FarOut] Beside, [MovesIn, MovesOut], [];
    /// Ankle minus own hip, up.
    FootUp, "foot_up", Legs, Heights,
        [FarBelow, Below, Level, Above] FarBelow, [Lowers, Raises], [];
    /// Height of the lower one of heel and ball above the floor.
    FootOverFloor, "foot_over_floor", Legs, Heights,
        [OnFloor, OffFloor, Lifted, High] OnFloor, [Lowers, Raises], [];
    /// Height of the knee joint above the floor.
    KneeOverFloor, "knee_over_floor", Legs, Heights,
        [OnFloor, Low, OffFloor] OffFloor, [], [];
    /// Distance of ankle and the other knee.
    FootToOtherKnee, "foot_to_other_knee", Legs, Heights,
        [Touching, Near, Apart] Apart, [Closes, Parts], [];
    /// Speed of the ankle relative to the pelvis.
    FootSpeed, "foot_speed", Legs, HeightsPerSecond,
        [Still, Moving, Fast] Still, [], [];
    /// Distance of the wrists.
    HandsDistance, "hands_distance", Body, Heights,
        [Together, Near, Apart, Wide] Apart, [Closes, Parts], [Claps];
    /// Left minus right ankle, to the left.
    FeetApart, "feet_apart", Body, Heights,
        [Crossed, Together, HipWidth, ShoulderWidth, Wide] HipWidth, [Closes, Parts], [];
    /// Distance of the ankles forward or back.
    FeetSplit, "feet_split", Body, Heights,
        [SideBySide, Staggered, Split] SideBySide, [], [];
    /// Distance of the knees.
    KneesDistance, "knees_distance", Body, Heights,
        [Together, HipWidth, Wide] HipWidth, [Closes, Parts], [];
    /// Height of the lowest point of both soles above the floor.
    FeetOverFloor, "feet_over_floor", Body, Heights,
        [OnFloor, InAir, High] OnFloor, [], [];
    /// Tilt of the line from pelvis to neck, forward; the part in the plane of the pelvis' heading.
    TorsoPitch, "torso_pitch", Body, Degrees,
        [BentBack, Upright, LeaningForward, BentForward, BentOver] Upright, [LeansBack, LeansForward], [Rocks];
    /// Tilt of the line from pelvis to neck, to the left.
    TorsoRoll, "torso_roll", Body, Degrees,
        [LeaningRight, Upright, LeaningLeft] Upright, [LeansRight, LeansLeft], [Sways];
    /// Heading of the chest relative to the pelvis, positive to the left.
    TorsoTwist, "torso_twist", Body, Degrees,
        [TurnedRight, FacingAhead, TurnedLeft] FacingAhead, [TwistsRight, TwistsLeft], [Twists];
    /// Angle between the line from pelvis to neck and up.
    TorsoIncline, "torso_incline", Body, Degrees,
        [Upright, Inclined, Lying] Upright, [], [];
    /// Heading of the head relative to the pelvis, positive to the left.
    HeadYaw, "head_yaw", Body, Degrees,
        [TurnedRight, FacingAhead, TurnedLeft] FacingAhead, [TurnsRight, TurnsLeft], [Shakes];
    /// Angle of the view below the horizon.
    HeadPitch, "head_pitch", Body, Degrees,
        [LookingUp, FacingAhead, LookingDown] FacingAhead, [LooksUp, LooksDown], [Nods];
    /// Tilt of the head from upright, positive to the left.
    HeadRoll, "head_roll", Body, Degrees,
        [TiltedRight, Upright, TiltedLeft] Upright, [TiltsRight, TiltsLeft], [];
    /// Height of the pelvis above the floor.
    RootHeight, "root_height", Body, OfStanding,
        [VeryLow, Low, Lowered, Standing, Lifted] Standing, [Lowers, Raises], [Bounces];
    /// Horizontal speed of the pelvis.
    PlanarSpeed, "planar_speed", Body, HeightsPerSecond,
        [Still, Slow, Walking, Running] Still, [], [];
    /// Speed of the pelvis forward.
    ForwardSpeed, "forward_speed", Body, HeightsPerSecond,
        [Backward, Still, Forward] Still, [], [];
    /// Speed of the pelvis to the left.
    SidewaysSpeed, "sideways_speed", Body, HeightsPerSecond,
        [ToRight, Still, ToLeft] Still, [], [];
    /// Speed of the pelvis up.
    VerticalSpeed, "vertical_speed", Body, HeightsPerSecond,
        [Falling, Still, Rising] Still, [], [];
    /// Rate of the pelvis' heading, positive to the left.
    TurnRate, "turn_rate", Body, DegreesPerSecond,
        [TurningRight, Still, TurningLeft] Still, [], [];
    /// Heading of the pelvis, unwrapped over whole turns, positive to the left.
    Facing, "facing", Body, Degrees,
        [], [TurnsRight, TurnsLeft], [];
    /// Speed of a group's mean position: for the torso in the world, for other groups relative to
    /// the torso.
    GroupSpeed, "group_speed", Groups, HeightsPerSecond,
        [Still, Moving, Fast] Still, [], [];
    /// Distance of the mean positions of two groups.
    GroupDistance, "group_distance", Pairs, Heights,
        [], [Closes, Parts], [];
}

impl CodeKind {
    /// All its classes: states, movements, oscillation.
    pub fn classes(self) -> impl Iterator<Item = Class> {
        self.states().iter().chain(self.moves()).copied().chain(self.repeat())
    }
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CodeKind {
    type Err = Misnamed;

    fn from_str(text: &str) -> Result<Self, Misnamed> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        let names = || Self::ALL.iter().map(|kind| kind.name().to_owned());
        found.ok_or_else(|| Misnamed::new("kind of code", text, names()))
    }
}

impl Serialize for CodeKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for CodeKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::place::parsed(from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClassSort;
    use super::*;

    #[test]
    fn each_kind_knows_each_class_once_and_has_its_usual_state() {
        for kind in CodeKind::ALL {
            assert_eq!(kind.name().parse::<CodeKind>().unwrap(), kind);
            let mut classes: Vec<Class> = kind.classes().collect();
            let count = classes.len();
            classes.sort();
            classes.dedup();
            assert_eq!(classes.len(), count, "{kind}");
            assert_eq!(kind.usual().is_some(), !kind.states().is_empty(), "{kind}");
            assert!(kind.usual().is_none_or(|usual| kind.states().contains(&usual)), "{kind}");
            assert!(kind.states().iter().all(|class| class.sort() == ClassSort::State), "{kind}");
            assert!([0, 2].contains(&kind.moves().len()), "{kind}");
            assert!(kind.moves().iter().all(|class| class.sort() == ClassSort::Move), "{kind}");
            assert!(kind.repeat().is_none_or(|class| class.sort() == ClassSort::Repeat), "{kind}");
        }
    }
}
