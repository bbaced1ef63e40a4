//! Tensors as the bytes of a safetensors file, and back.

use super::error::{CheckpointError, TensorProblem};
use super::quantisation::{Precision, is_matrix, quantise, scales_of};
use crate::model::{NamedTensors, TensorShapes};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet};

/// The bytes of a safetensors file with `tensors` in `precision`; `file` is named in errors.
pub(super) fn encode(
    tensors: &NamedTensors,
    precision: Precision,
    file: &str,
) -> Result<Vec<u8>, CheckpointError> {
    let mut problems = vec![];
    let mut encoded = BTreeMap::new();
    for (name, (shape, values)) in tensors {
        let halves = || values.iter().map(|v| f16::from_f32(*v));
        let singles = |values: &[f32]| -> (Dtype, Vec<u8>) {
            (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        };
        let mut finite = values.iter().all(|v| v.is_finite());
        let (dtype, bytes) = match (precision, shape.as_slice()) {
            (Precision::F16, _) => {
                finite = halves().all(f16::is_finite);
                (Dtype::F16, halves().flat_map(f16::to_le_bytes).collect())
            }
            (Precision::Int8, [_, outputs]) if is_matrix(name) => {
                let (multiples, scales) = quantise(values, *outputs);
                let (dtype, bytes) = singles(&scales);
                encoded.insert(scales_of(name), (dtype, vec![*outputs], bytes));
                (Dtype::I8, multiples.into_iter().map(|v| (v as i8).cast_unsigned()).collect())
            }
            (Precision::F32 | Precision::Int8, _) => singles(values),
        };
        if !finite {
            problems.push(TensorProblem::NotFinite { name: name.clone() });
        }
        encoded.insert(name.clone(), (dtype, shape.clone(), bytes));
    }
    if !problems.is_empty() {
        return Err(CheckpointError::Tensors { name: file.into(), problems });
    }
    let safetensors = |source| CheckpointError::Safetensors { name: file.into(), source };
    let views = encoded
        .iter()
        .map(|(n, (dtype, shape, bytes))| {
            Ok((n.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(safetensors)?;
    safetensors::serialize(views, None).map_err(safetensors)
}

/// The tensors of a safetensors file, widened to f32. They are exactly those of `shapes`; every
/// difference is listed. `file` is named in errors.
pub(super) fn decode(
    bytes: &[u8],
    shapes: &TensorShapes,
    file: &str,
) -> Result<NamedTensors, CheckpointError> {
    let stored = SafeTensors::deserialize(bytes)
        .map_err(|source| CheckpointError::Safetensors { name: file.into(), source })?;
    let mut problems = vec![];
    let mut tensors = NamedTensors::new();
    let mut scale_names = BTreeSet::new();
    for (name, shape) in shapes.iter() {
        let Ok(view) = stored.tensor(name) else {
            problems.push(TensorProblem::Missing { name: name.into(), shape: shape.into() });
            continue;
        };
        if view.shape() != shape {
            let (expected, found) = (shape.into(), view.shape().into());
            problems.push(TensorProblem::Shape { name: name.into(), expected, found });
            continue;
        }
        let Some(mut values) = f32_values(&view) else {
            let found = format!("{:?}", view.dtype());
            problems.push(TensorProblem::Dtype { name: name.into(), found });
            continue;
        };
        if let (Dtype::I8, Some(outputs)) = (view.dtype(), shape.last()) {
            let scales_name = scales_of(name);
            let scales = stored.tensor(&scales_name).ok().filter(|s| s.shape() == [*outputs]);
            let Some(scales) = scales.as_ref().and_then(f32_values) else {
                let shape = vec![*outputs];
                problems.push(TensorProblem::Missing { name: scales_name, shape });
                continue;
            };
            scale_names.insert(scales_name);
            for row in values.chunks_exact_mut(*outputs) {
                row.iter_mut().zip(&scales).for_each(|(value, scale)| *value *= scale);
            }
        }
        if !values.iter().all(|v| v.is_finite()) {
            problems.push(TensorProblem::NotFinite { name: name.into() });
            continue;
        }
        tensors.insert(name.into(), (shape.into(), values));
    }
    for name in stored.names() {
        if !shapes.contains(name) && !scale_names.contains(name) {
            problems.push(TensorProblem::Unexpected { name: name.into() });
        }
    }
    match problems.is_empty() {
        true => Ok(tensors),
        false => Err(CheckpointError::Tensors { name: file.into(), problems }),
    }
}

fn f32_values(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Some(
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        ),
        Dtype::F16 => {
            Some(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
        }
        Dtype::I8 => Some(bytes.iter().map(|b| f32::from(b.cast_signed())).collect()),
        _ => None,
    }
}
