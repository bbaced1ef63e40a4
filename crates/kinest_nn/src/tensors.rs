//! Conversion between modules and named tensors.

use burn::module::ParamId;
use burn::tensor::TensorData;
use burn::tensor::backend::Backend;
use burn_store::{ModuleSnapshot, TensorSnapshot};
use kinest::model::NamedTensors;

/// Every tensor of a module by name, widened to f32.
pub fn tensors_of<B: Backend>(module: &impl ModuleSnapshot<B>) -> NamedTensors {
    let named = |snapshot: TensorSnapshot| {
        let shape = snapshot.shape.to_vec();
        let data = snapshot.to_data().ok()?.convert::<f32>();
        Some((snapshot.full_path(), (shape, data.to_vec().ok()?)))
    };
    module.collect(None, None, true).into_iter().filter_map(named).collect()
}

/// Replaces the module's tensors by these. Tensors that it does not have are ignored.
pub fn with_tensors<B: Backend, M: ModuleSnapshot<B>>(mut module: M, tensors: NamedTensors) -> M {
    let snapshots = tensors.into_iter().map(|(name, (shape, values))| {
        let path = name.split('.').map(String::from).collect();
        TensorSnapshot::from_data(TensorData::new(values, shape), path, vec![], ParamId::new())
    });
    module.apply(snapshots.collect(), None, None, true);
    module
}
