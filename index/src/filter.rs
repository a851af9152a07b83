use roaring::RoaringBitmap;

use crate::segment::Segment;
use crate::{Error, Filter, Result, Schema, TagId};

impl Filter {
    /// True when nothing is filtered out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.must_not.is_empty()
    }

    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        self.must
            .iter()
            .flatten()
            .chain(&self.must_not)
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
                rows |= segment.recognised(tag)?;
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
            rows -= segment.recognised(tag)?;
        }
        rows -= dead;
        Ok(Some(rows))
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
