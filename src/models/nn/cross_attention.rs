//! The decoder layer of the image-tag recognition decoder (Query2Label; paper section 3.3).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};

use burn::tensor::{Device, Tensor};

use super::{Attention, gelu};
use crate::models::ModelError;
use crate::models::weights::Weights;

/// The reference's BERT layer-norm epsilon.
const EPSILON: f64 = 1e-12;

/// Shape of a decoder layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecoderLayerConfig {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    /// Channels of the tokens that keys and values are made from.
    pub(crate) encoder_width: usize,
}

/// Cross-attention, residual, norm, feed-forward, residual, norm. There is no self-attention between labels.
#[derive(Debug, Module)]
pub(crate) struct DecoderLayer {
    pub(crate) crossattention: Attention,
    pub(crate) crossattention_norm: LayerNorm,
    pub(crate) intermediate: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: LayerNorm,
}

impl DecoderLayer {
    pub(crate) fn load(
        prefix: &str,
        config: DecoderLayerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let norm =
            |name: &str| weights.layer_norm(&format!("{prefix}.{name}"), width, EPSILON, device);
        Ok(Self {
            crossattention: Attention::load(
                &format!("{prefix}.crossattention"),
                width,
                config.encoder_width,
                config.num_attention_heads,
                weights,
                device,
            )?,
            crossattention_norm: norm("crossattention.output.LayerNorm")?,
            intermediate: weights.linear(
                &format!("{prefix}.intermediate.dense"),
                width,
                inner,
                device,
            )?,
            output: weights.linear(&format!("{prefix}.output.dense"), inner, width, device)?,
            output_norm: norm("output.LayerNorm")?,
        })
    }

    /// Queries `[1 or B, Q, C]` and tokens `[B, N, encoder_width]` to `[B, Q, C]`.
    pub(crate) fn forward(&self, queries: Tensor<3>, tokens: Tensor<3>) -> Tensor<3> {
        let tokens = self.crossattention.keys_values(tokens);
        let attended = self.crossattention.attend(queries.clone(), &tokens);
        let x = self.crossattention_norm.forward(queries + attended);
        let hidden = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
        self.output_norm.forward(x + hidden)
    }
}
