//! What a step of training came to.
//!
//! burn's CPU backend shares matrix products out among threads and does little else on more than one, so a step whose loss is a sum
//! is computed in parts, each on a thread of its own.

use std::iter::Enumerate;
use std::sync::{Mutex, PoisonError};
use std::{thread, vec};

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};

use super::TrainError;
use crate::models::ModelError;
use crate::models::backbone::host;
use crate::models::device::is_cpu;

/// Loss and gradients of a step.
pub(crate) struct Learned {
    pub(crate) loss: f32,
    pub(crate) gradients: GradientsParams,
}

impl Learned {
    /// Of a loss whose graph reaches back to the parameters of `module`.
    pub(crate) fn of<M: Module>(loss: Tensor<1>, module: &M) -> Result<Self, ModelError> {
        Ok(Self {
            loss: host(loss.clone())?[0],
            gradients: GradientsParams::from_grads(loss.backward(), module),
        })
    }

    /// The sum of what `learn` makes of the parts, each with a copy of `module`. The number of threads changes nothing in it.
    pub(crate) fn of_parts<M: Module, P: Send>(
        module: &M,
        parts: impl IntoIterator<Item = P>,
        device: &Device,
        learn: impl Fn(&M, P) -> Result<Self, TrainError> + Sync,
    ) -> Result<Self, TrainError> {
        let learned = in_parts(module, parts, device, learn)?;
        let mut gradients = GradientsAccumulator::new();
        let mut loss = 0.0;
        for part in learned {
            loss += part.loss;
            gradients.accumulate(module, part.gradients);
        }
        Ok(Self {
            loss,
            gradients: gradients.grads(),
        })
    }
}

/// What `compute` makes of each part with a copy of `module`, in order. Operations are recorded in one graph a copy: threads that
/// record in the same one wait for each other.
pub(crate) fn in_parts<M: Module, P: Send, R: Send>(
    module: &M,
    parts: impl IntoIterator<Item = P>,
    device: &Device,
    compute: impl Fn(&M, P) -> Result<R, TrainError> + Sync,
) -> Result<Vec<R>, TrainError> {
    let copies = parts
        .into_iter()
        .map(|part| (module.clone().fork(device), part));
    let copies: Vec<(M, P)> = copies.collect();
    if !is_cpu(device) {
        let copies = copies.into_iter();
        return copies
            .map(|(module, part)| compute(&module, part))
            .collect();
    }
    let threads = rayon::current_num_threads().min(copies.len());
    let queue = Mutex::new(copies.into_iter().enumerate());
    let work = || {
        let next = || next(&queue);
        let computed = std::iter::from_fn(next);
        computed
            .map(|(index, (module, part))| (index, compute(&module, part)))
            .collect::<Vec<_>>()
    };
    // Not on the threads that products are shared out to: one that waits for its share would begin another part meanwhile, and the
    // memory of both would be held.
    let mut all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let finished = workers.into_iter().map(|worker| match worker.join() {
            Ok(computed) => computed,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        finished.flatten().collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

fn next<T>(queue: &Mutex<Enumerate<vec::IntoIter<T>>>) -> Option<(usize, T)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Distribution;

    #[test]
    fn the_sum_of_the_parts_is_the_whole() {
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(3, 2).init(&device);
        let x = Tensor::<2>::random([11, 3], Distribution::Default, &device);
        let loss = |linear: &Linear, x: Tensor<2>| linear.forward(x).powi_scalar(2).sum();
        let whole = Learned::of(loss(&linear, x.clone()), &linear).unwrap();
        let learn = |linear: &Linear, x| Ok(Learned::of(loss(linear, x), linear)?);
        let parts = || x.clone().split(2, 0);
        let found = Learned::of_parts(&linear, parts(), &device, learn).unwrap();
        let again = Learned::of_parts(&linear, parts(), &device, learn).unwrap();
        assert!((found.loss - whole.loss).abs() < 1e-4);
        let gradient = |learned: &Learned| {
            host(learned.gradients.get::<2>(linear.weight.id).unwrap()).unwrap()
        };
        for (part, whole) in gradient(&found).iter().zip(gradient(&whole)) {
            assert!((part - whole).abs() < 1e-4, "{part} {whole}");
        }
        assert_eq!(gradient(&found), gradient(&again));
    }

    #[test]
    fn results_keep_their_order_and_an_error_is_passed_on() {
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(3, 2).init(&device);
        let found = in_parts(&linear, 0..40, &device, |_, part| Ok(part * 2)).unwrap();
        assert!(found.into_iter().eq((0..40).map(|part| part * 2)));
        let found = in_parts(&linear, 0..40, &device, |_, part| match part {
            7 => Err(TrainError::NothingToLearn { reason: "seven" }),
            _ => Ok(()),
        });
        assert!(found.unwrap_err().to_string().contains("seven"));
    }
}
