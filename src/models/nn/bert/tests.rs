//! Parity with the reference, layer by layer.

use super::*;
use crate::models::backbone::host;
use crate::models::golden::{self, Golden, assert_close, device, devices};
use crate::models::nn::Embeddings;
use crate::models::reduced;

const GOLDEN: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
const IMAGE_WIDTH: usize = 128;

fn config() -> BertConfig {
    reduced::config("med")
}

fn weights() -> Weights<'static> {
    golden::weights(reduced::tag2text())
}

/// Token ids of every row, and how many of them are no padding.
fn tokens(golden: &Golden<'_>, prefix: &str) -> (Vec<Vec<u32>>, Vec<usize>) {
    let ids = golden.i64(&format!("{prefix}.input_ids"));
    let mask = golden.i64(&format!("{prefix}.attention_mask"));
    let length = ids.shape[1];
    (
        ids.values
            .chunks(length)
            .map(|row| row.iter().map(|&id| id as u32).collect())
            .collect(),
        mask.values
            .chunks(length)
            .map(|row| row.iter().filter(|&&seen| seen == 1).count())
            .collect(),
    )
}

/// The tag encoder's lowest layers.
fn tag_encoder(depth: usize, device: &Device) -> Bert {
    let config = BertConfig {
        num_hidden_layers: depth,
        ..config()
    };
    let names = ["tag_encoder", "tagging_head"];
    Bert::load_tied(&config, Some(IMAGE_WIDTH), names, &weights(), device).unwrap()
}

#[test]
fn tag_encoder_equals_the_reference_layer_by_layer() {
    let golden = Golden::parse(GOLDEN);
    for device in devices() {
        let table = Embeddings::load(&config(), "tag_encoder", &weights(), &device).unwrap();
        let tokens_of_image = golden.tensor::<3>("image_tokens", &device);
        for case in ["auto", "user"] {
            let prefix = format!("tagenc.{case}");
            let (ids, lengths) = tokens(&golden, &prefix);
            let sums = table.forward(&ids, &device).unwrap();
            let check = |depth: usize, key: &str| {
                let bert = tag_encoder(depth, &device);
                let image = bert.keys_values(&tokens_of_image);
                let x = bert.forward(sums.clone(), &lengths, Some(&image));
                golden.assert_close(x, key, 2e-5);
            };
            check(3, &format!("{prefix}.last_hidden_state"));
            if case == "auto" {
                check(0, "tagenc.auto.embeddings");
                for depth in 1..=3 {
                    check(depth, &format!("tagenc.auto.layer.{}", depth - 1));
                }
            }
        }
    }
}

#[test]
fn first_tokens_of_groups_are_those_of_every_pair() {
    let golden = Golden::parse(GOLDEN);
    let plain = Device::flex();
    for device in [plain.clone(), plain.clone().autodiff()] {
        let table = Embeddings::load(&config(), "tag_encoder", &weights(), &device).unwrap();
        let (ids, mut lengths) = tokens(&golden, "tagenc.auto");
        let texts = ids.len();
        lengths[0] -= 1;
        let sums = table.forward(&ids, &device).unwrap();
        let image = golden.tensor::<3>("image_tokens", &device);
        let sources = image.dims()[0];
        assert!(
            texts > 1 && sources == texts,
            "{texts} texts, {sources} images"
        );
        for depth in [1, 3] {
            let bert = tag_encoder(depth, &device);
            let pairs = |groups: usize| {
                let kept = bert.keys_values(&image);
                host(bert.match_groups(sums.clone(), &lengths, &kept, groups)).unwrap()
            };
            let one_by_one = |source: usize, text: usize| {
                let mut kept = bert.keys_values(&image);
                kept.iter_mut().for_each(|layer| layer.select(&[source]));
                let states = bert.forward(
                    sums.clone().narrow(0, text, 1),
                    &lengths[text..=text],
                    Some(&kept),
                );
                host(states.narrow(1, 0, 1)).unwrap()
            };
            let each: Vec<f32> = (0..sources).flat_map(|i| one_by_one(i, i)).collect();
            assert_close(&pairs(sources), &each, 1e-5, "a picture a text");
            let every: Vec<f32> = (0..sources)
                .flat_map(|source| (0..texts).map(move |text| (source, text)))
                .flat_map(|(source, text)| one_by_one(source, text))
                .collect();
            assert_close(&pairs(1), &every, 1e-5, "every text with every picture");
        }
    }
}

/// The text decoder's lowest layers, and its embeddings.
fn decoder(depth: usize, device: &Device) -> (Bert, Embeddings) {
    let config = BertConfig {
        num_hidden_layers: depth,
        ..config()
    };
    let (prefix, width) = ("text_decoder.bert", Some(config.hidden_size));
    (
        Bert::load(&config, width, prefix, &weights(), device).unwrap(),
        Embeddings::load(&config, prefix, &weights(), device).unwrap(),
    )
}

#[test]
fn text_decoder_equals_the_reference_layer_by_layer() {
    let golden = Golden::parse(GOLDEN);
    let (ids, lengths) = tokens(&golden, "dec");
    for device in devices() {
        let states = golden.tensor::<3>("tagenc.user.last_hidden_state", &device);
        for depth in 1..=3 {
            let (bert, table) = decoder(depth, &device);
            let sums = table.forward(&ids, &device).unwrap();
            let mut cache = Cache::new(bert.keys_values(&states));
            let x = bert.decode(sums, &lengths, &mut cache);
            golden.assert_close(x, &format!("dec.layer.{}", depth - 1), 5e-5);
        }
    }
}

/// Each row of the golden batch, token by token, beside a copy of itself that branches off and a row that is dropped.
#[test]
fn cached_steps_and_selected_rows_give_what_the_whole_sequence_gives() {
    let golden = Golden::parse(GOLDEN);
    let (ids, _) = tokens(&golden, "dec");
    for device in devices() {
        let (bert, table) = decoder(3, &device);
        let states = golden.tensor::<3>("tagenc.user.last_hidden_state", &device);
        let mut cache = Cache::new(bert.keys_values(&states));
        let embedded = |range: std::ops::Range<usize>, rows: &[usize]| {
            let texts: Vec<&Vec<u32>> = rows.iter().map(|&row| &ids[row]).collect();
            let sums = table.forward(&texts, &device).unwrap();
            sums.slice([0..rows.len(), range, 0..64])
        };
        let check = |found: &Tensor<3>, row: usize, source: usize, at: usize| {
            let whole = golden.tensor::<3>("dec.layer.2", &device);
            let expected = whole.slice([source..source + 1, at..at + 1, 0..64]);
            let found = found.clone().slice([row..row + 1, 0..1, 0..64]);
            let expected = golden::host(expected);
            let tolerance = golden::tolerance(5e-5, &expected);
            let name = format!("row {row} at {at}");
            golden::assert_close(&golden::host(found), &expected, tolerance, &name);
        };
        let first = bert.decode(embedded(0..4, &[0, 1]), &[4, 4], &mut cache);
        assert_eq!((first.dims(), cache.len()), ([2, 4, 64], 4));
        // Both rows branch: two rows a picture.
        cache.select_rows(&[0, 0, 1, 1]);
        let next = bert.decode(embedded(4..5, &[0, 0, 1, 1]), &[5; 4], &mut cache);
        for (row, source) in [0, 0, 1, 1].into_iter().enumerate() {
            check(&next, row, source, 4);
        }
        // The first picture is finished.
        cache.select_rows(&[3, 2]);
        cache.select_sources(&[1]);
        let next = bert.decode(embedded(5..6, &[1, 1]), &[6; 2], &mut cache);
        check(&next, 0, 1, 5);
        check(&next, 1, 1, 5);
    }
}

#[test]
fn layers_stored_with_the_recognition_decoder_are_found() {
    let (device, golden) = (device(), Golden::parse(GOLDEN));
    let weights = golden::weights(reduced::tag2text_stored_with_the_head());
    let width = Some(IMAGE_WIDTH);
    assert!(Bert::load(&config(), width, "tag_encoder", &weights, &device).is_err());
    let names = ["tag_encoder", "tagging_head"];
    let bert = Bert::load_tied(&config(), width, names, &weights, &device).unwrap();
    let table = Embeddings::load(&config(), "tag_encoder", &weights, &device).unwrap();
    let image = bert.keys_values(&golden.tensor("image_tokens", &device));
    let (ids, lengths) = tokens(&golden, "tagenc.user");
    let sums = table.forward(&ids, &device).unwrap();
    let last = bert.forward(sums, &lengths, Some(&image));
    golden.assert_close(last, "tagenc.user.last_hidden_state", 2e-5);
}
