//! All corrections of a pose, in order.

use super::arm::lift_elbows;
use super::{
    BodyPlacer, DropoutSettings, Floor, FootLock, FootLockSettings, Grounding, OneEuro, PoseFilter,
    TrackerPlacer,
};
use crate::skeleton::{CONTACTS, Pose, Skeleton};
use crate::tracker::{BodyTrackers, Teleport, TrackerPose, TrackerRole};
use serde::{Deserialize, Serialize};

/// Switches and settings of the corrections, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineSettings {
    /// Smooths the joints in time ([`PoseFilter`]).
    pub smooth: bool,
    /// Settings of the smoothing filter.
    pub one_euro: OneEuro,
    /// Makes airborne bodies stand ([`Grounding`]). Has no effect with networks that predict
    /// contacts: they know when no foot touches the floor, and grounding climbers costs 0.9 cm
    /// MPJPE.
    pub ground: bool,
    /// Places head and hands exactly at their trackers and bridges dropouts ([`TrackerPlacer`]),
    /// and likewise joints with trackers worn on the body ([`BodyPlacer`]).
    pub place_trackers: bool,
    /// Keeps feet on the floor, and planted feet from sliding ([`FootLock`]).
    pub lock_feet: bool,
    /// Thresholds of contacts, and the height of the floor.
    pub feet: FootLockSettings,
}

impl Default for RefineSettings {
    /// Everything, on a floor at height 0.
    fn default() -> Self {
        Self {
            smooth: true,
            one_euro: OneEuro::default(),
            ground: true,
            place_trackers: true,
            lock_feet: true,
            feet: FootLockSettings { floor: Floor::At(0.0), ..FootLockSettings::default() },
        }
    }
}

impl RefineSettings {
    /// No correction.
    #[must_use]
    pub fn none() -> Self {
        Self {
            smooth: false,
            ground: false,
            place_trackers: false,
            lock_feet: false,
            ..Self::default()
        }
    }
}

/// Input of the corrections beside head and hands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Trackers worn on it.
    pub body: &'a BodyTrackers,
    /// Joints of lost trackers (head, left hand, right hand) that follow a forecast; see
    /// [`TrackerPlacer::apply_with`].
    pub forecast: &'a [Option<TrackerPose>; 3],
    /// Probability that the left heel, the left ball, the right heel and the right ball touch the
    /// floor, if the network predicts contacts; see [`FootLock::apply_with`].
    pub contacts: Option<[f64; CONTACTS]>,
}

/// The corrections of one body, with their state.
#[derive(Clone, Debug)]
pub struct Refiner {
    settings: RefineSettings,
    filter: PoseFilter,
    grounding: Grounding,
    placer: TrackerPlacer,
    body: BodyPlacer,
    feet: FootLock,
}

impl Default for Refiner {
    fn default() -> Self {
        Self::new(RefineSettings::default())
    }
}

impl Refiner {
    /// Corrections without history.
    #[must_use]
    pub fn new(settings: RefineSettings) -> Self {
        Self {
            settings,
            filter: PoseFilter::new(settings.one_euro),
            grounding: Grounding::default(),
            placer: TrackerPlacer::default(),
            body: BodyPlacer::default(),
            feet: FootLock::new(settings.feet),
        }
    }

    /// Changes the settings; if they differ, the corrections are reset.
    pub fn set(&mut self, settings: RefineSettings) {
        if settings != self.settings {
            *self = Self::new(settings);
        }
    }

    /// Height of the floor, metres; `None` if it is estimated and there has been no frame yet.
    #[must_use]
    pub fn floor(&self) -> Option<f64> {
        self.feet.floor()
    }

    /// Corrects `pose`, which comes `dt` seconds after the one before and is below the head of `trackers`
    /// (head, left hand, right hand). Returns whether the left and the right foot are held.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply(
        &mut self,
        dropout: &DropoutSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        dt: f64,
    ) -> [bool; 2] {
        let body = BodyTrackers::default();
        let known = Known { body: &body, forecast: &[None; 3], contacts: None };
        self.apply_with(dropout, skeleton, pose, trackers, &known, dt)
    }

    /// Like [`apply`](Self::apply), with further input.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn apply_with(
        &mut self,
        dropout: &DropoutSettings,
        skeleton: &Skeleton,
        pose: &mut Pose,
        trackers: &[TrackerPose],
        known: &Known,
        dt: f64,
    ) -> [bool; 2] {
        let Known { body, forecast, contacts } = *known;
        if self.settings.smooth {
            self.filter.apply(pose, dt);
        }
        // An estimated floor is unknown before the first frame.
        let worn = [TrackerRole::Pelvis, TrackerRole::LeftFoot, TrackerRole::RightFoot];
        let is_placed =
            |role: &TrackerRole| self.settings.place_trackers && body.tracked(*role).is_some();
        if self.settings.ground
            && contacts.is_none()
            && !worn.iter().any(is_placed)
            && let Some(floor) = self.feet.floor()
        {
            self.grounding.apply(skeleton, pose, trackers, floor, dt);
        }
        if self.settings.place_trackers {
            self.placer.apply_with(dropout, skeleton, pose, trackers, forecast, dt);
            if let Some(floor) = self.feet.floor() {
                lift_elbows(skeleton, pose, floor);
            }
            self.body.apply(dropout, skeleton, pose, trackers, body, dt);
        }
        if !self.settings.lock_feet {
            return [false; 2];
        }
        let tracked = BodyPlacer::feet(body).map(|foot| foot && self.settings.place_trackers);
        self.feet.apply_with(skeleton, pose, tracked, contacts, dt);
        self.feet.contacts()
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.filter.teleport(by);
        self.grounding.teleport(by);
        self.placer.teleport(by);
        self.body.teleport(by);
        self.feet.teleport(by);
    }

    /// Resets the state, for another body.
    pub fn reset(&mut self) {
        *self = Self::new(self.settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::easing::smoothstep;
    use crate::motion::synthetic::walk_and_wave;
    use crate::refine::three_point_pose_facing;
    use crate::skeleton::SmplJoint;
    use crate::tracker::{TrackerFrame, TrackerSet};
    use glam::{DMat3, DQuat, DVec3};

    const DT: f64 = 1.0 / 60.0;

    /// A walk that trembles, corrected.
    fn refined(settings: RefineSettings) -> Vec<(Pose, Pose, [bool; 2])> {
        let skeleton = Skeleton::default();
        let mut refiner = Refiner::new(settings);
        let frames = walk_and_wave(&skeleton).resampled(60.0).frames;
        let correct = |(i, frame)| {
            let truth = Pose::from(frame);
            let joints = skeleton.pose_joints(&truth);
            let trackers = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints).poses;
            let mut pose = truth;
            for joint in [SmplJoint::LeftElbow, SmplJoint::RightKnee] {
                let tremble = 0.05 * (2.3 * i as f64).sin();
                pose.rotations[joint.index()] *= glam::DQuat::from_rotation_y(tremble);
            }
            let before = pose;
            let dropout = DropoutSettings::default();
            let contacts = refiner.apply(&dropout, &skeleton, &mut pose, &trackers, DT);
            (before, pose, contacts)
        };
        frames.iter().enumerate().map(correct).collect()
    }

    #[test]
    fn nothing_is_nothing_and_feet_are_held_only_if_they_may_be() {
        for (before, after, contacts) in refined(RefineSettings::none()) {
            assert_eq!((before, contacts), (after, [false; 2]));
        }
        let held =
            |settings| refined(settings).iter().any(|(.., contacts)| contacts.contains(&true));
        assert!(held(RefineSettings::default()));
        assert!(!held(RefineSettings { lock_feet: false, ..RefineSettings::default() }));
    }

    /// The same settings keep the state; other settings, or another body, reset it.
    #[test]
    fn other_settings_start_anew() {
        let skeleton = Skeleton::default();
        let mut refiner = Refiner::default();
        let bent = |angle| {
            let mut pose = Pose::rest();
            pose.rotations[SmplJoint::LeftKnee.index()] = glam::DQuat::from_rotation_x(angle);
            pose
        };
        let trackers = TrackerFrame::from_joints(
            TrackerSet::HeadAndHands,
            0.0,
            &skeleton.pose_joints(&Pose::rest()),
        )
        .poses;
        let only_smooth = RefineSettings { smooth: true, ..RefineSettings::none() };
        let shown = |refiner: &mut Refiner, angle| {
            let mut pose = bent(angle);
            refiner.apply(&DropoutSettings::default(), &skeleton, &mut pose, &trackers, DT);
            pose
        };
        refiner.set(only_smooth);
        assert_eq!(shown(&mut refiner, 0.0), bent(0.0));
        refiner.set(only_smooth);
        assert_ne!(shown(&mut refiner, 1.0), bent(1.0), "smoothed");
        refiner.set(RefineSettings { ground: true, ..only_smooth });
        let first = shown(&mut refiner, 1.0);
        assert_eq!(first.rotations[SmplJoint::LeftKnee.index()], bent(1.0).rotations[4]);
        refiner.reset();
        assert_eq!(shown(&mut refiner, 0.3).rotations[4], bent(0.3).rotations[4]);
    }

    /// A body without a network lies down on its back, front or side and gets up, through all corrections: nothing goes
    /// below the floor, the legs do not cross, and nothing flips.
    #[test]
    fn a_body_lies_down_and_gets_up() {
        let skeleton = Skeleton::default();
        let tilts: [fn(f64) -> DQuat; 4] = [
            |t| DQuat::from_rotation_x(-1.5 * t),
            |t| DQuat::from_rotation_x(1.5 * t),
            |t| DQuat::from_rotation_z(1.5 * t),
            |t| DQuat::from_rotation_z(-1.5 * t),
        ];
        for (way, tilt) in tilts.into_iter().enumerate() {
            for seconds in [2.0, 5.0] {
                let mut refiner = Refiner::default();
                let mut before: Option<[DVec3; SmplJoint::COUNT]> = None;
                for i in 0..((2.0 * seconds + 3.0) / DT) as u32 {
                    let time = f64::from(i) * DT;
                    let part = |start: f64| smoothstep((time - start) / seconds);
                    let t = part(1.0) - part(2.0 + seconds);
                    let rotation = UPRIGHT * tilt(t);
                    let at = DVec3::Z * (1.59 + (0.2 - 1.59) * t);
                    let pose = |at: DVec3| TrackerPose::new(at, DMat3::from_quat(rotation));
                    let hand = |side: f64| {
                        let at = at + rotation * DVec3::new(side, -0.4, 0.15);
                        pose(at.with_z(at.z.max(0.08)))
                    };
                    let trackers = [pose(at), hand(0.25), hand(-0.25)];
                    let mut body = three_point_pose_facing(&skeleton, &trackers, 0.0);
                    let dropout = DropoutSettings::default();
                    refiner.apply(&dropout, &skeleton, &mut body, &trackers, DT);
                    let now = skeleton.pose_joints(&body).positions;
                    for (joint, at) in SmplJoint::ALL.into_iter().zip(now) {
                        assert!(at.z > -0.03, "way {way} {seconds} s, {t:.2} {joint:?}: {at}");
                        let Some(before) = &before else { continue };
                        let moved = at.distance(before[joint.index()]);
                        let limit = match joint {
                            // Folded legs rotate by a large angle per centimetre.
                            SmplJoint::LeftKnee | SmplJoint::RightKnee => 0.25,
                            _ => 0.15,
                        };
                        assert!(moved < limit, "way {way} {seconds} s, {t:.2} {joint:?}: {moved}");
                    }
                    for [left, right] in [
                        [SmplJoint::LeftKnee, SmplJoint::RightKnee],
                        [SmplJoint::LeftAnkle, SmplJoint::RightAnkle],
                    ] {
                        let across = now[left.index()] - now[right.index()];
                        let across = (body.rotations[0].conjugate() * across).x;
                        // Feet that turn over when a body lies on its front pass each other within three frames.
                        assert!(across > -0.04, "way {way} {seconds} s, {t:.2}: {across}");
                    }
                    before = Some(now);
                }
            }
        }
    }

    /// A body without a network steps sideways, to and fro and without end: the legs do not cross.
    #[test]
    fn legs_do_not_cross_in_side_steps() {
        let skeleton = Skeleton::default();
        for speed in [0.3, 0.6, 1.0, 2.0, -0.6, -1.5] {
            for returns in [true, false] {
                let mut refiner = Refiner::default();
                for i in 0..480 {
                    let time = f64::from(i) * DT;
                    let way = if returns { 0.4 * (speed * time / 0.4).sin() } else { speed * time };
                    let upright = DMat3::from_quat(UPRIGHT);
                    let at = |x, y, z| TrackerPose::new(DVec3::new(x + way, y, z), upright);
                    // The head sinks in each step.
                    let height = 1.57 + 0.02 * (6.0 * time).sin();
                    let trackers =
                        [at(0.0, 0.0, height), at(0.25, -0.1, 0.9), at(-0.25, -0.1, 0.9)];
                    let mut body = three_point_pose_facing(&skeleton, &trackers, 0.0);
                    let dropout = DropoutSettings::default();
                    refiner.apply(&dropout, &skeleton, &mut body, &trackers, DT);
                    let now = skeleton.pose_joints(&body).positions;
                    for [left, right] in [
                        [SmplJoint::LeftKnee, SmplJoint::RightKnee],
                        [SmplJoint::LeftAnkle, SmplJoint::RightAnkle],
                        [SmplJoint::LeftFoot, SmplJoint::RightFoot],
                    ] {
                        let across = now[left.index()].x - now[right.index()].x;
                        assert!(across > 0.05, "{speed} m/s frame {i}: {across}");
                    }
                    assert!(now.iter().all(|at| at.z > 0.0), "{speed} m/s frame {i}");
                }
            }
        }
    }
}
