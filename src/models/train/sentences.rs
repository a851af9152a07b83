//! What the frozen text encoder makes of the captions, computed once: sentence vectors, and the states below the upper layers.

use std::ops::ControlFlow;
use std::path::Path;

use super::TrainError;
use super::cache::FeatureCache;
use super::progress::Progress;
use crate::models::backbone::host;
use crate::models::sentence::SentenceEncoder;

/// Sentences encoded at once; sorted by length, so that little of a batch is padding.
const BATCH: usize = 64;

/// Sentence vectors in memory, states on disk.
#[derive(Debug)]
pub(crate) struct Sentences {
    width: usize,
    /// `[captions, W]`
    vectors: Vec<f32>,
    /// `[tokens, W]`, sentence by sentence.
    states: FeatureCache,
    /// First token of each caption in `states`, and their number.
    places: Vec<(usize, usize)>,
}

impl Sentences {
    /// Computes what `folder` does not hold yet.
    pub(crate) fn collect(
        texts: &[&str],
        encoder: &SentenceEncoder,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        let width = encoder.width();
        let lengths: Vec<usize> = texts
            .iter()
            .map(|text| Ok(encoder.tokens(text)?.len()))
            .collect::<Result<_, TrainError>>()?;
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
            let batch: Vec<&str> = by_length[range].iter().map(|&c| texts[c]).collect();
            let lower = encoder.lower(&batch)?;
            let longest = lower.states.dims()[1];
            let values = host(lower.states.clone())?;
            for (row, &length) in values.chunks_exact(longest * width).zip(&lower.lengths) {
                states.append(&row[..length * width])?;
            }
            Ok(host(encoder.upper(lower))?)
        })?;
        let sorted = vectors.read_all()?;
        let mut vectors = vec![0.0; sorted.len()];
        for (vector, &caption) in sorted.chunks_exact(width).zip(&by_length) {
            vectors[caption * width..][..width].copy_from_slice(vector);
        }
        Ok(Self {
            width,
            vectors,
            states,
            places,
        })
    }

    /// Width of a sentence vector and of a state.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The sentence vector of a caption.
    pub(crate) fn vector(&self, caption: usize) -> &[f32] {
        &self.vectors[caption * self.width..][..self.width]
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
