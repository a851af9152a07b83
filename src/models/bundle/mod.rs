//! A model as it is stored: a folder, or the one inside the binary.
//!
//! | kind | parts | files beside `manifest.json` |
//! |---|---|---|
//! | `tag2text-mini` (format 1) | tagger, aligner | `backbones.safetensors`, `heads.safetensors`, `vocab.txt`, `tags.jsonl`, `classes.tsv` |
//! | the same, where they were trained | image-text matching; captioner | `matcher.safetensors`; `captioner.safetensors`, `caption_vocab.txt` |
//! | `tag2text` | tagger, captioner | `weights.safetensors`, `vocab.txt`, `tags.jsonl` |
//! | `ram`, `ram-plus` | tagger | the same |
//! | `blip-itm` | aligner with image-text matching | `weights.safetensors`, `vocab.txt` |
//! | `composed` | those of the bundles in `tagger/` and `aligner/` | these two folders |

mod blip;
mod composed;
mod config;
pub(crate) mod files;
mod import;
pub(crate) mod manifest;
mod recognition;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::checkpoint::SafetensorsFile;
use super::device::{Compute, Precision};
use super::manifest::Manifest;
use super::mini::Tag2TextMini;
use super::weights::{Layout, Weights};
use super::{ModelError, WeightType, builtin};
use crate::encoder::Encoder;
use blip::BlipModel;
use composed::Composed;
use manifest::{BundleManifest, ModelKind};
use recognition::RecognitionModel;

pub use import::Import;

/// File names within a bundle of published weights.
pub(crate) const WEIGHTS: &str = "weights.safetensors";
pub(crate) const VOCABULARY: &str = "vocab.txt";
pub(crate) const TAGS: &str = "tags.jsonl";

/// Folders of a composed bundle.
pub(crate) const TAGGER: &str = "tagger";
pub(crate) const ALIGNER: &str = "aligner";

/// Where a bundle's files come from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ModelSource {
    /// `tag2text-mini`, inside the binary.
    #[default]
    Builtin,
    /// A bundle folder.
    Folder(PathBuf),
}

impl ModelSource {
    pub(crate) fn read(&self, file: &'static str) -> Result<Cow<'static, [u8]>, ModelError> {
        match self {
            Self::Builtin => Ok(Cow::Borrowed(builtin::file(file))),
            Self::Folder(folder) => {
                let path = folder.join(file);
                fs::read(&path)
                    .map(Cow::Owned)
                    .map_err(|source| ModelError::Read { path, source })
            }
        }
    }

    pub(crate) fn text(&self, file: &'static str) -> Result<String, ModelError> {
        String::from_utf8(self.read(file)?.into_owned()).map_err(|source| ModelError::Manifest {
            file: file.to_owned(),
            reason: source.to_string(),
        })
    }

    /// Bytes of the bundle's files.
    pub(crate) fn bytes(&self, description: &Description) -> Result<u64, ModelError> {
        let names = description.checksums().into_keys();
        names
            .chain([Manifest::FILE.to_owned()])
            .map(|name| match self {
                Self::Builtin => Ok(builtin::file(&name).len() as u64),
                Self::Folder(folder) => {
                    let path = folder.join(name);
                    match fs::metadata(&path) {
                        Ok(facts) => Ok(facts.len()),
                        Err(source) => Err(ModelError::Read { path, source }),
                    }
                }
            })
            .sum()
    }

    /// Reads every file and compares it with the manifest.
    ///
    /// # Errors
    /// When a file is missing or not as it was when the bundle was made.
    pub fn verify(&self) -> Result<(), ModelError> {
        let checksums = self.describe()?.checksums();
        match self {
            // Part of the program, which runs.
            Self::Builtin => Ok(()),
            Self::Folder(folder) => files::verify(folder, &checksums),
        }
    }

    /// The bundle's description.
    pub(crate) fn describe(&self) -> Result<Description, ModelError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let bytes = self.read(Manifest::FILE)?;
        let file = match self {
            Self::Builtin => Manifest::FILE.to_owned(),
            Self::Folder(folder) => folder.join(Manifest::FILE).display().to_string(),
        };
        let version: Version =
            serde_json::from_slice(&bytes).map_err(|source| ModelError::Manifest {
                file: file.clone(),
                reason: source.to_string(),
            })?;
        let description = match version.format {
            0 | 1 => Description::Mini(Manifest::parse(&file, &bytes)?),
            manifest::FORMAT => Description::Bundle(BundleManifest::parse(&file, &bytes)?),
            found => {
                return Err(ModelError::NewerFormat {
                    file,
                    found,
                    supported: manifest::FORMAT,
                });
            }
        };
        // A name that leads out of the folder would read, or remove, what is not the bundle's.
        let stays = |name: &str| {
            let inside = |part| !matches!(part, "" | "." | "..");
            !name.contains('\\') && name.split('/').all(inside)
        };
        match description.checksums().keys().find(|name| !stays(name)) {
            Some(name) => Err(ModelError::Manifest {
                file,
                reason: format!("it names a file {name:?} outside of the bundle"),
            }),
            None => Ok(description),
        }
    }
}

/// What a bundle says of itself.
pub(crate) enum Description {
    Mini(Manifest),
    Bundle(BundleManifest),
}

impl Description {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Mini(manifest) => &manifest.name,
            Self::Bundle(manifest) => &manifest.name,
        }
    }

    pub(crate) fn kind(&self) -> ModelKind {
        match self {
            Self::Mini(_) => ModelKind::Mini,
            Self::Bundle(manifest) => manifest.kind,
        }
    }

    /// Whether there is a captioner; that of a composed model is in one of its parts.
    pub(crate) fn writes_captions(&self) -> bool {
        match self {
            Self::Mini(manifest) => manifest.captioner.is_some(),
            Self::Bundle(manifest) => manifest.kind == ModelKind::Tag2text,
        }
    }

    /// Whether there is image-text matching; that of a composed model is in one of its parts.
    pub(crate) fn matches(&self) -> bool {
        match self {
            Self::Mini(manifest) => manifest.matcher.is_some(),
            Self::Bundle(manifest) => manifest.kind == ModelKind::BlipItm,
        }
    }

    pub(crate) fn id(&self) -> String {
        match self {
            Self::Mini(manifest) => manifest.id(),
            Self::Bundle(manifest) => manifest.id(),
        }
    }

    /// How the weights are stored, where that is the same for all of them.
    pub(crate) fn dtype(&self) -> Option<WeightType> {
        match self {
            Self::Mini(_) => None,
            Self::Bundle(manifest) => manifest.dtype,
        }
    }

    /// BLAKE3 of every file but the manifest.
    pub(crate) fn checksums(&self) -> BTreeMap<String, String> {
        match self {
            Self::Mini(manifest) => manifest.files.clone(),
            Self::Bundle(manifest) => {
                let files = manifest.files.iter();
                files
                    .map(|(name, facts)| (name.clone(), facts.blake3.clone()))
                    .collect()
            }
        }
    }
}

/// Opens the model of a bundle, whatever its kind. Weights are loaded when they are first needed.
///
/// # Errors
/// When a file is missing, damaged or of a newer format.
pub fn open_model(
    source: &ModelSource,
    compute: impl Into<Compute>,
) -> Result<Arc<dyn Encoder>, ModelError> {
    let compute = compute.into();
    match (source.describe()?, source) {
        (Description::Bundle(manifest), ModelSource::Folder(folder)) => {
            open_bundle(&manifest, folder, compute)
        }
        _ => Ok(Arc::new(Tag2TextMini::open(source.clone(), compute)?)),
    }
}

/// The weights of a bundle that is not composed, read as they are asked for.
fn weights(folder: &Path, precision: Precision) -> Result<Weights<'static>, ModelError> {
    let file = SafetensorsFile::open(&folder.join(WEIGHTS))?;
    Ok(Weights::new(file, Layout::Torch).in_precision(precision))
}

fn open_bundle(
    manifest: &BundleManifest,
    folder: &Path,
    compute: Compute,
) -> Result<Arc<dyn Encoder>, ModelError> {
    files::check_sizes(folder, &manifest.files)?;
    Ok(match manifest.kind {
        ModelKind::Composed => {
            let part = |name| open_model(&ModelSource::Folder(folder.join(name)), compute);
            let (tagger, aligner) = (part(TAGGER)?, part(ALIGNER)?);
            Arc::new(Composed::new(manifest.id(), tagger, aligner))
        }
        ModelKind::Tag2text | ModelKind::Ram | ModelKind::RamPlus => {
            Arc::new(RecognitionModel::open(manifest, folder, compute)?)
        }
        ModelKind::BlipItm => Arc::new(BlipModel::open(manifest, folder, compute)?),
        kind @ ModelKind::Mini => {
            let reason = format!("models of the kind {kind} have format 1");
            return Err(BundleManifest::unusable(folder, reason));
        }
    })
}
