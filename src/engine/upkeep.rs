//! Looking after an index: what of it is gone from the disk, what is to be forgotten, what is damaged.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch_index::{Correction, ImageId, Options, Reader, Writer};

use super::{Engine, Snapshot};
use crate::error::Result;
use crate::ingest::{self, IndexReport, Progress};

/// An indexed file that is not on the disk any more.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MissingFile {
    /// Where it was.
    pub path: PathBuf,
    /// The uppermost folder on the way there that is gone with it; the file itself where its folder is there. A whole folder that is
    /// gone may be on a disk that is not connected.
    pub gone: PathBuf,
}

impl Engine {
    /// The indexed files that are, or were, at or below some paths, sorted. The paths need not exist any more.
    ///
    /// # Errors
    /// When there is no index or it cannot be read.
    pub fn files_below<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Vec<PathBuf>> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| as_indexed(path.as_ref())).collect();
        self.files(|file| paths.iter().any(|path| file.starts_with(path)))
    }

    /// The indexed files that are not on the disk any more, sorted. What cannot be looked at, as in a folder without permission, is
    /// not missing.
    ///
    /// # Errors
    /// When there is no index or it cannot be read.
    pub fn missing_files(&self) -> Result<Vec<MissingFile>> {
        let missing = self.files(is_missing)?.into_iter();
        Ok(missing
            .map(|path| MissingFile {
                gone: uppermost_missing(&path),
                path,
            })
            .collect())
    }

    /// Forgets files, and pictures with their last file, in one step; the files themselves are left alone. Returns how many were
    /// known. The next index run over their folders brings those back that are there.
    ///
    /// # Errors
    /// When another process writes to the index, or storing fails.
    pub fn forget_files(&self, files: &[PathBuf]) -> Result<usize> {
        let mut writer = self.writer()?;
        let known = writer.remove_files(files)?;
        writer.commit()?;
        drop(writer);
        self.tidy_thumbnails();
        Ok(known)
    }

    /// Makes anew what is published and does not verify, and restores the catalogue where it is lost. All of the index is read, also
    /// files that look untouched.
    ///
    /// # Errors
    /// When another process writes to the index, it was made with another model, or storing fails.
    pub fn repair(&self) -> Result<()> {
        self.require_aligner()?;
        let mut options = Options::default();
        options.thorough = true;
        Writer::open_with(self.config().index(), &self.schema(), options)?;
        Ok(())
    }

    /// Makes the index anew with the model of this engine, as after a change of models: everything that is indexed and still there,
    /// and what is below `roots`. Until all is done the former index is the one that is searched, with the former model; a
    /// run that was stopped is continued by the next.
    ///
    /// # Errors
    /// As [`Engine::index_paths`], but the index may have been made with another model.
    pub fn rebuild<P: AsRef<Path>>(
        &self,
        roots: &[P],
        progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<IndexReport> {
        self.require_aligner()?;
        let mut reader = Reader::open(self.config().index())?;
        let mut all: Vec<PathBuf> = roots.iter().map(|root| root.as_ref().into()).collect();
        for record in reader.records() {
            let paths = record?.paths.into_iter();
            all.extend(paths.filter(|path| !is_missing(path)));
        }
        let said = OnceCell::new();
        ingest::run(
            || {
                let mut writer = Writer::open_successor(self.config().index(), &self.schema())?;
                // Nobody else can say anything from now on.
                reader.refresh()?;
                let _ = said.set(self.carry(&reader, &mut writer)?);
                Ok(writer)
            },
            &self.source(),
            |image| {
                image.corrections = said.get().and_then(|said| said.get(&image.id).cloned());
                self.name_tags(image);
            },
            &self.config().settings().ingest,
            &all,
            progress,
        )
    }

    /// What people say of the pictures of an index, by name. A successor that was begun before they said it learns it here.
    fn carry(
        &self,
        reader: &Reader,
        successor: &mut Writer,
    ) -> Result<HashMap<ImageId, Vec<Correction>>> {
        const BATCH: usize = 1000;
        let mut all = HashMap::new();
        let mut begun = Vec::new();
        for record in reader.records() {
            let record = record?;
            let mut said = record.corrections;
            if successor.contains(&record.id)? {
                self.name_corrections(&mut said);
                begun.push((record.id, said));
            } else if !said.is_empty() {
                all.insert(record.id, said);
            }
            if begun.len() == BATCH {
                successor.correct(std::mem::take(&mut begun))?;
            }
        }
        successor.correct(begun)?;
        Ok(all)
    }

    /// Published files that are wanted, sorted.
    fn files(&self, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
        let Snapshot { reader, .. } = self.reader()?;
        let mut files = Vec::new();
        for record in reader.records() {
            let paths = record?.paths.into_iter();
            files.extend(paths.filter(|path| wanted(path)));
        }
        files.sort_unstable();
        Ok(files)
    }
}

fn is_missing(path: &Path) -> bool {
    let gone = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
    fs::metadata(path).is_err_and(|error| gone(error.kind()))
}

fn uppermost_missing(path: &Path) -> PathBuf {
    let ancestors = path.ancestors().take_while(|folder| is_missing(folder));
    ancestors.last().unwrap_or(path).to_path_buf()
}

/// A path as the index spells it: absolute, with the links on the way to it resolved as far as it exists.
pub(super) fn as_indexed(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path.is_dir().then(|| path.canonicalize().ok()).flatten();
    if let Some(folder) = folder {
        return folder;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => as_indexed(parent).join(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uppermost_folder_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        fs::create_dir(&there).unwrap();
        let gone = |path: &str| uppermost_missing(&folder.path().join(path));
        assert_eq!(gone("there/a.jpg"), there.join("a.jpg"));
        assert_eq!(gone("disk/2020/a.jpg"), folder.path().join("disk"));
        fs::write(there.join("file"), "").unwrap();
        assert!(is_missing(&there.join("file/a.jpg")));
        assert!(!is_missing(&there.join("file")));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_gone_is_spelt_like_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(as_indexed(&link), real);
        assert_eq!(as_indexed(&link.join("x/a.jpg")), real.join("x/a.jpg"));
        std::os::unix::fs::symlink("nowhere", real.join("b.jpg")).unwrap();
        assert_eq!(as_indexed(&link.join("b.jpg")), real.join("b.jpg"));
    }
}
