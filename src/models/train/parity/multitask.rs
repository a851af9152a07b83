//! Tag2Text: tagging and generation, from the pictures on.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::{Found, assert_loss};
use crate::models::golden::{Golden, host};
use crate::models::nn::{BertConfig, Swin, SwinConfig};
use crate::models::reduced;
use crate::models::tagger::TaggerConfig;
use crate::models::tokenizer::BlipTokenizer;
use crate::models::train::multitask::{MultiTaskHeads, Texts};
use crate::models::train::objectives::{asymmetric, balanced, generation};
use crate::models::weights::{Layout, Weights};

const GOLDEN: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
const CONFIG: &str = include_str!("../../../../tests/fixtures/golden/mini_config.json");
const VOCABULARY: &str = include_str!("../../../../tests/fixtures/golden/mini_vocab.txt");
const TAGS: &str = include_str!("../../../../tests/fixtures/golden/mini_tags.txt");
const TEXT: &str = include_str!("../../../../tests/fixtures/golden/tag2text_mini_text.json");
/// Tokens that every caption starts with.
const PROMPT: usize = 4;
const SHARED_BIAS: &str = "heads.tag_encoder.layers.0.cross.crossattention.query.Device.bias";

#[derive(Debug, Module)]
struct Network {
    visual_encoder: Swin,
    heads: MultiTaskHeads,
}

struct Losses {
    generation: Tensor<1>,
    tagging: Tensor<1>,
}

impl Losses {
    fn balanced(self) -> Tensor<1> {
        balanced(self.generation, [self.tagging])
    }
}

/// Two pictures with their tags and captions.
struct Batch {
    pictures: Tensor<4>,
    targets: Tensor<2>,
    tags: Texts,
    captions: Texts,
}

impl Batch {
    fn new(golden: &Golden<'_>, device: &Device) -> Self {
        let tokenizer = BlipTokenizer::new(VOCABULARY).unwrap();
        let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        let captions: Vec<String> = serde_json::from_value(text["caption_text"].clone()).unwrap();
        let names: Vec<&str> = TAGS.lines().collect();
        let targets = golden.f32("train.tag_targets").values;
        let tags = targets.chunks(names.len()).map(|row| {
            let shown = row.iter().zip(&names).filter(|(target, _)| **target == 1.0);
            shown
                .map(|(_, name)| *name)
                .collect::<Vec<&str>>()
                .join(" | ")
        });
        let texts = |texts: &[String], length: usize, first: u32| {
            let padded = texts.iter().map(|text| {
                let mut padded = tokenizer.encode_padded(text, length).unwrap();
                padded.ids[0] = first;
                (padded.ids, padded.length)
            });
            let (rows, lengths) = padded.unzip();
            Texts { rows, lengths }
        };
        let tags = texts(&tags.collect::<Vec<String>>(), 40, tokenizer.enc);
        let captions = texts(&captions, 11, tokenizer.dec);
        let expected = golden.i64("dec.input_ids").values;
        assert!(
            captions
                .rows
                .concat()
                .iter()
                .map(|&id| i64::from(id))
                .eq(expected)
        );
        Self {
            pictures: reduced::pictures(device),
            targets: golden.tensor("train.tag_targets", device),
            tags,
            captions,
        }
    }
}

impl Network {
    fn new(device: &Device) -> Self {
        let config: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        let swin: SwinConfig = serde_json::from_value(config["swin"].clone()).unwrap();
        let text: BertConfig = serde_json::from_value(config["med"].clone()).unwrap();
        let tagger = TaggerConfig {
            num_class: 50,
            hidden_size: 64,
            intermediate_size: 128,
            num_attention_heads: 2,
            num_hidden_layers: 2,
            encoder_width: 128,
        };
        let weights = Weights::new(reduced::tag2text(), Layout::Torch);
        let network = Self {
            visual_encoder: Swin::load(&swin, "visual_encoder", &weights, device).unwrap(),
            heads: MultiTaskHeads::load(&tagger, &text, &weights, device).unwrap(),
        };
        // Nothing of the file is left over: the network is all of Tag2Text.
        weights.finish().unwrap();
        network
    }

    fn losses(&self, batch: &Batch) -> Losses {
        self.losses_of(&self.visual_encoder.forward(batch.pictures.clone()), batch)
    }

    fn losses_of(&self, image_tokens: &Tensor<3>, batch: &Batch) -> Losses {
        let Batch {
            targets,
            tags,
            captions,
            ..
        } = batch;
        let logits = self.heads.tag_logits(image_tokens);
        let tagging = asymmetric(logits, targets.clone(), targets.ones_like());
        let logits = self.heads.caption_logits(image_tokens, tags, captions);
        let ids = captions.rows.concat();
        let generation = generation(logits.unwrap(), &ids, &captions.lengths, PROMPT, 0.1);
        Losses {
            generation,
            tagging,
        }
    }
}

#[test]
fn losses_and_gradients_equal_the_reference() {
    let golden = Golden::parse(GOLDEN);
    let device = Device::flex().autodiff();
    let (network, batch) = (Network::new(&device), Batch::new(&golden, &device));
    let losses = network.losses(&batch);
    assert_loss(&losses.tagging, &golden, "train.loss_tag");
    assert_loss(&losses.generation, &golden, "train.loss_t2t");
    let total = losses.balanced();
    assert_loss(&total, &golden, "train.loss_total");
    let gradients = total.backward();
    Found::of(&network, &gradients).assert_equal(
        &golden,
        &[
            ("fc.W", "heads.tables.fc_weight"),
            ("fc.b", "heads.tables.fc_bias"),
            ("label_embed.weight", "heads.tables.label_embed"),
            (
                "tag_encoder.encoder.layer.0.crossattention.self.query.bias",
                SHARED_BIAS,
            ),
            (
                "text_decoder.cls.predictions.bias",
                "heads.decoder.words.Device.bias",
            ),
            (
                "visual_encoder.norm.weight",
                "visual_encoder.norm.Device.gamma",
            ),
            (
                "visual_encoder.patch_embed.proj.bias",
                "visual_encoder.patch_embed.projection.Device.bias",
            ),
        ],
    );
}

#[test]
fn what_both_objectives_ask_of_a_shared_layer_adds_up() {
    let golden = Golden::parse(GOLDEN);
    let device = Device::flex().autodiff();
    let (network, batch) = (Network::new(&device), Batch::new(&golden, &device));
    let tokens = golden.tensor::<3>("image_tokens", &device);
    let gradient = |objective: fn(Losses) -> Tensor<1>| {
        let gradients = objective(network.losses_of(&tokens, &batch)).backward();
        Found::of(&network, &gradients).at(SHARED_BIAS).to_vec()
    };
    let [tagging, generation, both] = [
        gradient(|losses| losses.tagging),
        gradient(|losses| losses.generation),
        gradient(|losses| losses.tagging + losses.generation),
    ];
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    let all = length(&both);
    assert!(length(&tagging) > 0.01 * all && length(&generation) > 0.01 * all);
    for ((tagging, generation), both) in tagging.iter().zip(generation).zip(both) {
        assert!((tagging + generation - both).abs() < 1e-4 * all);
    }
}

/// Moves the parameter at `target`.
struct Nudge<'a> {
    target: &'a str,
    step: &'a [f32],
    path: Vec<String>,
}

impl ModuleMapper for Nudge<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.join(".") != self.target {
            return param;
        }
        param.map(|value| {
            let step = TensorData::new(self.step.to_vec(), value.dims());
            let step = Tensor::from_data(step, &value.device());
            value.detach() + step
        })
    }
}

/// Tables that are held in another form than for inference, and of which the reference gives no gradient.
#[test]
fn the_loss_changes_along_the_gradient_of_a_table_by_its_length() {
    const STEP: f32 = 2e-2;
    let golden = Golden::parse(GOLDEN);
    let device = Device::flex().autodiff();
    let (network, batch) = (Network::new(&device), Batch::new(&golden, &device));
    let gradients = network.losses(&batch).generation.backward();
    let found = Found::of(&network, &gradients);
    for target in [
        "visual_encoder.stages.0.blocks.1.attention.bias.Recorded.table",
        "heads.words.Recorded.words",
        "heads.words.Recorded.positions",
        "heads.decoder.words.Device.values",
        "heads.decoder.positions",
    ] {
        let gradient = found.at(target);
        let length = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        let loss = |sign: f32| {
            let step: Vec<f32> = gradient.iter().map(|g| sign * STEP * g / length).collect();
            let path = Vec::new();
            let nudged = network.clone().no_grad().map(&mut Nudge {
                target,
                step: &step,
                path,
            });
            f64::from(host(nudged.losses(&batch).generation)[0])
        };
        let slope = (loss(1.0) - loss(-1.0)) / f64::from(2.0 * STEP);
        let error = (slope / f64::from(length) - 1.0).abs();
        assert!(
            error < 0.02,
            "{target}: {slope} along a gradient of {length}"
        );
    }
}
