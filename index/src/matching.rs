//! What readers tell of tags: which images show the most of them, and how many show each.

use rayon::prelude::*;

use crate::filter::check_tag;
use crate::segment::{confidence_of_level, level};
use crate::snapshot::Part;
use crate::{Doc, Error, Filter, Reader, Result, TagId};

impl Reader {
    /// The `k` images with the highest score for these tags, best first, ties by document. The score is the sum
    /// over the recognised tags of weight times [`TagScores::confidence`](crate::TagScores::confidence), which is 1 to 1.07;
    /// images with none of the tags recognised are not found. A tag that is given twice counts twice.
    ///
    /// A filter with a threshold of its own has the stored probabilities looked through, of all images that it lets pass: 100,000
    /// take some ten milliseconds.
    ///
    /// # Errors
    /// [`Error::UnknownTag`], [`Error::Weight`], [`Error::Damaged`], [`Error::Io`].
    pub fn match_tags(
        &self,
        tags: &[(TagId, f32)],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<(Doc, f32)>> {
        filter.check(self.schema())?;
        for &(tag, weight) in tags {
            check_tag(tag, self.schema())?;
            if !weight.is_finite() {
                return Err(Error::Weight { tag, weight });
            }
        }
        if filter.needs_scores() {
            return self.match_scores(tags, k, filter);
        }
        let is_live = |doc| self.snapshot().locate(doc).is_some();
        let found = self.snapshot().tags.matching(tags, filter, k, is_live)?;
        Ok(found
            .into_iter()
            .map(|(score, doc)| (Doc(doc), score))
            .collect())
    }

    /// The same from the stored probabilities.
    fn match_scores(
        &self,
        tags: &[(TagId, f32)],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<(Doc, f32)>> {
        let thresholds = &self.schema().thresholds;
        let threshold = |tag: TagId| filter.threshold.unwrap_or(thresholds[tag.0 as usize]);
        let mut found = Vec::new();
        for part in &self.snapshot().parts {
            let docs = part.segment.docs();
            let rows = rows(part, filter)?.into_par_iter();
            found.par_extend(rows.filter_map(|row| {
                let bytes = part.segment.tag_bytes(row);
                let matched = tags.iter().filter_map(|&(tag, weight)| {
                    let level = level(bytes[tag.0 as usize], threshold(tag))?;
                    Some(weight * confidence_of_level(level))
                });
                let score = matched.reduce(|sum, score| sum + score)?;
                Some((Doc(docs[row as usize]), score))
            }));
        }
        found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        Ok(found)
    }

    /// Every tag that is recognised somewhere, with the number of images that show it, in the order of the
    /// vocabulary.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn tag_counts(&self) -> Result<Vec<(TagId, u64)>> {
        self.tag_counts_of(&Filter::default())
    }

    /// The same among the images that a filter lets pass.
    ///
    /// # Errors
    /// [`Error::UnknownTag`], [`Error::Damaged`].
    pub fn tag_counts_of(&self, filter: &Filter) -> Result<Vec<(TagId, u64)>> {
        filter.check(self.schema())?;
        let mut counts = vec![0; self.schema().tags];
        for part in &self.snapshot().parts {
            if let Some(threshold) = filter.threshold {
                for row in rows(part, filter)? {
                    count(part.segment.tag_bytes(row), |_| threshold, &mut counts);
                }
                continue;
            }
            let allowed = filter.allowed(&part.segment, &part.dead)?;
            for (tag, count) in (0..).map(TagId).zip(&mut counts) {
                let rows = part.segment.recognised(tag)?;
                *count += allowed
                    .as_ref()
                    .map_or(rows.len(), |allowed| rows.intersection_len(allowed));
            }
        }
        Ok(counted(counts))
    }

    /// The same among some images; with a `threshold`, every tag counts as recognised whose probability is above it.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`].
    pub fn tag_counts_among(
        &self,
        docs: impl IntoIterator<Item = Doc>,
        threshold: Option<f32>,
    ) -> Result<Vec<(TagId, u64)>> {
        let thresholds = &self.schema().thresholds;
        let mut counts = vec![0; self.schema().tags];
        for doc in docs {
            let (segment, row) = self.locate(doc)?;
            let least = |tag: usize| threshold.unwrap_or(thresholds[tag]);
            count(segment.tag_bytes(row), least, &mut counts);
        }
        Ok(counted(counts))
    }
}

/// The rows of a part that may be found.
fn rows(part: &Part, filter: &Filter) -> Result<Vec<u32>> {
    Ok(match filter.allowed(&part.segment, &part.dead)? {
        Some(allowed) => allowed.iter().collect(),
        None => part.live_rows().collect(),
    })
}

fn count(bytes: &[u8], threshold: impl Fn(usize) -> f32, counts: &mut [u64]) {
    for (tag, (&byte, count)) in bytes.iter().zip(counts).enumerate() {
        *count += u64::from(level(byte, threshold(tag)).is_some());
    }
}

fn counted(counts: Vec<u64>) -> Vec<(TagId, u64)> {
    let counts = (0..).map(TagId).zip(counts);
    counts.filter(|(_, count)| *count > 0).collect()
}
