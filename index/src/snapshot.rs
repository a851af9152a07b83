//! One published generation, opened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use roaring::RoaringBitmap;

use crate::manifest::{Manifest, PublishedFile};
use crate::pack::Pack;
use crate::segment::Segment;
use crate::tags::{TagIndex, TagSearcher};
use crate::{Error, Keywords, Result, Schema, tombstones};

/// How often a reader looks again when files vanish under it. Those of the tag index do while it is committed,
/// shortly before the manifest that belongs to it; others when a newer generation is published.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// A segment with the rows of it that are gone.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    pub(crate) dead: RoaringBitmap,
}

impl Part {
    pub(crate) fn live(&self) -> u64 {
        self.segment.rows() as u64 - self.dead.len()
    }

    /// The row of a document, if it is in this segment and not gone.
    pub(crate) fn row_of(&self, doc: u64) -> Option<u32> {
        self.segment
            .row_of(doc)
            .filter(|&row| !self.dead.contains(row))
    }

    /// The rows that are not gone, in the order of their documents.
    pub(crate) fn live_rows(&self) -> impl Iterator<Item = u32> {
        (0..self.segment.rows() as u32).filter(|&row| !self.dead.contains(row))
    }
}

/// Everything that a search needs, unchanging.
pub(crate) struct Snapshot {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) parts: Vec<Part>,
    pub(crate) packs: Vec<Arc<Pack>>,
    pub(crate) tags: TagSearcher,
    /// What the folder takes on disk, once it was asked for.
    pub(crate) bytes: OnceLock<u64>,
    /// The same of keywords.
    pub(crate) keywords: OnceLock<Keywords>,
}

impl Snapshot {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let manifest = Manifest::read(dir)?;
            let opened = Self::of(dir, &manifest);
            let is_missing = opened.as_ref().is_err_and(Error::is_missing_file);
            let is_current = Manifest::read(dir)?.generation == manifest.generation;
            if attempt < ATTEMPTS && (is_missing || !is_current) {
                if is_missing && is_current {
                    std::thread::sleep(PAUSE);
                }
                continue;
            }
            return opened.map_err(|error| match error {
                Error::Io { path, .. } if is_missing => Error::Damaged {
                    path,
                    reason: "it is missing".to_owned(),
                },
                error => error,
            });
        }
    }

    fn of(dir: &Path, manifest: &Manifest) -> Result<Self> {
        let parts = manifest
            .segments
            .iter()
            .map(|file| open_segment(dir, file, &manifest.schema).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        let dead = open_tombstones(dir, manifest)?;
        let parts = parts
            .into_iter()
            .zip(dead)
            .map(|(segment, dead)| Part { segment, dead });
        let packs = manifest.packs.iter();
        let packs = packs.map(|file| open_pack(dir, file).map(Arc::new));
        let tags_dir = dir.join(&manifest.tags);
        let tags = TagIndex::open(&tags_dir, manifest.tags_meta.as_deref())?;
        if tags.fingerprint()? != manifest.tags_fingerprint {
            tags.verify()?;
        }
        // Where a manifest does not say which commit it names: the commit of the tags comes before the manifest, so an older one
        // has been tampered with, and a newer one only lacks what is about to go.
        if tags
            .stamp()?
            .is_none_or(|stamp| stamp.generation < manifest.generation)
        {
            return Err(Error::damaged(
                &dir.join(&manifest.tags),
                "it is older than its index",
            ));
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            manifest: manifest.clone(),
            parts: parts.collect(),
            packs: packs.collect::<Result<_>>()?,
            tags: tags.searcher()?,
            bytes: OnceLock::new(),
            keywords: OnceLock::new(),
        })
    }

    /// Where a document is.
    pub(crate) fn locate(&self, doc: u64) -> Option<(&Segment, u32)> {
        self.parts
            .iter()
            .find_map(|part| Some((&*part.segment, part.row_of(doc)?)))
    }
}

/// Opens a segment, and reads all of it if the file is not the very one that was published.
pub(crate) fn open_segment(dir: &Path, file: &PublishedFile, schema: &Schema) -> Result<Segment> {
    let path = dir.join(&file.name);
    let segment = Segment::open(&path, schema)?;
    if PublishedFile::of(dir, &file.name)? != *file {
        segment.verify()?;
    }
    Ok(segment)
}

/// The same for a pack.
pub(crate) fn open_pack(dir: &Path, file: &PublishedFile) -> Result<Pack> {
    let pack = Pack::open(&dir.join(&file.name))?;
    if PublishedFile::of(dir, &file.name)? != *file {
        pack.verify()?;
    }
    Ok(pack)
}

pub(crate) fn open_tombstones(dir: &Path, manifest: &Manifest) -> Result<Vec<RoaringBitmap>> {
    match &manifest.tombstones {
        Some(name) => tombstones::read(&dir.join(name), manifest.segments.len()),
        None => Ok(vec![RoaringBitmap::new(); manifest.segments.len()]),
    }
}
