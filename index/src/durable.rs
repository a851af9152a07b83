//! Writing files so that a crash leaves either the old one or the new one.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The ending of a file that is being written. Whatever has it when a writer opens was abandoned.
pub(crate) const UNFINISHED: &str = "tmp";

/// Writes a whole file under a temporary name, syncs it and renames it into place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = unfinished(path);
    let at = |source| Error::io(&unfinished, source);
    let mut file = File::create(&unfinished).map_err(at)?;
    file.write_all(bytes).map_err(at)?;
    file.sync_all().map_err(at)?;
    drop(file);
    rename(&unfinished, path)
}

/// The temporary name that belongs to a final one.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension(UNFINISHED)
}

/// Moves a synced file to its final name and makes the move itself durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|source| Error::io(to, source))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Makes additions to and removals from a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    // Windows neither lets a folder be opened as a file nor needs it to be synced.
    if cfg!(windows) {
        return Ok(());
    }
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| Error::io(dir, source))
}

/// The bytes that a file or a folder with all that is in it takes. What vanishes meanwhile counts as nothing.
pub fn size(path: &Path) -> u64 {
    let Ok(meta) = path.symlink_metadata() else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    let Ok(entries) = path.read_dir() else {
        return 0;
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

/// What the file system says of some files in a folder, in one number: it changes when one of them does. Those that
/// are not there do not count.
pub(crate) fn fingerprint(dir: &Path, names: Vec<PathBuf>) -> Result<u64> {
    let mut files = Vec::new();
    for name in names {
        let path = dir.join(&name);
        let at = |source| Error::io(&path, source);
        match path.metadata() {
            Ok(meta) => files.push((name, meta.len(), meta.modified().map_err(at)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(at(error)),
        }
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for (name, len, modified) in files {
        let since = modified
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update(&len.to_le_bytes());
        hasher.update(&since.as_nanos().to_le_bytes());
    }
    Ok(u64::from_le_bytes(
        *hasher
            .finalize()
            .as_bytes()
            .first_chunk()
            .unwrap_or(&[0; 8]),
    ))
}
