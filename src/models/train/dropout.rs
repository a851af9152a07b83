//! Dropout that is the same on any number of threads: burn draws from one source of chance for all of them.

use burn::tensor::{Tensor, TensorData};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers that are drawn for at a time.
const CHUNK: usize = 1 << 12;

/// Leaves out a share of numbers, and makes up for them with the others.
pub(crate) struct Dropout {
    /// Of 65,536.
    share: u32,
    scale: f32,
    rng: ChaCha8Rng,
}

impl Dropout {
    /// `share` is at least 0 and below 1. The same seed leaves out the same.
    pub(crate) fn new(share: f64, seed: u64) -> Self {
        Self {
            share: (share * f64::from(1 << 16)) as u32,
            scale: (1.0 / (1.0 - share)) as f32,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// In place.
    pub(crate) fn apply(&mut self, values: &mut [f32]) {
        if self.share == 0 {
            return;
        }
        let mut drawn = [0; 2 * CHUNK];
        for values in values.chunks_mut(CHUNK) {
            let drawn = &mut drawn[..2 * values.len()];
            self.rng.fill_bytes(drawn);
            for (value, drawn) in values.iter_mut().zip(drawn.as_chunks().0) {
                let is_left = u32::from(u16::from_le_bytes(*drawn)) >= self.share;
                *value *= if is_left { self.scale } else { 0.0 };
            }
        }
    }

    /// Of what takes a gradient.
    pub(crate) fn forward<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        if self.share == 0 {
            return x;
        }
        let (shape, device) = (x.dims(), x.device());
        let mut mask = vec![1.0; shape.iter().product()];
        self.apply(&mut mask);
        x * Tensor::from_data(TensorData::new(mask, shape), &device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::host;
    use burn::tensor::Device;

    #[test]
    fn a_share_is_left_out_and_the_mean_stays() {
        let mut values = vec![1.0; 100_000];
        Dropout::new(0.2, 3).apply(&mut values);
        let left_out = values.iter().filter(|value| **value == 0.0).count();
        assert!((19_000..21_000).contains(&left_out), "{left_out}");
        assert!(values.iter().all(|value| [0.0, 1.25].contains(value)));
        let mut again = vec![1.0; 100_000];
        Dropout::new(0.2, 3).apply(&mut again);
        assert_eq!(values, again);
        Dropout::new(0.2, 4).apply(&mut again);
        assert_ne!(values, again);
    }

    #[test]
    fn without_a_share_nothing_changes() {
        let mut values = vec![0.5; 9];
        Dropout::new(0.0, 3).apply(&mut values);
        assert_eq!(values, [0.5; 9]);
    }

    #[test]
    fn what_is_left_out_takes_no_gradient() {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::ones([1000], &device).require_grad();
        let y = Dropout::new(0.5, 1).forward(x.clone());
        let gradient = host(x.grad(&y.clone().sum().backward()).unwrap());
        assert_eq!(host(y), gradient);
        assert!(gradient.contains(&0.0) && gradient.contains(&2.0));
    }
}
