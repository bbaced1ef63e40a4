//! Motion data: reading, packing, synthesis and augmentation.

pub mod augment;
pub mod benchmark;
pub mod captions;
pub mod clips;
pub mod config;
pub mod motion_file;
pub mod motion_store;
pub mod prepare;
pub mod sampler;
pub mod smplh;
pub mod splits;
pub mod subsets;
pub mod synth;
pub mod titles;
