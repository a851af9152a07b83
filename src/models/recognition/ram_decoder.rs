//! What the recognition decoders of RAM and RAM++ have in common: they work in the space of label vectors, to which image tokens
//! are brought, and all tags share one linear layer.

use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::{RamConfig, TaggingHead};
use crate::models::ModelError;
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

/// The decoder without what makes queries.
#[derive(Debug)]
pub(super) struct RamDecoder {
    image_proj: Linear,
    pub(super) head: TaggingHead,
    fc: Linear,
}

impl RamDecoder {
    /// Takes `image_proj.*`, `tagging_head.*` (or what it is tied to) and `fc.*`.
    pub(super) fn load(
        config: &RamConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tagger, vision) = (&config.tagger, config.vision_width);
        Ok(Self {
            image_proj: weights.linear("image_proj", vision, tagger.encoder_width, device)?,
            head: TaggingHead::load(tagger, weights, device)?,
            fc: weights.linear("fc", tagger.hidden_size, 1, device)?,
        })
    }

    /// Image tokens `[B, N, vision_width]` to `[B, N, encoder_width]`, in the precision of the decoder.
    pub(super) fn project(&self, tokens: Tensor<3>) -> Tensor<3> {
        let dtype = self.image_proj.weight.val().dtype();
        self.image_proj.forward(tokens.cast(dtype))
    }

    /// Logits `[B, T]` of tags with `queries` `[1 or B, T, hidden]` in pictures with projected `tokens`
    /// `[B, N, encoder_width]`.
    pub(super) fn logits(&self, queries: Tensor<3>, tokens: &Tensor<3>) -> Tensor<2> {
        self.head.logits(queries, tokens, |embedded, _| {
            self.fc.forward(embedded).squeeze_dim::<2>(2)
        })
    }
}

/// How RAM and RAM++ turn label vectors, which a sentence encoder made, into queries. Without a projection where both have
/// the same width.
#[derive(Debug)]
pub(super) struct LabelProjection {
    wordvec_proj: Option<Linear>,
}

impl LabelProjection {
    pub(super) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (labels, hidden) = (config.encoder_width, config.hidden_size);
        Ok(Self {
            wordvec_proj: (labels != hidden)
                .then(|| weights.linear("wordvec_proj", labels, hidden, device))
                .transpose()?,
        })
    }

    /// Label vectors `[S, T, encoder_width]` to queries `[S, T, hidden]`.
    pub(super) fn forward(&self, labels: Tensor<3>) -> Tensor<3> {
        relu(match &self.wordvec_proj {
            Some(linear) => linear.forward(labels),
            None => labels,
        })
    }
}
