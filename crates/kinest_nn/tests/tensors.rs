//! The tensor names and shapes that `kinest` derives from dimensions are those of the Burn modules.

use burn_flex::{Flex, FlexDevice};
use kinest::model::{
    CausalConfig, KinestConfig, Mamba2Config, MlpConfig, NetworkConfig, TensorShapes,
};
use kinest_nn::pose::Network;
use kinest_nn::tensors::tensors_of;

/// Every dimension differs, so that swapped dimensions are detected.
fn small() -> KinestConfig {
    let scan = Mamba2Config { state: 3, taps: 4, expand: 2, head_width: 5, chunk: 8 };
    KinestConfig {
        window: 11,
        width: 20,
        temporal_blocks: 1,
        kinematic_blocks: 2,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { state: 6, taps: 3, head_width: 7, ..scan },
        joint_width: 14,
        attention_heads: 2,
        feed_forward: 34,
        fan_hidden: 9,
        ..KinestConfig::default()
    }
}

#[test]
fn every_network_has_the_tensors_of_its_dimensions() {
    let causal = CausalConfig { mixer_taps: 5, attention_frames: 12, look_ahead: 0 };
    for config in [
        NetworkConfig::Kinest(small()),
        NetworkConfig::Kinest(KinestConfig { standardise: true, temporal_blocks: 0, ..small() }),
        NetworkConfig::Kinest(KinestConfig { window: 1, causal: Some(causal), ..small() }),
        NetworkConfig::Mlp(MlpConfig { offsets: vec![0, 2, 5], width: 16, ..Default::default() }),
    ] {
        let network = Network::<Flex>::new(&config, &FlexDevice).unwrap();
        let mut found = TensorShapes::default();
        for (name, (shape, _)) in tensors_of(&network) {
            match shape[..] {
                [numbers] => found.add(name, [numbers]),
                [rows, columns] => found.add(name, [rows, columns]),
                _ => panic!("{name} has shape {shape:?}"),
            }
        }
        assert_eq!(config.tensors(), found, "{config:?}");
    }
}
