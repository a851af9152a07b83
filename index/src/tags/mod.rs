//! The tag index: which images show the most of the tags asked for. The only folder that names tantivy.
//!
//! One document per image: its number, and one term per recognised tag that also carries how confident the
//! recognition is, `tag * 8 + level`. A query is a sum of constants over those terms ([`tally`]), so that the
//! number of matching tags decides and the confidence orders what is equal.

mod folder;
mod tally;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::index::SegmentComponent;
use tantivy::schema::{Field, NumericOptions, Schema as Fields};
use tantivy::{Index, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use folder::{Folder, META};
use tally::{Tally, Wanted};

use crate::segment::{LEVELS, TagScores, confidence_of_level};
use crate::{Error, Filter, Result, TagId, durable};

/// What the indexing thread may collect before it writes; the least that tantivy takes is 15 MB.
const WRITER_BYTES: usize = 20_000_000;

/// Written into each commit, so that a commit and its generation can never disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) generation: u64,
    pub(crate) next_doc: u64,
}

#[derive(Clone, Copy)]
struct Names {
    doc: Field,
    tag: Field,
}

impl Names {
    fn fields() -> (Fields, Self) {
        let mut fields = Fields::builder();
        let doc = fields.add_u64_field("doc", NumericOptions::default().set_indexed().set_fast());
        let tag = fields.add_u64_field("tag", NumericOptions::default().set_indexed());
        (fields.build(), Self { doc, tag })
    }

    fn term(self, tag: TagId, level: u32) -> Term {
        Term::from_field_u64(
            self.tag,
            u64::from(tag.0) * u64::from(LEVELS) + u64::from(level),
        )
    }
}

/// The tag index of a writer.
pub(crate) struct TagIndex {
    path: PathBuf,
    index: Index,
    names: Names,
}

impl TagIndex {
    /// Makes an empty one in a folder that is not there yet.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        std::fs::create_dir(path).map_err(|source| Error::io(path, source))?;
        let (fields, names) = Names::fields();
        let settings = tantivy::IndexSettings::default();
        let index = Folder::open(path, None)
            .map_err(TantivyError::from)
            .and_then(|folder| Index::create(folder, fields, settings))
            .map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_path_buf(),
            index,
            names,
        })
    }

    /// Opens one at the commit that `meta` describes, or where that is not known at the last one.
    pub(crate) fn open(path: &Path, meta: Option<&str>) -> Result<Self> {
        let index = Folder::open(path, meta)
            .map_err(TantivyError::from)
            .and_then(Index::open)
            .map_err(|error| failed(path, error))?;
        let (fields, names) = Names::fields();
        if index.schema() != fields {
            return Err(Error::damaged(
                path,
                "its fields are not those of this format",
            ));
        }
        Ok(Self {
            path: path.to_path_buf(),
            index,
            names,
        })
    }

    /// Takes back all that came after the commit that `meta` describes, be it half of another, and removes what it does not need.
    pub(crate) fn reset(path: &Path, meta: &str) -> Result<()> {
        let file = path.join(META);
        if std::fs::read(&file).is_ok_and(|found| found != meta.as_bytes()) {
            durable::write(&file, meta.as_bytes())?;
        }
        Self::open(path, None)?.clean()
    }

    /// What describes the last commit.
    pub(crate) fn meta(&self) -> Result<String> {
        let file = self.path.join(META);
        std::fs::read_to_string(&file).map_err(|source| Error::io(&file, source))
    }

    /// Removes the files that this commit does not need. What cannot be removed is tried again next time.
    pub(crate) fn clean(&self) -> Result<()> {
        let (_, others) = self.files()?;
        for name in others {
            let is_tantivys_own = [META, ".managed.json"]
                .iter()
                .any(|own| name == Path::new(own))
                || name.extension().is_some_and(|ending| ending == "lock");
            if !is_tantivys_own {
                let _ = std::fs::remove_file(self.path.join(name));
            }
        }
        Ok(())
    }

    /// What the file system says of the files of this commit, in one number: it changes when one of them does.
    pub(crate) fn fingerprint(&self) -> Result<u64> {
        durable::fingerprint(&self.path, self.files()?.0)
    }

    /// The files that this commit consists of, and all others.
    fn files(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let at = |source| Error::io(&self.path, source);
        let entries = self.path.read_dir().map_err(at)?;
        let names = entries.map(|entry| Ok(PathBuf::from(entry.map_err(at)?.file_name())));
        let names = names.collect::<Result<Vec<_>>>()?;
        Ok(names.into_iter().partition(self.needed()?))
    }

    /// Tells the names of files that this commit consists of.
    fn needed(&self) -> Result<impl Fn(&PathBuf) -> bool> {
        let metas = self.index.searchable_segment_metas();
        let metas = metas.map_err(|error| failed(&self.path, error))?;
        let segments = metas.iter().map(|meta| {
            let deleted = meta.relative_path(SegmentComponent::Delete);
            (
                meta.id().uuid_string(),
                meta.has_deletes().then_some(deleted),
            )
        });
        let segments: HashMap<_, _> = segments.collect();
        Ok(move |name: &PathBuf| {
            let text = name.to_str().unwrap_or_default();
            let segment = text.split('.').next().and_then(|id| segments.get(id));
            // Of what was deleted there is a file for each commit.
            segment.is_some_and(|deleted| match name.extension() {
                Some(ending) if ending == "del" => deleted.as_ref() == Some(name),
                ending => ending.is_none_or(|ending| ending != "temp"),
            })
        })
    }

    /// Reads all of it and compares the checksums.
    pub(crate) fn verify(&self) -> Result<()> {
        // Tantivy's own list of files has no checksum, so it is not relied on alone; but only it tells of one that is missing.
        let mut names = self.index.directory().list_managed_files();
        names.retain(self.needed()?);
        names.extend(self.files()?.0);
        for name in names {
            let checked = self.index.directory().validate_checksum(&name);
            if !checked.map_err(|error| failed(&self.path, error.into()))? {
                let file = self.path.join(name);
                return Err(Error::damaged(&file, "its checksum does not fit"));
            }
        }
        self.searcher().map(drop)
    }

    /// What the last commit was stamped with; `None` before the first.
    pub(crate) fn stamp(&self) -> Result<Option<Stamp>> {
        let metas = self
            .index
            .load_metas()
            .map_err(|error| failed(&self.path, error))?;
        let stamp = metas
            .payload
            .map(|payload| serde_json::from_str(&payload))
            .transpose();
        stamp.map_err(|_| Error::damaged(&self.path, "its last commit is not stamped"))
    }

    /// Removes and adds documents and commits. Adding is removing first, so that what a crash left half
    /// published can be done again. What an attempt that failed left behind `meta` is taken back before.
    pub(crate) fn commit<'a>(
        &self,
        meta: Option<&str>,
        stamp: Stamp,
        removed: impl IntoIterator<Item = u64>,
        added: impl IntoIterator<Item = (u64, TagScores<'a>)>,
    ) -> Result<()> {
        let at = |error| failed(&self.path, error);
        if let Some(meta) = meta {
            Self::reset(&self.path, meta)?;
        }
        let mut writer = self
            .index
            .writer_with_num_threads::<TantivyDocument>(1, WRITER_BYTES)
            .map_err(at)?;
        for doc in removed {
            writer.delete_term(Term::from_field_u64(self.names.doc, doc));
        }
        for (doc, tags) in added {
            writer.delete_term(Term::from_field_u64(self.names.doc, doc));
            let mut document = TantivyDocument::default();
            document.add_u64(self.names.doc, doc);
            for (tag, level) in tags.levels() {
                let term = u64::from(tag.0) * u64::from(LEVELS) + u64::from(level);
                document.add_u64(self.names.tag, term);
            }
            writer.add_document(document).map_err(at)?;
        }
        let payload = serde_json::to_string(&stamp)
            .map_err(|error| Error::damaged(&self.path, error.to_string()))?;
        let mut commit = writer.prepare_commit().map_err(at)?;
        commit.set_payload(&payload);
        commit.commit().map_err(at)?;
        // Dropping the writer would throw away the merges that the commit has started.
        writer.wait_merging_threads().map_err(at)
    }

    /// The documents as of the last commit.
    pub(crate) fn searcher(&self) -> Result<TagSearcher> {
        let reader = self
            .index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into();
        let reader = reader.map_err(|error| failed(&self.path, error))?;
        Ok(TagSearcher {
            path: self.path.clone(),
            searcher: reader.searcher(),
            names: self.names,
        })
    }
}

/// One commit of the tag index, for as long as it is held.
pub(crate) struct TagSearcher {
    path: PathBuf,
    searcher: Searcher,
    names: Names,
}

impl TagSearcher {
    /// The `k` documents with the greatest sum of weight times confidence over their recognised tags, best first,
    /// ties by document. `is_live` says which documents the generation has.
    pub(crate) fn matching(
        &self,
        tags: &[(TagId, f32)],
        filter: &Filter,
        k: usize,
        is_live: impl Fn(u64) -> bool,
    ) -> Result<Vec<(f32, u64)>> {
        if k == 0 || tags.is_empty() {
            return Ok(Vec::new());
        }
        let terms = |tag| (0..LEVELS).map(move |level| self.names.term(tag, level));
        let scores = tags.iter().flat_map(|&(tag, weight)| {
            let scores = (0..LEVELS).map(move |level| weight * confidence_of_level(level));
            terms(tag).zip(scores)
        });
        let all_of = |tags: &Vec<TagId>| tags.iter().copied().flat_map(terms).collect();
        let wanted = Wanted {
            scores: scores.collect(),
            must: filter.must.iter().map(all_of).collect(),
            must_not: all_of(&filter.must_not),
        };
        let mut tally = Tally::new(k);
        for segment in self.searcher.segment_readers() {
            let tags = segment.inverted_index(self.names.tag);
            tags.and_then(|tags| tally.add(segment, &tags, &wanted, &is_live))
                .map_err(|error| failed(&self.path, error))?;
        }
        Ok(tally.into_best())
    }
}

fn failed(path: &Path, error: TantivyError) -> Error {
    use tantivy::directory::error::{OpenReadError, OpenWriteError};
    let io = |source: &std::io::Error| match source.kind() {
        // So tantivy names a file that is not what it wrote.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            Error::damaged(path, source.to_string())
        }
        ErrorKind::Other if let Some(source) = os_error(&source.to_string()) => {
            Error::io(path, source)
        }
        kind => Error::io(path, std::io::Error::new(kind, source.to_string())),
    };
    match &error {
        TantivyError::IoError(source) => io(source),
        // It does not say why.
        TantivyError::ErrorInThread(_) => {
            let reason = "tags could not be written; there may be no room left on the disk";
            Error::io(path, std::io::Error::other(reason))
        }
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => io(io_error),
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(file)) => {
            Error::io(&path.join(file), ErrorKind::NotFound.into())
        }
        _ => match os_error(&error.to_string()) {
            Some(source) => io(&source),
            None => Error::damaged(path, error.to_string()),
        },
    }
}

/// What the operating system said, where tantivy has only its text left.
fn os_error(text: &str) -> Option<std::io::Error> {
    let (_, number) = text.split_once("(os error ")?;
    let number = number.split_once(')')?.0.parse().ok()?;
    Some(std::io::Error::from_raw_os_error(number))
}
