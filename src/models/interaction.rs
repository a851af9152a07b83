//! The image-tag interaction encoder of the built-in model (paper section 3.3, Generation): tags look at each other, then at the
//! picture.
//!
//! What looks at the picture are the layers of the recognition decoder, as in the paper; only the self-attention between tags
//! is this encoder's own. Tags are given by their names in the space that pictures and sentences share, so a tag that the
//! model does not recognise can guide a caption too.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor, TensorData};

use super::ModelError;
use super::nn::CrossAttention;
use super::tagger::{Tagger, TaggerConfig};
use super::weights::Weights;

/// Tags of a batch, filled up to the same number.
#[derive(Clone, Debug)]
pub(crate) struct GivenTags {
    /// Names in the shared space `[B, T, embed_dim]`; those that fill up are zero.
    pub(crate) names: Tensor<3>,
    /// 1 for a tag, 0 for what fills up: `[B, T, 1]`.
    pub(crate) given: Tensor<3>,
}

impl GivenTags {
    /// Names in the shared space of each picture's tags, the most important first; cut or filled up to `count`.
    pub(crate) fn new(
        rows: &[Vec<&[f32]>],
        count: usize,
        embed_dim: usize,
        device: &Device,
    ) -> Self {
        let mut names = vec![0.0; rows.len() * count * embed_dim];
        let mut given = vec![0.0; rows.len() * count];
        for (picture, row) in rows.iter().enumerate() {
            for (tag, name) in row.iter().take(count).enumerate() {
                let at = picture * count + tag;
                names[at * embed_dim..][..embed_dim].copy_from_slice(name);
                given[at] = 1.0;
            }
        }
        let names = TensorData::new(names, [rows.len(), count, embed_dim]);
        let given = TensorData::new(given, [rows.len(), count, 1]);
        Self {
            names: Tensor::from_data(names, device),
            given: Tensor::from_data(given, device),
        }
    }
}

/// Self-attention, residual, norm.
#[derive(Debug, Module)]
struct TagAttention {
    attention: CrossAttention,
    norm: LayerNorm,
}

/// The part that the recognition decoder does not share.
#[derive(Debug, Module)]
pub(crate) struct InteractionEncoder {
    projection: Linear,
    /// Stands for a tag that is not there `[1, hidden]`.
    absent: Param<Tensor<2>>,
    norm: LayerNorm,
    layers: Vec<TagAttention>,
}

impl InteractionEncoder {
    /// Takes `captioner.interaction.*` from `weights`; `embed_dim` is the width of the shared space.
    pub(crate) fn load(
        shared: &TaggerConfig,
        embed_dim: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        const PREFIX: &str = "captioner.interaction";
        let (width, heads) = (shared.hidden_size, shared.num_attention_heads);
        let norm = |name: String| weights.layer_norm(&name, width, 1e-12, device);
        let layer = |i: usize| {
            let prefix = format!("{PREFIX}.layers.{i}");
            let name = format!("{prefix}.attention");
            Ok(TagAttention {
                attention: CrossAttention::load(&name, width, width, heads, weights, device)?,
                norm: norm(format!("{prefix}.norm"))?,
            })
        };
        Ok(Self {
            projection: weights.linear(
                &format!("{PREFIX}.projection"),
                embed_dim,
                width,
                device,
            )?,
            absent: weights.param(&format!("{PREFIX}.absent"), [1, width], device)?,
            norm: norm(format!("{PREFIX}.norm"))?,
            layers: (0..shared.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, ModelError>>()?,
        })
    }

    /// What becomes of the tags `[B, T, hidden]` beside the image encoder's tokens `[B, 1 + N, channels]`.
    pub(crate) fn forward(
        &self,
        tags: &GivenTags,
        tokens: Tensor<3>,
        shared: &Tagger,
    ) -> Tensor<3> {
        let dtype = self.absent.val().dtype();
        let (names, given) = (
            tags.names.clone().cast(dtype),
            tags.given.clone().cast(dtype),
        );
        let absent = self.absent.val().unsqueeze::<3>();
        let missing = given.clone().neg().add_scalar(1.0);
        let named = self.projection.forward(names) * given;
        let x = self.norm.forward(named + absent * missing);
        let tokens = shared.look(tokens);
        self.layers
            .iter()
            .zip(&shared.layers)
            .fold(x, |x, (own, shared)| {
                let seen = own.attention.forward(x.clone(), x.clone());
                shared.forward(own.norm.forward(x + seen), tokens.clone())
            })
    }
}
