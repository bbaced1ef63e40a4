//! Curves over time.

use glam::DVec4;

/// 0 to 1 the way a hand goes to a place: with the least jerk (Flash and Hogan 1985), held before and
/// after.
pub(super) fn glide(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u * u * u * (10.0 - 15.0 * u + 6.0 * u * u)
}

/// Rises from 0 to 1, holds and falls back to 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// Start of the rise, seconds.
    pub start: f64,
    pub rise: f64,
    pub hold: f64,
    pub fall: f64,
}

impl Pulse {
    pub(super) fn at(&self, t: f64) -> f64 {
        let up = glide((t - self.start) / self.rise);
        up - glide((t - self.start - self.rise - self.hold) / self.fall)
    }

    pub(super) fn end(&self) -> f64 {
        self.start + self.rise + self.hold + self.fall
    }
}

/// The cubic from `p0` to `p1` with end speeds `v0` and `v1`.
pub(super) fn hermite(u: f64, p0: DVec4, v0: DVec4, p1: DVec4, v1: DVec4) -> DVec4 {
    let w = 1.0 - u;
    p0 * (w * w * (1.0 + 2.0 * u)) + v0 * (u * w * w) - v1 * (u * u * w)
        + p1 * (u * u * (1.0 + 2.0 * w))
}

/// A curve sampled at the frames of a clip.
pub(super) struct Sampled {
    values: Vec<f64>,
    rate_hz: f64,
}

impl Sampled {
    pub(super) fn new(values: Vec<f64>, rate_hz: f64) -> Self {
        Self { values, rate_hz }
    }

    /// Two passes of a moving average over `seconds` to each side; ends are extended.
    pub(super) fn smoothed(self, seconds: f64) -> Self {
        let radius = frames(seconds, self.rate_hz);
        let values = windows(&windows(&self.values, radius, mean), radius, mean);
        Self { values, ..self }
    }

    /// A smooth curve that nowhere exceeds this one: the moving average of the local minimum.
    pub(super) fn smoothed_floor(self, seconds: f64) -> Self {
        let least = |near: &mut dyn Iterator<Item = f64>| near.fold(f64::INFINITY, f64::min);
        let values = windows(&self.values, 2 * frames(seconds, self.rate_hz), least);
        Self { values, ..self }.smoothed(seconds)
    }

    /// Value at a time from the first frame: a frame's exact value where there is one, constant
    /// beyond both ends.
    pub(super) fn at(&self, t: f64) -> f64 {
        let last = self.values.len() - 1;
        let position = (t * self.rate_hz).clamp(0.0, last as f64);
        let nearest = position.round();
        if (position - nearest).abs() < 1e-6 {
            return self.values[nearest as usize];
        }
        let before = position as usize;
        let (a, b) = (self.values[before], self.values[before + 1]);
        a + (b - a) * position.fract()
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }
}

fn frames(seconds: f64, rate_hz: f64) -> usize {
    (seconds * rate_hz).round() as usize
}

fn mean(near: &mut dyn Iterator<Item = f64>) -> f64 {
    let (sum, count) = near.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    sum / count
}

fn windows(
    values: &[f64],
    radius: usize,
    reduce: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
) -> Vec<f64> {
    let last = values.len() as isize - 1;
    let at = |i: isize| values[i.clamp(0, last) as usize];
    let radius = radius as isize;
    (0..=last).map(|i| reduce(&mut (i - radius..=i + radius).map(at))).collect()
}
