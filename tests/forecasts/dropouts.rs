//! Bodies through dropouts.

use super::common::*;
use bevy_kinest::kinest::live::{ForecastSettings, PlayerSettings};
use bevy_kinest::kinest::skeleton::{PerJoint, SmplJoint};
use glam::DVec3;
use std::time::Duration;

/// Frames until the first dropout.
const WARM_UP: usize = 70;

/// Which trackers are lost in each frame: a hand about once per second, the head a quarter as often,
/// for half a second on average.
fn dropouts(frames: usize, which: [bool; 3], dice: &mut Dice) -> Vec<[bool; 3]> {
    let mut lost = [false; 3];
    let frame = |i| {
        for k in (0..3).filter(|_| i > WARM_UP) {
            let odds = if lost[k] { 30.0 } else { [120.0, 60.0, 60.0][k] };
            if dice.roll() < 1.0 / odds {
                lost[k] = !lost[k] && which[k];
            }
        }
        lost
    };
    (0..frames).map(frame).collect()
}

#[derive(Default)]
struct Figures {
    /// Error of lost hands, and of lost heads, millimetres.
    lost: [Mean; 2],
    legs: Mean,
    trunk: Mean,
    /// Most that a joint moves in a frame beyond what it does without dropouts, metres: trunk and
    /// head, wrists, elbows, knees, feet.
    jumps: [f64; 5],
    /// Frames with more than 10 cm, and all.
    above: [usize; 2],
}

const GROUPS: [&[SmplJoint]; 5] = [
    &[
        SmplJoint::Pelvis,
        SmplJoint::Spine1,
        SmplJoint::Spine2,
        SmplJoint::Spine3,
        SmplJoint::Neck,
        SmplJoint::Head,
        SmplJoint::LeftCollar,
        SmplJoint::RightCollar,
        SmplJoint::LeftShoulder,
        SmplJoint::RightShoulder,
        SmplJoint::LeftHip,
        SmplJoint::RightHip,
    ],
    &[SmplJoint::LeftWrist, SmplJoint::RightWrist],
    &ELBOWS,
    &[SmplJoint::LeftKnee, SmplJoint::RightKnee],
    &[SmplJoint::LeftAnkle, SmplJoint::RightAnkle, SmplJoint::LeftFoot, SmplJoint::RightFoot],
];

impl Figures {
    fn add(
        &mut self,
        truth: &[PerJoint<DVec3>],
        plain: &[PerJoint<DVec3>],
        shown: &[PerJoint<DVec3>],
        lost: &[[bool; 3]],
    ) {
        for (i, gone) in lost.iter().enumerate().filter(|(_, gone)| gone.contains(&true)) {
            let hands = [(1, SmplJoint::LeftWrist), (2, SmplJoint::RightWrist)];
            for (_, joint) in hands.into_iter().filter(|(k, _)| gone[*k] && !gone[0]) {
                self.lost[0].add(1e3 * distance(&shown[i], &truth[i], &[joint]));
            }
            if gone[0] {
                self.lost[1].add(1e3 * distance(&shown[i], &truth[i], &[SmplJoint::Head]));
            }
            self.legs.add(1e3 * distance(&shown[i], &truth[i], &LEGS));
            self.trunk.add(1e3 * distance(&shown[i], &truth[i], &TRUNK));
        }
        for i in WARM_UP + 1..shown.len() {
            let mut most = 0.0_f64;
            for (jump, group) in self.jumps.iter_mut().zip(GROUPS) {
                let step =
                    |frames: &[PerJoint<DVec3>], j: usize| frames[i][j].distance(frames[i - 1][j]);
                let excess = group.iter().map(|j| step(shown, j.index()) - step(plain, j.index()));
                let excess = excess.fold(0.0, f64::max);
                *jump = jump.max(excess);
                most = most.max(excess);
            }
            self.above[0] += usize::from(most > 0.1);
            self.above[1] += 1;
        }
    }
}

#[test]
#[ignore = "measures figures"]
fn figures() {
    let mut network = Network::open();
    let clips = clips();
    println!("{} clips", clips.len());
    println!(
        "| lost | forecast | hand mm | head mm | legs mm | trunk mm | trunk, head cm | wrists | elbows | knees | feet | > 10 cm |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let ms = Duration::from_millis;
    let off =
        ForecastSettings { hands: ms(0), head: ms(0), body: ms(0), ..ForecastSettings::default() };
    let variants = [
        ("nothing", None),
        ("off", Some(off)),
        ("hands 0.1 s", Some(ForecastSettings { hands: ms(100), ..off })),
        ("hands 0.25 s", Some(ForecastSettings { hands: ms(250), ..off })),
        ("hands 0.5 s", Some(ForecastSettings { hands: ms(500), ..off })),
        ("head 0.1 s", Some(ForecastSettings { head: ms(100), ..off })),
        ("head 0.25 s", Some(ForecastSettings { head: ms(250), ..off })),
        ("head 0.5 s", Some(ForecastSettings { head: ms(500), ..off })),
        ("body 0.1 s", Some(ForecastSettings { body: ms(100), ..off })),
        ("body 0.25 s", Some(ForecastSettings { body: ms(250), ..off })),
        (
            "all 0.25 s",
            Some(ForecastSettings { hands: ms(250), head: ms(250), body: ms(250), ..off }),
        ),
        ("head 0.033 s", Some(ForecastSettings { head: ms(33), ..off })),
        ("head 0.067 s", Some(ForecastSettings { head: ms(67), ..off })),
        ("default", Some(ForecastSettings::default())),
    ];
    for (which, name) in
        [([false, true, true], "hands"), ([true, false, false], "head"), ([true; 3], "any")]
    {
        let mut all: Vec<Figures> = variants.iter().map(|_| Figures::default()).collect();
        for (seed, clip) in clips.iter().enumerate() {
            let truth: Vec<_> = clip.frames.iter().map(|frame| positions(&frame.into())).collect();
            let seen = trackers(clip, &vec![[false; 3]; clip.frames.len()]);
            let estimates = network.estimates(&seen);
            let plain = network.show(PlayerSettings::default(), &seen, &estimates, 1);
            let plain: Vec<_> = plain.iter().map(positions).collect();
            let lost = dropouts(clip.frames.len(), which, &mut Dice(seed as u64 + 1));
            let frames = trackers(clip, &lost);
            let estimates = network.estimates(&frames);
            for ((_, forecast), figures) in variants.iter().zip(&mut all) {
                let settings = PlayerSettings { forecast: *forecast, ..PlayerSettings::default() };
                let shown = network.show(settings, &frames, &estimates, 1);
                let shown: Vec<_> = shown.iter().map(positions).collect();
                figures.add(&truth, &plain, &shown, &lost);
            }
        }
        for ((what, _), it) in variants.iter().zip(&all) {
            let [hand, head] = it.lost.map(|mean| mean.value());
            let jumps = it.jumps.map(|jump| format!("{:.1}", 1e2 * jump)).join(" | ");
            println!(
                "| {name} | {what} | {hand:.1} | {head:.1} | {:.1} | {:.1} | {jumps} | {} of {} |",
                it.legs.value(),
                it.trunk.value(),
                it.above[0],
                it.above[1]
            );
            // The documentation has half of these errors and jumps at most.
            let (legs, trunk) = (it.legs.value(), it.trunk.value());
            let close = hand < 500.0 && head < 400.0 && legs < 600.0 && trunk < 400.0;
            assert!(close, "{name}, {what}: {hand} {head} {legs} {trunk} mm");
            // Wrists are not in it: they may be found far away.
            let jumps = [0, 2, 3, 4].map(|group| it.jumps[group]);
            assert!(jumps.iter().all(|jump| *jump < 0.5), "{name}, {what}: {jumps:?} m");
        }
        // The documentation has a sixth less of lost hands, and a twelfth of lost heads.
        let [nothing, default] = [&all[0], &all[variants.len() - 1]].map(|it| it.lost);
        for (nothing, default) in nothing.into_iter().zip(default) {
            let (nothing, default) = (nothing.value(), default.value());
            assert!(default <= 1.1 * nothing, "{name}: {default} mm, {nothing} without forecasts");
        }
    }
}
