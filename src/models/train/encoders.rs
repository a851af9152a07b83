//! Tuning of both encoders with the contrastive heads above them.
//!
//! Heads that are trained already come first: random ones would pull the encoders apart before they say anything. The image
//! encoder is tuned in its uppermost blocks and goes on knowing its classes; the text encoder is tuned as a whole, but for its
//! table of words.

mod step;

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

use super::alignment::{self, Trainee as Heads};
use super::below::Below;
use super::checkpoint::read_module;
use super::features::Features;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::stored::{StoredTensor, stored};
use super::tuned_blocks::{FixedParts, TunedBlocks};
use super::{TrainError, matrix, tuned_blocks};
use crate::models::aligner::Aligner;
use crate::models::manifest::Manifest;
use crate::models::nn::Bert;
use crate::models::sentence::SentenceEncoder;
use crate::models::weights::Weights;
use step::Fixed;

const TEXT: &str = "text_encoder";

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
        manifest,
        features,
        below: start.below,
        sentence: start.sentence,
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
    let items = features.training_pictures(own.names);
    let stage = Stage {
        name: "encoders",
        metric: alignment::METRIC,
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
    let learn =
        |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| fixed.learn(trainee, items, rng);
    let score = |trainee: &Trainee| Ok((fixed.score(trainee)?, trainee.clone()));
    stage.train_by(trainee, progress, learn, score)?;
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
