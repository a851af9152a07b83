//! Softmax of attention scores, with what is added to them and what is left out.

use super::simd::{exp, greatest, sum, vectorised};

/// What changes the scores of one head before their softmax.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adjust<'a> {
    /// Rows to add, and how far apart they begin: 0 adds one row to all.
    pub(super) bias: Option<(&'a [f32], usize)>,
    /// A region for every token: a query and a key of different regions do not see each other.
    pub(super) regions: Option<&'a [u8]>,
}

/// Added to the scores of tokens that do not see each other, as the reference does.
pub(super) const UNSEEN: f32 = -100.0;

vectorised! {
    /// Turns scores, rows of `width`, into the numerators of their softmax. The inverse of each row's denominator is
    /// appended to `inverses`: scaling what the numerators are multiplied with is the cheaper place for it. `first` is the
    /// number of the first row.
    pub(super) fn softmax_numerators(
        scores: &mut [f32],
        width: usize,
        first: usize,
        adjust: Adjust<'_>,
        inverses: &mut Vec<f32>,
    ) {
        for (index, row) in scores.chunks_exact_mut(width).enumerate() {
            let index = first + index;
            if let Some((bias, stride)) = adjust.bias {
                for (score, bias) in row.iter_mut().zip(&bias[index * stride..][..width]) {
                    *score += bias;
                }
            }
            if let Some(regions) = adjust.regions {
                let own = regions[index];
                for (score, region) in row.iter_mut().zip(regions) {
                    *score += if *region == own { 0.0 } else { UNSEEN };
                }
            }
            let greatest = greatest(row);
            for score in row.iter_mut() {
                *score = exp(*score - greatest);
            }
            inverses.push(1.0 / sum(row, |x| x));
        }
    }
}

vectorised! {
    /// Multiplies each row of `width` values with its scale.
    pub(super) fn scale_rows(values: &mut [f32], width: usize, scales: &[f32]) {
        for (row, scale) in values.chunks_exact_mut(width).zip(scales) {
            for value in row {
                *value *= scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_distributions_over_what_is_seen() {
        let width = 37;
        let scores: Vec<f32> = (0..3 * width).map(|i| (i * 29 % 17) as f32 - 8.0).collect();
        let bias: Vec<f32> = (0..8 * width).map(|i| (i * 13 % 7) as f32).collect();
        let regions: Vec<u8> = (0..width as u8).map(|i| i / 30).collect();
        let mut found = scores.clone();
        let mut inverses = Vec::new();
        let adjust = Adjust {
            bias: Some((&bias, width)),
            regions: Some(&regions),
        };
        softmax_numerators(&mut found, width, 5, adjust, &mut inverses);
        scale_rows(&mut found, width, &inverses);
        for row in 0..3 {
            let exact: Vec<f64> = (0..width)
                .map(|key| {
                    let unseen = if regions[key] == regions[5 + row] {
                        0.0
                    } else {
                        -100.0
                    };
                    let score = scores[row * width + key] + bias[(5 + row) * width + key];
                    f64::from(score + unseen).exp()
                })
                .collect();
            let sum: f64 = exact.iter().sum();
            for (key, exact) in exact.iter().enumerate() {
                let found = f64::from(found[row * width + key]);
                assert!((found - exact / sum).abs() < 2e-7, "{row}, {key}");
            }
        }
    }
}
