//! A character from any glTF or VRM file, as far as Bevy can show it.

use bevy::asset::io::embedded::EmbeddedAssetRegistry;
use bevy::asset::{AssetPath, RenderAssetUsages};
use bevy::image::{CompressedImageFormats, Image, ImageSampler, ImageType};
use bevy::prelude::*;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Length of a GLB file's header, and of a chunk's, bytes.
const HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;

/// A white pixel, in place of a texture that cannot be decoded.
const WHITE: &str = "data:image/png;base64,\
    iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAA\
    AElFTkSuQmCC";

/// Why a character could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CharacterFileError {
    /// The file, or one that it refers to, could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// It is not a glTF file.
    #[error("{path} is not a whole glTF or VRM file: {problem}")]
    NotGltf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Its meshes are packed in a way that Bevy cannot read.
    #[error("{path} needs {extension}, which Bevy cannot read: export it again without it")]
    Packed {
        /// The file.
        path: PathBuf,
        /// The glTF extension.
        extension: String,
    },
}

/// A character's files, mended where Bevy would refuse the whole character for a part of it:
///
/// * Textures that cannot be decoded are left out.
/// * Of the extensions that a file requires, only those that pack meshes are.
/// * The default scene becomes the first one, and a file without scenes gets one.
#[derive(Clone, Debug)]
pub struct CharacterFile {
    /// Names below [`FOLDER`](Self::FOLDER); the first is the character's.
    files: Vec<(String, Vec<u8>)>,
    /// Textures left out.
    missing: usize,
}

impl CharacterFile {
    /// Folder of a character among the assets that are in memory.
    const FOLDER: &str = "character";

    /// Reads a `.glb`, `.gltf` or `.vrm` and the files that it refers to.
    ///
    /// # Errors
    /// If a file of the character's shape cannot be read, or it is not a glTF file.
    pub fn read(path: &Path) -> Result<Self, CharacterFileError> {
        let bytes = read(path)?;
        let not_gltf = |problem: String| CharacterFileError::NotGltf { path: path.into(), problem };
        let (text, rest) = split(&bytes).map_err(not_gltf)?;
        let document: Value = serde_json::from_slice(text).map_err(|e| not_gltf(e.to_string()))?;
        if !document.get("asset").is_some_and(Value::is_object) {
            return Err(not_gltf("it has no `asset`".into()));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut mended = Mended { document, folder, buffers: vec![], files: vec![], missing: 0 };
        if let Some(extension) = mended.require_only_packing() {
            return Err(CharacterFileError::Packed { path: path.into(), extension });
        }
        mended.put_default_scene_first();
        mended.gather_buffers(rest)?;
        mended.leave_out_textures();

        let is_vrm = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("vrm"));
        let text = mended.document.to_string().into_bytes();
        let main = match rest {
            Some(rest) => {
                let name = if is_vrm { "character.vrm" } else { "character.glb" };
                (name.to_owned(), join(text, rest))
            }
            None => ("character.gltf".to_owned(), text),
        };
        let files = std::iter::once(main).chain(mended.files).collect();
        Ok(Self { files, missing: mended.missing })
    }

    /// Number of textures that were left out.
    #[must_use]
    pub fn missing_textures(&self) -> usize {
        self.missing
    }

    /// Makes the files assets of the app, which has Bevy's `AssetPlugin`. Returns the path of the
    /// character.
    pub fn add_to(&self, app: &App) -> AssetPath<'static> {
        let memory = app.world().resource::<EmbeddedAssetRegistry>();
        let path = |name: &str| Path::new(Self::FOLDER).join(name);
        for (name, bytes) in &self.files {
            memory.insert_asset(PathBuf::new(), &path(name), bytes.clone());
        }
        AssetPath::from_path_buf(path(&self.files[0].0)).with_source("embedded")
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CharacterFileError> {
    std::fs::read(path).map_err(|source| CharacterFileError::Read { path: path.into(), source })
}

/// The JSON of a file and, of a GLB, the chunks behind it.
fn split(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), String> {
    if !bytes.starts_with(b"glTF") {
        return Ok((bytes, None));
    }
    let word = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    match word(4) {
        Some(2) => {}
        Some(version) => return Err(format!("version {version} of glTF")),
        None => return Err("it is cut off".into()),
    }
    let chunks = bytes.get(HEADER + CHUNK_HEADER..);
    word(HEADER)
        .zip(chunks)
        .and_then(|(length, chunks)| chunks.split_at_checked(length))
        .map(|(text, rest)| (text, Some(rest)))
        .ok_or_else(|| "it is cut off".into())
}

/// A GLB of this JSON and these other chunks.
fn join(mut text: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    text.resize(text.len().next_multiple_of(4), b' ');
    let word = |length: usize| (length as u32).to_le_bytes();
    let total = word(HEADER + CHUNK_HEADER + text.len() + rest.len());
    [b"glTF", &word(2)[..], &total, &word(text.len()), b"JSON", &text, rest].concat()
}

/// A document while it is mended.
struct Mended<'a> {
    document: Value,
    folder: &'a Path,
    /// Contents of the buffers; `None` for those inside the JSON.
    buffers: Vec<Option<Vec<u8>>>,
    /// Files that the document refers to, under new names.
    files: Vec<(String, Vec<u8>)>,
    missing: usize,
}

impl Mended<'_> {
    fn list(&mut self, name: &str) -> &mut [Value] {
        self.document.get_mut(name).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
    }

    /// Drops required extensions that only change how surfaces look; returns one that packs meshes.
    fn require_only_packing(&mut self) -> Option<String> {
        let document = self.document.as_object_mut()?;
        let required = document.remove("extensionsRequired")?;
        let mut names = required.as_array()?.iter().filter_map(Value::as_str);
        names
            .find(|name| name.contains("compression") || name.contains("quantization"))
            .map(str::to_owned)
    }

    fn put_default_scene_first(&mut self) {
        let nodes = self.list("nodes").len();
        let children: BTreeSet<u64> =
            self.list("nodes").iter().flat_map(|node| indices(&node["children"])).collect();
        let scene = self.document["scene"].as_u64().unwrap_or(0) as usize;
        let scenes = self.list("scenes");
        if scene < scenes.len() {
            scenes.swap(0, scene);
        } else if scenes.is_empty() {
            let roots: Vec<u64> = (0..nodes as u64).filter(|i| !children.contains(i)).collect();
            self.document["scenes"] = json!([{ "nodes": roots }]);
        }
        self.document["scene"] = json!(0);
    }

    /// Reads the buffers that lie in files of their own. The first buffer of a GLB is a chunk.
    fn gather_buffers(&mut self, rest: Option<&[u8]>) -> Result<(), CharacterFileError> {
        let folder = self.folder;
        let (mut buffers, mut files) = (vec![], vec![]);
        for (i, buffer) in self.list("buffers").iter_mut().enumerate() {
            let uri = buffer.get("uri").and_then(Value::as_str);
            buffers.push(match uri {
                None => rest.and_then(|rest| rest.get(CHUNK_HEADER..)).map(<[u8]>::to_vec),
                Some(uri) if uri.starts_with("data:") => None,
                Some(uri) => {
                    let bytes = read(&beside(folder, uri))?;
                    let name = format!("buffer{i}.bin");
                    buffer["uri"] = json!(name);
                    files.push((name, bytes.clone()));
                    Some(bytes)
                }
            });
        }
        self.buffers = buffers;
        self.files.append(&mut files);
        Ok(())
    }

    /// Removes textures whose image cannot be decoded from the materials.
    fn leave_out_textures(&mut self) {
        let images = self.list("images").len();
        let blank: BTreeSet<usize> = (0..images).filter(|i| !self.mend_image(*i)).collect();
        let mut gone = BTreeSet::new();
        for (i, texture) in self.list("textures").iter_mut().enumerate() {
            let Some(texture) = texture.as_object_mut() else { continue };
            // WebP and Basis images are named by an extension, which Bevy does not read.
            let mut extensions =
                texture.get("extensions").and_then(Value::as_object).into_iter().flatten();
            let other = extensions.find_map(|(_, extension)| extension["source"].as_u64());
            let source = texture.get("source").and_then(Value::as_u64).or(other);
            let source = source.map(|source| source as usize).filter(|source| *source < images);
            if source.is_none_or(|source| blank.contains(&source)) {
                gone.insert(i as u64);
            }
            // The white image is behind all others.
            texture.insert("source".into(), json!(source.unwrap_or(images)));
        }
        if gone.is_empty() {
            return;
        }
        let white = json!({ "uri": WHITE });
        self.document["images"] = self.list("images").iter().cloned().chain([white]).collect();
        self.missing = gone.len();
        self.list("materials").iter_mut().for_each(|material| forget(material, &gone));
    }

    /// Whether Bevy will decode image `i`. If not, it becomes a white pixel.
    fn mend_image(&mut self, i: usize) -> bool {
        let mended = self.readable_image(i);
        let is_readable = mended.is_some();
        self.list("images")[i] = mended.unwrap_or_else(|| json!({ "uri": WHITE }));
        is_readable
    }

    fn readable_image(&mut self, i: usize) -> Option<Value> {
        let mut image = self.list("images")[i].clone();
        let (bytes, uri) = if let Some(view) = image["bufferView"].as_u64() {
            let view = self.list("bufferViews").get(view as usize)?.clone();
            let buffer = self.buffers.get(view["buffer"].as_u64()? as usize)?;
            let Some(buffer) = buffer else {
                // A buffer inside the JSON: the declared format has to be believed.
                let format = image["mimeType"].as_str()?;
                return ["image/png", "image/jpeg"].contains(&format).then_some(image);
            };
            let start = view["byteOffset"].as_u64().unwrap_or(0) as usize;
            let end = start.checked_add(view["byteLength"].as_u64()? as usize)?;
            (buffer.get(start..end)?.to_vec(), None)
        } else {
            let uri = image["uri"].as_str()?;
            if let Some(data) = uri.strip_prefix("data:") {
                let known = data.starts_with("image/png") || data.starts_with("image/jpeg");
                return known.then_some(image);
            }
            (std::fs::read(beside(self.folder, uri)).ok()?, Some(uri.to_owned()))
        };
        // Declared formats are often wrong.
        let ending = match &bytes[..] {
            [0x89, b'P', b'N', b'G', ..] => "png",
            [0xff, 0xd8, 0xff, ..] => "jpeg",
            _ => return None,
        };
        let decoded = Image::from_buffer(
            &bytes,
            ImageType::Extension(ending),
            CompressedImageFormats::NONE,
            true,
            ImageSampler::Default,
            RenderAssetUsages::MAIN_WORLD,
        );
        decoded.ok()?;
        if uri.is_some() {
            let name = format!("image{i}.{ending}");
            image = json!({ "uri": name });
            self.files.push((name, bytes));
        } else {
            image["mimeType"] = json!(format!("image/{ending}"));
        }
        Some(image)
    }
}

/// Removes references to textures, at any depth.
fn forget(value: &mut Value, gone: &BTreeSet<u64>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| {
                let index = field.get("index").and_then(Value::as_u64);
                !(name.ends_with("Texture") && index.is_some_and(|i| gone.contains(&i)))
            });
            fields.values_mut().for_each(|field| forget(field, gone));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, gone)),
        _ => {}
    }
}

fn indices(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// The file that a relative URI names.
fn beside(folder: &Path, uri: &str) -> PathBuf {
    folder.join(&*percent_decode_str(uri).decode_utf8_lossy())
}
