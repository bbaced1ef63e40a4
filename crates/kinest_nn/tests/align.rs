//! HTMA: its tensors, shapes and gradients, and what must not change what it says.

use burn::backend::Autodiff;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use kinest::align::{LevelTexts, TextBatch};
use kinest::model::align::{AlignConfig, AlignSpec, Alignment, FRAME, SEEN, Structure};
use kinest::model::{CheckpointOf, ManifestOf, Precision};
use kinest::skeleton::GroupPair;
use kinest_nn::align::{Htma, Motions, Point};
use kinest_nn::loss::{divergence, smooth_l1};
use kinest_nn::tensors::tensors_of;

const STRUCTURES: [Structure; 5] = [
    Structure::Global,
    Structure::Groups,
    Structure::Interactions,
    Structure::Separate,
    Structure::Flat,
];

/// Every dimension differs, so that swapped dimensions are detected.
fn small(structure: Structure) -> AlignConfig {
    AlignConfig {
        structure,
        width: 12,
        heads: 3,
        layers: 2,
        hidden: 10,
        dropout: 0.0,
        rows: 50,
        frames: 24,
        patches: [4, 6, 12],
    }
}

fn texts() -> [LevelTexts; 2] {
    let pair = |i: usize, text: &str| (GroupPair::ALL[i], text.to_owned());
    let walk = LevelTexts {
        body: "a person walks forward".into(),
        groups: std::array::from_fn(|i| format!("part {i} moves")),
        pairs: vec![pair(2, "near"), pair(9, "the hands are far apart")],
    };
    let wave = LevelTexts { body: "someone waves".into(), pairs: vec![], ..walk.clone() };
    [walk, wave]
}

fn text_batch(texts: &[&LevelTexts]) -> TextBatch {
    TextBatch::new(texts, &AlignSpec::default(), small(Structure::Flat).rows)
}

/// Numbers that differ in every place; the second motion has 13 frames.
fn motions<B: Backend>(device: &B::Device) -> Motions<B> {
    let values = (0..2 * 24 * FRAME).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0).sin()).collect();
    let frames = Tensor::from_data(TensorData::new(values, [2, 24, FRAME]), device);
    Motions { frames, lengths: vec![24, 13] }
}

fn network<B: Backend>(structure: Structure) -> Htma<B> {
    B::seed(&B::Device::default(), 4);
    Htma::new(&small(structure), &B::Device::default()).unwrap()
}

fn values<B: Backend, const D: usize>(x: &Tensor<B, D>) -> Vec<f32> {
    x.clone().into_data().to_vec().unwrap()
}

fn means<B: Backend>(points: &[Point<B>]) -> Vec<Vec<f32>> {
    points.iter().map(|point| values(&point.mean)).collect()
}

#[track_caller]
fn assert_close(a: &[f32], b: &[f32]) {
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(a.len() == b.len() && worst < 1e-5, "{worst}");
}

#[test]
fn tensors_and_shapes_are_those_of_the_config() {
    for structure in STRUCTURES {
        let network = network::<Flex>(structure);
        let tensors = tensors_of(&network);
        let found: Vec<_> =
            tensors.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())).collect();
        let config = small(structure).tensors();
        assert_eq!(found, config.iter().collect::<Vec<_>>(), "{structure:?}");

        let [walk, wave] = &texts();
        let text = network.texts(&text_batch(&[walk, wave]), &FlexDevice);
        let motions = motions(&FlexDevice);
        let motion = network.motions(&motions);
        for points in [&text, &motion] {
            assert_eq!(points.len(), structure.encoders().len());
            for Point { mean, log_variance } in points {
                assert_eq!((mean.dims(), log_variance.dims()), ([2, 12], [2, 12]));
            }
        }
        assert_eq!(network.decode(motion[0].mean.clone(), 24).dims(), [2, 24, SEEN]);
        assert_eq!(network.shown(&motions).dims(), [2, 24, SEEN]);
    }
}

/// Names of the parameters that get a gradient that is not 0.
struct Reached<'a, B: AutodiffBackend> {
    gradients: &'a B::Gradients,
    missed: Vec<Vec<usize>>,
    all: usize,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Reached<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let x = param.val();
        if !x.is_require_grad() {
            return;
        }
        self.all += 1;
        let norm = x.grad(self.gradients).map(|g| g.abs().max().into_data().to_vec::<f32>());
        if !matches!(norm, Some(Ok(norm)) if norm[0] > 0.0) {
            self.missed.push(x.dims().to_vec());
        }
    }
}

#[test]
fn gradients_reach_all_parameters() {
    type Learning = Autodiff<Flex>;
    for structure in STRUCTURES {
        let network = network::<Learning>(structure);
        let [walk, wave] = &texts();
        let text = network.texts(&text_batch(&[walk, wave]), &FlexDevice);
        let motions = motions(&FlexDevice);
        let motion = network.motions(&motions);
        let mut loss = Tensor::<Learning, 1>::zeros([1], &FlexDevice);
        for (text, motion) in text.iter().zip(&motion) {
            let point = |p: &Point<Learning>| (p.mean.clone(), p.log_variance.clone());
            loss = loss + divergence(point(text), point(motion));
        }
        // The finest level has to reach the coarser ones through what it looks at.
        let decoded = network.decode(text.last().unwrap().mean.clone(), 24);
        loss = loss + smooth_l1(decoded - network.shown(&motions));
        let gradients = loss.backward();
        let mut reached = Reached { gradients: &gradients, missed: vec![], all: 0 };
        network.visit(&mut reached);
        // A key's bias shifts all scores of a query alike, which softmax does not see.
        let biases = reached.missed.iter().filter(|shape| **shape == [12]).count();
        assert_eq!(reached.missed.len(), biases, "{structure:?}: {:?}", reached.missed);
        let config = small(structure);
        let tensors = config.tensors();
        let keys = tensors.iter().filter(|(name, _)| name.ends_with("key.bias")).count();
        assert!(biases <= keys, "{structure:?}: {biases} of {keys}");
        assert_eq!(reached.all, tensors.iter().count() - 2, "all but the statistics");
    }
}

/// What comes after the end of a motion, longer neighbours in a batch, and the order of a batch change
/// nothing.
#[test]
fn items_of_a_batch_do_not_see_each_other() {
    for structure in STRUCTURES {
        let network = network::<Flex>(structure);
        let [walk, wave] = &texts();
        let said = |texts: &[&LevelTexts]| means(&network.texts(&text_batch(texts), &FlexDevice));
        let (both, other, alone) = (said(&[walk, wave]), said(&[wave, walk]), said(&[wave]));
        for ((both, other), alone) in both.iter().zip(&other).zip(&alone) {
            assert_close(&both[12..], alone);
            assert_close(&other[..12], alone);
        }
        let whole = motions::<Flex>(&FlexDevice);
        let moved = means(&network.motions(&whole));
        let cut = whole
            .frames
            .clone()
            .slice_assign([1..2, 13..24], Tensor::full([1, 11, FRAME], 7.0, &FlexDevice));
        let lengths = whole.lengths.clone();
        let changed = means(&network.motions(&Motions { frames: cut, lengths }));
        let alone = Motions { frames: whole.frames.narrow(0, 1, 1), lengths: vec![13] };
        let alone = means(&network.motions(&alone));
        for ((moved, changed), alone) in moved.iter().zip(&changed).zip(&alone) {
            assert_close(moved, changed);
            assert_close(&moved[12..], alone);
            assert!(moved[..12] != moved[12..]);
        }
    }
}

/// With KinMo's structure a finer level depends on the coarser text, without attention it does not.
#[test]
fn levels_look_back_only_where_they_should() {
    for (structure, looks) in [(Structure::Interactions, true), (Structure::Separate, false)] {
        let network = network::<Flex>(structure);
        let [walk, _] = &texts();
        let other = LevelTexts { body: "nobody".into(), ..walk.clone() };
        let said = |text| means(&network.texts(&text_batch(&[text]), &FlexDevice));
        let (one, two) = (said(walk), said(&other));
        assert_ne!(one[0], two[0]);
        assert_eq!([one[1] != two[1], one[2] != two[2]], [looks; 2], "{structure:?}");
    }
}

#[test]
fn a_checkpoint_gives_the_network_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model.ron");
    let network = network::<Flex>(Structure::Interactions);
    let manifest = ManifestOf::new(small(Structure::Interactions), AlignSpec::default());
    network.to_checkpoint(manifest, Precision::F32).unwrap().save(&path).unwrap();
    let checkpoint = CheckpointOf::<Alignment>::load(&path).unwrap();
    assert_eq!(checkpoint.manifest.kind, "align");
    let read = Htma::<Flex>::from_checkpoint(&checkpoint, &FlexDevice).unwrap();
    let motions = motions(&FlexDevice);
    assert_eq!(means(&network.motions(&motions)), means(&read.motions(&motions)));
    let [walk, wave] = &texts();
    let batch = text_batch(&[walk, wave]);
    assert_eq!(means(&network.texts(&batch, &FlexDevice)), means(&read.texts(&batch, &FlexDevice)));
    let wider = AlignConfig { width: 18, ..small(Structure::Interactions) };
    let mut other = checkpoint.manifest.clone();
    other.network = wider;
    let other = CheckpointOf::new(other, &checkpoint.tensors().unwrap(), Precision::F32).unwrap();
    let error = Htma::<Flex>::from_checkpoint(&other, &FlexDevice).unwrap_err().to_string();
    assert!(error.contains("words.table"), "{error}");
}
