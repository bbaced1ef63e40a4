//! Biovision hierarchies (`.bvh`), of any program.

use super::LineError;
use super::bones::{BoneMotion, BonePose};
use super::scan::{Words, finite, lines};
use crate::rig::Bone;
use glam::{DQuat, DVec3};

/// More joints than any body has; a file with more is none.
const MOST_JOINTS: usize = 1024;
/// A frame time this close to that of a whole rate, relatively, means that rate: files have few digits.
const RATE_TOLERANCE: f64 = 5e-3;
/// Frame rates that motion has, Hz.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=10_000.0;

/// One number of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    /// Along x, y or z.
    Position(usize),
    /// About x, y or z.
    Rotation(usize),
}

impl Channel {
    fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let axis = match word.as_bytes().first()? {
            b'x' => 0,
            b'y' => 1,
            b'z' => 2,
            _ => return None,
        };
        match &word[1..] {
            "position" | "translation" => Some(Self::Position(axis)),
            "rotation" => Some(Self::Rotation(axis)),
            _ => None,
        }
    }
}

/// Reads the text of a BVH file. Joints are bones with their `OFFSET` as translation; ends of limbs (`End
/// Site`) are bones called as the joint with `_end`. Positions replace offsets, rotations are about the axes in the
/// order of the channels, each in the axes that the one before has turned.
///
/// # Errors
/// If the text is no BVH file; the error names the line.
pub fn read_bvh(text: &str) -> Result<BoneMotion, LineError> {
    let mut words = Words::new(lines(text));
    words.expect("HIERARCHY")?;
    let (mut bones, mut channels) = (Vec::<Bone>::new(), Vec::<(usize, Channel)>::new());
    // The joints that are open, from the root on.
    let mut open: Vec<usize> = Vec::new();
    loop {
        let word = words.word("`JOINT`, `}` or `MOTION`")?;
        match word.to_ascii_uppercase().as_str() {
            "ROOT" | "JOINT" | "END" | "ENDSITE" => {
                let parent = open.last().copied();
                let mut name = Vec::new();
                while words.peek().is_some_and(|next| next != "{") {
                    name.push(words.word("a name")?);
                }
                words.expect("{")?;
                let is_end = word.to_ascii_uppercase().starts_with("END");
                let name = match parent {
                    Some(parent) if is_end => format!("{}_end", bones[parent].name),
                    _ => name.join(" "),
                };
                if bones.len() >= MOST_JOINTS {
                    return Err(words.fail(format!("more than {MOST_JOINTS} joints")));
                }
                open.push(bones.len());
                bones.push(Bone {
                    name,
                    parent,
                    translation: DVec3::ZERO,
                    rotation: DQuat::IDENTITY,
                    scale: DVec3::ONE,
                });
            }
            "}" => {
                open.pop().ok_or_else(|| words.fail("`}` without a joint"))?;
            }
            "OFFSET" => {
                let mut offset = [0.0; 3];
                for number in &mut offset {
                    *number = words.number("an offset")?;
                }
                let joint = *open.last().ok_or_else(|| words.fail("an offset outside joints"))?;
                bones[joint].translation = offset.into();
            }
            "CHANNELS" => {
                let joint = *open.last().ok_or_else(|| words.fail("channels outside joints"))?;
                let count = words.number("a number of channels")?;
                if count.fract() != 0.0 || !(0.0..=9.0).contains(&count) {
                    return Err(words.fail(format!("{count} channels")));
                }
                for _ in 0..count as usize {
                    let word = words.word("a channel")?;
                    let channel = Channel::parse(word)
                        .ok_or_else(|| words.fail(format!("`{word}` is no channel")))?;
                    channels.push((joint, channel));
                }
            }
            "MOTION" if open.is_empty() => break,
            "MOTION" => return Err(words.fail("a `}` is missing before `MOTION`")),
            _ => return Err(words.fail(format!("`{word}` is not expected here"))),
        }
    }
    if channels.is_empty() {
        return Err(words.fail("no joint has channels"));
    }
    frames(text, words.line, bones, &channels)
}

/// Reads what comes after the line `MOTION`.
fn frames(
    text: &str,
    motion: usize,
    bones: Vec<Bone>,
    channels: &[(usize, Channel)],
) -> Result<BoneMotion, LineError> {
    let mut rest = lines(text).skip(motion).filter(|(_, line)| !line.trim().is_empty());
    let mut header = |wanted: &str| {
        let (line, found) = rest
            .next()
            .ok_or_else(|| LineError::new(motion, format!("the file ends before `{wanted}`")))?;
        let fail = || LineError::new(line, format!("`{wanted}: NUMBER` expected, found `{found}`"));
        let (name, number) = found.split_once(':').ok_or_else(fail)?;
        if !name
            .split_whitespace()
            .collect::<String>()
            .eq_ignore_ascii_case(&wanted.replace(' ', ""))
        {
            return Err(fail());
        }
        Ok((line, finite(number.trim()).ok_or_else(fail)?))
    };
    let (_, count) = header("Frames")?;
    let (line, seconds) = header("Frame Time")?;
    let exact = 1.0 / seconds;
    let whole = exact.round();
    let rate_hz = if (exact / whole - 1.0).abs() < RATE_TOLERANCE { whole } else { exact };
    if !RATES.contains(&rate_hz) {
        return Err(LineError::new(line, format!("a frame time of {seconds} s")));
    }

    let mut motion = BoneMotion {
        bones,
        rate_hz,
        frames: Vec::new(),
        notes: Vec::new(),
        said: Default::default(),
    };
    let (mut row, mut first) = (Vec::with_capacity(channels.len()), 0);
    let mut last = line;
    let mut offsets_are_added = None;
    for (line, words) in rest.map(|(line, text)| (line, text.split_whitespace())) {
        for word in words {
            let Some(number) = finite(word) else {
                return Err(LineError::new(line, format!("`{word}` is no number")));
            };
            if row.is_empty() {
                first = line;
            }
            row.push(number);
            if row.len() == channels.len() {
                let added = *offsets_are_added
                    .get_or_insert_with(|| are_added(&motion.bones, channels, &row));
                let poses = frame(&motion.bones, channels, &row, added);
                motion.push(poses).map_err(|problem| LineError::new(line, problem))?;
                row.clear();
            }
        }
        last = line;
    }
    if !row.is_empty() {
        let (found, wanted) = (row.len(), channels.len());
        return Err(LineError::new(
            first,
            format!("a frame has {found} numbers to line {last}, the channels are {wanted}"),
        ));
    }
    if motion.frames.is_empty() {
        return Err(LineError::new(last, "there are no frames"));
    }
    if count != motion.frames.len() as f64 {
        motion.notes.push(format!("`Frames: {count}`, but there are {}", motion.frames.len()));
    }
    Ok(motion)
}

/// Whether positions of joints below the root are meant as additions to their offsets: then they are near zero
/// where offsets are not.
fn are_added(bones: &[Bone], channels: &[(usize, Channel)], row: &[f64]) -> bool {
    let (mut positions, mut offsets) = (0.0, 0.0);
    for ((joint, channel), number) in channels.iter().zip(row) {
        if let Channel::Position(axis) = channel
            && bones[*joint].parent.is_some()
        {
            positions += number.abs();
            offsets += bones[*joint].translation[*axis].abs();
        }
    }
    positions < 0.2 * offsets
}

fn frame(bones: &[Bone], channels: &[(usize, Channel)], row: &[f64], added: bool) -> Vec<BonePose> {
    let at_rest = |bone: &Bone| (bone.translation, DQuat::IDENTITY);
    let mut poses: Vec<(DVec3, DQuat)> = bones.iter().map(at_rest).collect();
    for ((joint, channel), number) in channels.iter().zip(row) {
        let (translation, rotation) = &mut poses[*joint];
        match channel {
            Channel::Position(axis) if added && bones[*joint].parent.is_some() => {
                translation[*axis] += number;
            }
            Channel::Position(axis) => translation[*axis] = *number,
            Channel::Rotation(axis) => {
                *rotation *= DQuat::from_axis_angle(DVec3::AXES[*axis], number.to_radians());
            }
        }
    }
    poses.into_iter().map(|(translation, rotation)| BonePose::new(translation, rotation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::write_bvh;
    use crate::motion::MotionClip;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rig::RigOverride;
    use crate::rotation::{exp, geodesic_angle};
    use crate::skeleton::{Skeleton, SmplJoint as J};

    const SMALL: &str = "HIERARCHY\nROOT Hips\n{\n OFFSET 0 90 0\n CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n End Site\n {\n  OFFSET 0 1e1 -1.5E-2\n }\n}\nMOTION\nFrames: 2\nFrame Time: 0.0333333\n1 2 3 90 0 0\n1 2 3 0 90 0\n";

    fn walk() -> MotionClip {
        let mut walk = walk_and_wave(&Skeleton::default()).resampled(60.0);
        walk.frames.truncate(40);
        walk
    }

    /// Largest difference of a joint's rotation from that of the walk, radians.
    fn off(text: &str) -> f64 {
        let skeleton = Skeleton::default();
        let (clip, notes) =
            read_bvh(text).unwrap().to_clip(&skeleton, &RigOverride::default()).unwrap();
        assert_eq!(clip.frames.len(), 40, "{notes:?}");
        let mut worst = 0.0_f64;
        for (a, b) in walk().frames.iter().zip(&clip.frames) {
            for joint in J::ALL {
                let [a, b] = [a, b].map(|frame| exp(frame.rotations[joint.index()]));
                worst = worst.max(geodesic_angle(a, b));
            }
        }
        worst
    }

    #[test]
    fn numbers_names_and_ends_are_read() {
        let motion = read_bvh(SMALL).unwrap();
        assert_eq!(motion.rate_hz, 30.0);
        assert_eq!(motion.bones[1].name, "Hips_end");
        assert_eq!(motion.bones[1].translation, DVec3::new(0.0, 10.0, -0.015));
        let quarter = DQuat::from_rotation_z(std::f64::consts::FRAC_PI_2);
        assert_eq!(motion.frames[0][0], BonePose::new(DVec3::new(1.0, 2.0, 3.0), quarter));
    }

    /// The same motion as other programs write it.
    #[test]
    fn dialects_give_the_same_motion() {
        let plain = write_bvh(&walk(), &Skeleton::default());
        let spread = |text: &str| text.replace("\n{", " {").replace("End Site", "End  site");
        for (name, text) in [
            ("as written", plain.clone()),
            ("Windows", format!("\u{feff}{}", plain.replace('\n', "\r\n"))),
            ("tabs", plain.replace(' ', "\t").replace("End\tSite", "End Site")),
            ("small letters", plain.replace("HIERARCHY", "hierarchy").replace("ROOT", "Root")),
            ("braces behind names", spread(&plain)),
            (
                "an extra root",
                plain.replacen(
                    "HIERARCHY\n",
                    "HIERARCHY\nROOT Camera\n{\n OFFSET 0 0 0\n CHANNELS 0\n}\n",
                    1,
                ),
            ),
            ("rotation first", swapped(&plain)),
            ("metres", scaled(&plain, 0.01)),
            ("inches", scaled(&plain, 1.0 / 2.54)),
            ("names with spaces", plain.replace("JOINT L_", "JOINT Left ")),
        ] {
            let off = off(&text);
            assert!(off < 2e-4, "{name}: {off} rad");
        }
    }

    /// Rotation channels before positions.
    fn swapped(text: &str) -> String {
        let from = "Xposition Yposition Zposition Zrotation Xrotation Yrotation";
        let to = "Zrotation Xrotation Yrotation Xposition Yposition Zposition";
        let (head, rows) = text.split_once("Frame Time").unwrap();
        let mut rows = rows.lines();
        let time = rows.next().unwrap();
        let swap = |row: &str| {
            let words: Vec<&str> = row.split(' ').collect();
            [&words[3..6], &words[..3], &words[6..]].concat().join(" ")
        };
        let rows: Vec<String> = rows.map(swap).collect();
        format!("{}Frame Time{time}\n{}\n", head.replace(from, to), rows.join("\n"))
    }

    /// Lengths in another unit.
    fn scaled(text: &str, by: f64) -> String {
        let scale = |line: &str| match line.trim_start().strip_prefix("OFFSET ") {
            Some(numbers) => {
                let numbers =
                    numbers.split(' ').map(|n| (n.parse::<f64>().unwrap() * by).to_string());
                format!("OFFSET {}", numbers.collect::<Vec<_>>().join(" "))
            }
            None => line.to_owned(),
        };
        let (head, rows) = text.split_once("Frame Time").unwrap();
        let head: Vec<String> = head.lines().map(scale).collect();
        let mut rows = rows.lines();
        let time = rows.next().unwrap();
        let place = |row: &str| {
            let mut words: Vec<String> = row.split(' ').map(str::to_owned).collect();
            for word in &mut words[..3] {
                *word = (word.parse::<f64>().unwrap() * by).to_string();
            }
            words.join(" ")
        };
        let rows: Vec<String> = rows.map(place).collect();
        format!("{}\nFrame Time{time}\n{}\n", head.join("\n"), rows.join("\n"))
    }

    #[test]
    fn errors_name_the_line() {
        let many = format!("HIERARCHY\n{}", "ROOT a\n{\n".repeat(MOST_JOINTS + 1));
        for (text, line, problem) in [
            ("", 1, "`HIERARCHY`"),
            ("HIERARCHY\nROOT Hips\n{\n", 3, "the file ends"),
            (&SMALL.replace("OFFSET 0 90 0", "OFFSET 0 x 0"), 4, "`x` is no number"),
            (&SMALL.replace("Xposition", "Wposition"), 5, "`Wposition` is no channel"),
            (&SMALL.replace("CHANNELS 6", "CHANNELS 5"), 5, "`Yrotation` is not expected"),
            (&SMALL.replace("CHANNELS 6", "CHANNELS 1e9"), 5, "1000000000 channels"),
            (&SMALL.replace("0.0333333", "0"), 13, "frame time of 0"),
            (&SMALL.replace("Frame Time", "Frame"), 13, "`Frame Time: NUMBER` expected"),
            (&SMALL.replace("1 2 3 0 90 0", "1 2 3 nan 90 0"), 15, "`nan` is no number"),
            (&SMALL.replace("1 2 3 0 90 0", "1 2 3"), 15, "a frame has 3 numbers"),
            (&SMALL[..SMALL.find("1 2 3").unwrap()], 13, "no frames"),
            (&SMALL[..SMALL.find("Frames").unwrap()], 11, "before `Frames`"),
            (&many, 3 + 2 * MOST_JOINTS, "more than 1024 joints"),
        ] {
            let error = read_bvh(text).unwrap_err();
            assert!(error.problem.contains(problem), "{error:?} does not say {problem}");
            assert_eq!(error.line, line, "{error:?}");
        }
        // What is there is read if only the count is wrong.
        let cut = read_bvh(&SMALL.replace("Frames: 2", "Frames: 9")).unwrap();
        assert_eq!((cut.frames.len(), cut.notes.len()), (2, 1));
    }
}
