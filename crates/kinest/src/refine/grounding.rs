//! A body that nothing holds up in the air comes down.

use super::limb::{LEGS, within};
use super::{Place, place_head, three_point_pose};
use crate::easing::smoothstep;
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
use crate::tracker::{Teleport, TrackerPose};
use glam::DVec3;

/// The lower sole is in the air above this height, metres, and nobody believes it above that.
const HEIGHTS: [f64; 2] = [0.06, 0.18];
/// Seconds over which the head's vertical speed is averaged.
const SPEED_TIME: f64 = 0.03;
/// Who leaves the floor, up or down, is faster than this, m/s.
const LEAVING: f64 = 1.0;
/// m/s²
const GRAVITY: f64 = 9.81;
/// Seconds that bodies may stay in the air longer than a ball would: legs are drawn up.
const LONGER: f64 = 0.15;
/// Seconds in which a body comes down, and in which it is left to the network again.
const DOWN: f64 = 0.3;
const BACK: f64 = 0.5;
/// Seconds in which feet are put down, and in which they are left where the network has them again.
const STRETCH_TIME: f64 = 0.3;

/// Notices when both feet of a body hang in the air though it does not jump, and lets it stand.
///
/// A network that meets a motion it has never seen may have a body lie in the air below a head that is where
/// people have it who stand. Who jumps leaves the floor with some speed `v` of the head, and is back after
/// `2 v / g`. At any other time one foot is on the floor. Legs are stretched for it; where that would take much,
/// the pose goes over to that of [`three_point_pose`], which stands below its head.
#[derive(Clone, Debug, Default)]
pub struct Grounding {
    /// Height of the head before.
    before: Option<f64>,
    /// The head's vertical speed, averaged.
    speed: f64,
    /// Seconds that it may still be in the air.
    air: f64,
    /// How much of the pose is that of who stands.
    part: f64,
    /// How much of what is missing to the floor feet are put lower.
    stretch: f64,
}

impl Grounding {
    /// How much of the pose is not the network's, 0 to 1.
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

    /// Forgets the body: for another one.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Corrects `pose`, which comes `dt` seconds after the one before and is below the head of `trackers`
    /// (head, left hand, right hand), for a floor at this height.
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
                self.air = self.air.max(2.0 * self.speed.abs() / GRAVITY + LONGER);
            }
        }
        let carried = self.air <= 0.0 && trackers[0].tracked;
        // Necks are turned for the head later, which moves all that hangs on them.
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
            let standing = three_point_pose(skeleton, &lowered);
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

/// Puts both feet lower by this, as far as the legs reach, without turning them.
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

/// Height of the lowest point of both soles.
fn lower_sole(skeleton: &Skeleton, pose: &Pose) -> f64 {
    let height = |ankle| {
        let joint = Place::of(skeleton, pose, ankle);
        joint.position.z + skeleton.lowest_sole(ankle, |point| joint.rotation * point)
    };
    height(J::LeftAnkle).min(height(J::RightAnkle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
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

    /// The legs drawn up, as a network has them that takes standing for a leap.
    fn hanging(skeleton: &Skeleton, head: &TrackerPose) -> Pose {
        let mut pose = standing(skeleton);
        for [hip, knee] in [[J::LeftHip, J::LeftKnee], [J::RightHip, J::RightKnee]] {
            pose.rotations[hip.index()] = DQuat::from_rotation_x(-1.3);
            pose.rotations[knee.index()] = DQuat::from_rotation_x(2.0);
        }
        place_head(skeleton, &mut pose, head);
        pose
    }

    #[test]
    fn who_hangs_below_a_head_that_stands_comes_down_softly_and_is_let_go() {
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
    fn who_jumps_is_in_the_air() {
        let skeleton = Skeleton::default();
        let mut grounding = Grounding::default();
        let mut most = 0.0_f64;
        for i in 0..90 {
            // From standing, 2.5 m/s up after a push of 0.2 s, and down again.
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
    fn a_walk_is_left_alone_on_any_floor() {
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
