//! What a training run tells its caller.

use std::ops::ControlFlow;

use super::TrainError;

/// A step of a training run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// What there is to learn from.
    Data {
        /// Pictures of the training split.
        pictures: usize,
        /// Their captions.
        captions: usize,
        /// Pictures whose captions or labels name a tag.
        tagged: usize,
        /// Labels that are no tag, each once, in order.
        unknown: Vec<String>,
    },
    /// A stage that was asked for is left out, and its head taken from the base.
    Skipped {
        /// Which head.
        stage: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Features of the encoders are being computed.
    Features {
        /// What is being encoded.
        what: &'static str,
        /// Records done.
        done: usize,
        /// Records in all.
        total: usize,
    },
    /// An optimizer step was taken.
    Step {
        /// Which head is trained.
        stage: &'static str,
        /// Epoch, from 1.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Items (captions or pictures) that this stage has passed over, again in each epoch.
        done: usize,
        /// Items that it passes over in all epochs.
        total: usize,
        /// Training loss of the step.
        loss: f32,
    },
    /// An epoch ended with a measurement on held-out training pictures.
    Epoch {
        /// Which head is trained.
        stage: &'static str,
        /// Epoch, from 1; 0 before the first step.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Name of the figure.
        metric: &'static str,
        /// Its value.
        value: f32,
        /// Whether no earlier epoch was better.
        best: bool,
        /// Items a second while it trained; none before the first step.
        rate: Option<f32>,
    },
    /// A stage has ended, now or in an earlier run.
    Stage {
        /// Which head was trained.
        stage: &'static str,
        /// The epoch that is kept, from 1; 0 for the start.
        best: usize,
        /// Epochs that were trained.
        epochs: usize,
        /// Name of the figure that chose it.
        metric: &'static str,
        /// Its value then.
        value: f32,
        /// Its value before the first step, where the start could be kept.
        before: Option<f32>,
    },
}

/// What the caller answered.
pub(crate) fn told(flow: ControlFlow<()>) -> Result<(), TrainError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(TrainError::Cancelled),
    }
}
