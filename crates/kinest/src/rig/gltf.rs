//! Reads the nodes, skins and humanoid of a glTF file (`.gltf`, `.glb`, `.vrm`, `.vrma`).

use super::document::{GltfError, GltfFile, MOST_BYTES, Node};
use super::nodes::{ModelNode, ModelNodes};
use super::rest::Skin;
use super::tree::Bone;
use super::vrm::VRM_EXTENSIONS;
use glam::{DAffine3, DMat4, DQuat, DVec3};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes of a matrix of 16 `f32`.
const MATRIX: usize = 64;

impl ModelNodes {
    /// Reads a `.gltf`, `.glb` or `.vrm` file, and the buffers beside it.
    ///
    /// # Errors
    /// [`GltfError`] says what cannot be read.
    pub fn from_gltf_file(path: impl AsRef<Path>) -> Result<Self, GltfError> {
        let path = path.as_ref();
        Self::from_gltf(&read_file(path)?, beside(path))
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
        Self::of(&mut GltfFile::new(bytes)?, &buffer)
    }

    /// The nodes of an open file.
    pub(crate) fn of(
        file: &mut GltfFile,
        buffer: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
    ) -> Result<Self, GltfError> {
        let order = file.order()?;
        let place: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(i, (number, _))| (*number, i)).collect();
        let nodes = order.iter().map(|(number, parent)| {
            let node = &file.document.nodes[*number];
            let bone = bone(node, parent.map(|parent| place[&parent]));
            let shows = node.mesh.is_some() || node.camera.is_some();
            ModelNode { bone, number: Some(*number), shows }
        });
        let nodes = nodes.collect();

        let mut skins = vec![];
        for (i, skin) in std::mem::take(&mut file.document.skins).into_iter().enumerate() {
            let fail = |problem| GltfError::Skin { skin: i, problem };
            // Without matrices they are all identity, which says nothing about a pose.
            let Some(accessor) = skin.inverse_bind_matrices else {
                let joints = skin.joints.iter().filter_map(|n| place.get(n)).copied().collect();
                skins.push(Skin { joints, inverse_binds: vec![] });
                continue;
            };
            if file.is_sparse(accessor) {
                return Err(fail("its inverse bind matrices are sparse, which is not read"));
            }
            let matrices = file.elements(accessor, MATRIX, buffer)?.map_err(fail)?;
            let matrix = |k: usize| {
                let mut columns = [0.0; 16];
                for (column, f) in columns.iter_mut().zip(matrices.get(k)?.chunks_exact(4)) {
                    *column = f64::from(f32::from_le_bytes(f.try_into().ok()?));
                }
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
        let extensions = &file.document.extensions;
        let said = VRM_EXTENSIONS.iter().filter_map(|name| extensions.get(*name));
        let said = said.map(|it| it.bones()).find(|bones| !bones.is_empty()).unwrap_or_default();
        let humanoid = said.into_iter().filter_map(|(joint, n)| Some((joint, *place.get(&n)?)));
        Ok(Self { nodes, skins, humanoid: humanoid.collect() })
    }
}

/// Reads a file. Folders, devices and pipes, of which some never end, and files of more than [`MOST_BYTES`] are
/// refused before anything of them is read.
pub(crate) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if about.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    if !about.is_file() {
        return Err(io::Error::other("it is a device or a pipe, not a file"));
    }
    let too_large = || io::Error::other(format!("it has more than {} GiB", MOST_BYTES >> 30));
    if about.len() > MOST_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // It may grow meanwhile.
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES { Err(too_large()) } else { Ok(bytes) }
}

fn read_file(path: &Path) -> Result<Vec<u8>, GltfError> {
    read_whole(path).map_err(|source| GltfError::Read { path: path.into(), source })
}

/// Reads the files beside `path`.
pub(crate) fn beside(path: &Path) -> impl Fn(&str) -> Result<Vec<u8>, GltfError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    move |name| read_file(&folder.join(name))
}

fn bone(node: &Node, parent: Option<usize>) -> Bone {
    let (scale, rotation, translation) = match &node.matrix {
        Some(matrix) => DMat4::from_cols_array(matrix).to_scale_rotation_translation(),
        None => (
            node.scale.unwrap_or(DVec3::ONE),
            node.rotation.map_or(DQuat::IDENTITY, DQuat::from_array),
            node.translation.unwrap_or(DVec3::ZERO),
        ),
    };
    Bone { name: node.name.clone(), parent, translation, rotation, scale }
}
