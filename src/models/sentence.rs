//! The text encoder of the built-in model: sentences to vectors.
//!
//! Its lower layers run once a sentence, whatever is asked of it. The upper ones exist twice: by themselves they make the
//! sentence vector; trained on, with cross-attention to image tokens, they are the [`Matcher`](super::matcher::Matcher).

use burn::tensor::{Device, Tensor, TensorData};

use super::ModelError;
use super::manifest::Manifest;
use super::nn::Bert;
use super::tokenizer::WordPieceTokenizer;
use super::weights::Weights;
use super::word_table::WordTable;

/// The sentence that stands for the name of a class or tag.
pub(crate) fn naming(name: &str) -> String {
    format!("a photo of a {name}")
}

/// Hidden states of sentences below the upper layers.
#[derive(Debug)]
pub(crate) struct LowerStates {
    /// `[B, L, hidden]`, `L` being the longest sentence's tokens.
    pub(crate) states: Tensor<3>,
    /// Tokens of each sentence.
    pub(crate) lengths: Vec<usize>,
}

/// Tokeniser, embedding tables and BERT layers.
#[derive(Debug)]
pub(crate) struct SentenceEncoder {
    tokenizer: WordPieceTokenizer,
    words: WordTable,
    positions: Vec<f32>,
    lower: Bert,
    upper: Bert,
    width: usize,
    device: Device,
}

impl SentenceEncoder {
    /// Takes `text_encoder.*` from `weights`; `vocabulary` holds one WordPiece token a line.
    pub(crate) fn load(
        manifest: &Manifest,
        vocabulary: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let config = &manifest.text_encoder;
        let width = config.hidden_size;
        let (lowest, all) = (manifest.lower_layers(), config.num_hidden_layers);
        let layers = |range| {
            let names = ["text_encoder"; 2];
            Bert::load_layers(config, range, None, names, weights, device)
        };
        Ok(Self {
            tokenizer: WordPieceTokenizer::new(vocabulary, manifest.max_length)?,
            words: WordTable::load(
                weights,
                "text_encoder.embeddings.word_embeddings",
                config.vocab_size,
                width,
            )?,
            positions: weights.values(
                "text_encoder.embeddings.position_embeddings.weight",
                &[config.max_position_embeddings, width],
            )?,
            lower: layers(0..lowest)?,
            upper: layers(lowest..all)?,
            width,
            device: device.clone(),
        })
    }

    /// Width of a sentence vector.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Byte at which a sentence is cut off; `None` when all of it is read.
    pub(crate) fn cut(&self, sentence: &str) -> Result<Option<usize>, ModelError> {
        self.tokenizer.cut(sentence)
    }

    /// Token ids of a sentence, `[CLS]` and `[SEP]` included.
    #[cfg(feature = "train")]
    pub(crate) fn tokens(&self, sentence: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.encode(sentence)
    }

    /// What the lower layers make of sentences.
    pub(crate) fn lower<S: AsRef<str>>(&self, sentences: &[S]) -> Result<LowerStates, ModelError> {
        let rows: Vec<Vec<u32>> = sentences
            .iter()
            .map(|s| self.tokenizer.encode(s.as_ref()))
            .collect::<Result<_, _>>()?;
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let embeddings = self.embeddings(&rows, &self.device);
        let states = self.lower.forward(embeddings, &lengths, None);
        Ok(LowerStates { states, lengths })
    }

    /// Sums of word and position embeddings of token ids, filled up with zeros to the longest row: `[B, L, hidden]`.
    pub(crate) fn embeddings(&self, rows: &[Vec<u32>], device: &Device) -> Tensor<3> {
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut embeddings = vec![0.0; rows.len() * longest * self.width];
        for (row, ids) in rows.iter().enumerate() {
            for (position, &id) in ids.iter().enumerate() {
                let at = row * longest + position;
                let target = &mut embeddings[at * self.width..][..self.width];
                target.copy_from_slice(&self.positions[position * self.width..][..self.width]);
                self.words.add_to(id as usize, target);
            }
        }
        let shape = [rows.len(), longest, self.width];
        Tensor::from_data(TensorData::new(embeddings, shape), device)
    }

    /// Mean of the last hidden states of each sentence, special tokens included: `[B, hidden]`.
    pub(crate) fn upper(&self, LowerStates { states, lengths }: LowerStates) -> Tensor<2> {
        mean_states(self.upper.forward(states, &lengths, None), &lengths)
    }

    /// What the aligner looks at: sentence vectors, each followed by its mean word where the words have `weights`:
    /// `[B, hidden or 2 hidden]`.
    pub(crate) fn features<S: AsRef<str>>(
        &self,
        sentences: &[S],
        weights: Option<&[f32]>,
    ) -> Result<Tensor<2>, ModelError> {
        let vectors = self.forward(sentences)?;
        let Some(weights) = weights else {
            return Ok(vectors);
        };
        let mut words = Vec::with_capacity(sentences.len() * self.width);
        for sentence in sentences {
            words.extend(self.mean_word(&self.tokenizer.encode(sentence.as_ref())?, weights));
        }
        let words = TensorData::new(words, [sentences.len(), self.width]);
        let words = Tensor::from_data(words, (&self.device, vectors.dtype()));
        Ok(Tensor::cat(vec![vectors, words], 1))
    }

    /// Weighted mean of word embeddings, each brought to mean 0 and variance 1; zeros where no word has a weight.
    pub(crate) fn mean_word(&self, ids: &[u32], weights: &[f32]) -> Vec<f32> {
        /// Brings means of some words to about the scale of sentence vectors.
        const SCALE: f32 = 0.5;
        let mut sum = vec![0.0; self.width];
        let mut total = 0.0;
        for &id in ids {
            let weight = weights[id as usize];
            if weight <= 0.0 {
                continue;
            }
            let mut word = vec![0.0; self.width];
            self.words.add_to(id as usize, &mut word);
            let count = self.width as f32;
            let mean = word.iter().sum::<f32>() / count;
            let variance = word.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
            let scale = weight / (variance + 1e-5).sqrt();
            for (sum, value) in sum.iter_mut().zip(&word) {
                *sum += scale * (value - mean);
            }
            total += weight;
        }
        if total > 0.0 {
            sum.iter_mut().for_each(|value| *value *= SCALE / total);
        }
        sum
    }

    /// Sentence vectors `[B, hidden]`.
    pub(crate) fn forward<S: AsRef<str>>(&self, sentences: &[S]) -> Result<Tensor<2>, ModelError> {
        Ok(self.upper(self.lower(sentences)?))
    }
}

/// Mean of the hidden states `[B, L, hidden]` of each sentence's tokens: `[B, hidden]`.
pub(crate) fn mean_states(hidden: Tensor<3>, lengths: &[usize]) -> Tensor<2> {
    let longest = hidden.dims()[1];
    let share: Vec<f32> = lengths
        .iter()
        .flat_map(|&used| {
            (0..longest).map(move |at| if at < used { 1.0 / used as f32 } else { 0.0 })
        })
        .collect();
    let share: Tensor<3> = Tensor::from_data(
        TensorData::new(share, [lengths.len(), 1, longest]),
        (&hidden.device(), hidden.dtype()),
    );
    share.matmul(hidden).squeeze_dim(1)
}
