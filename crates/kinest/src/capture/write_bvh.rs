//! Clips as BVH files.

use crate::coordinates::UPRIGHT;
use crate::motion::MotionClip;
use crate::rig::Bone;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use glam::{DVec3, EulerRot};
use std::fmt::Write as _;

/// Metres of a BVH file are centimetres.
const UNIT: f64 = 100.0;
/// A limb ends this much further than its last joint, of the way to that joint from the one before. By it files are
/// known that were written here: BVH has no comments.
const END: f64 = 0.4;
/// What writing six decimals takes from a length, with some margin.
const ROUNDING: f64 = 1e-5;

/// The text of a BVH file with this clip on `skeleton`: y up, centimetres, SMPL's joints under their names, each
/// with rotations in the order z, x, y. The zero pose is SMPL's: a T-pose that faces +z.
#[must_use]
pub fn write_bvh(clip: &MotionClip, skeleton: &Skeleton) -> String {
    let mut text = String::from("HIERARCHY\n");
    let mut order = Vec::new();
    joint(&mut text, skeleton, J::Pelvis, 0, &mut order);
    _ = write!(
        text,
        "MOTION\nFrames: {}\nFrame Time: {:.9}\n",
        clip.frames.len(),
        1.0 / clip.rate_hz
    );
    for frame in &clip.frames {
        let pose = Pose::from(frame);
        let root = UPRIGHT.conjugate() * (pose.translation + skeleton.offsets[0]) * UNIT;
        _ = write!(text, "{:.6} {:.6} {:.6}", root.x, root.y, root.z);
        for joint in &order {
            let mut rotation = pose.rotations[joint.index()];
            if *joint == J::Pelvis {
                rotation = UPRIGHT.conjugate() * rotation;
            }
            let (z, x, y) = rotation.to_euler(EulerRot::ZXY);
            let [z, x, y] = [z, x, y].map(f64::to_degrees);
            _ = write!(text, " {z:.6} {x:.6} {y:.6}");
        }
        text.push('\n');
    }
    text
}

fn joint(text: &mut String, skeleton: &Skeleton, joint_: J, depth: usize, order: &mut Vec<J>) {
    let indent = "\t".repeat(depth);
    let (kind, offset) = match joint_.parent() {
        None => ("ROOT", DVec3::ZERO),
        Some(_) => ("JOINT", skeleton.offsets[joint_.index()] * UNIT),
    };
    let channels = match joint_.parent() {
        None => "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        Some(_) => "3 Zrotation Xrotation Yrotation",
    };
    let name = joint_.name();
    _ = write!(
        text,
        "{indent}{kind} {name}\n{indent}{{\n{indent}\tOFFSET {:.6} {:.6} {:.6}\n{indent}\tCHANNELS {channels}\n",
        offset.x, offset.y, offset.z
    );
    order.push(joint_);
    let mut is_end = true;
    for child in J::ALL.into_iter().filter(|child| child.parent() == Some(joint_)) {
        joint(text, skeleton, child, depth + 1, order);
        is_end = false;
    }
    if is_end {
        let end = skeleton.offsets[joint_.index()] * (END * UNIT);
        _ = write!(
            text,
            "{indent}\tEnd Site\n{indent}\t{{\n{indent}\t\tOFFSET {:.6} {:.6} {:.6}\n{indent}\t}}\n",
            end.x, end.y, end.z
        );
    }
    _ = writeln!(text, "{indent}}}");
}

/// Whether these are the bones of a file that [`write_bvh`] wrote of any skeleton.
pub(super) fn are_ours(bones: &[Bone]) -> bool {
    let joint = |bone: &Bone| J::ALL.into_iter().find(|joint| joint.name() == bone.name);
    let is_ours = |bone: &Bone| match (joint(bone), bone.parent.map(|parent| &bones[parent])) {
        (Some(J::Pelvis), None) => bone.translation == DVec3::ZERO,
        (Some(it), Some(parent)) => it.parent().is_some() && it.parent() == joint(parent),
        (None, Some(parent)) => bone.translation.abs_diff_eq(parent.translation * END, ROUNDING),
        (_, None) => false,
    };
    let is_last = |joint: &J| J::ALL.into_iter().all(|other| other.parent() != Some(*joint));
    let ends = J::ALL.iter().filter(|joint| is_last(joint)).count();
    bones.len() == J::COUNT + ends && bones.iter().all(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::read_bvh;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rig::RigOverride;
    use crate::rotation::{exp, geodesic_angle};

    #[test]
    fn a_clip_is_read_back_within_rounding() {
        let skeleton = Skeleton::default();
        let mut clip = walk_and_wave(&skeleton).resampled(60.0);
        clip.frames.truncate(200);
        let text = write_bvh(&clip, &skeleton);
        let (back, notes) =
            read_bvh(&text).unwrap().to_clip(&skeleton, &RigOverride::default()).unwrap();
        assert_eq!((back.rate_hz, back.frames.len()), (60.0, 200), "{notes:?}");
        for (i, (a, b)) in clip.frames.iter().zip(&back.frames).enumerate() {
            assert!(a.translation.distance(b.translation) < 5e-7, "frame {i}");
            for joint in J::ALL {
                let [a, b] = [a, b].map(|frame| exp(frame.rotations[joint.index()]));
                let angle = geodesic_angle(a, b);
                assert!(angle < 1e-6, "frame {i} {joint:?}: {angle}");
            }
        }
    }

    #[test]
    fn files_are_known_as_ours_by_their_bones() {
        let clip = MotionClip { rate_hz: 60.0, frames: vec![(&Pose::rest()).into(); 2] };
        let mut tall = Skeleton::default();
        tall.offsets.iter_mut().for_each(|offset| *offset *= 1.2);
        for skeleton in [Skeleton::default(), tall] {
            let text = write_bvh(&clip, &skeleton);
            assert!(read_bvh(&text).unwrap().knows_floor);
            for (from, to) in [
                ("L_hip", "LeftHip"),
                ("\tOFFSET 0.000000 0.000000 0.000000", "\tOFFSET 0.000000 90.000000 0.000000"),
                ("End Site\n\t\t\t\t\t{\n\t\t\t\t\t\tOFFSET ", "End Site\n{\nOFFSET 1"),
            ] {
                let other = text.replacen(from, to, 1);
                assert!(other != text && !read_bvh(&other).unwrap().knows_floor, "{from}");
            }
        }
    }
}
