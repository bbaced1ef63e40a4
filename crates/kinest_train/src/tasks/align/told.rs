//! How clips are cut, and their cuts in words.

use super::texts::{level_texts, mirrored};
use crate::data::augment;
use crate::data::captions::Span;
use crate::data::clips::NamedClip;
use anyhow::{Context, ensure};
use kinest::align::LevelTexts;
use kinest::events::{CodeError, CodeTable, codes_of};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use kinest_language::Describer;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// Seed of the words of held-out cuts, which no training cut has.
const HELD_OUT_WORDS: u64 = 1000;

/// How clips are cut and told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CutConfig {
    /// From the start of a cut to that of the next, seconds.
    pub stride_s: f64,
    /// Shortest cut, seconds.
    pub shortest_s: f64,
    /// Wordings of the texts of a cut.
    pub wordings: usize,
    /// Seed of the first wording.
    pub words_from: u64,
    /// Has each cut a second time, mirrored.
    pub mirror: bool,
    /// Share of the draws in which a title, where there is one, takes the place of the sentence about
    /// the whole body.
    pub titles: f64,
}

impl Default for CutConfig {
    fn default() -> Self {
        Self {
            stride_s: 2.4,
            shortest_s: 1.5,
            wordings: 6,
            words_from: 0,
            mirror: true,
            titles: 0.3,
        }
    }
}

impl CutConfig {
    /// The same for what is held out: cuts of `seconds`, one after the other, in words of their own.
    #[must_use]
    pub fn held_out(self, seconds: f64) -> Self {
        Self {
            stride_s: seconds,
            wordings: 1,
            words_from: HELD_OUT_WORDS,
            mirror: false,
            titles: 0.0,
            ..self
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [("stride_s", self.stride_s), ("shortest_s", self.shortest_s)] {
            ensure!(value.is_finite() && value > 0.0, "`cuts.{name}` {value} is not above 0");
        }
        ensure!(self.wordings > 0, "`cuts.wordings` is 0");
        ensure!((0.0..=1.0).contains(&self.titles), "`cuts.titles` {} is no share", self.titles);
        Ok(())
    }

    /// Cuts of at most `seconds` of a clip.
    #[must_use]
    pub(in crate::tasks) fn spans(
        &self,
        duration_s: f64,
        seconds: f64,
        titles: &[String],
    ) -> Vec<Span> {
        let more = ((duration_s - seconds) / self.stride_s).max(0.0);
        // The rest is worth a cut of its own if it is at least half of one.
        let count = (more + 0.5) as usize;
        let start = |i: usize| (i as f64 * self.stride_s).min((duration_s - seconds).max(0.0));
        let plain = (0..=count).map(|i| Span {
            start_s: start(i),
            end_s: start(i) + seconds,
            mirrored: false,
            texts: titles.to_vec(),
        });
        let plain: Vec<Span> = plain.collect();
        let others = plain.iter().filter(|_| self.mirror).map(|span| Span {
            mirrored: true,
            texts: span.texts.iter().map(|text| mirrored(text)).collect(),
            ..span.clone()
        });
        let others: Vec<Span> = others.collect();
        [plain, others].concat()
    }
}

/// A clip as it is, or mirrored, at the rate of a network, and the spans of it that are told.
#[derive(Clone, Debug)]
pub struct Side {
    /// The motion.
    pub motion: MotionClip,
    /// Spans of it.
    pub spans: Vec<ToldSpan>,
}

/// A span of a motion in words.
#[derive(Clone, Debug)]
pub struct ToldSpan {
    /// Where it starts, seconds.
    pub start_s: f64,
    /// Its frames of the motion.
    pub frames: Range<usize>,
    /// The plain texts, by which spans are compared.
    pub plain: LevelTexts,
    /// The texts in other words, at least one.
    pub wordings: Vec<LevelTexts>,
    /// What people say about it.
    pub titles: Vec<String>,
}

/// The sides of a clip and their spans of at least `config.shortest_s` seconds. A span that is longer than
/// `longest` frames at `rate_hz` is cut off.
///
/// # Errors
/// If the clip cannot be told; the error names it.
pub fn tell(
    clip: &NamedClip,
    spans: &[Span],
    config: CutConfig,
    rate_hz: f64,
    longest: usize,
    table: &Arc<CodeTable>,
) -> anyhow::Result<Vec<Side>> {
    let side = |is_mirrored: bool| {
        let spans: Vec<&Span> = spans.iter().filter(|span| span.mirrored == is_mirrored).collect();
        let NamedClip { name, clip } = clip;
        let frames = clip.frames.iter();
        let frames = frames.map(|f| if is_mirrored { augment::mirrored(f) } else { *f }).collect();
        let clip = MotionClip { rate_hz: clip.rate_hz, frames };
        (!spans.is_empty()).then(|| {
            side_of(&clip, &spans, config, rate_hz, longest, table)
                .with_context(|| format!("clip {name}"))
        })
    };
    [false, true].into_iter().filter_map(side).collect()
}

fn side_of(
    clip: &MotionClip,
    spans: &[&Span],
    config: CutConfig,
    rate_hz: f64,
    longest: usize,
    table: &Arc<CodeTable>,
) -> anyhow::Result<Side> {
    let motion = clip.resampled(rate_hz);
    let at = |seconds: f64, rate_hz: f64, frames: usize| {
        ((seconds * rate_hz).round().max(0.0) as usize).min(frames)
    };
    let mut told = vec![];
    for Span { start_s, end_s, texts, .. } in spans {
        let first = at(*start_s, rate_hz, motion.frames.len());
        let end = at(*end_s, rate_hz, motion.frames.len()).min(first + longest);
        if ((end - first.min(end)) as f64) < config.shortest_s * rate_hz {
            continue;
        }
        let seconds = |frame: usize| frame as f64 / rate_hz;
        let part = at(seconds(first), clip.rate_hz, clip.frames.len())
            ..at(seconds(end), clip.rate_hz, clip.frames.len());
        let part = MotionClip { rate_hz: clip.rate_hz, frames: clip.frames[part].to_vec() };
        let codes = match codes_of(&part, &Skeleton::default(), Arc::clone(table)) {
            Err(CodeError::Short { .. }) => continue,
            codes => codes?,
        };
        let tell = |seed| {
            let describer = Describer { table, seed, ..Describer::default() };
            level_texts(&describer.describe(&codes.segments))
        };
        let seeds = config.words_from..config.words_from.saturating_add(config.wordings as u64);
        told.push(ToldSpan {
            start_s: *start_s,
            frames: first..end,
            plain: tell(0),
            wordings: seeds.map(tell).collect(),
            titles: texts.clone(),
        });
    }
    Ok(Side { motion, spans: told })
}

/// Texts in one of these wordings. In a share of `titled` of the draws a title, if there is one, takes the
/// place of the sentence about the whole body.
pub fn draw_words(
    wordings: &[LevelTexts],
    titles: &[String],
    titled: f64,
    rng: &mut ChaCha8Rng,
) -> LevelTexts {
    let mut texts = wordings[rng.random_range(0..wordings.len())].clone();
    if rng.random::<f64>() < titled
        && let Some(title) = titles.choose(rng)
    {
        texts.body.clone_from(title);
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_cut_to_its_end_and_mirrored() {
        let config = CutConfig { stride_s: 2.0, ..CutConfig::default() };
        let starts = |duration_s: f64| -> Vec<f64> {
            let spans = config.spans(duration_s, 4.0, &[]);
            spans.iter().filter(|span| !span.mirrored).map(|span| span.start_s).collect()
        };
        assert_eq!(starts(3.0), [0.0]);
        assert_eq!(starts(4.9), [0.0]);
        assert_eq!(starts(5.0), [0.0, 1.0]);
        assert_eq!(starts(8.5), [0.0, 2.0, 4.0]);
        let spans = config.spans(3.0, 4.0, &["turn left".into()]);
        assert_eq!((spans.len(), spans[1].texts[0].as_str()), (2, "turn right"));
    }
}
