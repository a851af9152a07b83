//! BLIP's image-text retrieval model (Li et al. 2022): a vision transformer and a BERT that reads a text by itself, to compare
//! it with images by the cosine of their features (ITC), or together with an image, to say whether the two match (ITM).
//!
//! | question | load | cost |
//! |---|---|---|
//! | features of pictures | [`BlipImages`] | one pass of the vision transformer each |
//! | features of texts | [`BlipTexts`] | one pass of BERT each |
//! | does a text match a picture? | [`BlipMatcher`] | [`BlipMatcher::images`] once a picture, then one pass of BERT a pair |
//!
//! Texts are rows of token ids, `[CLS]` first and `[SEP]` last, at most [`MAX_LENGTH`] long.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::aligner::unit;
use super::nn::{Bert, BertConfig, Embeddings, KeysValues, Vit, VitConfig};
use super::tokenizer::BlipTokenizer;
use super::weights::Weights;

/// Tokens that the reference cuts a text to.
pub(crate) const MAX_LENGTH: usize = 35;

/// Shape of the networks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct BlipConfig {
    pub(crate) vit: VitConfig,
    /// The text encoder: `med_config.json`.
    pub(crate) med: BertConfig,
    /// Width of the features.
    pub(crate) embed_dim: usize,
}

/// The token that starts a text which is read together with an image.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchStart {
    /// `[ENC]`, as in training and in the published evaluation.
    #[default]
    Enc,
    /// `[CLS]`, as in the reference's demonstration and in Hugging Face's `BlipForImageTextRetrieval`.
    Cls,
}

impl MatchStart {
    /// `row`, which starts with `[CLS]`, as it is matched with an image.
    pub(crate) fn apply(self, mut row: Vec<u32>, tokenizer: &BlipTokenizer) -> Vec<u32> {
        if let (Self::Enc, Some(first)) = (self, row.first_mut()) {
            *first = tokenizer.enc;
        }
        row
    }
}

/// Pictures to tokens and features.
#[derive(Debug, Module)]
pub(crate) struct BlipImages {
    visual_encoder: Vit,
    pub(crate) vision_proj: Linear,
}

impl BlipImages {
    /// Takes `visual_encoder.*` and `vision_proj.*` from `weights`.
    pub(crate) fn load(
        config: &BlipConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (width, features) = (config.vit.embed_dim, config.embed_dim);
        Ok(Self {
            visual_encoder: Vit::load(&config.vit, "visual_encoder", weights, device)?,
            vision_proj: weights.linear("vision_proj", width, features, device)?,
        })
    }

    /// Normalised pictures `[B, 3, S, S]` to tokens `[B, 1 + N, C]`, the class token first.
    pub(crate) fn tokens(&self, pictures: Tensor<4>) -> Tensor<3> {
        self.visual_encoder.forward(pictures)
    }

    /// Tokens `[B, 1 + N, C]` to unit vectors `[B, embed_dim]`.
    pub(crate) fn features(&self, tokens: Tensor<3>) -> Tensor<2> {
        unit(self.vision_proj.forward(first(tokens)))
    }
}

/// Texts to features.
#[derive(Debug, Module)]
pub(crate) struct BlipTexts {
    embeddings: Embeddings,
    encoder: Bert,
    text_proj: Linear,
    #[module(skip)]
    device: Device,
}

impl BlipTexts {
    /// Takes `text_encoder.*` but its cross-attention, and `text_proj.*` from `weights`.
    pub(crate) fn load(
        config: &BlipConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Self::load_with(config, None, weights, device)
    }

    fn load_with(
        config: &BlipConfig,
        encoder_width: Option<usize>,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        const PREFIX: &str = "text_encoder";
        let (width, features) = (config.med.hidden_size, config.embed_dim);
        Ok(Self {
            embeddings: Embeddings::load(&config.med, PREFIX, weights, device)?,
            encoder: Bert::load(&config.med, encoder_width, PREFIX, weights, device)?,
            text_proj: weights.linear("text_proj", width, features, device)?,
            device: device.clone(),
        })
    }

    /// Texts to hidden states `[B, L, hidden]`, `L` being the longest row's length. Only the first of `lengths` tokens of a
    /// row are attended to. With images, every layer also looks at those: each serves the
    /// same number of adjacent rows.
    fn hidden(
        &self,
        rows: &[Vec<u32>],
        lengths: &[usize],
        images: Option<&MatchedImages>,
    ) -> Result<Tensor<3>, ModelError> {
        let embedded = self.embeddings.forward(rows, &self.device)?;
        let images = images.map(|images| images.0.as_slice());
        Ok(self.encoder.forward(embedded, lengths, images))
    }

    /// The first hidden state of each text `[B, hidden]`, which has looked at one of the images: each serves the same number
    /// of adjacent texts. What fills up shorter texts does not count, so unlike the reference none are filled up beyond
    /// the longest.
    fn matched(&self, rows: &[Vec<u32>], images: &MatchedImages) -> Result<Tensor<2>, ModelError> {
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let embedded = self.embeddings.forward(rows, &self.device)?;
        Ok(self
            .encoder
            .match_groups(embedded, &lengths, &images.0, images.count()))
    }

    /// Texts to unit vectors `[B, embed_dim]`. Their cosine with those of pictures is the ITC score (without temperature, as in
    /// the published evaluation).
    ///
    /// # Errors
    /// When a token is not in the vocabulary.
    pub(crate) fn features(&self, rows: &[Vec<u32>]) -> Result<Tensor<2>, ModelError> {
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let hidden = first(self.hidden(rows, &lengths, None)?);
        Ok(unit(self.text_proj.forward(hidden)))
    }
}

/// What texts need of the images that they are matched with: keys and values of their tokens in every layer.
#[derive(Debug)]
pub(crate) struct MatchedImages(Vec<KeysValues>);

impl MatchedImages {
    fn count(&self) -> usize {
        self.0.first().map_or(1, KeysValues::sources)
    }
}

#[cfg(feature = "train")]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the stage that trains a match head pairs images with it"
    )
)]
impl MatchedImages {
    /// Goes on with the given images, in this order; one may come more than once.
    pub(crate) fn select(&mut self, images: &[usize]) {
        for layer in &mut self.0 {
            layer.select(images);
        }
    }
}

/// Texts and images to the match of the two.
#[derive(Debug, Module)]
pub(crate) struct BlipMatcher {
    texts: BlipTexts,
    itm_head: Linear,
}

impl BlipMatcher {
    /// Takes `text_encoder.*`, `text_proj.*` and `itm_head.*` from `weights`.
    pub(crate) fn load(
        config: &BlipConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let width = Some(config.vit.embed_dim);
        Ok(Self {
            texts: BlipTexts::load_with(config, width, weights, device)?,
            itm_head: weights.linear("itm_head", config.med.hidden_size, 2, device)?,
        })
    }

    /// The text encoder, which also reads texts by themselves.
    pub(crate) fn texts(&self) -> &BlipTexts {
        &self.texts
    }

    /// Prepares the images with `tokens` `[B, 1 + N, C]`, for any number of texts.
    pub(crate) fn images(&self, tokens: &Tensor<3>) -> MatchedImages {
        MatchedImages(self.texts.encoder.keys_values(tokens))
    }

    /// ITM logits `[T, 2]` of each text: the second is that of a match. Each of the images is matched with the same number of
    /// adjacent texts.
    ///
    /// # Errors
    /// When a token is not in the vocabulary.
    pub(crate) fn logits(
        &self,
        rows: &[Vec<u32>],
        images: &MatchedImages,
    ) -> Result<Tensor<2>, ModelError> {
        let hidden = self.texts.matched(rows, images)?;
        Ok(self.itm_head.forward(hidden))
    }
}

/// `[B, L, C]` to the first of each `[B, C]`.
fn first(states: Tensor<3>) -> Tensor<2> {
    let [batch, _, width] = states.dims();
    states.slice([0..batch, 0..1, 0..width]).squeeze_dim(1)
}

#[cfg(test)]
mod full_size;

#[cfg(test)]
mod tests;
