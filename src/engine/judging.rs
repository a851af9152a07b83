//! Whether what was found answers the query at all.

use super::searching::{Candidate, Search};
use super::{Engine, Snapshot};
use crate::error::Result;
use crate::hit::Facet;
use crate::query::{CalibrationParams, Evidence, Explanation, Query};

/// Pictures whose tags are told when none answers.
const NEAREST: usize = 20;

impl Engine {
    /// What the collection shows that is nearest to a query: tags of the pictures that answer it best, those first that stand out
    /// among all. For an answer that is empty.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn nearest_concepts(&self, query: &Query, limit: usize) -> Result<Vec<Facet>> {
        let (snapshot, prepared) = self.prepared(query)?;
        let search = Search::new(self, &snapshot, query, &prepared)?;
        let Snapshot { reader, rarity } = &snapshot;
        let best = search.candidates(query.depth())?.into_iter().take(NEAREST);
        let docs = best.map(|candidate| candidate.doc);
        let counts = reader.tag_counts_among(docs, query.threshold())?;
        let all = reader.tag_counts()?;
        let mut found: Vec<(f32, Facet)> = Vec::new();
        for (tag, count) in counts {
            let images = all.iter().find(|(other, _)| *other == tag);
            if let (Some(tag), Some(&(_, images))) = (self.vocabulary().get(tag), images) {
                let facet = Facet {
                    id: tag.id.0,
                    tag: tag.name.clone(),
                    images,
                };
                found.push((count as f32 * rarity.of(tag.id), facet));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
        let found = found.into_iter().take(limit);
        Ok(found.map(|(_, facet)| facet).collect())
    }
}

impl Search<'_> {
    fn calibration(&self) -> &CalibrationParams {
        &self.engine().config().settings().search.calibration
    }

    /// The candidates that may be shown: none of them when the collection shows nothing of what the query names, and with a least
    /// score those that reach it.
    pub(super) fn judged(&self, candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
        let Some(least) = self.query.min_score() else {
            return Ok(match self.is_shown(&candidates)? {
                true => candidates,
                false => Vec::new(),
            });
        };
        let judged = candidates.into_iter().map(|candidate| {
            let evidence = self.evidence(&candidate)?;
            let probability = self.probability(candidate.cosine, candidate.itm, &evidence);
            let is_kept = probability.is_none_or(|probability| probability >= least);
            Ok(is_kept.then_some(candidate))
        });
        judged.filter_map(Result::transpose).collect()
    }

    /// Whether the collection shows a thing that the query names. True where it names none, or a picture to be like.
    fn is_shown(&self, candidates: &[Candidate]) -> Result<bool> {
        let things = self.fusion.things();
        if things.is_empty() || !self.query.pictures().is_empty() || candidates.is_empty() {
            return Ok(true);
        }
        let mut evidence = vec![Vec::with_capacity(candidates.len()); things.len()];
        for candidate in candidates {
            let of_picture = self.evidence(candidate)?;
            for (evidence, &thing) in evidence.iter_mut().zip(things) {
                evidence.extend(of_picture.get(thing));
            }
            // The best come first, so that most searches need not look at the others.
            let mut of_things = evidence.iter().filter_map(|evidence| evidence.last());
            if of_things.any(Evidence::is_recognised) {
                return Ok(true);
            }
        }
        let calibration = self.calibration();
        let mut things = evidence.into_iter();
        Ok(things.any(|of_thing| calibration.is_shown(of_thing)))
    }

    /// How surely a candidate shows each concept of the query.
    fn evidence(&self, candidate: &Candidate) -> Result<Vec<Evidence>> {
        let scores = self.reader().tag_scores(candidate.doc)?;
        Ok(self.fusion.evidence(|tag| scores.get(tag)))
    }

    /// Why a candidate stands where it stands, and how probable it is that it answers the query.
    pub(super) fn explained(&self, candidate: &Candidate) -> Result<Explanation> {
        let scores = self.reader().tag_scores(candidate.doc)?;
        Ok(self.explanation(candidate.cosine, candidate.itm, |tag| scores.get(tag)))
    }

    /// The same of what is known of a picture.
    pub(super) fn explanation(
        &self,
        cosine: Option<f32>,
        itm: Option<f32>,
        probability: impl Fn(imgsearch_index::TagId) -> f32,
    ) -> Explanation {
        let mut why = self.fusion.explain(cosine, itm, &probability);
        let evidence = self.fusion.evidence(&probability);
        why.probability = self.probability(cosine, itm, &evidence);
        why
    }

    /// How probable it is that a picture answers the query; `None` where that is not about its looks.
    fn probability(
        &self,
        cosine: Option<f32>,
        itm: Option<f32>,
        evidence: &[Evidence],
    ) -> Option<f32> {
        let is_about_looks = cosine.is_some() || !evidence.is_empty();
        is_about_looks.then(|| self.calibration().answers(cosine, itm, evidence))
    }
}
