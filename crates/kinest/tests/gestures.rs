//! How well the shipped gestures are found.
//!
//! ```text
//! KINEST_MOCAP=folder cargo test -p kinest --test gestures -- --ignored --nocapture
//! ```
//!
//! prints the table of `assets/default.gestures.ron`: precision, recall and latency on synthetic motion
//! whose gestures are known, and, for the AMASS files of a folder, how many clips with a title that
//! says it have the gesture, and how often it is found per minute where no title says it. Titles are
//! the words of the file names, and of `KINEST_TITLES`, a table `trial,title,…` of CMU's trials. Other
//! files can be measured in place of the shipped ones: `KINEST_CODES` and `KINEST_GESTURES`.

#[path = "../../../tests/files.rs"]
mod files;

use files::files;
use kinest::coordinates::heading;
use kinest::events::{CodeTable, CodeTracker, EventDetector, GestureBook, Phase};
use kinest::motion::synthetic::{self, Gesture, Kind, Performed};
use kinest::motion::{MotionClip, amass};
use kinest::skeleton::{Group, Pose, Skeleton, SmplJoint};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RATE_HZ: f64 = 60.0;

/// A gesture that was found.
#[derive(Debug)]
struct Found {
    name: String,
    group: Group,
    begin: f64,
    end: f64,
}

/// A gesture that is there.
#[derive(Debug)]
struct Truth {
    name: &'static str,
    /// The group, where it has a side.
    group: Option<Group>,
    start: f64,
    there: f64,
    end: f64,
}

/// Thresholds and gestures.
#[derive(Default)]
struct Rules {
    table: Arc<CodeTable>,
    book: GestureBook,
}

impl Rules {
    fn from_environment() -> Self {
        let mut rules = Self::default();
        if let Some(path) = std::env::var_os("KINEST_CODES") {
            rules.table = CodeTable::load(PathBuf::from(path)).unwrap().into();
        }
        if let Some(path) = std::env::var_os("KINEST_GESTURES") {
            rules.book = GestureBook::load(PathBuf::from(path)).unwrap();
        }
        rules
    }
}

fn find(clip: &MotionClip, skeleton: &Skeleton, rules: &Rules) -> Vec<Found> {
    let tracker = CodeTracker::new(rules.table.clone(), skeleton).unwrap();
    let mut detector = EventDetector::new(tracker, &rules.book);
    let mut found: Vec<Found> = vec![];
    for (i, frame) in clip.frames.iter().enumerate() {
        let joints = skeleton.pose_joints(&Pose::from(frame));
        for event in detector.push(i as f64 / clip.rate_hz, &joints).unwrap() {
            let Some(name) = event.gesture() else { continue };
            match event.phase {
                Phase::Begin => {
                    let name = name.to_owned();
                    let (begin, end) = (event.at, f64::INFINITY);
                    found.push(Found { name, group: event.group, begin, end });
                }
                Phase::Hold => {}
                Phase::End => {
                    let open = |f: &&mut Found| f.name == name && f.group == event.group;
                    found.iter_mut().rev().find(open).unwrap().end = event.at;
                }
            }
        }
    }
    found
}

/// What the gestures of a clip are called, and what else such a clip may well have.
fn names(gesture: Gesture, group: Group) -> (&'static str, &'static [&'static str]) {
    match gesture {
        Gesture::Wave if group == Group::LeftArm => ("wave_left", &["raise_hand"]),
        Gesture::Wave => ("wave_right", &["raise_hand"]),
        Gesture::RaiseHand => ("raise_hand", &[]),
        Gesture::BothHandsUp => ("both_hands_up", &[]),
        Gesture::Clap => ("clap", &[]),
        Gesture::ArmsCrossed => ("arms_crossed", &[]),
        Gesture::HandsOnHips => ("hands_on_hips", &[]),
        Gesture::Point => ("point", &[]),
        Gesture::Punch => ("punch", &[]),
        Gesture::Push => ("push", &[]),
        Gesture::Crouch => ("crouch", &[]),
        // Who jumps goes into the knees before.
        Gesture::Jump => ("jump", &["crouch"]),
        Gesture::Nod => ("nod", &[]),
        Gesture::ShakeHead => ("shake_head", &[]),
        Gesture::Bow => ("bow", &[]),
        Gesture::Kick => ("kick", &["step"]),
        Gesture::Lean => ("lean", &[]),
        Gesture::TPose => ("t_pose", &[]),
    }
}

/// A clip with its gestures, and the names of others that it may have.
struct Scene {
    what: String,
    clip: MotionClip,
    truth: Vec<Truth>,
    also: &'static [&'static str],
}

fn scenes(skeleton: &Skeleton, seeds: u64, seconds: f64) -> Vec<Scene> {
    let mut scenes = vec![];
    for seed in 0..seeds {
        for gesture in Gesture::ALL {
            let (clip, made) = synthetic::gestures(gesture, seed, seconds, RATE_HZ, skeleton);
            let truth = made.iter().filter(|made| made.end_s < clip.duration());
            let truth = truth.map(|Performed { group, start_s, there_s, end_s, .. }| Truth {
                name: names(gesture, *group).0,
                group: Some(*group),
                start: *start_s,
                there: *there_s,
                end: *end_s,
            });
            let truth = truth.collect();
            let also = names(gesture, Group::LeftArm).1;
            scenes.push(Scene { what: format!("{gesture:?} {seed}"), clip, truth, also });
        }
        for kind in [Kind::Walk, Kind::Turn, Kind::Sit, Kind::Idle] {
            let clip = synthetic::clip(kind, seed, seconds, RATE_HZ, skeleton);
            let joints: Vec<_> =
                clip.frames.iter().map(|f| skeleton.pose_joints(&Pose::from(f))).collect();
            let (truth, also): (Vec<Truth>, &[_]) = match kind {
                Kind::Walk => (steps(&joints), &["turn"]),
                Kind::Turn => (turns(&joints), &["step"]),
                Kind::Sit => (seat(&joints), &[]),
                _ => (vec![], &[]),
            };
            scenes.push(Scene { what: format!("{kind:?} {seed}"), clip, truth, also });
        }
    }
    scenes
}

type Joints = kinest::skeleton::JointTransforms;

/// Where feet move through the air.
fn steps(joints: &[Joints]) -> Vec<Truth> {
    let mut truth = vec![];
    for (joint, group) in
        [(SmplJoint::LeftFoot, Group::LeftLeg), (SmplJoint::RightFoot, Group::RightLeg)]
    {
        let speed = |i: usize| {
            let at = |i: usize| joints[i].positions[joint.index()];
            at(i).distance(at(i - 1)) * RATE_HZ
        };
        let mut from = None;
        for i in 1..joints.len() {
            match (from, speed(i) > 0.3) {
                (None, true) => from = Some(i),
                (Some(start), false) => {
                    from = None;
                    // Shorter is a foot that turns in place.
                    if i - start > 12 {
                        let [start, end] = [start, i].map(|i| i as f64 / RATE_HZ);
                        truth.push(Truth {
                            name: "step",
                            group: Some(group),
                            start,
                            there: start,
                            end,
                        });
                    }
                }
                _ => {}
            }
        }
    }
    truth
}

/// Where the pelvis turns by more than 60°.
fn turns(joints: &[Joints]) -> Vec<Truth> {
    let headings: Vec<f64> = joints.iter().map(|j| heading(j.rotations[0])).collect();
    let rate = |i: usize| {
        let turned = headings[i] - headings[i - 1];
        (turned + 3.0 * std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
            - std::f64::consts::PI
    };
    let (mut truth, mut start, mut turned) = (vec![], None, 0.0_f64);
    for i in 1..joints.len() {
        let goes_on = rate(i).abs() * RATE_HZ > 0.15 && turned * rate(i) >= 0.0;
        if goes_on {
            start.get_or_insert(i);
            turned += rate(i);
        } else {
            if let Some(start) = start.take()
                && turned.abs() > 60_f64.to_radians()
            {
                let [start, end] = [start, i].map(|i| i as f64 / RATE_HZ);
                truth.push(Truth { name: "turn", group: None, start, there: start, end });
            }
            turned = 0.0;
        }
    }
    truth
}

/// From when the pelvis is at its last height.
fn seat(joints: &[Joints]) -> Vec<Truth> {
    let height = |j: &Joints| j.positions[0].z;
    let last = height(joints.last().unwrap());
    let there = joints.iter().position(|j| (height(j) - last).abs() < 0.02).unwrap();
    let there = there as f64 / RATE_HZ;
    let end = joints.len() as f64 / RATE_HZ;
    vec![Truth { name: "sit", group: None, start: there, there, end }]
}

#[derive(Default)]
struct Score {
    there: usize,
    hit: usize,
    right: usize,
    wrong: usize,
    late: Vec<f64>,
}

impl Score {
    fn recall(&self) -> f64 {
        self.hit as f64 / self.there.max(1) as f64
    }

    fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.wrong).max(1) as f64
    }

    fn latency(&mut self) -> f64 {
        self.late.sort_by(f64::total_cmp);
        self.late.get(self.late.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Scores of each gesture over the scenes.
fn scores(
    scenes: &[Scene],
    skeleton: &Skeleton,
    rules: &Rules,
    tell: bool,
) -> BTreeMap<String, Score> {
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for Scene { what, clip, truth, also } in scenes {
        let found = find(clip, skeleton, rules);
        let fits = |truth: &Truth, found: &Found| {
            truth.name == found.name
                && truth.group.is_none_or(|group| group == found.group)
                && (truth.start - 0.3..truth.end + 0.3).contains(&found.begin)
        };
        for truth in truth {
            let score = scores.entry(truth.name.to_owned()).or_default();
            score.there += 1;
            let first = found.iter().find(|found| fits(truth, found));
            score.hit += usize::from(first.is_some());
            score.late.extend(first.map(|found| found.begin - truth.there));
            if tell && first.is_none() {
                println!(
                    "missed   {what}: {} at {:.2} to {:.2}",
                    truth.name, truth.start, truth.end
                );
            }
        }
        for found in &found {
            let score = scores.entry(found.name.clone()).or_default();
            if truth.iter().any(|truth| fits(truth, found)) {
                score.right += 1;
            } else if !also.contains(&found.name.as_str()) {
                score.wrong += 1;
                if tell {
                    println!(
                        "invented {what}: {} at {:.2} to {:.2}",
                        found.name, found.begin, found.end
                    );
                }
            }
        }
    }
    scores
}

#[test]
fn shipped_gestures_are_found_in_synthetic_motion() {
    let skeleton = Skeleton::default();
    let rules = Rules::default();
    let scores = scores(&scenes(&skeleton, 2, 14.0), &skeleton, &rules, true);
    for gesture in rules.book.gestures() {
        let score = scores.get(&*gesture.name).unwrap_or_else(|| panic!("{}", gesture.name));
        let (precision, recall) = (score.precision(), score.recall());
        assert!(score.there > 1, "{}: {} times", gesture.name, score.there);
        assert!(recall > 0.85 && precision > 0.85, "{}: {precision} {recall}", gesture.name);
    }
}

/// Small and tall players make the same gestures.
#[test]
fn gestures_do_not_depend_on_body_height() {
    let skeleton = Skeleton::default();
    let rules = Rules::default();
    let count = |metres: f64| {
        let by = metres / skeleton.stature();
        let offsets = skeleton.offsets.map(|offset| offset * by);
        let scaled = Skeleton { offsets, ankle_height: skeleton.ankle_height * by };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for mut scene in scenes(&skeleton, 1, 8.0) {
            scene.clip.frames.iter_mut().for_each(|frame| frame.translation *= by);
            for found in find(&scene.clip, &scaled, &rules) {
                *counts.entry(found.name).or_default() += 1;
            }
        }
        counts
    };
    assert_eq!(count(1.45), count(2.0));
}

/// Words of a title, and the gesture that a clip with them has.
const SAID: [(&str, &[&str]); 30] = [
    ("wave-left-hand", &["wave_left"]),
    ("wave-right-hand", &["wave_right"]),
    ("wave-both-hands", &["wave_left", "wave_right"]),
    ("raise-up-left-hand", &["raise_hand"]),
    ("raise-up-right-hand", &["raise_hand"]),
    ("raise-up-both-hands", &["both_hands_up"]),
    ("bnr1_bow", &["bow"]),
    ("bend from waist", &["bow"]),
    ("bending knees", &["crouch"]),
    ("squat", &["crouch"]),
    ("bnr1_punch", &["punch"]),
    ("punch/strike", &["punch"]),
    ("punches", &["punch"]),
    ("punching", &["punch"]),
    ("boxing", &["punch"]),
    ("bnr1_kick", &["kick"]),
    ("kick", &["kick"]),
    ("jump", &["jump"]),
    ("hop", &["jump"]),
    ("jete", &["jump"]),
    ("turn", &["turn"]),
    ("pirouette", &["turn"]),
    ("salsa", &["turn", "step"]),
    ("navigate", &["turn", "step"]),
    ("walk around, sit", &["sit", "turn"]),
    ("walking, sitting", &["sit"]),
    ("walk", &["step"]),
    ("dribble", &["step"]),
    ("run", &["step"]),
    ("dance", &["step"]),
];

/// The words of a clip: its file's name, and its trial's title.
fn title(path: &Path, titles: &str) -> String {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let trial = name.splitn(3, '_').take(2).collect::<Vec<_>>().join("_");
    let row = titles.lines().find(|line| line.starts_with(&format!("{trial},")));
    let row = row.and_then(|row| row.split_once(',')).map(|(_, title)| title);
    // The last column says what the subject did in all trials.
    let row = row.map(|row| match row.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => row.split(',').next().unwrap_or_default(),
    });
    format!("{name} {}", row.unwrap_or_default()).to_lowercase()
}

#[test]
#[ignore = "prints a table, of real motion too if KINEST_MOCAP says where some is"]
fn table() {
    let skeleton = Skeleton::default();
    let rules = Rules::from_environment();
    let others = ["KINEST_CODES", "KINEST_GESTURES"];
    let shipped = others.iter().all(|name| std::env::var_os(name).is_none());
    let tell = std::env::var_os("KINEST_TELL").is_some();
    let mut synthetic = scores(&scenes(&skeleton, 6, 20.0), &skeleton, &rules, tell);
    let mut paths = vec![];
    if let Some(folder) = std::env::var_os("KINEST_MOCAP") {
        paths = files(Path::new(&folder), &["npz"]);
    }
    let titles = std::env::var_os("KINEST_TITLES")
        .map(|path| std::fs::read_to_string(path).unwrap())
        .unwrap_or_default();
    let mut minutes = 0.0;
    let mut real: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut alarms: BTreeMap<String, usize> = BTreeMap::new();
    for path in &paths {
        let clip = amass::load(path).unwrap();
        let title = title(path, &titles);
        let said: Vec<&str> = SAID
            .iter()
            .filter(|(words, _)| title.contains(words))
            .flat_map(|(_, gestures)| gestures.iter().copied())
            .collect();
        let found = find(&clip, &skeleton, &rules);
        minutes += clip.duration() / 60.0;
        let once: std::collections::BTreeSet<&str> = said.iter().copied().collect();
        for name in once {
            let entry = real.entry(name.to_owned()).or_default();
            entry.1 += 1;
            let hit = found.iter().any(|found| found.name == name);
            entry.0 += usize::from(hit);
            if tell && !hit {
                println!("missed   {title}: {name}");
            }
        }
        for found in found.iter().filter(|found| !said.contains(&found.name.as_str())) {
            *alarms.entry(found.name.clone()).or_default() += 1;
            if tell {
                println!(
                    "found    {title}: {} at {:.2} to {:.2}",
                    found.name, found.begin, found.end
                );
            }
        }
    }
    println!(
        "{} synthetic gestures, {minutes:.1} min of {} files",
        synthetic.values().map(|s| s.there).sum::<usize>(),
        paths.len()
    );
    println!("gesture        precision recall   late s  titled clips  untitled per min");
    for gesture in rules.book.gestures() {
        let name = &*gesture.name;
        let score = synthetic.entry(name.to_owned()).or_default();
        let (hit, of) = real.get(name).copied().unwrap_or_default();
        let alarms = alarms.get(name).copied().unwrap_or_default() as f64 / minutes.max(1e-9);
        println!(
            "{name:<14} {:>9.2} {:>6.2} {:>8.2} {hit:>9}/{of:<3} {alarms:>12.2}",
            score.precision(),
            score.recall(),
            score.latency(),
        );
        // The documentation has 0.97 and more for the shipped rules.
        let (precision, recall) = (score.precision(), score.recall());
        assert!(recall > 0.85 && precision > 0.85 || !shipped, "{name}: {precision} {recall}");
    }
}
