//! Files with keywords beside pictures, as a walk comes by them.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use imgsearch_index::FileFacts;

use super::modified_ns;
use crate::media::sidecars;

/// What is below a millisecond, in nanoseconds.
const BELOW: i64 = 1_000_000;

/// Sidecars by their path with a lower-case ending, with length and time.
#[derive(Default)]
pub(super) struct Sidecars(HashMap<PathBuf, (u64, i64)>);

impl Sidecars {
    pub(super) fn looks_like_one(path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case("xmp"))
    }

    pub(super) fn add(&mut self, path: &Path, metadata: &Metadata) {
        let facts = (metadata.len(), modified_ns(metadata));
        self.0.insert(path.with_extension("xmp"), facts);
    }

    /// Has the time of a picture tell of its sidecars too, in what is below a millisecond: where one comes, goes or changes the file
    /// counts as changed, and its date stays what it was.
    pub(super) fn mark(&self, picture: &mut FileFacts) {
        if self.0.is_empty() {
            return;
        }
        let mut hash: Option<blake3::Hasher> = None;
        for (path, place) in sidecars(&picture.path).zip(0_u8..) {
            if let Some((len, modified_ns)) = self.0.get(&path) {
                let hash = hash.get_or_insert_default();
                hash.update(&[place]);
                hash.update(&len.to_le_bytes());
                hash.update(&modified_ns.to_le_bytes());
            }
        }
        if let Some(hash) = hash {
            let bytes = *hash.finalize().as_bytes();
            let number = bytes
                .first_chunk()
                .map_or(0, |bytes| i64::from_le_bytes(*bytes));
            let whole = picture.modified_ns - picture.modified_ns.rem_euclid(BELOW);
            picture.modified_ns = whole + number.rem_euclid(BELOW);
        }
    }
}
