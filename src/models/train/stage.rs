//! The loop that every stage of training shares: shuffled batches, optimizer, checkpoints, curve, best epoch.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::checkpoint::{Checkpoint, write_module};
use super::progress::Progress;
use super::schedule::learning_rate;
use super::{TrainError, curves};
use crate::models::backbone::host;

/// Steps that one point of the loss curve averages.
const STRETCH: usize = 10;
/// Steps between checkpoints within an epoch: about a minute.
const SAVE_EVERY: usize = 100;

/// What distinguishes a stage.
pub(crate) struct Stage<'a> {
    /// Names its files and its progress.
    pub(crate) name: &'static str,
    /// The held-out figure that chooses the epoch.
    pub(crate) metric: &'static str,
    /// What an epoch passes over: captions or pictures.
    pub(crate) items: &'a [usize],
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    pub(crate) learning_rate: f64,
    pub(crate) weight_decay: f32,
    pub(crate) seed: u64,
    pub(crate) folder: &'a Path,
    /// Where gradients are computed.
    pub(crate) device: &'a Device,
}

impl Stage<'_> {
    /// Trains `trainee`, going on from a checkpoint. `loss` is given a batch of items and its own random numbers; `score`
    /// measures the module after an epoch and returns what is kept of it. The parts of the best epoch are in
    /// [`Stage::best`] afterwards.
    pub(crate) fn train<M: Module, B: Module>(
        &self,
        trainee: M,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
        mut loss: impl FnMut(&M, &[usize], &mut ChaCha8Rng) -> Result<Tensor<1>, TrainError>,
        mut score: impl FnMut(&M) -> Result<(f32, B), TrainError>,
    ) -> Result<(), TrainError> {
        let optimizer = AdamWConfig::new()
            .with_weight_decay(self.weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        let checkpoint = Checkpoint::new(self.folder.join(self.name));
        let (mut state, mut trainee, mut optimizer) = checkpoint.load(trainee, optimizer)?;
        let per_epoch = self.items.len().div_ceil(self.batch).max(1);
        let steps = per_epoch * self.epochs;
        let mut order = Vec::new();
        let mut stretch = Vec::new();
        while state.step < steps {
            let (epoch, within) = (state.step / per_epoch, state.step % per_epoch);
            if order.is_empty() {
                order = self.items.to_vec();
                order.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed ^ epoch as u64));
            }
            // Every step has its own seed, so a resumed run makes the same choices as an uninterrupted one.
            let seed = self.seed.wrapping_mul(1_000_003) ^ state.step as u64;
            self.device.seed(seed);
            let last = ((within + 1) * self.batch).min(order.len());
            let batch = &order[within * self.batch..last];
            let objective = loss(&trainee, batch, &mut ChaCha8Rng::seed_from_u64(seed))?;
            let value = host(objective.clone())?[0];
            let gradients = GradientsParams::from_grads(objective.backward(), &trainee);
            let rate = learning_rate(self.learning_rate, state.step, steps);
            trainee = optimizer.step(rate, trainee, gradients);

            state.step += 1;
            stretch.push(value);
            if stretch.len() == STRETCH {
                let mean = stretch.iter().sum::<f32>() / STRETCH as f32;
                state.losses.push((state.step, mean));
                stretch.clear();
            }
            let mut stop = progress(&Progress::Step {
                stage: self.name,
                epoch: epoch + 1,
                epochs: self.epochs,
                done: state.step,
                total: steps,
                loss: value,
            });
            let ended = within + 1 == per_epoch;
            if ended {
                order.clear();
                let (value, best) = score(&trainee)?;
                state.scores.push(value);
                if state.best() == Some(epoch) {
                    write_module(&self.best(), &best)?;
                }
                let curve = self.folder.join(format!("{}.svg", self.name));
                curves::draw(&curve, self.name, self.metric, &state, state.step)?;
                let seen = progress(&Progress::Epoch {
                    stage: self.name,
                    epoch: epoch + 1,
                    metric: self.metric,
                    value,
                });
                if seen.is_break() {
                    stop = seen;
                }
            }
            if ended || stop.is_break() || state.step % SAVE_EVERY == 0 {
                checkpoint.save(&state, &trainee, &optimizer)?;
            }
            if stop.is_break() {
                return Err(TrainError::Cancelled);
            }
        }
        Ok(())
    }

    /// Where the best epoch's module is.
    pub(crate) fn best(&self) -> std::path::PathBuf {
        self.folder.join(format!("{}.best", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
    use burn::tensor::TensorData;
    use rand::Rng;

    #[derive(Debug, Module)]
    struct Line {
        linear: Linear,
        dropout: Dropout,
    }

    /// Fits `y = 3 x` with dropout and noise; stops after `steps` steps.
    fn run(folder: &Path, steps: usize) -> Result<(), TrainError> {
        let device = Device::flex().autodiff();
        device.seed(7);
        let items: Vec<usize> = (0..50).collect();
        let stage = Stage {
            name: "line",
            metric: "negative error",
            items: &items,
            epochs: 3,
            batch: 8,
            learning_rate: 0.4,
            weight_decay: 0.01,
            seed: 7,
            folder,
            device: &device,
        };
        let line = Line {
            linear: LinearConfig::new(2, 1).init(&device),
            dropout: DropoutConfig::new(0.2).init(),
        };
        let column = |values: Vec<f32>, width| {
            let rows = values.len() / width;
            Tensor::<2>::from_data(TensorData::new(values, [rows, width]), &device)
        };
        let mut taken = 0;
        stage.train(
            line,
            &mut |seen| {
                taken += usize::from(matches!(seen, Progress::Step { .. }));
                if taken >= steps {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
            |line, batch, rng| {
                let x: Vec<f32> = batch
                    .iter()
                    .flat_map(|&i| [i as f32 / 50.0, rng.random_range(-0.1..0.1)])
                    .collect();
                let y = batch.iter().map(|&i| 3.0 * i as f32 / 50.0).collect();
                let found = line.linear.forward(line.dropout.forward(column(x, 2)));
                Ok((found - column(y, 1)).powi_scalar(2).mean())
            },
            |line| {
                let weight = host(line.linear.weight.val())?[0];
                Ok((-(weight - 3.0).abs(), line.linear.clone()))
            },
        )
    }

    fn weights(folder: &Path) -> Vec<f32> {
        let device = Device::flex();
        let blank = LinearConfig::new(2, 1).init(&device);
        let linear =
            super::super::checkpoint::read_module(&folder.join("line.best"), blank).unwrap();
        host(linear.weight.val()).unwrap()
    }

    #[test]
    fn a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been() {
        let whole = tempfile::tempdir().unwrap();
        run(whole.path(), usize::MAX).unwrap();
        let expected = weights(whole.path());
        assert!((expected[0] - 3.0).abs() < 1.5, "it learns: {expected:?}");
        // Within an epoch, and at an epoch's last step (7 a epoch).
        for stop in [3, 7, 17] {
            let folder = tempfile::tempdir().unwrap();
            assert!(matches!(
                run(folder.path(), stop),
                Err(TrainError::Cancelled)
            ));
            run(folder.path(), usize::MAX).unwrap();
            assert_eq!(weights(folder.path()), expected, "stopped at step {stop}");
        }
    }
}
