//! What a killed run goes on from.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use super::TrainError;

/// Place of a run within its stage, and what it measured so far.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct State {
    /// Steps taken.
    pub(crate) step: usize,
    /// Training loss, averaged over a stretch of steps: (last step, loss).
    pub(crate) losses: Vec<(usize, f32)>,
    /// Held-out figure after each epoch.
    pub(crate) scores: Vec<f32>,
}

impl State {
    /// Epoch of the best score, from 0.
    pub(crate) fn best(&self) -> Option<usize> {
        (0..self.scores.len()).max_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]))
    }
}

/// The folder that one stage keeps its checkpoint in.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    folder: PathBuf,
}

impl Checkpoint {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Replaces the checkpoint. The old one is valid until the new one is complete.
    pub(crate) fn save<M: Module>(
        &self,
        state: &State,
        module: &M,
        optimizer: &ModuleOptimizer,
    ) -> Result<(), TrainError> {
        let fresh = self.folder.with_extension("new");
        let old = self.folder.with_extension("old");
        let failed = |source| TrainError::io(&fresh, source);
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh).map_err(failed)?;
        write_module(&fresh.join("module"), module)?;
        let record = optimizer
            .to_record()
            .into_bytes()
            .map_err(|error| self.broken(&error))?;
        fs::write(fresh.join("optimizer"), &record[..]).map_err(failed)?;
        let state = serde_json::to_vec(state).map_err(|error| self.broken(&error))?;
        fs::write(fresh.join("state.json"), state).map_err(failed)?;
        let _ = fs::remove_dir_all(&old);
        if self.folder.exists() {
            fs::rename(&self.folder, &old).map_err(failed)?;
        }
        fs::rename(&fresh, &self.folder).map_err(failed)?;
        let _ = fs::remove_dir_all(&old);
        Ok(())
    }

    /// Loads the checkpoint, if there is one.
    pub(crate) fn load<M: Module>(
        &self,
        module: M,
        optimizer: ModuleOptimizer,
    ) -> Result<(State, M, ModuleOptimizer), TrainError> {
        let old = self.folder.with_extension("old");
        // A kill between the two renames of `save` leaves only the old one.
        let folder = if self.folder.exists() {
            &self.folder
        } else {
            &old
        };
        if !folder.exists() {
            return Ok((State::default(), module, optimizer));
        }
        let state = read(&folder.join("state.json"))?;
        let state = serde_json::from_slice(&state).map_err(|error| self.broken(&error))?;
        let module = read_module(&folder.join("module"), module)?;
        let record =
            OptimizerRecord::load(folder.join("optimizer")).map_err(|error| self.broken(&error))?;
        Ok((state, module, optimizer.load_record(record)))
    }

    fn broken(&self, reason: &dyn std::fmt::Display) -> TrainError {
        broken(&self.folder, reason)
    }
}

fn broken(path: &Path, reason: &dyn std::fmt::Display) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrainError> {
    fs::read(path).map_err(|source| TrainError::io(path, source))
}

/// Writes a module's parameters, complete or not at all.
pub(crate) fn write_module<M: Module>(path: &Path, module: &M) -> Result<(), TrainError> {
    let bytes = module
        .clone()
        .into_record()
        .into_bytes()
        .map_err(|error| broken(path, &error))?;
    let partial = path.with_extension("partial");
    fs::write(&partial, &bytes[..]).map_err(|source| TrainError::io(&partial, source))?;
    fs::rename(&partial, path).map_err(|source| TrainError::io(path, source))
}

/// Reads parameters that [`write_module`] wrote into a module of the same shape.
pub(crate) fn read_module<M: Module>(path: &Path, module: M) -> Result<M, TrainError> {
    let record = ModuleRecord::load(path).map_err(|error| broken(path, &error))?;
    Ok(module.load_record(record))
}
