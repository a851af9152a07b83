//! A bundle that is being written: a folder that is not there until it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::error::at;
use crate::models::ModelError;
use crate::models::bundle::files;
use crate::models::bundle::manifest::BundleManifest;

/// What unfinished folders begin with; no model is called so.
const UNFINISHED: &str = ".new-";

/// An unfinished bundle. It is removed unless it is finished.
pub(super) struct Draft {
    folder: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Draft {
    /// A folder beside `target`, to which it is moved in the end. What an import that was killed left there is removed.
    pub(super) fn new(models: &Path, name: &str) -> Result<Self, StoreError> {
        let folder = models.join(format!("{UNFINISHED}{name}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(at(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        Ok(Self {
            folder,
            target: models.join(name),
            finished: false,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a small file.
    pub(super) fn write(&self, name: impl AsRef<Path>, content: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        fs::write(&path, content).map_err(at(&path))
    }

    /// Takes a file of another bundle. One of this folder of models, which nobody changes, becomes the same file under a second name
    /// where the file system can do that; else it is copied.
    pub(super) fn share(&self, from: &Path, name: &Path) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        let models = self.target.parent();
        let stays = models.is_some_and(|models| from.starts_with(models));
        if !stays || fs::hard_link(from, &path).is_err() {
            fs::copy(from, &path).map_err(at(from))?;
        }
        Ok(())
    }

    /// Writes the manifest with the checksums of every file, and nothing after it.
    pub(super) fn describe(&self, manifest: &mut BundleManifest) -> Result<(), StoreError> {
        manifest.files.clear();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(at(&folder))? {
                let path = entry.map_err(at(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let inside = path.strip_prefix(&self.folder).unwrap_or(&path);
                let name: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
                manifest.files.insert(name.join("/"), files::facts(&path)?);
            }
        }
        let text = serde_json::to_vec_pretty(manifest).map_err(|error| ModelError::Manifest {
            file: BundleManifest::FILE.to_owned(),
            reason: error.to_string(),
        })?;
        self.write(BundleManifest::FILE, &text)
    }

    /// Moves the folder to its place.
    pub(super) fn finish(mut self) -> Result<PathBuf, StoreError> {
        // What is named in the folder must be on the disk before the folder is named.
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(at(&folder))? {
                let path = entry.map_err(at(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let synced = File::open(&path).and_then(|file| file.sync_all());
                    synced.map_err(at(&path))?;
                }
            }
        }
        fs::rename(&self.folder, &self.target).map_err(at(&self.target))?;
        self.finished = true;
        Ok(self.target.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
