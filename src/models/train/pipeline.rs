//! From data to a bundle: one stage after the other.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::base::{self, BaseHeads};
use super::base_tables::BaseTables;
use super::below::Below;
use super::cache::claim;
use super::caption_words::caption_words;
use super::export::{self, Captions};
use super::features::{self, Backbones, Features};
use super::labels::{self, Labels};
use super::matching_data::MatchingData;
use super::progress::{Progress, told};
use super::settings::{Start, TrainSettings, TrainStage};
use super::tagging_data::{TagNames, TaggingData};
use super::view_reader::ViewReader;
use super::word_weights::word_weights;
use super::{
    TrainError, TrainRun, alignment, captioning, encoders, matching, tagging, thresholds,
    tuned_backbones,
};
use crate::corpus::{CaptionedPicture, write_corpus};
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

/// Lists the pictures that were held out, for those who measure or fit something else on them.
const HELD_OUT: &str = "held-out.jsonl";

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
    if trains(TrainStage::Encoders) && !trains(TrainStage::Tagging) {
        return Err(TrainError::Setting {
            setting: "stages",
            reason: "must name \"tagging\" where encoders are tuned: a tagger of other encoders would not understand them"
                .to_owned(),
        });
    }
    let most = base.image_encoder.blocks().len() - 1;
    if settings.encoders.image_blocks > most {
        return Err(TrainError::Setting {
            setting: "encoders.image_blocks",
            reason: format!("must be at most {most}"),
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
    let words = run.base.text(WORDS)?;
    let mut bytes = run.base.read(BACKBONES)?;
    let mut networks = Networks::load(&manifest, &words, &bytes, device)?;
    let known_aligner = match starts_anew {
        true => None,
        false => Some(heads.aligner(device)?),
    };
    let word_weights = match &known_aligner {
        Some(aligner) => aligner.text.word_weights.clone(),
        None if manifest.aligner.words => {
            let words = manifest.text_encoder.vocab_size;
            Some(word_weights(&pictures, &networks.sentence, words)?)
        }
        None => None,
    };
    let class_names = heads.class_names()?;
    let side = manifest.image_encoder.image_size as u32;
    let folder = out.join("features");
    let below = if trains(TrainStage::Encoders) {
        let reader = ViewReader::new(&pictures, settings, side);
        let (image, blocks) = (&networks.image, settings.encoders.image_blocks);
        claim(
            &folder,
            &features::fingerprint(&pictures, &networks.fingerprint, settings),
        )?;
        Some(Below::collect(reader, image, blocks, &folder, progress)?)
    } else {
        None
    };
    let collect = |networks: &Networks, folder: &Path, pictures, progress: Watch<'_>| {
        let backbones = Backbones {
            image: &networks.image,
            sentence: &networks.sentence,
            classes: &classes,
            side,
            fingerprint: networks.fingerprint.clone(),
            lower_layers: manifest.lower_layers(),
            word_weights: word_weights.clone(),
            class_names: class_names.clone(),
        };
        Features::collect(
            pictures,
            &backbones,
            below.as_ref(),
            settings,
            folder,
            progress,
        )
    };
    let mut features = collect(&networks, &folder, pictures, progress)?;
    list_held_out(&features, &out.join(HELD_OUT))?;

    let config = &manifest.aligner;
    if trains(TrainStage::Alignment) {
        let start = settings.fine_tunes().then_some(&heads);
        alignment::train(&features, config, start, settings, out, device, progress)?;
    }
    let trained = |device: &Device| match trains(TrainStage::Alignment) {
        true => alignment::best(&features, config, settings, out, device),
        false => {
            let aligner = heads.aligner(device)?;
            Ok(alignment::Trainee::new(
                aligner,
                &settings.alignment,
                device,
            ))
        }
    };
    let mut aligner = trained(device)?.aligner;
    if let Some(below) = &below {
        let original = bytes.clone();
        let weights = Weights::parse(BACKBONES, &original)?;
        let start = encoders::Start {
            manifest: &manifest,
            features: &features,
            below,
            sentence: &networks.sentence,
            weights: &weights,
            origin: networks.fingerprint.clone() + &alignment::fingerprint(&aligner)?,
        };
        let tuned = encoders::train(&start, trained, settings, out, device, progress)?;
        let exchanged = tuned_backbones::exchange(&original, &tuned.tensors)?;
        aligner = tuned.aligner;
        networks = Networks::load(&manifest, &words, &exchanged, device)?;
        bytes = exchanged.into();
        let folder = out.join("tuned-features");
        features = collect(&networks, &folder, features.into_pictures(), progress)?;
    }
    let sentence = &networks.sentence;
    let prompts = naming_all(&vocabulary);
    let names = TagNames {
        vectors: features::encode(sentence, &prompts, None)?,
        features: features::encode(sentence, &prompts, features.sentences().word_weights())?,
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
                names: features::encode(sentence, &naming_all(&known), None)?,
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
        let start = matching::Start {
            manifest: &manifest,
            base: &heads,
            backbones: &bytes,
        };
        Some(matching::train(
            &data, &start, settings, out, device, progress,
        )?)
    } else {
        if trains(TrainStage::Encoders) {
            // It would read states and tokens as they were.
            manifest.matcher = None;
        }
        None
    };
    let captions = if trains(TrainStage::Captioning) {
        let least = settings.captioning.least_uses;
        let words = caption_words(&features, sentence, &words, least)?;
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
        backbones: &bytes,
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

/// The encoders, and what tells their weights apart.
struct Networks {
    image: ImageBackbone,
    sentence: SentenceEncoder,
    fingerprint: String,
}

impl Networks {
    fn load(
        manifest: &Manifest,
        words: &str,
        bytes: &[u8],
        device: &Device,
    ) -> Result<Self, TrainError> {
        let weights = Weights::parse(BACKBONES, bytes)?;
        Ok(Self {
            image: ImageBackbone::load(manifest, &weights, device)?,
            sentence: SentenceEncoder::load(manifest, words, &weights, device)?,
            fingerprint: blake3::hash(bytes).to_hex().to_string(),
        })
    }
}

fn list_held_out(features: &Features, path: &Path) -> Result<(), TrainError> {
    let held_out = (0..features.pictures()).filter(|&picture| features.is_held_out(picture));
    let pictures: Vec<_> = held_out.map(|picture| features.picture(picture)).collect();
    write_corpus(path, &pictures).map_err(|source| TrainError::io(path, source))
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
