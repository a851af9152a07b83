//! The reduced networks of the reference, imported and opened as anybody's checkpoint would be.

mod blip;
mod recognition;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::recognition::RecognitionModel;
use super::{Description, ModelSource};
use crate::models::checkpoint::write_weights;
use crate::models::generated::Generated;
use crate::models::{CheckpointError, DeviceChoice, ModelError, ModelKind, WeightType};
use crate::store::{BUILTIN, Import, ModelStore, StoreError};

fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures/golden").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A store in a folder that goes with it.
struct Case {
    folder: tempfile::TempDir,
    store: ModelStore,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: ModelStore::new(folder.path().join("models")),
            folder,
        }
    }

    fn import(&self, import: &Import) -> Result<(super::BundleManifest, PathBuf), StoreError> {
        let info = self.store.import(import)?;
        let folder = info.folder.unwrap();
        let source = ModelSource::Folder(folder.clone());
        source.verify().unwrap();
        match source.describe().unwrap() {
            Description::Bundle(manifest) => Ok((manifest, folder)),
            Description::Mini(_) => panic!("imported models have format 2"),
        }
    }

    fn recognition(&self, import: &Import) -> RecognitionModel {
        let (manifest, folder) = self.import(import).unwrap();
        RecognitionModel::open(&manifest, &folder, DeviceChoice::Cpu.into()).unwrap()
    }

    /// A safetensors file of `tensors`.
    fn file(&self, name: &str, tensors: &Generated) -> PathBuf {
        let path = self.folder.path().join(name);
        write_weights(tensors, WeightType::F32, &path).unwrap();
        path
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn import(kind: ModelKind, file: &str) -> Import {
    let mut import = Import::new(kind, fixture(file));
    import.config = Some(fixture("mini_config.json"));
    import.vocab = Some(fixture("mini_vocab.txt"));
    import.dtype = WeightType::F32;
    import
}

fn tag2text(file: &str) -> Import {
    let mut import = import(ModelKind::Tag2text, file);
    import.tags = Some(fixture("mini_tags.txt"));
    import
}

fn blip(file: &str) -> Import {
    import(ModelKind::BlipItm, file)
}

#[test]
fn of_a_composed_model_only_the_part_that_is_wanted_is_taken() {
    use ModelKind::{BlipItm, Mini, Tag2text};
    let case = Case::new();
    let store = &case.store;
    case.import(&tag2text("tag2text_mini.pth")).unwrap();
    case.import(&blip("blip_retrieval_mini.pth")).unwrap();
    let (tagger, aligner) = ("tag2text_mini", "blip_retrieval_mini");
    store.compose("both", tagger, aligner).unwrap();
    for (name, tagger, aligner, expected) in [
        ("head", "both", BUILTIN, [Tag2text, Mini]),
        ("tail", BUILTIN, "both", [Mini, BlipItm]),
        ("whole", "head", "tail", [Tag2text, BlipItm]),
    ] {
        let made = store.compose(name, tagger, aligner).unwrap();
        let kinds: Vec<ModelKind> = made.parts.iter().map(|part| part.kind).collect();
        assert_eq!(kinds, expected, "{name}");
        store.source(name).unwrap().verify().unwrap();
    }
    // However it came about, it is made of the same files.
    let files = |name: &str| match store.source(name).unwrap().describe().unwrap() {
        Description::Bundle(manifest) => manifest.files,
        Description::Mini(_) => panic!("{name} is composed"),
    };
    assert_eq!(files("whole"), files("both"));
    let refused = store.compose("none", "both", tagger).unwrap_err();
    assert!(
        refused.to_string().contains("cannot be the aligner"),
        "{refused}"
    );
}

#[test]
fn what_does_not_fit_is_named_and_leaves_nothing_behind() {
    let case = Case::new();
    let refused = |import: &Import| {
        let error = case.import(import).expect_err("it must be refused");
        let left = fs::read_dir(case.store.folder()).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{error}");
        error
    };
    let mut import = tag2text("tag2text_mini.pth");
    import.config = None;
    import.tags = Some(case.write("many.txt", &"tag\n".repeat(3429)));
    import.vocab = None;
    let error = refused(&import);
    let StoreError::Model(ModelError::Checkpoint(CheckpointError::Mismatch { missing, .. })) =
        &error
    else {
        panic!("{error}")
    };
    let deepest = "visual_encoder.layers.2.blocks.17.mlp.fc2.weight";
    assert!(missing.iter().any(|name| name == deepest), "{error}");
    assert!(error.to_string().contains("label_embed.weight"), "{error}");

    let mut import = blip("tag2text_mini.pth");
    let told = refused(&import).to_string();
    assert!(told.contains("does not hold this network"), "{told}");
    import.config = Some(case.write("config.json", "{}"));
    assert!(
        refused(&import)
            .to_string()
            .contains("config.json: missing field")
    );

    let mut import = tag2text("tag2text_mini.pth");
    import.tags = None;
    let told = refused(&import).to_string();
    assert!(told.contains("tag2text_ori_tag_list.txt"), "{told}");
    import.tags = Some(case.write("few.txt", "dog\ncat"));
    let told = refused(&import).to_string();
    assert!(
        told.contains("few.txt has 2 lines") && told.contains("50 tags"),
        "{told}"
    );
    import = tag2text("tag2text_mini.pth");
    import.thresholds = Some(case.write("odd.txt", "0.5\nhalf\n"));
    assert!(refused(&import).to_string().contains("line 2"));
    import = tag2text("mini_tags.txt");
    assert!(
        refused(&import)
            .to_string()
            .contains("neither a PyTorch checkpoint")
    );
    import = tag2text("missing.pth");
    assert!(refused(&import).to_string().contains("missing.pth"));
    import = tag2text("tag2text_mini.pth");
    import.vocab = Some(case.write("words.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"));
    assert!(
        refused(&import)
            .to_string()
            .contains("the vocabulary is unusable")
    );
}

#[test]
fn published_shapes_are_those_of_the_published_files() {
    let source = Generated::new("", []);
    for kind in [ModelKind::Tag2text, ModelKind::Ram, ModelKind::RamPlus] {
        let config = super::config::published(kind, &source).unwrap();
        let read = super::config::RecognitionConfig::read(kind, &config).unwrap();
        let (width, tags) = match kind {
            ModelKind::Tag2text => (1024, 3429),
            _ => (1536, 4585),
        };
        assert_eq!(read.swin.vision_width, width);
        assert_eq!(read.swin.embed_dim << 3, width);
        assert_eq!(read.recognizer.num_class(), tags);
        assert_eq!(read.med.is_some(), kind == ModelKind::Tag2text);
        let deleted = read.thresholds.delete_tag_index.len();
        assert_eq!(deleted, if kind == ModelKind::Tag2text { 7 } else { 0 });
    }
    let config = super::config::published(ModelKind::BlipItm, &source).unwrap();
    assert_eq!(
        super::config::read_blip(&config).unwrap().vit.embed_dim,
        768
    );
}
