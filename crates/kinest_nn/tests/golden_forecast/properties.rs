//! What holds for any weights.

use crate::noise::{Noise, weights};
use crate::values;
use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module, ModuleMapper, Param};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Int, Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use kinest::model::forecast::{
    ForecastConfig, ForecastLayout, ForecastSpec, Forecasting, Fusion, FusionScale, KsofConfig,
    SiMlpeConfig,
};
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, Precision};
use kinest_nn::forecast::{ForecastNetwork, Forecaster, Ksof};
use kinest_nn::loss::{
    BranchWeights, KsofTerms, joint_distance, joint_velocity_distance, predicted_acceleration,
};
use kinest_nn::tensors::{tensors_of, with_tensors};

/// Every dimension differs, so that swapped dimensions are detected.
fn small() -> KsofConfig {
    KsofConfig {
        history: 5,
        horizon: 8,
        numbers: 75,
        residual: true,
        channels: 6,
        temporal_blocks: 3,
        taps: 2,
        hidden: 7,
        graph_blocks: 4,
        gate: Some(3),
        fusion: Fusion::default(),
        dropout: 0.0,
    }
}

fn small_simlpe() -> SiMlpeConfig {
    SiMlpeConfig { history: 5, horizon: 8, numbers: 75, blocks: 3 }
}

/// Networks with all parts that can be chosen.
fn configs() -> Vec<ForecastConfig> {
    let scale = |taps, one_of| FusionScale { taps, one_of };
    let fusions = [
        Fusion::default(),
        Fusion::TopK(vec![scale(1, 1), scale(9, 75)]),
        Fusion::Linear,
        Fusion::Temporal,
        Fusion::Graph,
    ];
    let mut ksof: Vec<_> =
        fusions.into_iter().map(|fusion| KsofConfig { fusion, ..small() }).collect();
    ksof.extend([
        KsofConfig { residual: false, ..small() },
        KsofConfig { horizon: 5, gate: None, ..small() },
        KsofConfig { horizon: 1, gate: Some(9), ..small() },
        KsofConfig { taps: 3, temporal_blocks: 0, graph_blocks: 0, ..small() },
    ]);
    let simlpe = [small_simlpe(), SiMlpeConfig { horizon: 5, blocks: 0, ..small_simlpe() }];
    let ksof = ksof.into_iter().map(ForecastConfig::Ksof);
    ksof.chain(simlpe.map(ForecastConfig::SiMlpe)).collect()
}

impl Noise {
    fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<Flex, D> {
        let numbers = (0..shape.iter().product()).map(|_| self.number()).collect();
        Tensor::from_data(TensorData::new(numbers, shape), &FlexDevice)
    }
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<Flex, D> {
    Noise(1).tensor(shape)
}

/// A network whose weights are all random.
fn network<B: Backend>(config: &ForecastConfig, seed: u64) -> ForecastNetwork<B> {
    let device = B::Device::default();
    let network = ForecastNetwork::new(config, &device).unwrap();
    with_tensors(network, weights(config, Noise(seed << 32)))
}

fn ksof(config: &KsofConfig, seed: u64) -> Ksof<Flex> {
    match network(&ForecastConfig::Ksof(config.clone()), seed) {
        ForecastNetwork::Ksof(network) => network,
        ForecastNetwork::SiMlpe(_) => panic!("not KSOF"),
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    let worst = got.iter().zip(want).map(|(g, w)| (g - w).abs()).max_by(f32::total_cmp).unwrap();
    assert!(worst <= tolerance, "{worst:e} is more than {tolerance:e}");
}

#[test]
fn every_network_has_the_tensors_of_its_dimensions_and_outputs_its_horizon() {
    for config in configs() {
        let network = network::<Flex>(&config, 1);
        let tensors = tensors_of(&network);
        let found: Vec<_> =
            tensors.iter().map(|(n, (shape, _))| (n.as_str(), &shape[..])).collect();
        assert_eq!(config.tensors().iter().collect::<Vec<_>>(), found, "{config:?}");

        let forecast = network.forecast(random([2, config.history(), config.numbers()]));
        let expected = [2, config.horizon(), config.numbers()];
        for output in [Some(forecast.future), forecast.temporal, forecast.graph].iter().flatten() {
            assert_eq!(output.dims(), expected, "{config:?}");
            assert!(values(output.clone()).iter().all(|v| v.is_finite()), "{config:?}");
        }
    }
}

#[test]
fn a_checkpoint_restores_the_network() {
    let spec = ForecastSpec {
        layout: ForecastLayout::Cmu38,
        rate_hz: 25.0,
        history: 5,
        horizon: 8,
        gate: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.model.ron");
    for config in configs().into_iter().filter(|config| config.horizon() == 8) {
        let network = network::<Flex>(&config, 2);
        let history = random([3, 5, 75]);
        let before = values(network.forecast(history.clone()).future);
        for (precision, share) in [(Precision::F32, 0.0), (Precision::F16, 0.01)] {
            let manifest = ManifestOf::<Forecasting>::new(config.clone(), spec.clone());
            network.to_checkpoint(manifest, precision).unwrap().save(&path).unwrap();
            let checkpoint = CheckpointOf::<Forecasting>::load(&path).unwrap();
            assert_eq!(checkpoint.manifest.network, config);
            assert_eq!(checkpoint.manifest.spec, spec);
            let again = ForecastNetwork::<Flex>::from_checkpoint(&checkpoint, &FlexDevice).unwrap();
            let after = values(again.forecast(history.clone()).future);
            assert_close(&after, &before, share * largest(&before));
        }
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_says_what_is_wrong() {
    let config = ForecastConfig::SiMlpe(small_simlpe());
    let spec = |layout, rate_hz, history, horizon| ForecastSpec {
        layout,
        rate_hz,
        history,
        horizon,
        gate: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.model.ron");
    let error = |spec: ForecastSpec| {
        let manifest = ManifestOf::<Forecasting>::new(config.clone(), spec);
        let mut checkpoint =
            network::<Flex>(&config, 3).to_checkpoint(manifest, Precision::F32).unwrap();
        checkpoint.save(&path).unwrap();
        CheckpointOf::<Forecasting>::load(&path).unwrap_err()
    };
    for (spec, field) in [
        (spec(ForecastLayout::Cmu38, 0.0, 5, 8), "spec.rate_hz"),
        (spec(ForecastLayout::Cmu38, f64::NAN, 5, 8), "spec.rate_hz"),
        (spec(ForecastLayout::Cmu38, 25.0, 4, 8), "spec.history"),
        (spec(ForecastLayout::Cmu38, 25.0, 5, 9), "spec.horizon"),
        (spec(ForecastLayout::H36m, 25.0, 5, 8), "spec.layout"),
    ] {
        let error = error(spec);
        assert!(matches!(error, CheckpointError::Field { field: f, .. } if f == field), "{error}");
    }
    // A pose model's loader refuses it by its kind.
    error(spec(ForecastLayout::Cmu38, 0.0, 5, 8));
    let refused = kinest::model::Checkpoint::load(&path).unwrap_err();
    assert!(matches!(refused, CheckpointError::Kind { .. }), "{refused}");

    let mut manifest =
        ManifestOf::<Forecasting>::new(config.clone(), spec(ForecastLayout::Cmu38, 25.0, 5, 8));
    manifest.network = ForecastConfig::SiMlpe(SiMlpeConfig { blocks: 4, ..small_simlpe() });
    let tensors = tensors_of(&network::<Flex>(&config, 3));
    let checkpoint = CheckpointOf::new(manifest, &tensors, Precision::F32).unwrap();
    let error = ForecastNetwork::<Flex>::from_checkpoint(&checkpoint, &FlexDevice).unwrap_err();
    assert!(error.to_string().contains("missing `blocks.3.norm.beta` [75]"), "{error}");
}

#[test]
fn configs_name_the_field_that_does_not_fit() {
    let scale = |taps, one_of| Fusion::TopK(vec![FusionScale { taps, one_of }]);
    let ksof = [
        (KsofConfig { history: 1, ..small() }, "history"),
        (KsofConfig { horizon: 0, ..small() }, "horizon"),
        (KsofConfig { numbers: 0, ..small() }, "numbers"),
        (KsofConfig { channels: 0, ..small() }, "channels"),
        (KsofConfig { taps: 0, ..small() }, "taps"),
        (KsofConfig { hidden: 0, ..small() }, "hidden"),
        (KsofConfig { gate: Some(0), ..small() }, "gate"),
        (KsofConfig { temporal_blocks: 17, ..small() }, "temporal_blocks"),
        (KsofConfig { dropout: f64::NAN, ..small() }, "dropout"),
        (KsofConfig { fusion: scale(4, 2), ..small() }, "fusion"),
        (KsofConfig { fusion: scale(3, 0), ..small() }, "fusion"),
        (KsofConfig { fusion: scale(3, 76), ..small() }, "fusion"),
        (KsofConfig { fusion: Fusion::TopK(vec![]), ..small() }, "fusion"),
    ];
    let simlpe = [
        (SiMlpeConfig { history: 0, ..small_simlpe() }, "history"),
        (SiMlpeConfig { horizon: 0, ..small_simlpe() }, "horizon"),
        (SiMlpeConfig { numbers: 0, ..small_simlpe() }, "numbers"),
    ];
    let ksof = ksof.map(|(config, field)| (ForecastConfig::Ksof(config), field));
    let simlpe = simlpe.map(|(config, field)| (ForecastConfig::SiMlpe(config), field));
    for (config, field) in ksof.into_iter().chain(simlpe) {
        let error = ForecastNetwork::<Flex>::new(&config, &FlexDevice).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
    }
    for config in configs() {
        config.check().unwrap();
    }
    ForecastConfig::default().check().unwrap();
    ForecastConfig::SiMlpe(SiMlpeConfig::default()).check().unwrap();
}

#[test]
fn the_default_has_the_size_of_the_authors_network() {
    let weights = |config: &ForecastConfig| -> usize {
        let tensors = config.tensors();
        let trained = tensors.iter().filter(|(name, _)| !name.contains("running"));
        trained.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    };
    // The reference counts 7.48 million for 66 numbers and 512 features.
    let count = weights(&ForecastConfig::default());
    assert!((7_470_000..7_490_000).contains(&count), "{count}");
}

#[test]
fn samples_of_a_batch_do_not_influence_each_other() {
    for config in configs() {
        let network = network::<Flex>(&config, 4);
        let history = random([3, config.history(), config.numbers()]);
        let other = Noise(3).tensor([1, config.history(), config.numbers()]) * 100.0;
        let changed = Tensor::cat(vec![history.clone().narrow(0, 0, 2), other], 0);
        let first_two = |history| {
            let forecast = network.forecast(history);
            let outputs = [Some(forecast.future), forecast.temporal, forecast.graph];
            outputs.map(|output| output.map(|output| values(output.narrow(0, 0, 2))))
        };
        assert_eq!(first_two(history), first_two(changed), "{config:?}");
    }
}

#[test]
fn residual_networks_do_not_know_where_the_body_is() {
    let history = random([2, 5, 75]);
    let offset = Noise(3).tensor([1, 1, 75]);
    // How far outputs are from having moved by as much as the body, as a share of their size.
    let wrong = |residual| {
        let network = ksof(&KsofConfig { residual, ..small() }, 5);
        let here = network.forecast(history.clone());
        let there = network.forecast(history.clone() + offset.clone());
        let pairs = [
            (Some(here.future), Some(there.future)),
            (here.temporal, there.temporal),
            (here.graph, there.graph),
        ];
        pairs.map(|(here, there)| {
            let (here, there) = (here.unwrap() + offset.clone(), there.unwrap());
            largest(&values(here.clone() - there)) / largest(&values(here))
        })
    };
    assert!(wrong(true).iter().all(|wrong| *wrong < 1e-5), "{:?}", wrong(true));
    // Velocities are the same everywhere, so the temporal branch does not need the residual.
    let [future, temporal, graph] = wrong(false);
    assert!(temporal < 1e-5 && future > 0.01 && graph > 0.01, "{future} {temporal} {graph}");
}

#[test]
fn the_temporal_branch_sees_the_numbers_before_and_the_graph_branch_all() {
    let network = ksof(&small(), 6);
    let history = random([1, 5, 75]);
    // Three blocks of two convolutions with two taps, at distances 1, 2 and 4.
    let reach = 2 * (1 + 2 + 4);
    for number in [0, 20, 74] {
        let mut change = vec![0.0; 5 * 75];
        // Only the second frame: a change of the last one moves what the output is relative to.
        change[75 + number] = 1.0;
        let change = Tensor::from_data(TensorData::new(change, [1, 5, 75]), &FlexDevice);
        let before = network.forecast(history.clone());
        let after = network.forecast(history.clone() + change);
        let changed =
            |before: Option<Tensor<Flex, 3>>, after: Option<Tensor<Flex, 3>>| -> Vec<usize> {
                let most = values((before.unwrap() - after.unwrap()).abs().max_dim(1));
                (0..75).filter(|i| most[*i] > 0.0).collect()
            };
        let temporal = changed(before.temporal, after.temporal);
        assert!(temporal.contains(&number));
        assert!(temporal.iter().all(|i| (number..=number + reach).contains(i)), "{temporal:?}");
        assert_eq!(changed(before.graph, after.graph).len(), 75);
    }
}

#[test]
fn a_fresh_simlpe_holds_the_last_frame() {
    for horizon in [5, 8] {
        let config = SiMlpeConfig { horizon, ..small_simlpe() };
        let network =
            ForecastNetwork::<Flex>::new(&ForecastConfig::SiMlpe(config), &FlexDevice).unwrap();
        let history = random([2, 5, 75]);
        let held = history.clone().narrow(1, 4, 1).repeat_dim(1, horizon);
        assert_eq!(values(network.forecast(history).future), values(held));
    }
}

#[test]
fn running_figures_approach_those_of_the_batches() {
    let config = KsofConfig { fusion: Fusion::Graph, gate: None, ..small() };
    let mut network = ksof(&config, 7);
    let history = random([400, 5, 75]);
    let learned = values(network.learn(history.clone()).0.future);
    let far = |network: &Ksof<Flex>| {
        let predicted = values(network.forecast(history.clone()).future);
        let differences = predicted.iter().zip(&learned).map(|(p, l)| (p - l).abs());
        differences.fold(0.0_f32, f32::max)
    };
    let before = far(&network);
    // Learning alone changes nothing.
    assert_eq!(far(&network), before);
    let (_, moments) = network.learn(history.clone());
    for _ in 0..100 {
        network.absorb(moments.clone());
    }
    // What is left is the difference between the variances of a batch, biased and unbiased.
    let (after, scale) = (far(&network), largest(&learned));
    assert!(before > 0.1 * scale && after < 0.01 * scale, "{before} {after} of {scale}");
}

type Auto = Autodiff<Flex>;

/// Casts all trained weights, as training in mixed precision does.
struct Cast;

impl ModuleMapper<Auto> for Cast {
    fn map_float<const D: usize>(
        &mut self,
        param: Param<Tensor<Auto, D>>,
    ) -> Param<Tensor<Auto, D>> {
        param.map(|tensor| match tensor.is_require_grad() {
            true => Tensor::from_inner(tensor.inner().cast(DType::BF16)).require_grad(),
            false => tensor,
        })
    }
}

#[test]
fn sixteen_bit_weights_predict_in_the_precision_of_the_history() {
    for config in [
        ForecastConfig::Ksof(KsofConfig { fusion: Fusion::Linear, ..small() }),
        ForecastConfig::Ksof(small()),
        ForecastConfig::SiMlpe(small_simlpe()),
    ] {
        let network = network::<Flex>(&config, 8);
        let history = random([2, 5, 75]);
        let whole = values(network.forecast(history.clone()).future);
        let mut half = self::network::<Auto>(&config, 8).map(&mut Cast);
        let history = Tensor::<Auto, 3>::from_inner(history);
        let predicted = half.forecast(history.clone()).future;
        assert_eq!(predicted.dtype(), DType::F32);
        assert_close(&values(predicted), &whole, 0.1 * largest(&whole));
        let (learned, moments) = half.learn(history);
        half.absorb(moments);
        assert!(values(learned.future).iter().all(|v| v.is_finite()));
    }
}

#[derive(Module, Debug)]
struct Learner<B: Backend> {
    network: ForecastNetwork<B>,
    weights: BranchWeights<B>,
}

/// Five joints that swing with phases of their own: `[samples, frames, 15]`.
fn swings(noise: &mut Noise, samples: usize, frames: usize) -> Tensor<Flex, 3> {
    let phase = noise.tensor([samples, 1, 15]) * 3.0;
    let time = Tensor::<Flex, 1, Int>::arange(0..frames as i64, &FlexDevice).float() * 0.4;
    (phase + time.reshape([1, frames, 1])).sin()
}

#[test]
fn networks_learn_to_swing_on() {
    let [history, horizon, numbers] = [5, 4, 15];
    let ksof = KsofConfig { history, horizon, numbers, graph_blocks: 2, ..small() };
    let simlpe = SiMlpeConfig { history, horizon, numbers, blocks: 2 };
    for config in [ForecastConfig::Ksof(ksof), ForecastConfig::SiMlpe(simlpe)] {
        let mut noise = Noise(2);
        let mut learner = Learner::<Auto> {
            network: ForecastNetwork::new(&config, &FlexDevice).unwrap(),
            weights: BranchWeights::new(&FlexDevice),
        };
        let mut adam = AdamConfig::new().init();
        for _ in 0..120 {
            let motion = Tensor::<Auto, 3>::from_inner(swings(&mut noise, 32, history + horizon));
            let target = motion.clone().narrow(1, history, horizon);
            let (forecast, moments) = learner.network.learn(motion.narrow(1, 0, history));
            let distance = |predicted| joint_distance(predicted, target.clone());
            let terms = KsofTerms {
                future: distance(forecast.future.clone()),
                temporal: forecast.temporal.map(distance),
                graph: forecast.graph.map(distance),
                acceleration: predicted_acceleration(forecast.future),
            };
            let gradients = learner.weights.total(terms, 0.1).backward();
            let gradients = GradientsParams::from_grads(gradients, &learner);
            learner = adam.step(1e-2, learner, gradients);
            learner.network.absorb(moments);
        }
        // By the running figures, on motion it has not seen.
        let motion = swings(&mut noise, 100, history + horizon);
        let seen = motion.clone().narrow(1, 0, history);
        let target = motion.narrow(1, history, horizon);
        let held = seen.clone().narrow(1, history - 1, 1).repeat_dim(1, horizon);
        let predicted = learner.valid().network.forecast(seen).future;
        let error = |predicted| values(joint_distance(predicted, target.clone()))[0];
        let (predicted, held) = (error(predicted), error(held));
        assert!(predicted < 0.5 * held, "{predicted} of {held}");
    }
}

/// One joint at `x`, one frame per number.
fn along_x(x: &[f32]) -> Tensor<Auto, 3> {
    let numbers: Vec<f32> = x.iter().flat_map(|x| [*x, 0.0, 0.0]).collect();
    let shape = [1, x.len(), 3];
    Tensor::from_data(TensorData::new(numbers, shape), &FlexDevice)
}

#[test]
fn losses_of_hand_worked_motions() {
    let value = |loss: Tensor<Auto, 1>| values(loss)[0];
    let (still, steady) = (along_x(&[0.0, 0.0, 0.0, 0.0]), along_x(&[1.0, 3.0, 5.0, 7.0]));
    assert_eq!(value(joint_distance(steady.clone(), still.clone())), 4.0);
    assert_eq!(value(joint_velocity_distance(steady.clone(), still)), 2.0);
    assert_eq!(value(predicted_acceleration(steady)), 0.0);
    assert_eq!(value(predicted_acceleration(along_x(&[0.0, 0.0, 3.0, 6.0]))), 1.5);
    // Too short for a velocity or an acceleration.
    assert_eq!(value(joint_velocity_distance(along_x(&[1.0]), along_x(&[5.0]))), 0.0);
    assert_eq!(value(predicted_acceleration(along_x(&[1.0]))), 0.0);
    assert_eq!(value(predicted_acceleration(along_x(&[1.0, 4.0]))), 0.0);
}

#[test]
fn losses_have_a_gradient_where_they_are_zero() {
    let predicted = along_x(&[2.0, 2.0, 2.0]).require_grad();
    let loss = joint_distance(predicted.clone(), predicted.clone().detach())
        + joint_velocity_distance(predicted.clone(), predicted.clone().detach())
        + predicted_acceleration(predicted.clone());
    let gradient = predicted.grad(&loss.backward()).unwrap();
    assert_eq!(values(gradient), [0.0; 9]);
}

#[test]
fn absent_branches_have_no_weight_to_learn() {
    let one = || Tensor::<Auto, 1>::from_floats([3.0], &FlexDevice);
    let weights = BranchWeights::<Auto>::new(&FlexDevice);
    let total = |temporal: Option<Tensor<Auto, 1>>, graph: Option<Tensor<Auto, 1>>| {
        let terms = KsofTerms { future: one(), temporal, graph, acceleration: one() };
        values(weights.total(terms, 0.1))[0]
    };
    // The distance, and a tenth of the square of the acceleration.
    let bare = 3.0 + 0.9;
    assert_close(&[total(None, None)], &[bare], 1e-6);
    // Initially a branch's term is doubled, and half the logarithm of its variance added.
    let half = -std::f32::consts::LN_2 / 2.0;
    assert_close(&[total(None, Some(one()))], &[bare + 6.0 + half], 1e-5);
    assert_close(&[total(Some(one()), None)], &[3.0 + 2.0 * (9.0 + 0.9) + half], 1e-5);
}
