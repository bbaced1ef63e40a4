//! Results on stdout.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// Writes a line of a result. A reader that has had enough of it, as `head` has, is no reason to fail.
///
/// # Panics
/// If stdout cannot be written to for another reason.
pub(crate) fn line(text: Arguments) {
    if let Err(error) = writeln!(stdout(), "{text}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        panic!("cannot write to stdout: {error}");
    }
}

/// As `println!`, by way of [`line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use say;
