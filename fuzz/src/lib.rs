//! What is fuzzed: each function takes any bytes, and must neither panic nor hang nor return a body that is not
//! finite. `cargo fuzz` and `tests/fuzz.rs` run the same functions.

use glam::{DMat3, DQuat, DVec3};
use kinest::capture::{BoneMotion, load_recording, read_amc, read_asf, read_bvh, read_gltf};
use kinest::events::GestureBook;
use kinest::live::{Player, PlayerSettings, PosePacket, Recording};
use kinest::model::Checkpoint;
use kinest::motion::{MotionClip, amass, headset};
use kinest::rig::{Bone, BoneTree, ModelNodes, RigMap, RigOverride, vrm_bones};
use kinest::skeleton::{Skeleton, SmplJoint};
use kinest::tracker::{BodyTrackers, TrackerFrame, TrackerPose, TrackerRole};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// A fuzzed function.
pub type Body = fn(&[u8]);

/// All of them, by the name of their target.
pub const BODIES: &[(&str, Body)] = &[
    ("clip", clip),
    ("headset", headset),
    ("recording", recording),
    ("bvh", bvh),
    ("amc", amc),
    ("animation", animation),
    ("packet", packet),
    ("checkpoint", checkpoint),
    ("gltf", gltf),
    ("rig", rig),
    ("rig_override", rig_override),
    ("gestures", gestures),
    ("player", player),
    #[cfg(feature = "osc")]
    ("vmc", vmc),
];

/// A clip in a `.npz` archive.
pub fn clip(data: &[u8]) {
    if let Ok(clip) = amass::read(Cursor::new(data), "fuzz.npz") {
        assert!(!clip.frames.is_empty() && clip.rate_hz.is_finite());
        assert!(clip.pose_at(0.5 * clip.duration()).is_finite());
    }
}

/// A recording of a headset and two controllers in a `.npz` archive.
pub fn headset(data: &[u8]) {
    if let Ok(devices) = headset::read(Cursor::new(data), "fuzz.npz") {
        let recording = Recording::of_trackers(devices.frames).expect("rising times, some frames");
        assert!(recording.trackers_at(0.1).iter().all(TrackerPose::is_finite));
    }
}

/// A recording of a game, in lines of JSON: its trackers, and its bodies as motion.
pub fn recording(data: &[u8]) {
    if let Ok(recording) = Recording::read(data, "fuzz.jsonl") {
        assert!(recording.trackers_at(0.1).iter().all(TrackerPose::is_finite));
    }
    if let Ok(loaded) = load_recording(data, "fuzz.jsonl") {
        assert_finite(&loaded.clip);
    }
}

/// Motion of any bones, as text.
pub fn bvh(data: &[u8]) {
    if let Ok(motion) = read_bvh(&String::from_utf8_lossy(data)) {
        on_smpl(motion);
    }
}

/// A skeleton and its motion, behind a zero byte.
pub fn amc(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((asf, amc)) = text.split_once('\0') else { return };
    if let Ok(skeleton) = read_asf(asf)
        && let Ok(motion) = read_amc(amc, &skeleton)
    {
        on_smpl(motion);
    }
}

/// An animation in a glTF or VRM animation file.
pub fn animation(data: &[u8]) {
    let nowhere = |name: &str| Ok(name.as_bytes().to_vec());
    if let Ok(motion) = read_gltf(data, None, nowhere) {
        on_smpl(motion);
    }
}

fn on_smpl(mut motion: BoneMotion) {
    motion.frames.truncate(20);
    if let Ok((clip, _)) = motion.to_clip(&Skeleton::default(), &RigOverride::default()) {
        assert_eq!(clip.frames.len(), motion.frames.len());
        assert_finite(&clip);
    }
}

/// Files have numbers of 32 bits.
fn assert_finite(clip: &MotionClip) {
    assert!(clip.rate_hz.is_finite() && clip.rate_hz > 0.0, "{} Hz", clip.rate_hz);
    for frame in &clip.frames {
        assert!(frame.translation.as_vec3().is_finite(), "{frame:?}");
        assert!(frame.rotations.iter().all(|turn| turn.as_vec3().is_finite()), "{frame:?}");
    }
}

/// A pose on the wire.
pub fn packet(data: &[u8]) {
    let mut data = data.to_vec();
    for _ in 0..2 {
        if let Ok(packet) = PosePacket::decode(&data) {
            assert!(packet.pose.is_finite());
        }
        // Nobody finds a checksum by chance.
        data.resize(PosePacket::BYTES, 0);
        let sum = PosePacket::checksum(&data[2..]);
        data[..2].copy_from_slice(&sum.to_le_bytes());
    }
}

/// A packet from a performer, then every part of it that the bytes themselves cut out.
#[cfg(feature = "osc")]
pub fn vmc(data: &[u8]) {
    let skeleton = Skeleton::default();
    let mut marionette = kinest::osc::vmc::Marionette::default();
    let _ = marionette.receive(data);
    for part in data.split(|byte| *byte == 0xff) {
        let _ = marionette.receive(part);
        if let Some(pose) = marionette.pose(&skeleton) {
            assert!(pose.is_finite(), "{pose:?}");
        }
    }
}

/// The manifest of a model, and its weights behind a zero byte.
pub fn checkpoint(data: &[u8]) {
    let (text, weights) = match data.iter().position(|byte| *byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(mut manifest) = Checkpoint::parse_manifest(text) else { return };
    // Nobody finds a hash by chance.
    manifest.sha256 = Sha256::digest(weights).iter().map(|byte| format!("{byte:02x}")).collect();
    if let Ok(checkpoint) = Checkpoint::with_manifest(manifest, weights.to_vec()) {
        let _ = checkpoint.tensors();
        let _ = checkpoint.tensor_table();
    }
}

/// A character in a `.glb` or `.gltf` file.
pub fn gltf(data: &[u8]) {
    let nowhere = |name: &str| Ok(name.as_bytes().to_vec());
    if let Ok(nodes) = ModelNodes::from_gltf(data, nowhere) {
        let _ = nodes.find(&RigOverride::default());
    }
    if let Ok(value) = serde_json::from_slice(data) {
        let _ = vrm_bones(&value);
    }
}

/// Names that rigs have, and others.
const NAMES: [&str; 24] = [
    "Hips",
    "Spine",
    "Chest",
    "Neck",
    "Head",
    "LeftUpLeg",
    "LeftLeg",
    "LeftFoot",
    "LeftToeBase",
    "RightUpLeg",
    "RightLeg",
    "RightFoot",
    "LeftShoulder",
    "LeftArm",
    "LeftForeArm",
    "LeftHand",
    "RightArm",
    "RightForeArm",
    "RightHand",
    "mixamorig:Hips",
    "J_Bip_C_Hips",
    "twist",
    "",
    "tail",
];

/// Bones in any order, with any place.
pub fn rig(data: &[u8]) {
    let bones = data.chunks_exact(9).take(200).enumerate().map(|(i, chunk)| {
        let place = |k: usize| f64::from(chunk[k] as i8) / 64.0;
        Bone {
            name: NAMES[chunk[0] as usize % NAMES.len()].into(),
            parent: (chunk[1] as usize).checked_sub(1).map(|p| p.min(i)),
            translation: DVec3::new(place(2), place(3), place(4)),
            rotation: DQuat::from_xyzw(place(5), place(6), place(7), 0.5),
            scale: DVec3::splat(f64::from(chunk[8]) / 100.0),
        }
    });
    let Ok(tree) = BoneTree::new(bones.collect()) else { return };
    let Ok(map) = RigMap::find(&tree, &RigOverride::default(), &Default::default()) else { return };
    assert!((0.0..=1.0).contains(&map.confidence()));
    let skeleton = Skeleton::default();
    let mut retarget = kinest::rig::Retarget::new(&tree, &map, &skeleton);
    let joints = skeleton.pose_joints(&kinest::skeleton::Pose::rest());
    let rig_from_world = kinest::rig::Similarity {
        rotation: kinest::coordinates::UPRIGHT.conjugate(),
        translation: DVec3::ZERO,
        scale: 1.0,
    };
    retarget.apply(&joints, &rig_from_world, Default::default(), |_, write| {
        assert!(write.rotation.is_finite(), "{write:?}");
    });
}

/// A `*.rig.ron`, used on a body of 22 bones.
pub fn rig_override(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(given) = RigOverride::from_ron(text) else { return };
    let skeleton = Skeleton::default();
    let bone = |joint: SmplJoint| Bone {
        name: joint.name().into(),
        parent: joint.parent().map(SmplJoint::index),
        translation: skeleton.offsets[joint.index()],
        rotation: DQuat::IDENTITY,
        scale: DVec3::ONE,
    };
    let tree = BoneTree::new(SmplJoint::ALL.map(bone).into()).expect("a body");
    let _ = RigMap::find(&tree, &given, &Default::default());
}

/// A file of gestures.
pub fn gestures(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = GestureBook::parse(text, "fuzz.gestures.ron");
    }
}

/// Trackers of any kind, shown by a player without a network, with all corrections.
pub fn player(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    let skeleton = Skeleton::default();
    let settings = PlayerSettings { sits: kind & 1 == 1, ..PlayerSettings::default() };
    let mut player = Player::new(settings);
    let mut time = 0.0;
    for chunk in data.chunks_exact(24).take(400) {
        let dt = f64::from(chunk[0]) / 1000.0;
        time += if chunk[1] == 255 { -dt } else { dt };
        let pose = |at: usize| {
            let [x, y, z, turn, tilt] = [0, 1, 2, 3, 4].map(|k| f64::from(chunk[at + k] as i8));
            let wild = if chunk[at + 3] == 0x80 { f64::NAN } else { 1.0 };
            let position = DVec3::new(x / 30.0, y / 30.0, z / 60.0 + 1.0) * wild;
            let rotation =
                DQuat::from_rotation_z(turn / 20.0) * DQuat::from_rotation_x(tilt / 20.0);
            TrackerPose::new(position, DMat3::from_quat(rotation))
        };
        let poses = [2, 7, 12].map(|at| {
            let pose = pose(at);
            if chunk[1] & (1 << (at / 5)) != 0 { pose.lost() } else { pose }
        });
        let mut body = BodyTrackers::default();
        if chunk[17] & 1 == 1 {
            body.set(TrackerRole::BODY[chunk[17] as usize % TrackerRole::BODY.len()], pose(18));
        }
        if chunk[23] == 1 {
            player.set_offset(DVec3::new(f64::from(chunk[22]), 0.0, 0.3));
        }
        let frame = TrackerFrame { body, ..TrackerFrame::new(time, poses.to_vec()) };
        let _ = player.push(&frame, chunk[17] == 254);
        if let Some(shown) = player.pose(&skeleton, time) {
            assert!(shown.pose.is_finite(), "{frame:?}");
        }
    }
}
