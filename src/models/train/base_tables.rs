//! The tag tables of a trained decoder, carried over to the tags of another vocabulary.

use std::collections::HashMap;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::TrainError;
use super::matrix;
use crate::models::backbone::host;
use crate::models::tagger::Tagger;
use crate::vocabulary::Vocabulary;

/// Ridge of the least squares, as a share of the mean square of the names: directions in which names hardly differ say nothing.
const RIDGE: f64 = 0.1;

/// A trained decoder and what its tags are called.
pub(crate) struct BaseTables {
    /// On the device of the training.
    pub(crate) tagger: Tagger,
    /// `[T, W]`: sentence vectors of the names of its tags.
    pub(crate) names: Vec<f32>,
    /// For each tag to train, the tag of the base that has its name and kind.
    pub(crate) rows: Vec<Option<usize>>,
    /// Tells decoders of different weights apart.
    pub(crate) fingerprint: String,
}

/// A table of vectors, one a tag: what a linear map makes of the tag's name, plus a correction `[T, H]`.
pub(crate) struct CarriedTable {
    pub(crate) map: Linear,
    pub(crate) corrections: Param<Tensor<2>>,
}

impl BaseTables {
    /// For each tag of `vocabulary`, the tag of `base` that has its name and kind.
    pub(crate) fn rows(vocabulary: &Vocabulary, base: &Vocabulary) -> Vec<Option<usize>> {
        let mut known = HashMap::new();
        for (row, tag) in base.iter().enumerate() {
            known.entry((tag.name.as_str(), tag.kind)).or_insert(row);
        }
        let row = |tag: &crate::vocabulary::Tag| known.get(&(tag.name.as_str(), tag.kind)).copied();
        vocabulary.iter().map(row).collect()
    }

    /// Splits a table of the base `[T, H]` into the map from names that fits it best, and what is left over. A tag that the
    /// base does not know so starts from what its name means among those that it does.
    pub(crate) fn vectors(
        &self,
        table: &Param<Tensor<2>>,
        names: &Tensor<2>,
    ) -> Result<CarriedTable, TrainError> {
        let [tags, width] = table.dims();
        let table = host(table.val())?;
        let (weight, bias) = fit(&self.names, &table, tags);
        let device = names.device();
        let map = Linear {
            weight: Param::from_tensor(matrix(weight, width, &device)),
            bias: Some(vector(bias, &device)),
        };
        let mut corrections = host(map.forward(names.clone()))?;
        for (row, correction) in self.rows.iter().zip(corrections.chunks_exact_mut(width)) {
            match row {
                Some(row) => {
                    let known = &table[row * width..][..width];
                    correction
                        .iter_mut()
                        .zip(known)
                        .for_each(|(c, k)| *c = k - *c);
                }
                None => correction.fill(0.0),
            }
        }
        Ok(CarriedTable {
            map,
            corrections: Param::from_tensor(matrix(corrections, width, &device)),
        })
    }

    /// A table of numbers `[T]`; a tag that the base does not know takes the mean.
    pub(crate) fn numbers(
        &self,
        table: &Param<Tensor<1>>,
        device: &Device,
    ) -> Result<Param<Tensor<1>>, TrainError> {
        let table = host(table.val())?;
        let mean = table.iter().sum::<f32>() / table.len().max(1) as f32;
        let rows = self.rows.iter();
        let values = rows.map(|row| row.map_or(mean, |row| table[row]));
        Ok(vector(values.collect(), device))
    }
}

fn vector(values: Vec<f32>, device: &Device) -> Param<Tensor<1>> {
    let length = values.len();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, [length]), device))
}

/// Weight `[W, H]` and bias `[H]` of the linear map from `names` `[T, W]` to `table` `[T, H]` with the least squared error.
fn fit(names: &[f32], table: &[f32], tags: usize) -> (Vec<f32>, Vec<f32>) {
    let (inputs, outputs) = (names.len() / tags, table.len() / tags);
    let (centre, x) = centred(names, inputs);
    let (level, y) = centred(table, outputs);
    let mut gram = products(&x, &x, inputs, inputs);
    let mean_square = (0..inputs).map(|i| gram[i * inputs + i]).sum::<f64>() / inputs as f64;
    for i in 0..inputs {
        gram[i * inputs + i] += RIDGE * mean_square + f64::MIN_POSITIVE;
    }
    let mut weight = products(&x, &y, inputs, outputs);
    solve(&mut gram, &mut weight, inputs, outputs);
    let bias = (0..outputs).map(|o| {
        let shift: f64 = (0..inputs)
            .map(|i| centre[i] * weight[i * outputs + o])
            .sum();
        (level[o] - shift) as f32
    });
    let bias = bias.collect();
    (weight.into_iter().map(|w| w as f32).collect(), bias)
}

/// Means of the columns, and the rows without them.
fn centred(values: &[f32], width: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = (values.len() / width) as f64;
    let mut means = vec![0.0; width];
    for row in values.chunks_exact(width) {
        means
            .iter_mut()
            .zip(row)
            .for_each(|(m, &v)| *m += f64::from(v) / rows);
    }
    let differences = values.chunks_exact(width).flat_map(|row| {
        let pairs = row.iter().zip(&means);
        pairs.map(|(&v, m)| f64::from(v) - m).collect::<Vec<f64>>()
    });
    let differences = differences.collect();
    (means, differences)
}

/// `a` transposed times `b`, `[A, B]`, of rows `[T, A]` and `[T, B]`.
fn products(a: &[f64], b: &[f64], a_width: usize, b_width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; a_width * b_width];
    for (a, b) in a.chunks_exact(a_width).zip(b.chunks_exact(b_width)) {
        for (sums, a) in sums.chunks_exact_mut(b_width).zip(a) {
            sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += a * b);
        }
    }
    sums
}

/// Solves `a x = b` in place of `b` `[N, M]` for a symmetric positive definite `a` `[N, N]`, by Cholesky's decomposition.
fn solve(a: &mut [f64], b: &mut [f64], n: usize, m: usize) {
    for column in 0..n {
        for row in column..n {
            let known: f64 = (0..column)
                .map(|k| a[row * n + k] * a[column * n + k])
                .sum();
            let left = a[row * n + column] - known;
            a[row * n + column] = if row == column {
                left.sqrt()
            } else {
                left / a[column * n + column]
            };
        }
    }
    let subtract = |b: &mut [f64], row: usize, other: usize, factor: f64| {
        for column in 0..m {
            b[row * m + column] -= factor * b[other * m + column];
        }
    };
    let divide = |b: &mut [f64], row: usize, by: f64| {
        b[row * m..][..m].iter_mut().for_each(|value| *value /= by);
    };
    for row in 0..n {
        for other in 0..row {
            subtract(b, row, other, a[row * n + other]);
        }
        divide(b, row, a[row * n + row]);
    }
    for row in (0..n).rev() {
        for other in row + 1..n {
            subtract(b, row, other, a[other * n + row]);
        }
        divide(b, row, a[row * n + row]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_linear_relation_is_found_again() {
        // More tags than dimensions, and a ridge that hardly shrinks what is asked for.
        let names: Vec<f32> = (0..200)
            .map(|i| ((i * i * 7 + i) % 13) as f32 - 6.0)
            .collect();
        let table: Vec<f32> = names
            .chunks_exact(4)
            .flat_map(|x| [2.0 * x[0] - x[3] + 5.0, x[1] + 0.5 * x[2]])
            .collect();
        let (weight, bias) = fit(&names, &table, 50);
        let predicted = names.chunks_exact(4).flat_map(|x| {
            let of = |o: usize| (0..4).map(|i| x[i] * weight[i * 2 + o]).sum::<f32>() + bias[o];
            [of(0), of(1)]
        });
        let (mut error, mut all) = (0.0, 0.0);
        for (found, expected) in predicted.zip(&table) {
            error += (found - expected).powi(2);
            all += expected.powi(2);
        }
        assert!(error < 0.02 * all, "{error} of {all}");
        let mean = table.iter().step_by(2).sum::<f32>() / 50.0;
        assert!((mean - 5.0).abs() < 8.0 && weight[0] > 1.5 && weight[1].abs() < 0.2);
    }

    #[test]
    fn equations_are_solved() {
        let mut a = [4.0, 2.0, 2.0, 3.0];
        let mut b = [10.0, 8.0, 8.0, 8.0];
        solve(&mut a, &mut b, 2, 2);
        for (found, expected) in b.iter().zip([1.75, 1.0, 1.5, 2.0]) {
            assert!((found - expected).abs() < 1e-12, "{b:?}");
        }
    }
}
