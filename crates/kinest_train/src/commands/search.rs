//! `search`: finds motion by words.

use crate::output::say;
use crate::report::search;
use anyhow::Context;
use clap::Args;
use kinest_language::{Evidence, Hit, Lexicon, Library};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Finds the clips of a library that fit a text: "someone waves with the right hand".
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["text", "queries"]))]
pub struct SearchArgs {
    /// The library, made by `library`
    #[arg(long)]
    pub library: PathBuf,
    /// What the body should do
    #[arg(long)]
    pub text: Option<String>,
    /// Instead of one text, score the search: CSV with the columns `trial` and `title`, each title the
    /// query that should find its trial
    #[arg(long)]
    pub queries: Option<PathBuf>,
    /// What words mean, a `.lexicon.ron` file; by default English
    #[arg(long)]
    pub lexicon: Option<PathBuf>,
    /// Most clips to show
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "queries")]
    pub top: u16,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Runs `search`.
///
/// # Errors
/// If the library or the lexicon cannot be read, the library is empty, the text has no word to search for, or the queries cannot
/// be read or are about other trials.
pub fn run(args: SearchArgs) -> anyhow::Result<()> {
    let lexicon = match &args.lexicon {
        Some(path) => {
            let file = || format!("lexicon {}", path.display());
            let text = fs::read_to_string(path).with_context(file)?;
            Arc::new(Lexicon::from_ron(&text).with_context(file)?)
        }
        None => Lexicon::english(),
    };
    let library = Library::load_with(&args.library, lexicon)?;
    if let Some(queries) = &args.queries {
        let report = search::measure(&library, queries, None)?;
        if args.json {
            say!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            say!("{}", report.table());
        }
        return Ok(());
    }
    let hits = library.search(args.text.as_deref().unwrap_or_default(), usize::from(args.top))?;
    if args.json {
        let rows: Vec<Value> = hits.iter().map(row).collect();
        say!("{}", serde_json::to_string_pretty(&rows)?);
    } else if hits.is_empty() {
        say!("nothing fits");
    } else {
        for hit in &hits {
            let Hit { clip, start_s, end_s, score, why } = hit;
            let why: Vec<String> = why.iter().map(reason).collect();
            say!("{score:.3}  {clip}  {start_s:.1}–{end_s:.1} s  {}", why.join("; "));
        }
    }
    Ok(())
}

fn row(hit: &Hit) -> Value {
    let Hit { clip, start_s, end_s, score, .. } = hit;
    json!({ "clip": clip, "start_s": start_s, "end_s": end_s, "score": score })
}

fn reason(evidence: &Evidence) -> String {
    let Evidence { word, text, span_s } = evidence;
    match span_s {
        Some((start, end)) => format!("{word}: {text} ({start:.1}–{end:.1} s)"),
        None => format!("{word}: \"{text}\""),
    }
}
