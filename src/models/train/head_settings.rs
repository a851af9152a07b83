//! How the encoders and each head are trained.

use serde::{Deserialize, Serialize};

use crate::models::caption_network::CaptionerConfig;
use crate::models::nn::BertConfig;

/// Training of the contrastive heads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AlignmentSettings {
    /// Passes over the captions.
    pub epochs: usize,
    /// Captions a step.
    pub batch: usize,
    /// Classifier classes a step that stand in for pictures.
    pub class_pairs: usize,
    /// Whether image features are rooted and brought to one scale first.
    pub standardise: bool,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Share of the image features that is dropped.
    pub input_dropout: f64,
    /// Share of the hidden layer that is dropped.
    pub hidden_dropout: f64,
    /// Share of the sentence features that is dropped.
    pub text_dropout: f64,
    /// Whether the mean word of a sentence is looked at beside its vector.
    pub words: bool,
    /// Share of the captions of which only some words are read, as in a search by keywords.
    pub keywords: f64,
    /// Whether pictures without captions are learned from too, by the names of what they show.
    pub names: bool,
}

/// Tuning of the encoders with the contrastive heads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EncoderSettings {
    /// Passes over the captioned pictures.
    pub epochs: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Captions of each picture a step.
    pub captions: usize,
    /// Uppermost blocks of the image encoder that are tuned.
    pub image_blocks: usize,
    /// Classifier classes a step that stand in for pictures.
    pub class_pairs: usize,
    /// Share of the captions of which only some words are read, as in a search by keywords.
    pub keywords: f64,
    /// Whether pictures without captions are learned from too, by the names of what they show.
    pub names: bool,
    /// Weight of what keeps the image encoder's classes as they were.
    pub class_weight: f64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
}

/// Training of the recognition decoder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TaggingSettings {
    /// Passes over the pictures.
    pub epochs: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Absent tags a step, sampled to stand for all that the batch does not show.
    pub absent: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Share of the image token channels that is dropped.
    pub dropout: f64,
}

/// Training of the alignment encoder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MatchingSettings {
    /// Passes over the pictures that are learned from, each of which begins a group.
    pub epochs: usize,
    /// Groups a step.
    pub batch: usize,
    /// Pictures of a group, each of which is matched with a caption of each.
    pub group: usize,
    /// Share of the captions of which only some words are read, as in a search by keywords.
    pub keywords: f64,
    /// Whether pictures without captions are learned from too, by the names of what they show.
    pub names: bool,
    /// The pictures most like the first of a group, by the contrastive heads, from which the others are drawn in the end.
    pub depth: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Learning rate of the text layers, which are trained ones at first, as a share of that of what is new.
    pub pretrained_rate: f64,
    /// Share of the image tokens' channels, and of those of the states of the lower text layers, that is dropped.
    pub dropout: f64,
    /// Uppermost layers of the text encoder that look at the picture.
    pub layers: usize,
    /// Channels of the image tokens that are kept of a picture.
    pub token_width: usize,
}

impl CaptioningSettings {
    /// Shape of a captioner that writes `words`.
    pub(crate) fn config(&self, words: usize) -> CaptionerConfig {
        /// Channels of an attention head, as in BERT.
        const HEAD: usize = 64;
        CaptionerConfig {
            decoder: BertConfig {
                vocab_size: words,
                hidden_size: self.hidden_size,
                num_hidden_layers: self.layers,
                num_attention_heads: (self.hidden_size / HEAD).max(1),
                intermediate_size: 4 * self.hidden_size,
                max_position_embeddings: 64,
                layer_norm_eps: 1e-12,
            },
            tags: self.tags,
        }
    }
}

/// Training of the caption decoder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CaptioningSettings {
    /// Passes over the captioned pictures.
    pub epochs: usize,
    /// Pictures a step, each with up to five of its captions.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Share that is dropped of the image tokens' channels, of what the decoder looks at, and of its output.
    pub dropout: f64,
    /// Share of the words read so far that is hidden from the decoder.
    pub word_dropout: f64,
    /// Times that training captions use a word which captions may be written in.
    pub least_uses: usize,
    /// Width of the decoder; a multiple of 64.
    pub hidden_size: usize,
    /// Layers of the decoder.
    pub layers: usize,
    /// Tags that a caption is written from.
    pub tags: usize,
}

impl Default for AlignmentSettings {
    fn default() -> Self {
        Self {
            epochs: 12,
            batch: 512,
            class_pairs: 256,
            standardise: true,
            learning_rate: 1e-3,
            weight_decay: 0.2,
            input_dropout: 0.3,
            hidden_dropout: 0.5,
            text_dropout: 0.1,
            words: true,
            keywords: 0.0,
            names: false,
        }
    }
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 256,
            captions: 2,
            image_blocks: 5,
            class_pairs: 128,
            keywords: 0.0,
            names: false,
            class_weight: 0.2,
            learning_rate: 3e-4,
            weight_decay: 0.05,
        }
    }
}

impl Default for TaggingSettings {
    fn default() -> Self {
        Self {
            epochs: 6,
            batch: 32,
            absent: 160,
            learning_rate: 1e-3,
            weight_decay: 0.05,
            dropout: 0.1,
        }
    }
}

impl Default for MatchingSettings {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch: 32,
            group: 4,
            keywords: 0.3,
            names: true,
            depth: 100,
            learning_rate: 5e-4,
            weight_decay: 0.05,
            pretrained_rate: 0.3,
            dropout: 0.1,
            layers: 4,
            token_width: 256,
        }
    }
}

impl Default for CaptioningSettings {
    fn default() -> Self {
        Self {
            epochs: 12,
            batch: 16,
            learning_rate: 5e-4,
            weight_decay: 0.05,
            dropout: 0.2,
            word_dropout: 0.1,
            least_uses: 5,
            hidden_size: 256,
            layers: 3,
            tags: 12,
        }
    }
}
