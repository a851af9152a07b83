//! Training of the contrastive heads on cached features.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::base::BaseHeads;
use super::checkpoint::read_module;
use super::features::Features;
use super::objectives::in_batch_contrastive;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::{TrainError, matrix};
use crate::models::aligner::{Aligner, AlignerConfig, Statistics, unit};
use crate::models::backbone::host;
use crate::models::nn::gelu;

/// Largest inverse temperature, as in CLIP and BLIP.
const SHARPEST: f32 = 100.0;
const START_TEMPERATURE: f32 = 0.07;

/// The heads with what only training needs.
#[derive(Debug, Module)]
struct Trainee {
    aligner: Aligner,
    log_scale: Param<Tensor<1>>,
    input_dropout: Dropout,
    hidden_dropout: Dropout,
    text_dropout: Dropout,
}

impl Trainee {
    fn images(&self, features: Tensor<2>) -> Tensor<2> {
        let heads = &self.aligner.image;
        let x = self.input_dropout.forward(heads.normal(features));
        let hidden = self.hidden_dropout.forward(gelu(heads.hidden.forward(x)));
        unit(heads.output.forward(hidden))
    }

    fn sentences(&self, features: Tensor<2>) -> Tensor<2> {
        self.aligner
            .text
            .forward(self.text_dropout.forward(features))
    }
}

/// One training pair: a caption and its picture, or a class name and the classifier's weights for it.
#[derive(Clone, Copy)]
enum Pair {
    Caption(usize),
    Class(usize),
}

/// Trains the heads, those of `base` further where it is given, going on from a checkpoint in `folder`, and returns those of
/// the best epoch.
pub(crate) fn train(
    features: &Features,
    config: &AlignerConfig,
    base: Option<&BaseHeads<'_>>,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Aligner, TrainError> {
    let own = &settings.alignment;
    let word_weights = || features.sentences().word_weights().map(<[f32]>::to_vec);
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let trainee = Trainee {
        aligner: match base {
            Some(base) => base.aligner(&training_device)?,
            None => config.init(
                statistics(features, config, &training_device),
                word_weights(),
                &training_device,
            ),
        },
        log_scale: Param::from_tensor(Tensor::from_floats(
            [(1.0 / START_TEMPERATURE).ln()],
            &training_device,
        )),
        input_dropout: DropoutConfig::new(own.input_dropout).init(),
        hidden_dropout: DropoutConfig::new(own.hidden_dropout).init(),
        text_dropout: DropoutConfig::new(own.text_dropout).init(),
    };
    let stage = Stage {
        name: "alignment",
        metric: "held-out text-to-image R@10",
        items: features.training_captions(),
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: base.is_some(),
        origin: base
            .map(BaseHeads::fingerprint)
            .transpose()?
            .unwrap_or_default(),
        folder,
        device: &training_device,
    };
    let loss = |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| {
        let mut pairs: Vec<Pair> = items.iter().map(|&c| Pair::Caption(c)).collect();
        let classes = features.classes();
        let sampled = rand::seq::index::sample(rng, classes, own.class_pairs.min(classes));
        pairs.extend(sampled.into_iter().map(Pair::Class));
        let (images, sentences, owners) =
            assemble(features, &pairs, settings, rng, &training_device);
        let scale = trainee.log_scale.val().exp().clamp_max(SHARPEST);
        let similarity = trainee
            .images(images)
            .matmul(trainee.sentences(sentences).transpose());
        let same = same(&owners, &training_device);
        Ok(in_batch_contrastive(
            similarity * scale.unsqueeze::<2>(),
            same,
        ))
    };
    let score = |trainee: &Trainee| {
        let aligner = trainee.aligner.valid();
        Ok((recall_at_10(&aligner, features, device)?, aligner))
    };
    stage.train(trainee, progress, loss, score)?;
    let statistics = statistics(features, config, device);
    let blank = config.init(statistics, word_weights(), device);
    read_module(&stage.best(), blank)
}

/// Mean and spread of the features of the whole training pictures, where the heads take them.
fn statistics(features: &Features, config: &AlignerConfig, device: &Device) -> Option<Statistics> {
    /// Added to a deviation: channels that hardly ever speak are not to be the loudest.
    const LEAST: f32 = 0.05;
    if !config.standardised {
        return None;
    }
    let rooted = config.image_features.saturating_sub(config.text_features);
    let mut mean = vec![0f64; config.image_features];
    let mut square = mean.clone();
    let mut count = 0.0;
    let mut row = Vec::with_capacity(config.image_features);
    for picture in (0..features.pictures()).filter(|&picture| !features.is_held_out(picture)) {
        row.clear();
        features.push_image(picture, 0, &mut row);
        for (channel, &value) in row.iter().enumerate() {
            let value = if channel < rooted {
                value.max(0.0).sqrt()
            } else {
                value
            };
            mean[channel] += f64::from(value);
            square[channel] += f64::from(value).powi(2);
        }
        count += 1.0;
    }
    let scale = mean.iter().zip(&square).map(|(sum, square)| {
        let variance = square / count - (sum / count).powi(2);
        1.0 / (variance.max(0.0).sqrt() as f32 + LEAST)
    });
    let scale: Vec<f32> = scale.collect();
    let mean: Vec<f32> = mean.iter().map(|sum| (sum / count) as f32).collect();
    let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, device);
    Some(Statistics::new(tensor(&mean), tensor(&scale), rooted))
}

/// Image features, sentence vectors and the owner of each pair: a picture, or a class counted after the pictures.
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
            Pair::Caption(caption) => {
                let picture = features.picture_of(caption);
                let view = rng.random_range(0..settings.views);
                features.push_image(picture, view, &mut images);
                sentences.extend_from_slice(features.sentences().features(caption));
                owners.push(picture);
            }
            Pair::Class(class) => {
                features.push_class(class, &mut images);
                sentences.extend_from_slice(features.class_sentence(class));
                owners.push(features.pictures() + class);
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

/// Share of held-out captions whose picture is among the ten most similar held-out pictures.
fn recall_at_10(
    aligner: &Aligner,
    features: &Features,
    device: &Device,
) -> Result<f32, TrainError> {
    let captions = features.held_out_captions();
    let mut place = HashMap::new();
    let mut images = Vec::new();
    for &caption in captions {
        let picture = features.picture_of(caption);
        let next = place.len();
        if let Entry::Vacant(entry) = place.entry(picture) {
            entry.insert(next);
            features.push_image(picture, 0, &mut images);
        }
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
    let images = aligner.image.forward(tensor(images, place.len()));
    let similarity = aligner
        .text
        .forward(tensor(sentences, captions.len()))
        .matmul(images.transpose());
    let values = host(similarity)?;
    let hits = values
        .chunks_exact(place.len())
        .zip(captions)
        .filter(|(row, caption)| {
            let own = row[place[&features.picture_of(**caption)]];
            row.iter().filter(|&&other| other > own).count() < 10
        })
        .count();
    Ok(hits as f32 / captions.len().max(1) as f32)
}
