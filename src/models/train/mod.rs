//! Training of the heads on captioned pictures (paper section 3.3), with the backbones frozen.
//!
//! Features of the backbones are computed once and cached; then the contrastive heads are trained, then the recognition
//! decoder, which uses them. Every stage goes on from its checkpoint after a kill.

mod alignment;
mod base;
mod base_tables;
mod cache;
mod checkpoint;
mod curves;
mod error;
mod export;
mod features;
mod file;
mod labels;
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
mod settings;
mod stage;
mod tagging;
mod tagging_data;
mod thresholds;
mod views;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};

pub use error::TrainError;
pub use progress::Progress;
pub use settings::{AlignmentSettings, Start, TaggingSettings, TrainSettings, TrainStage};

use super::ModelSource;
use super::backbone::ImageBackbone;
use super::classes::Classes;
use super::manifest::Manifest;
use super::mini::{BACKBONES, CLASSES, WORDS};
use super::sentence::SentenceEncoder;
use super::tagger::Tagger;
use super::weights::Weights;
use crate::corpus::CaptionedPicture;
use crate::vocabulary::{Tag, Vocabulary};
use base::BaseHeads;
use base_tables::BaseTables;
use features::{Backbones, Features};
use labels::Labels;
use tagging_data::TaggingData;

/// A training run.
#[derive(Clone, Debug)]
pub struct TrainRun {
    /// The model that [`TrainSettings::base`] stands for.
    pub base: ModelSource,
    /// What is trained, on what, how, and where it goes.
    pub settings: TrainSettings,
}

/// Trains the heads and writes a bundle; returns its folder. A run that was stopped goes on where it was.
///
/// A stage that the data says nothing of is left out, and its head taken from the base: `progress` is told.
///
/// # Errors
/// [`TrainError::Cancelled`] when `progress` breaks, [`TrainError::NothingToLearn`] when every stage would be left out;
/// otherwise when the corpus, a picture, the base or the output folder cannot be used.
pub fn train(
    run: &TrainRun,
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<PathBuf, TrainError> {
    let progress: &mut dyn FnMut(&Progress) -> ControlFlow<()> = &mut progress;
    let settings = &run.settings;
    settings.check()?;
    let out = &settings.folder();
    let pictures = labels::read(&settings.data)?;
    let base = Manifest::parse(Manifest::FILE, &run.base.read(Manifest::FILE)?)?;
    let heads = BaseHeads::new(&run.base, &base);
    let known = heads.vocabulary()?;
    let vocabulary = match &settings.tags {
        Some(file) => {
            let list = fs::read_to_string(file).map_err(|source| TrainError::io(file, source))?;
            base::vocabulary(&list)?
        }
        None => known.clone(),
    };
    let rows = BaseTables::rows(&vocabulary, &known);
    let labels = Labels::collect(&pictures, &vocabulary);
    tell(&pictures, &labels, progress)?;
    let stages = stages(settings, &labels, progress)?;
    let trains = |stage| stages.contains(&stage);
    if !trains(TrainStage::Tagging) && !rows.iter().copied().eq((0..known.len()).map(Some)) {
        return Err(TrainError::Setting {
            setting: "tags",
            reason: "must be those of the base where the tagger is not trained".to_owned(),
        });
    }

    let device = &settings.device.open()?;
    let table = run.base.text(CLASSES)?;
    let classes = Classes::parse(&table, &vocabulary)?;
    let bytes = run.base.read(BACKBONES)?;
    let weights = Weights::parse(BACKBONES, &bytes)?;
    let image = ImageBackbone::load(&base, &weights, device)?;
    let sentence = SentenceEncoder::load(&base, &run.base.text(WORDS)?, &weights, device)?;
    let backbones = Backbones {
        image: &image,
        sentence: &sentence,
        classes: &classes,
        side: base.image_encoder.image_size as u32,
        fingerprint: blake3::hash(&bytes).to_hex().to_string(),
    };
    let folder = out.join("features");
    let features = Features::collect(pictures, &backbones, settings, &folder, progress)?;

    let aligner = if trains(TrainStage::Alignment) {
        let start = settings.fine_tunes().then_some(&heads);
        alignment::train(
            &features,
            &base.aligner,
            start,
            settings,
            out,
            device,
            progress,
        )?
    } else {
        heads.aligner(device)?
    };
    let names = features::encode(&sentence, &prompts(&vocabulary))?;
    let data = TaggingData::collect(
        &features,
        &classes,
        &vocabulary,
        &labels,
        names,
        &aligner,
        device,
    )?;
    let mut manifest = base.clone();
    manifest.name.clone_from(&settings.name);
    manifest.tagger.num_class = vocabulary.len();
    let tagger = if trains(TrainStage::Tagging) {
        let start = match settings.start {
            Start::Scratch => None,
            Start::Base => Some(BaseTables {
                tagger: heads.tagger(&device.clone().autodiff())?,
                names: features::encode(&sentence, &prompts(&known))?,
                rows: rows.clone(),
                fingerprint: heads.fingerprint()?,
            }),
        };
        let config = &manifest.tagger;
        tagging::train(
            &data,
            config,
            start.as_ref(),
            settings,
            out,
            device,
            progress,
        )?
    } else {
        heads.tagger(device)?
    };
    let from_scratch = trains(TrainStage::Tagging) && !settings.fine_tunes();
    let threshold = |tag: usize| known.iter().nth(rows[tag]?).map(|tag| tag.threshold);
    let kept = |tag: usize| threshold(tag).filter(|_| !from_scratch);
    let vocabulary = &with_thresholds(&vocabulary, &tagger, &data, kept, device)?;
    let folder = out.join("bundle");
    let parts = export::Parts {
        base: &run.base,
        manifest,
        vocabulary,
        classes: &table,
        aligner: &aligner,
        tagger: &tagger,
        class_names: features.class_names(),
        tag_names: data.tag_names(),
    };
    export::write(parts, &folder)?;
    Ok(folder)
}

fn tell(
    pictures: &[CaptionedPicture],
    labels: &Labels,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(), TrainError> {
    let told = Progress::Data {
        pictures: pictures.len(),
        captions: labels.captions(),
        tagged: labels.tagged(),
        unknown: labels.unknown().to_vec(),
    };
    progress::told(progress(&told))
}

/// The stages that were asked for and of which the data says something.
fn stages(
    settings: &TrainSettings,
    labels: &Labels,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Vec<TrainStage>, TrainError> {
    let mut stages = Vec::new();
    let mut lack = "no stage was asked for";
    for &stage in &settings.stages {
        let Some(reason) = labels.lack(stage) else {
            stages.push(stage);
            continue;
        };
        lack = reason;
        let stage = stage.name();
        progress::told(progress(&Progress::Skipped { stage, reason }))?;
    }
    if stages.is_empty() {
        return Err(TrainError::NothingToLearn { reason: lack });
    }
    Ok(stages)
}

/// What the text encoder reads for each tag.
fn prompts(vocabulary: &Vocabulary) -> Vec<String> {
    let prompt = |tag: &Tag| format!("a photo of a {}", tag.name);
    vocabulary.iter().map(prompt).collect()
}

/// The vocabulary with thresholds chosen on the held-out pictures; `kept` is the one of a tag that they hardly show.
fn with_thresholds(
    vocabulary: &Vocabulary,
    tagger: &Tagger,
    data: &TaggingData<'_>,
    kept: impl Fn(usize) -> Option<f32>,
    device: &Device,
) -> Result<Vocabulary, TrainError> {
    let scores = tagging::held_out_scores(tagger, data, device)?;
    let held_out = data.held_out_pictures();
    let shows = |row: usize, tag| data.shows(held_out[row], tag);
    let thresholds = thresholds::choose(&scores, vocabulary.len(), kept, shows);
    let tags = vocabulary
        .iter()
        .zip(thresholds)
        .map(|(tag, threshold)| Tag {
            threshold,
            ..tag.clone()
        });
    Vocabulary::new(tags.collect()).map_err(|source| TrainError::Setting {
        setting: "tags",
        reason: source.to_string(),
    })
}

/// Row-major values to a matrix of `width` columns.
fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width.max(1);
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}
