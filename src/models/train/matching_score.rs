//! How well held-out pictures are found again by matching.

use burn::tensor::{Device, Tensor, TensorData};

use super::TrainError;
use super::export::Heads;
use super::matching_data::MatchingData;
use super::stored::StoredTensor;
use crate::models::backbone::host;
use crate::models::manifest::Manifest;
use crate::models::matcher::{MatchTokens, Matcher, MatcherConfig};
use crate::models::weights::Weights;

/// Candidates of a caption that are matched.
const DEPTH: usize = 32;

/// The alignment encoder as it will be used: with the tensors of a bundle, on the device without gradients.
pub(crate) struct MatchingScore {
    tokens: MatchTokens,
    matcher: Matcher,
    device: Device,
}

impl MatchingScore {
    pub(crate) fn new(
        manifest: &Manifest,
        config: &MatcherConfig,
        tensors: &[StoredTensor],
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut heads = Heads::default();
        heads.stored(tensors)?;
        let bytes = heads.into_bytes()?;
        let weights = Weights::parse("matcher", &bytes)?;
        let channels = manifest.image_encoder.features;
        Ok(Self {
            tokens: MatchTokens::load(config, channels, &weights, device)?,
            matcher: Matcher::load(config, &manifest.text_encoder, &weights, device)?,
            device: device.clone(),
        })
    }

    /// Share of the held-out captions whose picture is first when the most similar pictures are matched.
    pub(crate) fn recall_at_1(&self, data: &MatchingData<'_>) -> Result<f32, TrainError> {
        let captions = data.held_out.captions();
        let mut found = 0;
        for (index, &caption) in captions.iter().enumerate() {
            let (pictures, similarities) = data.held_out.of(index);
            let ahead = similarities
                .iter()
                .filter(|&&s| s > similarities[0])
                .count();
            if ahead >= DEPTH {
                continue;
            }
            let count = pictures.len().min(DEPTH);
            let logits = self.matched(data, caption, &pictures[..count])?;
            let mut scores = logits.iter().zip(similarities).map(|(logit, s)| logit + s);
            let own = scores.next().unwrap_or(f32::NEG_INFINITY);
            found += usize::from(scores.all(|other| other < own));
        }
        Ok(found as f32 / captions.len().max(1) as f32)
    }

    /// Logits of a match of one caption with each picture.
    fn matched(
        &self,
        data: &MatchingData<'_>,
        caption: usize,
        pictures: &[u32],
    ) -> Result<Vec<f32>, TrainError> {
        let (features, sentences) = (data.features, data.features.sentences());
        let mut tokens = Vec::new();
        for &picture in pictures {
            features.push_tokens(picture as usize, 0, &mut tokens)?;
        }
        let (pairs, count) = (pictures.len(), features.token_count());
        let shape = [pairs, count, tokens.len() / (pairs * count)];
        let tokens = Tensor::from_data(TensorData::new(tokens, shape), &self.device);
        let length = sentences.length(caption);
        let mut states = Vec::new();
        sentences.push_states(caption, length, &mut states)?;
        let shape = [1, length, sentences.width()];
        let states = Tensor::<3>::from_data(TensorData::new(states, shape), &self.device);
        let images = self.matcher.images(&self.tokens.forward(tokens));
        let states = states.repeat_dim(0, pairs);
        let logits = host(self.matcher.logits(states, &vec![length; pairs], &images))?;
        Ok(logits.chunks_exact(2).map(|pair| pair[1]).collect())
    }
}
