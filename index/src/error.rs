use std::io;
use std::path::{Path, PathBuf};

use crate::{Doc, ImageId, TagId};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a stored index. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another writer has the index open.
    #[error("{} is being written by {}; wait until it has finished", dir.display(), holder(*pid))]
    Busy {
        /// The folder of the index.
        dir: PathBuf,
        /// The process that holds it, when it could be read.
        pid: Option<u32>,
    },
    /// The index was made with another model, or another version of it.
    #[error(
        "{} was made with model {found}, not with {expected}; make it anew or index into another folder",
        dir.display()
    )]
    ModelMismatch {
        /// The folder of the index.
        dir: PathBuf,
        /// The model (with its sizes) that was asked for.
        expected: String,
        /// The model (with its sizes) that the index was made with.
        found: String,
    },
    /// The index was written by a newer version of this program.
    #[error(
        "{} has format {found}, this program reads up to {supported}; use a newer imgsearch",
        path.display()
    )]
    NewerFormat {
        /// The file or folder with the newer format.
        path: PathBuf,
        /// The format version that was found.
        found: u32,
        /// The newest format version that this program reads.
        supported: u32,
    },
    /// There is a file where the folder of the index should be.
    #[error("{} is not a folder; name a folder for the index", path.display())]
    NotAFolder {
        /// What was named.
        path: PathBuf,
    },
    /// There is no published index in this folder.
    #[error("there is no index in {}; index some pictures first", dir.display())]
    NoIndex {
        /// The folder that was named.
        dir: PathBuf,
    },
    /// The index cannot be written to.
    #[error("{} cannot be written to; check its permissions, or choose another folder", path.display())]
    ReadOnly {
        /// The file or folder that refused.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("{}: {source}{}", path.display(), advice(source))]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not what was written. Opening a [`Writer`](crate::Writer) rebuilds what can be rebuilt.
    #[error("{} is damaged ({reason}); index again to rebuild it", path.display())]
    Damaged {
        /// The damaged file or folder.
        path: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// A schema that contradicts itself.
    #[error("the schema of model {model} is not usable: {reason}")]
    Schema {
        /// The model named in it.
        model: String,
        /// What was wrong with it.
        reason: String,
    },
    /// A vector that has no direction: NaN, infinite, zero or empty.
    #[error("an embedding of {dim} numbers has no direction: {reason}")]
    NoDirection {
        /// How many numbers it has.
        dim: usize,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A vector or list of scores whose length is not the one of the schema.
    #[error("{what} has {found} numbers where the index has {expected}")]
    Size {
        /// Which of the two.
        what: &'static str,
        /// The length in the schema.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A tag score that is not a probability.
    #[error("the score {score} of tag {} is not between 0 and 1", tag.0)]
    Score {
        /// The tag concerned.
        tag: TagId,
        /// The score that was given.
        score: f32,
    },
    /// A weight that is NaN or infinite.
    #[error("the weight {weight} of tag {} is not a number to count with", tag.0)]
    Weight {
        /// The tag concerned.
        tag: TagId,
        /// The weight that was given.
        weight: f32,
    },
    /// A tag that the schema does not have.
    #[error("there is no tag {}; the index has {tags}", tag.0)]
    UnknownTag {
        /// The tag that was asked for.
        tag: TagId,
        /// How many there are.
        tags: usize,
    },
    /// An image that is not in the catalogue.
    #[error("no image {id} is indexed")]
    UnknownImage {
        /// The image that was asked for.
        id: ImageId,
    },
    /// A document of another generation than the reader's.
    #[error("document {doc} is not in the generation that is being read")]
    UnknownDoc {
        /// The document that was asked for.
        doc: Doc,
    },
    /// An image without a file could never be found again nor removed.
    #[error("image {id} was given without a file")]
    NoFile {
        /// The image concerned.
        id: ImageId,
    },
}

impl Error {
    /// Wraps an I/O error, telling apart the ones that have a sentence of their own.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            _ => Self::Io { path, source },
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    /// True when a file that was just named is not there (any more).
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room and index again, nothing that was stored is lost"
        }
        io::ErrorKind::PermissionDenied => "; check its permissions",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let text = Error::io(Path::new("photos.index/a.seg"), full).to_string();
        assert!(text.starts_with("photos.index/a.seg: "), "{text}");
        assert!(
            text.ends_with("make room and index again, nothing that was stored is lost"),
            "{text}"
        );
    }

    #[test]
    fn a_read_only_disk_is_named_as_such() {
        let source = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        assert!(matches!(
            Error::io(Path::new("x"), source),
            Error::ReadOnly { .. }
        ));
    }

    #[test]
    fn busy_names_the_holder_when_it_is_known() {
        let busy = |pid| {
            Error::Busy {
                dir: "i".into(),
                pid,
            }
            .to_string()
        };
        assert_eq!(
            busy(Some(7)),
            "i is being written by process 7; wait until it has finished"
        );
        assert!(busy(None).contains("another process"));
    }
}
