//! What a body can do, as far as words go.

use serde::{Deserialize, Serialize};

/// The side that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The left arm or leg.
    Left,
    /// The right arm or leg.
    Right,
    /// Both.
    Both,
}

impl Side {
    /// The same of the mirrored body.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Both => Self::Both,
        }
    }
}

/// Where something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Where the body faces.
    Forward,
    /// The other way.
    Backward,
    /// To the body's left.
    Left,
    /// To the body's right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl Direction {
    /// The same of the mirrored body.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            other => other,
        }
    }
}

/// How fast something is, as things of its kind go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Slowly.
    Slow,
    /// As usual; not mentioned.
    Ordinary,
    /// Fast.
    Fast,
}

macro_rules! acts {
    ($($variant:ident, $name:literal, $weight:literal, $doc:literal;)*) => {
        /// A kind of [`Act`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ActKind { $(#[doc = $doc] $variant),* }

        impl ActKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in tables of words: `turn_around`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// How much it stands out, 0 to 1: a kick more than a glance.
            #[must_use]
            pub const fn weight(self) -> f64 {
                match self { $(Self::$variant => $weight),* }
            }
        }
    };
}

acts! {
    Stand, "stand", 0.3, "Stands still.";
    Walk, "walk", 0.8, "Walks, in a direction.";
    WalkInCircle, "walk_in_circle", 0.9, "Walks along a curve, all around.";
    Shuffle, "shuffle", 0.35, "Moves a little: small steps, shifting weight.";
    WalkCrouched, "walk_crouched", 0.8, "Walks on bent knees.";
    Run, "run", 1.0, "Runs.";
    Step, "step", 0.45, "Takes a step, in a direction.";
    Stop, "stop", 0.5, "Walks or runs no further.";
    Turn, "turn", 0.7, "Turns, to a side.";
    TurnAround, "turn_around", 0.8, "Turns to face the other way.";
    Spin, "spin", 0.9, "Turns a whole time around, or more.";
    Jump, "jump", 1.0, "Leaves the floor with both feet.";
    Hop, "hop", 1.0, "Leaves the floor from one foot and lands on it.";
    JumpingJack, "jumping_jack", 1.0, "Jumps again and again, each time with both arms up.";
    Tumble, "tumble", 1.0, "Goes over on the hands, the feet up: a cartwheel, a roll, a handstand.";
    Hang, "hang", 1.0, "Hangs by the hands.";
    Sit, "sit", 0.9, "Sits.";
    SitDown, "sit_down", 0.9, "Sits down.";
    Crouch, "crouch", 0.8, "Is down on bent knees.";
    StandUp, "stand_up", 0.7, "Gets up from a seat, a crouch, or the floor.";
    Kneel, "kneel", 0.9, "Kneels.";
    Lie, "lie", 1.0, "Lies.";
    Crawl, "crawl", 1.0, "Moves on hands and knees or feet.";
    Climb, "climb", 0.8, "Gets up on something.";
    BendOver, "bend_over", 0.7, "The trunk is bent far forward.";
    ReachDown, "reach_down", 0.8, "A hand reaches to the floor.";
    Bow, "bow", 0.7, "Bends forward and comes up again.";
    LeanBack, "lean_back", 0.6, "The trunk leans back.";
    LeanAside, "lean_aside", 0.5, "The trunk leans to a side.";
    Twist, "twist", 0.5, "The trunk twists to and fro.";
    Sway, "sway", 0.5, "The trunk sways.";
    Bounce, "bounce", 0.5, "Goes up and down on the spot.";
    Wave, "wave", 1.0, "A raised hand goes to and fro.";
    RaiseHand, "raise_hand", 0.7, "A hand is at or above the height of the head.";
    ArmOut, "arm_out", 0.55, "An arm is stretched out to its side.";
    TPose, "t_pose", 0.9, "Both arms are stretched out to the sides, level.";
    ReachOut, "reach_out", 0.5, "An arm is stretched out to the front.";
    Punch, "punch", 1.0, "A hand shoots forward.";
    Push, "push", 0.8, "Both hands go forward together.";
    SwingArm, "swing_arm", 0.45, "An arm swings back and forth on the spot.";
    ShakeHand, "shake_hand", 0.5, "A hand goes up and down again and again.";
    MoveHandAside, "move_hand_aside", 0.45, "A hand goes from side to side, not raised.";
    TouchHead, "touch_head", 0.6, "A hand is at the head.";
    HandsOnHips, "hands_on_hips", 0.7, "A hand rests on its hip.";
    ArmsCrossed, "arms_crossed", 0.8, "The arms are folded.";
    Clap, "clap", 1.0, "The hands clap.";
    HandsTogether, "hands_together", 0.5, "The hands are together.";
    TouchKnee, "touch_knee", 0.4, "A hand is at its knee.";
    TouchFoot, "touch_foot", 0.6, "A hand is at its foot.";
    Kick, "kick", 1.0, "A foot shoots up to the front.";
    LiftKnee, "lift_knee", 0.6, "A knee is lifted to the height of the hips.";
    LiftLeg, "lift_leg", 0.6, "Stands on one leg.";
    March, "march", 0.8, "Lifts the knees in turn.";
    Lunge, "lunge", 0.6, "One foot is far ahead, the body low.";
    Nod, "nod", 0.6, "Nods.";
    ShakeHead, "shake_head", 0.6, "Shakes the head.";
    Look, "look", 0.3, "The head is turned to a side, up or down.";
    LookAround, "look_around", 0.6, "The head turns to one side, then to the other.";
}

impl ActKind {
    /// Whether it moves the whole body from place to place, so that every description has it.
    pub(super) const fn travels(self) -> bool {
        matches!(self, Self::Walk | Self::WalkInCircle | Self::Run | Self::Crawl)
    }
}

/// Something a body does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Act {
    /// What.
    pub kind: ActKind,
    /// With which side, if that matters.
    pub side: Option<Side>,
    /// Where to, if that matters.
    pub direction: Option<Direction>,
    /// How fast.
    pub pace: Pace,
    /// How many times in a row.
    pub count: usize,
    /// Start, seconds.
    pub start_s: f64,
    /// End, seconds.
    pub end_s: f64,
}

impl Act {
    /// Seconds from start to end.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    /// The same by the mirrored body.
    #[must_use]
    pub fn mirrored(self) -> Self {
        let side = self.side.map(Side::mirrored);
        Self { side, direction: self.direction.map(Direction::mirrored), ..self }
    }

    /// How much it stands out: its kind, and a little how long and how often.
    pub(crate) fn salience(&self) -> f64 {
        let long = (self.duration_s() / 2.0).min(1.0);
        self.kind.weight() * (0.7 + 0.3 * long) * (1.0 + 0.05 * (self.count.min(5) - 1) as f64)
    }
}
