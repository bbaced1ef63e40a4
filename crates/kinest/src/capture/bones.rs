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
/// A body that is put on the floor from further than this, metres, may have been meant to be there: a note says so.
const FAR_FROM_FLOOR: f64 = 0.1;
/// Number of frames among which the best standing one is looked for …
const STANDING_TRIES: usize = 40;
/// … if their bones are not more than this together, as those of no body are.
const STANDING_BONES: usize = 10_240;
/// A body that moves a leg's length in a second, on average of its joints, counts as standing so much less straight:
/// in the middle of a gesture, shoulders and trunk are not at rest.
const MOVING: f64 = 0.05;
/// Places further away than this, metres, are a mistake in the file, and larger ones are not numbers in 32 bits.
const FARTHEST: f64 = 1e9;

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
    /// Whether heights are above the floor, as in files that this crate has written; in others it is unknown where the
    /// floor is.
    pub knows_floor: bool,
}

const NOT_FINITE: &str = "a number of its place is not finite, or too large for 32 bits";

/// Position and rotation of each bone, in the file's space.
type Places = Vec<(DVec3, DQuat)>;

impl BoneMotion {
    /// Adds a frame; an error says that the motion is too large to hold, or which bone of the frame is at no place.
    pub(super) fn push(&mut self, poses: Vec<BonePose>) -> Result<(), String> {
        if (self.frames.len() + 1).saturating_mul(self.bones.len()) > MOST_POSES {
            let (bones, frames) = (self.bones.len(), self.frames.len());
            return Err(format!(
                "{bones} bones in more than {frames} frames are too many: split the file"
            ));
        }
        let is_finite = |pose: &BonePose| pose.translation.is_finite() && pose.rotation.is_finite();
        if let Some(bone) = poses.iter().position(|pose| !is_finite(pose)) {
            let (frame, name) = (self.frames.len(), self.name(bone));
            return Err(format!("frame {frame}, bone `{name}`: {NOT_FINITE}"));
        }
        self.frames.push(poses);
        Ok(())
    }

    fn name(&self, bone: usize) -> &str {
        self.bones.get(bone).map_or("", |bone| bone.name.as_str())
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

    /// The motion on `skeleton`, and what was unusual. Its lower sole is on the floor, z = 0, nearly all of the time,
    /// unless [the file says where the floor is](Self::knows_floor). The size of the motion follows from the length of
    /// the legs.
    ///
    /// Where the bones at rest do not stand like a person, as in files whose bones have axes of their own, the
    /// frame in which the person stands straightest, and most still, is taken for the rest pose: limbs have their
    /// directions there, trunk and head are straight.
    ///
    /// # Errors
    /// If the bones of a person are not found, see [`RigMap::find`]; [`RigError::Frame`] if a frame has a number that
    /// is not finite, or is no place in this world.
    pub fn to_clip(
        &self,
        skeleton: &Skeleton,
        given: &RigOverride,
    ) -> Result<(MotionClip, Vec<String>), RigError> {
        self.to_clip_and_map(skeleton, given).map(|(clip, notes, _)| (clip, notes))
    }

    /// As [`to_clip`](Self::to_clip), and which bone was taken for which joint.
    ///
    /// # Errors
    /// As [`to_clip`](Self::to_clip).
    pub fn to_clip_and_map(
        &self,
        skeleton: &Skeleton,
        given: &RigOverride,
    ) -> Result<(MotionClip, Vec<String>, RigMap), RigError> {
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
        let mut frames = Vec::with_capacity(self.frames.len());
        let mut heights = Vec::new();
        for frame in 0..self.frames.len() {
            let places = self.places(frame);
            let pose = capture.pose(&places);
            if !pose.is_finite() || pose.translation.abs().max_element() > FARTHEST {
                return Err(self.nowhere(frame, &places, map.hips()));
            }
            if !self.knows_floor {
                heights.push(lower_sole(skeleton, &pose));
            }
            frames.push(ClipFrame::from(&pose));
        }
        if let Some(floor) = floor(&mut heights) {
            frames.iter_mut().for_each(|frame| frame.translation.z -= floor);
            if floor.abs() > FAR_FROM_FLOOR {
                let way = if floor > 0.0 { "down" } else { "up" };
                notes.push(format!("moved {way} by {:.2} m, to stand on the floor", floor.abs()));
            }
        }
        Ok((MotionClip { rate_hz: self.rate_hz, frames }, notes, map))
    }

    /// Why a frame is no place for a body.
    fn nowhere(&self, frame: usize, places: &Places, hips: usize) -> RigError {
        let is_nowhere = |(at, axes): &(DVec3, DQuat)| !(at.is_finite() && axes.is_finite());
        let (bone, problem) = match places.iter().position(is_nowhere) {
            Some(bone) => (bone, NOT_FINITE),
            None => (hips, "it is too far away for the length of the legs"),
        };
        RigError::Frame { frame, bone: self.name(bone).into(), problem: problem.into() }
    }

    /// The frame in which the bones are found and the person stands straightest, and most still.
    fn straightest(&self, given: &RigOverride) -> Option<usize> {
        let most = (STANDING_BONES / self.bones.len().max(1)).clamp(1, STANDING_TRIES);
        let step = self.frames.len().div_ceil(most);
        let tries = (0..self.frames.len()).step_by(step.max(1));
        let judged = tries.filter_map(|frame| {
            let tree = self.tree(Some(frame)).ok()?;
            let map = RigMap::find(&tree, given, &self.said).ok()?;
            Some((frame, straightness(&tree, &map) - MOVING * self.speed(frame, &tree, &map)))
        });
        judged.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(frame, _)| frame)
    }

    /// How fast the joints move about a frame on average, in lengths of a leg in a second.
    fn speed(&self, frame: usize, tree: &BoneTree, map: &RigMap) -> f64 {
        let (before, after) = (frame.saturating_sub(1), (frame + 1).min(self.frames.len() - 1));
        let [from, to] = [before, after].map(|frame| self.places(frame));
        let bones: Vec<usize> = J::ALL.into_iter().filter_map(|joint| map.bone(joint)).collect();
        let way: f64 = bones.iter().map(|bone| from[*bone].0.distance(to[*bone].0)).sum();
        let [hip, _, ankle] = map.legs()[0];
        let leg = tree.position(hip).distance(tree.position(ankle));
        let seconds = (after - before) as f64 / self.rate_hz;
        let speed = way / bones.len() as f64 / leg / seconds;
        // One frame alone says nothing.
        if speed.is_finite() { speed } else { 0.0 }
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

/// Height of the lower sole, metres.
fn lower_sole(skeleton: &Skeleton, pose: &Pose) -> f64 {
    let joints = skeleton.pose_joints(pose);
    let sole = |ankle| joints.sole_height(skeleton, ankle);
    sole(J::LeftAnkle).min(sole(J::RightAnkle))
}

/// Where the floor is, by the heights of the lower sole; `None` without any.
fn floor(heights: &mut [f64]) -> Option<f64> {
    let last = heights.len().checked_sub(1)?;
    let at = (FLOOR_QUANTILE * last as f64).round() as usize;
    Some(*heights.select_nth_unstable_by(at, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{read_bvh, write_bvh};
    use crate::motion::synthetic::walk_and_wave;

    #[test]
    fn a_frame_that_is_no_place_names_its_bone() {
        let skeleton = Skeleton::default();
        let mut walk = walk_and_wave(&skeleton);
        walk.frames.truncate(5);
        let mut motion = read_bvh(&write_bvh(&walk, &skeleton)).unwrap();
        motion.frames[3][2].rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 0.0);
        let error = motion.to_clip(&skeleton, &RigOverride::default()).unwrap_err().to_string();
        assert!(error.starts_with("frame 3, bone `L_knee`: a number"), "{error}");
    }

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
            knows_floor: false,
        };
        assert_eq!(motion.push(Vec::new()), Ok(()));
        assert!(motion.push(Vec::new()).unwrap_err().starts_with("1000 bones in more than 21600"));
    }
}
