//! Pictures, tags and captions that the captioning stage learns from.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::TrainError;
use super::cache::{FeatureCache, claim};
use super::captioning::Parts;
use super::dropout::Dropout;
use super::features::Features;
use super::progress::Progress;
use super::tagging_data::TaggingData;
use crate::models::backbone::host;
use crate::models::interaction::GivenTags;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::weights::transposed;

/// Pictures whose tags are recognised at once.
const BATCH: usize = 16;
/// Tokens that a caption is cut to.
const LONGEST: usize = 40;
/// Captions of a picture in a step.
const CAPTIONS: usize = 5;
/// Share of the steps of a picture that give the tags of its captions instead of those that are recognised.
const PARSED: f64 = 0.5;
/// Share of the tags that are not given.
const DROPPED: f64 = 0.2;

/// Everything that the stage reads.
pub(crate) struct CaptioningData<'a> {
    features: &'a Features,
    tagging: &'a TaggingData<'a>,
    tokenizer: &'a BlipTokenizer,
    /// Recognised tags of every captioned picture, the surest first.
    recognized: Vec<Vec<u32>>,
    /// Names in the shared space `[T, D]`.
    names: Vec<f32>,
    origin: String,
    embed_dim: usize,
    /// Tags that a caption is written from.
    tags: usize,
    training: Vec<usize>,
    held_out: Vec<usize>,
}

/// Pictures with their tags, and as many captions of each.
pub(crate) struct Drawn {
    /// Pictures and views.
    seen: Vec<(usize, usize)>,
    tags: Vec<Vec<u32>>,
    /// Token ids of the captions, picture by picture, filled up to the same length.
    pub(crate) ids: Vec<u32>,
    /// Tokens of each caption.
    pub(crate) lengths: Vec<usize>,
}

impl<'a> CaptioningData<'a> {
    /// Recognises the tags of what `folder` does not hold yet.
    pub(crate) fn collect(
        tagging: &'a TaggingData<'a>,
        parts: &Parts<'a>,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        let Parts {
            tagger,
            vocabulary,
            tokenizer,
            device,
            ..
        } = *parts;
        let tags = parts.config.tags;
        let features = tagging.features();
        let captioned: Vec<usize> = (0..features.pictures())
            .filter(|&picture| !features.texts().captions_of(picture).is_empty())
            .collect();
        let all: Vec<usize> = (0..vocabulary.len()).collect();
        let folder = folder.join("recognized");
        let recognizer = blake3::hash(&parts.tagger_bytes()?);
        claim(&folder, &recognizer.to_hex())?;
        let mut scores = FeatureCache::open(&folder.join("scores.f16"), all.len())?;
        let total = captioned.len();
        scores.keep_batches(BATCH, total)?;
        scores.fill(total, BATCH, "tags", progress, |range| {
            let batch: Vec<(usize, usize)> = captioned[range].iter().map(|&p| (p, 0)).collect();
            let logits = tagger.forward(tagging.evidence(&batch, &all, None, device)?);
            Ok(host(sigmoid(logits))?)
        })?;
        let mut recognized = vec![Vec::new(); features.pictures()];
        let mut row = vec![0.0; all.len()];
        for (index, &picture) in captioned.iter().enumerate() {
            scores.read(index..index + 1, &mut row)?;
            let ids = vocabulary.recognized(&row).into_iter();
            recognized[picture] = ids.map(|id| id.0).take(tags).collect();
        }
        let (held_out, training) = captioned
            .into_iter()
            .partition(|&picture| features.is_held_out(picture));
        let embed_dim = tagging.tag_names().len() / all.len();
        Ok(Self {
            features,
            tagging,
            tokenizer,
            recognized,
            names: transposed(tagging.tag_names(), all.len()),
            origin: format!("{}{}", tagging.origin(), recognizer.to_hex()),
            embed_dim,
            tags,
            training,
            held_out,
        })
    }

    /// Tells other tags, pictures and recognition decoders apart.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn training_pictures(&self) -> &[usize] {
        &self.training
    }

    pub(crate) fn held_out_pictures(&self) -> &[usize] {
        &self.held_out
    }

    /// The captions of a picture.
    pub(crate) fn captions(&self, picture: usize) -> Vec<&str> {
        let captions = self.features.texts().captions_of(picture);
        captions.map(|c| self.features.texts().get(c)).collect()
    }

    /// Draws views, tags and captions for training pictures.
    pub(crate) fn draw(
        &self,
        pictures: &[usize],
        views: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Drawn, TrainError> {
        let counts = pictures
            .iter()
            .map(|&p| self.features.texts().captions_of(p).len());
        let each = counts.max().unwrap_or(0).clamp(1, CAPTIONS);
        let (mut seen, mut tags) = (Vec::new(), Vec::new());
        let (mut rows, mut lengths) = (Vec::new(), Vec::new());
        for &picture in pictures {
            let view = rng.random_range(0..views);
            seen.push((picture, self.features.texts().view(picture, view)));
            tags.push(self.draw_tags(picture, rng));
            let mut captions: Vec<usize> = self.features.texts().captions_of(picture).collect();
            captions.shuffle(rng);
            for &caption in captions.iter().cycle().take(each) {
                let text = self.features.texts().get(caption);
                let mut padded = self.tokenizer.encode_padded(text, LONGEST)?;
                padded.ids[0] = self.tokenizer.dec;
                rows.push(padded.ids);
                lengths.push(padded.length);
            }
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        Ok(Drawn {
            seen,
            tags,
            ids: rows
                .iter()
                .flat_map(|row| &row[..longest])
                .copied()
                .collect(),
            lengths,
        })
    }

    /// Image tokens `[B, 1 + N, channels]` of what has been drawn, as far as `dropout` leaves them, and its tags.
    pub(crate) fn read(
        &self,
        drawn: &Drawn,
        dropout: &mut Dropout,
        device: &Device,
    ) -> Result<(Tensor<3>, GivenTags), TrainError> {
        let tokens = self.tokens(&drawn.seen, Some(dropout), device)?;
        Ok((tokens, self.given(&drawn.tags, device)))
    }

    /// Held-out pictures with the tags that are recognised in them.
    pub(crate) fn recognized(
        &self,
        pictures: &[usize],
        device: &Device,
    ) -> Result<(Tensor<3>, GivenTags), TrainError> {
        let seen: Vec<(usize, usize)> = pictures.iter().map(|&picture| (picture, 0)).collect();
        let tags: Vec<Vec<u32>> = pictures
            .iter()
            .map(|&p| self.recognized[p].clone())
            .collect();
        Ok((self.tokens(&seen, None, device)?, self.given(&tags, device)))
    }

    /// Tags that guide the captions of a picture in one step: at times those of its captions, so that the captions learn to
    /// follow what a user asks for; at times those that are recognised, as it will be without a user.
    fn draw_tags(&self, picture: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut tags = if rng.random_bool(PARSED) {
            let mut shown = self.tagging.shown(picture).to_vec();
            shown.shuffle(rng);
            shown
        } else {
            self.recognized[picture].clone()
        };
        tags.retain(|_| !rng.random_bool(DROPPED));
        tags
    }

    fn tokens(
        &self,
        seen: &[(usize, usize)],
        dropout: Option<&mut Dropout>,
        device: &Device,
    ) -> Result<Tensor<3>, TrainError> {
        let mut tokens = Vec::new();
        for &(picture, view) in seen {
            self.features.push_tokens(picture, view, &mut tokens)?;
        }
        if let Some(dropout) = dropout {
            dropout.apply(&mut tokens);
        }
        let count = self.features.token_count();
        let shape = [seen.len(), count, tokens.len() / (seen.len() * count)];
        Ok(Tensor::from_data(TensorData::new(tokens, shape), device))
    }

    fn given(&self, tags: &[Vec<u32>], device: &Device) -> GivenTags {
        let name = |&tag: &u32| &self.names[tag as usize * self.embed_dim..][..self.embed_dim];
        let rows: Vec<Vec<&[f32]>> = tags
            .iter()
            .map(|tags| tags.iter().map(name).collect())
            .collect();
        GivenTags::new(&rows, self.tags, self.embed_dim, device)
    }
}
