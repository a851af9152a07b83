//! What can go wrong with installed models.

use std::path::PathBuf;

use crate::models::ModelError;

/// An operation on installed models that cannot be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No model has this name.
    #[error("no model is called {name}; {}", installed(models))]
    Unknown {
        /// The name.
        name: String,
        /// Names of those that are there.
        models: Vec<String>,
    },
    /// A model has this name already.
    #[error("a model called {name} is installed already; remove it first, or take another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// A name that is no good for a folder.
    #[error(
        "{name:?} cannot be the name of a model; letters, digits, `-`, `_` and `.` can, from a letter or digit on"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The built-in model is part of the program.
    #[error(
        "{name} is inside the program: it cannot be removed, and a new model needs another name (--name)"
    )]
    Builtin {
        /// Its name.
        name: String,
    },
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file cannot be downloaded.
    #[cfg(feature = "pull")]
    #[error(transparent)]
    Download(#[from] super::DownloadError),
}

fn installed(models: &[String]) -> String {
    format!("there are {}", models.join(", "))
}

/// Attaches the file to what the operating system said.
pub(super) fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> StoreError + '_ {
    move |source| StoreError::Io {
        path: path.to_owned(),
        source,
    }
}
