//! What a model is, without opening it.

use std::path::PathBuf;

use serde::Serialize;

use crate::models::bundle::{ALIGNER, TAGGER};
use crate::models::{ModelError, ModelKind, ModelSource, WeightType};

/// What a model is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// Name and content, as an index remembers them.
    pub id: String,
    /// What it is.
    pub kind: ModelKind,
    /// Whether it recognises tags.
    pub tags: bool,
    /// Whether it writes captions.
    pub captions: bool,
    /// Whether it places pictures and sentences in one space, which an index needs.
    pub similarity: bool,
    /// Whether it tells how well a sentence and a picture belong together (image-text matching).
    pub matching: bool,
    /// How its weights are stored; nothing where that differs from file to file.
    pub dtype: Option<WeightType>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its folder; nothing for the one inside the binary.
    pub folder: Option<PathBuf>,
    /// For a composed model: tagger, then aligner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ModelInfo>,
}

impl ModelInfo {
    /// Reads the description of a model.
    pub(crate) fn of(source: &ModelSource) -> Result<Self, ModelError> {
        let description = source.describe()?;
        let kind = description.kind();
        let mut info = Self {
            name: description.name().to_owned(),
            id: description.id(),
            kind,
            tags: !matches!(kind, ModelKind::BlipItm),
            captions: description.writes_captions(),
            similarity: matches!(kind, ModelKind::Mini | ModelKind::BlipItm),
            matching: description.matches(),
            dtype: description.dtype(),
            bytes: source.bytes(&description)?,
            folder: None,
            parts: Vec::new(),
        };
        if let ModelSource::Folder(folder) = source {
            info.folder = Some(folder.clone());
            if kind == ModelKind::Composed {
                let part = |name| Self::of(&ModelSource::Folder(folder.join(name)));
                let (tagger, aligner) = (part(TAGGER)?, part(ALIGNER)?);
                info.tags = tagger.tags;
                info.captions = tagger.captions;
                info.similarity = aligner.similarity;
                info.matching = aligner.matching;
                info.parts = vec![tagger, aligner];
            }
        }
        Ok(info)
    }
}
