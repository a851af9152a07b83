//! Training of the caption decoder on cached image tokens (paper section 3.3, Generation).
//!
//! The layers that the interaction encoder shares with the recognition decoder stay as recognition left them: tags keep their
//! quality, whatever becomes of captions.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;

use super::TrainError;
use super::captioning_data::{CaptioningData, Drawn};
use super::checkpoint::read_module;
use super::dropout::Dropout;
use super::export::Heads;
use super::learned::Learned;
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
/// Pictures that a thread learns from at once.
const PART: usize = 4;
/// Pictures captioned at once.
const BATCH: usize = 16;
/// Added to the score of what must not be written.
const NEVER: f32 = -1e4;

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

/// What a thread learns from at once.
struct Part {
    drawn: Drawn,
    /// The captions as the decoder reads them: some words are hidden from it.
    hidden: Vec<u32>,
    dropout: Dropout,
}

impl Part {
    /// How many words are to be foretold.
    fn words(&self) -> usize {
        self.drawn.lengths.iter().map(|length| length - 1).sum()
    }

    /// Mean generation loss.
    fn loss(
        mut self,
        network: &CaptionNetwork,
        data: &CaptioningData<'_>,
        tagger: &Tagger,
        device: &Device,
    ) -> Result<Tensor<1>, TrainError> {
        let Drawn { ids, lengths, .. } = &self.drawn;
        let (tokens, tags) = data.read(&self.drawn, &mut self.dropout, device)?;
        let states = network.states(tokens, &tags, tagger);
        let states = self.dropout.forward(states);
        let decoder = &network.decoder;
        let mut cache = decoder.cache(&states);
        let seen = decoder.forward(&self.hidden, lengths, &mut cache);
        let logits = decoder.logits(self.dropout.forward(seen));
        Ok(generation(logits, ids, lengths, 1, SMOOTHING))
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
    let load = || {
        let weights = Weights::new(Nothing, Layout::Burn).or_initial(settings.seed);
        parts.network(&weights, &training_device)
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
    let learn = |network: &CaptionNetwork, Draw { items, rng, .. }: Draw<'_>| {
        let mut drawn_parts = Vec::new();
        for pictures in items.chunks(PART) {
            let drawn = data.draw(pictures, settings.views, rng)?;
            let longest = drawn.ids.len() / drawn.lengths.len();
            let mut hidden = drawn.ids.clone();
            for (at, id) in hidden.iter_mut().enumerate() {
                let is_start = at % longest == 0;
                if !is_start && rng.random_bool(own.word_dropout) {
                    *id = unknown;
                }
            }
            drawn_parts.push(Part {
                drawn,
                hidden,
                dropout: Dropout::new(own.dropout, rng.random()),
            });
        }
        let words = drawn_parts.iter().map(Part::words).sum::<usize>().max(1) as f32;
        Learned::of_parts(network, drawn_parts, &training_device, |network, part| {
            let share = part.words() as f32 / words;
            let loss = part.loss(network, data, &frozen, &training_device)?;
            Ok(Learned::of(loss * share, network)?)
        })
    };
    let score = |network: &CaptionNetwork| {
        let score = score(data, parts, &parts.tensors(network)?)?;
        Ok((score, network.clone()))
    };
    stage.train_by(load()?, progress, learn, score)?;
    let best = read_module(&stage.best(), load()?)?;
    parts.tensors(&best)
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
