//! Characters driven by avatars.

use super::file::RigFile;
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::rig::{Anchor, Fit};

/// A character driven by an avatar's [`BodyPose`](crate::BodyPose). Put it on the entity with the
/// [`WorldAssetRoot`] of a glTF scene, or on one whose descendants already are bones.
///
/// Once the scene is spawned, its bones are detected by name, shape and VRM declarations (see
/// [`kinest::rig`]), and [`RigBound`] or [`RigFailed`] is triggered on this entity. The character
/// is placed at the trackers, so its own [`Transform`] does not move it. Other bones (hair, cloth,
/// fingers) are not driven.
///
/// Without Bevy's default features, spawning glTF scenes requires its feature
/// `reflect_auto_register` or registering their components by hand.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
///     commands.spawn((
///         KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
///         WorldAssetRoot(assets.load(GltfAssetLabel::Scene(0).from_asset("rigs/mannequin.glb"))),
///         KinestRig::default(),
///     ));
/// }
/// ```
#[derive(Component, Clone, Debug, Default, Reflect)]
#[reflect(Component, Default)]
#[require(Transform, Binding)]
pub struct KinestRig {
    /// The avatar that drives it; `None` for its own entity.
    #[entities]
    pub avatar: Option<Entity>,
    /// Corrections of the automatic mapping: a `*.rig.ron`.
    pub file: Option<Handle<RigFile>>,
    /// Its size and placement.
    #[reflect(remote = FitReflect)]
    pub fit: Fit,
}

/// Progress of the bone detection of a [`KinestRig`].
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Waiting for the scene.
    #[default]
    Waiting,
    /// To be bound as soon as its file is loaded.
    Due,
    /// Bound, or failed.
    Done,
}

/// Reflects [`Fit`], which does not depend on Bevy.
#[reflect_remote(Fit)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FitReflect {
    /// See [`Fit::anchor`].
    #[reflect(remote = AnchorReflect)]
    pub anchor: Anchor,
    /// See [`Fit::scale`].
    pub scale: bool,
    /// See [`Fit::reach`].
    pub reach: bool,
}

/// Reflects [`Anchor`].
#[reflect_remote(Anchor)]
#[derive(Clone, Copy, Debug, Default)]
pub enum AnchorReflect {
    /// See [`Anchor::Head`].
    #[default]
    Head,
    /// See [`Anchor::Pelvis`].
    Pelvis,
}

/// Triggered on a [`KinestRig`] whose bones were detected; it is now driven and has
/// [`RigBones`](crate::RigBones).
#[derive(EntityEvent, Clone, Debug, Reflect)]
#[reflect(Event)]
pub struct RigBound {
    /// The entity with the [`KinestRig`]: the avatar, unless the rig is on another entity.
    pub entity: Entity,
    /// Confidence in the mapping, 0 to 1; see
    /// [`RigMap::confidence`](kinest::rig::RigMap::confidence).
    pub confidence: f64,
    /// Every bone with its joint, confidence and evidence.
    pub report: String,
}

/// Triggered on a [`KinestRig`] whose bones were not detected, or whose scene could not be loaded;
/// it is not driven.
#[derive(EntityEvent, Clone, Debug, Reflect)]
#[reflect(Event)]
pub struct RigFailed {
    /// The entity with the [`KinestRig`]: the avatar, unless the rig is on another entity.
    pub entity: Entity,
    /// The error.
    pub reason: String,
}
