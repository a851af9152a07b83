//! The reduced model against the reference: three images and three captions.

use super::*;
use crate::eval::rerank;
use crate::models::golden::{Golden, assert_close, device, host, tolerance, weights};
use crate::models::reduced;
use crate::models::tensors::SafetensorsBytes;

const WEIGHTS: &[u8] = include_bytes!("../../../tests/fixtures/golden/blip_itm_mini.safetensors");
const GOLDEN: &[u8] = include_bytes!("../../../tests/fixtures/golden/blip_mini_golden.safetensors");
const VOCABULARY: &str = include_str!("../../../tests/fixtures/golden/mini_vocab.txt");
const TEXT: &str = include_str!("../../../tests/fixtures/golden/blip_mini_text.json");

/// Three captions and three images.
struct Mini {
    golden: Golden<'static>,
    images: BlipImages,
    matcher: BlipMatcher,
    tokenizer: BlipTokenizer,
    device: Device,
    captions: Vec<String>,
}

fn config() -> BlipConfig {
    BlipConfig {
        vit: VitConfig {
            img_size: 64,
            patch_size: 16,
            embed_dim: 64,
            depth: 2,
            num_heads: 4,
        },
        med: BertConfig {
            vocab_size: 1000,
            hidden_size: 64,
            num_hidden_layers: 3,
            num_attention_heads: 4,
            intermediate_size: 128,
            max_position_embeddings: 64,
            layer_norm_eps: 1e-12,
        },
        embed_dim: 32,
    }
}

impl Mini {
    fn new() -> Self {
        let device = device();
        let config = config();
        let source = SafetensorsBytes::parse("mini", WEIGHTS).unwrap();
        let weights = weights(source);
        let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        Self {
            golden: Golden::parse(GOLDEN),
            images: BlipImages::load(&config, &weights, &device).unwrap(),
            matcher: BlipMatcher::load(&config, &weights, &device).unwrap(),
            tokenizer: BlipTokenizer::new(VOCABULARY).unwrap(),
            device,
            captions: serde_json::from_value(text["captions"].clone()).unwrap(),
        }
    }

    /// The captions filled up as in the reference, and their lengths.
    fn padded(&self, start: MatchStart) -> (Vec<Vec<u32>>, Vec<usize>) {
        self.captions
            .iter()
            .map(|caption| {
                let padded = self.tokenizer.encode_padded(caption, MAX_LENGTH).unwrap();
                (start.apply(padded.ids, &self.tokenizer), padded.length)
            })
            .unzip()
    }

    fn rows(&self, start: MatchStart) -> Vec<Vec<u32>> {
        self.captions
            .iter()
            .map(|caption| start.apply(self.tokenizer.encode(caption).unwrap(), &self.tokenizer))
            .collect()
    }

    /// Tokens of each image.
    fn tokens(&self) -> Vec<Tensor<3>> {
        let tokens = self.images.tokens(reduced::blip_pictures(&self.device));
        let [count, length, width] = tokens.dims();
        let one = |i: usize| tokens.clone().slice([i..i + 1, 0..length, 0..width]);
        (0..count).map(one).collect()
    }

    fn similarities(&self) -> Tensor<2> {
        let images = self.images.features(Tensor::cat(self.tokens(), 0));
        let texts = self.matcher.texts().features(&self.rows(MatchStart::Cls));
        images.matmul(texts.unwrap().transpose())
    }
}

#[test]
fn features_equal_the_reference() {
    let mini = Mini::new();
    let golden = &mini.golden;
    let tokens = Tensor::cat(mini.tokens(), 0);
    golden.assert_close(tokens.clone(), "vit.norm", 1e-5);
    golden.assert_close(mini.images.features(tokens), "itc.image_feat", 1e-5);
    let (rows, lengths) = mini.padded(MatchStart::Cls);
    let expected = golden.i64("input_ids").values;
    assert!(rows.concat().iter().map(|&id| i64::from(id)).eq(expected));
    let texts = mini.matcher.texts();
    let hidden = texts.hidden(&rows, &lengths, None).unwrap();
    golden.assert_close(hidden, "itc.text_hidden", 1e-5);
    let features = texts.features(&mini.rows(MatchStart::Cls)).unwrap();
    golden.assert_close(features, "itc.text_feat", 1e-5);
    golden.assert_close(mini.similarities(), "itc.sim", 1e-5);
}

#[test]
fn texts_alone_need_no_cross_attention() {
    let mini = Mini::new();
    let file = safetensors::SafeTensors::deserialize(WEIGHTS).unwrap();
    let alone = |name: &str| {
        (name.starts_with("text_encoder") || name.starts_with("text_proj"))
            && !name.contains("crossattention")
            && !name.ends_with("position_ids")
    };
    let bytes = safetensors::serialize(file.iter().filter(|(name, _)| alone(name)), None).unwrap();
    let source = SafetensorsBytes::parse("texts", &bytes).unwrap();
    let weights = weights(source);
    let texts = BlipTexts::load(&config(), &weights, &mini.device).unwrap();
    weights.finish().unwrap();
    let features = texts.features(&mini.rows(MatchStart::Cls)).unwrap();
    mini.golden.assert_close(features, "itc.text_feat", 1e-5);
}

#[test]
fn matches_equal_the_reference_with_either_start() {
    let mini = Mini::new();
    for (start, name) in [
        (MatchStart::Enc, "itm.enc_start"),
        (MatchStart::Cls, "itm.cls_start"),
    ] {
        let (padded, lengths) = mini.padded(start);
        if start == MatchStart::Enc {
            let expected = mini.golden.i64("itm.enc_start.input_ids").values;
            assert!(padded.concat().iter().map(|&id| i64::from(id)).eq(expected));
        }
        let rows = mini.rows(start);
        let (mut hidden, mut logits) = (Vec::new(), Vec::new());
        for (index, tokens) in mini.tokens().iter().enumerate() {
            let image = mini.matcher.images(tokens);
            let pair = index..index + 1;
            let texts = mini.matcher.texts();
            hidden.push(
                texts
                    .hidden(&padded[pair.clone()], &lengths[pair.clone()], Some(&image))
                    .unwrap(),
            );
            logits.push(mini.matcher.logits(&rows[pair], &image).unwrap());
        }
        let golden = &mini.golden;
        golden.assert_close(Tensor::cat(hidden, 0), &format!("{name}.hidden"), 1e-5);
        golden.assert_close(Tensor::cat(logits, 0), &format!("{name}.logits"), 1e-5);
    }
}

#[test]
fn many_texts_with_one_image_give_what_each_gives_alone() {
    let mini = Mini::new();
    let rows = mini.rows(MatchStart::Enc);
    let image = mini.matcher.images(&mini.tokens()[1]);
    let together = host(mini.matcher.logits(&rows, &image).unwrap());
    let alone: Vec<f32> = rows
        .chunks(1)
        .flat_map(|row| host(mini.matcher.logits(row, &image).unwrap()))
        .collect();
    assert_close(&together, &alone, tolerance(1e-6, &alone), "logits");
}

#[test]
fn many_images_with_one_text_each_give_what_each_gives_alone() {
    let mini = Mini::new();
    let rows = mini.rows(MatchStart::Enc);
    let tokens = mini.tokens();
    let images = mini.matcher.images(&Tensor::cat(tokens.clone(), 0));
    let together = host(mini.matcher.logits(&rows, &images).unwrap());
    let alone = rows.chunks(1).zip(&tokens).flat_map(|(row, tokens)| {
        let image = mini.matcher.images(tokens);
        host(mini.matcher.logits(row, &image).unwrap())
    });
    assert_close(&together, &alone.collect::<Vec<f32>>(), 1e-6, "logits");
}

#[test]
fn ranking_to_a_depth_equals_the_reference() {
    let mini = Mini::new();
    let rows = mini.rows(MatchStart::Enc);
    let images: Vec<MatchedImages> = mini
        .tokens()
        .iter()
        .map(|tokens| mini.matcher.images(tokens))
        .collect();
    let matches = |texts: &[Vec<u32>], image: usize| -> Vec<f32> {
        let logits = host(mini.matcher.logits(texts, &images[image]).unwrap());
        logits.chunks_exact(2).map(|pair| pair[1]).collect()
    };
    let similarities = host(mini.similarities());
    let count = rows.len();
    let (mut to_text, mut to_image) = (Vec::new(), Vec::new());
    for query in 0..count {
        let row = &similarities[query * count..][..count];
        let scores = rerank(row, 2, |candidates| {
            let texts: Vec<Vec<u32>> = candidates.iter().map(|&t| rows[t].clone()).collect();
            Ok::<_, ()>(matches(&texts, query))
        });
        to_text.extend(scores.unwrap());
        let column: Vec<f32> = similarities[query..]
            .iter()
            .step_by(count)
            .copied()
            .collect();
        let scores = rerank(&column, 2, |candidates| {
            let text = &rows[query..=query];
            Ok::<_, ()>(candidates.iter().flat_map(|&i| matches(text, i)).collect())
        });
        to_image.extend(scores.unwrap());
    }
    for (found, name) in [(to_text, "score_i2t"), (to_image, "score_t2i")] {
        let name = format!("retrieval.k2.{name}");
        let expected = mini.golden.f32(&name).values;
        // Pairs beyond that depth have no score of their own.
        let scored: Vec<f32> = expected.iter().copied().filter(|s| *s > -100.0).collect();
        assert_close(&found, &expected, tolerance(1e-5, &scored), &name);
    }
}
