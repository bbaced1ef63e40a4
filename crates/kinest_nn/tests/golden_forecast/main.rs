//! Forecasting networks: parity with the golden files, and what holds for any weights.

#[path = "../../../../tests/golden/mod.rs"]
mod golden;
#[path = "../../../../tests/noise.rs"]
mod noise;
mod parity;
mod properties;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}
