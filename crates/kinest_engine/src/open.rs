//! Opens an engine for a checkpoint on the chosen device.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::devices;
use crate::served::served;
use crate::{DeviceChoice, OpenError};
use kinest::live::PoseEngine;
use kinest::model::Checkpoint;
use kinest_native::NativeEngine;
use std::sync::{Mutex, PoisonError};

/// Opens the network of `checkpoint` on the chosen device.
///
/// `Auto` tries CUDA, wgpu and the CPU in this order and takes the first that runs the network. It
/// skips software adapters, since the CPU is many times faster. It logs the selected device and the
/// compiled-in devices that did not work. This process does not try a GPU back end again after a
/// panic.
///
/// Opening a GPU takes seconds, so call this on a thread that may block, as
/// [`PoseWorker`](kinest::live::PoseWorker) does.
///
/// # Errors
/// If the device was not compiled in, does not work, or does not support the model's feed, or if
/// the checkpoint's weights do not fit its network.
pub fn open(
    checkpoint: &Checkpoint,
    choice: DeviceChoice,
) -> Result<Box<dyn PoseEngine>, OpenError> {
    match choice {
        DeviceChoice::Auto => {
            let (cuda, wgpu) = (|| cuda(checkpoint), || wgpu(checkpoint, false));
            first_that_works(&[&cuda, &wgpu, &|| cpu(checkpoint)])
        }
        DeviceChoice::Cuda => cuda(checkpoint),
        DeviceChoice::Wgpu => wgpu(checkpoint, true),
        DeviceChoice::Cpu => cpu(checkpoint),
    }
}

/// Opens an engine on one device.
type Attempt<'a> = dyn Fn() -> Result<Box<dyn PoseEngine>, OpenError> + 'a;

/// The engine of the first attempt that succeeds. An invalid checkpoint ends the search; if none
/// succeeds, the last error is returned.
fn first_that_works(attempts: &[&Attempt<'_>]) -> Result<Box<dyn PoseEngine>, OpenError> {
    let (last, others) = attempts.split_last().expect("there is a device to try");
    let mut refused = String::new();
    for attempt in others {
        match attempt() {
            Ok(engine) => return Ok(chosen(engine, &refused)),
            Err(OpenError::Checkpoint(error)) => return Err(error.into()),
            // A build without the device is the developer's choice and not reported.
            Err(OpenError::NotCompiled(_)) => {}
            Err(error) => refused.push_str(&format!("; {error}")),
        }
    }
    last().map(|engine| chosen(engine, &refused))
}

fn chosen(engine: Box<dyn PoseEngine>, refused: &str) -> Box<dyn PoseEngine> {
    log_once(format!("poses are estimated on {}{refused}", engine.device()));
    engine
}

fn log_once(text: String) {
    static LOGGED: Mutex<String> = Mutex::new(String::new());
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if *logged != text {
        tracing::info!("{text}");
        *logged = text;
    }
}

fn cpu(checkpoint: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    served(Box::new(NativeEngine::from_checkpoint(checkpoint)?))
}

#[cfg(feature = "cuda")]
fn cuda(checkpoint: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    devices::CUDA.open::<burn_cuda::Cuda>(checkpoint, devices::cuda)
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Cuda))
}

#[cfg(feature = "wgpu")]
fn wgpu(checkpoint: &Checkpoint, software_too: bool) -> Result<Box<dyn PoseEngine>, OpenError> {
    devices::WGPU.open::<burn_wgpu::Wgpu>(checkpoint, move || devices::wgpu(software_too))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: &Checkpoint, _: bool) -> Result<Box<dyn PoseEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Wgpu))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};
    use kinest::features::FeatureLayout;
    use kinest::live::Take;
    use kinest::model::{
        Activation, KinestConfig, Mamba2Config, Manifest, MlpConfig, ModelSpec, NetworkConfig,
        Precision,
    };
    use kinest::skeleton::Skeleton;
    use kinest_nn::engine::BurnEngine;
    use kinest_nn::pose::Network;

    fn tiny() -> Checkpoint {
        let scan = Mamba2Config { state: 4, taps: 4, expand: 2, head_width: 16, chunk: 8 };
        let config = NetworkConfig::Kinest(KinestConfig {
            window: 16,
            width: 32,
            temporal_blocks: 1,
            kinematic_blocks: 1,
            temporal_scan: scan,
            kinematic_scan: Mamba2Config { head_width: 8, ..scan },
            joint_width: 16,
            attention_heads: 2,
            feed_forward: 64,
            fan_hidden: 32,
            ..KinestConfig::default()
        });
        checkpoint(config, Precision::F32)
    }

    fn checkpoint(config: NetworkConfig, precision: Precision) -> Checkpoint {
        let spec = ModelSpec {
            layout: FeatureLayout::default(),
            rate_hz: 60.0,
            window: config.window(),
            feed: config.feed(),
            skeleton: Skeleton::default(),
        };
        let network = Network::<Flex>::new(&config, &FlexDevice).unwrap();
        network.to_checkpoint(Manifest::new(config, spec), precision).unwrap()
    }

    fn output(engine: &mut dyn PoseEngine) -> Vec<f32> {
        let spec = engine.spec();
        let numbers = 2 * spec.window * spec.layout.inputs();
        let windows: Vec<f32> = (0..numbers).map(|i| (i as f32 * 0.37).sin()).collect();
        engine.infer(&windows, 2, Take::All).unwrap()
    }

    fn burn(checkpoint: &Checkpoint) -> BurnEngine<Flex> {
        BurnEngine::new(checkpoint, FlexDevice, "cpu").unwrap()
    }

    fn matches_burn(checkpoint: &Checkpoint, engine: &mut dyn PoseEngine) {
        let expected = output(&mut burn(checkpoint));
        let found = output(engine);
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let largest = expected.iter().map(|v| v.abs()).fold(0.0, f32::max);
        println!("largest difference to Burn on the CPU {worst:e}, largest output {largest}");
        assert!(largest > 0.1, "an output of nothing proves nothing");
        // Differences come from the order of sums and another exp; a wrong kernel has far larger
        // errors.
        assert!(worst < 1e-3, "{worst}");
    }

    #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
    #[test]
    fn auto_is_the_cpu_without_gpu_features() {
        assert_eq!(open(&tiny(), DeviceChoice::Auto).unwrap().device(), "cpu");
    }

    #[test]
    fn auto_takes_the_first_that_works_and_stops_at_an_invalid_checkpoint() {
        let named = |name: &str| {
            let checkpoint = tiny();
            let engine = BurnEngine::<Flex>::new(&checkpoint, FlexDevice, name)?;
            Ok::<Box<dyn PoseEngine>, OpenError>(Box::new(engine))
        };
        let broken = || {
            let reason = "no driver".into();
            Err(OpenError::Device { device: DeviceChoice::Cuda, reason })
        };
        let fault = || -> Result<Box<dyn PoseEngine>, OpenError> {
            let mut checkpoint = tiny();
            checkpoint.manifest.network = NetworkConfig::default();
            BurnEngine::<Flex>::new(&checkpoint, FlexDevice, "")?;
            unreachable!("its weights fit another network")
        };
        let (second, third, cpu) = (|| named("second"), || named("third"), || named("cpu"));
        let took = |attempts: &[&Attempt<'_>]| {
            first_that_works(attempts).map(|engine| engine.device().to_owned())
        };
        assert_eq!(took(&[&broken, &second, &third]).unwrap(), "second");
        assert_eq!(took(&[&broken, &broken, &cpu]).unwrap(), "cpu");
        assert!(matches!(took(&[&broken, &fault, &cpu]), Err(OpenError::Checkpoint(_))));
        assert!(matches!(took(&[&broken, &broken]), Err(OpenError::Device { .. })));
    }

    #[test]
    fn the_cpu_matches_burn_in_every_precision() {
        let config = tiny().manifest.network;
        for precision in [Precision::F32, Precision::F16] {
            let checkpoint = checkpoint(config.clone(), precision);
            let mut engine = open(&checkpoint, DeviceChoice::Cpu).unwrap();
            assert_eq!((engine.device(), engine.output_frames()), ("cpu", 16));
            matches_burn(&checkpoint, engine.as_mut());
            let error = engine.infer(&[0.0; 5], 1, Take::Newest).unwrap_err().to_string();
            assert!(error.contains("expected 864 input numbers"), "{error}");
        }
    }

    #[test]
    fn a_perceptron_on_the_cpu_matches_burn_with_every_activation() {
        for activation in [Activation::Relu, Activation::Silu, Activation::Gelu] {
            let mlp = MlpConfig { width: 24, activation, ..MlpConfig::default() };
            let checkpoint = checkpoint(NetworkConfig::Mlp(mlp), Precision::F32);
            let mut engine = open(&checkpoint, DeviceChoice::Cpu).unwrap();
            assert_eq!(engine.output_frames(), 1);
            matches_burn(&checkpoint, engine.as_mut());
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        let error = open(&tiny(), DeviceChoice::Cuda).err().unwrap().to_string();
        assert!(error.contains("feature `cuda`"), "{error}");
    }

    #[cfg(feature = "cuda")]
    #[test]
    #[ignore = "needs an NVIDIA GPU"]
    fn cuda_matches_cpu() {
        let checkpoint = tiny();
        let mut engine = open(&checkpoint, DeviceChoice::Cuda).unwrap();
        assert_eq!(engine.device(), "cuda");
        matches_burn(&checkpoint, engine.as_mut());
    }
}
