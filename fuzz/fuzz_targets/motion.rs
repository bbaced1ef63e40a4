//! Motion as `prepare` writes it. It is read from a file, which needs the feature `train`.
#![no_main]
#[path = "../src/file.rs"]
mod file;

use kinest_train::data::motion_store::MotionStore;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(store) = MotionStore::open(&file::with(data)) {
        (0..store.clips().len()).for_each(|clip| drop(store.clip(clip)));
    }
});
