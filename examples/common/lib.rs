//! The common base of the examples: floor, lights, following camera, bodies of capsules, and
//! pictures on machines without a display.

mod body;
pub mod capture;
mod character_file;
mod motion_file;
mod scene;
mod stage;
mod view;

pub use body::{CapsuleBodies, CapsuleBody};
pub use capture::{Moment, MomentSystems};
pub use character_file::{CharacterFile, CharacterFileError};
pub use motion_file::load_motion;
pub use scene::{Args, Scene, SceneArgs};
pub use stage::{Follow, FollowSystems, Framing, Stage, Target, TargetImage};
pub use view::{RATE_HZ, View, has_adapter, instant, png_path};

/// Checks that the README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
