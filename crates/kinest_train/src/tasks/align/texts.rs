//! Texts of the three levels.

use kinest::align::LevelTexts;
use kinest::skeleton::GroupPair;
use kinest_language::Description;

/// The texts of a description.
#[must_use]
pub fn level_texts(description: &Description) -> LevelTexts {
    let groups = description.groups.clone();
    let pairs = GroupPair::ALL
        .iter()
        .filter_map(|pair| Some((*pair, description.interactions.get(&pair.to_string())?.clone())));
    LevelTexts {
        body: description.global.first().cloned().unwrap_or_default(),
        groups: [
            groups.torso,
            groups.neck,
            groups.left_arm,
            groups.right_arm,
            groups.left_leg,
            groups.right_leg,
        ],
        pairs: pairs.collect(),
    }
}

/// An English text about the mirrored body.
#[must_use]
pub fn mirrored(text: &str) -> String {
    let swapped = |word: &str| match word.to_lowercase().as_str() {
        "left" => "right".to_owned(),
        "right" => "left".to_owned(),
        _ => word.to_owned(),
    };
    let mut mirrored = String::new();
    let mut word = String::new();
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            word.push(letter);
        } else {
            mirrored += &swapped(&word);
            mirrored.push(letter);
            word.clear();
        }
    }
    mirrored + &swapped(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::events::{CodeTable, codes_of};
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::skeleton::Skeleton;
    use kinest_language::Describer;

    #[test]
    fn a_description_keeps_its_texts() {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton);
        let codes = codes_of(&clip, &skeleton, CodeTable::default()).unwrap();
        let description = Describer::default().describe(&codes.segments);
        let texts = level_texts(&description);
        assert_eq!(texts.body, description.global[0]);
        assert_eq!(texts.groups[3], description.groups.right_arm);
        assert_eq!(texts.pairs.len(), description.interactions.len());
        for (pair, text) in texts.pairs {
            assert_eq!(text, description.interactions[&pair.to_string()]);
        }
    }

    #[test]
    fn left_and_right_change_places() {
        assert_eq!(
            mirrored("Left turn, then right-handed wave; upright"),
            "right turn, then left-handed wave; upright"
        );
    }
}
