//! Models that others trained: brought here, made into bundles, kept in one folder.
//!
//! ```no_run
//! use imgsearch::store::ModelStore;
//!
//! let store = ModelStore::new("models");
//! store.compose("mini-twice", "tag2text-mini", "tag2text-mini")?;
//! for model in store.list()? {
//!     println!("{} {}", model.name, model.kind);
//! }
//! # Ok::<(), imgsearch::store::StoreError>(())
//! ```

mod compose;
#[cfg(feature = "pull")]
mod download;
mod draft;
mod error;
mod info;
mod install;
#[cfg(feature = "pull")]
mod published;
#[cfg(feature = "pull")]
mod pull;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::models::bundle::manifest::BundleManifest;
use crate::models::{ModelSource, builtin};
use draft::Draft;
use error::at;

pub use crate::models::bundle::Import;
#[cfg(feature = "pull")]
pub use download::DownloadError;
pub use error::StoreError;
pub use info::ModelInfo;
#[cfg(feature = "pull")]
pub use published::{PublishedFile, PublishedModel};
#[cfg(feature = "pull")]
pub use pull::{PullOptions, PullProgress};

/// Name of the model inside the binary.
pub const BUILTIN: &str = "tag2text-mini";
/// The file that names the model to use where none is named.
const DEFAULT: &str = ".default";

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A folder of models. It need not exist before something is stored in it.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
}

impl ModelStore {
    /// The store in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model with this name is.
    ///
    /// # Errors
    /// When there is none.
    pub fn source(&self, name: &str) -> Result<ModelSource> {
        if name == BUILTIN {
            return Ok(ModelSource::Builtin);
        }
        let folder = self.folder.join(name);
        if is_name(name) && folder.is_dir() {
            return Ok(ModelSource::Folder(folder));
        }
        Err(StoreError::Unknown {
            name: name.to_owned(),
            models: self.names()?,
        })
    }

    /// Names of the models that can be used, the built-in one first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        match fs::read_dir(&self.folder) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(at(&self.folder))?;
                    let name = entry.file_name();
                    names.extend(
                        name.to_str()
                            .filter(|name| is_name(name))
                            .map(str::to_owned),
                    );
                }
            }
            Err(error) if absent(&error) => {}
            Err(error) => return Err(at(&self.folder)(error)),
        }
        names.sort_unstable();
        names.insert(0, BUILTIN.to_owned());
        Ok(names)
    }

    /// What each model that can be used is. One that cannot be read is left out; [`ModelStore::info`] says why.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<ModelInfo>> {
        let names = self.names()?;
        Ok(names
            .iter()
            .filter_map(|name| self.info(name).ok())
            .collect())
    }

    /// What the model with this name is.
    ///
    /// # Errors
    /// When there is none, or its description cannot be read.
    pub fn info(&self, name: &str) -> Result<ModelInfo> {
        let mut info = ModelInfo::of(&self.source(name)?)?;
        // A folder may have been renamed; its name is what the model is asked for by.
        name.clone_into(&mut info.name);
        Ok(info)
    }

    /// The model to use where none is named: the one that was chosen with [`ModelStore::set_default`], else the built-in one.
    ///
    /// # Errors
    /// When the choice cannot be read.
    pub fn default_name(&self) -> Result<String> {
        let path = self.folder.join(DEFAULT);
        match fs::read_to_string(&path) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(error) if absent(&error) => Ok(BUILTIN.to_owned()),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Chooses the model to use where none is named.
    ///
    /// # Errors
    /// When there is no such model, or the choice cannot be written.
    pub fn set_default(&self, name: &str) -> Result<()> {
        self.source(name)?;
        fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        let (path, new) = (self.folder.join(DEFAULT), self.folder.join(".default.new"));
        fs::write(&new, name).map_err(at(&new))?;
        fs::rename(&new, &path).map_err(at(&path))
    }

    /// Removes a model. If it was the one to use where none is named, that is the built-in one again.
    ///
    /// # Errors
    /// When there is no such model, it is the built-in one, or its files cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let ModelSource::Folder(folder) = self.source(name)? else {
            return Err(StoreError::Builtin {
                name: name.to_owned(),
            });
        };
        if self.default_name()? == name {
            let path = self.folder.join(DEFAULT);
            fs::remove_file(&path).map_err(at(&path))?;
        }
        // Renamed first, so that a removal that is cut short leaves no half of a model behind its name.
        let going = self.folder.join(format!(".old-{name}"));
        if going.exists() {
            fs::remove_dir_all(&going).map_err(at(&going))?;
        }
        fs::rename(&folder, &going).map_err(at(&folder))?;
        fs::remove_dir_all(&going).map_err(at(&going))
    }

    /// Makes a model of a checkpoint that others published.
    ///
    /// # Errors
    /// When a file cannot be read, the checkpoint does not fit, something is missing, the name is taken, or writing fails.
    /// Nothing is left behind then.
    pub fn import(&self, import: &Import) -> Result<ModelInfo> {
        let name = import.name()?;
        self.free(&name)?;
        let draft = Draft::new(&self.folder, &name)?;
        let mut manifest = import.write(draft.folder())?;
        draft.describe(&mut manifest)?;
        Ok(ModelInfo::of(&ModelSource::Folder(draft.finish()?))?)
    }

    /// Takes the bundle of a model as a folder of another, or as the whole of it.
    fn take(&self, source: &ModelSource, part: &str, draft: &Draft) -> Result<()> {
        let description = source.describe()?;
        let names = description.checksums().into_keys();
        let folder = draft.folder().join(part);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        for file in names.chain([BundleManifest::FILE.to_owned()]) {
            let to = Path::new(part).join(&file);
            match source {
                ModelSource::Folder(from) => draft.share(&from.join(&file), &to)?,
                ModelSource::Builtin => draft.write(&to, builtin::file(&file))?,
            }
        }
        Ok(())
    }

    /// Refuses a name that is taken or no good.
    fn free(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        if name == BUILTIN {
            return Err(StoreError::Builtin { name });
        }
        if !is_name(&name) {
            return Err(StoreError::Name { name });
        }
        if self.folder.join(&name).exists() {
            return Err(StoreError::Exists { name });
        }
        Ok(())
    }
}

/// Whether a file is simply not there; a file in place of a folder above it counts as that too.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Names are folders, on every file system.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{DeviceChoice, ModelKind, open_model};

    pub(super) fn store() -> (tempfile::TempDir, ModelStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::new(folder.path().join("not there yet"));
        (folder, store)
    }

    #[test]
    fn models_are_joined_listed_chosen_and_removed() {
        let (_folder, store) = store();
        assert_eq!(store.names().unwrap(), [BUILTIN]);
        assert_eq!(store.default_name().unwrap(), BUILTIN);
        let two = store.compose("two", BUILTIN, BUILTIN).unwrap();
        assert_eq!(two.kind, ModelKind::Composed);
        assert!(two.tags && two.similarity && two.captions && two.matching);
        assert_eq!(two.parts.len(), 2);
        let names: Vec<String> = store.list().unwrap().into_iter().map(|m| m.name).collect();
        assert_eq!(names, [BUILTIN, "two"]);
        store.set_default("two").unwrap();
        assert_eq!(store.default_name().unwrap(), "two");
        let three = store.compose("three", "two", "two").unwrap();
        store.remove("two").unwrap();
        assert_eq!(store.default_name().unwrap(), BUILTIN);
        assert_eq!(store.names().unwrap(), [BUILTIN, "three"]);
        // Its files are its own.
        let left = store.source("three").unwrap();
        left.verify().unwrap();
        assert_eq!(open_model(&left, DeviceChoice::Cpu).unwrap().id(), three.id);
    }

    #[test]
    fn names_that_are_no_good_are_refused() {
        let (_folder, store) = store();
        for name in ["", "..", "a/b", ".hidden", "a b", "\u{e9}"] {
            let refused = store.compose(name, BUILTIN, BUILTIN);
            assert!(matches!(refused, Err(StoreError::Name { .. })), "{name}");
            let unknown = store.source(name);
            assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{name}");
        }
        for refused in [
            store.compose(BUILTIN, BUILTIN, BUILTIN).map(drop),
            store.remove(BUILTIN),
        ] {
            assert!(matches!(refused, Err(StoreError::Builtin { .. })));
        }
        assert!(store.compose("a", BUILTIN, "b").is_err());
        assert!(store.set_default("b").is_err());
        assert_eq!(store.names().unwrap(), [BUILTIN]);
    }

    #[test]
    fn a_bundle_that_was_changed_is_found_out() {
        let (_folder, store) = store();
        store.compose("two", BUILTIN, BUILTIN).unwrap();
        let source = store.source("two").unwrap();
        let tags = store.folder().join("two/tagger/tags.jsonl");
        let right = fs::read(&tags).unwrap();
        let mut wrong = right.clone();
        wrong[20] ^= 1;
        fs::write(&tags, &wrong).unwrap();
        let told = source.verify().unwrap_err().to_string();
        assert!(told.contains("tags.jsonl has the BLAKE3"), "{told}");
        fs::write(&tags, &right[1..]).unwrap();
        let told = open_model(&source, DeviceChoice::Cpu).err().unwrap();
        assert!(told.to_string().contains("instead of"), "{told}");
    }
}
