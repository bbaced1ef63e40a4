//! Dropouts: trackers that are lost for a while and found again.

use super::fade::PlaceFade;
use super::place::Place;
use crate::tracker::Teleport;
use serde::{Deserialize, Serialize};

/// How dropouts are bridged.
///
/// Measured with the defaults, the shipped model and all corrections in a game on the first 7 s of six CMU
/// clips: three players lose a hand about once a second and the head once in four, for half a second on
/// average. Against a player who does the same without dropouts, a joint moves further in a frame of
/// 1/60 s by at most
///
/// | trunk, head | wrists | elbows | knees | feet |
/// |---|---|---|---|---|
/// | 5 cm | 8 cm | 12 cm | 9 cm | 19 cm |
///
/// and by more than 10 cm in 7 of 3,876 frames: feet that the network moves elsewhere when it does not see
/// a hand. 5 cm are [`return_speed`](Self::return_speed).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropoutSettings {
    /// Seconds a lost hand is held where it was last seen.
    pub hold: f64,
    /// Seconds a body whose head is lost stays as it is, hands and all.
    pub freeze: f64,
    /// Seconds after either in which the hand becomes the network's, or the body takes its rest pose.
    pub relax: f64,
    /// The most by which the way back to a tracker that was found moves what is shown, m/s.
    pub return_speed: f64,
}

impl Default for DropoutSettings {
    /// Most dropouts are shorter than a quarter of a second (a hand behind the other); nobody notices those.
    /// 3 m/s is a quick reach.
    fn default() -> Self {
        Self { hold: 0.25, freeze: 1.0, relax: 0.75, return_speed: 3.0 }
    }
}

/// What a tracker's joint follows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lead {
    /// The tracker.
    Tracker,
    /// Nothing: it stays here.
    Held(Place),
    /// The estimate.
    Estimate,
}

/// Where the joint of one tracker is shown while that tracker comes and goes.
///
/// A lost tracker is held and then left to an estimate. Whenever the lead changes, what is shown goes over
/// without a jump.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bridge(Option<Bridged>);

#[derive(Clone, Copy, Debug)]
struct Bridged {
    lead: Lead,
    shown: Place,
    fade: PlaceFade,
    /// Seconds the tracker has been lost.
    lost: f64,
}

impl Bridge {
    /// Where the joint is shown `dt` seconds after the last call. `tracker` is `None` while it is lost;
    /// `may_relax` says whether the joint may be left to `estimate` then.
    pub fn step(
        &mut self,
        settings: &DropoutSettings,
        tracker: Option<Place>,
        estimate: Place,
        may_relax: bool,
        dt: f64,
    ) -> Place {
        let Some(bridged) = &mut self.0 else {
            let (lead, shown) =
                tracker.map_or((Lead::Estimate, estimate), |place| (Lead::Tracker, place));
            self.0 = Some(Bridged { lead, shown, fade: PlaceFade::default(), lost: 0.0 });
            return shown;
        };
        bridged.lost = if tracker.is_some() { 0.0 } else { bridged.lost + dt };
        let lead = match tracker {
            Some(_) => Lead::Tracker,
            None if may_relax && bridged.lost > settings.hold => Lead::Estimate,
            None if bridged.lead == Lead::Tracker => Lead::Held(bridged.shown),
            None => bridged.lead,
        };
        let meant = match lead {
            Lead::Tracker => tracker.unwrap_or(bridged.shown),
            Lead::Held(place) => place,
            Lead::Estimate => estimate,
        };
        if lead != bridged.lead {
            // It relaxes at leisure, and comes back as fast as it may.
            let at_least = if lead == Lead::Estimate { settings.relax } else { 0.0 };
            bridged.fade = PlaceFade::new(bridged.shown, meant, settings.return_speed, at_least);
            bridged.lead = lead;
        }
        bridged.fade.step(dt);
        bridged.shown = bridged.fade.apply(meant);
        bridged.shown
    }

    /// Seconds the tracker has been lost; `None` before the first step.
    pub fn lost(&self) -> Option<f64> {
        self.0.map(|bridged| bridged.lost)
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        if let Some(bridged) = &mut self.0 {
            bridged.shown.teleport(by);
            bridged.fade.rotate(by.rotation());
            if let Lead::Held(place) = &mut bridged.lead {
                place.teleport(by);
            }
        }
    }
}
