//! Time per window on the CPU, for the released configuration and the shipped model: Burn
//! operations, the fused scan and the native implementation; on one thread and on all.
//!
//! `cargo bench -p kinest_benches --bench inference`

use burn_flex::{Flex, FlexDevice};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kinest::features::FeatureLayout;
use kinest::live::{PoseEngine, Take};
use kinest::model::{Checkpoint, Manifest, ModelSpec, NetworkConfig, Precision};
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use kinest_nn::engine::BurnEngine;
use kinest_nn::layers::fused::core_on_host;
use kinest_nn::layers::kernel::CoreKernels;
use kinest_nn::pose::Network;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;
use std::path::Path;

/// Display name and thread pool.
type Pools = [(&'static str, ThreadPool); 2];

fn pools() -> Pools {
    let pool = |threads| {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started")
    };
    // 0 threads means as many as cores.
    [("1 thread", pool(1)), ("all threads", pool(0))]
}

fn measure(
    c: &mut Criterion,
    pools: &Pools,
    name: &str,
    engine: &mut dyn PoseEngine,
    batch: usize,
    take: Take,
) {
    let spec = engine.spec();
    let numbers = batch * spec.window * spec.layout.inputs();
    let windows: Vec<f32> = (0..numbers).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(batch as u64));
    for (threads, pool) in pools {
        group.bench_function(*threads, |b| {
            pool.install(|| b.iter(|| black_box(engine.infer(black_box(&windows), batch, take))));
        });
    }
}

/// Burn computes every frame, even when only the newest is requested.
fn burn(checkpoint: &Checkpoint, kernels: &CoreKernels) -> BurnEngine<Flex> {
    let network = Network::from_checkpoint(checkpoint, &FlexDevice).expect("the weights fit");
    let network = network.with_core_kernels(kernels);
    BurnEngine::from_network(network, checkpoint.manifest.spec.clone(), FlexDevice, "cpu")
}

fn fused_and_native(c: &mut Criterion, pools: &Pools, name: &str, checkpoint: &Checkpoint) {
    let fused = &mut burn(checkpoint, &CoreKernels::default().and::<Flex>(core_on_host));
    measure(c, pools, &format!("{name}, fused scan"), fused, 1, Take::All);
    let mut native = kinest_engine::open(checkpoint, DeviceChoice::Cpu).expect("the CPU works");
    let native = native.as_mut();
    measure(c, pools, &format!("{name}, native, all frames"), native, 1, Take::All);
    measure(c, pools, &format!("{name}, native, newest frame"), native, 1, Take::Newest);
    measure(c, pools, &format!("{name}, native, newest frames of 8"), native, 8, Take::Newest);
}

fn inference(c: &mut Criterion) {
    let pools = pools();
    let config = NetworkConfig::default();
    let spec = ModelSpec {
        layout: FeatureLayout::default(),
        rate_hz: 60.0,
        window: config.window(),
        feed: config.feed(),
        skeleton: Skeleton::default(),
    };
    let network =
        Network::<Flex>::new(&config, &FlexDevice).expect("the released configuration is sound");
    let manifest = Manifest::new(config, spec);
    let released =
        network.to_checkpoint(manifest, Precision::F32).expect("fresh weights are finite");
    measure(
        c,
        &pools,
        "released size, Burn operations",
        &mut burn(&released, &CoreKernels::default()),
        1,
        Take::All,
    );
    fused_and_native(c, &pools, "released size", &released);

    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models/kinest_small.model.ron");
    let shipped = Checkpoint::load(&path).expect("the shipped model loads");
    fused_and_native(c, &pools, "shipped model", &shipped);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = inference
}
criterion_main!(benches);
