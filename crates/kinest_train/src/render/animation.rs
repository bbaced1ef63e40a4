//! A scene as an animated GIF.

use super::scene::Scene;
use anyhow::Context;
use gif::{Encoder, Frame, Repeat};
use rayon::prelude::*;

/// Pictures drawn at a time: enough for every core, few enough to keep in memory.
const BATCH: usize = 32;
/// How carefully colours are chosen, 1 (best) to 30.
const SPEED: i32 = 10;
/// Hundredths of a second; players take less for a mistake and slow down.
const SHORTEST: u16 = 2;
/// How long the only picture, or the last of several, stays: hundredths of a second.
const LAST: u16 = 100;

/// A GIF that shows `scene` at `times`, which rise, and lasts as long as they do. `progress` is told how many
/// pictures more are done.
///
/// # Errors
/// If the pictures are too large for the format.
pub fn gif(scene: &Scene, times: &[f64], progress: impl Fn(usize)) -> anyhow::Result<Vec<u8>> {
    let (width, height) = scene.moment_size();
    let side = |pixels: u32| {
        u16::try_from(pixels)
            .with_context(|| format!("{width} x {height} pixels are too many for a GIF"))
    };
    let (width, height) = (side(width)?, side(height)?);
    let hundredth = |time: f64| (time * 100.0).round();
    // From the rounded times, so that errors do not add up.
    let delay = |i: usize| match times.get(i + 1) {
        Some(next) => (hundredth(*next) - hundredth(times[i])).max(f64::from(SHORTEST)) as u16,
        None => LAST,
    };
    let draw = |i: usize| {
        let picture = scene.moment(times[i])?;
        let mut frame = Frame::from_rgba_speed(width, height, &mut picture.into_rgba(), SPEED);
        frame.delay = delay(i);
        frame.make_lzw_pre_encoded();
        anyhow::Ok(frame)
    };

    let mut bytes = vec![];
    let mut encoder = Encoder::new(&mut bytes, width, height, &[])?;
    encoder.set_repeat(Repeat::Infinite)?;
    for first in (0..times.len()).step_by(BATCH) {
        let batch = first..(first + BATCH).min(times.len());
        let frames: Vec<Frame<'static>> =
            batch.into_par_iter().map(draw).collect::<anyhow::Result<_>>()?;
        for frame in &frames {
            encoder.write_lzw_pre_encoded_frame(frame)?;
        }
        progress(frames.len());
    }
    // Writes the end.
    drop(encoder);
    Ok(bytes)
}
