//! The engine: the only type that knows all the others.

mod collection;
mod exchange;
mod explaining;
mod judging;
mod pictures;
mod searching;
mod stacking;
mod tagging;
mod telling;
mod thumbnails;
mod upkeep;

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use imgsearch_index::{ImageId, Reader, Schema, Writer};

use crate::config::Config;
use crate::encoder::Encoder;
#[cfg(feature = "watch")]
use crate::error::Error;
use crate::error::Result;
use crate::hit::Stats;
use crate::ingest::{self, IndexReport, Progress};
use crate::models::{ModelError, ModelPart, open_model};
use crate::query::{Rarity, Resolver};
use crate::thumbnails::Thumbnails;
use crate::vocabulary::Vocabulary;
#[cfg(feature = "watch")]
use upkeep::as_indexed;

pub use exchange::{Export, Imported};
pub use explaining::{Unmet, Verdict};
use pictures::only;
pub use tagging::{Annotations, TagEdit};
pub use upkeep::MissingFile;

/// Image search over one index folder.
///
/// Cheap to clone, usable from many threads, blocking. It prints nothing, reads no environment and installs no handlers.
/// Searches see the last published state, also while this or another process indexes.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    encoder: Arc<dyn Encoder>,
    resolver: OnceLock<Resolver>,
    snapshot: RwLock<Option<Snapshot>>,
    thumbnails: Thumbnails,
}

/// A published generation, with what every search over it needs.
#[derive(Clone)]
struct Snapshot {
    reader: Reader,
    rarity: Arc<Rarity>,
}

/// A picture to compare with or to look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Image<'a> {
    /// A file, indexed or not.
    Path(&'a Path),
    /// An indexed picture.
    Id(ImageId),
}

impl Engine {
    /// Opens an engine with the model that `config` names. The index itself is opened when it is first used, so an engine
    /// for an index that does not exist yet is fine.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub fn open(config: &Config) -> Result<Self> {
        let model = open_model(config.model(), config.settings().compute())?;
        Self::with_encoder(config, model)
    }

    /// Opens an engine with a model of the caller's own.
    ///
    /// # Errors
    /// None today; what `config` says may be checked here later.
    pub fn with_encoder(config: &Config, encoder: Arc<dyn Encoder>) -> Result<Self> {
        let room = config.settings().thumbnails.max_mib << 20;
        Ok(Self {
            shared: Arc::new(Shared {
                thumbnails: Thumbnails::new(config.index(), room),
                config: config.clone(),
                encoder,
                resolver: OnceLock::new(),
                snapshot: RwLock::new(None),
            }),
        })
    }

    /// The tags that the model recognises.
    pub fn vocabulary(&self) -> &Vocabulary {
        self.shared.encoder.vocabulary()
    }

    /// How it is set up.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Brings the index up to date with the picture files below `roots`: new and changed files are encoded, moved ones
    /// recognised by their bytes, missing ones forgotten. Files outside the roots stay as they are. Originals are opened
    /// for reading only.
    ///
    /// `progress` is called several times a second; when it breaks, the run stops and what was done is kept.
    ///
    /// # Errors
    /// When a root does not exist, another process writes to the index, the index was made with another model, or storing
    /// fails. A file that is no picture is not an error but listed in the report.
    pub fn index_paths<P: AsRef<Path>>(
        &self,
        roots: &[P],
        progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<IndexReport> {
        let report = ingest::run(
            || self.writer(),
            &self.source(),
            |image| self.name_tags(image),
            &self.shared.config.settings().ingest,
            roots,
            progress,
        )?;
        if report.removed + report.updated > 0 {
            self.tidy_thumbnails();
        }
        Ok(report)
    }

    /// Indexes as [`Engine::index_paths`] does, and again whenever something below the roots has changed, until `progress`
    /// breaks. `report` gets what each run did. Between runs others can write to the index.
    ///
    /// File systems of other machines tell nothing of changes.
    ///
    /// # Errors
    /// As [`Engine::index_paths`], and when the roots cannot be watched.
    #[cfg(feature = "watch")]
    pub fn watch_paths<P: AsRef<Path>>(
        &self,
        roots: &[P],
        mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
        mut report: impl FnMut(&IndexReport),
    ) -> Result<()> {
        // Before the first run, so that nothing is missed that happens in it.
        let watch = ingest::Watch::start(roots, &as_indexed(self.shared.config.index()))?;
        let mut is_first = true;
        loop {
            match self.index_paths(roots, &mut progress) {
                Ok(done) => {
                    report(&done);
                    if done.cancelled {
                        return Ok(());
                    }
                    is_first = false;
                    if watch.wait(|| progress(&Progress::Watching)).is_break() {
                        return Ok(());
                    }
                }
                Err(Error::Index(imgsearch_index::Error::Busy { .. })) if !is_first => {
                    if watch.rest(|| progress(&Progress::Watching)).is_break() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Forgets pictures; their files stay. Returns how many were known. The next index run over their folders brings them
    /// back.
    ///
    /// # Errors
    /// When another process writes to the index, or storing fails.
    pub fn remove(&self, ids: &[ImageId]) -> Result<usize> {
        let mut writer = self.writer()?;
        let removed = writer.remove(ids)?;
        writer.commit()?;
        drop(writer);
        self.tidy_thumbnails();
        Ok(removed)
    }

    /// How many pictures the index holds.
    ///
    /// # Errors
    /// When there is no index or it cannot be read.
    pub fn image_count(&self) -> Result<usize> {
        Ok(self.reader()?.reader.len())
    }

    /// What the index holds, and how much room it takes; that is looked up once for each generation.
    ///
    /// # Errors
    /// When there is no index or it cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        let Snapshot { reader, .. } = self.reader()?;
        Ok(Stats {
            images: reader.len(),
            model: reader.schema().model.clone(),
            generation: reader.generation().0,
            bytes: reader.bytes_on_disk(),
            tags: reader.tag_counts()?.iter().filter(|tag| tag.1 > 0).count(),
        })
    }

    /// An index holds embeddings, so a model that makes none has no index.
    fn require_aligner(&self) -> Result<()> {
        let encoder = &self.shared.encoder;
        if encoder.dim() == 0 {
            return Err(ModelError::lacks(encoder.id(), ModelPart::Aligner).into());
        }
        Ok(())
    }

    /// What pictures are made into when they are indexed.
    fn source(&self) -> ingest::Source<'_> {
        ingest::Source {
            encoder: self.shared.encoder.as_ref(),
            thumbnails: &self.shared.thumbnails,
            tags_named: Box::new(|word| self.tags_named(word)),
        }
    }

    fn resolver(&self) -> &Resolver {
        self.shared
            .resolver
            .get_or_init(|| Resolver::new(self.vocabulary()))
    }

    fn schema(&self) -> Schema {
        let encoder = &self.shared.encoder;
        let thresholds: Vec<f32> = self.vocabulary().iter().map(|tag| tag.threshold).collect();
        Schema {
            model: encoder.id().to_owned(),
            dim: encoder.dim(),
            tags: thresholds.len(),
            thresholds,
        }
    }

    fn writer(&self) -> Result<Writer> {
        self.require_aligner()?;
        Ok(Writer::open(self.shared.config.index(), &self.schema())?)
    }

    /// The last published state.
    fn reader(&self) -> Result<Snapshot> {
        self.require_aligner()?;
        let slot = &self.shared.snapshot;
        let held = slot.read().unwrap_or_else(PoisonError::into_inner).clone();
        let reader = match held {
            Some(mut held) => {
                if !held.reader.refresh()? {
                    return Ok(held);
                }
                held.reader
            }
            None => Reader::open(self.shared.config.index())?,
        };
        let found = &reader.schema().model;
        if found != self.shared.encoder.id() {
            return Err(imgsearch_index::Error::ModelMismatch {
                dir: PathBuf::from(self.shared.config.index()),
                expected: self.shared.encoder.id().to_owned(),
                found: found.clone(),
            }
            .into());
        }
        let snapshot = Snapshot {
            rarity: Arc::new(Rarity::new(reader.len() as u64, reader.tag_counts()?)),
            reader,
        };
        *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        Ok(snapshot)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("index", &self.shared.config.index())
            .field("model", &self.shared.encoder.id())
            .finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn shared_between_threads<T: Send + Sync + Clone>() {}
    shared_between_threads::<Engine>();
};
