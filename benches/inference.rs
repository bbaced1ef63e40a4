//! How long one window takes on the CPU: the released configuration, with Burn's operations and with
//! the fused scan, and the model that ships.
//!
//! `cargo bench -p kinest_engine`

use burn_flex::{Flex, FlexDevice};
use criterion::{Criterion, criterion_group, criterion_main};
use kinest::features::FeatureLayout;
use kinest::model::fused::core_on_host;
use kinest::model::{Checkpoint, ModelSpec, NetworkConfig, install_core_kernel};
use kinest::runtime::{BurnEngine, PoseEngine, Take};
use kinest::skeleton::Skeleton;
use std::hint::black_box;
use std::path::Path;

fn newest_frame(c: &mut Criterion, name: &str, engine: &mut dyn PoseEngine) {
    let spec = engine.spec();
    let numbers = spec.window * spec.layout.inputs();
    let window: Vec<f32> = (0..numbers).map(|i| (i as f32 * 0.37).sin()).collect();
    c.bench_function(name, |b| {
        b.iter(|| black_box(engine.infer(black_box(&window), 1, Take::Newest)));
    });
}

fn inference(c: &mut Criterion) {
    let config = NetworkConfig::default();
    let spec = ModelSpec {
        layout: FeatureLayout::default(),
        rate_hz: 60.0,
        window: config.window(),
        feed: config.feed(),
        skeleton: Skeleton::default(),
    };
    let network = config.init::<Flex>(&FlexDevice).expect("the released configuration is sound");
    let mut released = BurnEngine::from_network(network, spec, FlexDevice, "cpu");
    newest_frame(c, "released size, Burn operations", &mut released);
    install_core_kernel::<Flex>(core_on_host);
    newest_frame(c, "released size, fused scan", &mut released);

    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/kinest_small.model.ron");
    let checkpoint = Checkpoint::load(&path).expect("the shipped model loads");
    let mut shipped = BurnEngine::<Flex>::new(&checkpoint, FlexDevice, "cpu")
        .expect("the shipped model fits its network");
    newest_frame(c, "shipped model, fused scan", &mut shipped);
}

criterion_group!(benches, inference);
criterion_main!(benches);
