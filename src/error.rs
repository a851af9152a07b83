//! What can go wrong in the engine.

use std::path::PathBuf;

use crate::ingest::WalkError;
#[cfg(feature = "watch")]
use crate::ingest::WatchError;
use crate::media::MediaError;
use crate::models::ModelError;
use crate::query::QueryError;

/// An operation that the engine cannot carry out. One bad picture is never an error: it is listed in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The index cannot be read or written.
    #[error(transparent)]
    Index(#[from] imgsearch_index::Error),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A folder or file to index is not there.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Folders cannot be watched for changes.
    #[cfg(feature = "watch")]
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// A line of an export makes no sense, or is missing.
    #[error("line {line} of the export: {reason}")]
    Import {
        /// Its number, from 1 on.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A measurement cannot be made.
    #[error("nothing can be measured: {0}")]
    Bench(String),
    /// A picture cannot be written as a line of an export.
    #[error("the export cannot be written: {0}")]
    Export(String),
    /// The query makes no sense.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A picture that was named cannot be decoded.
    #[error("{}: {source}", path.display())]
    Image {
        /// The picture.
        path: PathBuf,
        /// Why.
        source: MediaError,
    },
    /// A picture that was named is not in the index.
    #[error("{} is not indexed; index it first", path.display())]
    NotIndexed {
        /// The picture.
        path: PathBuf,
    },
    /// A setting makes no sense.
    #[error("setting `{setting}`: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings file does not parse.
    #[error("the settings do not parse: {0}")]
    Settings(String),
}

/// Result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
