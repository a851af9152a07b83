//! From a bundle that lies elsewhere to a model of the store.

use std::path::Path;

use super::draft::Draft;
use super::{ModelInfo, ModelStore, Result};
use crate::models::{DeviceChoice, ModelSource, open_model};

impl ModelStore {
    /// Takes the bundle in `folder`, which training has written or somebody else has made, under `name` or else the one that it was
    /// given when it was made. Its files are copied: the folder may be trained into again, or removed.
    ///
    /// # Errors
    /// When the folder is no bundle, one of its files is not what its description says, the name is taken, or writing fails.
    pub fn install(&self, folder: &Path, name: Option<&str>) -> Result<ModelInfo> {
        let source = ModelSource::Folder(folder.to_owned());
        let description = source.describe()?;
        let name = name.unwrap_or(description.name());
        self.free(name)?;
        source.verify()?;
        let draft = Draft::new(&self.folder, name)?;
        self.take(&source, "", &draft)?;
        open_model(
            &ModelSource::Folder(draft.folder().to_owned()),
            DeviceChoice::Cpu,
        )?;
        draft.finish()?;
        self.info(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::store;
    use crate::models::ModelKind;
    use crate::models::bundle::TAGGER;
    use crate::models::bundle::manifest::BundleManifest;
    use crate::store::{BUILTIN, StoreError};

    #[test]
    fn a_bundle_from_elsewhere_is_installed_only_if_it_is_whole() {
        let (_folder, elsewhere) = store();
        let (_other, store) = store();
        let two = elsewhere.compose("two", BUILTIN, BUILTIN).unwrap();
        let bundle = elsewhere.folder().join("two");
        let tagger = bundle.join(TAGGER);
        // A built-in model that was trained further has its name unless it was given another.
        assert!(matches!(
            store.install(&tagger, None),
            Err(StoreError::Builtin { .. })
        ));
        let mine = store.install(&tagger, Some("mine")).unwrap();
        assert_eq!((mine.name.as_str(), mine.kind), ("mine", ModelKind::Mini));
        assert_eq!(store.install(&bundle, None).unwrap().id, two.id);
        assert!(matches!(
            store.install(&bundle, None),
            Err(StoreError::Exists { .. })
        ));
        let words = tagger.join("vocab.txt");
        let damaged = fs::read(&words).unwrap().repeat(2);
        fs::write(&words, damaged).unwrap();
        let told = store
            .install(&tagger, Some("other"))
            .unwrap_err()
            .to_string();
        assert!(told.contains("vocab.txt has the BLAKE3"), "{told}");
        assert!(store.install(store.folder(), Some("other")).is_err());
        for folder in [&bundle, &tagger] {
            let manifest = folder.join(BundleManifest::FILE);
            let inside = fs::read_to_string(&manifest).unwrap();
            fs::write(&manifest, inside.replace("tags.jsonl", "../tags.jsonl")).unwrap();
            let told = store.install(folder, Some("other")).unwrap_err();
            assert!(told.to_string().contains("outside of the bundle"), "{told}");
        }
        assert_eq!(store.names().unwrap(), [BUILTIN, "mine", "two"]);
        // It has its own files.
        elsewhere.remove("two").unwrap();
        for name in ["mine", "two"] {
            store.source(name).unwrap().verify().unwrap();
        }
    }
}
