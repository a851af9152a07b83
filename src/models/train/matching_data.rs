//! Pairs of sentence and picture that the matching stage learns from.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::TrainError;
use super::candidates::Candidates;
use super::dropout::Dropout;
use super::features::Features;
use super::look_alikes::LookAlikes;
use super::settings::TrainSettings;
use super::stage::Draw;
use crate::models::aligner::Aligner;

/// Share of the steps after which groups are as much alike as they will be. Told apart from random others first, pictures and
/// words are brought together at all; nothing is learned from close ones in the beginning.
const EASY: f32 = 0.75;

/// Groups whose captions are padded to one length.
const PADDED: usize = 8;

/// Everything that the stage reads.
pub(crate) struct MatchingData<'a> {
    pub(crate) features: &'a Features,
    /// Training pictures.
    pub(crate) training: LookAlikes,
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
        let (texts, own) = (features.texts(), &settings.matching);
        let training = features.training_pictures(own.names);
        let held_out = features.held_out_captioned();
        let first = held_out.iter().map(|&p| texts.captions_of(p).start);
        let (first, least) = (first.collect::<Vec<_>>(), own.depth);
        Ok(Self {
            features,
            training: LookAlikes::rank(features, aligner, training, least, device)?,
            held_out: Candidates::rank(
                features,
                aligner,
                &first,
                &held_out,
                held_out.len(),
                device,
            )?,
        })
    }

    /// Tells other captions, pictures and contrastive heads apart.
    pub(crate) fn origin(&self) -> String {
        self.training.fingerprint()
    }
}

/// Groups of pictures, each with one of its texts, and every pair within each group.
pub(crate) struct Batch {
    /// Image tokens `[groups * size, 1 + N, channels]`.
    pub(crate) tokens: Tensor<3>,
    /// Lower states `[groups * size, L, hidden]` of their texts.
    pub(crate) states: Tensor<3>,
    /// Tokens of each of these.
    pub(crate) lengths: Vec<usize>,
    /// Pictures of a group, and texts.
    pub(crate) size: usize,
}

/// Groups of a step, padded to one length.
pub(crate) struct Drawn {
    groups: Vec<Vec<Pair>>,
    /// Of what is dropped.
    seed: u64,
}

impl Drawn {
    /// Draws groups that begin with the training pictures of the step, texts and views. Groups of short texts come first and apart
    /// from those of long ones, as half of a whole step would be padding.
    pub(crate) fn sample(
        data: &MatchingData<'_>,
        Draw { items, rng, done }: Draw<'_>,
        settings: &TrainSettings,
    ) -> Vec<Self> {
        let (texts, sentences) = (data.features.texts(), data.features.sentences());
        let reach = reach(data.training.len(), settings.matching.depth, done);
        let size = settings.matching.group.min(data.training.len());
        let draw = |&first: &usize| -> Vec<Pair> {
            let pictures = data.training.group(first, size, reach, rng).into_iter();
            let pair = |picture| Pair {
                picture,
                text: texts.draw(picture, settings.matching.keywords, rng),
                view: texts.view(picture, rng.random_range(0..settings.views)),
            };
            pictures.map(pair).collect()
        };
        let mut groups: Vec<Vec<Pair>> = items.iter().map(draw).collect();
        let length = |pair: &Pair| sentences.length(pair.text);
        groups.sort_by_key(|group| group.iter().map(length).max());
        let mut parts = Vec::new();
        while !groups.is_empty() {
            let rest = groups.split_off(PADDED.min(groups.len()));
            let seed = rng.random();
            parts.push(Self { groups, seed });
            groups = rest;
        }
        parts
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Reads what has been drawn, but for the `dropped` share of it.
    pub(crate) fn read(
        &self,
        features: &Features,
        dropped: f64,
        device: &Device,
    ) -> Result<Batch, TrainError> {
        let sentences = features.sentences();
        let pairs = || self.groups.iter().flatten();
        let lengths: Vec<usize> = pairs().map(|pair| sentences.length(pair.text)).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let (mut tokens, mut states) = (Vec::new(), Vec::new());
        for pair in pairs() {
            features.push_tokens(pair.picture, pair.view, &mut tokens)?;
            sentences.push_states(pair.text, longest, &mut states)?;
        }
        let mut dropout = Dropout::new(dropped, self.seed);
        dropout.apply(&mut tokens);
        dropout.apply(&mut states);
        let shape = [lengths.len(), features.token_count(), features.channels()];
        let tokens = TensorData::new(tokens, shape);
        let states = TensorData::new(states, [lengths.len(), longest, sentences.width()]);
        Ok(Batch {
            tokens: Tensor::from_data(tokens, device),
            states: Tensor::from_data(states, device),
            size: lengths.len() / self.groups.len(),
            lengths,
        })
    }
}

/// A picture of a group, seen in one way, and one of its texts.
struct Pair {
    picture: usize,
    text: usize,
    view: usize,
}

/// How many of the most alike pictures a group is drawn from: all of them at first, `depth` in the end, the same factor fewer
/// with every step.
fn reach(all: usize, depth: usize, done: f32) -> usize {
    let fewest = depth.min(all) as f32;
    let part = (done / EASY).min(1.0);
    (all as f32 * (fewest / all as f32).powf(part)).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_closer_and_stay_close() {
        let at = |done| reach(6400, 100, done);
        assert_eq!(
            (at(0.0), at(0.375), at(0.75), at(1.0)),
            (6400, 800, 100, 100)
        );
        assert_eq!(reach(3, 100, 0.9), 3);
    }
}
