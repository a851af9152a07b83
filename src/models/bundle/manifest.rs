//! `manifest.json` of a bundle, from format 2 on; what others published and what was joined is described by it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media::{Input, Pixels, ResizeFilter};
use crate::models::ModelError;
use crate::models::normalization::Normalization;

/// The newest format that this version reads. Format 1 describes models like the built-in one, see
/// [`super::super::manifest`].
pub(crate) const FORMAT: u32 = 2;
/// Most pixels along one edge of a network's input.
const LARGEST_SIDE: u32 = 4096;

/// What a model is, as the command line and the manifest call it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelKind {
    /// The model inside the binary and those trained from it: tags and similarity.
    #[serde(rename = "tag2text-mini")]
    Mini,
    /// Tag2Text: tags and captions.
    Tag2text,
    /// RAM: tags.
    Ram,
    /// RAM++: tags.
    RamPlus,
    /// BLIP fine-tuned for retrieval: similarity and image-text matching.
    BlipItm,
    /// The tags of one model and the similarity of another.
    Composed,
}

impl ModelKind {
    /// Whether models of this kind recognise tags by a list that somebody has to bring.
    pub(crate) fn has_tag_list(self) -> bool {
        matches!(self, Self::Tag2text | Self::Ram | Self::RamPlus)
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mini => "tag2text-mini",
            Self::Tag2text => "tag2text",
            Self::Ram => "ram",
            Self::RamPlus => "ram-plus",
            Self::BlipItm => "blip-itm",
            Self::Composed => "composed",
        })
    }
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightType {
    /// Half precision: half the disk, computed with in single precision all the same.
    #[default]
    F16,
    /// Single precision, as published.
    F32,
}

impl fmt::Display for WeightType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
        })
    }
}

/// From a picture to the numbers that a network takes, in the words of a `preprocessor_config.json`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Preprocessing {
    /// Pixels along one edge of the square.
    pub(crate) size: u32,
    pub(crate) resample: ResizeFilter,
    #[serde(flatten)]
    pub(crate) normalization: Normalization,
}

impl Preprocessing {
    /// That of inference with models of a kind.
    pub(crate) fn of(kind: ModelKind, size: usize) -> Self {
        let (resample, normalization) = match kind {
            ModelKind::BlipItm => (ResizeFilter::Bicubic, Normalization::CLIP),
            _ => (ResizeFilter::Bilinear, Normalization::IMAGENET),
        };
        Self {
            size: size as u32,
            resample,
            normalization,
        }
    }

    /// What it asks of [`media`](crate::media).
    pub(crate) fn input(&self) -> Input {
        Input {
            side: self.size,
            filter: self.resample,
        }
    }

    /// Pictures `[B, 3, S, S]`, normalised.
    pub(crate) fn tensor(
        &self,
        pictures: &[&Pixels],
        device: &Device,
    ) -> Result<Tensor<4>, ModelError> {
        self.normalization
            .tensor(pictures, self.size as usize, device)
    }
}

/// A file of a bundle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct FileFacts {
    pub(crate) bytes: u64,
    /// BLAKE3, as hex.
    pub(crate) blake3: String,
}

/// A bundle's description.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct BundleManifest {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) kind: ModelKind,
    /// In the words of the checkpoint; which they are depends on the kind.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) config: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preprocessing: Option<Preprocessing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dtype: Option<WeightType>,
    /// Every other file of the bundle.
    pub(crate) files: BTreeMap<String, FileFacts>,
}

impl BundleManifest {
    pub(crate) const FILE: &'static str = super::super::manifest::Manifest::FILE;

    /// Reads a manifest; `file` is what errors call it.
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        let broken = |reason: String| ModelError::Manifest {
            file: file.to_owned(),
            reason,
        };
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        if let Some(preprocessing) = &manifest.preprocessing {
            let side = preprocessing.size;
            if !(1..=LARGEST_SIDE).contains(&side) {
                return Err(broken(format!("an input of {side} pixels makes no sense")));
            }
        }
        Ok(manifest)
    }

    /// Of the manifest in `folder`, what `read` makes of the shapes, and how pictures are prepared, which a model with an image
    /// encoder of its own says.
    pub(crate) fn network<C>(
        &self,
        folder: &Path,
        read: impl FnOnce(&Value) -> Result<C, serde_json::Error>,
    ) -> Result<(C, Preprocessing), ModelError> {
        let config = read(&self.config).map_err(|error| Self::unusable(folder, error))?;
        let unprepared = || Self::unusable(folder, "it does not say how pictures are prepared");
        Ok((config, self.preprocessing.ok_or_else(unprepared)?))
    }

    /// What is wrong with the manifest in `folder`.
    pub(crate) fn unusable(folder: &Path, reason: impl ToString) -> ModelError {
        ModelError::Manifest {
            file: folder.join(Self::FILE).display().to_string(),
            reason: reason.to_string(),
        }
    }

    /// Name and content: indexes made with another model are told apart by it.
    pub(crate) fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (file, facts) in &self.files {
            hasher
                .update(file.as_bytes())
                .update(facts.blake3.as_bytes());
        }
        // Another shape, or another preparation of the pictures, makes another model of the same weights.
        hasher.update(self.config.to_string().as_bytes());
        hasher.update(format!("{:?}", self.preprocessing).as_bytes());
        format!("{}-{}", self.name, &hasher.finalize().to_hex()[..12])
    }
}
