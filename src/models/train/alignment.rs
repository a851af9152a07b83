//! Training of the contrastive heads on cached features.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::base::BaseHeads;
use super::checkpoint::read_module;
use super::dropout::Dropout;
use super::features::Features;
use super::head_settings::AlignmentSettings;
use super::mean_recall::mean_recall;
use super::moments::Moments;
use super::objectives::in_batch_contrastive;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::{TrainError, matrix};
use crate::models::ModelError;
use crate::models::aligner::{Aligner, AlignerConfig, Statistics, unit};
use crate::models::backbone::host;
use crate::models::nn::gelu;

/// Of the stage.
const NAME: &str = "alignment";
/// Of whatever compares held-out pictures with their captions.
pub(crate) const METRIC: &str = "held-out mean recall";
/// Largest inverse temperature, as in CLIP and BLIP.
const SHARPEST: f32 = 100.0;
const START_TEMPERATURE: f32 = 0.07;

/// The heads with what only training needs.
#[derive(Debug, Module)]
pub(crate) struct Trainee {
    pub(crate) aligner: Aligner,
    /// Logarithm of the inverse temperature.
    pub(crate) log_scale: Param<Tensor<1>>,
    input_dropout: f64,
    hidden_dropout: f64,
    text_dropout: f64,
}

impl Trainee {
    pub(crate) fn new(aligner: Aligner, settings: &AlignmentSettings, device: &Device) -> Self {
        let log_scale = Tensor::from_floats([(1.0 / START_TEMPERATURE).ln()], device);
        Self {
            aligner,
            log_scale: Param::from_tensor(log_scale),
            input_dropout: settings.input_dropout,
            hidden_dropout: settings.hidden_dropout,
            text_dropout: settings.text_dropout,
        }
    }

    /// How well the pairs that belong together are told from the others: `owners` says which do. Features as the aligner takes
    /// them, a row for each owner; the same seed drops the same of them.
    pub(crate) fn loss(
        &self,
        images: Tensor<2>,
        sentences: Tensor<2>,
        owners: &[usize],
        seed: u64,
    ) -> Tensor<1> {
        let same = same(owners, &images.device());
        let dropout = |share, stream: u64| Dropout::new(share, seed ^ stream);
        let scale = self.log_scale.val().exp().clamp_max(SHARPEST);
        let heads = &self.aligner.image;
        let x = dropout(self.input_dropout, 0).forward(heads.normal(images));
        let hidden = dropout(self.hidden_dropout, 1).forward(gelu(heads.hidden.forward(x)));
        let images = unit(heads.output.forward(hidden));
        let sentences = dropout(self.text_dropout, 2).forward(sentences);
        let sentences = self.aligner.text.forward(sentences);
        let similarity = images.matmul(sentences.transpose());
        in_batch_contrastive(similarity * scale.unsqueeze::<2>(), same)
    }
}

/// One training pair: a text and its picture, or a class name and the classifier's weights for it.
#[derive(Clone, Copy)]
enum Pair {
    Text(usize),
    Class(usize),
}

/// Trains the heads, those of `base` further where it is given, going on from a checkpoint in `folder`, where [`best`] finds
/// those of the best epoch.
pub(crate) fn train(
    features: &Features,
    config: &AlignerConfig,
    base: Option<&BaseHeads<'_>>,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(), TrainError> {
    let own = &settings.alignment;
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let aligner = match base {
        Some(base) => base.aligner(&training_device)?,
        None => untrained(features, config, &training_device),
    };
    let trainee = Trainee::new(aligner, own, &training_device);
    let mut items = features.training_captions().to_vec();
    if own.names {
        items.extend_from_slice(features.training_names());
    }
    let stage = Stage {
        name: NAME,
        metric: METRIC,
        items: &items,
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: base.is_some(),
        pretrained: None,
        origin: base
            .map(BaseHeads::fingerprint)
            .transpose()?
            .unwrap_or_default(),
        folder,
        device: &training_device,
    };
    let loss = |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| {
        let texts = features.texts();
        let worded = items
            .iter()
            .map(|&text| texts.worded(text, own.keywords, rng));
        let mut pairs: Vec<Pair> = worded.map(Pair::Text).collect();
        let classes = features.classes();
        let sampled = rand::seq::index::sample(rng, classes, own.class_pairs.min(classes));
        pairs.extend(sampled.into_iter().map(Pair::Class));
        let (images, sentences, owners) =
            assemble(features, &pairs, settings, rng, &training_device);
        Ok(trainee.loss(images, sentences, &owners, rng.random()))
    };
    let score = |trainee: &Trainee| {
        let aligner = trainee.aligner.valid();
        Ok((
            held_out_recall(&aligner, features, device)?,
            trainee.clone(),
        ))
    };
    stage.train(trainee, progress, loss, score)
}

/// The heads that [`train`] has left in `folder`.
pub(crate) fn best(
    features: &Features,
    config: &AlignerConfig,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
) -> Result<Trainee, TrainError> {
    let blank = untrained(features, config, device);
    let blank = Trainee::new(blank, &settings.alignment, device);
    read_module(&folder.join(format!("{NAME}.best")), blank)
}

/// Heads with random weights.
fn untrained(features: &Features, config: &AlignerConfig, device: &Device) -> Aligner {
    let word_weights = features.sentences().word_weights().map(<[f32]>::to_vec);
    config.init(statistics(features, config, device), word_weights, device)
}

/// Mean and spread of the features of the whole training pictures, where the heads take them.
fn statistics(features: &Features, config: &AlignerConfig, device: &Device) -> Option<Statistics> {
    if !config.standardised {
        return None;
    }
    let rooted = config.image_features.saturating_sub(config.text_features);
    let mut moments = Moments::new(config.image_features, rooted);
    let mut row = Vec::with_capacity(config.image_features);
    for picture in (0..features.pictures()).filter(|&picture| !features.is_held_out(picture)) {
        row.clear();
        features.push_image(picture, 0, &mut row);
        moments.add(&row);
    }
    Some(moments.statistics(device))
}

/// Image features, sentence features and what each pair is about.
fn assemble(
    features: &Features,
    pairs: &[Pair],
    settings: &TrainSettings,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> (Tensor<2>, Tensor<2>, Vec<usize>) {
    let mut images = Vec::new();
    let mut sentences = Vec::new();
    let mut owners = Vec::new();
    for &pair in pairs {
        match pair {
            Pair::Text(text) => {
                let picture = features.texts().picture_of(text);
                let view = rng.random_range(0..settings.views);
                let view = features.texts().view(picture, view);
                features.push_image(picture, view, &mut images);
                sentences.extend_from_slice(features.sentences().features(text));
                owners.push(features.texts().subject_of(text));
            }
            Pair::Class(class) => {
                features.push_class(class, &mut images);
                sentences.extend_from_slice(features.class_sentence(class));
                owners.push(features.texts().subject_of_class(class));
            }
        }
    }
    let tensor = |values: Vec<f32>| {
        let width = values.len() / pairs.len();
        matrix(values, width, device)
    };
    (tensor(images), tensor(sentences), owners)
}

fn same(owners: &[usize], device: &Device) -> Tensor<2, Bool> {
    let n = owners.len();
    let same: Vec<bool> = owners
        .iter()
        .flat_map(|a| owners.iter().map(move |b| a == b))
        .collect();
    Tensor::from_data(TensorData::new(same, [n, n]), device)
}

/// Tells aligners apart. Of their weights, which are exact, and not of what they compute.
pub(crate) fn fingerprint(aligner: &Aligner) -> Result<String, ModelError> {
    let mut hasher = blake3::Hasher::new();
    for layer in [&aligner.image.output, &aligner.text.output] {
        hasher.update(bytemuck::cast_slice(&host(layer.weight.val())?));
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Mean recall of the held-out pictures and captions by their cached features.
fn held_out_recall(
    aligner: &Aligner,
    features: &Features,
    device: &Device,
) -> Result<f32, TrainError> {
    let (pictures, captions) = (features.held_out_captioned(), features.held_out_captions());
    let mut images = Vec::new();
    for &picture in &pictures {
        features.push_image(picture, 0, &mut images);
    }
    let sentences: Vec<f32> = captions
        .iter()
        .flat_map(|&c| features.sentences().features(c))
        .copied()
        .collect();
    let tensor = |values: Vec<f32>, rows: usize| {
        let width = values.len() / rows.max(1);
        matrix(values, width, device)
    };
    let images = tensor(images, pictures.len());
    let sentences = tensor(sentences, captions.len());
    recall(aligner, features, images, sentences)
}

/// Mean recall of the held-out pictures and captions, by what the aligner takes of them.
pub(crate) fn recall(
    aligner: &Aligner,
    features: &Features,
    images: Tensor<2>,
    sentences: Tensor<2>,
) -> Result<f32, TrainError> {
    let (pictures, captions) = (features.held_out_captioned(), features.held_out_captions());
    let images = aligner.image.forward(images).transpose();
    let similarity = host(aligner.text.forward(sentences).matmul(images))?;
    let owners: Vec<usize> = captions
        .iter()
        .map(|&caption| {
            pictures.partition_point(|&other| other < features.texts().picture_of(caption))
        })
        .collect();
    Ok(mean_recall(&similarity, &owners))
}
