//! Pictures and sentences compared by imported networks.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::{Case, blip, json, strings};
use crate::encoder::Encoder;
use crate::eval::{LegScores, Matches, Queries, Watch};
use crate::image_tokens::ImageTokensF16;
use crate::models::bundle::blip::BlipModel;
use crate::models::bundle::config;
use crate::models::golden::{Golden, assert_close};
use crate::models::reduced;
use crate::models::{DeviceChoice, MatchStart};
use crate::query::FusionParams;

const BLIP: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/blip_mini_golden.safetensors");

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
    let read = |config: &Value| config::read_blip(config).unwrap();
    assert_eq!(read(&official), read(&port));
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
