//! One score from the similarity of embeddings and the weighted number of matching tags (paper, section 3.4).

use imgsearch_index::TagId;

use super::calibrate::Evidence;
use super::explain::{Explanation, MatchedTag};
use super::fusion_params::FusionParams;
use super::keyword;
use super::rarity::Rarity;
use super::resolution::{How, Resolution};
use super::source::TagSource;
use crate::vocabulary::{TagKind, Vocabulary};

struct Weighted {
    tag: TagId,
    how: How,
    /// Everything but the confidence.
    weight: f32,
    threshold: f32,
    lift: f32,
    /// The odds that make a confidence of one half.
    odds: f32,
}

/// A query made ready to score pictures.
pub struct Fusion<'a> {
    vocabulary: &'a Vocabulary,
    resolution: &'a Resolution,
    params: FusionParams,
    concepts: Vec<Vec<Weighted>>,
    /// The concepts that are things or places, where there are any; else all: of "red zebra" a collection may show red.
    things: Vec<usize>,
    /// The probability above which tags are recognised, where it is not their own threshold.
    threshold: Option<f32>,
}

impl<'a> Fusion<'a> {
    /// Prepares a resolved query: all that does not depend on a picture is worked out here.
    pub fn new(
        vocabulary: &'a Vocabulary,
        resolution: &'a Resolution,
        rarity: &Rarity,
        params: FusionParams,
    ) -> Self {
        let tag_weight = match resolution.keywords {
            true => params.tag_weight * params.keyword_factor,
            false => params.tag_weight,
        };
        let weighted = |tag, how: How, weight: f32, threshold| Weighted {
            tag,
            how,
            weight: tag_weight * weight * how.weight(),
            threshold,
            lift: params.lift(threshold),
            odds: (-params.lift(threshold) / params.confidence_slope).exp(),
        };
        let concepts = resolution.concepts.iter().enumerate().map(|(at, concept)| {
            let tags = concept.tags.iter().filter_map(|candidate| {
                let tag = vocabulary.get(candidate.tag)?;
                let rare = rarity.of(tag.id).powf(params.rarity);
                let weight = concept.weight * rare;
                Some(weighted(tag.id, candidate.how, weight, tag.threshold))
            });
            // A picture has it or has it not, so any threshold will do.
            let keyword = concept.keyword.as_ref();
            let keyword =
                keyword.map(|_| weighted(keyword::tag_of(at), How::Exact, concept.weight, 0.5));
            tags.chain(keyword).collect()
        });
        let concepts: Vec<Vec<Weighted>> = concepts.collect();
        let is_thing = |at: &usize| {
            let kinds = concepts[*at].iter().filter_map(|w| vocabulary.get(w.tag));
            let is_keyword = resolution.concepts[*at].keyword.is_some();
            is_keyword
                || kinds
                    .take(1)
                    .any(|tag| matches!(tag.kind, TagKind::Object | TagKind::Scene))
        };
        let mut things: Vec<usize> = (0..concepts.len()).filter(is_thing).collect();
        if things.is_empty() {
            things = (0..concepts.len()).collect();
        }
        Self {
            vocabulary,
            resolution,
            params,
            concepts,
            things,
            threshold: None,
        }
    }

    /// Calls all tags recognised whose probability is above this one. Scores stay as they are.
    #[must_use]
    pub fn with_threshold(self, threshold: Option<f32>) -> Self {
        Self { threshold, ..self }
    }

    /// What the probability of a match adds to a score, where there is one and the query is such that it tells something.
    pub fn matching(&self, itm: Option<f32>) -> f32 {
        let itm = itm.filter(|_| self.resolution.relates());
        itm.map_or(0.0, |probability| self.params.matching(probability))
    }

    /// The score of a picture: its cosine similarity, if there is one, and the probability of each tag.
    pub fn score(&self, cosine: Option<f32>, probability: impl Fn(TagId) -> f32) -> f32 {
        let tags = self.concepts.iter().map(|concept| {
            self.best(concept, &probability)
                .map_or(0.0, |(_, _, weight)| weight)
        });
        total(self.similarity(cosine), tags)
    }

    /// The same score, and what [`Fusion::matching`] adds, with everything that it is made of.
    pub fn explain(
        &self,
        cosine: Option<f32>,
        itm: Option<f32>,
        probability: impl Fn(TagId) -> f32,
    ) -> Explanation {
        let mut tags = Vec::new();
        for (concept, weighted) in self.resolution.concepts.iter().zip(&self.concepts) {
            let Some((best, confidence, weight)) = self.best(weighted, &probability) else {
                continue;
            };
            tags.push(MatchedTag {
                query: concept.text.clone(),
                how: best.how,
                tag: self.name(best.tag).to_owned(),
                confidence,
                weight,
                recognized: confidence > self.threshold.unwrap_or(best.threshold),
                source: TagSource::Model,
            });
        }
        let itc_weight = self.similarity(cosine);
        let itm_weight = self.matching(itm);
        let score = total(itc_weight, tags.iter().map(|tag| tag.weight)) + itm_weight;
        Explanation {
            tags,
            itc: cosine,
            itc_weight,
            itm,
            itm_weight,
            probability: None,
            score,
            unresolved: self.resolution.unresolved.clone(),
        }
    }

    /// How surely a picture shows each concept of the query.
    pub(crate) fn evidence(&self, probability: impl Fn(TagId) -> f32) -> Vec<Evidence> {
        let evidence = self.concepts.iter().map(|concept| {
            let (threshold, probability) = self
                .best(concept, &probability)
                .map_or((0.5, 0.0), |(tag, probability, _)| {
                    (tag.threshold, probability)
                });
            Evidence::new(probability, threshold)
        });
        evidence.collect()
    }

    /// The concepts by which it is judged whether a collection shows what is asked for.
    pub(crate) fn things(&self) -> &[usize] {
        &self.things
    }

    /// How a tag is called, or a keyword.
    fn name(&self, tag: TagId) -> &str {
        let name = self.vocabulary.get(tag).map(|tag| tag.name.as_str());
        name.or_else(|| self.resolution.keyword(tag))
            .unwrap_or_default()
    }

    fn similarity(&self, cosine: Option<f32>) -> f32 {
        cosine.map_or(0.0, |cosine| self.params.similarity(cosine))
    }

    /// The tag of a concept that counts most for a picture, with its probability and weight.
    fn best<'b>(
        &self,
        concept: &'b [Weighted],
        probability: impl Fn(TagId) -> f32,
    ) -> Option<(&'b Weighted, f32, f32)> {
        let mut best: Option<(&Weighted, f32, f32)> = None;
        let heaviest = concept
            .iter()
            .map(|weighted| weighted.weight)
            .fold(0.0, f32::max);
        // The odds, in units of each tag's own scale, below which a tag cannot beat the best so far: two
        // multiplications where a confidence costs two transcendental functions.
        let mut needed = 0.0;
        for weighted in concept {
            let probability = probability(weighted.tag);
            if best.is_some() && probability < needed * weighted.odds * (1.0 - probability) {
                continue;
            }
            let weight = weighted.weight * self.params.lifted(probability, weighted.lift);
            if best.is_none_or(|(_, _, least)| weight > least) {
                best = Some((weighted, probability, weight));
                needed = self.params.needed(weight / heaviest);
            }
        }
        best
    }
}

/// The arithmetic of a score, in one place so that an explanation repeats it to the bit.
pub(crate) fn total(similarity: f32, tags: impl Iterator<Item = f32>) -> f32 {
    tags.fold(similarity, |sum, weight| sum + weight)
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Log odds; probabilities of 0 and 1 count as those next to them.
pub(crate) fn log_odds(probability: f32) -> f32 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::Resolver;
    use crate::query::fixtures::vocabulary;

    #[test]
    fn a_matching_tag_lifts_a_picture_and_a_surer_one_lifts_it_more() {
        let vocabulary = vocabulary();
        let resolution = Resolver::new(&vocabulary).resolve("a dog on the beach", false);
        let fusion = Fusion::new(
            &vocabulary,
            &resolution,
            &Rarity::default(),
            FusionParams::default(),
        );
        let with = |dog: f32| fusion.score(Some(0.3), |tag| if tag.0 == 1 { dog } else { 0.01 });
        assert!(with(0.9) > with(0.5) && with(0.5) > with(0.1));
    }

    #[test]
    fn tags_count_more_for_keywords_than_in_a_sentence() {
        let vocabulary = vocabulary();
        let params = FusionParams {
            keyword_factor: 2.0,
            ..FusionParams::default()
        };
        let weight = |text| {
            let resolution = Resolver::new(&vocabulary).resolve(text, false);
            let fusion = Fusion::new(&vocabulary, &resolution, &Rarity::default(), params);
            fusion.score(None, |_| 0.9)
        };
        assert_eq!(weight("dog"), 2.0 * weight("a dog"));
    }

    proptest! {
        #[test]
        fn passing_over_hopeless_tags_changes_nothing(scores in prop::collection::vec(0.0_f32..=1.0, 14)) {
            let vocabulary = vocabulary();
            let resolution = Resolver::new(&vocabulary).resolve("animals", false);
            let params = FusionParams::default();
            let fusion = Fusion::new(&vocabulary, &resolution, &Rarity::default(), params);
            let plain = fusion.concepts[0]
                .iter()
                .map(|w| w.weight * params.confidence(scores[w.tag.0 as usize], w.threshold))
                .fold(0.0, f32::max);
            prop_assert_eq!(fusion.score(None, |tag| scores[tag.0 as usize]), plain);
        }

        #[test]
        fn an_explanation_adds_up_to_the_bit(cosine in -1.0_f32..1.0, itm in prop::option::of(0.0_f32..=1.0), scores in prop::collection::vec(0.0_f32..=1.0, 14)) {
            let vocabulary = vocabulary();
            let resolution = Resolver::new(&vocabulary).resolve("red animals running on a beach with an orange sofa", false);
            let rarity = Rarity::new(50, (0..14).map(|id| (TagId(id), u64::from(id) * 3)));
            let fusion = Fusion::new(&vocabulary, &resolution, &rarity, FusionParams::default());
            let score = fusion.score(Some(cosine), |tag| scores[tag.0 as usize]);
            let score = score + fusion.matching(itm);
            let why = fusion.explain(Some(cosine), itm, |tag| scores[tag.0 as usize]);
            prop_assert_eq!(score.to_bits(), why.score.to_bits());
            prop_assert_eq!(score.to_bits(), why.recompute().to_bits());
            let again: Explanation = serde_json::from_str(&serde_json::to_string(&why).unwrap()).unwrap();
            prop_assert_eq!(score.to_bits(), again.recompute().to_bits());
        }

        #[test]
        fn confidence_never_falls(a in 0.0_f32..=1.0, b in 0.0_f32..=1.0, threshold in 0.0_f32..=1.0) {
            let params = FusionParams::default();
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(params.confidence(low, threshold) <= params.confidence(high, threshold));
        }
    }
}
