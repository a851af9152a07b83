//! The image-tag-text decoder of Tag2Text (paper section 3.3, Generation): BERT as a causal language model that looks at what
//! the tag encoder made of tags and image.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::ModelError;
use super::backbone::host;
use super::caption::CaptionOptions;
use super::generation::{Choice, Generated, Limits, NextToken, beam_search, decode_single};
use super::nn::{Bert, BertConfig, Cache, LayerNorm, Linear, Rows, WordMatrix};
use super::weights::Weights;

/// Embeddings, layers and the head that turns a hidden state into the logits of the next token.
#[derive(Debug, Module)]
pub(crate) struct TextDecoder {
    words: WordMatrix,
    /// `[positions, hidden]`.
    positions: Param<Tensor<2>>,
    layers: Bert,
    transform: Linear,
    transform_norm: LayerNorm,
}

impl TextDecoder {
    /// Takes `text_decoder.*` from `weights`. Of the two names of the tied matrix, and of the head's bias, either will do.
    pub(crate) fn load(
        config: &BertConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let width = config.hidden_size;
        let embeddings = "text_decoder.bert.embeddings";
        let head = "text_decoder.cls.predictions";
        let either = |first: String, second: String| {
            if !weights.has(&first) && weights.has(&second) {
                second
            } else {
                first
            }
        };
        Ok(Self {
            words: WordMatrix::load(
                &either(
                    format!("{embeddings}.word_embeddings.weight"),
                    format!("{head}.decoder.weight"),
                ),
                &either(format!("{head}.bias"), format!("{head}.decoder.bias")),
                [config.vocab_size, width],
                weights,
                device,
            )?,
            positions: weights.param(
                &format!("{embeddings}.position_embeddings.weight"),
                [config.max_position_embeddings, width],
                device,
            )?,
            layers: Bert::load(config, Some(width), "text_decoder.bert", weights, device)?,
            transform: Linear::load(
                &format!("{head}.transform.dense"),
                width,
                width,
                weights,
                device,
            )?,
            transform_norm: LayerNorm::load(
                &format!("{head}.transform.LayerNorm"),
                width,
                config.layer_norm_eps,
                weights,
                device,
            )?,
        })
    }

    /// Number of token ids.
    pub(crate) fn vocabulary(&self) -> usize {
        self.words.vocabulary()
    }

    /// Tokens that the decoder can read.
    pub(crate) fn positions(&self) -> usize {
        self.positions.val().dims()[0]
    }

    /// Before the first token of captions beside the tag encoder's states `[B, N, hidden]`.
    pub(crate) fn cache(&self, states: &Tensor<3>) -> Cache {
        Cache::new(self.layers.keys_values(states))
    }

    /// Hidden states `[rows, L, hidden]` of the next tokens. `ids` holds `L` a row; `lengths` are the tokens of each row with
    /// those read before, without padding.
    pub(crate) fn forward(&self, ids: &[u32], lengths: &[usize], cache: &mut Cache) -> Tensor<3> {
        let (positions, count) = (self.positions.val(), ids.len() / lengths.len());
        let [_, width] = positions.dims();
        let words = self.words.embed(ids, &positions.device());
        let positions = positions.slice([cache.len()..cache.len() + count, 0..width]);
        let words = words.reshape([lengths.len(), count, width]);
        let embeddings = words + positions.unsqueeze::<3>();
        self.layers.decode(embeddings, lengths, cache)
    }

    /// Hidden states `[B, L, hidden]` to logits `[B, L, vocabulary]` of the token that follows each.
    pub(crate) fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let (batch, device) = (hidden.dims()[0], hidden.device());
        let x = self.transform.forward_gelu(&Rows::new(hidden));
        self.words
            .scores(&self.transform_norm.forward(&x))
            .into_tensor(batch, &device)
    }

    /// A text beside each of the encoder's states `[B, N, hidden]`, as `options` ask: each goes on from `prompt` within
    /// `limits`.
    ///
    /// # Errors
    /// When the network fails or its output is no number.
    pub(crate) fn write(
        &self,
        states: &Tensor<3>,
        prompt: &[u32],
        limits: &Limits,
        options: &CaptionOptions,
    ) -> Result<Vec<Generated>, ModelError> {
        let count = states.dims()[0];
        let decoding = &mut Decoding::new(self, states);
        match &options.sampling {
            Some(sampling) => {
                let choice = Choice::Sample {
                    top_k: sampling.top_k,
                    top_p: sampling.top_p,
                    temperature: sampling.temperature,
                    seed: sampling.seed,
                };
                decode_single(decoding, count, prompt, limits, &choice)
            }
            None if options.beams == 1 => {
                decode_single(decoding, count, prompt, limits, &Choice::Greedy)
            }
            None => beam_search(decoding, count, prompt, limits, options.beams),
        }
    }
}

/// Captions in the making.
struct Decoding<'a> {
    decoder: &'a TextDecoder,
    cache: Cache,
    /// The text that each row continues.
    texts: Vec<usize>,
    /// The texts whose encoder states the cache holds.
    sources: Vec<usize>,
}

impl<'a> Decoding<'a> {
    /// One caption beside each of the tag encoder's states `[B, N, hidden]`.
    fn new(decoder: &'a TextDecoder, states: &Tensor<3>) -> Self {
        let texts: Vec<usize> = (0..states.dims()[0]).collect();
        Self {
            decoder,
            cache: decoder.cache(states),
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
        let last = hidden.narrow(1, count - 1, 1);
        host(self.decoder.logits(last))
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
            self.cache.select_rows(parents);
        }
        self.texts = parents.iter().map(|&row| self.texts[row]).collect();
        let mut sources = self.texts.clone();
        sources.dedup();
        if sources != self.sources {
            let places: Vec<usize> = sources
                .iter()
                .filter_map(|text| self.sources.iter().position(|source| source == text))
                .collect();
            self.cache.select_sources(&places);
            self.sources = sources;
        }
        self.step(tokens)
    }
}
