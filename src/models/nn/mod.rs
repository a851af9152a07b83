//! Layers and backbones, one network a file.

mod bert;
mod cross_attention;
mod efficientnet;
mod gelu;

pub(crate) use bert::{Bert, BertConfig};
pub(crate) use cross_attention::{CrossAttention, DecoderLayer, DecoderLayerConfig, KeysValues};
pub(crate) use efficientnet::{EfficientNet, EfficientNetConfig};
pub(crate) use gelu::gelu;
