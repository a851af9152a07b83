//! The recognition decoders of the published models (Tag2Text, section 3.3; RAM; RAM++): one query a tag looks at the image
//! tokens. They have the layers in common and differ in where a query comes from and in how it becomes a logit.

mod decision;
#[cfg(test)]
mod full_size;
mod head;
mod ram;
mod ram_decoder;
mod ram_plus;
mod tag2text;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::tagger::TaggerConfig;
use super::weights::Weights;

pub(crate) use decision::{Thresholds, ThresholdsConfig};
pub(crate) use head::TaggingHead;
pub(crate) use ram::{Ram, RamConfig};
pub(crate) use ram_plus::{RamPlus, RamPlusConfig};
pub(crate) use tag2text::Tag2TextTagger;
#[cfg(feature = "train")]
pub(crate) use tag2text::TagTables;

use ram_decoder::{LabelProjection, RamDecoder};

/// Which decoder, and its shape.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum RecognizerConfig {
    Tag2Text(TaggerConfig),
    Ram(RamConfig),
    RamPlus(RamPlusConfig),
}

impl RecognizerConfig {
    /// Tags that it recognises.
    pub(crate) fn num_class(&self) -> usize {
        match self {
            Self::Tag2Text(tagger) => tagger.num_class,
            Self::Ram(ram) => ram.tagger.num_class,
            Self::RamPlus(plus) => plus.ram.tagger.num_class,
        }
    }
}

/// The recognition decoder of a published model.
#[derive(Debug)]
pub(crate) enum Recognizer {
    Tag2Text(Tag2TextTagger),
    Ram(Ram),
    RamPlus(RamPlus),
}

impl Recognizer {
    /// Takes what the decoder needs from `weights`.
    pub(crate) fn load(
        config: &RecognizerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(match config {
            RecognizerConfig::Tag2Text(config) => {
                Self::Tag2Text(Tag2TextTagger::load(config, weights, device)?)
            }
            RecognizerConfig::Ram(config) => Self::Ram(Ram::load(config, weights, device)?),
            RecognizerConfig::RamPlus(config) => {
                Self::RamPlus(RamPlus::load(config, weights, device)?)
            }
        })
    }

    /// Image tokens `[B, N, width of the image encoder]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        match self {
            Self::Tag2Text(tagger) => tagger.forward(tokens),
            Self::Ram(ram) => ram.forward(tokens),
            Self::RamPlus(plus) => plus.forward(tokens),
        }
    }
}
