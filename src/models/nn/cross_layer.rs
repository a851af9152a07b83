//! What a text layer does after self-attention: it looks at the tokens of another network, then runs a feed-forward network.
//!
//! Tag2Text's recognition decoder consists of nothing else (Query2Label), and its layers are the lowest of the tag encoder:
//! the same weights, cut into another number of heads (paper section 3.3).

use burn::module::Module;
use burn::tensor::{DType, Device, Int, Tensor};

use super::dot_product::{Mask, attention};
use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::rows::Rows;
use crate::models::ModelError;
use crate::models::weights::Weights;

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
    /// How many texts or pictures the tokens are of.
    pub(crate) fn sources(&self) -> usize {
        self.sources
    }

    /// Goes on with the given sources, in this order; one may come more than once.
    pub(crate) fn select(&mut self, sources: &[usize]) {
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

/// Widths of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrossLayerConfig {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    /// Width of the tokens that cross-attention looks at; without it there is none.
    pub(crate) encoder_width: Option<usize>,
    pub(crate) layer_norm_eps: f64,
}

/// Attention, residual and norm.
#[derive(Debug, Module)]
pub(super) struct Attention {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    output: Linear,
    norm: LayerNorm,
}

impl Attention {
    /// Takes `prefix.self.*` and `prefix.output.*`. What is looked at is `encoder_width` wide.
    pub(super) fn load(
        config: &CrossLayerConfig,
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
        })
    }

    pub(super) fn keys_values(&self, tokens: &Rows, sources: usize) -> KeysValues {
        KeysValues {
            keys: self.key.forward(tokens),
            values: self.value.forward(tokens),
            sources,
        }
    }

    /// Each source is looked at by the same number of adjacent rows of `x`.
    pub(super) fn forward(
        &self,
        x: Rows,
        over: &KeysValues,
        heads: usize,
        mask: Option<&Mask>,
    ) -> Rows {
        // No position plays a part here, so all the texts that look at a source are one long sequence of queries.
        let KeysValues {
            keys,
            values,
            sources,
        } = over;
        let query = self.query.forward(&x);
        let seen = attention(query, *sources, keys, values, *sources, heads, mask);
        self.finish(x, &seen)
    }

    pub(super) fn finish(&self, x: Rows, seen: &Rows) -> Rows {
        self.norm.forward(&self.output.add_to(x, seen))
    }
}

/// Cross-attention, residual, norm, feed-forward network, residual, norm.
#[derive(Debug, Module)]
pub(crate) struct CrossLayer {
    crossattention: Option<Attention>,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl CrossLayer {
    /// Takes `prefix.crossattention.*`, `prefix.intermediate.*` and `prefix.output.*`.
    pub(crate) fn load(
        config: &CrossLayerConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let linear = |name: &str, input, output| {
            Linear::load(&format!("{prefix}.{name}"), input, output, weights, device)
        };
        let crossattention = |width| {
            let prefix = format!("{prefix}.crossattention");
            Attention::load(config, width, &prefix, weights, device)
        };
        Ok(Self {
            crossattention: config.encoder_width.map(crossattention).transpose()?,
            intermediate: linear("intermediate.dense", d, inner)?,
            output: linear("output.dense", inner, d)?,
            output_norm: LayerNorm::load(
                &format!("{prefix}.output.LayerNorm"),
                d,
                config.layer_norm_eps,
                weights,
                device,
            )?,
        })
    }

    /// Type that the layer computes in.
    pub(crate) fn dtype(&self) -> DType {
        self.output_norm.dtype()
    }

    /// What the layer looks at in the tokens `[sources * N, encoder_width]` of another network; none without cross-attention.
    pub(crate) fn keys_values(&self, tokens: &Rows, sources: usize) -> Option<KeysValues> {
        let attention = self.crossattention.as_ref()?;
        Some(attention.keys_values(tokens, sources))
    }

    /// Cross-attention alone; without `encoder` it is skipped.
    pub(crate) fn look(&self, x: Rows, encoder: Option<&KeysValues>, heads: usize) -> Rows {
        match (&self.crossattention, encoder) {
            (Some(crossattention), Some(encoder)) => {
                crossattention.forward(x, encoder, heads, None)
            }
            _ => x,
        }
    }

    /// `[R, hidden]` to the same. Each source of `encoder` is looked at by the same number of adjacent rows.
    pub(crate) fn forward(&self, x: Rows, encoder: Option<&KeysValues>, heads: usize) -> Rows {
        let x = self.look(x, encoder, heads);
        let hidden = self.intermediate.forward_gelu(&x);
        self.output_norm.forward(&self.output.add_to(x, &hidden))
    }
}
