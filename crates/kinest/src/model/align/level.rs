//! The levels of texts and motions, and the numbers that a motion has at each.

use serde::{Deserialize, Serialize};

/// How closely a text or a motion is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The whole body: a sentence about it; all that moves.
    Body,
    /// Its six groups: a text and a motion for each.
    Groups,
    /// Their fifteen pairs: a text for those that matter, and a motion for each.
    Pairs,
}

/// Numbers of the whole body in a frame that are of no group.
const ROOT: usize = 4;
/// Numbers of a group in a frame.
const GROUP: usize = 30;
/// Numbers of a pair in a frame.
const PAIR: usize = 12;

/// Numbers of a frame, see [`FrameWriter`](crate::align::FrameWriter).
pub const FRAME: usize = ROOT + 6 * GROUP + 15 * PAIR;

/// Numbers of a frame without the pairs, which follow from them.
pub const SEEN: usize = ROOT + 6 * GROUP;

/// Parts of all levels together.
pub const PARTS: usize = 1 + 6 + 15;

impl Level {
    /// Every level, coarse to fine.
    pub const ALL: [Self; 3] = [Self::Body, Self::Groups, Self::Pairs];

    /// The word for it in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "global",
            Self::Groups => "groups",
            Self::Pairs => "interactions",
        }
    }

    /// Index in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Number of its parts.
    #[must_use]
    pub const fn parts(self) -> usize {
        match self {
            Self::Body => 1,
            Self::Groups => 6,
            Self::Pairs => 15,
        }
    }

    /// Number of the parts of coarser levels.
    #[must_use]
    pub const fn first_part(self) -> usize {
        match self {
            Self::Body => 0,
            Self::Groups => 1,
            Self::Pairs => 1 + 6,
        }
    }

    /// Numbers of a part in a frame. The whole body sees those of its groups.
    #[must_use]
    pub const fn numbers(self) -> usize {
        match self {
            Self::Body => SEEN,
            Self::Groups => GROUP,
            Self::Pairs => PAIR,
        }
    }

    /// Where its numbers start in a frame.
    #[must_use]
    pub const fn start(self) -> usize {
        match self {
            Self::Body => 0,
            Self::Groups => ROOT,
            Self::Pairs => SEEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_share_out_the_numbers_of_a_frame() {
        let end = |level: Level| level.start() + level.parts() * level.numbers();
        assert_eq!(Level::ALL.map(end), [SEEN, SEEN, FRAME]);
        assert_eq!(Level::ALL.map(Level::first_part), [0, 1, 7]);
        assert_eq!(Level::ALL.map(Level::parts).iter().sum::<usize>(), PARTS);
    }
}
