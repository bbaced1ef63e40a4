//! Biovision hierarchies (`.bvh`), of any program.

use super::LineError;
use super::bones::{BoneMotion, BonePose};
use super::rate::usual_rate;
use super::scan::{Words, finite, lines};
use super::write_bvh::are_ours;
use crate::rig::Bone;
use glam::{DQuat, DVec3};

/// More joints than any body has; a file with more is none.
const MOST_JOINTS: usize = 1024;
/// Longest name of a joint, bytes: ends of limbs are named after their joints, of which a file may have a thousand.
const LONGEST_NAME: usize = 256;
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
                let mut name = String::new();
                while words.peek().is_some_and(|next| next != "{") {
                    if !name.is_empty() {
                        name.push(' ');
                    }
                    name += words.word("a name")?;
                    if name.len() > LONGEST_NAME {
                        let problem = format!("a name of more than {LONGEST_NAME} bytes");
                        return Err(words.fail(problem));
                    }
                }
                words.expect("{")?;
                let is_end = word.to_ascii_uppercase().starts_with("END");
                let name = match parent {
                    Some(parent) if is_end => format!("{}_end", bones[parent].name),
                    _ => name,
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
    let rate_hz = usual_rate(1.0 / seconds, RATE_TOLERANCE);
    if !RATES.contains(&rate_hz) {
        return Err(LineError::new(line, format!("a frame time of {seconds} s")));
    }

    let knows_floor = are_ours(&bones);
    let mut motion = BoneMotion {
        bones,
        rate_hz,
        frames: Vec::new(),
        notes: Vec::new(),
        said: Default::default(),
        knows_floor,
    };
    let wanted = channels.len();
    let bad = |line: usize, problem: String| {
        LineError::new(line, format!("{problem}, the channels are {wanted}"))
    };
    // The numbers of a frame, which begins and ends with a line, and the line that it begins with.
    let (mut row, mut first) = (Vec::with_capacity(wanted), line);
    // The first line with another number of numbers than a frame has, and that number.
    let mut odd = None;
    let mut last = line;
    let mut offsets_are_added = None;
    for (line, text) in rest {
        let before = row.len();
        if before == 0 {
            first = line;
        }
        for word in text.split_whitespace() {
            let number = finite(word)
                .ok_or_else(|| LineError::new(line, format!("`{word}` is no number")))?;
            row.push(number);
        }
        let found = row.len();
        if odd.is_none() && found - before != wanted {
            odd = Some((line, found - before));
        }
        if found > wanted && before > 0 {
            let problem =
                format!("a frame has {before} numbers to line {last} and {found} to line {line}");
            return Err(bad(first, problem));
        }
        last = line;
        if found < wanted {
            continue;
        }
        if found % wanted != 0 {
            return Err(bad(line, format!("a frame has {found} numbers")));
        }
        for row in row.chunks_exact(wanted) {
            let added =
                *offsets_are_added.get_or_insert_with(|| are_added(&motion.bones, channels, row));
            let poses = frame(&motion.bones, channels, row, added);
            motion.push(poses).map_err(|problem| LineError::new(line, problem))?;
        }
        row.clear();
    }
    if !row.is_empty() {
        return Err(bad(first, format!("a frame has {} numbers to line {last}", row.len())));
    }
    let frames = motion.frames.len();
    if frames == 0 {
        return Err(LineError::new(last, "there are no frames"));
    }
    // Frames of several lines, and lines of several frames, are believed if there are so many as the file says.
    if let Some((line, found)) = odd.filter(|_| count != frames as f64) {
        let problem = format!("a row has {found} numbers, which makes {frames} frames of {count}");
        return Err(bad(line, problem));
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
    use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
    use glam::EulerRot;
    use std::fmt::Write as _;

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
        let of_video = read_bvh(&SMALL.replace("0.0333333", "0.0333667")).unwrap();
        assert_eq!(of_video.rate_hz, 30_000.0 / 1001.0);
        for header in [
            "Frames:2\nFrame Time:.0333333",
            "frames:\t2\nframe  time:\t3.33333E-02",
            "FRAMES : 2\nFRAME TIME : 0,0333333",
            "\nFrames: 2.0\n\nFrameTime: 0.0333\n",
        ] {
            let text = SMALL.replace("Frames: 2\nFrame Time: 0.0333333", header);
            let motion = read_bvh(&text).unwrap();
            assert_eq!((motion.rate_hz, motion.frames.len()), (30.0, 2), "{header}");
            assert!(motion.notes.is_empty(), "{:?}", motion.notes);
        }
        // What is there is read, whatever its number is said to be.
        for said in ["0", "1", "9", "-2"] {
            let motion = read_bvh(&SMALL.replace("Frames: 2", &format!("Frames: {said}"))).unwrap();
            assert_eq!(motion.frames.len(), 2);
            assert_eq!(motion.notes, [format!("`Frames: {said}`, but there are 2")]);
        }
    }

    /// The same motion as other programs write it.
    #[test]
    fn dialects_give_the_same_motion() {
        let plain = write_bvh(&walk(), &Skeleton::default());
        let spread = |text: &str| text.replace("\n{", " {").replace("End Site", "End  site");
        let small = ["HIERARCHY", "ROOT", "JOINT", "OFFSET", "CHANNELS", "End Site", "MOTION"]
            .into_iter()
            .chain(["Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation"])
            .chain(["Frames", "Frame Time"])
            .fold(plain.clone(), |text, word| text.replace(word, &word.to_ascii_lowercase()));
        for (name, text) in [
            ("as written", plain.clone()),
            ("Windows", format!("\u{feff}{}", plain.replace('\n', "\r\n"))),
            ("old Macs", plain.replace('\n', "\r")),
            ("tabs", plain.replace(' ', "\t").replace("End\tSite", "End Site")),
            ("small letters", small),
            ("large letters", plain.to_ascii_uppercase()),
            ("without ends of limbs", without_ends(&plain)),
            ("ends with names", plain.replace("End Site", "End Site Tip")),
            ("ends in one word", plain.replace("End Site", "EndSite")),
            ("blanks around lines", plain.replace('\n', "  \n\n\t ")),
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
            ("names with colons", plain.replace("JOINT ", "JOINT player1:")),
            (
                "a root above the hips",
                wrapped(&plain, "ROOT reference\n{\nOFFSET 0 0 0\nCHANNELS 0\n"),
            ),
            (
                "a root behind the body",
                plain.replacen(
                    "MOTION\n",
                    "ROOT Prop\n{\n OFFSET 9 9 9\n CHANNELS 0\n End Site\n {\n OFFSET 0 1 0\n }\n}\nMOTION\n",
                    1,
                ),
            ),
        ] {
            let off = off(&text);
            assert!(off < 2e-4, "{name}: {off} rad");
        }
    }

    /// Joints end limbs themselves.
    fn without_ends(text: &str) -> String {
        let mut rest = 0;
        let mut is_kept = |line: &&str| {
            if line.contains("End Site") {
                rest = 4;
            }
            rest = i32::max(rest - 1, -1);
            rest < 0
        };
        text.lines().filter(|line| is_kept(line)).collect::<Vec<_>>().join("\n")
    }

    /// The body in another root, which the hips are a joint of.
    fn wrapped(text: &str, root: &str) -> String {
        let text = text.replacen("ROOT", &format!("{root}JOINT"), 1);
        text.replacen("MOTION", "}\nMOTION", 1)
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

    /// Lengths of bones in another unit than the root's way.
    fn scaled_offsets(text: &str, by: f64) -> String {
        let scale = |line: &str| match line.trim_start().strip_prefix("OFFSET ") {
            Some(numbers) => {
                let numbers =
                    numbers.split(' ').map(|n| (n.parse::<f64>().unwrap() * by).to_string());
                format!("OFFSET {}", numbers.collect::<Vec<_>>().join(" "))
            }
            None => line.to_owned(),
        };
        text.lines().map(scale).collect::<Vec<_>>().join("\n")
    }

    /// Lengths in another unit.
    fn scaled(text: &str, by: f64) -> String {
        let text = scaled_offsets(text, by);
        let (head, rows) = text.split_once("Frame Time").unwrap();
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
        format!("{head}Frame Time{time}\n{}\n", rows.join("\n"))
    }

    /// What joints below the root have beside their rotations.
    #[derive(Clone, Copy, PartialEq)]
    enum Positions {
        None,
        /// Positions that are their offsets.
        Offsets,
        /// Positions that are added to their offsets.
        Added,
    }

    /// How a program writes motion.
    #[derive(Clone, Copy)]
    struct Dialect {
        names: PerJoint<&'static str>,
        /// Joints that it does not have: those below them hang from the ones above.
        left_out: &'static [J],
        /// Joints that turn nothing, between a joint and the one above.
        between: &'static [(J, &'static str)],
        /// Joints that turn nothing, which hang from a joint: metres.
        beside: &'static [(J, &'static str, [f64; 3])],
        /// A root above the hips.
        above: Option<&'static str>,
        /// The axes of rotations in their order, and their letters.
        order: (EulerRot, [char; 3]),
        positions: Positions,
        /// From the world, whose z is up, to the space of the file.
        file_from_world: DQuat,
        /// From the axes of the bones in the file to those of SMPL's joints: where they are not one, the zero pose is
        /// no T-pose.
        axes: PerJoint<DQuat>,
        /// Units in a metre.
        unit: f64,
        decimal: &'static str,
    }

    /// Names of one side's joints, of which the other side's differ by a mark.
    struct Names {
        /// Hips, three of the spine, neck, head.
        trunk: [&'static str; 6],
        /// Thigh, shank, foot, toes, collar, upper arm, forearm, hand.
        left: [&'static str; 8],
        right: [&'static str; 8],
    }

    impl Names {
        fn of_joints(&self) -> PerJoint<&'static str> {
            const TRUNK: [J; 6] = [J::Pelvis, J::Spine1, J::Spine2, J::Spine3, J::Neck, J::Head];
            const LEFT: [J; 8] = [
                J::LeftHip,
                J::LeftKnee,
                J::LeftAnkle,
                J::LeftFoot,
                J::LeftCollar,
                J::LeftShoulder,
                J::LeftElbow,
                J::LeftWrist,
            ];
            let mut names = [""; J::COUNT];
            TRUNK.iter().zip(self.trunk).for_each(|(joint, name)| names[joint.index()] = name);
            for (k, joint) in LEFT.iter().enumerate() {
                names[joint.index()] = self.left[k];
                names[joint.mirrored().index()] = self.right[k];
            }
            names
        }
    }

    /// Names with the mark of a side before the part.
    macro_rules! sides {
        ($left:literal, $right:literal: $($part:literal)*; $end:literal) => {
            ([$(concat!($left, $part, $end)),*], [$(concat!($right, $part, $end)),*])
        };
    }

    /// As the program writes that is called so.
    fn program(name: &str) -> Dialect {
        let (z_x_y, z_y_x) = ((EulerRot::ZXY, ['Z', 'X', 'Y']), (EulerRot::ZYX, ['Z', 'Y', 'X']));
        let y_x_z = (EulerRot::YXZ, ['Y', 'X', 'Z']);
        let named = |trunk, (left, right)| Names { trunk, left, right }.of_joints();
        let ours = Dialect::ours();
        let builder = sides!("Left", "Right": "UpLeg" "Leg" "Foot" "ToeBase" "Shoulder" "Arm" "ForeArm" "Hand"; "");
        let collars = sides!("Left", "Right": "Hip" "Knee" "Ankle" "Toe" "Collar" "Shoulder" "Elbow" "Wrist"; "");
        match name {
            "Mixamo" => {
                let trunk = [
                    "mixamorig:Hips",
                    "mixamorig:Spine",
                    "mixamorig:Spine1",
                    "mixamorig:Spine2",
                    "mixamorig:Neck",
                    "mixamorig:Head",
                ];
                let sides = sides!("mixamorig:Left", "mixamorig:Right": "UpLeg" "Leg" "Foot" "ToeBase" "Shoulder" "Arm"
                    "ForeArm" "Hand"; "");
                let beside = &[
                    (J::Head, "mixamorig:HeadTop_End", [0.0, 0.18, 0.0]),
                    (J::LeftFoot, "mixamorig:LeftToe_End", [0.0, 0.0, 0.07]),
                    (J::RightFoot, "mixamorig:RightToe_End", [0.0, 0.0, 0.07]),
                    (J::LeftWrist, "mixamorig:LeftHandThumb1", [0.03, -0.02, 0.03]),
                    (J::LeftWrist, "mixamorig:LeftHandIndex1", [0.09, 0.0, 0.03]),
                    (J::RightWrist, "mixamorig:RightHandIndex1", [-0.09, 0.0, 0.03]),
                ];
                Dialect { names: named(trunk, sides), beside, order: z_x_y, ..ours }
            }
            // Of the three releases of CMU's data as BVH.
            "CMU for MotionBuilder" => Dialect {
                names: named(["Hips", "LowerBack", "Spine", "Spine1", "Neck1", "Head"], builder),
                between: &[
                    (J::LeftHip, "LHipJoint"),
                    (J::RightHip, "RHipJoint"),
                    (J::Neck, "Neck"),
                ],
                beside: &[
                    (J::LeftWrist, "LeftFingerBase", [0.08, 0.0, 0.0]),
                    (J::LeftWrist, "LThumb", [0.03, 0.0, 0.03]),
                    (J::RightWrist, "RightFingerBase", [-0.08, 0.0, 0.0]),
                    (J::RightWrist, "RThumb", [-0.03, 0.0, 0.03]),
                ],
                order: z_y_x,
                unit: 0.45 / 0.0254,
                ..ours
            },
            "CMU for 3ds Max" => Dialect {
                names: named(["Hips", "Chest", "", "", "Neck", "Head"], collars),
                left_out: &[J::Spine2, J::Spine3, J::LeftFoot, J::RightFoot],
                unit: 1.0 / 0.0254,
                ..ours
            },
            "CMU for Daz" => Dialect {
                names: named(
                    ["hip", "abdomen", "chest", "", "neck", "head"],
                    sides!("l", "r": "Thigh" "Shin" "Foot" "" "Collar" "Shldr" "ForeArm" "Hand"; ""),
                ),
                left_out: &[J::Spine3, J::LeftFoot, J::RightFoot],
                between: &[(J::LeftHip, "lButtock"), (J::RightHip, "rButtock")],
                beside: &[
                    (J::Head, "leftEye", [0.03, 0.08, 0.09]),
                    (J::Head, "rightEye", [-0.03, 0.08, 0.09]),
                ],
                ..ours
            },
            "ACCAD" => Dialect {
                names: named(["Hips", "ToSpine", "Spine", "Spine1", "Neck", "Head"], builder),
                ..Dialect::lafan()
            },
            "Xsens" => Dialect {
                names: named(["Hips", "Chest", "Chest3", "Chest4", "Neck", "Head"], collars),
                between: &[(J::Spine2, "Chest2")],
                order: y_x_z,
                ..ours
            },
            "Rokoko" => Dialect {
                names: named(
                    ["Hips", "Spine1", "Spine2", "Spine4", "Neck", "Head"],
                    sides!("Left", "Right": "Thigh" "Shin" "Foot" "Toe" "Shoulder" "Arm" "ForeArm" "Hand"; ""),
                ),
                between: &[(J::Spine3, "Spine3")],
                beside: &[
                    (J::LeftWrist, "LeftFinger1Metacarpal", [0.03, 0.0, 0.03]),
                    (J::LeftWrist, "LeftFinger3Proximal", [0.09, 0.0, 0.0]),
                    (J::RightWrist, "RightFinger3Proximal", [-0.09, 0.0, 0.0]),
                ],
                order: y_x_z,
                ..ours
            },
            "Blender" => {
                let trunk =
                    ["spine", "spine.001", "spine.002", "spine.003", "spine.004", "spine.006"];
                let sides = sides!("", "": "thigh" "shin" "foot" "toe" "shoulder" "upper_arm" "forearm" "hand"; ".L");
                let right = sides!("", "": "thigh" "shin" "foot" "toe" "shoulder" "upper_arm" "forearm" "hand"; ".R");
                Dialect {
                    names: named(trunk, (sides.0, right.0)),
                    between: &[(J::Head, "spine.005")],
                    order: (EulerRot::XYZ, ['X', 'Y', 'Z']),
                    unit: 1.0,
                    above: Some("Armature"),
                    ..ours
                }
            }
            // Six channels on every joint, arms that hang.
            "Eyes Japan" => Dialect {
                names: named(
                    ["Hips", "Chest", "", "", "Neck", "Head"],
                    sides!("Left", "Right": "UpLeg" "LowLeg" "Foot" "" "Collar" "UpArm" "LowArm" "Hand"; ""),
                ),
                left_out: &[J::Spine2, J::Spine3, J::LeftFoot, J::RightFoot],
                positions: Positions::Offsets,
                ..ours.a_pose()
            },
            _ => panic!("{name}"),
        }
    }

    /// A joint of a file.
    struct Node {
        /// How many are above it.
        depth: usize,
        name: &'static str,
        /// In units of the file, from the joint above.
        offset: DVec3,
        /// Which joint of the body it is.
        joint: Option<J>,
        is_placed: bool,
        is_end: bool,
    }

    impl Dialect {
        /// As this crate does.
        fn ours() -> Self {
            Self {
                names: J::ALL.map(J::name),
                left_out: &[],
                between: &[],
                beside: &[],
                above: None,
                order: (EulerRot::ZXY, ['Z', 'X', 'Y']),
                positions: Positions::None,
                file_from_world: crate::coordinates::UPRIGHT.conjugate(),
                axes: [DQuat::IDENTITY; J::COUNT],
                unit: 100.0,
                decimal: ".",
            }
        }

        /// Zero pose with the arms halfway down.
        fn a_pose(self) -> Self {
            let axes = J::ALL.map(|joint| match joint {
                J::LeftShoulder | J::LeftElbow | J::LeftWrist => DQuat::from_rotation_z(0.8),
                J::RightShoulder | J::RightElbow | J::RightWrist => DQuat::from_rotation_z(-0.8),
                _ => DQuat::IDENTITY,
            });
            Self { axes, ..self }
        }

        /// z is up, in the zero pose too.
        fn z_up(self) -> Self {
            let back = crate::coordinates::UPRIGHT.conjugate();
            let axes = self.axes.map(|axes| back * axes);
            Self { axes, file_from_world: DQuat::IDENTITY, ..self }
        }

        fn in_order(self, order: EulerRot, letters: [char; 3]) -> Self {
            Self { order: (order, letters), ..self }
        }

        fn with(self, positions: Positions) -> Self {
            Self { positions, ..self }
        }

        /// As the LAFAN1 data set: in the zero pose all bones lie along x, in a row.
        fn lafan() -> Self {
            let skeleton = Skeleton::default();
            let mut axes = [DQuat::IDENTITY; J::COUNT];
            for joint in J::ALL {
                // Of the children of hips and chest the one in the middle.
                let next = J::ALL.into_iter().find(|next| {
                    next.parent() == Some(joint)
                        && (next.mirrored() == *next || joint.mirrored() != joint)
                });
                axes[joint.index()] = match (next, joint.parent()) {
                    (Some(next), _) => {
                        let along = skeleton.offsets[next.index()].normalize();
                        DQuat::from_rotation_arc(along, DVec3::X).conjugate()
                    }
                    (None, Some(parent)) => axes[parent.index()],
                    (None, None) => DQuat::IDENTITY,
                };
            }
            let (left, right) = sides!("Left", "Right": "UpLeg" "Leg" "Foot" "Toe" "Shoulder" "Arm" "ForeArm" "Hand"; "");
            let trunk = ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"];
            let names = Names { trunk, left, right }.of_joints();
            Self { names, order: (EulerRot::ZYX, ['Z', 'Y', 'X']), axes, ..Self::ours() }
        }

        /// The joint that one hangs from in the file.
        fn parent(&self, joint: J) -> Option<J> {
            let above = std::iter::successors(joint.parent(), |above| above.parent());
            above.into_iter().find(|above| !self.left_out.contains(above))
        }

        /// From the joint above, in units of the file.
        fn offset(&self, joint: J) -> DVec3 {
            let Some(parent) = self.parent(joint) else { return DVec3::ZERO };
            let above = std::iter::successors(Some(joint), |above| above.parent());
            let between = above.take_while(|above| *above != parent);
            let way: DVec3 = between.map(|it| Skeleton::default().offsets[it.index()]).sum();
            self.axes[parent.index()].conjugate() * way * self.unit
        }

        /// The joints in the order of the file.
        fn nodes(&self) -> Vec<Node> {
            let mut nodes = vec![];
            if let Some(name) = self.above {
                let (offset, joint) = (DVec3::ZERO, None);
                nodes.push(Node { depth: 0, name, offset, joint, is_placed: true, is_end: false });
            }
            self.add(J::Pelvis, nodes.len(), &mut nodes);
            nodes
        }

        fn add(&self, joint: J, mut depth: usize, nodes: &mut Vec<Node>) {
            let mut offset = self.offset(joint);
            let is_placed = joint == J::Pelvis || self.positions != Positions::None;
            let node = |depth, name, offset, joint| Node {
                depth,
                name,
                offset,
                joint,
                is_placed,
                is_end: false,
            };
            for (_, name) in self.between.iter().filter(|(below, _)| *below == joint) {
                offset /= 2.0;
                nodes.push(node(depth, name, offset, None));
                depth += 1;
            }
            nodes.push(node(depth, self.names[joint.index()], offset, Some(joint)));
            let last = nodes.len();
            let is_there = |below: &J| !self.left_out.contains(below);
            for below in J::ALL.into_iter().filter(is_there) {
                if self.parent(below) == Some(joint) {
                    self.add(below, depth + 1, nodes);
                }
            }
            for (_, name, way) in self.beside.iter().filter(|(of, ..)| *of == joint) {
                let offset = self.axes[joint.index()].conjugate() * DVec3::from(*way) * self.unit;
                nodes.push(node(depth + 1, name, offset, None));
            }
            if nodes.len() == last {
                let offset = DVec3::new(1.0, 2.0, 3.0) * self.unit / 100.0;
                nodes.push(Node { is_end: true, ..node(depth + 1, "", offset, None) });
            }
        }

        /// The walk.
        fn text(&self) -> String {
            let (nodes, mut text) = (self.nodes(), "HIERARCHY\n".to_owned());
            for (k, node) in nodes.iter().enumerate() {
                let kind = match node.depth {
                    0 => "ROOT ",
                    _ if node.is_end => "End Site",
                    _ => "JOINT ",
                };
                let (name, DVec3 { x, y, z }) = (node.name, node.offset);
                _ = write!(text, "{kind}{name}\n{{\nOFFSET {x:.6} {y:.6} {z:.6}\n");
                if !node.is_end {
                    let place =
                        if node.is_placed { "6 Xposition Yposition Zposition" } else { "3" };
                    let turns = self.order.1.map(|axis| format!(" {axis}rotation")).concat();
                    _ = writeln!(text, "CHANNELS {place}{turns}");
                }
                let next = nodes.get(k + 1).map_or(0, |next| next.depth);
                text += &"}\n".repeat((node.depth + 1).saturating_sub(next));
            }
            text += "MOTION\nFrames: 40\nFrame Time: 0.016666667\n";
            for frame in walk().frames {
                let body = Skeleton::default().pose_joints(&Pose::from(&frame));
                let axes = |joint: J| {
                    let world = DQuat::from_mat3(&body.rotations[joint.index()]);
                    (self.file_from_world * world * self.axes[joint.index()]).normalize()
                };
                for node in nodes.iter().filter(|node| !node.is_end) {
                    if node.is_placed {
                        let place = match (node.joint, self.positions) {
                            (Some(J::Pelvis), _) => {
                                self.file_from_world * body.positions[0] * self.unit
                            }
                            (_, Positions::Offsets) => node.offset,
                            _ => DVec3::ZERO,
                        };
                        place.to_array().iter().for_each(|it| _ = write!(text, "{it:.6} "));
                    }
                    let turn = node.joint.map_or(DQuat::IDENTITY, |joint| {
                        let before = self.parent(joint).map_or(DQuat::IDENTITY, axes);
                        before.conjugate() * axes(joint)
                    });
                    let (a, b, c) = turn.to_euler(self.order.0);
                    let turns = [a, b, c].map(f64::to_degrees);
                    turns.iter().for_each(|angle| _ = write!(text, "{angle:.6} "));
                }
                text.push('\n');
            }
            // Names keep their dots.
            let (head, rows) = text.split_once("MOTION").unwrap();
            format!("{head}MOTION{}", rows.replace('.', self.decimal))
        }
    }

    #[test]
    fn limbs_of_every_dialect_point_as_the_walk_made_by_code() {
        const LIMBS: [[J; 2]; 4] = [
            [J::LeftHip, J::LeftKnee],
            [J::LeftKnee, J::LeftAnkle],
            [J::LeftShoulder, J::LeftElbow],
            [J::LeftElbow, J::LeftWrist],
        ];
        let ours = Dialect::ours();
        let order = |order, letters| ours.in_order(order, letters);
        let six = |positions| ours.with(positions);
        let skeleton = Skeleton::default();
        let zero = "the zero pose does not stand like a person";
        for (name, dialect, note) in [
            ("plain", ours, ""),
            ("x, y, z", order(EulerRot::XYZ, ['X', 'Y', 'Z']), ""),
            ("x, z, y", order(EulerRot::XZY, ['X', 'Z', 'Y']), ""),
            ("y, x, z", order(EulerRot::YXZ, ['Y', 'X', 'Z']), ""),
            ("y, z, x", order(EulerRot::YZX, ['Y', 'Z', 'X']), ""),
            ("z, y, x", order(EulerRot::ZYX, ['Z', 'Y', 'X']), ""),
            ("six channels with offsets", six(Positions::Offsets), ""),
            ("six channels that are added", six(Positions::Added), ""),
            ("z up", ours.z_up(), ""),
            ("zero pose with the arms down", ours.a_pose(), ""),
            ("both, and six channels", six(Positions::Offsets).a_pose().z_up(), ""),
            ("decimal commas", Dialect { decimal: ",", ..ours }, ""),
            ("LAFAN1", Dialect::lafan(), zero),
            ("Mixamo", program("Mixamo"), ""),
            ("CMU for MotionBuilder", program("CMU for MotionBuilder"), ""),
            ("CMU for 3ds Max", program("CMU for 3ds Max"), ""),
            ("CMU for Daz", program("CMU for Daz"), ""),
            ("ACCAD", program("ACCAD"), zero),
            ("Xsens and 100STYLE", program("Xsens"), ""),
            ("Rokoko", program("Rokoko"), ""),
            ("Blender", program("Blender"), ""),
            ("Blender, z up", program("Blender").z_up(), ""),
            ("Eyes Japan", program("Eyes Japan"), ""),
        ] {
            let motion = read_bvh(&dialect.text()).unwrap();
            let (clip, notes) = motion.to_clip(&skeleton, &RigOverride::default()).expect(name);
            assert!(
                notes.iter().any(|it| it.starts_with(note)) || note.is_empty(),
                "{name}: {notes:?}"
            );
            assert_eq!(clip.frames.len(), 40, "{name}");
            for (i, (a, b)) in walk().frames.iter().zip(&clip.frames).enumerate() {
                let bodies = [a, b].map(|frame| skeleton.pose_joints(&Pose::from(frame)));
                for limb in LIMBS.into_iter().flat_map(|limb| [limb, limb.map(J::mirrored)]) {
                    let [a, b] = bodies.map(|body| {
                        let [from, to] = limb.map(|joint| body.positions[joint.index()]);
                        to - from
                    });
                    let off = a.angle_between(b).to_degrees();
                    assert!(off < 0.05, "{name}, frame {i}, {}: {off}°", limb[0].name());
                }
                // The way of the hips, in metres, whatever the unit.
                let hips = bodies.map(|body| {
                    let hips = [J::LeftHip, J::RightHip].map(|it| body.positions[it.index()]);
                    hips[0].midpoint(hips[1]).truncate()
                });
                assert!(hips[0].distance(hips[1]) < 1e-3, "{name}, frame {i}: {hips:?}");
            }
        }
    }

    #[test]
    fn rows_may_wrap_but_not_have_another_length() {
        let good = read_bvh(SMALL).unwrap().frames;
        for text in [
            SMALL.replace("1 2 3 90", "1 2 3\n90").replace("1 2 3 0 90", "1 2\n\n3 0\n90"),
            SMALL.replace("90 0 0\n1 2 3", "90 0 0 1 2 3"),
        ] {
            assert_eq!(read_bvh(&text).unwrap().frames, good);
        }
        let head = SMALL[..SMALL.find("1 2 3").unwrap()].replace("Frames: 2", "Frames: 4");
        let row = "1 2 3 4 5 6\n";
        let (short, long) = ("1 2 3 4 5\n", "1 2 3 4 5 6 7\n");
        for (rows, line, problem) in [
            ([row, short, row, row].concat(), 15, "5 numbers to line 15 and 11 to line 16"),
            ([row, short, long, row].concat(), 15, "5 numbers to line 15 and 12 to line 16"),
            ([row, row, row, short].concat(), 17, "5 numbers to line 17"),
            ([row, long, row, row].concat(), 15, "a frame has 7 numbers"),
            (long.repeat(4), 14, "a frame has 7 numbers"),
            (long.repeat(6), 14, "a frame has 7 numbers"),
            // Rows of half a frame, or of two, are read if the file says that there are so many frames.
            ("1 2 3\n".repeat(4), 14, "a row has 3 numbers, which makes 2 frames of 4"),
            ("1 2 3 4 5 6 7 8 9 10 11 12\n".repeat(4), 14, "a row has 12 numbers"),
        ] {
            let error = read_bvh(&format!("{head}{rows}")).unwrap_err();
            assert!(error.line == line && error.problem.contains(problem), "{error:?}");
            assert!(error.problem.ends_with("the channels are 6"), "{error:?}");
        }
    }

    #[test]
    fn numbers_too_large_for_a_place_are_errors() {
        for number in ["1e39", "-1e300"] {
            let text = SMALL.replace("1 2 3 0 90 0", &format!("1 {number} 3 0 90 0"));
            let error = read_bvh(&text).unwrap_err();
            assert!(
                error.line == 15 && error.problem.contains("frame 1, bone `Hips`"),
                "{error:?}"
            );
        }
        // Legs without a length make the way of the body endless.
        let tiny = scaled_offsets(&write_bvh(&walk(), &Skeleton::default()), 1e-42);
        let motion = read_bvh(&tiny).unwrap();
        let error = motion.to_clip(&Skeleton::default(), &RigOverride::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("frame 0, bone `pelvis`: it is too far away"), "{text}");
    }

    #[test]
    fn errors_name_the_line() {
        let many = format!("HIERARCHY\n{}", "ROOT a\n{\n".repeat(MOST_JOINTS + 1));
        // Without this, each of a thousand ends of limbs had the name once more.
        let long = SMALL.replace("ROOT Hips", &format!("ROOT {}", "many words ".repeat(30)));
        for (text, line, problem) in [
            ("", 1, "`HIERARCHY`"),
            ("HIERARCHY\nROOT Hips\n{\n", 3, "the file ends"),
            (&SMALL.replace("OFFSET 0 90 0", "OFFSET 0 x 0"), 4, "`x` is no number"),
            (&SMALL.replace("Xposition", "Wposition"), 5, "`Wposition` is no channel"),
            (&SMALL.replace("CHANNELS 6", "CHANNELS 5"), 5, "`Yrotation` is not expected"),
            (&SMALL.replace("CHANNELS 6", "CHANNELS 1e9"), 5, "1000000000 channels"),
            (&SMALL.replace("0.0333333", "0"), 13, "frame time of 0"),
            (&SMALL.replace("0.0333333", "-0.03"), 13, "frame time of -0.03"),
            (&SMALL.replace("0.0333333", "33.3333"), 13, "frame time of 33.3333"),
            (&SMALL.replace("0.0333333", "1e-9"), 13, "frame time of 0.000000001"),
            (&SMALL.replace("0.0333333", "nan"), 13, "`Frame Time: NUMBER` expected"),
            (&SMALL.replace("Frames: 2", "Frames:"), 12, "`Frames: NUMBER` expected"),
            (&SMALL.replace("MOTION", "}\nMOTION"), 11, "`}` without a joint"),
            (&SMALL.replace("}\nMOTION", "MOTION"), 10, "a `}` is missing"),
            (&SMALL.replace("Frame Time", "Frame"), 13, "`Frame Time: NUMBER` expected"),
            (&SMALL.replace("1 2 3 0 90 0", "1 2 3 nan 90 0"), 15, "`nan` is no number"),
            (&SMALL.replace("1 2 3 0 90 0", "1 2 3"), 15, "a frame has 3 numbers"),
            (&SMALL[..SMALL.find("1 2 3").unwrap()], 13, "no frames"),
            (&SMALL[..SMALL.find("Frames").unwrap()], 11, "before `Frames`"),
            (&many, 3 + 2 * MOST_JOINTS, "more than 1024 joints"),
            (&long, 2, "a name of more than 256 bytes"),
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
