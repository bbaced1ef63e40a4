//! Bridges dropouts: times during which a tracker is not tracked.

use super::fade::PlaceFade;
use super::place::Place;
use crate::tracker::Teleport;
use serde::{Deserialize, Serialize};

/// How dropouts are bridged.
///
/// Measured with the defaults, the shipped model and all corrections in a game on the first 7 s of
/// six CMU clips: three players lose tracking of a hand about once per second and of the head a
/// quarter as often, for half a second on average. Greatest excess over the same motion without
/// dropouts, in one frame of 1/60 s:
///
/// | trunk, head | wrists | elbows | knees | feet |
/// |---|---|---|---|---|
/// | 5 cm | 8 cm | 12 cm | 9 cm | 19 cm |
///
/// The excess is above 10 cm in 7 of 3,876 frames: the network moves feet when a hand is missing
/// from its input. [`return_speed`](Self::return_speed) contributes 5 cm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropoutSettings {
    /// Time for which a hand is held at its last tracked place, seconds.
    pub hold: f64,
    /// Time for which a body without a head stays frozen, hands included, seconds.
    pub freeze: f64,
    /// Duration of the following blend of the hand into the network's estimate, or of the body into
    /// its rest pose, seconds.
    pub relax: f64,
    /// Greatest speed that the return to a tracker adds to the body's own, m/s.
    pub return_speed: f64,
}

impl Default for DropoutSettings {
    /// Most dropouts are shorter than a quarter of a second (one hand behind the other) and go
    /// unnoticed. 3 m/s is the speed of a quick reach.
    fn default() -> Self {
        Self { hold: 0.25, freeze: 1.0, relax: 0.75, return_speed: 3.0 }
    }
}

/// The target of a tracker's joint.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lead {
    /// The tracker.
    Tracker,
    /// A forecast of the motion before the dropout.
    Forecast,
    /// A fixed place.
    Held(Place),
    /// The estimate.
    Estimate,
}

/// The shown place of a tracker's joint, through dropouts.
///
/// During a dropout it is held, or follows a forecast for a while, and then follows the estimate.
/// Changes of the lead are blended without a jump.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bridge(Option<Bridged>);

#[derive(Clone, Copy, Debug)]
struct Bridged {
    lead: Lead,
    shown: Place,
    fade: PlaceFade,
    /// Duration of the dropout, seconds.
    lost: f64,
}

impl Bridge {
    /// The place of the joint `dt` seconds after the last call. During a dropout `tracker` is
    /// `None`, and the joint follows `forecast` while there is one; the forecast must start at the
    /// last shown place. Afterwards the joint may follow `estimate` if `may_relax` is true.
    pub fn step(
        &mut self,
        settings: &DropoutSettings,
        tracker: Option<Place>,
        forecast: Option<Place>,
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
            None if forecast.is_some() => Lead::Forecast,
            None if may_relax && bridged.lost > settings.hold => Lead::Estimate,
            None if matches!(bridged.lead, Lead::Tracker | Lead::Forecast) => {
                Lead::Held(bridged.shown)
            }
            None => bridged.lead,
        };
        let meant = match lead {
            Lead::Tracker => tracker.unwrap_or(bridged.shown),
            Lead::Forecast => forecast.unwrap_or(bridged.shown),
            Lead::Held(place) => place,
            Lead::Estimate => estimate,
        };
        if lead != bridged.lead {
            // The joint relaxes slowly and returns at the maximum speed.
            let at_least = if lead == Lead::Estimate { settings.relax } else { 0.0 };
            bridged.fade = match lead {
                Lead::Forecast => PlaceFade::default(),
                _ => PlaceFade::new(bridged.shown, meant, settings.return_speed, at_least),
            };
            bridged.lead = lead;
        }
        bridged.fade.step(dt);
        bridged.shown = bridged.fade.apply(meant);
        bridged.shown
    }

    /// Duration of the dropout, seconds; `None` before the first step.
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

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DQuat, DVec3};

    const DT: f64 = 1.0 / 60.0;

    fn at(x: f64) -> Place {
        Place { position: DVec3::X * x, rotation: DQuat::IDENTITY }
    }

    /// A joint that moves at 0.3 m/s is lost, follows the forecast, is held, follows the estimate
    /// and returns.
    #[test]
    fn a_lost_joint_follows_its_forecast_and_then_what_it_does_without_one() {
        let settings = DropoutSettings::default();
        let mut bridge = Bridge::default();
        let mut before: Option<f64> = None;
        for i in 0..240 {
            let now = 0.3 * f64::from(i) * DT;
            let seen = (!(60..160).contains(&i)).then_some(at(now));
            let forecast = (60..70).contains(&i).then_some(at(now));
            let shown = bridge.step(&settings, seen, forecast, at(0.2), true, DT).position.x;
            match i {
                0..70 => assert_eq!(shown, now, "frame {i}"),
                // The hold is 15 frames, from the start of the dropout.
                70..74 => assert_eq!(shown, 0.3 * 69.0 * DT, "frame {i}"),
                130..160 => assert!((shown - 0.2).abs() < 1e-9, "frame {i}: {shown}"),
                220.. => assert_eq!(shown, now, "frame {i}"),
                _ => {}
            }
            if let Some(before) = before {
                let most = (0.3 + settings.return_speed) * DT + 1e-9;
                assert!((shown - before).abs() < most, "frame {i}: {before} to {shown}");
            }
            before = Some(shown);
        }
    }
}
