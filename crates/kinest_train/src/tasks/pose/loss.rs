//! The weighted loss of a training run.

use crate::run::WeightedLoss;
use crate::tasks::checks;
use anyhow::ensure;
use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::backend::Backend;
use kinest::rotation::SIXD;
use kinest::skeleton::{CONTACTS, Skeleton, SmplJoint};
use kinest_nn::loss::{angular_velocity_loss, joint_positions, rotation_loss};
use serde::{Deserialize, Serialize};

/// Weights of the loss terms. The first three are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// 6D rotations, norm over time.
    pub rotation: f64,
    /// 6D rotation of the root, norm over time.
    pub root: f64,
    /// Angular velocities.
    pub angular_velocity: f64,
    /// Joint positions relative to the head: mean distance per axis, metres, over the newest
    /// `position_frames` frames.
    pub position: f64,
    /// Number of frames in the position and velocity terms.
    pub position_frames: usize,
    /// Joint movement between frames: mean distance per axis, metres, over the same frames as
    /// `position`.
    pub velocity: f64,
    /// Movement between frames of ankles and balls whose heel or ball touches the floor in both: mean distance per axis
    /// from the true movement, metres, over the same frames as `position`. What does not touch the floor counts as 0.
    pub slide: f64,
    /// 6D rotations of the newest `newest_frames` frames: mean absolute difference per frame. Games
    /// use these frames.
    pub newest: f64,
    /// Number of frames in that term: one of a window; all frames of a network that is fed frame by
    /// frame.
    pub newest_frames: usize,
    /// Contacts of heels and balls with the floor: cross-entropy, nats.
    pub contact: f64,
    /// Deviations of joint positions from the truth: negative log-likelihood of the errors under a normal
    /// distribution, nats per joint, over the same frames as `position`. The errors themselves get no gradient.
    pub deviation: f64,
}

/// Numbers of a frame that are rotations.
pub(super) const ROTATIONS: usize = SmplJoint::COUNT * SIXD;

/// What moves with heels and balls, in the order of contacts.
const CONTACT_JOINTS: [SmplJoint; CONTACTS] =
    [SmplJoint::LeftAnkle, SmplJoint::LeftFoot, SmplJoint::RightAnkle, SmplJoint::RightFoot];

/// No joint counts as less uncertain than this, decimetres.
const LEAST_DEVIATION: f64 = 0.05;

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            rotation: 1.0,
            root: 0.02,
            angular_velocity: 1.0,
            position: 0.0,
            position_frames: 1,
            velocity: 0.0,
            slide: 0.0,
            newest: 0.0,
            newest_frames: 1,
            contact: 0.0,
            deviation: 0.0,
        }
    }
}

impl LossConfig {
    fn weights(&self) -> [(&'static str, f64); 9] {
        [
            ("rotation", self.rotation),
            ("root", self.root),
            ("angular_velocity", self.angular_velocity),
            ("position", self.position),
            ("velocity", self.velocity),
            ("slide", self.slide),
            ("newest", self.newest),
            ("contact", self.contact),
            ("deviation", self.deviation),
        ]
    }

    /// Checks that the loss can be computed for a network that outputs the newest `output_frames` frames
    /// of a window.
    ///
    /// # Errors
    /// If not; the error names the field.
    pub fn check(&self, output_frames: usize) -> anyhow::Result<()> {
        checks::weights(self.weights())?;
        ensure!(self.weights().iter().any(|(_, w)| *w > 0.0), "every weight in `loss` is 0");
        ensure!(
            self.angular_velocity == 0.0 || output_frames >= 2,
            "`loss.angular_velocity` {} needs two frames, the network outputs {output_frames}: set it to 0",
            self.angular_velocity
        );
        for (name, weight, frames, least) in [
            ("position_frames", self.position, self.position_frames, 1),
            ("position_frames", self.velocity, self.position_frames, 2),
            ("position_frames", self.slide, self.position_frames, 2),
            ("position_frames", self.deviation, self.position_frames, 1),
            ("newest_frames", self.newest, self.newest_frames, 1),
        ] {
            ensure!(
                weight == 0.0 || (least..=output_frames).contains(&frames),
                "`loss.{name}` {frames} is not in {least}..={output_frames}, the frames that the network outputs"
            );
        }
        Ok(())
    }

    /// The loss of one batch. Only terms with non-zero weight are computed.
    ///
    /// # Shapes
    /// - `predicted`: `[batch, output frames, outputs]`
    /// - `target`: `[batch, output frames, targets]`
    ///
    /// # Panics
    /// If [`check`](Self::check) fails for `output_frames`.
    pub fn of<B: Backend>(
        &self,
        predicted: Tensor<B, 3>,
        target: Tensor<B, 3>,
        skeleton: &Skeleton,
    ) -> WeightedLoss<B> {
        let (outputs, targets) = (predicted.dims()[2], target.dims()[2]);
        // Nothing is cut from networks that output rotations only.
        let part = |x: &Tensor<B, 3>, from: usize, to: usize| match x.dims()[2] {
            all if from == 0 && to == all => x.clone(),
            _ => x.clone().narrow(2, from, to - from),
        };
        let contacts = |x: &Tensor<B, 3>| part(x, ROTATIONS, targets);
        let (all, truth) = (&predicted, &target);
        let (predicted, target) = (part(all, 0, ROTATIONS), part(truth, 0, ROTATIONS));
        let root = |x: &Tensor<B, 3>| x.clone().narrow(2, 0, SIXD);
        let newest = |x: &Tensor<B, 3>, frames: usize| {
            let output_frames = x.dims()[1];
            x.clone().narrow(1, output_frames - frames, frames)
        };
        let positions = |x| joint_positions(newest(x, self.position_frames), skeleton);
        let of_positions = [self.position, self.velocity, self.slide, self.deviation];
        let off = of_positions
            .iter()
            .any(|weight| *weight > 0.0)
            .then(|| positions(&predicted) - positions(&target));

        let mut loss = WeightedLoss::<B>::new(&all.device());
        let (p, t) = (&predicted, &target);
        loss.add("rotation", self.rotation, || rotation_loss(p.clone(), t.clone()));
        loss.add("root", self.root, || rotation_loss(root(p), root(t)));
        loss.add("angular_velocity", self.angular_velocity, || {
            angular_velocity_loss(p.clone(), t.clone())
        });
        if let Some(off) = off {
            let [rows, joints, axes] = off.dims();
            let frames = self.position_frames;
            loss.add("position", self.position, || off.clone().abs().mean());
            let moved = || {
                let off = off.clone().reshape([rows / frames, frames, joints, axes]);
                off.clone().narrow(1, 1, frames - 1) - off.narrow(1, 0, frames - 1)
            };
            loss.add("velocity", self.velocity, || moved().abs().mean());
            loss.add("slide", self.slide, || {
                let touches = newest(&contacts(truth), frames);
                let stands =
                    touches.clone().narrow(1, 1, frames - 1) * touches.narrow(1, 0, frames - 1);
                let points = CONTACT_JOINTS.map(|joint| moved().narrow(2, joint.index(), 1));
                (Tensor::cat(points.to_vec(), 2).abs() * stands.unsqueeze_dim(3)).mean()
            });
            loss.add("deviation", self.deviation, || {
                let square =
                    (off.clone().detach() * 10.0).square().sum_dim(2) + LEAST_DEVIATION.powi(2);
                let logarithm =
                    newest(&part(all, targets, outputs), frames).reshape([rows, joints, 1]);
                (logarithm.clone() * 3.0 + square * (logarithm * -2.0).exp() / 2.0).mean()
            });
        }
        loss.add("contact", self.contact, || {
            let (said, touches) = (contacts(all), contacts(truth));
            let no = (touches.clone() - 1.0) * log_sigmoid(-said.clone());
            (no - touches * log_sigmoid(said)).mean()
        });
        let frames = self.newest_frames;
        loss.add("newest", self.newest, || (newest(p, frames) - newest(t, frames)).abs().mean());
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    /// Only `newest` and `position`, which need one frame.
    fn of_one_frame() -> LossConfig {
        LossConfig {
            rotation: 0.0,
            root: 0.0,
            angular_velocity: 0.0,
            position: 2.0,
            position_frames: 1,
            newest: 1.0,
            ..LossConfig::default()
        }
    }

    #[test]
    fn terms_that_need_more_than_one_frame_are_refused_by_name() {
        let refused = |loss: LossConfig, name: &str| {
            let error = loss.check(1).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        of_one_frame().check(1).unwrap();
        LossConfig::default().check(2).unwrap();
        refused(LossConfig::default(), "loss.angular_velocity");
        refused(LossConfig { position_frames: 2, ..of_one_frame() }, "loss.position_frames");
        refused(LossConfig { newest: -1.0, ..of_one_frame() }, "loss.newest");
        refused(LossConfig { newest: 0.0, position: 0.0, ..of_one_frame() }, "every weight");
    }

    /// The likelihood is greatest at the true deviation, and contacts cost least where they are right.
    #[test]
    fn contacts_and_deviations_are_likelihoods() {
        let loss = LossConfig { contact: 1.0, deviation: 1.0, newest: 0.0, ..of_one_frame() };
        let rest = [1.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0].repeat(22);
        let mut bent = rest.clone();
        // The spine bends, so that joints below it are elsewhere against the head.
        bent[18..24].copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 0.8, 0.6]);
        let rows = |values: &[f32], more: &[f32]| {
            let all = [values, more].concat();
            Tensor::<Flex, 1>::from_floats(all.as_slice(), &FlexDevice).reshape([1, 1, all.len()])
        };
        let target = rows(&rest, &[1.0, 0.0, 1.0, 0.0]);
        let terms = |contacts: [f32; 4], deviation: f32| {
            let said = rows(&bent, &[contacts.to_vec(), vec![deviation; 22]].concat());
            let loss = loss.of(said, target.clone(), &Skeleton::default());
            let found =
                |name| loss.terms.iter().find(|(n, _)| *n == name).unwrap().1.clone().into_scalar();
            (found("contact"), found("deviation"), found("position"))
        };
        let (right, ..) = terms([5.0, -5.0, 5.0, -5.0], 0.0);
        let (wrong, ..) = terms([-5.0, 5.0, -5.0, 5.0], 0.0);
        let (unsure, ..) = terms([0.0; 4], 0.0);
        assert!((right - 0.006_715).abs() < 1e-5 && (wrong - 5.006_715).abs() < 1e-4);
        assert!((unsure - std::f32::consts::LN_2).abs() < 1e-5);
        // Mean over joints of 3 s + e² / 2 exp(2 s) is least at exp(2 s) = mean e² / 3.
        let cost = |s: f32| terms([0.0; 4], s).1;
        let best = 0.5 * (2.0 * cost(0.0) / 3.0).ln();
        assert!(cost(best) < cost(best + 0.1) && cost(best) < cost(best - 0.1), "{best}");
        assert!(terms([0.0; 4], 0.0).2 > 0.001);
    }

    /// A knee that straightens moves ankle and ball; only those that touch the floor in both frames count.
    #[test]
    fn only_standing_feet_slide() {
        let loss = LossConfig {
            slide: 1.0,
            position_frames: 2,
            newest: 0.0,
            position: 0.0,
            ..of_one_frame()
        };
        let rest = [1.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0].repeat(22);
        let mut bent = rest.clone();
        bent[24..30].copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 0.8, 0.6]);
        let frames = |rows: [(&[f32], [f32; 4]); 2]| {
            let all: Vec<f32> =
                rows.iter().flat_map(|(pose, more)| [*pose, more].concat()).collect();
            Tensor::<Flex, 1>::from_floats(all.as_slice(), &FlexDevice).reshape([1, 2, 136])
        };
        let said = frames([(&bent, [0.0; 4]), (&rest, [0.0; 4])]);
        let slide = |before: [f32; 4], now: [f32; 4]| {
            let truth = frames([(&rest, before), (&rest, now)]);
            loss.of(said.clone(), truth, &Skeleton::default()).total.into_scalar()
        };
        let all = slide([1.0; 4], [1.0; 4]);
        assert!(all > 0.005, "{all}");
        // The left knee is bent, so the right foot stays.
        assert_eq!(slide([1.0, 1.0, 0.0, 0.0], [1.0; 4]), all);
        assert_eq!(slide([0.0, 0.0, 1.0, 1.0], [1.0; 4]), 0.0);
        let (heel, ball) =
            (slide([1.0, 0.0, 0.0, 0.0], [1.0; 4]), slide([1.0; 4], [0.0, 1.0, 0.0, 0.0]));
        assert!(heel > 0.0 && ball > 0.0 && (heel + ball - all).abs() < 1e-6, "{heel} {ball}");
        assert_eq!(slide([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]), 0.0);
    }

    #[test]
    fn the_loss_of_one_frame_is_the_weighted_sum_of_its_terms() {
        // No rotations; one number in six is too large by 0.6.
        let rest = [1.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0].repeat(22);
        let off: Vec<f32> =
            rest.iter().enumerate().map(|(i, v)| if i % 6 == 0 { v + 0.6 } else { *v }).collect();
        let tensor =
            |v: &[f32]| Tensor::<Flex, 1>::from_floats(v, &FlexDevice).reshape([1, 1, 132]);
        let loss = of_one_frame().of(tensor(&off), tensor(&rest), &Skeleton::default());
        let number = |t: &Tensor<Flex, 1>| t.clone().into_scalar();
        let terms: Vec<_> = loss.terms.iter().map(|(name, t)| (*name, number(t))).collect();
        // Gram-Schmidt gives the same rotation for a longer column, so no joint has moved.
        assert_eq!((terms[0].0, terms[1].0, terms.len()), ("position", "newest", 2));
        assert!(terms[0].1.abs() < 1e-6 && (terms[1].1 - 0.1).abs() < 1e-6, "{terms:?}");
        assert!((number(&loss.total) - 0.1).abs() < 1e-6);
    }
}
