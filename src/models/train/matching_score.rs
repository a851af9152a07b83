//! How well held-out pictures are found again by matching.

use burn::tensor::{Device, Tensor, TensorData};

use super::TrainError;
use super::export::Heads;
use super::matching_data::MatchingData;
use super::stored::StoredTensor;
use crate::caption::MatchLogits;
use crate::models::backbone::host;
use crate::models::manifest::Manifest;
use crate::models::matcher::{MatchTokens, Matcher, MatcherConfig};
use crate::models::weights::Weights;

/// Candidates of a caption that are matched.
const DEPTH: usize = 32;
/// Pictures whose tokens are projected at once.
const BATCH: usize = 32;
/// Weights of the cosine beside the lead of a match that are tried. A lead is a difference of logits, some units wide; cosines of
/// candidates differ by some hundredths.
const WEIGHTS: [f32; 12] = [
    1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 60.0, 90.0, 150.0,
];

/// What is known of the candidates of one caption, its own picture first.
#[derive(Debug)]
struct Row {
    leads: Vec<f32>,
    cosines: Vec<f32>,
}

/// Leads and cosines of the candidates of the held-out captions whose picture is among them.
#[derive(Debug)]
pub(crate) struct MatchingScores {
    rows: Vec<Row>,
    captions: usize,
}

impl MatchingScores {
    /// Matches with the alignment encoder as it will be used: with the tensors of a bundle, on the device without gradients.
    pub(crate) fn new(
        data: &MatchingData<'_>,
        manifest: &Manifest,
        config: &MatcherConfig,
        tensors: &[StoredTensor],
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut heads = Heads::default();
        heads.stored(tensors)?;
        let bytes = heads.into_bytes()?;
        let weights = Weights::parse("matcher", &bytes)?;
        let tokens = MatchTokens::load(config, &manifest.image_encoder, &weights, device)?;
        let network = Network {
            kept: kept(data, &tokens, device)?,
            matcher: Matcher::load(config, &manifest.text_encoder, &weights, device)?,
            device,
        };
        let mut rows = Vec::new();
        let captions = data.held_out.captions();
        for (index, &caption) in captions.iter().enumerate() {
            let (pictures, cosines) = data.held_out.of(index);
            let ahead = cosines.iter().filter(|&&s| s > cosines[0]).count();
            if ahead >= DEPTH {
                continue;
            }
            let count = pictures.len().min(DEPTH);
            rows.push(Row {
                leads: network.leads(data, caption, &pictures[..count])?,
                cosines: cosines[..count].to_vec(),
            });
        }
        Ok(Self {
            rows,
            captions: captions.len(),
        })
    }

    /// The weight of the cosine with which most pictures come first, and for what share of the captions they do.
    pub(crate) fn best_weight(&self) -> (f32, f32) {
        let recall = |weight: f32| {
            let is_first = |row: &&Row| {
                let scores = row.leads.iter().zip(&row.cosines);
                let mut scores = scores.map(|(lead, cosine)| lead + weight * cosine);
                let own = scores.next().unwrap_or(f32::NEG_INFINITY);
                scores.all(|other| other < own)
            };
            self.rows.iter().filter(is_first).count()
        };
        let (mut weight, mut most) = (WEIGHTS[0], recall(WEIGHTS[0]));
        for other in &WEIGHTS[1..] {
            let found = recall(*other);
            if found > most {
                (weight, most) = (*other, found);
            }
        }
        (weight, most as f32 / self.captions.max(1) as f32)
    }

    /// What makes a lead the log-odds of a match when it is added: groups are told apart by differences of leads, so training
    /// leaves open what they are by themselves. It is the bias of a logistic regression in which a caption's own picture
    /// weighs as much as all of its other candidates together.
    pub(crate) fn offset(&self) -> f32 {
        /// Beyond it a probability is 0 or 1 in any rounding.
        const FURTHEST: f32 = 60.0;
        let own: Vec<f32> = self.rows.iter().map(|row| row.leads[0]).collect();
        let others = self.rows.iter().flat_map(|row| &row.leads[1..]);
        let others: Vec<f32> = others.copied().collect();
        if own.is_empty() || others.is_empty() {
            return 0.0;
        }
        let mean = |leads: &[f32], offset: f32| {
            let probabilities = leads.iter().map(|lead| {
                let pair = MatchLogits {
                    mismatched: 0.0,
                    matched: lead + offset,
                };
                pair.probability()
            });
            probabilities.sum::<f32>() / leads.len() as f32
        };
        let (mut low, mut high) = (-FURTHEST, FURTHEST);
        for _ in 0..f32::MANTISSA_DIGITS {
            let middle = (low + high) / 2.0;
            match mean(&own, middle) + mean(&others, middle) < 1.0 {
                true => low = middle,
                false => high = middle,
            }
        }
        (low + high) / 2.0
    }
}

struct Network<'a> {
    /// Tokens of every held-out picture as they are kept, by picture.
    kept: Vec<(usize, Vec<f32>)>,
    matcher: Matcher,
    device: &'a Device,
}

impl Network<'_> {
    /// By how much the logit of a match of a caption with each picture is ahead of the other logit.
    fn leads(
        &self,
        data: &MatchingData<'_>,
        caption: usize,
        pictures: &[u32],
    ) -> Result<Vec<f32>, TrainError> {
        let (features, sentences) = (data.features, data.features.sentences());
        let mut tokens = Vec::new();
        for &picture in pictures {
            let at = self
                .kept
                .binary_search_by_key(&(picture as usize), |(picture, _)| *picture);
            tokens.extend_from_slice(&self.kept[at.expect("a held-out picture")].1);
        }
        let (pairs, count) = (pictures.len(), features.token_count());
        let shape = [pairs, count, tokens.len() / (pairs * count)];
        let tokens = Tensor::from_data(TensorData::new(tokens, shape), self.device);
        let length = sentences.length(caption);
        let mut states = Vec::new();
        sentences.push_states(caption, length, &mut states)?;
        let shape = [1, length, sentences.width()];
        let states = Tensor::<3>::from_data(TensorData::new(states, shape), self.device);
        let images = self.matcher.images(&tokens);
        let logits = host(self.matcher.logits(states, &[length], &images, 1))?;
        Ok(logits
            .chunks_exact(2)
            .map(|pair| pair[1] - pair[0])
            .collect())
    }
}

/// Tokens of every held-out picture as they are kept.
fn kept(
    data: &MatchingData<'_>,
    tokens: &MatchTokens,
    device: &Device,
) -> Result<Vec<(usize, Vec<f32>)>, TrainError> {
    let features = data.features;
    let captions = data.held_out.captions().iter();
    let pictures: Vec<usize> = captions.map(|&c| features.texts().picture_of(c)).collect();
    let mut kept = Vec::with_capacity(pictures.len());
    for batch in pictures.chunks(BATCH) {
        let mut raw = Vec::new();
        for &picture in batch {
            features.push_tokens(picture, 0, &mut raw)?;
        }
        let count = features.token_count();
        let shape = [batch.len(), count, raw.len() / (batch.len() * count)];
        let raw = Tensor::from_data(TensorData::new(raw, shape), device);
        let projected = host(tokens.forward(raw))?;
        let each = projected.len() / batch.len();
        let rows = projected.chunks_exact(each).map(<[f32]>::to_vec);
        kept.extend(batch.iter().copied().zip(rows));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_chosen_that_puts_most_pictures_first() {
        let row = |leads: [f32; 2], cosines: [f32; 2]| Row {
            leads: leads.to_vec(),
            cosines: cosines.to_vec(),
        };
        // Right from a weight of 20 on, right up to 30, and never.
        let scores = MatchingScores {
            rows: vec![
                row([0.0, 1.9], [0.3, 0.2]),
                row([3.0, 0.0], [0.2, 0.3]),
                row([0.0, 1.0], [0.2, 0.3]),
            ],
            captions: 4,
        };
        assert_eq!(scores.best_weight(), (20.0, 0.5));
    }

    #[test]
    fn the_offset_puts_even_odds_between_own_pictures_and_others() {
        let scores = |leads: &[f32]| {
            let row = Row {
                leads: leads.to_vec(),
                cosines: vec![0.0; leads.len()],
            };
            MatchingScores {
                rows: vec![row],
                captions: 1,
            }
        };
        let offset = scores(&[5.0, 1.0, 1.0, 1.0]).offset();
        assert!((offset + 3.0).abs() < 1e-4, "{offset}");
        assert_eq!(scores(&[5.0]).offset(), 0.0);
    }
}
