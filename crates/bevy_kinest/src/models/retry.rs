//! Model files that cannot be loaded are tried again.

use crate::frame::{Clock, pause_after};
use bevy::asset::{AssetEvent, AssetLoadFailedEvent, AssetPath};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;

/// A file that could not be loaded.
pub(super) struct Retry {
    path: AssetPath<'static>,
    /// Tries that failed in a row.
    failures: u32,
    /// Time until the next try, seconds; `None` while it is under way.
    waits: Option<f64>,
}

/// Loads model files again that could not be loaded, after growing pauses, for as long as somebody has their handles.
///
/// A model is two files, and one may be missing or half written when the other is seen. The asset server watches
/// weights only once it has read them, so it would not notice when they are whole.
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
        // The asset server may tell of a failed reload twice.
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
