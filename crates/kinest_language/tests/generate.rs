//! Motion from words: what is asked is found in the result, feet stand, and what cannot be is said.

use kinest::metrics::FeetTrack;
use kinest::motion::MotionClip;
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::{Group, Skeleton, SmplJoint as J};
use kinest_language::generate::{
    Editor, GenerateError, Generated, Generator, MotionFolder, Repertoire, Request, send,
};
use kinest_language::{Clip, Library, Moment};
use std::sync::LazyLock;

static GENERATOR: LazyLock<Generator> =
    LazyLock::new(|| Generator::new(Repertoire::synthetic(2).unwrap()));

fn made(request: &Request) -> Generated {
    GENERATOR.generate(request).unwrap_or_else(|error| panic!("{}: {error}", request.text))
}

#[test]
fn what_is_asked_for_is_found_and_feet_stand() {
    let skeleton = Skeleton::default();
    for text in [
        "a person walks forward and waves with the right hand",
        "waves with the left hand",
        "claps, then bows",
        "walks forward, then raises both hands",
        "nods the head",
        "sits down",
    ] {
        let made = made(&Request::new(text));
        for asked in &made.report.judged.asked {
            assert!(asked.found, "{text}: {} is not in {}", asked.text, made.report.judged.told);
        }
        let feet = FeetTrack::new(&made.clip.frames, &skeleton);
        let slide = feet.slide(&feet.standing(60.0), 60.0).unwrap_or(0.0);
        assert!(slide < 0.1, "{text}: {slide} m/s");
        assert!(feet.sunk().most < 0.02, "{text}: {:?}", feet.sunk());
        assert!(made.report.steps.iter().all(|step| step.groups.len() == 6));
    }
}

#[test]
fn a_limb_comes_from_another_clip_than_the_body_if_none_shows_both() {
    let made = made(&Request::new("walks forward and waves with the right hand"));
    let sources = &made.report.steps[0].sources;
    assert!(sources[0].clip.contains("walk"), "{sources:?}");
    assert!(sources.len() == 2 && sources[1].groups == [Group::RightArm], "{sources:?}");
}

#[test]
fn steps_are_in_order_and_the_motion_is_as_long_as_asked_for() {
    let request =
        Request { seconds: Some(7.5), ..Request::new("walks forward, then claps the hands") };
    let made = made(&request);
    assert!((made.clip.duration() - 7.5).abs() < 0.51 / 60.0, "{}", made.clip.duration());
    let [walk, clap] = &made.report.steps[..] else { panic!("{:?}", made.report.steps) };
    assert!(walk.start_s == 0.0 && walk.end_s == clap.start_s && (clap.end_s - 7.5).abs() < 0.1);
    let long = Request { seconds: Some(20.0), ..Request::new("walks forward") };
    assert!((GENERATOR.generate(&long).unwrap().clip.duration() - 20.0).abs() < 0.01);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_others_something_else() {
    let with = |seed| made(&Request { seed, ..Request::new("walks and waves") });
    assert_eq!(with(0).clip, with(0).clip);
    assert_eq!(with(7).clip, with(7).clip);
    let different = (1..6).filter(|seed| with(*seed).clip != with(0).clip).count();
    assert!(different > 0);
}

#[test]
fn authors_fill_the_boxes_of_the_groups() {
    let mut request = Request::default();
    request.groups.insert(Group::LeftArm, "waves".into());
    request.groups.insert(Group::Neck, "nods".into());
    let made = made(&request);
    let texts: Vec<&str> = made.report.judged.asked.iter().map(|asked| &*asked.text).collect();
    assert_eq!(texts, ["nods", "waves with the left hand"]);
    assert!(made.report.judged.asked.iter().all(|asked| asked.found), "{:?}", made.report);
    assert_eq!(made.report.steps[0].groups[&Group::LeftArm], "waves");
}

#[test]
fn what_cannot_be_made_is_said() {
    let fails = |request: Request| GENERATOR.generate(&request).unwrap_err();
    let text = |text: &str| Request::new(text);
    assert!(matches!(fails(text("")), GenerateError::Empty));
    assert!(matches!(fails(text("blorps")), GenerateError::Unknown { .. }));
    // No synthetic person crawls.
    assert!(matches!(fails(text("crawls")), GenerateError::Nothing(_)));
    let timed =
        |seconds| Request { seconds: Some(seconds), ..text("claps, then bows, then jumps") };
    assert!(matches!(fails(timed(-1.0)), GenerateError::Seconds { .. }));
    assert!(matches!(fails(timed(0.6)), GenerateError::Length { .. }));
    let made = made(&text("walks and blorps"));
    assert_eq!(made.report.unknown[0].word, "blorps");
    let stopped = GENERATOR.generate_while(&text("walks"), &|_| false).unwrap_err();
    assert!(matches!(stopped, GenerateError::Cancelled));
}

#[test]
fn a_library_without_its_motion_is_an_error_that_names_a_clip() {
    let moment = Moment { text: "walks forward".into(), start_s: 0.0, end_s: 3.0, weight: 1.0 };
    for (name, expected) in [("walk.npz", "walk.npz"), ("../walk.npz", "leaves the folder")] {
        let clip = Clip {
            clip: name.into(),
            duration_s: 3.0,
            moments: vec![moment.clone()],
            ..Clip::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let motions = MotionFolder(folder.path().into());
        let library = Library::new(vec![clip]).unwrap();
        let generator = Generator::new(Repertoire::new(library, motions, Skeleton::default()));
        let error = generator.generate(&Request::new("walks")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn walk() -> MotionClip {
    synthetic::clip(Kind::Walk, 11, 5.0, 50.0, &Skeleton::default())
}

#[test]
fn an_edit_changes_its_limb_in_its_span_and_nothing_else() {
    let editor = Editor::new(GENERATOR.repertoire());
    let before = walk();
    for (group, text) in [(Group::RightArm, "raises the hand"), (Group::LeftLeg, "kicks")] {
        let edited = editor.edit(&before, group, text, (1.0, 3.5), 0).unwrap();
        assert_eq!((edited.clip.rate_hz, edited.clip.frames.len()), (50.0, 251));
        let mut changed = 0;
        for (i, (now, was)) in edited.clip.frames.iter().zip(&before.frames).enumerate() {
            assert_eq!(now.translation, was.translation);
            for joint in J::ALL {
                let same = now.rotations[joint.index()] == was.rotations[joint.index()];
                let may = group.joints().contains(&joint) && (50..175).contains(&i);
                assert!(same || may, "{joint:?} in frame {i}");
                changed += usize::from(!same);
            }
        }
        assert!(changed > 300, "{changed}");
        if group == Group::RightArm {
            assert!(edited.asked.iter().all(|(_, found)| *found), "{:?}", edited.asked);
        }
    }
}

#[test]
fn edits_that_cannot_be_are_refused() {
    let editor = Editor::new(GENERATOR.repertoire());
    let refused = |text: &str, span| {
        editor.edit(&walk(), Group::RightArm, text, span, 0).unwrap_err().to_string()
    };
    for (text, span, expected) in [
        ("waves", (3.0, 9.0), "no part"),
        ("waves", (3.0, 2.0), "no part"),
        ("waves", (f64::NAN, 2.0), "no part"),
        ("", (1.0, 2.0), "empty"),
        ("blorps", (1.0, 2.0), "blorps"),
        ("sits down", (1.0, 2.0), "right_arm"),
    ] {
        let error = refused(text, span);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn joints_are_sent_through_places_and_others_keep_their_bits() {
    use kinest::compose::Mark;
    let skeleton = Skeleton::default();
    let before = walk();
    let joint = J::RightWrist;
    let at = skeleton.pose_joints(&before.pose_at(2.0)).positions[joint.index()];
    let mark = Mark { joint, time_s: 2.0, place: at + glam::DVec3::new(0.05, 0.05, 0.2) };
    let (after, passed) = send(&before, &skeleton, &[mark], 0.4).unwrap();
    assert!(passed[0].before > 0.2 && passed[0].after < 0.01, "{passed:?}");
    for (now, was) in after.frames.iter().zip(&before.frames) {
        for joint in J::ALL.into_iter().filter(|joint| !Group::RightArm.joints().contains(joint)) {
            assert_eq!(now.rotations[joint.index()], was.rotations[joint.index()]);
        }
    }
    assert_eq!(after.frames[..79], before.frames[..79]);
    let late = Mark { time_s: 9.0, ..mark };
    let knee = Mark { joint: J::LeftKnee, ..mark };
    for (mark, expected) in [(late, "9"), (knee, "L_knee")] {
        let error = send(&before, &skeleton, &[mark], 0.4).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
