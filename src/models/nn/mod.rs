//! Layers and backbones, one network a file.

mod bert;
mod causal;
mod cross_attention;
mod cross_layer;
mod dot_product;
mod efficientnet;
mod embeddings;
mod gelu;
mod gemm;
mod interpolate;
mod layer_norm;
mod linear;
mod panels;
mod patches;
mod rows;
mod simd;
mod softmax;
mod swin;
mod thin;
mod vit;
mod word_matrix;

pub(crate) use bert::{Bert, BertConfig, Cache};
pub(crate) use cross_attention::{CrossAttention, DecoderLayer, DecoderLayerConfig};
pub(crate) use cross_layer::{CrossLayer, CrossLayerConfig, KeysValues};
#[cfg(feature = "train")]
pub(crate) use efficientnet::BlockShape;
pub(crate) use efficientnet::{EfficientNet, EfficientNetConfig};
pub(crate) use embeddings::Embeddings;
pub(crate) use gelu::gelu;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::Linear;
pub(crate) use rows::Rows;
pub(crate) use swin::{Swin, SwinConfig};
pub(crate) use vit::{Vit, VitConfig};
pub(crate) use word_matrix::WordMatrix;
