//! Losses: terms that a training task weighs and adds.

mod align;
mod forecast;
mod norm;
mod rotation;

pub use align::{cosines, divergence, info_nce, smooth_l1};
pub use forecast::{
    BranchWeights, KsofTerms, joint_distance, joint_velocity_distance, predicted_acceleration,
};
pub use rotation::{angular_velocity, angular_velocity_loss, joint_positions, rotation_loss};
