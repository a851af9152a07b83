use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::record::said_of;
use crate::segment::Segment;
use crate::{Error, FactTest, Filter, Record, Result, Schema, TagId};

impl Filter {
    /// True when nothing is filtered out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.must_not.is_empty() && !self.looks_closer()
    }

    fn looks_closer(&self) -> bool {
        !self.above.is_empty()
            || !self.not_above.is_empty()
            || !self.facts.is_empty()
            || self.among.is_some()
    }

    /// Whether it asks for more than the lists of recognised tags tell.
    pub(crate) fn needs_scores(&self) -> bool {
        self.threshold.is_some() || self.looks_closer()
    }

    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        let above = self.above.iter().chain(&self.not_above);
        let above = above.flat_map(|(tags, _)| tags);
        let must = self.must.iter().flatten();
        must.chain(&self.must_not)
            .chain(above)
            .try_for_each(|&tag| check_tag(tag, schema))
    }

    /// The rows of a segment that may be found, `None` for all of them.
    pub(crate) fn allowed(
        &self,
        segment: &Segment,
        dead: &RoaringBitmap,
    ) -> Result<Option<RoaringBitmap>> {
        if self.is_empty() && dead.is_empty() {
            return Ok(None);
        }
        let one_of = |tags: &[TagId]| -> Result<RoaringBitmap> {
            let mut rows = RoaringBitmap::new();
            for &tag in tags {
                rows |= self.recognised(segment, tag)?;
            }
            Ok(rows)
        };
        let mut must = self.must.iter();
        let mut rows = match must.next() {
            Some(tags) => one_of(tags)?,
            None => RoaringBitmap::from_iter(0..segment.rows() as u32),
        };
        for tags in must {
            rows &= one_of(tags)?;
        }
        if let Some(docs) = &self.among {
            let docs = docs.iter().filter_map(|doc| segment.row_of(doc.0));
            rows &= docs.collect::<RoaringBitmap>();
        }
        for &tag in &self.must_not {
            rows -= self.recognised(segment, tag)?;
        }
        let above = |(tags, least): &(Vec<TagId>, f32)| {
            let scores = tags.iter().map(|&tag| segment.above(tag, *least));
            scores.fold(RoaringBitmap::new(), |all, rows| all | rows)
        };
        self.above.iter().for_each(|wanted| rows &= above(wanted));
        self.not_above
            .iter()
            .for_each(|unwanted| rows -= above(unwanted));
        for (test, is_wanted) in &self.facts {
            let found = test.rows(segment, &rows)?;
            match is_wanted {
                true => rows = found,
                false => rows -= found,
            }
        }
        rows -= dead;
        Ok(Some(rows))
    }
}

impl Filter {
    /// The rows in which a tag counts as recognised.
    fn recognised(&self, segment: &Segment, tag: TagId) -> Result<RoaringBitmap> {
        match self.threshold {
            Some(threshold) => Ok(segment.above(tag, threshold)),
            None => segment.recognised(tag),
        }
    }
}

impl FactTest {
    /// Those of some rows for which it is so.
    fn rows(&self, segment: &Segment, among: &RoaringBitmap) -> Result<RoaringBitmap> {
        if let &Self::TakenIn(from, to) = self {
            let times = segment.times();
            let rows = among.iter();
            return Ok(rows
                .filter(|&row| (from..to).contains(&times[row as usize]))
                .collect());
        }
        if matches!(self, Self::Keyword(_)) && !segment.has_words() {
            return Ok(RoaringBitmap::new());
        }
        let rows: Vec<u32> = among.iter().collect();
        let found = rows.into_par_iter().map(|row| {
            let record = segment.entry(row)?.into_record(segment.id(row));
            Ok(self.is_so(&record).then_some(row))
        });
        let found = found.collect::<Result<Vec<_>>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Whether it is so of an image.
    #[must_use]
    pub fn is_so(&self, record: &Record) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        match self {
            &Self::TakenIn(from, to) => (from..to).contains(&record.time_ns()),
            Self::Camera(part) => {
                let camera = record.facts.camera.as_deref();
                camera.is_some_and(|camera| has(camera, part))
            }
            Self::Path(part) => {
                let mut paths = record.paths.iter().map(|path| path.to_string_lossy());
                paths.any(|path| has(&path, part))
            }
            Self::Format(format) => record.facts.format.eq_ignore_ascii_case(format),
            Self::Keyword(word) => {
                let word = word.to_lowercase();
                let mut keywords = record.facts.keywords.iter();
                match said_of(&record.corrections, &word) {
                    Some(said) => said.applies,
                    None => keywords.any(|keyword| keyword.text.to_lowercase() == word),
                }
            }
        }
    }
}

pub(crate) fn check_tag(tag: TagId, schema: &Schema) -> Result<()> {
    if (tag.0 as usize) < schema.tags {
        return Ok(());
    }
    Err(Error::UnknownTag {
        tag,
        tags: schema.tags,
    })
}
