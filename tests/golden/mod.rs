//! Reads golden files and compares with them. `README.md` beside this file describes their origin
//! and the tolerances.
#![allow(dead_code, reason = "each test binary uses its own part")]

use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// One golden file.
pub struct Golden {
    file: String,
    bytes: Vec<u8>,
}

/// Reads `<file>.safetensors`, for instance `units/metrics`.
pub fn load(file: &str) -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(file)
        .with_extension("safetensors");
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Golden { file: file.into(), bytes }
}

impl Golden {
    fn values<const N: usize, T>(
        &self,
        name: &str,
        dtype: Dtype,
        read: impl Fn([u8; N]) -> T,
    ) -> (Vec<T>, Vec<usize>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap_or_else(|e| panic!("{}: {e}", self.file));
        assert_eq!(tensor.dtype(), dtype, "{} {name}", self.file);
        let (chunks, []) = tensor.data().as_chunks::<N>() else {
            panic!("{} {name}: odd size", self.file)
        };
        (chunks.iter().map(|c| read(*c)).collect(), tensor.shape().to_vec())
    }

    /// Values and shape of an `f32` tensor.
    pub fn f32(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        self.values(name, Dtype::F32, f32::from_le_bytes)
    }

    /// Values and shape of an `f64` tensor.
    pub fn f64(&self, name: &str) -> (Vec<f64>, Vec<usize>) {
        self.values(name, Dtype::F64, f64::from_le_bytes)
    }

    /// Values and shape of an `i32` tensor.
    pub fn i32(&self, name: &str) -> (Vec<i32>, Vec<usize>) {
        self.values(name, Dtype::I32, i32::from_le_bytes)
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let mut names: Vec<String> = tensors.names().into_iter().map(String::from).collect();
        names.sort();
        names
    }
}

/// Prints one row of the parity table. Fails if a value differs from its golden value by more than
/// `tolerance`, if the counts differ, or if a value is NaN.
#[track_caller]
pub fn check(
    file: &str,
    tensor: &str,
    got: impl IntoIterator<Item: Into<f64>>,
    want: impl IntoIterator<Item: Into<f64>>,
    tolerance: f64,
) {
    let got: Vec<f64> = got.into_iter().map(Into::into).collect();
    let want: Vec<f64> = want.into_iter().map(Into::into).collect();
    assert_eq!(got.len(), want.len(), "{file} {tensor}: number of values");
    assert!(!want.is_empty(), "{file} {tensor}: nothing to compare");
    // `f64::max` would skip a NaN; the total order puts it above all numbers.
    let worst = got.iter().zip(&want).map(|(g, w)| (g - w).abs()).max_by(f64::total_cmp).unwrap();
    println!("| {file} | {tensor} | {worst:.1e} | {tolerance:.1e} |");
    assert!(worst <= tolerance, "{file} {tensor}: {worst:e} is more than {tolerance:e}");
}
