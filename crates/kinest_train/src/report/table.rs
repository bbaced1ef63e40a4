//! A report as Markdown, which terminals show too, and as CSV.

use super::certainty::CertaintyReport;
use super::figures::{ProtocolReport, RefinedReport, Report};
use super::interactions::{HandsReport, InteractionReport};
use super::looks::LooksReport;
use anyhow::Context;
use kinest::metrics::{MetricsReport, Region};
use kinest::skeleton::GroupPair;
use std::fmt::{self, Display};

/// A figure: key in CSV, title in tables, value.
type Figure = (&'static str, &'static str, fn(&MetricsReport) -> Option<f64>);

const FIGURES: [Figure; 10] = [
    ("mpjre_deg", "MPJRE deg", |m| Some(m.mpjre_deg)),
    ("mpjre_geodesic_deg", "geodesic deg", |m| Some(m.mpjre_geodesic_deg)),
    ("mpjpe_cm", "MPJPE cm", |m| Some(m.mpjpe_cm)),
    ("mpjve_cm_s", "MPJVE cm/s", |m| m.mpjve_cm_s),
    ("hand_pe_cm", "hands cm", |m| Some(m.hand_pe_cm)),
    ("upper_pe_cm", "upper cm", |m| Some(m.upper_pe_cm)),
    ("lower_pe_cm", "lower cm", |m| Some(m.lower_pe_cm)),
    ("root_pe_cm", "root cm", |m| Some(m.root_pe_cm)),
    ("jitter_1e2_m_s3", "jitter 100 m/s3", |m| m.jitter_1e2_m_s3),
    ("gt_jitter_1e2_m_s3", "true jitter", |m| m.gt_jitter_1e2_m_s3),
];

/// A plausibility figure: key in CSV, title in tables, value.
type Look = (&'static str, &'static str, fn(&LooksReport) -> Option<f64>);

const LOOKS: [Look; 8] = [
    ("slide_cm_s", "slide cm/s", |l| l.slide_cm_s),
    ("below_floor_cm", "below floor cm", |l| Some(l.below_floor_cm)),
    ("deepest_cm", "deepest cm", |l| Some(l.deepest_cm)),
    ("knee_flips", "knee flips", |l| Some(l.knee_flips as f64)),
    ("hand_lag_ms", "hands late ms", |l| l.hand_lag_ms),
    ("leg_lag_ms", "legs late ms", |l| l.leg_lag_ms),
    ("contact_precision", "contact precision", |l| l.contact_precision),
    ("contact_recall", "recall", |l| l.contact_recall),
];

/// An error of hands: key in CSV, title in tables, value.
type Hands = (&'static str, &'static str, fn(&HandsReport) -> f64);

const HANDS: [Hands; 3] = [
    ("hand_to_hand_cm", "hand to hand", |h| h.hand_to_hand_cm),
    ("left_hand_to_head_cm", "left hand to head", |h| h.left_hand_to_head_cm),
    ("right_hand_to_head_cm", "right hand to head", |h| h.right_hand_to_head_cm),
];

/// An error of an interaction: unit in CSV, value.
type Between = (&'static str, fn(&InteractionReport) -> Option<f64>);

const BETWEEN: [Between; 3] = [("cm", |e| Some(e.cm)), ("cm_s", |e| e.cm_s), ("deg", |e| e.deg)];

/// The columns of interactions in CSV; only linked pairs have an angle.
fn pair_columns() -> impl Iterator<Item = (GroupPair, Between)> {
    GroupPair::ALL.into_iter().flat_map(|pair| {
        let units = if pair.link().is_some() { &BETWEEN[..] } else { &BETWEEN[..2] };
        units.iter().map(move |unit| (pair, *unit))
    })
}

/// Figures that refining improves.
const REFINED_FIGURES: [&str; 5] =
    ["mpjpe_cm", "hand_pe_cm", "lower_pe_cm", "mpjve_cm_s", "jitter_1e2_m_s3"];

/// All models as Markdown: the main table, regions, hands and interactions, window positions,
/// refining, and the worst clips of the first model.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or("-".into(), |v| format!("{v:.2}"));
        let row = |name: &str, protocol: &str, rest: Vec<String>| {
            [vec![name.into(), protocol.into()], rest].concat()
        };

        let mut main = Table::new(&["model", "protocol", "clips", "frames"]);
        main.header.extend(FIGURES.map(|(_, title, _)| title.into()));
        let mut regions = Table::new(&["model", "protocol"]);
        regions.header.extend(Region::ALL.map(|region| region.name().replace('_', " ")));
        let mut places = Table::new(&["model"]);
        places.header.extend(PLACES.map(|(title, _)| title.into()));
        let mut worst = Table::new(&["model", "protocol", "clip", "MPJPE cm", "worst at s", "cm"]);
        for (name, protocol, report) in self.rows() {
            let ProtocolReport { clips, frames, metrics, .. } = report;
            let figures = FIGURES.map(|(_, _, figure)| number(figure(metrics)));
            let counts = vec![clips.to_string(), frames.to_string()];
            main.rows.push(row(name, protocol, [counts, figures.into()].concat()));

            let error = |region: &Region| {
                report.regions.get(region).map(|e| format!("{:.1} / {:.1}", e.cm, e.deg))
            };
            let errors = Region::ALL.iter().map(|r| error(r).unwrap_or_default()).collect();
            regions.rows.push(row(name, protocol, errors));

            if let Some(all) = &report.by_window_position {
                let at = PLACES.map(|(_, quarters)| number(all[(all.len() - 1) * quarters / 4]));
                places.rows.push([vec![name.to_string()], at.into()].concat());
            }
        }
        for (name, protocol, report) in self.rows().filter(|row| row.0 == self.first.name) {
            for clip in &report.worst {
                let numbers = [clip.mpjpe_cm, clip.at_s, clip.at_mpjpe_cm].map(|v| number(Some(v)));
                let rest = [vec![clip.clip.clone()], numbers.into()].concat();
                worst.rows.push(row(name, protocol, rest));
            }
        }
        write!(f, "{main}\nParts of the body, cm / deg:\n\n{regions}")?;
        let interactions = self.interactions();
        write!(f, "\nParts against each other, cm / cm/s / deg:\n\n{interactions}")?;
        if !places.rows.is_empty() {
            write!(f, "\nMPJPE by place in the offline window, cm:\n\n{places}")?;
        }
        let mut said = Table::new(&["model", "protocol", "feet on the floor, precision", "recall"]);
        let mut errors = Table::new(&[
            "model",
            "protocol",
            "expected from cm",
            "joints %",
            "expected",
            "found cm",
        ]);
        for (name, protocol, report) in self.rows() {
            let Some(CertaintyReport { contact_precision, contact_recall, errors: rows }) =
                &report.certainty
            else {
                continue;
            };
            let contacts = [contact_precision, contact_recall].map(|v| number(*v));
            said.rows.push(row(name, protocol, contacts.into()));
            for r in rows {
                let numbers = [r.from_cm, 100.0 * r.part, r.expected_cm, r.found_cm];
                errors.rows.push(row(name, protocol, numbers.map(|v| number(Some(v))).into()));
            }
        }
        if !said.rows.is_empty() {
            write!(f, "\nWhat the network says of itself:\n\n{said}\n{errors}")?;
        }
        let mut steps = Table::new(&["model", "online, refined"]);
        let figures = || FIGURES.iter().filter(|(key, ..)| REFINED_FIGURES.contains(key));
        steps.header.extend(figures().map(|(_, title, _)| (*title).into()));
        steps.header.extend(LOOKS.map(|(_, title, _)| title.into()));
        for (name, RefinedReport { step, report }) in self.refined() {
            let figures = figures().map(|(.., figure)| number(figure(&report.metrics)));
            let looks = LOOKS.iter().map(|(.., look)| number(report.looks.as_ref().and_then(look)));
            steps.rows.push(row(name, step, figures.chain(looks).collect()));
        }
        if !steps.rows.is_empty() {
            let worn: Vec<_> = self.trackers.iter().map(|role| format!(", {role}")).collect();
            let with = if worn.is_empty() {
                String::new()
            } else {
                format!(" (trackers: head, hands{})", worn.concat())
            };
            write!(f, "\nRefined as in a game, step by step{with}:\n\n{steps}")?;
        }
        write!(f, "\nWorst clips:\n\n{worst}")
    }
}

/// Window positions in the table, in quarters from the first frame to the last.
const PLACES: [(&str, usize); 5] =
    [("first", 0), ("at 1/4", 1), ("middle", 2), ("at 3/4", 3), ("last", 4)];

/// A Markdown table with aligned columns.
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|s| (*s).into()).collect(), rows: vec![] }
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |text: &str| text.replace('|', "\\|");
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let width = |i: usize| all().map(|row| cell(&row[i]).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, row: &[String]| {
            for (text, width) in row.iter().zip(&widths) {
                write!(f, "| {:<width$} ", cell(text))?;
            }
            writeln!(f, "|")
        };
        line(f, &self.header)?;
        for width in &widths {
            write!(f, "|{:-<1$}", "", width + 2)?;
        }
        writeln!(f, "|")?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

impl Report {
    /// What hands and groups are to each other, a row for each two and a column for each model and
    /// protocol.
    fn interactions(&self) -> Table {
        let mut table = Table::new(&["from, to"]);
        table.header.extend(self.rows().map(|(name, protocol, _)| format!("{name}, {protocol}")));
        for (_, title, error) in HANDS {
            let errors = self.rows().map(|(.., report)| format!("{:.1}", error(&report.hands)));
            table.rows.push(std::iter::once(title.into()).chain(errors).collect());
        }
        for pair in GroupPair::ALL {
            let title = [pair.first, pair.second].map(|group| group.name().replace('_', " "));
            let cell = |InteractionReport { cm, cm_s, deg }: &InteractionReport| {
                let cm_s = cm_s.map_or("-".into(), |v| format!("{v:.1}"));
                let deg = deg.map(|v| format!(" / {v:.1}")).unwrap_or_default();
                format!("{cm:.1} / {cm_s}{deg}")
            };
            let errors = self
                .rows()
                .map(|(.., report)| report.interactions.get(&pair).map(cell).unwrap_or_default());
            table.rows.push(std::iter::once(title.join(" to ")).chain(errors).collect());
        }
        table
    }

    /// One row per model, protocol or step of refining, and clip.
    ///
    /// # Errors
    /// Never in practice, since it is written to memory.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        let regions = Region::ALL.iter().flat_map(|region| {
            ["cm", "deg"].map(|unit| format!("region_{}_{unit}", region.name()))
        });
        let figures = FIGURES.iter().map(|(key, ..)| (*key).to_string());
        let looks = LOOKS.iter().map(|(key, ..)| (*key).to_string());
        let names = ["model", "protocol", "step", "clip", "frames"].map(String::from);
        let hands = HANDS.iter().map(|(key, ..)| (*key).to_string());
        let pairs = pair_columns().map(|(pair, (unit, _))| format!("interaction_{pair}_{unit}"));
        let between = hands.chain(pairs);
        let all = names.into_iter().chain(figures).chain(regions).chain(looks).chain(between);
        csv.write_record(all)?;
        let plain = self.rows().map(|(model, protocol, report)| (model, protocol, "", report));
        let refined = self.refined();
        let refined =
            refined.map(|(model, refined)| (model, "online", refined.step, &refined.report));
        for (model, protocol, step, report) in plain.chain(refined) {
            for clip in &report.per_clip {
                let number = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
                let figures = FIGURES.iter().map(|(_, _, value)| number(value(&clip.metrics)));
                let regions = Region::ALL.iter().flat_map(|region| {
                    let error = clip.regions.get(region);
                    [error.map(|e| e.cm), error.map(|e| e.deg)].map(number)
                });
                let looks =
                    LOOKS.iter().map(|(.., look)| number(clip.looks.as_ref().and_then(look)));
                let hands = HANDS.iter().map(|(.., error)| number(Some(error(&clip.hands))));
                let pairs = pair_columns()
                    .map(|(pair, (_, error))| number(clip.interactions.get(&pair).and_then(error)));
                let between = hands.chain(pairs);
                let names = [model, protocol, step, &clip.clip, &clip.frames.to_string()];
                let names = names.map(String::from).into_iter();
                csv.write_record(names.chain(figures).chain(regions).chain(looks).chain(between))?;
            }
        }
        csv.into_inner().context("cannot write CSV")
    }
}
