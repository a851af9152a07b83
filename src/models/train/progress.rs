//! What a training run tells its caller.

/// A step of a training run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// Features of the frozen backbones are being computed.
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
        /// Steps taken in this stage.
        done: usize,
        /// Steps of this stage.
        total: usize,
        /// Training loss of the step.
        loss: f32,
    },
    /// An epoch ended with a measurement on held-out training pictures.
    Epoch {
        /// Which head is trained.
        stage: &'static str,
        /// Epoch, from 1.
        epoch: usize,
        /// Name of the figure.
        metric: &'static str,
        /// Its value.
        value: f32,
    },
}
