//! The subcommands of `kinest-train`, each with its arguments and a `run` function for other
//! programs.

pub mod bench;
pub mod calibrate;
pub mod convert;
pub mod describe;
pub mod edit;
pub mod evaluate;
mod evaluate_body;
mod evaluate_generated;
mod evaluate_tokens;
pub mod export;
pub mod generate;
pub mod import;
pub mod inspect;
pub mod library;
pub mod motions;
pub mod network;
pub mod predict;
pub mod prepare;
pub mod render;
pub mod search;
pub mod skeleton;
pub mod synth;
pub mod train;

/// A number of the command line from `low` to `high`.
fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("not in {low} to {high}")) }
}
