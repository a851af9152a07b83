use std::path::Path;
use std::sync::Arc;

use crate::manifest::Manifest;
use crate::packing;
use crate::segment::{Segment, TagScores};
use crate::snapshot::Snapshot;
use crate::vectors::{self, Query};
use crate::{
    Doc, Effort, Embedding, Error, Filter, Generation, ImageId, Record, Result, Schema, durable,
};

/// One published generation, to be searched.
///
/// What a reader shows never changes until [`Reader::refresh`]; clones share everything but refresh on their own,
/// so several steps of a search fit together when they use one clone. Never waits for a writer and needs no right
/// to write.
#[derive(Clone)]
pub struct Reader {
    snapshot: Arc<Snapshot>,
}

impl Reader {
    /// Opens the last published generation: maps its files and reads none of the vectors.
    ///
    /// # Errors
    /// [`Error::NoIndex`], [`Error::NotAFolder`], [`Error::NewerFormat`], [`Error::Damaged`] (opening a
    /// [`Writer`](crate::Writer) rebuilds), [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self {
            snapshot: Arc::new(Snapshot::open(dir)?),
        })
    }

    /// What the index was made for.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.snapshot.manifest.schema
    }

    /// The generation that is being read.
    #[must_use]
    pub fn generation(&self) -> Generation {
        Generation(self.snapshot.manifest.generation)
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.snapshot
            .parts
            .iter()
            .map(|part| part.live() as usize)
            .sum()
    }

    /// True when there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the whole folder takes on disk, the catalogue included, when this is first asked of a generation.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        let bytes = &self.snapshot.bytes;
        *bytes.get_or_init(|| durable::size(&self.snapshot.dir))
    }

    /// Goes on to the last published generation. True when there was a newer one. After an error the reader
    /// still shows what it showed.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn refresh(&mut self) -> Result<bool> {
        let dir = &self.snapshot.dir;
        if Manifest::read(dir)?.generation == self.snapshot.manifest.generation {
            return Ok(false);
        }
        self.snapshot = Arc::new(Snapshot::open(dir)?);
        Ok(true)
    }

    /// The `k` images nearest to an embedding with their cosines, best first, ties by document.
    ///
    /// Exact for segments without a graph; where there is a graph and most rows pass the filter, a walk over it.
    /// The cosines and the filter are exact either way.
    ///
    /// # Errors
    /// [`Error::Size`], [`Error::UnknownTag`], [`Error::Damaged`].
    pub fn nearest(&self, query: &Embedding, k: usize, filter: &Filter) -> Result<Vec<(Doc, f32)>> {
        self.nearest_with(query, k, filter, Effort::default())
    }

    /// [`Reader::nearest`] with more or less effort than is planned.
    ///
    /// # Errors
    /// As [`Reader::nearest`].
    pub fn nearest_with(
        &self,
        query: &Embedding,
        k: usize,
        filter: &Filter,
        effort: Effort,
    ) -> Result<Vec<(Doc, f32)>> {
        self.check_query(query, filter)?;
        let query = Query::new(query);
        let mut found = Vec::new();
        for part in &self.snapshot.parts {
            let allowed = filter.allowed(&part.segment, &part.dead)?;
            let (rows, graph) = (part.segment.vectors(), part.segment.graph());
            let nearest =
                vectors::nearest(&rows, graph.as_ref(), allowed.as_ref(), &query, k, effort);
            let docs = part.segment.docs();
            found.extend(nearest.iter().map(|s| (Doc(docs[s.row as usize]), s.score)));
        }
        found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        Ok(found)
    }

    /// The cosine of an image with an embedding.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`], [`Error::Size`].
    pub fn similarity(&self, doc: Doc, query: &Embedding) -> Result<f32> {
        self.check_query(query, &Filter::default())?;
        let (segment, row) = self.locate(doc)?;
        Ok(segment.vectors().cosine(row, query.as_slice()))
    }

    /// What the model said of each tag in an image, `[Schema::tags]` to 1/255, whatever keywords and people say.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`], [`Error::Damaged`].
    pub fn model_scores(&self, doc: Doc) -> Result<Vec<f32>> {
        let (segment, row) = self.locate(doc)?;
        segment.model_scores(row)
    }

    /// All tag probabilities of an image as they count: 1 for the tags that its keywords name or a person added, 0 for those that a
    /// person took away.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`].
    pub fn tag_scores(&self, doc: Doc) -> Result<TagScores<'_>> {
        let (segment, row) = self.locate(doc)?;
        Ok(TagScores {
            bytes: segment.tag_bytes(row),
            thresholds: &self.schema().thresholds,
        })
    }

    /// Where an image lies in the space of the model.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`], [`Error::Damaged`].
    pub fn embedding(&self, doc: Doc) -> Result<Embedding> {
        let (segment, row) = self.locate(doc)?;
        Embedding::restore(segment.vectors().float_row(row).to_vec()).ok_or_else(|| {
            Error::damaged(segment.path(), format!("vector {row} is not a direction"))
        })
    }

    /// What sentences are matched with, as the model of the index packed it; `None` where it was not kept.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`], [`Error::Damaged`].
    pub fn tokens(&self, doc: Doc) -> Result<Option<&[u8]>> {
        let (segment, row) = self.locate(doc)?;
        packing::tokens(&self.snapshot.packs, &segment.id(row))
    }

    /// What there is to show of an image.
    ///
    /// # Errors
    /// [`Error::UnknownDoc`], [`Error::Damaged`].
    pub fn record(&self, doc: Doc) -> Result<Record> {
        let (segment, row) = self.locate(doc)?;
        Ok(segment.entry(row)?.into_record(segment.id(row)))
    }

    /// What there is to show of every image, in the order of the documents within each segment.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn records(&self) -> impl Iterator<Item = Result<Record>> {
        self.snapshot.parts.iter().flat_map(|part| {
            part.live_rows().map(|row| {
                let entry = part.segment.entry(row)?;
                Ok(entry.into_record(part.segment.id(row)))
            })
        })
    }

    /// The document of an image.
    #[must_use]
    pub fn find(&self, id: &ImageId) -> Option<Doc> {
        self.snapshot.parts.iter().find_map(|part| {
            let row = part
                .segment
                .find(id)
                .filter(|&row| !part.dead.contains(row))?;
            Some(Doc(part.segment.docs()[row as usize]))
        })
    }

    /// The document of the image that is at a path, spelt as it was indexed.
    #[must_use]
    pub fn find_path(&self, path: &Path) -> Option<Doc> {
        self.snapshot.parts.iter().find_map(|part| {
            let mut rows = part
                .segment
                .with_path(path)
                .filter(|&row| !part.dead.contains(row));
            let row = rows.find(|&row| {
                part.segment
                    .entry(row)
                    .is_ok_and(|entry| entry.files.iter().any(|f| f.path == path))
            })?;
            Some(Doc(part.segment.docs()[row as usize]))
        })
    }

    /// The `k` newest images by the time of capture, else of modification, newest first, ties by document.
    ///
    /// # Errors
    /// [`Error::UnknownTag`], [`Error::Damaged`].
    pub fn newest(&self, k: usize, filter: &Filter) -> Result<Vec<Doc>> {
        filter.check(self.schema())?;
        let mut found = Vec::new();
        for part in &self.snapshot.parts {
            let allowed = filter.allowed(&part.segment, &part.dead)?;
            let rows = part
                .segment
                .times()
                .iter()
                .zip(part.segment.docs())
                .zip(0_u32..);
            let rows = rows.filter(|(_, row)| allowed.as_ref().is_none_or(|a| a.contains(*row)));
            found.extend(rows.map(|((&time, &doc), _)| (time, std::cmp::Reverse(doc))));
        }
        Ok(vectors::best(found, k)
            .into_iter()
            .map(|(_, doc)| Doc(doc.0))
            .collect())
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn locate(&self, doc: Doc) -> Result<(&Segment, u32)> {
        self.snapshot.locate(doc.0).ok_or(Error::UnknownDoc { doc })
    }

    fn check_query(&self, query: &Embedding, filter: &Filter) -> Result<()> {
        let (expected, found) = (self.schema().dim, query.dim());
        if expected != found {
            return Err(Error::Size {
                what: "the query embedding",
                expected,
                found,
            });
        }
        filter.check(self.schema())
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Reader");
        shown
            .field("dir", &self.snapshot.dir)
            .field("generation", &self.generation());
        shown.finish_non_exhaustive()
    }
}
