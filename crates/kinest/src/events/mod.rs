//! What a body does, as codes and events.
//!
//! Each frame of a body gives 96 numbers, the [`Signal`]s. Lengths are in body heights, so that small
//! and tall players who do the same give the same. Each signal is cut into *codes*:
//!
//! * **states**: the class of its value, with hysteresis and a least dwell (`elbow_bend sharply_bent`);
//! * **movements**: monotone runs with enough travel (`elbow_bend bends`);
//! * **oscillations**: three and more half swings at 0.5 to 4 Hz (`hand_out waves`).
//!
//! A [`CodeSegment`] is a code and the time during which it held. [`CodeKind`] lists all kinds with
//! their formulas, units and classes, [`Class`] all classes; all thresholds are in one [`CodeTable`].
//! A [`CodeTracker`] finds the codes of a body that is playing, [`codes_of`] those of a clip: the same
//! ones.
//!
//! A [`GestureBook`] composes codes to gestures, in a file, and an [`EventDetector`] tells a game what a
//! body does: [`MotionEvent`]s.

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
