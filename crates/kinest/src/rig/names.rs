//! Interprets bone names in the conventions of Mixamo, VRM, Unity, Unreal, Rigify, Biped, VRoid,
//! Character Creator, Daz and SMPL.

/// A part of the body that bones are named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Hips,
    Spine,
    Neck,
    Head,
    Collar,
    UpperArm,
    Forearm,
    Hand,
    Thigh,
    Shin,
    Foot,
    Toe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The fingers that show the roll of a palm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finger {
    Index,
    Little,
}

/// Interpretation of a bone's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hints {
    pub side: Option<Side>,
    pub finger: Option<Finger>,
    /// The parts it may stand for, and how well the name fits, up to 1.
    parts: Vec<(Part, f64)>,
    /// Whether the name marks a helper: a twist bone, a control, an end bone, a finger.
    pub helper: bool,
}

/// Words that only identify the naming convention.
const NOISE: [&str; 20] = [
    "mixamorig",
    "bip",
    "biped",
    "valvebiped",
    "valve",
    "def",
    "j",
    "c",
    "m",
    "x",
    "b",
    "cc",
    "base",
    "bone",
    "bn",
    "jnt",
    "joint",
    "sk",
    "stretch",
    "bend",
];

/// Words that mark helper bones.
const HELPERS: [&str; 37] = [
    "twist",
    "roll",
    "ik",
    "fk",
    "pole",
    "target",
    "tgt",
    "ctrl",
    "control",
    "mch",
    "org",
    "end",
    "nub",
    "tip",
    "tweak",
    "helper",
    "volume",
    "corrective",
    "socket",
    "weapon",
    "attach",
    "aim",
    "effector",
    "offset",
    "vis",
    "parent",
    "heel",
    "thumb",
    "index",
    "middle",
    "ring",
    "pinky",
    "little",
    "finger",
    "palm",
    "eye",
    "jaw",
];

/// The parts a name may stand for once side, numbers and noise are removed. Some words name
/// neighbouring bones in different conventions (joint names, for example); the place in the tree
/// decides.
fn parts(word: &str, sided: bool) -> &'static [(Part, f64)] {
    use Part as P;
    match (word, sided) {
        ("hips" | "pelvis", false) => &[(P::Hips, 1.0)],
        ("hip", false) => &[(P::Hips, 0.8)],
        (
            "spine" | "abdomen" | "abdomenlower" | "abdomenupper" | "waist" | "torso" | "chest",
            false,
        )
        | ("chestlower" | "chestupper" | "upperchest" | "lowerchest" | "ribcage", false) => {
            &[(P::Spine, 1.0)]
        }
        ("neck" | "necklower" | "neckupper", false) => &[(P::Neck, 1.0)],
        ("head", false) => &[(P::Head, 1.0)],
        ("clavicle" | "clav" | "collar" | "collarbone", true) => &[(P::Collar, 1.0)],
        ("shoulder", true) => &[(P::Collar, 0.8), (P::UpperArm, 0.6)],
        ("upperarm" | "uparm" | "shldr" | "humerus", true) => &[(P::UpperArm, 1.0)],
        ("arm", true) => &[(P::UpperArm, 0.9)],
        ("forearm" | "lowerarm" | "lowarm" | "loarm" | "elbow", true) => &[(P::Forearm, 1.0)],
        ("hand" | "wrist", true) => &[(P::Hand, 1.0)],
        ("thigh" | "upleg" | "upperleg" | "femur", true) => &[(P::Thigh, 1.0)],
        ("hip", true) => &[(P::Thigh, 0.8)],
        ("shin" | "calf" | "lowerleg" | "lowleg" | "loleg" | "knee" | "shank", true) => {
            &[(P::Shin, 1.0)]
        }
        ("leg", true) => &[(P::Shin, 0.8), (P::Thigh, 0.5)],
        ("ankle", true) => &[(P::Foot, 1.0)],
        ("foot", true) => &[(P::Foot, 1.0), (P::Toe, 0.5)],
        ("toe" | "toes" | "toebase" | "ball", true) => &[(P::Toe, 1.0)],
        _ => &[],
    }
}

impl Hints {
    pub fn of(name: &str) -> Self {
        // Everything before these characters is a namespace.
        let own = name.rsplit([':', '|', '/']).next().unwrap_or_default();
        let words = words(own);
        let mut hints = Self::default();
        let mut joined = String::new();
        for word in &words {
            match word.as_str() {
                "l" | "left" | "lft" => hints.side = Some(Side::Left),
                "r" | "right" | "rgt" => hints.side = Some(Side::Right),
                "index" => hints.finger = Some(Finger::Index),
                "pinky" | "little" => hints.finger = Some(Finger::Little),
                _ => {}
            }
            let sided = matches!(word.as_str(), "l" | "left" | "lft" | "r" | "right" | "rgt");
            let number = word.bytes().all(|c| c.is_ascii_digit());
            hints.helper |= HELPERS.contains(&word.as_str());
            if !(sided || number || NOISE.contains(&word.as_str())) {
                joined += word;
            }
        }
        // Of `upper_arm.L` and `upper_arm.L.001` the first starts at the joint.
        let first =
            if hints.side.is_some() && words.last().is_some_and(|w| w.parse::<u32>().is_ok()) {
                0.9
            } else {
                1.0
            };
        let parts = parts(&joined, hints.side.is_some());
        hints.parts = parts.iter().map(|(part, fit)| (*part, fit * first)).collect();
        hints
    }

    /// How well the name fits `part`: 0 if it says nothing, −1 if it names something else.
    pub fn fit(&self, part: Part) -> f64 {
        if self.helper {
            return -1.0;
        }
        let fit = self.parts.iter().find(|(p, _)| *p == part).map(|(_, fit)| *fit);
        fit.unwrap_or(if self.parts.is_empty() { 0.0 } else { -1.0 })
    }
}

/// Lower-case words of a name, split at characters other than letters and digits, at `camelCase`,
/// between letters and digits, and after a leading `left` or `right`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![];
    let mut word = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        let starts = before.is_some_and(|b| {
            b.is_lowercase() && c.is_uppercase()
                || b.is_uppercase() && c.is_uppercase() && after.is_some_and(|a| a.is_lowercase())
                || b.is_ascii_digit() != c.is_ascii_digit()
        });
        if starts || !c.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    words.push(word);
    let split = |word: String| match ["left", "right"].iter().find(|s| word.starts_with(**s)) {
        Some(side) if word.len() > side.len() => {
            vec![(*side).into(), word[side.len()..].into()]
        }
        _ => vec![word],
    };
    words.into_iter().flat_map(split).filter(|w| !w.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_convention_is_recognised() {
        use Part as P;
        use Side::{Left, Right};
        for (name, side, part) in [
            ("mixamorig:LeftForeArm", Some(Left), P::Forearm),
            ("mixamorigRightUpLeg", Some(Right), P::Thigh),
            ("LeftUpperLeg", Some(Left), P::Thigh),
            ("rightLowerArm", Some(Right), P::Forearm),
            ("UpperChest", None, P::Spine),
            ("upperarm_l", Some(Left), P::UpperArm),
            ("calf_r", Some(Right), P::Shin),
            ("ball_l", Some(Left), P::Toe),
            ("spine_03", None, P::Spine),
            ("DEF-upper_arm.L", Some(Left), P::UpperArm),
            ("DEF-shin.R", Some(Right), P::Shin),
            ("Armature|shoulder.R", Some(Right), P::Collar),
            ("Bip001 L UpperArm", Some(Left), P::UpperArm),
            ("Bip01 R Toe0", Some(Right), P::Toe),
            ("J_Bip_L_LowerLeg", Some(Left), P::Shin),
            ("CC_Base_R_Upperarm", Some(Right), P::UpperArm),
            ("lThighBend", Some(Left), P::Thigh),
            ("rShldr", Some(Right), P::UpperArm),
            ("L_Collar", Some(Left), P::Collar),
            ("R_Hip", Some(Right), P::Thigh),
            ("LHand", Some(Left), P::Hand),
            ("pelvis", None, P::Hips),
        ] {
            let hints = Hints::of(name);
            assert_eq!(hints.side, side, "{name}");
            assert!(hints.fit(part) >= 0.7, "{name}: {hints:?}");
        }
    }

    #[test]
    fn helpers_fit_no_body_part() {
        for name in [
            "upperarm_twist_01_l",
            "mixamorig:LeftToe_End",
            "hand_ik.L",
            "ik_foot_r",
            "IKHand_L",
            "ORG-thigh.L",
            "LeftForeArmRoll",
            "mixamorig:LeftHandIndex1",
            "Bip01 L ForeTwist",
        ] {
            assert!(Hints::of(name).helper, "{name}");
        }
        assert_eq!(Hints::of("LeftHandPinky1").finger, Some(Finger::Little));
        assert_eq!(Hints::of("f_index.01.R").finger, Some(Finger::Index));
    }

    #[test]
    fn unknown_names_fit_no_part() {
        for name in ["", "Bone.012", "Armature", "Bip01", "J_Sec_Hair1_04", "node_7"] {
            let hints = Hints::of(name);
            assert!(hints.fit(Part::Hand) == 0.0 && !hints.helper, "{name}: {hints:?}");
        }
        assert!(Hints::of("LeftFoot").fit(Part::Hand) < 0.0);
        // The first bone of a chain fits better than its numbered continuation.
        let fit = |name| Hints::of(name).fit(Part::UpperArm);
        assert!(fit("upper_arm.L") > fit("upper_arm.L.001"));
    }
}
