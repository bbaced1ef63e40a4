//! Nodes and skins of glTF files.

use super::*;
use serde_json::{Value, json};

/// A file of two joints at heights 1 and 3, in the bind pose at heights 1 and 2, and a humanoid.
fn document(buffer: &Value) -> Value {
    json!({
        "asset": {"version": "2.0"},
        "extensionsRequired": ["KHR_unheard_of"],
        "scene": 1,
        "scenes": [{"nodes": [4]}, {"nodes": [0]}],
        "nodes": [
            {"name": "Root", "children": [2, 3]},
            {"translation": [0.0, 2.0, 0.0]},
            {"name": "Hip", "matrix": [2,0,0,0, 0,2,0,0, 0,0,2,0, 0,1,0,1], "children": [1]},
            {"name": "Body", "mesh": 0, "skin": 0},
            {"name": "Elsewhere"},
        ],
        "skins": [{"joints": [2, 1], "inverseBindMatrices": 0}],
        "accessors": [{"bufferView": 0, "byteOffset": 4, "componentType": 5126, "count": 2, "type": "MAT4"}],
        "bufferViews": [{"buffer": 0, "byteOffset": 4, "byteLength": 132}],
        "buffers": [buffer],
        "extensions": {"VRMC_vrm": {"humanoid": {"humanBones": {"hips": {"node": 2}, "head": {"node": 4}}}}},
    })
}

fn binary() -> Vec<u8> {
    let bind = |y: f32| {
        let columns =
            [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -y, 0.0, 1.0];
        columns.into_iter().flat_map(f32::to_le_bytes)
    };
    [0; 8].into_iter().chain(bind(1.0)).chain(bind(2.0)).collect()
}

fn glb(document: &Value, binary: &[u8]) -> Vec<u8> {
    let json = document.to_string().into_bytes();
    let word = |n: usize| (n as u32).to_le_bytes();
    let mut file = b"glTF".to_vec();
    file.extend(word(2));
    file.extend(word(28 + json.len() + binary.len()));
    for (part, kind) in [(&json[..], *b"JSON"), (binary, *b"BIN\0")] {
        file.extend(word(part.len()));
        file.extend(kind);
        file.extend(part);
    }
    file
}

fn no_files(name: &str) -> Result<Vec<u8>, GltfError> {
    panic!("it asks for {name}")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - three.len()));
        for digit in 0..4 {
            let is_set = digit <= three.len();
            let digit = DIGITS[(word >> (18 - 6 * digit)) as usize & 63];
            text.push(if is_set { char::from(digit) } else { '=' });
        }
    }
    text
}

#[test]
fn all_containers_give_the_same_nodes_skins_and_humanoid() {
    let whole = ModelNodes::from_gltf(&glb(&document(&json!({})), &binary()), no_files).unwrap();
    let names: Vec<_> = whole.nodes.iter().map(|node| (&*node.bone.name, node.number)).collect();
    assert_eq!(names, [("Root", Some(0)), ("Hip", Some(2)), ("", Some(1)), ("Body", Some(3))]);
    assert_eq!(
        whole.nodes.iter().map(|node| node.shows).collect::<Vec<_>>(),
        [false, false, false, true]
    );
    assert_eq!(whole.nodes[2].bone.parent, Some(1));
    let hip = &whole.nodes[1].bone;
    assert_eq!((hip.scale, hip.translation), (DVec3::splat(2.0), DVec3::Y));
    assert_eq!(whole.skins[0].joints, [1, 2]);
    assert_eq!(whole.skins[0].inverse_binds[1].translation, DVec3::Y * -2.0);
    // The head is not in the scene.
    assert_eq!(whole.humanoid, BTreeMap::from([(J::Pelvis, 1)]));

    let uri = format!("data:application/octet-stream;base64,{}", base64(&binary()));
    let text = document(&json!({"uri": uri})).to_string();
    assert_eq!(ModelNodes::from_gltf(text.as_bytes(), no_files).unwrap(), whole);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("the skin.bin"), binary()).unwrap();
    let path = folder.path().join("model.gltf");
    std::fs::write(&path, document(&json!({"uri": "the%20skin.bin"})).to_string()).unwrap();
    assert_eq!(ModelNodes::from_gltf_file(&path).unwrap(), whole);
    std::fs::remove_file(folder.path().join("the skin.bin")).unwrap();
    let error = ModelNodes::from_gltf_file(&path).unwrap_err().to_string();
    assert!(error.contains("the skin.bin"), "{error}");
}

#[test]
fn what_is_no_file_or_too_large_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &std::path::Path| read_whole(path).unwrap_err().to_string();
    assert_eq!(refused(folder.path()), "it is a folder");
    #[cfg(unix)]
    assert_eq!(refused("/dev/null".as_ref()), "it is a device or a pipe, not a file");
    // Nothing is written to the disk for it.
    let large = folder.path().join("large.glb");
    std::fs::File::create(&large).unwrap().set_len((1 << 31) + 1).unwrap();
    assert_eq!(refused(&large), "it has more than 2 GiB");
    std::fs::write(&large, "small").unwrap();
    assert_eq!(read_whole(&large).unwrap(), b"small");
}

#[test]
fn damaged_files_give_errors() {
    let good = glb(&document(&json!({})), &binary());
    for end in 0..good.len() {
        assert!(ModelNodes::from_gltf(&good[..end], no_files).is_err(), "cut off at {end}");
    }
    let with = |path: &str, value: Value| {
        let mut document = document(&json!({}));
        *document.pointer_mut(path).unwrap() = value;
        ModelNodes::from_gltf(&glb(&document, &binary()), no_files).unwrap_err().to_string()
    };
    assert!(with("/nodes/1", json!({"children": [0]})).contains("several parents"));
    assert!(with("/nodes/0/children", json!([99])).contains("no such node"));
    assert!(with("/skins/0/inverseBindMatrices", json!(7)).contains("no such accessor"));
    assert!(with("/accessors/0/byteOffset", json!(u64::MAX)).contains("cut off"));
    assert!(with("/bufferViews/0/buffer", json!(3)).contains("no such buffer"));
    assert!(with("/buffers/0", json!({"uri": "data:,x"})).contains("base64"));
    assert!(with("/nodes", json!("many")).contains("not a glTF file"));
}

#[test]
fn nodes_without_a_name_have_none_although_a_loader_made_one_up() {
    let rig = Build::new(UNITY, LEFT_RIGHT).rig(1);
    let nodes = rig.tree.bones().iter().enumerate().map(|(i, bone)| {
        let bone = Bone { name: format!("GltfNode{i}"), ..bone.clone() };
        ModelNode { bone, number: Some(i), shows: false }
    });
    let model = ModelNodes { nodes: nodes.collect(), ..Default::default() };
    let found = model.find(&RigOverride::default()).unwrap();
    rig.check_map(&found.map);
    assert!(found.tree.bones().iter().all(|bone| bone.name.is_empty()));
    assert!(found.map.to_string().contains("#4"), "{}", found.map);
}
