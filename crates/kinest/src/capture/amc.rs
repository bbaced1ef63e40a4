//! Acclaim skeletons and motion (`.asf`, `.amc`), as CMU's database has them.

use super::LineError;
use super::bones::{BoneMotion, BonePose};
use super::scan::{Words, finite, lines};
use crate::rig::Bone;
use glam::{DQuat, DVec3};
use std::collections::BTreeMap;

/// CMU's rate, Hz: files do not say one.
const RATE_HZ: f64 = 120.0;
/// More bones than any body has.
const MOST_BONES: usize = 1024;

/// What a number of a frame moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freedom {
    Position(usize),
    Rotation(usize),
    /// The bone's length, which bodies do not change.
    Length,
}

impl Freedom {
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "rx" => Self::Rotation(0),
            "ry" => Self::Rotation(1),
            "rz" => Self::Rotation(2),
            "tx" => Self::Position(0),
            "ty" => Self::Position(1),
            "tz" => Self::Position(2),
            "l" => Self::Length,
            _ => return None,
        })
    }
}

/// A skeleton of an `.asf` file.
#[derive(Clone, Debug)]
pub struct AcclaimSkeleton {
    /// The root, then the bones, parents before children; each with the end of the bone before it as translation.
    bones: Vec<Bone>,
    /// From the axes that the bone's freedoms are about to the root's axes.
    axes: Vec<DQuat>,
    freedoms: Vec<Vec<Freedom>>,
    degrees: bool,
    /// What was unusual about the file.
    notes: Vec<String>,
}

/// One bone before the hierarchy is known.
#[derive(Clone, Debug, Default)]
struct Raw {
    direction: DVec3,
    length: f64,
    axes: DQuat,
    freedoms: Vec<Freedom>,
}

/// Rotation by angles about fixed axes, in the order of letters such as `XYZ`: the first is applied first.
fn about_fixed(angles: [f64; 3], order: &str) -> DQuat {
    let axis = |letter: char| match letter.to_ascii_uppercase() {
        'X' => DVec3::X,
        'Y' => DVec3::Y,
        _ => DVec3::Z,
    };
    order.chars().zip(angles).fold(DQuat::IDENTITY, |turned, (letter, angle)| {
        DQuat::from_axis_angle(axis(letter), angle) * turned
    })
}

/// Reads the text of an `.asf` file.
///
/// # Errors
/// If it is none; the error names the line.
pub fn read_asf(text: &str) -> Result<AcclaimSkeleton, LineError> {
    let uncommented = lines(text).filter(|(_, line)| !line.trim_start().starts_with('#'));
    let mut words = Words::new(uncommented);
    let mut degrees = true;
    let mut root = Vec::new();
    let mut raw: BTreeMap<String, Raw> = BTreeMap::new();
    let mut children: Vec<(String, Vec<String>)> = Vec::new();
    let (mut section, mut notes) = (String::new(), Vec::new());
    // Names in the hierarchy, behind the first of each row: each bone comes once.
    let mut named = 0_usize;
    while let Some(word) = words.peek() {
        if word.starts_with(':') {
            section = words.word("a section")?.to_ascii_lowercase();
            continue;
        }
        match section.as_str() {
            ":units" => {
                if words.word("a unit")?.eq_ignore_ascii_case("angle") {
                    degrees = words.word("`deg` or `rad`")?.to_ascii_lowercase().starts_with("deg");
                }
            }
            ":root" => match words.word("the root")?.to_ascii_lowercase().as_str() {
                "order" => {
                    while let Some(freedom) = words.peek().and_then(Freedom::parse) {
                        root.push(freedom);
                        words.word("a channel")?;
                    }
                }
                word @ ("position" | "orientation") => {
                    let place = three(&mut words)?;
                    if place != [0.0; 3] {
                        notes.push(format!("the `{word}` of `:root` in its .asf file is not used"));
                    }
                }
                _ => {}
            },
            ":bonedata" => {
                words.expect("begin")?;
                let (name, bone) = bone(&mut words, degrees)?;
                if raw.insert(name.clone(), bone).is_some() || raw.len() > MOST_BONES {
                    return Err(words.fail(format!("bone `{name}` comes twice, or one too many")));
                }
            }
            ":hierarchy" => {
                let name = words.word("a bone")?.to_owned();
                if ["begin", "end"].contains(&name.as_str()) {
                    continue;
                }
                let line = words.line;
                let mut below = Vec::new();
                // A row of bones that hang from the first one.
                while let Some(next) = words.peek_on(line) {
                    below.push(next.to_owned());
                    words.word("a bone")?;
                }
                named += below.len();
                children.push((name, below));
                if named.max(children.len()) > MOST_BONES {
                    return Err(words.fail(format!("more than {MOST_BONES} bones")));
                }
            }
            _ => {
                words.word("text")?;
            }
        }
    }
    if root.is_empty() {
        return Err(words.fail("`:root` has no `order`"));
    }
    let skeleton = assemble(&words, &root, &raw, &children, degrees)?;
    Ok(AcclaimSkeleton { notes, ..skeleton })
}

fn three(words: &mut Words<'_>) -> Result<[f64; 3], LineError> {
    let mut numbers = [0.0; 3];
    for number in &mut numbers {
        *number = words.number("a number")?;
    }
    Ok(numbers)
}

/// One bone between `begin` and `end`.
fn bone(words: &mut Words<'_>, degrees: bool) -> Result<(String, Raw), LineError> {
    let mut name = None;
    let mut bone = Raw::default();
    loop {
        let word = words.word("`end`")?;
        match word.to_ascii_lowercase().as_str() {
            "end" => break,
            "name" => name = Some(words.word("a name")?.to_owned()),
            "direction" => bone.direction = three(words)?.into(),
            "length" => bone.length = words.number("a length")?,
            "axis" => {
                let angles = three(words)?.map(|a| if degrees { a.to_radians() } else { a });
                bone.axes = about_fixed(angles, words.word("an order of axes")?);
            }
            "dof" => {
                while let Some(freedom) = words.peek().and_then(Freedom::parse) {
                    bone.freedoms.push(freedom);
                    words.word("a freedom")?;
                }
            }
            // Numbers, limits, masses.
            _ => {}
        }
    }
    let name = name.ok_or_else(|| words.fail("a bone without a name"))?;
    Ok((name, bone))
}

fn assemble(
    words: &Words<'_>,
    root: &[Freedom],
    raw: &BTreeMap<String, Raw>,
    children: &[(String, Vec<String>)],
    degrees: bool,
) -> Result<AcclaimSkeleton, LineError> {
    let bone = |name: &str, parent, translation| Bone {
        name: name.into(),
        parent,
        translation,
        rotation: DQuat::IDENTITY,
        scale: DVec3::ONE,
    };
    let mut skeleton = AcclaimSkeleton {
        bones: vec![bone("root", None, DVec3::ZERO)],
        axes: vec![DQuat::IDENTITY],
        freedoms: vec![root.to_vec()],
        degrees,
        notes: Vec::new(),
    };
    let mut at = 0;
    while at < skeleton.bones.len() {
        let name = skeleton.bones[at].name.clone();
        // A bone begins where the one before it ends.
        let end = raw.get(&name).map_or(DVec3::ZERO, |raw| raw.direction * raw.length);
        for (_, below) in children.iter().filter(|(parent, _)| *parent == name) {
            for child in below {
                let known = skeleton.bones.iter().any(|bone| bone.name == *child);
                let raw = raw.get(child).filter(|_| !known);
                let raw = raw.ok_or_else(|| {
                    words
                        .fail(format!("bone `{child}` of the hierarchy is unknown, or comes twice"))
                })?;
                skeleton.bones.push(bone(child, Some(at), end));
                skeleton.axes.push(raw.axes);
                skeleton.freedoms.push(raw.freedoms.clone());
            }
        }
        at += 1;
    }
    // The ends of limbs show where hands and feet point.
    for at in 0..skeleton.bones.len() {
        let name = skeleton.bones[at].name.clone();
        let is_end = !skeleton.bones.iter().any(|bone| bone.parent == Some(at));
        if let Some(raw) = raw.get(&name).filter(|_| is_end) {
            skeleton.bones.push(bone(&format!("{name}_end"), Some(at), raw.direction * raw.length));
            skeleton.axes.push(DQuat::IDENTITY);
            skeleton.freedoms.push(Vec::new());
        }
    }
    Ok(skeleton)
}

/// Reads the text of an `.amc` file of this skeleton. Files name no rate; CMU's are at 120 Hz.
///
/// In a file that says `:FULLY-SPECIFIED`, every frame has every bone that can move: a frame that lacks some, as the last
/// one of a file that is cut off, is an error. In others these bones are at rest.
///
/// # Errors
/// If it is none, or of another skeleton; the error names the line.
pub fn read_amc(text: &str, skeleton: &AcclaimSkeleton) -> Result<BoneMotion, LineError> {
    let place: BTreeMap<&str, usize> =
        skeleton.bones.iter().enumerate().map(|(i, bone)| (bone.name.as_str(), i)).collect();
    let mut notes = skeleton.notes.clone();
    notes.push(format!("AMC files have no rate: taken for {RATE_HZ} Hz"));
    let mut motion = BoneMotion {
        bones: skeleton.bones.clone(),
        rate_hz: RATE_HZ,
        frames: Vec::new(),
        notes,
        said: BTreeMap::new(),
        knows_floor: false,
    };
    let mut degrees = skeleton.degrees;
    let still: Vec<(DVec3, DQuat)> =
        skeleton.bones.iter().map(|bone| (bone.translation, DQuat::IDENTITY)).collect();
    let mut now: Option<Vec<(DVec3, DQuat)>> = None;
    let mut is_full = false;
    // The bones that the frame has had so far, and the line that it begins with.
    let (mut seen, mut first_line) = (vec![false; skeleton.bones.len()], 1);
    let mut last = 1;
    for (line, text) in lines(text) {
        last = line;
        let mut words = text.split_whitespace();
        let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        if first.starts_with(':') {
            match first.to_ascii_uppercase().as_str() {
                ":DEGREES" => degrees = true,
                ":RADIANS" => degrees = false,
                ":FULLY-SPECIFIED" => is_full = true,
                _ => {}
            }
            continue;
        }
        if first.bytes().all(|byte| byte.is_ascii_digit()) {
            if is_full && now.is_some() {
                check_whole(skeleton, &seen, first_line)?;
            }
            push(&mut motion, now.replace(still.clone()), first_line)?;
            seen.fill(false);
            first_line = line;
            continue;
        }
        let poses = now.as_mut().ok_or_else(|| LineError::new(line, "a bone before any frame"))?;
        let bone = *place
            .get(first)
            .ok_or_else(|| LineError::new(line, format!("the skeleton has no bone `{first}`")))?;
        if std::mem::replace(&mut seen[bone], true) {
            return Err(LineError::new(line, format!("`{first}` comes twice in a frame")));
        }
        let mut turn = DQuat::IDENTITY;
        for freedom in &skeleton.freedoms[bone] {
            let word = words.next().ok_or_else(|| {
                let count = skeleton.freedoms[bone].len();
                LineError::new(line, format!("`{first}` needs {count} numbers"))
            })?;
            let number = finite(word)
                .ok_or_else(|| LineError::new(line, format!("`{word}` is no number")))?;
            match freedom {
                Freedom::Position(axis) => poses[bone].0[*axis] = number,
                Freedom::Rotation(axis) => {
                    let angle = if degrees { number.to_radians() } else { number };
                    // Each about an axis that stays where it is.
                    turn = DQuat::from_axis_angle(DVec3::AXES[*axis], angle) * turn;
                }
                Freedom::Length => {}
            }
        }
        let surplus = words.count();
        if surplus > 0 {
            let wanted = skeleton.freedoms[bone].len();
            let found = wanted + surplus;
            return Err(LineError::new(
                line,
                format!("`{first}` has {found} numbers, not {wanted}"),
            ));
        }
        let axes = skeleton.axes[bone];
        poses[bone].1 = axes * turn * axes.conjugate();
    }
    if is_full && now.is_some() {
        check_whole(skeleton, &seen, first_line)?;
    }
    push(&mut motion, now, first_line)?;
    if motion.frames.is_empty() {
        return Err(LineError::new(last, "there are no frames"));
    }
    Ok(motion)
}

/// An error if a frame lacks a bone that can move.
fn check_whole(
    skeleton: &AcclaimSkeleton,
    seen: &[bool],
    first_line: usize,
) -> Result<(), LineError> {
    let lacks = |bone: &usize| !skeleton.freedoms[*bone].is_empty() && !seen[*bone];
    let mut missing = (0..skeleton.bones.len()).filter(lacks);
    let Some(bone) = missing.next() else { return Ok(()) };
    let others = match missing.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let name = &skeleton.bones[bone].name;
    let problem = format!(
        "the frame that begins here lacks `{name}`{others}, but the file is `:FULLY-SPECIFIED`: it may be cut off"
    );
    Err(LineError::new(first_line, problem))
}

fn push(
    motion: &mut BoneMotion,
    poses: Option<Vec<(DVec3, DQuat)>>,
    line: usize,
) -> Result<(), LineError> {
    let Some(poses) = poses else { return Ok(()) };
    let poses = poses.into_iter().map(|(at, turn)| BonePose::new(at, turn));
    motion.push(poses.collect()).map_err(|problem| LineError::new(line, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rig::RigOverride;
    use crate::skeleton::{Pose, Skeleton, SmplJoint as J};
    use glam::EulerRot;
    use std::f64::consts::FRAC_PI_2;

    const ASF: &str = "# made up\n:version 1.10\n:units\n  mass 1.0\n  length 0.45\n  angle deg\n:root\n  order TX TY TZ RX RY RZ\n  axis XYZ\n  position 0 0 0\n:bonedata\n  begin\n    id 1\n    name thigh\n    direction 0 -1 0\n    length 7\n    axis 0 0 90 XYZ\n    dof rx ry rz\n    limits (-160.0 20.0)\n           (-70.0 70.0)\n           (-60.0 70.0)\n  end\n  begin\n    name shank\n    direction 0 -1 0\n    length 8\n    axis 0 0 0 XYZ\n    dof rx\n  end\n:hierarchy\n  begin\n    root thigh\n    thigh shank\n  end\n";

    #[test]
    fn a_bone_turns_about_its_own_axes() {
        let skeleton = read_asf(ASF).unwrap();
        let names: Vec<&str> = skeleton.bones.iter().map(|bone| bone.name.as_str()).collect();
        assert_eq!(names, ["root", "thigh", "shank", "shank_end"]);
        assert_eq!(skeleton.bones[2].translation, DVec3::new(0.0, -7.0, 0.0));
        let amc = ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 1 2 3 0 0 0\nthigh 90 0 0\nshank 0\n2\nroot 1 2 4 0 0 0\nthigh 0 0 0\nshank 0\n";
        let motion = read_amc(amc, &skeleton).unwrap();
        assert_eq!((motion.frames.len(), motion.rate_hz), (2, 120.0));
        // Its x axis is the root's y axis.
        let turn = DQuat::from_rotation_y(FRAC_PI_2);
        let off = motion.frames[0][1].rotation.as_dquat().angle_between(turn);
        assert!(off < 1e-3, "{off}");
    }

    /// How a file of Acclaim says a motion.
    #[derive(Clone, Copy)]
    struct Dialect {
        /// Of the angles in the skeleton, and of those in the motion.
        degrees: [bool; 2],
        /// The motion's unit, where it is not the skeleton's.
        said: &'static str,
        /// What is written for `length` under `:units`, and lengths in metres.
        unit: (f64, f64),
        /// The order of a bone's freedoms.
        order: (EulerRot, [char; 3]),
        full: bool,
    }

    /// A bone of CMU's skeletons, the one that it hangs from, the joint that it turns, and the joint where it ends. The
    /// right side is as the left one.
    const BONES: [(&str, &str, Option<J>, J); 15] = [
        ("lhipjoint", "root", None, J::LeftHip),
        ("lfemur", "lhipjoint", Some(J::LeftHip), J::LeftKnee),
        ("ltibia", "lfemur", Some(J::LeftKnee), J::LeftAnkle),
        ("lfoot", "ltibia", Some(J::LeftAnkle), J::LeftFoot),
        ("ltoes", "lfoot", Some(J::LeftFoot), J::LeftFoot),
        ("lowerback", "root", Some(J::Spine1), J::Spine1),
        ("upperback", "lowerback", Some(J::Spine2), J::Spine2),
        ("thorax", "upperback", Some(J::Spine3), J::Spine3),
        ("lowerneck", "thorax", Some(J::Neck), J::Neck),
        ("head", "lowerneck", Some(J::Head), J::Head),
        ("lclavicle", "thorax", Some(J::LeftCollar), J::LeftCollar),
        ("lscapula", "lclavicle", None, J::LeftShoulder),
        ("lhumerus", "lscapula", Some(J::LeftShoulder), J::LeftElbow),
        ("lradius", "lhumerus", Some(J::LeftElbow), J::LeftWrist),
        ("lhand", "lradius", Some(J::LeftWrist), J::LeftWrist),
    ];

    impl Dialect {
        /// Skeleton and motion of the walk.
        fn texts(&self) -> [String; 2] {
            let skeleton = Skeleton::default();
            let angle =
                |degrees: bool, angle: f64| if degrees { angle.to_degrees() } else { angle };
            let unit = if self.degrees[0] { "deg" } else { "rad" };
            let mut asf = format!(
                ":version 1.10\n:name walk\n:units\n mass 1.0\n length {}\n angle {unit}\n:root\n order TX TY \
                 TZ RX RY RZ\n axis XYZ\n position 0 0 0\n orientation 0 0 0\n:bonedata\n",
                self.unit.0
            );
            let mut hierarchy = String::from(":hierarchy\nbegin\n");
            let mut bones: Vec<(String, Option<J>, DQuat)> = Vec::new();
            let paired = |(name, above, turns, to): (&str, &str, Option<J>, J)| {
                let right = |name: &str| match name.strip_prefix('l') {
                    Some(rest) if !name.starts_with("lower") => format!("r{rest}"),
                    _ => name.to_owned(),
                };
                let left = (name.to_owned(), above.to_owned(), turns, to);
                let mirrored = (right(name), right(above), turns.map(J::mirrored), to.mirrored());
                if to.mirrored() == to { vec![left] } else { vec![left, mirrored] }
            };
            for (name, above, turns, to) in BONES.into_iter().flat_map(paired) {
                let way = skeleton.offsets[to.index()];
                let (DVec3 { x, y, z }, length) = (way.normalize(), way.length() / self.unit.1);
                // Axes of its own.
                let angles = [0.1, -0.2, 0.05 * bones.len() as f64];
                let [a, b, c] = angles.map(|it| angle(self.degrees[0], it));
                let [first, second, third] = self.order.1;
                let dof = match turns {
                    Some(_) => format!("dof r{first} r{second} r{third}\n"),
                    None => String::new(),
                };
                asf += &format!(
                    "begin\nid {}\nname {name}\ndirection {x} {y} {z}\nlength {length}\naxis {a} {b} {c} XYZ\n\
                     {dof}end\n",
                    bones.len() + 1
                );
                hierarchy += &format!("{above} {name}\n");
                bones.push((name, turns, about_fixed(angles, "XYZ")));
            }
            let mut amc = String::from("# made up\n");
            amc += if self.full { ":FULLY-SPECIFIED\n" } else { "" };
            amc += self.said;
            for (k, frame) in walk_and_wave(&skeleton).frames.iter().take(30).enumerate() {
                let pose = Pose::from(frame);
                let root = crate::coordinates::UPRIGHT.conjugate();
                let at = root * (pose.translation + skeleton.offsets[0]) / self.unit.1;
                // Fixed axes in one order are turned axes in the other.
                let (z, y, x) = (root * pose.rotations[0]).to_euler(EulerRot::ZYX);
                let [x, y, z] = [x, y, z].map(|it| angle(self.degrees[1], it));
                amc += &format!("{}\nroot {} {} {} {x} {y} {z}\n", k + 1, at.x, at.y, at.z);
                for (name, turns, axes) in &bones {
                    let Some(joint) = turns else { continue };
                    let turn = axes.conjugate() * pose.rotations[joint.index()] * *axes;
                    let (third, second, first) = turn.to_euler(self.order.0);
                    let [a, b, c] = [first, second, third].map(|it| angle(self.degrees[1], it));
                    amc += &format!("{name} {a} {b} {c}\n");
                }
            }
            [asf + &hierarchy + "end\n", amc]
        }
    }

    #[test]
    fn limbs_point_as_the_walk_made_by_code_in_any_unit_and_order() {
        let cmu = Dialect {
            degrees: [true; 2],
            said: ":DEGREES\n",
            unit: (0.45, 0.0254 / 0.45),
            order: (EulerRot::ZYX, ['x', 'y', 'z']),
            full: true,
        };
        let skeleton = Skeleton::default();
        for (name, dialect) in [
            ("CMU", cmu),
            ("metres", Dialect { unit: (1.0, 1.0), ..cmu }),
            ("radians", Dialect { degrees: [false; 2], said: "", ..cmu }),
            ("radians said", Dialect { degrees: [true, false], said: ":RADIANS\n", ..cmu }),
            ("degrees said", Dialect { degrees: [false, true], said: ":degrees\n", ..cmu }),
            ("z, y, x", Dialect { order: (EulerRot::XYZ, ['z', 'y', 'x']), ..cmu }),
            ("y, x, z", Dialect { order: (EulerRot::ZXY, ['y', 'x', 'z']), ..cmu }),
            ("not full", Dialect { full: false, ..cmu }),
        ] {
            let [asf, amc] = dialect.texts();
            for end in ["\n", "\r\n", "\r"] {
                let [asf, amc] = [&asf, &amc].map(|text| text.replace('\n', end));
                let motion = read_amc(&amc, &read_asf(&asf).unwrap()).unwrap();
                let (clip, notes) = motion.to_clip(&skeleton, &RigOverride::default()).unwrap();
                assert_eq!(clip.frames.len(), 30, "{name}");
                assert_eq!(notes, ["AMC files have no rate: taken for 120 Hz"], "{name}");
                for (i, (a, b)) in
                    walk_and_wave(&skeleton).frames.iter().zip(&clip.frames).enumerate()
                {
                    let bodies = [a, b].map(|frame| skeleton.pose_joints(&Pose::from(frame)));
                    for [from, to] in [
                        [J::LeftHip, J::LeftKnee],
                        [J::RightKnee, J::RightAnkle],
                        [J::LeftShoulder, J::LeftElbow],
                        [J::RightElbow, J::RightWrist],
                        [J::Pelvis, J::RightHip],
                    ] {
                        let along = |k: usize| {
                            bodies[k].positions[to.index()] - bodies[k].positions[from.index()]
                        };
                        let off = along(0).angle_between(along(1)).to_degrees();
                        assert!(off < 0.05, "{name}, frame {i}, {}: {off}°", from.name());
                    }
                    let hips = [0, 1].map(|k| bodies[k].positions[0].truncate());
                    assert!(hips[0].distance(hips[1]) < 1e-3, "{name}, frame {i}: {hips:?}");
                }
            }
        }
        // A place of the root that is not used is said.
        let [asf, amc] = cmu.texts();
        let asf = asf.replace("orientation 0 0 0", "orientation 0 90 0");
        let notes = read_amc(&amc, &read_asf(&asf).unwrap()).unwrap().notes;
        assert_eq!(notes[0], "the `orientation` of `:root` in its .asf file is not used");
    }

    #[test]
    fn bones_that_a_frame_lacks_are_at_rest() {
        let skeleton = read_asf(ASF).unwrap();
        let amc = ":DEGREES\n1\nroot 0 0 0 0 0 0\nthigh 90 0 0\n2\nroot 0 0 0 0 0 0\n";
        let motion = read_amc(amc, &skeleton).unwrap();
        assert_eq!(motion.frames.len(), 2);
        assert_ne!(motion.frames[0][1], motion.frames[1][1]);
        assert_eq!(motion.frames[1], read_amc(":DEGREES\n1\n", &skeleton).unwrap().frames[0]);
    }

    #[test]
    fn errors_name_the_line() {
        let skeleton = read_asf(ASF).unwrap();
        for (text, line, problem) in [
            (":DEGREES\n1\nroot 1 2 3\n", 3, "`root` needs 6 numbers"),
            (":DEGREES\n1\nknee 1\n", 3, "no bone `knee`"),
            (":DEGREES\nroot 0 0 0 0 0 0\n", 2, "before any frame"),
            (":DEGREES\n1\nshank inf\n", 3, "`inf` is no number"),
            (":DEGREES\n", 1, "no frames"),
            (":DEGREES\n1\nroot 1 2 3 4 5 6 7 8\n", 3, "`root` has 8 numbers, not 6"),
            (":DEGREES\n1\nshank 1\nshank 1\n", 4, "`shank` comes twice"),
            (":DEGREES\n1\nshank 1\n2\nroot 1e39 0 0 0 0 0\n", 4, "frame 1, bone `root`"),
        ] {
            let error = read_amc(text, &skeleton).unwrap_err();
            assert!(error.line == line && error.problem.contains(problem), "{error:?}");
        }
        // A file that is cut off says so, wherever it is, and one that is not full may lack bones.
        let full = ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 0 0 0 0 0 0\nthigh 0 0 0\nshank 0\n2\nroot 0 0 0 0 0 0\nthigh 0 0 0\nshank 0\n";
        assert_eq!(read_amc(full, &skeleton).unwrap().frames.len(), 2);
        for (text, line, problem) in [
            (full.replacen("shank 0\n", "", 1), 3, "lacks `shank`, but"),
            (full.replacen("thigh 0 0 0\nshank 0\n", "", 1), 3, "lacks `thigh` and 1 more, but"),
            (full[..full.len() - "shank 0\n".len()].to_owned(), 7, "lacks `shank`, but"),
            (full[..full.len() - "0\n".len()].to_owned(), 10, "`shank` needs 1 numbers"),
        ] {
            let error = read_amc(&text, &skeleton).unwrap_err();
            assert!(error.line == line && error.problem.contains(problem), "{error:?}");
            let partial = text.replace(":FULLY-SPECIFIED", "");
            assert_eq!(read_amc(&partial, &skeleton).is_ok(), line < 10);
        }
        for (text, problem) in [
            (
                ASF.replace("root thigh", &format!("root{}", " thigh".repeat(2000))),
                "more than 1024",
            ),
            (ASF.replace("length 7", "length x"), "`x` is no number"),
            (ASF.replace("thigh shank", "thigh knee"), "`knee` of the hierarchy"),
            (ASF.replace("order TX TY TZ RX RY RZ", ""), "no `order`"),
            (ASF.replace("position 0 0 0", "position 0 0"), "`:bonedata` is no number"),
            (ASF[..ASF.find("direction").unwrap()].to_owned(), "the file ends"),
        ] {
            let error = read_asf(&text).unwrap_err();
            assert!(error.problem.contains(problem), "{error:?}");
        }
    }
}
