//! Compares the native form of forecasting networks with Burn, and counts its allocations.

#[path = "../../../tests/counting.rs"]
mod counting;
#[path = "../../../tests/noise.rs"]
mod noise;

use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use counting::allocations;
use kinest::forecast::{ForecastEngine, ForecastOutput};
use kinest::model::forecast::{
    ForecastConfig, ForecastLayout, ForecastSpec, Forecasting, Fusion, FusionScale, KsofConfig,
    SiMlpeConfig,
};
use kinest::model::{CheckpointOf, EngineError, ManifestOf, Precision};
use kinest_native::{NativeForecaster, PackError};
use kinest_nn::forecast::{ForecastNetwork, Forecaster};
use kinest_nn::tensors::with_tensors;
use noise::{Noise, weights};

impl Noise {
    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }
}

fn network(config: &ForecastConfig) -> ForecastNetwork<Flex> {
    with_tensors(ForecastNetwork::new(config, &FlexDevice).unwrap(), weights(config, Noise(1)))
}

/// The layout does not matter to a network that is not in a checkpoint.
fn spec(config: &ForecastConfig) -> ForecastSpec {
    let (history, horizon) = (config.history(), config.horizon());
    ForecastSpec { layout: ForecastLayout::Smpl22, rate_hz: 30.0, history, horizon, gate: None }
}

fn native(config: &ForecastConfig) -> NativeForecaster {
    NativeForecaster::new(config, weights(config, Noise(1)), spec(config)).unwrap()
}

/// Every dimension differs, and none is a multiple of a vector or tile size.
fn small() -> KsofConfig {
    KsofConfig {
        history: 5,
        horizon: 8,
        numbers: 15,
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

/// What a game runs.
fn shipped() -> [ForecastConfig; 2] {
    let body = KsofConfig {
        history: 13,
        horizon: 12,
        numbers: ForecastLayout::Smpl22.numbers(),
        hidden: 16,
        graph_blocks: 4,
        ..KsofConfig::default()
    };
    let numbers = body.numbers;
    let simlpe = SiMlpeConfig { history: 13, horizon: 12, numbers, blocks: 24 };
    [ForecastConfig::Ksof(body), ForecastConfig::SiMlpe(simlpe)]
}

/// Networks with all parts that can be chosen; the first ones and siMLPe of four frames are those of
/// the golden files.
fn configs() -> Vec<ForecastConfig> {
    let golden = KsofConfig { history: 6, horizon: 6, channels: 5, gate: Some(4), ..small() };
    let scale = |taps, one_of| FusionScale { taps, one_of };
    let ksof = [
        KsofConfig { residual: false, graph_blocks: 3, ..golden.clone() },
        golden.clone(),
        KsofConfig { history: 5, horizon: 8, ..golden.clone() },
        KsofConfig { fusion: Fusion::Linear, ..golden },
        small(),
        KsofConfig { fusion: Fusion::TopK(vec![scale(1, 1), scale(9, 15)]), ..small() },
        KsofConfig { fusion: Fusion::Temporal, ..small() },
        KsofConfig { fusion: Fusion::Graph, ..small() },
        KsofConfig { horizon: 5, gate: None, ..small() },
        KsofConfig { horizon: 1, gate: Some(9), ..small() },
        KsofConfig { taps: 3, numbers: 75, channels: 33, hidden: 40, ..small() },
        KsofConfig { temporal_blocks: 0, graph_blocks: 0, ..small() },
    ];
    let simlpe = SiMlpeConfig { history: 6, horizon: 4, numbers: 15, blocks: 3 };
    let simlpe = [
        simlpe.clone(),
        SiMlpeConfig { horizon: 6, ..simlpe.clone() },
        SiMlpeConfig { history: 50, horizon: 10, numbers: 66, blocks: 2 },
        SiMlpeConfig { blocks: 0, ..simlpe },
    ];
    let ksof = ksof.into_iter().map(ForecastConfig::Ksof);
    ksof.chain(simlpe.map(ForecastConfig::SiMlpe)).chain(shipped()).collect()
}

#[track_caller]
fn assert_close(got: &[f32], want: &Tensor<Flex, 3>, what: &str) {
    let want: Vec<f32> = want.to_data().to_vec().unwrap();
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let worst = got.iter().zip(&want).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    // Sums in another order; a wrong part has far larger errors.
    assert!(largest > 0.1 && worst < 2e-5 * largest.max(1.0), "{what}: {worst:e} of {largest}");
}

#[test]
fn every_network_matches_burn_for_several_histories() {
    let mut out = ForecastOutput::default();
    for config in configs() {
        let what = format!("{config:?}");
        let (batch, length) = (3, config.history() * config.numbers());
        let histories = Noise(9).numbers(batch * length);
        let shape = [batch, config.history(), config.numbers()];
        let tensor = Tensor::from_data(TensorData::new(histories.clone(), shape), &FlexDevice);
        let expected = network(&config).forecast(tensor);

        native(&config).forecast(&histories, batch, &mut out).unwrap();
        assert_close(&out.future, &expected.future, &what);
        match (expected.temporal, expected.graph) {
            (Some(temporal), Some(graph)) => {
                assert_close(&out.temporal, &temporal, &what);
                assert_close(&out.graph, &graph, &what);
                assert!(out.branches().is_some());
            }
            _ => assert!(out.branches().is_none(), "{what}"),
        }
    }
}

#[test]
fn a_call_allocates_nothing() {
    for config in shipped().into_iter().chain([ForecastConfig::Ksof(small())]) {
        let mut network = native(&config);
        let histories = Noise(3).numbers(2 * config.history() * config.numbers());
        let mut out = ForecastOutput::default();
        network.forecast(&histories, 2, &mut out).unwrap();
        let before = allocations();
        for batch in [1, 2] {
            let histories = &histories[..batch * config.history() * config.numbers()];
            network.forecast(histories, batch, &mut out).unwrap();
        }
        assert_eq!(allocations() - before, 0, "{config:?}");
        // Proof that counting works.
        drop(std::hint::black_box(vec![0_u8; 10]));
        assert!(allocations() > before);
    }
}

#[test]
fn a_checkpoint_opens_and_what_does_not_fit_is_named() {
    let [config, _] = shipped();
    let manifest = ManifestOf::<Forecasting>::new(config.clone(), spec(&config));
    let checkpoint = network(&config).to_checkpoint(manifest, Precision::F16).unwrap();
    let mut engine = NativeForecaster::from_checkpoint(&checkpoint).unwrap();
    assert_eq!((engine.device(), engine.spec()), ("cpu", &spec(&config)));
    let error = engine.forecast(&[0.0; 5], 1, &mut ForecastOutput::default()).unwrap_err();
    assert!(matches!(error, EngineError::InputLength { batch: 1, expected: 897, found: 5 }));

    let mut tensors = checkpoint.tensors().unwrap();
    let (name, tensor) = tensors.pop_last().unwrap();
    let missing = NativeForecaster::new(&config, tensors.clone(), spec(&config)).unwrap_err();
    assert!(matches!(missing, PackError::Tensor { name: n, found: None, .. } if n == name));
    tensors.insert(name, tensor);
    tensors.insert("unheard.of".into(), (vec![1], vec![0.0]));
    let unknown = NativeForecaster::new(&config, tensors, spec(&config)).unwrap_err();
    assert_eq!(unknown, PackError::Unknown { name: "unheard.of".into() });

    // A checkpoint whose spec does not fit its network is not even read.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.model.ron");
    let mut manifest = ManifestOf::<Forecasting>::new(config.clone(), spec(&config));
    manifest.spec.layout = ForecastLayout::H36m;
    network(&config).to_checkpoint(manifest, Precision::F32).unwrap().save(&path).unwrap();
    assert!(CheckpointOf::<Forecasting>::load(&path).unwrap_err().to_string().contains("layout"));
}
