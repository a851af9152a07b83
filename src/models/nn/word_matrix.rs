//! Word embeddings that are also the matrix of a language model's head.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::rows::{Rows, on_host};
use super::thin;
use crate::models::ModelError;
use crate::models::weights::Weights;

/// `[vocabulary, width]`, held once: as it is stored it embeds tokens, transposed it scores them.
#[derive(Debug, Module)]
#[allow(clippy::large_enum_variant)] // There is one a model.
pub(crate) enum WordMatrix {
    /// In main memory.
    Host(HostWords),
    /// On another device, or recorded for gradients.
    Device(DeviceWords),
}

/// [`WordMatrix`] in main memory.
#[derive(Debug, Module)]
pub(crate) struct HostWords {
    #[module(skip)]
    values: Vec<f32>,
    /// Added to the scores, one a word.
    #[module(skip)]
    bias: Vec<f32>,
    width: usize,
}

/// [`WordMatrix`] on another device.
#[derive(Debug, Module)]
pub(crate) struct DeviceWords {
    values: Param<Tensor<2>>,
    /// Added to the scores, one a word.
    bias: Param<Tensor<1>>,
}

impl WordMatrix {
    /// Takes `words` `[vocabulary, width]` and `bias` `[vocabulary]`.
    pub(crate) fn load(
        words: &str,
        bias: &str,
        [vocabulary, width]: [usize; 2],
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(if on_host(device) {
            Self::Host(HostWords {
                values: weights.values(words, &[vocabulary, width])?,
                bias: weights.values(bias, &[vocabulary])?,
                width,
            })
        } else {
            Self::Device(DeviceWords {
                values: weights.param(words, [vocabulary, width], device)?,
                bias: weights.param(bias, [vocabulary], device)?,
            })
        })
    }

    /// Number of words.
    pub(crate) fn vocabulary(&self) -> usize {
        match self {
            Self::Host(words) => words.bias.len(),
            Self::Device(words) => words.bias.val().dims()[0],
        }
    }

    /// Embeddings `[ids, width]`, in this order.
    pub(crate) fn embed(&self, ids: &[u32], device: &Device) -> Tensor<2> {
        match self {
            Self::Host(HostWords { values, width, .. }) => {
                let row = |&id: &u32| &values[id as usize * width..][..*width];
                let rows: Vec<f32> = ids.iter().flat_map(row).copied().collect();
                Tensor::from_data(TensorData::new(rows, [ids.len(), *width]), device)
            }
            Self::Device(words) => {
                let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
                let ids = Tensor::<1, Int>::from_data(ids.as_slice(), device);
                words.values.val().select(0, ids)
            }
        }
    }

    /// Hidden states `[R, width]` to the scores `[R, vocabulary]` of every word.
    pub(crate) fn scores(&self, hidden: &Rows) -> Rows {
        match (self, hidden) {
            (
                Self::Host(HostWords {
                    values,
                    bias,
                    width,
                }),
                Rows::Host { values: hidden, .. },
            ) => {
                let mut scores: Vec<f32> = Vec::new();
                for hidden in hidden.chunks(thin::MOST_ROWS * width) {
                    scores.extend(thin::multiply_transposed(hidden, *width, values));
                }
                for row in scores.chunks_exact_mut(bias.len()) {
                    for (score, bias) in row.iter_mut().zip(bias) {
                        *score += bias;
                    }
                }
                Rows::Host {
                    values: scores,
                    width: bias.len(),
                }
            }
            (Self::Device(words), Rows::Device(hidden)) => {
                let products = hidden.clone().matmul(words.values.val().transpose());
                Rows::Device(products + words.bias.val().unsqueeze::<2>())
            }
            _ => unreachable!("words and hidden states are on one device"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{devices, host};
    use crate::models::tensors::SafetensorsBytes;
    use crate::models::weights::Layout;
    use safetensors::Dtype;
    use safetensors::tensor::TensorView;

    #[test]
    fn one_matrix_embeds_and_scores() {
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (words, bias): (Vec<u8>, Vec<u8>) = (
            bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, -6.0]),
            bytes(&[10.0, 20.0, 30.0]),
        );
        let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes);
        let file = safetensors::serialize(
            [
                ("w", view(&[3, 2], &words).unwrap()),
                ("b", view(&[3], &bias).unwrap()),
            ],
            None,
        )
        .unwrap();
        let weights = Weights::new(SafetensorsBytes::parse("f", &file).unwrap(), Layout::Torch);
        for device in devices() {
            let matrix = WordMatrix::load("w", "b", [3, 2], &weights, &device).unwrap();
            assert_eq!(matrix.vocabulary(), 3);
            let embedded = matrix.embed(&[2, 0], &device);
            assert_eq!(host(embedded), [5.0, -6.0, 1.0, 2.0]);
            // More rows than one product takes.
            let rows: Vec<f32> = (0..40).map(|i| i as f32).collect();
            let hidden = Tensor::from_data(TensorData::new(rows.clone(), [1, 20, 2]), &device);
            let scores = host(matrix.scores(&Rows::new(hidden)).into_tensor(1, &device));
            let expected: Vec<f32> = rows
                .chunks(2)
                .flat_map(|x| {
                    [
                        10.0 + x[0] + 2.0 * x[1],
                        20.0 + 3.0 * x[0] + 4.0 * x[1],
                        30.0 + 5.0 * x[0] - 6.0 * x[1],
                    ]
                })
                .collect();
            assert_eq!(scores, expected);
        }
    }
}
