//! Weights of the reference: a pickle in an archive. It is read from a file, which needs the feature `train`.
#![no_main]
#[path = "../src/file.rs"]
mod file;

use kinest_nn::import::{ImportOptions, import_pth};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = import_pth(file::with(data), ImportOptions::default());
});
