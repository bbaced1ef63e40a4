//! Writes `assets/rigs/mannequin.glb`: a character generated in code, free to use.
//!
//! ```text
//! cargo run -p kinest --example mannequin -- assets/rigs/mannequin.glb
//! ```

mod glb;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: mannequin FILE.glb");
        return ExitCode::from(2);
    };
    match kinest::files::write_atomically(&path, &glb::mannequin()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
