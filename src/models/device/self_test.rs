//! Operations whose results are known: drivers that return wrong numbers exist.

use burn::tensor::activation::softmax;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::Precision;

const SIDE: usize = 12;

/// Whether a matrix product, a softmax and a convolution come out right in `precision`.
pub(super) fn passes(device: &Device, precision: Precision) -> bool {
    let tolerance = 2e-2;
    let square = square(device, precision);
    [matmul(&square), softmax_rows(&square), convolution(&square)]
        .into_iter()
        .all(|(found, expected)| {
            found
                .into_data()
                .convert::<f32>()
                .try_into_vec::<f32>()
                .is_ok_and(|found| {
                    found.len() == expected.len()
                        && found
                            .iter()
                            .zip(&expected)
                            .all(|(a, b)| (a - b).abs() <= tolerance)
                })
        })
}

/// Small values without a pattern in rows or columns.
fn values() -> Vec<f32> {
    (0..SIDE * SIDE)
        .map(|i| ((i * i + 3 * i) % 17) as f32 / 17.0 - 0.5)
        .collect()
}

fn square(device: &Device, precision: Precision) -> Tensor<2> {
    let data = TensorData::new(values(), [SIDE, SIDE]);
    Tensor::from_data(data, (device, precision.dtype()))
}

fn matmul(square: &Tensor<2>) -> (Tensor<1>, Vec<f32>) {
    let v = values();
    let expected = (0..SIDE * SIDE)
        .map(|at| {
            (0..SIDE)
                .map(|k| v[at / SIDE * SIDE + k] * v[k * SIDE + at % SIDE])
                .sum()
        })
        .collect();
    (
        square.clone().matmul(square.clone()).reshape([-1]),
        expected,
    )
}

fn softmax_rows(square: &Tensor<2>) -> (Tensor<1>, Vec<f32>) {
    let expected = values()
        .chunks_exact(SIDE)
        .flat_map(|row| {
            let sum: f32 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(move |x| x.exp() / sum)
        })
        .collect();
    (softmax(square.clone(), 1).reshape([-1]), expected)
}

fn convolution(square: &Tensor<2>) -> (Tensor<1>, Vec<f32>) {
    let out = SIDE - 2;
    let v = values();
    let expected = (0..out * out)
        .map(|at| {
            (0..9)
                .map(|k| v[(at / out + k / 3) * SIDE + at % out + k % 3] * v[k])
                .sum()
        })
        .collect();
    let kernel = square.clone().narrow(0, 0, 1).narrow(1, 0, 9);
    let found = conv2d(
        square.clone().reshape([1, 1, SIDE as i32, SIDE as i32]),
        kernel.reshape([1, 1, 3, 3]),
        None,
        ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
    );
    (found.reshape([-1]), expected)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use Precision::{F16, F32};

    #[test]
    fn a_device_that_computes_passes_the_self_test() {
        for precision in [F32, F16] {
            assert!(passes(&Device::flex(), precision));
        }
    }
}
