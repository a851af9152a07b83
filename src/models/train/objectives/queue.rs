//! Features of earlier batches, as negatives for the contrastive loss (Li et al. 2021).

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::PairFeatures;
use crate::models::aligner::unit;
use crate::models::train::matrix;

/// A ring of features that momentum encoders made; the newest batch takes the place of the oldest. No gradient reaches them.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// `[Q, D]`.
    images: Tensor<2>,
    /// `[Q, D]`.
    texts: Tensor<2>,
    /// The picture of each entry; none where it is random.
    owners: Vec<Option<usize>>,
    /// The entry that is replaced next.
    next: usize,
}

impl Queue {
    /// From rows `[Q, D]` of unit length and the picture of each.
    pub(crate) fn new(images: Tensor<2>, texts: Tensor<2>, owners: Vec<Option<usize>>) -> Self {
        Self {
            images: images.detach(),
            texts: texts.detach(),
            owners,
            next: 0,
        }
    }

    /// `length` random directions of `width` dimensions, which are nobody's: what the reference starts with (57,600 of 256).
    pub(crate) fn random(length: usize, width: usize, seed: u64, device: &Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut rows = || {
            let values = (0..length * width).map(|_| rng.random_range(-1.0..1.0));
            unit(matrix(values.collect(), width, device))
        };
        Self::new(rows(), rows(), vec![None; length])
    }

    /// `[Q, D]`.
    pub(crate) fn images(&self) -> &Tensor<2> {
        &self.images
    }

    /// `[Q, D]`.
    pub(crate) fn texts(&self) -> &Tensor<2> {
        &self.texts
    }

    /// The picture of each entry; none where it is random.
    pub(crate) fn owners(&self) -> &[Option<usize>] {
        &self.owners
    }

    /// The entry that is replaced next.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Takes in the features that momentum encoders made of a batch, whose pictures are `owners`.
    pub(crate) fn push(&mut self, features: &PairFeatures, owners: &[usize]) {
        let (length, [_, width]) = (self.owners.len(), self.images.dims());
        let mut done = 0;
        while done < owners.len() && length > 0 {
            // Up to the end of the ring.
            let count = (length - self.next).min(owners.len() - done);
            let (from, to) = (done..done + count, self.next..self.next + count);
            for (ring, rows) in [
                (&mut self.images, &features.images),
                (&mut self.texts, &features.texts),
            ] {
                let rows = rows.clone().detach().slice([from.clone(), 0..width]);
                // Taken out, the ring belongs to nobody else and is changed in place.
                let whole = std::mem::replace(ring, rows.clone());
                *ring = whole.slice_assign([to.clone(), 0..width], rows);
            }
            for (place, owner) in self.owners[to].iter_mut().zip(&owners[from]) {
                *place = Some(*owner);
            }
            self.next = (self.next + count) % length;
            done += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::host;

    #[test]
    fn the_newest_take_the_place_of_the_oldest() {
        let device = Device::flex();
        let mut queue = Queue::random(5, 2, 7, &device);
        let lengths = host(queue.images().clone().powi_scalar(2).sum_dim(1));
        assert!(lengths.iter().all(|length| (length - 1.0).abs() < 1e-5));
        assert_eq!(queue.owners(), [None; 5]);
        let batch = |first: usize, count: usize| {
            let rows = |sign: f32| {
                let values: Vec<f32> = (first..first + count)
                    .flat_map(|i| [sign * i as f32; 2])
                    .collect();
                Tensor::<1>::from_floats(values.as_slice(), &device).reshape([count, 2])
            };
            let owners: Vec<usize> = (first..first + count).collect();
            let features = PairFeatures {
                images: rows(1.0),
                texts: rows(-1.0),
            };
            (features, owners)
        };
        let mut push = |first, count| {
            let (features, owners) = batch(first, count);
            queue.push(&features, &owners);
            let column = |rows: &Tensor<2>| -> Vec<f32> {
                host(rows.clone()).into_iter().step_by(2).collect()
            };
            let owners: Vec<usize> = queue.owners().iter().flatten().copied().collect();
            let [images, texts] = [column(queue.images()), column(queue.texts())];
            if owners.len() == 5 {
                for (at, owner) in owners.iter().enumerate() {
                    assert_eq!([images[at], texts[at]], [*owner as f32, -(*owner as f32)]);
                }
            }
            owners
        };
        assert_eq!(push(10, 3), [10, 11, 12]);
        assert_eq!(push(20, 3), [22, 11, 12, 20, 21]);
        // More than the ring holds.
        assert_eq!(push(30, 7), [34, 35, 36, 32, 33]);
    }
}
