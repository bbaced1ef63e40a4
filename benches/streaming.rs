//! Time per frame of a causal network in the native implementation on one core, in each precision,
//! and time to read its weights once; for the released and a small size.
//!
//! `cargo bench -p kinest_benches --bench streaming`

use burn_flex::{Flex, FlexDevice};
use kinest::model::{
    CausalConfig, KinestConfig, Mamba2Config, NetworkConfig, Precision, ScanChain, Take,
};
use kinest_native::{NativeStreams, NextFrames};
use kinest_nn::pose::Network;
use kinest_nn::tensors::tensors_of;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Duration of each measurement and of the warm-up before it.
const MEASURED: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(500);

/// Streams stepped together in the last measurement.
const TOGETHER: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let causal = Some(CausalConfig { mixer_taps: 9, attention_frames: 60, look_ahead: 0 });
    let released = KinestConfig { window: 1, causal, ..KinestConfig::default() };
    let scan = Mamba2Config { head_width: 32, ..released.temporal_scan };
    let small = KinestConfig {
        width: 128,
        temporal_blocks: 1,
        kinematic_blocks: 1,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { state: 8, head_width: 8, ..scan },
        joint_width: 8,
        chain: ScanChain::Unified,
        attention_heads: 4,
        feed_forward: 512,
        fan_hidden: 128,
        standardise: true,
        ..released.clone()
    };
    println!("{:<44}{:>10}{:>10}{:>10}{:>10}", "microseconds", "least", "p50", "p99", "p99.9");
    for (name, config) in [("released size", released), ("small", small)] {
        let config = NetworkConfig::Kinest(config);
        let network = Network::<Flex>::new(&config, &FlexDevice)?;
        for precision in [Precision::F32, Precision::F16, Precision::Int8] {
            let native = NativeStreams::new(&config, tensors_of(&network), precision)?;
            let kib = native.weight_bytes() / 1024;
            let name = format!("{name}, {precision:?}");
            read(&format!("{name}, read {kib} KiB"), native.weight_bytes());
            step(&format!("{name}, a frame"), native.clone(), 1);
            step(&format!("{name}, a frame of {TOGETHER} streams"), native, TOGETHER);
        }
    }
    Ok(())
}

fn step(name: &str, mut network: NativeStreams, streams: usize) {
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let features: Vec<f32> = (0..1000 * inputs).map(|i| (i as f32 * 0.037).sin()).collect();
    let mut features = features.chunks_exact(inputs).cycle();
    let mut states = vec![network.start(); streams];
    let mut outs = vec![vec![0.0; outputs]; streams];
    measure(name, || {
        let features = features.next().unwrap_or_default();
        let fed = states.iter_mut().zip(&mut outs);
        let mut fed: Vec<_> = fed.map(|(state, out)| NextFrames { state, features, out }).collect();
        network.step_all(black_box(&mut fed), Take::Newest);
    });
}

fn read(name: &str, bytes: usize) {
    const LANES: usize = 64;
    let numbers: Vec<u32> = (0..bytes.div_ceil(4) as u32).collect();
    measure(name, || {
        let mut sums = [0_u32; LANES];
        for chunk in black_box(&numbers).as_chunks::<LANES>().0 {
            for (sum, number) in sums.iter_mut().zip(chunk) {
                *sum = sum.wrapping_add(*number);
            }
        }
        black_box(sums);
    });
}

/// Repeats `call` and prints percentiles of its duration.
fn measure(name: &str, mut call: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < WARM_UP {
        call();
    }
    let (start, mut times) = (Instant::now(), vec![]);
    while start.elapsed() < MEASURED {
        let before = Instant::now();
        call();
        times.push(before.elapsed());
    }
    times.sort_unstable();
    print!("{name:<44}");
    for part in [0.0, 0.5, 0.99, 0.999] {
        let time = times[(part * (times.len() - 1) as f64) as usize];
        print!("{:>10.1}", time.as_secs_f64() * 1e6);
    }
    println!();
}
