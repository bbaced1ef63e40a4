//! Poses that devices report but no body has: lost trackers that do not say so.

use super::{BodyTrackers, TrackerPose, TrackerRole};
use crate::rotation::quat_from_matrix;
use glam::DVec3;
use std::fmt;

/// A device this close to the origin of its space, metres, is there because nobody wrote its pose.
const ORIGIN: f64 = 1e-3;
/// Time after which a pose that does not change is no longer a measurement, seconds. Devices that lie still tremble by
/// fractions of a millimetre.
const STILL: f64 = 1.0;
/// Greatest change of the pose of a frozen head or hand, metres and elements of a rotation matrix: the space that it is
/// tracked in may move and turn, in single precision. What is worn elsewhere has to be the same to the last bit, because
/// feet that stand still are no surprise.
const ROUNDING: f64 = 2e-5;
/// Time for which a jump must last to be believed, seconds.
const JUMP_LASTS: f64 = 0.1;
/// Speed of a sprint, m/s: what a device whose speed is not known may have.
const RUN: f64 = 9.0;
/// After gaps longer than this, seconds, anything is possible.
const HITCH: f64 = 0.5;
/// Greatest distance of a hand's device from the head joint, in arm spans: the reach of an arm is half a
/// span below the head's side, and a device adds the length of a hand.
const REACH: f64 = 0.85;
/// Greatest distance of a tracker on the body from the head joint, in arm spans: about 1.3 body heights.
const BODY_REACH: f64 = 1.5;
/// Fraction of a reach by which a device must come back to be believed again.
const BACK_IN_REACH: f64 = 0.96;

/// Why a device that says it is tracked is taken for lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// It jumped further than a body moves, and the jump has not lasted for 0.1 s yet.
    Jumped,
    /// It is at the origin of its space.
    AtOrigin,
    /// It has had the same pose, to the last bit, for a second in which the head moved.
    Frozen,
    /// It is further from the head than arms, or bodies, are long.
    OutOfReach,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jumped => "jumped further than a body moves",
            Self::AtOrigin => "at the origin of its space",
            Self::Frozen => "frozen to the last bit",
            Self::OutOfReach => "further from the head than a body reaches",
        })
    }
}

/// What is doubted of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    of: [Option<Doubt>; TrackerRole::ALL.len()],
    head_moved: bool,
}

impl Doubts {
    /// The doubt about the tracker of this role; `None` if it is believed, lost by its own report, or not
    /// worn.
    #[must_use]
    pub fn get(&self, role: TrackerRole) -> Option<Doubt> {
        self.of[role as usize]
    }

    /// Whether a jump of the head has lasted and is believed in this frame: the player is elsewhere.
    #[must_use]
    pub fn head_moved(&self) -> bool {
        self.head_moved
    }

    /// All that are doubted.
    pub fn iter(&self) -> impl Iterator<Item = (TrackerRole, Doubt)> {
        TrackerRole::ALL.into_iter().zip(self.of).filter_map(|(role, doubt)| Some((role, doubt?)))
    }
}

/// Whether a device with this position, in its space, metres, is where devices are whose pose nobody wrote.
#[must_use]
pub fn is_at_origin(position: DVec3) -> bool {
    position.length_squared() < ORIGIN * ORIGIN
}

/// Finds poses of one player's devices that no body has.
///
/// Runtimes report such poses as tracked: a head that is 40 cm higher for one frame, a controller at
/// the origin of the room or frozen where it was seen last, a device that was put down on the other
/// side of the room. Whoever believes them throws the body.
///
/// A jump is judged by how far the device is from where it was and from where its speed would have taken it.
/// One that lasts for 0.1 s, or for longer than what it left, is believed; the head's is a teleport then. Where a device
/// is found again, or shows after a hitch, it may be anywhere, and is believed from the second frame that says so, or at
/// once after a few frames if it goes on as it went.
#[derive(Clone, Debug, Default)]
pub struct Plausibility {
    /// Time of the newest frame, seconds.
    time: Option<f64>,
    tracks: [Track; TrackerRole::ALL.len()],
}

/// What is known of one device.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// The newest pose that was believed.
    believed: Option<Seen>,
    /// The believed pose before it, on the same way.
    before: Option<Seen>,
    /// When the way to it began: when the device was seen first, or had jumped.
    since: f64,
    /// The newest pose after a jump, and when the jump was.
    jumped: Option<(Seen, f64)>,
    /// Lost since the believed pose.
    lost: bool,
    /// The first of the poses that are the same, and how long they have been while the head moved, seconds.
    same: Option<(TrackerPose, f64)>,
    out_of_reach: bool,
}

/// A pose at a time, with its speed.
#[derive(Clone, Copy, Debug)]
struct Seen {
    time: f64,
    pose: TrackerPose,
    /// m/s; `None` as long as it has only been seen once.
    velocity: Option<DVec3>,
}

/// What bodies do between two frames.
#[derive(Clone, Copy)]
struct Jump {
    /// Noise and recoveries of tracking, metres.
    metres: f64,
    /// Greatest acceleration, m/s², …
    acceleration: f64,
    /// … and change of speed, m/s.
    speed: f64,
    /// Greatest turn beyond that of a slow frame, radians; `None` for any.
    radians: Option<f64>,
}

/// Heads: landings and blows reach 100 m/s² and 400 rad/s². What is believed is less than 4 cm from 60 Hz on, and 7 cm at
/// 30 Hz. Of 1,266,063 frames of people none is doubted; with less than half of the acceleration 31 are, and one is taken
/// for a teleport.
const HEAD: Jump = Jump { metres: 0.03, acceleration: 75.0, speed: 3.0, radians: Some(0.6) };
/// Hands: clubs and blades swing ten times as fast.
const HAND: Jump = Jump { metres: 0.4, acceleration: 600.0, speed: 20.0, radians: None };

impl Jump {
    /// Whether the way from `from` to `pose` is one.
    fn is(self, from: &Seen, time: f64, pose: &TrackerPose) -> bool {
        self.is_in(time - from.time, from, time, pose)
    }

    /// Whether the way from `from` to `pose` is one for a body that had these seconds to leave it.
    fn is_in(self, seconds: f64, from: &Seen, time: f64, pose: &TrackerPose) -> bool {
        if seconds > HITCH {
            return false;
        }
        let thrown = match from.velocity {
            Some(_) => (0.5 * self.acceleration * seconds * seconds).min(self.speed * seconds),
            None => RUN.max(self.speed) * seconds,
        };
        from.off(time, pose) > self.metres + thrown
            || self.radians.is_some_and(|most| from.turn(pose) > most + 20.0 * seconds)
    }

    /// How far it is, to compare ways with.
    fn length(self, from: &Seen, time: f64, pose: &TrackerPose) -> f64 {
        let turned = self.radians.map_or(0.0, |most| from.turn(pose) / most);
        from.off(time, pose) / self.metres + turned
    }
}

impl Seen {
    fn new(time: f64, pose: TrackerPose) -> Self {
        Self { time, pose, velocity: None }
    }

    /// Distance of a pose from where the device was and from where its speed would have taken it, whichever is less,
    /// metres.
    fn off(&self, time: f64, pose: &TrackerPose) -> f64 {
        let rest = pose.position - self.pose.position;
        let onward = rest - self.velocity.unwrap_or_default() * (time - self.time);
        rest.length_squared().min(onward.length_squared()).sqrt()
    }

    /// Angle of a pose against the device's, radians.
    fn turn(&self, pose: &TrackerPose) -> f64 {
        quat_from_matrix(self.pose.rotation).angle_between(quat_from_matrix(pose.rotation))
    }

    /// The next pose on the same way.
    fn next(&self, time: f64, pose: TrackerPose) -> Self {
        let seconds = time - self.time;
        let velocity = if seconds > 0.0 && seconds <= HITCH {
            Some((pose.position - self.pose.position) / seconds)
        } else {
            self.velocity
        };
        Self { time, pose, velocity }
    }
}

impl Track {
    /// Whether `pose` jumped, and whether a jump has lasted.
    fn jump(&mut self, kind: Jump, time: f64, pose: TrackerPose) -> (bool, bool) {
        let Some(believed) = self.believed else {
            self.believe(Seen::new(time, pose), time);
            return (false, false);
        };
        let is_adrift = self.is_adrift(time);
        let is_near =
            || time - believed.time <= JUMP_LASTS && believed.off(time, &pose) <= kind.metres;
        // After some frames a body could have walked to where it jumped. It did not as long as it is nearer to that.
        let is_back = |(last, _): (Seen, f64)| {
            kind.length(&believed, time, &pose) <= kind.length(&last, time, &pose)
        };
        let goes_on = !kind.is(&believed, time, &pose)
            && (!is_adrift || is_near())
            && self.jumped.is_none_or(is_back);
        if time < believed.time || goes_on {
            self.believe(believed.next(time, pose), self.since.min(time));
            self.before = Some(believed);
            return (false, false);
        }
        // A pop that was small enough to be believed is over.
        if let Some(before) = self.before.filter(|_| !is_adrift && self.jumped.is_none())
            && !kind.is_in(time - believed.time, &before, time, &pose)
        {
            self.believe(before.next(time, pose), self.since);
            self.before = Some(before);
            return (false, false);
        }
        let Some((last, since)) = self.jumped.filter(|(last, _)| !kind.is(last, time, &pose))
        else {
            self.jumped = Some((Seen::new(time, pose), time));
            return (true, false);
        };
        let now = last.next(time, pose);
        let lasted = (time - since).min(JUMP_LASTS) + 1e-6;
        let is_longer = lasted > (believed.time - self.since + 2e-6).min(JUMP_LASTS);
        if is_adrift || is_longer {
            self.believe(now, since);
            return (false, !is_adrift);
        }
        self.jumped = Some((now, since));
        (true, false)
    }

    fn believe(&mut self, seen: Seen, since: f64) {
        (self.believed, self.before) = (Some(seen), None);
        (self.since, self.jumped, self.lost) = (since, None, false);
    }

    /// The device is not seen at `time`. Where it jumped to is remembered for a while: one that flickers is seen in every
    /// other frame.
    fn lose(&mut self, time: f64) {
        self.lost = true;
        self.jumped = self.jumped.filter(|(last, _)| time - last.time <= HITCH);
    }

    /// Whether the device may be anywhere at `time`, because nothing was seen of it for long or while it was lost.
    fn is_adrift(&self, time: f64) -> bool {
        self.believed.is_some_and(|believed| self.lost || time - believed.time > HITCH)
    }

    /// Whether the device has been frozen for long; `seconds` have passed, in which the head moved or not.
    /// Poses that differ by `most` count as the same.
    fn is_frozen(&mut self, pose: TrackerPose, seconds: f64, head_moves: bool, most: f64) -> bool {
        let (first, same) = match self.same {
            Some((first, same)) if is_same(&first, &pose, most) => {
                (first, same + if head_moves { seconds.clamp(0.0, HITCH) } else { 0.0 })
            }
            _ => (pose, 0.0),
        };
        self.same = Some((first, same));
        same > STILL
    }
}

fn is_same(a: &TrackerPose, b: &TrackerPose, most: f64) -> bool {
    let turned = (a.rotation - b.rotation).to_cols_array();
    a.position.distance(b.position) <= most && turned.iter().all(|v| v.abs() <= most)
}

impl Plausibility {
    /// Judges the devices of one frame (head, left hand, right hand, and what is worn on the body), relative
    /// to the space they are tracked in, metres, at `time`, seconds. `arm_span` is the player's, metres.
    /// `teleported`: the whole player was moved since the last frame.
    pub fn judge(
        &mut self,
        time: f64,
        poses: &[TrackerPose; 3],
        body: &BodyTrackers,
        arm_span: f64,
        teleported: bool,
    ) -> Doubts {
        if teleported {
            let forget = |track: &mut Track| {
                (track.believed, track.before) = (None, None);
                (track.jumped, track.lost) = (None, false);
            };
            self.tracks.iter_mut().for_each(forget);
        }
        let mut doubts = Doubts::default();
        let head = poses[0];
        let track = &mut self.tracks[0];
        // A head that moves slowly is measured from where it was when it moved last.
        let rests = track.same.is_some_and(|(before, _)| is_same(&before, &head, ROUNDING));
        let head_moves = !rests && track.same.is_some();
        if !rests {
            track.same = Some((head, 0.0));
        }
        let seconds = self.time.replace(time).map_or(0.0, |before| time - before);
        if head.tracked {
            let (jumped, lasted) = track.jump(HEAD, time, head);
            doubts.of[0] = jumped.then_some(Doubt::Jumped);
            doubts.head_moved = lasted;
        } else {
            track.lose(time);
        }
        // A head in doubt is no measure of distance.
        let head = (head.tracked && doubts.of[0].is_none()).then_some(head.position);
        let hands = TrackerRole::HEAD_AND_HANDS[1..].iter().zip(&poses[1..]);
        let worn = hands.map(|(role, pose)| (*role, pose)).chain(body.iter());
        for (role, pose) in worn {
            let track = &mut self.tracks[role as usize];
            if !pose.tracked {
                track.lose(time);
                (track.same, track.out_of_reach) = (None, false);
                continue;
            }
            let reach = arm_span * if role.on_body().is_none() { REACH } else { BODY_REACH };
            if let Some(head) = head {
                let most = if track.out_of_reach { BACK_IN_REACH * reach } else { reach };
                track.out_of_reach = head.distance(pose.position) > most;
            }
            let most = if role.on_body().is_none() { ROUNDING } else { 0.0 };
            let frozen = track.is_frozen(*pose, seconds, head_moves, most);
            let elsewhere = match () {
                () if is_at_origin(pose.position) => Some(Doubt::AtOrigin),
                () if track.out_of_reach => Some(Doubt::OutOfReach),
                () if frozen => Some(Doubt::Frozen),
                () => None,
            };
            doubts.of[role as usize] = if elsewhere.is_some() {
                // That place is no measure of the next one.
                track.lose(time);
                elsewhere
            } else {
                let (jumped, _) = track.jump(HAND, time, *pose);
                jumped.then_some(Doubt::Jumped)
            };
        }
        doubts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::skeleton::{Pose, Skeleton};
    use crate::tracker::{TrackerFrame, TrackerSet};
    use glam::DMat3;

    const SPAN: f64 = 1.48;

    fn walk(rate: f64) -> Vec<TrackerFrame> {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton).resampled(rate);
        let trackers = |(i, frame)| {
            let joints = skeleton.pose_joints(&Pose::from(frame));
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 / rate, &joints)
        };
        clip.frames.iter().enumerate().map(trackers).collect()
    }

    fn judged(frames: &[TrackerFrame]) -> Vec<Doubts> {
        let mut plausibility = Plausibility::default();
        frames.iter().map(|frame| judge(&mut plausibility, frame, false)).collect()
    }

    fn judge(plausibility: &mut Plausibility, frame: &TrackerFrame, teleported: bool) -> Doubts {
        let poses = frame.poses[..].try_into().unwrap();
        plausibility.judge(frame.time, poses, &frame.body, SPAN, teleported)
    }

    #[test]
    fn people_are_believed_at_every_rate() {
        for rate in [15.0, 30.0, 60.0, 90.0, 144.0] {
            let doubted =
                judged(&walk(rate)).iter().position(|doubts| *doubts != Doubts::default());
            assert_eq!(doubted, None, "{rate} Hz");
        }
    }

    #[test]
    fn a_head_that_pops_is_doubted_and_one_that_stays_is_elsewhere() {
        for rate in [30.0, 72.0, 144.0] {
            for height in [0.3, 0.4, 3.0] {
                for frames in [1, 2] {
                    let mut walk = walk(rate);
                    walk[40..40 + frames].iter_mut().for_each(|f| f.poses[0].position.z += height);
                    let doubts = judged(&walk);
                    for (i, doubts) in doubts.iter().enumerate() {
                        let popped = (40..40 + frames).contains(&i);
                        let expected = popped.then_some(Doubt::Jumped);
                        assert_eq!(doubts.get(TrackerRole::Head), expected, "{rate} {height} {i}");
                        assert!(!doubts.head_moved());
                    }
                }
                let mut walk = walk(rate);
                walk[40..].iter_mut().for_each(|f| f.poses[0].position.x += height + 0.3);
                let doubts = judged(&walk);
                let moved = doubts.iter().position(Doubts::head_moved).unwrap();
                let waited = walk[moved].time - walk[40].time;
                assert!((0.1 - 1e-9..0.1 + 2.0 / rate).contains(&waited), "{rate}: {waited} s");
                assert!(doubts[moved..].iter().all(|d| d.get(TrackerRole::Head).is_none()));
            }
        }
        let mut walk = walk(60.0);
        walk[40].poses[0].rotation *= DMat3::from_rotation_y(1.6);
        assert_eq!(judged(&walk)[40].get(TrackerRole::Head), Some(Doubt::Jumped));
    }

    /// Lost or unseen for a while, found for one frame where it is not, and then where it is.
    #[test]
    fn a_head_that_is_found_again_is_believed_from_the_second_frame() {
        for lost in [true, false] {
            for pop in [0.0, 0.4, 3.0] {
                let mut walk = walk(60.0);
                if lost {
                    walk[40..60].iter_mut().for_each(|f| f.poses[0].tracked = false);
                } else {
                    walk.drain(40..75);
                }
                let found = if lost { 60 } else { 40 };
                walk[found].poses[0].position.x += pop;
                let doubts = judged(&walk);
                let doubted: Vec<usize> = (0..walk.len())
                    .filter(|i| doubts[*i].get(TrackerRole::Head).is_some())
                    .collect();
                let first = if pop == 0.0 { vec![found] } else { vec![found, found + 1] };
                assert_eq!(doubted, first, "lost {lost}, {pop} m");
                assert!(!doubts.iter().any(Doubts::head_moved));
            }
        }
    }

    /// As the head: lost or unseen for a while, at the origin or out of reach, and found for one frame where it is not.
    #[test]
    fn a_hand_that_is_found_again_is_believed_from_the_second_frame() {
        let hand = TrackerRole::RightHand;
        for gone in ["lost", "unseen", "at the origin", "out of reach"] {
            for pop in [0.0, 0.3, 0.9] {
                let mut walk = walk(60.0);
                for frame in &mut walk[40..75] {
                    let pose = &mut frame.poses[2];
                    match gone {
                        "lost" => pose.tracked = false,
                        "at the origin" => pose.position = DVec3::ZERO,
                        _ => pose.position.y += 3.0,
                    }
                }
                if gone == "unseen" {
                    walk.drain(40..75);
                }
                let found = if gone == "unseen" { 40 } else { 75 };
                let head = walk[found].poses[0].position;
                let away = (walk[found].poses[2].position - head).with_z(0.0).normalize();
                walk[found].poses[2].position -= away * pop;
                let doubts = judged(&walk);
                let doubted: Vec<usize> =
                    (found..walk.len()).filter(|i| doubts[*i].get(hand).is_some()).collect();
                // Hands move by half a metre from one frame to the next.
                let first = if pop < 0.5 { vec![found] } else { vec![found, found + 1] };
                assert_eq!(doubted, first, "{gone}, {pop} m");
                assert_eq!(doubts[found].get(hand), Some(Doubt::Jumped));
            }
        }
    }

    /// Trackers that are lost in every other frame, or for a few of them, go on as they went.
    #[test]
    fn devices_that_flicker_are_believed() {
        for (rate, every, seen) in [(60.0, 2, 1), (144.0, 10, 1), (90.0, 7, 5)] {
            for flickers in [0, 1, 2] {
                let mut walk = walk(rate);
                for (i, frame) in walk.iter_mut().enumerate().filter(|(i, _)| i % every >= seen) {
                    frame.poses[flickers].tracked = i == 0;
                }
                let doubted = judged(&walk).iter().position(|doubts| *doubts != Doubts::default());
                assert_eq!(doubted, None, "{rate} Hz, device {flickers}");
            }
        }
        // Where it is elsewhere, it is believed once it was there twice.
        let mut walk = walk(60.0);
        for (i, frame) in walk.iter_mut().enumerate().skip(41) {
            frame.poses[0].position.x += 3.0;
            frame.poses[0].tracked = i % 2 == 0;
        }
        let doubts = judged(&walk);
        let doubted: Vec<usize> =
            (0..walk.len()).filter(|i| doubts[*i].get(TrackerRole::Head).is_some()).collect();
        assert_eq!(doubted, [42]);
    }

    /// Where nothing was seen before it, a pop is believed, and left as soon as it is the shorter of the two.
    #[test]
    fn a_pop_in_the_first_frame_is_left_at_once() {
        for announced in [false, true] {
            for device in [0, 1, 2] {
                let role = TrackerRole::ALL[device];
                let first = if announced { 50 } else { 0 };
                let mut walk = walk(90.0);
                walk[first].poses[device].position.z += 0.9;
                let mut plausibility = Plausibility::default();
                let judge = |(i, frame)| judge(&mut plausibility, frame, announced && i == first);
                let doubts: Vec<Doubts> = walk.iter().enumerate().map(judge).collect();
                let doubted: Vec<usize> =
                    (0..walk.len()).filter(|i| doubts[*i].get(role).is_some()).collect();
                assert_eq!(doubted, [first + 1], "{role} announced {announced}");
                let moved: Vec<usize> =
                    (0..walk.len()).filter(|i| doubts[*i].head_moved()).collect();
                assert_eq!(moved, if device == 0 { vec![first + 2] } else { vec![] });
            }
        }
    }

    /// The runtime moves or turns its space: head and hands are elsewhere together, for a moment or for good.
    #[test]
    fn a_space_that_pops_is_doubted_and_one_that_stays_is_elsewhere() {
        let moves = [(0.0, 0.7), (0.0, 3.0), (2.0, 0.0), (3.1, 1.0)];
        for (rate, (turn, metres)) in
            [30.0, 90.0, 144.0].into_iter().flat_map(|r| moves.map(|m| (r, m)))
        {
            for frames in [1, 2, 3, usize::MAX] {
                let mut walk = walk(rate);
                let at = walk[60].poses[0].position.with_z(0.0);
                let by = crate::tracker::Teleport { turn, from: at, to: at + DVec3::X * metres };
                walk.iter_mut().skip(60).take(frames).for_each(|frame| frame.teleport(&by));
                let doubts = judged(&walk);
                let moved: Vec<usize> =
                    (0..walk.len()).filter(|i| doubts[*i].head_moved()).collect();
                let waits = (0.1_f64 * rate - 1e-6).ceil() as usize;
                let lasts = frames.min(waits);
                for (i, doubts) in doubts.iter().enumerate() {
                    let popped = (60..60 + lasts).contains(&i);
                    let head = doubts.get(TrackerRole::Head);
                    assert_eq!(head, popped.then_some(Doubt::Jumped), "{rate} {turn} {metres} {i}");
                    // In a frame of 30 Hz a hand may move by half a metre, and what turns it is believed.
                    let all_well = popped || rate < 60.0 || doubts.iter().count() == 0;
                    assert!(all_well, "{rate} {turn} {metres} {frames} {i} {doubts:?}");
                }
                assert_eq!(moved, if frames > 3 { vec![60 + waits] } else { vec![] });
            }
        }
    }

    /// A player who stands still trembles by hundredths of a millimetre in a frame; a head to the last bit is no player's.
    #[test]
    fn a_frozen_hand_is_seen_beside_a_head_that_hardly_moves() {
        for (metres, expected) in [(8e-6, Some(Doubt::Frozen)), (0.0, None)] {
            let mut frame = walk(144.0).remove(0);
            let mut plausibility = Plausibility::default();
            for i in 0..4 * 144 {
                frame.time = f64::from(i) / 144.0;
                frame.poses[0].position.x += metres;
                frame.poses[1].position.x += 1e-4 * f64::from(i % 3 - 1);
                let doubts = judge(&mut plausibility, &frame, false);
                assert_eq!(doubts.get(TrackerRole::LeftHand), None);
                if i > 3 * 144 + 9 {
                    assert_eq!(doubts.get(TrackerRole::RightHand), expected, "{metres} {i}");
                }
            }
        }
    }

    /// A space that carries the player about rounds what is frozen in it.
    #[test]
    fn a_device_is_frozen_in_a_space_that_moves() {
        let mut walk = walk(60.0);
        let frozen = walk[30].poses[2];
        for (i, frame) in walk.iter_mut().enumerate().skip(30) {
            frame.poses[2] = frozen;
            let off = if i % 2 == 0 { 4e-6 } else { -4e-6 };
            frame.poses[2].position += DVec3::new(off, -off, off);
        }
        let doubts = judged(&walk);
        let since =
            doubts.iter().position(|d| d.get(TrackerRole::RightHand) == Some(Doubt::Frozen));
        assert!(since.is_some_and(|since| since < 95), "{since:?}");
    }

    #[test]
    fn controllers_at_the_origin_frozen_or_out_of_reach_are_lost() {
        let mut walk = walk(60.0);
        for frame in &mut walk[30..120] {
            frame.poses[1].position = DVec3::ZERO;
        }
        let frozen = walk[29].poses[2];
        walk[30..170].iter_mut().for_each(|frame| frame.poses[2] = frozen);
        let doubts = judged(&walk);
        let [left, right] = [TrackerRole::LeftHand, TrackerRole::RightHand];
        assert!(doubts[30..120].iter().all(|d| d.get(left) == Some(Doubt::AtOrigin)));
        assert!(doubts[130..].iter().all(|d| d.get(left).is_none()));
        let since = doubts.iter().position(|d| d.get(right) == Some(Doubt::Frozen));
        assert_eq!(since, Some(29 + 61), "a second, and a frame to be above it");
        assert!(doubts[180..].iter().all(|d| d.get(right).is_none()));

        let mut walk = self::walk(60.0);
        walk[50..80].iter_mut().for_each(|f| f.poses[2].position.y += 2.5);
        let doubts = judged(&walk);
        assert!(doubts[50..80].iter().all(|d| d.get(right) == Some(Doubt::OutOfReach)));
    }

    /// How often people's own heads and hands are doubted: `KINEST_MOTION=FOLDER cargo test -p kinest --lib
    /// people_in_a_folder -- --ignored --nocapture`.
    #[test]
    #[ignore = "needs a folder of motion"]
    fn people_in_a_folder_are_believed() {
        let mut folders = vec![std::path::PathBuf::from(std::env::var("KINEST_MOTION").unwrap())];
        let (skeleton, mut counts) = (Skeleton::default(), [[0_usize; 4]; 3]);
        const RATES: [f64; 3] = [30.0, 60.0, 90.0];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Ok(clip) = crate::motion::amass::load(&path) else { continue };
                for (rate, counts) in RATES.into_iter().zip(&mut counts) {
                    let frames = (0..(clip.duration() * rate) as usize).map(|i| {
                        let time = i as f64 / rate;
                        let joints = skeleton.pose_joints(&clip.pose_at(time));
                        TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints)
                    });
                    for doubts in judged(&frames.collect::<Vec<_>>()) {
                        counts[3] += 1;
                        for (k, role) in TrackerRole::HEAD_AND_HANDS.into_iter().enumerate() {
                            counts[k] += usize::from(doubts.get(role).is_some());
                        }
                        if doubts.head_moved() {
                            println!("{} is taken for a teleport at {rate} Hz", path.display());
                        }
                    }
                }
            }
        }
        let found = || RATES.into_iter().zip(counts);
        for (rate, [head, left, right, all]) in found() {
            println!("{rate} Hz: head {head}, left {left}, right {right} of {all} frames doubted");
        }
        for (rate, [head, left, right, all]) in found() {
            assert!(head + left + right < all / 1000, "{rate} Hz");
        }
    }

    #[test]
    fn an_announced_teleport_is_believed_at_once() {
        let walk = walk(60.0);
        let mut plausibility = Plausibility::default();
        _ = judge(&mut plausibility, &walk[0], false);
        let mut away = walk[1].clone();
        away.poses.iter_mut().for_each(|pose| pose.position.x += 30.0);
        assert_eq!(judge(&mut plausibility, &away, true), Doubts::default());
    }
}
