//! Generation as a task of the loop.

use super::cuts::{CodeDraw, CodedCuts};
use super::recipe::GenerateRecipe;
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task, differing};
use crate::tasks::align::data::{Spans, TitledClips};
use crate::tasks::checkpoint::{recorded, save};
use crate::tasks::tokens::codec::TokenCodec;
use anyhow::{Context, ensure};
use burn::tensor::ElementConversion;
use burn::tensor::backend::AutodiffBackend;
use burn_flex::{Flex, FlexDevice};
use kinest::model::align::Alignment;
use kinest::model::generate::{GenerateConfig, GenerateSpec};
use kinest::model::tokens::Tokenising;
use kinest::model::{CheckpointOf, ManifestOf, NamedTensors, Precision, TrainingRecord};
use kinest_nn::generate::Generator;
use kinest_nn::tensors::{tensors_of, with_tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Trains a network to write the codes of motions that texts describe.
#[derive(Debug)]
pub struct GenerateTask {
    recipe: GenerateRecipe,
    /// SHA-256 of the token model's weights.
    tokens: String,
    /// The tensors that a run starts with.
    given: NamedTensors,
    train: CodedCuts,
    held_out: Option<CodedCuts>,
}

/// Properties of a run that must not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenerateIdentity {
    /// The network.
    pub network: GenerateConfig,
    /// Its texts and motions.
    pub spec: GenerateSpec,
    /// SHA-256 of the token model's weights, which say what a code means.
    pub tokens: String,
}

impl GenerateTask {
    /// Reads motion and token model, cuts the motion, describes the cuts and writes them as codes.
    ///
    /// # Errors
    /// If motion, titles or models cannot be read, do not fit the recipe, or no clip is long enough.
    pub fn open(mut recipe: GenerateRecipe) -> anyhow::Result<Self> {
        let in_model = || format!("token model {}", recipe.tokens.display());
        let tokens = CheckpointOf::<Tokenising>::load(&recipe.tokens).with_context(in_model)?;
        let codec = TokenCodec::<Flex>::new(&tokens, FlexDevice).with_context(in_model)?;
        ensure!(
            codec.rate_hz == recipe.spec.rate_hz,
            "`spec.rate_hz` is {}, and the token model {} works at {}",
            recipe.spec.rate_hz,
            recipe.tokens.display(),
            codec.rate_hz
        );
        let inside = |(name, tensor)| (format!("tokens.{name}"), tensor);
        let mut given: NamedTensors = tokens.tensors()?.into_iter().map(inside).collect();
        recipe.network.tokens = codec.config.clone();
        if let Some(path) = &recipe.align {
            let words = words_of(path, &recipe.network);
            given.extend(words.with_context(|| format!("`align` {}", path.display()))?);
        }
        ensure!(
            recipe.cuts.shortest_s <= recipe.seconds(),
            "`cuts.shortest_s` {} is more than the network's {} s",
            recipe.cuts.shortest_s,
            recipe.seconds()
        );
        let clips = TitledClips::load(&recipe.data, &recipe.validation)?;
        let (train, held_out) = clips.cut(recipe.cuts, recipe.seconds());
        let set = |what: &str, spans: Spans, cutting, masks| {
            let (spec, network) = (recipe.spec, &recipe.network);
            let cuts = CodedCuts::new(&spans, cutting, masks, spec, network, &codec)
                .with_context(|| what.to_owned())?;
            eprintln!(
                "{what}: {} cuts, {} different, {:.1} minutes",
                cuts.all().len(),
                cuts.different(),
                cuts.minutes()
            );
            anyhow::Ok(cuts)
        };
        let held = (recipe.cuts.held_out(recipe.seconds()), recipe.masks.told());
        let held_out =
            held_out.map(|spans| set("validation", spans, held.0, held.1)).transpose()?;
        let train = set("training", train, recipe.cuts, recipe.masks)?;
        Ok(Self { tokens: tokens.manifest.sha256, given, train, held_out, recipe })
    }

    /// What checkpoints say about the run.
    fn record(&self) -> TrainingRecord {
        let data = format!("{} cuts, {:.1} minutes", self.train.all().len(), self.train.minutes());
        recorded(&self.recipe.data.record, data, self.recipe.seed)
    }
}

/// Words and encoders of texts of a model of alignment.
fn words_of(path: &Path, network: &GenerateConfig) -> anyhow::Result<NamedTensors> {
    let checkpoint = CheckpointOf::<Alignment>::load(path)?;
    let align = &checkpoint.manifest.network;
    let structure = GenerateConfig::STRUCTURE;
    ensure!(
        align.structure == structure,
        "its `structure` is {:?}, and that of a generator {structure:?}",
        align.structure
    );
    for (name, theirs, own, ours) in [
        ("width", align.width, "width", network.width),
        ("heads", align.heads, "heads", network.heads),
        ("layers", align.layers, "text_layers", network.text_layers),
        ("hidden", align.hidden, "hidden", network.hidden),
        ("rows", align.rows, "rows", network.rows),
    ] {
        ensure!(theirs == ours, "its `{name}` is {theirs}, and `network.{own}` is {ours}");
    }
    let shapes = network.tensors();
    let is_read = |name: &String| {
        (name.starts_with("words.") || name.starts_with("text.")) && shapes.contains(name)
    };
    Ok(checkpoint.tensors()?.into_iter().filter(|(name, _)| is_read(name)).collect())
}

impl Task for GenerateTask {
    type Network<B: AutodiffBackend> = Generator<B>;
    type Examples = CodedCuts;
    type Seen<B: AutodiffBackend> = ();
    type Recipe = GenerateRecipe;
    type Identity = GenerateIdentity;

    const JUDGED_BY: &'static str = "masked_loss";

    fn recipe(&self) -> &GenerateRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> GenerateIdentity {
        let GenerateRecipe { network, spec, .. } = &self.recipe;
        GenerateIdentity { network: network.clone(), spec: *spec, tokens: self.tokens.clone() }
    }

    fn changes(&self, run: &GenerateIdentity) -> Vec<&'static str> {
        differing([
            ("`network`", run.network != self.recipe.network),
            ("`spec`", run.spec != self.recipe.spec),
            ("`tokens`", run.tokens != self.tokens),
        ])
    }

    fn examples(&self) -> &CodedCuts {
        &self.train
    }

    fn held_out(&self) -> Option<&CodedCuts> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Generator<B>> {
        Ok(Generator::new(&self.recipe.network, device)?)
    }

    /// A network with the token model inside, and perhaps with words that are known.
    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Generator<B>> {
        let network = self.network(device)?;
        let mut tensors = tensors_of(&network);
        tensors.extend(self.given.clone());
        Ok(with_tensors(network, tensors))
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &Generator<B>,
        draw: &CodeDraw,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, ()> {
        let loss = self.recipe.loss.of(network, draw, device);
        Loss { total: loss.total.clone(), terms: loss.terms(), seen: () }
    }

    /// The training loss, that of the masked codes alone, and the share of them that would be guessed.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &Generator<B::InnerBackend>,
        draws: &[CodeDraw],
        device: &B::Device,
    ) -> Numbers {
        let (mut sums, mut count) = ([0.0; 3], 0.0);
        for draw in draws {
            let loss = self.recipe.loss.of(network, draw, device);
            let cuts = draw.lengths.len() as f64;
            for (sum, number) in sums.iter_mut().zip([loss.total, loss.masked, loss.accuracy]) {
                *sum += cuts * number.into_scalar().elem::<f64>();
            }
            count += cuts;
        }
        let [loss, masked, accuracy] = sums.map(|sum| sum / count);
        vec![("loss", loss), (Self::JUDGED_BY, masked), ("masked_accuracy", accuracy)]
    }

    fn save<B: AutodiffBackend>(
        &self,
        network: &Generator<B::InnerBackend>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let manifest = ManifestOf::new(self.recipe.network.clone(), self.recipe.spec);
        let checkpoint = network.to_checkpoint(manifest, Precision::F32)?;
        save(checkpoint, self.record(), path, step, scores)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let cuts = &self.train;
        let held = self.held_out.as_ref().map_or(0, |cuts| cuts.all().len());
        vec![
            ("data", self.record().data),
            ("cuts in use", format!("{}, {:.1} min", cuts.all().len(), cuts.minutes())),
            ("different sentences", cuts.different().to_string()),
            ("cuts held out", held.to_string()),
        ]
    }
}
