//! From data to a bundle: one stage after the other.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::tensor::Device;

use super::base::{self, BaseHeads};
use super::base_tables::BaseTables;
use super::caption_words::caption_words;
use super::export::{self, Captions};
use super::features::{self, Backbones, Features};
use super::labels::{self, Labels};
use super::matching_data::MatchingData;
use super::progress::{Progress, told};
use super::settings::{Start, TrainSettings, TrainStage};
use super::tagging_data::{TagNames, TaggingData};
use super::word_weights::word_weights;
use super::{TrainError, TrainRun, alignment, captioning, matching, tagging, thresholds};
use crate::corpus::CaptionedPicture;
use crate::models::backbone::ImageBackbone;
use crate::models::classes::Classes;
use crate::models::manifest::Manifest;
use crate::models::matcher::MatcherConfig;
use crate::models::mini::{BACKBONES, CLASSES, WORDS};
use crate::models::sentence::{SentenceEncoder, naming};
use crate::models::tagger::Tagger;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::weights::Weights;
use crate::vocabulary::{Tag, Vocabulary};

type Watch<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// Trains what is asked for and writes a bundle; returns its folder.
pub(crate) fn train(run: &TrainRun, progress: Watch<'_>) -> Result<PathBuf, TrainError> {
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
    let keeps_heads = !trains(TrainStage::Alignment) && !trains(TrainStage::Tagging);

    let starts_anew = trains(TrainStage::Alignment) && !settings.fine_tunes();
    let device = &settings.device.open()?;
    let table = run.base.text(CLASSES)?;
    let classes = Classes::parse(&table, &vocabulary)?;
    let mut manifest = base.clone();
    manifest.name.clone_from(&settings.name);
    manifest.tagger.num_class = vocabulary.len();
    if starts_anew {
        manifest.aligner.standardised = settings.alignment.standardise;
        manifest.aligner.words = settings.alignment.words;
    }
    if trains(TrainStage::Matching) && !heads.continues_matching(settings) {
        manifest.matcher = Some(MatcherConfig {
            num_hidden_layers: settings.matching.layers,
            token_width: settings.matching.token_width,
        });
    }
    let bytes = run.base.read(BACKBONES)?;
    let weights = Weights::parse(BACKBONES, &bytes)?;
    let image = ImageBackbone::load(&manifest, &weights, device)?;
    let words = run.base.text(WORDS)?;
    let sentence = SentenceEncoder::load(&manifest, &words, &weights, device)?;
    let known_aligner = match starts_anew {
        true => None,
        false => Some(heads.aligner(device)?),
    };
    let backbones = Backbones {
        image: &image,
        sentence: &sentence,
        classes: &classes,
        side: manifest.image_encoder.image_size as u32,
        fingerprint: blake3::hash(&bytes).to_hex().to_string(),
        lower_layers: manifest.lower_layers(),
        word_weights: match &known_aligner {
            Some(aligner) => aligner.text.word_weights.clone(),
            None if manifest.aligner.words => {
                let words = manifest.text_encoder.vocab_size;
                Some(word_weights(&pictures, &sentence, words)?)
            }
            None => None,
        },
    };
    let folder = out.join("features");
    let features = Features::collect(pictures, &backbones, settings, &folder, progress)?;

    let aligner = if let Some(aligner) = known_aligner.filter(|_| !trains(TrainStage::Alignment)) {
        aligner
    } else {
        let start = settings.fine_tunes().then_some(&heads);
        let config = &manifest.aligner;
        alignment::train(&features, config, start, settings, out, device, progress)?
    };
    let prompts = naming_all(&vocabulary);
    let names = TagNames {
        vectors: features::encode(&sentence, &prompts, None)?,
        features: features::encode(&sentence, &prompts, features.sentences().word_weights())?,
    };
    let data = TaggingData::collect(
        &features,
        &classes,
        &vocabulary,
        &labels,
        names,
        &aligner,
        device,
    )?;
    let tagger = if trains(TrainStage::Tagging) {
        let start = match settings.start {
            Start::Scratch => None,
            Start::Base => Some(BaseTables {
                tagger: heads.tagger(&device.clone().autodiff())?,
                names: features::encode(&sentence, &naming_all(&known), None)?,
                rows: rows.clone(),
                fingerprint: heads.fingerprint()?,
            }),
        };
        let (config, start) = (&manifest.tagger, start.as_ref());
        tagging::train(&data, config, start, settings, out, device, progress)?
    } else {
        heads.tagger(device)?
    };
    let from_scratch = trains(TrainStage::Tagging) && !settings.fine_tunes();
    let threshold = |tag: usize| known.iter().nth(rows[tag]?).map(|tag| tag.threshold);
    let kept = |tag: usize| threshold(tag).filter(|_| !from_scratch);
    let vocabulary = if keeps_heads {
        vocabulary.clone()
    } else {
        with_thresholds(&vocabulary, &tagger, &data, kept, device)?
    };
    let matcher = if trains(TrainStage::Matching) {
        let data = MatchingData::collect(&features, &aligner, settings, device)?;
        Some(matching::train(
            &data, &manifest, &heads, settings, out, device, progress,
        )?)
    } else {
        None
    };
    let captions = if trains(TrainStage::Captioning) {
        let least = settings.captioning.least_uses;
        let words = caption_words(&features, &sentence, &words, least)?;
        let tokenizer = BlipTokenizer::new(&words)?;
        let config = settings.captioning.config(tokenizer.len());
        let parts = captioning::Parts {
            manifest: &manifest,
            config: &config,
            tokenizer: &tokenizer,
            tagger: &tagger,
            vocabulary: &vocabulary,
            settings,
            device,
        };
        let tensors = captioning::train(&data, &parts, out, progress)?;
        manifest.captioner = Some(config);
        Captions::Trained { tensors, words }
    } else if keeps_heads && base.captioner.is_some() {
        Captions::OfBase
    } else {
        // It would read the layers that it shares with the tagger as they were.
        manifest.captioner = None;
        Captions::None
    };
    let folder = out.join("bundle");
    let parts = export::Parts {
        base: &run.base,
        manifest,
        vocabulary: &vocabulary,
        classes: &table,
        heads: (!keeps_heads).then_some(export::MainHeads {
            aligner: &aligner,
            tagger: &tagger,
            class_names: features.class_names(),
            tag_names: data.tag_names(),
        }),
        matcher: matcher.as_deref(),
        captions: &captions,
    };
    export::write(parts, &folder)?;
    Ok(folder)
}

fn tell(
    pictures: &[CaptionedPicture],
    labels: &Labels,
    progress: Watch<'_>,
) -> Result<(), TrainError> {
    told(progress(&Progress::Data {
        pictures: pictures.len(),
        captions: labels.captions(),
        tagged: labels.tagged(),
        unknown: labels.unknown().to_vec(),
    }))
}

/// The stages that were asked for and of which the data says something.
fn stages(
    settings: &TrainSettings,
    labels: &Labels,
    progress: Watch<'_>,
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
        told(progress(&Progress::Skipped { stage, reason }))?;
    }
    if stages.is_empty() {
        return Err(TrainError::NothingToLearn { reason: lack });
    }
    Ok(stages)
}

/// What the text encoder reads for each tag.
fn naming_all(vocabulary: &Vocabulary) -> Vec<String> {
    vocabulary.iter().map(|tag| naming(&tag.name)).collect()
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
