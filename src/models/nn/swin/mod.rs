//! Swin transformer (Liu et al. 2021) as the image encoder of Tag2Text, RAM and RAM++.

#[cfg(test)]
mod shapes;
mod window;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::patches::PatchEmbedding;
use super::rows::Rows;
use crate::models::ModelError;
use crate::models::weights::Weights;
use window::{WindowAttention, Windows, relative_position_index};

/// Pixels along an edge of a patch.
const PATCH: usize = 4;
const EPSILON: f64 = 1e-5;
/// Width of a feed-forward layer, in widths of its block.
const MLP_RATIO: usize = 4;

/// Shape of the network, in the words of the checkpoints' `config_swin*.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct SwinConfig {
    /// Side of the input, in pixels.
    pub(crate) image_res: usize,
    /// Width of the image tokens.
    pub(crate) vision_width: usize,
    /// Width of the first stage; each further one is twice as wide.
    pub(crate) embed_dim: usize,
    /// Blocks of each stage.
    pub(crate) depths: Vec<usize>,
    /// Attention heads of each stage.
    pub(crate) num_heads: Vec<usize>,
    /// Tokens along an edge of a window.
    pub(crate) window_size: usize,
}

impl SwinConfig {
    /// Tokens along an edge of a stage's grid.
    fn grid(&self, stage: usize) -> usize {
        self.image_res / PATCH >> stage
    }

    fn width(&self, stage: usize) -> usize {
        self.embed_dim << stage
    }

    /// Tokens of a picture: the mean and the grid of the last stage.
    pub(crate) fn tokens(&self) -> usize {
        1 + self.grid(self.depths.len() - 1).pow(2)
    }

    fn check(&self) -> Result<(), ModelError> {
        let fail = |reason: String| {
            Err(ModelError::Config {
                network: "Swin",
                reason,
            })
        };
        let stages = self.depths.len();
        if stages == 0 || stages > 8 || stages != self.num_heads.len() {
            return fail(format!(
                "{stages} depths with {} num_heads",
                self.num_heads.len()
            ));
        }
        if self.embed_dim == 0 || self.vision_width != self.width(stages - 1) {
            return fail(format!(
                "embed_dim {} with vision_width {} in {stages} stages",
                self.embed_dim, self.vision_width
            ));
        }
        if self.grid(0) == 0 || !self.image_res.is_multiple_of(PATCH << (stages - 1)) {
            return fail(format!("image_res {} with {stages} stages", self.image_res));
        }
        for (stage, heads) in self.num_heads.iter().enumerate() {
            let window = self.window_size.min(self.grid(stage));
            if window == 0 || !self.grid(stage).is_multiple_of(window) {
                return fail(format!(
                    "window_size {} on a grid of {}",
                    self.window_size,
                    self.grid(stage)
                ));
            }
            if *heads == 0 || !self.width(stage).is_multiple_of(*heads) {
                return fail(format!("{heads} heads of a width of {}", self.width(stage)));
            }
        }
        Ok(())
    }
}

/// Attention in windows and a feed-forward layer, each on normalised tokens and added to what came in.
#[derive(Debug)]
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
#[derive(Debug)]
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

#[derive(Debug)]
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
            let windows = if block % 2 == 0 { &straight } else { &shifted };
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
#[derive(Debug)]
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
mod tests {
    use super::*;
    use crate::models::generated::Generated;
    use crate::models::golden::{Golden, devices, host};
    use crate::models::weights::Layout;

    const GOLDEN: &[u8] =
        include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
    const WINDOW_12: &[u8] =
        include_bytes!("../../../../tests/fixtures/golden/swin_window12_golden.safetensors");

    fn mini(window_size: usize) -> SwinConfig {
        SwinConfig {
            image_res: 192,
            vision_width: 128,
            embed_dim: 16,
            depths: vec![2; 4],
            num_heads: vec![1, 2, 4, 8],
            window_size,
        }
    }

    fn load(config: &SwinConfig, prefix: &str, device: &Device) -> Swin {
        let weights = Weights::new(Generated::new("", config.shapes(prefix)), Layout::Torch);
        let swin = Swin::load(config, prefix, &weights, device).unwrap();
        weights.finish().unwrap();
        swin
    }

    #[test]
    fn every_stage_equals_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for device in devices() {
            let swin = load(&mini(6), "visual_encoder", &device);
            let batch = 2;
            let first = |x: &Rows| {
                let [count, width] = x.dims();
                let values = match x {
                    Rows::Host { values, .. } => values.clone(),
                    Rows::Device(tensor) => host(tensor.clone()),
                };
                let length = count / batch;
                Tensor::<1>::from_floats(&values[..length * width], &device)
                    .reshape([1, length, width])
            };
            let mut x = swin.embed(golden.tensor("image", &device));
            golden.assert_close(first(&x), "swin.patch_embed", 1e-5);

            let block = &swin.stages[0].blocks[0];
            let packed = block.qkv.forward(&block.norm1.forward(&x));
            let attended = block.proj.forward(&block.attention.forward(packed, batch));
            let cut = first(&attended)
                .reshape([8, 6, 8, 6, 16])
                .swap_dims(1, 2)
                .reshape([64, 36, 16])
                .narrow(0, 0, 8);
            golden.assert_close(cut, "swin.layers.0.blocks.0.attn.win", 1e-5);

            for (index, stage) in swin.stages.iter().enumerate() {
                for (index, block) in stage.blocks.iter().enumerate() {
                    x = block.forward(x, batch);
                    if stage.grid == 48 {
                        golden.assert_close(
                            first(&x),
                            &format!("swin.layers.0.blocks.{index}"),
                            1e-5,
                        );
                    }
                }
                if let Some(merging) = &stage.downsample {
                    x = merging.forward(x, batch, stage.grid, &device);
                }
                let seen = x.into_tensor(batch, &device);
                golden.assert_close(seen.clone(), &format!("swin.layers.{index}"), 2e-5);
                x = Rows::new(seen);
            }
            let normed = swin.norm.forward(&x).into_tensor(batch, &device);
            golden.assert_close(normed, "swin.norm", 2e-5);
        }
    }

    #[test]
    fn image_tokens_equal_the_reference_in_a_batch_and_one_by_one() {
        let golden = Golden::parse(GOLDEN);
        for device in devices() {
            let swin = load(&mini(6), "visual_encoder", &device);
            let pictures: Tensor<4> = golden.tensor("image", &device);
            golden.assert_close(swin.forward(pictures.clone()), "image_tokens", 2e-5);
            let single = (0..2).map(|index| swin.forward(pictures.clone().narrow(0, index, 1)));
            golden.assert_close(Tensor::cat(single.collect(), 0), "image_tokens", 2e-5);
        }
    }

    #[test]
    fn windows_shrink_to_a_smaller_grid() {
        let pictures = Golden::parse(GOLDEN);
        let golden = Golden::parse(WINDOW_12);
        for device in devices() {
            let swin = load(&mini(12), "w12", &device);
            let picture = pictures.tensor::<4>("image", &device).narrow(0, 0, 1);
            golden.assert_close(swin.forward(picture), "image_tokens", 2e-5);
        }
    }

    #[test]
    fn tables_of_another_window_are_interpolated() {
        let device = Device::flex();
        let (small, large) = (mini(6), mini(12));
        let table = "v.layers.0.blocks.0.attn.relative_position_bias_table";
        let weights = Weights::new(Generated::new("", small.shapes("v")), Layout::Torch);
        let swin = Swin::load(&large, "v", &weights, &device).unwrap();
        weights.finish().unwrap();
        let picture = Tensor::zeros([1, 3, 192, 192], &device);
        assert_eq!(swin.forward(picture).dims(), [1, large.tokens(), 128]);

        let shapes = small.shapes("v").into_iter().map(|(name, shape)| {
            let odd = name == table;
            (name, if odd { vec![120, 1] } else { shape })
        });
        let weights = Weights::new(Generated::new("", shapes), Layout::Torch);
        let error = Swin::load(&large, "v", &weights, &device)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(table) && error.contains("[120, 1]"),
            "{error}"
        );
    }

    #[test]
    fn buffers_are_not_taken_from_a_file() {
        let config = mini(6);
        let buffers = ["relative_position_index", "attn_mask"];
        let names = buffers.map(|name| format!("v.layers.0.blocks.1.attn.{name}"));
        let shapes = config.shapes("v").into_iter();
        let shapes = shapes.chain(names.clone().map(|name| (name, vec![1])));
        let weights = Weights::new(Generated::new("", shapes), Layout::Torch);
        Swin::load(&config, "v", &weights, &Device::flex()).unwrap();
        assert!(
            matches!(weights.finish(), Err(ModelError::SurplusTensors { tensors, .. }) if tensors.len() == 2)
        );
    }

    #[test]
    fn impossible_configurations_are_errors() {
        let cases: [fn(&mut SwinConfig); 7] = [
            |c| c.depths.clear(),
            |c| c.num_heads[1] = 3,
            |c| c.num_heads[0] = 0,
            |c| c.vision_width = 64,
            |c| c.image_res = 190,
            |c| c.window_size = 5,
            |c| c.window_size = 0,
        ];
        for change in cases {
            let mut config = mini(6);
            change(&mut config);
            assert!(
                matches!(config.check(), Err(ModelError::Config { .. })),
                "{config:?}"
            );
        }
    }

    #[test]
    fn the_configuration_reads_the_checkpoints_words() {
        let text = r#"{"ckpt": "", "vision_width": 128, "image_res": 192, "window_size": 6, "embed_dim": 16,
            "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}"#;
        assert_eq!(serde_json::from_str::<SwinConfig>(text).unwrap(), mini(6));
    }
}
