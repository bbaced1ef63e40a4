//! The training loop of any [`Task`].
//!
//! A run is a folder:
//!
//! | file | what |
//! |---|---|
//! | `config.ron` | the config as resolved |
//! | `metrics.jsonl` | an object for each logged step |
//! | `events.out.tfevents.*` | the same for TensorBoard |
//! | `loss.svg` | the curve of the loss |
//! | `last.model.ron` and its weights | the newest checkpoint |
//! | `last.state.safetensors` | what `--resume` needs |
//! | `best.model.ron` and its weights | the checkpoint with the best validation |
//! | `report.md` | the run in one page |
//! | `bad_windows.safetensors` | windows whose loss was not a number |
//!
//! On the CPU the same config gives the same numbers, stopped and resumed or not: each step's
//! windows, and the seed of what is random inside the network, follow from the config's seed and
//! the number of the step.

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
pub use task::{Draw, Examples, Loss, Numbers, Task, Trained};
pub use trainer::train;
