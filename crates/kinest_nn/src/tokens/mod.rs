//! Motion tokens: a motion as a few whole numbers, and back.
//!
//! For each part of the body ([`TokenParts`]) an encoder makes one vector of several frames, a
//! residual vector [`Quantiser`] writes it as a sum of codes, and a decoder makes frames of the sum
//! (RVQ-VAE, as in MoMask). The numbers of the codes are the tokens.

mod coder;
mod quantiser;

pub use quantiser::{Codebook, CodesSeen, Quantised, Quantiser};

use crate::layers::statistics::{DataStatistics, Standardise};
use crate::tensors::{tensors_of, with_tensors};
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};
use coder::{Decoder, Encoder};
use kinest::model::tokens::{MOTION_NUMBERS, TokenConfig, TokenParts, Tokenising};
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, NetworkConfigError, Precision};

/// Encoder, quantiser and decoder of a part of the body.
#[derive(Module, Debug)]
struct Part<B: Backend> {
    encoder: Encoder<B>,
    quantiser: Quantiser<B>,
    decoder: Decoder<B>,
}

/// A token network.
#[derive(Module, Debug)]
pub struct TokenNetwork<B: Backend> {
    standardise: Standardise<B>,
    parts: Vec<Part<B>>,
    #[module(skip)]
    division: TokenParts,
}

/// A motion as the network reads it back, in training.
#[derive(Clone, Debug)]
pub struct Learnt<B: Backend> {
    /// The numbers of the motion: `[batch, frames, MOTION_NUMBERS]`.
    pub motion: Tensor<B, 3>,
    /// Mean of the parts' [`commitment`](Quantised::commitment).
    pub commitment: Tensor<B, 1>,
    /// For [`TokenNetwork::absorb`].
    pub seen: Vec<CodesSeen<B>>,
}

impl<B: Backend> TokenNetwork<B> {
    /// A network with random weights and empty codebooks. Without statistics its inputs are not
    /// standardised.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn new(
        config: &TokenConfig,
        statistics: Option<&DataStatistics>,
        device: &B::Device,
    ) -> Result<Self, NetworkConfigError> {
        config.check()?;
        let part = |columns: Vec<usize>| Part {
            encoder: Encoder::new(columns.len(), config, device),
            quantiser: Quantiser::new(config.layers, config.codes, config.code_dim, device),
            decoder: Decoder::new(columns.len(), config, device),
        };
        Ok(Self {
            standardise: match statistics {
                Some(statistics) => statistics.standardise(device),
                None => Standardise::identity(MOTION_NUMBERS, device),
            },
            parts: config.parts.columns().into_iter().map(part).collect(),
            division: config.parts,
        })
    }

    /// The network of a checkpoint, on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(
        checkpoint: &CheckpointOf<Tokenising>,
        device: &B::Device,
    ) -> Result<Self, CheckpointError> {
        let network = Self::new(&checkpoint.manifest.network, None, device)?;
        Ok(with_tensors(network, checkpoint.tensors()?))
    }

    /// The checkpoint of this network: `manifest`, with `precision` and hash filled in.
    ///
    /// # Errors
    /// If a weight is not finite in that precision.
    pub fn to_checkpoint(
        &self,
        manifest: ManifestOf<Tokenising>,
        precision: Precision,
    ) -> Result<CheckpointOf<Tokenising>, CheckpointError> {
        CheckpointOf::new(manifest, &tensors_of(self), precision)
    }

    /// Number of codes in use, of each layer of each part.
    #[must_use]
    pub fn alive(&self) -> Vec<Vec<usize>> {
        self.parts.iter().map(|part| part.quantiser.alive()).collect()
    }

    /// The tokens of motions.
    ///
    /// # Shapes
    /// - `motion`: `[batch, frames, MOTION_NUMBERS]`; the frames are those of whole tokens
    /// - output: `[batch, tokens, parts * layers]`, part by part
    #[must_use]
    pub fn encode(&self, motion: Tensor<B, 3>) -> Tensor<B, 3, Int> {
        let inputs = self.divide(self.standardise.forward(motion));
        let codes = self.parts.iter().zip(inputs);
        let codes = codes.map(|(part, x)| part.quantiser.encode(part.encoder.forward(x)));
        Tensor::cat(codes.collect(), 2)
    }

    /// The motions of tokens, from the first `layers` codes of each part.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, parts * layers of the network]`
    /// - output: `[batch, frames, MOTION_NUMBERS]`
    #[must_use]
    pub fn decode(&self, tokens: Tensor<B, 3, Int>, layers: usize) -> Tensor<B, 3> {
        let own = tokens.dims()[2] / self.parts.len();
        let said = self.parts.iter().enumerate().map(|(i, part)| {
            let codes = tokens.clone().narrow(2, i * own, layers.min(own));
            part.decoder.forward(part.quantiser.decode(codes))
        });
        self.standardise.inverse(self.join(said.collect()))
    }

    /// What the first `layers` codes of each part add up to.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, parts * layers of the network]`
    /// - output: `[batch, tokens, parts * code_dim]`
    #[must_use]
    pub fn sums(&self, tokens: Tensor<B, 3, Int>, layers: usize) -> Tensor<B, 3> {
        let own = tokens.dims()[2] / self.parts.len();
        let sums = self.parts.iter().enumerate().map(|(i, part)| {
            part.quantiser.decode(tokens.clone().narrow(2, i * own, layers.min(own)))
        });
        Tensor::cat(sums.collect(), 2)
    }

    /// The codes of a layer, `[parts, codes, code_dim]`, without a gradient.
    #[must_use]
    pub fn codes(&self, layer: usize) -> Tensor<B, 3> {
        let codes = self.parts.iter().map(|part| part.quantiser.codes(layer));
        Tensor::stack(codes.collect(), 0)
    }

    /// Encodes and decodes in training: of motion `i`, only the first `active[i]` codes are used.
    /// After the optimiser's step, [`absorb`](Self::absorb) what the codebooks have seen.
    ///
    /// # Shapes
    /// - `motion`: `[batch, frames, MOTION_NUMBERS]`; the frames are those of whole tokens
    #[must_use]
    pub fn learn(&self, motion: Tensor<B, 3>, active: &[usize]) -> Learnt<B> {
        let inputs = self.divide(self.standardise.forward(motion));
        let (mut said, mut seen) = (vec![], vec![]);
        let mut commitment: Option<Tensor<B, 1>> = None;
        for (part, x) in self.parts.iter().zip(inputs) {
            let quantised = part.quantiser.learn(part.encoder.forward(x), active);
            said.push(part.decoder.forward(quantised.sums));
            seen.push(quantised.seen);
            let own = quantised.commitment / self.parts.len() as f64;
            commitment = Some(commitment.map_or(own.clone(), |sum| sum + own));
        }
        let motion = self.standardise.inverse(self.join(said));
        let commitment = commitment.unwrap_or_else(|| Tensor::zeros([1], &motion.device()));
        Learnt { motion, commitment, seen }
    }

    /// Updates the codebooks.
    pub fn absorb(&mut self, seen: Vec<CodesSeen<B>>) {
        let parts = self.parts.iter_mut().zip(seen);
        parts.for_each(|(part, seen)| part.quantiser.absorb(seen));
    }

    /// The numbers of each part.
    fn divide(&self, x: Tensor<B, 3>) -> Vec<Tensor<B, 3>> {
        let part = |columns: &Vec<usize>| x.clone().select(2, indices(columns, &x.device()));
        self.division.columns().iter().map(part).collect()
    }

    /// The inverse of [`divide`](Self::divide).
    fn join(&self, parts: Vec<Tensor<B, 3>>) -> Tensor<B, 3> {
        let columns = self.division.columns().concat();
        let mut places = vec![0; columns.len()];
        columns.iter().enumerate().for_each(|(place, column)| places[*column] = place);
        let joined = Tensor::cat(parts, 2);
        let device = joined.device();
        joined.select(2, indices(&places, &device))
    }
}

fn indices<B: Backend>(values: &[usize], device: &B::Device) -> Tensor<B, 1, Int> {
    let values: Vec<i32> = values.iter().map(|value| *value as i32).collect();
    Tensor::from_ints(values.as_slice(), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;
    use burn_flex::{Flex, FlexDevice};
    use kinest::model::TensorShapes;
    use kinest::model::tokens::TokenSpec;
    use kinest::skeleton::Group;

    fn config(parts: TokenParts) -> TokenConfig {
        TokenConfig {
            parts,
            width: 6,
            blocks: 2,
            halvings: 2,
            causal: false,
            code_dim: 5,
            codes: 7,
            layers: 3,
        }
    }

    fn motion(batch: usize, frames: usize) -> Tensor<Flex, 3> {
        let normal = Distribution::Normal(0.0, 1.0);
        Tensor::random([batch, frames, MOTION_NUMBERS], normal, &FlexDevice)
    }

    /// A network whose codebooks have seen some motion.
    fn filled(config: &TokenConfig) -> TokenNetwork<Flex> {
        let mut network = TokenNetwork::new(config, None, &FlexDevice).unwrap();
        for _ in 0..5 {
            let seen = network.learn(motion(4, 16), &[3; 4]).seen;
            network.absorb(seen);
        }
        network
    }

    fn floats<const D: usize>(x: Tensor<Flex, D>) -> Vec<f32> {
        x.into_data().to_vec().unwrap()
    }

    #[test]
    fn tensors_are_those_of_the_dimensions() {
        for parts in [TokenParts::Whole, TokenParts::Groups] {
            let config = config(parts);
            let network = TokenNetwork::<Flex>::new(&config, None, &FlexDevice).unwrap();
            let mut found = TensorShapes::default();
            for (name, (shape, _)) in tensors_of(&network) {
                match shape[..] {
                    [numbers] => found.add(name, [numbers]),
                    [rows, columns] => found.add(name, [rows, columns]),
                    _ => panic!("{name} has shape {shape:?}"),
                }
            }
            assert_eq!(config.tensors(), found);
        }
        let wrong = TokenConfig { layers: 0, ..config(TokenParts::Whole) };
        let error = TokenNetwork::<Flex>::new(&wrong, None, &FlexDevice).unwrap_err();
        assert!(error.to_string().contains("layers"), "{error}");
    }

    #[test]
    fn shapes_follow_from_the_dimensions() {
        let network = filled(&config(TokenParts::Groups));
        let tokens = network.encode(motion(2, 20));
        assert_eq!(tokens.dims(), [2, 5, 18]);
        assert_eq!(network.decode(tokens, 2).dims(), [2, 20, MOTION_NUMBERS]);
    }

    /// What is learnt from is what is decoded later.
    #[test]
    fn decoding_the_tokens_is_what_training_saw() {
        for parts in [TokenParts::Whole, TokenParts::Groups] {
            let network = filled(&config(parts));
            let x = motion(3, 12);
            let tokens = network.encode(x.clone());
            for layers in [1, 2, 3] {
                let learnt = network.learn(x.clone(), &[layers; 3]).motion;
                let off = learnt - network.decode(tokens.clone(), layers);
                assert!(floats(off).iter().all(|off| off.abs() < 1e-4));
            }
        }
    }

    #[test]
    fn a_checkpoint_is_read_back_bit_for_bit() {
        let config = config(TokenParts::Groups);
        let statistics = DataStatistics {
            input_mean: vec![0.5; MOTION_NUMBERS],
            input_std: (1..=MOTION_NUMBERS).map(|i| 0.1 * i as f32).collect(),
            target_mean: vec![],
        };
        let mut network =
            TokenNetwork::<Flex>::new(&config, Some(&statistics), &FlexDevice).unwrap();
        for _ in 0..5 {
            let seen = network.learn(motion(4, 16), &[3; 4]).seen;
            network.absorb(seen);
        }
        let manifest = ManifestOf::new(config, TokenSpec { rate_hz: 30.0 });
        let mut checkpoint = network.to_checkpoint(manifest, Precision::F32).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.model.ron");
        checkpoint.save(&path).unwrap();
        let read = CheckpointOf::<Tokenising>::load(&path).unwrap();
        assert_eq!(read, checkpoint);
        let again = TokenNetwork::<Flex>::from_checkpoint(&read, &FlexDevice).unwrap();
        assert_eq!(tensors_of(&again), tensors_of(&network));
        assert_eq!(again.alive(), network.alive());
        let x = motion(1, 16);
        let [a, b] = [&network, &again].map(|n| floats(n.decode(n.encode(x.clone()), 3)));
        assert_eq!(a, b);
    }

    /// Other frames of an arm change the tokens of that arm only, and back.
    #[test]
    fn a_limb_has_its_own_tokens() {
        let network = filled(&config(TokenParts::Groups));
        let x = motion(1, 16);
        let columns = TokenParts::Groups.columns();
        let arm = &columns[Group::LeftArm.index()];
        let mask = |inside: f32, outside: f32| {
            let of = |column| if arm.contains(&column) { inside } else { outside };
            let row: Vec<f32> = (0..MOTION_NUMBERS).map(of).collect();
            Tensor::<Flex, 1>::from_floats(row.as_slice(), &FlexDevice).unsqueeze::<3>()
        };
        let other = x.clone() * mask(-1.0, 1.0);
        let [a, b] = [&x, &other].map(|x| network.encode(x.clone()));
        let changed: Vec<bool> = {
            let same = a.clone().equal(b.clone()).int().sum_dim(1).into_data().convert::<i64>();
            same.iter::<i64>().map(|same| same < 4).collect()
        };
        let place = 3 * Group::LeftArm.index()..3 * Group::LeftArm.index() + 3;
        assert!((0..18).all(|i| place.contains(&i) || !changed[i]), "{changed:?}");
        assert!(changed[place].iter().any(|changed| *changed));
        let off = network.decode(a, 3) - network.decode(b, 3);
        assert!(floats(off.clone() * mask(0.0, 1.0)).iter().all(|off| *off == 0.0));
        assert!(floats(off).iter().any(|off| off.abs() > 1e-3));
    }

    /// A causal network's tokens do not change when later frames do, and neither do frames when
    /// later tokens do.
    #[test]
    fn a_causal_network_does_not_see_the_future() {
        for causal in [true, false] {
            let network = filled(&TokenConfig { causal, ..config(TokenParts::Whole) });
            let start = motion(1, 8);
            let [a, b] = [1.0, -1.0].map(|sign| {
                let whole = Tensor::cat(vec![start.clone(), start.clone() * sign], 1);
                let tokens = network.encode(whole);
                let frames = network.decode(tokens.clone(), 3).narrow(1, 0, 8);
                (tokens.narrow(1, 0, 2), floats(frames))
            });
            let same = a.0.equal(b.0).all().into_scalar() && a.1 == b.1;
            assert_eq!(same, causal);
        }
    }
}
