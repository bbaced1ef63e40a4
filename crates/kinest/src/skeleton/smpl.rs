//! The 22 body joints of SMPL: names, order and tree.

use serde::{Deserialize, Serialize};

macro_rules! smpl_joints {
    ($($variant:ident, $name:literal, $parent:expr;)*) => {
        /// A joint of the SMPL body, in SMPL's order. `Left` and `Right` are the person's own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum SmplJoint { $($variant),* }

        impl SmplJoint {
            /// Every joint in SMPL's order.
            pub const ALL: [Self; SmplJoint::COUNT] = [$(Self::$variant),*];
            /// Number of joints.
            pub const COUNT: usize = [$($name),*].len();

            /// The short name used in skeleton files: `pelvis`, `L_hip`, ….
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The parent joint; `None` for the pelvis.
            #[must_use]
            pub const fn parent(self) -> Option<Self> {
                match self { $(Self::$variant => $parent),* }
            }
        }
    };
}

smpl_joints! {
    Pelvis, "pelvis", None;
    LeftHip, "L_hip", Some(Self::Pelvis);
    RightHip, "R_hip", Some(Self::Pelvis);
    Spine1, "spine1", Some(Self::Pelvis);
    LeftKnee, "L_knee", Some(Self::LeftHip);
    RightKnee, "R_knee", Some(Self::RightHip);
    Spine2, "spine2", Some(Self::Spine1);
    LeftAnkle, "L_ankle", Some(Self::LeftKnee);
    RightAnkle, "R_ankle", Some(Self::RightKnee);
    Spine3, "spine3", Some(Self::Spine2);
    LeftFoot, "L_foot", Some(Self::LeftAnkle);
    RightFoot, "R_foot", Some(Self::RightAnkle);
    Neck, "neck", Some(Self::Spine3);
    LeftCollar, "L_collar", Some(Self::Spine3);
    RightCollar, "R_collar", Some(Self::Spine3);
    Head, "head", Some(Self::Neck);
    LeftShoulder, "L_shoulder", Some(Self::LeftCollar);
    RightShoulder, "R_shoulder", Some(Self::RightCollar);
    LeftElbow, "L_elbow", Some(Self::LeftShoulder);
    RightElbow, "R_elbow", Some(Self::RightShoulder);
    LeftWrist, "L_wrist", Some(Self::LeftElbow);
    RightWrist, "R_wrist", Some(Self::RightElbow);
}

impl SmplJoint {
    /// Index in SMPL's order.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The joint on the other side; joints on the midline are their own mirror.
    #[must_use]
    pub fn mirrored(self) -> Self {
        let name = self.name();
        let other = match name.split_at(2.min(name.len())) {
            ("L_", rest) => format!("R_{rest}"),
            ("R_", rest) => format!("L_{rest}"),
            _ => return self,
        };
        Self::ALL.into_iter().find(|j| j.name() == other).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children_and_indices_are_smpls() {
        for (i, joint) in SmplJoint::ALL.into_iter().enumerate() {
            assert_eq!(joint.index(), i);
            assert!(joint.parent().is_none_or(|p| p.index() < i));
        }
        assert_eq!(SmplJoint::COUNT, 22);
        assert_eq!(SmplJoint::Head.index(), 15);
        assert_eq!((SmplJoint::LeftWrist.index(), SmplJoint::RightWrist.index()), (20, 21));
    }

    #[test]
    fn mirroring_twice_changes_nothing() {
        assert_eq!(SmplJoint::LeftKnee.mirrored(), SmplJoint::RightKnee);
        assert_eq!(SmplJoint::Neck.mirrored(), SmplJoint::Neck);
        for j in SmplJoint::ALL {
            assert_eq!(j.mirrored().mirrored(), j);
        }
    }
}
