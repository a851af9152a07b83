//! Reading all of an index and comparing every checksum; nothing is changed.

use std::path::{Path, PathBuf};

use roaring::RoaringTreemap;

use crate::catalogue::Catalogue;
use crate::lock::Lock;
use crate::manifest::{self, Manifest};
use crate::pack::Pack;
use crate::segment::Segment;
use crate::snapshot::open_tombstones;
use crate::tags::TagIndex;
use crate::{Error, Result, durable, successor};

/// What [`examine`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examination {
    /// Everything that is not as it should be; empty for a sound index.
    pub findings: Vec<Finding>,
    /// Images in the catalogue, or where it could not be read, in what is published.
    pub images: u64,
    /// Files that have these images; 0 where the catalogue could not be read.
    pub files: u64,
    /// Bytes that were read and compared with their checksums.
    pub bytes: u64,
    /// How far the catalogue was examined.
    pub catalogue: CatalogueState,
}

impl Examination {
    /// True when there is nothing to repair and all of it was examined.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.catalogue == CatalogueState::Read
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What helps.
    pub remedy: Remedy,
}

/// What helps against a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// A [`Writer`](crate::Writer) makes it anew from the catalogue; nothing is lost.
    Rebuild,
    /// A writer restores it from what is published; what was not published yet is lost.
    Restore,
    /// The pictures have to be indexed again.
    Reindex,
    /// Nothing uses it; it can be removed.
    Remove,
}

/// How far the catalogue was examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogueState {
    /// All of it was read.
    Read,
    /// It cannot be opened.
    Damaged,
    /// A writer, with this process id if it is known, has it open: only what is published was examined.
    InUse(Option<u32>),
    /// The folder cannot be written to, and a catalogue is only opened for writing.
    ReadOnly,
}

/// Reads all of the index in a folder and compares every checksum, also of files that look untouched, as a disk that forgets leaves
/// them.
///
/// Published files are examined also while a writer works, but for those that it replaces meanwhile.
///
/// # Errors
/// [`Error::NoIndex`] if there is nothing in the folder, [`Error::NotAFolder`], [`Error::NewerFormat`], [`Error::Io`].
pub fn examine(dir: &Path) -> Result<Examination> {
    let found = match Manifest::read(dir) {
        // A catalogue alone is an index too: it may never have been published.
        Err(Error::NoIndex { .. }) if dir.join("catalogue").is_dir() => Err("it is missing".into()),
        Err(Error::Damaged { reason, .. }) => Err(reason),
        read => Ok(read?),
    };
    let mut examiner = Examiner {
        dir,
        done: Examination {
            findings: Vec::new(),
            images: 0,
            files: 0,
            bytes: 0,
            catalogue: CatalogueState::Damaged,
        },
    };
    let published = match &found {
        Ok(manifest) => examiner.published(manifest)?,
        Err(reason) => {
            examiner.find(dir.join(manifest::NAME), reason.clone(), Remedy::Rebuild);
            RoaringTreemap::new()
        }
    };
    examiner.catalogue(found.as_ref().ok(), &published)?;
    examiner.left_over(found.as_ref().ok())?;
    Ok(examiner.done)
}

struct Examiner<'a> {
    dir: &'a Path,
    done: Examination,
}

impl Examiner<'_> {
    fn find(&mut self, path: PathBuf, problem: impl Into<String>, remedy: Remedy) {
        self.done.findings.push(Finding {
            path,
            problem: problem.into(),
            remedy,
        });
    }

    /// Notes that a published file cannot be used. What hinders all of them is an error of its own.
    fn unusable(&mut self, path: &Path, error: Error) -> Result<()> {
        let problem = match error {
            Error::Damaged { reason, .. } => reason,
            error if error.is_missing_file() => "it is missing".to_owned(),
            error => return Err(error),
        };
        self.find(path.to_path_buf(), problem, Remedy::Rebuild);
        Ok(())
    }

    /// Reads everything that the manifest names; returns the documents that searches see.
    fn published(&mut self, manifest: &Manifest) -> Result<RoaringTreemap> {
        let dead = match open_tombstones(self.dir, manifest) {
            Ok(dead) => dead,
            Err(error) => {
                let name = manifest.tombstones.as_deref().unwrap_or_default();
                self.unusable(&self.dir.join(name), error)?;
                Vec::new()
            }
        };
        let mut docs = RoaringTreemap::new();
        for (at, file) in manifest.segments.iter().enumerate() {
            let path = self.dir.join(&file.name);
            let opened = Segment::open(&path, &manifest.schema);
            let verified = opened.and_then(|segment| {
                segment.verify()?;
                (0..segment.rows() as u32).try_for_each(|row| segment.entry(row).map(drop))?;
                Ok(segment)
            });
            match verified {
                Ok(segment) => {
                    self.done.bytes += file.bytes;
                    let is_live = |row| dead.get(at).is_none_or(|dead| !dead.contains(row));
                    let rows = segment.docs().iter().zip(0_u32..);
                    docs.extend(rows.filter(|(_, row)| is_live(*row)).map(|(&doc, _)| doc));
                }
                Err(error) => self.unusable(&path, error)?,
            }
        }
        for file in &manifest.packs {
            let path = self.dir.join(&file.name);
            match Pack::open(&path).and_then(|pack| pack.verify()) {
                Ok(()) => self.done.bytes += file.bytes,
                Err(error) => self.unusable(&path, error)?,
            }
        }
        let path = self.dir.join(&manifest.tags);
        let stamp = TagIndex::open(&path, manifest.tags_meta.as_deref()).and_then(|tags| {
            tags.verify()?;
            tags.stamp()
        });
        match stamp {
            Ok(Some(stamp)) if stamp.generation >= manifest.generation => {
                self.done.bytes += durable::size(&path);
            }
            Ok(_) => self.find(path, "it is older than its index", Remedy::Rebuild),
            Err(error) => self.unusable(&path, error)?,
        }
        self.done.images = docs.len();
        Ok(docs)
    }

    /// Reads the catalogue and compares it with what searches see.
    fn catalogue(&mut self, manifest: Option<&Manifest>, published: &RoaringTreemap) -> Result<()> {
        let path = self.dir.join("catalogue");
        let remedy = match manifest {
            Some(_) => Remedy::Restore,
            None => Remedy::Reindex,
        };
        if !path.is_dir() {
            self.find(path, "it is missing", remedy);
            return Ok(());
        }
        let _lock = match Lock::take(self.dir) {
            Ok(lock) => lock,
            Err(Error::Busy { pid, .. }) => {
                self.done.catalogue = CatalogueState::InUse(pid);
                return Ok(());
            }
            Err(Error::ReadOnly { .. }) => {
                self.done.catalogue = CatalogueState::ReadOnly;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let catalogue = match Catalogue::open(&path) {
            Ok(catalogue) => catalogue,
            Err(Error::Damaged { reason, .. }) => {
                self.find(path, reason, remedy);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(schema) = catalogue.schema()? else {
            self.find(path, "it does not say which model it is for", remedy);
            return Ok(());
        };
        self.done.catalogue = CatalogueState::Read;
        (self.done.images, self.done.files) = (0, 0);
        let mut docs = RoaringTreemap::new();
        for item in catalogue.docs() {
            let (doc, id) = item?;
            docs.insert(doc);
            let image = match catalogue.image(&id)? {
                Some(image) if image.doc == doc => image,
                _ => {
                    let problem = format!("document {doc} is not that of image {id}");
                    self.find(path.clone(), problem, Remedy::Reindex);
                    continue;
                }
            };
            self.done.images += 1;
            self.done.files += image.entry.files.len() as u64;
            let numbers = catalogue.numbers(image.vector, &schema);
            let lost = match numbers.and_then(|_| catalogue.tokens(image.vector)) {
                Err(Error::Damaged { .. }) => true,
                tokens => tokens.map(|_| false)?,
            };
            let strayed =
                image.entry.files.iter().find(
                    |file| !matches!(catalogue.at_path(&file.path), Ok(Some(at)) if at == id),
                );
            if lost || strayed.is_some() {
                let first = &image.entry.files[0].path;
                let name = strayed.map_or(first, |file| &file.path).display();
                let what = match lost {
                    true => "the embedding and the tags",
                    false => "the path",
                };
                let problem = format!("{what} of {name} cannot be read");
                let remedy = match published.contains(doc) {
                    true => remedy,
                    false => Remedy::Reindex,
                };
                self.find(path.clone(), problem, remedy);
            }
        }
        let Some(manifest) = manifest else {
            return Ok(());
        };
        let name = || self.dir.join(manifest::NAME);
        let (waiting, gone) = (&docs - published, published - &docs);
        if !waiting.is_empty() && self.done.findings.is_empty() {
            let problem = format!("{} images are not published yet", waiting.len());
            self.find(name(), problem, Remedy::Rebuild);
        }
        if !gone.is_empty() {
            let problem = format!("{} images are published that are gone", gone.len());
            self.find(name(), problem, Remedy::Rebuild);
        }
        if manifest.schema != schema {
            let problem = "its thresholds are not those of the catalogue";
            self.find(name(), problem, Remedy::Rebuild);
        }
        Ok(())
    }

    /// Looks for what nothing uses. While a writer works, files that it has not named yet are no leftovers.
    fn left_over(&mut self, manifest: Option<&Manifest>) -> Result<()> {
        let Some(manifest) = manifest else {
            return Ok(());
        };
        if matches!(self.done.catalogue, CatalogueState::InUse(_)) {
            return Ok(());
        }
        let at = |source| Error::io(self.dir, source);
        let mut found = Vec::new();
        for entry in self.dir.read_dir().map_err(at)? {
            let path = entry.map_err(at)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let problem = if name.starts_with("catalogue.damaged") {
                "a damaged catalogue was put aside here"
            } else if name == successor::FORMER
                || (crate::publish::is_published(name) && !manifest.names(name))
            {
                "a run that did not end left it"
            } else {
                continue;
            };
            found.push((path, problem));
        }
        found.sort();
        for (path, problem) in found {
            self.find(path, problem, Remedy::Remove);
        }
        Ok(())
    }
}
