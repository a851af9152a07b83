//! BLIP, fine-tuned for retrieval, as a model: similarity and image-text matching.

mod kept;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use imgsearch_index::Embedding;

use super::config::read_blip;
use super::manifest::{BundleManifest, Preprocessing};
use super::{VOCABULARY, weights};
use crate::caption::{MatchLogits, SentenceMatch};
use crate::encoder::{Encoder, ImageFeatures, for_input};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Input, Squares};
use crate::models::backbone::host;
use crate::models::blip::{BlipConfig, BlipImages, BlipMatcher, BlipTexts, MAX_LENGTH, MatchStart};
use crate::models::device::{Compute, Place, at_once};
use crate::models::tokenizer::BlipTokenizer;
use crate::models::weights::Weights;
use crate::models::{ModelError, ModelSource};
use crate::vocabulary::Vocabulary;

/// A bundle of the kind `blip-itm`. Weights are loaded when they are first needed: a search reads sentences and pays neither
/// for the image encoder nor for the cross-attention.
#[derive(Debug)]
pub(crate) struct BlipModel {
    id: String,
    folder: PathBuf,
    compute: Compute,
    config: BlipConfig,
    preprocessing: Preprocessing,
    input: [Input; 1],
    vocabulary: Vocabulary,
    tokenizer: BlipTokenizer,
    opened: OnceLock<Place>,
    images: OnceLock<BlipImages>,
    texts: OnceLock<BlipTexts>,
    matcher: OnceLock<BlipMatcher>,
}

impl BlipModel {
    /// Opens a bundle. Only its description and its vocabulary are read now.
    pub(crate) fn open(
        manifest: &BundleManifest,
        folder: &Path,
        compute: Compute,
    ) -> Result<Self, ModelError> {
        let (config, preprocessing) = manifest.network(folder, read_blip)?;
        let words = ModelSource::Folder(folder.to_owned()).text(VOCABULARY)?;
        Ok(Self {
            id: manifest.id(),
            folder: folder.to_owned(),
            compute,
            tokenizer: tokenizer(&config, &words)?,
            config,
            input: [preprocessing.input()],
            preprocessing,
            vocabulary: Vocabulary::default(),
            opened: OnceLock::new(),
            images: OnceLock::new(),
            texts: OnceLock::new(),
            matcher: OnceLock::new(),
        })
    }

    /// Builds every network once of a survey of weights that are to become a bundle, so that what is missing, left over or of
    /// another shape is named.
    pub(crate) fn check(
        config: &BlipConfig,
        words: &str,
        weights: Weights<'_>,
        device: &Device,
    ) -> Result<(), ModelError> {
        tokenizer(config, words)?;
        drop(BlipImages::load(config, &weights, device)?);
        drop(BlipMatcher::load(config, &weights, device)?);
        weights.finish()
    }

    /// Of the image encoder and the matcher, which looks at its tokens.
    fn place(&self) -> Result<&Place, ModelError> {
        if let Some(place) = self.opened.get() {
            return Ok(place);
        }
        let place = self.compute.open()?;
        Ok(self.opened.get_or_init(|| place))
    }

    fn device(&self) -> Result<&Device, ModelError> {
        Ok(&self.place()?.device)
    }

    fn images_side(&self) -> Result<&BlipImages, ModelError> {
        if let Some(images) = self.images.get() {
            return Ok(images);
        }
        let Place { device, precision } = self.place()?;
        let weights = weights(&self.folder, *precision)?;
        let images = BlipImages::load(&self.config, &weights, device)?;
        Ok(self.images.get_or_init(|| images))
    }

    fn texts(&self) -> Result<&BlipTexts, ModelError> {
        if let Some(texts) = self.texts.get() {
            return Ok(texts);
        }
        let Place { device, precision } = self.compute.for_text()?;
        let weights = weights(&self.folder, precision)?;
        let texts = BlipTexts::load(&self.config, &weights, &device)?;
        Ok(self.texts.get_or_init(|| texts))
    }

    fn matcher(&self) -> Result<&BlipMatcher, ModelError> {
        if let Some(matcher) = self.matcher.get() {
            return Ok(matcher);
        }
        let Place { device, precision } = self.place()?;
        let weights = weights(&self.folder, *precision)?;
        let matcher = BlipMatcher::load(&self.config, &weights, device)?;
        Ok(self.matcher.get_or_init(|| matcher))
    }

    /// Tokens `[B, 1 + N, C]` of pictures.
    fn tokens(&self, pictures: &[Squares]) -> Result<Tensor<3>, ModelError> {
        let pixels = for_input(pictures, 0)?;
        self.look(self.preprocessing.tensor(&pixels, self.device()?)?)
    }

    /// Normalised pictures `[B, 3, S, S]` to tokens `[B, 1 + N, C]`.
    pub(super) fn look(&self, pictures: Tensor<4>) -> Result<Tensor<3>, ModelError> {
        Ok(self.images_side()?.tokens(pictures))
    }

    /// How well sentences go with a picture of which these are the tokens `[1, 1 + N, C]`.
    pub(super) fn compare(
        &self,
        tokens: Tensor<3>,
        sentences: &[&str],
        start: MatchStart,
    ) -> Result<Vec<SentenceMatch>, ModelError> {
        if sentences.is_empty() {
            return Ok(Vec::new());
        }
        let matcher = self.matcher()?;
        let read = self.rows(sentences)?;
        let texts = rows(matcher.texts().features(&read)?)?;
        let started = self.started(read, start);
        let logits = matcher.logits(&started, &matcher.images(&tokens))?;
        let matches = host(softmax(logits, 1))?;
        let image = rows(self.images_side()?.features(tokens))?;
        let image = image.first().ok_or(ModelError::NotFinite)?;
        let pairs = texts.iter().zip(matches.chunks_exact(2));
        Ok(pairs
            .map(|(text, pair)| SentenceMatch::new(image.dot(text), Some(pair[1])))
            .collect())
    }

    fn started(&self, rows: Vec<Vec<u32>>, start: MatchStart) -> Vec<Vec<u32>> {
        let start = |row| start.apply(row, &self.tokenizer);
        rows.into_iter().map(start).collect()
    }

    fn rows(&self, sentences: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        let row = |sentence: &&str| {
            let mut padded = self.tokenizer.encode_padded(sentence, MAX_LENGTH)?;
            padded.ids.truncate(padded.length);
            Ok(padded.ids)
        };
        sentences.iter().map(row).collect()
    }
}

fn tokenizer(config: &BlipConfig, words: &str) -> Result<BlipTokenizer, ModelError> {
    let tokenizer = BlipTokenizer::new(words)?;
    if tokenizer.len() != config.med.vocab_size {
        return Err(ModelError::Vocabulary {
            reason: format!(
                "with [DEC] and [ENC] it has {} tokens, the model {}",
                tokenizer.len(),
                config.med.vocab_size
            ),
        });
    }
    Ok(tokenizer)
}

fn rows(features: Tensor<2>) -> Result<Vec<Embedding>, ModelError> {
    let [_, width] = features.dims();
    host(features)?
        .chunks_exact(width)
        .map(|row| Embedding::new(row.to_vec()).map_err(|_| ModelError::NotFinite))
        .collect()
}

impl Encoder for BlipModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.config.embed_dim
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn inputs(&self) -> &[Input] {
        &self.input
    }

    fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        let embeddings = self.embeddings(pictures)?.into_iter();
        Ok(embeddings
            .map(|embedding| ImageFeatures::new(embedding, Vec::new()))
            .collect())
    }

    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        let features = self.texts()?.features(&self.rows(&[sentence])?)?;
        rows(features)?.pop().ok_or(ModelError::NotFinite)
    }

    fn embeddings(&self, pictures: &[Squares]) -> Result<Vec<Embedding>, ModelError> {
        let mut embeddings = Vec::with_capacity(pictures.len());
        for part in pictures.chunks(at_once(pictures.len(), self.device()?)) {
            let tokens = self.tokens(part)?;
            embeddings.extend(rows(self.images_side()?.features(tokens))?);
        }
        Ok(embeddings)
    }

    fn matches(&self) -> bool {
        true
    }

    fn images_with_tokens(
        &self,
        pictures: &[Squares],
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        let mut kept = Vec::with_capacity(pictures.len());
        for part in pictures.chunks(at_once(pictures.len(), self.device()?)) {
            kept.extend(self.keep(self.tokens(part)?)?);
        }
        Ok(kept)
    }

    fn match_logits(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        self.match_kept(images, sentences)
    }

    fn match_sentences(
        &self,
        picture: &Squares,
        sentences: &[&str],
        start: MatchStart,
    ) -> Result<Vec<SentenceMatch>, ModelError> {
        let tokens = self.tokens(std::slice::from_ref(picture))?;
        self.compare(tokens, sentences, start)
    }
}
