//! Plausibility figures of an estimate, after each step of refining.

use kinest::metrics::{ContactCounts, Sunk};
use serde::Serialize;

/// Amount of refining applied to an estimate; each step includes those before it. Corrections
/// always run in the order of the plugin: smoothing, head and hands, feet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The network's pose under the true head position.
    Network,
    /// The head's rotation exact as well.
    Head,
    /// Both hands exactly at their trackers, and all that is worn on the body.
    Hands,
    /// Joints smoothed in time, before that.
    Smoothing,
    /// Bodies that hang in the air without falling are put on the floor.
    Ground,
    /// Feet on the floor at height 0, and locked while they carry weight.
    Feet,
    /// The true motion, for comparison.
    Truth,
}

impl Step {
    /// All steps, in table order.
    pub const ALL: [Self; 7] = [
        Self::Network,
        Self::Head,
        Self::Hands,
        Self::Smoothing,
        Self::Ground,
        Self::Feet,
        Self::Truth,
    ];

    /// Name in reports.
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

/// Plausibility figures of a clip, SI units.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    pub(super) slide: Option<f64>,
    pub(super) sunk: Sunk,
    pub(super) knee_flips: usize,
    pub(super) hand_lag: Option<f64>,
    pub(super) leg_lag: Option<f64>,
    pub(super) contacts: Option<ContactCounts>,
}

/// Plausibility figures of one or all clips, with units in the keys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LooksReport {
    /// Mean horizontal speed of feet that truly stand.
    pub slide_cm_s: Option<f64>,
    /// Mean depth of the lower foot below the floor.
    pub below_floor_cm: f64,
    /// Maximum depth over all frames.
    pub deepest_cm: f64,
    /// Number of times a knee bends backwards or its direction jumps; a sum.
    pub knee_flips: usize,
    /// Lag of the hands behind the network's.
    pub hand_lag_ms: Option<f64>,
    /// Lag of knees and feet behind the network's.
    pub leg_lag_ms: Option<f64>,
    /// Fraction of locked feet that truly stand, over all frames.
    pub contact_precision: Option<f64>,
    /// Fraction of truly standing feet that are locked, over all frames.
    pub contact_recall: Option<f64>,
}

impl LooksReport {
    /// Averages clips, unweighted except where [`LooksReport`] says otherwise. `None` without
    /// clips.
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
