//! The words that captions are written in.

use std::collections::BTreeMap;

use super::TrainError;
use super::features::Features;
use crate::models::sentence::SentenceEncoder;

/// Tokens that a caption vocabulary starts with.
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// The WordPiece tokens that training captions use at least `least` times, one a line, special ones first. `words` is the
/// vocabulary of the text encoder, whose tokens these are.
pub(crate) fn caption_words(
    features: &Features,
    encoder: &SentenceEncoder,
    words: &str,
    least: usize,
) -> Result<String, TrainError> {
    let mut counts = BTreeMap::new();
    for &caption in features.training_captions() {
        for id in encoder.tokens(features.texts().get(caption))? {
            *counts.entry(id).or_insert(0) += 1;
        }
    }
    let lines: Vec<&str> = words.lines().collect();
    let frequent = counts.iter().filter(|(_, count)| **count >= least);
    let kept = frequent
        .filter_map(|(id, _)| lines.get(*id as usize).copied())
        .filter(|word| !SPECIAL.contains(word));
    Ok(SPECIAL
        .into_iter()
        .chain(kept)
        .flat_map(|word| [word, "\n"])
        .collect())
}
