//! Why a clip was found, and where in it.

use super::clip::Moment;
use super::hit::{Evidence, Hit};
use super::store::Library;
use super::texts::{TextId, names};
use super::wanted::Wanted;

/// Least fit of a moment to a word that counts for the span of a hit.
const LEAST_FIT: f32 = 0.3;
/// Share of the heaviest word's value from which a moment counts for the span of a hit.
const RELEVANT: f32 = 0.3;

/// How well each text of a library answers each word of a query.
pub(super) struct Reasons<'a> {
    library: &'a Library,
    words: Vec<Fits<'a>>,
}

/// How well each text, by its number, answers a word.
struct Fits<'a> {
    word: &'a Wanted,
    /// Because it says so.
    says: Vec<f32>,
    /// Because that is how it looks.
    shows: Vec<f32>,
}

impl<'a> Reasons<'a> {
    pub(super) fn new(library: &'a Library, wanted: &'a [Wanted]) -> Self {
        let texts = library.index().texts().all();
        let words = wanted.iter().map(|word| {
            let mut shows = vec![0.0; texts.len()];
            for look in word.unit.same.iter().filter_map(|set| library.looks().of(set)) {
                for (shows, looks) in shows.iter_mut().zip(&look.texts) {
                    *shows = looks.max(*shows);
                }
            }
            let says = texts.iter().map(|text| word.in_text(text)).collect();
            Fits { word, says, shows }
        });
        Self { library, words: words.collect() }
    }

    /// The clip of a number as a hit.
    pub(super) fn hit(&self, number: usize, score: f32) -> Hit {
        let clip = &self.library.clips()[number];
        let mut why = vec![];
        let mut spans: Vec<(f32, (f64, f64))> = vec![];
        let mut heaviest: (f32, bool) = (0.0, false);
        for Fits { word, says, shows } in &self.words {
            let (moment, name) = (self.moment(number, says), self.name(number, says));
            let shown = || self.moment(number, shows);
            let moment = if moment.is_none() && name.is_none() { shown() } else { moment };
            let best = moment.map_or(0.0, |(fit, _)| fit).max(name.map_or(0.0, |(fit, _)| fit));
            if best * word.rarity > heaviest.0 {
                heaviest = (best * word.rarity, moment.is_some());
            }
            let as_written = word.unit.word.clone();
            if let Some((fit, moment)) = moment {
                let span = (moment.start_s, moment.end_s);
                spans.push((fit * word.rarity, span));
                let text = moment.text.clone();
                why.push(Evidence { word: as_written, text, span_s: Some(span) });
            } else if let Some((_, name)) = name {
                why.push(Evidence { word: as_written, text: name.into(), span_s: None });
            }
        }
        // The title alone tells what matters most: where that happens is not known.
        let whole = (0.0, clip.duration_s);
        let relevant = spans.iter().filter(|(value, _)| *value >= RELEVANT * heaviest.0);
        let together = relevant.map(|(_, span)| *span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (start_s, end_s) = together.filter(|_| heaviest.1).unwrap_or(whole);
        Hit { clip: clip.clip.clone(), start_s, end_s, score: f64::from(score), why }
    }

    /// The moment of a clip that answers a word best, the first of equals, and how well.
    fn moment(&self, number: usize, fits: &[f32]) -> Option<(f32, &'a Moment)> {
        let texts = &self.library.index().texts().clips()[number].moments;
        let fit = |text: &TextId| fits[*text as usize];
        let moments = texts.iter().map(fit).zip(&self.library.clips()[number].moments);
        let moments = moments.filter(|(fit, _)| *fit > LEAST_FIT);
        let value = |(fit, moment): (f32, &Moment)| fit * moment.weight as f32;
        moments.reduce(|a, b| if value(b) > value(a) { b } else { a })
    }

    /// The first of a clip's titles and other names that answers a word best, and how well.
    fn name(&self, number: usize, fits: &[f32]) -> Option<(f32, &'a str)> {
        let texts = &self.library.index().texts().clips()[number].names;
        let fit = |text: &TextId| fits[*text as usize];
        let names = texts.iter().map(fit).zip(names(&self.library.clips()[number]));
        names.filter(|(fit, _)| *fit > 0.0).reduce(|a, b| if b.0 > a.0 { b } else { a })
    }
}
