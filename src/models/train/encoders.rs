//! Tuning of both encoders with the contrastive heads above them.
//!
//! Heads that are trained already come first: random ones would pull the encoders apart before they say anything. The image
//! encoder is tuned in its uppermost blocks and goes on knowing its classes; the text encoder is tuned as a whole, but for its
//! table of words.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::alignment::{self, Trainee as Heads};
use super::below::Below;
use super::checkpoint::read_module;
use super::features::Features;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::stored::{StoredTensor, stored};
use super::tuned_blocks::{FixedParts, TunedBlocks, pool};
use super::{TrainError, matrix, tuned_blocks};
use crate::models::aligner::Aligner;
use crate::models::backbone::host;
use crate::models::manifest::Manifest;
use crate::models::nn::Bert;
use crate::models::sentence::{SentenceEncoder, mean_states};
use crate::models::weights::Weights;

const TEXT: &str = "text_encoder";
/// Sentences encoded at once: of similar length, so that little of them is padding.
const PART: usize = 64;
/// Held-out pictures measured at once.
const PICTURES: usize = 64;

/// Both encoders and the heads.
#[derive(Debug, Module)]
struct Trainee {
    heads: Heads,
    image: TunedBlocks,
    text: Bert,
}

/// What is tuned, and what it starts from.
pub(crate) struct Start<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) features: &'a Features,
    pub(crate) below: &'a Below,
    pub(crate) sentence: &'a SentenceEncoder,
    /// Weights of both encoders.
    pub(crate) weights: &'a Weights<'a>,
    /// Tells these weights and the heads apart.
    pub(crate) origin: String,
}

/// Encoders and heads that belong together.
pub(crate) struct Tuned {
    pub(crate) aligner: Aligner,
    /// Under the names of a bundle.
    pub(crate) tensors: Vec<StoredTensor>,
}

/// What the steps read beside the trainee.
struct Fixed<'a> {
    start: &'a Start<'a>,
    parts: FixedParts,
    classifier: Linear,
    /// `[K, W]`
    class_names: Tensor<2>,
    settings: &'a TrainSettings,
    /// Where gradients are computed.
    device: Device,
    /// Where they are not.
    plain: &'a Device,
}

/// Tunes the encoders below `heads`, going on from a checkpoint in `folder`. `heads` makes those that the tuning starts from on
/// the device that it is given.
pub(crate) fn train(
    start: &Start<'_>,
    heads: impl Fn(&Device) -> Result<Heads, TrainError>,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Tuned, TrainError> {
    let own = &settings.encoders;
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let load = |device: &Device| start.load(heads(device)?, device);
    let (trainee, parts) = load(&training_device)?;
    let (manifest, features) = (start.manifest, start.features);
    let channels = manifest.image_encoder.features;
    let fixed = Fixed {
        start,
        parts,
        classifier: start
            .weights
            .linear("classifier", channels, manifest.classes, &training_device)?
            .no_grad(),
        class_names: matrix(
            features.class_names().to_vec(),
            manifest.text_encoder.hidden_size,
            &training_device,
        ),
        settings,
        device: training_device.clone(),
        plain: device,
    };
    let items: Vec<usize> = (0..features.pictures())
        .filter(|&picture| !features.is_held_out(picture))
        .filter(|&picture| !features.captions_of(picture).is_empty())
        .collect();
    let stage = Stage {
        name: "encoders",
        metric: "held-out text-to-image R@10",
        items: &items,
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: settings.fine_tunes(),
        pretrained: None,
        origin: start.origin.clone(),
        folder,
        device: &training_device,
    };
    let loss =
        |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| fixed.loss(trainee, items, rng);
    let score = |trainee: &Trainee| Ok((fixed.score(trainee)?, trainee.clone()));
    stage.train(trainee, progress, loss, score)?;
    // Where there are no gradients, the layers may keep their weights in another form than the one that was written.
    let (blank, _) = load(&training_device)?;
    let best = read_module(&stage.best(), blank)?;
    let mut tensors = best.image.stored(manifest.image_encoder.blocks().len())?;
    for mut tensor in stored(TEXT, &best.text)? {
        tensor.name = tensor
            .name
            .replace("text_encoder.layers.", "text_encoder.encoder.layer.");
        tensors.push(tensor);
    }
    Ok(Tuned {
        aligner: best.heads.aligner.valid(),
        tensors,
    })
}

impl Start<'_> {
    fn load(&self, heads: Heads, device: &Device) -> Result<(Trainee, FixedParts), TrainError> {
        let (manifest, weights) = (self.manifest, self.weights);
        let [_, side, _] = self.below.shape();
        let config = &manifest.image_encoder;
        let blocks = self.below.blocks();
        let (image, fixed) = tuned_blocks::load(config, blocks, side, weights, device)?;
        let config = &manifest.text_encoder;
        let text = Bert::load(config, None, TEXT, weights, device)?;
        Ok((Trainee { heads, image, text }, fixed))
    }
}

impl Fixed<'_> {
    fn loss(
        &self,
        trainee: &Trainee,
        pictures: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor<1>, TrainError> {
        let (features, own) = (self.start.features, &self.settings.encoders);
        let classes = sample(
            rng,
            features.classes(),
            own.class_pairs.min(features.classes()),
        );
        let (mut views, mut captions, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        for &picture in pictures {
            views.push((picture, rng.random_range(0..self.settings.views)));
            let of = features.captions_of(picture);
            for _ in 0..own.captions {
                captions.push(rng.random_range(of.clone()));
                owners.push(picture);
            }
        }
        let (images, log_probabilities) = self.images(trainee, &views)?;
        let [count, width] = images.dims();
        let images = images
            .unsqueeze_dim::<3>(1)
            .repeat_dim(1, own.captions)
            .reshape([count * own.captions, width]);
        let mut class_images = Vec::with_capacity(classes.len() * width);
        let mut prompts = Vec::with_capacity(classes.len());
        for class in classes {
            features.push_class(class, &mut class_images);
            prompts.push(class);
            owners.push(features.pictures() + class);
        }
        let images = Tensor::cat(vec![images, matrix(class_images, width, &self.device)], 0);
        let sentences = self.sentences(trainee, &captions, &prompts)?;
        let contrast = trainee.heads.loss(images, sentences, &owners);

        let known: Vec<f32> = views
            .iter()
            .flat_map(|&(picture, view)| features.probabilities(picture, view))
            .copied()
            .collect();
        let known = matrix(known, features.classes(), &self.device);
        let forgotten = -(known * log_probabilities).sum_dim(1).mean();
        Ok(contrast + forgotten * own.class_weight)
    }

    /// What the aligner takes of some views, and logarithms of the probabilities of their classes.
    fn images(
        &self,
        trainee: &Trainee,
        views: &[(usize, usize)],
    ) -> Result<(Tensor<2>, Tensor<2>), TrainError> {
        let (below, count) = (self.start.below, self.start.features.views());
        let [channels, height, width] = below.shape();
        let mut maps = Vec::with_capacity(views.len() * below.width());
        for &(picture, view) in views {
            let record = picture * count + view;
            maps.extend(below.read(record..record + 1)?);
        }
        let shape = [views.len(), channels, height * width];
        let maps = Tensor::<3>::from_data(TensorData::new(maps, shape), &self.device);
        let maps = trainee.image.forward(maps.swap_dims(0, 1), &self.parts);
        let [mean, peaks] = pool(maps)?;
        let logits = self.classifier.forward(mean.clone());
        let scale = f64::from(self.class_names.dims()[1] as u32).sqrt();
        let meaning = softmax(logits.clone(), 1).matmul(self.class_names.clone()) * scale;
        Ok((
            Tensor::cat(vec![mean, peaks, meaning], 1),
            log_softmax(logits, 1),
        ))
    }

    /// What the aligner takes of some captions, followed by that of the names of some classes.
    fn sentences(
        &self,
        trainee: &Trainee,
        captions: &[usize],
        classes: &[usize],
    ) -> Result<Tensor<2>, TrainError> {
        let features = self.start.features;
        let known = features.sentences();
        let of_captions = captions.iter().map(|&caption| known.tokens(caption));
        let of_classes = classes.iter().map(|&class| features.class_tokens(class));
        let rows: Vec<&[u32]> = of_captions.chain(of_classes).collect();
        let mut by_length: Vec<usize> = (0..rows.len()).collect();
        by_length.sort_by_key(|&row| rows[row].len());
        let mut vectors = Vec::new();
        for part in by_length.chunks(PART) {
            let ids: Vec<Vec<u32>> = part.iter().map(|&row| rows[row].to_vec()).collect();
            let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
            let embeddings = self.start.sentence.embeddings(&ids, &self.device);
            let hidden = trainee.text.forward(embeddings, &lengths, None);
            vectors.push(mean_states(hidden, &lengths));
        }
        let mut places = vec![0; rows.len()];
        for (place, &row) in by_length.iter().enumerate() {
            places[row] = place as i32;
        }
        let places = Tensor::<1, Int>::from_data(places.as_slice(), &self.device);
        let vectors = Tensor::cat(vectors, 0).select(0, places);
        let width = known.width();
        let mut words = Vec::new();
        for &caption in captions {
            words.extend_from_slice(&known.features(caption)[width..]);
        }
        for &class in classes {
            words.extend_from_slice(&features.class_sentence(class)[width..]);
        }
        if words.is_empty() {
            return Ok(vectors);
        }
        let words = matrix(words, width, &self.device);
        Ok(Tensor::cat(vec![vectors, words], 1))
    }

    /// Held-out recall.
    fn score(&self, trainee: &Trainee) -> Result<f32, TrainError> {
        let features = self.start.features;
        let device = self.plain;
        let mut images = Vec::new();
        for pictures in features.held_out_captioned().chunks(PICTURES) {
            let views: Vec<(usize, usize)> = pictures.iter().map(|&picture| (picture, 0)).collect();
            images.extend(host(self.images(trainee, &views)?.0)?);
        }
        let mut sentences = Vec::new();
        for captions in features.held_out_captions().chunks(8 * PART) {
            sentences.extend(host(self.sentences(trainee, captions, &[])?)?);
        }
        let aligner = trainee.heads.aligner.valid();
        let config = &self.start.manifest.aligner;
        let images = matrix(images, config.image_features, device);
        let sentences = matrix(sentences, config.text_inputs(), device);
        alignment::recall(&aligner, features, images, sentences)
    }
}
