//! Clips as glTF files with skeleton, skin and animation, and as VRM animations.

use super::figure::{Figure, figure};
use crate::coordinates::UPRIGHT;
use crate::motion::MotionClip;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use glam::{DQuat, DVec3};
use serde_json::{Map, Value, json};

/// How the name of the program that wrote a file begins, if it is this one.
pub(super) const GENERATOR: &str = "kinest ";
/// Bytes of a file are counted in 32 bits; a frame has 372.
pub(super) const MOST_FRAMES: usize = 11_000_000;

/// VRM's names of the joints, in SMPL's order.
pub(crate) const HUMAN_BONES: [&str; J::COUNT] = [
    "hips",
    "leftUpperLeg",
    "rightUpperLeg",
    "spine",
    "leftLowerLeg",
    "rightLowerLeg",
    "chest",
    "leftFoot",
    "rightFoot",
    "upperChest",
    "leftToes",
    "rightToes",
    "neck",
    "leftShoulder",
    "rightShoulder",
    "head",
    "leftUpperArm",
    "rightUpperArm",
    "leftLowerArm",
    "rightLowerArm",
    "leftHand",
    "rightHand",
];

/// The bytes of a `.glb` file with this clip on `skeleton`: SMPL's joints as nodes under their names, a plain body
/// skinned to them, and one animation with a key in every frame. Metres, y up. At rest it stands on the floor in a
/// T-pose and faces +z.
///
/// Frames beyond the size of a `.glb`, 25 hours at 120 Hz, are left out.
#[must_use]
pub fn write_glb(clip: &MotionClip, skeleton: &Skeleton) -> Vec<u8> {
    let mut buffer = Buffer::default();
    let mut document = document(&mut buffer, clip, skeleton, J::name);
    let body = figure(skeleton);
    let at_rest = rest(skeleton);
    let binds = at_rest.iter().flat_map(|at| {
        let [x, y, z] = (-*at).to_array();
        [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, x, y, z, 1.0]
    });
    let binds = buffer.floats(binds, "MAT4", 16, false);
    let mesh = buffer.mesh(&body);
    document["meshes"] = json!([{"name": "body", "primitives": [mesh]}]);
    document["skins"] = json!([{
        "joints": (0..J::COUNT).collect::<Vec<_>>(), "skeleton": 0, "inverseBindMatrices": binds,
    }]);
    document["materials"] = json!([{
        "name": "plain",
        "pbrMetallicRoughness":
            {"baseColorFactor": [0.62, 0.66, 0.72, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8},
    }]);
    if let Value::Array(nodes) = &mut document["nodes"] {
        nodes.push(json!({"name": "body", "mesh": 0, "skin": 0}));
    }
    document["scenes"][0]["nodes"] = json!([0, J::COUNT]);
    container(document, buffer)
}

/// The bytes of a VRM animation (`.vrma`) with this clip on `skeleton`: for any VRM character, whose player scales
/// the motion of the hips by its height. The nodes are called as VRM's bones and stand in a T-pose.
///
/// Frames beyond the size of such a file, 25 hours at 120 Hz, are left out.
#[must_use]
pub fn write_vrma(clip: &MotionClip, skeleton: &Skeleton) -> Vec<u8> {
    let mut buffer = Buffer::default();
    let mut document = document(&mut buffer, clip, skeleton, |joint| HUMAN_BONES[joint.index()]);
    let bones: Map<String, Value> = (HUMAN_BONES.iter().enumerate())
        .map(|(node, name)| ((*name).to_owned(), json!({"node": node})))
        .collect();
    document["extensionsUsed"] = json!(["VRMC_vrm_animation"]);
    document["extensions"] = json!({
        "VRMC_vrm_animation": {"specVersion": "1.0", "humanoid": {"humanBones": bones}},
    });
    container(document, buffer)
}

/// Positions of the joints at rest, standing on y = 0.
fn rest(skeleton: &Skeleton) -> [DVec3; J::COUNT] {
    let mut at = [DVec3::Y * skeleton.standing_root_height(); J::COUNT];
    for joint in J::ALL {
        if let Some(parent) = joint.parent() {
            at[joint.index()] = at[parent.index()] + skeleton.offsets[joint.index()];
        }
    }
    at
}

/// Nodes and animation.
fn document(
    buffer: &mut Buffer,
    clip: &MotionClip,
    skeleton: &Skeleton,
    name: impl Fn(J) -> &'static str,
) -> Value {
    let nodes: Vec<Value> = (J::ALL.iter())
        .map(|joint| {
            let offset = match joint.parent() {
                None => DVec3::Y * skeleton.standing_root_height(),
                Some(_) => skeleton.offsets[joint.index()],
            };
            let mut node =
                json!({"name": name(*joint), "translation": offset.as_vec3().to_array()});
            let children = J::ALL.iter().filter(|child| child.parent() == Some(*joint));
            let children: Vec<usize> = children.map(|child| child.index()).collect();
            if !children.is_empty() {
                node["children"] = json!(children);
            }
            node
        })
        .collect();
    let mut document = json!({
        "asset": {"version": "2.0", "generator": GENERATOR.to_owned() + env!("CARGO_PKG_VERSION")},
        "scene": 0,
        "scenes": [{"name": "scene", "nodes": [0]}],
        "nodes": nodes,
    });
    let frames: Vec<Pose> = clip.frames.iter().take(MOST_FRAMES).map(Pose::from).collect();
    if frames.is_empty() {
        return document;
    }
    let times = (0..frames.len()).map(|frame| frame as f64 / clip.rate_hz);
    let times = buffer.floats(times, "SCALAR", 1, true);
    let (mut channels, mut samplers) = (vec![], vec![]);
    let mut channel = |node: usize, path: &str, output: usize| {
        channels.push(json!({"sampler": samplers.len(), "target": {"node": node, "path": path}}));
        samplers.push(json!({"input": times, "output": output, "interpolation": "LINEAR"}));
    };
    let places = frames.iter().flat_map(|pose| {
        let root = UPRIGHT.conjugate() * (pose.translation + skeleton.offsets[0]);
        root.to_array()
    });
    channel(0, "translation", buffer.floats(places, "VEC3", 3, false));
    for joint in 0..J::COUNT {
        let mut before = DQuat::IDENTITY;
        let turns = frames.iter().flat_map(|pose| {
            let mut turn = pose.rotations[joint].normalize();
            if joint == 0 {
                turn = UPRIGHT.conjugate() * turn;
            }
            // q and −q are one rotation: keep the sign nearer to the previous frame, since some
            // players interpolate without checking.
            if turn.dot(before) < 0.0 {
                turn = -turn;
            }
            before = turn;
            turn.to_array()
        });
        channel(joint, "rotation", buffer.floats(turns, "VEC4", 4, false));
    }
    document["animations"] =
        json!([{"name": "motion", "channels": channels, "samplers": samplers}]);
    document
}

/// The binary part of a file.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Buffer {
    fn store(&mut self, bytes: &[u8], mut accessor: Value, target: Option<u32>) -> usize {
        let mut view =
            json!({"buffer": 0, "byteOffset": self.bytes.len(), "byteLength": bytes.len()});
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        accessor["bufferView"] = json!(self.views.len());
        self.views.push(view);
        self.accessors.push(accessor);
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.accessors.len() - 1
    }

    /// Stores numbers of elements with `width` of them each.
    fn floats(
        &mut self,
        numbers: impl IntoIterator<Item = f64>,
        kind: &str,
        width: usize,
        has_range: bool,
    ) -> usize {
        let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
        let accessor = described(&numbers, kind, width, has_range);
        self.store(&bytes_of(&numbers), accessor, None)
    }

    fn mesh(&mut self, body: &Figure) -> Value {
        const VERTICES: Option<u32> = Some(34_962);
        const INDICES: Option<u32> = Some(34_963);
        let flat = |vectors: &[DVec3]| -> Vec<f32> {
            vectors.iter().flat_map(|v| v.as_vec3().to_array()).collect()
        };
        let (positions, normals) = (flat(&body.positions), flat(&body.normals));
        let count = body.positions.len();
        let joints: Vec<u8> = body.joints.iter().flat_map(|joint| [*joint, 0, 0, 0]).collect();
        let weights: Vec<u8> = body.joints.iter().flat_map(|_| [255, 0, 0, 0]).collect();
        let indices: Vec<u8> = body.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let of_bytes = |normalized: bool| {
            let mut it = json!({"componentType": 5121, "type": "VEC4", "count": count});
            if normalized {
                it["normalized"] = json!(true);
            }
            it
        };
        let of_indices =
            json!({"componentType": 5123, "type": "SCALAR", "count": body.indices.len()});
        let (place, turn) = (bytes_of(&positions), bytes_of(&normals));
        json!({
            "attributes": {
                "POSITION": self.store(&place, described(&positions, "VEC3", 3, true), VERTICES),
                "NORMAL": self.store(&turn, described(&normals, "VEC3", 3, false), VERTICES),
                "JOINTS_0": self.store(&joints, of_bytes(false), VERTICES),
                "WEIGHTS_0": self.store(&weights, of_bytes(true), VERTICES),
            },
            "indices": self.store(&indices, of_indices, INDICES),
            "material": 0,
        })
    }
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The accessor of numbers, without its buffer view.
fn described(numbers: &[f32], kind: &str, width: usize, has_range: bool) -> Value {
    let mut accessor = json!({"componentType": 5126, "type": kind, "count": numbers.len() / width});
    if has_range {
        let range = |choose: fn(f32, f32) -> f32| -> Vec<f32> {
            let of = |k: usize| numbers.iter().skip(k).step_by(width).copied();
            (0..width).map(|k| of(k).reduce(choose).unwrap_or(0.0)).collect()
        };
        accessor["min"] = json!(range(f32::min));
        accessor["max"] = json!(range(f32::max));
    }
    accessor
}

/// The chunks of a binary glTF file.
fn container(mut document: Value, buffer: Buffer) -> Vec<u8> {
    let Buffer { bytes: binary, views, accessors } = buffer;
    if !binary.is_empty() {
        document["accessors"] = json!(accessors);
        document["bufferViews"] = json!(views);
        document["buffers"] = json!([{"byteLength": binary.len()}]);
    }
    let mut json = document.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let chunks = if binary.is_empty() { 1 } else { 2 };
    let size = 12 + 8 * chunks + json.len() + binary.len();
    let mut file = Vec::with_capacity(size);
    let word = |number: usize| (number as u32).to_le_bytes();
    file.extend(b"glTF");
    file.extend(word(2));
    file.extend(word(size));
    file.extend(word(json.len()));
    file.extend(b"JSON");
    file.extend(json);
    if !binary.is_empty() {
        file.extend(word(binary.len()));
        file.extend(b"BIN\0");
        file.extend(binary);
    }
    file
}
