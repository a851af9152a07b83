//! What the text encoder makes of the captions: sentence vectors, and the states below the upper layers.

use std::ops::ControlFlow;
use std::path::Path;

use super::TrainError;
use super::cache::FeatureCache;
use super::progress::Progress;
use crate::models::backbone::host;
use crate::models::sentence::SentenceEncoder;

/// Sentences encoded at once; sorted by length, so that little of a batch is padding.
const BATCH: usize = 64;

/// Features in memory, states on disk.
#[derive(Debug)]
pub(crate) struct Sentences {
    width: usize,
    /// `[captions, F]`: sentence vectors, each followed by its mean word where words are looked at.
    features: Vec<f32>,
    /// `F`
    feature_width: usize,
    word_weights: Option<Vec<f32>>,
    /// `[tokens, W]`, sentence by sentence.
    states: FeatureCache,
    /// Ids of each caption's tokens.
    tokens: Vec<Vec<u32>>,
    /// First token of each caption in `states`, and their number.
    places: Vec<(usize, usize)>,
}

impl Sentences {
    /// Computes what `folder` does not hold yet. Words are looked at where they have `weights`.
    pub(crate) fn collect(
        texts: &[String],
        encoder: &SentenceEncoder,
        weights: Option<&[f32]>,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        let width = encoder.width();
        let tokens: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| encoder.tokens(text))
            .collect::<Result<_, _>>()?;
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let mut by_length: Vec<usize> = (0..texts.len()).collect();
        by_length.sort_by_key(|&caption| (lengths[caption], caption));
        let mut places = vec![(0, 0); texts.len()];
        let mut next = 0;
        for &caption in &by_length {
            places[caption] = (next, lengths[caption]);
            next += lengths[caption];
        }
        let mut vectors = FeatureCache::open(&folder.join("sentences.f16"), width)?;
        let mut states = FeatureCache::open(&folder.join("states.f16"), width)?;
        vectors.keep_batches(BATCH, texts.len())?;
        // The two caches grow together; a kill may leave the states ahead by one batch.
        let begun = by_length.get(vectors.len());
        states.truncate(begun.map_or(next, |&caption| places[caption].0))?;
        vectors.fill(texts.len(), BATCH, "captions", progress, |range| {
            let batch: Vec<&str> = by_length[range]
                .iter()
                .map(|&text| texts[text].as_str())
                .collect();
            let lower = encoder.lower(&batch)?;
            let longest = lower.states.dims()[1];
            let values = host(lower.states.clone())?;
            for (row, &length) in values.chunks_exact(longest * width).zip(&lower.lengths) {
                states.append(&row[..length * width])?;
            }
            Ok(host(encoder.upper(lower))?)
        })?;
        let sorted = vectors.read_all()?;
        let feature_width = if weights.is_some() { 2 * width } else { width };
        let mut features = vec![0.0; texts.len() * feature_width];
        for (vector, &caption) in sorted.chunks_exact(width).zip(&by_length) {
            let row = &mut features[caption * feature_width..][..feature_width];
            row[..width].copy_from_slice(vector);
            if let Some(weights) = weights {
                row[width..].copy_from_slice(&encoder.mean_word(&tokens[caption], weights));
            }
        }
        Ok(Self {
            width,
            features,
            feature_width,
            word_weights: weights.map(<[f32]>::to_vec),
            states,
            tokens,
            places,
        })
    }

    /// Width of a state.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Width of the features of a caption.
    pub(crate) fn feature_width(&self) -> usize {
        self.feature_width
    }

    /// Weights of the words that the aligner looks at.
    pub(crate) fn word_weights(&self) -> Option<&[f32]> {
        self.word_weights.as_deref()
    }

    /// What the aligner looks at of a caption.
    pub(crate) fn features(&self, caption: usize) -> &[f32] {
        &self.features[caption * self.feature_width..][..self.feature_width]
    }

    /// Ids of a caption's tokens.
    pub(crate) fn tokens(&self, caption: usize) -> &[u32] {
        &self.tokens[caption]
    }

    /// Tokens of a caption.
    pub(crate) fn length(&self, caption: usize) -> usize {
        self.places[caption].1
    }

    /// Appends the states of a caption, filled up with zeros to `length` tokens: `[length, W]`.
    pub(crate) fn push_states(
        &self,
        caption: usize,
        length: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), TrainError> {
        let (first, used) = self.places[caption];
        let start = out.len();
        out.resize(start + length * self.width, 0.0);
        self.states
            .read(first..first + used, &mut out[start..][..used * self.width])
    }
}
