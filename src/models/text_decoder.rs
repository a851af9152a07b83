//! The image-tag-text decoder of Tag2Text (paper section 3.3, Generation): BERT as a causal language model that looks at what
//! the tag encoder made of tags and image.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor};

use super::ModelError;
use super::backbone::host;
use super::generation::NextToken;
use super::nn::{Bert, BertConfig, Cache, gelu};
use super::weights::Weights;

/// Embeddings, layers and the head that turns a hidden state into the logits of the next token.
#[derive(Debug, Module)]
pub(crate) struct TextDecoder {
    /// `[vocabulary, hidden]`: embeds the tokens and, tied, is the matrix of the head.
    words: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
    layers: Bert,
    transform: Linear,
    transform_norm: LayerNorm,
    bias: Param<Tensor<1>>,
}

impl TextDecoder {
    /// Takes `text_decoder.*` from `weights`. Of the two names of the tied matrix, and of the head's bias, either will do.
    pub(crate) fn load(
        config: &BertConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (vocabulary, width) = (config.vocab_size, config.hidden_size);
        let embeddings = "text_decoder.bert.embeddings";
        let head = "text_decoder.cls.predictions";
        let either = |first: String, second: String| {
            if !weights.has(&first) && weights.has(&second) {
                second
            } else {
                first
            }
        };
        let words = either(
            format!("{embeddings}.word_embeddings.weight"),
            format!("{head}.decoder.weight"),
        );
        let bias = either(format!("{head}.bias"), format!("{head}.decoder.bias"));
        Ok(Self {
            words: weights.param(&words, [vocabulary, width], device)?,
            positions: weights.param(
                &format!("{embeddings}.position_embeddings.weight"),
                [config.max_position_embeddings, width],
                device,
            )?,
            layers: Bert::load(config, Some(width), "text_decoder.bert", weights, device)?,
            transform: weights.linear(&format!("{head}.transform.dense"), width, width, device)?,
            transform_norm: weights.layer_norm(
                &format!("{head}.transform.LayerNorm"),
                width,
                config.layer_norm_eps,
                device,
            )?,
            bias: weights.param(&bias, [vocabulary], device)?,
        })
    }

    /// Number of token ids.
    pub(crate) fn vocabulary(&self) -> usize {
        self.words.dims()[0]
    }

    /// Tokens that the decoder can read.
    pub(crate) fn positions(&self) -> usize {
        self.positions.dims()[0]
    }

    /// Before the first token of captions beside the tag encoder's states `[B, N, hidden]`.
    pub(crate) fn cache(&self, states: &Tensor<3>) -> Cache {
        Cache::new(self.layers.keys_values(states))
    }

    /// Hidden states `[rows, L, hidden]` of the next tokens. `ids` holds `L` a row; `lengths` are the tokens of each row with
    /// those read before, without padding.
    pub(crate) fn forward(&self, ids: &[u32], lengths: &[usize], cache: &mut Cache) -> Tensor<3> {
        let (rows, device) = (lengths.len(), self.words.device());
        let count = ids.len() / rows;
        let width = self.words.dims()[1];
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let ids = Tensor::<1, Int>::from_data(ids.as_slice(), &device);
        let words = self
            .words
            .val()
            .select(0, ids)
            .reshape([rows, count, width]);
        let from = cache.len();
        let positions = self
            .positions
            .val()
            .slice([from..from + count, 0..width])
            .unsqueeze::<3>();
        self.layers.decode(words + positions, lengths, cache)
    }

    /// Hidden states `[rows, hidden]` to logits `[rows, vocabulary]` of the token that follows each.
    pub(crate) fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let x = self
            .transform_norm
            .forward(gelu(self.transform.forward(hidden)));
        x.matmul(self.words.val().transpose()) + self.bias.val().unsqueeze::<2>()
    }
}

/// Captions in the making.
pub(crate) struct Decoding<'a> {
    decoder: &'a TextDecoder,
    cache: Cache,
    device: Device,
    /// The text that each row continues.
    texts: Vec<usize>,
    /// The texts whose encoder states the cache holds.
    sources: Vec<usize>,
}

impl<'a> Decoding<'a> {
    /// One caption beside each of the tag encoder's states `[B, N, hidden]`.
    pub(crate) fn new(decoder: &'a TextDecoder, states: &Tensor<3>) -> Self {
        let texts: Vec<usize> = (0..states.dims()[0]).collect();
        Self {
            decoder,
            cache: decoder.cache(states),
            device: states.device(),
            sources: texts.clone(),
            texts,
        }
    }

    /// Logits of the token after the last of each row.
    fn step(&mut self, ids: &[u32]) -> Result<Vec<f32>, ModelError> {
        let rows = self.texts.len();
        let count = ids.len() / rows;
        let lengths = vec![self.cache.len() + count; rows];
        let hidden = self.decoder.forward(ids, &lengths, &mut self.cache);
        let width = hidden.dims()[2];
        let last = hidden.slice([0..rows, count - 1..count, 0..width]);
        host(self.decoder.logits(last.squeeze_dim(1)))
    }
}

impl NextToken for Decoding<'_> {
    fn vocabulary(&self) -> usize {
        self.decoder.vocabulary()
    }

    fn start(&mut self, prompt: &[u32]) -> Result<Vec<f32>, ModelError> {
        self.step(&prompt.repeat(self.texts.len()))
    }

    fn next(&mut self, parents: &[usize], tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        if !parents.iter().copied().eq(0..self.texts.len()) {
            self.cache.select_rows(parents, &self.device);
        }
        self.texts = parents.iter().map(|&row| self.texts[row]).collect();
        let mut sources = self.texts.clone();
        sources.dedup();
        if sources != self.sources {
            let places: Vec<usize> = sources
                .iter()
                .filter_map(|text| self.sources.iter().position(|source| source == text))
                .collect();
            self.cache.select_sources(&places, &self.device);
            self.sources = sources;
        }
        self.step(tokens)
    }
}
