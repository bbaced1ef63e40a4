//! Raw motion files against what independent code made of them; neither is part of this repository.
//!
//! ```text
//! KINEST_RAW=folder KINEST_MOCAP=folder:folder \
//!     cargo test --release -p kinest --test conversions -- --ignored --nocapture
//! ```
//!
//! reads every BVH, AMC, glTF and VRM animation file in `KINEST_RAW`, at any depth, and compares it with
//! `NAME_poses.npz` in `KINEST_MOCAP`, at the rate of that file. Both begin at the same moment but for a few frames,
//! since one converter may leave out a calibration pose; nothing else is fitted. For each file it prints:
//!
//! * limbs: angle between the directions of thighs, shanks, upper arms and forearms: median of all, 95 %, and the median
//!   of the limb whose median is largest;
//! * joints: distance of all 22 joints from the root's, mean and 95 %;
//! * where conventions differ: neck, head, toes and collars are not the same bones in every skeleton.

#[path = "../../../tests/files.rs"]
mod files;

use files::files;
use glam::DVec3;
use kinest::capture;
use kinest::motion::{MotionClip, amass};
use kinest::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use std::path::PathBuf;

const LIMBS: [[J; 2]; 8] = [
    [J::LeftHip, J::LeftKnee],
    [J::RightHip, J::RightKnee],
    [J::LeftKnee, J::LeftAnkle],
    [J::RightKnee, J::RightAnkle],
    [J::LeftShoulder, J::LeftElbow],
    [J::RightShoulder, J::RightElbow],
    [J::LeftElbow, J::LeftWrist],
    [J::RightElbow, J::RightWrist],
];
/// Frames that one may begin later than the other.
const LATE: usize = 4;
/// What must hold: median angle of limbs and of the worst limb, degrees; mean distance of joints, centimetres, of files
/// whose zero pose is a person's …
const ANGLE: f64 = 0.3;
const ANGLE_OF_LIMB: f64 = 0.7;
const DISTANCE: f64 = 0.5;
/// … and of those whose bones have axes of their own, so that each converter says what trunk and shoulders at rest are.
const DISTANCE_OF_ITS_OWN: f64 = 2.3;

/// Joints of each frame against the root.
fn joints(clip: &MotionClip, skeleton: &Skeleton) -> Vec<PerJoint<DVec3>> {
    let at = |frame| {
        let positions = skeleton.pose_joints(&Pose::from(frame)).positions;
        positions.map(|position| position - positions[0])
    };
    clip.frames.iter().map(at).collect()
}

fn angle(a: &PerJoint<DVec3>, b: &PerJoint<DVec3>, [from, to]: [J; 2]) -> f64 {
    let along = |joints: &PerJoint<DVec3>| joints[to.index()] - joints[from.index()];
    along(a).angle_between(along(b)).to_degrees()
}

fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(part * (values.len() - 1) as f64).round() as usize]
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = values.collect();
    all.iter().sum::<f64>() / all.len() as f64
}

/// One file against the other.
struct Compared {
    frames: usize,
    /// Median, 95 %, and the median of the worst limb.
    angles: [f64; 3],
    /// Mean and 95 %, centimetres.
    distances: [f64; 2],
    /// Mean of each joint, centimetres.
    of_joints: PerJoint<f64>,
    /// Median angle of neck and head.
    head: f64,
}

fn compare(ours: &[PerJoint<DVec3>], theirs: &[PerJoint<DVec3>]) -> Compared {
    let pairs = |shift: usize, is_ours: bool| {
        let (a, b) = if is_ours { (shift, 0) } else { (0, shift) };
        let all: Vec<_> = ours.iter().skip(a).zip(theirs.iter().skip(b)).collect();
        all
    };
    let shifts = (0..=LATE).flat_map(|shift| [pairs(shift, true), pairs(shift, false)]);
    let off = |all: &Vec<(&PerJoint<DVec3>, &PerJoint<DVec3>)>| {
        mean(all.iter().flat_map(|(a, b)| LIMBS.map(|limb| angle(a, b, limb))))
    };
    let best = shifts.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap();
    let of_limb = |limb| best.iter().map(|(a, b)| angle(a, b, limb)).collect::<Vec<f64>>();
    let all = LIMBS.map(of_limb);
    let worst = all.iter().map(|limb| quantile(limb.clone(), 0.5)).fold(0.0, f64::max);
    let angles = all.concat();
    let distance = |j: usize| best.iter().map(move |(a, b)| 100.0 * a[j].distance(b[j]));
    let of_joints = J::ALL.map(|joint| mean(distance(joint.index())));
    let distances: Vec<f64> = (0..J::COUNT).flat_map(distance).collect();
    Compared {
        frames: best.len(),
        angles: [quantile(angles.clone(), 0.5), quantile(angles, 0.95), worst],
        distances: [mean(of_joints.into_iter()), quantile(distances, 0.95)],
        of_joints,
        head: quantile(of_limb([J::Neck, J::Head]), 0.5),
    }
}

#[test]
#[ignore = "needs raw motion and its conversion: KINEST_RAW, KINEST_MOCAP"]
fn raw_files_are_read_as_independent_code_read_them() {
    let files_in = |name: &str, endings: &[&str]| -> Vec<PathBuf> {
        let folders = std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
        std::env::split_paths(&folders).flat_map(|folder| files(&folder, endings)).collect()
    };
    let raw = files_in("KINEST_RAW", &["bvh", "amc", "glb", "gltf", "vrma"]);
    let converted = files_in("KINEST_MOCAP", &["npz"]);
    let skeleton = Skeleton::default();
    println!(
        "limbs, degrees: median, 95 %, worst limb; joints, cm: mean, 95 %; head, degrees; confidence"
    );
    let (mut compared, mut wrong) = (0, vec![]);
    for path in &raw {
        let capture::Loaded { clip, notes, map } = capture::load(path, &skeleton).unwrap();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = format!("{name}_poses.npz");
        let Some(other) = converted.iter().find(|it| it.ends_with(&wanted)) else {
            println!(
                "{name:<28} not converted: {} frames at {} Hz",
                clip.frames.len(),
                clip.rate_hz
            );
            continue;
        };
        let other = amass::load(other).unwrap();
        let ours = joints(&clip.resampled(other.rate_hz), &skeleton);
        let it = compare(&ours, &joints(&other, &skeleton));
        let own_axes = notes.iter().any(|note| note.contains("does not stand like a person"));
        let sure = map.map_or(1.0, |map| map.confidence());
        let [median, most, worst] = it.angles;
        let [distance, far] = it.distances;
        println!(
            "{name:<28} {median:>6.2} {most:>5.2} {worst:>5.2} {distance:>7.2} {far:>5.1} {:>6.1} {sure:>5.2}  {} frames{}",
            it.head,
            it.frames,
            if own_axes { ", axes of its own" } else { "" },
        );
        let mut apart: Vec<(f64, J)> = it.of_joints.into_iter().zip(J::ALL).collect();
        apart.sort_by(|a, b| b.0.total_cmp(&a.0));
        let apart = apart.iter().take(4).filter(|(cm, _)| *cm > 1.0);
        let apart: Vec<String> = apart.map(|(cm, it)| format!("{} {cm:.1}", it.name())).collect();
        if !apart.is_empty() {
            println!("{:<28} apart, cm: {}", "", apart.join(", "));
        }
        compared += 1;
        let limit = if own_axes { DISTANCE_OF_ITS_OWN } else { DISTANCE };
        if median > ANGLE || worst > ANGLE_OF_LIMB || distance > limit || it.frames < 30 {
            wrong.push(name);
        }
    }
    assert!(compared > 0, "none of {} raw files is among the converted ones", raw.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}
