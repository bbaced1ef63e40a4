//! Pictures of motion, drawn on the CPU.

mod animation;
mod canvas;
mod figure;
mod scene;

pub use animation::gif;
pub use canvas::Canvas;
pub use scene::{Actor, Panel, Scene, every, spread};

use anyhow::Context;
use kinest::files::write_atomically;
use std::path::Path;

/// Default number of times in a contact sheet.
pub const SHEET_TIMES: usize = 10;
/// Height of a body's picture in a contact sheet, pixels.
pub const SHEET_SIZE: u32 = 200;

/// Writes a picture.
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes)
        .with_context(|| format!("cannot write picture {}", path.display()))
}
