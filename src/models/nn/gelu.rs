//! GELU on the CPU: burn's own is a scalar `erf` on one thread, and was a third of the tagger's time; its gradient is another.

use burn::tensor::{DType, Device, Tensor, TensorData, activation};
use rayon::prelude::*;

use super::simd::{exp, vectorised};
use crate::models::device::is_cpu;

/// Values a task of the thread pool works on: large enough to hide its cost, small enough to share out.
const TASK: usize = 1 << 14;

/// `x Φ(x)`, exact to 5e-7; its gradient is exact to 1e-6 of the one that comes in.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !is_cpu(&device) || x.dtype() != DType::F32 {
        return in_single(x);
    }
    #[cfg(feature = "train")]
    if x.is_tracked() {
        return recorded(x, &device);
    }
    let shape = x.dims();
    let mut values = values_of(x);
    values.par_chunks_mut(TASK).for_each(gelu_in_place);
    on_device(values, shape, &device)
}

/// [`gelu`] with its gradient. What records operations takes none of ours, but it knows the gradient of `x * slope + rest`
/// with constant `slope` and `rest`; with those of the tangent at `x`, that is the value and the gradient of GELU.
#[cfg(feature = "train")]
fn recorded<const D: usize>(x: Tensor<D>, device: &Device) -> Tensor<D> {
    let shape = x.dims();
    let mut rests = values_of(x.clone().inner());
    let mut slopes = vec![0.0; rests.len()];
    rests
        .par_chunks_mut(TASK)
        .zip(slopes.par_chunks_mut(TASK))
        .for_each(|(rests, slopes)| tangents(rests, slopes));
    x * on_device(slopes, shape, device) + on_device(rests, shape, device)
}

fn values_of<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    match x.into_data().try_into_vec::<f32>() {
        Ok(values) => values,
        Err(_) => unreachable!("the CPU backend computes in f32"),
    }
}

fn on_device<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// burn's own GELU, in f32: in f16 its `erf`, a polynomial, would round at every step.
fn in_single<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let dtype = x.dtype();
    activation::gelu(x.cast(DType::F32)).cast(dtype)
}

vectorised! {
    /// [`gelu`] of every value.
    pub(super) fn gelu_in_place(values: &mut [f32]) {
        for value in values {
            *value = one(*value);
        }
    }
}

vectorised! {
    /// [`gelu`] of rows to which `bias` is added first.
    pub(super) fn gelu_of_sum(values: &mut [f32], bias: &[f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = one(*value + bias);
            }
        }
    }
}

#[cfg(feature = "train")]
vectorised! {
    /// Each value `x` becomes `GELU(x) - x GELU'(x)`, which is `-x² φ(x)`; `slopes` becomes `GELU'(x) = Φ(x) + x φ(x)`.
    fn tangents(values: &mut [f32], slopes: &mut [f32]) {
        for (value, slope) in values.iter_mut().zip(slopes) {
            let x = *value;
            let density = density(x);
            let tail = tail(x.abs());
            let below = if x >= 0.0 { 1.0 - tail } else { tail };
            *slope = below + x * density;
            *value = -x * (x * density);
        }
    }
}

#[inline(always)]
fn one(x: f32) -> f32 {
    let tail = tail(x.abs());
    if x >= 0.0 { x - x * tail } else { x * tail }
}

/// `1 - Φ(x)` for `x >= 0` by Abramowitz and Stegun 7.1.26 (absolute error of erf below 1.5e-7): no branches, so it
/// vectorises.
#[inline(always)]
fn tail(x: f32) -> f32 {
    let z = x * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly = t
        * (0.254_829_6
            + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    0.5 * poly * exp(-z * z)
}

/// `φ(x)`, and 0 where that is below 1e-36: its product with the square of the largest number is finite.
#[cfg(feature = "train")]
#[inline(always)]
fn density(x: f32) -> f32 {
    const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;
    if x.abs() < 13.0 {
        FRAC_1_SQRT_TAU * exp(-0.5 * x * x)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn equals_the_exact_function_and_is_finite_far_out() {
        let device = Device::flex();
        let mut x: Vec<f32> = (-120_000..120_000).map(|i| i as f32 / 10_000.0).collect();
        x.extend([-1e30, -200.0, -0.0, 0.0, 200.0, 1e30]);
        let tensor = || Tensor::<1>::from_floats(x.as_slice(), &device);
        let exact = activation::gelu(tensor())
            .into_data()
            .try_into_vec::<f32>()
            .unwrap();
        let fast = gelu(tensor()).into_data().try_into_vec::<f32>().unwrap();
        for ((x, exact), fast) in x.iter().zip(exact).zip(fast) {
            let tolerance = 1e-6 * exact.abs().max(1.0);
            assert!((exact - fast).abs() <= tolerance, "{x}: {exact} {fast}");
        }
    }

    /// Against burn's error function in f64, and its differences.
    #[cfg(feature = "train")]
    #[test]
    fn the_gradient_equals_that_of_the_exact_function_and_is_finite_far_out() {
        let device = Device::flex();
        let mut x: Vec<f32> = (-12_000..12_000).map(|i| i as f32 / 1_000.0).collect();
        let inner = x.len();
        x.extend([
            -f32::MAX,
            -1e30,
            -200.0,
            -13.0,
            -0.0,
            13.0,
            200.0,
            1e30,
            f32::MAX,
        ]);
        let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let exact = |offset: f64| -> Vec<f64> {
            let data = TensorData::new(wide.clone(), [wide.len()]);
            let x = Tensor::<1>::from_data(data, (&device, burn::tensor::DType::F64));
            let x = x + offset;
            let y = x.clone() * ((x / 2f64.sqrt()).erf() + 1.0) / 2.0;
            y.into_data().try_into_vec().unwrap()
        };
        let (values, step) = (exact(0.0), 1e-5);
        let (above, below) = (exact(step), exact(-step));

        let leaf = Tensor::<1>::from_floats(x.as_slice(), &device.clone().autodiff());
        let leaf = leaf.require_grad();
        let recorded = gelu(leaf.clone());
        // Weights that differ, so that a gradient which is not multiplied by what comes in is found out.
        let weights: Vec<f32> = (0..x.len()).map(|i| 1.0 + (i % 3) as f32).collect();
        let weights = Tensor::<1>::from_floats(weights.as_slice(), &device.clone().autodiff());
        let gradients = (recorded.clone() * weights).sum().backward();
        let gradient: Vec<f32> = leaf
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_into_vec()
            .unwrap();
        let recorded: Vec<f32> = recorded.into_data().try_into_vec().unwrap();
        for i in 0..x.len() {
            let tolerance = 1e-6 * values[i].abs().max(1.0);
            let distance = (f64::from(recorded[i]) - values[i]).abs();
            assert!(
                distance <= tolerance,
                "{}: {} {}",
                x[i],
                recorded[i],
                values[i]
            );
            let slope = match x[i] {
                _ if i < inner => (above[i] - below[i]) / (2.0 * step),
                x if x > 0.0 => 1.0,
                0.0 => 0.5,
                _ => 0.0,
            };
            let found = f64::from(gradient[i]) / (1 + i % 3) as f64;
            assert!((found - slope).abs() < 1e-6, "{}: {found} {slope}", x[i]);
        }
    }
}
