//! Progress bars.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A progress bar over `total` frames, drawn on terminals only.
#[must_use]
pub fn frames(total: usize, doing: &'static str) -> ProgressBar {
    bar(total, doing, "{prefix} {bar:40} {pos}/{len} frames, {eta} left  {msg}")
}

/// A progress bar over `total` clips, drawn on terminals only.
#[must_use]
pub fn clips(total: usize, doing: &'static str) -> ProgressBar {
    bar(total, doing, "{prefix} {bar:40} {pos}/{len} clips, {eta} left")
}

/// A progress bar over `total` rows of a table, drawn on terminals only.
#[must_use]
pub fn rows(total: usize, doing: &'static str) -> ProgressBar {
    bar(total, doing, "{prefix} {bar:40} {pos}/{len}")
}

/// Something that takes a while and does not say how far it is, drawn on terminals only.
#[must_use]
pub fn waiting(doing: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {spinner} {elapsed}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_prefix(doing)
}

fn bar(total: usize, doing: &'static str, style: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    ProgressBar::new(total as u64).with_style(style).with_prefix(doing)
}
