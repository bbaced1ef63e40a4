//! Codes, gestures and events of a body.
//!
//! Each frame of a body gives 96 numbers, the [`Signal`]s. Lengths are in units of body height, so
//! that player size cancels. Each signal is segmented into *codes*:
//!
//! * **states**: the class of its value, with hysteresis and a minimum dwell (`elbow_bend
//!   sharply_bent`);
//! * **movements**: monotone runs with enough travel (`elbow_bend bends`);
//! * **oscillations**: three and more half swings at 0.5 to 4 Hz (`hand_out waves`).
//!
//! A [`CodeSegment`] is a code and the time during which it held. [`CodeKind`] lists all kinds with
//! their formulas, units and classes, [`Class`] all classes; all thresholds are in one
//! [`CodeTable`]. A [`CodeTracker`] finds the codes of a live body, and [`codes_of`] finds the same
//! codes in a clip.
//!
//! A [`GestureBook`] defines gestures as combinations of codes, in a file, and an [`EventDetector`]
//! emits [`MotionEvent`]s.
//!
//! # Accuracy of gestures
//!
//! The shipped gestures, measured by `tests/gestures.rs` at 60 Hz. *Precision* and *recall* are of
//! 768 gestures of [`synthetic::gestures`](crate::motion::synthetic::gestures()) and of synthetic
//! walks, turns and seats whose times are known; *late* is the median time from the start of the
//! gesture (the pose is reached, the fist or foot starts, the first nod or wave starts) to its
//! [`Phase::Begin`]. *Titled*: of the real clips (CMU, Bandai-Namco, ACCAD; 1434 clips, 171 min)
//! whose title names the gesture, the number in which it is found; parts of a trial that have the
//! trial's title but not the gesture count as missed. *Other*: detections per minute in those of
//! the 49 held-out CMU clips (8.1 min of climbing, dance, karate, ball games and walking) whose
//! title does not name the gesture. Many of these are correct, since dancers raise their hands and
//! people who walk a curve turn. Thresholds were chosen on this same real motion.
//!
//! | gesture | precision | recall | late, s | titled | other, per min |
//! |---|---|---|---|---|---|
//! | `wave_left` | 1.00 | 1.00 | 0.68 | 85 of 99 | 1.7 |
//! | `wave_right` | 1.00 | 1.00 | 0.66 | 85 of 99 | 2.0 |
//! | `raise_hand` | 1.00 | 1.00 | 0.03 | 82 of 101 | 2.4 |
//! | `both_hands_up` | 1.00 | 1.00 | 0.07 | 45 of 52 | 2.7 |
//! | `clap` | 1.00 | 1.00 | 0.93 | – | 0.6 |
//! | `arms_crossed` | 1.00 | 1.00 | 0.26 | – | 0.0 |
//! | `hands_on_hips` | 1.00 | 1.00 | 0.44 | – | 0.0 |
//! | `point` | 1.00 | 1.00 | 0.38 | – | 0.6 |
//! | `punch` | 1.00 | 1.00 | 0.14 | 6 of 7 | 0.1 |
//! | `push` | 1.00 | 1.00 | 0.42 | – | 0.4 |
//! | `crouch` | 1.00 | 1.00 | 0.03 | 6 of 6 | 0.4 |
//! | `sit` | 1.00 | 1.00 | 0.60 | 4 of 5 | 0.1 |
//! | `jump` | 1.00 | 1.00 | 0.13 | 65 of 87 | 0.7 |
//! | `step` | 1.00 | 0.97 | 0.18 | 710 of 728 | 17.1 |
//! | `turn` | 0.97 | 1.00 | 1.02 | 223 of 248 | 8.6 |
//! | `nod` | 1.00 | 1.00 | 1.15 | – | 1.4 |
//! | `shake_head` | 1.00 | 1.00 | 1.14 | – | 2.4 |
//! | `bow` | 1.00 | 1.00 | -0.02 | 16 of 18 | 1.1 |
//! | `kick` | 1.00 | 1.00 | 0.35 | 10 of 16 | 0.3 |
//! | `lean` | 1.00 | 1.00 | 0.12 | – | 1.2 |
//! | `t_pose` | 1.00 | 1.00 | 0.23 | – | 0.7 |
//!
//! # Cost
//!
//! Per body and frame on one core of a shared server, by `tests/events_cost.rs`: groups and
//! interactions 1.3 µs, codes 6 µs, codes and gestures together 5 to 10 µs. Nothing is allocated.

mod class;
mod codes;
mod detector;
mod event;
mod file;
mod gesture;
mod kind;
mod measure;
mod place;
mod segment;
mod signal;
mod table;
mod track;
mod tracker;

pub use class::{Class, ClassSort};
pub use codes::{Codes, codes_of};
pub use detector::EventDetector;
pub use event::{EventKind, MotionEvent, Phase};
pub use file::EventsFileError;
pub use gesture::{Condition, Gesture, GestureBook, Step};
pub use kind::{CodeKind, Spread, Unit};
pub use place::{Misnamed, Place};
pub use segment::{Code, CodeSegment};
pub use signal::Signal;
pub use table::{CodeTable, KindTable};
pub use tracker::{CodeChange, CodeError, CodeTracker};
