//! BERT (Devlin et al. 2019): post-norm transformer layers over WordPiece tokens, with the cross-attention that BLIP and
//! Tag2Text put between self-attention and feed-forward network.
//!
//! | network | load | run |
//! |---|---|---|
//! | sentence encoder | [`Bert::load`] without `encoder_width` | [`Bert::forward`] |
//! | BLIP text encoder, text alone | [`Bert::load`] with the image encoder's width | [`Bert::forward`] without keys and values: cross-attention is skipped |
//! | BLIP text encoder with images | the same | [`Bert::forward`] with the [`Bert::keys_values`] of the image tokens |
//! | Tag2Text tag encoder | [`Bert::load_tied`], whose lowest layers belong to the recognition decoder too | the same |
//! | Tag2Text text decoder | [`Bert::load`] with its own width | [`Bert::decode`], a few tokens at a time, on a [`Cache`] |
//!
//! Input is the sum of word and position embeddings (see [`Embeddings`](super::Embeddings)); there are no token types.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::{Attention, KeysValues, gelu};
use crate::models::ModelError;
use crate::models::weights::Weights;

/// Shape of the network, in the words of a checkpoint's `config.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct BertConfig {
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) layer_norm_eps: f64,
}

#[derive(Debug, Module)]
struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    crossattention: Option<Attention>,
    crossattention_norm: Option<LayerNorm>,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    /// Self-attention is found under `prefix`, the rest under `shared`.
    fn load(
        config: &BertConfig,
        encoder_width: Option<usize>,
        [prefix, shared]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (d, inner) = (config.hidden_size, config.intermediate_size);
        let attention = |name: String, encoder_width| {
            let heads = config.num_attention_heads;
            Attention::load(&name, d, encoder_width, heads, weights, device)
        };
        let linear = |name: &str, input, output| {
            weights.linear(&format!("{shared}.{name}"), input, output, device)
        };
        let norm = |name: String| weights.layer_norm(&name, d, config.layer_norm_eps, device);
        Ok(Self {
            attention: attention(format!("{prefix}.attention"), d)?,
            attention_norm: norm(format!("{prefix}.attention.output.LayerNorm"))?,
            crossattention: encoder_width
                .map(|width| attention(format!("{shared}.crossattention"), width))
                .transpose()?,
            crossattention_norm: encoder_width
                .map(|_| norm(format!("{shared}.crossattention.output.LayerNorm")))
                .transpose()?,
            intermediate: linear("intermediate.dense", d, inner)?,
            output: linear("output.dense", inner, d)?,
            output_norm: norm(format!("{shared}.output.LayerNorm"))?,
        })
    }

    /// `x` attends to `own`, the tokens of its text, then to `encoder`, those of another network.
    fn forward(
        &self,
        x: Tensor<3>,
        own: &KeysValues,
        mask: Option<Tensor<4, Bool>>,
        encoder: Option<&KeysValues>,
    ) -> Tensor<3> {
        let attended = self.attention.attend_masked(x.clone(), own, mask);
        let mut x = self.attention_norm.forward(x + attended);
        if let (Some(crossattention), Some(norm), Some(encoder)) =
            (&self.crossattention, &self.crossattention_norm, encoder)
        {
            let attended = crossattention.attend(x.clone(), encoder);
            x = norm.forward(x + attended);
        }
        let hidden = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
        self.output_norm.forward(x + hidden)
    }
}

/// What a decoder remembers, layer by layer: keys and values of the tokens that it has read and of the encoder states that it
/// looks at.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    /// Of `length` tokens for each row; empty before the first.
    own: Vec<KeysValues>,
    /// Of the states of each source.
    encoder: Vec<KeysValues>,
    length: usize,
}

impl Cache {
    /// Before the first token.
    pub(crate) fn new(encoder: Vec<KeysValues>) -> Self {
        Self {
            own: Vec::new(),
            encoder,
            length: 0,
        }
    }

    /// Tokens read so far.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Goes on with the given rows, in this order: a row that comes twice branches, one that is missing is dropped.
    pub(crate) fn select_rows(&mut self, rows: &[usize], device: &Device) {
        select(&mut self.own, rows, device);
    }

    /// Keeps the given sources, in this order. Each of them serves the same number of adjacent rows.
    pub(crate) fn select_sources(&mut self, sources: &[usize], device: &Device) {
        select(&mut self.encoder, sources, device);
    }
}

fn select(layers: &mut [KeysValues], rows: &[usize], device: &Device) {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let rows = Tensor::<1, Int>::from_data(rows.as_slice(), device);
    for layer in layers {
        *layer = layer.select(rows.clone());
    }
}

/// The layers above the embedding table. The table itself stays with the caller: a text touches a few dozen of its rows, so
/// converting all of them at start-up would cost more than the encoding.
#[derive(Debug, Module)]
pub(crate) struct Bert {
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
}

impl Bert {
    /// Takes `prefix.embeddings.LayerNorm.*` and `prefix.encoder.layer.*` from `weights`. With an `encoder_width` every layer
    /// has cross-attention to states of that width.
    pub(crate) fn load(
        config: &BertConfig,
        encoder_width: Option<usize>,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Self::load_tied(config, encoder_width, [prefix, prefix], weights, device)
    }

    /// As [`Bert::load`], for a network that shares the cross-attention and the feed-forward network of some layers with
    /// another one: a layer whose shared part is not stored under `prefix` is taken from `tied`.
    pub(crate) fn load_tied(
        config: &BertConfig,
        encoder_width: Option<usize>,
        [prefix, tied]: [&str; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let layer = |i: usize| {
            let own = format!("{prefix}.encoder.layer.{i}");
            let other = format!("{tied}.encoder.layer.{i}");
            let is_stored = |layer: &str| weights.has(&format!("{layer}.output.dense.weight"));
            let shared = if !is_stored(&own) && is_stored(&other) {
                &other
            } else {
                &own
            };
            Layer::load(config, encoder_width, [&own, shared], weights, device)
        };
        Ok(Self {
            embedding_norm: weights.layer_norm(
                &format!("{prefix}.embeddings.LayerNorm"),
                config.hidden_size,
                config.layer_norm_eps,
                device,
            )?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// Keys and values, layer by layer, of the encoder states `[sources, N, encoder_width]`: what cross-attention needs of
    /// them. Computed once, they serve any number of texts.
    pub(crate) fn keys_values(&self, states: &Tensor<3>) -> Vec<KeysValues> {
        self.layers
            .iter()
            .filter_map(|layer| layer.crossattention.as_ref())
            .map(|attention| attention.keys_values(states.clone()))
            .collect()
    }

    /// Summed word and position embeddings `[B, L, hidden]` to hidden states of the same shape. `lengths` are the
    /// tokens of each row; what follows them is padding and is not attended to (its own states are computed all the same,
    /// as in the reference). `encoder` is what [`Bert::keys_values`] gave, each source serving the same number of adjacent
    /// rows; without it cross-attention is skipped.
    pub(crate) fn forward(
        &self,
        embeddings: Tensor<3>,
        lengths: &[usize],
        encoder: Option<&[KeysValues]>,
    ) -> Tensor<3> {
        let [_, length, _] = embeddings.dims();
        // The reference adds -10,000 to the scores of padding, which exp turns into 0 just as a mask does.
        let is_padding = |row: usize, _, key| key >= lengths[row];
        let shape = [lengths.len(), length, length];
        let mask = self.mask(shape, is_padding, &embeddings.device());
        let mut x = self.embedding_norm.forward(embeddings);
        for (i, layer) in self.layers.iter().enumerate() {
            let own = layer.attention.keys_values(x.clone());
            let encoder = encoder.and_then(|layers| layers.get(i));
            x = layer.forward(x, &own, mask.clone(), encoder);
        }
        x
    }

    /// Embeddings `[rows, L, hidden]` of the next tokens to their hidden states of the same shape: each token sees those
    /// before it, the cached ones included. `lengths` are the tokens of each row with the cached ones; what follows is
    /// padding. Each source of the cache serves the same number of adjacent rows.
    pub(crate) fn decode(
        &self,
        embeddings: Tensor<3>,
        lengths: &[usize],
        cache: &mut Cache,
    ) -> Tensor<3> {
        let [_, count, _] = embeddings.dims();
        let past = cache.length;
        cache.length += count;
        let is_hidden = |row: usize, query, key| key >= lengths[row] || key > past + query;
        let shape = [lengths.len(), count, cache.length];
        let mask = self.mask(shape, is_hidden, &embeddings.device());
        let mut x = self.embedding_norm.forward(embeddings);
        let mut before = std::mem::take(&mut cache.own).into_iter();
        for (i, layer) in self.layers.iter().enumerate() {
            let next = layer.attention.keys_values(x.clone());
            let own = match before.next() {
                Some(before) => before.followed_by(next),
                None => next,
            };
            x = layer.forward(x, &own, mask.clone(), cache.encoder.get(i));
            cache.own.push(own);
        }
        x
    }

    /// `[rows, heads, queries, keys]` from what `is_hidden` says of row, query and key; `None` when every key is seen.
    fn mask(
        &self,
        [rows, queries, keys]: [usize; 3],
        is_hidden: impl Fn(usize, usize, usize) -> bool,
        device: &Device,
    ) -> Option<Tensor<4, Bool>> {
        let mut mask = Vec::with_capacity(rows * queries * keys);
        for row in 0..rows {
            for query in 0..queries {
                mask.extend((0..keys).map(|key| is_hidden(row, query, key)));
            }
        }
        mask.contains(&true).then(|| {
            Tensor::<1, Bool>::from_data(mask.as_slice(), device)
                .reshape([rows, 1, queries, keys])
                .expand([rows, self.heads, queries, keys])
        })
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::models::golden::{Golden, device};
    use crate::models::nn::Embeddings;
    use crate::models::tensors::{SafetensorsBytes, TensorInfo, TensorSource};
    use crate::models::weights::Layout;

    const WEIGHTS: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini.safetensors");
    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
    const IMAGE_WIDTH: usize = 128;

    fn config() -> BertConfig {
        let config = include_str!("../../../tests/fixtures/golden/mini_config.json");
        let config: serde_json::Value = serde_json::from_str(config).unwrap();
        serde_json::from_value(config["med"].clone()).unwrap()
    }

    fn weights() -> Weights<'static> {
        Weights::new(
            SafetensorsBytes::parse("mini", WEIGHTS).unwrap(),
            Layout::Torch,
        )
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

    #[test]
    fn tag_encoder_equals_the_reference_layer_by_layer() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let names = ["tag_encoder", "tagging_head"];
        let bert =
            Bert::load_tied(&config(), Some(IMAGE_WIDTH), names, &weights(), &device).unwrap();
        let table = Embeddings::load(&config(), "tag_encoder", &weights()).unwrap();
        let image = bert.keys_values(&golden.tensor("image_tokens", &device));
        for case in ["auto", "user"] {
            let prefix = format!("tagenc.{case}");
            let (ids, lengths) = tokens(&golden, &prefix);
            let sums = table.forward(&ids, &device).unwrap();
            if case == "auto" {
                let x = bert.embedding_norm.forward(sums.clone());
                golden.assert_close(x, "tagenc.auto.embeddings", 2e-5);
                for depth in 1..=bert.layers.len() {
                    let x = lowest(&bert, depth).forward(sums.clone(), &lengths, Some(&image));
                    let key = format!("tagenc.auto.layer.{}", depth - 1);
                    golden.assert_close(x, &key, 2e-5);
                }
            }
            let last = bert.forward(sums, &lengths, Some(&image));
            golden.assert_close(last, &format!("{prefix}.last_hidden_state"), 2e-5);
        }
    }

    /// The network without its upper layers.
    fn lowest(bert: &Bert, depth: usize) -> Bert {
        let mut lowest = bert.clone();
        lowest.layers.truncate(depth);
        lowest
    }

    fn decoder(device: &Device) -> (Bert, Embeddings) {
        let prefix = "text_decoder.bert";
        let (config, weights) = (config(), weights());
        (
            Bert::load(&config, Some(config.hidden_size), prefix, &weights, device).unwrap(),
            Embeddings::load(&config, prefix, &weights).unwrap(),
        )
    }

    #[test]
    fn text_decoder_equals_the_reference_layer_by_layer() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let (bert, table) = decoder(&device);
        let states = golden.tensor::<3>("tagenc.user.last_hidden_state", &device);
        let (ids, lengths) = tokens(&golden, "dec");
        let sums = table.forward(&ids, &device).unwrap();
        let encoder = bert.keys_values(&states);
        for depth in 1..=bert.layers.len() {
            let mut cache = Cache::new(encoder.clone());
            let x = lowest(&bert, depth).decode(sums.clone(), &lengths, &mut cache);
            golden.assert_close(x, &format!("dec.layer.{}", depth - 1), 5e-5);
        }
    }

    /// Each row of the golden batch, token by token, beside a copy of itself that branches off and a row that is dropped.
    #[test]
    fn cached_steps_and_selected_rows_give_what_the_whole_sequence_gives() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let (bert, table) = decoder(&device);
        let states = golden.tensor::<3>("tagenc.user.last_hidden_state", &device);
        let (ids, _) = tokens(&golden, "dec");
        let mut cache = Cache::new(bert.keys_values(&states));
        let embedded = |range: std::ops::Range<usize>, rows: &[usize]| {
            let rows: Vec<Vec<u32>> = rows.iter().map(|&row| ids[row].clone()).collect();
            let [count, _, width] = [rows.len(), 0, 64];
            table
                .forward(&rows, &device)
                .unwrap()
                .slice([0..count, range, 0..width])
        };
        let check = |found: Tensor<3>, row: usize, source: usize, at: usize| {
            let whole = golden.tensor::<3>("dec.layer.2", &device);
            let expected = whole.slice([source..source + 1, at..at + 1, 0..64]);
            let found = found.slice([row..row + 1, 0..1, 0..64]);
            let distance = (found - expected).abs().max().into_scalar::<f32>();
            assert!(distance < 5e-5, "row {row} at {at}: {distance}");
        };
        let first = bert.decode(embedded(0..4, &[0, 1]), &[4, 4], &mut cache);
        assert_eq!((first.dims(), cache.len()), ([2, 4, 64], 4));
        // Both rows branch: two rows a picture.
        cache.select_rows(&[0, 0, 1, 1], &device);
        let next = bert.decode(embedded(4..5, &[0, 0, 1, 1]), &[5; 4], &mut cache);
        for (row, source) in [0, 0, 1, 1].into_iter().enumerate() {
            check(next.clone(), row, source, 4);
        }
        // The first picture is finished.
        cache.select_rows(&[3, 2], &device);
        cache.select_sources(&[1], &device);
        let next = bert.decode(embedded(5..6, &[1, 1]), &[6; 2], &mut cache);
        check(next.clone(), 0, 1, 5);
        check(next, 1, 1, 5);
    }

    /// The golden file under the names that a checkpoint uses which stores the shared parts with the recognition decoder.
    struct Renamed(SafetensorsBytes<'static>);

    impl Renamed {
        fn stored(name: &str) -> String {
            name.replace("tagging_head.", "tag_encoder.")
        }
    }

    impl TensorSource for Renamed {
        fn file(&self) -> &str {
            self.0.file()
        }

        fn names(&self) -> Vec<&str> {
            self.0.names()
        }

        fn info(&self, name: &str) -> Option<TensorInfo> {
            let is_shared = [
                "crossattention",
                "intermediate",
                "layer.0.output",
                "layer.1.output",
            ]
            .iter()
            .any(|part| name.contains(part));
            let is_low = name.contains("layer.0.") || name.contains("layer.1.");
            if name.starts_with("tag_encoder.") && is_low && is_shared {
                return None;
            }
            self.0.info(&Self::stored(name))
        }

        fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
            self.0.bytes(&Self::stored(name))
        }
    }

    #[test]
    fn layers_stored_with_the_recognition_decoder_are_found() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let source = Renamed(SafetensorsBytes::parse("mini", WEIGHTS).unwrap());
        let weights = Weights::new(source, Layout::Torch);
        let width = Some(IMAGE_WIDTH);
        assert!(Bert::load(&config(), width, "tag_encoder", &weights, &device).is_err());
        let names = ["tag_encoder", "tagging_head"];
        let bert = Bert::load_tied(&config(), width, names, &weights, &device).unwrap();
        let table = Embeddings::load(&config(), "tag_encoder", &weights).unwrap();
        let image = bert.keys_values(&golden.tensor("image_tokens", &device));
        let (ids, lengths) = tokens(&golden, "tagenc.user");
        let sums = table.forward(&ids, &device).unwrap();
        let last = bert.forward(sums, &lengths, Some(&image));
        golden.assert_close(last, "tagenc.user.last_hidden_state", 2e-5);
    }
}
