//! Models as assets.

use super::standing::Standing;
use crate::files::FromFile;
use bevy::asset::{LoadContext, ParseAssetPathError, ReadAssetBytesError};
use bevy::prelude::*;
use kinest::live::PoseEngine;
use kinest::model::{Checkpoint, CheckpointError, CheckpointOf, ModelKind, ModelSpec};
use kinest_engine::{DeviceChoice, OpenError};
use std::fmt;
use std::string::FromUtf8Error;
use std::sync::Arc;

type Open = dyn Fn(DeviceChoice) -> Result<Box<dyn PoseEngine>, OpenError> + Send + Sync;

/// A network that estimates poses: its spec and the means to open it.
///
/// Loaded from `*.model.ron` and the weights file named there, which lies beside it.
#[derive(Asset, TypePath, Clone)]
pub struct PoseModel {
    spec: ModelSpec,
    sha256: Option<String>,
    open: Arc<Open>,
}

impl PoseModel {
    /// The model of a checkpoint that was not loaded by the asset server.
    #[must_use]
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Self {
        let spec = checkpoint.manifest.spec.clone();
        let sha256 = Some(checkpoint.manifest.sha256.clone());
        Self {
            spec,
            sha256,
            open: Arc::new(move |device| kinest_engine::open(&checkpoint, device)),
        }
    }

    /// A model run by the caller's own engines, for tests and for other back ends. `make` is called
    /// on the worker thread, for any device in the settings.
    pub fn from_engine<E: PoseEngine + 'static>(
        spec: ModelSpec,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        Self { spec, sha256: None, open: Arc::new(move |_| Ok(Box::new(make()))) }
    }

    /// A model without a network, for the tests of games: every body stands upright below its head,
    /// with the head's heading and hanging arms; hands are at their trackers as usual. Needs no
    /// file:
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_kinest::prelude::*;
    /// let mut app = App::new();
    /// app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
    ///     .insert_resource(KinestSettings::inline());
    /// let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(PoseModel::standing());
    /// let player = (
    ///     KinestAvatar::new(model),
    ///     related!(Trackers[(SparseTracker::HEAD, Transform::from_xyz(3.0, 1.6, 0.0))]),
    /// );
    /// let avatar = app.world_mut().spawn(player).id();
    /// (0..60).for_each(|_| app.update());
    ///
    /// let body = app.world().get::<BodyPose>(avatar).unwrap();
    /// assert!((body.joint_transform(SmplJoint::LeftFoot).translation.x - 3.0).abs() < 0.3);
    /// ```
    #[must_use]
    pub fn standing() -> Self {
        Self::from_engine(Standing::spec(), Standing::new)
    }

    /// Its inputs, outputs and feed.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// SHA-256 of the weights file, lower-case hexadecimal; `None` for the caller's own engines.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// A function that opens an engine on `device`, on the thread that calls it.
    pub(super) fn opener(
        &self,
        device: DeviceChoice,
    ) -> impl FnOnce() -> Result<Box<dyn PoseEngine>, OpenError> + Send + 'static {
        let open = self.open.clone();
        move || open(device)
    }
}

impl fmt::Debug for PoseModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoseModel").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Why a [`PoseModel`] or a [`ForecastModel`](crate::ForecastModel) could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PoseModelError {
    /// The manifest could not be read.
    #[error("the manifest could not be read: {0}")]
    Manifest(#[from] std::io::Error),
    /// The manifest is not text.
    #[error("the manifest is not UTF-8: {0}")]
    Text(#[from] FromUtf8Error),
    /// The manifest's `weights` is not a file name.
    #[error("manifest field `weights`: {0}")]
    WeightsName(#[from] ParseAssetPathError),
    /// The weights could not be read.
    #[error("the weights could not be read: {0}")]
    Weights(#[from] ReadAssetBytesError),
    /// The manifest or the weights are invalid.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The checkpoint of the manifest in a file, with the weights beside it. Checks the hash of the
/// weights; their shapes are checked when the network is opened.
pub(super) async fn read_checkpoint<K: ModelKind>(
    bytes: Vec<u8>,
    context: &mut LoadContext<'_>,
) -> Result<CheckpointOf<K>, PoseModelError> {
    let manifest = CheckpointOf::<K>::parse_manifest(&String::from_utf8(bytes)?)?;
    let weights_path = context.path().resolve_embed_str(&manifest.weights)?;
    let weights = context.read_asset_bytes(weights_path).await?;
    Ok(CheckpointOf::with_manifest(manifest, weights)?)
}

impl FromFile for PoseModel {
    type Error = PoseModelError;
    const ENDINGS: &'static [&'static str] = &["model.ron"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, PoseModelError> {
        Ok(Self::from_checkpoint(read_checkpoint(bytes, context).await?))
    }
}
