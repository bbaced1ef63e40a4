//! Feet where takes are joined: planted feet keep their place, on the floor.

use super::align::BALLS;
use super::take::Take;
use crate::coordinates::heading;
use crate::easing::smoothstep;
use crate::refine::{LEGS, Place, within};
use crate::skeleton::{Pose, Skeleton, lean};
use glam::{DMat3, DQuat, DVec2, DVec3};
use std::f64::consts::{PI, TAU};
use std::ops::Range;

/// Maximum distance (m) between a planted foot and its place in the motion; beyond it the foot
/// takes a step.
const MOST_HELD: f64 = 0.12;
/// The same for its heading, radians.
const MOST_TURNED: f64 = 0.6;
/// Time in which a foot returns to its motion while it swings, seconds.
const RETURN: f64 = 0.3;
/// Maximum rise of the heel when the leg does not reach, radians.
const HEEL_RISE: f64 = 0.4;
/// Height of a step: at least this, metres, …
const STEP: f64 = 0.035;
/// … and this share of its length, …
const STEP_SHARE: f64 = 0.2;
/// … but no more than this, metres.
const HIGHEST: f64 = 0.1;

/// A foot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// World position of the ball joint, metres.
    pub(super) ball: DVec3,
    /// Heading of the foot, radians.
    pub(super) heading: f64,
    /// Height of the lower one of heel and ball, metres.
    pub(super) sole: f64,
}

/// What is added to a foot: a translation, metres, and a turn about the ball, radians.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shift {
    pub(super) offset: DVec3,
    pub(super) turn: f64,
}

impl Shift {
    fn scaled(self, by: f64) -> Self {
        Self { offset: self.offset * by, turn: self.turn * by }
    }

    fn is_small(&self) -> bool {
        self.offset.truncate().length() <= MOST_HELD && self.turn.abs() <= MOST_TURNED
    }

    /// The shift that moves a foot from `now` to `there`.
    fn to(there: &Footprint, now: &Footprint) -> Self {
        let offset = (there.ball - now.ball).with_z(0.0);
        Self { offset, turn: (there.heading - now.heading + PI).rem_euclid(TAU) - PI }
    }
}

/// The foot of a side, 0 is the left.
pub(super) fn footprint(skeleton: &Skeleton, pose: &Pose, side: usize) -> Footprint {
    let ankle = Place::of(skeleton, pose, LEGS[side].joints[2]);
    let toe = ankle.rotation * skeleton.offsets[BALLS[side].index()];
    Footprint {
        ball: ankle.position + toe,
        heading: heading(DMat3::from_quat(ankle.rotation)),
        sole: ankle.sole_height(skeleton, LEGS[side].joints[2]),
    }
}

/// Moves the foot of a side as far as its leg reaches. No sole gets below `floor`, metres, unless it
/// was.
pub(super) fn shift_foot(
    skeleton: &Skeleton,
    pose: &mut Pose,
    side: usize,
    shift: Shift,
    floor: Option<f64>,
) {
    let leg = &LEGS[side];
    let toe = skeleton.offsets[BALLS[side].index()];
    let [hip, ankle] = [0, 2].map(|k| Place::of(skeleton, pose, leg.joints[k]));
    let mut rotation = DQuat::from_rotation_z(shift.turn) * ankle.rotation;
    let mut ball = ankle.position + ankle.rotation * toe + shift.offset;
    if let Some(floor) = floor {
        let lowest = skeleton.lowest_sole(leg.joints[2], |point| rotation * point);
        ball.z += (floor - (ball - rotation * toe).z - lowest).max(0.0);
    }
    let longest = leg.longest(skeleton, 0.0);
    rotation = lean(rotation * -toe, hip.position - ball, longest, HEEL_RISE) * rotation;
    let target = hip.position + within(ball - rotation * toe - hip.position, longest);
    leg.reach(skeleton, pose, target);
    // The foot keeps its own rotation when the shank turns.
    let shank = Place::of(skeleton, pose, leg.joints[1]).rotation;
    pose.rotations[leg.joints[2].index()] = (shank.conjugate() * rotation).normalize();
}

/// The frames around a frame in which a foot stands without a break.
fn contact(take: &Take, side: usize, frame: usize) -> Range<usize> {
    let stands = |i: &usize| take.stands[*i][side];
    let before = (0..frame).rev().take_while(stands).count();
    let after = (frame..take.len()).take_while(stands).count();
    frame - before..frame + after
}

/// Solves both legs around a seam: `seam` are the frames in which two motions are mixed, `soles`
/// the target heights of the soles there.
///
/// A foot that is planted when the seam begins keeps its place until it leaves the floor. A foot
/// that is planted when the seam ends lands at that place. If both are true of one foot and the
/// places are too far apart, it takes a step in the seam.
pub(super) fn solve(take: &mut Take, skeleton: &Skeleton, seam: Range<usize>, soles: &[[f64; 2]]) {
    let prints: Vec<[Footprint; 2]> =
        take.poses.iter().map(|pose| [0, 1].map(|side| footprint(skeleton, pose, side))).collect();
    let mut shifts = vec![[Shift::default(); 2]; take.len()];
    let mut stepped = false;
    for side in 0..2 {
        stepped |= hold(take, side, &seam, &prints, &mut shifts, stepped);
    }
    for (i, frame) in seam.clone().enumerate() {
        for side in 0..2 {
            shifts[frame][side].offset.z += soles[i][side] - prints[frame][side].sole;
        }
    }
    for (frame, shifts) in shifts.iter().enumerate() {
        for side in 0..2 {
            if shifts[side] != Shift::default() {
                let floor = prints[frame][side].sole.min(0.0);
                // Mixed poses may be in the floor though neither motion is.
                let floor = if seam.contains(&frame) {
                    floor.max(soles[frame - seam.start][side].min(0.0))
                } else {
                    floor
                };
                shift_foot(skeleton, &mut take.poses[frame], side, shifts[side], Some(floor));
            }
        }
    }
}

/// Finds the shifts of one foot around a seam; returns whether it takes a step. With `late` the
/// other foot steps first.
fn hold(
    take: &mut Take,
    side: usize,
    seam: &Range<usize>,
    prints: &[[Footprint; 2]],
    shifts: &mut [[Shift; 2]],
    late: bool,
) -> bool {
    let (first, last) = (seam.start.saturating_sub(1), seam.end.min(take.len() - 1));
    let (stood, will) = (take.stands[first][side], take.stands[last][side]);
    let print = |frame: usize| &prints[frame][side];
    let all_along = stood && will && seam.clone().all(|frame| take.stands[frame][side]);
    let offset = Shift::to(print(first), print(last));
    if all_along && offset.is_small() {
        let contact = contact(take, side, last);
        for frame in seam.clone() {
            shifts[frame][side] = Shift::to(print(first), print(frame));
        }
        shifts[last..contact.end].iter_mut().for_each(|shifts| shifts[side] = offset);
        fade(take, side, contact.end, offset, shifts);
        return false;
    }
    if all_along {
        let half = seam.start + seam.len() / 2;
        let step = if late { half..seam.end } else { seam.start..half };
        let length = offset.offset.truncate().length();
        let height = (STEP + STEP_SHARE * length).min(HIGHEST);
        for frame in seam.clone() {
            let done = (frame + 1).saturating_sub(step.start) as f64 / (step.len() + 1) as f64;
            let done = done.clamp(0.0, 1.0);
            let (from, to) =
                (Shift::to(print(first), print(frame)), Shift::to(print(last), print(frame)));
            let share = smoothstep(done);
            let mut shift = from.scaled(1.0 - share);
            shift.offset += to.offset * share;
            shift.turn += to.turn * share;
            shift.offset.z = height * (PI * done).sin();
            shifts[frame][side] = shift;
            if step.contains(&frame) {
                take.stands[frame][side] = false;
            }
        }
        return true;
    }
    if stood {
        // The foot keeps its place until it leaves the floor.
        let end = contact(take, side, first).end.min(seam.end);
        let mut offset = Shift::default();
        for (frame, shifts) in shifts.iter_mut().enumerate().take(end).skip(seam.start) {
            offset = Shift::to(print(first), print(frame));
            shifts[side] = offset;
        }
        fade(take, side, end, offset, shifts);
    }
    if will {
        let start = contact(take, side, last).start.max(seam.start);
        let mut offset = Shift::default();
        for frame in (start..seam.end).rev() {
            offset = Shift::to(print(last), print(frame));
            shifts[frame][side] = offset;
        }
        let frames = (RETURN * take.rate_hz) as usize;
        let mut frame = start;
        while frame > 0 && start - frame < frames && !take.stands[frame - 1][side] {
            frame -= 1;
            let gone = (start - frame) as f64 / frames as f64;
            let shift = offset.scaled(smoothstep(1.0 - gone));
            shifts[frame][side].offset += shift.offset;
            shifts[frame][side].turn += shift.turn;
        }
    }
    false
}

/// Fades a shift out while the foot swings, from `start` on.
fn fade(take: &Take, side: usize, start: usize, shift: Shift, shifts: &mut [[Shift; 2]]) {
    let swing = (start..take.len()).take_while(|frame| !take.stands[*frame][side]).count();
    let frames = ((RETURN * take.rate_hz) as usize).min(swing).max(1);
    for i in 0..frames.min(take.len().saturating_sub(start)) {
        let left = shift.scaled(smoothstep(1.0 - (i + 1) as f64 / (frames + 1) as f64));
        shifts[start + i][side].offset += left.offset;
        shifts[start + i][side].turn += left.turn;
    }
}

/// Shifts of a foot whose pelvis is moved by `moved` in each frame: constant while the foot is
/// planted, interpolated while it swings.
pub(super) fn follow(take: &Take, side: usize, moved: &[DVec2]) -> Vec<DVec2> {
    let mut known: Vec<(usize, DVec2)> = vec![];
    let mut frame = 0;
    while frame < take.len() {
        if !take.stands[frame][side] {
            frame += 1;
            continue;
        }
        let contact = contact(take, side, frame);
        let middle = |of: fn(&DVec2) -> f64| {
            let mut values: Vec<f64> = moved[contact.clone()].iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let by = DVec2::new(middle(|v| v.x), middle(|v| v.y));
        known.push((contact.start, by));
        known.push((contact.end - 1, by));
        frame = contact.end;
    }
    let at = |frame: usize| {
        let after = known.iter().position(|(known, _)| *known >= frame);
        match after {
            None => known.last().map_or(moved[frame], |(_, by)| *by),
            Some(0) => known[0].1,
            Some(i) => {
                let ((from, a), (to, b)) = (known[i - 1], known[i]);
                let share = (frame - from) as f64 / (to - from).max(1) as f64;
                a.lerp(b, smoothstep(share))
            }
        }
    };
    (0..take.len()).map(at).collect()
}
