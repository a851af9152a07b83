//! Pairs of sentence and picture that the matching stage learns from.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::candidates::Candidates;
use super::features::Features;
use super::settings::TrainSettings;
use super::{TrainError, matrix};
use crate::models::aligner::Aligner;

/// Everything that the stage reads.
pub(crate) struct MatchingData<'a> {
    pub(crate) features: &'a Features,
    /// Of the training captions.
    pub(crate) training: Candidates,
    /// Of the first caption of each held-out picture, among held-out pictures.
    pub(crate) held_out: Candidates,
}

impl<'a> MatchingData<'a> {
    /// Ranks the captioned pictures for every caption.
    pub(crate) fn collect(
        features: &'a Features,
        aligner: &Aligner,
        settings: &TrainSettings,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let rank = |captions: &[usize], depth| {
            let mut among: Vec<usize> = captions.iter().map(|&c| features.picture_of(c)).collect();
            among.sort_unstable();
            among.dedup();
            Candidates::rank(features, aligner, captions, &among, depth, device)
        };
        let mut first = features.held_out_captions().to_vec();
        first.dedup_by_key(|caption| features.picture_of(*caption));
        Ok(Self {
            features,
            training: rank(features.training_captions(), settings.matching.depth)?,
            held_out: rank(&first, first.len())?,
        })
    }

    /// Tells other captions, pictures and contrastive heads apart.
    pub(crate) fn origin(&self) -> String {
        self.training.fingerprint()
    }
}

/// `S` sentences, each with `C` pictures: all sentences with their own picture, then all with a wrong one, and so on.
pub(crate) struct Batch {
    /// Image tokens `[C * S, 1 + N, channels]`.
    pub(crate) tokens: Tensor<3>,
    /// Lower states `[C * S, L, hidden]`.
    pub(crate) states: Tensor<3>,
    /// Tokens of each of these.
    pub(crate) lengths: Vec<usize>,
    /// Cosines `[S, C]` by the aligner.
    pub(crate) cosines: Tensor<2>,
}

impl Batch {
    /// Draws wrong pictures for the training captions `items`.
    pub(crate) fn sample(
        data: &MatchingData<'_>,
        items: &[usize],
        settings: &TrainSettings,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let (features, candidates) = (data.features, &data.training);
        let sentences = features.sentences();
        let wrong = settings.matching.negatives.min(candidates.depth());
        let mut places = vec![Vec::with_capacity(items.len()); 1 + wrong];
        for _ in items {
            places[0].push(0);
            let drawn = rand::seq::index::sample(rng, candidates.depth(), wrong);
            for (places, at) in places[1..].iter_mut().zip(drawn) {
                places.push(1 + at);
            }
        }
        let lengths: Vec<usize> = items
            .iter()
            .map(|&item| sentences.length(candidates.captions()[item]))
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut states = Vec::new();
        for &item in items {
            sentences.push_states(candidates.captions()[item], longest, &mut states)?;
        }
        let mut tokens = Vec::new();
        let mut cosines = vec![0.0; items.len() * (1 + wrong)];
        for (column, places) in places.iter().enumerate() {
            for (row, (&item, &place)) in items.iter().zip(places).enumerate() {
                let (pictures, similarities) = candidates.of(item);
                let view = rng.random_range(0..settings.views);
                features.push_tokens(pictures[place] as usize, view, &mut tokens)?;
                cosines[row * (1 + wrong) + column] = similarities[place];
            }
        }
        let pairs = items.len() * (1 + wrong);
        let count = features.token_count();
        let channels = tokens.len() / (pairs * count);
        let states = TensorData::new(states, [items.len(), longest, sentences.width()]);
        Ok(Self {
            tokens: Tensor::from_data(TensorData::new(tokens, [pairs, count, channels]), device),
            states: Tensor::<3>::from_data(states, device).repeat_dim(0, 1 + wrong),
            lengths: lengths.repeat(1 + wrong),
            cosines: matrix(cosines, 1 + wrong, device),
        })
    }
}
