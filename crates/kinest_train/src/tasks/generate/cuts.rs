//! Short parts of clips with their texts and their codes.

use super::masks::MaskConfig;
use crate::data::clips::read_all;
use crate::run::{Examples, random_stream};
use crate::tasks::align::data::Spans;
use crate::tasks::align::told::{CutConfig, ToldSpan, draw_words, tell};
use crate::tasks::tokens::codec::TokenCodec;
use anyhow::ensure;
use burn_flex::Flex;
use kinest::align::TextBatch;
use kinest::events::CodeTable;
use kinest::model::align::Level;
use kinest::model::generate::{GenerateConfig, GenerateSpec};
use kinest::skeleton::Pose;
use rand::Rng;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A part of a clip with its texts and its codes.
#[derive(Clone, Debug)]
pub struct CodedCut {
    /// The part, in words.
    pub span: ToldSpan,
    /// Its codes, `[tokens, parts, layers]`.
    pub codes: Vec<u32>,
}

/// Cuts in main memory.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeDraw {
    /// Texts of each cut.
    pub texts: TextBatch,
    /// Tokens of each cut.
    pub lengths: Vec<usize>,
    /// Codes, `[cuts, tokens, parts, layers]`, anything after the end of a cut.
    pub codes: Vec<u32>,
    /// First codes as they are seen, `[cuts, tokens, parts]`; the number of codes stands for a masked one.
    pub seen: Vec<u32>,
    /// Places of `seen` that are asked for.
    pub asked: Vec<usize>,
    /// The level of the text that each cut is to follow.
    pub levels: Vec<Level>,
    /// 1 where the text is heard, 0 where it is not, `[cuts]`.
    pub told: Vec<f32>,
    /// The layer of codes that is asked for beside first codes, from 1; the same for all cuts, because
    /// every layer has codes of its own. 0 if there is none.
    pub layer: usize,
    /// Numbers of the cuts, for whoever looks for the cause of a loss that is not finite.
    numbers: Vec<f32>,
}

impl CodeDraw {
    /// Tokens of the longest cut.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }
}

/// Cuts, from which batches are drawn.
#[derive(Debug)]
pub struct CodedCuts {
    cuts: Vec<CodedCut>,
    masks: MaskConfig,
    titles: f64,
    spec: GenerateSpec,
    network: GenerateConfig,
}

impl CodedCuts {
    /// Cuts at these spans of clips, for a network. A span that is longer than it writes is cut off.
    ///
    /// # Errors
    /// If a clip cannot be told, or no span is long enough.
    pub fn new(
        clips: &Spans,
        config: CutConfig,
        masks: MaskConfig,
        spec: GenerateSpec,
        network: &GenerateConfig,
        codec: &TokenCodec<Flex>,
    ) -> anyhow::Result<Self> {
        let table = Arc::new(CodeTable::default());
        let longest = network.frames();
        let cuts = read_all("coding", clips, |(clip, spans)| {
            let sides = tell(clip, spans, config, spec.rate_hz, longest, &table)?;
            let coded = sides.into_iter().flat_map(|side| {
                let poses: Vec<Pose> = side.motion.frames.iter().map(Pose::from).collect();
                let coded = move |span: ToldSpan| {
                    let codes = codec.encode(&poses[span.frames.clone()]);
                    CodedCut { span, codes }
                };
                side.spans.into_iter().map(coded)
            });
            anyhow::Ok(coded.collect::<Vec<_>>())
        });
        let cuts: Vec<CodedCut> =
            cuts.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
        ensure!(
            !cuts.is_empty(),
            "none of {} clips is as long as `cuts.shortest_s`, {} s",
            clips.len(),
            config.shortest_s
        );
        Ok(Self { cuts, masks, titles: config.titles, spec, network: network.clone() })
    }

    /// All cuts.
    #[must_use]
    pub fn all(&self) -> &[CodedCut] {
        &self.cuts
    }

    /// Number of different sentences about the whole body.
    #[must_use]
    pub fn different(&self) -> usize {
        let bodies = self.cuts.iter().map(|cut| &cut.span.plain.body);
        bodies.collect::<BTreeSet<_>>().len()
    }

    /// Their total duration, minutes.
    #[must_use]
    pub fn minutes(&self) -> f64 {
        let frames: usize = self.cuts.iter().map(|cut| cut.span.frames.len()).sum();
        frames as f64 / self.spec.rate_hz / 60.0
    }
}

impl Examples for CodedCuts {
    type Draw = CodeDraw;

    fn draw(&self, seed: u64, first: u64, count: usize) -> CodeDraw {
        let tokens = &self.network.tokens;
        let (parts, layers) = (tokens.parts.count(), tokens.layers);
        let mut draw = CodeDraw {
            texts: TextBatch::default(),
            lengths: vec![],
            codes: vec![],
            seen: vec![],
            asked: vec![],
            levels: vec![],
            told: vec![],
            layer: if layers > 1 { random_stream(seed, first).random_range(1..layers) } else { 0 },
            numbers: vec![],
        };
        let (mut texts, mut masked) = (vec![], vec![]);
        for number in first..first + count as u64 {
            let mut rng = random_stream(seed, number);
            let chosen = rng.random_range(0..self.cuts.len());
            let CodedCut { span, codes } = &self.cuts[chosen];
            texts.push(draw_words(&span.wordings, &span.titles, self.titles, &mut rng));
            let level = Level::ALL[rng.random_range(0..Level::ALL.len())];
            draw.told.push(f32::from(rng.random::<f64>() >= self.masks.untold));
            let codes: Vec<u32> = codes.iter().step_by(layers).copied().collect();
            masked.push(self.masks.mask(&codes, parts, tokens.codes, level, &mut rng));
            draw.levels.push(level);
            draw.lengths.push(codes.len() / parts);
            draw.numbers.push(chosen as f32);
        }
        let places = draw.tokens() * parts;
        for (i, masked) in masked.into_iter().enumerate() {
            let codes = &self.cuts[draw.numbers[i] as usize].codes;
            draw.codes.extend(codes);
            draw.codes.resize((i + 1) * places * layers, 0);
            draw.seen.extend(masked.seen);
            draw.seen.resize((i + 1) * places, 0);
            draw.asked.extend(masked.asked.into_iter().map(|place| i * places + place));
        }
        let texts: Vec<_> = texts.iter().collect();
        draw.texts = TextBatch::new(&texts, &self.spec.texts(), self.network.rows);
        draw
    }

    fn tensors(draw: &CodeDraw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let shape = || vec![draw.lengths.len()];
        vec![("cuts", shape(), &draw.numbers), ("told", shape(), &draw.told)]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::clips::NamedClip;
    use burn::tensor::{Distribution, Tensor};
    use burn_flex::FlexDevice;
    use kinest::model::tokens::{MOTION_NUMBERS, TokenConfig, TokenParts, TokenSpec};
    use kinest::model::{ManifestOf, Precision};
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::skeleton::Skeleton;
    use kinest_nn::tokens::TokenNetwork;

    pub(in super::super) fn network(layers: usize) -> GenerateConfig {
        let tokens = TokenConfig {
            parts: TokenParts::Groups,
            width: 8,
            blocks: 1,
            halvings: 2,
            causal: false,
            code_dim: 6,
            codes: 16,
            layers,
        };
        GenerateConfig {
            tokens,
            width: 16,
            heads: 2,
            text_layers: 1,
            layers: 1,
            residual_layers: 1,
            hidden: 16,
            dropout: 0.0,
            rows: 128,
            longest: 12,
        }
    }

    /// A token network that has seen noise.
    fn codec(config: &TokenConfig) -> TokenCodec<Flex> {
        let mut network = TokenNetwork::<Flex>::new(config, None, &FlexDevice).unwrap();
        for _ in 0..4 {
            let noise = Distribution::Normal(0.0, 0.5);
            let motion = Tensor::random([8, 16, MOTION_NUMBERS], noise, &FlexDevice);
            let seen = network.learn(motion, &[config.layers; 8]).seen;
            network.absorb(seen);
        }
        let manifest = ManifestOf::new(config.clone(), TokenSpec { rate_hz: 30.0 });
        let checkpoint = network.to_checkpoint(manifest, Precision::F32).unwrap();
        TokenCodec::new(&checkpoint, FlexDevice).unwrap()
    }

    /// Parts of a walk, each of which is told in two ways, and mirrored.
    pub(in super::super) fn cuts(layers: usize, masks: MaskConfig) -> CodedCuts {
        let network = network(layers);
        let clip = walk_and_wave(&Skeleton::default());
        let config =
            CutConfig { stride_s: 0.8, shortest_s: 1.0, wordings: 2, ..Default::default() };
        let seconds = network.frames() as f64 / 30.0;
        let spans = config.spans(clip.duration(), seconds, &["walk, wave left".to_owned()]);
        let clips = vec![(NamedClip { name: "a".into(), clip }, spans)];
        let (spec, codec) = (GenerateSpec::default(), codec(&network.tokens));
        CodedCuts::new(&clips, config, masks, spec, &network, &codec).unwrap()
    }

    #[test]
    fn cuts_have_the_codes_of_their_time_and_side() {
        let cuts = cuts(3, MaskConfig::default());
        let (plain, other) = cuts.all().split_at(cuts.all().len() / 2);
        assert!(plain.len() >= 3, "{}", plain.len());
        for (cut, mirrored) in plain.iter().zip(other) {
            assert_eq!(cut.codes.len(), cut.span.frames.len().div_ceil(4) * 6 * 3);
            assert!(cut.codes.iter().all(|code| *code < 16));
            assert_eq!(mirrored.span.titles, ["walk, wave right"]);
            assert_eq!(cut.span.frames, mirrored.span.frames);
            assert_ne!(cut.codes, mirrored.codes);
        }
        assert!(cuts.different() >= 2 && cuts.minutes() > 0.1);
    }

    #[test]
    fn draws_depend_on_seed_and_number_only() {
        let cuts = cuts(3, MaskConfig { untold: 0.5, ..MaskConfig::default() });
        let all = cuts.draw(3, 8, 4);
        assert_eq!(all, cuts.draw(3, 8, 4));
        assert_ne!(all, cuts.draw(4, 8, 4));
        let (last, places) = (cuts.draw(3, 11, 1), all.tokens() * 6);
        let own = last.lengths[0] * 6;
        assert_eq!(all.seen[3 * places..][..own], last.seen[..own]);
        assert_eq!(all.codes[9 * places..][..own * 3], last.codes[..own * 3]);
        assert_eq!((all.levels[3], all.told[3]), (last.levels[0], last.told[0]));
        assert_eq!(all.codes.len(), 4 * places * 3);
        assert!(all.asked.iter().all(|at| at % places < all.lengths[at / places] * 6));

        let many: Vec<CodeDraw> = (0..60).map(|i| cuts.draw(3, 4 * i, 4)).collect();
        let share = |is: &dyn Fn(&CodeDraw) -> usize| {
            many.iter().map(is).sum::<usize>() as f64 / (4 * many.len()) as f64
        };
        let heard = share(&|draw| draw.told.iter().filter(|told| **told == 1.0).count());
        assert!((heard - 0.5).abs() < 0.1, "{heard}");
        for level in Level::ALL {
            let own = share(&|draw| draw.levels.iter().filter(|own| **own == level).count());
            assert!((own - 1.0 / 3.0).abs() < 0.1, "{own}");
        }
        assert!([1, 2].map(|layer| many.iter().any(|draw| draw.layer == layer)) == [true; 2]);
    }

    #[test]
    fn clips_that_are_too_short_are_refused() {
        let mut clip = walk_and_wave(&Skeleton::default());
        clip.frames.truncate(20);
        let network = network(1);
        let config = CutConfig::default();
        let spans = config.spans(clip.duration(), 1.6, &[]);
        let clips = vec![(NamedClip { name: "a".into(), clip }, spans)];
        let (spec, codec) = (GenerateSpec::default(), codec(&network.tokens));
        let masks = MaskConfig::default();
        let error = CodedCuts::new(&clips, config, masks, spec, &network, &codec).unwrap_err();
        assert!(error.to_string().contains("`cuts.shortest_s`"), "{error}");
    }
}
