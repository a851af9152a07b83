//! Swin transformer (Liu et al. 2021) as the image encoder of Tag2Text, RAM and RAM++.

mod config;
#[cfg(test)]
mod shapes;
mod window;

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::patches::PatchEmbedding;
use super::rows::Rows;
use crate::models::ModelError;
use crate::models::weights::Weights;
use config::PATCH;
pub(crate) use config::SwinConfig;
use window::{WindowAttention, Windows, relative_position_index};

const EPSILON: f64 = 1e-5;
/// Width of a feed-forward layer, in widths of its block.
const MLP_RATIO: usize = 4;

/// Attention in windows and a feed-forward layer, each on normalised tokens and added to what came in.
#[derive(Debug, Module)]
struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    attention: WindowAttention,
    proj: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl Block {
    fn forward(&self, x: Rows, batch: usize) -> Rows {
        let packed = self.qkv.forward(&self.norm1.forward(&x));
        let x = self.proj.add_to(x, &self.attention.forward(packed, batch));
        let hidden = self.fc1.forward_gelu(&self.norm2.forward(&x));
        self.fc2.add_to(x, &hidden)
    }
}

/// Patch merging: four neighbours become one token of twice the width.
#[derive(Debug, Module)]
struct Merging {
    norm: LayerNorm,
    reduction: Linear,
}

impl Merging {
    /// `[B * grid², C]` to `[B * grid² / 4, 2 C]`.
    fn forward(&self, x: Rows, batch: usize, grid: usize, device: &Device) -> Rows {
        let [_, width] = x.dims();
        let half = grid / 2;
        // Rows of the square vary faster than its columns, as in the reference.
        let merged: Tensor<3> = x
            .into_tensor(batch, device)
            .reshape([batch, half, 2, half, 2, width])
            .permute([0, 1, 3, 4, 2, 5])
            .reshape([batch, half * half, 4 * width]);
        self.reduction
            .forward(&self.norm.forward(&Rows::new(merged)))
    }
}

#[derive(Debug, Module)]
struct Stage {
    grid: usize,
    blocks: Vec<Block>,
    downsample: Option<Merging>,
}

impl Stage {
    fn load(
        config: &SwinConfig,
        stage: usize,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (grid, width, heads) = (
            config.grid(stage),
            config.width(stage),
            config.num_heads[stage],
        );
        let window = config.window_size.min(grid);
        let windows = |shift| Arc::new(Windows::new(grid, window, shift, device));
        // A grid of one window has nothing to shift.
        let shift = if grid > window { window / 2 } else { 0 };
        let (straight, shifted) = (windows(0), windows(shift));
        let index = Arc::new(relative_position_index(window));
        let linear =
            |prefix: &str, input, output| Linear::load(prefix, input, output, weights, device);
        let block = |block: usize| {
            let prefix = format!("{prefix}.blocks.{block}");
            let norm = |name: &str| {
                LayerNorm::load(&format!("{prefix}.{name}"), width, EPSILON, weights, device)
            };
            let windows = if block.is_multiple_of(2) {
                &straight
            } else {
                &shifted
            };
            Ok(Block {
                norm1: norm("norm1")?,
                qkv: linear(&format!("{prefix}.attn.qkv"), width, 3 * width)?,
                attention: WindowAttention::load(
                    &format!("{prefix}.attn"),
                    heads,
                    windows.clone(),
                    index.clone(),
                    weights,
                    device,
                )?,
                proj: linear(&format!("{prefix}.attn.proj"), width, width)?,
                norm2: norm("norm2")?,
                fc1: linear(&format!("{prefix}.mlp.fc1"), width, MLP_RATIO * width)?,
                fc2: linear(&format!("{prefix}.mlp.fc2"), MLP_RATIO * width, width)?,
            })
        };
        let merging = || {
            let (norm, reduction) = (
                format!("{prefix}.downsample.norm"),
                format!("{prefix}.downsample.reduction"),
            );
            Ok::<_, ModelError>(Merging {
                norm: LayerNorm::load(&norm, 4 * width, EPSILON, weights, device)?,
                reduction: Linear::load_without_bias(
                    &reduction,
                    4 * width,
                    2 * width,
                    weights,
                    device,
                )?,
            })
        };
        let last = stage + 1 == config.depths.len();
        Ok(Self {
            grid,
            blocks: (0..config.depths[stage])
                .map(block)
                .collect::<Result<_, ModelError>>()?,
            downsample: if last { None } else { Some(merging()?) },
        })
    }

    fn forward(&self, x: Rows, batch: usize, device: &Device) -> Rows {
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| block.forward(x, batch));
        match &self.downsample {
            Some(merging) => merging.forward(x, batch, self.grid, device),
            None => x,
        }
    }
}

/// The network.
#[derive(Debug, Module)]
pub(crate) struct Swin {
    patch_embed: PatchEmbedding,
    patch_norm: LayerNorm,
    stages: Vec<Stage>,
    norm: LayerNorm,
}

impl Swin {
    /// Takes the parameters below `prefix`. Bias tables of another window size are interpolated.
    pub(crate) fn load(
        config: &SwinConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let norm = |name: &str, width| {
            LayerNorm::load(&format!("{prefix}.{name}"), width, EPSILON, weights, device)
        };
        Ok(Self {
            patch_embed: PatchEmbedding::load(
                &format!("{prefix}.patch_embed.proj"),
                PATCH,
                config.embed_dim,
                weights,
                device,
            )?,
            patch_norm: norm("patch_embed.norm", config.embed_dim)?,
            stages: (0..config.depths.len())
                .map(|stage| {
                    Stage::load(
                        config,
                        stage,
                        &format!("{prefix}.layers.{stage}"),
                        weights,
                        device,
                    )
                })
                .collect::<Result<_, _>>()?,
            norm: norm("norm", config.vision_width)?,
        })
    }

    /// Normalised pictures `[B, 3, S, S]` to image tokens `[B, 1 + N, C]`: the mean of the grid's tokens, then the grid
    /// row by row.
    pub(crate) fn forward(&self, pictures: Tensor<4>) -> Tensor<3> {
        let (batch, device) = (pictures.dims()[0], pictures.device());
        let x = self.embed(pictures);
        let x = self
            .stages
            .iter()
            .fold(x, |x, stage| stage.forward(x, batch, &device));
        let grid = self.norm.forward(&x).into_tensor(batch, &device);
        Tensor::cat(vec![grid.clone().mean_dim(1), grid], 1)
    }

    fn embed(&self, pictures: Tensor<4>) -> Rows {
        self.patch_norm.forward(&self.patch_embed.forward(pictures))
    }
}

#[cfg(test)]
mod tests;
