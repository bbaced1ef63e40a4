//! Clips with what people say about them.

use super::recipe::AlignDataConfig;
use super::told::CutConfig;
use crate::data::captions::{Span, Told};
use crate::data::clips::{self, NamedClip};
use crate::data::titles::Titles;
use crate::run::config::ValidationConfig;
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
    /// Reads motion and texts, and divides clips as `validation` says.
    ///
    /// # Errors
    /// If motion or texts cannot be read, or what is to be held out is not there.
    pub fn load(config: &AlignDataConfig, validation: &ValidationConfig) -> anyhow::Result<Self> {
        let AlignDataConfig { folder, split, only, titles, captions, record: _ } = config;
        let rate_hz = clips::prepared_rate(folder)?.unwrap_or(MOTION_RATE);
        let mut clips = clips::load_only(folder, split.as_deref(), only, rate_hz)?;
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
        let clips = clips.into_iter().map(titled);
        let (held_out, train) = validation.divide("clip", clips, |(clip, _)| clip.name.as_str())?;
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
