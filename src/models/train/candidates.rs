//! Pictures that the trained aligner takes for that of a caption: what image-text matching ranks anew.

use burn::tensor::Device;

use super::features::Features;
use super::most_similar::most_similar;
use super::{TrainError, matrix};
use crate::models::aligner::Aligner;
use crate::models::backbone::host;

/// Captions that are compared with all pictures at once.
const BATCH: usize = 512;

/// The most similar other pictures of some captions, and how similar they are.
#[derive(Debug)]
pub(crate) struct Candidates {
    captions: Vec<usize>,
    depth: usize,
    /// `[captions, 1 + depth]`: the caption's own picture, then others, the most similar first.
    pictures: Vec<u32>,
    /// `[captions, 1 + depth]`: cosines.
    similarities: Vec<f32>,
}

impl Candidates {
    /// Ranks `among`, pictures in any order, for each of `captions`. The own picture must be one of them.
    pub(crate) fn rank(
        features: &Features,
        aligner: &Aligner,
        captions: &[usize],
        among: &[usize],
        depth: usize,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let depth = depth.min(among.len().saturating_sub(1));
        let mut images = Vec::new();
        for &picture in among {
            features.push_image(picture, 0, &mut images);
        }
        let width = images.len() / among.len().max(1);
        let images = aligner.image.forward(matrix(images, width, device));
        let images = images.transpose();
        let mut found = Self {
            captions: captions.to_vec(),
            depth,
            pictures: Vec::with_capacity(captions.len() * (1 + depth)),
            similarities: Vec::with_capacity(captions.len() * (1 + depth)),
        };
        let sentences = features.sentences();
        for batch in captions.chunks(BATCH) {
            let vectors: Vec<f32> = batch
                .iter()
                .flat_map(|&caption| sentences.features(caption))
                .copied()
                .collect();
            let texts = aligner
                .text
                .forward(matrix(vectors, sentences.feature_width(), device));
            let cosines = host(texts.matmul(images.clone()))?;
            for (&caption, cosines) in batch.iter().zip(cosines.chunks_exact(among.len())) {
                found.add(features.texts().picture_of(caption), among, cosines);
            }
        }
        Ok(found)
    }

    fn add(&mut self, own: usize, among: &[usize], cosines: &[f32]) {
        let own = among.iter().position(|&picture| picture == own);
        let others = most_similar(cosines, own, self.depth);
        for at in own.into_iter().chain(others) {
            self.pictures.push(among[at] as u32);
            self.similarities.push(cosines[at]);
        }
    }

    /// The captions, in the order in which they were given.
    pub(crate) fn captions(&self) -> &[usize] {
        &self.captions
    }

    /// Pictures of caption `index` of [`Candidates::captions`], its own first, and their cosines: `1 + depth` each.
    pub(crate) fn of(&self, index: usize) -> (&[u32], &[f32]) {
        let row = index * (1 + self.depth)..(index + 1) * (1 + self.depth);
        (&self.pictures[row.clone()], &self.similarities[row])
    }
}
