//! Turns panics of a back end into errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f` and returns the message of a panic as an error.
///
/// After a panic, do not use the state that `f` was changing.
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
