//! Tag2Text's captions at full size, from the image tokens of a Swin-B of 384 pixels.

use super::*;
use crate::models::full_size::{golden, picture, swin_base, weights};
use crate::models::golden::{assert_close, device, host};

const VOCABULARY: &str = include_str!("../../../models/bert-base-uncased.txt");
const TEXT: &str = include_str!("../../../tests/fixtures/golden/full_size_text.json");
const WIDTH: usize = 768;

#[test]
#[ignore = "reads 1.5 GB of weights from IMGSEARCH_FULL_SIZE"]
fn captions_equal_the_reference() {
    let device = device();
    let golden = golden();
    let weights = weights("tag2text.safetensors");
    let tokens = swin_base(&weights, &device).forward(picture(&device));
    let med = BertConfig {
        vocab_size: 30_524,
        hidden_size: WIDTH,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        max_position_embeddings: 512,
        layer_norm_eps: 1e-12,
    };
    let captioner = Captioner::load(&med, 1024, VOCABULARY, &weights, &device).unwrap();
    let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
    let tags: Vec<String> = serde_json::from_value(text["tags"].clone()).unwrap();
    let states = captioner.encode(&tokens, &tags).unwrap();
    let rows = states.clone().slice([0..1, 0..4, 0..WIDTH]);
    golden.assert_close(rows.squeeze_dim::<2>(0), "tagenc.last_hidden.first4", 1e-4);

    let ids: Vec<u32> = golden
        .i64("dec.input_ids")
        .values
        .iter()
        .map(|&id| id as u32)
        .collect();
    let decoder = &captioner.decoder;
    let hidden = decoder.forward(&ids, &[ids.len()], &mut decoder.cache(&states));
    let logits = host(decoder.logits(hidden));
    let rows: Vec<&[f32]> = logits.chunks_exact(decoder.vocabulary()).collect();
    let last = golden.f32("dec.logits.last_pos");
    assert_close(rows[rows.len() - 1], &last.values, 5e-4, "dec.logits");
    let best = |row: &&[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    let found: Vec<i64> = rows.iter().filter_map(best).map(|id| id as i64).collect();
    assert_eq!(found, golden.i64("dec.logits.argmax").values);

    for (beams, key) in [(1, "gen.greedy.ids"), (3, "gen.beam3.ids")] {
        let options = CaptionOptions {
            beams,
            max_length: 20,
            min_length: 10,
            repetition_penalty: 1.0,
            sampling: None,
        };
        let found = captioner.decode(&states, &options).unwrap();
        let mut ids: Vec<i64> = found[0].ids.iter().map(|&id| id.into()).collect();
        let expected = golden.i64(key).values;
        if ids.len() < options.max_length {
            ids.push(captioner.tokenizer.sep.into());
        }
        ids.resize(expected.len(), captioner.tokenizer.pad.into());
        assert_eq!(ids, expected, "{key}");
        if beams > 1 {
            let score = golden.f32("gen.beam3.score").values;
            assert_close(&[found[0].score as f32], &score, 1e-4, "gen.beam3.score");
        }
    }
}
