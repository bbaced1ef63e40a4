//! From the values of one signal to its codes: states, movements, oscillations.

use super::table::{CodeTable, KindTable};

/// Fraction of a movement's travel, or of an oscillation's width, that counts as standing still.
const STILL: f64 = 0.1;
/// A movement ends when it reverses by this fraction of its minimum travel,
const BACK: f64 = 0.3;
/// or advances by less than [`STILL`] for this long, seconds.
const STALL: f64 = 0.2;

/// The state that a signal is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StateTrack {
    /// Number of the state, and its start time.
    pub state: usize,
    pub since: f64,
    /// A new state that has not lasted for its dwell yet, and its start time.
    next: Option<(usize, f64)>,
}

impl StateTrack {
    pub(super) fn start(value: f64, time: f64, table: &KindTable) -> Self {
        Self { state: state_of(value, table, 0.0, 0), since: time, next: None }
    }

    /// Takes a frame. Returns the state that ended, and its start time.
    pub(super) fn push(
        &mut self,
        value: f64,
        time: f64,
        table: &KindTable,
    ) -> Option<(usize, f64)> {
        let now = state_of(value, table, table.hysteresis, self.state);
        if now == self.state {
            self.next = None;
            return None;
        }
        let since = match self.next {
            Some((next, since)) if next == now => since,
            _ => time,
        };
        self.next = Some((now, since));
        // A tolerance of half a nanosecond for rounding of the times.
        if time - since + 5e-10 < table.dwell_s {
            return None;
        }
        let ended = (self.state, self.since);
        *self = Self { state: now, since, next: None };
        Some(ended)
    }
}

/// The state of a value. Borders are shifted by half the hysteresis away from `current`.
fn state_of(value: f64, table: &KindTable, hysteresis: f64, current: usize) -> usize {
    let half = hysteresis / 2.0;
    let passed = |(i, border): &(usize, &f64)| {
        let shift = if *i < current { -half } else { half };
        value >= **border + shift
    };
    table.borders.iter().enumerate().take_while(passed).count()
}

/// A movement or oscillation in progress or just ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// Movements: whether the signal rises.
    pub rises: bool,
    pub start: f64,
    pub end: f64,
    /// Travel of a movement, mean width of an oscillation; in the signal's unit.
    pub size: f64,
    /// Greatest speed of a movement, in the signal's unit per second; frequency of an oscillation,
    /// hertz.
    pub rate: f64,
}

/// Effect of a frame on a movement or an oscillation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    None,
    Begins(Run),
    Ends(Run),
}

/// Finds the monotone runs of a signal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MoveTrack {
    /// Lowest and highest value at rest; they follow a drift.
    low: Base,
    high: Base,
    run: Option<Moving>,
    time: f64,
    value: f64,
}

/// A value from which a movement may have started.
#[derive(Clone, Copy, Debug, Default)]
struct Base {
    value: f64,
    /// The last time at which the signal was near this value, and its value then.
    time: f64,
    at: f64,
}

#[derive(Clone, Copy, Debug)]
struct Moving {
    rises: bool,
    start: f64,
    from: f64,
    /// The farthest value so far and its time.
    extreme: f64,
    extreme_time: f64,
    /// The last time at which it advanced by more than [`STILL`].
    goes_on: f64,
    at: f64,
    /// Greatest speed.
    peak: f64,
}

impl Moving {
    fn run(&self) -> Run {
        let size = (self.extreme - self.from).abs();
        Run { rises: self.rises, start: self.start, end: self.extreme_time, size, rate: self.peak }
    }
}

impl MoveTrack {
    pub(super) fn start(value: f64, time: f64) -> Self {
        let base = Base { value, time, at: value };
        Self { low: base, high: base, run: None, time, value }
    }

    /// The movement in progress.
    pub(super) fn now(&self) -> Option<Run> {
        self.run.map(|moving| moving.run())
    }

    /// Takes a frame.
    pub(super) fn push(&mut self, value: f64, time: f64, travel: f64, slowest_s: f64) -> Change {
        let seconds = time - self.time;
        let speed = (value - self.value) / seconds.max(1e-9);
        (self.time, self.value) = (time, value);
        let still = STILL * travel;
        if let Some(moving) = &mut self.run {
            let sign = if moving.rises { 1.0 } else { -1.0 };
            moving.peak = moving.peak.max(sign * speed);
            if sign * (value - moving.extreme) > 0.0 {
                moving.extreme = value;
                moving.extreme_time = time;
            }
            if sign * (value - moving.at) > still {
                moving.at = value;
                moving.goes_on = time;
            }
            let turned = sign * (moving.extreme - value) > BACK * travel;
            let stalled = time - moving.goes_on > STALL;
            if !(turned || stalled) {
                return Change::None;
            }
            let mut run = moving.run();
            if stalled && !turned {
                run.end = moving.goes_on;
            }
            // The reverse movement starts at the turning point.
            let top = Base { value: moving.extreme, time: run.end, at: moving.extreme };
            let here = Base { value, time, at: value };
            (self.low, self.high) = if moving.rises { (here, top) } else { (top, here) };
            self.run = None;
            return Change::Ends(run);
        }
        let drift = travel / slowest_s * seconds;
        self.low.value = (self.low.value + drift).min(value);
        self.high.value = (self.high.value - drift).max(value);
        if value <= self.low.value + still {
            (self.low.time, self.low.at) = (time, value);
        }
        if value >= self.high.value - still {
            (self.high.time, self.high.at) = (time, value);
        }
        let rises = value - self.low.value >= travel;
        if !rises && self.high.value - value < travel {
            return Change::None;
        }
        let base = if rises { self.low } else { self.high };
        let moving = Moving {
            rises,
            start: base.time,
            from: base.at,
            extreme: value,
            extreme_time: time,
            goes_on: time,
            at: value,
            peak: speed.abs(),
        };
        self.run = Some(moving);
        Change::Begins(moving.run())
    }
}

/// Finds the oscillations of a signal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RepeatTrack {
    /// Whether the signal rises since the last turn; unknown before the first one.
    rises: Option<bool>,
    /// Lowest and highest value since the last turn.
    low: Extreme,
    high: Extreme,
    turn: Extreme,
    /// Consecutive half swings within the frequency range.
    swings: u32,
    start: f64,
    /// End of the first half swing. It often starts from rest, so only the others have the full
    /// width and take half a period.
    first: f64,
    /// Sum of the widths of the others.
    width: f64,
}

/// An extreme value, and the last time at which the signal was near it.
#[derive(Clone, Copy, Debug, Default)]
struct Extreme {
    value: f64,
    time: f64,
}

impl RepeatTrack {
    pub(super) fn start(value: f64, time: f64) -> Self {
        let here = Extreme { value, time };
        Self { low: here, high: here, turn: here, ..Self::default() }
    }

    fn run(&self) -> Run {
        let whole = f64::from(self.swings.saturating_sub(1).max(1));
        let rate = 0.5 * whole / (self.turn.time - self.first).max(1e-9);
        let rises = self.rises == Some(true);
        Run { rises, start: self.start, end: self.turn.time, size: self.width / whole, rate }
    }

    /// The oscillation in progress.
    pub(super) fn now(&self, table: &CodeTable) -> Option<Run> {
        (self.swings >= table.repeat_swings).then(|| self.run())
    }

    /// Takes a frame.
    pub(super) fn push(&mut self, value: f64, time: f64, swing: f64, table: &CodeTable) -> Change {
        let [slow, fast] = table.repeat_hz.map(|hz| 0.5 / hz);
        let still = STILL * swing;
        if value < self.low.value + still {
            self.low = Extreme { value: self.low.value.min(value), time };
        }
        if value > self.high.value - still {
            self.high = Extreme { value: self.high.value.max(value), time };
        }
        let was = self.now(table);
        let turns_up = self.rises != Some(true) && value - self.low.value >= swing;
        let turns_down = self.rises != Some(false) && self.high.value - value >= swing;
        if turns_up || turns_down {
            let before = *self;
            let turn = if turns_up { self.low } else { self.high };
            let half = turn.time - self.turn.time;
            // Before the first turn there is no half swing.
            if self.rises.is_some() && (fast..=slow).contains(&half) {
                self.swings += 1;
                if self.swings == 1 {
                    self.first = turn.time;
                } else {
                    self.width += (turn.value - self.turn.value).abs();
                }
            } else {
                self.swings = 0;
                self.width = 0.0;
                self.start = turn.time;
            }
            let here = Extreme { value, time };
            (self.rises, self.turn) = (Some(turns_up), turn);
            (self.low, self.high) = (here, here);
            return match (was, self.now(table)) {
                (None, Some(run)) => Change::Begins(run),
                (Some(_), None) => Change::Ends(before.run()),
                _ => Change::None,
            };
        }
        if let Some(run) = was {
            // The next turn is overdue.
            let due = (1.0 / run.rate).min(slow).max(2.0 * fast);
            let extreme = if run.rises { self.high } else { self.low };
            if time - extreme.time.max(self.turn.time) > due {
                self.swings = 0;
                self.width = 0.0;
                self.start = self.turn.time;
                return Change::Ends(run);
            }
        }
        Change::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const RATE: f64 = 100.0;

    fn angles() -> KindTable {
        KindTable {
            borders: vec![10.0, 20.0],
            hysteresis: 4.0,
            dwell_s: 0.1,
            travel: 25.0,
            pace: 100.0,
            swing: 10.0,
        }
    }

    /// The states of a signal over time: number, start and end.
    fn states(value: impl Fn(f64) -> f64, seconds: f64) -> Vec<(usize, f64, f64)> {
        let table = angles();
        let mut track = StateTrack::start(value(0.0), 0.0, &table);
        let mut found = vec![];
        for i in 1..=(seconds * RATE) as usize {
            let time = i as f64 / RATE;
            if let Some((state, since)) = track.push(value(time), time, &table) {
                found.push((state, since, track.since));
            }
        }
        found.push((track.state, track.since, seconds));
        found
    }

    #[test]
    fn a_state_needs_its_border_its_band_and_its_time() {
        let step = |t: f64| if t < 0.5 { 5.0 } else { 15.0 };
        assert_eq!(states(step, 1.0), [(0, 0.0, 0.5), (1, 0.5, 1.0)]);
        // Within the band of ±2 around 10 nothing changes.
        let trembles = |t: f64| 10.0 + 1.9 * (TAU * 5.0 * t).sin();
        assert_eq!(states(trembles, 1.0).len(), 1);
        // A peak shorter than the dwell is ignored.
        let peak = |t: f64| if (0.5..0.58).contains(&t) { 25.0 } else { 5.0 };
        assert_eq!(states(peak, 1.0), [(0, 0.0, 1.0)]);
        // A slow rise passes through all three states.
        let found: Vec<usize> = states(|t| 30.0 * t, 1.0).iter().map(|s| s.0).collect();
        assert_eq!(found, [0, 1, 2]);
    }

    fn runs(value: impl Fn(f64) -> f64, seconds: f64) -> Vec<Run> {
        let mut track = MoveTrack::start(value(0.0), 0.0);
        let mut found = vec![];
        for i in 1..=(seconds * RATE) as usize {
            let time = i as f64 / RATE;
            if let Change::Ends(run) = track.push(value(time), time, 25.0, 1.5) {
                found.push(run);
            }
        }
        found.extend(track.now());
        found
    }

    fn ramp(t: f64, from: f64, to: f64) -> f64 {
        ((t - from) / (to - from)).clamp(0.0, 1.0)
    }

    #[test]
    fn a_movement_has_its_start_its_end_and_its_travel() {
        let found = runs(|t| 40.0 * (ramp(t, 1.0, 1.5) - ramp(t, 2.5, 3.0)), 4.0);
        assert_eq!(found.iter().map(|run| run.rises).collect::<Vec<_>>(), [true, false]);
        for (run, [start, end]) in found.iter().zip([[1.0, 1.5], [2.5, 3.0]]) {
            assert!((run.start - start).abs() < 0.05 && (run.end - end).abs() < 0.05, "{run:?}");
            assert!((run.size - 40.0).abs() < 3.0 && (run.rate - 80.0).abs() < 1e-6, "{run:?}");
        }
    }

    #[test]
    fn there_and_back_at_once_are_two_movements() {
        let found = runs(|t| 40.0 * (ramp(t, 1.0, 1.3) - ramp(t, 1.3, 1.6)), 3.0);
        let times: Vec<[f64; 2]> = found.iter().map(|run| [run.start, run.end]).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!((times[0][1] - 1.3).abs() < 0.02 && (times[1][0] - 1.3).abs() < 0.02, "{times:?}");
    }

    #[test]
    fn drifts_and_small_movements_do_not_count() {
        assert_eq!(runs(|t| 10.0 * t, 8.0), []);
        assert_eq!(runs(|t| 20.0 * ramp(t, 1.0, 1.5), 4.0), []);
    }

    fn oscillations(value: impl Fn(f64) -> f64, seconds: f64) -> Vec<Run> {
        let table = CodeTable::default();
        let mut track = RepeatTrack::start(value(0.0), 0.0);
        let mut found = vec![];
        for i in 1..=(seconds * RATE) as usize {
            let time = i as f64 / RATE;
            if let Change::Ends(run) = track.push(value(time), time, 10.0, &table) {
                found.push(run);
            }
        }
        found.extend(track.now(&table));
        found
    }

    #[test]
    fn an_oscillation_has_its_frequency_and_its_width() {
        for hz in [0.7, 1.5, 3.0] {
            let wave = |t: f64| {
                if (1.0..5.0).contains(&t) { 12.0 * (TAU * hz * (t - 1.0)).sin() } else { 0.0 }
            };
            let found = oscillations(wave, 8.0);
            assert_eq!(found.len(), 1, "{hz} Hz: {found:?}");
            assert!((found[0].rate / hz - 1.0).abs() < 0.1, "{hz} Hz: {found:?}");
            assert!((found[0].size / 24.0 - 1.0).abs() < 0.1, "{hz} Hz: {found:?}");
            assert!((found[0].start - 1.0).abs() < 0.5 / hz && found[0].end < 5.0, "{found:?}");
        }
    }

    #[test]
    fn too_slow_too_fast_too_few_and_too_small_are_no_oscillations() {
        let wave = |hz: f64, by: f64| move |t: f64| by * (TAU * hz * t).sin();
        assert_eq!(oscillations(wave(0.3, 12.0), 10.0), []);
        assert_eq!(oscillations(wave(6.0, 12.0), 10.0), []);
        assert_eq!(oscillations(wave(1.0, 4.0), 10.0), []);
        let once = |t: f64| if t < 1.0 { 12.0 * (TAU * t).sin() } else { 0.0 };
        assert_eq!(oscillations(once, 5.0), []);
    }
}
