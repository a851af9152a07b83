//! What a model says of a picture in sentences.

use crate::models::Caption;

/// A caption of a picture, with what it was written from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaggedCaption {
    /// The sentence.
    pub text: String,
    /// Mean log-probability of its tokens, at most 0: the higher, the surer the model.
    pub score: f64,
    /// The tags that it was written from: those that were given, else those that were recognised.
    pub tags: Vec<String>,
}

impl TaggedCaption {
    /// A caption from its parts.
    pub fn new(caption: Caption, tags: Vec<String>) -> Self {
        Self {
            text: caption.text,
            score: caption.score,
            tags,
        }
    }
}

/// How well a sentence goes with a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentenceMatch {
    /// Cosine of the two embeddings (image-text contrastive), -1 to 1.
    pub itc: f32,
    /// Probability that they belong together (image-text matching), 0 to 1; `None` when the model has no such head.
    pub itm: Option<f32>,
}

impl SentenceMatch {
    /// A match from its parts.
    pub fn new(itc: f32, itm: Option<f32>) -> Self {
        Self { itc, itm }
    }
}
