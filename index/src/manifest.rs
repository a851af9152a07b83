//! The one file that says what is published. Replaced as a whole by a rename, so a reader sees the old
//! generation or the new one and nothing between.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::{Error, Result, Schema};

/// The version of everything that is published, which is that of its newest segment.
const FORMAT: u32 = 2;
const FIRST_FORMAT: u32 = 1;
const MAGIC: &str = "imgsearch-index";
pub(crate) const NAME: &str = "MANIFEST";

/// What a generation consists of. Names are of files in the folder of the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) generation: u64,
    /// No document of this or an earlier generation has this number or a higher one.
    pub(crate) next_doc: u64,
    pub(crate) schema: Schema,
    pub(crate) segments: Vec<PublishedFile>,
    pub(crate) tombstones: Option<String>,
    /// The folder of the tag index.
    pub(crate) tags: String,
    /// [`TagIndex::fingerprint`](crate::tags::TagIndex::fingerprint) of its files.
    pub(crate) tags_fingerprint: u64,
    /// Which commit of it, in tantivy's own words: the next one comes before the manifest that names it. The first versions of this
    /// program did not write it.
    #[serde(default)]
    pub(crate) tags_meta: Option<String>,
    /// Packs of image tokens, oldest first. The first versions of this program had none.
    #[serde(default)]
    pub(crate) packs: Vec<PublishedFile>,
}

/// A segment or a pack with what the file system said of it when it was published. As long as that has not changed, its
/// checksums need not be computed again at each open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishedFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) modified_ns: i64,
}

impl PublishedFile {
    pub(crate) fn of(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(name);
        let meta = path.metadata().map_err(|source| Error::io(&path, source))?;
        let modified = meta.modified().map_err(|source| Error::io(&path, source))?;
        let modified_ns = modified
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(-1, |since| {
                i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
            });
        Ok(Self {
            name: name.to_owned(),
            bytes: meta.len(),
            modified_ns,
        })
    }
}

impl Manifest {
    /// # Errors
    /// [`Error::NoIndex`] if there is none, [`Error::NotAFolder`], [`Error::NewerFormat`], [`Error::Damaged`].
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let bytes = std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::NoIndex {
                dir: dir.to_path_buf(),
            },
            std::io::ErrorKind::NotADirectory => Error::NotAFolder {
                path: dir.to_path_buf(),
            },
            _ => Error::io(&path, source),
        })?;
        let damaged = |reason: &str| Error::damaged(&path, reason);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged("it is not text"))?;
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| damaged("it has no first line"))?;
        let mut head = head.split(' ');
        if head.next() != Some(MAGIC) {
            return Err(damaged("its first line does not say what it is"));
        }
        let format = head.next().and_then(|format| format.parse::<u32>().ok());
        match format.ok_or_else(|| damaged("its first line names no format"))? {
            FIRST_FORMAT..=FORMAT => {}
            found => {
                return Err(Error::NewerFormat {
                    path,
                    found,
                    supported: FORMAT,
                });
            }
        }
        if head.next() != Some(blake3::hash(body.as_bytes()).to_hex().as_str()) {
            return Err(damaged("its checksum does not fit"));
        }
        let manifest: Self =
            serde_json::from_str(body).map_err(|error| damaged(&error.to_string()))?;
        manifest.schema.check()?;
        let files = manifest.segments.iter().chain(&manifest.packs);
        let names = files.map(|file| &file.name);
        if names
            .chain(&manifest.tombstones)
            .chain([&manifest.tags])
            .any(|name| !is_plain(name))
        {
            return Err(damaged("it names files elsewhere"));
        }
        Ok(manifest)
    }

    /// Writes it as one that programs of this format can read.
    pub(crate) fn write(&self, dir: &Path, format: u32) -> Result<()> {
        let path = dir.join(NAME);
        let body = serde_json::to_string_pretty(self)
            .map_err(|error| Error::damaged(&path, error.to_string()))?;
        let check = blake3::hash(body.as_bytes()).to_hex();
        durable::write(
            &path,
            format!("{MAGIC} {format} {check}\n{body}").as_bytes(),
        )
    }

    /// True for everything that this generation consists of.
    pub(crate) fn names(&self, name: &str) -> bool {
        let mut files = self.segments.iter().chain(&self.packs);
        files.any(|file| file.name == name)
            || self.tombstones.as_deref() == Some(name)
            || self.tags == name
    }
}

fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(parts.next(), Some(std::path::Component::Normal(_))) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            generation: 3,
            next_doc: 9,
            schema: Schema {
                model: "m".into(),
                dim: 2,
                tags: 3,
                thresholds: vec![0.1, 0.7, 0.3],
            },
            segments: vec![PublishedFile {
                name: "a.seg".into(),
                bytes: 1,
                modified_ns: 2,
            }],
            tombstones: None,
            tags: "tags-1".into(),
            tags_fingerprint: u64::MAX,
            tags_meta: Some("{}\n".into()),
            packs: Vec::new(),
        }
    }

    #[test]
    fn it_round_trips_and_every_cut_and_flip_is_noticed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        manifest()
            .write(dir.path(), FIRST_FORMAT)
            .expect("it is written");
        assert_eq!(Manifest::read(dir.path()).expect("it is read"), manifest());
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).expect("it is there");
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).expect("it is cut");
            assert!(Manifest::read(dir.path()).is_err(), "cut to {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).expect("it is flipped");
            assert!(Manifest::read(dir.path()).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn a_newer_format_is_not_taken_for_damage() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join(NAME), "imgsearch-index 7 zzz\nwhatever").expect("written");
        let error = Manifest::read(dir.path()).expect_err("it is newer");
        assert!(matches!(
            error,
            Error::NewerFormat {
                found: 7,
                supported: FORMAT,
                ..
            }
        ));
    }
}
