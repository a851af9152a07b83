//! Which documents of a commit have the highest sums over their tags.
//!
//! Tantivy's own sum over the eight levels of each tag asks twenty-four iterators for every document that has one of three tags;
//! this adds up whole blocks of postings.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, SegmentReader, Term};

/// Documents that are added up together: few enough that their sums stay in a cache.
const WINDOW: usize = 1 << 15;
/// Sums that are compared at once.
const STRIDE: usize = 16;
/// The sum of a document without any of the tags. No tag makes a sum -0: only -0 and -0 add up to it, and no score is -0.
const NO_TAG: f32 = -0.0;

/// What is added up: for each term its score, and the documents that may be found.
pub(super) struct Wanted {
    /// Terms with their scores.
    pub(super) scores: Vec<(Term, f32)>,
    /// A document has to have a term of each of these.
    pub(super) must: Vec<Vec<Term>>,
    /// It may have none of these.
    pub(super) must_not: Vec<Term>,
}

/// The `k` best documents of the segments seen so far.
pub(super) struct Tally {
    k: usize,
    best: BinaryHeap<Reverse<Found>>,
}

#[derive(Clone, Copy, PartialEq)]
struct Found {
    score: f32,
    doc: u64,
}

impl Tally {
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            best: BinaryHeap::new(),
        }
    }

    /// Looks through a segment; `is_live` says which documents there are still, by what the field `doc` says.
    pub(super) fn add(
        &mut self,
        segment: &SegmentReader,
        tags: &InvertedIndexReader,
        wanted: &Wanted,
        is_live: &impl Fn(u64) -> bool,
    ) -> tantivy::Result<()> {
        let names = segment.fast_fields().u64("doc")?;
        let alive = segment.alive_bitset();
        let mut scores = Vec::new();
        for (term, score) in &wanted.scores {
            // Adding 0 turns -0 into 0.
            scores.extend(Postings::open(tags, term)?.map(|found| (found, score + 0.0)));
        }
        let open = |terms: &Vec<Term>| Postings::of(tags, terms);
        let mut must: Vec<_> = wanted.must.iter().map(open).collect::<Result<_, _>>()?;
        let mut must_not = open(&wanted.must_not)?;
        let mut sums = vec![NO_TAG; WINDOW.min(segment.max_doc() as usize)];
        for start in (0..segment.max_doc()).step_by(WINDOW) {
            let end = segment.max_doc().min(start + WINDOW as DocId);
            let sums = &mut sums[..(end - start) as usize];
            sums.fill(NO_TAG);
            for (postings, score) in &mut scores {
                postings.before(end, |doc| {
                    if let Some(sum) = sums.get_mut(doc.wrapping_sub(start) as usize) {
                        *sum += *score;
                    }
                });
            }
            for group in &mut must {
                let marked = marked(group, start, sums.len());
                keep(sums, |at| marked[at]);
            }
            if !must_not.is_empty() {
                let marked = marked(&mut must_not, start, sums.len());
                keep(sums, |at| !marked[at]);
            }
            for (stride, sums) in sums.chunks(STRIDE).enumerate() {
                // Written so that it becomes one comparison of many numbers.
                let top = sums
                    .iter()
                    .fold(f32::MIN, |top, &sum| if sum > top { sum } else { top });
                if self.worst().is_some_and(|worst| top < worst.score) {
                    continue;
                }
                let found = sums.iter().enumerate();
                for (at, &score) in found.filter(|(_, sum)| sum.to_bits() != NO_TAG.to_bits()) {
                    let doc = start + (stride * STRIDE + at) as DocId;
                    if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                        continue;
                    }
                    if let Some(doc) = names.first(doc) {
                        self.offer(Found { score, doc }, is_live);
                    }
                }
            }
        }
        Ok(())
    }

    /// The worst of the best, once there are enough of them.
    fn worst(&self) -> Option<Found> {
        let is_full = self.best.len() >= self.k;
        is_full.then(|| self.best.peek().map(|found| found.0))?
    }

    fn offer(&mut self, found: Found, is_live: &impl Fn(u64) -> bool) {
        let worst = self.worst();
        if worst.is_some_and(|worst| found < worst) || !is_live(found.doc) {
            return;
        }
        if worst.is_some() {
            self.best.pop();
        }
        self.best.push(Reverse(found));
    }

    /// Scores and documents, best first.
    pub(super) fn into_best(self) -> Vec<(f32, u64)> {
        let best = self.best.into_sorted_vec().into_iter();
        best.map(|Reverse(found)| (found.score, found.doc))
            .collect()
    }
}

impl Eq for Found {}

impl Ord for Found {
    /// The better is greater; of two equal ones that is the one with the lower number.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then_with(|| other.doc.cmp(&self.doc))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The documents of a term, each of them told once.
struct Postings {
    blocks: BlockSegmentPostings,
    told: usize,
}

impl Postings {
    fn open(tags: &InvertedIndexReader, term: &Term) -> tantivy::Result<Option<Self>> {
        let blocks = tags.read_block_postings(term, IndexRecordOption::Basic)?;
        Ok(blocks.map(|blocks| Self { blocks, told: 0 }))
    }

    fn of(tags: &InvertedIndexReader, terms: &[Term]) -> tantivy::Result<Vec<Self>> {
        let opened = terms.iter().map(|term| Self::open(tags, term));
        opened.filter_map(Result::transpose).collect()
    }

    /// Tells the next ones, up to the last before `end`.
    fn before(&mut self, end: DocId, mut tell: impl FnMut(DocId)) {
        loop {
            let docs = &self.blocks.docs()[self.told..];
            let count = match docs.last() {
                None => return,
                Some(&last) if last < end => docs.len(),
                Some(_) => docs.partition_point(|&doc| doc < end),
            };
            docs[..count].iter().for_each(|&doc| tell(doc));
            if count < docs.len() {
                self.told += count;
                return;
            }
            self.blocks.advance();
            self.told = 0;
        }
    }
}

/// Which documents of a window one of these terms has.
fn marked(terms: &mut [Postings], start: DocId, len: usize) -> Vec<bool> {
    let mut marked = vec![false; len];
    for postings in terms {
        postings.before(start + len as DocId, |doc| {
            if let Some(mark) = marked.get_mut(doc.wrapping_sub(start) as usize) {
                *mark = true;
            }
        });
    }
    marked
}

fn keep(sums: &mut [f32], is_kept: impl Fn(usize) -> bool) {
    for (at, sum) in sums.iter_mut().enumerate() {
        if !is_kept(at) {
            *sum = NO_TAG;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::segment::{TagScores, confidence_of_level, level};
    use crate::tags::{Stamp, TagIndex};
    use crate::{Filter, TagId};

    const DOCS: u64 = 2 * super::WINDOW as u64 + 5000;
    const TAGS: u64 = 5;
    const THRESHOLDS: [f32; TAGS as usize] = [0.5; TAGS as usize];

    /// Probabilities that look like chance: tag 0 is frequent, the last one rare.
    fn bytes(doc: u64) -> Vec<u8> {
        let draw = |tag: u64| {
            let mixed = (doc * 100 + tag).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
        };
        let byte = |tag| match draw(tag) % (2 + 40 * tag) {
            0 => 100 + draw(tag + TAGS) % 156,
            _ => 3,
        };
        (0..TAGS).map(|tag| byte(tag) as u8).collect()
    }

    #[test]
    fn sums_are_those_of_looking_at_every_document() {
        let dir = tempfile::tempdir().unwrap();
        let index = TagIndex::create(&dir.path().join("tags")).unwrap();
        let all: Vec<_> = (0..DOCS).map(bytes).collect();
        let scores = |doc: u64| TagScores {
            bytes: &all[doc as usize],
            thresholds: &THRESHOLDS,
        };
        // Several segments, in an order of their own, with documents that are gone.
        let commits = [40_000..DOCS, 0..40_000, 0..0];
        for (generation, docs) in (1..).zip(commits) {
            let stamp = Stamp {
                generation,
                next_doc: DOCS,
            };
            let gone = (0..DOCS).filter(|doc| generation == 3 && doc % 11 == 0);
            let added = docs.map(|doc| (doc, scores(doc)));
            index.commit(None, stamp, gone, added).unwrap();
        }
        let ids = |tags: &[u32]| tags.iter().copied().map(TagId).collect::<Vec<_>>();
        let filters = [
            (vec![], vec![]),
            (vec![ids(&[1, 2])], ids(&[3])),
            (vec![ids(&[0]), ids(&[4, 1])], vec![]),
        ];
        let queries = [
            vec![(0, 1.0), (1, 1.0), (2, 1.0)],
            vec![(4, 1.0)],
            vec![(0, 0.0), (3, -2.0)],
            vec![(2, 1.0), (2, 1.0)],
        ];
        let searcher = index.searcher().unwrap();
        let is_live = |doc: u64| !doc.is_multiple_of(13);
        for (must, must_not) in filters {
            let has = |doc: u64, tags: &[TagId]| {
                let mut tags = tags.iter();
                tags.any(|tag| all[doc as usize][tag.0 as usize] > 127)
            };
            let passes = |&doc: &u64| {
                let is_there = !doc.is_multiple_of(11) && is_live(doc);
                is_there && must.iter().all(|tags| has(doc, tags)) && !has(doc, &must_not)
            };
            let filter = Filter {
                must: must.clone(),
                must_not: must_not.clone(),
                ..Filter::default()
            };
            for query in &queries {
                let query: Vec<_> = query
                    .iter()
                    .map(|&(tag, weight)| (TagId(tag), weight))
                    .collect();
                let sum = |doc: u64| {
                    let matched = query.iter().filter_map(|&(tag, weight)| {
                        let level = level(all[doc as usize][tag.0 as usize], 0.5)?;
                        Some(weight * confidence_of_level(level))
                    });
                    matched.reduce(|sum, score| sum + score)
                };
                let docs = (0..DOCS).filter(passes);
                let mut expected: Vec<_> = docs.filter_map(|doc| Some((sum(doc)?, doc))).collect();
                assert!(expected.len() > 3, "{query:?}");
                expected.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)));
                for k in [1, 100, DOCS as usize] {
                    let found = searcher.matching(&query, &filter, k, is_live).unwrap();
                    assert_eq!(
                        found,
                        expected[..k.min(expected.len())],
                        "{query:?} {filter:?}"
                    );
                }
            }
        }
    }
}
