//! A scene as an animated GIF.

use super::scene::Scene;
use anyhow::Context;
use gif::{Encoder, Frame, Repeat};
use rayon::prelude::*;

/// Pictures drawn in parallel: enough for all cores, few enough to fit in memory.
const BATCH: usize = 32;
/// Effort for choosing colours, from 1 (most) to 30.
const SPEED: i32 = 10;
/// Minimum delay, 1/100 s; viewers treat shorter ones as errors and slow down.
const SHORTEST: u16 = 2;
/// Delay of the last picture, 1/100 s.
const LAST: u16 = 100;

/// A GIF of `scene` at `times`, which must increase; it plays in real time. `progress` receives the
/// number of newly finished pictures.
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
    // Computed from rounded times, so that rounding errors do not add up.
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
    // Writes the trailer.
    drop(encoder);
    Ok(bytes)
}
