//! `generate`: makes motion from words.

use super::convert::Format;
use super::motions::MotionsArgs;
use super::network::{METHOD, Network, NetworkArgs, NetworkReport};
use crate::output::say;
use crate::progress;
use crate::report::generated::{MadeFigures, MadeReport};
use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::ProgressBar;
use kinest::capture::MotionFormat;
use kinest::motion::MotionClip;
use kinest::skeleton::Group;
use kinest_language::generate::{Generated, Generator, Judged, Request, Unknown};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most seconds of a real clip that stands beside what was made.
const REAL: f64 = 10.0;

/// Makes motion from words, by retrieval with limb splicing: the clip of a library that shows most of
/// it, with arms and head of clips that show the rest, and steps joined one after another. With
/// `--model`, by a trained network.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["text", "group", "table"]))]
pub struct GenerateArgs {
    /// What the body does: "a person walks forward and waves with the right hand, then sits down"
    #[arg(long, conflicts_with = "table")]
    pub text: Option<String>,
    /// What a group does, instead of what follows from the text: `right_arm="waves"`; groups are torso,
    /// neck, left_arm, right_arm, left_leg, right_leg
    #[arg(long, value_name = "GROUP=TEXT", value_parser = group_text, conflicts_with = "table")]
    pub group: Vec<(Group, String)>,
    /// Instead of one text, a file with one on each line: makes all, and scores them
    #[arg(long)]
    pub table: Option<PathBuf>,
    /// Seconds that the motion has; by default what it takes
    #[arg(long)]
    pub seconds: Option<f64>,
    /// 0 takes what fits best, another number something else that fits
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where motion comes from
    #[command(flatten)]
    pub motions: MotionsArgs,
    /// The network that makes the motion instead
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Output, a file of any kind that `convert` writes; with `--table` a folder, which may be left out
    #[arg(long, required_unless_present = "table")]
    pub out: Option<PathBuf>,
    /// Format of what is written into the folder of `--table`
    #[arg(long, value_enum, default_value_t = Format::Npz, requires = "table")]
    to: Format,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Reads `right_arm=waves`.
pub(super) fn group(name: &str) -> Result<Group, String> {
    let names = || Group::ALL.map(Group::name).join(", ");
    let found = Group::ALL.into_iter().find(|group| group.name() == name.trim());
    found.ok_or_else(|| format!("no group is called {name:?}; there are {}", names()))
}

fn group_text(text: &str) -> Result<(Group, String), String> {
    let (name, text) = text.split_once('=').ok_or("expected GROUP=TEXT")?;
    Ok((group(name)?, text.trim().to_owned()))
}

/// Runs `generate`. Unknown words are named on stderr and left out.
///
/// # Errors
/// If the library or the model cannot be read, nothing known is asked, the library shows nothing like it,
/// the motion cannot be as long as it should, or a file cannot be written.
pub fn run(args: GenerateArgs) -> anyhow::Result<()> {
    let network = args.network.open()?;
    let generator = Generator::new(match network {
        Some(_) => args.motions.for_words()?,
        None => args.motions.open()?,
    });
    let request = |text: &str| Request {
        text: text.to_owned(),
        groups: BTreeMap::from_iter(args.group.iter().cloned()),
        seconds: args.seconds,
        seed: args.seed,
    };
    if let Some(table) = &args.table {
        let text =
            fs::read_to_string(table).with_context(|| format!("texts {}", table.display()))?;
        let texts =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let requests: Vec<Request> = texts.map(request).collect();
        ensure!(!requests.is_empty(), "{}: there is no text", table.display());
        let made = Maker { generator: &generator, network: network.as_ref() };
        let report = many(made, &requests, args.out.as_deref(), args.to.into())?;
        match args.json {
            true => say!("{}", serde_json::to_string_pretty(&report)?),
            false => say!("{}", report.table()),
        }
        if report.texts.is_empty() {
            bail!("nothing could be made of any text of {}", table.display());
        }
        return Ok(());
    }
    let out = args.out.as_deref().context("`--out` is missing")?;
    let format = MotionFormat::required(out)?;
    let request = request(args.text.as_deref().unwrap_or_default());
    if let Some(network) = network {
        return by_network(&network, &generator, &request, out, args.json);
    }
    let made = generator.generate(&request)?;
    warn(&made.report.unknown);
    let skeleton = generator.repertoire().skeleton();
    format.save(out, &made.clip, skeleton)?;
    let figures = MadeFigures::new(&made.clip, skeleton, &made.report.judged);
    if args.json {
        let json = serde_json::json!({ "report": made.report, "figures": figures });
        say!("{}", serde_json::to_string_pretty(&json)?);
    } else {
        print(&made, &figures);
        say!("{:.2} s in {}", figures.seconds, out.display());
    }
    Ok(())
}

fn warn(unknown: &[Unknown]) {
    for Unknown { word, nearest } in unknown {
        eprintln!("left out: {word:?} is not known{}", near(nearest));
    }
}

/// The same of words that a network has read all the same.
fn warn_of_read(unknown: &[Unknown]) {
    for Unknown { word, nearest } in unknown {
        eprintln!("read by its letters: {word:?} is not known{}", near(nearest));
    }
}

fn near(nearest: &[String]) -> String {
    match nearest.is_empty() {
        true => String::new(),
        false => format!("; the nearest known words are {}", nearest.join(", ")),
    }
}

fn print(made: &Generated, figures: &MadeFigures) {
    say!("by {}", made.report.method);
    for step in &made.report.steps {
        say!("{:.1}–{:.1} s  {}", step.start_s, step.end_s, step.text);
        for source in &step.sources {
            let groups: Vec<&str> = source.groups.iter().map(|group| group.name()).collect();
            let whole = groups.len() == Group::ALL.len();
            let groups = if whole { "body".to_owned() } else { groups.join(", ") };
            let how = [(source.mirrored, ", mirrored"), (source.repeated, ", repeated")];
            let how: String = how.iter().filter(|(is, _)| *is).map(|(_, how)| *how).collect();
            let (clip, from, to) = (&source.clip, source.from_s, source.to_s);
            say!("  {groups}: {clip} {from:.1}–{to:.1} s{how}");
        }
        for text in step.groups.values() {
            say!("  {text}");
        }
    }
    print_judged(&made.report.judged, figures);
}

fn print_judged(judged: &Judged, figures: &MadeFigures) {
    for asked in &judged.asked {
        say!("{}  {}", if asked.found { "found  " } else { "missing" }, asked.text);
    }
    say!("described: {}", judged.told);
    if let (Some(slide), Some(jitter)) = (figures.slide_cm_s, figures.jitter_1e2_m_s3) {
        let depth = figures.deepest_cm;
        say!(
            "feet slide {slide:.1} cm/s, {depth:.1} cm below the floor at most, jitter {jitter:.1} 100 m/s3"
        );
    }
}

/// Writes what a network makes of a request.
fn by_network(
    network: &Network,
    generator: &Generator,
    request: &Request,
    out: &Path,
    json: bool,
) -> anyhow::Result<()> {
    let format = MotionFormat::required(out)?;
    let bar = progress::waiting("making motion");
    let made = network.make(generator, request);
    bar.finish_and_clear();
    let (clip, report) = made?;
    warn_of_read(&report.unknown);
    let skeleton = generator.repertoire().skeleton();
    format.save(out, &clip, skeleton)?;
    let figures = MadeFigures::new(&clip, skeleton, &report.judged);
    if json {
        let json = serde_json::json!({ "report": report, "figures": figures });
        say!("{}", serde_json::to_string_pretty(&json)?);
        return Ok(());
    }
    let NetworkReport { method, model, passes, scale, feet_solved, text, .. } = &report;
    let feet = if *feet_solved { "solved" } else { "as the network has them" };
    say!("by {method} {model}, passes {passes}, scale {scale}, feet {feet}");
    say!("{text}");
    for text in report.groups.values().filter(|text| !text.is_empty()) {
        say!("  {text}");
    }
    print_judged(&report.judged, &figures);
    say!("{:.2} s in {}", figures.seconds, out.display());
    Ok(())
}

/// What makes the motion of a table.
#[derive(Clone, Copy)]
struct Maker<'a> {
    generator: &'a Generator,
    network: Option<&'a Network>,
}

impl Maker<'_> {
    fn make(&self, request: &Request) -> Result<(MotionClip, Judged), String> {
        if let Some(network) = self.network {
            let made = network.make(self.generator, request);
            let (clip, report) = made.map_err(|error| format!("{error:#}"))?;
            warn_of_read(&report.unknown);
            return Ok((clip, report.judged));
        }
        let made = self.generator.generate(request).map_err(|error| error.to_string())?;
        warn(&made.report.unknown);
        Ok((made.clip, made.report.judged))
    }
}

fn many(
    maker: Maker,
    requests: &[Request],
    out: Option<&Path>,
    format: MotionFormat,
) -> anyhow::Result<MadeReport> {
    let Maker { generator, network } = maker;
    let repertoire = generator.repertoire();
    if let Some(out) = out {
        fs::create_dir_all(out).with_context(|| format!("cannot make folder {}", out.display()))?;
    }
    let mut report = MadeReport { method: network.map(|_| METHOD), ..MadeReport::default() };
    let bar = match network {
        Some(_) => progress::rows(requests.len(), "making motion"),
        None => ProgressBar::hidden(),
    };
    for (number, request) in requests.iter().enumerate() {
        let made = maker.make(request);
        bar.inc(1);
        let (clip, judged) = match made {
            Ok(made) => made,
            Err(error) => {
                report.failed.push((request.text.clone(), error));
                continue;
            }
        };
        if let Some(out) = out {
            let name = format!("{:03}_poses.{}", number + 1, format.ending());
            format.save(out.join(name), &clip, repertoire.skeleton())?;
        }
        let figures = MadeFigures::new(&clip, repertoire.skeleton(), &judged);
        let hit = repertoire.library().search(&request.text, 1)?.into_iter().next();
        let real = match hit {
            Some(mut hit) => {
                hit.end_s = hit.end_s.min(hit.start_s + REAL);
                let clip = repertoire.motion(&hit)?;
                // Too short for codes, if the search found a moment only.
                let judged = generator.judge(request, &clip).ok();
                judged.map(|judged| MadeFigures::new(&clip, repertoire.skeleton(), &judged))
            }
            None => None,
        };
        report.texts.push((request.text.clone(), figures, real));
    }
    bar.finish_and_clear();
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::capture;
    use kinest_language::generate::Repertoire;

    #[test]
    fn groups_are_named_as_in_reports() {
        assert_eq!(group_text("right_arm=waves"), Ok((Group::RightArm, "waves".into())));
        assert!(group_text("tail=wags").unwrap_err().contains("left_leg"));
        assert!(group_text("waves").is_err());
    }

    #[test]
    fn a_table_is_written_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let generator = Generator::new(Repertoire::synthetic(3).unwrap());
        let skeleton = generator.repertoire().skeleton();
        let walks = [Request::new("a person walks forward")];
        for format in MotionFormat::ALL {
            let maker = Maker { generator: &generator, network: None };
            let report = many(maker, &walks, Some(folder.path()), format).unwrap();
            assert_eq!(report.texts.len(), 1, "{:?}", report.failed);
            let file = folder.path().join(format!("001_poses.{}", format.ending()));
            let seconds = capture::load(file, skeleton).unwrap().clip.duration();
            assert!((seconds - report.texts[0].1.seconds).abs() < 0.1, "{format:?}: {seconds} s");
        }
    }
}
