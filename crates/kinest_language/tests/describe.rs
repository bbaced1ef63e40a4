//! Descriptions of synthetic motion, whose content is known.

use kinest::events::{
    CodeSegment, CodeTable, EventKind, GestureBook, MotionEvent, Phase, codes_of,
};
use kinest::motion::MotionClip;
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::Group;
use kinest::skeleton::Skeleton;
use kinest_language::describe::{ActKind, Describer, Wording};

fn codes(kind: Kind, seed: u64) -> Vec<CodeSegment> {
    let skeleton = Skeleton::default();
    of(&synthetic::clip(kind, seed, 8.0, 60.0, &skeleton))
}

fn of(clip: &MotionClip) -> Vec<CodeSegment> {
    codes_of(clip, &Skeleton::default(), CodeTable::default()).unwrap().segments
}

#[test]
fn synthetic_motion_is_called_by_its_name() {
    for seed in 0..3 {
        for (kind, word) in [
            (Kind::Walk, "walks"),
            (Kind::Run, "runs"),
            (Kind::Sit, "sits"),
            (Kind::Squat, "crouches"),
            (Kind::Wave, "waves"),
            (Kind::Turn, "turns"),
            (Kind::Punch, "punches"),
        ] {
            let text = &Describer::default().describe(&codes(kind, seed)).global[0];
            assert!(text.contains(word), "{} {seed}: {text}", kind.name());
            assert!(text.starts_with("Someone ") && text.ends_with('.'), "{text}");
            assert!(!text.contains("  ") && !text.contains('{') && !text.contains(" ,"), "{text}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_words_and_another_one_others() {
    let codes = codes(Kind::Wave, 1);
    let describe = |seed| Describer { seed, variants: 3, ..Describer::default() }.describe(&codes);
    assert_eq!(describe(4), describe(4));
    let all = describe(4).global;
    assert_eq!(all.len(), 3);
    assert!(all[0] != all[1] && all[1] != all[2], "{all:?}");
    assert!((1..20).any(|seed| describe(seed).groups != describe(0).groups));
}

/// A code, as files have it.
fn code(kind: &str, joint: &str, class: &str, span: (f64, f64)) -> CodeSegment {
    code_of(kind, &[joint], class, span)
}

fn code_of(kind: &str, joints: &[&str], class: &str, (start, end): (f64, f64)) -> CodeSegment {
    serde_json::from_value(serde_json::json!({
        "kind": kind, "joints": joints, "class": class,
        "start_s": start, "end_s": end, "intensity": 3.0, "speed": 1.0,
    }))
    .unwrap()
}

fn count(codes: &[CodeSegment], kind: ActKind) -> usize {
    let acts = Describer::default().acts(codes);
    acts.into_iter().filter(|act| act.kind == kind).count()
}

#[test]
fn a_hand_that_goes_up_and_down_more_than_in_walking_is_told() {
    let walk = code("planar_speed", "pelvis", "walking", (0.0, 8.0));
    let hand = code("hand_up", "R_wrist", "shakes", (1.0, 6.0));
    let texts = |codes: &[CodeSegment]| -> Vec<String> {
        let moments = Describer::default().moments(codes);
        moments.into_iter().map(|moment| moment.text).collect()
    };
    let told = "moves the right hand up and down".to_owned();
    assert!(texts(&[walk, hand]).contains(&told));
    assert!(!texts(&[walk, CodeSegment { intensity: 1.5, ..hand }]).contains(&told));
}

#[test]
fn a_raised_hand_waves_if_it_goes_to_and_fro_more_than_twice() {
    let waves = |till| {
        let raised = code_of("forearm_raise", &["R_elbow", "R_wrist"], "straight_up", (0.0, 6.0));
        count(&[raised, code("hand_out", "R_wrist", "waves", (1.0, till))], ActKind::Wave)
    };
    assert_eq!((waves(5.0), waves(3.0)), (1, 0));
}

#[test]
fn hands_that_meet_once_do_not_clap() {
    let hands = |class, span| code_of("hands_distance", &["L_wrist", "R_wrist"], class, span);
    let claps = hands("claps", (0.0, 3.0));
    let (first, second) = (hands("together", (0.5, 0.7)), hands("together", (1.5, 1.7)));
    assert_eq!(count(&[claps, first], ActKind::Clap), 0);
    assert_eq!(count(&[claps, first, second], ActKind::Clap), 1);
}

#[test]
fn a_jump_is_no_walk_and_a_step_is_told() {
    let moves = |till| {
        let moves = code("planar_speed", "pelvis", "walking", (2.0, till));
        [moves, code("sideways_speed", "pelvis", "to_left", (2.0, till))]
    };
    let up = code_of("feet_over_floor", &["L_ankle", "R_ankle"], "high", (2.2, 2.7));
    let air = [up, code("vertical_speed", "pelvis", "rising", (2.0, 2.8))];
    let jump = [moves(3.0), air].concat();
    assert_eq!((count(&moves(3.0), ActKind::Walk), count(&jump, ActKind::Walk)), (1, 0));
    assert_eq!((count(&jump, ActKind::Jump), count(&jump, ActKind::Step)), (1, 0));
    assert_eq!((count(&moves(2.5), ActKind::Step), count(&moves(3.0), ActKind::Step)), (1, 0));
}

#[test]
fn who_hangs_or_goes_over_on_the_hands_does_not_jump_or_walk() {
    let up = code_of("feet_over_floor", &["L_ankle", "R_ankle"], "high", (0.0, 4.0));
    let hand = code_of("hand_over_head", &["R_wrist", "head"], "above", (0.0, 4.0));
    let swings = code("vertical_speed", "pelvis", "rising", (1.0, 1.5));
    let codes = [up, hand, swings];
    assert_eq!((count(&codes, ActKind::Hang), count(&codes, ActKind::Jump)), (1, 0));

    let over = [
        code_of("torso_incline", &["pelvis", "neck"], "lying", (1.0, 2.0)),
        code("hand_over_floor", "L_wrist", "on_floor", (1.0, 2.0)),
        code("foot_over_floor", "R_foot", "high", (1.0, 2.0)),
        code("planar_speed", "pelvis", "walking", (1.0, 2.0)),
        code("forward_speed", "pelvis", "forward", (1.0, 2.0)),
    ];
    assert_eq!((count(&over, ActKind::Tumble), count(&over, ActKind::Walk)), (1, 0));
}

#[test]
fn a_foot_on_its_toes_is_not_lifted() {
    let stands = code("foot_over_floor", "R_foot", "on_floor", (0.0, 4.0));
    let leg = |class| [stands, code("foot_over_floor", "L_foot", class, (0.0, 4.0))];
    let lifts = |class| count(&leg(class), ActKind::LiftLeg);
    assert_eq!((lifts("lifted"), lifts("off_floor")), (1, 0));
}

#[test]
fn a_knee_that_snaps_kicks() {
    let stands = code("foot_over_floor", "R_foot", "on_floor", (0.0, 4.0));
    let codes = |speed| {
        let knee = code("knee_bend", "L_knee", "straightens", (1.0, 1.3));
        [
            stands,
            code("foot_over_floor", "L_foot", "high", (1.0, 1.4)),
            code("foot_forward", "L_ankle", "in_front", (1.0, 1.4)),
            code("knee_bend", "L_knee", "sharply_bent", (0.9, 1.5)),
            CodeSegment { speed, ..knee },
        ]
    };
    let kicks = |speed| count(&codes(speed), ActKind::Kick);
    assert_eq!((kicks(3.5), kicks(1.5)), (1, 0));
}

#[test]
fn who_walks_and_then_stands_stops() {
    let stops = |till| {
        let codes = [
            code("planar_speed", "pelvis", "walking", (0.0, 4.0)),
            code("planar_speed", "pelvis", "still", (4.0, till)),
        ];
        let acts = Describer::default().acts(&codes);
        acts.into_iter().filter(|act| act.kind == ActKind::Stop).count()
    };
    assert_eq!((stops(8.0), stops(4.2)), (1, 0));
}

#[test]
fn looks_to_both_sides_are_looking_around() {
    let look = |class, at| code("head_yaw", "head", class, (at, at + 1.0));
    let acts = |second: f64| {
        let end = code("root_height", "pelvis", "standing", (0.0, 20.0));
        let codes = [look("turned_left", 1.0), look("turned_right", second), end];
        let acts = Describer::default().acts(&codes);
        acts.into_iter().any(|act| act.kind == ActKind::LookAround)
    };
    assert!(acts(2.5) && !acts(12.0));
}

#[test]
fn german_tells_the_same_acts() {
    let codes = codes(Kind::Wave, 1);
    let german = Describer { wording: Wording::german(), ..Describer::default() };
    let description = german.describe(&codes);
    assert!(description.global[0].starts_with("Jemand "), "{}", description.global[0]);
    assert!(description.global[0].contains("winkt"), "{}", description.global[0]);
    assert!(description.groups.left_leg.starts_with("Das linke Bein "));
}

#[test]
fn the_json_has_three_levels_and_the_codes() {
    let codes = codes(Kind::Wave, 1);
    let json = serde_json::to_value(Describer::default().describe(&codes)).unwrap();
    let mut fields: Vec<&String> = json.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["codes", "generator", "global", "groups", "interactions"]);
    assert_eq!(json["generator"], "rules-v1");
    assert!(json["global"][0].is_string());
    for group in ["torso", "neck", "left_arm", "right_arm", "left_leg", "right_leg"] {
        assert!(json["groups"][group].as_str().unwrap().ends_with('.'), "{group}");
    }
    for field in ["kind", "joints", "class", "start_s", "end_s", "intensity", "speed"] {
        assert!(!json["codes"][0][field].is_null(), "{field}");
    }
}

#[test]
fn a_mirrored_body_does_the_same_with_the_other_side() {
    let mirrored = |codes: Vec<CodeSegment>| -> Vec<CodeSegment> {
        codes.into_iter().map(|s| CodeSegment { code: s.code.mirrored(), ..s }).collect()
    };
    let codes = codes(Kind::Wave, 2);
    let swap = |text: &str| {
        text.replace("left", "\u{0}").replace("right", "left").replace('\u{0}', "right")
    };
    let describe = |codes: &[CodeSegment]| Describer::default().describe(codes);
    let (one, other) = (describe(&codes), describe(&mirrored(codes.clone())));
    assert_eq!(swap(&one.global[0]), other.global[0]);
    assert_eq!(swap(&one.groups.right_arm), other.groups.left_arm);
}

#[test]
fn no_codes_are_a_body_that_stands_still() {
    let description = Describer::default().describe(&[]);
    assert_eq!(description.global, ["Someone stands still."]);
    assert_eq!(description.groups.left_arm, "The left arm hangs at ease.");
    assert!(description.interactions.is_empty());
}

#[test]
fn built_in_words_know_the_same_things_and_wrong_tables_are_refused() {
    // Both are read and checked.
    let _ = (Wording::english(), Wording::german());
    let english = include_str!("../assets/english.words.ron");
    for (change, to, expected) in [
        ("\"kick\": (", "\"kik\": (", "\"kick\" is missing"),
        ("\"nod\": (", "\"nap\": (say: [\"naps\"]), \"nod\": (", "\"nap\" does not exist"),
        ("{when} nods\"", "{whenn} nods\"", "\"whenn\" is not defined"),
        ("{when} nods\"", "{when nods\"", "is not defined"),
        ("\"elbow_bend bends\"", "\"elbow_bend bended\"", "did you mean `bends`"),
        ("\"elbow_bend bends\"", "\"elbow_bend nods\"", "has no class"),
        ("\"forward\": [\"forward\"], ", "", "no word for \"forward\""),
        ("\"torso\": [\"stays upright\"],", "", "\"torso\" is missing"),
        ("subjects: [\"Someone\", \"A person\", \"The player\"]", "subjects: []", "subjects"),
        ("(say: [\"{when} nods\", \"{when} nods the head\"])", "(say: [])", "nod"),
    ] {
        let table = english.replacen(change, to, 1);
        assert_ne!(table, english, "{change}");
        let error = Wording::from_ron(&table).unwrap_err().to_string();
        assert!(error.contains(expected), "{change}: {error}");
    }
    let kinds =
        ActKind::ALL.iter().map(|kind| kind.name()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(kinds.len(), ActKind::ALL.len());
}

#[test]
fn events_have_subtitles() {
    let event = |kind, group| {
        let (phase, intensity, speed, at) = (Phase::Begin, 1.0, 3.0, 2.0);
        MotionEvent { kind, group, phase, intensity, speed, at }
    };
    let gesture = |name: &str, group| event(EventKind::Gesture(name.into()), group);
    let code = |signal: &str, class: &str| {
        let code =
            kinest::events::Code { signal: signal.parse().unwrap(), class: class.parse().unwrap() };
        event(EventKind::Code(code), code.signal.groups().0)
    };
    let english = |event: &MotionEvent| Wording::english().caption(event, 0);
    for (event, expected) in [
        (gesture("kick", Group::LeftLeg), Some("Someone kicks with the left leg.")),
        (gesture("moonwalk", Group::Torso), None),
        (code("left_elbow_bend", "bends"), Some("The left arm bends at the elbow quickly.")),
        (code("right_hand_to_head", "touching"), Some("The right hand is at the head.")),
        (code("right_hand_to_head", "apart"), None),
    ] {
        assert_eq!(english(&event).as_deref(), expected);
    }
    for gesture in GestureBook::default().gestures() {
        let event = event(EventKind::Gesture(gesture.name.clone()), gesture.group);
        for wording in [Wording::english(), Wording::german()] {
            assert!(wording.caption(&event, 0).is_some(), "{}", gesture.name);
        }
    }
}
