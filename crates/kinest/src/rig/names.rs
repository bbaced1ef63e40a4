//! Interprets bone names in the conventions of Mixamo, VRM, Unity, Unreal, Rigify, Auto-Rig Pro,
//! Biped, VRoid, MikuMikuDance, Character Creator, Daz and SMPL.

use std::collections::{BTreeMap, BTreeSet};

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

impl Part {
    /// Its word in reports, for both sides.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Hips => "hips",
            Self::Spine => "spines",
            Self::Neck => "necks",
            Self::Head => "heads",
            Self::Collar => "collars",
            Self::UpperArm => "upper arms",
            Self::Forearm => "forearms",
            Self::Hand => "hands",
            Self::Thigh => "thighs",
            Self::Shin => "shins",
            Self::Foot => "feet",
            Self::Toe => "toes",
        }
    }
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
    /// First digit of the number of a finger that has no name.
    finger_number: Option<u8>,
    /// The parts it may stand for, and how well the name fits, up to 1.
    parts: Vec<(Part, f64)>,
    /// Whether the name marks a helper: a twist bone, a control, an end bone, a finger.
    pub helper: bool,
    /// The words that name the part, without side, numbers and noise.
    word: String,
    /// Whether the name says nothing more than this.
    is_whole: bool,
    number: Option<u32>,
    /// Whether it is the copy of a bone that deforms in its place, as in MikuMikuDance (`足D`).
    is_copy: bool,
}

/// Words that only identify the naming convention.
const NOISE: [&str; 30] = [
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
    "jt",
    "sk",
    "stretch",
    "bend",
    "skeleton",
    "armature",
    "character",
    "rig",
    "skin",
    "bind",
    "human",
    "d",
    "ex",
];

/// Words that mark helper bones, and parts that are no joint of the body.
const HELPERS: [&str; 115] = [
    "twist",
    "twst",
    "roll",
    "ik",
    "fk",
    "pole",
    "target",
    "tgt",
    "ctrl",
    "control",
    "ctl",
    "mch",
    "org",
    "end",
    "nub",
    "tip",
    "leaf",
    "tweak",
    "helper",
    "face",
    "facial",
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
    "pinkie",
    "little",
    "finger",
    "fingers",
    "eye",
    "eyes",
    "jaw",
    "dummy",
    "cancel",
    "null",
    "locator",
    "pivot",
    "share",
    "part",
    "slot",
    "assimp",
    "master",
    "footsteps",
    "hair",
    "skirt",
    "cape",
    "cloak",
    "tail",
    "breast",
    "boob",
    "bust",
    "ribbon",
    "belt",
    "sleeve",
    "cloth",
    "robe",
    "coat",
    "ear",
    "brow",
    "eyebrow",
    "lip",
    "cheek",
    "tongue",
    "teeth",
    "tooth",
    "nose",
    "lid",
    "eyelid",
    "lash",
    "wing",
    "feather",
    "hat",
    "strap",
    "bag",
    "pouch",
    "sword",
    "shield",
    "gun",
    "prop",
    "camera",
    "light",
    "beard",
    "mouth",
    "chin",
    "mask",
    "scarf",
    "tie",
    "muscle",
    "bicep",
    "triceps",
    "glute",
    "butt",
    "mane",
    "fin",
    "horn",
    "snout",
    "beak",
    "claw",
    "metacarpal",
    "metatarsals",
    "sec",
    "adj",
    "physics",
];

/// Words that are never a mere prefix of a file, however many of its bones have them.
const PARTS_OF_WORDS: [&str; 12] =
    ["upper", "lower", "up", "low", "lo", "fore", "arm", "leg", "body", "hand", "foot", "toe"];

/// Bones of MikuMikuDance and what their names mean, longer ones before those that they contain.
const JAPANESE: [(&str, &str); 42] = [
    ("左", "left"),
    ("右", "right"),
    ("全ての親", "root"),
    ("センター", "center"),
    ("グルーブ", "groove"),
    ("キャンセル", "cancel"),
    ("操作", "control"),
    ("上半身", "upperbody"),
    ("下半身", "lowerbody"),
    ("手首", "wrist"),
    ("足首", "ankle"),
    ("足先", "toes"),
    ("つま先", "toes"),
    ("爪先", "toes"),
    ("足", "thigh"),
    ("ひじ", "elbow"),
    ("肘", "elbow"),
    ("ひざ", "knee"),
    ("膝", "knee"),
    ("肩P", "dummy"),
    ("肩C", "dummy"),
    ("肩", "collar"),
    ("腕", "upperarm"),
    ("親指", "thumb"),
    ("人差指", "index"),
    ("人指", "index"),
    ("中指", "middle"),
    ("薬指", "ring"),
    ("小指", "pinky"),
    ("指", "finger"),
    ("手", "forearm"),
    ("首", "neck"),
    ("頭", "head"),
    ("捩", "twist"),
    ("髪", "hair"),
    ("スカート", "skirt"),
    ("胸", "breast"),
    ("袖", "sleeve"),
    ("先", "tip"),
    ("親", "parent"),
    ("目", "eye"),
    ("ダミー", "dummy"),
];

/// The parts a name may stand for once side, numbers and noise are removed. Some words name
/// neighbouring bones in different conventions (joint names, for example); the other names of the
/// file and the place in the tree decide.
fn parts(word: &str, sided: bool) -> &'static [(Part, f64)] {
    use Part as P;
    match (word, sided) {
        ("hips" | "pelvis" | "lowerbody", false) => &[(P::Hips, 1.0)],
        ("hip", false) => &[(P::Hips, 0.8)],
        (
            "spine" | "abdomen" | "abdomenlower" | "abdomenupper" | "waist" | "torso" | "chest"
            | "upperbody" | "lowerback" | "upperback" | "stomach" | "thorax",
            false,
        )
        | ("chestlower" | "chestupper" | "upperchest" | "lowerchest" | "ribcage", false) => {
            &[(P::Spine, 1.0)]
        }
        ("neck" | "necklower" | "neckupper", false) => &[(P::Neck, 1.0)],
        ("head", false) => &[(P::Head, 1.0)],
        ("clavicle" | "clav" | "collar" | "collarbone" | "clavical", true) => &[(P::Collar, 1.0)],
        ("scapula", true) => &[(P::Collar, 0.9)],
        ("chest", true) => &[(P::Collar, 0.5)],
        ("shoulder", true) => &[(P::Collar, 0.8), (P::UpperArm, 0.6)],
        ("upperarm" | "uparm" | "shldr" | "humerus", true) => &[(P::UpperArm, 1.0)],
        ("arm", true) => &[(P::UpperArm, 0.9)],
        ("forearm" | "lowerarm" | "lowarm" | "loarm", true) => &[(P::Forearm, 1.0)],
        ("elbow", true) => &[(P::Forearm, 0.95)],
        ("hand" | "wrist", true) => &[(P::Hand, 1.0)],
        ("fist", true) => &[(P::Hand, 0.9)],
        ("palm", true) => &[(P::Hand, 0.6)],
        ("thigh" | "upleg" | "upperleg" | "upperthigh" | "femur", true) => &[(P::Thigh, 1.0)],
        ("hip", true) => &[(P::Thigh, 0.8)],
        ("shin" | "calf" | "lowerleg" | "lowleg" | "loleg" | "shank" | "tibia", true) => {
            &[(P::Shin, 1.0)]
        }
        ("knee", true) => &[(P::Shin, 0.95)],
        ("leg", true) => &[(P::Shin, 0.8), (P::Thigh, 0.7)],
        ("ankle", true) => &[(P::Foot, 0.95)],
        ("foot", true) => &[(P::Foot, 1.0), (P::Toe, 0.5)],
        ("toe" | "toes" | "toebase" | "ball", true) => &[(P::Toe, 1.0)],
        _ => &[],
    }
}

/// Limbs whose bones are only numbered: the name tells the limb, the place tells the bone.
fn series(word: &str) -> &'static [(Part, f64)] {
    use Part as P;
    match word {
        "arm" => &[(P::UpperArm, 0.4), (P::Forearm, 0.4), (P::Hand, 0.4)],
        "leg" => &[(P::Thigh, 0.4), (P::Shin, 0.4), (P::Foot, 0.4), (P::Toe, 0.4)],
        _ => &[],
    }
}

/// Words of a name, its last ones, among which the part of the body is looked for.
const MOST_WORDS: usize = 16;
/// Fit of all but the first of numbered bones with the same name.
const NOT_FIRST: f64 = 0.75;
/// Fit of a name that says more than the part, in words that are not known.
const WITH_OTHER_WORDS: f64 = 0.6;

impl Hints {
    /// Interprets the names of one file together: what all have in common says nothing, and of two
    /// words for neighbouring bones each tells the meaning of the other.
    pub fn of_file<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<Self> {
        let mut split: Vec<Vec<String>> = names.map(own_words).collect();
        let named = split.iter().filter(|words| !words.is_empty()).count();
        // Converters number all nodes, behind their names.
        let is_number = |word: &String| word.bytes().all(|c| c.is_ascii_digit());
        let numbered =
            split.iter().filter(|words| words.len() > 1 && words.last().is_some_and(is_number));
        let starts = |words: &&Vec<String>| words.last().is_some_and(|w| w.starts_with('0'));
        let padded = split.iter().filter(starts).count();
        if named >= 8 && numbered.count() * 10 >= named * 8 && padded * 10 >= named * 8 {
            for words in &mut split {
                if words.last().is_some_and(is_number) {
                    words.pop();
                }
            }
        }
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for words in &split {
            let unique: BTreeSet<&String> = words.iter().collect();
            unique.into_iter().for_each(|word| *count.entry(word.clone()).or_default() += 1);
        }
        let common: BTreeSet<&str> = count
            .iter()
            .filter(|(word, n)| **n >= 4 && **n * 7 >= named && !is_known(word))
            .map(|(word, _)| word.as_str())
            .collect();
        let mut hints: Vec<Self> =
            split.iter().map(|words| Self::of_words(words, &common)).collect();
        let deforming = split.iter().map(|words| words.iter().any(|word| word == "def"));
        let deforming: Vec<bool> = deforming.collect();
        let of_limbs = |(hints, def): &(&Self, &bool)| {
            **def && hints.side.is_some() && !hints.parts.is_empty()
        };
        if hints.iter().zip(&deforming).filter(of_limbs).count() >= 8 {
            // Beside bones that deform, all others only control them.
            for (hints, _) in hints.iter_mut().zip(deforming).filter(|(_, def)| !def) {
                hints.helper |= !hints.parts.is_empty();
            }
        }
        // Thumbs are number 0 or number 1.
        let five = hints.iter().any(|hints| hints.finger_number == Some(b'5'));
        let [index, little] = if five { *b"25" } else { *b"14" };
        for hints in &mut hints {
            match hints.finger_number {
                Some(number) if number == index => hints.finger = Some(Finger::Index),
                Some(number) if number == little => hints.finger = Some(Finger::Little),
                _ => {}
            }
        }
        settle(&mut hints);
        hints
    }

    fn of_words(words: &[String], common: &BTreeSet<&str>) -> Self {
        let mut hints = Self::default();
        let mut body: Vec<&str> = vec![];
        let mut number: Option<u32> = None;
        let mut finger = false;
        for word in words {
            let word = word.as_str();
            if let Some(side) = side(word) {
                hints.side = Some(side);
            } else if word.bytes().all(|c| c.is_ascii_digit()) {
                let value = word.parse().unwrap_or(u32::MAX);
                // A number before the part belongs to the convention, as in `Bip001`.
                if !body.is_empty() {
                    number = Some(value);
                }
                if finger {
                    hints.finger_number = word.bytes().next();
                }
            } else if !NOISE.contains(&word) && !common.contains(word) {
                body.push(word);
            }
            finger = word == "finger" || (finger && side(word).is_some());
            match word {
                "index" => hints.finger = Some(Finger::Index),
                "pinky" | "pinkie" | "little" => hints.finger = Some(Finger::Little),
                _ => {}
            }
        }
        let sided = hints.side.is_some();
        // Necks twist too, as a whole.
        let helps = |word: &&str| HELPERS.contains(word) && (sided || **word != *"twist");
        hints.helper = body.iter().any(helps);
        body.retain(|word| *word != "twist");
        if let [limb @ ("arm" | "leg"), which] = body[..]
            && ["upper", "lower", "up", "low", "fore"].contains(&which)
        {
            body = vec![which, limb];
        }
        let (word, whole) = longest_part(&body, sided);
        let as_series = series(&word);
        let numbered = number.is_some() && !as_series.is_empty() && sided;
        let found = if numbered { as_series } else { parts(&word, sided) };
        let certain = if whole { 1.0 } else { WITH_OTHER_WORDS };
        hints.parts = found.iter().map(|(part, fit)| (*part, fit * certain)).collect();
        (hints.word, hints.is_whole, hints.number) = (word, whole, number);
        hints.is_copy = words.iter().any(|word| word == "d") && !hints.parts.is_empty();
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

    /// Whether the name is one of these words and nothing more.
    fn is(&self, words: &[&str]) -> bool {
        !self.helper && self.is_whole && words.contains(&self.word.as_str())
    }

    /// Whether the name is that of a tail.
    pub fn is_tail(&self) -> bool {
        self.word == "tail" && self.side.is_none()
    }

    /// Gives the name one meaning, with the certainty it had at best.
    fn mean(&mut self, part: Part, at_least: f64) {
        let best = self.parts.iter().map(|(_, fit)| *fit).fold(0.0, f64::max);
        let whole = if best < WITH_OTHER_WORDS { best } else { best.max(at_least) };
        self.parts = vec![(part, whole)];
    }
}

/// Words with two meanings take the one that no other word of the same side has.
fn settle(hints: &mut [Hints]) {
    const UPPER_ARM: &[&str] = &["upperarm", "uparm", "shldr", "humerus"];
    const FOREARM: &[&str] = &["forearm", "lowerarm", "lowarm", "loarm"];
    const THIGH: &[&str] = &["thigh", "upleg", "upperleg", "upperthigh", "femur"];
    const SHIN: &[&str] = &["shin", "calf", "lowerleg", "lowleg", "loleg", "shank", "tibia"];
    const COLLAR: &[&str] = &["clavicle", "clav", "collar", "collarbone", "clavical"];
    for side in [Side::Left, Side::Right] {
        let of_side: Vec<usize> =
            (0..hints.len()).filter(|i| hints[*i].side == Some(side)).collect();
        let has = |words: &[&str]| of_side.iter().any(|i| hints[*i].is(words));
        let (collar, upper_arm, forearm) = (has(COLLAR), has(UPPER_ARM), has(FOREARM));
        let (thigh, shin, shoulder) = (has(THIGH), has(SHIN), has(&["shoulder"]));
        let (arm, knee, hip, leg) = (has(&["arm"]), has(&["knee"]), has(&["hip"]), has(&["leg"]));
        let (wrist, ankle) = (has(&["wrist"]), has(&["ankle"]));
        let (hand, foot, elbow) = (has(&["hand"]), has(&["foot"]), has(&["elbow"]));
        // Of `upper_arm.L`, `upper_arm.L.001` and `upper_arm.L.002` the first starts at the joint.
        let mut first: BTreeMap<String, Option<u32>> = BTreeMap::new();
        for hints in of_side.iter().map(|i| &hints[*i]).filter(|hints| !hints.helper) {
            let number = first.entry(hints.word.clone()).or_insert(hints.number);
            *number = hints.number.min(*number);
        }
        let copied: BTreeSet<String> = of_side
            .iter()
            .filter(|i| hints[**i].is_copy && !hints[**i].helper)
            .map(|i| hints[*i].word.clone())
            .collect();
        for i in of_side {
            let hints = &mut hints[i];
            if !hints.is_copy && copied.contains(&hints.word) {
                hints.parts.iter_mut().for_each(|(_, fit)| *fit *= NOT_FIRST);
            }
            let is_series = hints.number.is_some() && !series(&hints.word).is_empty();
            if !is_series && first.get(&hints.word).is_some_and(|first| hints.number > *first) {
                hints.parts.iter_mut().for_each(|(_, fit)| *fit *= NOT_FIRST);
            }
            if hints.helper || hints.parts.len() > 2 {
                continue;
            }
            match hints.word.as_str() {
                "shoulder" if collar && upper_arm => hints.helper = true,
                "shoulder" if collar && !arm => hints.mean(Part::UpperArm, 1.0),
                "shoulder" if upper_arm || arm => hints.mean(Part::Collar, 1.0),
                "arm" if upper_arm => hints.helper = true,
                "arm" if (forearm || elbow) && (shoulder || collar) => {
                    hints.mean(Part::UpperArm, 1.0);
                }
                "elbow" if forearm => hints.helper = true,
                "knee" if shin => hints.helper = true,
                "hip" if thigh || (leg && shin) => hints.helper = true,
                "leg" if thigh && (shin || knee) => hints.helper = true,
                "leg" if thigh || (hip && !knee && !shin) => hints.mean(Part::Shin, 1.0),
                "leg" if shin || knee => hints.mean(Part::Thigh, 1.0),
                "hand" if wrist => hints.mean(Part::Hand, 0.8),
                "palm" if hand || wrist => hints.helper = true,
                "foot" if ankle => hints.mean(Part::Toe, 0.9),
                "ankle" if foot => hints.mean(Part::Foot, 1.0),
                "foot" => hints.mean(Part::Foot, 1.0),
                _ => {}
            }
        }
    }
}

/// The words that name a part, joined, and whether these are all.
fn longest_part(words: &[&str], sided: bool) -> (String, bool) {
    let last = &words[words.len().saturating_sub(MOST_WORDS)..];
    for length in (1..=last.len()).rev() {
        // The last words name the part in most conventions: `avg_hip`, `hero_upper_arm`.
        for start in (0..=last.len() - length).rev() {
            let joined = last[start..start + length].concat();
            if !parts(&joined, sided).is_empty() {
                return (joined, length == words.len());
            }
        }
    }
    (words.concat(), true)
}

fn is_known(word: &str) -> bool {
    side(word).is_some()
        || HELPERS.contains(&word)
        || PARTS_OF_WORDS.contains(&word)
        || !(parts(word, true).is_empty() && parts(word, false).is_empty())
}

fn side(word: &str) -> Option<Side> {
    match word {
        "l" | "left" | "lft" | "lf" => Some(Side::Left),
        "r" | "right" | "rgt" | "rt" => Some(Side::Right),
        _ => None,
    }
}

/// The words of a name without its namespace.
fn own_words(name: &str) -> Vec<String> {
    let own = name.rsplit([':', '|', '/']).next().unwrap_or_default();
    // Full-width letters and digits are as good as others.
    let own = own.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    });
    let mut own: String = own.collect();
    if !own.is_ascii() {
        for (japanese, english) in JAPANESE {
            own = own.replace(japanese, &format!("_{english}_"));
        }
    }
    words(&own)
}

/// Lower-case words of a name, split at characters other than letters and digits, at `camelCase`,
/// between letters and digits, and after a leading or before a final `left` or `right`; also after
/// or before an `l` or `r`, where the rest is a part of the body.
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
    let split = |word: String| {
        for side in ["left", "right", "l", "r"] {
            let is_part = |rest: &str| side.len() > 1 || !parts(rest, true).is_empty();
            match (word.strip_prefix(side), word.strip_suffix(side)) {
                (Some(rest), _) if !rest.is_empty() && is_part(rest) => {
                    return vec![side.into(), rest.into()];
                }
                (_, Some(rest)) if !rest.is_empty() && is_part(rest) => {
                    return vec![rest.into(), side.into()];
                }
                _ => {}
            }
        }
        vec![word]
    };
    words.into_iter().flat_map(split).filter(|w| !w.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that stand alone say less than those of a file.
    fn of(name: &str) -> Hints {
        Hints::of_file(std::iter::once(name)).remove(0)
    }

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
            ("lthigh", Some(Left), P::Thigh),
            ("ForearmR", Some(Right), P::Forearm),
            ("handr", Some(Right), P::Hand),
            ("leg_upper.L", Some(Left), P::Thigh),
            ("左ひじ", Some(Left), P::Forearm),
            ("足首.R", Some(Right), P::Foot),
            ("下半身", None, P::Hips),
        ] {
            let hints = of(name);
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
            "左足ＩＫ",
            "右腕捩",
            "mixamorig:LeftArm_$AssimpFbx$_PreRotation",
        ] {
            assert!(of(name).helper, "{name}");
        }
        assert_eq!(of("LeftHandPinky1").finger, Some(Finger::Little));
        assert_eq!(of("f_index.01.R").finger, Some(Finger::Index));
        let numbered = |names: &'static [&str], finger| {
            let hints = Hints::of_file(names.iter().copied());
            names[hints.iter().position(|hints| hints.finger == Some(finger)).unwrap()]
        };
        let biped = &["L Finger0", "L Finger01", "L Finger1", "L Finger2", "L Finger4"];
        assert_eq!(numbered(biped, Finger::Index), "L Finger1");
        assert_eq!(numbered(biped, Finger::Little), "L Finger4");
        let human = &["finger1-1.L", "finger2-1.L", "finger4-1.L", "finger5-1.L"];
        assert_eq!(numbered(human, Finger::Index), "finger2-1.L");
        assert_eq!(numbered(human, Finger::Little), "finger5-1.L");
    }

    /// All runs of thousands of words would take hours.
    #[test]
    fn a_name_of_thousands_of_words_is_read_by_its_last_ones() {
        let hints = of(&format!("{}LeftHand", "xy ".repeat(7000)));
        assert_eq!((hints.side, hints.fit(Part::Hand)), (Some(Side::Left), WITH_OTHER_WORDS));
        assert_eq!(of(&"xy ".repeat(7000)).fit(Part::Hand), 0.0);
        // Fifteen words before the part still tell it.
        let hints = of(&format!("{}L_Shin", "of_a_hero_".repeat(5)));
        assert_eq!((hints.side, hints.fit(Part::Shin)), (Some(Side::Left), WITH_OTHER_WORDS));
    }

    #[test]
    fn unknown_names_fit_no_part() {
        for name in ["", "Bone.012", "Armature", "Bip01", "node_7", "センター"] {
            let hints = of(name);
            assert!(hints.fit(Part::Hand) == 0.0 && !hints.helper, "{name}: {hints:?}");
        }
        assert!(of("LeftFoot").fit(Part::Hand) < 0.0);
        // The first bone of a chain fits better than its numbered continuation.
        let chain = Hints::of_file(["upper_arm.L", "upper_arm.L.001"].into_iter());
        assert!(chain[0].fit(Part::UpperArm) > chain[1].fit(Part::UpperArm));
    }
}
