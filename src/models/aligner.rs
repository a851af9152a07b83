//! The image-text contrastive heads (paper section 3.3, Image-Text Alignment, the coarse-grained part): both encoders
//! projected to one space in which the cosine is the similarity.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};

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
}

impl AlignerConfig {
    /// Heads with random weights, to train.
    pub(crate) fn init(&self, device: &Device) -> Aligner {
        Aligner {
            image: ImageProjection {
                norm: LayerNormConfig::new(self.image_features).init(device),
                hidden: LinearConfig::new(self.image_features, self.hidden).init(device),
                output: LinearConfig::new(self.hidden, self.embed_dim).init(device),
            },
            text: TextProjection {
                output: LinearConfig::new(self.text_features, self.embed_dim).init(device),
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

/// From pooled image features to the shared space.
#[derive(Debug, Module)]
pub(crate) struct ImageProjection {
    pub(crate) norm: LayerNorm,
    pub(crate) hidden: Linear,
    pub(crate) output: Linear,
}

/// From a sentence vector to the shared space.
#[derive(Debug, Module)]
pub(crate) struct TextProjection {
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
        Ok(Self {
            norm: weights.layer_norm("aligner.image_norm", features, 1e-5, device)?,
            hidden: weights.linear("aligner.image_hidden", features, hidden, device)?,
            output: weights.linear("aligner.image_output", hidden, config.embed_dim, device)?,
        })
    }

    /// Pooled image features `[B, image_features]` to unit vectors `[B, embed_dim]`.
    pub(crate) fn forward(&self, pooled: Tensor<2>) -> Tensor<2> {
        let hidden = gelu(self.hidden.forward(self.norm.forward(pooled)));
        unit(self.output.forward(hidden))
    }
}

impl TextProjection {
    /// Takes `aligner.text_output` from `weights`.
    pub(crate) fn load(
        config: &AlignerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (features, width) = (config.text_features, config.embed_dim);
        Ok(Self {
            output: weights.linear("aligner.text_output", features, width, device)?,
        })
    }

    /// Sentence vectors `[B, text_features]` to unit vectors `[B, embed_dim]`.
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
    fn f16_rows_of_large_values_and_of_zeros_become_unit_vectors_and_zeros() {
        let rows = Tensor::<2>::from_floats([[3000.0, 4000.0], [0.0, 0.0]], &half_device());
        let found = unit(rows.cast(DType::F16));
        assert_eq!(found.dtype(), DType::F16);
        for (found, expected) in host(found).into_iter().zip([0.6f32, 0.8, 0.0, 0.0]) {
            assert!((found - expected).abs() < 5e-4, "{found} {expected}");
        }
    }
}
