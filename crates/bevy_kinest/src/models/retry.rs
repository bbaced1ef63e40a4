//! Retries model files that could not be loaded.

use crate::frame::{Clock, pause_after};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent, AssetPath};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;

/// A file that could not be loaded.
pub(super) struct Retry {
    path: AssetPath<'static>,
    /// Number of consecutive failures.
    failures: u32,
    /// Time until the next attempt, seconds; `None` while it is in progress.
    waits: Option<f64>,
}

/// Retries model files that could not be loaded, with exponential back-off, while their handles are
/// in use.
///
/// A model is two files, and one may be missing or half-written when the other is read. The asset
/// server watches weights only after it has read them, so it would not notice their completion.
pub(super) fn retry<A: Asset>(
    clock: Clock,
    server: Res<AssetServer>,
    mut events: MessageReader<AssetEvent<A>>,
    mut failures: MessageReader<AssetLoadFailedEvent<A>>,
    mut retries: Local<HashMap<AssetId<A>, Retry>>,
) {
    for event in events.read() {
        if let AssetEvent::Added { id } | AssetEvent::Modified { id } | AssetEvent::Removed { id } =
            event
        {
            retries.remove(id);
        }
    }
    for AssetLoadFailedEvent { id, path, .. } in failures.read() {
        let new = || Retry { path: path.clone(), failures: 0, waits: None };
        let retry = retries.entry(*id).or_insert_with(new);
        // The asset server may report a failed reload twice.
        retry.failures += u32::from(retry.waits.is_none());
        retry.waits = Some(pause_after(retry.failures));
    }
    retries.retain(|id, retry| {
        let Some(waits) = &mut retry.waits else { return true };
        *waits -= clock.delta();
        if *waits > 0.0 {
            return true;
        }
        retry.waits = None;
        let is_wanted = server.get_load_state(*id).is_some();
        if is_wanted {
            server.reload(retry.path.clone());
        }
        is_wanted
    });
}
