//! What a text asks a body to do.

use crate::describe::{Act, ActKind, Direction, Pace, Side, Wording};
use kinest::skeleton::Group;
use serde::Serialize;

/// Something that a body should do; what is `None` may be as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Wish {
    /// What.
    pub kind: ActKind,
    /// With which side.
    pub side: Option<Side>,
    /// Where to.
    pub direction: Option<Direction>,
    /// How fast.
    pub pace: Option<Pace>,
}

impl Wish {
    /// Whether an act is what is asked for, whatever its pace.
    #[must_use]
    pub fn is_met_by(&self, act: &Act) -> bool {
        let kind = self.kind == act.kind || also(self.kind, act.kind);
        let side = match (self.side, act.side) {
            (None, _) => true,
            (Some(wanted), Some(side)) => wanted == side || side == Side::Both,
            (Some(_), None) => act.kind != self.kind,
        };
        let direction = self.direction.is_none_or(|wanted| act.direction == Some(wanted));
        kind && side && direction
    }

    /// The groups that do it, if the rest of the body may do something else: arms or head.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<Group>> {
        use ActKind as A;
        match self.kind {
            kind if can_be_of_one_arm(kind) => Some(match self.side {
                Some(Side::Left) => vec![Group::LeftArm],
                Some(Side::Right) | None => vec![Group::RightArm],
                Some(Side::Both) => vec![Group::LeftArm, Group::RightArm],
            }),
            A::TPose | A::ArmsCrossed | A::Clap | A::HandsTogether | A::Push => {
                Some(vec![Group::LeftArm, Group::RightArm])
            }
            A::Nod | A::ShakeHead | A::Look | A::LookAround => Some(vec![Group::Neck]),
            _ => None,
        }
    }

    /// Whether it can go on for as long as one likes.
    #[must_use]
    pub fn lasts(&self) -> bool {
        use ActKind as A;
        matches!(
            self.kind,
            A::Stand
                | A::Walk
                | A::WalkInCircle
                | A::WalkCrouched
                | A::Shuffle
                | A::Run
                | A::Sit
                | A::Crouch
                | A::Kneel
                | A::Lie
                | A::Crawl
                | A::March
                | A::JumpingJack
                | A::Hang
        )
    }

    /// The posture in which it leaves a body that does not stand.
    #[must_use]
    pub fn leaves(&self) -> Option<ActKind> {
        use ActKind as A;
        match self.kind {
            A::SitDown | A::Sit => Some(A::Sit),
            A::Crouch => Some(A::Crouch),
            A::Kneel => Some(A::Kneel),
            A::Lie => Some(A::Lie),
            _ => None,
        }
    }

    /// Whether both can be done at the same time.
    #[must_use]
    pub fn goes_with(&self, other: &Self) -> bool {
        use ActKind as A;
        match (self.groups(), other.groups()) {
            (Some(one), Some(other)) => !one.iter().any(|group| other.contains(group)),
            (None, None) => {
                let travels = |kind| matches!(kind, A::Walk | A::Run | A::WalkCrouched);
                let turns = |kind| matches!(kind, A::Turn | A::TurnAround | A::WalkInCircle);
                travels(self.kind) && turns(other.kind) || turns(self.kind) && travels(other.kind)
            }
            _ => true,
        }
    }

    /// What comes near it where nothing shows it.
    #[must_use]
    pub fn weaker(&self) -> Option<Self> {
        use ActKind as A;
        let kind = match self.kind {
            A::SitDown => A::Sit,
            A::Spin => A::TurnAround,
            A::TurnAround | A::WalkInCircle => A::Turn,
            A::Hop | A::JumpingJack => A::Jump,
            A::LiftLeg => A::LiftKnee,
            A::WalkCrouched => A::Crouch,
            A::ReachDown | A::Bow => A::BendOver,
            A::Step => A::Walk,
            A::Kneel => A::Crouch,
            A::March => A::LiftKnee,
            other => return self.direction.map(|_| Self { kind: other, direction: None, ..*self }),
        };
        Some(Self { kind, ..*self })
    }

    /// The same of the mirrored body.
    #[must_use]
    pub fn mirrored(self) -> Self {
        let side = self.side.map(Side::mirrored);
        Self { side, direction: self.direction.map(Direction::mirrored), ..self }
    }

    /// It in words: "waves with the right hand".
    #[must_use]
    pub fn text(&self, wording: &Wording) -> String {
        let act = Act {
            kind: self.kind,
            side: self.side,
            direction: self.direction,
            pace: self.pace.unwrap_or(Pace::Ordinary),
            count: 1,
            start_s: 0.0,
            end_s: 0.0,
        };
        wording.act(&act, 0)
    }
}

/// Whether one arm can do it, or both.
pub(super) fn can_be_of_one_arm(kind: ActKind) -> bool {
    use ActKind as A;
    matches!(
        kind,
        A::Wave
            | A::RaiseHand
            | A::ArmOut
            | A::ReachOut
            | A::Punch
            | A::SwingArm
            | A::ShakeHand
            | A::MoveHandAside
            | A::TouchHead
            | A::HandsOnHips
    )
}

/// Whether who is told to do `wanted` and does `done` has done it.
fn also(wanted: ActKind, done: ActKind) -> bool {
    use ActKind as A;
    match wanted {
        A::Turn => matches!(done, A::TurnAround | A::Spin | A::WalkInCircle),
        A::TurnAround => done == A::Spin,
        A::Sit => done == A::SitDown,
        A::Step => matches!(done, A::Walk | A::Run),
        A::Walk => matches!(done, A::WalkCrouched),
        A::Jump => matches!(done, A::Hop | A::JumpingJack),
        A::HandsTogether => done == A::Clap,
        A::Stand => done == A::Shuffle,
        A::LiftKnee => matches!(done, A::March),
        A::BendOver => matches!(done, A::ReachDown),
        A::ArmOut => matches!(done, A::TPose),
        A::Look => done == A::LookAround,
        _ => false,
    }
}
