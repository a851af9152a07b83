use roaring::RoaringBitmap;

use crate::segment::Segment;
use crate::{Error, Filter, Result, Schema, TagId};

impl Filter {
    /// True when nothing is filtered out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.must_not.is_empty() && self.above.is_empty()
    }

    /// Whether it asks for more than the lists of recognised tags tell.
    pub(crate) fn needs_scores(&self) -> bool {
        self.threshold.is_some() || !self.above.is_empty()
    }

    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        let above = self.above.iter().flat_map(|(tags, _)| tags);
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
        for &tag in &self.must_not {
            rows -= self.recognised(segment, tag)?;
        }
        for (tags, least) in &self.above {
            let scores = tags.iter().map(|&tag| segment.above(tag, *least));
            rows &= scores.fold(RoaringBitmap::new(), |all, rows| all | rows);
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

pub(crate) fn check_tag(tag: TagId, schema: &Schema) -> Result<()> {
    if (tag.0 as usize) < schema.tags {
        return Ok(());
    }
    Err(Error::UnknownTag {
        tag,
        tags: schema.tags,
    })
}
