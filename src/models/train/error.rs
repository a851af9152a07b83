//! What can go wrong while training.

use std::path::{Path, PathBuf};

use crate::corpus::CorpusError;
use crate::media::MediaError;
use crate::models::ModelError;

/// A training run that cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The caller asked to stop; what was done is kept and the next run goes on from there.
    #[error("stopped; run the same command again to go on")]
    Cancelled,
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The corpus cannot be used.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A training picture cannot be decoded. Training stops: leaving it out would change the data silently.
    #[error("{}: {source}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Why.
        source: MediaError,
    },
    /// The folder holds features of another corpus or model.
    #[error(
        "{} holds features of another corpus or model; choose another folder with --out or remove it",
        folder.display()
    )]
    OtherCache {
        /// The folder.
        folder: PathBuf,
    },
    /// A checkpoint does not load.
    #[error("{}: {reason}; remove it to train this stage from the start", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A training file is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The data teaches nothing that was to be trained.
    #[error("nothing can be learned: {reason}")]
    NothingToLearn {
        /// What is missing.
        reason: &'static str,
    },
    /// A setting makes no sense.
    #[error("{setting} {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A stage learns nothing any more.
    #[error("{stage}: the loss of step {step} is {loss}; set a lower {stage}.learning_rate")]
    Diverged {
        /// The stage.
        stage: &'static str,
        /// The step, from 1.
        step: usize,
        /// Infinite or no number.
        loss: f32,
    },
    /// The curves cannot be drawn.
    #[error("cannot draw {}: {reason}", path.display())]
    Curves {
        /// The picture.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl TrainError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
