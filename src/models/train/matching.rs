//! Training of the alignment encoder on cached states and image tokens (paper section 3.3, Image-Text Matching).

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::TrainError;
use super::base::BaseHeads;
use super::checkpoint::read_module;
use super::learned::Learned;
use super::matching_data::{Batch, Drawn, MatchingData};
use super::matching_score::MatchingScores;
use super::moments::Moments;
use super::objectives::grouped;
use super::pretrained::Pretrained;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::stored::{StoredTensor, stored};
use crate::models::manifest::Manifest;
use crate::models::matcher::{MatchTokens, Matcher, MatcherConfig};
use crate::models::weights::Weights;

/// Where the weight of the cosine is stored.
const COSINE: &str = "matcher.cosine_weight";
/// Pictures whose tokens are measured before the first step.
const MEASURED: usize = 1024;

/// The alignment encoder with what only training needs.
#[derive(Debug, Module)]
struct Trainee {
    tokens: MatchTokens,
    matcher: Matcher,
}

impl Trainee {
    /// From a bundle's alignment encoder, or from the start.
    fn load(
        manifest: &Manifest,
        config: &MatcherConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut matcher = Matcher::load(config, &manifest.text_encoder, weights, device)?;
        if weights.has(COSINE) {
            matcher.head = scaled(matcher.head, weights.values(COSINE, &[1])?[0]);
        }
        Ok(Self {
            tokens: MatchTokens::load(config, &manifest.image_encoder, weights, device)?,
            matcher,
        })
    }

    /// How well the pairs of each group are told apart, on average. The cosine has no part in it: the contrastive heads know the
    /// training pictures by heart, and with their help nothing would be left to learn.
    fn loss(&self, batch: Batch) -> Tensor<1> {
        let images = self.matcher.images(&self.tokens.forward(batch.tokens));
        let groups = batch.lengths.len() / batch.size;
        let logits = self
            .matcher
            .logits(batch.states, &batch.lengths, &images, groups);
        let lead = logits.clone().narrow(1, 1, 1) - logits.narrow(1, 0, 1);
        let [pairs, _] = lead.dims();
        grouped(lead.reshape([pairs / batch.size, batch.size]))
    }

    /// The tensors that [`MatchTokens`] and [`Matcher`] load.
    fn stored(
        &self,
        config: &MatcherConfig,
        layers: usize,
    ) -> Result<Vec<StoredTensor>, TrainError> {
        let first = layers - config.num_hidden_layers;
        let mut tensors = stored("matcher.tokens", &self.tokens)?;
        for mut tensor in stored("matcher", &self.matcher)? {
            for layer in (0..config.num_hidden_layers).rev() {
                let (here, there) = (
                    format!("matcher.layers.layers.{layer}."),
                    format!("matcher.encoder.layer.{}.", first + layer),
                );
                tensor.name = tensor.name.replace(&here, &there);
            }
            tensors.push(tensor);
        }
        Ok(tensors)
    }
}

/// What an alignment encoder is made from beside the data.
pub(crate) struct Start<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) base: &'a BaseHeads<'a>,
    /// Weights of the encoders below it.
    pub(crate) backbones: &'a [u8],
}

/// Trains the alignment encoder of the manifest, that of the base further where the settings say so, going on from a checkpoint
/// in `folder`, and returns the tensors of the best epoch, as they are stored in a bundle.
pub(crate) fn train(
    data: &MatchingData<'_>,
    start: &Start<'_>,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Vec<StoredTensor>, TrainError> {
    let &Start {
        manifest,
        base,
        backbones,
    } = start;
    let Some(config) = &manifest.matcher else {
        return Ok(Vec::new());
    };
    let bytes = base.matching_file(settings, backbones)?;
    let weights = &base.matching_start(settings, &bytes)?;
    let own = &settings.matching;
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let measured = match base.continues_matching(settings) {
        true => None,
        false => Some(moments(data)?),
    };
    let load = || -> Result<Trainee, TrainError> {
        let mut trainee = Trainee::load(manifest, config, weights, &training_device)?;
        if let Some(measured) = &measured {
            trainee.tokens.statistics = measured.statistics(&training_device);
        }
        Ok(trainee)
    };
    let layers = manifest.text_encoder.num_hidden_layers;
    let items: Vec<usize> = (0..data.training.len()).collect();
    let stage = Stage {
        name: "matching",
        metric: "held-out text-to-image R@1 after matching",
        items: &items,
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: base.continues_matching(settings),
        pretrained: measured.is_some().then_some(Pretrained {
            is: is_text_layer,
            rate: own.pretrained_rate,
        }),
        origin: format!("{}{}", blake3::hash(&bytes).to_hex(), data.origin()),
        folder,
        device: &training_device,
    };
    let learn = |trainee: &Trainee, draw: Draw<'_>| {
        let groups = draw.items.len() as f32;
        let drawn = Drawn::sample(data, draw, settings);
        Learned::of_parts(trainee, drawn, &training_device, |trainee, drawn| {
            let share = drawn.groups() as f32 / groups;
            let batch = drawn.read(data.features, own.dropout, &training_device)?;
            Ok(Learned::of(trainee.loss(batch) * share, trainee)?)
        })
    };
    let weighed = |trainee: &Trainee| -> Result<_, TrainError> {
        let tensors = trainee.stored(config, layers)?;
        let scores = MatchingScores::new(data, manifest, config, &tensors, device)?;
        let (weight, recall) = scores.best_weight();
        Ok((ranking(tensors, weight, scores.offset()), recall))
    };
    let score = |trainee: &Trainee| Ok((weighed(trainee)?.1, trainee.clone()));
    stage.train_by(load()?, progress, learn, score)?;
    let best = read_module(&stage.best(), load()?)?;
    Ok(weighed(&best)?.0)
}

/// Whether a parameter of [`Trainee`] comes from the text encoder.
fn is_text_layer(path: &str) -> bool {
    path.starts_with("matcher.layers.") && !path.contains("crossattention")
}

/// Moments of the image tokens of training pictures, drawn evenly.
fn moments(data: &MatchingData<'_>) -> Result<Moments, TrainError> {
    let features = data.features;
    let mut moments = Moments::new(features.channels(), features.channels());
    let pictures = data.training.pictures();
    let mut tokens = Vec::new();
    for &picture in pictures
        .iter()
        .step_by(pictures.len().div_ceil(MEASURED).max(1))
    {
        tokens.clear();
        features.push_tokens(picture, 0, &mut tokens)?;
        for token in tokens.chunks_exact(features.channels()) {
            moments.add(token);
        }
    }
    Ok(moments)
}

/// The head scaled so that candidates are ranked by its second logit plus the cosine, which is how they are ranked whatever
/// the model (BLIP's evaluation). The difference of the two logits, from which the probability comes, grows by `offset`.
///
/// The weight of the cosine beside that difference is kept for those who train the head further.
fn ranking(mut tensors: Vec<StoredTensor>, weight: f32, offset: f32) -> Vec<StoredTensor> {
    for tensor in &mut tensors {
        let offset = match tensor.name.as_str() {
            "matcher.head.weight" => 0.0,
            "matcher.head.bias" => offset,
            _ => continue,
        };
        for pair in tensor.values.chunks_exact_mut(2) {
            let lead = pair[1] - pair[0] + offset;
            pair[1] = lead / weight;
            pair[0] = pair[1] - lead;
        }
    }
    tensors.push(StoredTensor {
        name: COSINE.to_owned(),
        shape: vec![1],
        values: vec![weight],
    });
    tensors
}

/// A head that [`ranking`] has scaled, as it was, but for what both logits have in common.
fn scaled(head: Linear, weight: f32) -> Linear {
    let scale = |outputs: Tensor<2>| {
        let lead = outputs.narrow(1, 1, 1) * weight;
        Tensor::cat(vec![lead.zeros_like(), lead], 1).detach()
    };
    Linear {
        weight: Param::from_tensor(scale(head.weight.val())),
        bias: head.bias.map(|bias| {
            let bias = scale(bias.val().unsqueeze::<2>());
            Param::from_tensor(bias.squeeze_dim::<1>(0))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::backbone::host;
    use crate::models::builtin;
    use crate::models::generated::uniform;
    use crate::models::golden::assert_close;
    use crate::models::initial::Nothing;
    use crate::models::train::export::Heads;
    use crate::models::weights::Layout;
    use burn::optim::GradientsParams;
    use burn::tensor::TensorData;

    fn random(key: &str, shape: [usize; 3], device: &Device) -> Tensor<3> {
        let values = uniform(key, shape.iter().product()).map(|value| value as f32);
        Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), shape), device)
    }

    #[test]
    fn what_is_stored_says_what_was_trained() {
        let bytes = builtin::file(Manifest::FILE);
        let manifest = Manifest::parse(Manifest::FILE, bytes).unwrap();
        let config = MatcherConfig {
            num_hidden_layers: 2,
            token_width: 64,
        };
        let (host_device, training) = (Device::flex(), Device::flex().autodiff());
        let start = Weights::new(Nothing, Layout::Burn).or_initial(3);
        let mut trainee = Trainee::load(&manifest, &config, &start, &training).unwrap();
        let channels = manifest.image_encoder.features;
        let mut moments = Moments::new(channels, channels);
        for row in ["this", "that", "another"] {
            let values = uniform(row, channels).map(|value| value as f32);
            moments.add(&values.collect::<Vec<f32>>());
        }
        trainee.tokens.statistics = moments.statistics(&training);
        let those = Pretrained {
            is: is_text_layer,
            rate: 0.5,
        };
        let tokens = trainee
            .tokens
            .forward(random("image", [1, 65, 1280], &training));
        let images = trainee.matcher.images(&tokens);
        let logits =
            trainee
                .matcher
                .logits(random("states", [1, 7, 384], &training), &[7], &images, 1);
        let mut gradients = GradientsParams::from_grads(logits.sum().backward(), &trainee);
        let all = gradients.len();
        let taken = those.take(&trainee, &mut gradients).len();
        // Six linear layers and two norms in each of two layers.
        assert_eq!((taken, gradients.len()), (2 * 2 * (6 + 2), all - taken));
        let layers = manifest.text_encoder.num_hidden_layers;
        let mut heads = Heads::default();
        heads
            .stored(&trainee.stored(&config, layers).unwrap())
            .unwrap();
        let bytes = heads.into_bytes().unwrap();
        let weights = Weights::parse("matcher", &bytes).unwrap();
        let tokens =
            MatchTokens::load(&config, &manifest.image_encoder, &weights, &host_device).unwrap();
        let text = &manifest.text_encoder;
        let matcher = Matcher::load(&config, text, &weights, &host_device).unwrap();
        weights.finish().unwrap();

        let logits = |tokens: &MatchTokens, matcher: &Matcher, device: &Device| {
            let image = tokens.forward(random("image", [2, 65, 1280], device));
            let states = random("states", [2, 7, 384], device);
            host(matcher.logits(states, &[7, 5], &matcher.images(&image), 2)).unwrap()
        };
        let found = logits(&tokens, &matcher, &host_device);
        let expected = logits(&trainee.tokens, &trainee.matcher, &training);
        // Parameters were rounded to eight bits.
        assert_close(&found, &expected, 3e-2, "logits");
        assert!((expected[1] - expected[3]).abs() > 0.05, "{expected:?}");
    }

    #[test]
    fn the_head_is_scaled_to_the_cosine_and_keeps_its_odds() {
        let tensor = |name: &str, values: &[f32]| StoredTensor {
            name: name.to_owned(),
            shape: vec![values.len()],
            values: values.to_vec(),
        };
        let found = ranking(
            vec![
                tensor("matcher.tokens.norm.weight", &[1.0, 2.0]),
                tensor("matcher.head.weight", &[1.0, 5.0]),
                tensor("matcher.head.bias", &[1.0, 5.0]),
            ],
            20.0,
            2.0,
        );
        assert_eq!(found[0].values, [1.0, 2.0]);
        assert_eq!(found[1].values, [-3.8, 0.2]);
        assert_eq!(found[2].values, [-5.7, 0.3]);
        assert_eq!((found[3].name.as_str(), found[3].values[0]), (COSINE, 20.0));
        let device = Device::flex();
        let head = Linear {
            weight: Param::from_tensor(Tensor::from_floats([[-3.75, 0.25]], &device)),
            bias: Some(Param::from_tensor(Tensor::from_floats(
                [-3.75, 0.25],
                &device,
            ))),
        };
        let head = scaled(head, 20.0);
        assert_eq!(host(head.weight.val()).unwrap(), [0.0, 5.0]);
        assert_eq!(host(head.bias.unwrap().val()).unwrap(), [0.0, 5.0]);
    }
}
