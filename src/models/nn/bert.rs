//! BERT (Devlin et al. 2019): post-norm transformer layers over WordPiece tokens, with the cross-attention that BLIP and
//! Tag2Text put between self-attention and feed-forward network.
//!
//! | network | load | run |
//! |---|---|---|
//! | sentence encoder | [`Bert::load`] without `encoder_width` | [`Bert::forward`] |
//! | BLIP text encoder, text alone | [`Bert::load`] with the image encoder's width | [`Bert::forward`] without keys and values: cross-attention is skipped |
//! | BLIP text encoder with images | the same | [`Bert::match_groups`] with the [`Bert::keys_values`] of the image tokens |
//! | Tag2Text tag encoder | [`Bert::load_tied`], whose lowest layers belong to the recognition decoder too | the same |
//! | Tag2Text text decoder | [`Bert::load`] with its own width | [`Bert::decode`], a few tokens at a time, on a [`Cache`] |
//!
//! | the layers of a network, cut in two | [`Bert::load_layers`] | the lower part, then the upper part on its states |
//!
//! Input is the sum of word and position embeddings (see [`Embeddings`](super::Embeddings)); there are no token types.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::causal::{Past, Sight};
use super::cross_layer::{Attention, CrossLayer, CrossLayerConfig, KeysValues};
use super::dot_product::Mask;
use super::layer_norm::LayerNorm;
use super::rows::{Rows, on_host};
use crate::models::ModelError;
use crate::models::weights::Weights;

/// Shape of the network, in the words of a checkpoint's `config.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct BertConfig {
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) layer_norm_eps: f64,
}

/// Self-attention, then a [`CrossLayer`].
#[derive(Debug, Module)]
struct Layer {
    attention: Attention,
    cross: CrossLayer,
}

impl Layer {
    /// Self-attention is found under `prefix`, the rest under `shared`.
    fn load(
        config: &CrossLayerConfig,
        [prefix, shared]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (own, width) = (format!("{prefix}.attention"), config.hidden_size);
        Ok(Self {
            attention: Attention::load(config, width, &own, weights, device)?,
            cross: CrossLayer::load(config, shared, weights, device)?,
        })
    }
}

/// What a decoder remembers, layer by layer: keys and values of the tokens that it has read and of the encoder states that it
/// looks at.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Empty before the first token.
    past: Vec<Past>,
    encoder: Vec<KeysValues>,
    length: usize,
}

impl Cache {
    /// Before the first token; `encoder` is what [`Bert::keys_values`] gave.
    pub(crate) fn new(encoder: Vec<KeysValues>) -> Self {
        Self {
            past: Vec::new(),
            encoder,
            length: 0,
        }
    }

    /// Tokens read so far.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Goes on with the given rows, in this order: a row that comes twice branches, one that is missing is dropped.
    pub(crate) fn select_rows(&mut self, rows: &[usize]) {
        for past in &mut self.past {
            past.select(rows);
        }
    }

    /// Keeps the given sources of encoder states, in this order. Each of them serves the same number of adjacent rows.
    pub(crate) fn select_sources(&mut self, sources: &[usize]) {
        for encoder in &mut self.encoder {
            encoder.select(sources);
        }
    }
}

/// The layers above the embedding table. The table itself stays with the caller: a text touches a few dozen of its rows, so
/// converting all of them at start-up would cost more than the encoding.
#[derive(Debug, Module)]
pub(crate) struct Bert {
    /// Only where the lowest layer is.
    embedding_norm: Option<LayerNorm>,
    layers: Vec<Layer>,
    heads: usize,
}

impl Bert {
    /// Takes `prefix.embeddings.LayerNorm.*` and `prefix.encoder.layer.*` from `weights`. With an `encoder_width` every layer
    /// has cross-attention to states of that width.
    pub(crate) fn load(
        config: &BertConfig,
        encoder_width: Option<usize>,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Self::load_tied(config, encoder_width, [prefix, prefix], weights, device)
    }

    /// As [`Bert::load`], for a network that shares the cross-attention and the feed-forward network of some layers with
    /// another one: a layer whose shared part is not stored under `prefix` is taken from `tied`.
    pub(crate) fn load_tied(
        config: &BertConfig,
        encoder_width: Option<usize>,
        names: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let all = 0..config.num_hidden_layers;
        Self::load_layers(config, all, encoder_width, names, weights, device)
    }

    /// As [`Bert::load_tied`], but only the layers of `range`, counted from the lowest. Without the lowest there is no norm of
    /// embeddings, and input is the hidden states of the layer below.
    pub(crate) fn load_layers(
        config: &BertConfig,
        range: Range<usize>,
        encoder_width: Option<usize>,
        [prefix, tied]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let widths = CrossLayerConfig {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            encoder_width,
            layer_norm_eps: config.layer_norm_eps,
        };
        let layer = |i: usize| {
            let own = format!("{prefix}.encoder.layer.{i}");
            let other = format!("{tied}.encoder.layer.{i}");
            let is_stored = |layer: &str| weights.has(&format!("{layer}.output.dense.weight"));
            let shared = if !is_stored(&own) && is_stored(&other) {
                &other
            } else {
                &own
            };
            Layer::load(&widths, [&own, shared], weights, device)
        };
        let embedding_norm = || {
            LayerNorm::load(
                &format!("{prefix}.embeddings.LayerNorm"),
                config.hidden_size,
                config.layer_norm_eps,
                weights,
                device,
            )
        };
        Ok(Self {
            embedding_norm: (range.start == 0).then(embedding_norm).transpose()?,
            layers: range.map(layer).collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// The lowest `count` layers without their self-attention: the same parameters, so where gradients are recorded, those of
    /// every use add up.
    #[cfg(feature = "train")]
    pub(crate) fn lowest(&self, count: usize) -> Vec<CrossLayer> {
        let layers = self.layers.iter().take(count);
        layers.map(|layer| layer.cross.clone()).collect()
    }

    /// Type that the layers compute in; what they are given is brought to it.
    fn dtype(&self) -> DType {
        match (&self.embedding_norm, self.layers.first()) {
            (Some(norm), _) => norm.dtype(),
            (None, Some(layer)) => layer.cross.dtype(),
            (None, None) => DType::F32,
        }
    }

    /// What the lowest layer reads.
    fn enter(&self, embeddings: Tensor<3>) -> Rows {
        let embeddings = Rows::new(embeddings.cast(self.dtype()));
        match &self.embedding_norm {
            Some(norm) => norm.forward(&embeddings),
            None => embeddings,
        }
    }

    /// Keys and values, layer by layer, of the encoder states `[sources, N, encoder_width]`: what cross-attention needs of
    /// them. Computed once, they serve any number of texts.
    pub(crate) fn keys_values(&self, states: &Tensor<3>) -> Vec<KeysValues> {
        let sources = states.dims()[0];
        let states = Rows::new(states.clone().cast(self.dtype()));
        self.layers
            .iter()
            .filter_map(|layer| layer.cross.keys_values(&states, sources))
            .collect()
    }

    /// Summed word and position embeddings `[B, L, hidden]` to hidden states of the same shape. `lengths` are the
    /// tokens of each row; what follows them is padding and is not attended to (its own states are computed all the same,
    /// as in the reference). `encoder` is what [`Bert::keys_values`] gave, each source serving the same number of adjacent
    /// rows; without it cross-attention is skipped.
    pub(crate) fn forward(
        &self,
        embeddings: Tensor<3>,
        lengths: &[usize],
        encoder: Option<&[KeysValues]>,
    ) -> Tensor<3> {
        let ([batch, length, _], device) = (embeddings.dims(), embeddings.device());
        let mask = padding(lengths, length, self.dtype(), &device);
        let mut x = self.enter(embeddings);
        for (i, layer) in self.layers.iter().enumerate() {
            let own = layer.attention.keys_values(&x, batch);
            x = layer.attention.forward(x, &own, self.heads, mask.as_ref());
            let encoder = encoder.and_then(|layers| layers.get(i));
            x = layer.cross.forward(x, encoder, self.heads);
        }
        x.into_tensor(batch, &device)
    }

    /// The first token's state `[P, hidden]` of every pair of a text and a source of the same group: as [`Bert::forward`] gives
    /// it, without what no pair needs. Texts, in `embeddings` `[T, L, hidden]`, and the sources of `encoder` come in `groups`
    /// equal parts; pairs are ordered by group, then source, then text.
    ///
    /// The lowest self-attention has seen no source yet, so it is computed once a text; of the uppermost layer nothing but
    /// the first token is wanted. Together that is a quarter of four layers.
    pub(crate) fn match_groups(
        &self,
        embeddings: Tensor<3>,
        lengths: &[usize],
        encoder: &[KeysValues],
        groups: usize,
    ) -> Tensor<2> {
        let ([texts, length, _], device) = (embeddings.dims(), embeddings.device());
        let copies = encoder.first().map_or(1, |layer| layer.sources() / groups);
        let mut mask = padding(lengths, length, self.dtype(), &device);
        let mut x = self.enter(embeddings);
        let mut batch = texts;
        for (i, layer) in self.layers.iter().enumerate() {
            let own = layer.attention.keys_values(&x, batch);
            if i + 1 == self.layers.len() {
                x = x.first_of_each(batch);
            }
            x = layer.attention.forward(x, &own, self.heads, mask.as_ref());
            if i == 0 && copies != 1 {
                x = x.repeat(groups, copies);
                batch = texts * copies;
                let groups = lengths.chunks(texts / groups);
                let lengths: Vec<usize> = groups.flat_map(|group| group.repeat(copies)).collect();
                mask = padding(&lengths, length, self.dtype(), &device);
            }
            x = layer.cross.forward(x, encoder.get(i), self.heads);
        }
        let states = x.into_tensor(batch, &device);
        states.narrow(1, 0, 1).squeeze_dim(1)
    }

    /// Embeddings `[rows, L, hidden]` of the next tokens to their hidden states of the same shape: each token sees those
    /// before it, the cached ones included. `lengths` are the tokens of each row with the cached ones; what follows is
    /// padding. Each source of the cache serves the same number of adjacent rows.
    pub(crate) fn decode(
        &self,
        embeddings: Tensor<3>,
        lengths: &[usize],
        cache: &mut Cache,
    ) -> Tensor<3> {
        let ([batch, count, _], device) = (embeddings.dims(), embeddings.device());
        let sight = Sight {
            lengths,
            past: cache.length,
            count,
        };
        let bias = (!on_host(&device))
            .then(|| sight.bias(self.dtype(), &device))
            .flatten();
        let mut past = std::mem::take(&mut cache.past).into_iter();
        let mut x = self.enter(embeddings);
        for (i, layer) in self.layers.iter().enumerate() {
            let attention = &layer.attention;
            let next = [attention.key.forward(&x), attention.value.forward(&x)];
            let all = Past::extend(past.next(), next, batch, self.heads);
            let query = attention.query.forward(&x);
            let seen = all.attend(query, self.heads, &sight, bias.as_ref());
            x = attention.finish(x, &seen);
            x = layer.cross.forward(x, cache.encoder.get(i), self.heads);
            cache.past.push(all);
        }
        cache.length += count;
        x.into_tensor(batch, &device)
    }
}

/// What is added to the scores of padding, as in the reference: so little that nothing is left after the exponential.
fn padding(lengths: &[usize], length: usize, dtype: DType, device: &Device) -> Option<Mask> {
    if lengths.iter().all(|&used| used >= length) {
        return None;
    }
    let bias: Vec<f32> = lengths
        .iter()
        .flat_map(|&used| (0..length).map(move |i| if i < used { 0.0 } else { -10_000.0 }))
        .collect();
    let bias = Tensor::<1>::from_floats(bias.as_slice(), device).cast(dtype);
    Some(Mask::new(bias.reshape([lengths.len(), 1, 1, length])))
}

#[cfg(test)]
mod tests;
