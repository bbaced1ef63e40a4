//! Pictures drawn by the examples: their content, and comparison with reference pictures.
//!
//! Needs a graphics adapter; a software adapter is enough. Without one the tests print SKIPPED and
//! pass, unless `KINEST_REQUIRE_GPU_ADAPTER=1` is set, which makes them fail.
//! `KINEST_RENEW_PICTURES=1` overwrites the reference pictures; look at them before you commit
//! them.

mod amass_replay;
mod likeness;
mod scenes;

/// Whether there is no graphics adapter.
fn skips() -> bool {
    if kinest_stage::has_adapter() {
        return false;
    }
    let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
    assert!(!required, "no graphics adapter, and KINEST_REQUIRE_GPU_ADAPTER forbids to skip");
    eprintln!("SKIPPED: no graphics adapter (Debian: mesa-vulkan-drivers libvulkan1)");
    true
}
