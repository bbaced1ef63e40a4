//! Clips with what people say about them.

use super::recipe::AlignDataConfig;
use super::told::CutConfig;
use crate::data::captions::{Span, Told};
use crate::data::clips::{self, NamedClip};
use crate::data::titles::Titles;
use anyhow::ensure;
use std::collections::BTreeMap;

/// Frames per second of clips from a folder, which their codes are found in.
pub const MOTION_RATE: f64 = 60.0;

/// Clips, and which spans of each are used.
pub type Spans = Vec<(NamedClip, Vec<Span>)>;

/// Clips to learn from, and clips to be judged by.
#[derive(Debug)]
pub struct TitledClips {
    /// To learn from, with their titles.
    train: Vec<(NamedClip, Vec<String>)>,
    /// Held out, with their titles.
    held_out: Vec<(NamedClip, Vec<String>)>,
    /// Captions of the clips, if only what they are about is used.
    captions: Option<BTreeMap<String, Vec<Span>>>,
}

impl TitledClips {
    /// Reads motion and texts. Clips whose names start like one of `hold_out` are held out.
    ///
    /// # Errors
    /// If motion or texts cannot be read, or no name starts like that.
    pub fn load(config: &AlignDataConfig, hold_out: &[String]) -> anyhow::Result<Self> {
        let AlignDataConfig { folder, split, only, titles, captions, record: _ } = config;
        let rate_hz = clips::prepared_rate(folder)?.unwrap_or(MOTION_RATE);
        let mut clips = clips::load(folder, split.as_deref(), rate_hz)?;
        let starts_with =
            |name: &str, starts: &[String]| starts.iter().any(|s| name.starts_with(s));
        clips.retain(|clip| only.is_empty() || starts_with(&clip.name, only));
        let titles = titles.as_deref().map(Titles::load).transpose()?.unwrap_or_default();
        let titled = |clip: NamedClip| {
            let title = titles.of(&clip.name).map_or_else(Vec::new, |title| title.titles.clone());
            (clip, title)
        };
        let names = clips.iter().map(|clip| clip.name.as_str());
        let captions = captions.as_ref().map(|captions| captions.load(names)).transpose()?;
        if let Some(Told { spans, missing }) = &captions {
            eprintln!("captions of {} clips; motions of {missing} others are missing", spans.len());
            clips.retain(|clip| spans.contains_key(&clip.name));
        }
        let (held_out, train): (Vec<_>, Vec<_>) =
            clips.into_iter().map(titled).partition(|(clip, _)| starts_with(&clip.name, hold_out));
        ensure!(
            hold_out.is_empty() || !held_out.is_empty(),
            "no clip's name starts with what `validation.hold_out` says: {}",
            hold_out.join(", ")
        );
        Ok(Self { train, held_out, captions: captions.map(|told| told.spans) })
    }

    /// Where clips are cut: at their captions, or else as `config` says into cuts of at most `seconds`.
    /// First those to learn from, then those held out, if there are any.
    #[must_use]
    pub fn cut(self, config: CutConfig, seconds: f64) -> (Spans, Option<Spans>) {
        let cut = |clips: Vec<(NamedClip, Vec<String>)>, config: CutConfig| -> Spans {
            let spans = |(clip, titles): (NamedClip, Vec<String>)| {
                let spans = match &self.captions {
                    Some(captions) => captions.get(&clip.name).cloned().unwrap_or_default(),
                    None => config.spans(clip.clip.duration(), seconds, &titles),
                };
                (clip, spans)
            };
            clips.into_iter().map(spans).collect()
        };
        let held_out = !self.held_out.is_empty();
        let held_out = held_out.then(|| cut(self.held_out, config.held_out(seconds)));
        (cut(self.train, config), held_out)
    }
}
