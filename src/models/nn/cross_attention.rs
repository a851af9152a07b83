//! Cross-attention and the decoder layer of the image-tag recognition decoder (Query2Label; paper section 3.3).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};

use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};

use super::gelu;
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

/// Multi-head attention from queries to tokens of another network.
#[derive(Debug, Module)]
pub(crate) struct CrossAttention {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    pub(crate) heads: usize,
}

impl CrossAttention {
    /// Queries of `width` channels, tokens of `encoder_width`.
    pub(crate) fn load(
        prefix: &str,
        width: usize,
        encoder_width: usize,
        heads: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let linear =
            |name: &str, input| weights.linear(&format!("{prefix}.{name}"), input, width, device);
        Ok(Self {
            query: linear("self.query", width)?,
            key: linear("self.key", encoder_width)?,
            value: linear("self.value", encoder_width)?,
            output: linear("output.dense", width)?,
            heads,
        })
    }

    /// Queries `[1 or B, Q, C]` and tokens `[B, N, encoder_width]` to `[B, Q, C]`. A batch of one query set serves every image:
    /// the label queries of the first layer are the same for all, so they are projected once.
    pub(crate) fn forward(&self, queries: Tensor<3>, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, length, _] = tokens.dims();
        let [sets, count, width] = queries.dims();
        let head = width / self.heads;
        let split = |t: Tensor<3>, rows: usize, length: usize| {
            t.reshape([rows, length, self.heads, head]).swap_dims(1, 2)
        };
        let query = split(self.query.forward(queries), sets, count)
            .expand([batch, self.heads, count, head]);
        let context = attention(
            query,
            split(self.key.forward(tokens.clone()), batch, length),
            split(self.value.forward(tokens), batch, length),
            None,
            None,
            AttentionModuleOptions::default(),
        );
        self.output
            .forward(context.swap_dims(1, 2).reshape([batch, count, width]))
    }
}

/// Cross-attention, residual, norm, feed-forward, residual, norm. There is no self-attention between labels.
#[derive(Debug, Module)]
pub(crate) struct DecoderLayer {
    pub(crate) crossattention: CrossAttention,
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
            crossattention: CrossAttention::load(
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
        let attended = self.crossattention.forward(queries.clone(), tokens);
        let x = self.crossattention_norm.forward(queries + attended);
        let hidden = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
        self.output_norm.forward(x + hidden)
    }
}
