//! The loss of a generator.

use super::cuts::CodeDraw;
use crate::tasks::checks;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::align::Level;
use kinest_nn::generate::Generator;
use kinest_nn::loss::{cross_entropy, share_right};
use serde::{Deserialize, Serialize};

/// Weights of the terms beside that of the masked codes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateLossConfig {
    /// Of the codes of a layer behind the first.
    pub residual: f64,
    /// Of the number of tokens.
    pub length: f64,
}

impl Default for GenerateLossConfig {
    fn default() -> Self {
        Self { residual: 1.0, length: 0.1 }
    }
}

/// The loss and its terms, without their weights.
#[derive(Clone, Debug)]
pub struct GenerateLoss<B: Backend> {
    /// The loss.
    pub total: Tensor<B, 1>,
    /// Of the masked codes.
    pub masked: Tensor<B, 1>,
    /// Share of the masked codes that would be guessed.
    pub accuracy: Tensor<B, 1>,
    /// Of the codes of a layer behind the first, if there is one.
    pub residual: Option<Tensor<B, 1>>,
    /// Of the number of tokens.
    pub length: Tensor<B, 1>,
}

impl GenerateLossConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::not_below_0([("residual", self.residual), ("length", self.length)])
    }

    /// The loss of a draw.
    pub fn of<B: Backend>(
        &self,
        network: &Generator<B>,
        draw: &CodeDraw,
        device: &B::Device,
    ) -> GenerateLoss<B> {
        let batch = draw.lengths.len();
        let all = network.conditions(&draw.texts, device);
        let level = |all: &Tensor<B, 3>, level: Level| -> Tensor<B, 2> {
            all.clone().narrow(1, level.index(), 1).squeeze_dim(1)
        };
        let length = network.length_logits(level(&all, Level::Body));
        let tokens = draw.lengths.iter().map(|tokens| tokens - 1);
        let length = cross_entropy(length, numbers(tokens, device));

        let told = TensorData::new(draw.told.clone(), [batch, 1, 1]);
        let heard = all * Tensor::from_data(told, device);
        let [_, levels, width] = heard.dims();
        let own = draw.levels.iter().enumerate().map(|(i, level)| i * levels + level.index());
        let own = heard.clone().reshape([batch * levels, width]).select(0, numbers(own, device));
        let logits = network.first_logits(&draw.seen, &draw.lengths, own, &draw.levels);
        let places = draw.seen.len();
        let layers = draw.codes.len() / places;
        let code = |place: usize, layer: usize| draw.codes[place * layers + layer] as usize;
        let asked = rows(logits, &draw.asked);
        let true_codes = || numbers(draw.asked.iter().map(|place| code(*place, 0)), device);
        let masked = cross_entropy(asked.clone(), true_codes());
        let accuracy = share_right(asked, true_codes());

        let finest = level(&heard, Level::Pairs);
        let rest = network.rest_logits(&draw.codes, &draw.lengths, finest, draw.layer);
        let residual = rest.map(|logits| {
            let own = places / batch;
            let parts = own / draw.tokens();
            let there: Vec<usize> =
                (0..places).filter(|at| at % own < draw.lengths[at / own] * parts).collect();
            let codes = there.iter().map(|place| code(*place, draw.layer));
            cross_entropy(rows(logits, &there), numbers(codes, device))
        });
        let mut total = masked.clone() + length.clone() * self.length;
        if let Some(residual) = &residual {
            total = total + residual.clone() * self.residual;
        }
        GenerateLoss { total, masked, accuracy, residual, length }
    }
}

impl<B: Backend> GenerateLoss<B> {
    /// The terms for the log.
    #[must_use]
    pub fn terms(self) -> Vec<(&'static str, Tensor<B, 1>)> {
        let residual = self.residual.map(|residual| ("residual", residual));
        let terms = [("masked", self.masked), ("length", self.length)];
        let accuracy = ("masked_accuracy", self.accuracy);
        terms.into_iter().chain(residual).chain([accuracy]).collect()
    }
}

/// Logits at these places, `[places, codes]`.
fn rows<B: Backend>(logits: Tensor<B, 4>, places: &[usize]) -> Tensor<B, 2> {
    let [batch, tokens, parts, codes] = logits.dims();
    let device = logits.device();
    let places = numbers(places.iter().copied(), &device);
    logits.reshape([batch * tokens * parts, codes]).select(0, places)
}

fn numbers<B: Backend>(
    values: impl Iterator<Item = usize>,
    device: &B::Device,
) -> Tensor<B, 1, Int> {
    let values: Vec<i64> = values.map(|value| value as i64).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Examples;
    use crate::tasks::generate::cuts::tests::{cuts, network};
    use crate::tasks::generate::masks::MaskConfig;
    use burn::tensor::ElementConversion;
    use burn_flex::{Flex, FlexDevice};

    fn number(x: &Tensor<Flex, 1>) -> f64 {
        x.clone().into_scalar().elem()
    }

    /// The total is the weighted sum. A network that knows nothing finds any of 16 codes and 12 lengths
    /// about equally likely.
    #[test]
    fn terms_are_weighed() {
        for layers in [1, 3] {
            let draw = cuts(layers, MaskConfig::default()).draw(1, 0, 6);
            let network = Generator::<Flex>::new(&network(layers), &FlexDevice).unwrap();
            let config = GenerateLossConfig { residual: 0.5, length: 2.0 };
            let loss = config.of(&network, &draw, &FlexDevice);
            let (masked, length) = (number(&loss.masked), number(&loss.length));
            let residual = loss.residual.as_ref().map(number);
            assert_eq!(residual.is_some(), layers > 1);
            let sum = masked + 2.0 * length + 0.5 * residual.unwrap_or_default();
            assert!((number(&loss.total) - sum).abs() < 1e-4);
            assert!((masked - 16_f64.ln()).abs() < 1.5, "{masked}");
            assert!((length - 12_f64.ln()).abs() < 1.5, "{length}");
            // It has no codes yet, so that the residual network says nothing.
            assert!(residual.is_none_or(|r| (r - 16_f64.ln()).abs() < 1e-4), "{residual:?}");
            assert!((0.0..=1.0).contains(&number(&loss.accuracy)));
            let names: Vec<_> = loss.terms().iter().map(|(name, _)| *name).collect();
            let rest = (layers > 1).then_some("residual");
            let expected = ["masked", "length"].into_iter().chain(rest).chain(["masked_accuracy"]);
            assert_eq!(names, expected.collect::<Vec<_>>());
        }
    }

    /// What comes after the end of a cut changes nothing.
    #[test]
    fn padding_is_not_asked_for() {
        let mut draw = cuts(2, MaskConfig::default()).draw(1, 0, 6);
        let network = Generator::<Flex>::new(&network(2), &FlexDevice).unwrap();
        let (tokens, parts) = (draw.tokens(), 6);
        draw.lengths[0] = tokens - 2;
        draw.asked.retain(|place| *place < (tokens - 2) * parts || *place >= tokens * parts);
        let loss = |draw: &CodeDraw| {
            let loss = GenerateLossConfig::default().of(&network, draw, &FlexDevice);
            number(&loss.total)
        };
        let before = loss(&draw);
        for place in (tokens - 2) * parts..tokens * parts {
            draw.seen[place] = 3;
            draw.codes[place * 2..][..2].fill(3);
        }
        assert!((loss(&draw) - before).abs() < 1e-6);
    }
}
