//! The frozen text encoder of the built-in model: sentences to vectors.

use burn::tensor::{Device, Tensor, TensorData};

use super::ModelError;
use super::manifest::Manifest;
use super::nn::Bert;
use super::tokenizer::WordPieceTokenizer;
use super::weights::Weights;
use super::word_table::WordTable;

/// Tokeniser, embedding tables and BERT layers.
#[derive(Debug)]
pub(crate) struct SentenceEncoder {
    tokenizer: WordPieceTokenizer,
    words: WordTable,
    positions: Vec<f32>,
    layers: Bert,
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
            layers: Bert::load(config, None, "text_encoder", weights, device)?,
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

    /// Mean of the last hidden states of each sentence, special tokens included: `[B, hidden]`.
    pub(crate) fn forward<S: AsRef<str>>(&self, sentences: &[S]) -> Result<Tensor<2>, ModelError> {
        let rows: Vec<Vec<u32>> = sentences
            .iter()
            .map(|s| self.tokenizer.encode(s.as_ref()))
            .collect::<Result<_, _>>()?;
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut embeddings = vec![0.0; rows.len() * longest * self.width];
        let mut share = vec![0.0; rows.len() * longest];
        for (row, ids) in rows.iter().enumerate() {
            for (position, &id) in ids.iter().enumerate() {
                let at = row * longest + position;
                share[at] = 1.0 / ids.len() as f32;
                let target = &mut embeddings[at * self.width..][..self.width];
                target.copy_from_slice(&self.positions[position * self.width..][..self.width]);
                self.words.add_to(id as usize, target);
            }
        }
        let shape = [rows.len(), longest, self.width];
        let hidden = self.layers.forward(
            Tensor::from_data(TensorData::new(embeddings, shape), &self.device),
            &lengths,
            None,
        );
        let share: Tensor<3> = Tensor::from_data(
            TensorData::new(share, [rows.len(), 1, longest]),
            (&self.device, hidden.dtype()),
        );
        Ok(share.matmul(hidden).squeeze_dim(1))
    }
}
