//! The layers that the recognition decoders have in common (Query2Label): cross-attention, residual, norm, feed-forward,
//! residual, norm. Labels do not see each other.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

use crate::models::ModelError;
use crate::models::nn::{CrossLayer, CrossLayerConfig, KeysValues, Rows};
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

const EPSILON: f64 = 1e-12;

/// Labels that are decoded together. As they do not see each other, any part of them can be decoded by itself; this many keep
/// the widest activation, that of the feed-forward layer, at a few megabytes a picture.
pub(super) const PART: usize = 512;

/// The decoder without its tables.
#[derive(Debug, Module)]
pub(crate) struct TaggingHead {
    pub(super) layers: Vec<CrossLayer>,
    pub(super) heads: usize,
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
        let widths = CrossLayerConfig {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            encoder_width: Some(config.encoder_width),
            layer_norm_eps: EPSILON,
        };
        let layers = (0..config.num_hidden_layers).map(|i| {
            let prefix = format!("{prefix}.encoder.layer.{i}");
            CrossLayer::load(&widths, &prefix, weights, device)
        });
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// The decoder that `layers` of a tag encoder are, cut into `heads`.
    #[cfg(feature = "train")]
    pub(crate) fn tied(layers: Vec<CrossLayer>, heads: usize) -> Self {
        Self { layers, heads }
    }

    /// What the layers look at in image tokens `[B, N, encoder_width]`.
    pub(super) fn keys_values(&self, tokens: &Tensor<3>) -> Vec<KeysValues> {
        let batch = tokens.dims()[0];
        let dtype = self.layers.first().map_or(DType::F32, CrossLayer::dtype);
        let tokens = Rows::new(tokens.clone().cast(dtype));
        let layers = self.layers.iter();
        layers
            .filter_map(|layer| layer.keys_values(&tokens, batch))
            .collect()
    }

    /// Queries `[B, K, hidden]` to embedded tags of the same shape.
    pub(super) fn decode(&self, queries: Tensor<3>, tokens: &[KeysValues]) -> Tensor<3> {
        let (batch, device) = (queries.dims()[0], queries.device());
        let layers = self.layers.iter().zip(tokens);
        layers
            .fold(Rows::new(queries), |x, (layer, tokens)| {
                layer.forward(x, Some(tokens), self.heads)
            })
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
        let batch = tokens.dims()[0];
        let tokens = self.keys_values(tokens);
        let [sets, tags, width] = queries.dims();
        let parts = (0..tags).step_by(PART).map(|start| {
            let range = start..tags.min(start + PART);
            let part = queries.clone().slice([0..sets, range.clone(), 0..width]);
            let part = part.expand([batch, range.len(), width]);
            logits(self.decode(part, &tokens), range)
        });
        Tensor::cat(parts.collect(), 1)
    }
}
