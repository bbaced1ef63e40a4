//! Grounding: puts an airborne body that does not jump onto the floor.

use super::limb::{LEGS, within};
use super::place::lower_sole;
use super::{Place, place_head, three_point_pose_facing};
use crate::coordinates::heading;
use crate::easing::smoothstep;
use crate::skeleton::{Pose, Skeleton};
use crate::tracker::{Teleport, TrackerPose};
use glam::{DMat3, DVec3};

/// Heights of the lower sole (m): up to the first the estimate is kept, above the second the
/// standing pose replaces it.
const HEIGHTS: [f64; 2] = [0.06, 0.18];
/// Time constant of the head's averaged vertical speed, seconds.
const SPEED_TIME: f64 = 0.03;
/// Vertical speed above which the body may have left the floor, m/s.
const LEAVING: f64 = 1.0;
/// Acceleration of gravity, m/s².
const GRAVITY: f64 = 9.81;
/// Airtime beyond a ballistic flight (s): jumpers draw up their legs.
const LONGER: f64 = 0.15;
/// Maximum airtime (s), about that of a 1.4 m jump.
const LONGEST: f64 = 1.2;
/// Duration of the blend to the standing pose, seconds, and of the blend back to the estimate.
const DOWN: f64 = 0.3;
const BACK: f64 = 0.5;
/// Duration of lowering the feet, seconds, and of their return to the network's place.
const STRETCH_TIME: f64 = 0.3;

/// Detects that both feet of a body are in the air although it does not jump, and makes it stand.
///
/// For motion unlike its training data, a network may draw the legs up, or lay the body in the air,
/// below a head at standing height. A jumping body leaves the floor with a speed `v` of the head
/// and lands after `2 v / g`; at any other time at least one foot is on the floor, so the legs are
/// stretched down to it. If the gap is large, the pose blends into [`three_point_pose_facing`],
/// which stands below its head with the heading of the pelvis.
#[derive(Clone, Debug, Default)]
pub struct Grounding {
    /// Height of the head in the previous frame, metres.
    before: Option<f64>,
    /// Averaged vertical speed of the head, m/s.
    speed: f64,
    /// Remaining time for which the body may be in the air, seconds.
    air: f64,
    /// Weight of the standing pose, 0 to 1.
    part: f64,
    /// Fraction of the gap to the floor by which feet are lowered, 0 to 1.
    stretch: f64,
}

impl Grounding {
    /// Weight of the standing pose in the output, 0 to 1; the rest is the network's.
    #[must_use]
    pub fn part(&self) -> f64 {
        self.part
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        if let Some(before) = &mut self.before {
            *before += by.rise();
        }
    }

    /// Resets the state, for another body.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Corrects `pose`, which comes `dt` seconds after the previous one and is below the head of
    /// `trackers` (head, left hand, right hand), for a floor at height `floor`, metres.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        floor: f64,
        dt: f64,
    ) {
        let head = trackers[0].position.z;
        if let Some(before) = self.before.replace(head)
            && dt > 0.0
        {
            let speed = (head - before) / dt;
            self.speed += (speed - self.speed) * dt / (dt + SPEED_TIME);
            self.air -= dt;
            if self.speed.abs() > LEAVING {
                let air = 2.0 * self.speed.abs() / GRAVITY + LONGER;
                self.air = self.air.max(air.min(LONGEST));
            }
        }
        let carried = self.air <= 0.0 && trackers[0].tracked;
        // The neck is rotated to the head later, which moves the whole body.
        let lower_sole = |pose: &Pose| {
            let mut placed = *pose;
            place_head(skeleton, &mut placed, &trackers[0]);
            lower_sole(skeleton, &placed)
        };
        let height = lower_sole(pose) - floor;
        let t = (height - HEIGHTS[0]) / (HEIGHTS[1] - HEIGHTS[0]);
        let goal = if carried { smoothstep(t) } else { 0.0 };
        self.part += (goal - self.part).clamp(-dt / BACK, dt / DOWN);
        if self.part > 0.0 {
            let lowered = [0, 1, 2].map(|k| {
                let mut tracker = trackers[k];
                tracker.position.z -= floor;
                tracker
            });
            let facing = heading(DMat3::from_quat(pose.rotations[0]));
            let standing = three_point_pose_facing(skeleton, &lowered, facing);
            for (rotation, other) in pose.rotations.iter_mut().zip(&standing.rotations) {
                *rotation = rotation.slerp(*other, self.part);
            }
            place_head(skeleton, pose, &trackers[0]);
        }
        let goal = if carried { 1.0 } else { 0.0 };
        let most = dt / STRETCH_TIME;
        self.stretch += (goal - self.stretch).clamp(-most, most);
        let height = lower_sole(pose) - floor;
        if self.stretch > 0.0 && height > 0.0 {
            lower_feet(skeleton, pose, self.stretch * height);
        }
    }
}

/// Lowers both feet by `by` metres, as far as the legs reach, without rotating them.
fn lower_feet(skeleton: &Skeleton, pose: &mut Pose, by: f64) {
    for leg in &LEGS {
        let [hip, knee, ankle] = leg.joints;
        let hip = Place::of(skeleton, pose, hip).position;
        let foot = Place::of(skeleton, pose, ankle);
        let longest = leg.longest(skeleton, foot.position.distance(hip));
        let lower = foot.position - DVec3::Z * by - hip;
        leg.reach(skeleton, pose, hip + within(lower, longest));
        let shank = Place::of(skeleton, pose, knee).rotation;
        pose.rotations[ankle.index()] = (shank.conjugate() * foot.rotation).normalize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::SmplJoint as J;
    use crate::tracker::{TrackerFrame, TrackerSet};
    use glam::DQuat;

    const DT: f64 = 1.0 / 60.0;

    fn trackers(skeleton: &Skeleton, pose: &Pose) -> Vec<TrackerPose> {
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &skeleton.pose_joints(pose)).poses
    }

    fn standing(skeleton: &Skeleton) -> Pose {
        let mut pose = Pose::rest();
        pose.translation.z -= lower_sole(skeleton, &pose);
        pose
    }

    /// Legs drawn up, as from a network that mistakes standing for a jump.
    fn hanging(skeleton: &Skeleton, head: &TrackerPose) -> Pose {
        let mut pose = standing(skeleton);
        for [hip, knee] in [[J::LeftHip, J::LeftKnee], [J::RightHip, J::RightKnee]] {
            pose.rotations[hip.index()] = DQuat::from_rotation_x(-1.3);
            pose.rotations[knee.index()] = DQuat::from_rotation_x(2.0);
        }
        place_head(skeleton, &mut pose, head);
        pose
    }

    /// The player's feet hang and the head looks aside: the standing body does not turn with the
    /// head.
    #[test]
    fn a_body_that_comes_down_does_not_turn_with_the_head() {
        let skeleton = Skeleton::default();
        let mut trackers = trackers(&skeleton, &standing(&skeleton));
        let hanging = hanging(&skeleton, &trackers[0]);
        trackers[0].rotation = DMat3::from_rotation_z(0.7) * trackers[0].rotation;
        let mut grounding = Grounding::default();
        let facing = |pose: &Pose| heading(DMat3::from_quat(pose.rotations[0]));
        for _ in 0..60 {
            let mut pose = hanging;
            grounding.apply(&skeleton, &mut pose, &trackers, 0.0, DT);
            assert!((facing(&pose) - facing(&hanging)).abs() < 0.1);
        }
        assert!(grounding.part() > 0.9);
    }

    /// A head that jumps by 3 m in a frame does not allow the airtime of a ballistic flight at that
    /// speed.
    #[test]
    fn a_head_that_is_elsewhere_is_no_jump() {
        let skeleton = Skeleton::default();
        let mut trackers = trackers(&skeleton, &standing(&skeleton));
        let hanging = hanging(&skeleton, &trackers[0]);
        let mut grounding = Grounding::default();
        for i in 0..120 {
            trackers[0].position.z += if i == 10 {
                3.0
            } else if i == 11 {
                -3.0
            } else {
                0.0
            };
            grounding.apply(&skeleton, &mut hanging.clone(), &trackers, 0.0, DT);
        }
        assert!(grounding.part() > 0.9, "{}", grounding.part());
    }

    #[test]
    fn a_body_hanging_below_a_standing_head_comes_down_smoothly_and_is_handed_back() {
        let skeleton = Skeleton::default();
        let trackers = trackers(&skeleton, &standing(&skeleton));
        let hanging = hanging(&skeleton, &trackers[0]);
        assert!(lower_sole(&skeleton, &hanging) > 0.2);
        let mut grounding = Grounding::default();
        let mut before = lower_sole(&skeleton, &hanging);
        for _ in 0..30 {
            let mut pose = hanging;
            grounding.apply(&skeleton, &mut pose, &trackers, 0.0, DT);
            let height = lower_sole(&skeleton, &pose);
            assert!(height <= before + 0.01 && before - height < 0.06, "{before} {height}");
            before = height;
        }
        assert!(before.abs() < 0.01 && grounding.part() == 1.0, "{before}");
        for _ in 0..31 {
            let mut pose = standing(&skeleton);
            grounding.apply(&skeleton, &mut pose, &trackers, 0.0, DT);
        }
        assert_eq!(grounding.part(), 0.0);
    }

    #[test]
    fn a_jumping_body_stays_in_the_air() {
        let skeleton = Skeleton::default();
        let mut grounding = Grounding::default();
        let mut most = 0.0_f64;
        for i in 0..90 {
            // From standing: pushes for 0.2 s, leaves the floor at 2.5 m/s, and lands.
            let t = f64::from(i) * DT - 0.5;
            let height = match t {
                t if t < -0.2 => 0.0,
                t if t < 0.0 => 0.5 * 12.5 * (t + 0.2).powi(2) - 0.25,
                t => (2.5 * t - 0.5 * 9.81 * t * t).max(0.0),
            };
            let mut pose = standing(&skeleton);
            pose.translation.z += height;
            let trackers = trackers(&skeleton, &pose);
            grounding.apply(&skeleton, &mut pose, &trackers, 0.0, DT);
            most = most.max(grounding.part());
        }
        assert!(most < 0.3, "{most}");
    }

    #[test]
    fn a_walk_is_unchanged_at_any_floor_height() {
        let skeleton = Skeleton::default();
        for floor in [0.0, 0.7] {
            let mut grounding = Grounding::default();
            for frame in &walk_and_wave(&skeleton).frames {
                let mut truth = Pose::from(frame);
                truth.translation.z += floor;
                let mut pose = truth;
                grounding.apply(&skeleton, &mut pose, &trackers(&skeleton, &truth), floor, DT);
                assert_eq!(grounding.part(), 0.0);
                let [a, b] = [pose, truth].map(|pose| skeleton.pose_joints(&pose).positions);
                let moved = a.iter().zip(&b).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max);
                assert!(moved < 0.03, "{moved} m");
            }
        }
    }
}
