//! Products of a few rows with a large matrix, as a decoder needs them that reads one token at a time.
//!
//! Each number of the matrix is used only once a row, so memory decides the time: the matrix is read once, from front to
//! back, and is not rearranged first as for products of many rows.

use rayon::prelude::*;

use super::simd::{LANES, dot, vectorised};

/// Most rows of a product that counts as thin.
pub(super) const MOST_ROWS: usize = 16;
/// Parts that a matrix is shared out in. It does not depend on the number of threads, so neither does the result.
const PARTS: usize = 8;
/// Rows of the matrix that are added together before a sum is touched.
const GROUP: usize = 4;

/// Rows of `width` numbers times `matrix` `[width, columns]`.
pub(super) fn multiply(x: &[f32], width: usize, matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = x.len() / width;
    let depth = width.div_ceil(PARTS).next_multiple_of(GROUP);
    let mut parts: Vec<Vec<f32>> = matrix
        .par_chunks(depth * columns)
        .enumerate()
        .map(|(part, matrix)| {
            let mut sums = vec![0.0; rows * columns];
            accumulate(&x[part * depth..], width, matrix, columns, &mut sums);
            sums
        })
        .collect();
    let mut total = parts.swap_remove(0);
    for part in parts {
        add(&mut total, &part);
    }
    total
}

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
    /// Adds to `sums` `[R, columns]` the product of the first columns of `x` `[R, width]` and as many rows of `matrix`.
    fn accumulate(x: &[f32], width: usize, matrix: &[f32], columns: usize, sums: &mut [f32]) {
        let whole = columns / LANES * LANES;
        let mut groups = matrix.chunks_exact(GROUP * columns);
        let mut at = 0;
        for group in &mut groups {
            for column in (0..whole).step_by(LANES) {
                // Stays in registers for all rows.
                let mut lines = [[0.0; LANES]; GROUP];
                for (line, matrix) in lines.iter_mut().zip(group.chunks_exact(columns)) {
                    line.copy_from_slice(&matrix[column..column + LANES]);
                }
                let factors = x.chunks(width).map(|row| &row[at..at + GROUP]);
                for (sums, factors) in sums.chunks_exact_mut(columns).zip(factors) {
                    let sums = &mut sums[column..column + LANES];
                    for (lane, sum) in sums.iter_mut().enumerate() {
                        *sum += (factors[0] * lines[0][lane] + factors[1] * lines[1][lane])
                            + (factors[2] * lines[2][lane] + factors[3] * lines[3][lane]);
                    }
                }
            }
            for column in whole..columns {
                for (row, sums) in sums.chunks_exact_mut(columns).enumerate() {
                    for (i, matrix) in group.chunks_exact(columns).enumerate() {
                        sums[column] += x[row * width + at + i] * matrix[column];
                    }
                }
            }
            at += GROUP;
        }
        for matrix in groups.remainder().chunks_exact(columns) {
            for (row, sums) in sums.chunks_exact_mut(columns).enumerate() {
                let factor = x[row * width + at];
                for (sum, value) in sums.iter_mut().zip(matrix) {
                    *sum += factor * value;
                }
            }
            at += 1;
        }
    }
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

vectorised! {
    fn add(total: &mut [f32], part: &[f32]) {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
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
                assert_eq!(multiply(&x, width, &matrix, columns), expected);
                let table = crate::models::weights::transposed(&matrix, columns);
                assert_eq!(multiply_transposed(&x, width, &table), expected);
            }
        }
    }
}
