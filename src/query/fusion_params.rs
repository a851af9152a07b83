//! The numbers of the fusion, and what they make of what the legs say.

use serde::{Deserialize, Serialize};

use super::fuse::{log_odds, sigmoid};

/// How scores are fused. The defaults are what `imgsearch eval fusion` found for the built-in model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FusionParams {
    /// The cosine similarity that counts for one half. Default: 0.675
    pub itc_centre: f32,
    /// How steeply similarity is told from dissimilarity around the centre. Default: 6
    pub itc_slope: f32,
    /// What one certain, rare, exactly named tag adds. Default: 0.116
    pub tag_weight: f32,
    /// How many times that where the query is a row of keywords, which a text encoder reads less well than a sentence. Default: 5.23
    pub keyword_factor: f32,
    /// How steeply a tag's weight grows with its probability, in units of log odds. Default: 1.305
    pub confidence_slope: f32,
    /// Log odds above the point of one half at which a tag's own threshold lies; at 2.094 a tag that is just
    /// recognised counts for 0.89. Default: 2.094
    pub confidence_margin: f32,
    /// How much more a rare tag counts than a frequent one, 0 for not at all. Default: 0
    pub rarity: f32,
    /// What a certain match of sentence and picture (ITM) adds. Default: 0.179
    pub itm_weight: f32,
    /// How steeply that grows with the probability of a match, in units of log odds; at 1 it is the probability itself, below that
    /// likely matches are told apart better. Default: 1.07
    pub itm_slope: f32,
}

impl Default for FusionParams {
    fn default() -> Self {
        Self {
            itc_centre: 0.675,
            itc_slope: 6.0,
            tag_weight: 0.116,
            keyword_factor: 5.23,
            confidence_slope: 1.305,
            confidence_margin: 2.094,
            rarity: 0.0,
            itm_weight: 0.179,
            itm_slope: 1.07,
        }
    }
}

impl FusionParams {
    /// What a cosine similarity adds to a score: between 0 and 1, and never less for more.
    pub fn similarity(&self, cosine: f32) -> f32 {
        sigmoid(self.itc_slope * (cosine - self.itc_centre))
    }

    /// What the probability that sentence and picture belong together adds to a score: never negative, and never less for more.
    pub fn matching(&self, probability: f32) -> f32 {
        self.itm_weight * sigmoid(self.itm_slope * log_odds(probability))
    }

    /// How far a tag of this probability counts as there: smooth, between 0 and 1, and never less for more.
    pub fn confidence(&self, probability: f32, threshold: f32) -> f32 {
        self.lifted(probability, self.lift(threshold))
    }

    /// The part of a tag's confidence that is the same for every picture.
    pub(super) fn lift(&self, threshold: f32) -> f32 {
        self.confidence_margin - self.confidence_slope * log_odds(threshold)
    }

    /// The odds that make a confidence, over the odds that make one half. A margin keeps rounding from
    /// passing over a tag that would win by a hair.
    pub(super) fn needed(&self, confidence: f32) -> f32 {
        if self.confidence_slope > 0.0 && confidence < 1.0 {
            (confidence / (1.0 - confidence)).powf(1.0 / self.confidence_slope) * 0.999
        } else {
            0.0
        }
    }

    pub(super) fn lifted(&self, probability: f32, lift: f32) -> f32 {
        sigmoid(self.confidence_slope * log_odds(probability) + lift)
    }
}
