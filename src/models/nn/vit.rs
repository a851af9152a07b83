//! Vision transformer (Dosovitskiy et al. 2021) as the image encoder of BLIP.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::dot_product::self_attention;
use super::interpolate::position_embedding;
use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::patches::PatchEmbedding;
use super::rows::Rows;
use crate::models::ModelError;
use crate::models::weights::Weights;

const EPSILON: f64 = 1e-6;
/// Width of a feed-forward layer, in widths of its block.
const MLP_RATIO: usize = 4;

/// Shape of the network, in the words of the reference's `VisionTransformer`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct VitConfig {
    /// Side of the input, in pixels.
    pub(crate) img_size: usize,
    /// Pixels along an edge of a patch.
    pub(crate) patch_size: usize,
    /// Width of the tokens.
    pub(crate) embed_dim: usize,
    /// Blocks.
    pub(crate) depth: usize,
    /// Attention heads.
    pub(crate) num_heads: usize,
}

impl VitConfig {
    /// What BLIP's configuration calls `vit: base`.
    pub(crate) fn base(img_size: usize) -> Self {
        Self {
            img_size,
            patch_size: 16,
            embed_dim: 768,
            depth: 12,
            num_heads: 12,
        }
    }

    /// What BLIP's configuration calls `vit: large`.
    pub(crate) fn large(img_size: usize) -> Self {
        Self {
            img_size,
            patch_size: 16,
            embed_dim: 1024,
            depth: 24,
            num_heads: 16,
        }
    }

    /// Patches along an edge.
    fn grid(&self) -> usize {
        self.img_size / self.patch_size
    }

    /// Tokens of a picture: the class token and the patches.
    pub(crate) fn tokens(&self) -> usize {
        1 + self.grid().pow(2)
    }

    fn check(&self) -> Result<(), ModelError> {
        let fail = |reason: String| {
            Err(ModelError::Config {
                network: "ViT",
                reason,
            })
        };
        let Self {
            img_size,
            patch_size,
            embed_dim,
            num_heads,
            ..
        } = *self;
        if patch_size == 0 || img_size == 0 || !img_size.is_multiple_of(patch_size) {
            return fail(format!("img_size {img_size} in patches of {patch_size}"));
        }
        if embed_dim == 0 || num_heads == 0 || !embed_dim.is_multiple_of(num_heads) {
            return fail(format!("{num_heads} heads of a width of {embed_dim}"));
        }
        Ok(())
    }
}

/// Attention and a feed-forward layer, each on normalised tokens and added to what came in.
#[derive(Debug, Module)]
struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    proj: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
}

impl Block {
    fn load(
        config: &VitConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let width = config.embed_dim;
        let wide = MLP_RATIO * width;
        let linear = |name: &str, input, output| {
            Linear::load(&format!("{prefix}.{name}"), input, output, weights, device)
        };
        let norm = |name: &str| {
            LayerNorm::load(&format!("{prefix}.{name}"), width, EPSILON, weights, device)
        };
        Ok(Self {
            norm1: norm("norm1")?,
            qkv: linear("attn.qkv", width, 3 * width)?,
            proj: linear("attn.proj", width, width)?,
            norm2: norm("norm2")?,
            fc1: linear("mlp.fc1", width, wide)?,
            fc2: linear("mlp.fc2", wide, width)?,
            heads: config.num_heads,
        })
    }

    fn forward(&self, x: Rows, batch: usize) -> Rows {
        let packed = self.qkv.forward(&self.norm1.forward(&x));
        let x = self
            .proj
            .add_to(x, &self_attention(packed, batch, self.heads));
        let hidden = self.fc1.forward_gelu(&self.norm2.forward(&x));
        self.fc2.add_to(x, &hidden)
    }
}

/// The network.
#[derive(Debug, Module)]
pub(crate) struct Vit {
    patch_embed: PatchEmbedding,
    /// `[1, 1, C]`: the class token with its position.
    class: Param<Tensor<3>>,
    /// `[1, N, C]`: positions of the patches.
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

impl Vit {
    /// Takes the parameters below `prefix`. Position embeddings of another grid are interpolated.
    pub(crate) fn load(
        config: &VitConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let (width, grid) = (config.embed_dim, config.grid());
        let class = weights.values(&format!("{prefix}.cls_token"), &[1, 1, width])?;
        let key = format!("{prefix}.pos_embed");
        let stored = match weights.shape(&key).as_deref() {
            Some([_, tokens, _]) if *tokens > 1 && (tokens - 1).isqrt().pow(2) == tokens - 1 => {
                (tokens - 1).isqrt()
            }
            _ => grid,
        };
        let positions = weights.values(&key, &[1, 1 + stored * stored, width])?;
        let (first, rest) = positions.split_at(width);
        let class = class
            .iter()
            .zip(first)
            .map(|(class, position)| class + position);
        let rest = if stored == grid {
            rest.to_vec()
        } else {
            position_embedding(rest, stored, grid)
        };
        let tensor = |values: Vec<f32>| {
            let shape = [1, values.len() / width, width];
            Param::from_tensor(weights.to_device(values, shape, device))
        };
        Ok(Self {
            patch_embed: PatchEmbedding::load(
                &format!("{prefix}.patch_embed.proj"),
                config.patch_size,
                width,
                weights,
                device,
            )?,
            class: tensor(class.collect()),
            positions: tensor(rest),
            blocks: (0..config.depth)
                .map(|block| {
                    Block::load(config, &format!("{prefix}.blocks.{block}"), weights, device)
                })
                .collect::<Result<_, _>>()?,
            norm: LayerNorm::load(&format!("{prefix}.norm"), width, EPSILON, weights, device)?,
        })
    }

    /// Normalised pictures `[B, 3, S, S]` to tokens `[B, 1 + N, C]`: the class token, then the patches row by row.
    pub(crate) fn forward(&self, pictures: Tensor<4>) -> Tensor<3> {
        let (batch, device) = (pictures.dims()[0], pictures.device());
        let x = self.embed(
            self.patch_embed
                .forward(pictures)
                .into_tensor(batch, &device),
        );
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| block.forward(x, batch));
        self.norm.forward(&x).into_tensor(batch, &device)
    }

    /// Patches `[B, N, C]` with the class token before them, all in their positions.
    fn embed(&self, patches: Tensor<3>) -> Rows {
        let [batch, _, width] = patches.dims();
        let class = self.class.val().expand([batch, 1, width]);
        Rows::new(Tensor::cat(vec![class, patches + self.positions.val()], 1))
    }
}

#[cfg(test)]
impl VitConfig {
    /// Names and shapes of the network's parameters, for tests that need no file.
    pub(crate) fn shapes(&self, prefix: &str) -> Vec<(String, Vec<usize>)> {
        let (width, wide) = (self.embed_dim, MLP_RATIO * self.embed_dim);
        let mut shapes = vec![
            (format!("{prefix}.cls_token"), vec![1, 1, width]),
            (format!("{prefix}.pos_embed"), vec![1, self.tokens(), width]),
        ];
        let mut layer = |name: String, shape: &[usize]| {
            shapes.push((format!("{prefix}.{name}.weight"), shape.to_vec()));
            shapes.push((format!("{prefix}.{name}.bias"), shape[..1].to_vec()));
        };
        let patch = self.patch_size;
        layer("patch_embed.proj".to_owned(), &[width, 3, patch, patch]);
        layer("norm".to_owned(), &[width]);
        for block in 0..self.depth {
            for (name, shape) in [
                ("norm1", &[width][..]),
                ("norm2", &[width]),
                ("attn.qkv", &[3 * width, width]),
                ("attn.proj", &[width, width]),
                ("mlp.fc1", &[wide, width]),
                ("mlp.fc2", &[width, wide]),
            ] {
                layer(format!("blocks.{block}.{name}"), shape);
            }
        }
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::generated::Generated;
    use crate::models::golden::{Golden, device, devices, weights};
    use crate::models::reduced;

    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/blip_mini_golden.safetensors");

    fn mini() -> VitConfig {
        VitConfig {
            img_size: 64,
            patch_size: 16,
            embed_dim: 64,
            depth: 2,
            num_heads: 4,
        }
    }

    #[test]
    fn every_block_equals_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for device in devices() {
            let shapes = mini().shapes("visual_encoder");
            let weights = weights(Generated::new("", shapes));
            let vit = Vit::load(&mini(), "visual_encoder", &weights, &device).unwrap();
            weights.finish().unwrap();
            let pictures = reduced::blip_pictures(&device);
            let patches = vit
                .patch_embed
                .forward(pictures.clone())
                .into_tensor(3, &device);
            golden.assert_close(patches.clone(), "vit.patch_embed", 1e-5);
            let mut x = vit.embed(patches);
            for (index, block) in vit.blocks.iter().enumerate() {
                let seen = block.forward(x, 3).into_tensor(3, &device);
                golden.assert_close(seen.clone(), &format!("vit.blocks.{index}"), 1e-5);
                x = Rows::new(seen);
            }
            golden.assert_close(vit.forward(pictures), "vit.norm", 1e-5);
        }
    }

    #[test]
    fn positions_of_another_grid_are_interpolated() {
        let device = device();
        let larger = VitConfig {
            img_size: 96,
            ..mini()
        };
        let weights = weights(Generated::new("", mini().shapes("v")));
        let vit = Vit::load(&larger, "v", &weights, &device).unwrap();
        weights.finish().unwrap();
        let tokens = vit.forward(Tensor::zeros([1, 3, 96, 96], &device));
        assert_eq!(tokens.dims(), [1, 37, 64]);
    }

    #[test]
    fn impossible_configurations_are_errors() {
        let cases: [fn(&mut VitConfig); 4] = [
            |c| c.patch_size = 0,
            |c| c.img_size = 65,
            |c| c.num_heads = 5,
            |c| c.num_heads = 0,
        ];
        for change in cases {
            let mut config = mini();
            change(&mut config);
            assert!(
                matches!(config.check(), Err(ModelError::Config { .. })),
                "{config:?}"
            );
        }
    }
}
