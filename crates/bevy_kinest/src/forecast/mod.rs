//! Forecasts of bodies: ahead of their estimates, through dropouts, and as ghosts.

mod ghost;
mod settings;

pub use ghost::{ForecastGhost, ForecastGhosts};
pub(crate) use settings::FORECAST_MS;
pub use settings::{AheadReflect, ExtrapolationReflect, Forecast, ForecastStatus};

use crate::frame::KinestSystems;
use crate::player::refine_bodies;
use bevy::diagnostic::{Diagnostic, RegisterDiagnostic};
use bevy::prelude::*;
use ghost::show_ghosts;
use settings::{apply_settings, report};

/// Forecasts the bodies of avatars that have a [`Forecast`], and shows [`ForecastGhost`]s.
pub struct KinestForecastPlugin;

impl Plugin for KinestForecastPlugin {
    fn build(&self, app: &mut App) {
        app.register_diagnostic(Diagnostic::new(FORECAST_MS).with_suffix(" ms"))
            .register_type::<Forecast>()
            .register_type::<ForecastStatus>()
            .register_type::<ForecastGhost>()
            .register_type::<ForecastGhosts>()
            .add_systems(
                PostUpdate,
                (
                    apply_settings.after(KinestSystems::Infer).before(KinestSystems::Apply),
                    (show_ghosts, report)
                        .chain()
                        .after(refine_bodies)
                        .in_set(KinestSystems::Refine),
                ),
            );
    }
}
