//! Random changes of windows (augmentation).
//!
//! [`BodyChange`] changes the body, its pace and place, [`Splice`] and `depth` make new motion from two clips or one:
//! trackers and truth change together.
//! [`Augment::disturb`] simulates tracking errors: only the trackers change. Everything is off by
//! default, as in the reference, and drawn from the window's own random numbers.

mod body;
mod sensors;
mod splice;
mod worn;

pub use body::{BodyChange, mirrored};
pub use sensors::{GripOffset, TrackerDropout, TrackerNoise};
pub use splice::{Splice, TrunkMotion, splice};
pub use worn::WornTrackers;

use anyhow::ensure;
use glam::DVec3;
use kinest::compose::{depth_range, lower};
use kinest::motion::ClipFrame;
use kinest::skeleton::{Pose, Skeleton};
use kinest::tracker::{TrackerPose, TrackerRole, TrackerSet};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Random changes of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Mirrors half of the windows, left to right.
    pub mirror: bool,
    /// Maximum relative change of the pace: 0.2 is 0.8 to 1.2 times.
    pub speed: f64,
    /// Maximum relative change of the body's size and its path.
    pub size: f64,
    /// Turns every window to a random heading. Has an effect with
    /// [`Axes::World`](kinest::features::Axes) only.
    pub heading: bool,
    /// Maximum shift of a window over the floor along each axis, metres. Has an effect with
    /// [`Axes::World`](kinest::features::Axes) only.
    pub floor: f64,
    /// Arms and head of other clips.
    pub splice: Splice,
    /// Most by which a body is lowered or raised over feet that stay where they are, metres: crouches and sits at
    /// other depths.
    pub depth: f64,
    /// Tracking errors.
    pub noise: TrackerNoise,
    /// Variation of how controllers are held, and of how trackers sit on the body.
    pub grip: GripOffset,
    /// Dropouts of hands.
    pub dropout: TrackerDropout,
    /// What is worn beside head and hands.
    pub worn: WornTrackers,
}

impl Augment {
    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [("speed", self.speed), ("size", self.size)] {
            ensure!((0.0..1.0).contains(&value), "`data.augment.{name}` {value} is not in 0..1");
        }
        for (name, value) in [
            ("floor", self.floor),
            ("depth", self.depth),
            ("noise.position", self.noise.position),
            ("noise.rotation", self.noise.rotation),
            ("noise.seconds", self.noise.seconds),
            ("grip.position", self.grip.position),
            ("grip.rotation", self.grip.rotation),
        ] {
            ensure!(
                value.is_finite() && value >= 0.0,
                "`data.augment.{name}` {value} is negative or not finite"
            );
        }
        let Splice { chance, candidates } = self.splice;
        ensure!(
            (0.0..=1.0).contains(&chance),
            "`data.augment.splice.chance` {chance} is not in 0..=1"
        );
        ensure!(candidates > 0, "`data.augment.splice.candidates` is 0");
        for (name, chance) in self.worn.chances() {
            ensure!(
                (0.0..=1.0).contains(&chance),
                "`data.augment.worn.{name}` {chance} is not in 0..=1"
            );
        }
        for (name, dropout) in [("dropout", self.dropout), ("worn.dropout", self.worn.dropout)] {
            let TrackerDropout { chance, seconds: (shortest, longest) } = dropout;
            ensure!(
                (0.0..=1.0).contains(&chance),
                "`data.augment.{name}.chance` {chance} is not in 0..=1"
            );
            ensure!(
                0.0 < shortest && shortest <= longest && longest.is_finite(),
                "`data.augment.{name}.seconds` ({shortest}, {longest}) is no range of times"
            );
        }
        Ok(())
    }

    /// Draws a change. It always uses the same random numbers, so switching one change on does not
    /// affect the others.
    pub fn draw(&self, rng: &mut impl Rng) -> BodyChange {
        let mut either_way = |by: f64| by * rng.random_range(-1.0..=1.0);
        let pace = 1.0 + either_way(self.speed);
        let size = 1.0 + either_way(self.size);
        let turn = either_way(if self.heading { PI } else { 0.0 });
        let shift = DVec3::new(either_way(self.floor), either_way(self.floor), 0.0);
        BodyChange { pace, size, turn, shift, mirror: rng.random::<bool>() && self.mirror }
    }

    /// Lowers or raises the body in all `frames` by the same, as far as it goes in each of them.
    pub fn change_depth(&self, frames: &mut [ClipFrame], skeleton: &Skeleton, rng: &mut impl Rng) {
        if self.depth == 0.0 {
            return;
        }
        let by = self.depth * rng.random_range(-1.0..=1.0);
        let mut poses: Vec<Pose> = frames.iter().map(Pose::from).collect();
        let range = poses.iter().map(|pose| depth_range(skeleton, pose));
        let [down, up] = range.fold([f64::INFINITY; 2], |a, b| [0, 1].map(|k| a[k].min(b[k])));
        let by = by.clamp(-up, down);
        for (pose, frame) in poses.iter_mut().zip(frames) {
            lower(skeleton, pose, by);
            *frame = ClipFrame::from(&*pose);
        }
    }

    /// Adds tracking errors to the perfect trackers of a window.
    ///
    /// `trackers` are consecutive frames at `rate_hz`, in the order of `set`.
    pub fn disturb(
        &self,
        trackers: &mut [Vec<TrackerPose>],
        set: TrackerSet,
        rate_hz: f64,
        rng: &mut impl Rng,
    ) {
        for (i, role) in set.roles().iter().enumerate() {
            let mut track: Vec<&mut TrackerPose> =
                trackers.iter_mut().map(|frame| &mut frame[i]).collect();
            // Straps slip, and joints are deeper in some bodies than in others.
            let is_worn = *role != TrackerRole::Head;
            if is_worn {
                self.grip.apply(&mut track, rng);
            }
            self.noise.apply(&mut track, rate_hz, rng);
            if is_worn && !set.on_body().contains(role) {
                self.dropout.apply(&mut track, rate_hz, rng);
            }
        }
        self.worn.apply(trackers, set, rate_hz, rng);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_value_is_named() {
        Augment::default().check().unwrap();
        let off = Augment::default();
        let seconds =
            |shortest, longest| TrackerDropout { chance: 1.0, seconds: (shortest, longest) };
        for (augment, name) in [
            (Augment { speed: 1.0, ..off }, "speed"),
            (Augment { depth: -0.1, ..off }, "depth"),
            (Augment { splice: Splice { chance: 2.0, ..off.splice }, ..off }, "splice.chance"),
            (Augment { splice: Splice { candidates: 0, ..off.splice }, ..off }, "candidates"),
            (Augment { floor: f64::NAN, ..off }, "floor"),
            (
                Augment { noise: TrackerNoise { rotation: -0.1, ..off.noise }, ..off },
                "noise.rotation",
            ),
            (Augment { grip: GripOffset { position: -1.0, ..off.grip }, ..off }, "grip.position"),
            (Augment { dropout: TrackerDropout { chance: 1.5, ..off.dropout }, ..off }, "chance"),
            (Augment { dropout: seconds(0.0, 1.0), ..off }, "dropout.seconds"),
            (Augment { dropout: seconds(2.0, 1.0), ..off }, "dropout.seconds"),
            (Augment { worn: WornTrackers { knees: 1.1, ..off.worn }, ..off }, "worn.knees"),
            (
                Augment { worn: WornTrackers { dropout: seconds(2.0, 1.0), ..off.worn }, ..off },
                "worn.dropout.seconds",
            ),
        ] {
            let error = augment.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
