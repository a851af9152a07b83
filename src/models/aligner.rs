//! The image-text contrastive heads (paper section 3.3, Image-Text Alignment, the coarse-grained part): both encoders
//! projected to one space in which the cosine is the similarity.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
#[cfg(feature = "train")]
use burn::nn::{LayerNormConfig, LinearConfig};
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::nn::gelu;
use super::weights::Weights;

/// Widths of the two projections.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct AlignerConfig {
    /// Width of the shared space.
    pub(crate) embed_dim: usize,
    /// Width between the two layers of the image projection.
    pub(crate) hidden: usize,
    /// Channels of the pooled image features.
    pub(crate) image_features: usize,
    /// Channels of the sentence vector.
    pub(crate) text_features: usize,
    /// Whether image features are brought to one scale first: see [`Statistics`].
    #[serde(default)]
    pub(crate) standardised: bool,
    /// Whether the words of a sentence are looked at beside its vector: see [`TextProjection::word_weights`].
    #[serde(default)]
    pub(crate) words: bool,
}

impl AlignerConfig {
    /// What the text projection takes: the sentence vector, and the mean word where words are looked at.
    pub(crate) fn text_inputs(&self) -> usize {
        self.text_features * if self.words { 2 } else { 1 }
    }

    /// Heads with random weights, to train on image features of these `statistics` and on words of these weights.
    #[cfg(feature = "train")]
    pub(crate) fn init(
        &self,
        statistics: Option<Statistics>,
        word_weights: Option<Vec<f32>>,
        device: &Device,
    ) -> Aligner {
        Aligner {
            image: ImageProjection {
                statistics,
                norm: LayerNormConfig::new(self.image_features).init(device),
                hidden: LinearConfig::new(self.image_features, self.hidden).init(device),
                output: LinearConfig::new(self.hidden, self.embed_dim).init(device),
            },
            text: TextProjection {
                word_weights,
                output: LinearConfig::new(self.text_inputs(), self.embed_dim).init(device),
            },
        }
    }
}

/// Both projections, as they are trained.
#[derive(Debug, Module)]
pub(crate) struct Aligner {
    pub(crate) image: ImageProjection,
    pub(crate) text: TextProjection,
}

/// Mean and spread of each image feature over the training pictures.
///
/// Most channels of the image encoder are zero in most pictures and now and then very large, some a hundred times as large as
/// others. The square root tames the large ones, and without a common scale a few channels decide.
#[derive(Debug, Module)]
pub(crate) struct Statistics {
    /// `[C]`, of the square roots.
    pub(crate) mean: Param<Tensor<1>>,
    /// `[C]`: one over standard deviation.
    pub(crate) scale: Param<Tensor<1>>,
    /// The first channels, which are those of the image encoder: what follows them has no square root.
    pub(crate) rooted: usize,
}

impl Statistics {
    /// Mean and scale, which are measured and never trained.
    pub(crate) fn new(mean: Tensor<1>, scale: Tensor<1>, rooted: usize) -> Self {
        let fixed = |tensor| Param::from_tensor(tensor).set_require_grad(false);
        Self {
            mean: fixed(mean),
            scale: fixed(scale),
            rooted,
        }
    }

    /// Features `[B, C]`.
    pub(crate) fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        /// Below it a square root is all slope, and where it is zero its gradient is infinite.
        const LEAST: f32 = 1e-6;
        let [_, width] = features.dims();
        let mut parts = features.split_with_sizes(vec![self.rooted, width - self.rooted], 1);
        parts[0] = parts[0].clone().clamp_min(LEAST).sqrt();
        let x = Tensor::cat(parts, 1);
        (x - self.mean.val().unsqueeze::<2>()) * self.scale.val().unsqueeze::<2>()
    }
}

/// From pooled image features to the shared space.
#[derive(Debug, Module)]
pub(crate) struct ImageProjection {
    pub(crate) statistics: Option<Statistics>,
    pub(crate) norm: LayerNorm,
    pub(crate) hidden: Linear,
    pub(crate) output: Linear,
}

/// From what is known of a sentence to the shared space.
#[derive(Debug, Module)]
pub(crate) struct TextProjection {
    /// Weight of each word of the text encoder's vocabulary in the mean of a sentence's words, which then follows its vector:
    /// the inverse document frequency. A sentence vector tells what is meant, and loses which rare word said it.
    #[module(skip)]
    pub(crate) word_weights: Option<Vec<f32>>,
    pub(crate) output: Linear,
}

impl ImageProjection {
    /// Takes `aligner.image_*` from `weights`.
    pub(crate) fn load(
        config: &AlignerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (features, hidden) = (config.image_features, config.hidden);
        let values = |part: &str| {
            let name = format!("aligner.image_statistics.{part}");
            weights.tensor(&name, [features], device)
        };
        let rooted = features.saturating_sub(config.text_features);
        Ok(Self {
            statistics: match config.standardised {
                true => Some(Statistics::new(values("mean")?, values("scale")?, rooted)),
                false => None,
            },
            norm: weights.layer_norm("aligner.image_norm", features, 1e-5, device)?,
            hidden: weights.linear("aligner.image_hidden", features, hidden, device)?,
            output: weights.linear("aligner.image_output", hidden, config.embed_dim, device)?,
        })
    }

    /// Pooled image features `[B, image_features]`, all of one scale.
    pub(crate) fn normal(&self, pooled: Tensor<2>) -> Tensor<2> {
        let pooled = match &self.statistics {
            Some(statistics) => statistics.forward(pooled),
            None => pooled,
        };
        self.norm.forward(pooled)
    }

    /// Pooled image features `[B, image_features]` to unit vectors `[B, embed_dim]`.
    pub(crate) fn forward(&self, pooled: Tensor<2>) -> Tensor<2> {
        let hidden = gelu(self.hidden.forward(self.normal(pooled)));
        unit(self.output.forward(hidden))
    }
}

impl TextProjection {
    /// Takes `aligner.text_output` and `aligner.word_weights` from `weights`. `vocabulary` counts the words of the text encoder.
    pub(crate) fn load(
        config: &AlignerConfig,
        vocabulary: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (features, width) = (config.text_inputs(), config.embed_dim);
        let words = || weights.values("aligner.word_weights", &[vocabulary]);
        Ok(Self {
            word_weights: config.words.then(words).transpose()?,
            output: weights.linear("aligner.text_output", features, width, device)?,
        })
    }

    /// Sentence features `[B, text_inputs]`, as [`SentenceEncoder::features`](super::sentence::SentenceEncoder::features) makes
    /// them, to unit vectors `[B, embed_dim]`.
    pub(crate) fn forward(&self, sentence: Tensor<2>) -> Tensor<2> {
        unit(self.output.forward(sentence))
    }
}

/// Rows scaled to unit length, in f32: f16 holds neither the squares of large values nor the bound that keeps zeros from
/// being divided by zero.
pub(crate) fn unit(x: Tensor<2>) -> Tensor<2> {
    let dtype = x.dtype();
    let x = x.cast(DType::F32);
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
    (x / norm).cast(dtype)
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;
    use crate::models::golden::{half_device, host};

    #[test]
    fn features_are_rooted_and_brought_to_one_scale() {
        let device = half_device();
        let tensor = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device);
        let statistics = Statistics::new(tensor([1.0, 0.0, 2.0]), tensor([0.5, 1.0, 10.0]), 2);
        let rows = Tensor::<2>::from_floats([[9.0, -4.0, 4.0]], &device);
        let found = host(statistics.forward(rows));
        for (found, expected) in found.into_iter().zip([1.0, 1e-3, 20.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn f16_rows_of_large_values_and_of_zeros_become_unit_vectors_and_zeros() {
        let rows = Tensor::<2>::from_floats([[3000.0, 4000.0], [0.0, 0.0]], &half_device());
        let found = unit(rows.cast(DType::F16));
        assert_eq!(found.dtype(), DType::F16);
        for (found, expected) in host(found).into_iter().zip([0.6f32, 0.8, 0.0, 0.0]) {
            assert!((found - expected).abs() < 5e-4, "{found} {expected}");
        }
    }
}
