//! The model that training starts from: encoders, and heads that are taken over or trained further.

use std::borrow::Cow;

use burn::tensor::Device;

use super::TrainError;
use super::settings::TrainSettings;
use super::upper_layers::UpperLayers;
use crate::models::ModelSource;
use crate::models::aligner::{Aligner, ImageProjection, TextProjection};
use crate::models::manifest::Manifest;
use crate::models::mini::{BACKBONES, HEADS, MATCHER, TAGS};
use crate::models::tagger::Tagger;
use crate::models::tensors::SafetensorsBytes;
use crate::models::weights::{Layout, Weights};
use crate::vocabulary::Vocabulary;

/// Heads of a bundle, read when they are first asked for.
pub(crate) struct BaseHeads<'a> {
    source: &'a ModelSource,
    manifest: &'a Manifest,
}

impl<'a> BaseHeads<'a> {
    /// The heads of `source`, which `manifest` describes.
    pub(crate) fn new(source: &'a ModelSource, manifest: &'a Manifest) -> Self {
        Self { source, manifest }
    }

    /// The tags that its tagger knows.
    pub(crate) fn vocabulary(&self) -> Result<Vocabulary, TrainError> {
        vocabulary(&self.source.text(TAGS)?)
    }

    /// Tells heads of different weights apart.
    pub(crate) fn fingerprint(&self) -> Result<String, TrainError> {
        Ok(blake3::hash(&self.source.read(HEADS)?).to_hex().to_string())
    }

    /// Whether the alignment encoder of the base is trained further.
    pub(crate) fn continues_matching(&self, settings: &TrainSettings) -> bool {
        settings.fine_tunes() && self.manifest.matcher.is_some()
    }

    /// The file that the alignment encoder starts from: the base's own, or `backbones`, whose text encoder has the layers.
    pub(crate) fn matching_file<'b>(
        &'b self,
        settings: &TrainSettings,
        backbones: &'b [u8],
    ) -> Result<Cow<'b, [u8]>, TrainError> {
        Ok(match self.continues_matching(settings) {
            true => self.source.read(MATCHER)?,
            false => Cow::Borrowed(backbones),
        })
    }

    /// What the alignment encoder starts from; `bytes` are those of [`BaseHeads::matching_file`].
    pub(crate) fn matching_start<'b>(
        &self,
        settings: &TrainSettings,
        bytes: &'b [u8],
    ) -> Result<Weights<'b>, TrainError> {
        if self.continues_matching(settings) {
            return Ok(Weights::parse(MATCHER, bytes)?);
        }
        let source = UpperLayers(SafetensorsBytes::parse(BACKBONES, bytes)?);
        Ok(Weights::new(source, Layout::Burn).or_initial(settings.seed))
    }

    /// What the pretrained text encoder makes of the names of the classes: `[K, W]`.
    pub(crate) fn class_names(&self) -> Result<Vec<f32>, TrainError> {
        let bytes = self.source.read(HEADS)?;
        let shape = [
            self.manifest.classes,
            self.manifest.text_encoder.hidden_size,
        ];
        Ok(Weights::parse(HEADS, &bytes)?.values("class_names", &shape)?)
    }

    /// The contrastive heads.
    pub(crate) fn aligner(&self, device: &Device) -> Result<Aligner, TrainError> {
        let bytes = self.source.read(HEADS)?;
        let weights = Weights::parse(HEADS, &bytes)?;
        let config = &self.manifest.aligner;
        let vocabulary = self.manifest.text_encoder.vocab_size;
        Ok(Aligner {
            image: ImageProjection::load(config, &weights, device)?,
            text: TextProjection::load(config, vocabulary, &weights, device)?,
        })
    }

    /// The recognition decoder.
    pub(crate) fn tagger(&self, device: &Device) -> Result<Tagger, TrainError> {
        let bytes = self.source.read(HEADS)?;
        let weights = Weights::parse(HEADS, &bytes)?;
        Ok(Tagger::load(&self.manifest.tagger, &weights, device)?)
    }
}

/// A tag list as a setting names it.
pub(crate) fn vocabulary(json_lines: &str) -> Result<Vocabulary, TrainError> {
    Vocabulary::from_json_lines(json_lines).map_err(|source| TrainError::Setting {
        setting: "tags",
        reason: source.to_string(),
    })
}
