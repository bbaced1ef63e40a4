use super::*;
use burn::backend::Autodiff;
use burn::module::{AutodiffModule, ModuleVisitor};
use burn::tensor::backend::AutodiffBackend;
use burn_flex::{Flex, FlexDevice};
use kinest::align::LevelTexts;
use kinest::model::generate::GenerateSpec;
use kinest::model::tokens::{MOTION_NUMBERS, TokenParts};
use kinest::skeleton::{Group, GroupPair};

fn config(parts: TokenParts, layers: usize) -> GenerateConfig {
    let tokens = TokenConfig {
        parts,
        width: 6,
        blocks: 1,
        code_dim: 5,
        codes: 7,
        layers,
        ..TokenConfig::default()
    };
    GenerateConfig {
        tokens,
        width: 12,
        heads: 3,
        text_layers: 1,
        layers: 2,
        residual_layers: 1,
        hidden: 10,
        dropout: 0.0,
        rows: 50,
        longest: 9,
    }
}

/// A network whose codebooks have different codes.
fn network<B: Backend>(config: &GenerateConfig) -> Generator<B> {
    let device = B::Device::default();
    B::seed(&device, 4);
    let network = Generator::<B>::new(config, &device).unwrap();
    let mut tensors = tensors_of(&network);
    let books = tensors.iter_mut().filter(|(name, _)| name.contains("quantiser"));
    for (_, (_, values)) in books {
        values.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 37 % 101) as f32).sin());
    }
    with_tensors(network, tensors)
}

fn texts(bodies: &[&str]) -> TextBatch {
    let told = |body: &&str| LevelTexts {
        body: (*body).into(),
        groups: std::array::from_fn(|i| format!("part {i} moves")),
        pairs: vec![(GroupPair::ALL[9], "the hands are far apart".into())],
    };
    let texts: Vec<LevelTexts> = bodies.iter().map(told).collect();
    let texts: Vec<&LevelTexts> = texts.iter().collect();
    TextBatch::new(&texts, &GenerateSpec::default().texts(), 50)
}

#[test]
fn tensors_are_those_of_the_config() {
    for (parts, layers) in [(TokenParts::Whole, 1), (TokenParts::Groups, 3)] {
        let config = config(parts, layers);
        let tensors = tensors_of(&network::<Flex>(&config));
        let found: Vec<_> =
            tensors.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())).collect();
        assert_eq!(found, config.tensors().iter().collect::<Vec<_>>());
    }
    let wrong = GenerateConfig { longest: 0, ..config(TokenParts::Whole, 1) };
    let error = Generator::<Flex>::new(&wrong, &FlexDevice).unwrap_err();
    assert!(error.to_string().contains("longest"), "{error}");
}

#[test]
fn codes_are_drawn_by_seed_and_become_motion() {
    let texts = texts(&["a person walks", "someone waves"]);
    for (parts, layers) in [(TokenParts::Whole, 1), (TokenParts::Groups, 3)] {
        let network = network::<Flex>(&config(parts, layers));
        let sampling = Sampling { keep: 0.6, scale: 2.0, ..Sampling::default() };
        let draw = |sampling: &Sampling, seed| {
            network.sample(&texts, &[5, 3], sampling, seed, &FlexDevice)
        };
        let codes = draw(&sampling, 1);
        assert_eq!(codes, draw(&sampling, 1));
        assert_ne!(codes, draw(&sampling, 2));
        let width = parts.count() * layers;
        assert_eq!(codes.iter().map(Vec::len).collect::<Vec<_>>(), [5 * width, 3 * width]);
        assert!(codes.iter().flatten().all(|code| *code < 7));
        let motion = network.motion(&codes[1], &FlexDevice);
        assert_eq!(motion.len(), 3 * 4 * MOTION_NUMBERS);
        assert!(motion.iter().all(|v| v.is_finite()));

        let first = draw(&Sampling { residual: false, ..sampling }, 1);
        for (all, first) in codes
            .iter()
            .flatten()
            .zip(first.iter().flatten())
            .enumerate()
            .map(|(i, (all, first))| if i % layers == 0 { (*all, *first) } else { (7, *first) })
        {
            assert_eq!(all, first);
        }
        let coarse = network.motion(&first[1], &FlexDevice);
        assert_eq!(coarse == motion, layers == 1);
        assert_ne!(draw(&Sampling { passes: 1, ..sampling }, 1), codes);
        let lengths = network.lengths(&texts, &FlexDevice);
        assert!(lengths.len() == 2 && lengths.iter().all(|n| (1..=9).contains(n)), "{lengths:?}");
    }
    let network = network::<Flex>(&config(TokenParts::Whole, 2));
    let none = TextBatch { batch: 0, ..TextBatch::default() };
    assert!(network.sample(&none, &[], &Sampling::default(), 1, &FlexDevice).is_empty());
    assert!(network.motion(&[], &FlexDevice).is_empty());
}

/// A text draws the same codes alone and beside others, and none is heard at scale 0.
#[test]
fn texts_do_not_see_each_other() {
    let network = network::<Flex>(&config(TokenParts::Groups, 2));
    let draw = |bodies: &[&str], tokens: &[usize], scale| {
        let sampling = Sampling { scale, ..Sampling::default() };
        network.sample(&texts(bodies), tokens, &sampling, 3, &FlexDevice)
    };
    let both = draw(&["a person walks", "someone waves"], &[3, 6], 1.0);
    assert_eq!(both[0], draw(&["a person walks"], &[3], 1.0)[0]);
    assert_eq!(draw(&["a person walks"], &[6], 0.0), draw(&["someone waves"], &[6], 0.0));
}

#[test]
fn a_limb_is_replaced_and_the_others_are_kept() {
    let network = network::<Flex>(&config(TokenParts::Groups, 2));
    let (texts, arm) = (texts(&["a person walks"]), Group::RightArm.index());
    let sampling = Sampling { keep: 1.0, ..Sampling::default() };
    let before = network.sample(&texts, &[6], &sampling, 1, &FlexDevice);
    let after = network.replace(&texts, before.clone(), &[arm], &sampling, 2, &FlexDevice);
    let changed = before[0].iter().zip(&after[0]).map(|(a, b)| a != b);
    let changed: Vec<usize> =
        changed.enumerate().filter(|(_, c)| *c).map(|(i, _)| i / 2 % 6).collect();
    assert!(!changed.is_empty() && changed.iter().all(|part| *part == arm), "{changed:?}");
}

#[test]
fn a_checkpoint_is_read_back_bit_for_bit() {
    let config = config(TokenParts::Groups, 2);
    let network = network::<Flex>(&config);
    let manifest = ManifestOf::new(config, GenerateSpec::default());
    let mut checkpoint = network.to_checkpoint(manifest, Precision::F32).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model.ron");
    checkpoint.save(&path).unwrap();
    let read = CheckpointOf::<Generating>::load(&path).unwrap();
    assert_eq!(read, checkpoint);
    let again = Generator::<Flex>::from_checkpoint(&read, &FlexDevice).unwrap();
    assert_eq!(tensors_of(&again), tensors_of(&network));
    let texts = texts(&["a person walks"]);
    let [one, two] =
        [&network, &again].map(|n| n.sample(&texts, &[4], &Sampling::default(), 1, &FlexDevice));
    assert_eq!(one, two);
    assert_eq!(network.motion(&one[0], &FlexDevice), again.motion(&two[0], &FlexDevice));
}

/// Shapes of the parameters that learn and get no gradient, and the number of those that learn.
struct Missed<'a, B: AutodiffBackend> {
    gradients: &'a B::Gradients,
    shapes: Vec<Vec<usize>>,
    learn: usize,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Missed<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let x = param.val();
        if x.is_require_grad() {
            self.learn += 1;
            if x.grad(self.gradients).is_none() {
                self.shapes.push(x.dims().to_vec());
            }
        }
    }
}

/// Also in a network that was read from a file or resumed.
#[test]
fn all_but_the_token_network_learn() {
    type Learning = Autodiff<Flex>;
    let config = config(TokenParts::Groups, 3);
    let new = network::<Learning>(&config);
    let manifest = ManifestOf::new(config.clone(), GenerateSpec::default());
    let checkpoint = new.to_checkpoint(manifest, Precision::F32).unwrap();
    let read = Generator::<Learning>::from_checkpoint(&checkpoint, &FlexDevice).unwrap();
    let resumed = Generator::<Learning>::new(&config, &FlexDevice).unwrap();
    let resumed = resumed.load_record(new.clone().into_record());
    assert_eq!(tensors_of(&resumed.valid()), tensors_of(&new.valid()));
    let trained = config.tensors().iter().filter(|(name, _)| !name.starts_with("tokens.")).count();
    for network in [new, read, resumed] {
        let told = network.conditions(&texts(&["a person walks"]), &FlexDevice);
        let level = |i: usize| told.clone().narrow(1, i, 1).squeeze_dim::<2>(1);
        let mut loss = network.length_logits(level(0)).sum();
        for (i, level_of) in Level::ALL.into_iter().enumerate() {
            let seen = [7, 1, 2, 3, 4, 5].repeat(4);
            let logits = network.first_logits(&seen, &[4], level(i), &[level_of]);
            loss = loss + logits.square().sum();
        }
        for layer in [1, 2] {
            let codes: Vec<u32> = (0..4 * 18).map(|i| i % 7).collect();
            let logits = network.rest_logits(&codes, &[4], level(2), layer).unwrap();
            loss = loss + logits.square().sum();
        }
        let gradients = loss.backward();
        let mut missed = Missed::<Learning> { gradients: &gradients, shapes: vec![], learn: 0 };
        network.visit(&mut missed);
        assert_eq!((missed.learn, missed.shapes), (trained, vec![]));
    }
}
