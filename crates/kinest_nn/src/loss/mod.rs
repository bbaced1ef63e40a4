//! Losses: terms that a training task weighs and adds.

mod align;
mod codes;
mod forecast;
mod norm;
mod rotation;

pub use align::{cosines, divergence, info_nce, smooth_l1};
pub use codes::{cross_entropy, share_right};
pub use forecast::{
    BranchWeights, KsofTerms, joint_distance, joint_velocity_distance, predicted_acceleration,
};
pub use rotation::{angular_velocity, angular_velocity_loss, joint_positions, rotation_loss};
