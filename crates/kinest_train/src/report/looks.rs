//! How believable an estimate is, after each step of refining.

use kinest::metrics::{ContactCounts, Sunk};
use serde::Serialize;

/// How much of the plugin's refining an estimate gets: each step also has those before it. Whatever is
/// switched on runs in the plugin's order: smoothing, head and hands, feet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The network's pose under the true head.
    Network,
    /// The head also turned exactly.
    Head,
    /// Both hands exactly at their trackers.
    Hands,
    /// Joints smoothed in time before that.
    Smoothing,
    /// Bodies that hang in the air without falling stand.
    Ground,
    /// Feet on the floor at height 0, and still while they carry weight.
    Feet,
    /// The true motion, for comparison.
    Truth,
}

impl Step {
    /// Every step, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Network,
        Self::Head,
        Self::Hands,
        Self::Smoothing,
        Self::Ground,
        Self::Feet,
        Self::Truth,
    ];

    /// What it is called in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Head => "+ head",
            Self::Hands => "+ hands",
            Self::Smoothing => "+ smoothing",
            Self::Ground => "+ ground",
            Self::Feet => "+ feet",
            Self::Truth => "truth",
        }
    }
}

/// How believable a clip is, SI units.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    pub(super) slide: Option<f64>,
    pub(super) sunk: Sunk,
    pub(super) knee_flips: usize,
    pub(super) hand_lag: Option<f64>,
    pub(super) leg_lag: Option<f64>,
    pub(super) contacts: Option<ContactCounts>,
}

/// How believable a clip is, or all are; the units are in the keys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LooksReport {
    /// Mean speed along the floor of feet that truly stand.
    pub slide_cm_s: Option<f64>,
    /// Mean depth of the lower foot below the floor.
    pub below_floor_cm: f64,
    /// The deepest of all frames.
    pub deepest_cm: f64,
    /// How often a knee bends the wrong way or points elsewhere at once; a sum.
    pub knee_flips: usize,
    /// How far the hands are behind the network's.
    pub hand_lag_ms: Option<f64>,
    /// How far knees and feet are behind the network's.
    pub leg_lag_ms: Option<f64>,
    /// The part of the held feet that truly stand, over all frames.
    pub contact_precision: Option<f64>,
    /// The part of the feet that truly stand that are held, over all frames.
    pub contact_recall: Option<f64>,
}

impl LooksReport {
    /// Plain means over the clips, except where [`LooksReport`] says otherwise. `None` if there is no clip.
    #[must_use]
    pub fn new<'a>(clips: impl Iterator<Item = &'a Looks> + Clone) -> Option<Self> {
        clips.clone().next()?;
        let mean = |of: fn(&Looks) -> Option<f64>| {
            let values = clips.clone().filter_map(of);
            let (sum, count) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        let contacts = clips.clone().filter_map(|clip| clip.contacts);
        let contacts = contacts.reduce(ContactCounts::plus).unwrap_or_default();
        Some(Self {
            slide_cm_s: mean(|clip| clip.slide).map(|v| v * 100.0),
            below_floor_cm: mean(|clip| Some(clip.sunk.mean))? * 100.0,
            deepest_cm: clips.clone().map(|clip| clip.sunk.most).fold(0.0, f64::max) * 100.0,
            knee_flips: clips.clone().map(|clip| clip.knee_flips).sum(),
            hand_lag_ms: mean(|clip| clip.hand_lag).map(|v| v * 1e3),
            leg_lag_ms: mean(|clip| clip.leg_lag).map(|v| v * 1e3),
            contact_precision: contacts.precision(),
            contact_recall: contacts.recall(),
        })
    }
}
