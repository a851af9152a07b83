//! Features of the pictures that are measured on.

use std::borrow::Borrow;
use std::path::PathBuf;

use super::progress::Watch;
use crate::corpus::CaptionedPicture;
use crate::encoder::{Encoder, ImageFeatures};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Limits, MediaError, Squares, read, squares};
use crate::models::ModelError;

/// Pictures encoded at once.
const BATCH: usize = 16;
/// What is told while they are.
const ENCODING: &str = "encoding pictures";

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
    /// The curve cannot be drawn.
    #[cfg(feature = "plot")]
    #[error("cannot draw {}: {reason}", path.display())]
    Curve {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Decodes every picture and gives them to `network`, some at once.
pub(crate) fn encode<P: Borrow<CaptionedPicture>, T>(
    encoder: &dyn Encoder,
    pictures: &[P],
    what: &'static str,
    watch: &mut Watch<'_>,
    mut network: impl FnMut(&[Squares]) -> Result<Vec<T>, ModelError>,
) -> Result<Vec<T>, EvalError> {
    let limits = Limits::default();
    let mut encoded = Vec::with_capacity(pictures.len());
    for batch in pictures.chunks(BATCH) {
        let mut decoded = Vec::with_capacity(batch.len());
        for picture in batch {
            let path = &picture.borrow().path;
            let squares = read(path, &limits)
                .and_then(|bytes| squares(&bytes, &limits, encoder.inputs()))
                .map_err(|source| EvalError::Picture {
                    path: path.clone(),
                    source,
                })?;
            decoded.push(squares);
        }
        encoded.extend(network(&decoded)?);
        watch.count(what, encoded.len(), pictures.len())?;
    }
    Ok(encoded)
}

/// Probabilities of every tag in each picture, of a model that may do nothing else.
pub(crate) fn tag_scores(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    watch: &mut Watch<'_>,
) -> Result<Vec<Vec<f32>>, EvalError> {
    encode(encoder, pictures, ENCODING, watch, |squares| {
        encoder.tag_scores(squares)
    })
}

/// Embedding and tags of every picture, with the tokens that sentences are matched with, as precise as an index keeps them, where
/// `matching` is asked for and the model can.
pub(crate) fn matchable_features(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    matching: bool,
    watch: &mut Watch<'_>,
) -> Result<(Vec<ImageFeatures>, Option<Vec<ImageTokensF16>>), EvalError> {
    if matching && encoder.matches() {
        let encoded = encode(encoder, pictures, ENCODING, watch, |squares| {
            let encoded = encoder.images_with_tokens(squares)?.into_iter();
            let kept = encoded.map(|(features, tokens)| {
                let kept = ImageTokensF16::unpack(&tokens.pack());
                kept.map(|kept| (features, kept))
                    .ok_or(ModelError::NotFinite)
            });
            kept.collect()
        });
        let (images, tokens) = encoded?.into_iter().unzip();
        return Ok((images, Some(tokens)));
    }
    let images = encode(encoder, pictures, ENCODING, watch, |squares| {
        encoder.images(squares)
    })?;
    Ok((images, None))
}
