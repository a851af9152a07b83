//! Image-text matching (ITM) of the built-in model: what is kept of pictures, and sentences matched with it.

use burn::tensor::{Device, Tensor, TensorData};

use super::{MATCHER, Tag2TextMini};
use crate::caption::MatchLogits;
use crate::image_tokens::ImageTokensF16;
use crate::models::backbone::host;
use crate::models::device::Place;
use crate::models::matcher::Matcher;
use crate::models::sentence::LowerStates;
use crate::models::weights::Weights;
use crate::models::{ModelError, ModelPart};

/// Pairs of picture and sentence that the text layers read at once. Each takes a megabyte, and more at once are no faster.
const PAIRS: usize = 8;

/// The text layers that look at pictures.
#[derive(Debug)]
pub(super) struct MatchSide {
    device: Device,
    matcher: Matcher,
    /// `[N, C]` of what is kept of a picture.
    tokens: [usize; 2],
}

impl Tag2TextMini {
    /// What the bundle needs to match, or that it cannot.
    fn match_side(&self) -> Result<&MatchSide, ModelError> {
        if let Some(side) = self.matching.get() {
            return Ok(side);
        }
        let manifest = &self.manifest;
        let lacks = || ModelError::lacks(&self.id, ModelPart::Matcher);
        let config = manifest.matcher.as_ref().ok_or_else(lacks)?;
        let Place { device, precision } = self.compute.for_text()?;
        let bytes = self.source.read(MATCHER)?;
        let weights = Weights::parse(MATCHER, &bytes)?.in_precision(precision);
        let side = MatchSide {
            matcher: Matcher::load(config, &manifest.text_encoder, &weights, &device)?,
            tokens: [manifest.image_encoder.tokens(), config.token_width],
            device,
        };
        Ok(self.matching.get_or_init(|| side))
    }

    /// Projected image tokens `[B, 1 + N, C]` as they are kept.
    pub(super) fn keep(tokens: Tensor<3>) -> Result<Vec<ImageTokensF16>, ModelError> {
        let [_, count, width] = tokens.dims();
        host(tokens)?
            .chunks_exact(count * width)
            .map(|values| ImageTokensF16::new(width, values).ok_or(ModelError::NotFinite))
            .collect()
    }

    /// ITM logits of every sentence, a row for each picture.
    pub(super) fn match_kept(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        let side = self.match_side()?;
        let mut found = vec![Vec::with_capacity(sentences.len()); images.len()];
        for sentences in sentences.chunks(PAIRS) {
            let lower = self.text_side()?.sentences.lower(sentences)?;
            let part = (PAIRS / sentences.len()).max(1);
            for (images, found) in images.chunks(part).zip(found.chunks_mut(part)) {
                let logits = side.pairs(images, &lower)?;
                for (found, logits) in found.iter_mut().zip(logits.chunks(sentences.len())) {
                    found.extend_from_slice(logits);
                }
            }
        }
        Ok(found)
    }
}

impl MatchSide {
    /// Logits of all pairs, picture by picture.
    fn pairs(
        &self,
        images: &[&ImageTokensF16],
        lower: &LowerStates,
    ) -> Result<Vec<MatchLogits>, ModelError> {
        let [count, width] = self.tokens;
        let mut values = Vec::with_capacity(images.len() * count * width);
        for image in images {
            if image.shape() != self.tokens {
                return Err(ModelError::ImageTokens {
                    expected: self.tokens,
                    found: image.shape(),
                });
            }
            values.extend(image.to_f32());
        }
        let shape = [images.len(), count, width];
        let tokens = Tensor::from_data(TensorData::new(values, shape), &self.device);
        let looked_at = self.matcher.images(&tokens);
        let states = lower.states.clone();
        let logits = self.matcher.logits(states, &lower.lengths, &looked_at, 1);
        let logits = host(logits)?;
        logits
            .chunks_exact(2)
            .map(|pair| match *pair {
                [mismatched, matched] if mismatched.is_finite() && matched.is_finite() => {
                    Ok(MatchLogits {
                        mismatched,
                        matched,
                    })
                }
                _ => Err(ModelError::NotFinite),
            })
            .collect()
    }
}
