//! The loop that every stage of training shares: shuffled batches, optimizer, averaging, checkpoints, curve, best epoch.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::checkpoint::{Checkpoint, Saved, State, write_module};
use super::learned::Learned;
use super::objectives::{copy_of, follow};
use super::pretrained::Pretrained;
use super::progress::{Progress, told};
use super::schedule::{ema_decay, learning_rate};
use super::settings::TrainSettings;
use super::{TrainError, curves};

/// What distinguishes a stage.
pub(crate) struct Stage<'a> {
    /// Names its files, its progress and its table of settings.
    pub(crate) name: &'static str,
    /// The held-out figure that chooses the epoch.
    pub(crate) metric: &'static str,
    /// What an epoch passes over: captions or pictures.
    pub(crate) items: &'a [usize],
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    /// Peak, where the weights are random at first.
    pub(crate) learning_rate: f64,
    pub(crate) weight_decay: f32,
    pub(crate) settings: &'a TrainSettings,
    /// Whether the weights are trained ones at first: they are then kept if nothing better is learned, and change more slowly.
    pub(crate) warm: bool,
    /// Some of the weights, where they are trained ones at first and others are not.
    pub(crate) pretrained: Option<Pretrained>,
    /// What the weights depend on beside the settings: a checkpoint of another origin is refused.
    pub(crate) origin: String,
    pub(crate) folder: &'a Path,
    /// Where gradients are computed.
    pub(crate) device: &'a Device,
}

/// What a step computes its loss from.
pub(crate) struct Draw<'a> {
    pub(crate) items: &'a [usize],
    pub(crate) rng: &'a mut ChaCha8Rng,
    /// Share of the steps that came before.
    pub(crate) done: f32,
}

impl Stage<'_> {
    /// Trains `trainee`, going on from a checkpoint. `score` measures the module, or its moving average where one is kept,
    /// after an epoch and returns what is kept of it. The parts of the best epoch are in [`Stage::best`] afterwards.
    pub(crate) fn train<M: Module, B: Module>(
        &self,
        trainee: M,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
        mut loss: impl FnMut(&M, Draw<'_>) -> Result<Tensor<1>, TrainError>,
        score: impl FnMut(&M) -> Result<(f32, B), TrainError>,
    ) -> Result<(), TrainError> {
        let learn = |module: &M, draw: Draw<'_>| Ok(Learned::of(loss(module, draw)?, module)?);
        self.train_by(trainee, progress, learn, score)
    }

    /// The same where a step computes its own gradients.
    pub(crate) fn train_by<M: Module, B: Module>(
        &self,
        trainee: M,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
        mut learn: impl FnMut(&M, Draw<'_>) -> Result<Learned, TrainError>,
        mut score: impl FnMut(&M) -> Result<(f32, B), TrainError>,
    ) -> Result<(), TrainError> {
        let settings = self.settings;
        let checkpoint = Checkpoint::new(self.folder.join(self.name));
        let mut run = checkpoint.load(self.start(trainee))?;
        if self.warm && run.state.before.is_none() {
            let (value, best) = score(&run.module)?;
            write_module(&self.best(), &best)?;
            run.state.before = Some(value);
            self.tell_epoch(&run.state, None, progress)?;
        }
        let peak = if self.warm {
            self.learning_rate * settings.fine_tuning_rate
        } else {
            self.learning_rate
        };
        let pause = Duration::try_from_secs_f64(60.0 * settings.checkpoint_minutes);
        let pause = pause.unwrap_or(Duration::MAX);
        let per_epoch = self.items.len().div_ceil(self.batch).max(1);
        let steps = per_epoch * self.epochs;
        let mut order = Vec::new();
        let mut saved = Instant::now();
        let (mut begun, mut passed) = (saved, 0);
        while run.state.step < steps && !self.has_stalled(&run.state) {
            let (epoch, within) = (run.state.step / per_epoch, run.state.step % per_epoch);
            if order.is_empty() {
                order = self.items.to_vec();
                order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.seed ^ epoch as u64));
                (begun, passed) = (Instant::now(), 0);
            }
            // Every step has its own seed, so a resumed run makes the same choices as an uninterrupted one.
            let seed = settings.seed.wrapping_mul(1_000_003) ^ run.state.step as u64;
            self.device.seed(seed);
            let last = ((within + 1) * self.batch).min(order.len());
            let batch = &order[within * self.batch..last];
            let draw = Draw {
                items: batch,
                rng: &mut ChaCha8Rng::seed_from_u64(seed),
                done: run.state.step as f32 / steps as f32,
            };
            let mut learned = learn(&run.module, draw)?;
            if !learned.loss.is_finite() {
                return Err(TrainError::Diverged {
                    stage: self.name,
                    step: run.state.step + 1,
                    loss: learned.loss,
                });
            }
            let rate = learning_rate(peak, run.state.step, steps);
            if let Some(those) = self.pretrained {
                let gradients = those.take(&run.module, &mut learned.gradients);
                run.module = run.optimizer.step(rate * those.rate, run.module, gradients);
            }
            run.module = run.optimizer.step(rate, run.module, learned.gradients);
            run.state.note(learned.loss);
            run.average = run.average.map(|average| {
                let decay = ema_decay(settings.ema_decay, run.state.step);
                follow(average, &run.module, decay)
            });
            passed += batch.len();
            let step = Progress::Step {
                stage: self.name,
                epoch: epoch + 1,
                epochs: self.epochs,
                done: epoch * order.len() + last,
                total: self.epochs * order.len(),
                loss: learned.loss,
            };
            let mut go_on = told(progress(&step));
            let ended = within + 1 == per_epoch;
            if ended {
                let rate = passed as f32 / begun.elapsed().as_secs_f32();
                let (value, best) = score(run.average.as_ref().unwrap_or(&run.module))?;
                run.state.scores.push(value);
                if run.state.best() == Some(epoch) {
                    write_module(&self.best(), &best)?;
                }
                let curve = self.folder.join(format!("{}.svg", self.name));
                curves::draw(&curve, self.name, self.metric, &run.state, run.state.step)?;
                go_on = go_on.and(self.tell_epoch(&run.state, Some(rate), progress));
                order.clear();
            }
            if ended || go_on.is_err() || saved.elapsed() >= pause {
                checkpoint.save(&run)?;
                saved = Instant::now();
            }
            go_on?;
        }
        self.tell_end(&run.state, progress)
    }

    fn start<M: Module>(&self, module: M) -> Saved<M> {
        let optimizer = AdamWConfig::new()
            .with_weight_decay(self.weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        Saved {
            state: State {
                origin: self.origin(),
                ..State::default()
            },
            average: (self.settings.ema_decay > 0.0).then(|| copy_of(&module)),
            module,
            optimizer,
        }
    }

    /// Everything that decides what the weights become. Patience is no part of it, as it only decides when to stop.
    fn origin(&self) -> String {
        let settings = self.settings;
        let own = serde_json::to_value(settings).map(|all| all[self.name].clone());
        let all = json!({
            "own": own.unwrap_or_default(),
            "seed": settings.seed,
            "views": settings.views,
            "held_out": settings.held_out,
            "ema_decay": settings.ema_decay,
            "rate": self.warm.then_some(settings.fine_tuning_rate),
            "origin": self.origin,
        });
        blake3::hash(all.to_string().as_bytes())
            .to_hex()
            .to_string()
    }

    fn has_stalled(&self, state: &State) -> bool {
        self.settings.patience > 0 && state.stalled() >= self.settings.patience
    }

    /// Tells what the last epoch came to.
    fn tell_epoch(
        &self,
        state: &State,
        rate: Option<f32>,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(), TrainError> {
        let epoch = state.scores.len();
        told(progress(&Progress::Epoch {
            stage: self.name,
            epoch,
            epochs: self.epochs,
            metric: self.metric,
            value: state
                .scores
                .last()
                .copied()
                .or(state.before)
                .unwrap_or_default(),
            best: state.stalled() == 0,
            rate,
        }))
    }

    fn tell_end(
        &self,
        state: &State,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(), TrainError> {
        told(progress(&Progress::Stage {
            stage: self.name,
            best: state.scores.len() - state.stalled(),
            epochs: state.scores.len(),
            metric: self.metric,
            value: state.best_score().unwrap_or_default(),
            before: state.before,
        }))
    }

    /// Where the best epoch's module is.
    pub(crate) fn best(&self) -> PathBuf {
        self.folder.join(format!("{}.best", self.name))
    }
}

#[cfg(test)]
mod tests;
