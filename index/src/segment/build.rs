use std::borrow::Cow;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytemuck::Zeroable;
use roaring::RoaringBitmap;

use super::layout::{
    ALIGNMENT, FIRST_VERSION, HEAD, Head, MAGIC, Place, SECTIONS, Section, VERSION, short,
};
use super::{Segment, path_hash, tag_scores};
use crate::durable;
use crate::record::Entry;
use crate::vectors::{self, quantise};
use crate::{Error, ImageId, Result, Schema};

/// Bytes of one section that are collected before they are written to their place.
const BUFFER: usize = 256 << 10;

/// One image to be written.
pub(crate) struct Row<'a> {
    pub(crate) doc: u64,
    pub(crate) id: ImageId,
    pub(crate) embedding: &'a [f32],
    pub(crate) tags: RowTags<'a>,
    pub(crate) entry: &'a [u8],
}

/// Where the tag probabilities of a row come from.
pub(crate) enum RowTags<'a> {
    /// The catalogue, `[tags]`. What keywords and corrections say is put over them here.
    Scores(&'a [half::f16]),
    /// Another segment that was cut at the same thresholds, `[tags]`.
    Bytes(&'a [u8]),
}

/// Writes a segment in one pass over its rows. Only what is searched for (recognised tags, hashes of paths, ids)
/// is kept in memory meanwhile, about a hundred bytes per row.
pub(crate) struct Builder<'a> {
    schema: &'a Schema,
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
    rows: u64,
    head: Head,
    streams: Vec<Stream>,
    recognised: Vec<RoaringBitmap>,
    paths: Vec<[u64; 2]>,
    ids: Vec<ImageId>,
    records: u64,
    scratch: (Vec<u8>, Vec<u8>),
}

/// A section that is being written.
struct Stream {
    section: Section,
    place: u64,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
}

/// What a graph tells while it is built: how many of how many rows are linked.
pub(crate) type GraphProgress<'a> = &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Sections of known length, written while the rows come; after them the records, then the rest.
const STREAMED: [Section; 9] = [
    Section::Docs,
    Section::Ids,
    Section::Times,
    Section::Floats,
    Section::Codes,
    Section::Scales,
    Section::Tags,
    Section::RecordOffsets,
    Section::Records,
];

impl<'a> Builder<'a> {
    /// Begins a segment of exactly `rows` rows.
    pub(crate) fn create(path: &Path, schema: &'a Schema, rows: u64) -> Result<Self> {
        let unfinished = durable::unfinished(path);
        let options = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished);
        let file = options.map_err(|source| Error::io(&unfinished, source))?;
        let mut head = Head {
            magic: MAGIC,
            version: FIRST_VERSION,
            rows,
            ..Head::zeroed()
        };
        (head.dim, head.tags) = (schema.dim as u32, schema.tags as u32);
        let mut place = (HEAD as u64).next_multiple_of(ALIGNMENT);
        let streams = STREAMED.map(|section| {
            let bytes = section
                .bytes(rows, schema.dim as u64, schema.tags as u64)
                .unwrap_or(0);
            head.places[section as usize].offset = place;
            let stream = Stream {
                section,
                place,
                buffer: Vec::new(),
                hasher: blake3::Hasher::new(),
            };
            place = (place + bytes).next_multiple_of(ALIGNMENT);
            stream
        });
        let mut builder = Self {
            schema,
            path: path.to_path_buf(),
            unfinished,
            file,
            rows,
            head,
            streams: streams.into(),
            recognised: vec![RoaringBitmap::new(); schema.tags],
            paths: Vec::new(),
            ids: Vec::new(),
            records: 0,
            scratch: Default::default(),
        };
        builder.write(Section::RecordOffsets, &0_u64.to_le_bytes())?;
        Ok(builder)
    }

    /// Appends a row; rows come in the order of their documents.
    pub(crate) fn push(&mut self, row: &Row<'_>) -> Result<()> {
        let number = self.ids.len() as u32;
        let mut entry = Entry::decode(row.entry)
            .ok_or_else(|| Error::damaged(&self.path, "a record does not make sense"))?;
        let mut record = Cow::Borrowed(row.entry);
        self.paths.extend(
            entry
                .files
                .iter()
                .map(|f| [path_hash(&f.path), u64::from(number)]),
        );
        self.ids.push(row.id);

        let (mut codes, mut tags) = std::mem::take(&mut self.scratch);
        codes.clear();
        tags.clear();
        let quantised = quantise(row.embedding, &mut codes);
        self.head.error = self.head.error.max(quantised.error);
        let thresholds = &self.schema.thresholds;
        match row.tags {
            RowTags::Bytes(bytes) => tags.extend(bytes),
            RowTags::Scores(scores) => {
                let scores = scores.iter().zip(thresholds);
                tags.extend(
                    scores.map(|(score, &threshold)| tag_scores::byte(score.to_f32(), threshold)),
                );
                for (tag, applies) in entry.overrides() {
                    // Only a damaged record names a tag that the schema has not: no reason to fall over.
                    let Some(byte) = tags.get_mut(tag.0 as usize) else {
                        continue;
                    };
                    entry.overruled.push((tag, *byte));
                    *byte = if applies { u8::MAX } else { 0 };
                }
                if entry.has_words() {
                    record.to_mut().clear();
                    entry.encode(record.to_mut());
                }
            }
        }
        if entry.has_words() {
            self.head.version = VERSION;
        }
        for (tag, _) in (super::TagScores {
            bytes: &tags,
            thresholds,
        })
        .levels()
        {
            self.recognised[tag.0 as usize].insert(number);
        }

        self.records += record.len() as u64;
        self.write(Section::Docs, &row.doc.to_le_bytes())?;
        self.write(Section::Ids, row.id.as_bytes())?;
        self.write(Section::Times, &entry.time_ns().to_le_bytes())?;
        self.write(Section::Floats, bytemuck::cast_slice(row.embedding))?;
        self.write(Section::Codes, &codes)?;
        self.write(Section::Scales, &quantised.scale.to_le_bytes())?;
        self.write(Section::Tags, &tags)?;
        self.write(Section::RecordOffsets, &self.records.to_le_bytes())?;
        self.write(Section::Records, &record)?;
        self.scratch = (codes, tags);
        Ok(())
    }

    /// Writes what could not be written row by row, syncs the file and gives it its name. With `graph` it gets one, which is told of
    /// its progress and may break it off: then there is no segment.
    pub(crate) fn finish(mut self, graph: Option<GraphProgress<'_>>) -> Result<Option<Segment>> {
        debug_assert_eq!(self.ids.len() as u64, self.rows);
        for at in 0..self.streams.len() {
            self.flush(at)?;
        }
        let mut end = 0;
        for stream in std::mem::take(&mut self.streams) {
            let place = &mut self.head.places[stream.section as usize];
            place.bytes = stream.place - place.offset;
            place.check = short(stream.hasher.finalize());
            end = stream.place;
        }
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_unstable_by_key(|&row| self.ids[row as usize]);
        let mut paths = std::mem::take(&mut self.paths);
        paths.sort_unstable();
        self.append(Section::IdOrder, bytemuck::cast_slice(&order), &mut end)?;
        self.append(Section::Paths, bytemuck::cast_slice(&paths), &mut end)?;
        let recognised = self.recognised_bytes()?;
        self.append(Section::Recognised, &recognised, &mut end)?;
        drop(recognised);
        self.append(Section::Graph, &[], &mut end)?;
        self.seal(end)?;
        if let Some(progress) = graph {
            // The file is a complete segment by now, so the graph is built from the mapped vectors and no copy of
            // them is kept here.
            let complete = Segment::open(&self.unfinished, self.schema)?;
            let Some(words) = vectors::build_graph(&complete.vectors(), progress) else {
                let removed = std::fs::remove_file(&self.unfinished);
                removed.map_err(|source| Error::io(&self.unfinished, source))?;
                return Ok(None);
            };
            self.append(Section::Graph, bytemuck::cast_slice(&words), &mut end)?;
            self.seal(end)?;
        }
        self.file
            .sync_all()
            .map_err(|source| Error::io(&self.unfinished, source))?;
        durable::rename(&self.unfinished, &self.path)?;
        Segment::open(&self.path, self.schema).map(Some)
    }

    fn recognised_bytes(&self) -> Result<Vec<u8>> {
        let (mut offsets, mut lists) = (0_u64.to_le_bytes().to_vec(), Vec::new());
        for rows in &self.recognised {
            rows.serialize_into(&mut lists)
                .map_err(|source| Error::io(&self.unfinished, source))?;
            offsets.extend((lists.len() as u64).to_le_bytes());
        }
        offsets.extend(lists);
        Ok(offsets)
    }

    fn append(&mut self, section: Section, bytes: &[u8], end: &mut u64) -> Result<()> {
        let offset = end.next_multiple_of(ALIGNMENT);
        self.write_at(offset, bytes)?;
        let (bytes, check) = (bytes.len() as u64, short(blake3::hash(bytes)));
        self.head.places[section as usize] = Place {
            offset,
            bytes,
            check,
            reserved: 0,
        };
        *end = offset + bytes;
        Ok(())
    }

    fn seal(&mut self, end: u64) -> Result<()> {
        // The last section may be empty behind a gap, and an empty section has to begin within the file too.
        self.head.bytes = end;
        self.head.check = self.head.checksum();
        let head = self.head;
        self.file
            .set_len(end)
            .map_err(|source| Error::io(&self.unfinished, source))?;
        self.write_at(0, bytemuck::bytes_of(&head))
    }

    fn write(&mut self, section: Section, bytes: &[u8]) -> Result<()> {
        let at = STREAMED
            .iter()
            .position(|&s| s == section)
            .unwrap_or_default();
        let stream = &mut self.streams[at];
        stream.buffer.extend_from_slice(bytes);
        if stream.buffer.len() < BUFFER {
            Ok(())
        } else {
            self.flush(at)
        }
    }

    fn flush(&mut self, at: usize) -> Result<()> {
        let stream = &mut self.streams[at];
        let (bytes, place) = (std::mem::take(&mut stream.buffer), stream.place);
        stream.hasher.update(&bytes);
        stream.place += bytes.len() as u64;
        self.write_at(place, &bytes)?;
        self.streams[at].buffer = bytes;
        self.streams[at].buffer.clear();
        Ok(())
    }

    fn write_at(&self, place: u64, bytes: &[u8]) -> Result<()> {
        let mut file = &self.file;
        let written = file
            .seek(SeekFrom::Start(place))
            .and_then(|_| file.write_all(bytes));
        written.map_err(|source| Error::io(&self.unfinished, source))
    }
}

const _: () = assert!(STREAMED.len() + 4 == SECTIONS);
