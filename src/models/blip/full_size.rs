//! BLIP with ViT-B of 384 pixels.

use super::*;
use crate::models::full_size::{golden, picture, weights};
use crate::models::golden::device;

const VOCABULARY: &str = include_str!("../../../models/bert-base-uncased.txt");
const TEXT: &str = include_str!("../../../tests/fixtures/golden/full_size_text.json");

fn config() -> BlipConfig {
    BlipConfig {
        vit: VitConfig::base(384),
        med: BertConfig {
            vocab_size: 30_524,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            max_position_embeddings: 512,
            layer_norm_eps: 1e-12,
        },
        embed_dim: 256,
    }
}

#[test]
#[ignore = "reads 895 MB of weights from IMGSEARCH_FULL_SIZE"]
fn features_and_matches_equal_the_reference() {
    let device = device();
    let golden = golden();
    let weights = weights("blip.safetensors");
    let images = BlipImages::load(&config(), &weights, &device).unwrap();
    let matcher = BlipMatcher::load(&config(), &weights, &device).unwrap();
    weights.finish().unwrap();

    let tokens = images.tokens(picture(&device));
    assert_eq!(tokens.dims(), [1, 577, 768]);
    let rows = |range| {
        tokens
            .clone()
            .slice([0..1, range, 0..768])
            .squeeze_dim::<2>(0)
    };
    golden.assert_close(rows(0..4), "blip.vit.first4", 1e-4);
    golden.assert_close(rows(575..577), "blip.vit.last2", 1e-4);
    let image = images.features(tokens.clone());
    golden.assert_close(image.clone(), "blip.image_feat", 1e-4);

    let tokenizer = BlipTokenizer::new(VOCABULARY).unwrap();
    let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
    let captions: Vec<String> = serde_json::from_value(text["captions"].clone()).unwrap();
    let encode = |caption: &String| tokenizer.encode(caption).unwrap();
    let rows: Vec<Vec<u32>> = captions.iter().map(encode).collect();
    let expected = golden.i64("blip.input_ids");
    for (row, expected) in rows.iter().zip(expected.values.chunks(MAX_LENGTH)) {
        assert!(
            row.iter()
                .map(|&id| i64::from(id))
                .eq(expected[..row.len()].iter().copied())
        );
    }
    let texts = matcher.texts().features(&rows).unwrap();
    golden.assert_close(texts.clone(), "blip.text_feat", 1e-4);
    golden.assert_close(image.matmul(texts.transpose()), "blip.sim", 1e-4);

    let prepared = matcher.images(&tokens);
    for (start, key) in [
        (MatchStart::Enc, "blip.itm_logits_enc_start"),
        (MatchStart::Cls, "blip.itm_logits_cls_start"),
    ] {
        let rows: Vec<Vec<u32>> = rows
            .iter()
            .map(|row| start.apply(row.clone(), &tokenizer))
            .collect();
        golden.assert_close(matcher.logits(&rows, &prepared).unwrap(), key, 1e-4);
    }
}
