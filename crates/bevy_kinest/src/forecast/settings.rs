//! Settings and cost of an avatar's forecasts.

use crate::models::{ForecastModel, Forecasters, Forecasting};
use crate::player::AvatarPlayer;
use bevy::diagnostic::{DiagnosticPath, Diagnostics};
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::forecast::Extrapolation;
use kinest::live::{Ahead, ForecastSettings};
use std::time::Duration;

pub(crate) const FORECAST_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/forecast_ms");

/// Forecasts an avatar's body: [`ForecastSettings`] as a component. Lives on the avatar's entity;
/// may be changed, inserted and removed at any time. Without it the avatar has no forecasts.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use bevy_kinest::{Ahead, Forecast, ForecastGhost};
/// # use std::time::Duration;
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// let avatar = commands
///     .spawn((
///         KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
///         // Shown as it is now, not as it was when its estimate began.
///         Forecast { ahead: Ahead::Age, ..default() },
///     ))
///     .id();
/// // The same body as it will be in 0.2 s, to be drawn or aimed at.
/// commands.spawn((
///     ForecastGhost { avatar, ahead: Duration::from_millis(200) },
///     SmplSkeleton::default(),
/// ));
/// # }
/// ```
#[derive(Component, Clone, Debug, PartialEq, Reflect)]
#[reflect(Component, Default, Clone, PartialEq)]
#[require(ForecastStatus)]
pub struct Forecast {
    /// Lead of the shown body over its estimate. Head and hands stay at their trackers, feet on the
    /// floor.
    #[reflect(remote = AheadReflect)]
    pub ahead: Ahead,
    /// Time for which a lost hand follows the forecast. Then it is held, or relaxes into the network's
    /// estimate, as [`KinestSettings::dropout`](crate::KinestSettings::dropout) says.
    pub hands: Duration,
    /// Time for which a body without a head follows the forecast. Then it freezes.
    pub head: Duration,
    /// Time for which legs and trunk follow the forecast when a hand is lost.
    pub body: Duration,
    /// The baseline, for motions without a network or where the network is not more accurate.
    #[reflect(remote = ExtrapolationReflect)]
    pub baseline: Extrapolation,
    /// A network that forecasts bodies; `None` for the baseline alone, which is also used while the
    /// model is being loaded.
    pub model: Option<Handle<ForecastModel>>,
}

impl Default for Forecast {
    fn default() -> Self {
        let ForecastSettings { ahead, hands, head, body } = ForecastSettings::default();
        Self { ahead, hands, head, body, baseline: Extrapolation::default(), model: None }
    }
}

impl From<&Forecast> for ForecastSettings {
    fn from(forecast: &Forecast) -> Self {
        let Forecast { ahead, hands, head, body, .. } = *forecast;
        Self { ahead, hands, head, body }
    }
}

/// State of an avatar's forecasts in this frame.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Reflect)]
#[reflect(Component, Default)]
pub struct ForecastStatus {
    /// Lead of the shown body over its estimate. It follows [`Forecast::ahead`] at a limited rate.
    pub ahead: Duration,
    /// Time that the forecasts took, ghosts included.
    pub cost: Duration,
    /// Whether a network is used.
    pub network: bool,
}

/// Passes settings to the players.
pub(super) fn apply_settings(mut avatars: Query<(Option<&Forecast>, &mut AvatarPlayer)>) {
    for (forecast, mut of_avatar) in &mut avatars {
        let settings = forecast.map(ForecastSettings::from);
        let forecasting = forecast.map(|forecast| Forecasting {
            model: forecast.model.as_ref().map(Handle::id),
            baseline: forecast.baseline,
        });
        let forecasting = forecasting.unwrap_or_default();
        if of_avatar.player.settings.forecast != settings || of_avatar.forecasting != forecasting {
            of_avatar.player.settings.forecast = settings;
            of_avatar.forecasting = forecasting;
        }
    }
}

/// Writes the status of forecasts, and their total cost to the diagnostics.
pub(super) fn report(
    mut forecasters: ResMut<Forecasters>,
    mut avatars: Query<(&AvatarPlayer, &mut ForecastStatus), With<Forecast>>,
    mut diagnostics: Diagnostics,
) {
    let mut cost = None;
    for (of_avatar, mut status) in &mut avatars {
        let Some(state) = of_avatar.player.forecast_state() else { continue };
        *status = ForecastStatus {
            ahead: Duration::try_from_secs_f64(state.ahead).unwrap_or_default(),
            cost: state.cost,
            network: forecasters.get(&of_avatar.forecasting).device().is_some(),
        };
        *cost.get_or_insert(Duration::ZERO) += state.cost;
    }
    if let Some(cost) = cost {
        diagnostics.add_measurement(&FORECAST_MS, || 1e3 * cost.as_secs_f64());
    }
}

/// Reflects [`Ahead`], which does not depend on Bevy.
#[reflect_remote(Ahead)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AheadReflect {
    /// See [`Ahead::By`].
    By(Duration),
    /// See [`Ahead::Age`].
    Age,
}

/// Reflects [`Extrapolation`].
#[reflect_remote(Extrapolation)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExtrapolationReflect {
    /// See [`Extrapolation::Hold`].
    Hold,
    /// See [`Extrapolation::Velocity`].
    Velocity,
    /// See [`Extrapolation::Damped`].
    Damped {
        /// Seconds.
        time_constant: f64,
    },
}
