//! Tags and captions of imported networks.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Case, fixture, json, strings, tag2text};
use crate::encoder::Encoder;
use crate::models::bundle::WEIGHTS;
use crate::models::bundle::recognition::RecognitionModel;
use crate::models::golden::{Golden, assert_close};
use crate::models::reduced;
use crate::models::{CaptionOptions, DeviceChoice, ModelError, ModelKind, WeightType};
use crate::store::Import;

const TAG2TEXT: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
const RAM: &[u8] = include_bytes!("../../../../tests/fixtures/golden/ram_golden.safetensors");

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
    let size = |folder: &Path| fs::metadata(folder.join(WEIGHTS)).unwrap().len();
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
