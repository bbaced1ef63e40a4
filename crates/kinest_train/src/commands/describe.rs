//! `describe`: puts a motion into words.

use crate::data::motion_file;
use crate::output::say;
use anyhow::Context;
use clap::{Args, ValueEnum};
use kinest::events::{CodeTable, codes_of};
use kinest::skeleton::Skeleton;
use kinest_language::describe::{Describer, Description, Wording};
use std::fs;
use std::path::{Path, PathBuf};

/// Puts a motion into words: a sentence, a text for each group of joints, and texts of those pairs of
/// groups that matter.
#[derive(Args, Clone, Debug)]
pub struct DescribeArgs {
    /// The motion, a file of any kind that `convert` reads
    #[arg(long)]
    pub motion: PathBuf,
    /// What to describe; in JSON, the other levels are left out
    #[arg(long, default_value = "all")]
    pub level: LevelChoice,
    /// JSON, with the codes that the texts are made from
    #[arg(long)]
    pub json: bool,
    /// Wording: 0 is plain, other numbers are paraphrases
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Sentences about the whole body, in different words
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub variants: u8,
    /// Language of the texts
    #[arg(long, default_value = "en")]
    pub language: LanguageChoice,
    /// Words of another language, a `.words.ron` file
    #[arg(long, conflicts_with = "language")]
    pub words: Option<PathBuf>,
    /// Body of the motion, JSON; by default the built-in skeleton
    #[arg(long)]
    pub skeleton: Option<PathBuf>,
}

/// A level of description on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelChoice {
    /// The whole body in a sentence
    Global,
    /// A text for each of the six groups
    Group,
    /// Texts of the pairs of groups that matter
    Interaction,
    /// All three
    All,
}

/// A language on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LanguageChoice {
    /// English
    En,
    /// German
    De,
}

impl LevelChoice {
    fn has(self, level: Self) -> bool {
        self == level || self == Self::All
    }
}

/// Runs the command.
///
/// # Errors
/// If the motion, the skeleton or the words cannot be read, or the motion is too short.
pub fn run(args: DescribeArgs) -> anyhow::Result<()> {
    let read;
    let wording = match (&args.words, args.language) {
        (Some(path), _) => {
            read = words(path)?;
            &read
        }
        (None, LanguageChoice::En) => Wording::english(),
        (None, LanguageChoice::De) => Wording::german(),
    };
    let skeleton = match &args.skeleton {
        Some(path) => {
            Skeleton::load(path).with_context(|| format!("skeleton {}", path.display()))?
        }
        None => Skeleton::default(),
    };
    let clip = motion_file::load(&args.motion, &skeleton)?;
    let file = || format!("motion file {}", args.motion.display());
    let codes = codes_of(&clip, &skeleton, CodeTable::default()).with_context(file)?;
    let variants = usize::from(args.variants);
    let describer = Describer { wording, seed: args.seed, variants, ..Describer::default() };
    let description = describer.describe(&codes.segments);
    if args.json {
        say!("{}", json(&description, args.level)?);
    } else {
        print(&description, args.level);
    }
    Ok(())
}

fn words(path: &Path) -> anyhow::Result<Wording> {
    let file = || format!("words {}", path.display());
    let text = fs::read_to_string(path).with_context(file)?;
    Wording::from_ron(&text).with_context(file)
}

fn json(description: &Description, level: LevelChoice) -> anyhow::Result<String> {
    let mut json = serde_json::to_value(description)?;
    for (field, of) in [
        ("global", LevelChoice::Global),
        ("groups", LevelChoice::Group),
        ("interactions", LevelChoice::Interaction),
    ] {
        if !level.has(of)
            && let Some(fields) = json.as_object_mut()
        {
            fields.remove(field);
        }
    }
    Ok(serde_json::to_string_pretty(&json)?)
}

fn print(description: &Description, level: LevelChoice) {
    if level.has(LevelChoice::Global) {
        for sentence in &description.global {
            say!("{sentence}");
        }
    }
    if level.has(LevelChoice::Group) {
        let groups = &description.groups;
        for text in [
            &groups.torso,
            &groups.neck,
            &groups.left_arm,
            &groups.right_arm,
            &groups.left_leg,
            &groups.right_leg,
        ] {
            say!("{text}");
        }
    }
    if level.has(LevelChoice::Interaction) {
        for text in description.interactions.values() {
            say!("{text}");
        }
    }
}
