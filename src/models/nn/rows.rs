//! Activations between the layers of a transformer: rows of features, one a token.

use std::mem::MaybeUninit;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::models::device::is_cpu;

/// `[R, C]`: rows of `C` features; those of a batch follow one another.
///
/// On the CPU they are plain memory, on which the layers work without burn: a tensor cannot be read without giving it up,
/// and a pass over memory for every bias, residual and activation costs a third of a network's time.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Few are alive at a time.
pub(crate) enum Rows {
    /// In main memory.
    Host {
        /// `R * C` values, row by row.
        values: Vec<f32>,
        /// `C`.
        width: usize,
    },
    /// On another device, or recorded for gradients.
    Device(Tensor<2>),
}

impl Rows {
    /// Takes `[B, N, C]`; nothing is copied when nobody else holds it.
    pub(crate) fn new(tensor: Tensor<3>) -> Self {
        let [batch, length, width] = tensor.dims();
        if !on_host(&tensor.device()) {
            return Self::Device(tensor.reshape([batch * length, width]));
        }
        match tensor.into_data().try_into_vec::<f32>() {
            Ok(values) => Self::Host { values, width },
            Err(_) => unreachable!("the CPU backend computes in f32"),
        }
    }

    /// `[batch, R / batch, C]`, on `device`, where the rows came from.
    pub(crate) fn into_tensor(self, batch: usize, device: &Device) -> Tensor<3> {
        let [count, width] = self.dims();
        let shape = [batch, count / batch, width];
        match self {
            Self::Host { values, .. } => Tensor::from_data(TensorData::new(values, shape), device),
            Self::Device(tensor) => tensor.reshape(shape),
        }
    }

    /// The first row of each of `batch` sequences.
    pub(super) fn first_of_each(&self, batch: usize) -> Self {
        match self {
            Self::Host { values, width } => Self::Host {
                values: values
                    .chunks_exact(values.len() / batch)
                    .flat_map(|sequence| &sequence[..*width])
                    .copied()
                    .collect(),
                width: *width,
            },
            Self::Device(tensor) => {
                let [count, width] = tensor.dims();
                let sequences = tensor.clone().reshape([batch, count / batch, width]);
                Self::Device(sequences.narrow(1, 0, 1).squeeze_dim(1))
            }
        }
    }

    /// Each of `groups` equal parts `copies` times, one after another.
    pub(super) fn repeat(self, groups: usize, copies: usize) -> Self {
        match self {
            Self::Host { values, width } => Self::Host {
                values: values
                    .chunks_exact(values.len() / groups)
                    .flat_map(|group| std::iter::repeat_n(group, copies))
                    .flatten()
                    .copied()
                    .collect(),
                width,
            },
            Self::Device(tensor) => {
                let [count, width] = tensor.dims();
                let parts = tensor.reshape([groups, 1, count / groups, width]);
                let repeated = parts.repeat_dim(1, copies);
                Self::Device(repeated.reshape([count * copies, width]))
            }
        }
    }

    /// `[R, C]`.
    pub(crate) fn dims(&self) -> [usize; 2] {
        match self {
            Self::Host { values, width } => [values.len() / width, *width],
            Self::Device(tensor) => tensor.dims(),
        }
    }
}

/// Whether layers compute on plain memory: the CPU, unless gradients are recorded.
pub(crate) fn on_host(device: &Device) -> bool {
    !device.is_autodiff() && is_cpu(device)
}

/// Rows that each thread works on, so that all have the same to do: `rows` shared out evenly, but never fewer than pay for
/// preparing the other operand.
pub(super) fn share(rows: usize) -> usize {
    const LEAST: usize = 16;
    rows.div_ceil(rayon::current_num_threads()).max(LEAST)
}

/// `count` rows of `width` values, a [`share`] a thread: `fill` is given the number of its first row and the place of its
/// rows, and returns that place filled. Memory is not cleared first: that pass would be a tenth of a product's time.
pub(super) fn build(
    count: usize,
    width: usize,
    fill: impl for<'o> Fn(usize, &'o mut [MaybeUninit<f32>]) -> &'o mut [f32] + Sync,
) -> Vec<f32> {
    let share = share(count);
    let mut values = Vec::with_capacity(count * width);
    values.spare_capacity_mut()[..count * width]
        .par_chunks_mut(share * width)
        .enumerate()
        .for_each(|(index, place)| {
            let length = place.len();
            let filled = fill(index * share, place);
            assert_eq!(filled.len(), length, "a share of rows is filled");
        });
    // SAFETY: the shares cover every value, and each came back as initialised values.
    unsafe { values.set_len(count * width) };
    values
}
