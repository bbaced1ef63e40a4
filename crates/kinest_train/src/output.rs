//! Output of results to stdout.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// Writes a line to stdout. A reader that closes the pipe early, such as `head`, is not an error.
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

/// Like `println!`, through [`line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use say;
