//! Why one picture stands where it stands in an answer, or is not in it.

use imgsearch_index::{Doc, Error as IndexError, ImageId, Record, TagId};
use serde::Serialize;

use super::searching::{Candidate, Search};
use super::tagging::{Sources, attribute};
use super::{Engine, Image, Snapshot};
use crate::error::Result;
use crate::image_tokens::ImageTokensF16;
use crate::query::{Explanation, Query, TagSource, asked};

/// What a query makes of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether it is in the index.
    pub indexed: bool,
    /// Its place in the answer, from 1 on; `None` where it is not among the pictures that a search looks at.
    pub rank: Option<usize>,
    /// What the query requires and the picture does not meet: then it is in no answer, whatever its score.
    pub unmet: Vec<Unmet>,
    /// Its score and all that it is made of.
    pub why: Explanation,
}

/// Something that a query requires and a picture does not meet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unmet {
    /// None of these tags is recognised; the most probable one has this probability and would need more than `needed`.
    Missing {
        /// Their names.
        tags: Vec<String>,
        /// The probability of the most probable one.
        confidence: f32,
        /// What it would have to be above.
        needed: f32,
        /// Who says so of the most probable one.
        source: TagSource,
    },
    /// This tag is recognised.
    Excluded {
        /// Its name.
        tag: String,
        /// Its probability.
        confidence: f32,
        /// Who says so.
        source: TagSource,
    },
    /// Its date, keywords, camera, path or format are not what is asked for.
    Fact {
        /// What is asked for, as a query writes it: `camera:nikon`.
        asked: String,
        /// What the picture has instead, if anything.
        found: Vec<String>,
    },
    /// It is not sure enough: no picture of the collection is, or this one has less than the least score that is asked for.
    Unsure,
}

/// What is known of a picture.
struct Seen {
    doc: Option<Doc>,
    record: Record,
    cosine: Option<f32>,
    itm: Option<f32>,
    scores: Vec<f32>,
    /// Who says so where it is not the model.
    sources: Sources,
}

impl Engine {
    /// Why a picture stands where it stands in the answer to a query, or what keeps it out. It need not be indexed.
    ///
    /// # Errors
    /// As [`Engine::search`], and when the picture cannot be read.
    pub fn explain(&self, query: &Query, image: Image<'_>) -> Result<Verdict> {
        let (snapshot, prepared) = self.prepared(query)?;
        let search = Search::new(self, &snapshot, query, &prepared)?;
        let mut seen = self.see(&snapshot, &search, image)?;
        let mut unmet = self.unmet(&search, &seen);
        let mut rank = None;
        if let Some(doc) = seen.doc.filter(|_| unmet.is_empty()) {
            let mut candidates = search.candidates(query.depth())?;
            search.match_best(&mut candidates)?;
            let is_there = |candidates: &[Candidate]| candidates.iter().any(|c| c.doc == doc);
            let was_there = is_there(&candidates);
            let candidates = search.judged(candidates)?;
            if was_there && !is_there(&candidates) {
                unmet.push(Unmet::Unsure);
            }
            let mut places = candidates.iter().zip(1..);
            if let Some((found, place)) = places.find(|(candidate, _)| candidate.doc == doc) {
                rank = Some(place);
                // Matched together with others, a picture differs in the last digit.
                (seen.cosine, seen.itm) = (found.cosine, found.itm);
            }
        }
        let mut why = search.explanation(seen.cosine, seen.itm, |tag| {
            match prepared.resolution.keyword(tag) {
                Some(keyword) => seen.has(keyword),
                None => seen.score(tag),
            }
        });
        attribute(&mut why, &seen.sources);
        Ok(Verdict {
            indexed: seen.doc.is_some(),
            rank,
            unmet,
            why,
        })
    }

    /// Looks a picture up in the index, or at it where it is not there.
    fn see(
        &self,
        Snapshot { reader, .. }: &Snapshot,
        search: &Search<'_>,
        image: Image<'_>,
    ) -> Result<Seen> {
        let encoder = &self.shared.encoder;
        let matches = search.matches();
        let mut doc = self.known(reader, image);
        let mut bytes = Vec::new();
        if let (None, Image::Path(path)) = (doc, image) {
            bytes = self.bytes(path)?;
            doc = reader.find(&ImageId::of(&bytes));
        }
        let (record, embedding, scores, tokens) = match (doc, image) {
            (None, Image::Id(id)) => return Err(IndexError::UnknownImage { id }.into()),
            (Some(doc), _) => {
                let scores = reader.tag_scores(doc)?.iter().map(|tag| tag.score);
                let tokens = reader.tokens(doc)?.and_then(ImageTokensF16::unpack);
                let record = reader.record(doc)?;
                (record, reader.embedding(doc)?, scores.collect(), tokens)
            }
            (None, Image::Path(path)) => {
                let (record, picture) = self.record(path, &bytes)?;
                let picture = [picture];
                let (features, tokens) = match matches {
                    true => {
                        let seen = encoder.images_with_tokens(&picture)?;
                        let (features, tokens) = super::only(seen)?;
                        (features, ImageTokensF16::unpack(&tokens.pack()))
                    }
                    false => (super::only(encoder.images(&picture)?)?, None),
                };
                let mut scores = features.tag_scores;
                // As they would count if it were indexed.
                for tag in record
                    .facts
                    .keywords
                    .iter()
                    .flat_map(|keyword| &keyword.tags)
                {
                    if let Some(score) = scores.get_mut(tag.0 as usize) {
                        *score = 1.0;
                    }
                }
                (record, features.embedding, scores, tokens)
            }
        };
        let itm = match tokens.filter(|_| matches) {
            Some(tokens) => {
                let logits = encoder.match_logits(&[&tokens], &[search.query.text()])?;
                logits
                    .first()
                    .and_then(|row| row.first())
                    .map(|logits| logits.probability())
            }
            None => None,
        };
        Ok(Seen {
            doc,
            cosine: search.place.as_ref().map(|place| place.dot(&embedding)),
            itm,
            scores,
            sources: self.sources(&record),
            record,
        })
    }

    fn unmet(&self, search: &Search<'_>, seen: &Seen) -> Vec<Unmet> {
        let vocabulary = self.vocabulary();
        let name = |tag: &TagId| {
            vocabulary
                .get(*tag)
                .map_or(String::new(), |tag| tag.name.clone())
        };
        let own = |tag: TagId| vocabulary.get(tag).map_or(1.0, |tag| tag.threshold);
        let threshold = |tag| search.query.threshold().unwrap_or_else(|| own(tag));
        let source = |tag: &TagId| seen.sources.of(&name(tag));
        let mut unmet = Vec::new();
        let mut require = |tags: &[TagId], needed: &dyn Fn(TagId) -> f32| {
            let best = tags
                .iter()
                .max_by(|a, b| seen.score(**a).total_cmp(&seen.score(**b)));
            if let Some(&best) = best
                && !tags.iter().any(|&tag| seen.score(tag) > needed(tag))
            {
                let mut names: Vec<String> = tags.iter().map(name).collect();
                names.dedup();
                unmet.push(Unmet::Missing {
                    tags: names,
                    confidence: seen.score(best),
                    needed: needed(best),
                    source: source(&best),
                });
            }
        };
        let filter = &search.filter;
        filter
            .must
            .iter()
            .for_each(|tags| require(tags, &threshold));
        for (tags, least) in &filter.above {
            require(tags, &|_| *least);
        }
        let excluded = filter
            .must_not
            .iter()
            .filter(|&&tag| seen.score(tag) > threshold(tag));
        let above = filter
            .not_above
            .iter()
            .flat_map(|(tags, least)| tags.iter().filter(|&&tag| seen.score(tag) > *least));
        unmet.extend(excluded.chain(above).map(|tag| Unmet::Excluded {
            tag: name(tag),
            confidence: seen.score(*tag),
            source: source(tag),
        }));
        let facts = filter.facts.iter();
        let failed = facts.filter(|(test, is_wanted)| test.is_so(&seen.record) != *is_wanted);
        unmet.extend(failed.map(|(test, is_wanted)| Unmet::Fact {
            asked: asked::written(test, *is_wanted),
            found: asked::found(test, &seen.record),
        }));
        unmet
    }
}

impl Seen {
    fn score(&self, tag: TagId) -> f32 {
        self.scores.get(tag.0 as usize).copied().unwrap_or_default()
    }

    /// 1 where it has a keyword that is no tag, else 0.
    fn has(&self, keyword: &str) -> f32 {
        match self.sources.of(keyword) {
            TagSource::Keyword | TagSource::Added => 1.0,
            _ => 0.0,
        }
    }
}
