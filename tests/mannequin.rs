//! The shipped character matches its generator and is a well-formed rig.

#[path = "../examples/mannequin/glb.rs"]
mod glb;

use glam::{DQuat, DVec3};
use kinest::rig::{Bone, BoneTree, Evidence, RigMap, RigOverride};
use kinest::skeleton::SmplJoint as J;
use serde_json::Value;
use std::path::Path;

/// The JSON and the binary chunk of a `.glb` file.
fn chunks(file: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&file[..4], word(4), word(8)), (&b"glTF"[..], 2, file.len()));
    let json = 20..20 + word(12);
    (serde_json::from_slice(&file[json.clone()]).unwrap(), &file[json.end + 8..])
}

fn bones(document: &Value) -> BoneTree {
    let nodes = document["nodes"].as_array().unwrap();
    let numbers = |value: &Value, rest: [f64; 4]| -> [f64; 4] {
        std::array::from_fn(|i| value.get(i).map_or(rest[i], |v| v.as_f64().unwrap()))
    };
    let is_child = |parent: &Value, i: usize| {
        parent["children"]
            .as_array()
            .is_some_and(|c| c.iter().any(|c| c.as_u64() == Some(i as u64)))
    };
    let bones = nodes.iter().enumerate().map(|(i, node)| Bone {
        name: node["name"].as_str().unwrap().into(),
        parent: nodes.iter().position(|parent| is_child(parent, i)),
        translation: DVec3::from_slice(&numbers(&node["translation"], [0.0; 4])),
        rotation: DQuat::from_array(numbers(&node["rotation"], [0.0, 0.0, 0.0, 1.0])),
        scale: DVec3::ONE,
    });
    BoneTree::new(bones.collect()).unwrap()
}

#[test]
fn the_shipped_file_matches_its_generator() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/rigs/mannequin.glb");
    let shipped = std::fs::read(&path).unwrap();
    assert!(
        shipped == glb::mannequin(),
        "run `cargo run -p kinest --example mannequin -- assets/rigs/mannequin.glb`"
    );
    assert!(shipped.len() < 500_000);
}

#[test]
fn its_bones_are_found_in_an_a_pose_with_aligned_axes() {
    let file = glb::mannequin();
    let tree = bones(&chunks(&file).0);
    let map = RigMap::find(&tree, &RigOverride::default(), &Default::default()).unwrap();
    assert!(map.confidence() > 0.7, "{map}");
    assert!(map.driven().iter().all(|d| d.evidence == Evidence::Both), "{map}");
    let at = |joint: J| tree.position(map.bone(joint).unwrap());
    for joint in J::ALL {
        assert!(map.bone(joint).is_some(), "{}\n{map}", joint.name());
        let mirrored = at(joint.mirrored()) * DVec3::new(-1.0, 1.0, 1.0);
        assert!(at(joint).distance(mirrored) < 1e-3, "{}", joint.name());
    }
    let arm = (at(J::LeftElbow) - at(J::LeftShoulder)).normalize();
    assert!(arm.x > 0.5 && arm.y < -0.5, "{arm}");
    let along = tree.rest(map.bone(J::LeftShoulder).unwrap()).matrix3.y_axis;
    assert!(along.distance(arm) < 1e-3, "{along}");
    assert!(at(J::LeftFoot).z > at(J::LeftAnkle).z, "it faces +z");
    assert!((0.05..0.08).contains(&at(J::LeftAnkle).y), "it stands on the floor");
}

#[test]
fn its_mesh_is_valid() {
    let file = glb::mannequin();
    let (document, binary) = chunks(&file);
    let primitive = &document["meshes"][0]["primitives"][0];
    let accessor = |v: &Value| &document["accessors"][v.as_u64().unwrap() as usize];
    let bytes = |v: &Value| {
        let view = &document["bufferViews"][accessor(v)["bufferView"].as_u64().unwrap() as usize];
        let [from, length] =
            ["byteOffset", "byteLength"].map(|k| view[k].as_u64().unwrap() as usize);
        &binary[from..from + length]
    };
    let attributes = &primitive["attributes"];
    let count = accessor(&attributes["POSITION"])["count"].as_u64().unwrap() as usize;
    let vectors = |v: &Value| -> Vec<DVec3> {
        let floats = bytes(v).chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        floats
            .collect::<Vec<_>>()
            .chunks_exact(3)
            .map(|v| glam::Vec3::from_slice(v).as_dvec3())
            .collect()
    };
    let (positions, normals) = (vectors(&attributes["POSITION"]), vectors(&attributes["NORMAL"]));
    assert_eq!((positions.len(), normals.len()), (count, count));
    assert!(normals.iter().all(|n| (n.length() - 1.0).abs() < 1e-3));
    let (low, high) =
        positions.iter().fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p.y), h.max(p.y)));
    assert!(low.abs() < 0.02 && (1.7..1.85).contains(&high), "from {low} to {high}");

    let joints = document["skins"][0]["joints"].as_array().unwrap().len();
    let weights = bytes(&attributes["WEIGHTS_0"]).chunks_exact(4);
    for (of, weights) in bytes(&attributes["JOINTS_0"]).chunks_exact(4).zip(weights) {
        assert!(of.iter().all(|j| usize::from(*j) < joints));
        assert_eq!(weights.iter().map(|w| u32::from(*w)).sum::<u32>(), 255);
    }

    let indices = bytes(&primitive["indices"]).chunks_exact(2);
    let indices: Vec<_> =
        indices.map(|b| usize::from(u16::from_le_bytes(b.try_into().unwrap()))).collect();
    for triangle in indices.chunks_exact(3) {
        let [a, b, c] = [0, 1, 2].map(|i| positions[triangle[i]]);
        let face = (b - a).cross(c - a);
        // Triangles at the poles of capsules are degenerate.
        if face.length() > 1e-7 {
            assert!(face.dot(normals[triangle[0]]) > 0.0, "a face looks inwards");
        }
    }
}
