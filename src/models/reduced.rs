//! The reduced networks of the reference, for tests that need no weight file: shapes from `mini_config.json`, tensors from
//! their names, and the pictures that the golden numbers belong to.

use burn::tensor::{Device, Tensor};
use serde::de::DeserializeOwned;

use super::generated::{Generated, uniform};
use super::nn::{BertConfig, SwinConfig};
use super::tagger::TaggerConfig;

const CONFIG: &str = include_str!("../../tests/fixtures/golden/mini_config.json");
const TAGS: usize = 50;
/// Width of the label vectors of RAM and RAM++.
const LABEL_WIDTH: usize = 512;
/// Tags of the reduced RAM++, and descriptions of each.
const DESCRIBED: [usize; 2] = [12, 5];
/// Number of `[SEP]` in the vocabulary.
const SEP: usize = 3;

/// A part of `mini_config.json`.
pub(crate) fn config<T: DeserializeOwned>(part: &str) -> T {
    let config: serde_json::Value = serde_json::from_str(CONFIG).expect("JSON");
    serde_json::from_value(config[part].clone()).expect("a shape")
}

/// Shape of a recognition decoder of `num_class` tags that looks at tokens of `encoder_width` channels.
pub(crate) fn tagger(num_class: usize, encoder_width: usize) -> TaggerConfig {
    TaggerConfig {
        num_class,
        hidden_size: 64,
        intermediate_size: 128,
        num_attention_heads: 2,
        num_hidden_layers: 2,
        encoder_width,
    }
}

/// Tag2Text under official names, without ties and buffers.
pub(crate) fn tag2text() -> Generated {
    let (swin, med): (SwinConfig, BertConfig) = (config("swin"), config("med"));
    let width = med.hidden_size;
    let mut shapes = Shapes::default();
    shapes.bert("tag_encoder", &med, swin.vision_width);
    shapes.bert("text_decoder.bert", &med, width);
    let words = "text_decoder.cls.predictions";
    let bias = format!("{words}.bias");
    shapes.add(&bias, &[med.vocab_size]);
    shapes.linear(&format!("{words}.transform.dense"), width, width);
    shapes.norm(&format!("{words}.transform.LayerNorm"), width);
    shapes.add("label_embed.weight", &[TAGS, width]);
    shapes.add("fc.W", &[1, TAGS, width]);
    shapes.add("fc.b", &[1, TAGS]);
    // A likelier end of the sentence lets beams end at different lengths.
    vision()
        .and(Generated::new("", shapes.0))
        .raised(&bias, SEP, 5.0)
}

/// Tag2Text as a checkpoint has it that stores the layers which two networks share with the recognition decoder.
pub(crate) fn tag2text_stored_with_the_head() -> Generated {
    tag2text().renamed(|name| {
        let layers = ["encoder.layer.0.", "encoder.layer.1."];
        let rest = name.strip_prefix("tag_encoder.");
        let shared = rest.filter(|rest| {
            let mut parts = layers.iter().filter_map(|layer| rest.strip_prefix(layer));
            parts.any(|part| !part.starts_with("attention."))
        });
        Some(shared.map_or(name.to_owned(), |rest| format!("tagging_head.{rest}")))
    })
}

/// Tag2Text's image encoder, which stands before the decoders of RAM and RAM++ too.
pub(crate) fn vision() -> Generated {
    let swin: SwinConfig = config("swin");
    Generated::new("", swin.shapes("visual_encoder"))
}

/// What the decoders of RAM and RAM++ have in common.
pub(crate) fn ram_head() -> Generated {
    let (swin, tagger) = (config::<SwinConfig>("swin"), tagger(TAGS, LABEL_WIDTH));
    let mut shapes = Shapes::default();
    shapes.linear("image_proj", LABEL_WIDTH, swin.vision_width);
    for layer in 0..tagger.num_hidden_layers {
        let prefix = format!("tagging_head.encoder.layer.{layer}");
        let (width, inner) = (tagger.hidden_size, tagger.intermediate_size);
        shapes.seeing_layer(&prefix, width, inner, LABEL_WIDTH);
    }
    shapes.linear("wordvec_proj", tagger.hidden_size, LABEL_WIDTH);
    shapes.linear("fc", 1, tagger.hidden_size);
    Generated::new("ram.", shapes.0)
}

/// RAM's label vectors.
pub(crate) fn ram_labels() -> Generated {
    let shape = vec![TAGS, LABEL_WIDTH];
    Generated::new("ram.", [("label_embed".to_owned(), shape)])
}

/// RAM++'s description vectors, and how sharply it chooses among them.
pub(crate) fn ram_plus_labels() -> Generated {
    let shape = vec![DESCRIBED.iter().product(), LABEL_WIDTH];
    let labels = ("label_embed".to_owned(), shape);
    Generated::new("ramplus.", [labels, ("reweight_scale".to_owned(), vec![])])
}

/// The two pictures of Tag2Text, RAM and RAM++, normalised: `[2, 3, 192, 192]`.
pub(crate) fn pictures(device: &Device) -> Tensor<4> {
    let shape = [2, 3, 192, 192];
    let mut values = noise("input.image", shape);
    let (_, second) = values.split_at_mut(3 * 192 * 192);
    // The second one is paler and tinted, for other tags than those of the first.
    for (channel, shift) in second.chunks_mut(192 * 192).zip([1.5, -1.0, 0.5]) {
        for value in channel {
            *value = *value * 0.25 + shift;
        }
    }
    Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
}

/// The three pictures of BLIP, normalised: `[3, 3, 64, 64]`.
pub(crate) fn blip_pictures(device: &Device) -> Tensor<4> {
    let shape = [3, 3, 64, 64];
    let values = noise("blip.input.image", shape);
    Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
}

fn noise(key: &str, shape: [usize; 4]) -> Vec<f32> {
    let values = uniform(key, shape.iter().product());
    values.map(|u| (2.0 * u) as f32).collect()
}

/// Names and shapes of tensors.
#[derive(Default)]
struct Shapes(Vec<(String, Vec<usize>)>);

impl Shapes {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.push((name.to_owned(), shape.to_vec()));
    }

    fn linear(&mut self, name: &str, output: usize, input: usize) {
        self.add(&format!("{name}.weight"), &[output, input]);
        self.add(&format!("{name}.bias"), &[output]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width]);
        self.add(&format!("{name}.bias"), &[width]);
    }

    /// Attention to what has `seen` channels.
    fn attention(&mut self, name: &str, width: usize, seen: usize) {
        self.linear(&format!("{name}.self.query"), width, width);
        self.linear(&format!("{name}.self.key"), width, seen);
        self.linear(&format!("{name}.self.value"), width, seen);
        self.linear(&format!("{name}.output.dense"), width, width);
        self.norm(&format!("{name}.output.LayerNorm"), width);
    }

    /// Cross-attention and feed-forward network.
    fn seeing_layer(&mut self, name: &str, width: usize, inner: usize, seen: usize) {
        self.attention(&format!("{name}.crossattention"), width, seen);
        self.linear(&format!("{name}.intermediate.dense"), inner, width);
        self.linear(&format!("{name}.output.dense"), width, inner);
        self.norm(&format!("{name}.output.LayerNorm"), width);
    }

    fn bert(&mut self, prefix: &str, config: &BertConfig, seen: usize) {
        let (width, table) = (config.hidden_size, format!("{prefix}.embeddings"));
        let words = format!("{table}.word_embeddings.weight");
        let positions = format!("{table}.position_embeddings.weight");
        self.add(&words, &[config.vocab_size, width]);
        self.add(&positions, &[config.max_position_embeddings, width]);
        self.norm(&format!("{table}.LayerNorm"), width);
        for layer in 0..config.num_hidden_layers {
            let name = format!("{prefix}.encoder.layer.{layer}");
            self.attention(&format!("{name}.attention"), width, width);
            self.seeing_layer(&name, width, config.intermediate_size, seen);
        }
    }
}
