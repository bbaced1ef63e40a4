//! Opens an engine for a forecaster's checkpoint on the chosen device.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::devices;
use crate::{DeviceChoice, OpenError};
use kinest::forecast::ForecastEngine;
use kinest::model::CheckpointOf;
use kinest::model::forecast::Forecasting;
use kinest_native::NativeForecaster;

/// Opens the network of `checkpoint`, any forecaster, on the chosen device.
///
/// `Auto` is the CPU: a forecast is computed in every frame and takes a fraction of a millisecond
/// there, less than a round trip to a GPU.
///
/// # Errors
/// If the device was not compiled in or does not work, or if the checkpoint's weights do not fit its
/// network.
pub fn open_forecaster(
    checkpoint: &CheckpointOf<Forecasting>,
    choice: DeviceChoice,
) -> Result<Box<dyn ForecastEngine>, OpenError> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => {
            Ok(Box::new(NativeForecaster::from_checkpoint(checkpoint)?))
        }
        DeviceChoice::Cuda => cuda(checkpoint),
        DeviceChoice::Wgpu => wgpu(checkpoint),
    }
}

#[cfg(feature = "cuda")]
fn cuda(checkpoint: &CheckpointOf<Forecasting>) -> Result<Box<dyn ForecastEngine>, OpenError> {
    devices::CUDA.open_forecaster::<burn_cuda::Cuda>(checkpoint, devices::cuda)
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: &CheckpointOf<Forecasting>) -> Result<Box<dyn ForecastEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Cuda))
}

#[cfg(feature = "wgpu")]
fn wgpu(checkpoint: &CheckpointOf<Forecasting>) -> Result<Box<dyn ForecastEngine>, OpenError> {
    devices::WGPU.open_forecaster::<burn_wgpu::Wgpu>(checkpoint, || devices::wgpu(true))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: &CheckpointOf<Forecasting>) -> Result<Box<dyn ForecastEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Wgpu))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};
    use kinest::forecast::ForecastOutput;
    use kinest::model::forecast::{
        ForecastConfig, ForecastLayout, ForecastSpec, KsofConfig, SiMlpeConfig,
    };
    use kinest::model::{ManifestOf, Precision};
    use kinest_nn::engine::BurnForecaster;
    use kinest_nn::forecast::ForecastNetwork;

    fn checkpoint(config: ForecastConfig) -> CheckpointOf<Forecasting> {
        let spec = ForecastSpec {
            layout: ForecastLayout::H36m,
            rate_hz: 25.0,
            history: config.history(),
            horizon: config.horizon(),
            gate: None,
        };
        let network = ForecastNetwork::<Flex>::new(&config, &FlexDevice).unwrap();
        network.to_checkpoint(ManifestOf::new(config, spec), Precision::F32).unwrap()
    }

    fn configs() -> [ForecastConfig; 2] {
        let simlpe = SiMlpeConfig { history: 10, blocks: 3, ..SiMlpeConfig::default() };
        let ksof = KsofConfig { hidden: 8, graph_blocks: 2, ..KsofConfig::default() };
        [ForecastConfig::SiMlpe(simlpe), ForecastConfig::Ksof(ksof)]
    }

    fn forecast(engine: &mut dyn ForecastEngine) -> ForecastOutput {
        let histories: Vec<f32> = (0..2 * 10 * 66).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut out = ForecastOutput::default();
        engine.forecast(&histories, 2, &mut out).unwrap();
        out
    }

    #[test]
    fn auto_is_the_cpu_and_matches_burn() {
        for config in configs() {
            let checkpoint = checkpoint(config);
            let mut burn = BurnForecaster::<Flex>::new(&checkpoint, FlexDevice, "cpu").unwrap();
            let expected = forecast(&mut burn);
            let mut engine = open_forecaster(&checkpoint, DeviceChoice::Auto).unwrap();
            assert_eq!((engine.device(), engine.spec()), ("cpu", burn.spec()));
            let found = forecast(engine.as_mut());
            for (found, expected) in [
                (&found.future, &expected.future),
                (&found.temporal, &expected.temporal),
                (&found.graph, &expected.graph),
            ] {
                assert_eq!(found.len(), expected.len());
                assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4));
            }
            for engine in [&mut engine as &mut dyn ForecastEngine, &mut burn] {
                let error = engine.forecast(&[0.0; 7], 1, &mut ForecastOutput::default());
                assert!(error.unwrap_err().to_string().contains("expected 660 input numbers"));
            }
        }
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        let [config, _] = configs();
        let error = open_forecaster(&checkpoint(config), DeviceChoice::Wgpu).err().unwrap();
        assert!(error.to_string().contains("feature `wgpu`"), "{error}");
    }

    #[test]
    fn weights_of_another_network_are_refused() {
        let [simlpe, ksof] = configs();
        let mut checkpoint = checkpoint(simlpe);
        checkpoint.manifest.network = ksof;
        let error = open_forecaster(&checkpoint, DeviceChoice::Cpu).err().unwrap();
        assert!(matches!(error, OpenError::Checkpoint(_)), "{error}");
    }
}
