//! Hands and feet of real characters, which are not part of this repository.
//!
//! `KINEST_RIGS=folder cargo test -p kinest --test reach -- --ignored --nocapture` binds every model
//! file of a folder, moves it through synthetic clips, and prints how far its hands and feet are from
//! the body's: with rotations copied, and with limbs solved.

use glam::DVec3;
use kinest::coordinates::UPRIGHT;
use kinest::motion::synthetic::{Kind, clip};
use kinest::rig::{BoneTree, Fit, FoundRig, ModelNodes, Retarget, RigOverride, Similarity};
use kinest::skeleton::{JointTransforms, Pose, Skeleton, SmplJoint as J};
use std::path::PathBuf;

const ARMS: [[J; 3]; 2] = [
    [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
    [J::RightShoulder, J::RightElbow, J::RightWrist],
];

fn motion(skeleton: &Skeleton) -> Vec<JointTransforms> {
    let kinds = [Kind::Walk, Kind::Reach, Kind::Wave, Kind::Squat, Kind::Punch, Kind::Idle];
    let frames = kinds.map(|kind| clip(kind, 5, 6.0, 30.0, skeleton).frames);
    frames.iter().flatten().map(|frame| skeleton.pose_joints(&Pose::from(frame))).collect()
}

/// Distances from the body's joints, metres.
#[derive(Default)]
struct Errors {
    /// Greatest of hands that the posed arms can reach, and of all hands.
    reachable: f64,
    hands: f64,
    /// Share of hands that can be reached.
    share: f64,
    /// Level distance of the ankles: the median and the greatest.
    ankles: [f64; 2],
}

fn errors(found: &FoundRig, motion: &[JointTransforms], fit: Fit) -> Errors {
    let (tree, map) = (&found.tree, &found.map);
    let mut retarget = Retarget::new(tree, map, &Skeleton::default());
    let written: Vec<usize> = retarget.bones().collect();
    // glTF has y up.
    let space = Similarity { rotation: UPRIGHT.conjugate(), translation: DVec3::ZERO, scale: 1.0 };
    let mut errors = Errors::default();
    let (mut near, mut ankles) = (0, vec![]);
    for joints in motion {
        let mut bones = tree.bones().to_vec();
        retarget.apply(joints, &space, fit, |i, write| {
            let bone = &mut bones[written[i]];
            bone.rotation = write.rotation;
            bone.translation = write.translation.unwrap_or(bone.translation);
            bone.scale = write.scale.unwrap_or(bone.scale);
        });
        let posed = BoneTree::new(bones).unwrap();
        let at = |joint| UPRIGHT * posed.position(map.bone(joint).expect("it is not skipped"));
        for [top, middle, end] in ARMS {
            let target = joints.positions[end.index()];
            let (off, distance) = (at(end).distance(target), at(top).distance(target));
            let (a, b) = (at(top).distance(at(middle)), at(middle).distance(at(end)));
            errors.hands = errors.hands.max(off);
            if ((a - b).abs()..a + b).contains(&distance) {
                near += 1;
                errors.reachable = errors.reachable.max(off);
            }
        }
        for ankle in [J::LeftAnkle, J::RightAnkle] {
            ankles.push((at(ankle) - joints.positions[ankle.index()]).truncate().length());
        }
    }
    ankles.sort_by(f64::total_cmp);
    errors.ankles = [ankles[ankles.len() / 2], ankles[ankles.len() - 1]];
    errors.share = f64::from(near) / (2 * motion.len()) as f64;
    errors
}

#[test]
#[ignore = "needs a folder of model files, named by KINEST_RIGS"]
fn hands_of_real_characters_are_at_the_wrists() {
    let folder = PathBuf::from(std::env::var_os("KINEST_RIGS").expect("KINEST_RIGS is not set"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let is_model = |end: &std::ffi::OsStr| ["glb", "gltf", "vrm"].iter().any(|model| end == *model);
    files.retain(|file| file.extension().is_some_and(is_model));
    files.sort();
    let motion = motion(&Skeleton::default());
    let mut far = vec![];
    println!("cm, copied > solved: hands in reach (share), all hands, ankles median, ankles");
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(found) = ModelNodes::from_gltf_file(&file).unwrap().find(&RigOverride::default())
        else {
            println!("{name:<32} refused");
            continue;
        };
        let copied = errors(&found, &motion, Fit { reach: false, ..Fit::default() });
        let solved = errors(&found, &motion, Fit::default());
        let pair = |of: &dyn Fn(&Errors) -> f64| {
            format!("{:>5.1} > {:<5.1}", 100.0 * of(&copied), 100.0 * of(&solved))
        };
        println!(
            "{name:<32} {} ({:>3.0} %) {} {} {}",
            pair(&|e| e.reachable),
            100.0 * solved.share,
            pair(&|e| e.hands),
            pair(&|e| e.ankles[0]),
            pair(&|e| e.ankles[1]),
        );
        if solved.reachable > 0.01 {
            far.push(name);
        }
    }
    assert!(far.is_empty(), "{far:?}");
}
