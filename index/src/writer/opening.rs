//! From a folder to the writer of its index.

use std::io::ErrorKind;
use std::path::Path;

use super::{Options, Writer};
use crate::audit;
use crate::lock::Lock;
use crate::manifest::Manifest;
use crate::publish;
use crate::rescue;
use crate::successor;
use crate::{Error, Result, Schema};

impl Writer {
    /// Opens the index in a folder, or makes one. Whatever is published there and does not verify, or lags behind
    /// the catalogue, is rebuilt and published before this returns.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::ModelMismatch`], [`Error::NewerFormat`], [`Error::NotAFolder`],
    /// [`Error::ReadOnly`], [`Error::Schema`], [`Error::Io`], and [`Error::Damaged`] if the catalogue is damaged
    /// and nothing is published to restore it from.
    pub fn open(dir: &Path, schema: &Schema) -> Result<Self> {
        Self::open_with(dir, schema, Options::default())
    }

    /// [`Writer::open`] with other than the default options.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_with(dir: &Path, schema: &Schema, options: Options) -> Result<Self> {
        schema.check()?;
        make_dir(dir)?;
        Self::open_locked(dir, schema, options, Lock::take(dir)?)
    }

    /// Opens a writer for the index of another model, which is to take the place of the one that is there. Until
    /// [`Writer::promote`] nothing of it is published, and the present index goes on serving searches. One that was begun and not
    /// promoted is continued.
    ///
    /// # Errors
    /// As [`Writer::open`], but for [`Error::ModelMismatch`].
    pub fn open_successor(dir: &Path, schema: &Schema) -> Result<Self> {
        schema.check()?;
        make_dir(dir)?;
        let lock = Lock::take(dir)?;
        let catalogue = successor::open(dir, schema)?;
        let state = audit::audit(dir, schema, &catalogue, None, false)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            schema: schema.clone(),
            options: Options::default(),
            catalogue,
            state,
            is_successor: true,
            lock,
        })
    }

    /// Puts a successor in the place of the index that is published, and publishes it. Of any other writer it is the commit.
    ///
    /// # Errors
    /// As [`Writer::open`] and [`Writer::commit`]. Whatever fails, one of both indexes is there and the call can be repeated by
    /// opening the successor again.
    pub fn promote(mut self) -> Result<Self> {
        if !self.is_successor {
            self.commit()?;
            return Ok(self);
        }
        drop(self.catalogue);
        successor::take_over(&self.dir)?;
        Self::open_locked(&self.dir, &self.schema, self.options, self.lock)
    }

    fn open_locked(dir: &Path, schema: &Schema, options: Options, lock: Lock) -> Result<Self> {
        successor::settle(dir)?;
        let manifest = match Manifest::read(dir) {
            Ok(manifest) => Some(manifest),
            Err(Error::NoIndex { .. }) => None,
            Err(Error::Damaged { path, reason }) => {
                tracing::warn!(path = %path.display(), reason, "rebuilding the published index");
                None
            }
            Err(error) => return Err(error),
        };
        let generation = manifest.as_ref().map_or(0, |manifest| manifest.generation);
        let manifest = match manifest {
            // The model has changed, and what is published is about to follow.
            Some(manifest)
                if schema.check_same_model(&manifest.schema, dir).is_err()
                    && successor::has_taken_over(dir, schema)? =>
            {
                None
            }
            Some(manifest) => {
                schema.check_same_model(&manifest.schema, dir)?;
                Some(manifest)
            }
            None => None,
        };
        let catalogue = rescue::open_catalogue(dir, schema, manifest.as_ref(), options.thorough)?;
        let mut state = audit::audit(dir, schema, &catalogue, manifest, options.thorough)?;
        state.generation = state.generation.max(generation);
        let dir = dir.to_path_buf();
        let mut writer = Self {
            dir,
            schema: schema.clone(),
            options,
            catalogue,
            state,
            is_successor: false,
            lock,
        };
        publish::clean(&writer.dir, &writer.state.manifest);
        writer.commit()?;
        Ok(writer)
    }
}

fn make_dir(dir: &Path) -> Result<()> {
    match std::fs::create_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(_) if dir.exists() && !dir.is_dir() => Err(Error::NotAFolder {
            path: dir.to_path_buf(),
        }),
        // `NotFound` is what pseudo file systems such as /proc answer.
        Err(source)
            if matches!(
                source.kind(),
                ErrorKind::PermissionDenied | ErrorKind::NotFound
            ) =>
        {
            Err(Error::ReadOnly {
                path: dir.to_path_buf(),
            })
        }
        Err(source) => Err(Error::io(dir, source)),
    }
}
