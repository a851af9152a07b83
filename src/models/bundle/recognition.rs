//! Tag2Text, RAM and RAM++ as a model: tags, and of Tag2Text captions.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use imgsearch_index::Embedding;

use super::config::RecognitionConfig;
use super::manifest::{BundleManifest, Preprocessing};
use super::{TAGS, VOCABULARY, weights};
use crate::caption::TaggedCaption;
use crate::encoder::{Encoder, ImageFeatures, for_input};
use crate::media::{Input, Squares};
use crate::models::backbone::host;
use crate::models::captioner::Captioner;
use crate::models::device::{Compute, Place, at_once};
use crate::models::nn::Swin;
use crate::models::recognition::Recognizer;
use crate::models::weights::Weights;
use crate::models::{CaptionOptions, ModelError, ModelPart, ModelSource};
use crate::vocabulary::Vocabulary;

/// Where the image encoder's tensors are.
pub(crate) const VISION: &str = "visual_encoder";

/// What recognises tags.
#[derive(Debug)]
struct Recognition {
    place: Place,
    vision: Swin,
    recognizer: Recognizer,
}

/// A bundle of the kind `tag2text`, `ram` or `ram-plus`. Weights are loaded when they are first needed: who wants tags does not
/// pay for captions.
#[derive(Debug)]
pub(crate) struct RecognitionModel {
    id: String,
    folder: PathBuf,
    compute: Compute,
    config: RecognitionConfig,
    preprocessing: Preprocessing,
    input: [Input; 1],
    vocabulary: Vocabulary,
    recognition: OnceLock<Recognition>,
    captioner: OnceLock<Captioner>,
}

impl RecognitionModel {
    /// Opens a bundle. Only its description and its tags are read now.
    pub(crate) fn open(
        manifest: &BundleManifest,
        folder: &Path,
        compute: Compute,
    ) -> Result<Self, ModelError> {
        let read = |config: &_| RecognitionConfig::read(manifest.kind, config);
        let (config, preprocessing) = manifest.network(folder, read)?;
        let source = ModelSource::Folder(folder.to_owned());
        let vocabulary = Vocabulary::from_json_lines(&source.text(TAGS)?).map_err(|error| {
            ModelError::Manifest {
                file: TAGS.to_owned(),
                reason: error.to_string(),
            }
        })?;
        let tags = config.recognizer.num_class();
        if vocabulary.len() != tags {
            let listed = vocabulary.len();
            let reason = format!("{TAGS} lists {listed} tags, the network has {tags}");
            return Err(BundleManifest::unusable(folder, reason));
        }
        Ok(Self {
            id: manifest.id(),
            folder: folder.to_owned(),
            compute,
            input: [preprocessing.input()],
            config,
            preprocessing,
            vocabulary,
            recognition: OnceLock::new(),
            captioner: OnceLock::new(),
        })
    }

    /// Builds every network once of a survey of weights that are to become a bundle, so that what is missing, left over or of
    /// another shape is named.
    pub(crate) fn check(
        config: &RecognitionConfig,
        words: &str,
        weights: Weights<'_>,
        device: &Device,
    ) -> Result<(), ModelError> {
        drop(Swin::load(&config.swin, VISION, &weights, device)?);
        drop(Recognizer::load(&config.recognizer, &weights, device)?);
        if let Some(med) = &config.med {
            let width = config.swin.vision_width;
            drop(Captioner::load(med, width, words, &weights, device)?);
        }
        weights.finish()
    }

    fn recognition(&self) -> Result<&Recognition, ModelError> {
        if let Some(recognition) = self.recognition.get() {
            return Ok(recognition);
        }
        let place = self.compute.open()?;
        let weights = weights(&self.folder, place.precision)?;
        let recognition = Recognition {
            vision: Swin::load(&self.config.swin, VISION, &weights, &place.device)?,
            recognizer: Recognizer::load(&self.config.recognizer, &weights, &place.device)?,
            place,
        };
        Ok(self.recognition.get_or_init(|| recognition))
    }

    fn captioner(&self) -> Result<&Captioner, ModelError> {
        if let Some(captioner) = self.captioner.get() {
            return Ok(captioner);
        }
        let Some(med) = &self.config.med else {
            return Err(ModelError::lacks(&self.id, ModelPart::Captioner));
        };
        let words = ModelSource::Folder(self.folder.clone()).text(VOCABULARY)?;
        let width = self.config.swin.vision_width;
        let Place { device, precision } = &self.recognition()?.place;
        let weights = weights(&self.folder, *precision)?;
        let captioner = Captioner::load(med, width, &words, &weights, device)?;
        Ok(self.captioner.get_or_init(|| captioner))
    }

    fn at_once(&self, pictures: usize) -> Result<usize, ModelError> {
        Ok(at_once(pictures, &self.recognition()?.place.device))
    }

    /// Image tokens `[B, 1 + N, C]`.
    fn tokens(&self, pictures: &[Squares]) -> Result<Tensor<3>, ModelError> {
        let device = &self.recognition()?.place.device;
        let pixels = for_input(pictures, 0)?;
        self.look(self.preprocessing.tensor(&pixels, device)?)
    }

    /// Normalised pictures `[B, 3, S, S]` to image tokens `[B, 1 + N, C]`.
    pub(super) fn look(&self, pictures: Tensor<4>) -> Result<Tensor<3>, ModelError> {
        Ok(self.recognition()?.vision.forward(pictures))
    }

    /// Probabilities of every tag, a row a picture, from image tokens.
    pub(super) fn scores(&self, tokens: Tensor<3>) -> Result<Vec<Vec<f32>>, ModelError> {
        let scores = host(sigmoid(self.recognition()?.recognizer.forward(tokens)))?;
        if scores.iter().any(|score| !score.is_finite()) {
            return Err(ModelError::NotFinite);
        }
        let rows = scores.chunks_exact(self.vocabulary.len());
        Ok(rows.map(<[f32]>::to_vec).collect())
    }

    /// Captions from image tokens, and from `tags` or else those that are recognised.
    pub(super) fn describe(
        &self,
        tokens: Tensor<3>,
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        let tags: Vec<Vec<String>> = match tags {
            Some(tags) => vec![tags.to_vec(); tokens.dims()[0]],
            None => {
                let scores = self.scores(tokens.clone())?;
                scores
                    .iter()
                    .map(|scores| self.recognized(scores))
                    .collect()
            }
        };
        let joined: Vec<String> = tags.iter().map(|tags| tags.join(" | ")).collect();
        let captions = self.captioner()?.generate(&tokens, &joined, options)?;
        let captions = captions.into_iter().zip(tags);
        Ok(captions
            .map(|(caption, tags)| TaggedCaption::new(caption, tags))
            .collect())
    }

    fn recognized(&self, scores: &[f32]) -> Vec<String> {
        let tags = self.vocabulary.iter().zip(scores);
        tags.filter(|(tag, score)| **score > tag.threshold)
            .map(|(tag, _)| tag.name.clone())
            .collect()
    }
}

impl Encoder for RecognitionModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        0
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn inputs(&self) -> &[Input] {
        &self.input
    }

    fn images(&self, _: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        Err(ModelError::lacks(&self.id, ModelPart::Aligner))
    }

    fn text(&self, _: &str) -> Result<Embedding, ModelError> {
        Err(ModelError::lacks(&self.id, ModelPart::Aligner))
    }

    fn tag_scores(&self, pictures: &[Squares]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut scores = Vec::with_capacity(pictures.len());
        for part in pictures.chunks(self.at_once(pictures.len())?) {
            scores.extend(self.scores(self.tokens(part)?)?);
        }
        Ok(scores)
    }

    fn captions(
        &self,
        pictures: &[Squares],
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        // Before the image encoder is loaded for nothing.
        if self.config.med.is_none() {
            return Err(ModelError::lacks(&self.id, ModelPart::Captioner));
        }
        let mut captions = Vec::with_capacity(pictures.len());
        for part in pictures.chunks(self.at_once(pictures.len())?) {
            captions.extend(self.describe(self.tokens(part)?, tags, options)?);
        }
        Ok(captions)
    }
}
