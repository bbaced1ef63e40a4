//! The network's inputs (features) and outputs (targets): one feature function for training,
//! evaluation and the game, and the decoding of outputs.
//!
//! Input per frame, each block over all trackers of the set in turn (54 numbers for head and
//! hands):
//!
//! | numbers | contents | unit |
//! |---|---|---|
//! | 6 × trackers | rotation, 6D | – |
//! | 6 × trackers | rotation since the previous frame, in the tracker's own axes, 6D | – |
//! | 3 × trackers | position | m |
//! | 3 × trackers | position minus position in the previous frame | m per frame |
//! | 1 × trackers | only with [`FeatureLayout::validity`]: 1 tracked, 0 not | – |
//!
//! During a dropout a tracker keeps its last tracked pose. Its motion in between is unknown, so
//! both changes are zero motion unless it is tracked in both frames.
//!
//! With [`TrackerSet::HeadHandsAndBody`] these blocks are those of head and hands, and 104 numbers follow
//! of what the player wears on the body, in the order of [`TrackerRole::BODY`]:
//!
//! | numbers | contents | unit |
//! |---|---|---|
//! | 6 × 4 | rotations of pelvis, chest and feet, 6D | – |
//! | 6 × 4 | their rotations since the previous frame | – |
//! | 3 × 8 | positions | m |
//! | 3 × 8 | positions minus those in the previous frame | m per frame |
//! | 1 × 8 | 1 worn and tracked, 0 not | – |
//!
//! What is lost or not worn has no rotation, is at the origin and stands still.
//!
//! The output is the 6D of every joint's rotation against its parent (132 numbers), the root's
//! against the axes the input was expressed in ([`Axes`]). Two blocks may follow:
//!
//! | numbers | contents | with |
//! |---|---|---|
//! | 4 | whether the left heel, the left ball, the right heel and the right ball touch the floor: logits | [`FeatureLayout::contacts`] |
//! | 22 | standard deviation of the joint's position error, head on head: natural logarithm, of decimetres | [`FeatureLayout::deviations`] |

use crate::coordinates::heading;
use crate::rotation::{
    SIXD, Sixd, axis_angle_from_matrix, exp, matrix_from_sixd, quat_from_matrix,
    raw_matrix_from_sixd, sixd_from_matrix,
};
use crate::skeleton::{CONTACTS, PerJoint, SmplJoint};
use crate::tracker::{Teleport, TrackerPose, TrackerRole, TrackerSet};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// The axes in which a window is expressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Axes {
    /// The world's axes, as in the reference: the model sees where in the room the player stands.
    #[default]
    World,
    /// Relative to the head in the newest frame of the window: positions to the point on the floor
    /// below it, rotations to its heading. The same motion elsewhere gives the same input.
    Heading,
    /// As `Heading`, but each frame relative to its own head: a frame's numbers do not change when
    /// newer frames arrive, as a network that is fed frame by frame requires.
    OwnHeading,
}

impl Axes {
    /// Whether a frame's numbers depend on newer frames, so that they cannot be cached.
    #[must_use]
    pub fn moves_with_window(self) -> bool {
        self == Self::Heading
    }
}

/// How 6D outputs are decoded; part of what a network is trained for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SixdDecode {
    /// As the reference: no normalisation, straight to axis-angle.
    #[default]
    Raw,
    /// Gram-Schmidt: always a rotation.
    GramSchmidt,
}

/// Meaning of a network's input and output numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureLayout {
    /// The trackers in the input.
    pub trackers: TrackerSet,
    /// In which axes. Files call it `frame`.
    #[serde(rename = "frame", alias = "axes")]
    pub axes: Axes,
    /// How outputs are decoded.
    pub decode: SixdDecode,
    /// Whether inputs include the validity of head and hands. The reference has no dropouts.
    pub validity: bool,
    /// Whether outputs include the contact of heels and balls with the floor.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contacts: bool,
    /// Whether outputs include how far off each joint may be.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deviations: bool,
}

/// Unit of deviations in the output, metres: the logarithm of a typical one is near 0.
const DEVIATION_UNIT: f64 = 0.1;

/// The axes of a window, relative to the world's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowAxes {
    /// Rotation about the vertical, radians.
    pub heading: f64,
    /// World position of the origin, metres; its height is 0.
    pub origin: DVec3,
}

impl WindowAxes {
    /// World from window.
    #[must_use]
    pub fn rotation(&self) -> DQuat {
        DQuat::from_rotation_z(self.heading)
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.heading += by.turn;
        self.origin = by.point(self.origin).with_z(0.0);
    }
}

impl FeatureLayout {
    /// Input numbers per frame.
    #[must_use]
    pub fn inputs(&self) -> usize {
        let held = TrackerRole::HEAD_AND_HANDS.len();
        let numbers =
            |role: &TrackerRole| 2 * 3 + 1 + if role.has_rotation() { 2 * SIXD } else { 0 };
        held * (2 * (SIXD + 3) + usize::from(self.validity))
            + self.trackers.on_body().iter().map(numbers).sum::<usize>()
    }

    /// Numbers per frame that the motion tells: the 6D rotation of every joint, and contacts.
    #[must_use]
    pub const fn targets(&self) -> usize {
        SmplJoint::COUNT * SIXD + if self.contacts { CONTACTS } else { 0 }
    }

    /// Output numbers per frame: targets, and deviations.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.targets() + if self.deviations { SmplJoint::COUNT } else { 0 }
    }

    /// The axes of a window whose newest head pose is `head`, and in [`Axes::OwnHeading`] for the
    /// one frame with that head pose.
    #[must_use]
    pub fn window_axes(&self, head: &TrackerPose) -> WindowAxes {
        match self.axes {
            Axes::World => WindowAxes { heading: 0.0, origin: DVec3::ZERO },
            Axes::Heading | Axes::OwnHeading => WindowAxes {
                heading: heading(head.rotation),
                origin: DVec3::new(head.position.x, head.position.y, 0.0),
            },
        }
    }

    /// Appends the features of every frame except the first, which only serves the velocities, to
    /// `out`.
    ///
    /// `frames` are the trackers of consecutive frames, in the order of the set's roles. Returns the
    /// axes the numbers are expressed in, those of the last of `frames`.
    ///
    /// # Panics
    /// If there are no frames, or a frame does not have one pose for each role.
    pub fn write_features<'a>(
        &self,
        frames: impl DoubleEndedIterator<Item = &'a [TrackerPose]> + Clone,
        out: &mut Vec<f32>,
    ) -> WindowAxes {
        let newest = frames.clone().next_back().expect("a window has at least one frame");
        let newest = self.window_axes(&newest[0]);
        let push3 = |out: &mut Vec<f32>, v: DVec3| out.extend(v.to_array().map(|v| v as f32));
        let validity = |pose: &TrackerPose| f32::from(u8::from(pose.tracked));
        let push6 = |out: &mut Vec<f32>, m: DMat3| {
            push3(out, m.x_axis);
            push3(out, m.y_axis);
        };
        for (before, now) in frames.clone().zip(frames.skip(1)) {
            let axes = match self.axes {
                Axes::World | Axes::Heading => newest,
                Axes::OwnHeading => self.window_axes(&now[0]),
            };
            let window_from_world = self.window_from_world(&axes);
            let held = TrackerRole::HEAD_AND_HANDS.len();
            let (before, body_before) = before.split_at(held);
            let (now, body_now) = now.split_at(held);
            let pairs = || before.iter().zip(now);
            let seen = |before: &TrackerPose, now: &TrackerPose| before.tracked && now.tracked;
            for pose in now {
                push6(out, window_from_world * pose.rotation);
            }
            for (before, now) in pairs() {
                let turned = before.rotation.inverse() * now.rotation;
                push6(out, if seen(before, now) { turned } else { DMat3::IDENTITY });
            }
            for pose in now {
                push3(out, window_from_world * (pose.position - axes.origin));
            }
            for (before, now) in pairs() {
                let moved = window_from_world * (now.position - before.position);
                push3(out, if seen(before, now) { moved } else { DVec3::ZERO });
            }
            if self.validity {
                out.extend(now.iter().map(validity));
            }
            let worn = || self.trackers.on_body().iter().zip(body_before.iter().zip(body_now));
            let turned = || worn().filter(|(role, _)| role.has_rotation()).map(|(_, poses)| poses);
            for (_, pose) in turned() {
                let rotation = window_from_world * pose.rotation;
                push6(out, if pose.tracked { rotation } else { DMat3::IDENTITY });
            }
            for (before, now) in turned() {
                let turned = before.rotation.inverse() * now.rotation;
                push6(out, if seen(before, now) { turned } else { DMat3::IDENTITY });
            }
            for (_, (_, pose)) in worn() {
                let position = window_from_world * (pose.position - axes.origin);
                push3(out, if pose.tracked { position } else { DVec3::ZERO });
            }
            for (_, (before, now)) in worn() {
                let moved = window_from_world * (now.position - before.position);
                push3(out, if seen(before, now) { moved } else { DVec3::ZERO });
            }
            out.extend(body_now.iter().map(validity));
        }
        newest
    }

    /// Turns the world's axes to `axes`. The world's own are not turned, so that the
    /// reference's numbers come out to the last bit.
    fn window_from_world(&self, axes: &WindowAxes) -> DMat3 {
        match self.axes {
            Axes::World => DMat3::IDENTITY,
            Axes::Heading | Axes::OwnHeading => DMat3::from_rotation_z(-axes.heading),
        }
    }

    /// Appends the rotations of one frame's target to `out`: 6D of every local one, the root's expressed in
    /// `axes`.
    pub fn write_targets(&self, local: &PerJoint<DMat3>, axes: &WindowAxes, out: &mut Vec<f32>) {
        let root = self.window_from_world(axes) * local[0];
        for m in std::iter::once(&root).chain(&local[1..]) {
            out.extend(sixd_from_matrix(*m).map(|v| v as f32));
        }
    }

    /// Local rotations from one frame of network output; the root's is converted to world axes.
    ///
    /// # Panics
    /// If `output` does not have [`outputs`](Self::outputs) numbers.
    #[must_use]
    pub fn decode_rotations(&self, output: &[f32], axes: &WindowAxes) -> PerJoint<DQuat> {
        let mut rotations: PerJoint<DQuat> = self.decode_axis_angles(output).map(exp);
        rotations[0] = axes.rotation() * rotations[0];
        rotations
    }

    /// Axis-angles of one frame of network output, the root's in the window's own axes.
    ///
    /// # Panics
    /// If `output` does not have [`outputs`](Self::outputs) numbers.
    #[must_use]
    pub fn decode_axis_angles(&self, output: &[f32]) -> PerJoint<DVec3> {
        assert_eq!(output.len(), self.outputs(), "numbers of one output frame");
        std::array::from_fn(|j| {
            let sixd: Sixd = std::array::from_fn(|k| f64::from(output[j * SIXD + k]));
            match self.decode {
                SixdDecode::Raw => axis_angle_from_matrix(raw_matrix_from_sixd(&sixd)),
                SixdDecode::GramSchmidt => {
                    crate::rotation::log(quat_from_matrix(matrix_from_sixd(&sixd)))
                }
            }
        })
    }
}

impl FeatureLayout {
    /// Probability that each of [`CONTACTS`] touches the floor, from one frame of network output; `None` if the
    /// network does not say.
    ///
    /// # Panics
    /// If `output` does not have [`outputs`](Self::outputs) numbers.
    #[must_use]
    pub fn decode_contacts(&self, output: &[f32]) -> Option<[f64; CONTACTS]> {
        assert_eq!(output.len(), self.outputs(), "numbers of one output frame");
        let logits = &output[SmplJoint::COUNT * SIXD..self.targets()];
        let logits = <[f32; CONTACTS]>::try_from(logits).ok()?;
        Some(logits.map(|logit| 1.0 / (1.0 + f64::from(-logit).exp())))
    }

    /// Standard deviation of each joint's position against the head, metres, from one frame of network output;
    /// `None` if the network does not say.
    ///
    /// # Panics
    /// If `output` does not have [`outputs`](Self::outputs) numbers.
    #[must_use]
    pub fn decode_deviations(&self, output: &[f32]) -> Option<PerJoint<f64>> {
        assert_eq!(output.len(), self.outputs(), "numbers of one output frame");
        let logarithms = PerJoint::<f32>::try_from(&output[self.targets()..]).ok()?;
        Some(logarithms.map(|logarithm| DEVIATION_UNIT * f64::from(logarithm).exp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::tracker::TrackerFrame;

    fn layout(axes: Axes) -> FeatureLayout {
        FeatureLayout { axes, decode: SixdDecode::GramSchmidt, ..FeatureLayout::default() }
    }

    fn frames() -> Vec<Vec<TrackerPose>> {
        (0..4)
            .map(|i| {
                let t = f64::from(i) * 0.1;
                let pose = |k: f64| {
                    let rotation =
                        DQuat::from_rotation_z(0.4 + t) * UPRIGHT * DQuat::from_rotation_x(k);
                    TrackerPose::new(
                        DVec3::new(k + t, 0.3 * t, 1.5 - 0.2 * k),
                        DMat3::from_quat(rotation),
                    )
                };
                vec![pose(0.0), pose(0.3), pose(-0.3)]
            })
            .collect()
    }

    fn features(layout: FeatureLayout, frames: &[Vec<TrackerPose>]) -> (Vec<f32>, WindowAxes) {
        let mut out = vec![];
        let axes = layout.write_features(frames.iter().map(Vec::as_slice), &mut out);
        (out, axes)
    }

    #[test]
    fn velocities_are_differences_in_the_last_nine_numbers() {
        let (out, _) = features(layout(Axes::World), &frames());
        assert_eq!(out.len(), 3 * 54);
        assert!((out[36] - 0.1).abs() < 1e-7 && (out[45] - 0.1).abs() < 1e-7, "{:?}", &out[36..54]);
    }

    /// Turning and moving the whole motion turns and moves the window's axes and changes no feature.
    #[test]
    fn heading_features_do_not_depend_on_the_place() {
        let layout = layout(Axes::Heading);
        let (here, axes_here) = features(layout, &frames());
        let turn = DQuat::from_rotation_z(2.5);
        let shift = DVec3::new(10.0, -4.0, 0.0);
        let mut moved = frames();
        for pose in moved.iter_mut().flatten() {
            pose.position = turn * pose.position + shift;
            pose.rotation = DMat3::from_quat(turn) * pose.rotation;
        }
        let (there, axes_there) = features(layout, &moved);
        for (a, b) in here.iter().zip(&there) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let turned = turn * axes_here.rotation();
        assert!(crate::rotation::geodesic_angle(turned, axes_there.rotation()) < 1e-9);
    }

    /// With its own heading, each frame has the numbers that it has as the newest of a window.
    #[test]
    fn features_in_own_heading_do_not_change_when_newer_frames_come() {
        let frames = frames();
        let (all, newest) = features(layout(Axes::OwnHeading), &frames);
        for (i, row) in all.chunks_exact(54).enumerate() {
            let (window, axes) = features(layout(Axes::Heading), &frames[..i + 2]);
            assert_eq!(row, &window[i * 54..], "frame {i}");
            if i == 2 {
                assert_eq!(axes, newest);
            }
        }
    }

    /// Three frames with a dropout of the left hand in the second: its pose is held, its velocity
    /// is zero there and on its return, and validity is written only if the layout has it.
    #[test]
    fn a_dropout_holds_the_pose_and_clears_the_validity() {
        let mut frames = frames();
        frames[2][1] = frames[1][1].lost();
        let told = FeatureLayout { validity: true, ..layout(Axes::World) };
        let (out, _) = features(told, &frames);
        assert_eq!((told.inputs(), out.len()), (57, 3 * 57));
        let rows: Vec<&[f32]> = out.chunks_exact(57).collect();
        for (row, valid) in rows.iter().zip([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]) {
            assert_eq!(row[54..], valid);
        }
        let left = |row: &[f32]| [&row[6..12], &row[39..42]].concat();
        let still = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let change = |row: &[f32]| [&row[24..30], &row[48..51]].concat();
        assert_eq!(left(rows[1]), left(rows[0]), "held");
        assert_ne!(left(rows[2]), left(rows[1]), "back");
        assert_ne!(change(rows[0]), still);
        assert_eq!([change(rows[1]), change(rows[2])], [still; 2]);
        let (untold, _) = features(layout(Axes::World), &frames);
        for (row, untold) in rows.iter().zip(untold.chunks_exact(54)) {
            assert_eq!(&row[..54], untold);
        }
    }

    /// A pelvis and a foot are worn, the foot is lost in the last frame: the numbers of head and hands are those
    /// of a network that sees no more, and what is not there is neutral.
    #[test]
    fn trackers_on_the_body_come_last_and_need_not_be_worn() {
        let plain = layout(Axes::OwnHeading);
        let wide = FeatureLayout { trackers: TrackerSet::HeadHandsAndBody, ..plain };
        assert_eq!((wide.inputs(), plain.inputs()), (158, 54));
        let frames = frames();
        let worn: Vec<Vec<TrackerPose>> = (frames.iter().enumerate())
            .map(|(i, frame)| {
                let mut seen = TrackerFrame::new(0.0, frame.clone());
                let mut foot = frame[1];
                foot.position.z = 0.1;
                seen.body.set(TrackerRole::Pelvis, frame[0]);
                seen.body.set(TrackerRole::RightFoot, if i == 3 { foot.lost() } else { foot });
                let seen = seen.seen_by(TrackerSet::HeadHandsAndBody);
                assert_eq!((seen.poses.len(), seen.body.is_empty()), (11, true));
                seen.poses
            })
            .collect();
        let (narrow, _) = features(plain, &frames);
        let (rows, _) = features(wide, &worn);
        let rows: Vec<&[f32]> = rows.chunks_exact(158).collect();
        for (row, narrow) in rows.iter().zip(narrow.chunks_exact(54)) {
            assert_eq!(&row[..54], narrow);
            // The pelvis is where the head is: turns, turning, place and way.
            assert_eq!(row[54..60], narrow[..6]);
            assert_eq!(row[78..84], narrow[18..24]);
            assert_eq!(row[102..105], narrow[36..39]);
            assert_eq!(row[126..129], narrow[45..48]);
        }
        let still = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let [held, lost] = [rows[1], rows[2]];
        assert_eq!(
            (&held[60..72], &lost[60..72]),
            ([still, still].as_flattened(), [still, still].as_flattened())
        );
        assert_ne!(held[72..78], still);
        assert_eq!(lost[72..78], still);
        assert!((held[123 + 2] - 0.1).abs() < 1e-6 && lost[123..126] == [0.0; 3]);
        assert_eq!(lost[147..150], [0.0; 3]);
        assert_eq!(held[150..], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(lost[150..], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn contacts_and_deviations_follow_the_rotations() {
        let plain = layout(Axes::OwnHeading);
        let both = FeatureLayout { contacts: true, deviations: true, ..plain };
        assert_eq!((both.targets(), both.outputs()), (136, 158));
        let mut out = vec![];
        let axes = both.window_axes(&frames()[3][0]);
        both.write_targets(&[DMat3::IDENTITY; SmplJoint::COUNT], &axes, &mut out);
        assert_eq!((plain.decode_contacts(&out), plain.decode_deviations(&out)), (None, None));
        out.extend([0.0, 3.0, -3.0, 90.0]);
        out.extend([0.0; 21]);
        out.push(1.0);
        let contacts = both.decode_contacts(&out).unwrap();
        assert!(
            contacts[0] == 0.5 && contacts[1] > 0.95 && contacts[2] < 0.05 && contacts[3] > 0.999
        );
        let deviations = both.decode_deviations(&out).unwrap();
        assert!((deviations[0] - 0.1).abs() < 1e-9 && (deviations[21] - 0.271_828).abs() < 1e-5);
        let rotations = both.decode_rotations(&out, &axes);
        assert!(rotations[1].is_near_identity());
    }

    #[test]
    fn targets_decode_to_the_rotations_they_encode() {
        let rotations: PerJoint<DQuat> =
            std::array::from_fn(|j| exp(DVec3::new(0.1 * j as f64, -0.4, 0.05 * j as f64)));
        for axes in [Axes::World, Axes::Heading, Axes::OwnHeading] {
            let layout = layout(axes);
            let window = layout.window_axes(&frames()[3][0]);
            let mut out = vec![];
            layout.write_targets(&rotations.map(DMat3::from_quat), &window, &mut out);
            let back = layout.decode_rotations(&out, &window);
            for (a, b) in rotations.iter().zip(&back) {
                assert!(crate::rotation::geodesic_angle(*a, *b) < 1e-6);
            }
        }
    }
}
