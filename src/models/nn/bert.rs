//! BERT encoder (Devlin et al. 2019): post-norm transformer layers over WordPiece tokens.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};

use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::gelu;
use crate::models::ModelError;
use crate::models::weights::Weights;

/// Shape of the encoder, in the words of a checkpoint's `config.json`.
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

#[derive(Debug, Module)]
struct Layer {
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

impl Layer {
    fn load(
        config: &BertConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let linear = |name: &str, input, output| {
            weights.linear(&format!("{prefix}.{name}"), input, output, device)
        };
        let norm = |name: &str| {
            weights.layer_norm(
                &format!("{prefix}.{name}"),
                d,
                config.layer_norm_eps,
                device,
            )
        };
        Ok(Self {
            query: linear("attention.self.query", d, d)?,
            key: linear("attention.self.key", d, d)?,
            value: linear("attention.self.value", d, d)?,
            attention_output: linear("attention.output.dense", d, d)?,
            attention_norm: norm("attention.output.LayerNorm")?,
            intermediate: linear("intermediate.dense", d, inner)?,
            output: linear("output.dense", inner, d)?,
            output_norm: norm("output.LayerNorm")?,
            heads: config.num_attention_heads,
        })
    }

    fn forward(&self, x: Tensor<3>, padding: Option<Tensor<4, Bool>>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let split = |t: Tensor<3>| {
            t.reshape([batch, length, self.heads, width / self.heads])
                .swap_dims(1, 2)
        };
        let context = attention(
            split(self.query.forward(x.clone())),
            split(self.key.forward(x.clone())),
            split(self.value.forward(x.clone())),
            padding,
            None,
            AttentionModuleOptions::default(),
        );
        let context = context.swap_dims(1, 2).reshape([batch, length, width]);
        let x = self
            .attention_norm
            .forward(x + self.attention_output.forward(context));
        let hidden = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
        self.output_norm.forward(x + hidden)
    }
}

/// The layers above the embedding table. The table itself stays with the caller, in half precision: a query touches a
/// dozen of its rows, so converting all of them at start-up would cost more than the encoding.
#[derive(Debug, Module)]
pub(crate) struct Bert {
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
}

impl Bert {
    /// Takes `text_encoder.*` but the embedding tables from `weights`.
    pub(crate) fn load(
        config: &BertConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            embedding_norm: weights.layer_norm(
                "text_encoder.embeddings.LayerNorm",
                config.hidden_size,
                config.layer_norm_eps,
                device,
            )?,
            layers: (0..config.num_hidden_layers)
                .map(|i| {
                    Layer::load(
                        config,
                        &format!("text_encoder.encoder.layer.{i}"),
                        weights,
                        device,
                    )
                })
                .collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// Summed word and position embeddings `[B, L, hidden]` to hidden states of the same shape. `lengths` are the
    /// tokens of each row; what follows them is padding and is not attended to.
    pub(crate) fn forward(&self, embeddings: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let [batch, length, _] = embeddings.dims();
        let device = embeddings.device();
        let padding = lengths.iter().any(|&l| l < length).then(|| {
            let mask: Vec<bool> = lengths
                .iter()
                .flat_map(|&l| (0..length).map(move |i| i >= l))
                .collect();
            Tensor::<1, Bool>::from_data(mask.as_slice(), &device)
                .reshape([batch, 1, 1, length])
                .expand([batch, self.heads, length, length])
        });
        let x = self.embedding_norm.forward(embeddings);
        self.layers
            .iter()
            .fold(x, |x, layer| layer.forward(x, padding.clone()))
    }
}
