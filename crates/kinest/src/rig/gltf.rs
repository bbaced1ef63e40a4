//! Reads the nodes, skins and humanoid of a glTF file (`.gltf`, `.glb`, `.vrm`).
//!
//! Meshes, images, animations and unknown extensions are not looked at, so files that need a
//! feature of a renderer are read all the same.

use super::nodes::{ModelNode, ModelNodes};
use super::rest::Skin;
use super::tree::Bone;
use super::vrm::{VRM_EXTENSIONS, vrm_bones};
use glam::{DAffine3, DMat4, DQuat, DVec3};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GltfError {
    /// The file or one of its buffers cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is cut off, or it is not a binary glTF 2 file.
    #[error("not a binary glTF 2 file: {0}")]
    Container(&'static str),
    /// The JSON is not that of a glTF file.
    #[error("not a glTF file: {0}")]
    Json(#[from] serde_json::Error),
    /// The inverse bind matrices of a skin cannot be found.
    #[error("skin {skin}: {problem}")]
    Skin {
        /// Number of the skin.
        skin: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Nodes hang from each other in a circle, or from a node that does not exist.
    #[error("node {node}: {problem}")]
    Node {
        /// Number of the node.
        node: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    nodes: Vec<Node>,
    #[serde(default)]
    skins: Vec<FileSkin>,
    #[serde(default)]
    accessors: Vec<Accessor>,
    #[serde(default)]
    buffer_views: Vec<View>,
    #[serde(default)]
    buffers: Vec<Buffer>,
    #[serde(default)]
    scenes: Vec<Scene>,
    #[serde(default)]
    scene: usize,
    #[serde(default)]
    extensions: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    name: String,
    #[serde(default)]
    children: Vec<usize>,
    matrix: Option<[f64; 16]>,
    translation: Option<DVec3>,
    rotation: Option<[f64; 4]>,
    scale: Option<DVec3>,
    mesh: Option<usize>,
    camera: Option<usize>,
}

#[derive(Deserialize)]
struct Scene {
    #[serde(default)]
    nodes: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileSkin {
    joints: Vec<usize>,
    inverse_bind_matrices: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accessor {
    buffer_view: Option<usize>,
    #[serde(default)]
    byte_offset: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    buffer: usize,
    #[serde(default)]
    byte_offset: usize,
    byte_stride: Option<usize>,
}

#[derive(Deserialize)]
struct Buffer {
    uri: Option<String>,
}

/// Bytes of a matrix of 16 `f32`.
const MATRIX: usize = 64;

impl ModelNodes {
    /// Reads a `.gltf`, `.glb` or `.vrm` file, and the buffers beside it.
    ///
    /// # Errors
    /// [`GltfError`] says what cannot be read.
    pub fn from_gltf_file(path: impl AsRef<Path>) -> Result<Self, GltfError> {
        let path = path.as_ref();
        let read =
            |path: PathBuf| std::fs::read(&path).map_err(|source| GltfError::Read { path, source });
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::from_gltf(&read(path.into())?, |name| read(folder.join(name)))
    }

    /// Reads the bytes of a `.gltf`, `.glb` or `.vrm` file. `buffer` reads another file that it
    /// names, relative to its own folder.
    ///
    /// # Errors
    /// [`GltfError`] says what cannot be read.
    pub fn from_gltf(
        bytes: &[u8],
        buffer: impl Fn(&str) -> Result<Vec<u8>, GltfError>,
    ) -> Result<Self, GltfError> {
        let (json, binary) = chunks(bytes)?;
        let file: Document = serde_json::from_slice(json)?;
        let order = order(&file)?;
        let place: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(i, (number, _))| (*number, i)).collect();
        let nodes = order.iter().map(|(number, parent)| {
            let node = &file.nodes[*number];
            let bone = bone(node, parent.map(|parent| place[&parent]));
            let shows = node.mesh.is_some() || node.camera.is_some();
            ModelNode { bone, number: Some(*number), shows }
        });
        let nodes = nodes.collect();

        let mut buffers: BTreeMap<usize, Cow<[u8]>> = BTreeMap::new();
        let mut skins = vec![];
        for (i, skin) in file.skins.iter().enumerate() {
            let fail = |problem| GltfError::Skin { skin: i, problem };
            // Without matrices they are all identity, which says nothing about a pose.
            let Some(accessor) = skin.inverse_bind_matrices else {
                let joints = skin.joints.iter().filter_map(|n| place.get(n)).copied().collect();
                skins.push(Skin { joints, inverse_binds: vec![] });
                continue;
            };
            let accessor = file.accessors.get(accessor).ok_or(fail("no such accessor"))?;
            let view = accessor.buffer_view.ok_or(fail("its accessor has no buffer view"))?;
            let view = file.buffer_views.get(view).ok_or(fail("no such buffer view"))?;
            if let std::collections::btree_map::Entry::Vacant(free) = buffers.entry(view.buffer) {
                let entry = file.buffers.get(view.buffer).ok_or(fail("no such buffer"))?;
                free.insert(match &entry.uri {
                    None => Cow::Borrowed(binary.ok_or(fail("its buffer has no bytes"))?),
                    Some(uri) if uri.starts_with("data:") => {
                        Cow::Owned(data_uri(uri).ok_or(fail("its data URI is not base64"))?)
                    }
                    Some(uri) => Cow::Owned(buffer(&percent_decoded(uri))?),
                });
            }
            let (bytes, stride) = (&buffers[&view.buffer], view.byte_stride.unwrap_or(MATRIX));
            let start = view.byte_offset.saturating_add(accessor.byte_offset);
            let matrix = |k: usize| {
                let from = start.checked_add(k.checked_mul(stride)?)?;
                let matrix = bytes.get(from..from.checked_add(MATRIX)?)?;
                let mut floats =
                    matrix.chunks_exact(4).map(|f| f.try_into().map(f32::from_le_bytes));
                let mut columns = [0.0; 16];
                columns.iter_mut().try_for_each(|c| {
                    *c = f64::from(floats.next()?.ok()?);
                    Some(())
                })?;
                Some(DAffine3::from_mat4(DMat4::from_cols_array(&columns)))
            };
            let mut read = Skin::default();
            for (k, joint) in skin.joints.iter().enumerate() {
                let matrix = matrix(k).ok_or(fail("its inverse bind matrices are cut off"))?;
                if let Some(joint) = place.get(joint) {
                    read.joints.push(*joint);
                    read.inverse_binds.push(matrix);
                }
            }
            skins.push(read);
        }
        let said = VRM_EXTENSIONS.iter().filter_map(|name| file.extensions.get(*name));
        let said = said.map(vrm_bones).find(|bones| !bones.is_empty()).unwrap_or_default();
        let humanoid = said.into_iter().filter_map(|(joint, n)| Some((joint, *place.get(&n)?)));
        Ok(Self { nodes, skins, humanoid: humanoid.collect() })
    }
}

/// The JSON and the binary part of a file.
fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), GltfError> {
    if !bytes.starts_with(b"glTF") {
        return Ok((bytes, None));
    }
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
        word.map(|word| word as usize).ok_or(GltfError::Container("its header is cut off"))
    };
    if word(4)? != 2 {
        return Err(GltfError::Container("it is of another version"));
    }
    let chunk = |at: usize| {
        let end = word(at)?.checked_add(at + 8);
        let chunk = end.and_then(|end| bytes.get(at + 8..end));
        chunk.ok_or(GltfError::Container("a chunk is cut off"))
    };
    let json = chunk(12)?;
    let after = 20 + json.len();
    let binary = if after + 8 <= bytes.len() { Some(chunk(after)?) } else { None };
    Ok((json, binary))
}

/// The nodes of the scene with the parent of each, parents before children.
fn order(file: &Document) -> Result<Vec<(usize, Option<usize>)>, GltfError> {
    let mut is_child = vec![false; file.nodes.len()];
    for child in file.nodes.iter().flat_map(|node| &node.children) {
        if let Some(is_child) = is_child.get_mut(*child) {
            *is_child = true;
        }
    }
    let roots = match file.scenes.get(file.scene) {
        Some(scene) => scene.nodes.clone(),
        None => (0..file.nodes.len()).filter(|node| !is_child[*node]).collect(),
    };
    let mut open: Vec<(usize, Option<usize>)> = roots.iter().rev().map(|n| (*n, None)).collect();
    let mut seen = vec![false; file.nodes.len()];
    let mut order = vec![];
    while let Some((number, parent)) = open.pop() {
        let fail = |problem| GltfError::Node { node: number, problem };
        let node = file.nodes.get(number).ok_or(fail("there is no such node"))?;
        if std::mem::replace(&mut seen[number], true) {
            return Err(fail("it has several parents"));
        }
        order.push((number, parent));
        open.extend(node.children.iter().rev().map(|child| (*child, Some(number))));
    }
    Ok(order)
}

fn bone(node: &Node, parent: Option<usize>) -> Bone {
    let (scale, rotation, translation) = match node.matrix {
        Some(matrix) => DMat4::from_cols_array(&matrix).to_scale_rotation_translation(),
        None => (
            node.scale.unwrap_or(DVec3::ONE),
            node.rotation.map_or(DQuat::IDENTITY, DQuat::from_array),
            node.translation.unwrap_or(DVec3::ZERO),
        ),
    };
    Bone { name: node.name.clone(), parent, translation, rotation, scale }
}

/// The bytes of a `data:` URI in base64.
fn data_uri(uri: &str) -> Option<Vec<u8>> {
    let text = uri.split_once(";base64,")?.1;
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

/// A file name with `%20` and the like replaced.
fn percent_decoded(uri: &str) -> String {
    let mut bytes = vec![];
    let mut rest = uri.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
