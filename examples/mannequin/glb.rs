//! A figure of tapered capsules as binary glTF: one skinned mesh in A-pose, with Blender's bone
//! axes (y along the bone) and Mixamo's bone names.

use glam::{DMat3, DMat4, DQuat, DVec3};
use kinest::skeleton::{Pose, Skeleton, SmplJoint as J};
use serde_json::{Value, json};

/// Angle of the arms below the horizontal, radians.
const ARMS_DOWN: f64 = 0.8;
/// Spread of each leg, radians.
const LEGS_SPREAD: f64 = 0.08;
/// Faces around a capsule, and rings in each half.
const AROUND: usize = 14;
const RINGS: usize = 4;
/// Fraction of a capsule that bends with the parent bone.
const BLEND: f64 = 0.3;
/// Numbers are rounded to multiples of 1/GRID, so that every computer writes the same file.
const GRID: f64 = 1e5;

/// Preferred direction of a bone's z axis.
const FRONT: DVec3 = DVec3::Z;

struct Bone {
    name: String,
    parent: Option<usize>,
    head: DVec3,
    tail: DVec3,
}

/// A tapered capsule that moves with a bone.
struct Part {
    bone: usize,
    ends: [DVec3; 2],
    radii: [f64; 2],
}

/// Name, parent, joint, direction target, and radii of the capsule. `#` stands for the side.
type Row = (&'static str, &'static str, J, To, [f64; 2]);

#[derive(Clone, Copy)]
enum To {
    Joint(J),
    /// An offset from its own joint, in the joint's axes, metres.
    Off([f64; 3]),
}

const ROWS: [Row; 14] = [
    ("Hips", "", J::Pelvis, To::Joint(J::Spine1), [0.125, 0.115]),
    ("Spine", "Hips", J::Spine1, To::Joint(J::Spine2), [0.115, 0.12]),
    ("Spine1", "Spine", J::Spine2, To::Joint(J::Spine3), [0.12, 0.13]),
    ("Spine2", "Spine1", J::Spine3, To::Joint(J::Neck), [0.135, 0.07]),
    ("Neck", "Spine2", J::Neck, To::Joint(J::Head), [0.052, 0.05]),
    ("Head", "Neck", J::Head, To::Off([0.0, 0.12, 0.02]), [0.075, 0.1]),
    ("#Shoulder", "Spine2", J::LeftCollar, To::Joint(J::LeftShoulder), [0.075, 0.06]),
    ("#Arm", "#Shoulder", J::LeftShoulder, To::Joint(J::LeftElbow), [0.055, 0.042]),
    ("#ForeArm", "#Arm", J::LeftElbow, To::Joint(J::LeftWrist), [0.042, 0.031]),
    ("#Hand", "#ForeArm", J::LeftWrist, To::Off([0.13, 0.0, 0.0]), [0.034, 0.024]),
    ("#UpLeg", "Hips", J::LeftHip, To::Joint(J::LeftKnee), [0.088, 0.06]),
    ("#Leg", "#UpLeg", J::LeftKnee, To::Joint(J::LeftAnkle), [0.058, 0.04]),
    ("#Foot", "#Leg", J::LeftAnkle, To::Joint(J::LeftFoot), [0.045, 0.034]),
    ("#ToeBase", "#Foot", J::LeftFoot, To::Off([0.0, 0.0, 0.05]), [0.03, 0.024]),
];

/// The bytes of the file.
pub fn mannequin() -> Vec<u8> {
    let (bones, parts) = figure();
    let axes: Vec<DMat3> = bones.iter().map(axes).collect();
    let mut buffer = Buffer::default();
    let mesh = buffer.mesh(&bones, &parts);
    let inverse_bind: Vec<f32> = bones
        .iter()
        .zip(&axes)
        .map(|(bone, axes)| DMat4::from_mat3_translation(*axes, bone.head).inverse())
        .flat_map(|m| m.to_cols_array().map(rounded))
        .collect();
    let inverse_bind = buffer.floats(&inverse_bind, "MAT4", bones.len(), None);

    // Nodes: the armature, the mesh, then the bones.
    let node = |bone: usize| bone + 2;
    let mut nodes = vec![
        json!({"name": "Mannequin", "children": [1, node(0)]}),
        json!({"name": "Body", "mesh": 0, "skin": 0}),
    ];
    for (i, bone) in bones.iter().enumerate() {
        let children = (0..bones.len()).filter(|c| bones[*c].parent == Some(i)).map(node);
        let (translation, rotation) = match bone.parent {
            None => (bone.head, axes[i]),
            Some(p) => {
                (axes[p].transpose() * (bone.head - bones[p].head), axes[p].transpose() * axes[i])
            }
        };
        let rotation = DQuat::from_mat3(&rotation).normalize();
        let mut value = json!({
            "name": bone.name,
            "translation": translation.to_array().map(number),
            "rotation": rotation.to_array().map(number),
        });
        let children: Vec<_> = children.collect();
        if !children.is_empty() {
            value["children"] = json!(children);
        }
        nodes.push(value);
    }
    let joints: Vec<_> = (0..bones.len()).map(node).collect();
    let document = json!({
        "asset": {"version": "2.0", "generator": "kinest mannequin"},
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": [0]}],
        "nodes": nodes,
        "meshes": [{"name": "Body", "primitives": [mesh]}],
        "skins": [{"joints": joints, "skeleton": node(0), "inverseBindMatrices": inverse_bind}],
        "materials": [{
            "name": "Wood",
            "pbrMetallicRoughness":
                {"baseColorFactor": [0.72, 0.53, 0.36, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7},
        }],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.bytes.len()}],
    });
    container(document.to_string().into_bytes(), buffer.bytes)
}

/// The bones and their capsules, standing on y = 0, facing +z.
fn figure() -> (Vec<Bone>, Vec<Part>) {
    let skeleton = Skeleton::default();
    let mut pose = Pose::rest();
    pose.rotations[0] = DQuat::IDENTITY;
    for (sign, shoulder, hip, ankle) in [
        (1.0, J::LeftShoulder, J::LeftHip, J::LeftAnkle),
        (-1.0, J::RightShoulder, J::RightHip, J::RightAnkle),
    ] {
        pose.rotations[shoulder.index()] = DQuat::from_rotation_z(-sign * ARMS_DOWN);
        let spread = DQuat::from_rotation_z(sign * LEGS_SPREAD);
        pose.rotations[hip.index()] = spread;
        pose.rotations[ankle.index()] = spread.conjugate();
    }
    let mut body = skeleton.pose_joints(&pose);
    let floor = body.positions[J::LeftAnkle.index()].y - skeleton.ankle_height;
    for position in &mut body.positions {
        position.y -= floor;
    }

    let mut bones: Vec<Bone> = vec![];
    let mut parts = vec![];
    for (name, parent, joint, to, radii) in ROWS {
        let sides: &[(&str, bool)] =
            if name.contains('#') { &[("Left", false), ("Right", true)] } else { &[("", false)] };
        for &(side, right) in sides {
            let of_side = |j: J| if right { j.mirrored().index() } else { j.index() };
            let head = body.positions[of_side(joint)];
            let off = |[x, y, z]: [f64; 3]| {
                let x = if right { -x } else { x };
                head + body.rotations[of_side(joint)] * DVec3::new(x, y, z)
            };
            let tail = match to {
                To::Joint(j) => body.positions[of_side(j)],
                To::Off(offset) => off(offset),
            };
            let parent = parent.replace('#', side);
            let bone = bones.len();
            parts.push(Part { bone, ends: [head, tail], radii });
            match joint {
                // The nose tells front from back, the heel makes the foot stand, bars widen the
                // hips and chest.
                J::Head => {
                    let nose = [off([0.0, 0.09, 0.1]), off([0.0, 0.07, 0.13])];
                    parts.push(Part { bone, ends: nose, radii: [0.018, 0.015] });
                }
                J::LeftAnkle => {
                    let heel = [off([0.0, -0.025, -0.03]), off([0.0, -0.035, 0.06])];
                    parts.push(Part { bone, ends: heel, radii: [0.04, 0.032] });
                }
                J::Spine3 => {
                    let bar = [off([0.09, 0.08, 0.0]), off([-0.09, 0.08, 0.0])];
                    parts.push(Part { bone, ends: bar, radii: [0.1, 0.1] });
                }
                J::Pelvis => {
                    let bar = [J::LeftHip, J::RightHip].map(|j| body.positions[j.index()]);
                    parts.push(Part { bone, ends: bar, radii: [0.09, 0.09] });
                }
                _ => {}
            }
            bones.push(Bone {
                parent: bones.iter().position(|b| b.name == parent),
                name: name.replace('#', side),
                head,
                tail,
            });
        }
    }
    (bones, parts)
}

/// World axes of a bone: y along it, z forward or, for a bone that points forward, up.
fn axes(bone: &Bone) -> DMat3 {
    let y = (bone.tail - bone.head).normalize();
    let towards = if y.dot(FRONT) > 0.7 { DVec3::Y } else { FRONT };
    let z = towards.reject_from_normalized(y).normalize();
    DMat3::from_cols(y.cross(z), y, z)
}

/// The binary buffer of all meshes and matrices.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Buffer {
    fn store(&mut self, bytes: &[u8], accessor: Value) -> usize {
        let start = self.bytes.len();
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let mut accessor = accessor;
        accessor["bufferView"] = json!(self.views.len());
        self.views.push(json!({"buffer": 0, "byteOffset": start, "byteLength": bytes.len()}));
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    fn floats(
        &mut self,
        v: &[f32],
        kind: &str,
        count: usize,
        range: Option<[[f32; 3]; 2]>,
    ) -> usize {
        let bytes: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut accessor = json!({"componentType": 5126, "type": kind, "count": count});
        if let Some([min, max]) = range {
            accessor["min"] = json!(min);
            accessor["max"] = json!(max);
        }
        self.store(&bytes, accessor)
    }

    /// Stores all parts as one mesh and returns its primitive.
    fn mesh(&mut self, bones: &[Bone], parts: &[Part]) -> Value {
        let (mut positions, mut normals) = (vec![], vec![]);
        let (mut joints, mut weights): (Vec<u8>, Vec<u8>) = (vec![], vec![]);
        let mut indices: Vec<u16> = vec![];
        for part in parts {
            let first = u16::try_from(positions.len() / 3).expect("the figure is small");
            for ring in capsule(part) {
                for (position, normal) in ring.points {
                    positions.extend(position.to_array().map(rounded));
                    normals.extend(normal.to_array().map(rounded));
                    let bend = 0.5 * (1.0 - ring.along / BLEND).clamp(0.0, 1.0);
                    let (parent, before) = match bones[part.bone].parent {
                        Some(parent) if bend > 0.0 => (parent as u8, (bend * 255.0).round() as u8),
                        _ => (0, 0),
                    };
                    joints.extend([part.bone as u8, parent, 0, 0]);
                    weights.extend([255 - before, before, 0, 0]);
                }
            }
            let around = AROUND as u16;
            for ring in 0..(2 * RINGS as u16 - 1) {
                for i in 0..around {
                    let at = |ring: u16, i: u16| first + ring * around + i % around;
                    let (a, b) = (at(ring, i), at(ring, i + 1));
                    let (c, d) = (at(ring + 1, i), at(ring + 1, i + 1));
                    indices.extend([a, c, b, b, c, d]);
                }
            }
        }
        let count = positions.len() / 3;
        let range = [f32::min, f32::max].map(|choose| {
            let mut end = [positions[0], positions[1], positions[2]];
            positions.iter().enumerate().for_each(|(i, v)| end[i % 3] = choose(end[i % 3], *v));
            end
        });
        let indices_bytes: Vec<u8> = indices.iter().flat_map(|i| i.to_le_bytes()).collect();
        json!({
            "attributes": {
                "POSITION": self.floats(&positions, "VEC3", count, Some(range)),
                "NORMAL": self.floats(&normals, "VEC3", count, None),
                "JOINTS_0": self.store(&joints, json!({"componentType": 5121, "type": "VEC4", "count": count})),
                "WEIGHTS_0": self.store(
                    &weights,
                    json!({"componentType": 5121, "normalized": true, "type": "VEC4", "count": count}),
                ),
            },
            "indices": self.store(
                &indices_bytes,
                json!({"componentType": 5123, "type": "SCALAR", "count": indices.len()}),
            ),
            "material": 0,
        })
    }
}

/// Points around a capsule at one place along it.
struct Ring {
    /// 0 at the first end, 1 at the second.
    along: f64,
    /// Position and normal.
    points: Vec<(DVec3, DVec3)>,
}

/// The rings of two hemispheres, one around each end; the side joins their equators.
fn capsule(part: &Part) -> Vec<Ring> {
    let [from, to] = part.ends;
    let y = (to - from).normalize();
    let z =
        (if y.z.abs() > 0.7 { DVec3::Y } else { DVec3::Z }).reject_from_normalized(y).normalize();
    let x = y.cross(z);
    let ring = |end: usize, latitude: f64| {
        let (level, out) = latitude.sin_cos();
        let points = (0..AROUND).map(|i| {
            let (s, c) = (std::f64::consts::TAU * i as f64 / AROUND as f64).sin_cos();
            let normal = (x * c + z * s) * out + y * level;
            (part.ends[end] + normal * part.radii[end], normal)
        });
        let reach = level * part.radii[end] / from.distance(to);
        Ring { along: end as f64 + reach, points: points.collect() }
    };
    let latitude = |i: usize| std::f64::consts::FRAC_PI_2 * i as f64 / (RINGS - 1) as f64;
    let lower = (0..RINGS).rev().map(|i| ring(0, -latitude(i)));
    lower.chain((0..RINGS).map(|i| ring(1, latitude(i)))).collect()
}

fn number(v: f64) -> f64 {
    // Adding zero turns −0 into 0.
    (v * GRID).round() / GRID + 0.0
}

fn rounded(v: f64) -> f32 {
    number(v) as f32
}

/// Assembles the chunks of a binary glTF file, version 2.
fn container(mut json: Vec<u8>, binary: Vec<u8>) -> Vec<u8> {
    json.resize(json.len().next_multiple_of(4), b' ');
    let total = 12 + 8 + json.len() + 8 + binary.len();
    let mut file = b"glTF".to_vec();
    let word = |file: &mut Vec<u8>, n: usize| file.extend((n as u32).to_le_bytes());
    word(&mut file, 2);
    word(&mut file, total);
    word(&mut file, json.len());
    file.extend(b"JSON");
    file.extend(json);
    word(&mut file, binary.len());
    file.extend(b"BIN\0");
    file.extend(binary);
    file
}
