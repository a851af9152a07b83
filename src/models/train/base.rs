//! The model that training starts from: frozen backbones, and heads that are taken over or trained further.

use burn::tensor::Device;

use super::TrainError;
use crate::models::ModelSource;
use crate::models::aligner::{Aligner, ImageProjection, TextProjection};
use crate::models::manifest::Manifest;
use crate::models::mini::{HEADS, TAGS};
use crate::models::tagger::Tagger;
use crate::models::weights::Weights;
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

    /// The contrastive heads.
    pub(crate) fn aligner(&self, device: &Device) -> Result<Aligner, TrainError> {
        let bytes = self.source.read(HEADS)?;
        let weights = Weights::parse(HEADS, &bytes)?;
        let config = &self.manifest.aligner;
        Ok(Aligner {
            image: ImageProjection::load(config, &weights, device)?,
            text: TextProjection::load(config, &weights, device)?,
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
