//! Training on captioned pictures (paper section 3.3).
//!
//! Features of the encoders are computed once and cached. The contrastive heads come first; then both encoders are tuned below
//! them, and features are computed again. The recognition decoder uses the heads, the alignment encoder learns from pictures
//! that they take for alike, and the captioner shares layers with the recognition decoder. Every stage goes on from its
//! checkpoint after a kill.

mod alignment;
mod base;
mod base_tables;
mod below;
mod by_length;
mod cache;
mod candidates;
mod caption_words;
mod captioning;
mod captioning_data;
mod checkpoint;
mod curves;
mod dropout;
mod encoders;
mod error;
mod export;
mod features;
mod file;
mod head_settings;
mod held_out;
mod labels;
mod learned;
mod look_alikes;
mod matching;
mod matching_data;
mod matching_score;
mod mean_recall;
mod moments;
mod most_similar;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "it proves the paper's own step; the built-in model is smaller"
    )
)]
mod multitask;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "queue, momentum and balanced sum are proved and wait for data that needs them"
    )
)]
mod objectives;
#[cfg(test)]
mod parity;
mod pipeline;
mod pretrained;
mod progress;
mod schedule;
mod sentences;
mod settings;
mod stage;
mod stored;
mod tagging;
mod tagging_data;
mod texts;
mod thresholds;
mod tuned_backbones;
mod tuned_blocks;
mod upper_layers;
mod view_reader;
mod views;
mod word_weights;

use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};

pub use error::TrainError;
pub use head_settings::{
    AlignmentSettings, CaptioningSettings, EncoderSettings, MatchingSettings, TaggingSettings,
};
pub use progress::Progress;
pub use settings::{Start, TrainSettings, TrainStage};

use super::ModelSource;

/// A training run.
#[derive(Clone, Debug)]
pub struct TrainRun {
    /// The model that [`TrainSettings::base`] stands for.
    pub base: ModelSource,
    /// What is trained, on what, how, and where it goes.
    pub settings: TrainSettings,
}

/// Trains the heads and writes a bundle; returns its folder. A run that was stopped goes on where it was.
///
/// A stage that the data says nothing of is left out, and its head taken from the base: `progress` is told.
///
/// # Errors
/// [`TrainError::Cancelled`] when `progress` breaks, [`TrainError::NothingToLearn`] when every stage would be left out;
/// otherwise when the corpus, a picture, the base or the output folder cannot be used.
pub fn train(
    run: &TrainRun,
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<PathBuf, TrainError> {
    pipeline::train(run, &mut progress)
}

/// Row-major values to a matrix of `width` columns.
fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width.max(1);
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}
