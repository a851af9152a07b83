//! The truth: every image, its files and its numbers. The only folder that names sled.
//!
//! One tree with a letter in front of each key, so that one batch is one atomic write:
//!
//! | key | value |
//! |---|---|
//! | `i` + image id | [`Image`]: document number, number of its vector, files and facts |
//! | `d` + document, big-endian | image id |
//! | `p` + path, raw | image id |
//! | `v` + number, big-endian | embedding `[dim]` f32, then tag scores `[tags]` f16 |
//! | `t` + the same number | image tokens, as their model packs them; absent where none are kept |
//! | `mformat`, `mschema` | format version, [`Schema`] as JSON |
//! | `mnext` | the next document and the next vector number |
//! | `mrestore` | only during a restoration: the document from which on it restores |
//!
//! Vectors have keys of their own that grow, so that a renamed file rewrites a hundred bytes and not ten
//! thousand, and so that new ones land at the end of the tree and not in the middle of full pages.

mod batch;

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use half::f16;

pub(crate) use batch::Batch;
use batch::{doc_key, image_key, path_key, tokens_key, vector_key};

use crate::record::Entry;
use crate::{Embedding, Error, FileFacts, ImageId, Result, Schema, room};

/// The version of the keys and values above. A catalogue says that it is of the second one from the first keyword or correction on;
/// before, programs of the first read it too.
const FORMAT: u32 = 2;
const FIRST_FORMAT: u32 = 1;
/// sled would take a gigabyte.
const CACHE_BYTES: u64 = 32 << 20;
/// How much sled writes in one piece. What is larger than a quarter of it, as pages of vectors are, gets a file of its own, which is
/// removed with it; what is smaller leaves holes in the log. With sled's own 512 kB, storing everything again took 4.4 times the data.
const SEGMENT_BYTES: usize = 16 << 10;
/// What is asked for beyond that: a page may be due to be written anew at any change.
const SPARE_BYTES: u64 = 4 << 20;
/// Where sled keeps the parameters that a folder was made with.
const PARAMETERS: &str = "conf";
/// How long, and how often, to wait for an earlier sled to let go of its files.
const LET_GO: (Duration, u32) = (Duration::from_millis(10), 300);

/// An image as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) doc: u64,
    pub(crate) vector: u64,
    pub(crate) entry: Entry,
}

/// The numbers of an image: embedding `[dim]`, tag scores `[tags]`.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub(crate) embedding: Embedding,
    pub(crate) scores: Vec<f16>,
}

/// The counters from which new numbers come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) doc: u64,
    pub(crate) vector: u64,
}

pub(crate) struct Catalogue {
    path: PathBuf,
    db: sled::Db,
    /// Whether sled has failed to write something.
    is_broken: AtomicBool,
}

impl Catalogue {
    /// Opens or creates the catalogue. A new one has no schema yet.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .segment_size(segment_bytes(path).unwrap_or(SEGMENT_BYTES))
            .flush_every_ms(None);
        let mut attempt = 0;
        let db = loop {
            match open_guarded(&config, path) {
                // The lock of the index is ours, so this is the sled of a writer that has just been dropped:
                // its threads let go of the files a moment later.
                Err(Error::Busy { .. }) if attempt < LET_GO.1 => std::thread::sleep(LET_GO.0),
                opened => break opened?,
            }
            attempt += 1;
        };
        let catalogue = Self {
            path: path.to_path_buf(),
            db,
            is_broken: AtomicBool::new(false),
        };
        match catalogue
            .get(b"mformat")?
            .map(|v| catalogue.u32(&v))
            .transpose()?
        {
            Some(found) if found > FORMAT => Err(Error::NewerFormat {
                path: path.into(),
                found,
                supported: FORMAT,
            }),
            _ => Ok(catalogue),
        }
    }

    pub(crate) fn schema(&self) -> Result<Option<Schema>> {
        self.get(b"mschema")?
            .map(|json| serde_json::from_slice(&json).map_err(|_| self.damaged("schema")))
            .transpose()
    }

    pub(crate) fn set_schema(&self, schema: &Schema) -> Result<()> {
        let json = serde_json::to_vec(schema).map_err(|_| self.damaged("schema"))?;
        let mut batch = Batch::default();
        if self.get(b"mformat")?.is_none() {
            batch.insert(b"mformat", &FIRST_FORMAT.to_le_bytes());
        }
        batch.insert(b"mschema", &json);
        self.apply(batch)
    }

    /// The document from which on a restoration that has not ended restores.
    pub(crate) fn restoring(&self) -> Result<Option<u64>> {
        self.get(b"mrestore")?
            .map(|value| self.u64(&value))
            .transpose()
    }

    pub(crate) fn set_restoring(&self, from: Option<u64>) -> Result<()> {
        let mut batch = Batch::default();
        match from {
            Some(from) => batch.insert(b"mrestore", &from.to_le_bytes()),
            None => batch.remove(b"mrestore"),
        }
        self.apply(batch)
    }

    pub(crate) fn next(&self) -> Result<Next> {
        let Some(value) = self.get(b"mnext")? else {
            return Ok(Next::default());
        };
        let (doc, vector) = value
            .split_at_checked(8)
            .ok_or_else(|| self.damaged("counters"))?;
        Ok(Next {
            doc: self.u64(doc)?,
            vector: self.u64(vector)?,
        })
    }

    pub(crate) fn image(&self, id: &ImageId) -> Result<Option<Image>> {
        self.get(&image_key(id))?
            .map(|value| self.decode_image(&value))
            .transpose()
    }

    pub(crate) fn contains(&self, id: &ImageId) -> Result<bool> {
        self.db
            .contains_key(image_key(id))
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn at_path(&self, path: &Path) -> Result<Option<ImageId>> {
        self.get(&path_key(path))?
            .map(|value| self.decode_id(&value))
            .transpose()
    }

    pub(crate) fn at_doc(&self, doc: u64) -> Result<Option<ImageId>> {
        self.get(&doc_key(doc))?
            .map(|value| self.decode_id(&value))
            .transpose()
    }

    pub(crate) fn numbers(&self, vector: u64, schema: &Schema) -> Result<Numbers> {
        let value = self
            .get(&vector_key(vector))?
            .ok_or_else(|| self.damaged("vectors"))?;
        let bytes = value
            .split_at_checked(schema.dim * 4)
            .filter(|(_, scores)| scores.len() == schema.tags * 2);
        let (embedding, scores) = bytes.ok_or_else(|| self.damaged("vectors"))?;
        let embedding = Embedding::restore(
            embedding
                .as_chunks()
                .0
                .iter()
                .map(|x| f32::from_le_bytes(*x))
                .collect(),
        )
        .ok_or_else(|| self.damaged("vectors"))?;
        Ok(Numbers {
            embedding,
            scores: scores
                .as_chunks()
                .0
                .iter()
                .map(|x| f16::from_le_bytes(*x))
                .collect(),
        })
    }

    /// Reads the list of documents, and when it is to be thorough everything else of them.
    pub(crate) fn verify(&self, schema: &Schema, thorough: bool) -> Result<()> {
        for item in self.docs() {
            let (doc, id) = item?;
            if thorough {
                let image = self.image(&id)?.ok_or_else(|| self.lost(doc))?;
                self.numbers(image.vector, schema)?;
                self.tokens(image.vector)?;
            }
        }
        Ok(())
    }

    /// The image tokens that were encoded together with a vector, where they are kept.
    pub(crate) fn tokens(&self, vector: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.get(&tokens_key(vector))?.map(|value| value.to_vec()))
    }

    pub(crate) fn has_tokens(&self, vector: u64) -> Result<bool> {
        self.db
            .contains_key(tokens_key(vector))
            .map_err(|error| self.failed(error))
    }

    /// Every file of every image, in the order of the image ids.
    pub(crate) fn files(&self) -> impl Iterator<Item = Result<(FileFacts, ImageId)>> {
        self.db.scan_prefix(b"i").flat_map(|item| {
            let image = item
                .map_err(|error| self.failed(error))
                .and_then(|(key, value)| {
                    Ok((
                        self.decode_id(&key[1..])?,
                        self.decode_image(&value)?.entry.files,
                    ))
                });
            let (image, error) = image.map_or_else(|e| (None, Some(Err(e))), |i| (Some(i), None));
            let files = image
                .into_iter()
                .flat_map(|(id, files)| files.into_iter().map(move |file| Ok((file, id))));
            files.chain(error)
        })
    }

    /// Every document with its image, in the order of the documents.
    pub(crate) fn docs(&self) -> impl Iterator<Item = Result<(u64, ImageId)>> {
        self.db.scan_prefix(b"d").map(|item| {
            let (key, id) = item.map_err(|error| self.failed(error))?;
            let doc: [u8; 8] = key[1..].try_into().map_err(|_| self.damaged("documents"))?;
            Ok((u64::from_be_bytes(doc), self.decode_id(&id)?))
        })
    }

    /// Writes a batch and waits until it is with the operating system.
    pub(crate) fn apply(&self, batch: Batch) -> Result<()> {
        let io = |source| Error::io(&self.path, source);
        if self.is_broken.load(Ordering::Relaxed) {
            let reason = "an earlier change could not be written; start the program again";
            return Err(io(std::io::Error::other(reason)));
        }
        room::ensure(&self.path, SPARE_BYTES + batch.room).map_err(io)?;
        // sled pins its log around a batch, so that recovery sees all of it or nothing.
        let applied = self.db.apply_batch(batch.changes);
        let written = applied.and_then(|()| self.db.flush());
        written.map_err(|error| self.failed(error))?;
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>> {
        self.db.get(key).map_err(|error| self.failed(error))
    }

    fn decode_image(&self, value: &[u8]) -> Result<Image> {
        let (numbers, entry) = value
            .split_at_checked(16)
            .ok_or_else(|| self.damaged("images"))?;
        Ok(Image {
            doc: self.u64(&numbers[..8])?,
            vector: self.u64(&numbers[8..])?,
            entry: Entry::decode(entry).ok_or_else(|| self.damaged("images"))?,
        })
    }

    fn decode_id(&self, value: &[u8]) -> Result<ImageId> {
        let bytes = value.try_into().map_err(|_| self.damaged("image ids"))?;
        Ok(ImageId::from_bytes(bytes))
    }

    fn u64(&self, value: &[u8]) -> Result<u64> {
        value
            .try_into()
            .map(u64::from_le_bytes)
            .map_err(|_| self.damaged("numbers"))
    }

    fn u32(&self, value: &[u8]) -> Result<u32> {
        value
            .try_into()
            .map(u32::from_le_bytes)
            .map_err(|_| self.damaged("format version"))
    }

    /// What to say of a document whose image is not there.
    pub(crate) fn lost(&self, doc: u64) -> Error {
        Error::damaged(&self.path, format!("document {doc} has no image"))
    }

    fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.path, format!("its {what} do not make sense"))
    }

    /// What an error of sled means. After one of the disk sled is neither written to again nor closed: when it could not write a page that
    /// has a file of its own, which it may want to do for a reader too, a part of its log stays claimed, and to flush it, as closing
    /// does, is to wait for ever. Nothing in that part was reported as stored.
    fn failed(&self, error: sled::Error) -> Error {
        let error = failed(&self.path, error);
        if matches!(error, Error::Io { .. }) && !self.is_broken.swap(true, Ordering::Relaxed) {
            std::mem::forget(self.db.clone());
        }
        error
    }
}

/// The parameter with which a catalogue was made: sled opens it with no other.
fn segment_bytes(path: &Path) -> Option<usize> {
    // Text, and a checksum that is none.
    let parameters = std::fs::read(path.join(PARAMETERS)).ok()?;
    let parameters = String::from_utf8_lossy(&parameters);
    let mut lines = parameters.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("segment_size: "))?;
    // sled panics on others.
    let bytes = bytes.parse::<usize>().ok()?;
    (bytes.is_power_of_two() && (256..=16 << 20).contains(&bytes)).then_some(bytes)
}

/// sled answers some damaged files with a panic. Nothing of ours is in its hands yet, so that is one more error.
fn open_guarded(config: &sled::Config, path: &Path) -> Result<sled::Db> {
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    match opened {
        Ok(opened) => opened.map_err(|error| failed(path, error)),
        Err(_) => Err(Error::damaged(path, "sled could not make sense of it")),
    }
}

fn failed(path: &Path, error: sled::Error) -> Error {
    match error {
        sled::Error::Io(source) if source.kind() == ErrorKind::InvalidData => {
            Error::damaged(path, source.to_string())
        }
        // Pages with files of their own.
        sled::Error::Io(source) if source.kind() == ErrorKind::NotFound => {
            Error::damaged(path, "a part of it is missing")
        }
        sled::Error::Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
            Error::damaged(path, "a part of it is cut off")
        }
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
            Error::Busy {
                dir: path.parent().unwrap_or(path).to_path_buf(),
                pid: None,
            }
        }
        // sled keeps the kind and puts a debugging text in the place of what the operating system said.
        sled::Error::Io(source)
            if source.raw_os_error().is_none() && source.kind() != ErrorKind::Other =>
        {
            Error::io(path, source.kind().into())
        }
        sled::Error::Io(source) => Error::io(path, source),
        other => Error::damaged(path, other.to_string()),
    }
}
