//! The caption decoder of the built-in model (paper section 3.3, Generation).
//!
//! The paper's decoder sees only what the interaction encoder made of the tags. This one also sees the image tokens: with few
//! training pictures, what tags do not name would be lost otherwise.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::interaction::{GivenTags, InteractionEncoder};
use super::manifest::Manifest;
use super::nn::BertConfig;
use super::tagger::Tagger;
use super::text_decoder::TextDecoder;
use super::weights::Weights;

/// Shape of the network, where the other parts do not give it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct CaptionerConfig {
    /// The text decoder.
    pub(crate) decoder: BertConfig,
    /// Tags that a caption is written from: the likeliest, filled up where there are fewer.
    pub(crate) tags: usize,
}

/// Interaction encoder, projections and text decoder.
#[derive(Debug, Module)]
pub(crate) struct CaptionNetwork {
    pub(crate) interaction: InteractionEncoder,
    pub(crate) image_projection: Linear,
    pub(crate) image_norm: LayerNorm,
    pub(crate) tag_projection: Linear,
    pub(crate) tag_norm: LayerNorm,
    pub(crate) decoder: TextDecoder,
}

impl CaptionNetwork {
    /// Takes `captioner.*` and `text_decoder.*` from `weights`.
    pub(crate) fn load(
        config: &CaptionerConfig,
        manifest: &Manifest,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tagger, embed_dim) = (&manifest.tagger, manifest.aligner.embed_dim);
        let width = config.decoder.hidden_size;
        let linear = |name: &str, input| weights.linear(name, input, width, device);
        let norm = |name: &str| weights.layer_norm(name, width, 1e-12, device);
        Ok(Self {
            interaction: InteractionEncoder::load(tagger, embed_dim, weights, device)?,
            image_projection: linear("captioner.image_projection", tagger.encoder_width)?,
            image_norm: norm("captioner.image_norm")?,
            tag_projection: linear("captioner.tag_projection", tagger.hidden_size)?,
            tag_norm: norm("captioner.tag_norm")?,
            decoder: TextDecoder::load(&config.decoder, weights, device)?,
        })
    }

    /// What captions are written beside: the image encoder's tokens `[B, 1 + N, channels]` and tags to
    /// `[B, 1 + N + T, hidden]`.
    pub(crate) fn states(&self, tokens: Tensor<3>, tags: &GivenTags, tagger: &Tagger) -> Tensor<3> {
        let image = self.image_projection.forward(tokens.clone());
        let tags = self.interaction.forward(tags, tokens, tagger);
        let tags = self.tag_projection.forward(tags);
        let (image, tags) = (self.image_norm.forward(image), self.tag_norm.forward(tags));
        Tensor::cat(vec![image, tags], 1)
    }
}
