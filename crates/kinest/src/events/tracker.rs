//! The codes of a body, frame by frame.

use super::class::{Class, ClassSort};
use super::kind::CodeKind;
use super::measure::{Measure, Values};
use super::segment::{Code, CodeSegment};
use super::signal::Signal;
use super::table::CodeTable;
use super::track::{Change, MoveTrack, RepeatTrack, Run, StateTrack};
use crate::skeleton::{JointTransforms, Skeleton, SmplJoint};
use std::sync::Arc;

/// Why the codes of a body cannot be determined.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CodeError {
    /// The skeleton has no height to measure by.
    #[error("the skeleton stands {stature} m tall, with the pelvis at {root} m: not a body")]
    Skeleton {
        /// Its [stature](Skeleton::stature), metres.
        stature: f64,
        /// Its [pelvis height](Skeleton::standing_root_height), metres.
        root: f64,
    },
    /// A joint's position is not finite; the frame is ignored.
    #[error("the frame at {time} s is ignored: {} is not at a finite place", .joint.name())]
    NotFinite {
        /// The frame's time, seconds.
        time: f64,
        /// The first such joint.
        joint: SmplJoint,
    },
    /// A frame is not later than the previous one; it is ignored.
    #[error("the frame at {time} s is ignored: the one before was at {before} s")]
    Time {
        /// The frame's time, seconds.
        time: f64,
        /// The time of the previous frame.
        before: f64,
    },
    /// A clip has too few frames for velocities.
    #[error("the clip has {frames} frames at {rate_hz} Hz; codes need at least {needed}")]
    Short {
        /// Its frames.
        frames: usize,
        /// Its rate.
        rate_hz: f64,
        /// Minimum number of frames.
        needed: usize,
    },
}

/// A code that begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeChange {
    /// Whether it ends; otherwise it begins.
    pub ends: bool,
    /// The code and its time so far. A code is detected only after its dwell, its minimum travel or
    /// its third swing, so its start is earlier.
    pub segment: CodeSegment,
}

/// Follows the codes of one body.
///
/// Frames may come at any rate, evenly or not; the codes depend on the rate only by the resolution
/// of the frames. Nothing is allocated after [`new`](Self::new).
///
/// A state is detected `dwell_s` plus about 0.03 s of smoothing after its start, a movement after
/// its minimum travel, an oscillation with its third half swing.
///
/// ```
/// use kinest::events::{CodeTable, CodeTracker};
/// use kinest::motion::synthetic::{self, Kind};
/// use kinest::skeleton::{Pose, Skeleton};
///
/// let skeleton = Skeleton::default();
/// let clip = synthetic::clip(Kind::Squat, 1, 4.0, 60.0, &skeleton);
/// let mut tracker = CodeTracker::new(CodeTable::default(), &skeleton)?;
/// for (i, frame) in clip.frames.iter().enumerate() {
///     let joints = skeleton.pose_joints(&Pose::from(frame));
///     for change in tracker.push(i as f64 / clip.rate_hz, &joints)? {
///         if !change.ends {
///             println!("{:.2} s: {}", change.segment.start_s, change.segment.code);
///         }
///     }
/// }
/// # Ok::<(), kinest::events::CodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CodeTracker {
    table: Arc<CodeTable>,
    measure: Measure,
    values: Values,
    states: [StateTrack; Signal::COUNT],
    moves: [MoveTrack; Signal::COUNT],
    repeats: [RepeatTrack; Signal::COUNT],
    time: Option<f64>,
    changes: Vec<CodeChange>,
    key: [usize; Signal::COUNT],
    key_frame: Option<f64>,
}

impl CodeTracker {
    /// A tracker without any frame yet.
    ///
    /// # Errors
    /// If the skeleton has no height.
    pub fn new(table: impl Into<Arc<CodeTable>>, skeleton: &Skeleton) -> Result<Self, CodeError> {
        let (stature, root) = (skeleton.stature(), skeleton.standing_root_height());
        let tall = |height: f64| height.is_finite() && height > 1e-3;
        if !(tall(stature) && tall(root)) {
            return Err(CodeError::Skeleton { stature, root });
        }
        Ok(Self {
            table: table.into(),
            measure: Measure::new(skeleton),
            values: [0.0; Signal::COUNT],
            states: [StateTrack::default(); Signal::COUNT],
            moves: [MoveTrack::default(); Signal::COUNT],
            repeats: [RepeatTrack::default(); Signal::COUNT],
            time: None,
            // Each signal changes in at most three ways; a restart also ends all earlier codes.
            changes: Vec::with_capacity(6 * Signal::COUNT),
            key: [0; Signal::COUNT],
            key_frame: None,
        })
    }

    /// The thresholds.
    #[must_use]
    pub fn table(&self) -> &CodeTable {
        &self.table
    }

    /// Takes a frame at `time` seconds and returns the codes that begin and end with it. `joints`
    /// are in AMASS space, of the tracker's skeleton.
    ///
    /// After a pause longer than the table's `gap_s`, or after a teleport of the body, all codes
    /// end with the previous frame and start afresh.
    ///
    /// # Errors
    /// If the position of a joint is not finite, or the time is not later than the last one. The
    /// frame is then ignored, and the next valid frame continues from the one before.
    pub fn push(
        &mut self,
        time: f64,
        joints: &JointTransforms,
    ) -> Result<&[CodeChange], CodeError> {
        let finite = |joint: &SmplJoint| {
            joints.positions[joint.index()].is_finite()
                && joints.rotations[joint.index()].is_finite()
        };
        if let Some(joint) = SmplJoint::ALL.into_iter().find(|joint| !finite(joint)) {
            return Err(CodeError::NotFinite { time, joint });
        }
        if !time.is_finite() || self.time.is_some_and(|before| time <= before) {
            return Err(CodeError::Time { time, before: self.time.unwrap_or(0.0) });
        }
        self.changes.clear();
        let seconds = self.time.map(|before| time - before);
        match seconds {
            Some(seconds)
                if seconds <= self.table.gap_s && !self.measure.jumps(joints, seconds) =>
            {
                self.go_on(time, seconds, joints);
            }
            _ => {
                self.end_all();
                self.begin(time, joints);
            }
        }
        self.time = Some(time);
        self.follow_key_frame(time);
        Ok(&self.changes)
    }

    /// Ends all codes at the newest frame, as at the end of a clip, and returns them. The next
    /// frame starts afresh.
    pub fn finish(&mut self) -> &[CodeChange] {
        self.changes.clear();
        self.end_all();
        self.time = None;
        &self.changes
    }

    /// The codes that began and ended with the newest frame, or with [`finish`](Self::finish).
    #[must_use]
    pub fn changes(&self) -> &[CodeChange] {
        &self.changes
    }

    /// The segments of all codes that hold now, up to the newest frame, in the order of
    /// [`Signal::ALL`].
    pub fn running(&self) -> impl Iterator<Item = CodeSegment> {
        Signal::ALL.into_iter().flat_map(move |signal| {
            signal.kind.classes().filter_map(move |class| self.now(Code { signal, class }))
        })
    }

    /// The smoothed value of a signal, in the unit of its kind; zero before the first frame.
    #[must_use]
    pub fn value(&self, signal: Signal) -> f64 {
        self.values[signal.index()]
    }

    /// The segment of a code that holds now, up to the newest frame.
    #[must_use]
    pub fn now(&self, code: Code) -> Option<CodeSegment> {
        let time = self.time?;
        let Code { signal, class } = code;
        let i = signal.index();
        match class.sort() {
            ClassSort::State => {
                let track = &self.states[i];
                let holds = signal.kind.states().get(track.state) == Some(&class);
                holds.then(|| state_segment(signal, track.state, track.since, time))
            }
            ClassSort::Move => {
                let run = self.moves[i].now()?;
                let segment = self.move_segment(signal, &run)?;
                (segment.code.class == class).then_some(CodeSegment { end_s: time, ..segment })
            }
            ClassSort::Repeat => {
                let run = self.repeats[i].now(&self.table)?;
                let segment = self.repeat_segment(signal, &run)?;
                (segment.code.class == class).then_some(CodeSegment { end_s: time, ..segment })
            }
        }
    }

    /// The state that a signal is in; `None` before the first frame, and for kinds without states.
    #[must_use]
    pub fn state(&self, signal: Signal) -> Option<Class> {
        self.time?;
        signal.kind.states().get(self.states[signal.index()].state).copied()
    }

    /// Time of the newest key frame: a frame in which many states differ from the key frame before.
    #[must_use]
    pub fn key_frame(&self) -> Option<f64> {
        self.key_frame
    }

    fn begin(&mut self, time: f64, joints: &JointTransforms) {
        self.measure.restart();
        self.values = self.measure.values(joints, 0.0);
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            let (kind, value) = (self.table.kind(signal.kind), self.values[i]);
            self.states[i] = StateTrack::start(value, time, kind);
            self.moves[i] = MoveTrack::start(value, time);
            self.repeats[i] = RepeatTrack::start(value, time);
            if !signal.kind.states().is_empty() {
                let segment = state_segment(signal, self.states[i].state, time, time);
                self.changes.push(CodeChange { ends: false, segment });
            }
        }
        self.key_frame = None;
    }

    fn go_on(&mut self, time: f64, seconds: f64, joints: &JointTransforms) {
        let raw = self.measure.values(joints, seconds);
        let new = [self.table.smoothing_s, self.table.speed_smoothing_s]
            .map(|constant| 1.0 - (-seconds / constant).exp());
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            self.values[i] += (raw[i] - self.values[i]) * new[usize::from(is_speed(signal.kind))];
            let value = self.values[i];
            let kind = self.table.kind(signal.kind);
            if !signal.kind.states().is_empty()
                && let Some((state, since)) = self.states[i].push(value, time, kind)
            {
                let StateTrack { state: next, since: until, .. } = self.states[i];
                let ended = state_segment(signal, state, since, until);
                let begun = state_segment(signal, next, until, time);
                self.changes.push(CodeChange { ends: true, segment: ended });
                self.changes.push(CodeChange { ends: false, segment: begun });
            }
            if !signal.kind.moves().is_empty() {
                let change = self.moves[i].push(value, time, kind.travel, self.table.slowest_s);
                let told = told(change, |run| self.move_segment(signal, run));
                self.changes.extend(told);
            }
            if signal.kind.repeat().is_some() {
                let change = self.repeats[i].push(value, time, kind.swing, &self.table);
                let told = told(change, |run| self.repeat_segment(signal, run));
                self.changes.extend(told);
            }
        }
    }

    fn end_all(&mut self) {
        let Some(time) = self.time else { return };
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            let track = self.states[i];
            if !signal.kind.states().is_empty() {
                let segment = state_segment(signal, track.state, track.since, time);
                self.changes.push(CodeChange { ends: true, segment });
            }
            let run = self.moves[i].now();
            let moves = run.and_then(|run| self.move_segment(signal, &run));
            let run = self.repeats[i].now(&self.table);
            let repeats = run.and_then(|run| self.repeat_segment(signal, &run));
            let ended = moves.into_iter().chain(repeats);
            self.changes.extend(ended.map(|segment| CodeChange { ends: true, segment }));
        }
    }

    fn follow_key_frame(&mut self, time: f64) {
        let now = |i: usize| self.states[i].state;
        let with_states = Signal::ALL.into_iter().filter(|s| !s.kind.states().is_empty());
        let (mut all, mut changed) = (0_u32, 0_u32);
        for signal in with_states {
            all += 1;
            changed += u32::from(now(signal.index()) != self.key[signal.index()]);
        }
        let much = f64::from(changed) > self.table.key_frame_part * f64::from(all);
        if self.key_frame.is_none() || much {
            self.key = std::array::from_fn(now);
            self.key_frame = Some(time);
        }
    }

    fn move_segment(&self, signal: Signal, run: &Run) -> Option<CodeSegment> {
        let class = *signal.kind.moves().get(usize::from(run.rises))?;
        let table = self.table.kind(signal.kind);
        Some(CodeSegment {
            code: Code { signal, class },
            start_s: run.start,
            end_s: run.end,
            intensity: run.size / table.travel,
            speed: run.rate / table.pace,
        })
    }

    fn repeat_segment(&self, signal: Signal, run: &Run) -> Option<CodeSegment> {
        let class = signal.kind.repeat()?;
        Some(CodeSegment {
            code: Code { signal, class },
            start_s: run.start,
            end_s: run.end,
            intensity: run.size / self.table.kind(signal.kind).swing,
            speed: run.rate,
        })
    }
}

fn told(change: Change, segment: impl Fn(&Run) -> Option<CodeSegment>) -> Option<CodeChange> {
    match change {
        Change::None => None,
        Change::Begins(run) => segment(&run).map(|segment| CodeChange { ends: false, segment }),
        Change::Ends(run) => segment(&run).map(|segment| CodeChange { ends: true, segment }),
    }
}

fn state_segment(signal: Signal, state: usize, start_s: f64, end_s: f64) -> CodeSegment {
    let states = signal.kind.states();
    let usual = states.iter().position(|class| Some(*class) == signal.kind.usual());
    let intensity = usual.map_or(0.0, |usual| usual.abs_diff(state) as f64);
    let code = Code { signal, class: states[state] };
    CodeSegment { code, start_s, end_s, intensity, speed: 0.0 }
}

/// Whether it is a speed: speeds are differences of frames and are smoothed more.
fn is_speed(kind: CodeKind) -> bool {
    use super::kind::Unit;
    matches!(kind.unit(), Unit::HeightsPerSecond | Unit::DegreesPerSecond)
}
