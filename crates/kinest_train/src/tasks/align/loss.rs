//! The loss of alignment: TMR's terms at every level, with its weights (Petrovich et al. 2023).

use super::cuts::CutDraw;
use crate::run::WeightedLoss;
use crate::tasks::checks;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Distribution, Int, Tensor, TensorData};
use kinest_nn::align::{Htma, Motions, Point, there};
use kinest_nn::loss::{cosines, divergence, info_nce, smooth_l1};
use serde::{Deserialize, Serialize};

/// Weights of the terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignLossConfig {
    /// Of [`info_nce`], summed over levels.
    pub contrast: f64,
    /// Its temperature.
    pub temperature: f64,
    /// Two cuts whose texts are more similar than this are no negatives of each other.
    pub same_text: f64,
    /// Of the motion that is decoded from the finest text and the finest motion.
    pub reconstruction: f64,
    /// Of the divergences between the points of text and motion, and of both from N(0, 1).
    pub divergence: f64,
    /// Of the distance between the points of text and motion.
    pub latent: f64,
}

impl Default for AlignLossConfig {
    fn default() -> Self {
        Self {
            contrast: 0.1,
            temperature: 0.1,
            same_text: 0.8,
            reconstruction: 1.0,
            divergence: 1e-5,
            latent: 1e-5,
        }
    }
}

impl AlignLossConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::not_below_0([
            ("contrast", self.contrast),
            ("same_text", self.same_text),
            ("reconstruction", self.reconstruction),
            ("divergence", self.divergence),
            ("latent", self.latent),
        ])?;
        let temperature = self.temperature;
        ensure!(
            temperature.is_finite() && temperature > 0.0,
            "`loss.temperature` {temperature} is not above 0"
        );
        Ok(())
    }

    /// The loss of a draw, and the cosines of each text and each motion, the mean over levels,
    /// `[texts, motions]`. While a network learns, what is decoded is drawn from the points.
    pub fn of<B: Backend>(
        &self,
        network: &Htma<B>,
        draw: &CutDraw,
        device: &B::Device,
    ) -> (WeightedLoss<B>, Tensor<B, 2>) {
        let motions = draw.motions::<B>(device);
        let texts = network.texts(&draw.texts, device);
        let moved = network.motions(&motions);
        let zero = || Tensor::<B, 1>::zeros([1], device);
        let (mut contrast, mut apart, mut latent) = (zero(), zero(), zero());
        let mut similarities = vec![];
        for ((text, motion), similar) in texts.iter().zip(&moved).zip(&draw.similar) {
            let similarity = cosines(text.mean.clone(), motion.mean.clone());
            let ignored = ignored(similar, self.same_text, device);
            contrast = contrast + info_nce(similarity.clone(), ignored, self.temperature);
            similarities.push(similarity);
            let standard = || (text.mean.zeros_like(), text.mean.zeros_like());
            apart = apart
                + divergence(whole(text), whole(motion))
                + divergence(whole(motion), whole(text))
                + divergence(whole(text), standard())
                + divergence(whole(motion), standard());
            latent = latent + smooth_l1(text.mean.clone() - motion.mean.clone());
        }
        let mut reconstruction = zero();
        for point in [texts.last(), moved.last()].into_iter().flatten() {
            reconstruction = reconstruction + decoded(network, point, &motions);
        }
        let total = contrast.clone() * self.contrast
            + reconstruction.clone() * self.reconstruction
            + apart.clone() * self.divergence
            + latent.clone() * self.latent;
        let levels = similarities.len() as f64;
        let similarity = Tensor::stack::<3>(similarities, 0).sum_dim(0).squeeze_dim(0) / levels;
        let terms = vec![
            ("contrast", contrast),
            ("reconstruction", reconstruction),
            ("divergence", apart),
            ("latent", latent),
        ];
        (WeightedLoss { total, terms }, similarity)
    }
}

fn whole<B: Backend>(point: &Point<B>) -> (Tensor<B, 2>, Tensor<B, 2>) {
    (point.mean.clone(), point.log_variance.clone())
}

/// Which pairs are no negatives.
fn ignored<B: Backend>(similar: &[f32], most: f64, device: &B::Device) -> Tensor<B, 2, Bool> {
    let count = similar.len().isqrt();
    let ignored = similar.iter().map(|value| i64::from(f64::from(*value) > most)).collect();
    let ignored = TensorData::new::<i64, _>(ignored, [count, count]);
    Tensor::<B, 2, Int>::from_data(ignored, device).bool()
}

/// How far the motion that a point stands for is from the true one.
fn decoded<B: Backend>(network: &Htma<B>, point: &Point<B>, motions: &Motions<B>) -> Tensor<B, 1> {
    let mut at = point.mean.clone();
    if B::ad_enabled(&at.device()) {
        let noise = at.random_like(Distribution::Normal(0.0, 1.0));
        at = at + noise * (point.log_variance.clone() * 0.5).exp();
    }
    let [_, frames, _] = motions.frames.dims();
    smooth_l1(network.decode(at, frames) * there(motions) - network.shown(motions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Examples;
    use crate::tasks::align::cuts::CutConfig;
    use crate::tasks::align::cuts::tests::{cuts, network};
    use burn::tensor::ElementConversion;
    use burn_flex::{Flex, FlexDevice};
    use kinest::model::align::Structure;

    /// The total is the weighted sum; all texts count as the same with a filter of −1, and then nothing
    /// is left to be confused with.
    #[test]
    fn terms_are_weighed_and_filtered() {
        let cuts = cuts(CutConfig { stride_s: 0.4, ..CutConfig::default() });
        let draw = cuts.draw(1, 0, 4);
        let network = Htma::<Flex>::new(&network(Structure::Interactions), &FlexDevice).unwrap();
        let config = AlignLossConfig { divergence: 0.25, latent: 2.0, ..Default::default() };
        let (loss, _) = config.of(&network, &draw, &FlexDevice);
        let number = |x: &Tensor<Flex, 1>| x.clone().into_scalar().elem::<f64>();
        let terms: Vec<f64> = loss.terms.iter().map(|(_, term)| number(term)).collect();
        let weights = [0.1, 1.0, 0.25, 2.0];
        let sum: f64 = terms.iter().zip(weights).map(|(term, weight)| term * weight).sum();
        assert!((number(&loss.total) - sum).abs() < 1e-4, "{terms:?}");
        assert!(terms.iter().all(|term| *term > 0.0), "{terms:?}");
        let none = AlignLossConfig { same_text: 2.0, ..config };
        let (none, _) = none.of(&network, &draw, &FlexDevice);
        assert!(number(&none.terms[0].1) >= terms[0] - 1e-5);
        let all = AlignLossConfig { same_text: -1.0, ..config };
        let (loss, similarity) = all.of(&network, &draw, &FlexDevice);
        assert!(number(&loss.terms[0].1).abs() < 1e-4);
        assert_eq!(similarity.dims(), [4, 4]);
    }
}
