//! Captioned pictures as a collection that is searched.

use std::collections::BTreeSet;

use imgsearch_index::TagId;

use super::rerank::closest;
use super::scores::rarity;
use crate::encoder::{Encoder, ImageFeatures};
use crate::query::{Evidence, Fusion, FusionParams, Rarity, Resolution, Resolver};

/// What a search brings: for each thing that it names, what the candidates say of it.
pub(super) type Things = Vec<Vec<Evidence>>;

/// Pictures with what searching them takes.
pub(super) struct Collection<'a> {
    pub(super) encoder: &'a dyn Encoder,
    pub(super) resolver: Resolver,
    pub(super) images: &'a [ImageFeatures],
    pub(super) fusion: FusionParams,
    rarity: Rarity,
    /// How many pictures the similarity brings.
    candidates: usize,
}

impl<'a> Collection<'a> {
    pub(super) fn new(
        encoder: &'a dyn Encoder,
        images: &'a [ImageFeatures],
        fusion: FusionParams,
        candidates: usize,
    ) -> Self {
        Self {
            encoder,
            resolver: Resolver::new(encoder.vocabulary()),
            images,
            fusion,
            rarity: rarity(encoder, images),
            candidates,
        }
    }

    pub(super) fn prepared<'b>(&'b self, resolution: &'b Resolution) -> Fusion<'b> {
        let vocabulary = self.encoder.vocabulary();
        Fusion::new(vocabulary, resolution, &self.rarity, self.fusion)
    }

    pub(super) fn evidence(&self, fusion: &Fusion<'_>, image: usize) -> Vec<Evidence> {
        fusion.evidence(|tag| self.probability(image, tag))
    }

    pub(super) fn probability(&self, image: usize, tag: TagId) -> f32 {
        self.images[image].tag_scores[tag.0 as usize]
    }

    /// What the candidates of a search say of each thing that it names: the most similar pictures, and those in which one of the tags
    /// is recognised.
    pub(super) fn things(&self, resolution: &Resolution, cosines: &[f32]) -> Things {
        let fusion = self.prepared(resolution);
        let tags = resolution.weighted_tags();
        let recognised = |&image: &usize| {
            let mut tags = tags
                .iter()
                .filter_map(|(tag, _)| self.encoder.vocabulary().get(*tag));
            tags.any(|tag| self.probability(image, tag.id) > tag.threshold)
        };
        let mut candidates: BTreeSet<usize> =
            closest(cosines, self.candidates).into_iter().collect();
        candidates.extend((0..self.images.len()).filter(recognised));
        let mut things = vec![Vec::new(); fusion.things().len()];
        for image in candidates {
            let evidence = self.evidence(&fusion, image);
            for (thing, &at) in things.iter_mut().zip(fusion.things()) {
                thing.extend(evidence.get(at));
            }
        }
        things
    }
}
