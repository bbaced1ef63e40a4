//! Keeping a panic of a back end from taking the program with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, and turns a panic into its text.
///
/// What `f` was working on must not be used again after a panic.
///
/// # Errors
/// If `f` panics.
pub fn guarded<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without text".to_owned())
    })
}
