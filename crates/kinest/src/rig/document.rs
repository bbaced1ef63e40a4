//! glTF files as far as bodies need them: container, nodes, skins, accessors, animations, buffers.
//!
//! Meshes, images and unknown extensions are not looked at, so files that need a feature of a renderer are read all
//! the same.

use super::vrm::{Declared, VRM_EXTENSIONS};
use glam::DVec3;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

/// More entries of a kind than any file has: a list of `{}` takes a hundred times its size in memory.
const MOST_ENTRIES: usize = 1 << 16;
/// More accessors or buffer views than any file has: each track of each animation may have two.
const MOST_ACCESSORS: usize = 1 << 19;
/// More bytes than any motion or character has: of a file, and of all the buffers in files beside it.
pub(super) const MOST_BYTES: u64 = 1 << 31;
/// Most elements of a sparse accessor without a buffer view, which take no place in the file: two hours at 120 Hz.
const MOST_ZEROS: usize = 1 << 20;
/// Longest name of a file, bytes.
const LONGEST_NAME: usize = 4096;

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
    /// A buffer is in a file that is not read.
    #[error("buffer `{uri}`: {problem}")]
    Buffer {
        /// What the file says where it is, or the start of that.
        uri: String,
        /// Why it is not read.
        problem: &'static str,
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
    /// The animations cannot be used.
    #[error("{0}")]
    Animations(String),
    /// A channel of an animation cannot be read.
    #[error("animation `{animation}`, channel {channel}: {problem}")]
    Channel {
        /// Name of the animation.
        animation: String,
        /// Number of the channel.
        channel: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    #[serde(default)]
    asset: Asset,
    #[serde(default, deserialize_with = "bounded")]
    pub nodes: Vec<Node>,
    #[serde(default, deserialize_with = "bounded")]
    pub skins: Vec<FileSkin>,
    #[serde(default, deserialize_with = "bounded_accessors")]
    accessors: Vec<Accessor>,
    #[serde(default, deserialize_with = "bounded_accessors")]
    buffer_views: Vec<View>,
    #[serde(default, deserialize_with = "bounded")]
    buffers: Vec<Buffer>,
    #[serde(default, deserialize_with = "bounded")]
    scenes: Vec<Scene>,
    #[serde(default)]
    scene: usize,
    /// Those that say which bones are what, by their names.
    #[serde(default, deserialize_with = "of_bones")]
    pub extensions: BTreeMap<String, Declared>,
    #[serde(default, deserialize_with = "bounded")]
    extensions_required: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Asset {
    #[serde(default)]
    generator: String,
}

#[derive(Deserialize)]
pub(crate) struct Node {
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "bounded")]
    children: Vec<usize>,
    pub matrix: Option<Box<[f64; 16]>>,
    pub translation: Option<DVec3>,
    pub rotation: Option<[f64; 4]>,
    pub scale: Option<DVec3>,
    pub mesh: Option<usize>,
    pub camera: Option<usize>,
}

#[derive(Deserialize)]
struct Scene {
    #[serde(default, deserialize_with = "bounded")]
    nodes: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileSkin {
    #[serde(deserialize_with = "bounded")]
    pub joints: Vec<usize>,
    pub inverse_bind_matrices: Option<usize>,
}

/// The animations alone: a character whose animations are odd is read all the same.
#[derive(Deserialize)]
struct Animations {
    #[serde(default, deserialize_with = "bounded")]
    animations: Vec<Animation>,
}

#[derive(Deserialize)]
pub(crate) struct Animation {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "bounded")]
    pub channels: Vec<Channel>,
    #[serde(default, deserialize_with = "bounded")]
    pub samplers: Vec<Sampler>,
}

#[derive(Deserialize)]
pub(crate) struct Channel {
    pub sampler: usize,
    pub target: Target,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub node: Option<usize>,
    pub path: String,
}

#[derive(Deserialize)]
pub(crate) struct Sampler {
    pub input: usize,
    pub output: usize,
    #[serde(default)]
    pub interpolation: Interpolation,
}

/// How values between two keys are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Interpolation {
    #[default]
    Linear,
    Step,
    CubicSpline,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accessor {
    buffer_view: Option<usize>,
    #[serde(default)]
    byte_offset: usize,
    component_type: Option<u32>,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    count: usize,
    #[serde(default, rename = "type")]
    kind: String,
    sparse: Option<Sparse>,
}

/// Elements that differ from those of the buffer view, or from zero without one.
#[derive(Clone, Copy, Deserialize)]
struct Sparse {
    #[serde(default)]
    count: usize,
    indices: Option<Part>,
    values: Option<Part>,
}

/// Where the numbers of a sparse accessor are.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    buffer_view: Option<usize>,
    #[serde(default)]
    byte_offset: usize,
    component_type: Option<u32>,
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

/// A list of at most [`MOST_ENTRIES`].
fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    list(from, MOST_ENTRIES)
}

/// A list of at most [`MOST_ACCESSORS`].
fn bounded_accessors<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    list(from, MOST_ACCESSORS)
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
    most: usize,
) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(usize, PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut all = vec![];
            while let Some(entry) = list.next_element()? {
                if all.len() == self.0 {
                    let text = format!("a list has more than {} entries", self.0);
                    return Err(de::Error::custom(text));
                }
                all.push(entry);
            }
            Ok(all)
        }
    }
    from.deserialize_seq(Bounded(most, PhantomData))
}

/// The extensions that say which bones are what. Nothing is kept of the others, whose contents may be anything.
fn of_bones<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Declared>, D::Error> {
    struct OfBones;
    impl<'de> Visitor<'de> for OfBones {
        type Value = BTreeMap<String, Declared>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("extensions by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(name) = all.next_key::<String>()? {
                match VRM_EXTENSIONS.contains(&name.as_str()) {
                    true => _ = kept.insert(name, all.next_value()?),
                    false => _ = all.next_value::<IgnoredAny>()?,
                }
            }
            Ok(kept)
        }
    }
    from.deserialize_map(OfBones)
}

/// Bytes of the elements of an accessor.
pub(crate) struct Elements<'f> {
    bytes: &'f [u8],
    start: usize,
    stride: usize,
    size: usize,
}

impl<'f> Elements<'f> {
    /// The bytes of element `k`; `None` if the buffer ends before it does.
    pub fn get(&self, k: usize) -> Option<&'f [u8]> {
        let from = self.start.checked_add(k.checked_mul(self.stride)?)?;
        self.bytes.get(from..from.checked_add(self.size)?)
    }
}

/// A file that is read.
pub(crate) struct GltfFile<'a> {
    pub document: Document,
    json: &'a [u8],
    binary: Option<&'a [u8]>,
    /// Those that were asked for.
    buffers: BTreeMap<usize, Arc<Cow<'a, [u8]>>>,
    /// Those in other files by the names of these, because many buffers may name the same file.
    files: BTreeMap<String, Arc<Cow<'a, [u8]>>>,
    /// How many bytes other files may still have.
    left: u64,
}

impl<'a> GltfFile<'a> {
    /// Reads a `.gltf` or `.glb` file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, GltfError> {
        let (json, binary) = chunks(bytes)?;
        let document = serde_json::from_slice(json)?;
        let (buffers, files) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { document, json, binary, buffers, files, left: MOST_BYTES })
    }

    /// The program that wrote the file, as the file says; empty if it does not.
    pub fn generator(&self) -> &str {
        &self.document.asset.generator
    }

    /// The animations of the file.
    pub fn animations(&self) -> Result<Vec<Animation>, GltfError> {
        Ok(serde_json::from_slice::<Animations>(self.json)?.animations)
    }

    /// The bytes of an accessor whose elements have `size` bytes, without what is sparse of it. `read` reads another
    /// file. The inner error says what is wrong with the accessor.
    pub fn elements(
        &mut self,
        accessor: usize,
        size: usize,
        read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
    ) -> Result<Result<Elements<'_>, &'static str>, GltfError> {
        let Some(accessor) = self.document.accessors.get(accessor) else {
            return Ok(Err("no such accessor"));
        };
        let Some(view) = accessor.buffer_view else {
            return Ok(Err("its accessor has no buffer view"));
        };
        let offset = accessor.byte_offset;
        self.viewed(view, offset, size, read)
    }

    /// The elements of `size` bytes in a buffer view, as [`elements`](Self::elements).
    fn viewed(
        &mut self,
        view: usize,
        offset: usize,
        size: usize,
        read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
    ) -> Result<Result<Elements<'_>, &'static str>, GltfError> {
        let Some(view) = self.document.buffer_views.get(view) else {
            return Ok(Err("no such buffer view"));
        };
        if let std::collections::btree_map::Entry::Vacant(free) = self.buffers.entry(view.buffer) {
            let Some(entry) = self.document.buffers.get(view.buffer) else {
                return Ok(Err("no such buffer"));
            };
            let required = &self.document.extensions_required;
            free.insert(match &entry.uri {
                None => Arc::new(match self.binary {
                    _ if required.iter().any(|name| name.ends_with("_meshopt_compression")) => {
                        return Ok(Err(
                            "its buffer is compressed with meshopt, which is not read: export without"
                        ));
                    }
                    Some(binary) => Cow::Borrowed(binary),
                    None => return Ok(Err("its buffer has no bytes")),
                }),
                Some(uri) if uri.starts_with("data:") => match data_uri(uri) {
                    Some(bytes) => Arc::new(Cow::Owned(bytes)),
                    None => return Ok(Err("its data URI is not base64")),
                },
                Some(uri) => {
                    let name = file_name(uri)?;
                    match self.files.get(&name) {
                        Some(bytes) => Arc::clone(bytes),
                        None => {
                            let bytes = read(&name)?;
                            let left = self.left.checked_sub(bytes.len() as u64);
                            self.left = left.ok_or_else(|| {
                                refused(uri, "with it, the buffers are too large: export less")
                            })?;
                            let bytes: Arc<Cow<[u8]>> = Arc::new(Cow::Owned(bytes));
                            self.files.insert(name, Arc::clone(&bytes));
                            bytes
                        }
                    }
                }
            });
        }
        Ok(Ok(Elements {
            bytes: &self.buffers[&view.buffer],
            start: view.byte_offset.saturating_add(offset),
            stride: view.byte_stride.filter(|stride| *stride > 0).unwrap_or(size),
            size,
        }))
    }

    /// Number of elements of an accessor.
    pub fn count(&self, accessor: usize) -> Option<usize> {
        self.document.accessors.get(accessor).map(|accessor| accessor.count)
    }

    /// Whether some elements of an accessor, or all, are not in its buffer view.
    pub fn is_sparse(&self, accessor: usize) -> bool {
        self.document.accessors.get(accessor).is_some_and(|accessor| accessor.sparse.is_some())
    }

    /// The elements of an accessor with `N` components. The inner error says what is wrong with the accessor, which may
    /// have no more than `most` of them.
    pub fn numbers<const N: usize>(
        &mut self,
        accessor: usize,
        most: usize,
        read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
    ) -> Result<Result<Vec<[f32; N]>, &'static str>, GltfError> {
        let component = match self.components::<N>(accessor) {
            Ok(component) => component,
            Err(problem) => return Ok(Err(problem)),
        };
        let size = N * component.size();
        let element = |bytes: &[u8]| component.read::<N>(bytes).map(|number| number as f32);
        let Accessor { count, sparse, buffer_view, .. } = self.document.accessors[accessor];
        let mut all = if sparse.is_some() && buffer_view.is_none() {
            // As many as a small file says.
            if count > most.min(MOST_ZEROS) {
                return Ok(Err("there are too many keys"));
            }
            vec![[0.0; N]; count]
        } else {
            let elements = match self.elements(accessor, size, read)? {
                Ok(elements) => elements,
                Err(problem) => return Ok(Err(problem)),
            };
            if count > 0 && elements.get(count - 1).is_none() {
                return Ok(Err("its accessor is longer than the buffer"));
            }
            if count > most {
                return Ok(Err("there are too many keys"));
            }
            (0..count).filter_map(|k| Some(element(elements.get(k)?))).collect()
        };
        let Some(sparse) = sparse else { return Ok(Ok(all)) };
        let Some((indices, values)) = sparse.indices.zip(sparse.values) else {
            return Ok(Err("its sparse accessor lacks indices or values"));
        };
        let cut = "its sparse elements are longer than the buffer";
        if sparse.count > all.len() {
            return Ok(Err("its accessor has more sparse elements than elements"));
        }
        let width = match indices.component_type {
            Some(5121) => 1,
            Some(5123) => 2,
            Some(5125) => 4,
            _ => return Ok(Err("its sparse indices are no unsigned integers")),
        };
        let view = |part: Part| part.buffer_view.unwrap_or(usize::MAX);
        let places = match self.viewed(view(indices), indices.byte_offset, width, read)? {
            Ok(places) => places,
            Err(problem) => return Ok(Err(problem)),
        };
        let place = |k: usize| {
            let word = places.get(k)?.iter().rev();
            Some(word.fold(0, |word, byte| word << 8 | usize::from(*byte)))
        };
        let Some(places) = (0..sparse.count).map(place).collect::<Option<Vec<usize>>>() else {
            return Ok(Err(cut));
        };
        let values = match self.viewed(view(values), values.byte_offset, size, read)? {
            Ok(values) => values,
            Err(problem) => return Ok(Err(problem)),
        };
        for (k, place) in places.into_iter().enumerate() {
            let Some(bytes) = values.get(k) else { return Ok(Err(cut)) };
            let Some(changed) = all.get_mut(place) else {
                return Ok(Err("a sparse element has no place in its accessor"));
            };
            *changed = element(bytes);
        }
        Ok(Ok(all))
    }

    /// How the elements of an accessor with `N` components are read.
    fn components<const N: usize>(&self, accessor: usize) -> Result<Component, &'static str> {
        let accessor = self.document.accessors.get(accessor).ok_or("no such accessor")?;
        let wanted = match N {
            1 => "SCALAR",
            3 => "VEC3",
            _ => "VEC4",
        };
        if accessor.kind != wanted {
            return Err(match N {
                1 => "its accessor is no SCALAR",
                3 => "its accessor is no VEC3",
                _ => "its accessor is no VEC4",
            });
        }
        match (accessor.component_type, accessor.normalized) {
            (Some(5126), _) => Ok(Component::F32),
            (Some(5120), true) => Ok(Component::I8),
            (Some(5121), true) => Ok(Component::U8),
            (Some(5122), true) => Ok(Component::I16),
            (Some(5123), true) => Ok(Component::U16),
            _ => Err("its accessor has neither floats nor normalized integers"),
        }
    }

    /// The nodes of the scene with the parent of each, parents before children.
    pub fn order(&self) -> Result<Vec<(usize, Option<usize>)>, GltfError> {
        let nodes = &self.document.nodes;
        let mut is_child = vec![false; nodes.len()];
        for child in nodes.iter().flat_map(|node| &node.children) {
            if let Some(is_child) = is_child.get_mut(*child) {
                *is_child = true;
            }
        }
        let roots = match self.document.scenes.get(self.document.scene) {
            Some(scene) => scene.nodes.clone(),
            None => (0..nodes.len()).filter(|node| !is_child[*node]).collect(),
        };
        let mut open: Vec<(usize, Option<usize>)> =
            roots.iter().rev().map(|n| (*n, None)).collect();
        let mut seen = vec![false; nodes.len()];
        let mut order = vec![];
        while let Some((number, parent)) = open.pop() {
            let fail = |problem| GltfError::Node { node: number, problem };
            let node = nodes.get(number).ok_or(fail("there is no such node"))?;
            if std::mem::replace(&mut seen[number], true) {
                return Err(fail("it has several parents"));
            }
            order.push((number, parent));
            open.extend(node.children.iter().rev().map(|child| (*child, Some(number))));
        }
        Ok(order)
    }
}

/// Form of a number in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    F32,
    I8,
    U8,
    I16,
    U16,
}

impl Component {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
        }
    }

    /// The numbers of an element.
    pub fn read<const N: usize>(self, element: &[u8]) -> [f64; N] {
        let mut numbers = [0.0; N];
        for (number, bytes) in numbers.iter_mut().zip(element.chunks_exact(self.size())) {
            *number = match (self, bytes) {
                (Self::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
                (Self::I8, &[a]) => (f64::from(a as i8) / 127.0).max(-1.0),
                (Self::U8, &[a]) => f64::from(a) / 255.0,
                (Self::I16, &[a, b]) => (f64::from(i16::from_le_bytes([a, b])) / 32767.0).max(-1.0),
                (Self::U16, &[a, b]) => f64::from(u16::from_le_bytes([a, b])) / 65535.0,
                _ => f64::NAN,
            };
        }
        numbers
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

fn refused(uri: &str, problem: &'static str) -> GltfError {
    GltfError::Buffer { uri: uri.chars().take(80).collect(), problem }
}

/// The name of the file that a `uri` means, which is in the folder of the file that names it, or below: no other file
/// of the computer is to be read because a file of a stranger says so.
fn file_name(uri: &str) -> Result<String, GltfError> {
    if uri.len() > LONGEST_NAME {
        return Err(refused(uri, "no file has so long a name"));
    }
    let name = percent_decoded(uri);
    let separators = ['/', '\\'];
    if name.split(separators).any(|part| part == "..") {
        return Err(refused(uri, "it is not in the folder of the file, nor below"));
    }
    // As in `/x`, `C:\x` and `https://x`.
    let first = name.split(separators).next().unwrap_or_default();
    if first.is_empty() || first.contains(':') {
        return Err(refused(uri, "it is not named relative to the file"));
    }
    Ok(name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    /// A file of accessors, each with a buffer of its own in one of these files.
    fn text(uris: &[&str]) -> String {
        let all = 0..uris.len();
        let accessors: Vec<Value> =
            all.clone().map(|k| json!({"bufferView": k, "count": 1})).collect();
        let views: Vec<Value> = all.map(|k| json!({"buffer": k})).collect();
        let buffers: Vec<Value> = uris.iter().map(|uri| json!({"uri": uri})).collect();
        json!({"accessors": accessors, "bufferViews": views, "buffers": buffers}).to_string()
    }

    #[test]
    fn a_file_that_many_buffers_name_is_read_once_and_all_together_are_bounded() {
        let names = ["a%20b.bin", "a b.bin", "a b.bin", "c.bin"];
        let text = text(&names);
        let mut file = GltfFile::new(text.as_bytes()).unwrap();
        let asked = RefCell::new(vec![]);
        let read = |name: &str| -> Result<Vec<u8>, GltfError> {
            asked.borrow_mut().push(name.to_owned());
            Ok(name.as_bytes().to_vec())
        };
        for accessor in [0, 1, 2, 3, 0, 1] {
            let elements = file.elements(accessor, 1, &read).unwrap().unwrap();
            assert_eq!(elements.get(0), Some(&names[accessor].as_bytes()[..1]));
        }
        assert_eq!(asked.into_inner(), ["a b.bin", "c.bin"]);
        assert_eq!(file.left, MOST_BYTES - 12);

        let mut file = GltfFile::new(text.as_bytes()).unwrap();
        file.left = 10;
        let read = |name: &str| -> Result<Vec<u8>, GltfError> { Ok(name.as_bytes().to_vec()) };
        file.elements(0, 1, &read).unwrap().unwrap();
        let Err(error) = file.elements(3, 1, &read) else { panic!("10 bytes are left") };
        assert!(error.to_string().contains("buffer `c.bin`: with it"), "{error}");
    }

    /// A list of `{}` takes three bytes for each entry of the file, and up to a hundred in memory.
    #[test]
    fn a_million_entries_of_any_kind_are_refused() {
        let many = |entry: &str| format!("[{}{entry}]", format!("{entry},").repeat(999_999));
        let most = [MOST_ENTRIES, MOST_ACCESSORS].map(|most| format!("more than {most} entries"));
        let objects = many("{}");
        for (text, most) in [
            (format!(r#"{{"accessors":{objects}}}"#), &most[1]),
            (format!(r#"{{"bufferViews":{}}}"#, many(r#"{"buffer":0}"#)), &most[1]),
            (format!(r#"{{"nodes":{objects}}}"#), &most[0]),
            (format!(r#"{{"buffers":{objects}}}"#), &most[0]),
            (format!(r#"{{"scenes":{objects}}}"#), &most[0]),
            (format!(r#"{{"nodes":[{{"children":{}}}]}}"#, many("0")), &most[0]),
            (format!(r#"{{"scenes":[{{"nodes":{}}}]}}"#, many("0")), &most[0]),
            (format!(r#"{{"skins":[{{"joints":{}}}]}}"#, many("0")), &most[0]),
            (format!(r#"{{"extensionsRequired":{}}}"#, many("\"\"")), &most[0]),
        ] {
            let Err(error) = GltfFile::new(text.as_bytes()) else { panic!("{} …", &text[..30]) };
            assert!(error.to_string().contains(most), "{} …: {error}", &text[..30]);
        }
        for (key, entry) in [
            ("channels", r#"{"sampler":0,"target":{"path":""}}"#),
            ("samplers", r#"{"input":0,"output":0}"#),
        ] {
            let text = format!(r#"{{"animations":[{{"{key}":{}}}]}}"#, many(entry));
            let Err(error) = GltfFile::new(text.as_bytes()).unwrap().animations() else {
                panic!("{key} are read")
            };
            assert!(error.to_string().contains(&most[0]), "{key}: {error}");
        }
        // What nobody looks at costs nothing, however much and however deep it is.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = format!(
            r#"{{"extras":{objects},"extensions":{{"DEEP":{deep},"MUCH":{objects},"VRM":{{"meta":{objects}}}}}}}"#
        );
        let file = GltfFile::new(text.as_bytes()).unwrap();
        assert_eq!(file.document.extensions.keys().collect::<Vec<_>>(), ["VRM"]);
        assert!(file.document.extensions["VRM"].bones().is_empty());
    }

    #[test]
    fn sparse_elements_replace_those_of_the_view_or_zeros() {
        let read = |_: &str| -> Result<Vec<u8>, GltfError> {
            let numbers = [1.0_f32, 2.0, 3.0, 7.0, 8.0].into_iter().flat_map(f32::to_le_bytes);
            Ok(numbers.chain([2, 0, 9, 0]).collect())
        };
        let document = |edit: &dyn Fn(&mut Value)| {
            let mut accessor = json!({
                "bufferView": 0, "count": 3, "type": "SCALAR", "componentType": 5126,
                "sparse": {
                    "count": 2, "indices": {"bufferView": 2, "componentType": 5121},
                    "values": {"bufferView": 1, "byteOffset": 4},
                },
            });
            edit(&mut accessor);
            let views = [0, 8, 20].map(|from| json!({"buffer": 0, "byteOffset": from}));
            json!({"accessors": [accessor], "bufferViews": views, "buffers": [{"uri": "a.bin"}]})
                .to_string()
        };
        let numbers = |edit: &dyn Fn(&mut Value)| -> Result<Vec<[f32; 1]>, &'static str> {
            let text = document(edit);
            GltfFile::new(text.as_bytes()).unwrap().numbers::<1>(0, 100, &read).unwrap()
        };
        assert_eq!(numbers(&|_| ()), Ok(vec![[8.0], [2.0], [7.0]]));
        let zeros = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("bufferView"));
        assert_eq!(numbers(&zeros), Ok(vec![[8.0], [0.0], [7.0]]));
        let wide = |it: &mut Value| {
            it["sparse"]["count"] = json!(1);
            it["sparse"]["indices"]["componentType"] = json!(5123);
        };
        assert_eq!(numbers(&wide), Ok(vec![[1.0], [2.0], [7.0]]));
        type Edit<'a> = &'a dyn Fn(&mut Value);
        let wrong: [(Edit, &str); 7] = [
            (&|it| it["sparse"]["count"] = json!(4), "more sparse elements than elements"),
            (&|it| it["sparse"]["indices"]["byteOffset"] = json!(1), "no place"),
            (&|it| it["sparse"]["indices"]["byteOffset"] = json!(3), "longer than the buffer"),
            (&|it| it["sparse"]["values"]["byteOffset"] = json!(16), "longer than the buffer"),
            (&|it| it["sparse"]["indices"]["componentType"] = json!(5126), "no unsigned"),
            (&|it| it["sparse"]["values"] = json!(null), "lacks indices or values"),
            (&|it| it["sparse"]["values"] = json!({}), "no such buffer view"),
        ];
        for (edit, problem) in wrong {
            let error = numbers(edit).unwrap_err();
            assert!(error.contains(problem), "{error} instead of {problem}");
        }
        let many = |it: &mut Value| {
            zeros(it);
            it["count"] = json!(u64::MAX);
        };
        assert_eq!(numbers(&many), Err("there are too many keys"));
    }

    #[test]
    fn buffers_are_in_the_folder_of_their_file() {
        let long = "x".repeat(LONGEST_NAME + 1);
        for uri in [
            "/etc/passwd",
            "../secret.bin",
            "a/../../secret.bin",
            "a\\..\\secret.bin",
            "%2e%2e/secret.bin",
            "%2Fetc/passwd",
            "\\\\host\\share",
            "C:\\secret.bin",
            "file:///etc/passwd",
            "https://example.org/a.bin",
            "",
            &long,
        ] {
            let text = text(&[uri]);
            let mut file = GltfFile::new(text.as_bytes()).unwrap();
            let read = |name: &str| -> Result<Vec<u8>, GltfError> { panic!("it asks for {name}") };
            let Err(error) = file.elements(0, 1, &read) else { panic!("{uri} is read") };
            assert!(matches!(error, GltfError::Buffer { .. }), "{uri}: {error}");
        }
        for uri in ["a.bin", "./a.bin", "buffers/a.bin", "..a/b..bin", "100%.bin"] {
            assert!(file_name(uri).is_ok(), "{uri}");
        }
    }
}
