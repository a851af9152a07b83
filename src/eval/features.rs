//! Features of the pictures that are measured on.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::corpus::CaptionedPicture;
use crate::encoder::{Encoder, ImageFeatures};
use crate::media::{Input, Limits, MediaError, Squares, read, squares};
use crate::models::ModelError;

/// Pictures encoded at once.
const BATCH: usize = 16;

/// A measurement that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The caller asked to stop.
    #[error("stopped")]
    Cancelled,
    /// A picture cannot be decoded. Leaving it out would change what is measured.
    #[error("{}: {source}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Why.
        source: MediaError,
    },
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is nothing to measure on.
    #[error("{0}")]
    Nothing(&'static str),
}

/// Decodes and encodes every picture. `progress` is given how many are done.
pub(crate) fn image_features(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<ImageFeatures>, EvalError> {
    let encode = |batch: &[Squares]| encoder.images(batch);
    encoded(encoder.inputs(), pictures, encode, progress)
}

/// Probabilities of every tag in each picture, of a model that may do nothing else. `progress` is given how many are done.
pub(crate) fn tag_scores(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<Vec<f32>>, EvalError> {
    let encode = |batch: &[Squares]| encoder.tag_scores(batch);
    encoded(encoder.inputs(), pictures, encode, progress)
}

/// What `encode` makes of every picture.
fn encoded<T>(
    inputs: &[Input],
    pictures: &[CaptionedPicture],
    encode: impl Fn(&[Squares]) -> Result<Vec<T>, ModelError>,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<T>, EvalError> {
    let limits = Limits::default();
    let mut features = Vec::with_capacity(pictures.len());
    for batch in pictures.chunks(BATCH) {
        let mut decoded = Vec::with_capacity(batch.len());
        for picture in batch {
            let squares = read(&picture.path, &limits)
                .and_then(|bytes| squares(&bytes, &limits, inputs))
                .map_err(|source| EvalError::Picture {
                    path: picture.path.clone(),
                    source,
                })?;
            decoded.push(squares);
        }
        features.extend(encode(&decoded)?);
        if progress(features.len()).is_break() {
            return Err(EvalError::Cancelled);
        }
    }
    Ok(features)
}
