//! Trackers moved by OpenXR: without a runtime and, in the ignored tests that `tools/vr-smoke`
//! runs, with Monado and simulated devices.

#[path = "../headless_app/common.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod common;
mod drive;
mod monado;
mod player;
mod remote;
