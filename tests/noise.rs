//! Random numbers and networks for tests, the same in every run.

use kinest::model::NamedTensors;
use kinest::model::forecast::ForecastConfig;

/// Numbers of mean 0 and variance 1, from a seed. The back end's own generator is shared by all tests
/// of a process.
pub struct Noise(pub u64);

impl Noise {
    pub fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 24) as f32;
        (2.0 * unit - 1.0) * 3.0_f32.sqrt()
    }
}

/// Random weights for every tensor: fresh networks have zeros and ones in them, and hold the last
/// frame.
pub fn weights(config: &ForecastConfig, mut noise: Noise) -> NamedTensors {
    let tensors = config.tensors();
    let tensors = tensors.iter().map(|(name, shape)| {
        let scale = 1.0 / (shape[0] as f32).sqrt();
        let value = |i: usize| {
            let value = scale * noise.number();
            match name.rsplit('.').next() {
                Some("gamma" | "gain" | "running_variance") => 1.0 + value.abs(),
                Some("adjacency") if i.is_multiple_of(shape[0] + 1) => 1.0 + value,
                _ => value,
            }
        };
        let values = (0..shape.iter().product()).map(value).collect();
        (name.to_owned(), (shape.to_vec(), values))
    });
    tensors.collect()
}
