//! Patch embedding: a convolution whose stride is its kernel, computed as one product.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::linear::Linear;
use super::rows::Rows;
use crate::models::ModelError;
use crate::models::weights::Weights;

/// Pictures cut into squares, each made a token.
#[derive(Debug, Module)]
pub(crate) struct PatchEmbedding {
    projection: Linear,
    patch: usize,
}

impl PatchEmbedding {
    /// `prefix.weight` `[width, 3, patch, patch]` and `prefix.bias` `[width]`.
    pub(crate) fn load(
        prefix: &str,
        patch: usize,
        width: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let kernel = weights.values(&format!("{prefix}.weight"), &[width, 3, patch, patch])?;
        let bias = weights.values(&format!("{prefix}.bias"), &[width])?;
        Ok(Self {
            projection: Linear::new(&kernel, Some(bias), width, weights, device),
            patch,
        })
    }

    /// `[B, 3, S, S]` to `[B * (S / patch)², width]`, patches row by row.
    pub(crate) fn forward(&self, pictures: Tensor<4>) -> Rows {
        let [batch, channels, side, _] = pictures.dims();
        let (patch, grid) = (self.patch, side / self.patch);
        let patches: Tensor<3> = pictures
            .cast(self.projection.dtype())
            .reshape([batch, channels, grid, patch, grid, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, grid * grid, channels * patch * patch]);
        self.projection.forward(&Rows::new(patches))
    }
}
