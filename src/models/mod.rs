//! The networks: the only folder that names burn.

mod aligner;
mod backbone;
mod blip;
pub(crate) mod builtin;
pub(crate) mod bundle;
mod caption;
mod caption_network;
mod captioner;
mod checkpoint;
mod classes;
mod device;
mod error;
#[cfg(test)]
mod full_size;
#[cfg(test)]
mod generated;
mod generation;
#[cfg(test)]
mod golden;
mod initial;
mod interaction;
mod manifest;
mod matcher;
mod mini;
mod nn;
mod normalization;
#[cfg(test)]
mod parity;
mod quantised;
mod recognition;
#[cfg(test)]
mod reduced;
mod sentence;
mod tagger;
mod tensors;
mod text_decoder;
mod tokenizer;
#[cfg(feature = "train")]
pub mod train;
mod weights;
mod word_table;

pub use blip::MatchStart;
pub use bundle::manifest::{ModelKind, WeightType};
pub use bundle::{ModelSource, open_model};
pub use caption::{Caption, CaptionOptions, Sampling};
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointTensor};
pub use device::{Compute, DeviceChoice, Precision};
pub use error::{ModelError, ModelPart};
pub use mini::Tag2TextMini;
