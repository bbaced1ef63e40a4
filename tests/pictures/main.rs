//! What the examples draw: by what must be in the picture, and against reference pictures.
//!
//! Needs a graphics adapter (a software one will do) and says SKIPPED without one, unless
//! `KINEST_REQUIRE_GPU_ADAPTER=1`, which makes that a failure. `KINEST_RENEW_PICTURES=1` writes the
//! reference pictures anew; look at them before they are committed.

mod amass_replay;
mod likeness;
mod scenes;

/// Whether there is nothing to draw with.
fn skips() -> bool {
    if kinest_stage::has_adapter() {
        return false;
    }
    let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
    assert!(!required, "no graphics adapter, and KINEST_REQUIRE_GPU_ADAPTER forbids to skip");
    eprintln!("SKIPPED: no graphics adapter (Debian: mesa-vulkan-drivers libvulkan1)");
    true
}
