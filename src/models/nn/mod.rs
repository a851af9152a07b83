//! Layers and backbones, one network a file.

mod bert;
mod cross_attention;
mod efficientnet;

pub(crate) use bert::{Bert, BertConfig};
pub(crate) use cross_attention::{CrossAttention, DecoderLayer};
pub(crate) use efficientnet::{EfficientNet, EfficientNetConfig};
