//! The alignment encoder of the built-in model (paper section 3.3, Image-Text Alignment): the upper text layers with
//! cross-attention to image tokens, and a head that says whether sentence and picture match (ITM).
//!
//! The text layers below know nothing of pictures, so they run once a sentence, and only these few once a pair.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::aligner::Statistics;
use super::nn::{Bert, BertConfig, EfficientNetConfig, KeysValues};
use super::weights::Weights;

/// Shape of the alignment encoder, where the text encoder does not give it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct MatcherConfig {
    /// The uppermost layers of the text encoder.
    pub(crate) num_hidden_layers: usize,
    /// Channels of the image tokens that they look at, which are what is kept of a picture.
    pub(crate) token_width: usize,
}

/// From the image encoder's tokens to those that are kept of a picture.
#[derive(Debug, Module)]
pub(crate) struct MatchTokens {
    pub(crate) statistics: Statistics,
    projection: Linear,
    /// `[1 + N, token_width]`: where each token is in the picture. The first is their mean.
    position_embeddings: Param<Tensor<2>>,
    norm: LayerNorm,
}

impl MatchTokens {
    /// Takes `matcher.tokens.*` from `weights`.
    pub(crate) fn load(
        config: &MatcherConfig,
        image: &EfficientNetConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let name = |part: &str| format!("matcher.tokens.{part}");
        let (channels, width) = (image.features, config.token_width);
        let measured = |part: &str| weights.tensor(&name(part), [channels], device);
        let shape = [image.tokens(), width];
        let positions = weights.tensor(&name("position_embeddings"), shape, device)?;
        Ok(Self {
            statistics: Statistics::new(
                measured("statistics.mean")?,
                measured("statistics.scale")?,
                channels,
            ),
            projection: weights.linear(&name("projection"), channels, width, device)?,
            position_embeddings: Param::from_tensor(positions),
            norm: weights.layer_norm(&name("norm"), width, 1e-12, device)?,
        })
    }

    /// Tokens `[B, 1 + N, channels]` to `[B, 1 + N, token_width]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, count, channels] = tokens.dims();
        let tokens = self
            .statistics
            .forward(tokens.reshape([batch * count, channels]));
        let tokens = self
            .projection
            .forward(tokens.reshape([batch, count, channels]));
        let places = self.position_embeddings.val().unsqueeze::<3>();
        self.norm.forward(tokens + places)
    }
}

/// Text layers and head.
#[derive(Debug, Module)]
pub(crate) struct Matcher {
    layers: Bert,
    /// `[hidden, 2]`
    pub(crate) head: Linear,
}

impl Matcher {
    /// Takes the rest of `matcher.*` from `weights`; layers are numbered as in the text encoder.
    pub(crate) fn load(
        config: &MatcherConfig,
        text: &BertConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (names, width) = (["matcher"; 2], Some(config.token_width));
        let all = text.num_hidden_layers;
        let upper = all.saturating_sub(config.num_hidden_layers)..all;
        Ok(Self {
            layers: Bert::load_layers(text, upper, width, names, weights, device)?,
            head: weights.linear("matcher.head", text.hidden_size, 2, device)?,
        })
    }

    /// Prepares pictures with the kept `tokens` `[B, 1 + N, token_width]` for any number of sentences.
    pub(crate) fn images(&self, tokens: &Tensor<3>) -> Vec<KeysValues> {
        self.layers.keys_values(tokens)
    }

    /// Logits `[P, 2]` of every sentence with every picture of the same group, ordered by group, picture and sentence: the
    /// second is that of a match. Sentences are given by their lower states `[T, L, hidden]` and their tokens; they and the
    /// pictures come in `groups` equal parts.
    pub(crate) fn logits(
        &self,
        states: Tensor<3>,
        lengths: &[usize],
        images: &[KeysValues],
        groups: usize,
    ) -> Tensor<2> {
        let first = self.layers.match_groups(states, lengths, images, groups);
        self.head.forward(first)
    }
}
