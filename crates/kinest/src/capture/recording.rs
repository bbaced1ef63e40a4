//! Recordings of a game (`.jsonl`) as motion, where they hold the bodies that were shown.

use super::LineError;
use super::bones::MOST_POSES;
use super::rate::usual_rate;
use super::scan::lines;
use crate::motion::{ClipFrame, MotionClip};
use crate::skeleton::{Pose, SmplJoint as J};
use serde::Deserialize;
use std::borrow::Cow;

/// What the first line of a recording has, and how long that line is at most, bytes.
const KEY: &[u8] = b"\"kinest_recording\"";
const LONGEST_HEADER: usize = 1024;
/// A rate this close to a whole one, relatively, means that one: games draw when they can.
const RATE_TOLERANCE: f64 = 2e-2;
/// Rates of games, Hz.
const RATES: [f64; 2] = [1.0, 1000.0];
/// Poses further apart than this, seconds, have something missing between them.
const GAP: f64 = 0.5;
/// Most frames that are made of gaps: these, and for each pose so many.
const OF_GAPS: [usize; 2] = [10_000, 100];

/// What is read of a line; see `live::Recording` for all of it.
#[derive(Deserialize)]
struct Line {
    time: f64,
    pose: Option<Pose>,
}

/// Whether these are the first bytes of a recording.
pub(super) fn is_recording(start: &[u8]) -> bool {
    let header = &start[..start.len().min(LONGEST_HEADER)];
    let header = header.split(|byte| *byte == b'\n').next().unwrap_or_default();
    header.windows(KEY.len()).any(|part| part == KEY)
}

/// The bodies of a recording at a constant rate, and what was unusual; `None` if it has no bodies, only trackers.
pub(super) fn read_recording(text: &str) -> Result<Option<(MotionClip, Vec<String>)>, LineError> {
    let mut poses: Vec<(f64, Pose)> = Vec::new();
    let mut rows = lines(text).skip(1).peekable();
    let mut end = 1;
    while let Some((line, row)) = rows.next() {
        end = line;
        let mut row = Cow::Borrowed(row);
        // JSON has no word for it, but Python writes these.
        for word in ["NaN", "-Infinity", "Infinity"] {
            if row.contains(word) {
                row = Cow::Owned(row.replace(word, "null"));
            }
        }
        let Line { time, pose } = match serde_json::from_str(&row) {
            Ok(parsed) => parsed,
            // The game ended in the middle of its last line.
            Err(error) if error.is_eof() && rows.peek().is_none() => break,
            Err(error) => return Err(LineError::new(line, error.to_string())),
        };
        let Some(mut pose) = pose else { continue };
        if poses.last().is_some_and(|(before, _)| time <= *before) {
            return Err(LineError::new(line, format!("the time {time} does not rise")));
        }
        let is_turn = |length: f64| (0.5..2.0).contains(&length);
        if !pose.is_finite() || !pose.rotations.iter().all(|turn| is_turn(turn.length())) {
            return Err(LineError::new(line, "a rotation of the pose is none"));
        }
        pose.rotations = pose.rotations.map(|turn| turn.normalize());
        poses.push((time, pose));
    }
    let [(start, _), .., (last, _)] = &poses[..] else { return Ok(None) };

    let mut steps: Vec<f64> = poses.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let gaps = steps.iter().filter(|step| **step > GAP).count();
    let middle = steps.len() / 2;
    let (_, step, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
    let rate_hz = usual_rate(step.recip().clamp(RATES[0], RATES[1]), RATE_TOLERANCE);
    // The tolerance keeps a last frame that is off the grid only by rounding.
    let count = ((last - start) * rate_hz + 1e-6).floor() + 1.0;
    let most = (OF_GAPS[0] + OF_GAPS[1] * poses.len()).min(MOST_POSES / J::COUNT);
    if count > most as f64 {
        let (seconds, bodies) = (last - start, poses.len());
        let problem = format!("{bodies} bodies in {seconds} s are too long: split the file");
        return Err(LineError::new(end, problem));
    }
    let mut after = 1;
    let frame = |k: usize| {
        let time = start + k as f64 / rate_hz;
        while after + 1 < poses.len() && poses[after].0 < time {
            after += 1;
        }
        let ((from, a), (to, b)) = (&poses[after - 1], &poses[after]);
        ClipFrame::from(&a.interpolate(b, ((time - from) / (to - from)).clamp(0.0, 1.0)))
    };
    let frames = (0..count as usize).map(frame).collect();
    let mut notes = vec![format!(
        "{} bodies as they were shown in a game; frames are made at {rate_hz} Hz",
        poses.len()
    )];
    if gaps > 0 {
        notes.push(format!("{gaps} times there is no body for more than {GAP} s"));
    }
    Ok(Some((MotionClip { rate_hz, frames }, notes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::{exp, geodesic_angle};
    use crate::skeleton::Skeleton;

    const HEADER: &str = "{\"kinest_recording\":1,\"trackers\":\"HeadAndHands\"}\n";

    /// A walk as a game records it: every third frame is late by a millisecond, and the first ten have no body.
    fn recorded() -> (MotionClip, String) {
        let mut walk = walk_and_wave(&Skeleton::default()).resampled(60.0);
        walk.frames.truncate(50);
        let mut text = HEADER.to_owned();
        for k in 0..50 {
            let late = if k % 3 == 1 { 1e-3 } else { 0.0 };
            let time = k as f64 / 60.0 + late;
            let pose = (k >= 10).then(|| walk.pose_at(time));
            let row = serde_json::json!({"time": 5.0 + time, "trackers": [], "pose": pose});
            text += &format!("{row}\n");
        }
        (walk, text)
    }

    #[test]
    fn bodies_of_a_game_are_motion_at_a_constant_rate() {
        let (walk, text) = recorded();
        assert!(is_recording(text.as_bytes()));
        let (clip, notes) = read_recording(&text).unwrap().unwrap();
        assert_eq!((clip.rate_hz, notes.len()), (60.0, 1), "{notes:?}");
        // The first body was late.
        let late = 1e-3;
        assert_eq!(clip.frames.len(), 40);
        for (k, frame) in clip.frames.iter().enumerate() {
            let expected = walk.pose_at((k + 10) as f64 / 60.0 + late);
            assert!(frame.translation.distance(expected.translation) < 2e-3, "frame {k}");
            for (a, b) in frame.rotations.iter().zip(expected.rotations) {
                assert!(geodesic_angle(exp(*a), b) < 0.02, "frame {k}");
            }
        }
        // What is cut off in its last line ends with the one before, which was not late.
        let (cut, _) = read_recording(&text[..text.len() - 20]).unwrap().unwrap();
        assert_eq!(cut.frames.len(), 38);
    }

    #[test]
    fn recordings_without_bodies_are_known_and_errors_name_the_line() {
        let row = "{\"time\":0.5,\"trackers\":[NaN]}\n";
        assert!(read_recording(&format!("{HEADER}{row}")).unwrap().is_none());
        assert!(!is_recording(b"{\"asset\":{\"version\":\"2.0\"}}"));
        let (_, text) = recorded();
        let rows: Vec<&str> = text.lines().collect();
        for (changed, line, problem) in [
            (text.replace(rows[30], "{\"time\":1,"), 31, "EOF"),
            (text.replace(rows[30], rows[29]), 31, "does not rise"),
            (
                text.replace(rows[30], &rows[30].replace("\"rotations\"", "\"turns\"")),
                31,
                "rotations",
            ),
            (
                format!("{text}{}\n", rows[50].replace("\"time\":5", "\"time\":1e300,\"t\":5")),
                52,
                "too long",
            ),
        ] {
            let error = read_recording(&changed).unwrap_err();
            assert!(error.line == line && error.problem.contains(problem), "{error:?}");
        }
    }
}
