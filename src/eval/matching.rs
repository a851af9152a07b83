//! Image-text matching (ITM) of the pairs that a cheaper score brings near the top.

use std::collections::HashMap;
use std::convert::Infallible;

use super::EvalError;
use super::progress::Watch;
use super::rerank::{closest, rerank};
use super::scores::Scores;
use crate::caption::MatchLogits;
use crate::encoder::Encoder;
use crate::image_tokens::ImageTokensF16;
use crate::query::{FusionParams, Resolver};

/// Sentences matched with a picture between two reports of progress.
const SENTENCES: usize = 64;

/// Where a sentence and a picture are.
pub(crate) type Pair = (usize, usize);

/// Logits of the pairs that any of some rankings has in its first `depth` places.
pub(crate) struct Matches {
    logits: HashMap<Pair, MatchLogits>,
    depth: usize,
    /// Of each sentence, whether a search matches it.
    relates: Vec<bool>,
}

impl Matches {
    /// Matches the first `depth` pictures of every sentence and the first `depth` sentences of every picture, by each of
    /// `rankings`; a pair of several is matched once.
    pub(crate) fn new(
        encoder: &dyn Encoder,
        tokens: &[ImageTokensF16],
        sentences: &[String],
        rankings: &[&Scores],
        depth: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let wanted = wanted(rankings, tokens.len(), depth, true);
        Self::of_wanted(encoder, tokens, sentences, &wanted, depth, watch)
    }

    /// Matches the first `depth` pictures of every sentence, by each of `rankings`.
    pub(crate) fn of_sentences(
        encoder: &dyn Encoder,
        tokens: &[ImageTokensF16],
        sentences: &[String],
        rankings: &[&Scores],
        depth: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let wanted = wanted(rankings, tokens.len(), depth, false);
        Self::of_wanted(encoder, tokens, sentences, &wanted, depth, watch)
    }

    fn of_wanted(
        encoder: &dyn Encoder,
        tokens: &[ImageTokensF16],
        sentences: &[String],
        wanted: &[Vec<usize>],
        depth: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let total = wanted.iter().map(Vec::len).sum();
        let mut logits = HashMap::with_capacity(total);
        for (picture, wanted) in wanted.iter().enumerate() {
            for wanted in wanted.chunks(SENTENCES) {
                let texts: Vec<&str> = wanted.iter().map(|&s| sentences[s].as_str()).collect();
                let found = encoder.match_logits(&[&tokens[picture]], &texts)?;
                let pairs = wanted.iter().map(|&sentence| (sentence, picture));
                logits.extend(pairs.zip(found.into_iter().flatten()));
                watch.count("matching", logits.len(), total)?;
            }
        }
        let resolver = Resolver::new(encoder.vocabulary());
        let relates = sentences
            .iter()
            .map(|sentence| resolver.resolve(sentence, false).relates());
        Ok(Self {
            logits,
            depth,
            relates: relates.collect(),
        })
    }

    /// The reference's score: by similarity the first `depth` candidates get their logit and their similarity, the others
    /// less than any of these. `pair` tells which pair a candidate is.
    pub(crate) fn reference(&self, similarities: &[f32], pair: impl Fn(usize) -> Pair) -> Vec<f32> {
        let matching = |candidates: &[usize]| {
            let logits = candidates.iter().map(|&c| self.logits[&pair(c)].matched);
            Ok::<_, Infallible>(logits.collect())
        };
        let Ok(scores) = rerank(similarities, self.depth, matching);
        scores
    }

    /// The probabilities of a match of the first `depth` candidates, and less than any for the others.
    pub(crate) fn alone(&self, scores: &[f32], pair: impl Fn(usize) -> Pair) -> Vec<f32> {
        let mut probabilities = vec![-1.0; scores.len()];
        for candidate in closest(scores, self.depth) {
            probabilities[candidate] = self.logits[&pair(candidate)].probability();
        }
        probabilities
    }

    /// Fused scores, to which the first `depth` candidates add what the probability of a match counts for where a search would
    /// match the sentence. That is never negative, so those behind them stay behind.
    pub(crate) fn fused(
        &self,
        fused: &[f32],
        params: &FusionParams,
        pair: impl Fn(usize) -> Pair,
    ) -> Vec<f32> {
        let mut scores = fused.to_vec();
        for candidate in closest(fused, self.depth) {
            let pair = pair(candidate);
            if self.relates[pair.0] {
                scores[candidate] += params.matching(self.logits[&pair].probability());
            }
        }
        scores
    }
}

/// The sentences that each picture is to be matched with: those that bring it near the top, and with `both` those that it brings.
fn wanted(rankings: &[&Scores], pictures: usize, depth: usize, both: bool) -> Vec<Vec<usize>> {
    let mut wanted = vec![Vec::new(); pictures];
    for scores in rankings {
        for sentence in 0..scores.sentences() {
            for picture in closest(scores.row(sentence), depth) {
                wanted[picture].push(sentence);
            }
        }
        for (picture, wanted) in wanted.iter_mut().enumerate().filter(|_| both) {
            wanted.extend(closest(&scores.column(picture), depth));
        }
    }
    for wanted in &mut wanted {
        wanted.sort_unstable();
        wanted.dedup();
    }
    wanted
}
