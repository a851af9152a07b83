//! What an index run tells while it goes on, and when it ends.

use std::path::PathBuf;
use std::time::Duration;

/// How far an index run is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// Folders are being walked.
    Walking {
        /// Picture files found so far.
        found: usize,
    },
    /// Pictures are being decoded and encoded.
    Encoding {
        /// Files dealt with, skipped ones included.
        done: usize,
        /// Files to deal with.
        total: usize,
        /// Files that could not be read as pictures.
        skipped: usize,
    },
    /// What was done is being published.
    Publishing,
    /// What was published is being linked for fast searches; it can be searched meanwhile, and a run that is stopped now goes on
    /// with it the next time.
    Linking {
        /// Pictures that are linked.
        done: usize,
        /// Pictures to link.
        total: usize,
    },
    /// All is done, and changes are waited for.
    Watching,
}

/// A file that was not indexed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SkippedFile {
    /// The file or folder.
    pub path: PathBuf,
    /// Why, as a sentence.
    pub reason: String,
}

/// What an index run did.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IndexReport {
    /// Files at new paths with new pictures, or copies of known ones.
    pub added: usize,
    /// Files whose picture changed.
    pub updated: usize,
    /// Files that are where another was: same bytes, new path.
    pub moved: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Files as the index knew them; they were not opened.
    pub unchanged: usize,
    /// Files that are not in the index now, each with the reason.
    pub skipped: Vec<SkippedFile>,
    /// Whether the caller stopped the run. What was done is kept.
    pub cancelled: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl IndexReport {
    /// How many files of each kind there were, those of which there were none left out; what was skipped comes last.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let counts = [
            ("added", self.added),
            ("updated", self.updated),
            ("moved", self.moved),
            ("removed", self.removed),
            ("unchanged", self.unchanged),
            ("skipped", self.skipped.len()),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0)
    }
}
