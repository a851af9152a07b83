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

/// What the image-text matching head says of a sentence and a picture, before the softmax.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchLogits {
    /// That they do not belong together.
    pub mismatched: f32,
    /// That they do: with the cosine added, what the reference ranks by.
    pub matched: f32,
}

impl MatchLogits {
    /// Probability that they belong together (ITM), 0 to 1.
    pub fn probability(&self) -> f32 {
        1.0 / (1.0 + (self.mismatched - self.matched).exp())
    }
}

impl SentenceMatch {
    /// A match from its parts.
    pub fn new(itc: f32, itm: Option<f32>) -> Self {
        Self { itc, itm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_the_softmax_of_both_logits() {
        let logits = |mismatched, matched| MatchLogits {
            mismatched,
            matched,
        };
        assert_eq!(logits(2.0, 2.0).probability(), 0.5);
        // e^1.5 / (e^0 + e^1.5)
        assert!((logits(0.0, 1.5).probability() - 4.481_689 / 5.481_689).abs() < 1e-6);
        assert_eq!(logits(500.0, -500.0).probability(), 0.0);
        assert_eq!(logits(-500.0, 500.0).probability(), 1.0);
    }
}
