//! The files of a bundle: their sizes are looked at whenever it is opened, their contents when somebody asks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::manifest::FileFacts;
use crate::models::ModelError;

/// Size and checksum of a file.
pub(crate) fn facts(path: &Path) -> Result<FileFacts, ModelError> {
    let read = |path: &Path| -> io::Result<FileFacts> {
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(path)?;
        let bytes = io::copy(&mut file, &mut hasher)?;
        Ok(FileFacts {
            bytes,
            blake3: hasher.finalize().to_hex().to_string(),
        })
    };
    read(path).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Refuses a bundle of which a file is missing or has another length than when it was written.
pub(crate) fn check_sizes(
    folder: &Path,
    files: &BTreeMap<String, FileFacts>,
) -> Result<(), ModelError> {
    for (name, expected) in files {
        let path = folder.join(name);
        let found = fs::metadata(&path).map_err(|source| ModelError::Read {
            path: path.clone(),
            source,
        })?;
        if found.len() != expected.bytes {
            return Err(ModelError::Changed {
                path,
                what: format!("has {} bytes instead of {}", found.len(), expected.bytes),
            });
        }
    }
    Ok(())
}

/// Refuses a bundle of which a file is not what was written; reads all of it.
pub(crate) fn verify(
    folder: &Path,
    checksums: &BTreeMap<String, String>,
) -> Result<(), ModelError> {
    for (name, expected) in checksums {
        let path = folder.join(name);
        let found = facts(&path)?.blake3;
        if found != *expected {
            return Err(ModelError::Changed {
                path,
                what: format!("has the BLAKE3 {found} instead of {expected}"),
            });
        }
    }
    Ok(())
}
