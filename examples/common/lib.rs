//! What the examples stand on: a floor, light, a camera that follows, bodies of capsules, and pictures
//! where there is no display.

mod body;
pub mod capture;
mod characters;
mod scene;
mod stage;
mod view;

pub use body::{CapsuleBodies, CapsuleBody};
pub use capture::{Moment, MomentSystems};
pub use characters::register_scene_types;
pub use scene::{Scene, SceneArgs};
pub use stage::{Follow, FollowSystems, Framing, Stage, Target, TargetImage};
pub use view::{RATE_HZ, View, has_adapter, instant, png_path};

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
