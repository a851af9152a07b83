//! One model of parts of two others.

use super::draft::Draft;
use super::{ModelInfo, ModelStore, Result};
use crate::models::bundle::manifest::{self, BundleManifest, ModelKind};
use crate::models::bundle::{ALIGNER, TAGGER};
use crate::models::{DeviceChoice, ModelError, ModelSource, open_model};

impl ModelStore {
    /// Makes one model of the tags and captions of one and the similarity and matching of another. Of a composed model only the
    /// part that is wanted is taken. Their files are shared or copied: the two may be removed afterwards.
    ///
    /// # Errors
    /// When a model is missing or lacks the part that is wanted of it, the name is taken, or writing fails.
    pub fn compose(&self, name: &str, tagger: &str, aligner: &str) -> Result<ModelInfo> {
        self.free(name)?;
        let draft = Draft::new(&self.folder, name)?;
        for (part, model) in [(TAGGER, tagger), (ALIGNER, aligner)] {
            self.take(&self.part(model, part)?, part, &draft)?;
        }
        let mut manifest = BundleManifest {
            format: manifest::FORMAT,
            name: name.to_owned(),
            kind: ModelKind::Composed,
            config: serde_json::Value::Null,
            preprocessing: None,
            dtype: None,
            files: Default::default(),
        };
        draft.describe(&mut manifest)?;
        let source = ModelSource::Folder(draft.folder().to_owned());
        let parts = open_model(&source, DeviceChoice::Cpu)?;
        if parts.vocabulary().is_empty() {
            let reason = format!("{tagger} recognises no tags, so it cannot be the tagger");
            return Err(ModelError::Incomplete { reason }.into());
        }
        if parts.dim() == 0 {
            let reason = format!(
                "{aligner} does not compare pictures with sentences, so it cannot be the aligner"
            );
            return Err(ModelError::Incomplete { reason }.into());
        }
        Ok(ModelInfo::of(&ModelSource::Folder(draft.finish()?))?)
    }

    /// The model that does the work of a part of the one with this name: that part of a composed one, else itself.
    fn part(&self, name: &str, part: &str) -> Result<ModelSource> {
        let mut source = self.source(name)?;
        while let ModelSource::Folder(folder) = &source
            && source.describe()?.kind() == ModelKind::Composed
        {
            source = ModelSource::Folder(folder.join(part));
        }
        Ok(source)
    }
}
