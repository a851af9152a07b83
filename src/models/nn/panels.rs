//! Matrices of weights, laid out for products with any number of rows.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::gemm::{View, multiply_add, multiply_columns};
use crate::models::weights::transposed;

/// Numbers of a panel: about what the second-level cache keeps beside the rows that it is multiplied with.
const PANEL: usize = 1 << 16;
/// A panel is a multiple of this many columns wide, so that the innermost loops have no remainder.
const STEP: usize = 128;

/// `[d_input, d_output]`, cut between columns into panels that lie one after the other in memory.
///
/// A few rows use each weight a few times only, so memory decides the time: whole rows of a wide matrix are pages apart, and
/// going down its columns takes twice as long as reading panels from front to back. Many rows take the same time either way.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    values: Vec<f32>,
    d_input: usize,
    d_output: usize,
    /// Columns of a panel; the last one may have fewer.
    width: usize,
}

impl Panels {
    /// From the transposed matrix, `[d_output, d_input]`, as PyTorch stores it.
    pub(super) fn new(weight: &[f32], d_output: usize) -> Self {
        let d_input = weight.len() / d_output;
        let width = (PANEL / d_input).next_multiple_of(STEP).min(d_output);
        let mut values = Vec::with_capacity(weight.len());
        for panel in weight.chunks(width * d_input) {
            values.extend(transposed(panel, d_input));
        }
        Self {
            values,
            d_input,
            d_output,
            width,
        }
    }

    /// Each panel with its columns.
    fn panels(&self) -> impl IndexedParallelIterator<Item = (Range<usize>, View<'_>)> {
        self.values
            .par_chunks(self.width * self.d_input)
            .enumerate()
            .map(|(index, values)| self.panel(index, values))
    }

    fn panel<'a>(&self, index: usize, values: &'a [f32]) -> (Range<usize>, View<'a>) {
        let first = index * self.width;
        let width = values.len() / self.d_input;
        (first..first + width, View::packed(values, width))
    }

    /// `x * self` in `out`, row by row, on this thread.
    pub(super) fn multiply<'o>(
        &self,
        x: View<'_>,
        out: &'o mut [MaybeUninit<f32>],
    ) -> &'o mut [f32] {
        assert_eq!(out.len(), x.rows() * self.d_output, "size of a product");
        for (index, values) in self.values.chunks(self.width * self.d_input).enumerate() {
            let (columns, panel) = self.panel(index, values);
            multiply_columns(x, panel, out, self.d_output, columns.start);
        }
        // SAFETY: the panels have all columns, and each wrote its own in every row.
        unsafe { out.assume_init_mut() }
    }

    /// Adds `x * self` to `out`, row by row, on this thread.
    pub(super) fn multiply_add(&self, x: View<'_>, out: &mut [f32]) {
        assert_eq!(out.len(), x.rows() * self.d_output, "size of a product");
        for (index, values) in self.values.chunks(self.width * self.d_input).enumerate() {
            let (columns, panel) = self.panel(index, values);
            multiply_add(x, panel, out, self.d_output, columns.start);
        }
    }

    /// `x * self` on all threads, each of which takes some of the panels: for so few rows that there are not enough to share
    /// out. `finish` is given a panel's columns of the product, row by row, and which they are.
    pub(super) fn multiply_few(
        &self,
        x: View<'_>,
        finish: impl Fn(&mut [f32], Range<usize>) + Sync,
    ) -> Vec<f32> {
        let parts: Vec<Vec<f32>> = self
            .panels()
            .map(|(columns, panel)| {
                let mut part = vec![0.0; x.rows() * columns.len()];
                multiply_add(x, panel, &mut part, columns.len(), 0);
                finish(&mut part, columns);
                part
            })
            .collect();
        let mut out = Vec::with_capacity(x.rows() * self.d_output);
        for row in 0..x.rows() {
            for part in &parts {
                let width = part.len() / x.rows();
                out.extend_from_slice(&part[row * width..][..width]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_the_product() {
        for (rows, d_input, d_output) in [(1, 3, 5), (7, 600, 300), (40, 70, 1), (3, 9, 1024)] {
            // Small integers: sums are exact in any order.
            let integers = |count: usize, seed: usize| -> Vec<f32> {
                (0..count)
                    .map(|i| ((i * 31 + seed) % 13) as f32 - 6.0)
                    .collect()
            };
            let (x, weight) = (integers(rows * d_input, 1), integers(d_output * d_input, 5));
            let expected: Vec<f32> = (0..rows * d_output)
                .map(|at| {
                    let (row, column) = (at / d_output, at % d_output);
                    let x = &x[row * d_input..][..d_input];
                    x.iter()
                        .zip(&weight[column * d_input..])
                        .map(|(a, b)| a * b)
                        .sum()
                })
                .collect();
            let panels = Panels::new(&weight, d_output);
            let x = View::packed(&x, d_input);
            let mut out = vec![MaybeUninit::uninit(); rows * d_output];
            let out = panels.multiply(x, &mut out);
            assert_eq!(out, expected);
            panels.multiply_add(x, out);
            let twice: Vec<f32> = expected.iter().map(|value| 2.0 * value).collect();
            assert_eq!(out, twice);
            let shifted = panels.multiply_few(x, |part, columns| {
                for row in part.chunks_exact_mut(columns.len()) {
                    for (value, column) in row.iter_mut().zip(columns.clone()) {
                        *value += column as f32;
                    }
                }
            });
            for (at, value) in shifted.iter().enumerate() {
                assert_eq!(*value, expected[at] + (at % d_output) as f32);
            }
        }
    }
}
