//! Search: what is found, where, in which order, and files that are wrong.

use kinest_language::{Clip, Lexicon, Library, LibraryError, Moment, SearchError};
use std::fs;

fn moment(text: &str, start_s: f64, end_s: f64) -> Moment {
    Moment { text: text.into(), start_s, end_s, weight: 1.0 }
}

fn clip(name: &str, titles: &[&str], moments: Vec<Moment>) -> Clip {
    let titles = titles.iter().map(|title| (*title).into()).collect();
    Clip { clip: name.into(), duration_s: 10.0, titles, context: vec![], moments }
}

fn library() -> Library {
    Library::new(vec![
        clip("a/01_01_poses.npz", &["walk"], vec![moment("walks forward", 0.0, 10.0)]),
        clip(
            "a/01_02_poses.npz",
            &[],
            vec![
                moment("walks forward quickly", 0.0, 6.0),
                moment("turns to the left", 6.0, 7.0),
                moment("waves with the right hand", 8.0, 9.5),
            ],
        ),
        clip(
            "a/01_03_poses.npz",
            &[],
            vec![
                moment("walks forward slowly", 0.0, 6.0),
                moment("turns to the right", 6.0, 7.0),
                moment("waves with the left hand", 8.0, 9.5),
            ],
        ),
        clip("a/01_04_poses.npz", &["sit on high stool, stand up"], vec![]),
        clip("a/01_05_poses.npz", &["punch/strike"], vec![moment("jumps up", 3.0, 3.5)]),
        clip("a/WalkTurnLeft90.npz", &[], vec![]),
    ])
    .unwrap()
}

fn found(library: &Library, text: &str) -> Vec<String> {
    let hits = library.search(text, 10).unwrap();
    hits.into_iter().map(|hit| hit.clip.replace("a/", "").replace("_poses.npz", "")).collect()
}

#[test]
fn side_tempo_synonyms_titles_and_names_decide() {
    let library = library();
    for (text, first) in [
        ("someone waves with the right hand", "01_02"),
        ("a person is waving his left hand", "01_03"),
        ("says hello with the left hand", "01_03"),
        ("walking slowly", "01_03"),
        ("a fast walk", "01_02"),
        ("sat down on a chair", "01_04"),
        ("boxing", "01_05"),
        ("leap", "01_05"),
        ("right turn", "01_03"),
    ] {
        assert_eq!(found(&library, text)[0], first, "{text}");
    }
    let left = found(&library, "walk forward and turn left");
    assert!(
        left[..2].contains(&"01_02".into()) && left[..2].contains(&"WalkTurnLeft90.npz".into()),
        "{left:?}"
    );
}

#[test]
fn what_descriptions_do_not_name_is_found_by_how_it_looks() {
    let library = Library::new(vec![
        clip("1", &[], vec![moment("walks forward", 0.0, 9.0)]),
        clip("2", &[], vec![moment("moves the right hand up and down", 1.0, 3.0)]),
        clip("3", &[], vec![moment("raises the right hand", 0.0, 3.0)]),
        clip("4", &["dribbling"], vec![moment("stands still", 0.0, 9.0)]),
        clip("5", &[], vec![moment("brings the right hand to the head", 4.0, 5.0)]),
    ])
    .unwrap();
    let hits = library.search("a boy is dribbling a basketball", 9).unwrap();
    assert_eq!((hits[0].clip.as_str(), hits[1].clip.as_str()), ("4", "2"));
    // A title says it; a moment shows it.
    assert_eq!((hits[0].why[0].text.as_str(), hits[0].why[0].span_s), ("dribbling", None));
    assert_eq!((hits[1].start_s, hits[1].end_s), (1.0, 3.0));
    assert_eq!(library.search("someone drinks from a cup", 1).unwrap()[0].clip, "5");
}

#[test]
fn captions_are_understood_as_people_write_them() {
    let library = library();
    for (text, first) in [
        // A letter is wrong, or a space is missing.
        ("a person wlaks slowly", "01_03"),
        ("slowwalk", "01_03"),
        ("the man wavs his right hand twice", "01_02"),
        ("she is turning clockwise, moving her body", "01_03"),
        ("he jummped up", "01_05"),
    ] {
        assert_eq!(found(&library, text)[0], first, "{text}");
    }
}

#[test]
fn what_is_denied_is_left_out() {
    let library = library();
    let without = found(&library, "walks without turning");
    assert_eq!(without, ["01_01"]);
    let without = found(&library, "walks, no left turn");
    assert!(without.contains(&"01_03".into()) && !without.contains(&"01_02".into()), "{without:?}");
    assert!(!found(&library, "not walking").contains(&"01_01".into()));
}

#[test]
fn hits_say_where_and_why() {
    let library = library();
    let hit = &library.search("waves with the right hand", 1).unwrap()[0];
    assert_eq!((hit.start_s, hit.end_s), (8.0, 9.5));
    assert!(hit.score > 0.0 && hit.score <= 1.0);
    assert_eq!(hit.why[0].word, "waves");
    assert_eq!(hit.why[0].span_s, Some((8.0, 9.5)));
    let hit = &library.search("walks forward, then turns left", 1).unwrap()[0];
    assert_eq!((hit.start_s, hit.end_s), (0.0, 7.0));
    // Where a title's motion is, is not known.
    let hit = &library.search("sit down", 1).unwrap()[0];
    assert_eq!((hit.start_s, hit.end_s), (0.0, 10.0));
    assert_eq!(hit.why[0].text, "sit on high stool, stand up");
}

#[test]
fn texts_without_a_word_and_words_that_nobody_uses_find_nothing() {
    let library = library();
    for text in ["", "the", "42", "¿?"] {
        assert_eq!(library.search(text, 5), Err(SearchError::NoWords(text.into())));
    }
    assert_eq!(library.search("yodelling", 5).unwrap(), []);
}

#[test]
fn a_file_is_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.library");
    let library = library();
    library.save(&file).unwrap();
    library.save(&file).unwrap();
    assert_eq!(Library::load(&file).unwrap().clips(), library.clips());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    assert!(matches!(library.save(folder.path().join("none/a")), Err(LibraryError::Write { .. })));
    assert!(matches!(Library::load(folder.path().join("b")), Err(LibraryError::Read { .. })));
}

#[test]
fn damaged_files_are_refused_with_the_reason() {
    let bytes = library().to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let read = |bytes: &[u8]| {
        Library::from_bytes(bytes, "x.library", Lexicon::english()).unwrap_err().to_string()
    };
    for (bytes, expected) in [
        (b"".to_vec(), "not a library"),
        (b"PK\x03\x04 something".to_vec(), "not a library"),
        (text.replacen(" 1 ", " 7 ", 1).into_bytes(), "version 7"),
        (bytes[..bytes.len() - 5].to_vec(), "checksum"),
        (text.replacen("walks", "talks", 1).into_bytes(), "checksum"),
    ] {
        let error = read(&bytes);
        assert!(error.contains(expected) && error.contains("x.library"), "{error}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        assert!(Library::from_bytes(&damaged, "x", Lexicon::english()).is_err(), "byte {at}");
    }
}

#[test]
fn libraries_without_clips_and_clips_that_contradict_themselves_are_refused() {
    assert!(matches!(Library::new(vec![]), Err(LibraryError::Empty)));
    let one = || clip("a", &["walk"], vec![]);
    assert!(matches!(Library::new(vec![one(), one()]), Err(LibraryError::Twice(_))));
    for (start, end) in [(2.0, 1.0), (0.0, 11.0), (-1.0, 2.0), (f64::NAN, 2.0)] {
        let wrong = clip("a", &[], vec![moment("walks", start, end)]);
        assert!(
            matches!(Library::new(vec![wrong]), Err(LibraryError::Span { .. })),
            "{start} {end}"
        );
    }
}

/// 2,000 clips of 40 moments: the best ones wave, as the text says, and none of them kicks.
/// `trials.rs` prints how long searches take.
#[test]
fn a_large_library_is_searched() {
    let verbs = ["walks", "runs", "jumps", "turns", "waves", "sits", "kicks", "punches", "bows"];
    let ways =
        ["to the left", "to the right", "forward quickly", "backward slowly", "with both hands"];
    let verb = |i: usize, j: usize| verbs[(i + j * j) % verbs.len()];
    let clips = (0..2000).map(|i: usize| {
        let text = |j: usize| format!("{} {}", verb(i, j), ways[(i * 7 + j) % ways.len()]);
        let moments = (0..40).map(|j| moment(&text(j), j as f64 / 5.0, j as f64 / 5.0 + 1.0));
        clip(&format!("{i:04}_poses.npz"), &[&text(i)], moments.collect())
    });
    let library = Library::new(clips.collect()).unwrap();
    let text =
        "someone walks forward quickly, turns left and waves with the right hand without a kick";
    let hits = library.search(text, 10).unwrap();
    assert_eq!(hits.len(), 10);
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "{hits:?}");
    for hit in &hits {
        let i = hit.clip[..4].parse().unwrap();
        let does = |what: &str| (0..40).any(|j| verb(i, j) == what);
        assert!(does("waves") && !does("kicks"), "{hit:?}");
    }
}
