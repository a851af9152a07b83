//! Segments: immutable files with everything about some images that a search needs, mapped into memory.

mod build;
mod layout;
mod tag_scores;

pub(crate) use build::{Builder, GraphProgress, Row, RowTags};
pub use tag_scores::TagScores;
pub(crate) use tag_scores::{LEVELS, confidence_of_level, level};

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::{AnyBitPattern, Zeroable};
use memmap2::Mmap;
use roaring::RoaringBitmap;

use self::layout::{ALIGNMENT, HEAD, Head, MAGIC, SECTIONS, Section, VERSION, short};
use crate::record::{Entry, path_bytes};
use crate::vectors::{Graph, Kernels, Vectors};
use crate::{Error, ImageId, Result, Schema, TagId};

/// An open segment.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    map: Mmap,
    ranges: [Range<usize>; SECTIONS],
    version: u32,
    rows: usize,
    dim: usize,
    tags: usize,
    error: f32,
    kernels: Kernels,
}

impl Segment {
    /// Maps a segment and checks its head and the places of its sections.
    pub(crate) fn open(path: &Path, schema: &Schema) -> Result<Self> {
        let at = |source| Error::io(path, source);
        let damaged = |reason: &str| Error::damaged(path, reason);
        let file = File::open(path).map_err(at)?;
        // SAFETY: segments are written under another name, renamed when complete, and never written to again;
        // that nobody else cuts them while they are mapped is a condition of using the folder.
        let map = unsafe { Mmap::map(&file) }.map_err(at)?;
        let mut head = Head::zeroed();
        let bytes = map.get(..HEAD).ok_or_else(|| damaged("it is too short"))?;
        bytemuck::bytes_of_mut(&mut head).copy_from_slice(bytes);
        if head.magic != MAGIC {
            return Err(damaged("it does not begin like a segment"));
        }
        if head.version > VERSION {
            let (path, found) = (path.to_path_buf(), head.version);
            return Err(Error::NewerFormat {
                path,
                found,
                supported: VERSION,
            });
        }
        if head.check != head.checksum() {
            return Err(damaged("the checksum of its head does not fit"));
        }
        if head.bytes != map.len() as u64 {
            return Err(damaged("its length does not fit"));
        }
        if (head.dim as usize, head.tags as usize) != (schema.dim, schema.tags) {
            return Err(damaged("its sizes are not those of the index"));
        }
        let ranges = ranges(&head).ok_or_else(|| damaged("its sections do not fit"))?;
        Ok(Self {
            path: path.to_path_buf(),
            map,
            ranges,
            version: head.version,
            rows: head.rows as usize,
            dim: schema.dim,
            tags: schema.tags,
            error: head.error,
            kernels: Kernels::detect(),
        })
    }

    /// Reads all of it and compares the checksums.
    pub(crate) fn verify(&self) -> Result<()> {
        let mut head = Head::zeroed();
        bytemuck::bytes_of_mut(&mut head).copy_from_slice(&self.map[..HEAD]);
        for (section, place) in Section::ALL.into_iter().zip(&head.places) {
            if short(blake3::hash(self.bytes(section))) != place.check {
                let reason = format!("the checksum of its {section:?} does not fit");
                return Err(Error::damaged(&self.path, reason));
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The format that reading it takes.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// Whether there may be keywords and corrections in it.
    pub(crate) fn has_words(&self) -> bool {
        self.version > layout::FIRST_VERSION
    }

    pub(crate) fn docs(&self) -> &[u64] {
        self.slice(Section::Docs)
    }

    pub(crate) fn times(&self) -> &[i64] {
        self.slice(Section::Times)
    }

    pub(crate) fn id(&self, row: u32) -> ImageId {
        let ids: &[[u8; 32]] = self.slice(Section::Ids);
        ImageId::from_bytes(ids[row as usize])
    }

    pub(crate) fn row_of(&self, doc: u64) -> Option<u32> {
        let docs = self.docs();
        // From row to row the numbers grow, mostly by one: then the first guess is right.
        let most = usize::try_from(doc.checked_sub(*docs.first()?)?).unwrap_or(usize::MAX);
        if docs.get(most) == Some(&doc) {
            return Some(most as u32);
        }
        let before = &docs[..most.min(docs.len())];
        before.binary_search(&doc).ok().map(|row| row as u32)
    }

    pub(crate) fn find(&self, id: &ImageId) -> Option<u32> {
        let ids: &[[u8; 32]] = self.slice(Section::Ids);
        let order: &[u32] = self.slice(Section::IdOrder);
        let at = order.binary_search_by(|&row| {
            ids.get(row as usize)
                .map_or(std::cmp::Ordering::Greater, |found| {
                    found.cmp(id.as_bytes())
                })
        });
        at.ok().map(|at| order[at])
    }

    /// The rows that may have a path: those of all paths with its hash.
    pub(crate) fn with_path(&self, path: &Path) -> impl Iterator<Item = u32> {
        let paths: &[[u64; 2]] = self.slice(Section::Paths);
        let hash = path_hash(path);
        let from = paths.partition_point(|[found, _]| *found < hash);
        let rows = paths[from..]
            .iter()
            .take_while(move |[found, _]| *found == hash);
        rows.map(|[_, row]| *row as u32)
            .filter(|&row| (row as usize) < self.rows)
    }

    pub(crate) fn record_bytes(&self, row: u32) -> Result<&[u8]> {
        let offsets: &[u64] = self.slice(Section::RecordOffsets);
        let (from, to) = (
            offsets[row as usize] as usize,
            offsets[row as usize + 1] as usize,
        );
        let bytes = self.bytes(Section::Records).get(from..to);
        bytes.ok_or_else(|| Error::damaged(&self.path, "its records do not fit"))
    }

    pub(crate) fn entry(&self, row: u32) -> Result<Entry> {
        Entry::decode(self.record_bytes(row)?)
            .ok_or_else(|| Error::damaged(&self.path, format!("record {row} does not make sense")))
    }

    /// What the model said of each tag, `[tags]`, where it is overruled too.
    pub(crate) fn model_scores(&self, row: u32) -> Result<Vec<f32>> {
        let bytes = self.tag_bytes(row).iter();
        let mut scores: Vec<f32> = bytes.map(|&byte| tag_scores::probability(byte)).collect();
        for (tag, byte) in self.entry(row)?.overruled {
            if let Some(score) = scores.get_mut(tag.0 as usize) {
                *score = tag_scores::probability(byte);
            }
        }
        Ok(scores)
    }

    /// `[tags]`, probability times 255; where keywords or corrections count, that of these.
    pub(crate) fn tag_bytes(&self, row: u32) -> &[u8] {
        &self.bytes(Section::Tags)[row as usize * self.tags..][..self.tags]
    }

    /// The rows in which a tag of the schema has a probability above this one.
    pub(crate) fn above(&self, tag: TagId, probability: f32) -> RoaringBitmap {
        let scores = self.bytes(Section::Tags).iter().skip(tag.0 as usize);
        let rows = scores.step_by(self.tags.max(1)).zip(0..);
        let above = rows.filter(|(byte, _)| tag_scores::probability(**byte) > probability);
        above.map(|(_, row)| row).collect()
    }

    /// The rows in which a tag of the schema is recognised.
    pub(crate) fn recognised(&self, tag: TagId) -> Result<RoaringBitmap> {
        let damaged = || Error::damaged(&self.path, format!("its list of tag {} is broken", tag.0));
        let bytes = self.bytes(Section::Recognised);
        let (offsets, lists) = bytes
            .split_at_checked(8 * (self.tags + 1))
            .ok_or_else(damaged)?;
        let offset = |at: usize| -> Option<usize> {
            let bytes = offsets.get(8 * at..8 * at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let range = offset(tag.0 as usize).zip(offset(tag.0 as usize + 1));
        let list = range
            .and_then(|(from, to)| lists.get(from..to))
            .ok_or_else(damaged)?;
        let rows = RoaringBitmap::deserialize_from(list).map_err(|_| damaged())?;
        match rows.max() {
            Some(row) if row as usize >= self.rows => Err(damaged()),
            _ => Ok(rows),
        }
    }

    pub(crate) fn vectors(&self) -> Vectors<'_> {
        Vectors {
            dim: self.dim,
            floats: self.slice(Section::Floats),
            codes: self.bytes(Section::Codes),
            scales: self.slice(Section::Scales),
            error: self.error,
            kernels: self.kernels,
        }
    }

    /// The graph, unless there is none or it cannot be one: then rows are scanned.
    pub(crate) fn graph(&self) -> Option<Graph<'_>> {
        Graph::open(self.slice(Section::Graph), self.rows, self.dim)
    }

    fn bytes(&self, section: Section) -> &[u8] {
        &self.map[self.ranges[section as usize].clone()]
    }

    /// A section as numbers. `open` has checked places and lengths, so the cast cannot fail.
    fn slice<T: AnyBitPattern>(&self, section: Section) -> &[T] {
        bytemuck::try_cast_slice(self.bytes(section)).unwrap_or_default()
    }
}

fn path_hash(path: &Path) -> u64 {
    let hash = blake3::hash(path_bytes(path));
    u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap_or(&[0; 8]))
}

/// The places of the sections, if they are aligned, within the file and as long as they must be.
fn ranges(head: &Head) -> Option<[Range<usize>; SECTIONS]> {
    // Rows are numbered in 32 bits.
    u32::try_from(head.rows).ok()?;
    let mut ranges = [const { 0..0 }; SECTIONS];
    for (section, place) in Section::ALL.into_iter().zip(&head.places) {
        let end = place.offset.checked_add(place.bytes)?;
        let fixed = section.bytes(head.rows, head.dim.into(), head.tags.into());
        let unit = match section {
            Section::Paths => 16,
            Section::Graph => 4,
            _ => 1,
        };
        let is_sound = place.offset % ALIGNMENT == 0
            && place.offset >= HEAD as u64
            && end <= head.bytes
            && fixed.is_none_or(|bytes| bytes == place.bytes)
            && place.bytes % unit == 0;
        if !is_sound {
            return None;
        }
        ranges[section as usize] = place.offset as usize..end as usize;
    }
    Some(ranges)
}
