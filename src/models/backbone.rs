//! The image encoder of the built-in model, with the classifier it was pretrained with.

use std::borrow::Borrow;

use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::ModelError;
use super::device::is_cpu;
use super::manifest::Manifest;
use super::nn::EfficientNet;
use super::weights::Weights;
use crate::media::Pixels;

/// Strongest grid positions that the peak pooling averages: pooling that keeps local peaks is worth five points of
/// recall over the mean alone, measured on the validation pictures.
pub(crate) const PEAKS: usize = 8;

/// Pictures a task encodes on the CPU.
const PART: usize = 4;

/// What the network was trained with: `(x - 127) / 128`.
const PIXEL_MEAN: f32 = 127.0;
const PIXEL_SCALE: f32 = 128.0;

/// EfficientNet-Lite and its ImageNet classifier.
#[derive(Debug)]
pub(crate) struct ImageBackbone {
    network: EfficientNet,
    classifier: Linear,
    side: usize,
    positions: usize,
    channels: usize,
    device: Device,
}

/// What the backbone sees in a batch of `B` pictures.
#[derive(Clone, Debug)]
pub(crate) struct ImageTokens {
    /// `[B, 1 + N, C]`: the mean of the grid, then the grid row by row.
    pub(crate) tokens: Tensor<3>,
    /// `[B, 2 C]`: the mean of the grid, and the mean of each channel's strongest positions.
    pub(crate) pooled: Tensor<2>,
    /// `[B, K]`: probabilities of the classifier.
    pub(crate) classes: Tensor<2>,
}

impl ImageBackbone {
    pub(crate) fn load(
        manifest: &Manifest,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let config = &manifest.image_encoder;
        Ok(Self {
            network: EfficientNet::load(config, weights, device)?,
            classifier: weights.linear("classifier", config.features, manifest.classes, device)?,
            side: config.image_size,
            positions: config.grid() * config.grid(),
            channels: config.features,
            device: device.clone(),
        })
    }

    /// Encodes pictures of the network's input size.
    pub(crate) fn forward<P: Borrow<Pixels>>(
        &self,
        pictures: &[P],
    ) -> Result<ImageTokens, ModelError> {
        let map = self.network.forward(self.planes(pictures)?);
        self.tokens(map)
    }

    /// What the uppermost `blocks` of the network read: a feature map `[B, channels, height, width]`.
    #[cfg(feature = "train")]
    pub(crate) fn below<P: Borrow<Pixels>>(
        &self,
        pictures: &[P],
        blocks: usize,
    ) -> Result<Tensor<4>, ModelError> {
        let cut = self.network.len().saturating_sub(blocks);
        Ok(self.network.below(self.planes(pictures)?, cut))
    }

    /// Goes on from [`ImageBackbone::below`].
    #[cfg(feature = "train")]
    pub(crate) fn above(&self, map: Tensor<4>, blocks: usize) -> Result<ImageTokens, ModelError> {
        let cut = self.network.len().saturating_sub(blocks);
        self.tokens(self.network.above(map, cut))
    }

    /// Normalised pixels `[B, 3, S, S]`.
    fn planes<P: Borrow<Pixels>>(&self, pictures: &[P]) -> Result<Tensor<4>, ModelError> {
        let area = self.side * self.side;
        let mut input = vec![0.0; pictures.len() * 3 * area];
        for (picture, planes) in pictures.iter().zip(input.chunks_exact_mut(3 * area)) {
            let picture = picture.borrow();
            if picture.side() as usize != self.side {
                return Err(ModelError::InputSize {
                    expected: self.side as u32,
                    found: picture.side(),
                });
            }
            for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
                for (value, rgb) in plane.iter_mut().zip(picture.data().chunks_exact(3)) {
                    *value = (f32::from(rgb[channel]) - PIXEL_MEAN) / PIXEL_SCALE;
                }
            }
        }
        let shape = [pictures.len(), 3, self.side, self.side];
        Ok(Tensor::from_data(
            TensorData::new(input, shape),
            &self.device,
        ))
    }

    /// The last feature map as tokens.
    fn tokens(&self, map: Tensor<4>) -> Result<ImageTokens, ModelError> {
        let [batch, channels, height, width] = map.dims();
        let tokens = map
            .reshape([batch, channels, height * width])
            .swap_dims(1, 2);
        self.describe(tokens)
    }

    /// Pools grid tokens `[B, N, C]`.
    pub(crate) fn describe(&self, grid: Tensor<3>) -> Result<ImageTokens, ModelError> {
        let [batch, positions, channels] = grid.dims();
        let mean = grid.clone().mean_dim(1);
        let values = host(grid.clone().reshape([batch * positions, channels]))?;
        let mut peaks = Vec::with_capacity(batch * channels);
        for picture in values.chunks_exact(positions * channels) {
            peaks.extend(peak_mean(picture, channels));
        }
        let peaks = TensorData::new(peaks, [batch, channels]);
        let peaks = Tensor::from_data(peaks, (&self.device, mean.dtype()));
        let flat = mean.clone().squeeze_dim::<2>(1);
        Ok(ImageTokens {
            tokens: Tensor::cat(vec![mean, grid], 1),
            pooled: Tensor::cat(vec![flat.clone(), peaks], 1),
            classes: softmax(self.classifier.forward(flat), 1),
        })
    }

    /// Grid positions of a picture.
    pub(crate) fn positions(&self) -> usize {
        self.positions
    }

    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Weights of the classifier `[C, K]`: row sums of features that stand for a class without a picture.
    pub(crate) fn classifier(&self) -> &Linear {
        &self.classifier
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Encodes a batch; results of its parts, in order. On the CPU whole pictures are a better unit of parallel work than the
    /// rows of each operation, many of which run on one thread; a GPU takes all at once.
    pub(crate) fn in_parts<T: Sync, R: Send, E: Send>(
        &self,
        batch: &[T],
        encode: impl Fn(&[T]) -> Result<R, E> + Sync + Send,
    ) -> Result<Vec<R>, E> {
        let part = if is_cpu(&self.device) {
            PART
        } else {
            batch.len().max(1)
        };
        batch.par_chunks(part).map(encode).collect()
    }
}

/// Values of a tensor on the host, whatever its precision.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    tensor
        .into_data()
        .convert::<f32>()
        .try_into_vec::<f32>()
        .map_err(|source| ModelError::Device {
            reason: format!("{source:?}"),
        })
}

/// Mean of the `PEAKS` greatest values of each column of a row-major `[N, C]` grid.
fn peak_mean(grid: &[f32], channels: usize) -> Vec<f32> {
    let rows = grid.len() / channels;
    let kept = PEAKS.min(rows);
    // One sorted run of `kept` values a channel, kept in order by insertion: the inner loop runs over channels, so it
    // vectorises, and no column is ever gathered.
    let mut best = vec![f32::NEG_INFINITY; kept * channels];
    for row in grid.chunks_exact(channels) {
        let mut incoming = row.to_vec();
        for level in best.chunks_exact_mut(channels) {
            for (held, new) in level.iter_mut().zip(&mut incoming) {
                let (high, low) = (held.max(*new), held.min(*new));
                *held = high;
                *new = low;
            }
        }
    }
    let mut mean = vec![0.0; channels];
    for level in best.chunks_exact(channels) {
        for (sum, value) in mean.iter_mut().zip(level) {
            *sum += value;
        }
    }
    mean.iter_mut().for_each(|sum| *sum /= kept as f32);
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_the_greatest_values_of_each_column() {
        let channels = 3;
        let grid: Vec<f32> = (0..20)
            .flat_map(|row| [row as f32, -(row as f32), (row * 7 % 20) as f32])
            .collect();
        let expected = |mut column: Vec<f32>| {
            column.sort_by(|a, b| b.total_cmp(a));
            column[..PEAKS].iter().sum::<f32>() / PEAKS as f32
        };
        let columns: Vec<f32> = (0..channels)
            .map(|c| expected(grid.iter().skip(c).step_by(channels).copied().collect()))
            .collect();
        assert_eq!(peak_mean(&grid, channels), columns);
    }

    #[test]
    fn fewer_positions_than_peaks_average_to_the_mean() {
        assert_eq!(peak_mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
    }
}
