//! Linear layers that add their bias, an activation or a residual in the pass that multiplies.

use burn::module::Param;
use burn::nn;
use burn::tensor::{Device, Tensor, TensorData, activation};
use rayon::prelude::*;

use super::gelu::gelu_of_sum;
use super::gemm::{View, multiply, multiply_add};
use super::rows::{Rows, build, on_host, share};
use super::simd::vectorised;
use super::thin;
use crate::models::ModelError;
use crate::models::weights::Weights;

/// `x W + b`.
#[derive(Debug)]
pub(crate) enum Linear {
    /// In main memory.
    Host {
        /// `[d_input, d_output]`.
        weight: Vec<f32>,
        /// `[d_output]`.
        bias: Vec<f32>,
    },
    /// On another device, or recorded for gradients.
    Device(nn::Linear),
}

impl Linear {
    /// `prefix.weight` and `prefix.bias` `[d_output]`.
    pub(crate) fn load(
        prefix: &str,
        d_input: usize,
        d_output: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let weight = weights.matrix(&format!("{prefix}.weight"), d_input, d_output)?;
        let bias = weights.values(&format!("{prefix}.bias"), &[d_output])?;
        Ok(Self::new(weight, Some(bias), d_output, device))
    }

    /// `prefix.weight` alone.
    pub(crate) fn load_without_bias(
        prefix: &str,
        d_input: usize,
        d_output: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let weight = weights.matrix(&format!("{prefix}.weight"), d_input, d_output)?;
        Ok(Self::new(weight, None, d_output, device))
    }

    /// From `weight` `[d_input, d_output]` and `bias` `[d_output]`.
    pub(crate) fn new(
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        d_output: usize,
        device: &Device,
    ) -> Self {
        if on_host(device) {
            let bias = bias.unwrap_or_else(|| vec![0.0; d_output]);
            return Self::Host { weight, bias };
        }
        let d_input = weight.len() / d_output;
        let data = TensorData::new(weight, [d_input, d_output]);
        Self::Device(nn::Linear {
            weight: Param::from_tensor(Tensor::from_data(data, device)),
            bias: bias.map(|bias| Param::from_tensor(Tensor::from_data(bias.as_slice(), device))),
        })
    }

    /// `[R, d_input]` to `[R, d_output]`.
    pub(crate) fn forward(&self, x: &Rows) -> Rows {
        match (self, x) {
            (Self::Host { weight, bias }, Rows::Host { values, width }) => {
                host(values, *width, weight, bias, add_bias)
            }
            (Self::Device(layer), Rows::Device(x)) => Rows::Device(layer.forward(x.clone())),
            _ => unreachable!("a layer and its input are on one device"),
        }
    }

    /// [`Linear::forward`], then GELU.
    pub(crate) fn forward_gelu(&self, x: &Rows) -> Rows {
        match (self, x) {
            (Self::Host { weight, bias }, Rows::Host { values, width }) => {
                host(values, *width, weight, bias, gelu_of_sum)
            }
            (Self::Device(layer), Rows::Device(x)) => {
                Rows::Device(activation::gelu(layer.forward(x.clone())))
            }
            _ => unreachable!("a layer and its input are on one device"),
        }
    }

    /// `residual` `[R, d_output]` plus [`Linear::forward`].
    pub(crate) fn add_to(&self, residual: Rows, x: &Rows) -> Rows {
        match (self, residual, x) {
            (
                Self::Host { weight, bias },
                Rows::Host {
                    values: mut sum,
                    width: d_output,
                },
                Rows::Host { values, width },
            ) => {
                let rows = values.len() / width;
                if rows <= thin::MOST_ROWS {
                    let mut product = thin::multiply(values, *width, weight, d_output);
                    add_bias(&mut product, bias);
                    for (sum, product) in sum.iter_mut().zip(product) {
                        *sum += product;
                    }
                    return Rows::Host {
                        values: sum,
                        width: d_output,
                    };
                }
                let share = share(rows);
                sum.par_chunks_mut(share * d_output)
                    .zip(values.par_chunks(share * width))
                    .for_each(|(sum, x)| {
                        add_bias(sum, bias);
                        multiply_add(View::packed(x, *width), View::packed(weight, d_output), sum);
                    });
                Rows::Host {
                    values: sum,
                    width: d_output,
                }
            }
            (Self::Device(layer), Rows::Device(residual), Rows::Device(x)) => {
                Rows::Device(residual + layer.forward(x.clone()))
            }
            _ => unreachable!("a layer and its inputs are on one device"),
        }
    }
}

/// Rows of `width` times `weight`; `finish` is given the product's rows and the bias.
fn host(
    x: &[f32],
    width: usize,
    weight: &[f32],
    bias: &[f32],
    finish: fn(&mut [f32], &[f32]),
) -> Rows {
    let d_output = bias.len();
    if x.len() / width <= thin::MOST_ROWS {
        let mut values = thin::multiply(x, width, weight, d_output);
        finish(&mut values, bias);
        return Rows::Host {
            values,
            width: d_output,
        };
    }
    let weight = View::packed(weight, d_output);
    let values = build(x.len() / width, d_output, |first, out| {
        let count = out.len() / d_output;
        let x = View::packed(&x[first * width..][..count * width], width);
        let product = multiply(x, weight, 1.0, out);
        finish(product, bias);
        product
    });
    Rows::Host {
        values,
        width: d_output,
    }
}

vectorised! {
    fn add_bias(values: &mut [f32], bias: &[f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }
}
