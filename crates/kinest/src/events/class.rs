//! Classes of codes.

use super::place::Misnamed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Kind of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClassSort {
    /// A state: the signal is between two borders (an elbow is bent).
    State,
    /// A movement: a monotone change of the signal by more than a minimum travel (an elbow bends).
    Move,
    /// An oscillation: the signal goes to and fro several times (a hand waves).
    Repeat,
}

macro_rules! classes {
    ($($variant:ident, $name:literal, $sort:ident, $doc:literal;)*) => {
        /// A class that a signal can be in, named as in JSON and in gesture files: `slightly_bent`.
        ///
        /// [`CodeKind::states`](super::CodeKind::states), [`moves`](super::CodeKind::moves) and
        /// [`repeat`](super::CodeKind::repeat) list the classes of a kind of code, in order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Class { $(#[doc = $doc] $variant),* }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name: `slightly_bent`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Its kind: state, movement or oscillation.
            #[must_use]
            pub const fn sort(self) -> ClassSort {
                match self { $(Self::$variant => ClassSort::$sort),* }
            }
        }
    };
}

classes! {
    Straight, "straight", State, "A hinge is stretched.";
    SlightlyBent, "slightly_bent", State, "A hinge is bent a little.";
    Bent, "bent", State, "A hinge is bent, by less than a right angle.";
    RightAngle, "right_angle", State, "A hinge is bent by about a right angle.";
    SharplyBent, "sharply_bent", State, "A hinge is bent by clearly more than a right angle.";
    Down, "down", State, "A limb segment hangs down.";
    SlightlyRaised, "slightly_raised", State, "A limb segment is between hanging and level.";
    Level, "level", State, "At the height of, or as high as, what it is compared with.";
    Raised, "raised", State, "A limb segment points up at an angle.";
    StraightUp, "straight_up", State, "A limb segment points up.";
    Behind, "behind", State, "Behind its own shoulder or hip.";
    Beside, "beside", State, "Near its own shoulder or hip in this direction, as at rest.";
    InFront, "in_front", State, "In front of its own shoulder or hip.";
    FarInFront, "far_in_front", State, "Stretched out to the front.";
    Across, "across", State, "On the other side of the body.";
    Out, "out", State, "To its own side.";
    FarOut, "far_out", State, "Stretched out to its own side.";
    FarBelow, "far_below", State, "Far below what it is compared with, as at rest.";
    Below, "below", State, "Below what it is compared with.";
    At, "at", State, "At the height of what it is compared with.";
    Above, "above", State, "Above what it is compared with.";
    FarAbove, "far_above", State, "Stretched far above what it is compared with.";
    DrawnIn, "drawn_in", State, "The hand is near its shoulder.";
    HalfExtended, "half_extended", State, "The arm is partly stretched.";
    Extended, "extended", State, "The arm is stretched, in any direction.";
    OnFloor, "on_floor", State, "Touches the floor.";
    NearFloor, "near_floor", State, "A hand's breadth above the floor.";
    OffFloor, "off_floor", State, "Above the floor.";
    Lifted, "lifted", State, "Clearly above the floor, or higher than in standing.";
    High, "high", State, "Far above the floor: a foot that kicks, both feet in a jump.";
    Low, "low", State, "Lower than in standing by about half: a deep squat, a seat.";
    InAir, "in_air", State, "Neither foot touches the floor.";
    Touching, "touching", State, "So near that they may touch.";
    Near, "near", State, "Near each other.";
    Apart, "apart", State, "Apart, as at rest.";
    Wide, "wide", State, "Far apart.";
    Middle, "middle", State, "In front of the middle of the body.";
    OwnSide, "own_side", State, "On its own side of the body.";
    Together, "together", State, "Side by side and close.";
    HipWidth, "hip_width", State, "As far apart as hips.";
    ShoulderWidth, "shoulder_width", State, "As far apart as shoulders.";
    Crossed, "crossed", State, "The left one is to the right of the right one.";
    SideBySide, "side_by_side", State, "Neither foot is ahead.";
    Staggered, "staggered", State, "One foot is ahead, as in a step.";
    Split, "split", State, "One foot is far ahead, as in a lunge.";
    Upright, "upright", State, "Not tilted.";
    BentBack, "bent_back", State, "The trunk leans back.";
    LeaningForward, "leaning_forward", State, "The trunk leans forward.";
    BentForward, "bent_forward", State, "The trunk is bent far forward.";
    BentOver, "bent_over", State, "The trunk is about level, chest down.";
    LeaningLeft, "leaning_left", State, "The trunk leans to the left.";
    LeaningRight, "leaning_right", State, "The trunk leans to the right.";
    Inclined, "inclined", State, "The trunk is far from vertical in any direction.";
    Lying, "lying", State, "The trunk is about level.";
    FacingAhead, "facing_ahead", State, "Not turned against the part below.";
    TurnedLeft, "turned_left", State, "Turned to the left against the part below.";
    TurnedRight, "turned_right", State, "Turned to the right against the part below.";
    LookingUp, "looking_up", State, "The head is tipped back.";
    LookingDown, "looking_down", State, "The head is tipped forward.";
    TiltedLeft, "tilted_left", State, "The head is tilted towards the left shoulder.";
    TiltedRight, "tilted_right", State, "The head is tilted towards the right shoulder.";
    VeryLow, "very_low", State, "The pelvis is near the floor.";
    Lowered, "lowered", State, "The pelvis is somewhat lower than in standing.";
    Standing, "standing", State, "The pelvis is as high as in standing.";
    Still, "still", State, "Does not move, or not in this direction.";
    Slow, "slow", State, "Moves slowly: shuffles, shifts its weight.";
    Moving, "moving", State, "Moves.";
    Fast, "fast", State, "Moves fast.";
    Walking, "walking", State, "Travels at a walking pace.";
    Running, "running", State, "Travels at a running pace.";
    Backward, "backward", State, "Travels backward.";
    Forward, "forward", State, "Travels forward.";
    ToLeft, "to_left", State, "Travels to the left.";
    ToRight, "to_right", State, "Travels to the right.";
    Falling, "falling", State, "Moves down.";
    Rising, "rising", State, "Moves up.";
    TurningLeft, "turning_left", State, "The body turns to the left.";
    TurningRight, "turning_right", State, "The body turns to the right.";

    Straightens, "straightens", Move, "A hinge straightens.";
    Bends, "bends", Move, "A hinge bends.";
    Lowers, "lowers", Move, "Goes down.";
    Raises, "raises", Move, "Goes up.";
    MovesBack, "moves_back", Move, "Goes back, as seen by the body.";
    MovesForward, "moves_forward", Move, "Goes forward, as seen by the body.";
    MovesIn, "moves_in", Move, "Goes towards the other side.";
    MovesOut, "moves_out", Move, "Goes out to its own side.";
    Retracts, "retracts", Move, "The arm is drawn in.";
    Extends, "extends", Move, "The arm is stretched out.";
    Closes, "closes", Move, "The two come nearer to each other.";
    Parts, "parts", Move, "The two go away from each other.";
    LeansBack, "leans_back", Move, "The trunk goes back, or comes up from a bow.";
    LeansForward, "leans_forward", Move, "The trunk goes forward.";
    LeansLeft, "leans_left", Move, "The trunk goes to the left.";
    LeansRight, "leans_right", Move, "The trunk goes to the right.";
    TwistsLeft, "twists_left", Move, "The chest turns left against the pelvis.";
    TwistsRight, "twists_right", Move, "The chest turns right against the pelvis.";
    TurnsLeft, "turns_left", Move, "The head, or the whole body, turns left.";
    TurnsRight, "turns_right", Move, "The head, or the whole body, turns right.";
    LooksUp, "looks_up", Move, "The head goes up.";
    LooksDown, "looks_down", Move, "The head goes down.";
    TiltsLeft, "tilts_left", Move, "The head tilts towards the left shoulder.";
    TiltsRight, "tilts_right", Move, "The head tilts towards the right shoulder.";

    Pumps, "pumps", Repeat, "An elbow bends and straightens again and again.";
    Flaps, "flaps", Repeat, "An arm goes up and down again and again.";
    Swings, "swings", Repeat, "A hand or foot goes forward and back again and again.";
    Waves, "waves", Repeat, "A hand goes from side to side again and again.";
    Shakes, "shakes", Repeat, "A hand goes up and down, or the head turns to and fro, again and again.";
    Claps, "claps", Repeat, "The hands come together and part again and again.";
    Marches, "marches", Repeat, "A thigh is lifted and lowered again and again.";
    Rocks, "rocks", Repeat, "The trunk goes forward and back again and again.";
    Sways, "sways", Repeat, "The trunk goes from side to side again and again.";
    Twists, "twists", Repeat, "The chest turns to and fro against the pelvis again and again.";
    Nods, "nods", Repeat, "The head goes up and down again and again.";
    Bounces, "bounces", Repeat, "The pelvis goes up and down again and again.";
}

impl Class {
    /// The class of the mirrored body.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::LeaningLeft => Self::LeaningRight,
            Self::LeaningRight => Self::LeaningLeft,
            Self::TurnedLeft => Self::TurnedRight,
            Self::TurnedRight => Self::TurnedLeft,
            Self::TiltedLeft => Self::TiltedRight,
            Self::TiltedRight => Self::TiltedLeft,
            Self::ToLeft => Self::ToRight,
            Self::ToRight => Self::ToLeft,
            Self::TurningLeft => Self::TurningRight,
            Self::TurningRight => Self::TurningLeft,
            Self::LeansLeft => Self::LeansRight,
            Self::LeansRight => Self::LeansLeft,
            Self::TwistsLeft => Self::TwistsRight,
            Self::TwistsRight => Self::TwistsLeft,
            Self::TurnsLeft => Self::TurnsRight,
            Self::TurnsRight => Self::TurnsLeft,
            Self::TiltsLeft => Self::TiltsRight,
            Self::TiltsRight => Self::TiltsLeft,
            other => other,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = Misnamed;

    fn from_str(text: &str) -> Result<Self, Misnamed> {
        let found = Self::ALL.iter().find(|class| class.name() == text);
        let names = || Self::ALL.iter().map(|class| class.name().to_owned());
        found.copied().ok_or_else(|| Misnamed::new("class", text, names()))
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::place::parsed(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        for class in Class::ALL {
            assert_eq!(class.name().parse::<Class>().unwrap(), *class);
            assert_eq!(class.mirrored().mirrored(), *class);
            assert_eq!(class.mirrored().sort(), class.sort());
            let name = class.name();
            let sided = ["_left", "_right"].iter().any(|side| name.ends_with(side));
            assert_eq!(sided, class.mirrored() != *class, "{name}");
        }
        let error = "sharply_bend".parse::<Class>().unwrap_err().to_string();
        assert!(error.contains("sharply_bent"), "{error}");
    }
}
