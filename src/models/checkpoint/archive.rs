//! The zip archive that `torch.save` writes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rawzip::{
    CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder,
    ZipLocator,
};

use super::CheckpointError;
use super::budget::Budget;
use super::input::Input;

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// The record that every archive of PyTorch has.
const PICKLE: &str = "data.pkl";

/// Records of an archive: one pickle, and one for each storage of numbers.
///
/// The directory is read with `rawzip`, which reads by position, allocates nothing on the archive's word and says where
/// a record is: tensors can then be read in part, and records that nobody wants are never touched.
pub(super) struct Archive {
    input: Input,
    zip: ZipArchive<Arc<dyn ReaderAt + Send + Sync>>,
    records: BTreeMap<String, Listed>,
}

/// A record as the directory lists it.
#[derive(Debug)]
struct Listed {
    place: ZipArchiveEntryWayfinder,
    crc: u32,
    method: CompressionMethod,
}

/// Where a record's bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    offset: u64,
    pub(super) len: u64,
    /// 0 where the writer computed none.
    crc: u32,
}

impl Archive {
    /// Reads the directory.
    pub(super) fn read(input: Input, budget: &mut Budget) -> Result<Self> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipLocator::new()
            .locate_in_reader(input.reader(), &mut buffer, input.len())
            .map_err(|(_, source)| input.damaged(source))?;
        let mut records = BTreeMap::new();
        let mut entries = zip.entries(&mut buffer);
        while let Some(entry) = entries
            .next_entry()
            .map_err(|source| input.damaged(source))?
        {
            let path = entry.file_path();
            let name = String::from_utf8_lossy(path.as_ref());
            // All records are in one folder, named after the file.
            let Some((_, name)) = name.split_once('/') else {
                continue;
            };
            budget
                .take(size_of::<(String, Listed)>() + name.len())
                .map_err(|source| input.damaged(source))?;
            let listed = Listed {
                place: entry.wayfinder(),
                crc: entry.crc32(),
                method: entry.compression_method(),
            };
            if records.insert(name.to_owned(), listed).is_some() {
                return Err(input.damaged(format!("record `{name}` is there more than once")));
            }
        }
        if !records.contains_key(PICKLE) {
            return Err(CheckpointError::Unknown {
                file: input.name().to_owned(),
            });
        }
        Ok(Self {
            input,
            zip,
            records,
        })
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// The pickle that says what the storages hold.
    pub(super) fn pickle(&self, budget: &mut Budget) -> Result<Vec<u8>> {
        let record = self.record(PICKLE)?;
        let len = usize::try_from(record.len).unwrap_or(usize::MAX);
        budget
            .take(len)
            .map_err(|source| self.input.damaged(source))?;
        self.bytes(record, 0..record.len)
    }

    /// Refuses numbers of the other byte order. Archives of earlier versions do not say, and are little endian.
    pub(super) fn check_byte_order(&self) -> Result<()> {
        let name = "byteorder";
        if !self.records.contains_key(name) {
            return Ok(());
        }
        let record = self.record(name)?;
        if self.bytes(record, 0..record.len.min(6))? == b"little" {
            return Ok(());
        }
        Err(self.unsupported("its numbers are not little endian"))
    }

    /// Where the record `name` is.
    pub(super) fn record(&self, name: &str) -> Result<Record> {
        let listed = self
            .records
            .get(name)
            .ok_or_else(|| self.input.damaged(format!("it has no record `{name}`")))?;
        if listed.method != CompressionMethod::STORE {
            return Err(self.unsupported(&format!("record `{name}` is compressed")));
        }
        let (offset, end) = self
            .zip
            .get_entry(listed.place)
            .map_err(|source| self.input.damaged(format!("record `{name}`: {source}")))?
            .compressed_data_range();
        if end > self.input.len() {
            return Err(self
                .input
                .damaged(format!("record `{name}` reaches beyond the end")));
        }
        Ok(Record {
            offset,
            len: end - offset,
            crc: listed.crc,
        })
    }

    /// The bytes of `part` of a record. A whole record is held against its checksum.
    pub(super) fn bytes(&self, record: Record, part: Range<u64>) -> Result<Vec<u8>> {
        let bytes = self
            .input
            .read(record.offset + part.start, part.end - part.start)?;
        let whole = part == (0..record.len);
        if whole && record.crc != 0 && crc32fast::hash(&bytes) != record.crc {
            return Err(self.input.damaged(format!(
                "the {} bytes from {} on do not match their checksum",
                record.len, record.offset
            )));
        }
        Ok(bytes)
    }

    fn unsupported(&self, what: &str) -> CheckpointError {
        CheckpointError::Unsupported {
            file: self.input.name().to_owned(),
            what: what.to_owned(),
        }
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("input", &self.input)
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
