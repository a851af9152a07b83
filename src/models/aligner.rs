//! The image-text contrastive heads (paper section 3.3, Image-Text Alignment, the coarse-grained part): both encoders
//! projected to one space in which the cosine is the similarity.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};

use burn::tensor::{Device, Tensor};
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
}

impl AlignerConfig {
    /// Heads with random weights, to train.
    pub(crate) fn init(&self, device: &Device) -> Aligner {
        Aligner {
            image_norm: LayerNormConfig::new(self.image_features).init(device),
            image_hidden: LinearConfig::new(self.image_features, self.hidden).init(device),
            image_output: LinearConfig::new(self.hidden, self.embed_dim).init(device),
            text_output: LinearConfig::new(self.text_features, self.embed_dim).init(device),
        }
    }
}

/// Image and text projections.
#[derive(Debug, Module)]
pub(crate) struct Aligner {
    pub(crate) image_norm: LayerNorm,
    pub(crate) image_hidden: Linear,
    pub(crate) image_output: Linear,
    pub(crate) text_output: Linear,
}

impl Aligner {
    /// Takes `aligner.*` from `weights`.
    pub(crate) fn load(
        config: &AlignerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            image_norm: weights.layer_norm(
                "aligner.image_norm",
                config.image_features,
                1e-5,
                device,
            )?,
            image_hidden: weights.linear(
                "aligner.image_hidden",
                config.image_features,
                config.hidden,
                device,
            )?,
            image_output: weights.linear(
                "aligner.image_output",
                config.hidden,
                config.embed_dim,
                device,
            )?,
            text_output: weights.linear(
                "aligner.text_output",
                config.text_features,
                config.embed_dim,
                device,
            )?,
        })
    }

    /// Pooled image features `[B, image_features]` to unit vectors `[B, embed_dim]`.
    pub(crate) fn image(&self, pooled: Tensor<2>) -> Tensor<2> {
        let hidden = gelu(self.image_hidden.forward(self.image_norm.forward(pooled)));
        unit(self.image_output.forward(hidden))
    }

    /// Sentence vectors `[B, text_features]` to unit vectors `[B, embed_dim]`.
    pub(crate) fn text(&self, sentence: Tensor<2>) -> Tensor<2> {
        unit(self.text_output.forward(sentence))
    }
}

/// Rows scaled to unit length.
pub(crate) fn unit(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
    x / norm
}
