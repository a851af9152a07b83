//! The reduced networks of the reference, imported and opened as anybody's checkpoint would be.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::blip::BlipModel;
use super::recognition::RecognitionModel;
use super::{Description, ModelSource};
use crate::encoder::Encoder;
use crate::eval::{LegScores, Matches, Queries, Watch};
use crate::image_tokens::ImageTokensF16;
use crate::models::checkpoint::write_weights;
use crate::models::generated::Generated;
use crate::models::golden::{Golden, assert_close};
use crate::models::reduced;
use crate::models::{
    CaptionOptions, CheckpointError, DeviceChoice, MatchStart, ModelError, ModelKind, WeightType,
};
use crate::query::FusionParams;
use crate::store::{BUILTIN, Import, ModelStore, StoreError};

const TAG2TEXT: &[u8] =
    include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
const RAM: &[u8] = include_bytes!("../../../tests/fixtures/golden/ram_golden.safetensors");
const BLIP: &[u8] = include_bytes!("../../../tests/fixtures/golden/blip_mini_golden.safetensors");

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
fn tag2text_recognises_and_describes_as_the_reference_does() {
    let (case, golden) = (Case::new(), Golden::parse(TAG2TEXT));
    let expected = json("tag2text_mini_text.json");
    let device = DeviceChoice::Cpu.open().unwrap();
    let model = case.recognition(&tag2text("tag2text_mini.pth"));
    let tokens = model.look(reduced::pictures(&device)).unwrap();
    golden.assert_close(tokens.clone(), "image_tokens", 2e-5);
    let scores = model.scores(tokens.clone()).unwrap().concat();
    assert_close(&scores, &golden.f32("tag_probs").values, 1e-5, "tag_probs");
    let recognized = scores.iter().zip(model.vocabulary().iter().cycle());
    let recognized: Vec<f32> = recognized
        .map(|(score, tag)| f32::from(u8::from(*score > tag.threshold)))
        .collect();
    assert_eq!(recognized, golden.f32("tag_mask_final").values);

    let options = CaptionOptions::default();
    let captions = model.describe(tokens.clone(), None, &options).unwrap();
    let texts: Vec<String> = captions.iter().map(|c| c.text.clone()).collect();
    assert_eq!(texts, strings(&expected["auto"]["captions"]));
    let tags: Vec<String> = captions.iter().map(|c| c.tags.join(" | ")).collect();
    assert_eq!(tags, strings(&expected["auto"]["tags"]));
    let [_, length, width] = tokens.dims();
    let first = tokens.slice([0..1, 0..length, 0..width]);
    let given = ["dog", "traffic light"].map(str::to_owned);
    let caption = model.describe(first, Some(&given), &options).unwrap();
    let expected = strings(&expected["user"]["captions"]);
    assert_eq!(
        (&caption[0].text, &caption[0].tags[..]),
        (&expected[0], &given[..])
    );
}

#[test]
fn a_checkpoint_and_its_safetensors_give_the_same_weights_and_half_precision_is_near() {
    let (case, golden) = (Case::new(), Golden::parse(TAG2TEXT));
    let (checkpoint, folder) = case.import(&tag2text("tag2text_mini.pth")).unwrap();
    let mut import = tag2text("tag2text_mini.pth");
    import.files = vec![case.file("tag2text_mini.safetensors", &reduced::tag2text())];
    import.name = Some("again".to_owned());
    let (again, _) = case.import(&import).unwrap();
    assert_eq!(checkpoint.files, again.files);
    import.name = Some("half".to_owned());
    import.dtype = WeightType::F16;
    let (half, halved) = case.import(&import).unwrap();
    let size = |folder: &Path| fs::metadata(folder.join(super::WEIGHTS)).unwrap().len();
    assert!(size(&halved) < size(&folder) * 6 / 10);
    let model = RecognitionModel::open(&half, &halved, DeviceChoice::Cpu.into()).unwrap();
    let device = DeviceChoice::Cpu.open().unwrap();
    let tokens = model.look(reduced::pictures(&device)).unwrap();
    let scores = model.scores(tokens).unwrap().concat();
    assert_close(
        &scores,
        &golden.f32("tag_probs").values,
        2e-3,
        "tag_probs in f16",
    );
}

#[test]
fn ram_and_ram_plus_in_several_files_recognise_as_the_reference_does() {
    let (case, golden) = (Case::new(), Golden::parse(RAM));
    let device = DeviceChoice::Cpu.open().unwrap();
    let vision = case.file("vision.safetensors", &reduced::vision());
    let head = case.file("head.safetensors", &reduced::ram_head());
    let mut config = json("mini_config.json");
    config["descriptions"] = json!(5);
    let (mut ram, mut plus) = (config.clone(), config);
    for config in [&mut ram, &mut plus] {
        config["class_threshold"] = json!({});
        config["delete_tag_index"] = json!([3]);
    }
    plus["num_class"] = json!(12);
    let names = fs::read_to_string(fixture("mini_tags.txt")).unwrap();
    let twelve: Vec<&str> = names.lines().take(12).collect();
    let twelve = twelve.join("\n");
    let (ram_labels, plus_labels) = (reduced::ram_labels(), reduced::ram_plus_labels());
    let cases = [
        (ModelKind::Ram, ram_labels, ram, names, "ram.logits"),
        (
            ModelKind::RamPlus,
            plus_labels,
            plus,
            twelve,
            "ramplus.logits",
        ),
    ];
    for (kind, labels, config, tags, expected) in cases {
        let labels = case.file("labels.safetensors", &labels);
        let mut import = Import::new(kind, vision.clone());
        import.files.extend([head.clone(), labels]);
        import.name = Some(kind.to_string());
        import.dtype = WeightType::F32;
        import.config = Some(case.write("config.json", &config.to_string()));
        import.tags = Some(case.write("tags.txt", &tags));
        let values: Vec<String> = (0..tags.lines().count())
            .map(|tag| format!("0.{}", 50 + tag % 7))
            .collect();
        import.thresholds = Some(case.write("thresholds.txt", &values.join("\n")));
        let model = case.recognition(&import);
        let tokens = model.look(reduced::pictures(&device)).unwrap();
        let scores = model.scores(tokens.clone()).unwrap().concat();
        let logits = golden.f32(expected).values.into_iter();
        let expected_scores: Vec<f32> = logits.map(|x| 1.0 / (1.0 + (-x).exp())).collect();
        assert_close(&scores, &expected_scores, 1e-5, expected);
        let threshold = |tag| model.vocabulary().iter().nth(tag).unwrap().threshold;
        assert_eq!(
            (threshold(2), threshold(3), threshold(4)),
            (0.52, 1.0, 0.54)
        );
        let refused = model.describe(tokens, None, &CaptionOptions::default());
        assert!(matches!(refused, Err(ModelError::Lacks { .. })));
    }
}

#[test]
fn blip_compares_as_the_reference_does() {
    let (case, golden) = (Case::new(), Golden::parse(BLIP));
    let device = DeviceChoice::Cpu.open().unwrap();
    let captions = strings(&json("blip_mini_text.json")["captions"]);
    let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
    let (manifest, folder) = case.import(&blip("blip_retrieval_mini.pth")).unwrap();
    let model = BlipModel::open(&manifest, &folder, DeviceChoice::Cpu.into()).unwrap();
    assert!((model.dim(), model.vocabulary().len()) == (32, 0));
    let similarities = golden.f32("itc.sim").values;
    let tokens = model.look(reduced::blip_pictures(&device)).unwrap();
    let [count, length, width] = tokens.dims();
    for (start, name) in [
        (MatchStart::Enc, "itm.enc_start.logits"),
        (MatchStart::Cls, "itm.cls_start.logits"),
    ] {
        let logits = golden.f32(name).values;
        for image in 0..count {
            let own = tokens
                .clone()
                .slice([image..image + 1, 0..length, 0..width]);
            let found = model.compare(own, &captions, start).unwrap();
            let itc: Vec<f32> = found.iter().map(|found| found.itc).collect();
            assert_close(
                &itc,
                &similarities[image * count..][..count],
                1e-5,
                "itc.sim",
            );
            let pair = &logits[image * 2..][..2];
            let expected = 1.0 / (1.0 + (pair[0] - pair[1]).exp());
            assert_close(&[found[image].itm.unwrap()], &[expected], 1e-5, name);
        }
    }
    let text = model.text(captions[0]).unwrap();
    let features = golden.f32("itc.text_feat").values;
    assert_close(text.as_slice(), &features[..32], 1e-5, "itc.text_feat");
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
fn the_two_forms_of_a_blip_configuration_are_one() {
    let official = json("mini_config.json");
    let (med, vision) = (&official["med"], &official["blip"]);
    let port = json!({
        "text_config": med,
        "image_text_hidden_size": vision["embed_dim"],
        "vision_config": {
            "image_size": vision["image_size"], "patch_size": vision["patch"], "hidden_size": vision["width"],
            "num_hidden_layers": vision["depth"], "num_attention_heads": vision["heads"],
        },
    });
    let read = |config: &Value| super::config::read_blip(config).unwrap();
    assert_eq!(read(&official), read(&port));
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

#[test]
fn ranking_by_matching_over_kept_tokens_equals_the_reference() {
    let (case, golden) = (Case::new(), Golden::parse(BLIP));
    let device = DeviceChoice::Cpu.open().unwrap();
    let (manifest, folder) = case.import(&blip("blip_retrieval_mini.pth")).unwrap();
    let model = BlipModel::open(&manifest, &folder, DeviceChoice::Cpu.into()).unwrap();
    let kept = model.keep(model.look(reduced::blip_pictures(&device)).unwrap());
    let (images, tokens): (Vec<_>, Vec<_>) = kept.unwrap().into_iter().unzip();
    let queries = Queries {
        texts: strings(&json("blip_mini_text.json")["captions"]),
        own: vec![(0, 0..1), (1, 1..2), (2, 2..3)],
    };
    let mut told = |_| ControlFlow::Continue(());
    let watch = &mut Watch::new(&mut told);
    let fusion = FusionParams::default();
    let scores = LegScores::new(&model, &images, &queries, fusion, watch).unwrap();
    let similarity = &scores.similarity;
    let matches = Matches::new(&model, &tokens, &queries.texts, &[similarity], 2, watch).unwrap();
    let row = |sentence| matches.reference(similarity.row(sentence), |p| (sentence, p));
    let column = |picture| matches.reference(&similarity.column(picture), |s| (s, picture));
    let to_image: Vec<f32> = (0..3).flat_map(row).collect();
    let to_text: Vec<f32> = (0..3).flat_map(column).collect();
    for (found, name) in [(to_text, "score_i2t"), (to_image, "score_t2i")] {
        let name = format!("retrieval.k2.{name}");
        // What half precision of the tokens costs.
        assert_close(&found, &golden.f32(&name).values, 1e-3, &name);
    }
}

#[test]
fn kept_tokens_of_several_pictures_are_matched_at_once_and_others_are_refused() {
    let (case, golden) = (Case::new(), Golden::parse(BLIP));
    let device = DeviceChoice::Cpu.open().unwrap();
    let (manifest, folder) = case.import(&blip("blip_retrieval_mini.pth")).unwrap();
    let model = BlipModel::open(&manifest, &folder, DeviceChoice::Cpu.into()).unwrap();
    let kept = model.keep(model.look(reduced::blip_pictures(&device)).unwrap());
    let tokens: Vec<ImageTokensF16> = kept.unwrap().into_iter().map(|kept| kept.1).collect();
    let captions = strings(&json("blip_mini_text.json")["captions"]);
    let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
    let images: Vec<&ImageTokensF16> = tokens.iter().collect();
    let found = model.match_logits(&images, &captions).unwrap();
    assert_eq!((found.len(), found[2].len()), (3, 3));
    let expected = golden.f32("itm.enc_start.logits").values;
    for (own, expected) in expected.chunks_exact(2).enumerate() {
        let logits = found[own][own];
        let logits = [logits.mismatched, logits.matched];
        assert_close(&logits, expected, 1e-3, "itm.enc_start.logits");
    }
    assert_eq!(model.match_logits(&images, &[]).unwrap(), vec![vec![]; 3]);
    let other = ImageTokensF16::new(64, &[0.5; 64 * 5]).unwrap();
    let refused = model.match_logits(&[&tokens[0], &other], &captions);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("17×64 image tokens, not with 5×64"),
    );
}
