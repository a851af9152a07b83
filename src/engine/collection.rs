//! What is known of the tags and keywords of the pictures of an index, as a query asks for them.

use imgsearch_index::{Doc, Keywords, Reader, TagId, TagScores};

use crate::error::Result;
use crate::query::Resolution;

/// An index, asked by a query.
#[derive(Clone, Copy)]
pub(super) struct Collection<'a> {
    pub(super) reader: &'a Reader,
    pub(super) keywords: &'a Keywords,
    pub(super) resolution: &'a Resolution,
}

/// A picture of it.
pub(super) struct Shown<'a> {
    collection: Collection<'a>,
    doc: Doc,
    tags: TagScores<'a>,
}

impl<'a> Collection<'a> {
    /// The probabilities of tags in a picture; keywords that the query names have numbers behind those of the tags.
    pub(super) fn tag_scores(self, doc: Doc) -> Result<Shown<'a>> {
        Ok(Shown {
            collection: self,
            doc,
            tags: self.reader.tag_scores(doc)?,
        })
    }
}

impl Shown<'_> {
    pub(super) fn get(&self, tag: TagId) -> f32 {
        let Some(keyword) = self.collection.resolution.keyword(tag) else {
            return self.tags.get(tag);
        };
        let images = self.collection.keywords.images(keyword);
        match images.is_some_and(|images| images.binary_search(&self.doc).is_ok()) {
            true => 1.0,
            false => 0.0,
        }
    }
}
