//! Captions of the built-in model.

use burn::tensor::{Device, Tensor};

use super::{CAPTION_WORDS, CAPTIONER, HEADS, Tag2TextMini};
use crate::caption::TaggedCaption;
use crate::encoder::Encoder;
use crate::models::backbone::ImageTokens;
use crate::models::caption::{Caption, CaptionOptions};
use crate::models::caption_network::CaptionNetwork;
use crate::models::device::Place;
use crate::models::interaction::GivenTags;
use crate::models::sentence::naming;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::weights::{Weights, transposed};
use crate::models::{ModelError, ModelPart};

/// Tokens by which lengths of captions count more than the start token: "a picture of", which the full-size models start with.
const PROMPT: usize = 3;

/// Everything that writes captions.
#[derive(Debug)]
pub(super) struct CaptionSide {
    network: CaptionNetwork,
    tokenizer: BlipTokenizer,
    /// Tags that a caption is written from.
    tags: usize,
    /// Tag names in the shared space `[T, D]`.
    names: Vec<f32>,
    device: Device,
}

impl Tag2TextMini {
    fn caption_side(&self) -> Result<&CaptionSide, ModelError> {
        if let Some(side) = self.captioning.get() {
            return Ok(side);
        }
        let manifest = &self.manifest;
        let lacks = || ModelError::lacks(&self.id, ModelPart::Captioner);
        let config = manifest.captioner.as_ref().ok_or_else(lacks)?;
        let Place { device, precision } = self.compute.open()?;
        let bytes = self.source.read(CAPTIONER)?;
        let weights = Weights::parse(CAPTIONER, &bytes)?.in_precision(precision);
        let tokenizer = BlipTokenizer::new(&self.source.text(CAPTION_WORDS)?)?;
        if tokenizer.len() != config.decoder.vocab_size {
            return Err(ModelError::Vocabulary {
                reason: format!(
                    "with [DEC] and [ENC] it has {} tokens, the captioner {}",
                    tokenizer.len(),
                    config.decoder.vocab_size
                ),
            });
        }
        let heads = self.source.read(HEADS)?;
        let (width, tags) = (self.manifest.aligner.embed_dim, self.vocabulary.len());
        let names = Weights::parse(HEADS, &heads)?.values("tag_names", &[width, tags])?;
        let side = CaptionSide {
            network: CaptionNetwork::load(config, manifest, &weights, &device)?,
            tokenizer,
            tags: config.tags,
            names: transposed(&names, tags),
            device,
        };
        Ok(self.captioning.get_or_init(|| side))
    }

    /// Captions of pictures that the image encoder has seen, from `tags` or else from those that are recognised.
    pub(super) fn describe(
        &self,
        seen: ImageTokens,
        embedding: Tensor<2>,
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        let (side, width) = (self.caption_side()?, self.dim());
        let tokens = seen.tokens.clone();
        let (names, tags): (Vec<Vec<f32>>, Vec<Vec<String>>) = match tags {
            Some(tags) => {
                let mut names = Vec::with_capacity(tags.len() * width);
                for tag in tags {
                    names.extend(self.text(&naming(tag))?.as_slice());
                }
                let batch = tokens.dims()[0];
                (vec![names; batch], vec![tags.to_vec(); batch])
            }
            None => self
                .features(seen, embedding)?
                .iter()
                .map(|features| self.recognized(side, &features.tag_scores))
                .unzip(),
        };
        let rows: Vec<Vec<&[f32]>> = names
            .iter()
            .map(|names| names.chunks_exact(width).collect())
            .collect();
        let given = GivenTags::new(&rows, side.tags, width, &side.device);
        let tagger = &self.image_side()?.tagger;
        let states = side.network.states(tokens, &given, tagger);
        let captions = side.write(&states, options)?;
        let captions = captions.into_iter().zip(tags);
        Ok(captions
            .map(|(caption, tags)| TaggedCaption::new(caption, tags))
            .collect())
    }

    /// Names in the shared space, and in words, of the recognised tags, the surest first.
    fn recognized(&self, side: &CaptionSide, scores: &[f32]) -> (Vec<f32>, Vec<String>) {
        let width = self.dim();
        let (mut names, mut words) = (Vec::new(), Vec::new());
        for id in self
            .vocabulary
            .recognized(scores)
            .into_iter()
            .take(side.tags)
        {
            names.extend_from_slice(&side.names[id.0 as usize * width..][..width]);
            words.extend(self.vocabulary.get(id).map(|tag| tag.name.clone()));
        }
        (names, words)
    }
}

impl CaptionSide {
    fn write(
        &self,
        states: &Tensor<3>,
        options: &CaptionOptions,
    ) -> Result<Vec<Caption>, ModelError> {
        let positions = self.network.decoder.positions();
        let mut limits = options.limits(1 + PROMPT, positions, self.tokenizer.sep)?;
        limits.max_length -= PROMPT;
        limits.min_length = limits.min_length.saturating_sub(PROMPT);
        let start = [self.tokenizer.dec];
        let texts = self
            .network
            .decoder
            .write(states, &start, &limits, options)?;
        Ok(texts
            .into_iter()
            .map(|text| Caption {
                text: self.tokenizer.decode(&text.ids),
                score: text.score,
            })
            .collect())
    }
}
