//! The image-tag recognition decoder (paper section 3.3, Image Tagging): one learned query a tag looks at the image
//! tokens, and a group-wise linear layer turns each into a logit.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::nn::{DecoderLayer, DecoderLayerConfig};
use super::weights::Weights;

/// Shape of the decoder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct TaggerConfig {
    pub(crate) num_class: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    /// Channels of the image tokens.
    pub(crate) encoder_width: usize,
}

impl TaggerConfig {
    /// Shape of a layer that looks at tokens of `encoder_width` channels.
    pub(crate) fn layer(&self, encoder_width: usize) -> DecoderLayerConfig {
        DecoderLayerConfig {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_attention_heads: self.num_attention_heads,
            encoder_width,
        }
    }
}

/// Recognition decoder with its tag tables.
///
/// Beside the decoder each logit takes two pieces of evidence that the captions alone cannot teach: what the image
/// encoder's own classifier says about the tag (`class_evidence`, log-odds), and the cosine of the image embedding with
/// the tag's name (`name_similarity`). Both enter linearly, with a learned scale a tag.
#[derive(Debug, Module)]
pub(crate) struct Tagger {
    pub(crate) token_projection: Linear,
    pub(crate) token_norm: LayerNorm,
    pub(crate) label_embed: Param<Tensor<2>>,
    pub(crate) layers: Vec<DecoderLayer>,
    pub(crate) fc_weight: Param<Tensor<2>>,
    pub(crate) fc_bias: Param<Tensor<1>>,
    pub(crate) class_scale: Param<Tensor<1>>,
    pub(crate) name_scale: Param<Tensor<1>>,
}

/// What a batch of images offers the tagger.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// Image tokens `[B, 1 + N, encoder_width]`, the mean of the grid first.
    pub(crate) tokens: Tensor<3>,
    /// Log-odds of each tag by the image encoder's classifier `[B, T]`; 0 where it has no class for the tag.
    pub(crate) class_evidence: Tensor<2>,
    /// Cosine of the image embedding and the tag's name `[B, T]`.
    pub(crate) name_similarity: Tensor<2>,
}

/// Rows of the tag tables, `[K, hidden]` or `[K]`.
pub(crate) struct Tables {
    pub(crate) queries: Tensor<2>,
    pub(crate) weight: Tensor<2>,
    pub(crate) bias: Tensor<1>,
    pub(crate) class_scale: Tensor<1>,
    pub(crate) name_scale: Tensor<1>,
}

impl Tagger {
    /// Takes `tagger.*` from `weights`.
    pub(crate) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tags, width) = (config.num_class, config.hidden_size);
        Ok(Self {
            token_projection: weights.linear(
                "tagger.token_projection",
                config.encoder_width,
                width,
                device,
            )?,
            token_norm: weights.layer_norm("tagger.token_norm", width, 1e-12, device)?,
            label_embed: weights.param("tagger.label_embed", [tags, width], device)?,
            layers: (0..config.num_hidden_layers)
                .map(|i| {
                    DecoderLayer::load(
                        &format!("tagger.layer.{i}"),
                        config.layer(width),
                        weights,
                        device,
                    )
                })
                .collect::<Result<_, _>>()?,
            fc_weight: weights.param("tagger.fc.weight", [tags, width], device)?,
            fc_bias: weights.param("tagger.fc.bias", [tags], device)?,
            class_scale: weights.param("tagger.class_scale", [tags], device)?,
            name_scale: weights.param("tagger.name_scale", [tags], device)?,
        })
    }

    /// Image tokens `[B, 1 + N, encoder_width]` as the layers look at them `[B, 1 + N, hidden]`.
    pub(crate) fn look(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.token_norm
            .forward(self.token_projection.forward(tokens))
    }

    /// Logits `[B, T]` of every tag.
    pub(crate) fn forward(&self, evidence: Evidence) -> Tensor<2> {
        self.logits(
            evidence,
            Tables {
                queries: self.label_embed.val(),
                weight: self.fc_weight.val(),
                bias: self.fc_bias.val(),
                class_scale: self.class_scale.val(),
                name_scale: self.name_scale.val(),
            },
        )
    }

    /// Logits `[B, K]` of the tags whose rows `tables` holds, for evidence that covers just these tags.
    pub(crate) fn logits(&self, evidence: Evidence, tables: Tables) -> Tensor<2> {
        let tokens = self.look(evidence.tokens);
        let embedded = self
            .layers
            .iter()
            .fold(tables.queries.unsqueeze::<3>(), |x, layer| {
                layer.forward(x, tokens.clone())
            });
        let decoded = (embedded * tables.weight.unsqueeze::<3>())
            .sum_dim(2)
            .squeeze_dim::<2>(2);
        decoded
            + tables.bias.unsqueeze::<2>()
            + evidence.class_evidence * tables.class_scale.unsqueeze::<2>()
            + evidence.name_similarity * tables.name_scale.unsqueeze::<2>()
    }
}
