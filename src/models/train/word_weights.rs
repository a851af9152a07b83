//! How much each word of a sentence tells.

use std::collections::HashSet;

use super::TrainError;
use crate::corpus::CaptionedPicture;
use crate::models::sentence::SentenceEncoder;

/// Inverse document frequency of every word of the text encoder's vocabulary, over all captions: `ln(captions / (1 + those with the
/// word))`, and 0 for words that all of them have. Words that none has weigh most.
pub(crate) fn word_weights(
    pictures: &[CaptionedPicture],
    encoder: &SentenceEncoder,
    vocabulary: usize,
) -> Result<Vec<f32>, TrainError> {
    let mut uses = vec![0u32; vocabulary];
    let mut captions = 0u32;
    for caption in pictures.iter().flat_map(|picture| &picture.captions) {
        let words: HashSet<u32> = encoder.tokens(caption)?.into_iter().collect();
        for word in words {
            uses[word as usize] += 1;
        }
        captions += 1;
    }
    let weight = |&uses: &u32| (captions as f32 / (1 + uses) as f32).ln().max(0.0);
    Ok(uses.iter().map(weight).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Split;
    use crate::models::builtin;
    use crate::models::manifest::Manifest;
    use crate::models::mini::{BACKBONES, WORDS};
    use crate::models::weights::Weights;
    use burn::tensor::Device;
    use std::path::PathBuf;

    #[test]
    fn rare_words_weigh_more_and_make_the_mean() {
        let manifest = Manifest::parse(Manifest::FILE, builtin::file(Manifest::FILE)).unwrap();
        let words = std::str::from_utf8(builtin::file(WORDS)).unwrap();
        let weights = Weights::parse(BACKBONES, builtin::file(BACKBONES)).unwrap();
        let device = Device::flex();
        let encoder = SentenceEncoder::load(&manifest, words, &weights, &device).unwrap();
        let captions = ["a dog and a ball", "a cat", "a dog", "a dog"];
        let pictures = captions.map(|caption| CaptionedPicture {
            path: PathBuf::new(),
            captions: vec![caption.to_owned()],
            tags: Vec::new(),
            split: Split::Train,
            source: String::new(),
        });
        let weights = word_weights(&pictures, &encoder, manifest.text_encoder.vocab_size).unwrap();
        let of = |word: &str| weights[encoder.tokens(word).unwrap()[1] as usize];
        assert_eq!((of("a"), of("dog")), (0.0, 0.0));
        assert_eq!((of("cat"), of("zebra")), (2f32.ln(), 4f32.ln()));

        let mean = |sentence: &str| encoder.mean_word(&encoder.tokens(sentence).unwrap(), &weights);
        assert_eq!(mean("a dog"), vec![0.0; encoder.width()]);
        assert_eq!(mean("a cat a dog"), mean("cat"));
        let (cat, zebra, both) = (mean("cat"), mean("zebra"), mean("zebra cat"));
        for ((cat, zebra), both) in cat.iter().zip(&zebra).zip(&both) {
            assert!(((cat + 2.0 * zebra) / 3.0 - both).abs() < 1e-5);
        }
        let variance = cat.iter().map(|x| x * x).sum::<f32>() / cat.len() as f32;
        assert!((variance - 0.25).abs() < 1e-3, "{variance}");
    }
}
