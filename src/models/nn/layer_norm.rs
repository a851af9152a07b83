//! Layer normalisation of rows.

use burn::module::Module;
use burn::nn;
use burn::tensor::{DType, Device};

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

    /// Type of what goes in and comes out. The statistics of f16 are computed in f32, where neither the sum of squares nor a
    /// tiny epsilon is lost: burn's layer widens its input.
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Self::Host(_) => DType::F32,
            Self::Device(layer) => layer.gamma.val().dtype(),
        }
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

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;
    use crate::models::device::Precision;
    use crate::models::generated::Generated;
    use crate::models::golden::{half_device, host};
    use crate::models::weights::Layout;
    use burn::tensor::Tensor;

    /// In f16 the squares of these large values are infinite, and this epsilon is zero.
    #[test]
    fn f16_normalises_large_values_and_constant_rows() {
        const WIDTH: usize = 64;
        let device = half_device();
        let shapes = ["n.weight", "n.bias"].map(|name| (name.to_owned(), vec![WIDTH]));
        let weights = Weights::new(Generated::new("", shapes), Layout::Torch);
        let beta = weights.values("n.bias", &[WIDTH]).unwrap();
        let gamma = weights.values("n.weight", &[WIDTH]).unwrap();
        let weights = weights.in_precision(Precision::F16);
        let norm = LayerNorm::load("n", WIDTH, 1e-12, &weights, &device).unwrap();
        assert_eq!(norm.dtype(), DType::F16);
        let sign = |column: usize| if column.is_multiple_of(2) { 1.0 } else { -1.0 };
        let mut rows = vec![3.0; WIDTH];
        rows.extend((0..WIDTH).map(|column| 3000.0 * sign(column)));
        let rows = Tensor::<1>::from_floats(rows.as_slice(), &device).cast(DType::F16);
        let found = norm.forward(&Rows::new(rows.reshape([1, 2, WIDTH])));
        let found = host(found.into_tensor(1, &device));
        for column in 0..WIDTH {
            let (constant, large) = (found[column], found[WIDTH + column]);
            let expected = gamma[column] * sign(column) + beta[column];
            assert!(
                (constant - beta[column]).abs() < 2e-3,
                "{column}: {constant}"
            );
            assert!((large - expected).abs() < 2e-3, "{column}: {large}");
        }
    }
}
