//! Products of a few rows with a table, as a decoder needs them that scores every word of its vocabulary.
//!
//! Each number of the table is used only once a row, so memory decides the time: the table is read once, from front to back.

use rayon::prelude::*;

use super::simd::{dot, vectorised};

/// Most rows of a product that counts as thin.
pub(super) const MOST_ROWS: usize = 16;
/// Parts that a table is shared out in. It does not depend on the number of threads, so neither does the result.
const PARTS: usize = 8;

/// Rows of `width` numbers times the transpose of `table` `[count, width]`.
pub(super) fn multiply_transposed(x: &[f32], width: usize, table: &[f32]) -> Vec<f32> {
    let (rows, count) = (x.len() / width, table.len() / width);
    let depth = count.div_ceil(PARTS);
    let mut products = vec![0.0; rows * count];
    // By entry of the table, then by row.
    products
        .par_chunks_mut(depth * rows)
        .zip(table.par_chunks(depth * width))
        .for_each(|(products, table)| dot_products(x, width, table, products));
    crate::models::weights::transposed(&products, rows)
}

vectorised! {
    /// `products` `[table rows, R]` of every row of `table` with every one of `x` `[R, width]`.
    fn dot_products(x: &[f32], width: usize, table: &[f32], products: &mut [f32]) {
        let rows = x.len() / width;
        for (entry, products) in table.chunks_exact(width).zip(products.chunks_exact_mut(rows)) {
            for (x, product) in x.chunks_exact(width).zip(products) {
                *product = dot(x, entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, whose sums are exact in any order.
    fn integers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 31 + seed) % 17) as f32 - 8.0)
            .collect()
    }

    #[test]
    fn equals_the_sum_of_products_at_every_size() {
        for rows in [1, 3, MOST_ROWS] {
            for (width, columns) in [(1, 1), (5, 33), (64, 64), (77, 100), (256, 7)] {
                let (x, matrix) = (integers(rows * width, 1), integers(width * columns, 5));
                let dot = |row: usize, column: usize| -> f32 {
                    (0..width)
                        .map(|k| x[row * width + k] * matrix[k * columns + column])
                        .sum()
                };
                let expected: Vec<f32> = (0..rows * columns)
                    .map(|at| dot(at / columns, at % columns))
                    .collect();
                let table = crate::models::weights::transposed(&matrix, columns);
                assert_eq!(multiply_transposed(&x, width, &table), expected);
            }
        }
    }
}
