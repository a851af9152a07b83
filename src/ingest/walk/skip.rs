//! What the walk could not do.

use std::io;
use std::path::PathBuf;

/// A path that could not be walked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The file, folder or link.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a path could not be walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SkipReason {
    /// The system refused; whatever is there, or below, is as it was when it was last seen.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A link to a folder that contains it.
    #[error("a link back to {}, which contains it", .0.display())]
    Loop(PathBuf),
    /// A link to nothing.
    #[error("a link to a file that does not exist")]
    BrokenLink,
    /// A root that is neither file nor folder.
    #[error("neither a file nor a folder")]
    NotAFile,
    /// A line of an ignore file that is no pattern; the other lines hold.
    #[error("a line of it is ignored: {0}")]
    BadPattern(String),
}

/// Why nothing was walked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// A root that is not there. Walking the others would make all that was indexed below this one look deleted.
    #[error("{}: {source}; check the spelling, or connect the drive it is on", path.display())]
    Root {
        /// The root as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller broke it off.
    #[error("interrupted after {files} files")]
    Cancelled {
        /// Files found until then.
        files: usize,
    },
}
