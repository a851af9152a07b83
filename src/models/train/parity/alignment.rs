//! BLIP: contrast and matching, from the pictures on.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::{Found, assert_loss};
use crate::models::blip::{BlipConfig, BlipImages, BlipMatcher, MatchStart};
use crate::models::generated::generate;
use crate::models::golden::{Golden, host};
use crate::models::nn::{BertConfig, VitConfig};
use crate::models::tensors::SafetensorsBytes;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::train::objectives::{
    MatchPairs, Negatives, PairFeatures, Queue, Temperature, copy_of, follow, matching,
    queued_contrastive,
};
use crate::models::weights::{Layout, Weights};

const WEIGHTS: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/blip_itm_mini.safetensors");
const GOLDEN: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/blip_mini_golden.safetensors");
const VOCABULARY: &str = include_str!("../../../../tests/fixtures/golden/mini_vocab.txt");
const TEXT: &str = include_str!("../../../../tests/fixtures/golden/blip_mini_text.json");
/// Width of the features.
const WIDTH: usize = 32;
/// Length of the queue.
const QUEUE: usize = 16;

#[derive(Debug, Module)]
struct Network {
    images: BlipImages,
    matcher: BlipMatcher,
    temperature: Temperature,
}

impl Network {
    fn new(device: &Device) -> Self {
        let config = BlipConfig {
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
            embed_dim: WIDTH,
        };
        let source = SafetensorsBytes::parse("mini", WEIGHTS).unwrap();
        let weights = Weights::new(source, Layout::Torch);
        Self {
            images: BlipImages::load(&config, &weights, device).unwrap(),
            matcher: BlipMatcher::load(&config, &weights, device).unwrap(),
            temperature: Temperature::new(0.07, device),
        }
    }

    /// Tokens of the pictures, and the features of both.
    fn forward(&self, pictures: Tensor<4>, texts: &[Vec<u32>]) -> (Tensor<3>, PairFeatures) {
        let tokens = self.images.tokens(pictures);
        let features = PairFeatures {
            images: self.images.features(tokens.clone()),
            texts: self.matcher.texts().features(texts).unwrap(),
        };
        (tokens, features)
    }
}

/// Random directions, entry by entry, where the generator makes one of each column.
fn queued(key: &str, device: &Device) -> Tensor<2> {
    let data = TensorData::new(generate(key, &[WIDTH, QUEUE]), [WIDTH, QUEUE]);
    crate::models::aligner::unit(Tensor::<2>::from_data(data, device).transpose())
}

#[test]
fn a_training_step_equals_the_reference() {
    let golden = Golden::parse(GOLDEN);
    let device = Device::flex().autodiff();
    let network = Network::new(&device);
    let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
    let captions: Vec<String> = serde_json::from_value(text["train_captions"].clone()).unwrap();
    let tokenizer = BlipTokenizer::new(VOCABULARY).unwrap();
    let texts: Vec<Vec<u32>> = captions
        .iter()
        .map(|c| tokenizer.encode(c).unwrap())
        .collect();
    let owners: Vec<usize> = golden
        .i64("train.idx")
        .values
        .iter()
        .map(|&id| id as usize)
        .collect();
    let pictures: Tensor<4> = golden.tensor("train.image", &device);
    let nobody = vec![None; QUEUE];
    let [images, sentences] =
        ["blip.image_queue", "blip.text_queue"].map(|key| queued(key, &device));
    let mut queue = Queue::new(images, sentences, nobody);

    let (tokens, features) = network.forward(pictures.clone(), &texts);
    let momentum = follow(copy_of(&network), &network, 0.995);
    let key = "train.momentum.vision_proj_m.weight";
    let copied = momentum.images.vision_proj.weight.val().transpose();
    golden.assert_close(copied, key, 1e-6);
    let (_, opinions) = momentum.forward(pictures, &texts);
    let temperature = network.temperature.value();
    let contrast = queued_contrastive(
        features.clone(),
        opinions.clone(),
        &queue,
        &owners,
        temperature.clone(),
        0.4,
    );
    assert_loss(&contrast, &golden, "train.loss_ita");

    queue.push(&opinions, &owners);
    for (key, queue) in [("image", queue.images()), ("text", queue.texts())] {
        let key = format!("train.{key}_queue_after");
        golden.assert_close(queue.clone().transpose(), &key, 1e-5);
    }
    let owned: Vec<i64> = queue
        .owners()
        .iter()
        .map(|owner| owner.map_or(-100, |owner| owner as i64))
        .collect();
    assert_eq!(owned, golden.i64("train.idx_queue_after").values);
    assert_eq!(
        [queue.next() as i64],
        golden.i64("train.ptr_after").values[..]
    );

    let logits = features.images.matmul(features.texts.transpose()) / temperature.unsqueeze::<2>();
    let pairs = MatchPairs::mine(&host(logits), &owners, Negatives::Hardest);
    let rows: Vec<Vec<u32>> = pairs
        .texts
        .iter()
        .map(|&text| MatchStart::Enc.apply(texts[text].clone(), &tokenizer))
        .collect();
    let mut images = network.matcher.images(&tokens);
    images.select(&pairs.images);
    let logits = network.matcher.logits(&rows, &images).unwrap();
    let matching = matching(logits, pairs.matching);
    assert_loss(&matching, &golden, "train.loss_itm");

    let found = (contrast + matching).backward();
    Found::of(&network, &found).assert_equal(
        &golden,
        &[
            ("itm_head.weight", "matcher.itm_head.weight"),
            ("vision_proj.weight", "images.vision_proj.weight"),
            ("temp", "temperature.value"),
        ],
    );
}
