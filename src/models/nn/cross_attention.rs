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

/// Keys and values of the tokens that are looked at, `[B, heads, N, C / heads]` each.
#[derive(Clone, Debug)]
pub(crate) struct KeysValues {
    keys: Tensor<4>,
    values: Tensor<4>,
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

    /// What queries need of tokens `[B, N, encoder_width]`: made once, however many queries look at them.
    pub(crate) fn keys_values(&self, tokens: Tensor<3>) -> KeysValues {
        // Laid out head by head here, or every use would do it again.
        let split = |t: Tensor<3>| {
            let split = self.split(t);
            let shape = split.dims();
            split.reshape(shape)
        };
        KeysValues {
            keys: split(self.key.forward(tokens.clone())),
            values: split(self.value.forward(tokens)),
        }
    }

    /// `[B, N, C]` to `[B, heads, N, C / heads]`.
    fn split(&self, t: Tensor<3>) -> Tensor<4> {
        let [batch, length, width] = t.dims();
        t.reshape([batch, length, self.heads, width / self.heads])
            .swap_dims(1, 2)
    }

    /// Queries `[S, Q, C]` against `B` sets of tokens, to `[max(S, B), Q, C]`. `S` and `B` are equal, or one of them is 1:
    /// one set of queries serves every image (labels are the same for all, and projected once), and one image serves every
    /// set of queries.
    pub(crate) fn attend(&self, queries: Tensor<3>, tokens: &KeysValues) -> Tensor<3> {
        let [sets, count, width] = queries.dims();
        let [batch, heads, _, head] = tokens.keys.dims();
        // Queries do not see each other, so those that look at one image are one long set: no copy of its keys and values,
        // and one large product instead of several small ones.
        let queries = if batch == 1 {
            queries.reshape([1, sets * count, width])
        } else {
            queries
        };
        let [_, length, _] = queries.dims();
        let query = self
            .split(self.query.forward(queries))
            .expand([batch, heads, length, head]);
        let context = attention(
            query,
            tokens.keys.clone(),
            tokens.values.clone(),
            None,
            None,
            AttentionModuleOptions::default(),
        );
        let context = context
            .swap_dims(1, 2)
            .reshape([sets.max(batch), count, width]);
        self.output.forward(context)
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
        self.decode(queries, &self.crossattention.keys_values(tokens))
    }

    /// The same for tokens whose keys and values are there already.
    pub(crate) fn decode(&self, queries: Tensor<3>, tokens: &KeysValues) -> Tensor<3> {
        let attended = self.crossattention.attend(queries.clone(), tokens);
        let x = self.crossattention_norm.forward(queries + attended);
        let hidden = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
        self.output_norm.forward(x + hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::{Distribution, TensorData};

    fn layer(device: &Device) -> CrossAttention {
        let linear = |input| LinearConfig::new(input, 12).init(device);
        CrossAttention {
            query: linear(12),
            key: linear(20),
            value: linear(20),
            output: linear(12),
            heads: 3,
        }
    }

    fn random(shape: [usize; 3], device: &Device) -> Tensor<3> {
        Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
    }

    fn close(found: TensorData, expected: TensorData) {
        found.assert_approx_eq::<f32>(&expected, burn::tensor::Tolerance::absolute(1e-6));
    }

    #[test]
    fn one_set_of_tokens_serves_every_set_of_queries() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([3, 4, 12], &device), random([1, 5, 20], &device));
        let together = attention.attend(queries.clone(), &attention.keys_values(tokens.clone()));
        assert_eq!(together.dims(), [3, 4, 12]);
        let repeated = tokens.repeat_dim(0, 3);
        let apart = attention.attend(queries, &attention.keys_values(repeated));
        close(together.into_data(), apart.into_data());
    }

    #[test]
    fn one_set_of_queries_serves_every_set_of_tokens() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([1, 4, 12], &device), random([3, 5, 20], &device));
        let tokens = attention.keys_values(tokens);
        let together = attention.attend(queries.clone(), &tokens);
        assert_eq!(together.dims(), [3, 4, 12]);
        let apart = attention.attend(queries.repeat_dim(0, 3), &tokens);
        close(together.into_data(), apart.into_data());
    }
}
