//! Layer normalisation of rows.

use burn::module::Module;
use burn::nn;
use burn::tensor::Device;

use super::rows::{Rows, build, on_host};
use super::simd::{sum, vectorised};
use crate::models::ModelError;
use crate::models::weights::Weights;

/// Every row brought to mean 0 and variance 1, then scaled and shifted feature by feature.
#[derive(Debug, Module)]
pub(crate) enum LayerNorm {
    /// In main memory.
    Host(HostNorm),
    /// On another device, or recorded for gradients.
    Device(nn::LayerNorm),
}

/// [`LayerNorm`] in main memory.
#[derive(Debug, Module)]
pub(crate) struct HostNorm {
    /// `[d_model]`.
    #[module(skip)]
    gamma: Vec<f32>,
    /// `[d_model]`.
    #[module(skip)]
    beta: Vec<f32>,
    /// Added to the variance.
    epsilon: f32,
}

impl LayerNorm {
    /// `prefix.weight` and `prefix.bias`, both `[d_model]`.
    pub(crate) fn load(
        prefix: &str,
        d_model: usize,
        epsilon: f64,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        if !on_host(device) {
            return Ok(Self::Device(
                weights.layer_norm(prefix, d_model, epsilon, device)?,
            ));
        }
        Ok(Self::Host(HostNorm {
            gamma: weights.values(&format!("{prefix}.weight"), &[d_model])?,
            beta: weights.values(&format!("{prefix}.bias"), &[d_model])?,
            epsilon: epsilon as f32,
        }))
    }

    /// `[R, d_model]` to the same.
    pub(crate) fn forward(&self, x: &Rows) -> Rows {
        match (self, x) {
            (Self::Host(norm), Rows::Host { values, width }) => Rows::Host {
                values: build(values.len() / width, *width, |first, out| {
                    let rows = out.write_copy_of_slice(&values[first * width..][..out.len()]);
                    normalise(rows, &norm.gamma, &norm.beta, norm.epsilon);
                    rows
                }),
                width: *width,
            },
            (Self::Device(layer), Rows::Device(x)) => Rows::Device(layer.forward(x.clone())),
            _ => unreachable!("a layer and its input are on one device"),
        }
    }
}

vectorised! {
    fn normalise(values: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
        let width = gamma.len();
        for row in values.chunks_exact_mut(width) {
            let mean = sum(row, |x| x) / width as f32;
            let variance = sum(row, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for ((value, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
                *value = (*value - mean) * scale * gamma + beta;
            }
        }
    }
}
