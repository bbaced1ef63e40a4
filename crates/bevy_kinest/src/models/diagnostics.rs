//! Measurements of models, for Bevy's diagnostics.

use super::status::ModelStatus;
use bevy::diagnostic::{Diagnostic, DiagnosticPath, Diagnostics, RegisterDiagnostic};
use bevy::prelude::*;

pub(crate) const INFERENCE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference");
pub(crate) const INFERENCE_P50_MS: DiagnosticPath =
    DiagnosticPath::const_new("kinest/inference_p50");
pub(crate) const INFERENCE_P95_MS: DiagnosticPath =
    DiagnosticPath::const_new("kinest/inference_p95");
pub(crate) const INFERENCE_P99_MS: DiagnosticPath =
    DiagnosticPath::const_new("kinest/inference_p99");
pub(crate) const QUEUE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/queue");
pub(crate) const DROPPED: DiagnosticPath = DiagnosticPath::const_new("kinest/dropped");
pub(crate) const STALE: DiagnosticPath = DiagnosticPath::const_new("kinest/stale");

const ALL: [(DiagnosticPath, &str); 7] = [
    (INFERENCE_MS, " ms"),
    (INFERENCE_P50_MS, " ms"),
    (INFERENCE_P95_MS, " ms"),
    (INFERENCE_P99_MS, " ms"),
    (QUEUE_MS, " ms"),
    (DROPPED, ""),
    (STALE, ""),
];

pub(super) fn register(app: &mut App) {
    for (path, suffix) in ALL {
        app.register_diagnostic(Diagnostic::new(path).with_suffix(suffix));
    }
}

/// Adds the newest measurements of a model.
pub(crate) fn measure(diagnostics: &mut Diagnostics, status: &ModelStatus) {
    let latency = status.latency;
    for (path, value) in [
        (INFERENCE_MS, latency.map(|l| l.last_ms)),
        (INFERENCE_P50_MS, latency.map(|l| l.p50_ms)),
        (INFERENCE_P95_MS, latency.map(|l| l.p95_ms)),
        (INFERENCE_P99_MS, latency.map(|l| l.p99_ms)),
        (QUEUE_MS, latency.map(|l| l.queue_ms)),
        (DROPPED, Some(status.dropped as f64)),
        (STALE, Some(status.stale as f64)),
    ] {
        if let Some(value) = value {
            diagnostics.add_measurement(&path, || value);
        }
    }
}
