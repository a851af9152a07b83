//! Training of the contrastive heads on cached features.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::gelu;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::checkpoint::{Checkpoint, read_module, write_module};
use super::features::Features;
use super::losses::contrastive;
use super::progress::Progress;
use super::schedule::learning_rate;
use super::settings::TrainSettings;
use super::{TrainError, curves};
use crate::models::aligner::{Aligner, AlignerConfig, unit};
use crate::models::backbone::host;

const STAGE: &str = "alignment";
/// Largest inverse temperature, as in CLIP and BLIP.
const SHARPEST: f32 = 100.0;
const START_TEMPERATURE: f32 = 0.07;
/// Steps that one point of the loss curve averages.
const STRETCH: usize = 10;

/// The heads with what only training needs.
#[derive(Debug, Module)]
struct Trainee {
    aligner: Aligner,
    log_scale: Param<Tensor<1>>,
    input_dropout: Dropout,
    hidden_dropout: Dropout,
}

impl Trainee {
    fn images(&self, features: Tensor<2>) -> Tensor<2> {
        let heads = &self.aligner;
        let x = self
            .input_dropout
            .forward(heads.image_norm.forward(features));
        let hidden = self
            .hidden_dropout
            .forward(gelu(heads.image_hidden.forward(x)));
        unit(heads.image_output.forward(hidden))
    }
}

/// One training pair: a caption and its picture, or a class name and the classifier's weights for it.
#[derive(Clone, Copy)]
enum Pair {
    Caption(usize),
    Class(usize),
}

/// Trains the heads, going on from a checkpoint in `folder`, and returns those of the best epoch.
pub(crate) fn train(
    features: &Features,
    config: &AlignerConfig,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Aligner, TrainError> {
    let own = &settings.alignment;
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let trainee = Trainee {
        aligner: config.init(&training_device),
        log_scale: Param::from_tensor(Tensor::from_floats(
            [(1.0 / START_TEMPERATURE).ln()],
            &training_device,
        )),
        input_dropout: DropoutConfig::new(own.input_dropout).init(),
        hidden_dropout: DropoutConfig::new(own.hidden_dropout).init(),
    };
    let optimizer = AdamWConfig::new()
        .with_weight_decay(own.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let checkpoint = Checkpoint::new(folder.join("alignment"));
    let (mut state, mut trainee, mut optimizer) = checkpoint.load(trainee, optimizer)?;

    let captions = features.training_captions();
    let per_epoch = captions.len().div_ceil(own.batch).max(1);
    let steps = per_epoch * own.epochs;
    let mut order = Vec::new();
    let mut stretch = Vec::new();
    while state.step < steps {
        let (epoch, within) = (state.step / per_epoch, state.step % per_epoch);
        if order.is_empty() {
            order = captions.to_vec();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.seed ^ epoch as u64));
        }
        // Every step has its own seed, so a resumed run makes the same choices as an uninterrupted one.
        let seed = settings.seed.wrapping_mul(1_000_003) ^ state.step as u64;
        training_device.seed(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let chosen = &order[within * own.batch..((within + 1) * own.batch).min(order.len())];
        let mut pairs: Vec<Pair> = chosen.iter().map(|&c| Pair::Caption(c)).collect();
        pairs.extend(
            rand::seq::index::sample(
                &mut rng,
                features.classes(),
                own.class_pairs.min(features.classes()),
            )
            .into_iter()
            .map(Pair::Class),
        );
        let (images, sentences, owners) =
            assemble(features, &pairs, settings, &mut rng, &training_device)?;
        let scale = trainee
            .log_scale
            .val()
            .exp()
            .clamp_max(SHARPEST)
            .unsqueeze::<2>();
        let logits = trainee
            .images(images)
            .matmul(trainee.aligner.text(sentences).transpose())
            * scale;
        let loss = contrastive(logits, same(&owners, &training_device));
        let value = host(loss.clone())?[0];
        let gradients = GradientsParams::from_grads(loss.backward(), &trainee);
        let rate = learning_rate(own.learning_rate, state.step, steps);
        trainee = optimizer.step(rate, trainee, gradients);

        state.step += 1;
        stretch.push(value);
        if stretch.len() == STRETCH {
            let mean = stretch.iter().sum::<f32>() / STRETCH as f32;
            state.losses.push((state.step, mean));
            stretch.clear();
        }
        if within + 1 == per_epoch {
            order.clear();
            let score = recall_at_10(&trainee.aligner.valid(), features, device)?;
            state.scores.push(score);
            if state.best() == Some(epoch) {
                write_module(&folder.join("alignment.best"), &trainee.aligner)?;
            }
            checkpoint.save(&state, &trainee, &optimizer)?;
            curves::draw(
                &folder.join("alignment.svg"),
                STAGE,
                "text-to-image R@10",
                &state,
                state.step,
            )?;
            let seen = Progress::Epoch {
                stage: STAGE,
                epoch: epoch + 1,
                metric: "held-out text-to-image R@10",
                value: score,
            };
            if progress(&seen).is_break() {
                return Err(TrainError::Cancelled);
            }
        }
        let seen = Progress::Step {
            stage: STAGE,
            epoch: epoch + 1,
            epochs: own.epochs,
            done: state.step,
            total: steps,
            loss: value,
        };
        if progress(&seen).is_break() {
            checkpoint.save(&state, &trainee, &optimizer)?;
            return Err(TrainError::Cancelled);
        }
    }
    read_module(&folder.join("alignment.best"), config.init(device))
}

/// Image features, sentence vectors and the owner of each pair: a picture, or a class counted after the pictures.
fn assemble(
    features: &Features,
    pairs: &[Pair],
    settings: &TrainSettings,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Result<(Tensor<2>, Tensor<2>, Vec<usize>), TrainError> {
    let mut images = Vec::new();
    let mut sentences = Vec::new();
    let mut owners = Vec::new();
    for &pair in pairs {
        match pair {
            Pair::Caption(caption) => {
                let picture = features.picture_of(caption);
                let view = rng.random_range(0..settings.views);
                features.push_image(picture, view, &mut images)?;
                sentences.extend_from_slice(features.sentence(caption));
                owners.push(picture);
            }
            Pair::Class(class) => {
                features.push_class(class, &mut images);
                sentences.extend_from_slice(features.class_name(class));
                owners.push(features.pictures() + class);
            }
        }
    }
    let rows = pairs.len();
    let tensor = |values: Vec<f32>| {
        let width = values.len() / rows;
        Tensor::from_data(TensorData::new(values, [rows, width]), device)
    };
    Ok((tensor(images), tensor(sentences), owners))
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
        if let std::collections::hash_map::Entry::Vacant(entry) = place.entry(picture) {
            entry.insert(next);
            features.push_image(picture, 0, &mut images)?;
        }
    }
    let sentences: Vec<f32> = captions
        .iter()
        .flat_map(|&c| features.sentence(c))
        .copied()
        .collect();
    let tensor = |values: Vec<f32>, rows: usize| {
        let width = values.len() / rows;
        Tensor::<2>::from_data(TensorData::new(values, [rows, width]), device)
    };
    let images = aligner.image(tensor(images, place.len()));
    let similarity = aligner
        .text(tensor(sentences, captions.len()))
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
