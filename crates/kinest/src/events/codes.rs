//! The codes of a whole clip.

use super::segment::CodeSegment;
use super::table::CodeTable;
use super::tracker::{CodeError, CodeTracker};
use crate::motion::MotionClip;
use crate::skeleton::{Pose, Skeleton};
use serde::Serialize;
use std::sync::Arc;

/// Minimum duration of a clip, seconds: in shorter ones no state lasts for its dwell.
const SHORTEST: f64 = 0.2;

/// The codes of a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Codes {
    /// Segments of every code, by start, then by signal. They include the usual states: see
    /// [`Code::is_usual`](super::Code::is_usual).
    pub segments: Vec<CodeSegment>,
    /// Times of the key frames, seconds; the first frame is one.
    pub key_frames: Vec<f64>,
}

/// The codes of a clip of a body with this skeleton, exactly as a [`CodeTracker`] finds them while
/// it plays. Times are from the first frame.
///
/// # Errors
/// If the skeleton has no height, or the clip is shorter than 0.2 s or has a number that is not
/// finite.
///
/// ```
/// use kinest::events::{Class, CodeTable, codes_of};
/// use kinest::motion::synthetic::{self, Kind};
/// use kinest::skeleton::Skeleton;
///
/// let skeleton = Skeleton::default();
/// let clip = synthetic::clip(Kind::Wave, 1, 6.0, 60.0, &skeleton);
/// let codes = codes_of(&clip, &skeleton, CodeTable::default())?;
/// assert!(codes.segments.iter().any(|segment| segment.code.class == Class::Waves));
/// # Ok::<(), kinest::events::CodeError>(())
/// ```
pub fn codes_of(
    clip: &MotionClip,
    skeleton: &Skeleton,
    table: impl Into<Arc<CodeTable>>,
) -> Result<Codes, CodeError> {
    let mut tracker = CodeTracker::new(table, skeleton)?;
    let (frames, rate_hz) = (clip.frames.len(), clip.rate_hz);
    let needed = (SHORTEST * rate_hz).ceil().max(1.0) as usize + 1;
    if frames < needed {
        return Err(CodeError::Short { frames, rate_hz, needed });
    }
    let mut codes = Codes::default();
    for (i, frame) in clip.frames.iter().enumerate() {
        let joints = skeleton.pose_joints(&Pose::from(frame));
        let changes = tracker.push(i as f64 / rate_hz, &joints)?;
        let ended = changes.iter().filter(|change| change.ends);
        codes.segments.extend(ended.map(|change| change.segment));
        let key = tracker.key_frame();
        if key != codes.key_frames.last().copied() {
            codes.key_frames.extend(key);
        }
    }
    codes.segments.extend(tracker.finish().iter().map(|change| change.segment));
    let order = |a: &CodeSegment, b: &CodeSegment| {
        a.start_s.total_cmp(&b.start_s).then(a.code.cmp(&b.code))
    };
    codes.segments.sort_by(order);
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::super::{Class, ClassSort, Code, CodeKind, Signal};
    use super::*;
    use crate::motion::synthetic::{self, Gesture, Kind};
    use crate::motion::{ClipFrame, MotionClip};
    use crate::skeleton::SmplJoint;
    use glam::{DMat3, DVec3};

    fn codes(clip: &MotionClip) -> Codes {
        codes_of(clip, &Skeleton::default(), CodeTable::default()).unwrap()
    }

    fn clip(kind: Kind, seed: u64) -> MotionClip {
        synthetic::clip(kind, seed, 8.0, 60.0, &Skeleton::default())
    }

    fn find<'a>(codes: &'a Codes, signal: &str, class: Class) -> Vec<&'a CodeSegment> {
        let code = Code { signal: signal.parse().unwrap(), class };
        assert!(code.signal.knows(class), "{code}");
        codes.segments.iter().filter(|segment| segment.code == code).collect()
    }

    #[test]
    fn synthetic_motion_has_the_codes_of_its_kind() {
        for seed in 0..4 {
            let wave = codes(&clip(Kind::Wave, seed));
            let waves = ["left_hand_out", "right_hand_out"].map(|s| find(&wave, s, Class::Waves));
            let waves: Vec<_> = waves.iter().flatten().collect();
            assert!(!waves.is_empty(), "seed {seed}");
            assert!(waves.iter().all(|segment| (0.9..2.6).contains(&segment.speed)), "{waves:?}");
            let walk = codes(&clip(Kind::Walk, seed));
            let walks = find(&walk, "planar_speed", Class::Walking);
            let walks: f64 = walks.iter().map(|segment| segment.duration_s()).sum();
            assert!(walks > 3.0, "seed {seed}: {walks} s");
            assert!(!find(&walk, "left_thigh_raise", Class::Marches).is_empty());
            let run = codes(&clip(Kind::Run, seed));
            assert!(!find(&run, "planar_speed", Class::Running).is_empty(), "seed {seed}");
            let jump = synthetic::gestures(Gesture::Jump, seed, 8.0, 60.0, &Skeleton::default());
            let jump = codes(&jump.0);
            assert!(!find(&jump, "feet_over_floor", Class::High).is_empty(), "seed {seed}");
            let squat = codes(&clip(Kind::Squat, seed));
            let low = find(&squat, "root_height", Class::Low).len();
            let lowered = find(&squat, "root_height", Class::Lowers).len();
            let raised = find(&squat, "root_height", Class::Raises).len();
            assert!(low > 0 && lowered == raised, "seed {seed}: {low} {lowered} {raised}");
            let sit = codes(&clip(Kind::Sit, seed));
            let level = find(&sit, "left_thigh_raise", Class::Level);
            assert!(level.iter().any(|segment| segment.duration_s() > 2.0), "seed {seed}");
            let turn = codes(&clip(Kind::Turn, seed));
            let turns =
                [Class::TurnsLeft, Class::TurnsRight].map(|c| find(&turn, "facing", c).len());
            assert!(turns[0] + turns[1] > 0, "seed {seed}");
            let idle = codes(&clip(Kind::Idle, seed));
            assert_eq!(find(&idle, "planar_speed", Class::Walking).len(), 0, "seed {seed}");
            assert_eq!(find(&idle, "left_hand_out", Class::Waves).len(), 0, "seed {seed}");
        }
    }

    /// Each signal with states is in exactly one of them at every time, for at least its dwell.
    #[test]
    fn states_follow_each_other_without_gaps_and_last_their_dwell() {
        let table = CodeTable::default();
        for kind in Kind::ALL {
            let clip = clip(kind, 3);
            let codes = codes(&clip);
            for signal in Signal::ALL.into_iter().filter(|s| !s.kind.states().is_empty()) {
                let own = codes.segments.iter().filter(|segment| {
                    segment.code.signal == signal && segment.code.class.sort() == ClassSort::State
                });
                let mut until = 0.0;
                for segment in own {
                    assert_eq!(segment.start_s, until, "{}", segment.code);
                    until = segment.end_s;
                    let dwell = table.kind(signal.kind).dwell_s;
                    let at_end = until == clip.duration() || segment.start_s == 0.0;
                    assert!(at_end || segment.duration_s() > dwell - 1e-9, "{segment:?}");
                }
                assert_eq!(until, clip.duration(), "{signal}");
            }
            assert_eq!(codes.key_frames[0], 0.0);
            assert!(codes.key_frames.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    /// The codes that begin and end while a clip plays are those of the whole clip.
    #[test]
    fn online_and_offline_find_the_same() {
        let skeleton = Skeleton::default();
        for kind in Kind::ALL {
            let clip = clip(kind, 5);
            let mut tracker = CodeTracker::new(CodeTable::default(), &skeleton).unwrap();
            let (mut begun, mut ended) = (vec![], vec![]);
            let mut take = |changes: &[super::super::CodeChange]| {
                for change in changes {
                    let list = if change.ends { &mut ended } else { &mut begun };
                    list.push(change.segment);
                }
            };
            for (i, frame) in clip.frames.iter().enumerate() {
                let joints = skeleton.pose_joints(&Pose::from(frame));
                take(tracker.push(i as f64 / clip.rate_hz, &joints).unwrap());
            }
            take(tracker.finish());
            let whole = codes(&clip).segments;
            ended.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.code.cmp(&b.code)));
            assert_eq!(ended, whole, "{kind:?}");
            // Each code that ended had begun, with the same start time.
            let key = |segment: &CodeSegment| (segment.code, segment.start_s.to_bits());
            let mut keys = [begun, ended].map(|list| list.iter().map(key).collect::<Vec<_>>());
            keys.iter_mut().for_each(|keys| keys.sort());
            assert_eq!(keys[0], keys[1], "{kind:?}");
        }
    }

    fn scaled(skeleton: &Skeleton, by: f64) -> Skeleton {
        let offsets = skeleton.offsets.map(|offset| offset * by);
        Skeleton { offsets, ankle_height: skeleton.ankle_height * by }
    }

    /// A short and a tall player who make the same motion.
    #[test]
    fn codes_do_not_depend_on_body_height() {
        let skeleton = Skeleton::default();
        for kind in Kind::ALL {
            let clip = clip(kind, 2);
            let names = |metres: f64| {
                let by = metres / skeleton.stature();
                let mut clip = clip.clone();
                clip.frames.iter_mut().for_each(|frame| frame.translation *= by);
                let scaled = scaled(&skeleton, by);
                // Heels are as long as they are: 5 cm.
                let codes = codes_of(&clip, &scaled, CodeTable::default()).unwrap().segments;
                codes.into_iter().filter(|s| s.duration_s() > 0.25).map(|s| s.code).collect()
            };
            let [small, tall]: [Vec<Code>; 2] = [1.45, 2.0].map(names);
            let of_feet = |code: &&Code| code.signal.kind == CodeKind::FootOverFloor;
            let [mut small, mut tall] = [small, tall].map(|codes| {
                codes.iter().filter(|code| !of_feet(code)).copied().collect::<Vec<_>>()
            });
            small.sort();
            tall.sort();
            assert_eq!(small, tall, "{kind:?}");
        }
    }

    /// The codes of a mirrored clip are the mirrored codes.
    #[test]
    fn a_mirrored_motion_has_mirrored_codes() {
        let flip = |a: DVec3| DVec3::new(a.x, -a.y, -a.z);
        for kind in [Kind::Wave, Kind::Walk, Kind::Turn, Kind::Punch] {
            let clip = clip(kind, 4);
            let mirror = |frame: &ClipFrame| ClipFrame {
                translation: frame.translation * DVec3::new(-1.0, 1.0, 1.0),
                rotations: SmplJoint::ALL.map(|j| flip(frame.rotations[j.mirrored().index()])),
            };
            let frames = clip.frames.iter().map(mirror).collect();
            let mirrored = MotionClip { frames, ..clip };
            let key = |code: Code, s: &CodeSegment| (code, (s.start_s * 1e3).round() as i64);
            let own = codes(&clip).segments;
            let mut own: Vec<_> = own.iter().map(|s| key(s.code.mirrored(), s)).collect();
            let other = codes(&mirrored).segments;
            let mut other: Vec<_> = other.iter().map(|s| key(s.code, s)).collect();
            own.sort();
            other.sort();
            assert_eq!(own, other, "{kind:?}");
        }
    }

    /// At twice the rate nearly the same is found, within two frames.
    #[test]
    fn the_rate_does_not_matter() {
        let skeleton = Skeleton::default();
        for kind in [Kind::Wave, Kind::Walk, Kind::Squat] {
            let seconds = |rate: f64| {
                let clip = synthetic::clip(kind, 1, 8.0, rate, &skeleton);
                let mut held = std::collections::BTreeMap::new();
                for segment in codes(&clip).segments {
                    *held.entry(segment.code).or_insert(0.0) += segment.duration_s();
                }
                held
            };
            let [slow, fast] = [60.0, 120.0].map(seconds);
            let codes: std::collections::BTreeSet<_> = slow.keys().chain(fast.keys()).collect();
            let total: f64 = slow.values().sum();
            let held = |map: &std::collections::BTreeMap<Code, f64>, code| {
                map.get(code).copied().unwrap_or(0.0)
            };
            let differs: f64 =
                codes.iter().map(|code| (held(&slow, code) - held(&fast, code)).abs()).sum();
            assert!(differs < 0.03 * total, "{kind:?}: {differs} of {total} s");
        }
    }

    #[test]
    fn what_is_no_motion_is_a_named_error() {
        let skeleton = Skeleton::default();
        let table = Arc::new(CodeTable::default());
        let good = clip(Kind::Walk, 1);
        let short = MotionClip { frames: good.frames[..5].to_vec(), ..good.clone() };
        let error = codes_of(&short, &skeleton, table.clone()).unwrap_err();
        assert_eq!(error, CodeError::Short { frames: 5, rate_hz: 60.0, needed: 13 });
        let empty = MotionClip { frames: vec![], rate_hz: 60.0 };
        assert!(matches!(codes_of(&empty, &skeleton, table.clone()), Err(CodeError::Short { .. })));
        let flat = scaled(&skeleton, 0.0);
        let error = codes_of(&good, &flat, table.clone()).unwrap_err();
        assert!(matches!(error, CodeError::Skeleton { .. }), "{error}");
        let mut broken = good.clone();
        broken.frames[7].rotations[SmplJoint::LeftKnee.index()].x = f64::NAN;
        let error = codes_of(&broken, &skeleton, table).unwrap_err();
        assert!(error.to_string().contains("L_knee"), "{error}");
    }

    /// Invalid frames are refused and do not change the state.
    #[test]
    fn a_bad_frame_is_ignored() {
        let skeleton = Skeleton::default();
        let clip = clip(Kind::Wave, 1);
        let mut tracker = CodeTracker::new(CodeTable::default(), &skeleton).unwrap();
        let mut ended = vec![];
        for (i, frame) in clip.frames.iter().enumerate() {
            let time = i as f64 / clip.rate_hz;
            let mut joints = skeleton.pose_joints(&Pose::from(frame));
            let changes = tracker.push(time, &joints).unwrap();
            ended.extend(changes.iter().filter(|c| c.ends).map(|c| c.segment));
            if i % 50 == 49 {
                assert!(matches!(tracker.push(time, &joints), Err(CodeError::Time { .. })));
                assert!(matches!(tracker.push(f64::NAN, &joints), Err(CodeError::Time { .. })));
                joints.rotations[3] = DMat3::NAN;
                let error = tracker.push(time + 0.01, &joints).unwrap_err();
                assert_eq!(
                    error,
                    CodeError::NotFinite { time: time + 0.01, joint: SmplJoint::Spine1 }
                );
            }
        }
        ended.extend(tracker.finish().iter().map(|c| c.segment));
        assert_eq!(ended.len(), codes(&clip).segments.len());
    }

    /// A teleport is not a movement: it causes no walking, turning or jumping.
    #[test]
    fn a_teleport_is_two_motions() {
        let mut clip = clip(Kind::Idle, 1);
        clip.frames[240..].iter_mut().for_each(|frame| frame.translation.x += 5.0);
        let codes = codes(&clip);
        assert_eq!(find(&codes, "planar_speed", Class::Walking).len(), 0);
        assert_eq!(find(&codes, "planar_speed", Class::Running).len(), 0);
        let starts = find(&codes, "root_height", Class::Standing)
            .iter()
            .map(|s| s.start_s)
            .collect::<Vec<_>>();
        assert_eq!(starts, [0.0, 4.0]);
    }
}
