//! Characters from model files, driven by a body.

mod bind;
mod file;
mod humanoid;

pub use bind::RigBones;
pub use file::{RigFile, RigFileError};

use crate::{BodyPose, KinestSystems};
use bevy::gltf::extensions::GltfExtensionHandlers;
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use bevy::transform::helper::TransformHelper;
use bind::{
    Binding, bind_rigs, follow_files, on_insert, on_ready, on_remove, report_missing_scenes,
};
use file::RigFileLoader;
use humanoid::{HumanoidBone, HumanoidReader};
use kinest::coordinates::engine_from_amass_rotation;
use kinest::rig::{Anchor, Fit, Retarget, Similarity};

/// A character driven by an avatar's [`BodyPose`]. Put it on the entity with the [`WorldAssetRoot`]
/// of a glTF scene, or on one whose descendants already are bones.
///
/// Once the scene is spawned, its bones are found by name, shape and VRM declarations (see
/// [`kinest::rig`]), and [`RigBound`] or [`RigFailed`] is written. The character's own
/// [`Transform`] does not move it, because trackers are in world space. Other bones (twist, hair,
/// cloth, fingers) are not driven.
///
/// Without Bevy's default features, spawning glTF scenes requires its feature
/// `reflect_auto_register` or registering their components by hand. For Bevy to load a VRM file,
/// its name must end in `.glb`.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
///     commands.spawn((
///         KinestAvatar::new(assets.load("models/kinest.model.ron")),
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
    /// Corrections to the automatic mapping: a `*.rig.ron`.
    pub file: Option<Handle<RigFile>>,
    /// How it is sized and placed.
    #[reflect(remote = FitReflect)]
    pub fit: Fit,
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

/// The bones of a [`KinestRig`] were found; from now on it is driven and has [`RigBones`].
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct RigBound {
    /// The entity with the [`KinestRig`].
    pub rig: Entity,
    /// Lowest confidence of any bone, 0 to 1.
    pub confidence: f64,
    /// Every bone with its joint, confidence and evidence.
    pub report: String,
}

/// The bones of a [`KinestRig`] were not found, or its scene could not be loaded; it is not driven.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct RigFailed {
    /// The entity with the [`KinestRig`].
    pub rig: Entity,
    /// What is wrong or missing.
    pub reason: String,
}

/// Drives the bones of characters from [`BodyPose`].
pub struct KinestRigPlugin;

impl Plugin for KinestRigPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<KinestRig>()
            .register_type::<HumanoidBone>()
            .register_type::<RigBones>()
            .register_type::<RigBound>()
            .register_type::<RigFailed>()
            .init_asset::<RigFile>()
            .register_asset_loader(RigFileLoader)
            .init_resource::<GltfExtensionHandlers>()
            .add_message::<RigBound>()
            .add_message::<RigFailed>()
            .add_observer(on_insert)
            .add_observer(on_ready)
            .add_observer(on_remove)
            .add_systems(
                PostUpdate,
                (report_missing_scenes, follow_files, bind_rigs, write_rigs)
                    .chain()
                    .in_set(KinestSystems::Writeback),
            );
        let handlers = app.world().resource::<GltfExtensionHandlers>();
        handlers.0.write_blocking().push(Box::new(HumanoidReader::default()));
    }
}

/// Writes the bones of every character whose body has been placed.
fn write_rigs(
    mut rigs: Query<(Entity, &KinestRig, &mut RigBones)>,
    bodies: Query<&BodyPose>,
    mut transforms: ParamSet<(TransformHelper, Query<&mut Transform>)>,
) {
    for (entity, rig, mut bones) in &mut rigs {
        let Ok(body) = bodies.get(rig.avatar.unwrap_or(entity)) else { continue };
        let Ok(world_from_rig) = transforms.p0().compute_global_transform(entity) else { continue };
        if body.time().is_none() {
            continue;
        }
        let bones = &mut *bones;
        if bones.skeleton != *body.skeleton() {
            bones.retarget = Retarget::new(&bones.tree, &bones.map, body.skeleton());
            bones.skeleton = body.skeleton().clone();
        }
        let mut transforms = transforms.p1();
        // The body is given in its tracking space.
        let space_from_world = body.world_from_space.affine().inverse();
        let space = rig_from_amass(&(space_from_world * world_from_rig.affine()).into());
        bones.retarget.apply(body.joints(), &space, rig.fit, |i, rotation, place| {
            // A despawned bone is skipped.
            let Ok(mut transform) = transforms.get_mut(bones.driven[i].0) else { return };
            transform.rotation = rotation.as_quat();
            if let Some((translation, scale)) = place {
                transform.translation = translation.as_vec3();
                transform.scale = scale.as_vec3();
            }
        });
    }
}

/// Transform from the body's space (AMASS) to the space of a character's entity, whose scale is
/// taken as uniform.
fn rig_from_amass(space_from_rig: &GlobalTransform) -> Similarity {
    let (scale, rotation, translation) = space_from_rig.to_scale_rotation_translation();
    let scale = f64::from(scale.abs().element_sum() / 3.0).max(f64::MIN_POSITIVE);
    let rig_from_space = rotation.as_dquat().conjugate();
    Similarity {
        rotation: rig_from_space * engine_from_amass_rotation(glam::DQuat::IDENTITY).as_dquat(),
        translation: rig_from_space * -translation.as_dvec3() / scale,
        scale: scale.recip(),
    }
}
