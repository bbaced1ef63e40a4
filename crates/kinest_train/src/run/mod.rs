//! The training loop of any [`Task`].
//!
//! A run is a folder:
//!
//! | file | contents |
//! |---|---|
//! | `config.ron` | resolved config |
//! | `metrics.jsonl` | one object per logged step |
//! | `events.out.tfevents.*` | the same for TensorBoard |
//! | `loss.svg` | plot of the loss |
//! | `last.model.ron` and its weights | newest checkpoint |
//! | `last.state.safetensors` | state for `--resume` |
//! | `best.model.ron` and its weights | checkpoint with the best validation score |
//! | `report.md` | report on one page |
//! | `bad_windows.safetensors` | windows whose loss was not finite |
//!
//! On the CPU the same config gives the same numbers, whether the run was interrupted or not: the
//! windows of each step, and the seed of randomness inside the network, depend only on the config's
//! seed and the number of the step.

mod average;
pub mod config;
pub mod device;
mod folder;
mod loader;
mod log;
mod optimizer;
pub mod overrides;
mod state;
mod task;
mod tensorboard;
mod trainer;
mod values;

pub use folder::RunFolder;
pub use state::identity_of;
pub use task::{
    Draw, Examples, Loss, Numbers, Task, Trained, WeightedLoss, differing, random_stream,
};
pub use trainer::train;
