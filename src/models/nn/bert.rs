//! BERT (Devlin et al. 2019): post-norm transformer layers over WordPiece tokens, with the cross-attention that BLIP and
//! Tag2Text put between self-attention and feed-forward network.
//!
//! | network | load | run |
//! |---|---|---|
//! | sentence encoder | [`Bert::load`] without `encoder_width` | [`Bert::forward`] |
//! | BLIP text encoder, text alone | [`Bert::load`] with the image encoder's width | [`Bert::forward`] without keys and values: cross-attention is skipped |
//! | BLIP text encoder with images | the same | [`Bert::forward`] with the [`Bert::keys_values`] of the image tokens |
//! | Tag2Text tag encoder | [`Bert::load_tied`], whose lowest layers belong to the recognition decoder too | the same |
//! | Tag2Text text decoder | [`Bert::load`] with its own width | [`Bert::decode`], a few tokens at a time, on a [`Cache`] |
//!
//! Input is the sum of word and position embeddings (see [`Embeddings`](super::Embeddings)); there are no token types.

use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::causal::{Past, Sight};
use super::dot_product::{Mask, attention};
use super::layer_norm::LayerNorm;
use super::linear::Linear;
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

/// Keys and values of the tokens of another network, as one layer looks at them.
#[derive(Debug)]
pub(crate) struct KeysValues {
    /// `[sources * N, hidden]`.
    keys: Rows,
    /// `[sources * N, hidden]`.
    values: Rows,
    sources: usize,
}

impl KeysValues {
    fn select(&mut self, sources: &[usize]) {
        for rows in [&mut self.keys, &mut self.values] {
            match rows {
                Rows::Host { values, .. } => {
                    let size = values.len() / self.sources;
                    let source = |&source: &usize| &values[source * size..][..size];
                    *values = sources.iter().flat_map(source).copied().collect();
                }
                Rows::Device(tensor) => {
                    let ([count, width], device) = (tensor.dims(), tensor.device());
                    let length = count / self.sources;
                    let sources: Vec<i32> = sources.iter().map(|&source| source as i32).collect();
                    *tensor = tensor
                        .clone()
                        .reshape([self.sources, length, width])
                        .select(0, Tensor::<1, Int>::from_data(sources.as_slice(), &device))
                        .reshape([sources.len() * length, width]);
                }
            }
        }
        self.sources = sources.len();
    }
}

/// Attention, residual and norm.
#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm: LayerNorm,
    heads: usize,
}

impl Attention {
    /// Takes `prefix.self.*` and `prefix.output.*`. What is looked at is `encoder_width` wide.
    fn load(
        config: &BertConfig,
        encoder_width: usize,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let d = config.hidden_size;
        let linear = |name: &str, input| {
            Linear::load(&format!("{prefix}.{name}"), input, d, weights, device)
        };
        Ok(Self {
            query: linear("self.query", d)?,
            key: linear("self.key", encoder_width)?,
            value: linear("self.value", encoder_width)?,
            output: linear("output.dense", d)?,
            norm: LayerNorm::load(
                &format!("{prefix}.output.LayerNorm"),
                d,
                config.layer_norm_eps,
                weights,
                device,
            )?,
            heads: config.num_attention_heads,
        })
    }

    fn keys_values(&self, tokens: &Rows, sources: usize) -> KeysValues {
        KeysValues {
            keys: self.key.forward(tokens),
            values: self.value.forward(tokens),
            sources,
        }
    }

    /// Each source is looked at by the same number of adjacent rows of `x`.
    fn forward(&self, x: Rows, over: &KeysValues, mask: Option<&Mask>) -> Rows {
        // No position plays a part here, so all the texts that look at a source are one long sequence of queries.
        let KeysValues {
            keys,
            values,
            sources,
        } = over;
        let query = self.query.forward(&x);
        let seen = attention(query, *sources, keys, values, *sources, self.heads, mask);
        self.finish(x, &seen)
    }

    fn finish(&self, x: Rows, seen: &Rows) -> Rows {
        self.norm.forward(&self.output.add_to(x, seen))
    }
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    crossattention: Option<Attention>,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    /// Self-attention is found under `prefix`, the rest under `shared`.
    fn load(
        config: &BertConfig,
        encoder_width: Option<usize>,
        [prefix, shared]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let attention =
            |name: String, width| Attention::load(config, width, &name, weights, device);
        let linear = |name: &str, input, output| {
            Linear::load(&format!("{shared}.{name}"), input, output, weights, device)
        };
        Ok(Self {
            attention: attention(format!("{prefix}.attention"), d)?,
            crossattention: encoder_width
                .map(|width| attention(format!("{shared}.crossattention"), width))
                .transpose()?,
            intermediate: linear("intermediate.dense", d, inner)?,
            output: linear("output.dense", inner, d)?,
            output_norm: LayerNorm::load(
                &format!("{shared}.output.LayerNorm"),
                d,
                config.layer_norm_eps,
                weights,
                device,
            )?,
        })
    }

    /// What comes after self-attention.
    fn finish(&self, x: Rows, encoder: Option<&KeysValues>) -> Rows {
        let x = match (&self.crossattention, encoder) {
            (Some(crossattention), Some(encoder)) => crossattention.forward(x, encoder, None),
            _ => x,
        };
        let hidden = self.intermediate.forward_gelu(&x);
        self.output_norm.forward(&self.output.add_to(x, &hidden))
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
#[derive(Debug)]
pub(crate) struct Bert {
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
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
        [prefix, tied]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let layer = |i: usize| {
            let own = format!("{prefix}.encoder.layer.{i}");
            let other = format!("{tied}.encoder.layer.{i}");
            let is_stored = |layer: &str| weights.has(&format!("{layer}.output.dense.weight"));
            let shared = if !is_stored(&own) && is_stored(&other) {
                &other
            } else {
                &own
            };
            Layer::load(config, encoder_width, [&own, shared], weights, device)
        };
        Ok(Self {
            embedding_norm: LayerNorm::load(
                &format!("{prefix}.embeddings.LayerNorm"),
                config.hidden_size,
                config.layer_norm_eps,
                weights,
                device,
            )?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Keys and values, layer by layer, of the encoder states `[sources, N, encoder_width]`: what cross-attention needs of
    /// them. Computed once, they serve any number of texts.
    pub(crate) fn keys_values(&self, states: &Tensor<3>) -> Vec<KeysValues> {
        let sources = states.dims()[0];
        let states = Rows::new(states.clone());
        self.layers
            .iter()
            .filter_map(|layer| layer.crossattention.as_ref())
            .map(|attention| attention.keys_values(&states, sources))
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
        let mask = padding(lengths, length, &device);
        let mut x = self.embedding_norm.forward(&Rows::new(embeddings));
        for (i, layer) in self.layers.iter().enumerate() {
            let own = layer.attention.keys_values(&x, batch);
            x = layer.attention.forward(x, &own, mask.as_ref());
            x = layer.finish(x, encoder.and_then(|layers| layers.get(i)));
        }
        x.into_tensor(batch, &device)
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
        let bias = (!on_host(&device)).then(|| sight.bias(&device)).flatten();
        let mut past = std::mem::take(&mut cache.past).into_iter();
        let mut x = self.embedding_norm.forward(&Rows::new(embeddings));
        for (i, layer) in self.layers.iter().enumerate() {
            let attention = &layer.attention;
            let next = [attention.key.forward(&x), attention.value.forward(&x)];
            let all = Past::extend(past.next(), next, batch, attention.heads);
            let query = attention.query.forward(&x);
            let seen = all.attend(query, attention.heads, &sight, bias.as_ref());
            x = layer.finish(attention.finish(x, &seen), cache.encoder.get(i));
            cache.past.push(all);
        }
        cache.length += count;
        x.into_tensor(batch, &device)
    }
}

/// What is added to the scores of padding, as in the reference: so little that nothing is left after the exponential.
fn padding(lengths: &[usize], length: usize, device: &Device) -> Option<Mask> {
    if lengths.iter().all(|&used| used >= length) {
        return None;
    }
    let bias: Vec<f32> = lengths
        .iter()
        .flat_map(|&used| (0..length).map(move |i| if i < used { 0.0 } else { -10_000.0 }))
        .collect();
    let bias = Tensor::<1>::from_floats(bias.as_slice(), device);
    Some(Mask::new(bias.reshape([lengths.len(), 1, 1, length])))
}

#[cfg(test)]
mod tests;
