//! A training step on the CPU, and the scans' share of it.
//!
//! `cargo bench -p kinest_benches --bench training`
//!
//! Why there are two forms of the scan: forward and backward, fused and in Burn's operations, two cores with
//! other work beside it: 309 and 986 ms for `small.train.ron` with 32 windows, of a step of 655 ms; 517 and
//! 1,109 ms for the released size with 2 windows, of a step of 1,010 ms. The step itself uses the fused form.

use burn::backend::Autodiff;
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use burn_flex::{Flex, FlexDevice};
use criterion::{Criterion, criterion_group, criterion_main};
use kinest::model::{KinestConfig, Mamba2Config, NetworkConfig};
use kinest::skeleton::{Skeleton, SmplJoint};
use kinest_nn::layers::kernel::CoreKernels;
use kinest_nn::layers::mamba2::Mamba2;
use kinest_nn::pose::Network;
use kinest_train::tasks::pose::fused;
use kinest_train::tasks::pose::loss::LossConfig;
use kinest_train::tasks::pose::recipe::PoseRecipe;
use std::hint::black_box;

type B = Autodiff<Flex>;

fn random(shape: [usize; 3]) -> Tensor<B, 3> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &FlexDevice)
}

/// Measures forward pass, loss, backward pass and Adam.
fn step(c: &mut Criterion, name: &str, config: &KinestConfig, loss: LossConfig, batch: usize) {
    let network_config = NetworkConfig::Kinest(config.clone());
    let network = Network::<B>::new(&network_config, &FlexDevice).expect("the config is sound");
    let mut network = Some(network.with_core_kernels(&fused::kernels()));
    let mut adam = AdamConfig::new().init();
    let skeleton = Skeleton::default();
    let features = random([batch, config.window, config.inputs]);
    let targets = random([batch, config.window, config.outputs]);
    c.bench_function(name, |bencher| {
        bencher.iter(|| {
            let now = network.take().expect("it is put back below");
            let output = now.forward(features.clone());
            let loss = loss.of(output, targets.clone(), &skeleton);
            let gradients = GradientsParams::from_grads(loss.total.backward(), &now);
            network = Some(adam.step(1e-3, now, gradients));
        });
    });
}

/// Measures all scans of the network, forward and backward, without the other layers.
fn scans(
    c: &mut Criterion,
    name: &str,
    kernels: &CoreKernels,
    config: &KinestConfig,
    batch: usize,
) {
    let of = |scan: &Mamba2Config, width: usize, tokens: usize, count: usize| {
        let block = || {
            let mut block = Mamba2::<B>::new(scan, width, &FlexDevice);
            block.use_core_kernels(kernels);
            block
        };
        let blocks: Vec<_> = (0..count).map(|_| block()).collect();
        (blocks, random([batch, tokens, width]))
    };
    let joints = config.window * SmplJoint::COUNT;
    let groups = [
        of(&config.temporal_scan, config.width, config.window, 2 * config.temporal_blocks),
        of(&config.kinematic_scan, config.joint_width, joints, 2 * config.kinematic_blocks),
    ];
    c.bench_function(name, |bencher| {
        bencher.iter(|| {
            for (blocks, tokens) in &groups {
                for block in blocks {
                    black_box(block.forward(tokens.clone()).sum().backward());
                }
            }
        });
    });
}

fn benches(c: &mut Criterion) {
    B::seed(&FlexDevice, 1);
    let small = include_str!("../assets/config/small.train.ron");
    let small: PoseRecipe = ron::from_str(small).expect("the recipe is sound");
    let NetworkConfig::Kinest(config) = &small.network else {
        unreachable!("the recipe trains KineST")
    };
    step(c, "step of small.train.ron, 32 windows", config, small.loss, small.batch);
    let (fused, burn) = (fused::kernels(), CoreKernels::default());
    scans(c, "scans of small.train.ron, 32 windows, fused", &fused, config, small.batch);
    scans(c, "scans of small.train.ron, 32 windows, in Burn", &burn, config, small.batch);
    let released = KinestConfig::default();
    step(c, "step of the released size, 2 windows", &released, LossConfig::default(), 2);
    scans(c, "scans of the released size, 2 windows, fused", &fused, &released, 2);
    scans(c, "scans of the released size, 2 windows, in Burn", &burn, &released, 2);
}

criterion_group! {
    name = group;
    config = Criterion::default().sample_size(10);
    targets = benches
}
criterion_main!(group);
