//! Training of the heads on captioned pictures (paper section 3.3), with the backbones frozen.
//!
//! Features of the backbones are computed once and cached; then the contrastive heads are trained, then the recognition
//! decoder, which uses them. Every stage goes on from its checkpoint after a kill.

mod alignment;
mod cache;
mod candidates;
mod caption_words;
mod captioning;
mod captioning_data;
mod checkpoint;
mod curves;
mod error;
mod export;
mod features;
mod matching;
mod matching_data;
mod matching_score;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that trains a captioner takes it")
)]
mod multitask;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "most await the stages that train an aligner with match head and a captioner"
    )
)]
mod objectives;
#[cfg(test)]
mod parity;
mod progress;
mod schedule;
mod sentences;
mod settings;
mod stage;
mod stored;
mod tagging;
mod tagging_data;
mod thresholds;
mod upper_layers;
mod views;

use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};

pub use error::TrainError;
pub use progress::Progress;
pub use settings::{
    AlignmentSettings, CaptioningSettings, MatchingSettings, TaggingSettings, TrainSettings,
};

use super::ModelSource;
use super::backbone::ImageBackbone;
use super::classes::Classes;
use super::device::DeviceChoice;
use super::manifest::Manifest;
use super::matcher::MatcherConfig;
use super::mini::{BACKBONES, WORDS};
use super::sentence::SentenceEncoder;
use super::tensors::SafetensorsBytes;
use super::tokenizer::BlipTokenizer;
use super::weights::{Layout, Weights};
use crate::corpus::read_corpus;
use crate::vocabulary::Vocabulary;
use caption_words::caption_words;
use features::{Backbones, Features};
use matching_data::MatchingData;
use tagging_data::TaggingData;
use upper_layers::UpperLayers;

/// What a training run reads and writes.
#[derive(Clone, Debug)]
pub struct TrainRun {
    /// The captioned pictures.
    pub corpus: PathBuf,
    /// Where features, checkpoints, curves and the bundle go.
    pub out: PathBuf,
    /// The bundle whose backbones, tags and shape are taken.
    pub base: ModelSource,
    /// Tags to train instead of the base's, as JSON lines.
    pub tags: Option<String>,
    /// Name of the new bundle.
    pub name: String,
    /// Where the networks run.
    pub device: DeviceChoice,
    /// How they are trained.
    pub settings: TrainSettings,
}

/// Trains the heads and writes a bundle; returns its folder. A run that was stopped goes on where it was.
///
/// # Errors
/// [`TrainError::Cancelled`] when `progress` breaks; otherwise when the corpus, a picture, the base or the output folder
/// cannot be used.
pub fn train(
    run: &TrainRun,
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<PathBuf, TrainError> {
    let progress: &mut dyn FnMut(&Progress) -> ControlFlow<()> = &mut progress;
    let settings = &run.settings;
    check(settings)?;
    let device = run.device.open()?;
    let mut manifest = Manifest::parse(Manifest::FILE, &run.base.read(Manifest::FILE)?)?;
    let tags = match &run.tags {
        Some(tags) => tags.clone(),
        None => run.base.text(super::mini::TAGS)?,
    };
    if settings.matching.epochs > 0 {
        manifest.matcher = Some(MatcherConfig {
            num_hidden_layers: settings.matching.layers,
            token_width: settings.matching.token_width,
        });
    }
    let vocabulary = Vocabulary::from_json_lines(&tags).map_err(|source| TrainError::Setting {
        setting: "tags",
        reason: source.to_string(),
    })?;
    let table = run.base.text(super::mini::CLASSES)?;
    let classes = Classes::parse(&table, &vocabulary)?;
    let bytes = run.base.read(BACKBONES)?;
    let weights = Weights::parse(BACKBONES, &bytes)?;
    let image = ImageBackbone::load(&manifest, &weights, &device)?;
    let sentence = SentenceEncoder::load(&manifest, &run.base.text(WORDS)?, &weights, &device)?;
    let backbones = Backbones {
        image: &image,
        sentence: &sentence,
        classes: &classes,
        side: manifest.image_encoder.image_size as u32,
        // The states that are kept are those below the upper layers.
        fingerprint: format!(
            "{} {}",
            blake3::hash(&bytes).to_hex(),
            manifest.lower_layers()
        ),
    };
    let corpus = read_corpus(&run.corpus)?;
    let features = Features::collect(
        corpus,
        &backbones,
        settings,
        &run.out.join("features"),
        progress,
    )?;

    manifest.name = run.name.clone();
    manifest.tagger.num_class = vocabulary.len();
    let aligner = alignment::train(
        &features,
        &manifest.aligner,
        settings,
        &run.out,
        &device,
        progress,
    )?;
    let data = TaggingData::collect(
        &features,
        &classes,
        &vocabulary,
        &sentence,
        &aligner,
        settings.views,
        &device,
    )?;
    let tagger = tagging::train(
        &data,
        &manifest.tagger,
        settings,
        &run.out,
        &device,
        progress,
    )?;
    let scores = tagging::held_out_scores(&tagger, &data, &device)?;
    let held_out = data.held_out_pictures();
    let thresholds = thresholds::choose(&scores, vocabulary.len(), |row, tag| {
        data.shows(held_out[row], tag)
    });
    let vocabulary = with_thresholds(&vocabulary, &thresholds)?;
    let matcher = if settings.matching.epochs > 0 {
        let data = MatchingData::collect(&features, &aligner, settings, &device)?;
        let source = SafetensorsBytes::parse(BACKBONES, &bytes)?;
        let start = Weights::new(UpperLayers(source), Layout::Burn).or_initial(settings.seed);
        let places = (run.out.as_path(), &device);
        Some(matching::train(
            &data, &manifest, &start, settings, places, progress,
        )?)
    } else {
        None
    };
    let captioner = if settings.captioning.epochs > 0 {
        let least = settings.captioning.least_uses;
        let words = caption_words(&features, &sentence, &run.base.text(WORDS)?, least)?;
        let tokenizer = BlipTokenizer::new(&words)?;
        let config = settings.captioning.config(tokenizer.len());
        let parts = captioning::Parts {
            manifest: &manifest,
            config: &config,
            tokenizer: &tokenizer,
            tagger: &tagger,
            vocabulary: &vocabulary,
            settings,
            device: &device,
        };
        let tensors = captioning::train(&data, &parts, &run.out, progress)?;
        manifest.captioner = Some(config);
        Some((tensors, words))
    } else {
        None
    };
    let folder = run.out.join("bundle");
    export::write(
        export::Parts {
            base: &run.base,
            manifest,
            vocabulary: &vocabulary,
            classes: &table,
            aligner: &aligner,
            tagger: &tagger,
            matcher: matcher.as_deref(),
            captioner: captioner
                .as_ref()
                .map(|(tensors, words)| (tensors.as_slice(), words.as_str())),
            class_names: features.class_names(),
            tag_names: data.tag_names(),
        },
        &folder,
    )?;
    Ok(folder)
}

fn check(settings: &TrainSettings) -> Result<(), TrainError> {
    let positive = [
        ("views", settings.views),
        ("alignment.epochs", settings.alignment.epochs),
        ("alignment.batch", settings.alignment.batch),
        ("tagging.epochs", settings.tagging.epochs),
        ("captioning.batch", settings.captioning.batch),
        ("matching.batch", settings.matching.batch),
        ("matching.layers", settings.matching.layers),
        ("matching.token_width", settings.matching.token_width),
        ("tagging.batch", settings.tagging.batch),
        ("tagging.absent", settings.tagging.absent),
    ];
    match positive.into_iter().find(|(_, value)| *value == 0) {
        Some((setting, _)) => Err(TrainError::Setting {
            setting,
            reason: "must be at least 1".to_owned(),
        }),
        None => Ok(()),
    }
}

fn with_thresholds(vocabulary: &Vocabulary, thresholds: &[f32]) -> Result<Vocabulary, TrainError> {
    let tags = vocabulary
        .iter()
        .zip(thresholds)
        .map(|(tag, &threshold)| {
            let mut tag = tag.clone();
            tag.threshold = threshold;
            tag
        })
        .collect();
    Vocabulary::new(tags).map_err(|source| TrainError::Setting {
        setting: "tags",
        reason: source.to_string(),
    })
}

/// Row-major values to a matrix of `width` columns.
fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width.max(1);
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}
