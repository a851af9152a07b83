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
    /// What the weights depend on beside the steps: another run must not go on from here.
    pub(crate) origin: String,
    /// Steps taken.
    pub(crate) step: usize,
    /// Training loss, averaged over a stretch of steps: (last step, loss).
    pub(crate) losses: Vec<(usize, f32)>,
    /// Training losses of the stretch that has not ended.
    pub(crate) stretch: Vec<f32>,
    /// Held-out figure before the first step, where the start can be kept.
    pub(crate) before: Option<f32>,
    /// Held-out figure after each epoch.
    pub(crate) scores: Vec<f32>,
}

/// Steps that one point of the loss curve averages.
const STRETCH: usize = 10;

impl State {
    /// Takes note of a step and its loss.
    pub(crate) fn note(&mut self, loss: f32) {
        self.step += 1;
        self.stretch.push(loss);
        if self.stretch.len() == STRETCH {
            let mean = self.stretch.iter().sum::<f32>() / STRETCH as f32;
            self.losses.push((self.step, mean));
            self.stretch.clear();
        }
    }

    /// Epoch of the best score, from 0; none while nothing comes up to the start. Of equals the last is best, which is as good
    /// as any and has learned more.
    pub(crate) fn best(&self) -> Option<usize> {
        (0..self.scores.len())
            .filter(|&epoch| {
                self.before
                    .is_none_or(|before| self.scores[epoch] >= before)
            })
            .max_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]))
    }

    /// The best score, if there is any.
    pub(crate) fn best_score(&self) -> Option<f32> {
        self.best()
            .map_or(self.before, |epoch| Some(self.scores[epoch]))
    }

    /// Epochs since the best one.
    pub(crate) fn stalled(&self) -> usize {
        self.scores.len() - self.best().map_or(0, |epoch| epoch + 1)
    }
}

/// All that a stage goes on from.
pub(crate) struct Saved<M> {
    pub(crate) state: State,
    pub(crate) module: M,
    /// Moving average of the module, where one is kept.
    pub(crate) average: Option<M>,
    pub(crate) optimizer: ModuleOptimizer,
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
    pub(crate) fn save<M: Module>(&self, saved: &Saved<M>) -> Result<(), TrainError> {
        let fresh = self.folder.with_extension("new");
        let old = self.folder.with_extension("old");
        let failed = |source| TrainError::io(&fresh, source);
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh).map_err(failed)?;
        write_module(&fresh.join("module"), &saved.module)?;
        if let Some(average) = &saved.average {
            write_module(&fresh.join("average"), average)?;
        }
        let record = saved
            .optimizer
            .to_record()
            .into_bytes()
            .map_err(|error| self.broken(&error))?;
        fs::write(fresh.join("optimizer"), &record[..]).map_err(failed)?;
        let state = serde_json::to_vec(&saved.state).map_err(|error| self.broken(&error))?;
        fs::write(fresh.join("state.json"), state).map_err(failed)?;
        let _ = fs::remove_dir_all(&old);
        if self.folder.exists() {
            fs::rename(&self.folder, &old).map_err(failed)?;
        }
        fs::rename(&fresh, &self.folder).map_err(failed)?;
        let _ = fs::remove_dir_all(&old);
        Ok(())
    }

    /// Replaces `start` by the checkpoint, if there is one.
    pub(crate) fn load<M: Module>(&self, start: Saved<M>) -> Result<Saved<M>, TrainError> {
        let old = self.folder.with_extension("old");
        // A kill between the two renames of `save` leaves only the old one.
        let folder = if self.folder.exists() {
            &self.folder
        } else {
            &old
        };
        if !folder.exists() {
            return Ok(start);
        }
        let state = read(&folder.join("state.json"))?;
        let state: State = serde_json::from_slice(&state).map_err(|error| self.broken(&error))?;
        if state.origin != start.state.origin {
            return Err(self.broken(&"it was made with other settings, tags or heads"));
        }
        let module = read_module(&folder.join("module"), start.module)?;
        let average = start
            .average
            .map(|average| read_module(&folder.join("average"), average));
        let record =
            OptimizerRecord::load(folder.join("optimizer")).map_err(|error| self.broken(&error))?;
        Ok(Saved {
            state,
            module,
            average: average.transpose()?,
            optimizer: start.optimizer.load_record(record),
        })
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
    module
        .try_load_record(record)
        .map_err(|error| broken(path, &error))
}
