//! Linear layers that add their bias, an activation or a residual in the pass that multiplies.

use burn::module::{Module, Param};
use burn::nn;
use burn::tensor::{DType, Device};
use rayon::prelude::*;

use super::gelu::{gelu, gelu_of_sum};
use super::gemm::View;
use super::panels::Panels;
use super::rows::{Rows, build, on_host, share};
use super::simd::vectorised;
use crate::models::ModelError;
use crate::models::weights::{Weights, transposed};

/// `x W + b`.
#[derive(Debug, Module)]
pub(crate) enum Linear {
    /// In main memory.
    Host(HostLinear),
    /// On another device, or recorded for gradients.
    Device(nn::Linear),
}

/// [`Linear`] in main memory.
#[derive(Debug, Module)]
pub(crate) struct HostLinear {
    /// `[d_input, d_output]`.
    #[module(skip)]
    weight: Panels,
    /// `[d_output]`.
    #[module(skip)]
    bias: Vec<f32>,
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
        let weight = weights.outputs(&format!("{prefix}.weight"), d_input, d_output)?;
        let bias = weights.values(&format!("{prefix}.bias"), &[d_output])?;
        Ok(Self::new(&weight, Some(bias), d_output, weights, device))
    }

    /// `prefix.weight` alone.
    pub(crate) fn load_without_bias(
        prefix: &str,
        d_input: usize,
        d_output: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let weight = weights.outputs(&format!("{prefix}.weight"), d_input, d_output)?;
        Ok(Self::new(&weight, None, d_output, weights, device))
    }

    /// From `weight` `[d_output, d_input]`, as PyTorch stores it, and `bias` `[d_output]`, which were made of `weights`.
    pub(crate) fn new(
        weight: &[f32],
        bias: Option<Vec<f32>>,
        d_output: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Self {
        if on_host(device) {
            return Self::Host(HostLinear {
                weight: Panels::new(weight, d_output),
                bias: bias.unwrap_or_else(|| vec![0.0; d_output]),
            });
        }
        let d_input = weight.len() / d_output;
        let weight = transposed(weight, d_input);
        Self::Device(nn::Linear {
            weight: Param::from_tensor(weights.to_device(weight, [d_input, d_output], device)),
            bias: bias.map(|bias| Param::from_tensor(weights.to_device(bias, [d_output], device))),
        })
    }

    /// Type of what goes in and comes out.
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Self::Host(_) => DType::F32,
            Self::Device(layer) => layer.weight.val().dtype(),
        }
    }

    /// `[R, d_input]` to `[R, d_output]`.
    pub(crate) fn forward(&self, x: &Rows) -> Rows {
        match (self, x) {
            (Self::Host(layer), Rows::Host { values, width }) => {
                host(values, *width, layer, add_bias)
            }
            (Self::Device(layer), Rows::Device(x)) => Rows::Device(layer.forward(x.clone())),
            _ => unreachable!("a layer and its input are on one device"),
        }
    }

    /// [`Linear::forward`], then GELU.
    pub(crate) fn forward_gelu(&self, x: &Rows) -> Rows {
        match (self, x) {
            (Self::Host(layer), Rows::Host { values, width }) => {
                host(values, *width, layer, gelu_of_sum)
            }
            (Self::Device(layer), Rows::Device(x)) => Rows::Device(gelu(layer.forward(x.clone()))),
            _ => unreachable!("a layer and its input are on one device"),
        }
    }

    /// `residual` `[R, d_output]` plus [`Linear::forward`].
    pub(crate) fn add_to(&self, residual: Rows, x: &Rows) -> Rows {
        match (self, residual, x) {
            (
                Self::Host(HostLinear { weight, bias }),
                Rows::Host {
                    values: mut sum,
                    width: d_output,
                },
                Rows::Host { values, width },
            ) => {
                let x = View::packed(values, *width);
                if are_few(x.rows()) {
                    let product = few(x, weight, bias, add_bias);
                    add(&mut sum, &product);
                } else {
                    let share = share(x.rows());
                    sum.par_chunks_mut(share * d_output)
                        .enumerate()
                        .for_each(|(index, sum)| {
                            add_bias(sum, bias);
                            let x = x.slice(index * share, sum.len() / d_output);
                            weight.multiply_add(x, sum);
                        });
                }
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

/// Rows of `width` times the weight; `finish` is given rows of the product, or some columns of them, and their bias.
fn host(
    x: &[f32],
    width: usize,
    HostLinear { weight, bias }: &HostLinear,
    finish: fn(&mut [f32], &[f32]),
) -> Rows {
    let (x, d_output) = (View::packed(x, width), bias.len());
    let values = if are_few(x.rows()) {
        few(x, weight, bias, finish)
    } else {
        build(x.rows(), d_output, |first, out| {
            let count = out.len() / d_output;
            let product = weight.multiply(x.slice(first, count), out);
            finish(product, bias);
            product
        })
    };
    Rows::Host {
        values,
        width: d_output,
    }
}

/// Whether every thread reads all weights for too few rows each.
fn are_few(rows: usize) -> bool {
    const LEAST: usize = 32;
    rows < LEAST * rayon::current_num_threads()
}

fn few(x: View<'_>, weight: &Panels, bias: &[f32], finish: fn(&mut [f32], &[f32])) -> Vec<f32> {
    weight.multiply_few(x, |part, columns| finish(part, &bias[columns]))
}

vectorised! {
    fn add(sum: &mut [f32], values: &[f32]) {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += value;
        }
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
