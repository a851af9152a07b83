//! Reading a file at any place.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rawzip::{FileReader, ReaderAt};

use super::CheckpointError;

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// A file, or bytes in memory, of which any part can be read without disturbing others.
///
/// Parts are read rather than mapped: a mapped page counts as the process's memory for as long as nobody else wants it.
pub(super) struct Input {
    name: String,
    len: u64,
    reader: Arc<dyn ReaderAt + Send + Sync>,
}

impl Input {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let opened = fs::metadata(path).and_then(|metadata| {
            if !metadata.is_file() {
                return Err(io::Error::other("it is not a file"));
            }
            let file = File::open(path)?;
            Ok((file.metadata()?.len(), file))
        });
        match opened {
            Ok((len, file)) => Ok(Self {
                name,
                len,
                reader: Arc::new(FileReader::from(file)),
            }),
            Err(source) => Err(CheckpointError::Read { file: name, source }),
        }
    }

    /// Takes a file that is in memory already; `name` is what errors call it.
    pub(super) fn memory(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            len: bytes.len() as u64,
            reader: Arc::new(bytes),
        }
    }

    /// What errors call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// For a reader of archives, which does its own reading.
    pub(super) fn reader(&self) -> Arc<dyn ReaderAt + Send + Sync> {
        Arc::clone(&self.reader)
    }

    /// The `len` bytes from `offset` on. Nothing is allocated for a part that is not in the file.
    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len);
        if end.is_none() {
            return Err(self.damaged(format!(
                "it speaks of {len} bytes at {offset}, but has only {}",
                self.len
            )));
        }
        let no_memory = || CheckpointError::Memory {
            file: self.name.clone(),
            bytes: len,
        };
        let size = usize::try_from(len).map_err(|_| no_memory())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| no_memory())?;
        bytes.resize(size, 0);
        self.reader
            .read_exact_at(&mut bytes, offset)
            .map_err(|source| CheckpointError::Read {
                file: self.name.clone(),
                source,
            })?;
        Ok(bytes)
    }

    /// The error of a file that contradicts itself.
    pub(super) fn damaged(&self, reason: impl ToString) -> CheckpointError {
        CheckpointError::Damaged {
            file: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
