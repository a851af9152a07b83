//! Comparing what is published with the catalogue, when a writer opens.
//!
//! It goes through all documents rather than through a log of changes: there is then no state of the folder, be
//! it of a crash, a restored backup or a lost file, that is not covered by the same few lines.

use std::path::Path;
use std::sync::Arc;

use roaring::{RoaringBitmap, RoaringTreemap};

use crate::catalogue::{Catalogue, Next};
use crate::changes::Outcome;
use crate::manifest::Manifest;
use crate::pack::Pack;
use crate::segment::Segment;
use crate::snapshot::{Part, open_pack, open_segment, open_tombstones};
use crate::tags::TagIndex;
use crate::{Result, Schema};

/// What is published and what is not yet.
pub(crate) struct State {
    /// What the folder says now; generation 0 if it says nothing.
    pub(crate) manifest: Manifest,
    /// The published segments, with the rows that are dead in the catalogue, also those not yet published so.
    pub(crate) parts: Vec<Part>,
    /// `None` when it has to be made anew.
    pub(crate) tags: Option<TagIndex>,
    /// The published packs of image tokens.
    pub(crate) packs: Vec<Arc<Pack>>,
    /// A pack was lost, so images that are published may lack their tokens.
    pub(crate) lacks_tokens: bool,
    /// The highest generation that may ever have been published.
    pub(crate) generation: u64,
    pub(crate) next: Next,
    /// Documents of the catalogue that are in no segment.
    pub(crate) pending: RoaringTreemap,
    /// Documents that went since the last publication.
    pub(crate) gone: RoaringTreemap,
    /// The published files are not the ones that this state describes.
    pub(crate) differs: bool,
}

impl State {
    pub(crate) fn has_news(&self) -> bool {
        self.differs || self.tags.is_none() || !self.pending.is_empty() || !self.gone.is_empty()
    }

    /// Notes what a batch has changed.
    pub(crate) fn take(&mut self, outcome: &Outcome) {
        self.next = outcome.next;
        for &doc in &outcome.dropped {
            if self.pending.remove(doc) {
                continue;
            }
            self.gone.insert(doc);
            for part in &mut self.parts {
                if let Some(row) = part.segment.row_of(doc) {
                    part.dead.insert(row);
                }
            }
        }
        self.pending.extend(outcome.added.iter().copied());
    }
}

/// Finds out what of the published files can be used, and what they lack.
pub(crate) fn audit(
    dir: &Path,
    schema: &Schema,
    catalogue: &Catalogue,
    manifest: Option<Manifest>,
    thorough: bool,
) -> Result<State> {
    let mut differs = manifest.is_none();
    let empty = || Manifest {
        generation: 0,
        next_doc: 0,
        schema: schema.clone(),
        segments: Vec::new(),
        tombstones: None,
        tags: String::new(),
        tags_fingerprint: 0,
        tags_meta: None,
        packs: Vec::new(),
    };
    let mut manifest = manifest.unwrap_or_else(empty);
    let generation = newest_name(dir).max(manifest.generation);
    let recorded = open_tombstones(dir, &manifest).unwrap_or_default();
    if manifest.schema != *schema {
        // Only thresholds can differ here. Everything that is published was cut at the old ones.
        (manifest.segments, manifest.tags, manifest.schema) =
            (Vec::new(), String::new(), schema.clone());
        differs = true;
    }

    let mut segments = Vec::new();
    for (at, file) in manifest.segments.iter().enumerate() {
        let opened = open_segment(dir, file, schema).and_then(|segment| {
            if thorough {
                segment.verify()?;
            }
            Ok(segment)
        });
        match opened {
            Ok(segment) => segments.push((file.clone(), segment, recorded.get(at))),
            Err(error @ crate::Error::NewerFormat { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "rebuilding a segment from the catalogue");
                differs = true;
            }
        }
    }
    let mut live = vec![RoaringBitmap::new(); segments.len()];
    let mut pending = RoaringTreemap::new();
    for item in catalogue.docs() {
        let (doc, id) = item?;
        let found = segments
            .iter()
            .zip(&mut live)
            .find_map(|((_, segment, _), live)| {
                let row = segment.row_of(doc)?;
                // After the catalogue lost its end in a power cut, a number can have been given twice.
                (segment.id(row) == id).then(|| live.insert(row))
            });
        if found.is_none() {
            pending.insert(doc);
        }
    }

    let mut gone = RoaringTreemap::new();
    let mut next = catalogue.next()?;
    next.doc = next.doc.max(manifest.next_doc);
    let mut files = Vec::new();
    let mut parts = Vec::new();
    for ((file, segment, recorded), live) in segments.into_iter().zip(live) {
        let dead = all_rows(&segment) - live;
        if recorded != Some(&dead) {
            gone.extend(dead.iter().map(|row| segment.docs()[row as usize]));
            differs = true;
        }
        next.doc = next.doc.max(segment.docs().last().map_or(0, |doc| doc + 1));
        files.push(file);
        parts.push(Part {
            segment: Arc::new(segment),
            dead,
        });
    }
    manifest.segments = files;
    let tags = open_tags(dir, &manifest);
    let (packs, lacks_tokens) = open_packs(dir, &mut manifest, thorough)?;
    Ok(State {
        packs,
        lacks_tokens,
        manifest,
        parts,
        tags,
        generation,
        next,
        pending,
        gone,
        differs: differs || lacks_tokens,
    })
}

/// Opens the packs that can be, leaves the others out of the manifest, and says whether there were others.
fn open_packs(
    dir: &Path,
    manifest: &mut Manifest,
    thorough: bool,
) -> Result<(Vec<Arc<Pack>>, bool)> {
    let files = std::mem::take(&mut manifest.packs);
    let all = files.len();
    let mut packs = Vec::new();
    for file in files {
        let opened = open_pack(dir, &file).and_then(|pack| {
            if thorough {
                pack.verify()?;
            }
            Ok(pack)
        });
        match opened {
            Ok(pack) => {
                packs.push(Arc::new(pack));
                manifest.packs.push(file);
            }
            Err(error @ crate::Error::NewerFormat { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "rebuilding image tokens from the catalogue");
            }
        }
    }
    let lacks_tokens = packs.len() < all;
    Ok((packs, lacks_tokens))
}

fn all_rows(segment: &Segment) -> RoaringBitmap {
    RoaringBitmap::from_iter(0..segment.rows() as u32)
}

/// The tag index, if it is whole and of the very generation that is published.
fn open_tags(dir: &Path, manifest: &Manifest) -> Option<TagIndex> {
    if manifest.tags.is_empty() {
        return None;
    }
    let path = dir.join(&manifest.tags);
    let reset = match &manifest.tags_meta {
        Some(meta) => TagIndex::reset(&path, meta),
        None => Ok(()),
    };
    let opened = reset.and_then(|()| {
        let tags = TagIndex::open(&path, None)?;
        tags.verify()?;
        let stamp = tags.stamp()?;
        Ok(stamp
            .is_some_and(|stamp| stamp.generation == manifest.generation)
            .then_some(tags))
    });
    match opened {
        Ok(tags) => tags,
        Err(error) => {
            tracing::warn!(%error, "rebuilding the tag index");
            None
        }
    }
}

/// The highest generation that any file in the folder is named after, so that numbers go on rising even after
/// the manifest has been lost.
fn newest_name(dir: &Path) -> u64 {
    let Ok(entries) = dir.read_dir() else {
        return 0;
    };
    let numbers = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let digits = name
            .to_str()?
            .split_once('-')?
            .1
            .trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse().ok()
    });
    numbers.max().unwrap_or(0)
}
