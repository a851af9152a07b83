//! From a query to hits.

use imgsearch_index::{Doc, Embedding, Filter, Keywords, Reader};

use super::collection::Collection;
use super::stacking::stack;
use super::tagging::attribute;
use super::upkeep::as_indexed;
use super::{Engine, Image, Snapshot, only};
use crate::error::Result;
use crate::hit::{Facet, Hit};
use crate::image_tokens::ImageTokensF16;
use crate::query::{Fusion, Prepared, Query, Rarity, Resolution, Sort};

/// A picture with what the legs say of it.
pub(super) struct Candidate {
    pub(super) doc: Doc,
    pub(super) cosine: Option<f32>,
    /// Probability that the sentence goes with it, where that was asked.
    pub(super) itm: Option<f32>,
    score: f32,
    /// Which part of the legs' lists it is in, the best ones in 0.
    block: usize,
}

/// A query with all that scoring pictures takes.
pub(super) struct Search<'a> {
    engine: &'a Engine,
    reader: &'a Reader,
    keywords: &'a Keywords,
    pub(super) query: &'a Query,
    prepared: &'a Prepared,
    pub(super) filter: Filter,
    pub(super) fusion: Fusion<'a>,
    /// Where in the space of the model the nearest pictures are looked for.
    pub(super) place: Option<Embedding>,
}

impl Engine {
    /// Answers a query, best first.
    ///
    /// # Errors
    /// When the query makes no sense, there is no index, or it was made with another model.
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        let (snapshot, prepared) = self.prepared(query)?;
        let search = Search::new(self, &snapshot, query, &prepared)?;
        let mut candidates = search.candidates(query.depth())?;
        search.match_best(&mut candidates)?;
        let candidates = search.judged(candidates)?;
        let mut hits = if query.stacks() {
            search.stacked(candidates)?
        } else {
            let page = candidates.iter().skip(query.skipped()).take(query.limit());
            let hits = page.map(|candidate| search.hit(candidate));
            hits.collect::<Result<Vec<_>>>()?
        };
        match query.sort() {
            Sort::Relevance => {}
            // Pictures without a date of their own come last.
            Sort::Date => hits.sort_by(|a, b| b.captured.cmp(&a.captured)),
            Sort::Path => hits.sort_by(|a, b| a.paths.cmp(&b.paths)),
        }
        Ok(hits)
    }

    /// The tags that are recognised in the pictures that a query brings, most frequent first, with the number of pictures. Of a
    /// query by words these are all that its legs looked at more closely, of one by tags alone all that pass.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn facets(&self, query: &Query) -> Result<Vec<Facet>> {
        let (snapshot, prepared) = self.prepared(query)?;
        let search = Search::new(self, &snapshot, query, &prepared)?;
        let counts = match search.place.is_none() && prepared.resolution.concepts.is_empty() {
            true => search.reader.tag_counts_of(&search.filter)?,
            false => {
                let mut candidates = search.candidates(query.depth())?;
                // The others are left out of the answer too.
                if query.min_score().is_some() {
                    search.match_best(&mut candidates)?;
                    candidates = search.judged(candidates)?;
                }
                let docs = candidates.iter().map(|candidate| candidate.doc);
                search.reader.tag_counts_among(docs, query.threshold())?
            }
        };
        let mut facets: Vec<Facet> = counts
            .into_iter()
            .filter_map(|(tag, images)| {
                let tag = self.vocabulary().get(tag)?;
                Some(Facet {
                    id: tag.id.0,
                    tag: tag.name.clone(),
                    images,
                })
            })
            .collect();
        facets.sort_by(|a, b| b.images.cmp(&a.images).then(a.id.cmp(&b.id)));
        Ok(facets)
    }

    /// What the words of a query stand for, without searching: tags and, where there is an index, keywords.
    ///
    /// # Errors
    /// When the query makes no sense, or the index is damaged.
    pub fn resolve(&self, query: &Query) -> Result<Prepared> {
        match self.reader() {
            Ok(Snapshot { reader, .. }) => self.prepare(query, &reader),
            Err(_) => Ok(query.prepare(self.resolver())?),
        }
    }

    fn prepare(&self, query: &Query, reader: &Reader) -> Result<Prepared> {
        Ok(query.prepare_among(self.resolver(), reader.keywords()?)?)
    }

    /// A query with what its words stand for, and the state that it is answered from.
    pub(super) fn prepared(&self, query: &Query) -> Result<(Snapshot, Prepared)> {
        let snapshot = match self.reader() {
            Ok(snapshot) => snapshot,
            // Of both, what is wrong with the query is told.
            Err(error) => {
                query.prepare(self.resolver())?;
                return Err(error);
            }
        };
        let prepared = self.prepare(query, &snapshot.reader)?;
        Ok((snapshot, prepared))
    }

    /// What the similarity does not see of a query, because it is longer than the model reads; its tags are matched all the
    /// same. Empty when all of it is read.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub fn unread<'q>(&self, query: &'q Query) -> Result<&'q str> {
        let cut = self.shared.encoder.cut(query.text())?;
        Ok(cut
            .and_then(|at| query.text().get(at..))
            .unwrap_or_default())
    }

    /// The indexed pictures most similar to one, best first; the picture itself is left out.
    ///
    /// # Errors
    /// When the picture cannot be read, there is no index, or it was made with another model.
    pub fn similar_to(&self, image: Image<'_>, limit: usize) -> Result<Vec<Hit>> {
        let Snapshot { reader, .. } = self.reader()?;
        let (embedding, own) = self.place(&reader, image)?;
        let nothing = Resolution::default();
        let fusion = Fusion::new(
            self.vocabulary(),
            &nothing,
            &Rarity::new(0, []),
            self.shared.config.settings().search.fusion,
        );
        reader
            .nearest(&embedding, limit.saturating_add(1), &Filter::default())?
            .into_iter()
            .filter(|(doc, _)| Some(*doc) != own)
            .take(limit)
            .map(|(doc, cosine)| {
                let why = fusion.explain(Some(cosine), None, |_| 0.0);
                Ok(Hit::new(reader.record(doc)?, why))
            })
            .collect()
    }

    /// Where a query is looked for: the mean direction of its text and of the pictures that others are to be like.
    fn place_of(
        &self,
        reader: &Reader,
        query: &Query,
        prepared: &Prepared,
    ) -> Result<Option<Embedding>> {
        let mut sum = vec![0.0; self.shared.encoder.dim()];
        let mut add = |embedding: &Embedding| {
            for (sum, x) in sum.iter_mut().zip(embedding.as_slice()) {
                *sum += x;
            }
        };
        if prepared.has_text && query.legs().itc {
            add(&self.shared.encoder.text(query.text())?);
        }
        for picture in query.pictures() {
            add(&self.place(reader, Image::Path(picture))?.0);
        }
        // Nothing was added, or what was added cancels out.
        Ok(Embedding::new(sum).ok())
    }

    /// The document of a picture; that of a path without opening the file.
    pub(super) fn known(&self, reader: &Reader, image: Image<'_>) -> Option<Doc> {
        match image {
            Image::Id(id) => reader.find(&id),
            Image::Path(path) => {
                let absolute = std::path::absolute(path).ok()?;
                let found = reader.find_path(&absolute);
                // Links on the way there are followed by the index.
                found.or_else(|| reader.find_path(&as_indexed(path)))
            }
        }
    }

    /// Where a picture lies, and its document if it is indexed.
    fn place(&self, reader: &Reader, image: Image<'_>) -> Result<(Embedding, Option<Doc>)> {
        Ok(match (self.known(reader, image), image) {
            (Some(doc), _) => (reader.embedding(doc)?, Some(doc)),
            (None, Image::Id(id)) => return Err(imgsearch_index::Error::UnknownImage { id }.into()),
            (None, Image::Path(path)) => {
                let (id, picture) = self.load(path)?;
                let embeddings = self.shared.encoder.embeddings(&[picture])?;
                (only(embeddings)?, reader.find(&id))
            }
        })
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        Snapshot { reader, rarity }: &'a Snapshot,
        query: &'a Query,
        prepared: &'a Prepared,
    ) -> Result<Self> {
        let above = |is_wanted| {
            let tests = prepared.above.iter().filter(|test| test.2 == is_wanted);
            tests
                .map(|(tags, least, _)| (tags.clone(), *least))
                .collect()
        };
        Ok(Self {
            engine,
            reader,
            keywords: reader.keywords()?,
            query,
            prepared,
            filter: Filter {
                must: prepared.must.clone(),
                must_not: prepared.must_not.clone(),
                above: above(true),
                not_above: above(false),
                facts: prepared.facts.clone(),
                among: None,
                threshold: query.threshold(),
            },
            fusion: Fusion::new(
                engine.vocabulary(),
                &prepared.resolution,
                rarity,
                engine.shared.config.settings().search.fusion,
            )
            .with_threshold(query.threshold()),
            place: engine.place_of(reader, query, prepared)?,
        })
    }

    /// What the legs bring, best first; at least `limit` pictures where there are so many.
    ///
    /// The lists of the legs are ranked in blocks as long as the setting `candidates`, so that asking for more pictures puts none
    /// above those that asking for fewer brings.
    pub(super) fn candidates(&self, limit: usize) -> Result<Vec<Candidate>> {
        let block = self.engine.config().settings().search.candidates.max(1);
        let depth = block.saturating_mul(limit.div_ceil(block).max(1));
        let mut places: Vec<(Doc, usize)> = Vec::new();
        let mut bring = |docs: Vec<(Doc, f32)>| {
            let docs = docs.into_iter().enumerate();
            places.extend(docs.map(|(at, (doc, _))| (doc, at / block)));
        };
        let (reader, filter) = (self.reader, &self.filter);
        let tags = self.prepared.resolution.weighted_tags();
        let (nearest, tagged) = rayon::join(
            || match &self.place {
                Some(place) => reader.nearest(place, depth, filter),
                None => Ok(Vec::new()),
            },
            || match tags.as_slice() {
                [] => Ok(Vec::new()),
                tags => reader.match_tags(tags, depth, filter),
            },
        );
        bring(nearest?);
        bring(tagged?);
        for keyword in self.prepared.resolution.named_keywords() {
            let filter = Filter {
                among: self.keywords.images(keyword).cloned(),
                ..self.filter.clone()
            };
            bring(match &self.place {
                Some(place) => self.reader.nearest(place, depth, &filter)?,
                None => {
                    let newest = self.reader.newest(depth, &filter)?.into_iter();
                    newest.map(|doc| (doc, 0.0)).collect()
                }
            });
        }
        if !self.prepared.has_text && self.place.is_none() {
            let newest = self.reader.newest(limit, &self.filter)?;
            places = newest.into_iter().map(|doc| (doc, 0)).collect();
        } else {
            places.sort_unstable();
            places.dedup_by_key(|(doc, _)| *doc);
        }
        let scored = places.into_iter().map(|(doc, block)| {
            let similarity = |place| self.reader.similarity(doc, place);
            let cosine = self.place.as_ref().map(similarity).transpose()?;
            let scores = self.reader().tag_scores(doc)?;
            Ok(Candidate {
                doc,
                cosine,
                itm: None,
                score: self.fusion.score(cosine, |tag| scores.get(tag)),
                block,
            })
        });
        let mut candidates = scored.collect::<Result<Vec<_>>>()?;
        sort(&mut candidates);
        Ok(candidates)
    }

    /// Matches the sentence with the best candidates and ranks them again. What was not kept of any of them leaves all as they
    /// are: the others would be lifted above it for nothing.
    pub(super) fn match_best(&self, candidates: &mut [Candidate]) -> Result<()> {
        let depth = self.engine.config().settings().search.rerank;
        let encoder = &self.engine.shared.encoder;
        if !self.matches() {
            return Ok(());
        }
        let end = depth.min(candidates.len());
        let best = &mut candidates[..end];
        let mut tokens = Vec::with_capacity(end);
        for candidate in best.iter() {
            match self
                .reader
                .tokens(candidate.doc)?
                .and_then(ImageTokensF16::unpack)
            {
                Some(kept) => tokens.push(kept),
                None => return Ok(()),
            }
        }
        let images: Vec<&ImageTokensF16> = tokens.iter().collect();
        let logits = encoder.match_logits(&images, &[self.query.text()])?;
        for (candidate, logits) in best.iter_mut().zip(logits) {
            let itm = logits.first().map(|logits| logits.probability());
            candidate.itm = itm;
            candidate.score += self.fusion.matching(itm);
        }
        sort(candidates);
        Ok(())
    }

    /// Whether the sentence is matched with pictures.
    pub(super) fn matches(&self) -> bool {
        self.query.legs().itm
            && self.prepared.resolution.relates()
            && self.engine.shared.encoder.matches()
    }

    /// One hit for each shot.
    fn stacked(&self, candidates: Vec<Candidate>) -> Result<Vec<Hit>> {
        let stacks = stack(self.reader, candidates, self.query.depth())?;
        let hits = stacks.into_iter().skip(self.query.skipped()).map(|stack| {
            let mut hit = self.hit(&stack.first)?;
            for doc in stack.others {
                hit.stack
                    .extend(self.reader.record(doc)?.paths.into_iter().next());
            }
            Ok(hit)
        });
        hits.collect()
    }

    fn hit(&self, candidate: &Candidate) -> Result<Hit> {
        let mut why = self.explained(candidate)?;
        let record = self.reader.record(candidate.doc)?;
        attribute(&mut why, &self.engine.sources(&record));
        Ok(Hit::new(record, why))
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine
    }

    pub(super) fn reader(&self) -> Collection<'a> {
        Collection {
            reader: self.reader,
            keywords: self.keywords,
            resolution: &self.prepared.resolution,
        }
    }
}

/// Best first; a stable sort, so equal scores keep the order of the documents.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| a.block.cmp(&b.block).then(b.score.total_cmp(&a.score)));
}
