//! Assets of whole files.

use bevy::asset::io::Reader;
use bevy::asset::{AssetLoader, LoadContext};
use bevy::prelude::*;
use bevy::tasks::ConditionalSendFuture;
use std::marker::PhantomData;

/// An asset that is made of a whole file.
pub(crate) trait FromFile: Asset + Sized {
    /// Why it cannot be made.
    type Error: From<std::io::Error> + Into<BevyError>;

    /// Endings of such files.
    const ENDINGS: &'static [&'static str];

    /// Makes it of the bytes of the file at the path of `context`.
    fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> impl ConditionalSendFuture<Output = Result<Self, Self::Error>>;
}

/// Loads assets of one type from files.
#[derive(TypePath)]
pub(crate) struct FileLoader<A>(PhantomData<fn() -> A>);

impl<A> Default for FileLoader<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: FromFile> AssetLoader for FileLoader<A> {
    type Asset = A;
    type Settings = ();
    type Error = A::Error;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        _: &(),
        context: &mut LoadContext<'_>,
    ) -> Result<A, A::Error> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await?;
        A::from_file(bytes, context).await
    }

    fn extensions(&self) -> &[&str] {
        A::ENDINGS
    }
}
