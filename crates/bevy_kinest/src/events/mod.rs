//! Kinematic groups, codes and gestures of bodies.

mod detect;
mod event;
mod files;
mod groups;
mod state;

pub(crate) use detect::detect;
pub use event::{GroupReflect, MotionEvent, MotionEvents, PhaseReflect};
pub use files::{CodeFile, EventsAssetError, GestureFile};
pub use groups::{GroupInteraction, Interactions, KinematicGroups};
pub use state::{GestureNow, MotionState};

pub(crate) const EVENTS_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/events_ms");

use crate::files::FileLoader;
use crate::frame::KinestSystems;
use bevy::diagnostic::{Diagnostic, DiagnosticPath, RegisterDiagnostic};
use bevy::prelude::*;
use groups::{measure_groups, measure_interactions};

/// Emits [`MotionEvent`]s of bodies with [`MotionEvents`], and measures the six groups of bodies
/// with [`KinematicGroups`] and [`Interactions`].
pub struct KinestEventsPlugin;

impl Plugin for KinestEventsPlugin {
    fn build(&self, app: &mut App) {
        app.register_diagnostic(Diagnostic::new(EVENTS_MS).with_suffix(" ms"))
            .register_type::<GroupInteraction>()
            .register_type::<Interactions>()
            .register_type::<KinematicGroups>()
            .register_type::<MotionEvent>()
            .register_type::<MotionEvents>()
            .register_type::<MotionState>()
            .add_message::<MotionEvent>()
            .init_asset::<CodeFile>()
            .init_asset::<GestureFile>()
            .init_asset_loader::<FileLoader<CodeFile>>()
            .init_asset_loader::<FileLoader<GestureFile>>()
            .add_systems(
                PostUpdate,
                (measure_groups, measure_interactions, detect)
                    .chain()
                    .after(KinestSystems::Refine)
                    .before(KinestSystems::Writeback),
            );
    }
}
