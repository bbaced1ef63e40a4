//! Simulated tracking errors: noise, grip and dropouts.

use glam::{DMat3, DQuat, DVec3};
use kinest::tracker::TrackerPose;
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Number of waves in a smooth error.
const WAVES: usize = 6;

/// Tracking errors, independent for each tracker.
///
/// A headset fuses cameras with inertial sensors and filters the result. The remaining error, some
/// millimetres and tenths of a degree (Holzwarth et al. 2021, "Comparing the Accuracy and Precision
/// of SteamVR Tracking 2.0 and Oculus Quest 2"), drifts; it does not jump from frame to frame. A
/// network trained with white noise of that size learns to distrust good velocities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackerNoise {
    /// Standard deviation along each axis, metres.
    pub position: f64,
    /// Standard deviation about each axis, radians.
    pub rotation: f64,
    /// Correlation time, seconds: errors of two moments `t` apart have the correlation
    /// `exp(-t² / 2 seconds²)`. 0 is white noise.
    pub seconds: f64,
}

impl Default for TrackerNoise {
    fn default() -> Self {
        Self { position: 0.0, rotation: 0.0, seconds: 0.3 }
    }
}

/// Rigid offset between each wrist and the pose of its controller, and between other joints and their
/// trackers, constant in a window.
///
/// Hands differ in size, hold controllers higher or lower, and slip. This is the largest difference
/// between trackers computed from motion capture and real ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GripOffset {
    /// Standard deviation along each axis of the joint, metres.
    pub position: f64,
    /// Standard deviation about each axis of the joint, radians.
    pub rotation: f64,
}

/// Dropouts of devices, which are held at their last tracked pose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackerDropout {
    /// Probability that a device is lost once in a window, 0 to 1.
    pub chance: f64,
    /// Minimum and maximum duration, seconds.
    pub seconds: (f64, f64),
}

impl Default for TrackerDropout {
    fn default() -> Self {
        Self { chance: 0.0, seconds: (0.1, 1.0) }
    }
}

fn normal(rng: &mut impl Rng) -> DVec3 {
    DVec3::from_array(std::array::from_fn(|_| rng.sample(StandardNormal)))
}

fn rotation(axis_angle: DVec3) -> DMat3 {
    DMat3::from_quat(DQuat::from_scaled_axis(axis_angle))
}

impl GripOffset {
    pub(super) fn apply(&self, track: &mut [&mut TrackerPose], rng: &mut impl Rng) {
        if self.position == 0.0 && self.rotation == 0.0 {
            return;
        }
        let offset = normal(rng) * self.position;
        let turn = rotation(normal(rng) * self.rotation);
        for pose in track {
            pose.position += pose.rotation * offset;
            pose.rotation *= turn;
        }
    }
}

impl TrackerNoise {
    pub(super) fn apply(&self, track: &mut [&mut TrackerPose], rate_hz: f64, rng: &mut impl Rng) {
        if self.position == 0.0 && self.rotation == 0.0 {
            return;
        }
        let wander = (self.seconds > 0.0).then(|| Wander::new(self.seconds, rng));
        for (i, pose) in track.iter_mut().enumerate() {
            let [moved, turned] = match &wander {
                Some(wander) => wander.at(i as f64 / rate_hz),
                None => [normal(rng), normal(rng)],
            };
            pose.position += moved * self.position;
            pose.rotation = rotation(turned * self.rotation) * pose.rotation;
        }
    }
}

/// Six smooth random curves of unit variance: a Gaussian process with squared-exponential
/// covariance, by random Fourier features (Rahimi and Recht 2007). At any moment its values are
/// normally distributed.
struct Wander([Wave; WAVES]);

struct Wave {
    /// Angular frequency, rad/s.
    frequency: f64,
    cosine: [DVec3; 2],
    sine: [DVec3; 2],
}

impl Wander {
    fn new(seconds: f64, rng: &mut impl Rng) -> Self {
        let share = (1.0 / WAVES as f64).sqrt();
        Self(std::array::from_fn(|_| Wave {
            frequency: rng.sample::<f64, _>(StandardNormal) / seconds,
            cosine: std::array::from_fn(|_| normal(rng) * share),
            sine: std::array::from_fn(|_| normal(rng) * share),
        }))
    }

    fn at(&self, time: f64) -> [DVec3; 2] {
        let mut sum = [DVec3::ZERO; 2];
        for Wave { frequency, cosine, sine } in &self.0 {
            // Subtracting whole turns keeps the sine exact in long windows.
            let (s, c) = ((frequency * time) % TAU).sin_cos();
            for (i, sum) in sum.iter_mut().enumerate() {
                *sum += cosine[i] * c + sine[i] * s;
            }
        }
        sum
    }
}

impl TrackerDropout {
    /// A device that is already lost in the first frame is held at its pose there, where the history
    /// begins.
    pub(super) fn apply(&self, track: &mut [&mut TrackerPose], rate_hz: f64, rng: &mut impl Rng) {
        if rng.random::<f64>() >= self.chance {
            return;
        }
        let length = rng.random_range(self.seconds.0..=self.seconds.1) * rate_hz;
        let start = rng.random_range(-length..track.len() as f64);
        let first = start.ceil().max(0.0) as usize;
        let end = ((start + length).ceil().max(0.0) as usize).min(track.len());
        if first < end {
            let held = track[first.saturating_sub(1)].lost();
            track[first..end].iter_mut().for_each(|pose| **pose = held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Augment;
    use super::*;
    use kinest::rotation::{log, quat_from_matrix};
    use kinest::tracker::TrackerSet;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const RATE: f64 = 60.0;
    const FRAMES: usize = 90;

    fn perfect() -> Vec<Vec<TrackerPose>> {
        let pose = |i: usize, k: f64| {
            let t = i as f64 / RATE;
            let turn = DQuat::from_rotation_x(1.0 + t) * DQuat::from_rotation_y(k);
            TrackerPose::new(DVec3::new(t, k, 1.0 + t * t), DMat3::from_quat(turn))
        };
        (0..FRAMES).map(|i| vec![pose(i, 0.0), pose(i, 1.0), pose(i, 2.0)]).collect()
    }

    fn disturbed(augment: Augment, seed: u64) -> Vec<Vec<TrackerPose>> {
        let mut trackers = perfect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        augment.disturb(&mut trackers, TrackerSet::HeadAndHands, RATE, &mut rng);
        trackers
    }

    /// Root mean square.
    fn deviation(values: impl Iterator<Item = f64>) -> f64 {
        let (sum, count) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v * v, n + 1.0));
        f64::sqrt(sum / count)
    }

    /// Position and rotation errors of tracker `k` in each frame, world axes.
    fn errors(trackers: &[Vec<TrackerPose>], k: usize) -> Vec<[DVec3; 2]> {
        let pairs = trackers.iter().zip(perfect());
        let error = |(a, b): (&Vec<TrackerPose>, Vec<TrackerPose>)| {
            let turned = a[k].rotation * b[k].rotation.transpose();
            [a[k].position - b[k].position, log(quat_from_matrix(turned))]
        };
        pairs.map(error).collect()
    }

    #[test]
    fn defaults_add_no_errors() {
        assert_eq!(disturbed(Augment::default(), 1), perfect());
    }

    /// White and smooth noise have the requested deviation; smooth noise changes between frames by
    /// `σ √(2 - 2 exp(-t² / 2 s²))`.
    #[test]
    fn noise_has_the_requested_deviation_and_correlation_time() {
        for seconds in [0.0, 0.1, 0.5] {
            let noise = TrackerNoise { position: 0.01, rotation: 0.05, seconds };
            let augment = Augment { noise, ..Augment::default() };
            let windows: Vec<_> =
                (0..300).map(|seed| errors(&disturbed(augment, seed), seed as usize % 3)).collect();
            let correlation = match seconds {
                0.0 => 0.0,
                s => f64::exp(-0.5 * (1.0 / (RATE * s)).powi(2)),
            };
            for (part, asked) in [(0, 0.01), (1, 0.05)] {
                let all = windows.iter().flatten().flat_map(|e| e[part].to_array());
                let found = deviation(all);
                assert!((found / asked - 1.0).abs() < 0.06, "{seconds} s: {found}, not {asked}");
                let steps = windows.iter().flat_map(|w| w.windows(2));
                let found = deviation(steps.flat_map(|w| (w[1][part] - w[0][part]).to_array()));
                let asked = asked * (2.0 - 2.0 * correlation).sqrt();
                assert!(
                    (found / asked - 1.0).abs() < 0.1,
                    "{seconds} s: step {found}, not {asked}"
                );
            }
        }
    }

    #[test]
    fn errors_of_trackers_are_independent() {
        let noise = TrackerNoise { position: 0.01, ..TrackerNoise::default() };
        let trackers = disturbed(Augment { noise, ..Augment::default() }, 3);
        let [head, left, right] = [0, 1, 2].map(|k| errors(&trackers, k)[7][0]);
        assert!((head - left).length() > 1e-4 && (left - right).length() > 1e-4);
    }

    /// A grip offset is constant in a window, in the wrist's axes; the head has none.
    #[test]
    fn a_grip_is_rigid() {
        let grip = GripOffset { position: 0.03, rotation: 0.2 };
        let augment = Augment { grip, ..Augment::default() };
        let (mut offsets, mut turns) = (vec![], vec![]);
        for seed in 0..300 {
            let trackers = disturbed(augment, seed);
            let grips = |k: usize| {
                let of = move |(a, b): (&Vec<TrackerPose>, Vec<TrackerPose>)| {
                    let wrist = b[k].rotation.transpose();
                    [
                        wrist * (a[k].position - b[k].position),
                        log(quat_from_matrix(wrist * a[k].rotation)),
                    ]
                };
                trackers.iter().zip(perfect()).map(of).collect::<Vec<_>>()
            };
            assert!(grips(0).iter().flatten().all(|v| v.length() < 1e-9));
            for k in [1, 2] {
                let grips = grips(k);
                for part in [0, 1] {
                    assert!(grips.iter().all(|g| (g[part] - grips[0][part]).length() < 1e-9));
                }
                offsets.extend(grips[0][0].to_array());
                turns.extend(grips[0][1].to_array());
            }
        }
        for (values, asked) in [(offsets, 0.03), (turns, 0.2)] {
            let found = deviation(values.into_iter());
            assert!((found / asked - 1.0).abs() < 0.06, "{found}, not {asked}");
        }
    }

    /// At most one dropout per hand and window, never the head; held at the last tracked pose, or
    /// at the first of the window; with the requested durations.
    #[test]
    fn a_lost_hand_is_held_for_the_requested_time() {
        let dropout = TrackerDropout { chance: 0.5, seconds: (0.1, 0.5) };
        let (mut lost, mut at_newest) = (0, 0);
        for seed in 0..300 {
            let trackers = disturbed(Augment { dropout, ..Augment::default() }, seed);
            assert!(trackers.iter().all(|frame| frame[0].tracked));
            for k in [1, 2] {
                let gone: Vec<usize> = (0..FRAMES).filter(|i| !trackers[*i][k].tracked).collect();
                let (Some(first), Some(last)) = (gone.first(), gone.last()) else { continue };
                lost += 1;
                at_newest += usize::from(*last == FRAMES - 1);
                assert_eq!(last - first + 1, gone.len(), "one stretch");
                assert!(gone.len() <= 30);
                assert!(gone.len() >= 6 || *first == 0 || *last == FRAMES - 1, "{}", gone.len());
                let held = perfect()[first.saturating_sub(1)][k].lost();
                assert!(gone.iter().all(|i| trackers[*i][k] == held));
            }
        }
        assert!((250..350).contains(&lost), "{lost} of 600");
        assert!(at_newest > 20, "{at_newest}");
    }
}
