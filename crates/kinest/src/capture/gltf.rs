//! Animations of glTF files (`.gltf`, `.glb`, `.vrm`) and VRM animations (`.vrma`).

use super::bones::{BoneMotion, BonePose, MOST_POSES};
use super::rate::usual_rate;
use super::write_gltf::GENERATOR;
use crate::rig::{
    Animation, Bone, Component, GltfError, GltfFile, Interpolation, ModelNodes, RigOverride,
    Sampler, rotation_of,
};
use glam::{DAffine3, DQuat, DVec3};
use std::collections::{BTreeMap, BTreeSet};

/// Rate of animations with few keys, Hz.
const USUAL_RATE: f64 = 30.0;
/// Keys further apart than this, seconds, are poses to be interpolated, not frames.
const FRAMES_APART: f64 = 0.07;
/// Keys less far apart than this, seconds, are no frames either.
const FRAMES_TOGETHER: f64 = 0.002;
/// A key that comes this much after a frame, seconds, is of that frame: times are 32-bit numbers.
const ROUNDING: f64 = 1e-4;
/// A rate this close to a whole one, relatively, means that one: times are 32-bit numbers.
const RATE_TOLERANCE: f64 = 2e-3;

/// Reads an animation of a glTF or VRM animation file: the one called `name`, or without a name the longest that
/// turns a bone. `read` reads another file that it names, relative to its own folder.
///
/// The bones are the joints of the skins with all nodes above them, or all nodes where there is no skin; their rest
/// pose is the one the skins were made in. Scales of nodes become lengths. A VRM animation says itself which bone is
/// what. Frames are as far apart as the keys; where these are sparse, 30 Hz.
///
/// # Errors
/// [`GltfError`] says which channel, node or accessor is wrong.
pub fn read_gltf(
    bytes: &[u8],
    name: Option<&str>,
    read: impl Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<BoneMotion, GltfError> {
    let mut file = GltfFile::new(bytes)?;
    let animations = file.animations()?;
    let nodes = ModelNodes::of(&mut file, &read)?;
    let other = |problem: String| GltfError::Animations(problem);
    let (tree, kept) =
        nodes.tree(&RigOverride::default()).map_err(|error| other(error.to_string()))?;
    // The bone of each node of the file.
    let bone_of: BTreeMap<usize, usize> = (kept.iter().enumerate())
        .filter_map(|(bone, node)| Some((nodes.nodes[*node].number?, bone)))
        .collect();

    let (chosen, mut notes) = choose(&mut file, &animations, &bone_of, name, &read)?;
    let animation = &animations[chosen];
    let tracks = tracks(&mut file, chosen, animation, &bone_of, &read)?;
    let still: Vec<Bone> = kept.iter().map(|node| nodes.nodes[*node].bone.clone()).collect();
    let parents: Vec<Option<usize>> = tree.bones().iter().map(|bone| bone.parent).collect();

    let Grid { rate_hz, start, step, count, is_even } = grid(&tracks);
    if !is_even {
        notes.push(format!("the keys are not evenly spaced; frames are made at {rate_hz} Hz"));
    }
    let rest: Vec<DAffine3> = (0..tree.bones().len()).map(|bone| tree.rest(bone)).collect();
    let bones = rigid(&parents, &rest)
        .into_iter()
        .zip(tree.bones())
        .map(|((translation, rotation), bone)| Bone {
            translation,
            rotation,
            scale: DVec3::ONE,
            ..bone.clone()
        })
        .collect();
    let knows_floor = file.generator().starts_with(GENERATOR);
    let (frames, said) = (Vec::new(), BTreeMap::new());
    let mut motion = BoneMotion { bones, rate_hz, frames, notes, said, knows_floor };
    motion.said = (nodes.humanoid.iter())
        .filter_map(|(joint, node)| Some((*joint, kept.binary_search(node).ok()?)))
        .collect();
    for frame in 0..count {
        let time = start + frame as f64 * step;
        let mut worlds: Vec<DAffine3> = Vec::with_capacity(still.len());
        for (bone, at_rest) in still.iter().enumerate() {
            let track = &tracks.of[bone];
            let translation = track.translation.as_ref().map(|track| track.vector(time));
            let rotation = track.rotation.as_ref().map(|track| track.rotation(time));
            let scale = track.scale.as_ref().map(|track| track.vector(time));
            let local = DAffine3::from_scale_rotation_translation(
                scale.unwrap_or(at_rest.scale),
                rotation.unwrap_or(at_rest.rotation).normalize(),
                translation.unwrap_or(at_rest.translation),
            );
            worlds.push(parents[bone].map_or(DAffine3::IDENTITY, |p| worlds[p]) * local);
        }
        let poses = rigid(&parents, &worlds);
        let poses = poses.into_iter().map(|(at, turn)| BonePose::new(at, turn)).collect();
        motion.push(poses).map_err(other)?;
    }
    Ok(motion)
}

/// Local transforms without scales of nodes with these transforms in the world.
fn rigid(parents: &[Option<usize>], worlds: &[DAffine3]) -> Vec<(DVec3, DQuat)> {
    let axes: Vec<DQuat> = worlds.iter().map(rotation_of).collect();
    let local = |(node, parent): (usize, &Option<usize>)| match parent {
        None => (worlds[node].translation, axes[node]),
        Some(parent) => {
            let back = axes[*parent].conjugate();
            let step = worlds[node].translation - worlds[*parent].translation;
            (back * step, (back * axes[node]).normalize())
        }
    };
    parents.iter().enumerate().map(local).collect()
}

/// The animation that is meant, and notes on the others.
fn choose(
    file: &mut GltfFile,
    animations: &[Animation],
    bone_of: &BTreeMap<usize, usize>,
    name: Option<&str>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<(usize, Vec<String>), GltfError> {
    let called = |k: usize| {
        animations[k].name.clone().filter(|name| !name.is_empty()).unwrap_or(format!("#{k}"))
    };
    let all = || {
        let names: Vec<String> = (0..animations.len()).take(40).map(called).collect();
        names.join(", ")
    };
    if let Some(name) = name {
        let found = (0..animations.len()).find(|k| called(*k) == name);
        let missing = || {
            let all = if animations.is_empty() { "none".into() } else { all() };
            GltfError::Animations(format!("there is no animation `{name}`; there are {all}"))
        };
        return Ok((found.ok_or_else(missing)?, vec![]));
    }
    let mut longest: Option<(f64, usize)> = None;
    let mut ends: BTreeMap<usize, f64> = BTreeMap::new();
    for (k, animation) in animations.iter().enumerate() {
        let turning = animation.channels.iter().filter(|channel| {
            channel.target.path == "rotation"
                && channel.target.node.is_some_and(|node| bone_of.contains_key(&node))
        });
        let inputs: BTreeSet<usize> =
            turning.filter_map(|it| Some(animation.samplers.get(it.sampler)?.input)).collect();
        let mut length: Option<f64> = None;
        for input in inputs {
            let end = match ends.get(&input) {
                Some(end) => *end,
                None => {
                    let last = file.count(input).and_then(|count| count.checked_sub(1));
                    let elements = file.elements(input, 4, read)?.ok();
                    let bytes = elements.zip(last).and_then(|(all, last)| all.get(last));
                    let [end] = bytes.map_or([0.0], |bytes| Component::F32.read(bytes));
                    *ends.entry(input).or_insert(end)
                }
            };
            length = Some(length.unwrap_or(0.0).max(end));
        }
        if let Some(length) = length
            && longest.is_none_or(|(other, _)| length > other)
        {
            longest = Some((length, k));
        }
    }
    let (_, chosen) = longest.ok_or_else(|| {
        GltfError::Animations(match animations.len() {
            0 if file.document.nodes.is_empty() => {
                "there are no nodes and no animation, as in JSON that is no glTF".into()
            }
            0 => "there is no animation".into(),
            _ => format!("no animation turns a bone; there are {}", all()),
        })
    })?;
    let notes = match animations.len() {
        1 => vec![],
        count => {
            vec![format!("of {count} animations, `{}` is the longest: {}", called(chosen), all())]
        }
    };
    Ok((chosen, notes))
}

/// Keys of one property of a node: of `N` numbers.
struct Track<const N: usize> {
    interpolation: Interpolation,
    times: Vec<f32>,
    /// For cubic splines three for each time: tangent into it, value, tangent out of it.
    values: Vec<[f32; N]>,
}

impl<const N: usize> Track<N> {
    fn value(&self, place: usize) -> [f64; N] {
        self.values[place].map(f64::from)
    }

    /// The value at a time, and whether it is still to be mixed: from `a` to `b` by a part.
    fn at(&self, time: f64) -> Mix<N> {
        // What holds its value would hold that of the frame before.
        let reached =
            if self.interpolation == Interpolation::Step { time + ROUNDING } else { time };
        let after = self.times.partition_point(|key| f64::from(*key) <= reached);
        let key = |k: usize| match self.interpolation {
            Interpolation::CubicSpline => self.value(3 * k + 1),
            _ => self.value(k),
        };
        let Some(before) = after.checked_sub(1) else { return Mix::Key(key(0)) };
        if after == self.times.len() || self.interpolation == Interpolation::Step {
            return Mix::Key(key(before));
        }
        let [from, to] = [before, after].map(|k| f64::from(self.times[k]));
        let (span, part) = (to - from, (time - from) / (to - from));
        if self.interpolation == Interpolation::Linear {
            return Mix::Between(key(before), key(after), part);
        }
        let (a, b) = (key(before), key(after));
        let (out, into) = (self.value(3 * before + 2), self.value(3 * after));
        let (square, cube) = (part * part, part * part * part);
        Mix::Key(std::array::from_fn(|k| {
            (2.0 * cube - 3.0 * square + 1.0) * a[k]
                + span * (cube - 2.0 * square + part) * out[k]
                + (3.0 * square - 2.0 * cube) * b[k]
                + span * (cube - square) * into[k]
        }))
    }
}

/// A value between keys.
enum Mix<const N: usize> {
    Key([f64; N]),
    Between([f64; N], [f64; N], f64),
}

impl Track<3> {
    fn vector(&self, time: f64) -> DVec3 {
        match self.at(time) {
            Mix::Key(value) => value.into(),
            Mix::Between(a, b, part) => DVec3::from(a).lerp(b.into(), part),
        }
    }
}

impl Track<4> {
    fn rotation(&self, time: f64) -> DQuat {
        let unit = |value| DQuat::from_array(value).normalize();
        let turn = match self.at(time) {
            Mix::Key(value) => unit(value),
            Mix::Between(a, b, part) => unit(a).slerp(unit(b), part),
        };
        // A spline may pass through zero.
        if turn.is_finite() { turn } else { DQuat::IDENTITY }
    }
}

/// What moves a bone.
#[derive(Default)]
struct BoneTracks {
    translation: Option<Track<3>>,
    rotation: Option<Track<4>>,
    scale: Option<Track<3>>,
}

/// What moves all bones.
struct Tracks {
    of: Vec<BoneTracks>,
}

impl Tracks {
    fn times(&self) -> impl Iterator<Item = &[f32]> {
        self.of.iter().flat_map(|bone| {
            let vectors = [&bone.translation, &bone.scale].into_iter().flatten();
            let vectors = vectors.map(|track| &track.times[..]);
            vectors.chain(bone.rotation.iter().map(|track| &track.times[..]))
        })
    }
}

fn tracks(
    file: &mut GltfFile,
    number: usize,
    animation: &Animation,
    bone_of: &BTreeMap<usize, usize>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<Tracks, GltfError> {
    let mut tracks =
        Tracks { of: bone_of.values().map(|_| BoneTracks::default()).collect::<Vec<_>>() };
    let mut keys = 0_usize;
    for (channel, it) in animation.channels.iter().enumerate() {
        let fail = |problem| GltfError::Channel {
            animation: animation.name.clone().unwrap_or(format!("#{number}")),
            channel,
            problem,
        };
        let Some(bone) = it.target.node.and_then(|node| bone_of.get(&node)) else { continue };
        let bone = &mut tracks.of[*bone];
        let sampler = animation.samplers.get(it.sampler).ok_or(fail("it has no sampler"))?;
        // Many channels may name the same keys: a small file must not become a large one.
        keys = keys.saturating_add(file.count(sampler.input).unwrap_or(0));
        if keys > MOST_POSES {
            return Err(fail("there are too many keys"));
        }
        match it.target.path.as_str() {
            "translation" if bone.translation.is_none() => {
                bone.translation = Some(track(file, sampler, read)?.map_err(fail)?);
            }
            "rotation" if bone.rotation.is_none() => {
                let track: Track<4> = track(file, sampler, read)?.map_err(fail)?;
                let values = track.values.iter().enumerate();
                let is_key =
                    |k: usize| track.interpolation != Interpolation::CubicSpline || k % 3 == 1;
                let zero = |value: &[f32; 4]| value.iter().all(|part| part.abs() < 1e-6);
                if values.into_iter().any(|(k, value)| is_key(k) && zero(value)) {
                    return Err(fail("a rotation is zero"));
                }
                bone.rotation = Some(track);
            }
            "scale" if bone.scale.is_none() => {
                bone.scale = Some(track(file, sampler, read)?.map_err(fail)?);
            }
            "translation" | "rotation" | "scale" => return Err(fail("its target has another")),
            // Weights of morph targets.
            _ => {}
        }
    }
    Ok(tracks)
}

/// Reads the keys of a sampler; the inner error is about the channel.
fn track<const N: usize>(
    file: &mut GltfFile,
    sampler: &Sampler,
    read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<Result<Track<N>, &'static str>, GltfError> {
    let times = match numbers::<1>(file, sampler.input, read)? {
        Ok(times) => times,
        Err(problem) => return Ok(Err(problem)),
    };
    let values = match numbers::<N>(file, sampler.output, read)? {
        Ok(values) => values,
        Err(problem) => return Ok(Err(problem)),
    };
    let times: Vec<f32> = times.into_iter().map(|[time]| time).collect();
    let interpolation = sampler.interpolation;
    let each = if interpolation == Interpolation::CubicSpline { 3 } else { 1 };
    Ok(if times.is_empty() {
        Err("it has no keys")
    } else if !times.is_sorted_by(|a, b| a < b) {
        Err("its times do not rise")
    } else if times[0] < 0.0 {
        Err("it has a negative time")
    } else if values.len() != each * times.len() {
        Err("it has not as many values as times")
    } else {
        Ok(Track { interpolation, times, values })
    })
}

/// The elements of an accessor, all finite.
fn numbers<const N: usize>(
    file: &mut GltfFile,
    accessor: usize,
    read: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<Result<Vec<[f32; N]>, &'static str>, GltfError> {
    let all = file.numbers::<N>(accessor, MOST_POSES, read)?;
    let is_finite = |all: &Vec<[f32; N]>| all.iter().flatten().all(|number| number.is_finite());
    Ok(all.and_then(|all| if is_finite(&all) { Ok(all) } else { Err("a number is not finite") }))
}

/// The frames of an animation.
struct Grid {
    rate_hz: f64,
    /// Time of the first frame, seconds.
    start: f64,
    /// Seconds between frames: by the keys, which rounding puts off a whole rate.
    step: f64,
    count: usize,
    /// Whether the keys are evenly spaced.
    is_even: bool,
}

fn grid(tracks: &Tracks) -> Grid {
    let most = tracks.times().max_by_key(|times| times.len()).unwrap_or_default();
    let ends = tracks.times().filter_map(|times| Some((*times.first()?, *times.last()?)));
    let (start, end) =
        ends.fold((f32::MAX, 0.0_f32), |(a, b), (start, end)| (a.min(start), b.max(end)));
    let (start, end) = (f64::from(start.min(end)), f64::from(end));
    let span = match most {
        [first, .., last] => f64::from(*last) - f64::from(*first),
        _ => 0.0,
    };
    let mean = span / most.len().saturating_sub(1).max(1) as f64;
    let tolerance = 0.05 * mean + 4.0 * f64::from(f32::EPSILON) * end;
    let is_even = (most.windows(2))
        .all(|pair| (f64::from(pair[1]) - f64::from(pair[0]) - mean).abs() <= tolerance);
    let frames = (FRAMES_TOGETHER..=FRAMES_APART).contains(&mean);
    let step = if is_even && frames { mean } else { USUAL_RATE.recip() };
    let rate_hz = usual_rate(step.recip(), RATE_TOLERANCE);
    // The tolerance keeps a last frame that is off the grid only by rounding.
    let count = ((end - start) / step + 1e-2).floor().clamp(0.0, MOST_POSES as f64) as usize + 1;
    Grid { rate_hz, start, step, count, is_even: is_even || most.len() < 3 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{write_glb, write_vrma};
    use crate::motion::MotionClip;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::{exp, geodesic_angle};
    use crate::skeleton::{Skeleton, SmplJoint as J};
    use serde_json::{Value, json};

    fn walk() -> MotionClip {
        let mut walk = walk_and_wave(&Skeleton::default()).resampled(60.0);
        walk.frames.truncate(40);
        walk
    }

    fn alone(name: &str) -> Result<Vec<u8>, GltfError> {
        panic!("it asks for {name}")
    }

    /// The bytes of a `.glb` with its JSON and its numbers changed.
    fn edited(glb: &[u8], edit: impl FnOnce(&mut Value, &mut Vec<u8>)) -> Vec<u8> {
        let word = |at: usize| u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize;
        let (json, rest) = glb[20..].split_at(word(12));
        let (mut json, mut binary) = (serde_json::from_slice(json).unwrap(), rest[8..].to_vec());
        edit(&mut json, &mut binary);
        let json = json.to_string().into_bytes();
        let mut file = b"glTF".to_vec();
        file.extend(2_u32.to_le_bytes());
        file.extend((28 + json.len() as u32 + binary.len() as u32).to_le_bytes());
        for (kind, part) in [(b"JSON", &json), (b"BIN\0", &binary)] {
            file.extend((part.len() as u32).to_le_bytes());
            file.extend(kind);
            file.extend(part);
        }
        file
    }

    /// Where the numbers of an accessor start.
    fn start(json: &Value, accessor: usize) -> usize {
        let view = json["accessors"][accessor]["bufferView"].as_u64().unwrap() as usize;
        json["bufferViews"][view]["byteOffset"].as_u64().unwrap() as usize
    }

    /// Applies `change` to the numbers of an accessor.
    fn change(
        json: &Value,
        binary: &mut [u8],
        accessor: usize,
        change: impl Fn(usize, f32) -> f32,
    ) {
        let (from, count) = (start(json, accessor), json["accessors"][accessor]["count"].as_u64());
        let width = match json["accessors"][accessor]["type"].as_str().unwrap() {
            "SCALAR" => 1,
            "VEC3" => 3,
            _ => 4,
        };
        let bytes = &mut binary[from..from + 4 * width * count.unwrap() as usize];
        for (k, number) in bytes.chunks_exact_mut(4).enumerate() {
            let before = f32::from_le_bytes(number[..].try_into().unwrap());
            number.copy_from_slice(&change(k, before).to_le_bytes());
        }
    }

    /// Adds numbers that an accessor describes, and returns the number of their view.
    fn add_view(json: &mut Value, binary: &mut Vec<u8>, bytes: &[u8]) -> usize {
        binary.resize(binary.len().next_multiple_of(4), 0);
        let views = json["bufferViews"].as_array_mut().unwrap();
        views.push(json!({"buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len()}));
        binary.extend(bytes);
        views.len() - 1
    }

    /// The numbers of an accessor with four in each element.
    fn turns(json: &Value, binary: &[u8], accessor: usize) -> Vec<[f32; 4]> {
        let (from, count) = (start(json, accessor), json["accessors"][accessor]["count"].as_u64());
        let bytes = binary[from..].chunks_exact(16).take(count.unwrap() as usize);
        bytes.map(|element| Component::F32.read(element).map(|number| number as f32)).collect()
    }

    fn output(json: &Value, channel: usize) -> usize {
        json["animations"][0]["samplers"][channel]["output"].as_u64().unwrap() as usize
    }

    /// Largest difference of a joint's rotation from the walk's, radians, and of the root's way, metres.
    fn off(file: &[u8]) -> (f64, f64) {
        let motion = read_gltf(file, None, alone).unwrap();
        let (clip, notes) = motion.to_clip(&Skeleton::default(), &RigOverride::default()).unwrap();
        let walk = walk();
        assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 40), "{notes:?}");
        let (mut turned, mut moved) = (0.0_f64, 0.0_f64);
        for (a, b) in walk.frames.iter().zip(&clip.frames) {
            moved = moved.max(a.translation.distance(b.translation));
            for joint in J::ALL {
                let [a, b] = [a, b].map(|frame| exp(frame.rotations[joint.index()]));
                turned = turned.max(geodesic_angle(a, b));
            }
        }
        (turned, moved)
    }

    #[test]
    fn clips_are_read_back_within_rounding() {
        let skeleton = Skeleton::default();
        for file in [write_glb(&walk(), &skeleton), write_vrma(&walk(), &skeleton)] {
            let (turned, moved) = off(&file);
            assert!(turned < 3e-6 && moved < 1e-6, "{turned} rad, {moved} m");
        }
    }

    /// Writes other keys for all rotations: the bytes of each from its numbers, and what else its accessor says.
    fn rewritten(
        file: &[u8],
        interpolation: &str,
        accessor: &Value,
        bytes: impl Fn([f32; 4]) -> Vec<u8>,
    ) -> Vec<u8> {
        edited(file, |json, binary| {
            for channel in 1..=J::COUNT {
                let output = output(json, channel);
                let keys = turns(json, binary, output);
                let all: Vec<u8> = keys.iter().flat_map(|turn| bytes(*turn)).collect();
                let each = if interpolation == "CUBICSPLINE" { 3 } else { 1 };
                let mut now = accessor.clone();
                now["bufferView"] = json!(add_view(json, binary, &all));
                (now["count"], now["type"]) = (json!(each * keys.len()), json!("VEC4"));
                json["accessors"][output] = now;
                json["animations"][0]["samplers"][channel]["interpolation"] = json!(interpolation);
            }
        })
    }

    #[test]
    fn keys_of_every_form_give_the_same_motion() {
        let good = write_glb(&walk(), &Skeleton::default());
        let floats = json!({"componentType": 5126});
        let bytes = |turn: [f32; 4]| turn.into_iter().flat_map(f32::to_le_bytes).collect();
        let shorts = |turn: [f32; 4]| {
            turn.into_iter().flat_map(|it| ((it * 32_767.0).round() as i16).to_le_bytes()).collect()
        };
        let tiny = |turn: [f32; 4]| {
            turn.into_iter().map(|it| (it * 127.0).round() as i8 as u8).collect::<Vec<u8>>()
        };
        // Tangents of any size, between which the key is.
        let spline = |turn: [f32; 4]| {
            let all = [[0.5; 4], turn, [-9.0; 4]].concat();
            all.into_iter().flat_map(f32::to_le_bytes).collect()
        };
        let normalized = |kind: u32| json!({"componentType": kind, "normalized": true});
        let without_skin = edited(&good, |json, _| {
            json.as_object_mut().unwrap().remove("skins");
            json["nodes"][J::COUNT].as_object_mut().unwrap().remove("skin");
        });
        let without_mesh = edited(&without_skin, |json, _| {
            json.as_object_mut().unwrap().remove("meshes");
            json["nodes"][J::COUNT].as_object_mut().unwrap().remove("mesh");
        });
        let sparse = edited(&good, |json, binary| {
            let place = output(json, 0);
            let from = start(json, place) + 5 * 12;
            let right = binary[from..from + 12].to_vec();
            binary[from..from + 12].fill(0x41);
            let values = add_view(json, binary, &right);
            let indices = add_view(json, binary, &[5, 0]);
            json["accessors"][place]["sparse"] = json!({
                "count": 1, "indices": {"bufferView": indices, "componentType": 5123},
                "values": {"bufferView": values},
            });
        });
        for (name, file, most) in [
            ("as written", good.clone(), 2e-4),
            ("linear", rewritten(&good, "LINEAR", &floats, bytes), 2e-4),
            ("step", rewritten(&good, "STEP", &floats, bytes), 2e-4),
            // Rounding puts a frame next to its key, where such tangents are steep.
            ("cubic spline", rewritten(&good, "CUBICSPLINE", &floats, spline), 5e-4),
            ("normalized shorts", rewritten(&good, "LINEAR", &normalized(5122), shorts), 5e-4),
            ("normalized bytes", rewritten(&good, "STEP", &normalized(5120), tiny), 0.04),
            ("without a skin", without_skin, 2e-4),
            ("without a mesh", without_mesh, 2e-4),
            ("sparse", sparse, 2e-4),
        ] {
            let (turned, moved) = off(&file);
            assert!(turned < most && moved < 1e-3, "{name}: {turned} rad, {moved} m");
        }
    }

    #[test]
    fn what_is_written_is_valid() {
        let skeleton = Skeleton::default();
        let file = write_glb(&walk(), &skeleton);
        let it = gltf::Gltf::from_slice(&file).unwrap();
        let skin = it.skins().next().unwrap();
        assert_eq!(skin.joints().count(), J::COUNT);
        let animation = it.animations().next().unwrap();
        assert_eq!(animation.channels().count(), J::COUNT + 1);
        let input = animation.samplers().next().unwrap().input();
        let last = json!([(39.0_f64 / 60.0) as f32]);
        assert_eq!((input.count(), input.max().unwrap()), (40, last));
        assert!(it.nodes().any(|node| node.mesh().is_some() && node.skin().is_some()));
        gltf::Gltf::from_slice(&write_vrma(&walk(), &skeleton)).unwrap();
        let empty = MotionClip { rate_hz: 60.0, frames: vec![] };
        for file in [write_glb(&empty, &skeleton), write_vrma(&empty, &skeleton)] {
            gltf::Gltf::from_slice(&file).unwrap();
            let error = read_gltf(&file, None, alone).unwrap_err().to_string();
            assert!(error.contains("no animation"), "{error}");
        }
    }

    #[test]
    fn a_vrm_animation_names_its_bones() {
        let vrma = write_vrma(&walk(), &Skeleton::default());
        let file = edited(&vrma, |json, _| {
            for (k, node) in json["nodes"].as_array_mut().unwrap().iter_mut().enumerate() {
                node["name"] = json!(format!("n{k}"));
            }
        });
        assert!(off(&file).0 < 2e-4);
    }

    /// As programs write it whose unit is the centimetre and whose root is turned.
    #[test]
    fn scaled_and_turned_armatures_move_the_same() {
        let file = edited(&write_glb(&walk(), &Skeleton::default()), |json, binary| {
            for node in json["nodes"].as_array_mut().unwrap() {
                if let Some(at) = node["translation"].as_array() {
                    let at: Vec<f64> = at.iter().map(|v| 100.0 * v.as_f64().unwrap()).collect();
                    node["translation"] = json!(at);
                }
            }
            let (places, count) = (output(json, 0), json["nodes"].as_array().unwrap().len());
            change(json, binary, places, |_, metres| 100.0 * metres);
            let half = std::f64::consts::FRAC_1_SQRT_2;
            json["nodes"].as_array_mut().unwrap().push(json!({
                "name": "Armature", "children": [0], "scale": [0.01, 0.01, 0.01],
                "rotation": [0, half, 0, half],
            }));
            json["scenes"][0]["nodes"] = json!([count - 1, count]);
            // Bind matrices would say where the joints stood in the mesh's space.
            json["skins"][0].as_object_mut().unwrap().remove("inverseBindMatrices");
        });
        let motion = read_gltf(&file, None, alone).unwrap();
        let (clip, _) = motion.to_clip(&Skeleton::default(), &RigOverride::default()).unwrap();
        // The walk is seen from another side; joints below the root are as they were.
        for (a, b) in walk().frames.iter().zip(&clip.frames) {
            let way = [a, b].map(|f| f.translation.truncate().length());
            assert!((way[0] - way[1]).abs() < 1e-4, "{way:?}");
            for j in 1..J::COUNT {
                let [a, b] = [a, b].map(|frame| exp(frame.rotations[j]));
                assert!(geodesic_angle(a, b) < 1e-3, "joint {j}");
            }
        }
    }

    #[test]
    fn values_between_keys_are_those_of_the_format() {
        let track = |interpolation, values: &[[f32; 3]]| Track {
            interpolation,
            times: vec![1.0, 3.0],
            values: values.to_vec(),
        };
        let (a, b) = ([0.0, 2.0, 4.0], [2.0, 2.0, 0.0]);
        let linear = track(Interpolation::Linear, &[a, b]);
        assert_eq!(linear.vector(1.5), DVec3::new(0.5, 2.0, 3.0));
        assert_eq!(
            (linear.vector(0.0), linear.vector(9.0)),
            (DVec3::new(0.0, 2.0, 4.0), DVec3::new(2.0, 2.0, 0.0))
        );
        let step = track(Interpolation::Step, &[a, b]);
        assert_eq!(step.vector(2.9), DVec3::new(0.0, 2.0, 4.0));
        assert_eq!(step.vector(3.0), DVec3::new(2.0, 2.0, 0.0));
        // A cubic through 0 and 2 with slopes 1 and 0, halfway: 1/2 · 0 + 2 · 1/8 · 1 + 1/2 · 2.
        let zero = [0.0; 3];
        let spline =
            track(Interpolation::CubicSpline, &[zero, zero, [1.0; 3], zero, [2.0; 3], zero]);
        assert_eq!(spline.vector(2.0), DVec3::splat(1.25));
        let turn = Track {
            interpolation: Interpolation::Linear,
            times: vec![0.0, 1.0],
            // The second in its other form.
            values: vec![[0.0, 0.0, 0.0, 1.0], [0.0, -0.5_f32.sqrt(), 0.0, -0.5_f32.sqrt()]],
        };
        let half = DQuat::from_rotation_y(std::f64::consts::FRAC_PI_4);
        assert!(turn.rotation(0.5).angle_between(half) < 1e-6);
        assert_eq!(Component::I16.read::<1>(&(-32767_i16).to_le_bytes()), [-1.0]);
        assert_eq!(Component::U8.read::<3>(&[0, 51, 255]), [0.0, 0.2, 1.0]);
    }

    #[test]
    fn the_longest_or_the_named_animation_is_read() {
        let file = edited(&write_glb(&walk(), &Skeleton::default()), |json, _| {
            let mut short = json["animations"][0].clone();
            short["name"] = json!("Idle");
            // Keys of another length: the bind matrices' are none, so the mesh's are not used.
            short["channels"] = json!([]);
            json["animations"].as_array_mut().unwrap().insert(0, short);
            json["animations"][1]["name"] = json!("Walk");
        });
        let motion = read_gltf(&file, None, alone).unwrap();
        assert_eq!(motion.notes, ["of 2 animations, `Walk` is the longest: Idle, Walk"]);
        assert_eq!(read_gltf(&file, Some("Walk"), alone).unwrap().frames.len(), 40);
        let error = read_gltf(&file, Some("Run"), alone).unwrap_err().to_string();
        assert_eq!(error, "there is no animation `Run`; there are Idle, Walk");
    }

    #[test]
    fn errors_name_the_channel() {
        let good = write_glb(&walk(), &Skeleton::default());
        type Edit<'a> = &'a dyn Fn(&mut Value, &mut Vec<u8>);
        let cases: [(&str, Edit); 15] = [
            ("channel 3: a number is not finite", &|json, binary| {
                change(json, binary, output(json, 3), |k, v| if k == 9 { f32::NAN } else { v });
            }),
            ("channel 2: a rotation is zero", &|json, binary| {
                change(json, binary, output(json, 2), |_, _| 0.0);
            }),
            ("channel 1: its accessor is longer than the buffer", &|json, _| {
                let output = output(json, 1);
                json["accessors"][output]["count"] = json!(1_u64 << 62);
            }),
            ("channel 1: it has not as many values as times", &|json, _| {
                let output = output(json, 1);
                json["accessors"][output]["count"] = json!(39);
            }),
            ("channel 4: no such accessor", &|json, _| {
                json["animations"][0]["samplers"][4]["output"] = json!(900);
            }),
            ("channel 0: its times do not rise", &|json, binary| {
                let input = json["animations"][0]["samplers"][0]["input"].as_u64().unwrap();
                change(json, binary, input as usize, |_, _| 1.0);
            }),
            ("channel 5: it has no sampler", &|json, _| {
                json["animations"][0]["channels"][5]["sampler"] = json!(77);
            }),
            ("channel 6: its target has another", &|json, _| {
                json["animations"][0]["channels"][6] = json["animations"][0]["channels"][5].clone();
            }),
            ("channel 1: its accessor is no VEC4", &|json, _| {
                let output = output(json, 0);
                json["animations"][0]["samplers"][1]["output"] = json!(output);
            }),
            ("channel 1: its sparse accessor lacks indices or values", &|json, _| {
                let output = output(json, 1);
                json["accessors"][output]["sparse"] = json!({"count": 1});
            }),
            ("channel 1: its accessor has neither floats nor normalized", &|json, _| {
                let output = output(json, 1);
                json["accessors"][output]["componentType"] = json!(5122);
            }),
            ("unknown variant `SMOOTH`", &|json, _| {
                json["animations"][0]["samplers"][1]["interpolation"] = json!("SMOOTH");
            }),
            ("a list has more than 524288 entries", &|json, _| {
                json["accessors"] = json!(vec![json!({}); 1_000_000]);
            }),
            ("node 0: it has several parents", &|json, _| {
                json["nodes"][21]["children"] = json!([0]);
            }),
            ("a list has more than 65536 entries", &|json, _| {
                json["nodes"] = json!(vec![json!({}); 100_000]);
            }),
        ];
        for (problem, edit) in cases {
            let file = edited(&good, |json, binary| edit(json, binary));
            let error = read_gltf(&file, None, alone).unwrap_err().to_string();
            assert!(error.contains(problem), "{error} instead of {problem}");
        }
        for end in (0..good.len()).step_by(211) {
            read_gltf(&good[..end], None, alone).unwrap_err();
        }
    }

    #[test]
    fn a_chain_of_nodes_as_long_as_a_file_may_have_is_refused_at_once() {
        let nodes: Vec<Value> = (0..50_000)
            .map(|k| json!({"children": if k < 49_999 { json!([k + 1]) } else { json!([]) }}))
            .collect();
        let file = json!({"asset": {"version": "2.0"}, "nodes": nodes, "animations": []});
        let error = read_gltf(file.to_string().as_bytes(), None, alone).unwrap_err().to_string();
        assert_eq!(error, "50000 nodes are no person's: export the person alone");
    }

    /// Numbers of the file that are finite, but whose products or 32 bits are not.
    #[test]
    fn numbers_too_large_for_a_place_name_their_bone() {
        let good = write_glb(&walk(), &Skeleton::default());
        for (nodes, key, number, problem) in [
            (&[4][..], "translation", 1e39, "frame 0, bone `L_knee`"),
            (&[1, 4], "scale", 1e25, "frame 0, bone `L_ankle`"),
            (&[1, 4, 7], "scale", 1e90, "its rest transform is not finite"),
        ] {
            let file = edited(&good, |json, _| {
                json["skins"][0].as_object_mut().unwrap().remove("inverseBindMatrices");
                for node in nodes {
                    json["nodes"][*node][key] = json!([number, number, number]);
                }
            });
            let error = read_gltf(&file, None, alone).unwrap_err().to_string();
            assert!(error.contains(problem), "{error} instead of {problem}");
        }
    }
}
