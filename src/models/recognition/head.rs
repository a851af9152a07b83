//! The layers that the recognition decoders have in common (Query2Label): cross-attention, residual, norm, feed-forward,
//! residual, norm. Labels do not see each other.

use std::ops::Range;

use burn::tensor::{Device, Tensor};

use crate::models::ModelError;
use crate::models::nn::{LayerNorm, Linear, Rows, attention};
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

const EPSILON: f64 = 1e-12;

/// Labels that are decoded together. As they do not see each other, any part of them can be decoded by itself; this many keep
/// the widest activation, that of the feed-forward layer, at a few megabytes a picture.
pub(super) const PART: usize = 512;

#[derive(Debug)]
pub(super) struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    heads: usize,
}

/// What a layer looks at: keys and values of the image tokens of each picture.
#[derive(Debug)]
pub(super) struct KeysValues {
    keys: Rows,
    values: Rows,
    batch: usize,
}

impl Layer {
    fn load(
        config: &TaggerConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let linear = |name: &str, input, output| {
            Linear::load(&format!("{prefix}.{name}"), input, output, weights, device)
        };
        let norm = |name: &str| {
            LayerNorm::load(&format!("{prefix}.{name}"), width, EPSILON, weights, device)
        };
        Ok(Self {
            query: linear("crossattention.self.query", width, width)?,
            key: linear("crossattention.self.key", config.encoder_width, width)?,
            value: linear("crossattention.self.value", config.encoder_width, width)?,
            attention_output: linear("crossattention.output.dense", width, width)?,
            attention_norm: norm("crossattention.output.LayerNorm")?,
            intermediate: linear("intermediate.dense", width, inner)?,
            output: linear("output.dense", inner, width)?,
            output_norm: norm("output.LayerNorm")?,
            heads: config.num_attention_heads,
        })
    }

    /// Labels `[B * K, hidden]`, those of a picture in a row.
    pub(super) fn cross_attention(&self, x: Rows, tokens: &KeysValues) -> Rows {
        let KeysValues {
            keys,
            values,
            batch,
        } = tokens;
        let query = self.query.forward(&x);
        let seen = attention(query, *batch, keys, values, *batch, self.heads, None);
        self.attention_norm
            .forward(&self.attention_output.add_to(x, &seen))
    }

    pub(super) fn forward(&self, x: Rows, tokens: &KeysValues) -> Rows {
        let x = self.cross_attention(x, tokens);
        let hidden = self.intermediate.forward_gelu(&x);
        self.output_norm.forward(&self.output.add_to(x, &hidden))
    }
}

/// The decoder without its tables.
#[derive(Debug)]
pub(super) struct TaggingHead {
    pub(super) layers: Vec<Layer>,
}

impl TaggingHead {
    /// Takes `tagging_head.encoder.layer.*`; in a file that stores tied tensors once, the layers of the tag encoder that they
    /// are tied to.
    pub(super) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let own = weights.has("tagging_head.encoder.layer.0.output.dense.weight");
        let prefix = if own { "tagging_head" } else { "tag_encoder" };
        let layers = (0..config.num_hidden_layers).map(|i| {
            let prefix = format!("{prefix}.encoder.layer.{i}");
            Layer::load(config, &prefix, weights, device)
        });
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// What the layers look at in image tokens `[B, N, encoder_width]`.
    pub(super) fn keys_values(&self, tokens: &Tensor<3>) -> Vec<KeysValues> {
        let batch = tokens.dims()[0];
        let tokens = Rows::new(tokens.clone());
        let layers = self.layers.iter().map(|layer| KeysValues {
            keys: layer.key.forward(&tokens),
            values: layer.value.forward(&tokens),
            batch,
        });
        layers.collect()
    }

    /// Queries `[1 or B, K, hidden]` to embedded tags `[B, K, hidden]`.
    pub(super) fn decode(&self, queries: Tensor<3>, tokens: &[KeysValues]) -> Tensor<3> {
        let [_, count, width] = queries.dims();
        let device = queries.device();
        let batch = tokens.first().map_or(1, |tokens| tokens.batch);
        let queries = Rows::new(queries.expand([batch, count, width]));
        let layers = self.layers.iter().zip(tokens);
        layers
            .fold(queries, |x, (layer, tokens)| layer.forward(x, tokens))
            .into_tensor(batch, &device)
    }

    /// Logits `[B, T]` of tags with `queries` `[1 or B, T, hidden]` in pictures with `tokens` `[B, N, encoder_width]`.
    /// `logits` makes them of the embedded tags `[B, K, hidden]` of a range.
    pub(super) fn logits(
        &self,
        queries: Tensor<3>,
        tokens: &Tensor<3>,
        logits: impl Fn(Tensor<3>, Range<usize>) -> Tensor<2>,
    ) -> Tensor<2> {
        let tokens = self.keys_values(tokens);
        let [sets, tags, width] = queries.dims();
        let parts = (0..tags).step_by(PART).map(|start| {
            let range = start..tags.min(start + PART);
            let part = queries.clone().slice([0..sets, range.clone(), 0..width]);
            logits(self.decode(part, &tokens), range)
        });
        Tensor::cat(parts.collect(), 1)
    }
}
