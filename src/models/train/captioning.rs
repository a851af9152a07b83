//! Training of the caption decoder on cached image tokens (paper section 3.3, Generation).
//!
//! The layers that the interaction encoder shares with the recognition decoder stay as recognition left them: tags keep their
//! quality, whatever becomes of captions.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use rand::Rng;

use super::TrainError;
use super::captioning_data::{Batch, CaptioningData};
use super::checkpoint::read_module;
use super::export::Heads;
use super::objectives::generation;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::stored::{StoredTensor, stored};
use super::tagging_data::TaggingData;
use crate::eval::{DocumentFrequencies, words};
use crate::models::caption::CaptionOptions;
use crate::models::caption_network::{CaptionNetwork, CaptionerConfig};
use crate::models::generation::Limits;
use crate::models::initial::Nothing;
use crate::models::manifest::Manifest;
use crate::models::tagger::Tagger;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::weights::{Layout, Weights};
use crate::vocabulary::Vocabulary;

/// Mass of the targets that is spread over the vocabulary, as in the reference.
const SMOOTHING: f32 = 0.1;
/// Pictures captioned at once.
const BATCH: usize = 16;
/// Added to the score of what must not be written.
const NEVER: f32 = -1e4;

/// The network with what only training needs.
#[derive(Debug, Module)]
struct Trainee {
    network: CaptionNetwork,
    dropout: Dropout,
}

/// What is trained, how and where.
pub(crate) struct Parts<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) config: &'a CaptionerConfig,
    pub(crate) tokenizer: &'a BlipTokenizer,
    pub(crate) tagger: &'a Tagger,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) settings: &'a TrainSettings,
    pub(crate) device: &'a Device,
}

impl Parts<'_> {
    fn network(
        &self,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<CaptionNetwork, TrainError> {
        let network = CaptionNetwork::load(self.config, self.manifest, weights, device)?;
        Ok(network)
    }

    /// The recognition decoder as a bundle holds it.
    pub(crate) fn tagger_bytes(&self) -> Result<Vec<u8>, TrainError> {
        let mut heads = Heads::default();
        heads.tagger(self.tagger)?;
        Ok(heads.into_bytes()?)
    }

    /// The recognition decoder on another device, without gradients.
    fn tagger_on(&self, device: &Device) -> Result<Tagger, TrainError> {
        let bytes = self.tagger_bytes()?;
        let weights = Weights::parse("tagger", &bytes)?;
        Ok(Tagger::load(&self.manifest.tagger, &weights, device)?.no_grad())
    }

    /// Tensors as a bundle holds them: what stands for unknown words is never written.
    fn tensors(&self, network: &CaptionNetwork) -> Result<Vec<StoredTensor>, TrainError> {
        let decoder = stored("text_decoder", &network.decoder)?;
        let mut tensors: Vec<StoredTensor> = stored("captioner", network)?
            .into_iter()
            .filter(|tensor| !tensor.name.starts_with("captioner.decoder."))
            .chain(decoder)
            .collect();
        let bias = tensors
            .iter_mut()
            .find(|t| t.name == "text_decoder.cls.predictions.bias");
        if let Some(unknown) =
            bias.and_then(|bias| bias.values.get_mut(self.tokenizer.unknown as usize))
        {
            *unknown = NEVER;
        }
        Ok(tensors)
    }
}

impl Trainee {
    /// Generation loss of a batch. Some words that the decoder has read are hidden from it.
    fn loss(&self, batch: Batch, tagger: &Tagger, hidden: &[u32]) -> Tensor<1> {
        let tokens = self.dropout.forward(batch.tokens);
        let states = self.network.states(tokens, &batch.tags, tagger);
        let states = self.dropout.forward(states);
        let decoder = &self.network.decoder;
        let mut cache = decoder.cache(&states);
        let seen = decoder.forward(hidden, &batch.lengths, &mut cache);
        let logits = decoder.logits(self.dropout.forward(seen));
        generation(logits, &batch.ids, &batch.lengths, 1, SMOOTHING)
    }
}

/// Trains the captioner, going on from a checkpoint in `folder`, and returns the tensors of the best epoch, as they are
/// stored in a bundle.
pub(crate) fn train(
    tagging: &TaggingData<'_>,
    parts: &Parts<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Vec<StoredTensor>, TrainError> {
    let (settings, own) = (parts.settings, &parts.settings.captioning);
    let data = &CaptioningData::collect(tagging, parts, folder, progress)?;
    let training_device = parts.device.clone().autodiff();
    training_device.seed(settings.seed);
    let load = || -> Result<Trainee, TrainError> {
        let weights = Weights::new(Nothing, Layout::Burn).or_initial(settings.seed);
        Ok(Trainee {
            network: parts.network(&weights, &training_device)?,
            dropout: DropoutConfig::new(own.dropout).init(),
        })
    };
    let frozen = parts.tagger_on(&training_device)?;
    let unknown = parts.tokenizer.unknown;
    let stage = Stage {
        name: "captioning",
        metric: "held-out CIDEr-D of greedy captions",
        items: data.training_pictures(),
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: false,
        pretrained: None,
        origin: data.origin().to_owned(),
        folder,
        device: &training_device,
    };
    let loss = |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| {
        let batch = data.sample(items, settings.views, rng, &training_device)?;
        let longest = batch.ids.len() / batch.lengths.len();
        let hidden: Vec<u32> = batch
            .ids
            .iter()
            .enumerate()
            .map(|(at, &id)| {
                let is_start = at % longest == 0;
                let is_hidden = !is_start && rng.random_bool(own.word_dropout);
                if is_hidden { unknown } else { id }
            })
            .collect();
        Ok(trainee.loss(batch, &frozen, &hidden))
    };
    let score = |trainee: &Trainee| {
        let score = score(data, parts, &parts.tensors(&trainee.network)?)?;
        Ok((score, trainee.clone()))
    };
    stage.train(load()?, progress, loss, score)?;
    let best = read_module(&stage.best(), load()?)?;
    parts.tensors(&best.network)
}

/// Mean CIDEr-D, 0 to 10, of the greedy captions of held-out pictures.
fn score(
    data: &CaptioningData<'_>,
    parts: &Parts<'_>,
    tensors: &[StoredTensor],
) -> Result<f32, TrainError> {
    let mut heads = Heads::default();
    heads.stored(tensors)?;
    let bytes = heads.into_bytes()?;
    let network = parts.network(&Weights::parse("captioner", &bytes)?, parts.device)?;
    let references: Vec<Vec<Vec<String>>> = data
        .held_out_pictures()
        .iter()
        .map(|&picture| data.captions(picture).into_iter().map(words).collect())
        .collect();
    let frequencies = DocumentFrequencies::new(&references);
    let options = CaptionOptions {
        beams: 1,
        ..CaptionOptions::default()
    };
    let limits = Limits {
        max_length: 30,
        min_length: 0,
        repetition_penalty: 1.0,
        end: parts.tokenizer.sep,
    };
    let mut sum = 0.0;
    for (pictures, references) in data
        .held_out_pictures()
        .chunks(BATCH)
        .zip(references.chunks(BATCH))
    {
        let (tokens, tags) = data.recognized(pictures, parts.device)?;
        let states = network.states(tokens, &tags, parts.tagger);
        let start = [parts.tokenizer.dec];
        let texts = network.decoder.write(&states, &start, &limits, &options)?;
        for (text, references) in texts.iter().zip(references) {
            let caption = words(&parts.tokenizer.decode(&text.ids));
            sum += frequencies.cider_d(&caption, references);
        }
    }
    Ok((sum / data.held_out_pictures().len().max(1) as f64) as f32)
}
