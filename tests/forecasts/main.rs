//! What forecasts are good for, in figures: bodies shown ahead, through dropouts, and from afar.
//!
//! ```sh
//! KINEST_CLIPS=FOLDER cargo test --release -p bevy_kinest --test forecasts -- --ignored --nocapture
//! ```
//!
//! Prints the tables of the documentation, from the AMASS clips (`*.npz`) in the folder and below, or
//! from synthetic ones.

mod ahead;
mod common;
mod dropouts;
#[path = "../files.rs"]
mod files;
mod remote;
