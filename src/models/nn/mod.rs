//! Layers and backbones, one network a file.

mod attention;
mod bert;
mod cross_attention;
mod efficientnet;
mod embeddings;
mod gelu;

pub(crate) use attention::{Attention, KeysValues};
pub(crate) use bert::{Bert, BertConfig, Cache};
pub(crate) use cross_attention::{DecoderLayer, DecoderLayerConfig};
pub(crate) use efficientnet::{EfficientNet, EfficientNetConfig};
pub(crate) use embeddings::Embeddings;
pub(crate) use gelu::gelu;
