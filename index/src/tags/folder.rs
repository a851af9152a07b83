//! A folder of tantivy files that may be read without the right to write, and as it was at an earlier commit.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{
    DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError,
};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// Where tantivy says what a commit consists of.
pub(super) const META: &str = "meta.json";

/// What each file ends with, at the least; tantivy would panic where a file is shorter.
const FOOTER: usize = 8;

/// Memory-mapped files, with two differences.
///
/// Nothing is locked. There is one writer, who holds the lock of the whole index, and readers may lack the right to write a lock
/// file: on read-only media, in somebody else's folder.
///
/// A reader opens the commit that its manifest names, which need not be the last one. For that nothing is deleted here: the files of
/// the commit before are needed until the manifest is replaced.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    files: MmapDirectory,
    meta: Option<Arc<[u8]>>,
}

impl Folder {
    /// The folder as it is, or at the commit of which `meta` is the description.
    pub(super) fn open(path: &Path, meta: Option<&str>) -> Result<Self, OpenDirectoryError> {
        Ok(Self {
            files: MmapDirectory::open(path)?,
            meta: meta.map(|meta| meta.as_bytes().into()),
        })
    }
}

impl Directory for Folder {
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let handle = self.files.get_file_handle(path)?;
        if handle.len() < FOOTER {
            let cut = io::Error::new(ErrorKind::UnexpectedEof, "it is too short");
            return Err(OpenReadError::wrap_io_error(cut, path.to_path_buf()));
        }
        Ok(handle)
    }

    fn delete(&self, _: &Path) -> Result<(), DeleteError> {
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.files.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        match &self.meta {
            Some(meta) if path == Path::new(META) => Ok(meta.to_vec()),
            _ => self.files.atomic_read(path),
        }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.files.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.files.watch(callback)
    }
}
