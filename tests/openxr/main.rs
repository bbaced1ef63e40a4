//! Trackers that OpenXR moves: without a runtime, and, when `tools/vr-smoke` runs the ignored tests, with
//! Monado and nobody in front of it.

#[path = "../headless_app/common.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod common;
mod drive;
mod monado;
mod player;
mod remote;
