//! What makes a motion believable, checked for every kind and several people.

use super::body::{SIDES, Side, forward_and_left};
use super::{Kind, clip, walk_and_wave};
use crate::coordinates::heading;
use crate::motion::MotionClip;
use crate::rotation::{geodesic_angle, log};
use crate::skeleton::{JointTransforms, Pose, Skeleton, SmplJoint};
use glam::{DMat3, DVec3};

const RATE_HZ: f64 = 60.0;
const SECONDS: f64 = 7.0;
const SEEDS: u64 = 4;

/// A clip with its joint positions.
struct Shown {
    what: String,
    skeleton: Skeleton,
    clip: MotionClip,
    poses: Vec<Pose>,
    joints: Vec<JointTransforms>,
}

impl Shown {
    fn new(what: String, skeleton: Skeleton, clip: MotionClip) -> Self {
        let poses: Vec<Pose> = clip.frames.iter().map(Pose::from).collect();
        let joints = poses.iter().map(|p| skeleton.pose_joints(p)).collect();
        Self { what, skeleton, clip, poses, joints }
    }

    fn walk_and_wave() -> Self {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton);
        Self::new("walk and wave".into(), skeleton, clip)
    }

    /// One kind of motion by several people.
    fn kind(kind: Kind) -> Vec<Self> {
        let of = |seed| {
            let skeleton = Skeleton::default();
            let clip = clip(kind, seed, SECONDS, RATE_HZ, &skeleton);
            Self::new(format!("{} {seed}", kind.name()), skeleton, clip)
        };
        (0..SEEDS).map(of).collect()
    }

    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Kind::ALL.into_iter().flat_map(Self::kind).collect();
        all.push(Self::walk_and_wave());
        all
    }

    fn at(&self, frame: usize, joint: SmplJoint) -> DVec3 {
        self.joints[frame].positions[joint.index()]
    }

    fn of(&self, frame: usize, side: Side, left: SmplJoint) -> DVec3 {
        self.joints[frame].positions[side.of(left)]
    }

    fn frames(&self) -> std::ops::Range<usize> {
        0..self.poses.len()
    }

    fn heading(&self, frame: usize) -> f64 {
        heading(self.joints[frame].rotations[0])
    }

    /// Height of the lowest point of a sole, metres.
    fn sole(&self, frame: usize, side: Side) -> f64 {
        let ankle = SmplJoint::ALL[side.of(SmplJoint::LeftAnkle)];
        self.joints[frame].sole_height(&self.skeleton, ankle)
    }

    /// Height of the lower sole, metres.
    fn lowest(&self, frame: usize) -> f64 {
        SIDES.map(|side| self.sole(frame, side)).into_iter().fold(f64::INFINITY, f64::min)
    }

    fn range(&self, of: impl Fn(usize) -> f64) -> f64 {
        let values = || self.frames().map(&of);
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    }
}

#[test]
fn every_number_is_finite_and_there_is_a_frame_for_every_time() {
    for shown in Shown::all() {
        let seconds = if shown.what == "walk and wave" { 12.0 } else { SECONDS };
        assert_eq!(shown.poses.len(), (seconds * RATE_HZ) as usize + 1, "{}", shown.what);
        assert!(shown.poses.iter().all(Pose::is_finite), "{}", shown.what);
    }
}

#[test]
fn soles_rest_on_the_floor_and_never_sink_into_it() {
    for shown in Shown::all() {
        let runs = shown.what.starts_with("run");
        for frame in shown.frames() {
            let lowest = shown.lowest(frame);
            assert!(lowest > -0.01, "{} frame {frame}: a sole at {lowest} m", shown.what);
            assert!(runs || lowest < 0.015, "{} frame {frame}: {lowest} m in the air", shown.what);
        }
    }
}

/// Smaller and larger bodies, and bodies with longer or shorter legs, neither float nor sink.
#[test]
fn other_bodies_stand_on_the_floor_too() {
    let scaled = |all: f64, legs: f64| {
        let mut skeleton = Skeleton::default();
        skeleton.offsets.iter_mut().for_each(|o| *o *= all);
        for joint in [SmplJoint::LeftKnee, SmplJoint::LeftAnkle] {
            for side in SIDES {
                skeleton.offsets[side.of(joint)] *= legs;
            }
        }
        skeleton.ankle_height *= all;
        skeleton
    };
    for skeleton in [scaled(0.7, 1.0), scaled(1.15, 1.0), scaled(1.0, 1.12), scaled(1.0, 0.88)] {
        for kind in Kind::ALL {
            let clip = clip(kind, 1, SECONDS, RATE_HZ, &skeleton);
            let shown = Shown::new(kind.name().into(), skeleton.clone(), clip);
            for frame in shown.frames() {
                let lowest = shown.lowest(frame);
                assert!(lowest > -0.01, "{} frame {frame}: {lowest}", shown.what);
                assert!(
                    kind == Kind::Run || lowest < 0.015,
                    "{} frame {frame}: {lowest}",
                    shown.what
                );
            }
        }
    }
}

#[test]
fn a_foot_on_the_floor_does_not_slide() {
    for shown in Shown::all() {
        let mut landings = 0;
        for foot in [SmplJoint::LeftFoot, SmplJoint::RightFoot] {
            let resting = shown.at(0, foot).z;
            let mut stands: Option<DVec3> = None;
            for frame in shown.frames() {
                let now = shown.at(frame, foot);
                if (now.z - resting).abs() > 0.002 {
                    stands = None;
                    continue;
                }
                let place = *stands.get_or_insert_with(|| {
                    landings += 1;
                    now
                });
                let slid = (now - place).length();
                assert!(slid < 0.01, "{} frame {frame}: {foot:?} slid {slid} m", shown.what);
            }
        }
        let steps = ["walk", "run", "turn"].iter().any(|kind| shown.what.starts_with(kind));
        assert!(if steps { landings > 6 } else { landings == 2 }, "{}: {landings}", shown.what);
        if shown.what == "walk and wave" {
            assert_eq!(landings, 12, "ten steps, two feet");
        }
    }
}

/// No joint rotates faster than in a punch (about 1500 degrees per second) and no joint moves
/// faster than 9 m/s.
#[test]
fn nothing_jumps() {
    for shown in Shown::all() {
        let calm = !["run", "punch"].iter().any(|kind| shown.what.starts_with(kind));
        let (radians, metres) = if calm { (0.2, 0.09) } else { (0.44, 0.15) };
        for (frame, pair) in shown.poses.windows(2).enumerate() {
            for joint in SmplJoint::ALL {
                let j = joint.index();
                let turned = geodesic_angle(pair[0].rotations[j], pair[1].rotations[j]);
                let what = || format!("{} frame {frame}: {joint:?}", shown.what);
                assert!(turned < radians, "{} turned {turned} rad", what());
                let moved = (shown.at(frame + 1, joint) - shown.at(frame, joint)).length();
                assert!(moved < metres, "{} moved {moved} m", what());
            }
        }
    }
}

#[test]
fn knees_and_elbows_bend_one_way_only() {
    for shown in Shown::all() {
        for (frame, pose) in shown.poses.iter().enumerate() {
            for side in SIDES {
                let knee = log(pose.rotations[side.of(SmplJoint::LeftKnee)]);
                assert!((-1e-3..2.6).contains(&knee.x), "{} frame {frame}: {knee}", shown.what);
                let elbow = log(pose.rotations[side.of(SmplJoint::LeftElbow)]);
                let bend = -side.sign() * elbow.y;
                assert!((-1e-3..2.7).contains(&bend), "{} frame {frame}: {elbow}", shown.what);
                let aside = elbow.x.abs().max(elbow.z.abs());
                assert!(aside < 1e-3, "{} frame {frame}: {elbow} is no hinge", shown.what);
            }
        }
    }
}

#[test]
fn clips_repeat_for_a_seed_and_differ_between_seeds() {
    let skeleton = Skeleton::default();
    for kind in Kind::ALL {
        let clip = |seed| clip(kind, seed, SECONDS, RATE_HZ, &skeleton);
        assert_eq!(clip(5), clip(5), "{}", kind.name());
        let knees = |clip: MotionClip| {
            clip.frames.into_iter().map(|f| f.rotations[4].length()).collect::<Vec<_>>()
        };
        let (a, b) = (knees(clip(5)), knees(clip(6)));
        let mean = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
        assert!(mean > 0.005, "{}: knees differ by {mean} rad", kind.name());
    }
}

/// The frame rate samples the motion, but does not change it.
#[test]
fn the_frame_rate_does_not_change_the_motion() {
    let skeleton = Skeleton::default();
    for kind in Kind::ALL {
        let at = |rate_hz| {
            Shown::new(kind.name().into(), skeleton.clone(), clip(kind, 3, 4.0, rate_hz, &skeleton))
        };
        let (slow, fast) = (at(60.0), at(120.0));
        assert_eq!((fast.clip.rate_hz, fast.poses.len()), (120.0, 2 * slow.poses.len() - 1));
        for frame in slow.frames() {
            for joint in SmplJoint::ALL {
                let apart = slow.at(frame, joint).distance(fast.at(2 * frame, joint));
                assert!(apart < 0.02, "{} frame {frame}: {joint:?} {apart} m", slow.what);
            }
        }
    }
}

#[test]
fn a_walk_goes_where_it_faces_with_a_foot_on_the_floor() {
    let mut shown = Shown::kind(Kind::Walk);
    shown.push(Shown::walk_and_wave());
    for shown in shown {
        let mut way = 0.0;
        for (frame, pair) in shown.poses.windows(2).enumerate() {
            let (forward, _) = forward_and_left(shown.heading(frame));
            let speed = (pair[1].translation - pair[0].translation).truncate() * RATE_HZ;
            way += speed.length() / RATE_HZ;
            if speed.length() > 0.5 {
                let along = speed.normalize().dot(forward);
                assert!(along > 0.95, "{} frame {frame} walks sideways: {along}", shown.what);
            }
        }
        assert!((3.5..11.0).contains(&way), "{}: {way} m", shown.what);
    }
}

#[test]
fn the_walk_that_waves_turns_to_the_camera() {
    let shown = Shown::walk_and_wave();
    let way = shown.at(0, SmplJoint::Pelvis).distance(shown.at(420, SmplJoint::Pelvis));
    assert!((3.0..7.0).contains(&way), "{way} m");
    assert!((shown.heading(0) - 1.25).abs() < 0.02 && (shown.heading(720) + 0.2).abs() < 0.02);
}

#[test]
fn the_left_arm_goes_with_the_right_leg() {
    let mut shown: Vec<Shown> = Shown::kind(Kind::Walk);
    shown.extend(Shown::kind(Kind::Run));
    for shown in shown {
        let (mut product, mut arms, mut legs) = (0.0, 0.0, 0.0);
        for frame in 90..330 {
            let (forward, _) = forward_and_left(shown.heading(frame));
            let ahead = |left: SmplJoint| {
                let [l, r] = SIDES.map(|side| shown.of(frame, side, left));
                (l - r).truncate().dot(forward)
            };
            let (arm, leg) = (ahead(SmplJoint::LeftWrist), ahead(SmplJoint::LeftAnkle));
            product += arm * leg;
            arms += arm * arm;
            legs += leg * leg;
        }
        let correlation = product / f64::sqrt(arms * legs);
        assert!(correlation < -0.7, "{}: {correlation}", shown.what);
    }
}

#[test]
fn a_run_is_fast_and_flies() {
    for shown in Shown::kind(Kind::Run) {
        let running = 150..300;
        let flies = running.clone().filter(|frame| shown.lowest(*frame) > 0.02).count();
        let part = flies as f64 / running.len() as f64;
        assert!((0.1..0.45).contains(&part), "{}: {part} of the time in the air", shown.what);
        let step =
            |frame| shown.at(frame + 1, SmplJoint::Pelvis) - shown.at(frame, SmplJoint::Pelvis);
        let speed = running.map(|f| step(f).truncate().length()).sum::<f64>() / 150.0 * RATE_HZ;
        assert!((1.8..5.0).contains(&speed), "{}: {speed} m/s", shown.what);
        let bob = (150..300).map(|f| shown.at(f, SmplJoint::Head).z);
        let bob = bob.clone().fold(f64::MIN, f64::max) - bob.fold(f64::MAX, f64::min);
        assert!((0.03..0.16).contains(&bob), "{}: the head bobs {bob} m", shown.what);
    }
}

#[test]
fn a_squat_goes_down_and_comes_up() {
    for shown in Shown::kind(Kind::Squat) {
        let pelvis = |frame| shown.at(frame, SmplJoint::Pelvis).z;
        let (start, end) = (pelvis(0), pelvis(shown.poses.len() - 1));
        assert!(shown.range(pelvis) > 0.25, "{}", shown.what);
        assert!((start - end).abs() < 0.1, "{}: {start} {end}", shown.what);
        // The weight stays over the feet.
        for frame in shown.frames() {
            let feet = SIDES.map(|side| shown.of(frame, side, SmplJoint::LeftFoot).truncate());
            let ankles = SIDES.map(|side| shown.of(frame, side, SmplJoint::LeftAnkle).truncate());
            let middle = (feet[0] + feet[1] + ankles[0] + ankles[1]) / 4.0;
            let trunk =
                [SmplJoint::Pelvis, SmplJoint::Spine3, SmplJoint::Head, SmplJoint::LeftKnee];
            let trunk = trunk.map(|j| shown.at(frame, j).truncate());
            let weight = trunk[0] * 0.4 + trunk[1] * 0.3 + trunk[2] * 0.1 + trunk[3] * 0.2;
            let (forward, _) = forward_and_left(shown.heading(frame));
            let off = (weight - middle).dot(forward);
            assert!(off.abs() < 0.13, "{} frame {frame}: {off} m off", shown.what);
        }
    }
}

/// The hand moves from side to side above the head; the other hand hangs.
fn waves(shown: &Shown, frames: std::ops::Range<usize>, side: Side) -> usize {
    let (_, left) = forward_and_left(shown.heading(frames.start));
    let across: Vec<f64> =
        frames.map(|f| shown.of(f, side, SmplJoint::LeftWrist).truncate().dot(left)).collect();
    let middle = across.iter().sum::<f64>() / across.len() as f64;
    across.windows(2).filter(|w| (w[0] > middle) != (w[1] > middle)).count()
}

#[test]
fn a_wave_is_above_the_head_from_side_to_side() {
    for shown in Shown::kind(Kind::Wave) {
        let up = |frame, side| {
            shown.of(frame, side, SmplJoint::LeftWrist).z > shown.at(frame, SmplJoint::Head).z
        };
        let mut most = 0;
        for side in SIDES {
            let first = shown.frames().find(|f| up(*f, side));
            let Some(first) = first else { continue };
            let last = (first..shown.poses.len()).find(|f| !up(*f, side));
            most = most.max(waves(&shown, first..last.unwrap_or(shown.poses.len()), side));
        }
        assert!(most >= 3, "{}: {most} times across", shown.what);
        assert!(shown.frames().all(|f| !(up(f, Side::Left) && up(f, Side::Right))));
    }
    let shown = Shown::walk_and_wave();
    assert!(waves(&shown, 492..630, Side::Right) >= 5);
    for frame in shown.frames() {
        let left = |joint| shown.at(frame, joint).z;
        assert!(left(SmplJoint::LeftWrist) < left(SmplJoint::LeftElbow), "frame {frame}");
        let right = left(SmplJoint::RightWrist) > left(SmplJoint::Head);
        assert!(right || !(492..630).contains(&frame), "frame {frame}");
    }
}

#[test]
fn a_punch_is_straight_and_fast() {
    for shown in Shown::kind(Kind::Punch) {
        let arm = |frame, side| {
            let shoulder = shown.of(frame, side, SmplJoint::LeftShoulder);
            shown.of(frame, side, SmplJoint::LeftWrist) - shoulder
        };
        let mut fastest = 0.0_f64;
        let mut longest = 0.0_f64;
        for side in SIDES {
            for frame in 1..shown.poses.len() {
                let (before, now) = (arm(frame - 1, side), arm(frame, side));
                fastest = fastest.max((now.length() - before.length()) * RATE_HZ);
                if now.length() > longest {
                    longest = now.length();
                    let (forward, _) = forward_and_left(shown.heading(frame));
                    // The trunk turns with the fist, and the heading of the pelvis with it.
                    let along = now.normalize().truncate().dot(forward);
                    assert!(longest < 0.4 || along > 0.5, "{} frame {frame}: {along}", shown.what);
                }
            }
        }
        assert!(longest > 0.5 && fastest > 2.0, "{}: {longest} m, {fastest} m/s", shown.what);
        // Between punches both fists are in front of the chin.
        let guard = |f, side| {
            (shown.of(f, side, SmplJoint::LeftWrist) - shown.at(f, SmplJoint::Head)).length()
        };
        let guards = SIDES.map(|side| guard(0, side));
        assert!(guards.iter().all(|far| *far < 0.45), "{}: {guards:?} m", shown.what);
    }
}

#[test]
fn reaching_brings_hands_far_out_high_and_low() {
    let (mut highest, mut lowest) = (f64::MIN, f64::MAX);
    for shown in Shown::kind(Kind::Reach) {
        let mut farthest = 0.0_f64;
        for frame in shown.frames() {
            for side in SIDES {
                let wrist = shown.of(frame, side, SmplJoint::LeftWrist);
                let pelvis = shown.at(frame, SmplJoint::Pelvis);
                farthest = farthest.max((wrist - pelvis).truncate().length());
                (highest, lowest) = (highest.max(wrist.z), lowest.min(wrist.z));
            }
        }
        assert!(farthest > 0.45, "{}: {farthest} m", shown.what);
    }
    assert!(highest > 1.5 && lowest < 0.55, "{lowest} to {highest} m");
}

#[test]
fn turning_turns_on_the_spot() {
    for shown in Shown::kind(Kind::Turn) {
        // Summed over frames, because headings wrap after half a turn.
        let mut turned = vec![0.0];
        for frame in 1..shown.poses.len() {
            let by = DMat3::from_rotation_z(shown.heading(frame) - shown.heading(frame - 1));
            turned.push(turned[frame - 1] + by.x_axis.y.atan2(by.x_axis.x));
        }
        let range = shown.range(|frame| turned[frame]);
        assert!(range > 60_f64.to_radians(), "{}: {range} rad", shown.what);
        let way =
            |frame| (shown.at(frame, SmplJoint::Pelvis) - shown.at(0, SmplJoint::Pelvis)).length();
        assert!(shown.frames().all(|f| way(f) < 0.25), "{}", shown.what);
    }
}

#[test]
fn sitting_down_ends_on_the_seat() {
    for shown in Shown::kind(Kind::Sit) {
        let pelvis = |frame| shown.at(frame, SmplJoint::Pelvis);
        let last = shown.poses.len() - 1;
        assert!(pelvis(0).z > 0.9 && (0.45..0.62).contains(&pelvis(last).z), "{}", shown.what);
        let sits = last / 2..last;
        assert!(sits.clone().all(|f| pelvis(f).distance(pelvis(last)) < 0.03), "{}", shown.what);
        for frame in sits {
            for side in SIDES {
                let [hip, knee, wrist] =
                    [SmplJoint::LeftHip, SmplJoint::LeftKnee, SmplJoint::LeftWrist]
                        .map(|j| shown.of(frame, side, j));
                assert!((hip.z - knee.z).abs() < 0.16, "{}: thighs lie", shown.what);
                let lap = hip.lerp(knee, 0.68);
                assert!(wrist.distance(lap) < 0.12, "{}: hands in the lap", shown.what);
            }
        }
    }
}

#[test]
fn standing_around_is_not_standing_still() {
    for shown in Shown::kind(Kind::Idle) {
        let moved = |joint: SmplJoint| {
            let way = |f| (shown.at(f, joint) - shown.at(0, joint)).length();
            shown.frames().map(way).fold(0.0, f64::max)
        };
        assert!(moved(SmplJoint::LeftFoot) < 1e-9 && moved(SmplJoint::RightFoot) < 1e-9);
        assert!((0.02..0.15).contains(&moved(SmplJoint::Pelvis)), "{}", shown.what);
        let looked = shown.range(|f| heading(shown.joints[f].rotations[SmplJoint::Head.index()]));
        assert!(looked > 0.1, "{}: {looked} rad", shown.what);
    }
}
