//! Image tokens that are kept, and sentences matched with them.

use burn::tensor::{Tensor, TensorData};

use super::{BlipModel, rows};
use crate::caption::MatchLogits;
use crate::encoder::ImageFeatures;
use crate::image_tokens::ImageTokensF16;
use crate::models::ModelError;
use crate::models::backbone::host;
use crate::models::blip::MatchStart;
use crate::models::device::at_once;

/// Pairs of picture and sentence that the text encoder reads at once.
const PAIRS: usize = 32;

impl BlipModel {
    /// Tokens `[B, 1 + N, C]` to embeddings and what is kept for [`BlipModel::match_kept`].
    pub(in super::super) fn keep(
        &self,
        tokens: Tensor<3>,
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        let [_, count, width] = tokens.dims();
        let embeddings = rows(self.images_side()?.features(tokens.clone()))?;
        let values = host(tokens)?;
        embeddings
            .into_iter()
            .zip(values.chunks_exact(count * width))
            .map(|(embedding, values)| {
                let tokens = ImageTokensF16::new(width, values).ok_or(ModelError::NotFinite)?;
                Ok((ImageFeatures::new(embedding, Vec::new()), tokens))
            })
            .collect()
    }

    /// Kept tokens of pictures as one tensor `[B, 1 + N, C]`.
    fn restore(&self, images: &[&ImageTokensF16]) -> Result<Tensor<3>, ModelError> {
        let vit = &self.config.vit;
        let [count, width] = [vit.tokens(), vit.embed_dim];
        let mut values = Vec::with_capacity(images.len() * count * width);
        for image in images {
            if image.shape() != [count, width] {
                return Err(ModelError::ImageTokens {
                    expected: [count, width],
                    found: image.shape(),
                });
            }
            values.extend(image.to_f32());
        }
        let data = TensorData::new(values, [images.len(), count, width]);
        Ok(Tensor::from_data(data, self.device()?))
    }

    /// ITM logits of every sentence, a row for each picture.
    pub(super) fn match_kept(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        let mut found = vec![Vec::with_capacity(sentences.len()); images.len()];
        let read = self.started(self.rows(sentences)?, MatchStart::Enc);
        if read.is_empty() {
            return Ok(found);
        }
        let part = at_once(PAIRS, self.device()?);
        for (images, found) in images.chunks(part).zip(found.chunks_mut(part)) {
            let matcher = self.matcher()?;
            let looked_at = matcher.images(&self.restore(images)?);
            for texts in read.chunks((PAIRS / images.len()).max(1)) {
                // Each picture is looked at by as many rows: the texts, again for each of them.
                let pairs: Vec<Vec<u32>> = images.iter().flat_map(|_| texts).cloned().collect();
                let logits = host(matcher.logits(&pairs, &looked_at)?)?;
                let of_pictures = logits.chunks_exact(2 * texts.len());
                for (found, logits) in found.iter_mut().zip(of_pictures) {
                    for pair in logits.chunks_exact(2) {
                        found.push(finite(pair)?);
                    }
                }
            }
        }
        Ok(found)
    }
}

fn finite(pair: &[f32]) -> Result<MatchLogits, ModelError> {
    match *pair {
        [mismatched, matched] if mismatched.is_finite() && matched.is_finite() => Ok(MatchLogits {
            mismatched,
            matched,
        }),
        _ => Err(ModelError::NotFinite),
    }
}
