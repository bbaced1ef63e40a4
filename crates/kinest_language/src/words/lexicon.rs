//! The table of words.

use rust_stemmers::{Algorithm, Stemmer};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Debug};
use std::sync::{Arc, LazyLock};
use thiserror::Error;

/// A table of words that cannot be used.
#[derive(Debug, Error)]
pub enum LexiconError {
    /// The text is not such a table.
    #[error("lexicon: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// No stemmer has this name.
    #[error("lexicon: `stemmer`: {0:?} is not known (english, german)")]
    Stemmer(String),
    /// A table uses a refinement that is not defined.
    #[error("lexicon: `{field}`: {name:?} is not in `refinements`")]
    Refinement {
        /// The table that names it.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// An entry of `phrases` has only one word, or stands for several.
    #[error("lexicon: `phrases`: {0:?} is not two or more words that mean one")]
    Phrase(String),
    /// Two sets have the same name.
    #[error("lexicon: `meanings`: {0:?} is there twice")]
    Twice(String),
}

/// The table as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stemmer: String,
    ignored: Vec<String>,
    negations: Vec<String>,
    breaks: Vec<String>,
    refinements: BTreeMap<String, Vec<String>>,
    opposites: Vec<(String, String)>,
    includes: Vec<(String, String)>,
    irregular: HashMap<String, String>,
    phrases: Vec<(String, String)>,
    meanings: Vec<Meaning>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    name: String,
    same: Vec<String>,
    near: Vec<String>,
    /// What a body does who does it, in the words of descriptions.
    #[serde(default)]
    seen: String,
}

/// What words mean: which mean the same, which refine others (left, fast), which deny.
///
/// [`Lexicon::english`] is built in; its source, `assets/english.lexicon.ron`, is the example for
/// other languages.
pub struct Lexicon {
    stemmer: Stemmer,
    irregular: HashMap<String, String>,
    pub(super) ignored: HashSet<String>,
    pub(super) negations: HashSet<String>,
    pub(crate) breaks: HashSet<String>,
    /// Refinement of each word that is one.
    pub(super) refinements: HashMap<String, String>,
    opposites: HashMap<String, String>,
    includes: Vec<(String, String)>,
    /// Words that mean one thing together, by the first of them.
    pub(super) phrases: HashMap<String, Vec<(Vec<String>, String)>>,
    /// Sets that a stem belongs to, and sets it is related to.
    meanings: HashMap<String, (Vec<String>, Vec<String>)>,
    /// What sets look like, by name.
    seen: HashMap<String, String>,
    /// A word of each stem that means something.
    written: BTreeMap<String, String>,
}

impl Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lexicon").field("stems", &self.meanings.len()).finish_non_exhaustive()
    }
}

impl Lexicon {
    /// The built-in table of English words.
    #[must_use]
    pub fn english() -> Arc<Self> {
        static ENGLISH: LazyLock<Arc<Lexicon>> = LazyLock::new(|| {
            let table = include_str!("../../assets/english.lexicon.ron");
            Arc::new(Lexicon::from_ron(table).expect("a test reads the built-in table"))
        });
        Arc::clone(&ENGLISH)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// If it is not a table, or not consistent.
    pub fn from_ron(text: &str) -> Result<Self, LexiconError> {
        let table: Table = ron::from_str(text)?;
        let stemmer = match table.stemmer.as_str() {
            "english" => Stemmer::create(Algorithm::English),
            "german" => Stemmer::create(Algorithm::German),
            _ => return Err(LexiconError::Stemmer(table.stemmer)),
        };
        for (field, pairs) in [("opposites", &table.opposites), ("includes", &table.includes)] {
            let mut names = pairs.iter().flat_map(|(a, b)| [a, b]);
            if let Some(name) = names.find(|name| !table.refinements.contains_key(*name)) {
                return Err(LexiconError::Refinement { field, name: name.clone() });
            }
        }
        let mut lexicon = Self {
            stemmer,
            irregular: table.irregular,
            ignored: table.ignored.into_iter().collect(),
            negations: table.negations.into_iter().collect(),
            breaks: table.breaks.into_iter().collect(),
            refinements: HashMap::new(),
            opposites: HashMap::new(),
            includes: table.includes,
            phrases: HashMap::new(),
            meanings: HashMap::new(),
            seen: HashMap::new(),
            written: BTreeMap::new(),
        };
        for (name, words) in table.refinements {
            lexicon.refinements.extend(words.into_iter().map(|word| (word, name.clone())));
        }
        for (a, b) in table.opposites {
            lexicon.opposites.insert(a.clone(), b.clone());
            lexicon.opposites.insert(b, a);
        }
        for (words, meaning) in table.phrases {
            let stems: Vec<String> = words.split(' ').map(|word| lexicon.stem(word)).collect();
            if stems.len() < 2 || meaning.contains(' ') {
                return Err(LexiconError::Phrase(words));
            }
            let meaning = lexicon.stem(&meaning);
            lexicon.phrases.entry(stems[0].clone()).or_default().push((stems, meaning));
        }
        let mut names = HashSet::new();
        for Meaning { name, same, near, seen } in table.meanings {
            for word in same {
                let stem = lexicon.stem(&word);
                lexicon.written.entry(stem.clone()).or_insert_with(|| word.clone());
                lexicon.meanings.entry(stem).or_default().0.push(name.clone());
            }
            for word in near {
                let stem = lexicon.stem(&word);
                lexicon.meanings.entry(stem).or_default().1.push(name.clone());
            }
            if !names.insert(name.clone()) {
                return Err(LexiconError::Twice(name));
            }
            if !seen.is_empty() {
                lexicon.seen.insert(name, seen);
            }
        }
        Ok(lexicon)
    }

    /// The stem of a word in lower case; irregular forms become regular first. A form that the table
    /// maps to itself is kept.
    pub(crate) fn stem(&self, word: &str) -> String {
        match self.irregular.get(word) {
            Some(regular) if regular == word => word.to_owned(),
            Some(regular) => self.stemmer.stem(regular).into_owned(),
            None => self.stemmer.stem(word).into_owned(),
        }
    }

    /// Names of the sets that a stem belongs to, and of those it is related to.
    pub(super) fn meanings(&self, stem: &str) -> (&[String], &[String]) {
        self.meanings.get(stem).map_or((&[], &[]), |(same, near)| (same, near))
    }

    /// Sets, and what a body does who does what they mean, in the words of descriptions.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (&str, &str)> {
        self.seen.iter().map(|(set, text)| (set.as_str(), text.as_str()))
    }

    /// Words that mean something, one of each stem, in order of their stems.
    pub(crate) fn written(&self) -> impl Iterator<Item = &str> {
        self.written.values().map(String::as_str)
    }

    /// Whether a word in lower case says something, as a word that means or refines something.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.refinements.contains_key(word) || self.meanings.contains_key(&self.stem(word))
    }

    /// Whether a word in lower case is nowhere in the table.
    pub(crate) fn is_strange(&self, word: &str) -> bool {
        let here = self.knows(word)
            || [&self.ignored, &self.negations, &self.breaks].iter().any(|set| set.contains(word))
            || self.phrases.contains_key(&self.stem(word));
        !here
    }

    /// The stems that mean something.
    pub(crate) fn stems(&self) -> impl Iterator<Item = &str> {
        self.meanings.keys().map(String::as_str)
    }

    /// The refinement that contradicts another.
    pub(crate) fn opposite(&self, refinement: &str) -> Option<&str> {
        self.opposites.get(refinement).map(String::as_str)
    }

    /// Refinements that include another: "both" includes "left".
    pub(crate) fn including<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let including = self.includes.iter().filter(move |(_, included)| included == part);
        including.map(|(whole, _)| whole.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read_and_forms_of_a_word_have_one_stem() {
        let english = Lexicon::english();
        for forms in [
            &["wave", "waves", "waving", "waved"][..],
            &["sit", "sits", "sitting", "sat"],
            &["run", "runs", "running", "ran"],
            &["jump", "jumped", "jumping"],
        ] {
            let stems: HashSet<String> = forms.iter().map(|form| english.stem(form)).collect();
            assert_eq!(stems.len(), 1, "{stems:?}");
            assert!(!english.meanings(&english.stem(forms[0])).0.is_empty(), "{forms:?}");
        }
        assert_ne!(english.stem("boxing"), english.stem("box"));
    }

    #[test]
    fn tables_that_are_not_consistent_are_refused_with_the_entry() {
        let table = |change: &str, to: &str| {
            let table = r#"(stemmer: "english", ignored: [], negations: [], breaks: [],
                refinements: {"left": [], "right": []}, opposites: [("left", "right")],
                includes: [], irregular: {}, phrases: [("tip toe", "tiptoe")],
                meanings: [(name: "walk", same: ["walk"], near: [])])"#;
            Lexicon::from_ron(&table.replace(change, to)).map(|_| ()).map_err(|e| e.to_string())
        };
        table("", "").unwrap();
        for (change, to, expected) in [
            ("english", "klingon", "klingon"),
            (r#"("left", "right")"#, r#"("left", "rihgt")"#, "rihgt"),
            ("tip toe", "tiptoe", "tiptoe"),
            ("near: [])", r#"near: []), (name: "walk", same: [], near: [])"#, "twice"),
            ("ignored", "ignore", "ignore"),
            ("breaks: []", "breaks: [", "lexicon"),
        ] {
            let error = table(change, to).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
