//! What each leg makes of every pair of sentence and picture.

use imgsearch_index::TagId;

use super::EvalError;
use super::progress::Watch;
use super::queries::Queries;
use crate::encoder::{Encoder, ImageFeatures};
use crate::query::{Fusion, FusionParams, Rarity, Resolver};

/// A score of every pair: a row a sentence, a column a picture.
pub(crate) struct Scores {
    values: Vec<f32>,
    pictures: usize,
}

impl Scores {
    pub(crate) fn new(pictures: usize) -> Self {
        Self {
            values: Vec::new(),
            pictures,
        }
    }

    /// Adds a sentence.
    pub(crate) fn push_row(&mut self, scores: &[f32]) {
        debug_assert_eq!(scores.len(), self.pictures);
        self.values.extend_from_slice(scores);
    }

    pub(crate) fn sentences(&self) -> usize {
        self.values.len() / self.pictures
    }

    /// Of one sentence with every picture.
    pub(crate) fn row(&self, sentence: usize) -> &[f32] {
        &self.values[sentence * self.pictures..][..self.pictures]
    }

    /// Of one picture with every sentence.
    pub(crate) fn column(&self, picture: usize) -> Vec<f32> {
        let below = self.values.iter().skip(picture);
        below.step_by(self.pictures).copied().collect()
    }
}

/// The legs that need nothing but features.
pub(crate) struct LegScores {
    /// Cosine of the embeddings (ITC).
    pub(crate) similarity: Scores,
    /// The tags that the words stand for, and the fusion of both; absent when the model recognises none.
    pub(crate) tags: Option<[Scores; 2]>,
}

impl LegScores {
    pub(crate) fn new(
        encoder: &dyn Encoder,
        images: &[ImageFeatures],
        queries: &Queries,
        params: FusionParams,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let vocabulary = encoder.vocabulary();
        let resolver = Resolver::new(vocabulary);
        let rarity = rarity(encoder, images);
        let [mut similarity, mut tags, mut fused] = [(); 3].map(|()| Scores::new(images.len()));
        for (index, sentence) in queries.texts.iter().enumerate() {
            let text = encoder.text(sentence)?;
            let cosines = images.iter().map(|image| image.embedding.dot(&text));
            similarity.values.extend(cosines);
            if !vocabulary.is_empty() {
                let resolution = resolver.resolve(sentence, false);
                let fusion = Fusion::new(vocabulary, &resolution, &rarity, params);
                for (image, &cosine) in images.iter().zip(similarity.row(index)) {
                    let probability = |tag: TagId| image.tag_scores[tag.0 as usize];
                    tags.values.push(fusion.score(None, probability));
                    fused.values.push(fusion.score(Some(cosine), probability));
                }
            }
            watch.count("comparing sentences", index + 1, queries.texts.len())?;
        }
        Ok(Self {
            similarity,
            tags: (!vocabulary.is_empty()).then_some([tags, fused]),
        })
    }
}

/// How rare the tags of a model are among some pictures.
pub(crate) fn rarity(encoder: &dyn Encoder, images: &[ImageFeatures]) -> Rarity {
    let counts = encoder.vocabulary().iter().map(|tag| {
        let shown = images
            .iter()
            .filter(|image| image.tag_scores[tag.id.0 as usize] > tag.threshold);
        (tag.id, shown.count() as u64)
    });
    Rarity::new(images.len() as u64, counts.filter(|(_, count)| *count > 0))
}
