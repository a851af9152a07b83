//! The uppermost blocks of the image encoder as they are tuned.
//!
//! Everything is a product of matrices, channels first: pointwise convolutions by nature, and depthwise ones because each
//! channel's is one linear map of its few positions. Their gradients are then products as well. Depthwise filters stay as they
//! are: they hold a fiftieth of the weights.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::stored::StoredTensor;
use crate::models::ModelError;
use crate::models::backbone::{PEAKS, host};
use crate::models::nn::{BlockShape, EfficientNetConfig};
use crate::models::weights::Weights;

/// A pointwise convolution.
#[derive(Debug, Module)]
struct Pointwise {
    /// `[outputs, inputs]`
    weight: Param<Tensor<2>>,
    /// `[outputs, 1]`
    bias: Param<Tensor<2>>,
}

impl Pointwise {
    fn load(
        name: &str,
        [outputs, inputs]: [usize; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let weight = weights.values(&format!("{name}.weight"), &[outputs, inputs, 1, 1])?;
        let bias = weights.values(&format!("{name}.bias"), &[outputs])?;
        let param = |values, shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
        };
        Ok(Self {
            weight: param(weight, [outputs, inputs]),
            bias: param(bias, [outputs, 1]),
        })
    }

    /// `[inputs, B, N]` to `[outputs, B, N]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [inputs, batch, positions] = x.dims();
        let flat = x.reshape([inputs, batch * positions]);
        let y = self.weight.val().matmul(flat) + self.bias.val();
        let [outputs, _] = y.dims();
        y.reshape([outputs, batch, positions])
    }

    fn stored(&self, name: &str) -> Result<[StoredTensor; 2], ModelError> {
        let [outputs, inputs] = self.weight.dims();
        Ok([
            StoredTensor {
                name: format!("{name}.weight"),
                shape: vec![outputs, inputs, 1, 1],
                values: host(self.weight.val())?,
            },
            StoredTensor {
                name: format!("{name}.bias"),
                shape: vec![outputs],
                values: host(self.bias.val())?,
            },
        ])
    }
}

/// The pointwise convolutions of a block.
#[derive(Debug, Module)]
struct Block {
    expand: Pointwise,
    project: Pointwise,
}

/// Pointwise convolutions of the uppermost blocks, and the head above them.
#[derive(Debug, Module)]
pub(crate) struct TunedBlocks {
    blocks: Vec<Block>,
    head: Pointwise,
}

/// Depthwise convolution of a block as a map from the positions below to those above, for each channel.
#[derive(Debug)]
struct Depthwise {
    /// `[channels, positions below, positions above]`
    map: Tensor<3>,
    /// `[channels, 1, 1]`
    bias: Tensor<3>,
    residual: bool,
}

/// What is not tuned of the uppermost blocks.
#[derive(Debug)]
pub(crate) struct FixedParts(Vec<Depthwise>);

/// The uppermost `count` blocks of an image encoder that read maps of `side` positions a side.
pub(crate) fn load(
    config: &EfficientNetConfig,
    count: usize,
    mut side: usize,
    weights: &Weights<'_>,
    device: &Device,
) -> Result<(TunedBlocks, FixedParts), ModelError> {
    let shapes = config.blocks();
    let first = shapes.len().saturating_sub(count);
    let (mut blocks, mut fixed) = (Vec::new(), Vec::new());
    let mut outputs = 0;
    for (index, shape) in shapes.iter().enumerate().skip(first) {
        let name = |part: &str| format!("image_encoder.blocks.{index}.{part}");
        let pointwise = |part: &str, shape| Pointwise::load(&name(part), shape, weights, device);
        let BlockShape { hidden, kernel, .. } = *shape;
        blocks.push(Block {
            expand: pointwise("expand", [hidden, shape.input])?,
            project: pointwise("project", [shape.output, hidden])?,
        });
        let filters = weights.values(
            &format!("{}.weight", name("depthwise")),
            &[hidden, 1, kernel, kernel],
        )?;
        let above = side.div_ceil(shape.stride);
        let map = positions_map(&filters, kernel, shape.stride, side, above);
        let bias = weights.values(&format!("{}.bias", name("depthwise")), &[hidden])?;
        let tensor =
            |values, shape: [usize; 3]| Tensor::from_data(TensorData::new(values, shape), device);
        fixed.push(Depthwise {
            map: tensor(map, [hidden, side * side, above * above]),
            bias: tensor(bias, [hidden, 1, 1]),
            residual: shape.residual(),
        });
        (side, outputs) = (above, shape.output);
    }
    let head = "image_encoder.head";
    let head = Pointwise::load(head, [config.features, outputs], weights, device)?;
    Ok((TunedBlocks { blocks, head }, FixedParts(fixed)))
}

/// Square depthwise filters, padded as TensorFlow's `SAME`, as matrices `[channels, side * side, above * above]`.
fn positions_map(
    filters: &[f32],
    kernel: usize,
    stride: usize,
    side: usize,
    above: usize,
) -> Vec<f32> {
    let padding = ((above - 1) * stride + kernel).saturating_sub(side) / 2;
    let area = side * side * above * above;
    let mut maps = vec![0.0; filters.len() / (kernel * kernel) * area];
    for (filter, map) in filters
        .chunks_exact(kernel * kernel)
        .zip(maps.chunks_exact_mut(area))
    {
        for to in 0..above * above {
            let (top, left) = (to / above * stride, to % above * stride);
            for (at, &value) in filter.iter().enumerate() {
                let (row, column) = (top + at / kernel, left + at % kernel);
                let inside = padding..side + padding;
                if inside.contains(&row) && inside.contains(&column) {
                    let from = (row - padding) * side + column - padding;
                    map[from * above * above + to] = value;
                }
            }
        }
    }
    maps
}

impl TunedBlocks {
    /// Feature maps `[channels, B, N]` to those above the head, `[features, B, N']`.
    pub(crate) fn forward(&self, mut x: Tensor<3>, fixed: &FixedParts) -> Tensor<3> {
        for (block, depthwise) in self.blocks.iter().zip(&fixed.0) {
            let hidden = relu6(block.expand.forward(x.clone()));
            let hidden = relu6(hidden.matmul(depthwise.map.clone()) + depthwise.bias.clone());
            let out = block.project.forward(hidden);
            x = if depthwise.residual { out + x } else { out };
        }
        relu6(self.head.forward(x))
    }

    /// The tensors that were tuned, under the names of a bundle.
    pub(crate) fn stored(&self, of: usize) -> Result<Vec<StoredTensor>, ModelError> {
        let first = of - self.blocks.len();
        let mut tensors = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let name = format!("image_encoder.blocks.{}", first + index);
            tensors.extend(block.expand.stored(&format!("{name}.expand"))?);
            tensors.extend(block.project.stored(&format!("{name}.project"))?);
        }
        tensors.extend(self.head.stored("image_encoder.head")?);
        Ok(tensors)
    }
}

fn relu6(x: Tensor<3>) -> Tensor<3> {
    x.clamp(0.0, 6.0)
}

/// Mean `[B, C]` and mean of the strongest positions `[B, C]` of feature maps `[C, B, N]`.
pub(crate) fn pool(maps: Tensor<3>) -> Result<[Tensor<2>; 2], ModelError> {
    let [channels, batch, positions] = maps.dims();
    let values = host(maps.clone().detach())?;
    let shares = Tensor::from_data(
        TensorData::new(
            peak_shares(&values, positions),
            [channels, batch, positions],
        ),
        &maps.device(),
    );
    let over = |maps: Tensor<3>| maps.sum_dim(2).reshape([channels, batch]).transpose();
    Ok([over(maps.clone()) / positions as f64, over(maps * shares)])
}

/// What each position adds to the mean of its row's strongest: nothing, or the same share as the others. `positions` a row.
fn peak_shares(values: &[f32], positions: usize) -> Vec<f32> {
    let kept = PEAKS.min(positions);
    let mut shares = vec![0.0; values.len()];
    values
        .par_chunks_exact(positions)
        .zip(shares.par_chunks_exact_mut(positions))
        .for_each(|(row, shares)| {
            let mut sorted = row.to_vec();
            let (_, &mut least, _) = sorted.select_nth_unstable_by(kept - 1, |a, b| b.total_cmp(a));
            let mut left = kept;
            for (&value, share) in row.iter().zip(&mut *shares) {
                if value > least {
                    *share = 1.0 / kept as f32;
                    left -= 1;
                }
            }
            // Of equals, the first: their mean is the same whichever are taken.
            let equals = row.iter().zip(shares).filter(|(value, _)| **value == least);
            for (_, share) in equals.take(left) {
                *share = 1.0 / kept as f32;
            }
        });
    shares
}

#[cfg(test)]
mod tests;
