//! Errors of the hands relative to each other and to the head, which people notice first.

use super::{BodyTrack, common_frames, mean};
use crate::skeleton::SmplJoint as J;

/// Errors of the vectors between wrists and head, independent of the body's place: mean lengths of
/// the difference between the predicted and the true vector, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HandErrors {
    /// From the left wrist to the right one: hands that touch, clap or hold something together.
    pub hand_to_hand: f64,
    /// From the left wrist to the head.
    pub left_to_head: f64,
    /// From the right wrist to the head.
    pub right_to_head: f64,
}

impl HandErrors {
    /// Compares two tracks of the same frames.
    ///
    /// # Panics
    /// If there are no frames, or the four lists differ in length.
    #[must_use]
    pub fn compare(predicted: &BodyTrack, truth: &BodyTrack) -> Self {
        let frames = common_frames(predicted, truth);
        let between = |from: J, to: J| {
            let (from, to) = (from.index(), to.index());
            let both = predicted.positions.iter().zip(&truth.positions);
            let far = both.map(|(p, t)| (p[to] - p[from]).distance(t[to] - t[from]));
            far.sum::<f64>() / frames as f64
        };
        Self {
            hand_to_hand: between(J::LeftWrist, J::RightWrist),
            left_to_head: between(J::LeftWrist, J::Head),
            right_to_head: between(J::RightWrist, J::Head),
        }
    }

    /// The unweighted mean over sequences of any length. `None` if `all` is empty.
    #[must_use]
    pub fn mean(all: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| mean(all.iter().map(figure));
        Some(Self {
            hand_to_hand: of(|hands| hands.hand_to_hand)?,
            left_to_head: of(|hands| hands.left_to_head)?,
            right_to_head: of(|hands| hands.right_to_head)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    /// In one of two frames the left wrist is 3 cm to one side and the head 4 cm higher.
    #[test]
    fn each_vector_sees_its_own_joints() {
        let rows = vec![[DVec3::ZERO; J::COUNT]; 2];
        let truth = BodyTrack { rotations: rows.clone(), positions: rows };
        let mut predicted = truth.clone();
        predicted.positions[1][J::LeftWrist.index()] = DVec3::X * 0.03;
        predicted.positions[1][J::Head.index()] = DVec3::Z * 0.04;
        predicted.positions[1][J::LeftElbow.index()] = DVec3::X;
        let hands = HandErrors::compare(&predicted, &truth);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(hands.hand_to_hand, 0.03 / 2.0);
        close(hands.left_to_head, 0.05 / 2.0);
        close(hands.right_to_head, 0.04 / 2.0);
        let none = HandErrors::compare(&truth, &truth);
        close(HandErrors::mean(&[hands, none]).unwrap().left_to_head, 0.05 / 4.0);
        assert_eq!(HandErrors::mean(&[]), None);
    }
}
