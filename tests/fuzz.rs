//! A short run of the fuzzed functions on a stable compiler: good files, and thousands of changed ones.

#[path = "../fuzz/src/lib.rs"]
mod bodies;

use bodies::BODIES;
use kinest::capture::{write_bvh, write_vrma};
use kinest::live::{PosePacket, RecordedFrame, RecordingWriter};
use kinest::motion::synthetic::walk_and_wave;
use kinest::motion::{amass, headset};
use kinest::skeleton::{Pose, Skeleton};
use kinest::tracker::{TrackerFrame, TrackerSet};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// A good input of each kind. With `KINEST_FUZZ_CORPUS=FOLDER` they are written there, as a corpus for `cargo
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
    frames.iter().for_each(|frame| writer.push(&RecordedFrame::of(frame.clone())).unwrap());
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
        ("amc", ACCLAIM.into()),
        ("animation", write_vrma(&walk, &skeleton)),
        ("packet", PosePacket { time: 1.0, pose: Pose::rest() }.encode().into()),
        ("checkpoint", checkpoint),
        ("gltf", mannequin()),
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

/// A skeleton of two legs, and a frame of it.
const ACCLAIM: &str = ":units\nangle deg\n:root\norder TX TY TZ RX RY RZ\n:bonedata\nbegin\nname lfemur\n\
    direction 0 -1 0\nlength 7\naxis 0 0 20 XYZ\ndof rx ry rz\nend\nbegin\nname rfemur\ndirection 0 -1 0\n\
    length 7\naxis 0 0 -20 XYZ\ndof rx\nend\n:hierarchy\nbegin\nroot lfemur rfemur\nend\n\0:DEGREES\n1\n\
    root 0 1 2 3 4 5\nlfemur 1 2 3\nrfemur 4\n";

/// A glTF file of three nodes and a skin.
fn mannequin() -> Vec<u8> {
    r#"{"asset":{"version":"2.0"},"nodes":[{"name":"Hips","children":[1,2]},
    {"name":"LeftUpLeg","translation":[0.1,0,0]},{"name":"RightUpLeg","rotation":[0,0,0,1]}],
    "skins":[{"joints":[0,1,2],"inverseBindMatrices":0}],
    "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"MAT4"}],
    "bufferViews":[{"buffer":0,"byteLength":192}],"buffers":[{"byteLength":192,"uri":"a.bin"}]}"#
        .into()
}

/// Changes, removes, repeats or inserts some bytes.
fn changed(good: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut data = good.to_vec();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=data.len());
        match random.random_range(0..6) {
            0 if at < data.len() => data[at] ^= 1 << random.random_range(0..8),
            1 if at < data.len() => data[at] = random.random(),
            2 => data.truncate(at),
            3 => {
                let end = (at + random.random_range(0..32)).min(data.len());
                drop(data.drain(at..end));
            }
            4 => {
                let end = (at + random.random_range(0..32)).min(data.len());
                let copy = data[at..end].to_vec();
                data.splice(at..at, copy);
            }
            _ => data.splice(at..at, [random.random::<u8>(); 3]).for_each(drop),
        }
    }
    data
}

#[test]
fn no_bytes_make_a_parser_or_a_player_panic() {
    let rounds: u32 =
        std::env::var("KINEST_FUZZ_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap());
    let seeds = seeds();
    if let Ok(folder) = std::env::var("KINEST_FUZZ_CORPUS") {
        for (name, seed) in &seeds {
            let folder = Path::new(&folder).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("seed"), seed).unwrap();
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(18);
    for ((name, body), (seeded, good)) in BODIES.iter().copied().zip(&seeds) {
        assert_eq!(name, *seeded);
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
