//! A short run of the fuzzed functions on a stable compiler: good files, and thousands of changed ones.

#[path = "../fuzz/src/lib.rs"]
mod bodies;
#[path = "changed.rs"]
mod changed;

use bodies::BODIES;
use changed::changed;
use kinest::capture::{read_amc, read_asf, read_bvh, read_gltf, write_bvh, write_glb, write_vrma};
use kinest::live::{PosePacket, RecordedFrame, RecordingWriter};
use kinest::motion::synthetic::walk_and_wave;
use kinest::motion::{amass, headset};
use kinest::rig::{GltfError, ModelNodes, RigOverride};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest::tracker::{TrackerFrame, TrackerSet};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Good inputs of each kind. With `KINEST_FUZZ_CORPUS=FOLDER` they are written there, as a corpus for `cargo
/// fuzz`.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let skeleton = Skeleton::default();
    let mut walk = walk_and_wave(&skeleton);
    walk.frames.truncate(12);
    amass::save(file("clip.npz"), &walk, "neutral").unwrap();
    let trackers = |(i, frame)| {
        let joints = skeleton.pose_joints(&Pose::from(frame));
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 / 60.0, &joints)
    };
    let frames: Vec<TrackerFrame> = walk.frames.iter().enumerate().map(trackers).collect();
    headset::save(file("headset.npz"), &frames, 60.0).unwrap();
    let mut writer = RecordingWriter::create(file("r.jsonl"), TrackerSet::HeadAndHands).unwrap();
    for (frame, body) in frames.iter().zip(&walk.frames) {
        let recorded = RecordedFrame::of(frame.clone());
        writer.push(&RecordedFrame { pose: Some(Pose::from(body)), ..recorded }).unwrap();
    }
    writer.finish().unwrap();
    let read = |name: &str| std::fs::read(file(name)).unwrap();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let asset = |name: &str| std::fs::read(assets.join(name)).unwrap();

    let mut checkpoint = asset("models/kinest_small.model.ron");
    checkpoint.push(0);
    // The head of the tensors is what is parsed.
    checkpoint.extend_from_slice(&asset("models/kinest_small.safetensors")[..4096]);
    let mut bytes = ChaCha8Rng::seed_from_u64(1);
    let mut random = |count: usize| {
        let mut data = vec![0; count];
        bytes.fill_bytes(&mut data);
        data
    };
    let rig: Vec<u8> = (0..22_u8).flat_map(|i| [i, i, 3, 9, 1, 0, 0, 0, 100]).collect();
    let over =
        r##"(bones: { Pelvis: "Pelvis", LeftHip: "#1" }, skip: [LeftCollar], ignore: ["Jaw"])"##;
    #[allow(unused_mut, reason = "with the feature `osc` there are more")]
    let mut seeds: Vec<(&str, Vec<u8>)> = vec![
        ("clip", read("clip.npz")),
        ("headset", read("headset.npz")),
        ("recording", read("r.jsonl")),
        ("bvh", write_bvh(&walk, &skeleton).into()),
        ("amc", acclaim(&skeleton).into()),
        ("animation", write_vrma(&walk, &skeleton)),
        ("animation", write_glb(&walk, &skeleton)),
        ("packet", PosePacket { time: 1.0, pose: Pose::rest() }.encode().into()),
        ("checkpoint", checkpoint),
        ("gltf", mannequin()),
        ("gltf", write_glb(&walk, &skeleton)),
        ("rig", rig),
        ("rig_override", over.into()),
        ("gestures", asset("events/default.gestures.ron")),
        ("player", random(24 * 60 + 1)),
    ];
    #[cfg(feature = "osc")]
    seeds.push(("vmc", performed(&skeleton, &walk)));
    seeds
}

/// The packets of a body.
#[cfg(feature = "osc")]
fn performed(skeleton: &Skeleton, walk: &kinest::motion::MotionClip) -> Vec<u8> {
    use kinest::osc::{HumanFrame, vmc::Performer};
    let frame = HumanFrame::of_pose(&Pose::from(&walk.frames[5]), skeleton, true);
    Performer::default().packets(1.0, &frame).join(&0xff)
}

/// A person with the bones of CMU's files, behind a zero byte two frames of it: a T-pose, and one that is bent.
fn acclaim(skeleton: &Skeleton) -> String {
    use SmplJoint as J;
    // Name, the bone it hangs from, the joints from its beginning to its end, what part of that way it is long, and its
    // freedoms. The right side is as the left one.
    const BONES: [(&str, &str, &[J], f64, &str); 16] = [
        ("lhipjoint", "root", &[J::LeftHip], 1.0, ""),
        ("lfemur", "lhipjoint", &[J::LeftKnee], 1.0, "rx ry rz"),
        ("ltibia", "lfemur", &[J::LeftAnkle], 1.0, "rx"),
        ("lfoot", "ltibia", &[J::LeftFoot], 1.0, "rx rz"),
        ("ltoes", "lfoot", &[J::LeftFoot], 0.4, "rx"),
        ("lowerback", "root", &[J::Spine1], 1.0, "rx ry rz"),
        ("upperback", "lowerback", &[J::Spine2], 1.0, "rx ry rz"),
        ("thorax", "upperback", &[J::Spine3], 1.0, "rx ry rz"),
        ("lowerneck", "thorax", &[J::Neck], 1.0, "rx ry rz"),
        ("upperneck", "lowerneck", &[J::Head], 1.0, "rx ry rz"),
        ("head", "upperneck", &[J::Head], 1.0, "rx ry rz"),
        ("lclavicle", "thorax", &[J::LeftCollar, J::LeftShoulder], 1.0, "ry rz"),
        ("lhumerus", "lclavicle", &[J::LeftElbow], 1.0, "rx ry rz"),
        ("lradius", "lhumerus", &[J::LeftWrist], 1.0, "rx"),
        ("lwrist", "lradius", &[J::LeftWrist], 0.2, "ry"),
        ("lhand", "lwrist", &[J::LeftWrist], 0.3, "rx rz"),
    ];
    let mut data = String::new();
    let mut hierarchy = String::new();
    let mut frames = ["1\nroot 0 17 0 0 0 0\n".to_owned(), "2\nroot 1 17 2 3 4 5\n".to_owned()];
    for (name, parent, joints, part, freedoms) in BONES {
        let is_left = joints[0] != joints[0].mirrored();
        for right in [false, true].into_iter().take(if is_left { 2 } else { 1 }) {
            let side = |joint: &J| if right { joint.mirrored() } else { *joint };
            let named = |name: &str| match name.strip_prefix('l') {
                Some(rest) if right => format!("r{rest}"),
                _ => name.to_owned(),
            };
            let (name, parent) = (named(name), named(parent));
            let way: glam::DVec3 =
                joints.iter().map(|joint| skeleton.offsets[side(joint).index()]).sum();
            let (glam::DVec3 { x, y, z }, length) = (way.normalize(), 20.0 * part * way.length());
            data += &format!(
                "begin\nname {name}\ndirection {x} {y} {z}\nlength {length}\naxis 0 0 20 XYZ\n\
                 dof {freedoms}\nend\n"
            );
            hierarchy += &format!("{parent} {name}\n");
            for (frame, angle) in frames.iter_mut().zip([" 0", " 7.5"]) {
                let count = freedoms.split_whitespace().count();
                if count > 0 {
                    *frame += &format!("{name}{}\n", angle.repeat(count));
                }
            }
        }
    }
    format!(
        ":units\nangle deg\n:root\norder TX TY TZ RX RY RZ\n:bonedata\n{data}:hierarchy\nbegin\n{hierarchy}end\n\
         \0:FULLY-SPECIFIED\n:DEGREES\n{}",
        frames.concat()
    )
}

/// A glTF file of three nodes and a skin.
fn mannequin() -> Vec<u8> {
    r#"{"asset":{"version":"2.0"},"nodes":[{"name":"Hips","children":[1,2]},
    {"name":"LeftUpLeg","translation":[0.1,0,0]},{"name":"RightUpLeg","rotation":[0,0,0,1]}],
    "skins":[{"joints":[0,1,2],"inverseBindMatrices":0}],
    "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"MAT4"}],
    "bufferViews":[{"buffer":0,"byteLength":192}],"buffers":[{"byteLength":192,"uri":"a.bin"}]}"#
        .into()
}

#[test]
fn no_bytes_make_a_parser_or_a_player_panic() {
    let rounds: u32 =
        std::env::var("KINEST_FUZZ_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap());
    let seeds = seeds();
    if let Ok(folder) = std::env::var("KINEST_FUZZ_CORPUS") {
        for (k, (name, seed)) in seeds.iter().enumerate() {
            let folder = Path::new(&folder).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("seed{k}")), seed).unwrap();
        }
    }
    for (name, _) in BODIES {
        assert!(seeds.iter().any(|(seeded, _)| seeded == name), "{name} has no seed");
    }
    let mut random = ChaCha8Rng::seed_from_u64(18);
    for (name, good) in &seeds {
        let body = BODIES.iter().find(|(known, _)| known == name).expect("a body of this name").1;
        body(good);
        for round in 0..rounds {
            let data = changed(good, &mut random);
            let done = std::panic::catch_unwind(|| body(&data));
            if done.is_err() {
                let file = std::env::temp_dir().join(format!("kinest_{name}_{round}.bin"));
                std::fs::write(&file, &data).unwrap();
                panic!("{name} panics on {}", file.display());
            }
        }
    }
}

fn nowhere(name: &str) -> Result<Vec<u8>, GltfError> {
    panic!("it asks for {name}")
}

/// Changes of a file that is refused at once find little.
#[test]
fn seeds_of_motion_and_of_a_character_reach_the_body() {
    let mut count = 0;
    for (name, seed) in seeds() {
        let text = String::from_utf8_lossy(&seed);
        let motion = match name {
            "bvh" => read_bvh(&text).unwrap(),
            "amc" => {
                let (asf, amc) = text.split_once('\0').unwrap();
                read_amc(amc, &read_asf(asf).unwrap()).unwrap()
            }
            "animation" => read_gltf(&seed, None, nowhere).unwrap(),
            "gltf" if seed.starts_with(b"glTF") => {
                let nodes = ModelNodes::from_gltf(&seed, nowhere).unwrap();
                assert_eq!(nodes.skins.len(), 1);
                nodes.find(&RigOverride::default()).unwrap();
                count += 1;
                continue;
            }
            _ => continue,
        };
        motion.to_clip(&Skeleton::default(), &RigOverride::default()).unwrap();
        count += 1;
    }
    assert_eq!(count, 5);
}
