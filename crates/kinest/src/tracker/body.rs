//! Trackers worn beside head and hands.

use super::{TrackerPose, TrackerRole};
use crate::skeleton::JointTransforms;

/// Trackers that a player wears beside head and hands: any of [`TrackerRole::BODY`], at most one of
/// each, in that order.
#[derive(Debug, Default, PartialEq)]
pub struct BodyTrackers(Vec<(TrackerRole, TrackerPose)>);

impl Clone for BodyTrackers {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// Reuses the allocation.
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

impl BodyTrackers {
    /// Perfect trackers of these roles on these joints; head and hands are left out.
    #[must_use]
    pub fn from_joints(roles: &[TrackerRole], joints: &JointTransforms) -> Self {
        let mut body = Self::default();
        for role in roles.iter().filter(|role| role.on_body().is_some()) {
            body.set(*role, TrackerPose::of(*role, joints));
        }
        body
    }

    /// Whether the player wears none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tracker of this role.
    #[must_use]
    pub fn get(&self, role: TrackerRole) -> Option<&TrackerPose> {
        self.iter().find(|(worn, _)| *worn == role).map(|(_, pose)| pose)
    }

    /// The tracker of this role, if it is tracked now.
    #[must_use]
    pub fn tracked(&self, role: TrackerRole) -> Option<&TrackerPose> {
        self.get(role).filter(|pose| pose.tracked)
    }

    /// Puts a tracker on, or moves it.
    ///
    /// # Panics
    /// If the role is the head or a hand.
    pub fn set(&mut self, role: TrackerRole, pose: TrackerPose) {
        assert!(role.on_body().is_some(), "the {role} is not worn on the body");
        match self.0.binary_search_by_key(&role, |(worn, _)| *worn) {
            Ok(k) => self.0[k].1 = pose,
            Err(k) => self.0.insert(k, (role, pose)),
        }
    }

    /// Takes all off, and keeps the allocation.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The trackers.
    pub fn iter(&self) -> impl Iterator<Item = (TrackerRole, &TrackerPose)> {
        self.0.iter().map(|(role, pose)| (*role, pose))
    }

    /// The trackers, to move them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (TrackerRole, &mut TrackerPose)> {
        self.0.iter_mut().map(|(role, pose)| (*role, pose))
    }
}

impl FromIterator<(TrackerRole, TrackerPose)> for BodyTrackers {
    /// Of several for one role, the last counts.
    ///
    /// # Panics
    /// If a role is the head or a hand.
    fn from_iter<T: IntoIterator<Item = (TrackerRole, TrackerPose)>>(trackers: T) -> Self {
        let mut body = Self::default();
        trackers.into_iter().for_each(|(role, pose)| body.set(role, pose));
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::{Pose, Skeleton};

    #[test]
    fn any_subset_is_kept_in_one_order() {
        use TrackerRole::{Chest, Head, LeftFoot, Pelvis, RightFoot};
        let joints = Skeleton::default().pose_joints(&Pose::rest());
        let body = BodyTrackers::from_joints(&[RightFoot, Head, Pelvis, LeftFoot, Pelvis], &joints);
        let roles: Vec<_> = body.iter().map(|(role, _)| role).collect();
        assert_eq!(roles, [Pelvis, LeftFoot, RightFoot]);
        assert_eq!(body.get(Chest), None);
        let mut lost = body.clone();
        lost.set(LeftFoot, body.get(LeftFoot).unwrap().lost());
        assert!(lost.tracked(LeftFoot).is_none() && lost.tracked(RightFoot).is_some());
        assert_eq!(lost.iter().collect::<Vec<_>>().len(), 3);
        let same: BodyTrackers = body.iter().map(|(role, pose)| (role, *pose)).collect();
        assert_eq!(same, body);
        for (k, role) in TrackerRole::BODY.into_iter().enumerate() {
            assert_eq!(role.on_body(), Some(k));
        }
        assert!(TrackerRole::HEAD_AND_HANDS.iter().all(|role| role.on_body().is_none()));
    }
}
