//! Motion of bones, and what it is on SMPL's joints.

use crate::coordinates::UPRIGHT;
use crate::motion::{ClipFrame, MotionClip};
use crate::rig::{Bone, BoneTree, RigError, RigMap, RigOverride, stance};
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::{DMat3, DQuat, DVec3, Quat, Vec3};
use std::collections::BTreeMap;

/// The joints of trunk and head, upwards.
const TRUNK: [J; 6] = [J::Pelvis, J::Spine1, J::Spine2, J::Spine3, J::Neck, J::Head];
/// The floor is this quantile of the heights of the lower sole.
const FLOOR_QUANTILE: f64 = 0.09;
/// Number of frames among which the best standing one is looked for.
const STANDING_TRIES: usize = 40;

/// Most transforms of a motion, of all bones in all frames: half an hour of a hundred bones at 120 Hz, in 600 MB. A
/// short file can name a thousand bones and move one of them.
pub(super) const MOST_POSES: usize = 21_600_000;

/// Local transform of a bone in one frame, relative to its parent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BonePose {
    pub(super) translation: Vec3,
    pub(super) rotation: Quat,
}

impl BonePose {
    /// Rounded to 32 bits.
    #[must_use]
    pub fn new(translation: DVec3, rotation: DQuat) -> Self {
        Self { translation: translation.as_vec3(), rotation: rotation.as_quat() }
    }
}

/// Motion of a skeleton of any kind.
#[derive(Clone, Debug)]
pub struct BoneMotion {
    /// The bones with their rest transforms, parents before children.
    pub bones: Vec<Bone>,
    /// Frames per second.
    pub rate_hz: f64,
    /// The transforms of all bones in each frame.
    pub frames: Vec<Vec<BonePose>>,
    /// What was unusual about the file.
    pub notes: Vec<String>,
    /// The bones that the file itself says are these joints', as VRM animations do.
    pub said: BTreeMap<J, usize>,
}

/// Position and rotation of each bone, in the file's space.
type Places = Vec<(DVec3, DQuat)>;

impl BoneMotion {
    /// Adds a frame; an error says that the motion is too large to hold.
    pub(super) fn push(&mut self, poses: Vec<BonePose>) -> Result<(), String> {
        if (self.frames.len() + 1).saturating_mul(self.bones.len()) > MOST_POSES {
            let (bones, frames) = (self.bones.len(), self.frames.len());
            return Err(format!(
                "{bones} bones in more than {frames} frames are too many: split the file"
            ));
        }
        self.frames.push(poses);
        Ok(())
    }

    fn places(&self, frame: usize) -> Places {
        let mut places: Places = Vec::with_capacity(self.bones.len());
        for (bone, pose) in self.bones.iter().zip(&self.frames[frame]) {
            let (translation, rotation) =
                (pose.translation.as_dvec3(), pose.rotation.as_dquat().normalize());
            places.push(match bone.parent.map(|parent| places[parent]) {
                None => (translation, rotation),
                Some((at, axes)) => (at + axes * translation, axes * rotation),
            });
        }
        places
    }

    /// The bones at rest, or as they are in a frame.
    fn tree(&self, frame: Option<usize>) -> Result<BoneTree, RigError> {
        let mut bones = self.bones.clone();
        if let Some(frame) = frame {
            for (bone, pose) in bones.iter_mut().zip(&self.frames[frame]) {
                bone.translation = pose.translation.as_dvec3();
                bone.rotation = pose.rotation.as_dquat().normalize();
            }
        }
        BoneTree::new(bones)
    }

    /// The motion on `skeleton`, with its lower sole on the floor, z = 0, nearly all of the time, and what was
    /// unusual. The size of the motion follows from the length of the legs.
    ///
    /// Where the bones at rest do not stand like a person, as in files whose bones have axes of their own, the
    /// frame in which the person stands straightest is taken for the rest pose: limbs have their directions there,
    /// trunk and head are straight.
    ///
    /// # Errors
    /// If the bones of a person are not found; see [`RigMap::find`].
    pub fn to_clip(
        &self,
        skeleton: &Skeleton,
        given: &RigOverride,
    ) -> Result<(MotionClip, Vec<String>), RigError> {
        let find = |frame| -> Result<(BoneTree, RigMap), RigError> {
            let tree = self.tree(frame)?;
            let map = RigMap::find(&tree, given, &self.said)?;
            Ok((tree, map))
        };
        let mut notes = self.notes.clone();
        let (tree, map, rest) = match find(None) {
            Ok((tree, map)) => (tree, map, None),
            Err(error) => {
                let frame = self.straightest(given).ok_or(error)?;
                let (tree, map) = find(Some(frame))?;
                notes.push(format!(
                    "the zero pose does not stand like a person; frame {frame} is taken for the rest pose"
                ));
                (tree, map, Some(frame))
            }
        };
        notes.extend(map.notes().iter().cloned());
        let at_rest: Vec<DQuat> = match rest {
            Some(frame) => self.places(frame).into_iter().map(|(_, axes)| axes).collect(),
            None => (0..self.bones.len()).map(|bone| tree.axes(bone)).collect(),
        };
        let capture = Capture::new(&tree, &map, skeleton, at_rest);
        let mut frames: Vec<Pose> =
            (0..self.frames.len()).map(|frame| capture.pose(&self.places(frame))).collect();
        put_on_floor(skeleton, &mut frames);
        let frames = frames.iter().map(ClipFrame::from).collect();
        Ok((MotionClip { rate_hz: self.rate_hz, frames }, notes))
    }

    /// The frame in which the bones are found and the person stands straightest.
    fn straightest(&self, given: &RigOverride) -> Option<usize> {
        let step = self.frames.len().div_ceil(STANDING_TRIES);
        let tries = (0..self.frames.len()).step_by(step.max(1));
        let judged = tries.filter_map(|frame| {
            let tree = self.tree(Some(frame)).ok()?;
            let map = RigMap::find(&tree, given, &self.said).ok()?;
            let straight = straightness(&tree, &map);
            Some((frame, straight))
        });
        judged.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(frame, _)| frame)
    }
}

/// How straight legs and trunk stand, at most 1.
fn straightness(tree: &BoneTree, map: &RigMap) -> f64 {
    let along = |from: usize, to: usize| {
        (tree.position(to) - tree.position(from)).normalize_or_zero().dot(map.up())
    };
    let legs = map.legs().map(|[hip, knee, ankle]| along(knee, hip) + along(ankle, knee));
    let trunk = along(map.hips(), map.head());
    (legs[0] + legs[1] + trunk) / 5.0
}

/// Converts places of bones to poses.
struct Capture<'a> {
    skeleton: &'a Skeleton,
    /// Bones of trunk and head with their place among [`TRUNK`], upwards.
    trunk: Vec<(f64, usize)>,
    /// The bone of each other joint.
    bones: PerJoint<Option<usize>>,
    thighs: [usize; 2],
    /// For each bone the inverse of its rotation at rest.
    since_rest: Vec<DQuat>,
    /// World rotation of each joint at rest, in the file's space.
    joints_at_rest: PerJoint<DQuat>,
    world_from_rig: DQuat,
    scale: f64,
}

impl<'a> Capture<'a> {
    fn new(tree: &BoneTree, map: &RigMap, skeleton: &'a Skeleton, at_rest: Vec<DQuat>) -> Self {
        let (left, up) = (map.left(), map.up());
        // The file's own vertical: a person may lean at rest.
        let vertical = DVec3::AXES
            .into_iter()
            .flat_map(|axis| [axis, -axis])
            .max_by(|a, b| a.dot(up).total_cmp(&b.dot(up)))
            .unwrap_or(DVec3::Y);
        let across = if vertical.x == 0.0 { DVec3::X } else { DVec3::Z };
        let file = DMat3::from_cols(across, vertical, across.cross(vertical));
        let world_from_rig = UPRIGHT * DQuat::from_mat3(&file).conjugate();
        let rig_from_body = DQuat::from_mat3(&DMat3::from_cols(left, up, left.cross(up)));
        let stance = stance(tree, map, skeleton, rig_from_body.conjugate());
        let place = |joint: J| TRUNK.iter().position(|other| *other == joint).map(|k| k as f64);
        let mut trunk: Vec<(f64, usize)> = map
            .driven()
            .iter()
            .filter_map(|driven| {
                let from = place(driven.joint)?;
                let part = driven
                    .toward
                    .map_or(Some(0.0), |(next, part)| Some(part * (place(next)? - from)))?;
                Some((from + part, driven.bone))
            })
            .collect();
        trunk.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Of several bones at the pelvis, the last is the hips.
        trunk.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        let leg = |[hip, knee, ankle]: [usize; 3]| {
            tree.position(hip).distance(tree.position(knee))
                + tree.position(knee).distance(tree.position(ankle))
        };
        let theirs: f64 = map.legs().map(leg).iter().sum::<f64>() / 2.0;
        let ours: f64 =
            [J::LeftKnee, J::LeftAnkle].map(|j| skeleton.offsets[j.index()].length()).iter().sum();
        Self {
            skeleton,
            trunk,
            bones: J::ALL.map(|joint| map.bone(joint)),
            thighs: map.legs().map(|leg| leg[0]),
            since_rest: at_rest.iter().map(|axes| axes.conjugate()).collect(),
            joints_at_rest: stance.map(|stance| rig_from_body * stance),
            world_from_rig,
            scale: if theirs > 0.0 { ours / theirs } else { 1.0 },
        }
    }

    /// How much a bone has turned since the rest pose.
    fn turn(&self, places: &Places, bone: usize) -> DQuat {
        places[bone].1 * self.since_rest[bone]
    }

    fn pose(&self, places: &Places) -> Pose {
        let mut world = [DQuat::IDENTITY; J::COUNT];
        for joint in J::ALL {
            let j = joint.index();
            let turn = match TRUNK.iter().position(|other| *other == joint) {
                Some(k) => self.trunk_turn(places, k as f64),
                None => self.bones[j].map(|bone| self.turn(places, bone)),
            };
            let at_rest = self.joints_at_rest[j];
            world[j] = match (turn, joint.parent()) {
                (Some(turn), _) => (self.world_from_rig * turn * at_rest).normalize(),
                // A joint without a bone keeps its rest pose against the one before it.
                (None, Some(parent)) => world[parent.index()],
                (None, None) => self.world_from_rig * at_rest,
            };
        }
        let rotations = J::ALL.map(|joint| match joint.parent() {
            None => world[0],
            Some(parent) => (world[parent.index()].conjugate() * world[joint.index()]).normalize(),
        });
        let [left, right] = self.thighs.map(|bone| places[bone].0);
        let hips = self.world_from_rig * (left.midpoint(right) * self.scale);
        let offset = |joint: J| self.skeleton.offsets[joint.index()];
        let below = offset(J::LeftHip).midpoint(offset(J::RightHip));
        let translation = hips - world[0] * below - offset(J::Pelvis);
        Pose { translation, rotations }
    }

    /// The turn of the joint at this place of the trunk, between the bones below and above it.
    fn trunk_turn(&self, places: &Places, at: f64) -> Option<DQuat> {
        let above = self.trunk.iter().position(|(place, _)| *place >= at);
        let turn = |k: usize| self.turn(places, self.trunk[k].1);
        match above {
            Some(k) if self.trunk[k].0 == at || k == 0 => Some(turn(k)),
            Some(k) => {
                let (below, above) = (self.trunk[k - 1].0, self.trunk[k].0);
                Some(turn(k - 1).slerp(turn(k), (at - below) / (above - below)))
            }
            None => self.trunk.len().checked_sub(1).map(turn),
        }
    }
}

/// Moves all poses so that the lower sole is on the floor nearly all of the time.
fn put_on_floor(skeleton: &Skeleton, poses: &mut [Pose]) {
    let lower = |pose: &Pose| {
        let joints = skeleton.pose_joints(pose);
        let sole = |ankle: J| {
            let j = ankle.index();
            joints.positions[j].z + skeleton.lowest_sole(ankle, |p| joints.rotations[j] * p)
        };
        sole(J::LeftAnkle).min(sole(J::RightAnkle))
    };
    let mut heights: Vec<f64> = poses.iter().map(lower).collect();
    if heights.is_empty() {
        return;
    }
    let at = (FLOOR_QUANTILE * (heights.len() - 1) as f64).round() as usize;
    let floor = *heights.select_nth_unstable_by(at, f64::total_cmp).1;
    poses.iter_mut().for_each(|pose| pose.translation.z -= floor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_however_few_bytes_a_frame_has() {
        let bone = Bone {
            name: String::new(),
            parent: None,
            translation: DVec3::ZERO,
            rotation: DQuat::IDENTITY,
            scale: DVec3::ONE,
        };
        let frames = vec![Vec::new(); MOST_POSES / 1000 - 1];
        let mut motion = BoneMotion {
            bones: vec![bone; 1000],
            rate_hz: 60.0,
            frames,
            notes: Vec::new(),
            said: BTreeMap::new(),
        };
        assert_eq!(motion.push(Vec::new()), Ok(()));
        assert!(motion.push(Vec::new()).unwrap_err().starts_with("1000 bones in more than 21600"));
    }
}
