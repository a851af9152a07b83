//! Word and position embeddings of BERT.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use safetensors::Dtype;

use super::BertConfig;
use crate::models::ModelError;
use crate::models::weights::{Weights, to_f32};

/// The two tables.
#[derive(Debug, Module)]
pub(crate) enum Embeddings {
    /// In main memory, whatever the device.
    Stored(StoredTables),
    /// Recorded for gradients.
    Recorded(RecordedTables),
}

/// Words as they are stored: a text of 40 tokens reads 40 of 30,524 rows.
#[derive(Debug, Module)]
pub(crate) struct StoredTables {
    #[module(skip)]
    words: Vec<u8>,
    #[module(skip)]
    dtype: Dtype,
    #[module(skip)]
    positions: Vec<f32>,
    width: usize,
}

/// `[vocab, hidden]` and `[positions, hidden]`.
#[derive(Debug, Module)]
pub(crate) struct RecordedTables {
    words: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
}

impl Embeddings {
    /// Takes `prefix.embeddings.word_embeddings.weight` `[vocab, hidden]` and `prefix.embeddings.position_embeddings.weight`
    /// `[positions, hidden]` from `weights`.
    pub(crate) fn load(
        config: &BertConfig,
        prefix: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let width = config.hidden_size;
        let key = |table: &str| format!("{prefix}.embeddings.{table}_embeddings.weight");
        let words = [config.vocab_size, width];
        let positions = [config.max_position_embeddings, width];
        if device.is_autodiff() {
            return Ok(Self::Recorded(RecordedTables {
                words: weights.param(&key("word"), words, device)?,
                positions: weights.param(&key("position"), positions, device)?,
            }));
        }
        let (dtype, words) = weights.floats(&key("word"), &words)?;
        Ok(Self::Stored(StoredTables {
            words: words.into_owned(),
            dtype,
            positions: weights.values(&key("position"), &positions)?,
            width,
        }))
    }

    /// Sum of word and position embedding of every token, `[B, L, hidden]`, for the norm that [`Bert`](super::Bert) starts
    /// with. Shorter rows are filled up; what with is not to be attended to.
    ///
    /// # Errors
    /// When a row is longer than the model reads, or an id is outside of its vocabulary.
    pub(crate) fn forward<R: AsRef<[u32]>>(
        &self,
        rows: &[R],
        device: &Device,
    ) -> Result<Tensor<3>, ModelError> {
        let longest = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
        let positions = match self {
            Self::Stored(tables) => tables.positions.len() / tables.width,
            Self::Recorded(tables) => tables.positions.val().dims()[0],
        };
        if longest > positions {
            return Err(ModelError::Tokenize {
                reason: format!("it has {longest} tokens, the model reads {positions}"),
            });
        }
        match self {
            Self::Stored(tables) => tables.sums(rows, longest, device),
            Self::Recorded(tables) => tables.sums(rows, longest, device),
        }
    }
}

/// A text has a token that the tables lack.
fn unknown(id: u32, words: usize) -> ModelError {
    ModelError::Vocabulary {
        reason: format!("it has a token {id}, the model's table ends at {words}"),
    }
}

impl StoredTables {
    fn sums<R: AsRef<[u32]>>(
        &self,
        rows: &[R],
        longest: usize,
        device: &Device,
    ) -> Result<Tensor<3>, ModelError> {
        let mut sums = vec![0.0; rows.len() * longest * self.width];
        for (row, target) in rows.iter().zip(sums.chunks_exact_mut(longest * self.width)) {
            let positions = self.positions.chunks_exact(self.width);
            for ((&id, position), target) in row
                .as_ref()
                .iter()
                .zip(positions)
                .zip(target.chunks_exact_mut(self.width))
            {
                target.copy_from_slice(position);
                self.add_word(id, target)?;
            }
        }
        let shape = [rows.len(), longest, self.width];
        Ok(Tensor::from_data(TensorData::new(sums, shape), device))
    }

    fn add_word(&self, id: u32, target: &mut [f32]) -> Result<(), ModelError> {
        let stride = self.width * self.dtype.bitsize() / 8;
        let row = self
            .words
            .get((id as usize).saturating_mul(stride)..)
            .and_then(|rest| rest.get(..stride))
            .ok_or_else(|| unknown(id, self.words.len() / stride))?;
        for (sum, value) in target.iter_mut().zip(to_f32(self.dtype, row)) {
            *sum += value;
        }
        Ok(())
    }
}

impl RecordedTables {
    fn sums<R: AsRef<[u32]>>(
        &self,
        rows: &[R],
        longest: usize,
        device: &Device,
    ) -> Result<Tensor<3>, ModelError> {
        let (words, positions) = (self.words.val(), self.positions.val());
        let [count, width] = words.dims();
        let mut ids = vec![0i32; rows.len() * longest];
        for (row, target) in rows.iter().zip(ids.chunks_exact_mut(longest.max(1))) {
            for (&id, target) in row.as_ref().iter().zip(target) {
                if id as usize >= count {
                    return Err(unknown(id, count));
                }
                *target = id as i32;
            }
        }
        let ids = Tensor::<1, Int>::from_data(ids.as_slice(), device);
        let words = words.select(0, ids);
        let positions = positions.slice([0..longest, 0..width]);
        Ok(words.reshape([rows.len(), longest, width]) + positions.unsqueeze::<3>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{devices, host};
    use crate::models::tensors::SafetensorsBytes;
    use crate::models::weights::Layout;
    use half::f16;

    /// Three words and two positions of width 2.
    fn table(dtype: Dtype, device: &Device) -> Embeddings {
        let words = [1.0, 2.0, 3.0, 4.0, -5.0, 0.5];
        let stored: Vec<u8> = match dtype {
            Dtype::F16 => words
                .iter()
                .flat_map(|&v| f16::from_f32(v).to_le_bytes())
                .collect(),
            _ => words.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let positions: Vec<u8> = [10f32, 20., 30., 40.]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let view = |dtype, shape: [usize; 2], bytes| {
            safetensors::tensor::TensorView::new(dtype, shape.to_vec(), bytes).unwrap()
        };
        let file = safetensors::serialize(
            [
                (
                    "t.embeddings.word_embeddings.weight",
                    view(dtype, [3, 2], &stored),
                ),
                (
                    "t.embeddings.position_embeddings.weight",
                    view(Dtype::F32, [2, 2], &positions),
                ),
            ],
            None,
        )
        .unwrap();
        let config = BertConfig {
            vocab_size: 3,
            hidden_size: 2,
            num_hidden_layers: 0,
            num_attention_heads: 1,
            intermediate_size: 2,
            max_position_embeddings: 2,
            layer_norm_eps: 1e-12,
        };
        let weights = Weights::new(SafetensorsBytes::parse("w", &file).unwrap(), Layout::Torch);
        let table = Embeddings::load(&config, "t", &weights, device).unwrap();
        weights.finish().unwrap();
        table
    }

    #[test]
    fn word_and_position_are_summed_in_every_stored_type() {
        for device in devices() {
            for dtype in [Dtype::F32, Dtype::F16] {
                let sums = table(dtype, &device)
                    .forward(&[vec![2, 0], vec![1]], &device)
                    .unwrap();
                assert_eq!(sums.dims(), [2, 2, 2]);
                assert_eq!(
                    host(sums)[..6],
                    [5.0, 20.5, 31.0, 42.0, 13.0, 24.0],
                    "{dtype:?}"
                );
            }
        }
    }

    #[test]
    fn what_the_tables_do_not_hold_is_an_error() {
        for device in devices() {
            let table = table(Dtype::F16, &device);
            assert!(matches!(
                table.forward(&[[0, 3]], &device),
                Err(ModelError::Vocabulary { reason }) if reason.contains("token 3")
            ));
            assert!(matches!(
                table.forward(&[[0, 1, 2]], &device),
                Err(ModelError::Tokenize { reason }) if reason.contains("reads 2")
            ));
        }
    }
}
