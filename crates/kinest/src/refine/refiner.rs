//! All corrections of a pose, in their order.

use super::{
    BodyPlacer, DropoutSettings, Floor, FootLock, FootLockSettings, Grounding, OneEuro, PoseFilter,
    TrackerPlacer,
};
use crate::skeleton::{CONTACTS, Pose, Skeleton};
use crate::tracker::{BodyTrackers, Teleport, TrackerPose, TrackerRole};
use serde::{Deserialize, Serialize};

/// Which corrections a pose gets, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineSettings {
    /// Smooths the joints in time ([`PoseFilter`]).
    pub smooth: bool,
    /// By how much.
    pub one_euro: OneEuro,
    /// Lets bodies stand that hang in the air without falling ([`Grounding`]), unless the network says which feet
    /// touch the floor: then it also knows when none does, and putting climbers down costs 0.9 cm.
    pub ground: bool,
    /// Puts head and hands exactly where the trackers are, and bridges their dropouts
    /// ([`TrackerPlacer`]), and so for trackers worn on the body ([`BodyPlacer`]).
    pub place_trackers: bool,
    /// Keeps feet on the floor, and still while they carry weight ([`FootLock`]).
    pub lock_feet: bool,
    /// When feet stand, and where the floor is.
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
    /// Nothing.
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

/// What is known of a body beside head and hands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Trackers worn on it.
    pub body: &'a BodyTrackers,
    /// Joints of lost trackers (head, left hand, right hand) that follow a forecast; see
    /// [`TrackerPlacer::apply_with`].
    pub forecast: &'a [Option<TrackerPose>; 3],
    /// Probability that the left heel, the left ball, the right heel and the right ball touch the floor, from a
    /// network that says so; see [`FootLock::apply_with`].
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
    /// Corrections that have seen nothing.
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

    /// Takes other settings; if they differ, the corrections start anew.
    pub fn set(&mut self, settings: RefineSettings) {
        if settings != self.settings {
            *self = Self::new(settings);
        }
    }

    /// Height of the floor, metres; `None` while it is estimated and no foot was seen.
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

    /// As [`apply`](Self::apply), with what else is known of the body.
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
        // An estimated floor is not known before the first feet have been seen.
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

    /// Forgets the body: for another one.
    pub fn reset(&mut self) {
        *self = Self::new(self.settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::SmplJoint;
    use crate::tracker::{TrackerFrame, TrackerSet};

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
}
